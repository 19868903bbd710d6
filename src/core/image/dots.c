/*
 * dots.c
 *	  Dotted and dashed lines to write on.  See dots.h.
 *
 * A dot is a small piece of ink with paper around it.  The dots through which the best straight line goes are a dotted line if
 * they follow each other at even distances, as full stops and the dots of an i do not.
 */
#include "dots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/compare.h"

/* A picture with so many dots is grained; and so many lines are cleared at most. */
#define MAX_DOTS 1024
#define MAX_LINES 4

/* Of heights at the left edge. */
#define BINS 2048

/* A line may rise or fall by SLOPES steps of this. */
#define SLOPES 10
#define SLOPE 0.005F

/* Shares of the picture's width: between the first and the last dot, and of all distances that are even. */
#define LEAST_SPAN 0.75F
#define LEAST_EVEN 0.4F

/* A distance is even that differs from the median by no more than this share, and most are. */
#define EVENNESS 0.2F
#define LEAST_SHARE 0.7F

typedef struct Dot
{
	int			x0;				/* [x0, x1) x [y0, y1) */
	int			y0;
	int			x1;
	int			y1;
} Dot;

typedef struct Dots
{
	int			n;
	Dot			dots[MAX_DOTS];
} Dots;

/* From left to right. */
static int
compare_dots(const void *a, const void *b)
{
	const Dot  *d = a;
	const Dot  *e = b;

	return d->x0 != e->x0 ? d->x0 - e->x0 : d->y0 - e->y0;
}

/* Pixels that are ink from a value on: of an inverted picture, where inverted is 255. */
typedef struct View
{
	const uint8_t *pixels;
	int			width;
	int			height;
	uint8_t		inverted;		/* or 0 */
	int			ink;
} View;

static inline bool
is_ink(const View *view, const uint8_t *pixel)
{
	return (*pixel ^ view->inverted) >= view->ink;
}

/* The ink of a row from *x0 to *x1, grown to both sides as far as it goes, no farther than most; whether there is any. */
static bool
grow(const View *view, const uint8_t *row, int most, int *x0, int *x1)
{
	int			from = *x0 > 0 ? *x0 - 1 : 0;
	int			to = *x1 < view->width ? *x1 + 1 : view->width;

	while (from < to && !is_ink(view, &row[from]))
		from++;
	while (to > from && !is_ink(view, &row[to - 1]))
		to--;
	if (from == to)
		return false;
	while (from > 0 && is_ink(view, &row[from - 1]) && to - from <= most)
		from--;
	while (to < view->width && is_ink(view, &row[to]) && to - from <= most)
		to++;
	*x0 = from;
	*x1 = to;
	return true;
}

/* An eighth of the picture, or four pixels, but in low pictures these are letters. */
static int
highest_dot(int height)
{
	return height >= 32 ? height / 8 : height >= 24 ? 4 : height >= 12 ? height / 6 : 2;
}

/* Dots are no more than twice as wide as they may be high. */
static int
widest_dot(int height)
{
	return 2 * highest_dot(height);
}

/*
 * The small piece of ink whose first row has this run; false where it is larger, or touches the
 * picture's upper or lower edge, or its top is not here, or it is one pixel.
 */
static bool
follow(const View *view, int x0, int x1, int y, Dot *out)
{
	const uint8_t *row = view->pixels + (size_t) y * (size_t) view->width;
	int			highest = highest_dot(view->height);
	int			widest = widest_dot(view->height);
	int			above_x0 = x0;
	int			above_x1 = x1;

	if (y == 0 || grow(view, row - view->width, widest, &above_x0, &above_x1))
		return false;
	*out = (Dot) {x0, y, x1, y};
	do
	{
		out->x0 = x0 < out->x0 ? x0 : out->x0;
		out->x1 = x1 > out->x1 ? x1 : out->x1;
		out->y1++;
		row += view->width;
	} while (out->x1 - out->x0 <= widest && out->y1 - out->y0 <= highest && out->y1 < view->height &&
			 grow(view, row, widest, &x0, &x1));
	/* one pixel is grain */
	return out->y1 < view->height && out->x1 - out->x0 <= widest && out->y1 - out->y0 <= highest &&
		out->x1 - out->x0 + out->y1 - out->y0 > 2;
}

/* Whether one of eight pixels may be ink; surely none is if not. */
static inline bool
may_have_ink(const View *view, const uint8_t *pixels)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t	v;

	memcpy(&v, pixels, sizeof(v));
	v ^= view->inverted * each;
	/* what is added to the lower seven bits carries into the eighth from ink on */
	return ((((v & (0x7f * each)) + (uint64_t) (view->ink < 128 ? 128 - view->ink : 0) * each) | v) & (0x80 * each)) != 0;
}

