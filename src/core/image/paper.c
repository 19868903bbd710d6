/*
 * paper.c
 *	  Which grey is paper and which is ink.
 */
#include "paper.h"

#include <stdlib.h>
#include <string.h>

#include "dots.h"
#include "morphology.h"
#include "ruling.h"

#ifdef __GNUC__
#pragma GCC optimize("O3")
#endif

/* Contrast below this is not stretched to the full range. */
#define MIN_CONTRAST 32
/* ... and below this, on the cleanest of papers, it is no ink. */
#define LEAST_INK 12
/* The texture of a photograph stands out so far only where its grain is that coarse. */
#define CLEAR_INK 96

/* A plain picture is looked at in parts of this kind. */
#define PARTS_DOWN 3
#define MAX_PARTS_ACROSS 8
#define SEGMENTS 8

typedef struct Histogram
{
	uint32_t	count[256];
} Histogram;

/* Smallest grey value with at least rank pixels at or below it. */
static int
grey_at_rank(const Histogram *h, uint64_t rank)
{
	uint64_t	seen = 0;

	for (int g = 0; g < 255; g++)
	{
		seen += h->count[g];
		if (seen >= rank)
			return g;
	}
	return 255;
}

/* Smallest grey value with at least percent of the pixels at or below it. */
static int
percentile(const Histogram *h, uint64_t n, unsigned percent)
{
	return grey_at_rank(h, (percent * n + 99) / 100);
}

/*
 * Plain pictures
 */

/* What the whole picture's percentiles say. */
typedef struct Levels
{
	int			paper;
	int			contrast;		/* of the ink, positive */
	int			other;			/* of what differs from the paper the other way */
	bool		dark;			/* the ink is darker than the paper */
} Levels;

static Levels
measure_levels(const Histogram *h, uint64_t n)
{
	Levels		l;
	int			ink = percentile(h, n, 1);
	int			light = percentile(h, n, 99);

	l.paper = grey_at_rank(h, (n + 1) / 2);
	l.dark = l.paper - ink >= light - l.paper;
	l.contrast = l.dark ? l.paper - ink : light - l.paper;
	l.other = l.dark ? light - l.paper : l.paper - ink;
	return l;
}

/* Equal greys follow each other: four tables in turns need not wait for one another. */
static Histogram
histogram_of(const uint8_t *pixels, size_t n)
{
	Histogram	h[4] = {{{0}}};
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		for (int k = 0; k < 4; k++)
			h[k].count[pixels[i + (size_t) k]]++;
	for (; i < n; i++)
		h[0].count[pixels[i]]++;
	for (int g = 0; g < 256; g++)
		h[0].count[g] += h[1].count[g] + h[2].count[g] + h[3].count[g];
	return h[0];
}

/* A coarser one of a part of the picture. */
typedef struct Part
{
	uint32_t	n;
	uint32_t	count[64];		/* of four grey values each */
} Part;

/* Histograms of the picture's parts, [PARTS_DOWN][across]; every other row of a large one tells enough. */
static void
fill_parts(const HwrImage *img, int across, Part *parts)
{
	int			step = img->height >= 24 ? 2 : 1;

	memset(parts, 0, (size_t) (PARTS_DOWN * across) * sizeof(Part));
	for (int y = 0; y < img->height; y += step)
	{
		const uint8_t *row = img->pixels + (size_t) y * (size_t) img->width;
		Part	   *part = parts + (int64_t) y * PARTS_DOWN / img->height * across;

		for (int i = 0; i < across; i++)
		{
			int			start = (int) ((int64_t) img->width * i / across);
			int			end = (int) ((int64_t) img->width * (i + 1) / across);

			for (int x = start; x < end; x++)
				part[i].count[row[x] >> 2]++;
			part[i].n += (uint32_t) (end - start);
		}
	}
}

/* The four grey values in which percent of the part's pixels are reached. */
static int
part_percentile(const Part *part, unsigned percent)
{
	uint64_t	seen = 0;
	int			g = 0;

	while (g < 63 && 100 * (seen += part->count[g]) < (uint64_t) percent * part->n)
		g++;
	return 4 * g + 2;
}

/*
 * Whether the parts' papers are alike: the quarter of the pixels farthest from the ink begins at
 * the same grey.
 */
static bool
evenly_lit(const Part *parts, int n, const Histogram *whole, uint64_t pixels, const Levels *l)
{
	unsigned	percent = l->dark ? 75 : 25;
	int			paper = percentile(whole, pixels, percent);
	int			most = l->contrast / 6 > 8 ? l->contrast / 6 : 8;

	for (int i = 0; i < n; i++)
		if (parts[i].n > 0 && abs(part_percentile(&parts[i], percent) - paper) > most)
			return false;
	return true;
}

