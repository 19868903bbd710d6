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

#include "centerline.h"
#include "lanczos.h"
#include "level.h"
#include "paper.h"
#include "trim.h"

const char *const hwr_fit_words[] = {"pad", "stretch", "kraken", "kraken-box", "line", NULL};

/* Loops over floats are worth vectors. */
#ifdef __GNUC__
#pragma GCC optimize("O3")
#endif

/*
 * An image more than this many times as high or wide as its place on the canvas is shrunk first, to
 * half as many.
 */
#define MAX_SCALE 8

/* Columns that become rows, or rows columns, at a time: as many lines of the first-level cache are in use. */
#define TRANSPOSED 16

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
ink_line(const uint8_t *restrict grey, const HwrPaper *paper, int n, float *restrict line)
{
	float		offset = paper->offset;
	float		slope = paper->slope;

	for (int x = 0; x < n; x++)
	{
		float		v = offset + slope * (float) grey[x];

		v = v > 0.0f ? v : 0.0f;
		line[x] = v < 255.0f ? v : 255.0f;
	}
}

/* Rows: the image to rows[box height][image width]. */
static void
resample_rows(const HwrImage *img, const HwrPaper *paper, const Axis *axis, float *line, float *rows)
{
	int			oldest = 0;

	for (int y = 0; y < img->height; y++)
	{
		ink_line(paper->pixels + (size_t) y * (size_t) img->width, paper, img->width, line);
		add_line(axis, y, line, img->width, rows, &oldest);
	}
}

/* Columns: rows[h][axis->n_src] to columns[axis->n_dst][h]; lines: room for TRANSPOSED of them. */
static void
resample_columns(const float *rows, int h, const Axis *axis, float *lines, float *columns)
{
	int			oldest = 0;

	for (int x = 0; x < axis->n_src; x += TRANSPOSED)
	{
		int			n = axis->n_src - x < TRANSPOSED ? axis->n_src - x : TRANSPOSED;

		for (int y = 0; y < h; y++)
			for (int i = 0; i < n; i++)
				lines[i * h + y] = rows[(size_t) y * (size_t) axis->n_src + (size_t) (x + i)];
		for (int i = 0; i < n; i++)
			add_line(axis, x + i, lines + i * h, h, columns, &oldest);
	}
}

