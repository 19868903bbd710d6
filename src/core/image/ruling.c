/*
 * ruling.c
 *	  Taking frames and ruled lines off a picture of ink.
 */
#include "ruling.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A frame may lie this many pixels inside the picture, as soft edges and careless crops have it. */
#define FRAME_GAP 2

/* At most this many ruled lines in a picture. */
#define MAX_RULES 24

/* Columns at which paths are compared. */
#define SAMPLES 64

/*
 * Frames.  A side is seen from its edge: position i along it, depth d inwards.
 */

typedef struct Side
{
	uint8_t    *edge;			/* position 0 at depth 0 */
	ptrdiff_t	along;
	ptrdiff_t	inwards;
	int			n;				/* positions */
	int			depth;			/* the picture's extent inwards */
	int			thickness;		/* of the line, with the gap before it; 0: no line */
} Side;

static Side
make_side(const HwrDarkness *dark, int which)
{
	ptrdiff_t	w = dark->width;
	uint8_t    *p = dark->pixels;
	uint8_t    *last = p + (ptrdiff_t) (dark->height - 1) * w;

	switch (which)
	{
		case 0:
			return (Side) {p, 1, w, dark->width, dark->height, 0};
		case 1:
			return (Side) {last, 1, -w, dark->width, dark->height, 0};
		case 2:
			return (Side) {p, w, 1, dark->height, dark->width, 0};
		default:
			return (Side) {p + w - 1, w, -1, dark->height, dark->width, 0};
	}
}

/* Where the dark run at position i of a side ends, 0 where none begins near the edge. */
static int
run_end(const Side *side, int i, int ink, int limit)
{
	const uint8_t *p = side->edge + i * side->along;
	int			d = 0;

	while (d <= FRAME_GAP && d < limit && p[d * side->inwards] < ink)
		d++;
	if (d > FRAME_GAP || d >= limit)
		return 0;
	while (d < limit && p[d * side->inwards] >= ink)
		d++;
	return d;
}

/* Whether a line runs along the side in at least share of its positions; its thickness is their median. */
static void
find_line(Side *side, int ink, double share)
{
	int			limit = side->depth / 4;
	int			ends[64] = {0};
	int			with = 0;
	int			seen = 0;

	if (limit > 63)
		limit = 63;
	for (int i = 0; i < side->n; i++)
	{
		int			end = run_end(side, i, ink, limit);

		ends[end]++;
		with += end > 0;
	}
	if (with < share * side->n)
		return;
	for (int end = 1; end <= limit; end++)
	{
		seen += ends[end];
		if (2 * seen >= with)
		{
			side->thickness = end < limit ? end : 0;
			return;
		}
	}
}

/* The soft rim of the line goes too: one pixel more, where it is the end of the run. */
static void
clear_line(const Side *side, int ink)
{
	for (int i = 0; i < side->n; i++)
	{
		uint8_t    *p = side->edge + i * side->along;
		int			end = run_end(side, i, ink, side->depth);
		int			most = side->thickness + 1;

		if (end == 0)
			continue;
		if (end < most)
			end++;
		for (int d = 0; d < (end < most ? end : most) && d < side->depth; d++)
			p[d * side->inwards] = 0;
	}
}

/* Ink in the top or bottom row that does not belong to the lines at left and right. */
static bool
touches_both(const HwrDarkness *dark, int ink, int left, int right)
{
	const uint8_t *top = dark->pixels;
	const uint8_t *bottom = top + (size_t) (dark->height - 1) * (size_t) dark->width;
	bool		above = false;
	bool		below = false;

	for (int x = left; x < dark->width - right; x++)
	{
		above = above || top[x] >= ink;
		below = below || bottom[x] >= ink;
	}
	return above && below;
}

