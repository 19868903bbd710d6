/*
 * preprocess.c
 *	  Contrast normalisation and resampling of a grey image to an ink canvas.
 *
 * The resampler is separable: each axis has a table of taps (for every destination
 * line the first source line and the weights), computed once.  Source lines are visited
 * in order, and each is added, scaled, to the few destination lines it touches, so the
 * inner loop is always "sum += weight * line" over contiguous floats.  Rows go
 * first, which reads a large image once at full speed; columns are then rows
 * of the transposed intermediate, whose lines are only canvas height long.
 */
#include "preprocess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const hwr_fit_words[] = {"pad", "stretch", NULL};

/* Contrast below this is noise on a blank field, not ink. */
#define MIN_CONTRAST 32

/* ink(g) = clamp(offset + slope * g, 0, 255) */
typedef struct InkCurve
{
	float		offset;
	float		slope;
} InkCurve;

/* Destination line i is the sum over k of weight[i * max_taps + k] * source line first[i] + k. */
typedef struct Axis
{
	int			n_src;
	int			n_dst;
	int			max_taps;
	int		   *first;			/* [n_dst], never decreasing */
	int		   *taps;			/* [n_dst], at least 1 */
	float	   *weight;			/* [n_dst][max_taps] */
} Axis;

typedef struct Box
{
	int			top;
	int			height;
	int			width;
} Box;

/* Smallest grey value with at least rank pixels at or below it. */
static int
grey_at_rank(const uint64_t histogram[256], uint64_t rank)
{
	uint64_t	seen = 0;

	for (int g = 0; g < 255; g++)
	{
		seen += histogram[g];
		if (seen >= rank)
			return g;
	}
	return 255;
}

/* The curve described in preprocess.h. */
static InkCurve
measure_ink(const HwrImage *img)
{
	uint64_t	n = (uint64_t) img->width * (uint64_t) img->height;
	uint64_t	histogram[256] = {0};
	int			paper;
	int			dark;
	int			light;
	int			contrast;
	InkCurve	curve;

	for (uint64_t i = 0; i < n; i++)
		histogram[img->pixels[i]]++;
	dark = grey_at_rank(histogram, (n + 99) / 100);
	paper = grey_at_rank(histogram, (n + 1) / 2);
	light = grey_at_rank(histogram, (99 * n + 99) / 100);

	contrast = paper - dark >= light - paper ? paper - dark : paper - light;
	if (contrast >= 0 && contrast < MIN_CONTRAST)
		contrast = MIN_CONTRAST;
	else if (contrast < 0 && contrast > -MIN_CONTRAST)
		contrast = -MIN_CONTRAST;
	curve.slope = -255.0f / (float) contrast;
	curve.offset = -curve.slope * (float) paper;
	return curve;
}

/* Triangle filter of destination line i; its weights sum to 1. */
static void
fill_taps(Axis *axis, int i, double scale, double support)
{
	double		center = (i + 0.5) * scale;
	int			first = (int) floor(center - support);
	int			end = (int) ceil(center + support);
	float	   *weight = axis->weight + (size_t) i * (size_t) axis->max_taps;
	double		sum = 0.0;
	int			n;

	if (first < 0)
		first = 0;
	if (end > axis->n_src)
		end = axis->n_src;
	while (first < end - 1 && fabs(first + 0.5 - center) >= support)
		first++;
	while (end - 1 > first && fabs(end - 0.5 - center) >= support)
		end--;

	n = end - first;
	for (int k = 0; k < n; k++)
	{
		double		w = 1.0 - fabs(first + k + 0.5 - center) / support;

		weight[k] = (float) w;
		sum += w;
	}
	for (int k = 0; k < n; k++)
		weight[k] = (float) (weight[k] / sum);
	axis->first[i] = first;
	axis->taps[i] = n;
}

static void
free_axis(Axis *axis)
{
	free(axis->first);
	free(axis->taps);
	free(axis->weight);
}

static bool
make_axis(Axis *axis, int n_src, int n_dst, HwrStatus *st)
{
	double		scale = (double) n_src / n_dst;
	double		support = scale > 1.0 ? scale : 1.0;

	axis->n_src = n_src;
	axis->n_dst = n_dst;
	axis->max_taps = 2 * (int) ceil(support) + 2;
	axis->first = hwr_alloc((size_t) n_dst, sizeof(int), st);
	axis->taps = hwr_alloc((size_t) n_dst, sizeof(int), st);
	axis->weight = hwr_alloc((size_t) n_dst * (size_t) axis->max_taps, sizeof(float), st);
	if (axis->first == NULL || axis->taps == NULL || axis->weight == NULL)
		return false;
	for (int i = 0; i < n_dst; i++)
		fill_taps(axis, i, scale, support);
	return true;
}

/*
 * Add source line number at to the destination lines it touches.  *oldest, 0 at the
 * start, is the first destination line not yet complete.
 */