/* Whether a run's middle has paper above it and beneath what a dot may be high, as most strokes' have not. */
static inline bool
may_be_dot(const View *view, int x, int y)
{
	int			beneath = y + highest_dot(view->height);

	return y > 0 && !is_ink(view, &view->pixels[(size_t) (y - 1) * (size_t) view->width + (size_t) x]) &&
		(beneath >= view->height || !is_ink(view, &view->pixels[(size_t) beneath * (size_t) view->width + (size_t) x]));
}

/* All of a picture; none if there are too many. */
static void
find_dots(const View *view, Dots *out)
{
	int			widest = widest_dot(view->height);

	out->n = 0;
	for (int y = 0; y < view->height; y++)
	{
		const uint8_t *row = view->pixels + (size_t) y * (size_t) view->width;

		for (int x = 0; x < view->width;)
		{
			int			start;

			while (x + 8 <= view->width && !may_have_ink(view, row + x))
				x += 8;
			while (x < view->width && !is_ink(view, &row[x]))
				x++;
			start = x;
			while (x < view->width && is_ink(view, &row[x]))
				x++;
			if (x > start && x - start <= widest && may_be_dot(view, (start + x) / 2, y) &&
				follow(view, start, x, y, &out->dots[out->n]) && ++out->n == MAX_DOTS)
			{
				out->n = 0;
				return;
			}
		}
	}
}

/* Where a line of this slope through the dot's middle meets the left edge. */
static float
height_at_edge(const Dot *d, int slope)
{
	return 0.5F * (float) (d->y0 + d->y1) - (float) slope * SLOPE * 0.5F * (float) (d->x0 + d->x1);
}

/* A line of dots: at the left edge between two heights. */
typedef struct Line
{
	int			slope;
	float		from;
	float		to;
	int			n;				/* dots on it */
} Line;

/* The line with most dots; heights are counted in steps of half its thickness. */
static Line
best_line(const Dots *dots, const View *view)
{
	int			count[BINS];
	float		thickness = 2 + (float) view->height / 24;
	float		low = -SLOPES * SLOPE * (float) view->width;
	float		range = (float) view->height - 2 * low;
	float		step = thickness / 2 > range / (BINS - 2) ? thickness / 2 : range / (BINS - 2);
	int			bins = (int) (range / step) + 2;
	Line		best = {0};

	for (int slope = -SLOPES; slope <= SLOPES; slope++)
	{
		memset(count, 0, (size_t) bins * sizeof(int));
		for (int i = 0; i < dots->n; i++)
			count[(int) ((height_at_edge(&dots->dots[i], slope) - low) / step)]++;
		for (int bin = 0; bin + 1 < bins; bin++)
			if (count[bin] + count[bin + 1] > best.n ||
				(count[bin] + count[bin + 1] == best.n && abs(slope) < abs(best.slope)))
				best = (Line) {slope, low + (float) bin * step, low + (float) (bin + 2) * step, count[bin] + count[bin + 1]};
	}
	return best;
}

static bool
is_on(const Line *line, const Dot *d)
{
	float		height = height_at_edge(d, line->slope);

	return height >= line->from && height < line->to;
}

/* The middle one of n > 0 values. */
static int
median_of(int *values, int n)
{
	qsort(values, (size_t) n, sizeof(int), hwr_compare_ints);
	return values[n / 2];
}

/* Dots of a line are alike; what stands on it besides is part of a letter. */
static bool
is_alike(int size, int median)
{
	return 2 * size + 1 >= median && 2 * size <= 3 * median + 2;
}

/*
 * Put the dots of a line behind the others, from left to right, and take them from the list's length; returns how many they are.
 * Other pieces on it are dropped.
 */
static int
take_line(Dots *dots, const Line *line)
{
	Dot			on[MAX_DOTS];
	int			sizes[2][MAX_DOTS];
	int			n = 0;
	int			left = 0;
	int			width;
	int			height;

	for (int i = 0; i < dots->n; i++)
		if (is_on(line, &dots->dots[i]))
		{
			sizes[0][n] = dots->dots[i].x1 - dots->dots[i].x0;
			sizes[1][n++] = dots->dots[i].y1 - dots->dots[i].y0;
		}
	/* rounded, the edges of the line may be elsewhere than where its dots were counted */
	if (n == 0)
		return 0;
	width = median_of(sizes[0], n);
	height = median_of(sizes[1], n);
	n = 0;
	for (int i = 0; i < dots->n; i++)
	{
		const Dot	d = dots->dots[i];

		if (!is_on(line, &d))
			dots->dots[left++] = d;
		else if (is_alike(d.x1 - d.x0, width) && is_alike(d.y1 - d.y0, height))
			on[n++] = d;
	}
	qsort(on, (size_t) n, sizeof(Dot), compare_dots);
	memcpy(dots->dots + left, on, (size_t) n * sizeof(Dot));
	dots->n = left;
	return n;
}