void
hwr_clear_frame(HwrDarkness *dark, int ink)
{
	Side		sides[4];
	int			found = 0;

	for (int i = 0; i < 4; i++)
	{
		sides[i] = make_side(dark, i);
		find_line(&sides[i], ink, i < 2 ? 0.67 : 0.9);
		found += sides[i].thickness > 0;
	}
	/* A single letter cut close looks like up to three sides of a frame. */
	if (2 * dark->width < 3 * dark->height && found < 4)
		return;
	if (found == 1 && (sides[2].thickness > 0 || sides[3].thickness > 0) &&
		touches_both(dark, ink, sides[2].thickness > 0 ? sides[2].thickness + 3 : 0,
					 sides[3].thickness > 0 ? sides[3].thickness + 3 : 0))
		return;
	for (int i = 0; i < 4; i++)
		if (sides[i].thickness > 0)
			clear_line(&sides[i], ink);
}

/*
 * Ruled lines.  Candidates are pixels in long horizontal runs of ink; a line is a straight path,
 * falling by at most a twentieth of the width, that meets candidates in most columns.
 */

typedef struct Path
{
	int			top;			/* row at the left edge */
	int			fall;			/* rows lower at the right edge */
	int			columns;		/* of SAMPLES, with a candidate on it */
} Path;

/* candidate[y][x] = 1 in runs of at least length; returns the number of rows with one. */
static int
find_candidates(const HwrDarkness *dark, int ink, int length, uint8_t *candidate)
{
	int			rows = 0;

	for (int y = 0; y < dark->height; y++)
	{
		const uint8_t *row = dark->pixels + (size_t) y * (size_t) dark->width;
		uint8_t    *mark = candidate + (size_t) y * (size_t) dark->width;
		int			start = 0;
		bool		any = false;

		memset(mark, 0, (size_t) dark->width);
		for (int x = 0; x <= dark->width; x++)
		{
			if (x < dark->width && row[x] >= ink)
				continue;
			if (x - start >= length)
			{
				memset(mark + start, 1, (size_t) (x - start));
				any = true;
			}
			start = x + 1;
		}
		rows += any;
	}
	return rows;
}

static int
path_row(Path path, int x, int width)
{
	return path.top + (int) ((int64_t) path.fall * x / width);
}

/* How far from the path a candidate may be. */
static int
tolerance(int height)
{
	return 1 + height / 96;
}

/* The candidate on the path or nearest to it; -1: none. */
static int
meet(const uint8_t *candidate, int width, int height, Path path, int x)
{
	int			y = path_row(path, x, width);
	int			most = tolerance(height);

	for (int away = 0; away <= most; away++)
		for (int at = y - away; at <= y + away; at += away > 0 ? 2 * away : 1)
			if (at >= 0 && at < height && candidate[(size_t) at * (size_t) width + (size_t) x])
				return at;
	return -1;
}

/* Column number i of the SAMPLES. */
static int
sample_column(int i, int width)
{
	return (int) ((int64_t) width * (2 * i + 1) / (2 * SAMPLES));
}

/*
 * near[y][i] = 1 where sampled column i has a candidate at row y or within the tolerance; returns
 * the columns with any.
 */
static int
sample_candidates(const uint8_t *candidate, int width, int height, uint8_t *near)
{
	int			tol = tolerance(height);
	int			columns = 0;

	memset(near, 0, (size_t) height * SAMPLES);
	for (int i = 0; i < SAMPLES; i++)
	{
		int			x = sample_column(i, width);
		bool		any = false;

		for (int y = 0; y < height; y++)
		{
			if (!candidate[(size_t) y * (size_t) width + (size_t) x])
				continue;
			any = true;
			for (int at = y > tol ? y - tol : 0; at <= y + tol && at < height; at++)
				near[(size_t) at * SAMPLES + (size_t) i] = 1;
		}
		columns += any;
	}
	return columns;
}

/* The straightest path through most of the sampled columns. */
static Path
best_path(const uint8_t *near, int width, int height)
{
	int			tol = tolerance(height);
	int			most = width / 20 < height / 4 ? width / 20 : height / 4;
	Path		best = {0, 0, 0};

	for (int fall = -(most / (2 * tol)) * 2 * tol; fall <= most; fall += 2 * tol)
	{
		int			lower[SAMPLES];

		for (int i = 0; i < SAMPLES; i++)
			lower[i] = path_row((Path) {0, fall, 0}, sample_column(i, width), width);
		for (int top = fall > 0 ? -fall : 0; top < height + (fall < 0 ? -fall : 0); top += tol)
		{
			Path		path = {top, fall, 0};

			for (int i = 0; i < SAMPLES; i++)
			{
				int			y = top + lower[i];

				if (y >= 0 && y < height)
					path.columns += near[(size_t) y * SAMPLES + (size_t) i];
			}
			if (path.columns > best.columns ||
				(path.columns == best.columns && abs(path.fall) < abs(best.fall)))
				best = path;
		}
	}
	return best;
}