/* Pixels of row[n] beyond the threshold, the dark ones or the light ones: in bytes first, which are quick. */
static int
count_beyond(const uint8_t *row, int n, int threshold, bool dark)
{
	uint8_t		bound = (uint8_t) (threshold < 0 ? 0 : threshold > 255 ? 255 : threshold);
	int			count = 0;

	for (int x = 0; x < n; x += 128)
	{
		int			end = n - x < 128 ? n - x : 128;
		uint8_t		some = 0;

		if (dark)
			for (int i = 0; i < end; i++)
				some = (uint8_t) (some + (row[x + i] < bound));
		else
			for (int i = 0; i < end; i++)
				some = (uint8_t) (some + (row[x + i] > bound));
		count += some;
	}
	return count;
}

/* No line runs along an edge, nor through most of the picture. */
static bool
without_lines(const HwrImage *img, const Levels *l)
{
	int			threshold = l->dark ? l->paper - l->contrast / 5 : l->paper + l->contrast / 5;
	int			n = img->width / SEGMENTS;
	bool		ruled[SEGMENTS] = {false};
	int			segments = 0;
	int			left[3] = {0};
	int			right[3] = {0};

	for (int y = 0; y < img->height; y++)
	{
		const uint8_t *row = img->pixels + (size_t) y * (size_t) img->width;
		bool		edge = y < 3 || y >= img->height - 3;

		for (int i = 0; i < SEGMENTS && n > 0; i++)
			if (!ruled[i] && 10 * count_beyond(row + i * n, n, threshold, l->dark) >= 9 * n)
				ruled[i] = true;
		if (edge && 5 * count_beyond(row, img->width, threshold, l->dark) > 3 * img->width)
			return false;
		for (int d = 0; d < 3 && d < img->width; d++)
		{
			left[d] += l->dark ? row[d] < threshold : row[d] > threshold;
			right[d] += l->dark ? row[img->width - 1 - d] < threshold : row[img->width - 1 - d] > threshold;
		}
	}
	for (int i = 0; i < SEGMENTS; i++)
		segments += ruled[i];
	for (int d = 0; d < 3; d++)
		if (5 * left[d] > 4 * img->height || 5 * right[d] > 4 * img->height)
			return false;
	return 2 * segments <= SEGMENTS;
}

/* How often row[n] passes from one side of a threshold to the other, in bytes first, which are quick. */
static int
count_changes(const uint8_t *row, int n, uint8_t threshold)
{
	int			count = 0;

	for (int x = 1; x < n; x += 128)
	{
		int			end = n - x < 128 ? n - x : 128;
		uint8_t		some = 0;

		for (int i = 0; i < end; i++)
			some = (uint8_t) (some + ((row[x + i] < threshold) ^ (row[x + i - 1] < threshold)));
		count += some;
	}
	return count;
}

/* No dotted line runs through the picture. */
static bool
without_dots(const HwrImage *img, const Levels *l)
{
	int			half = l->dark ? l->paper - l->contrast / 2 : l->paper + l->contrast / 2;

	/* there and back for each dot, but for those at the sides */
	for (int y = 0; y < img->height; y++)
		if (count_changes(img->pixels + (size_t) y * (size_t) img->width, img->width, (uint8_t) half) >= 2 * HWR_LEAST_DOTS - 2)
			return !hwr_has_dots(img->pixels, img->width, img->height, half, l->dark);
	return true;
}

static void
set_curve(HwrPaper *out, int paper, int contrast, bool dark)
{
	float		range = (float) (contrast > MIN_CONTRAST ? contrast : MIN_CONTRAST);

	out->slope = (dark ? -255.0f : 255.0f) / range;
	out->offset = -out->slope * (float) paper;
}