/* From one dot's left to the other one's. */
static int
distance(const Dot *a, const Dot *b)
{
	return abs(b->x0 - a->x0);
}

static bool
is_even(int distance, int median)
{
	return fabsf((float) (distance - median)) <= 1 + EVENNESS * (float) median;
}

/* The distance of n dots, from left to right, that are so even that they are a line; else 0. */
static int
line_distance(const Dot *dots, int n, int width)
{
	int			distances[MAX_DOTS];
	int			median;
	int			even = 0;
	int			length = 0;

	if (n < HWR_LEAST_DOTS || (float) (dots[n - 1].x1 - dots[0].x0) < LEAST_SPAN * (float) width)
		return 0;
	for (int i = 0; i < n - 1; i++)
		distances[i] = distance(&dots[i], &dots[i + 1]);
	median = median_of(distances, n - 1);
	for (int i = 0; i < n - 1; i++)
		if (is_even(distances[i], median))
		{
			even++;
			length += distances[i];
		}
	return (float) even >= LEAST_SHARE * (float) (n - 1) && (float) length >= LEAST_EVEN * (float) width ? median : 0;
}

static bool
follows(const Dot *d, const Dot *on, int median)
{
	return is_even(distance(d, on), median) && abs(d->y0 + d->y1 - on->y0 - on->y1) <= 2 * (on->y1 - on->y0) &&
		is_alike(d->x1 - d->x0, on->x1 - on->x0) && is_alike(d->y1 - d->y0, on->y1 - on->y0);
}

/*
 * Take into a line, which is n dots behind the others, also what follows one of its dots at its distance, no higher or lower than
 * a dot is high: lines of curved paper, or cut along the writing, have bends.  Returns how many it has then.
 */
static int
follow_bends(Dots *dots, int n, int median)
{
	int			fresh = n;		/* of them, those that were not there in the last round, the first ones */

	while (fresh > 0)
	{
		int			before = dots->n;

		for (int i = dots->n - 1; i >= 0; i--)
			for (int k = before; k < before + fresh; k++)
			{
				const Dot	d = dots->dots[i];

				if (!follows(&d, &dots->dots[k], median))
					continue;
				dots->dots[i] = dots->dots[--dots->n];
				dots->dots[dots->n] = d;
				break;
			}
		fresh = before - dots->n;
		n += fresh;
	}
	return n;
}

/* Put the dots of the next line behind the others; returns how many they are, 0 where there are no more lines. */
static int
next_line(const View *view, Dots *dots, int *tries)
{
	while (*tries > 0 && dots->n >= HWR_LEAST_DOTS)
	{
		Line		line = best_line(dots, view);
		int			n = take_line(dots, &line);
		int			median = line_distance(dots->dots + dots->n, n, view->width);

		(*tries)--;
		if (median > 0)
			return follow_bends(dots, n, median);
	}
	return 0;
}

bool
hwr_has_dots(const uint8_t *pixels, int width, int height, int ink, bool dark)
{
	View		view = {pixels, width, height, dark ? 255 : 0, dark ? 255 - ink : ink};
	Dots		dots;
	int			tries = MAX_LINES;

	find_dots(&view, &dots);
	return next_line(&view, &dots, &tries) > 0;
}

/* A dot and its soft rim, which is as wide as half the dot at most, and less dark than what else may be there. */
static void
clear_dot(HwrDarkness *dark, int ink, const Dot *d)
{
	int			rim = 1 + (d->y1 - d->y0) / 2;
	int			x0 = d->x0 > rim ? d->x0 - rim : 0;
	int			x1 = d->x1 + rim < dark->width ? d->x1 + rim : dark->width;

	for (int y = d->y0 > rim ? d->y0 - rim : 0; y < d->y1 + rim && y < dark->height; y++)
		for (int x = x0; x < x1; x++)
		{
			uint8_t    *p = dark->pixels + (size_t) y * (size_t) dark->width + x;

			if (*p < ink || (y >= d->y0 && y < d->y1 && x >= d->x0 && x < d->x1))
				*p = 0;
		}
}

int
hwr_clear_dots(HwrDarkness *dark, int ink)
{
	View		view = {dark->pixels, dark->width, dark->height, 0, ink};
	Dots		dots;
	int			tries = MAX_LINES;
	int			cleared = 0;
	int			n;

	find_dots(&view, &dots);
	while ((n = next_line(&view, &dots, &tries)) > 0)
	{
		for (int k = 0; k < n; k++)
			clear_dot(dark, ink, &dots.dots[dots.n + k]);
		cleared += n;
	}
	return cleared;
}