/* The stretch of ink in column x around row y: rows *from to *to. */
static void
stretch_at(const HwrDarkness *dark, int ink, int x, int y, int *from, int *to)
{
	const uint8_t *column = dark->pixels + x;
	size_t		w = (size_t) dark->width;

	*from = y;
	*to = y;
	while (*from > 0 && column[(size_t) (*from - 1) * w] >= ink)
		(*from)--;
	while (*to < dark->height - 1 && column[(size_t) (*to + 1) * w] >= ink)
		(*to)++;
}

/* How thick the line on the path is: the median over its columns. */
static int
path_thickness(const HwrDarkness *dark, int ink, const uint8_t *candidate, Path path)
{
	int			count[32] = {0};
	int			n = 0;
	int			seen = 0;
	int			thickness = 0;

	for (int x = 0; x < dark->width; x++)
	{
		int			y = meet(candidate, dark->width, dark->height, path, x);
		int			from;
		int			to;

		if (y < 0)
			continue;
		stretch_at(dark, ink, x, y, &from, &to);
		count[to - from + 1 < 31 ? to - from + 1 : 31]++;
		n++;
	}
	while (thickness < 31 && 2 * (seen += count[thickness]) < n)
		thickness++;
	return thickness;
}

/* How dark the line on the path is where nothing else is on it: four fifths of its columns are no darker. */
static int
path_darkness(const HwrDarkness *dark, int ink, const uint8_t *candidate, Path path, int thickness)
{
	int			count[256] = {0};
	int			n = 0;
	int			seen = 0;
	int			d = 0;

	for (int x = 0; x < dark->width; x++)
	{
		int			y = meet(candidate, dark->width, dark->height, path, x);
		int			from;
		int			to;
		int			most = 0;

		if (y < 0)
			continue;
		stretch_at(dark, ink, x, y, &from, &to);
		if (to - from + 1 > thickness)
			continue;
		for (int at = from; at <= to; at++)
		{
			int			here = dark->pixels[(size_t) at * (size_t) dark->width + (size_t) x];

			most = here > most ? here : most;
		}
		count[most]++;
		n++;
	}
	while (d < 255 && 5 * (seen += count[d]) < 4 * n)
		d++;
	return d;
}

/* Ink on the path or nearest to it in column x; -1: none. */
static int
meet_ink(const HwrDarkness *dark, int ink, Path path, int x)
{
	int			y = path_row(path, x, dark->width);
	int			most = tolerance(dark->height);

	for (int away = 0; away <= most; away++)
		for (int at = y - away; at <= y + away; at += away > 0 ? 2 * away : 1)
			if (at >= 0 && at < dark->height && dark->pixels[(size_t) at * (size_t) dark->width + (size_t) x] >= ink)
				return at;
	return -1;
}

/* Between strokes the line's runs may be too short.  Pixels from keep on are of strokes that run along the line. */
static void
clear_path(HwrDarkness *dark, int ink, uint8_t *candidate, Path path, int thickness, int keep)
{
	size_t		w = (size_t) dark->width;

	for (int x = 0; x < dark->width; x++)
	{
		int			y = meet(candidate, dark->width, dark->height, path, x);
		int			from;
		int			to;

		if (y < 0)
			y = meet_ink(dark, ink, path, x);
		if (y < 0)
			continue;
		stretch_at(dark, ink, x, y, &from, &to);
		for (int at = from; at <= to; at++)
			candidate[(size_t) at * w + (size_t) x] = 0;
		if (to - from + 1 > thickness + 1)
			continue;
		/* with its soft rims */
		for (int at = from > 0 ? from - 1 : 0; at <= to + 1 && at < dark->height; at++)
			if (dark->pixels[(size_t) at * w + (size_t) x] < keep)
				dark->pixels[(size_t) at * w + (size_t) x] = 0;
	}
}