/* Fill in a plain picture's paper; false where the picture is not plain. */
static bool
judge_plain(const HwrImage *img, HwrPaper *out)
{
	Part		parts[PARTS_DOWN * MAX_PARTS_ACROSS];
	Histogram	whole;
	uint64_t	n = (uint64_t) img->width * (uint64_t) img->height;
	int			across = 2 * img->width / img->height;
	int			beyond;
	Levels		l;

	across = across < 1 ? 1 : across > MAX_PARTS_ACROSS ? MAX_PARTS_ACROSS : across;
	whole = histogram_of(img->pixels, n);
	l = measure_levels(&whole, n);
	if (l.contrast < 40 || 3 * l.other > l.contrast || l.contrast < 4 * img->grain)
		return false;
	beyond = l.dark ? percentile(&whole, n, 35) : percentile(&whole, n, 65);
	if (abs(beyond - l.paper) > l.contrast / 4 || (2 * img->width < 3 * img->height && img->height > 100))
		return false;
	fill_parts(img, across, parts);
	if (!evenly_lit(parts, PARTS_DOWN * across, &whole, n, &l) || !without_lines(img, &l) || !without_dots(img, &l))
		return false;
	out->pixels = img->pixels;
	set_curve(out, l.paper, l.contrast, l.dark);
	return true;
}

/*
 * Other pictures
 */

/*
 * Whether the ink is darker than the paper: writing covers less than its paper, so the mean of a small part of the
 * picture lies nearer to the paper's end of its greys.  Parts with more contrast count more; the edge of a shadow
 * through a part says nothing, on average.
 */
static bool
ink_is_dark(const HwrImage *img, int size)
{
	double		below_lightest = 0;
	double		range = 0;

	for (int top = 0; top < img->height; top += size)
		for (int left = 0; left < img->width; left += size)
		{
			int			bottom = top + size < img->height ? top + size : img->height;
			int			right = left + size < img->width ? left + size : img->width;
			int			darkest = 255;
			int			lightest = 0;
			int64_t		sum = 0;

			for (int y = top; y < bottom; y++)
			{
				const uint8_t *row = img->pixels + (size_t) y * (size_t) img->width;

				for (int x = left; x < right; x++)
				{
					darkest = row[x] < darkest ? row[x] : darkest;
					lightest = row[x] > lightest ? row[x] : lightest;
					sum += row[x];
				}
			}
			below_lightest += lightest - (double) sum / ((bottom - top) * (right - left));
			range += lightest - darkest;
		}
	return 2 * below_lightest <= range;
}

/*
 * How much darker than the closing each pixel is, in relation to it, as if the closing were
 * reference everywhere.
 */
static void
divide_by_closing(const uint8_t *grey, const uint8_t *closing, size_t n, int reference, uint8_t *dark)
{
	float		gain[256];

	/* Where it is almost black there is nothing to be seen. */
	for (int g = 0; g < 256; g++)
		gain[g] = 8 * g <= reference ? 0.0f : (float) reference / (float) g;
	for (size_t i = 0; i < n; i++)
		dark[i] = (uint8_t) ((float) (closing[i] - grey[i]) * gain[closing[i]] + 0.5f);
}

/* Take the grain of the paper off; returns the least darkness that is ink beyond doubt. */
static int
subtract_grain(uint8_t *dark, size_t n, int grain)
{
	Histogram	h = histogram_of(dark, n);
	int			middle = grey_at_rank(&h, (n + 1) / 2);
	int			low = percentile(&h, n, 10);
	int			ink = (middle - low) * 5;	/* six standard deviations, one being the difference / 1.28 */

	for (size_t i = 0; i < n; i++)
		dark[i] = (uint8_t) (dark[i] > middle ? dark[i] - middle : 0);
	if (ink < 4 * grain / 3)
		ink = 4 * grain / 3;
	return ink > LEAST_INK ? ink : LEAST_INK;
}

/* Lines of text in the picture: stretches of rows with much ink between rows with little. */
static int
count_lines(const HwrDarkness *dark, int ink)
{
	int			most = 0;
	int			lines = 0;
	bool		in_line = false;

	for (int pass = 0; pass < 2; pass++)
		for (int y = 0; y < dark->height; y++)
		{
			const uint8_t *row = dark->pixels + (size_t) y * (size_t) dark->width;
			int			n = dark->width - count_beyond(row, dark->width, ink, true);

			if (pass == 0)
				most = n > most ? n : most;
			else if (in_line ? 6 * n < most : 2 * n > most)
			{
				in_line = !in_line;
				lines += in_line;
			}
		}
	return lines;
}

/*
 * What of the darkness is ink, 0 where it is no line of text: hardly any, or too much of it, or
 * many lines.  The contrast is that of the darkest hundredth of the picture, or of the darkest
 * eighth of little ink.
 */