static void
add_line(const Axis *axis, int at, const float *restrict line, int n,
		 float *sums, int *oldest)
{
	while (*oldest < axis->n_dst && axis->first[*oldest] + axis->taps[*oldest] <= at)
		(*oldest)++;
	for (int i = *oldest; i < axis->n_dst && axis->first[i] <= at; i++)
	{
		int			k = at - axis->first[i];
		float		w = axis->weight[(size_t) i * (size_t) axis->max_taps + (size_t) k];
		float	   *restrict sum = sums + (size_t) i * (size_t) n;

		for (int x = 0; x < n; x++)
			sum[x] += w * line[x];
	}
}

static void
ink_line(const uint8_t *restrict grey, InkCurve curve, int n, float *restrict line)
{
	for (int x = 0; x < n; x++)
	{
		float		v = curve.offset + curve.slope * (float) grey[x];

		v = v > 0.0f ? v : 0.0f;
		line[x] = v < 255.0f ? v : 255.0f;
	}
}

/* Rows: the image to rows[box height][image width]. */
static void
resample_rows(const HwrImage *img, InkCurve curve, const Axis *axis, float *line, float *rows)
{
	int			oldest = 0;

	for (int y = 0; y < img->height; y++)
	{
		ink_line(img->pixels + (size_t) y * (size_t) img->width, curve, img->width, line);
		add_line(axis, y, line, img->width, rows, &oldest);
	}
}

/* Columns: rows[h][axis->n_src] to columns[axis->n_dst][h]. */
static void
resample_columns(const float *rows, int h, const Axis *axis, float *line, float *columns)
{
	int			oldest = 0;

	for (int x = 0; x < axis->n_src; x++)
	{
		for (int y = 0; y < h; y++)
			line[y] = rows[(size_t) y * (size_t) axis->n_src + (size_t) x];
		add_line(axis, x, line, h, columns, &oldest);
	}
}

/* columns[box width][box height], rounded, into the canvas. */
static void
store(const float *columns, Box box, int height, int canvas_width, uint8_t *ink)
{
	memset(ink, 0, (size_t) height * (size_t) canvas_width);
	for (int y = 0; y < box.height; y++)
	{
		uint8_t    *row = ink + (size_t) (box.top + y) * (size_t) canvas_width;

		for (int x = 0; x < box.width; x++)
		{
			float		v = columns[(size_t) x * (size_t) box.height + (size_t) y] + 0.5f;

			row[x] = (uint8_t) (v < 255.0f ? v : 255.0f);
		}
	}
}

/* n * to / from, rounded, at least 1. */
static int64_t
scaled(int n, int to, int from)
{
	int64_t		size = ((int64_t) n * to + from / 2) / from;

	return size > 0 ? size : 1;
}

/* Where the image goes on the canvas. */
static Box
place(const HwrImage *img, HwrFit fit, int height, int canvas_width)
{
	Box			box = {0, height, canvas_width};
	int64_t		width;

	if (fit == HWR_FIT_STRETCH)
		return box;

	width = scaled(img->width, height, img->height);
	if (width <= canvas_width)
		box.width = (int) width;
	else
	{
		int64_t		h = scaled(img->height, canvas_width, img->width);

		box.height = h < height ? (int) h : height;
		box.top = (height - box.height) / 2;
	}
	return box;
}

int
hwr_preprocess_width(const HwrImage *img, HwrFit fit, int height, int width)
{
	int64_t		natural;

	(void) fit;					/* nothing to stretch to: both keep the aspect */
	if (width > 0)
		return width;
	natural = scaled(img->width, height, img->height);
	if (natural >= HWR_MAX_WIDTH)
		return HWR_MAX_WIDTH;
	return (int) (natural + HWR_WIDTH_STEP - 1) / HWR_WIDTH_STEP * HWR_WIDTH_STEP;
}

bool
hwr_preprocess(const HwrImage *img, HwrFit fit, int height, int canvas_width,
			   uint8_t *ink, int *content_width, HwrStatus *st)
{
	Box			box = place(img, fit, height, canvas_width);
	Axis		down = {0};
	Axis		across = {0};
	size_t		longest = (size_t) (img->width > box.height ? img->width : box.height);
	float	   *line = hwr_alloc(longest, sizeof(float), st);
	float	   *rows = hwr_alloc_zero((size_t) box.height * (size_t) img->width, sizeof(float), st);
	float	   *columns = hwr_alloc_zero((size_t) box.width * (size_t) box.height, sizeof(float), st);
	bool		ok = line != NULL && rows != NULL && columns != NULL &&
		make_axis(&down, img->height, box.height, st) &&
		make_axis(&across, img->width, box.width, st);

	if (ok)
	{
		resample_rows(img, measure_ink(img), &down, line, rows);
		resample_columns(rows, box.height, &across, line, columns);
		store(columns, box, height, canvas_width, ink);
		if (content_width != NULL)
			*content_width = box.width;
	}

	free_axis(&down);
	free_axis(&across);
	free(line);
	free(rows);
	free(columns);
	return ok;
}