/* columns[box width][box height], rounded, into the canvas. */
static void
store(const float *columns, Box box, int height, int canvas_width, uint8_t *ink)
{
	memset(ink, 0, (size_t) height * (size_t) canvas_width);
	for (int x = 0; x < box.width; x += TRANSPOSED)
	{
		int			n = box.width - x < TRANSPOSED ? box.width - x : TRANSPOSED;

		for (int y = 0; y < box.height; y++)
		{
			uint8_t    *row = ink + (size_t) (box.top + y) * (size_t) canvas_width + x;

			for (int i = 0; i < n; i++)
			{
				float		v = columns[(size_t) (x + i) * (size_t) box.height + (size_t) y] + 0.5f;

				row[i] = (uint8_t) (v < 255.0f ? v : 255.0f);
			}
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

/* The same rounded down, as kraken has it */
static int64_t
kraken_width(const HwrImage *img, int height)
{
	int64_t		width = (int64_t) img->width * height / img->height;

	return width > 0 ? width : 1;
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

	if (width > 0)
		return width;
	natural = hwr_fit_is_kraken(fit) ? kraken_width(img, height) + 2 * HWR_KRAKEN_MARGIN :
		scaled(img->width, height, img->height);
	if (natural >= HWR_MAX_WIDTH)
		return HWR_MAX_WIDTH;
	if (hwr_fit_is_kraken(fit))
		return (int) natural;
	/* nothing to stretch to: both others keep the aspect */
	return (int) (natural + HWR_WIDTH_STEP - 1) / HWR_WIDTH_STEP * HWR_WIDTH_STEP;
}

/* Means of fx x fy pixels, the last ones of a row or column of fewer. */
static bool
shrink(const HwrImage *img, int fx, int fy, HwrImage *out, HwrStatus *st)
{
	uint32_t   *sums;

	*out = *img;
	out->width = (img->width + fx - 1) / fx;
	out->height = (img->height + fy - 1) / fy;
	out->pixels = hwr_alloc((size_t) out->width, (size_t) out->height, st);
	sums = hwr_alloc((size_t) out->width, sizeof(uint32_t), st);
	for (int y = 0; out->pixels != NULL && sums != NULL && y < out->height; y++)
	{
		int			end = (y + 1) * fy < img->height ? (y + 1) * fy : img->height;

		memset(sums, 0, (size_t) out->width * sizeof(uint32_t));
		for (int from = y * fy; from < end; from++)
		{
			const uint8_t *row = img->pixels + (size_t) from * (size_t) img->width;

			for (int x = 0; x < out->width; x++)
				for (int i = x * fx; i < (x + 1) * fx && i < img->width; i++)
					sums[x] += row[i];
		}
		for (int x = 0; x < out->width; x++)
		{
			int			across = (x + 1) * fx < img->width ? fx : img->width - x * fx;
			uint32_t	n = (uint32_t) across * (uint32_t) (end - y * fy);

			out->pixels[(size_t) y * (size_t) out->width + (size_t) x] = (uint8_t) ((sums[x] + n / 2) / n);
		}
	}
	if (out->pixels == NULL || sums == NULL)
	{
		free(out->pixels);
		out->pixels = NULL;
	}
	free(sums);
	return out->pixels != NULL;
}

/* How many pixels to take together so that half of MAX_SCALE remains. */
static int
shrink_factor(int size, int place)
{
	return size / place >= MAX_SCALE ? size / place / (MAX_SCALE / 2) : 1;
}

/* The picture's ink, resampled to its place on the canvas. */
static bool
draw(const HwrImage *img, const HwrPaper *paper, Box box, int height, int canvas_width, uint8_t *ink, HwrStatus *st)
{
	Axis		down = {0};
	Axis		across = {0};
	size_t		block = (size_t) box.height * TRANSPOSED;
	float	   *line = hwr_alloc((size_t) img->width > block ? (size_t) img->width : block, sizeof(float), st);
	float	   *rows = hwr_alloc_zero((size_t) box.height * (size_t) img->width, sizeof(float), st);
	float	   *columns = hwr_alloc_zero((size_t) box.width * (size_t) box.height, sizeof(float), st);
	bool		ok = line != NULL && rows != NULL && columns != NULL &&
		make_axis(&down, img->height, box.height, st) &&
		make_axis(&across, img->width, box.width, st);

	if (ok)
	{
		resample_rows(img, paper, &down, line, rows);
		resample_columns(rows, box.height, &across, line, columns);
		store(columns, box, height, canvas_width, ink);
	}

	free_axis(&down);
	free_axis(&across);
	free(line);
	free(rows);
	free(columns);
	return ok;
}

int
hwr_preprocess_margin(HwrFit fit)
{
	return hwr_fit_is_kraken(fit) ? HWR_KRAKEN_MARGIN : 0;
}

/* Shrunk as for its place on the canvas, in place. */
static bool
shrink_line(HwrImage *img, int height, HwrStatus *st)
{
	int			factor = height > 0 ? shrink_factor(img->height, height) : 1;
	HwrImage	smaller;

	if (factor == 1)
		return true;
	if (!shrink(img, factor, factor, &smaller, st))
		return false;
	hwr_image_free(img);
	*img = smaller;
	return true;
}

/* Decode and make level, and cut to the line where that is asked for; whole: the height before that. */
static bool
decode_line(const uint8_t *bytes, size_t len, const HwrImageLimits *limits, bool trim, int height, int width, int *whole,
			HwrImage *out, HwrStatus *st)
{
	if (!hwr_image_decode(bytes, len, limits, height, width, out, st))
		return false;
	*whole = out->height;
	if (hwr_image_level(out, st) && (!trim || (shrink_line(out, height, st) && hwr_image_trim(out, st))))
		return true;
	hwr_image_free(out);
	return false;
}

/* Where the file was decoded at a part of its size and what is left of it is too low for the canvas, it is decoded once more. */
static bool
decode_to_line(const uint8_t *bytes, size_t len, const HwrImageLimits *limits, int height, int width, HwrImage *out,
			   HwrStatus *st)
{
	int			whole;

	if (!decode_line(bytes, len, limits, true, height, width, &whole, out, st))
		return false;
	if (whole == out->source_height || out->height >= height)
		return true;
	height = (int) ((int64_t) whole * height / out->height);
	hwr_image_free(out);
	return decode_line(bytes, len, limits, true, height, 0, &whole, out, st);
}

bool
hwr_preprocess_area(const HwrImage *img, int height, HwrImage *out, HwrStatus *st)
{
	size_t		n = (size_t) img->width * (size_t) img->height;

	*out = *img;
	out->pixels = hwr_alloc(n, 1, st);
	if (out->pixels == NULL)
		return false;
	memcpy(out->pixels, img->pixels, n);
	if (shrink_line(out, height, st) && hwr_image_trim(out, st))
		return true;
	hwr_image_free(out);
	return false;
}

bool
hwr_preprocess_decode(const uint8_t *bytes, size_t len, const HwrImageLimits *limits,
					  HwrFit fit, int height, int width, HwrImage *out, HwrStatus *st)
{
	int			whole;

	if (fit == HWR_FIT_LINE)
		return decode_to_line(bytes, len, limits, height, width, out, st);
	if (fit == HWR_FIT_PAD)
		return decode_line(bytes, len, limits, false, height, width, &whole, out, st);
	/* a filter that rings tells a picture from one that was shrunk before */
	if (hwr_fit_is_kraken(fit))
		height = width = 0;
	if (!hwr_image_decode(bytes, len, limits, height, width, out, st))
		return false;
	if (fit != HWR_FIT_KRAKEN_BOX || hwr_centerline_straighten(out, st))
		return true;
	hwr_image_free(out);
	return false;
}

static bool
preprocess_as_kraken(const HwrImage *img, int height, int canvas_width, uint8_t *ink, int *content_width, HwrStatus *st)
{
	int			room = canvas_width - 2 * HWR_KRAKEN_MARGIN;
	int64_t		natural = kraken_width(img, height);
	int			width = natural <= room ? (int) natural : room > 0 ? room : 1;
	int			margin = room > 0 ? HWR_KRAKEN_MARGIN : 0;
	uint8_t    *grey = hwr_alloc((size_t) height, (size_t) width, st);
	bool		ok = grey != NULL;

	if (ok && img->border != 0) /* straightened; a line of a page, cut along its baseline, is straight already */
		hwr_bilinear_resize(img, width, height, grey);
	else if (ok)
		ok = hwr_lanczos_resize(img->pixels, img->width, img->height, width, height, grey, st);
	if (ok)
	{
		memset(ink, 0, (size_t) height * (size_t) canvas_width);
		for (int y = 0; y < height; y++)
			for (int x = 0; x < width; x++)
				ink[(size_t) y * (size_t) canvas_width + (size_t) (margin + x)] =
					(uint8_t) (255 - grey[(size_t) y * (size_t) width + (size_t) x]);
		if (content_width != NULL)
			*content_width = width;
	}
	free(grey);
	return ok;
}

bool
hwr_preprocess(const HwrImage *img, HwrFit fit, int height, int canvas_width,
			   uint8_t *ink, int *content_width, HwrStatus *st)
{
	Box			box = place(img, fit, height, canvas_width);
	int			fx = shrink_factor(img->width, box.width);
	int			fy = shrink_factor(img->height, box.height);
	HwrImage	smaller = {0};
	HwrPaper	paper = {0};
	bool		ok;

	if (hwr_fit_is_kraken(fit))
		return preprocess_as_kraken(img, height, canvas_width, ink, content_width, st);
	if (fx > 1 || fy > 1)
	{
		if (!shrink(img, fx, fy, &smaller, st))
			return false;
		img = &smaller;
	}
	ok = hwr_paper_judge(img, &paper, st);
	if (ok && paper.empty)
		memset(ink, 0, (size_t) height * (size_t) canvas_width);
	else if (ok)
		ok = draw(img, &paper, box, height, canvas_width, ink, st);
	if (ok && content_width != NULL)
		*content_width = box.width;
	hwr_paper_free(&paper);
	hwr_image_free(&smaller);
	return ok;
}