static int
measure_ink(const HwrDarkness *dark, int ink)
{
	size_t		n = (size_t) dark->width * (size_t) dark->height;
	int			side = dark->width < dark->height ? dark->width : dark->height;
	Histogram	h = histogram_of(dark->pixels, n);
	uint64_t	inked = 0;
	uint64_t	covered = 0;
	uint64_t	rank;
	int			contrast;

	for (int g = ink; g < 256; g++)
		inked += h.count[g];
	if (inked < 8 || inked < (uint64_t) side * (uint64_t) side / 128)
		return 0;
	rank = inked / 8 < n / 100 ? inked / 8 : n / 100;
	contrast = grey_at_rank(&h, n - rank);
	for (int g = contrast / 4 > ink ? contrast / 4 : ink; g < 256; g++)
		covered += h.count[g];
	if (2 * covered > n)
		return 0;
	if (dark->width < 3 * dark->height && count_lines(dark, contrast / 3 > ink ? contrast / 3 : ink) >= 5)
		return 0;
	return contrast;
}

/*
 * Darkness of ink in dark[n]; broad, the picture's closing or opening, is what the paper is like.  Returns how much the
 * paper's grey differs over the picture.
 */
static int
find_darkness(const HwrImage *img, bool ink_dark, const uint8_t *broad, uint8_t *dark)
{
	size_t		n = (size_t) img->width * (size_t) img->height;
	Histogram	h = histogram_of(broad, n);

	if (ink_dark)
		divide_by_closing(img->pixels, broad, n, percentile(&h, n, 75), dark);
	else
		for (size_t i = 0; i < n; i++)
			dark[i] = (uint8_t) (img->pixels[i] - broad[i]);
	return percentile(&h, n, 95) - percentile(&h, n, 5);
}

/*
 * Whether what is left is no writing: ripples of the file's compression beside lines and edges that
 * were as dark as before, or as range.
 */
static bool
is_ripple(int contrast, int before, int range, int grain)
{
	int			edge = before > range ? before : range;

	return contrast < edge * (grain < 4 ? grain + 1 : 5) / 16 || 4 * contrast < range;
}

/* Whether, on a ground of many greys, little stands out from its texture, as in a photograph. */
static bool
is_texture(int contrast, int ink, int range)
{
	bool		coarse = contrast < 2 * ink && (contrast < CLEAR_INK || 3 * contrast < 4 * ink);

	return coarse && 2 * range > contrast;
}

static bool
judge_other(const HwrImage *img, HwrPaper *out, HwrStatus *st)
{
	size_t		n = (size_t) img->width * (size_t) img->height;
	int			side = img->width < img->height ? img->width : img->height;
	int			radius = side / 6 > 2 ? side / 6 : 2;
	bool		ink_dark = ink_is_dark(img, 2 * radius);
	uint8_t    *broad = hwr_alloc(n, 1, st);
	bool		ok;

	out->made = hwr_alloc(n, 1, st);
	out->pixels = out->made;
	ok = broad != NULL && out->made != NULL &&
		(ink_dark ? hwr_grey_closing : hwr_grey_opening) (img->pixels, img->width, img->height, radius, broad, st);
	if (ok)
	{
		HwrDarkness dark = {img->width, img->height, out->made};
		Histogram	h;
		int			range;
		int			ink;
		int			before;
		int			contrast;
		int			dots;

		range = find_darkness(img, ink_dark, broad, out->made);
		ink = subtract_grain(out->made, n, img->grain);
		h = histogram_of(out->made, n);
		before = percentile(&h, n, 99);
		/* seen at half their darkness, soft rims join no dots; at their least, dots are a ruled line */
		dots = hwr_clear_dots(&dark, before / 2 > ink ? before / 2 : ink);
		hwr_clear_frame(&dark, ink);
		ok = hwr_clear_ruling(&dark, ink, st);
		contrast = measure_ink(&dark, ink);
		/* the ripples of compression around dots are on all sides of them */
		if (is_ripple(contrast, before, range, img->grain) || (dots > 0 && 4 * contrast < before) ||
			(!img->writing && is_texture(contrast, ink, range)))
			contrast = 0;
		out->empty = contrast == 0;
		set_curve(out, 0, contrast, false);
	}
	free(broad);
	return ok;
}

bool
hwr_paper_judge(const HwrImage *img, HwrPaper *out, HwrStatus *st)
{
	memset(out, 0, sizeof(*out));
	if (img->clean)
	{
		out->pixels = img->pixels;
		set_curve(out, 255, 255, true);
		return true;
	}
	if (judge_plain(img, out) || judge_other(img, out, st))
		return true;
	hwr_paper_free(out);
	return false;
}

void
hwr_paper_free(HwrPaper *paper)
{
	free(paper->made);
	paper->made = NULL;
	paper->pixels = NULL;
}