/* Clear the best path; false where there is none of a line. */
static bool
clear_best(HwrDarkness *dark, int ink, uint8_t *candidate, uint8_t *near, int thickest)
{
	Path		path;
	int			thickness;

	if (sample_candidates(candidate, dark->width, dark->height, near) < 0.6 * SAMPLES)
		return false;
	path = best_path(near, dark->width, dark->height);
	if (path.columns < 0.6 * SAMPLES)
		return false;
	thickness = path_thickness(dark, ink, candidate, path);
	/* what is not a line is no candidate any more, and stays */
	clear_path(dark, ink, candidate, path, thickness <= thickest ? thickness : -2,
			   path_darkness(dark, ink, candidate, path, thickness) * 6 / 5);
	return true;
}

/*
 * Squared paper.  A line across the text is a column that is ink from top to bottom, itself or a
 * neighbour; letters are not, four times or more at equal distances.
 */

/* Whether ink fills at least nine tenths of column x, the first and the last row among them. */
static bool
is_upright(const HwrDarkness *dark, int ink, int x)
{
	size_t		w = (size_t) dark->width;
	const uint8_t *column = dark->pixels + x;
	int			n = 0;

	if (column[0] < ink || column[(size_t) (dark->height - 1) * w] < ink)
		return false;
	for (int y = 0; y < dark->height; y++)
		n += column[(size_t) y * w] >= ink;
	return 10 * n >= 9 * dark->height;
}

/* Clear each row's stretch of ink on columns left to right, where it is not thicker than they are. */
static void
clear_upright(HwrDarkness *dark, int ink, int left, int right)
{
	for (int y = 0; y < dark->height; y++)
	{
		uint8_t    *row = dark->pixels + (size_t) y * (size_t) dark->width;
		int			from = left;
		int			to = right;

		while (from <= right && row[from] < ink)
			from++;
		while (to >= left && row[to] < ink)
			to--;
		if (from > to)
			continue;
		while (from > 0 && row[from - 1] >= ink)
			from--;
		while (to < dark->width - 1 && row[to + 1] >= ink)
			to++;
		if (to - from > right - left + 1)
			continue;
		for (int x = from > 0 ? from - 1 : 0; x <= to + 1 && x < dark->width; x++)
			row[x] = 0;
	}
}

static void
clear_uprights(HwrDarkness *dark, int ink, int thickest)
{
	int			left[MAX_RULES * 4];
	int			right[MAX_RULES * 4];
	int			n = 0;
	int			equal = 0;

	for (int x = 0; x < dark->width && n < MAX_RULES * 4; x++)
	{
		int			start = x;

		while (x < dark->width && is_upright(dark, ink, x))
			x++;
		if (x == start || x - start > thickest)
			continue;
		left[n] = start;
		right[n++] = x - 1;
	}
	for (int i = 2; i < n; i++)
	{
		int			one = left[i] - left[i - 1];
		int			other = left[i - 1] - left[i - 2];

		equal += 4 * abs(one - other) <= one;
	}
	if (n < 4 || 2 * equal < n - 2)
		return;
	for (int i = 0; i < n; i++)
		clear_upright(dark, ink, left[i], right[i]);
}

bool
hwr_clear_ruling(HwrDarkness *dark, int ink, HwrStatus *st)
{
	int			length = dark->height / 2;
	int			thickest = dark->height / 12 > 3 ? dark->height / 12 : 3;
	uint8_t    *candidate;
	uint8_t    *near;
	bool		ok;

	if (length > dark->width / 4)
		length = dark->width / 4;
	if (length < 8 || 2 * dark->width < 3 * dark->height)
		return true;
	candidate = hwr_alloc((size_t) dark->width, (size_t) dark->height, st);
	near = hwr_alloc(SAMPLES, (size_t) dark->height, st);
	ok = candidate != NULL && near != NULL;
	if (ok)
	{
		int			rows = find_candidates(dark, ink, length, candidate);

		for (int i = 0; i < MAX_RULES && rows > 0 && clear_best(dark, ink, candidate, near, thickest); i++)
			;
		clear_uprights(dark, ink, thickest);
	}
	free(candidate);
	free(near);
	return ok;
}
