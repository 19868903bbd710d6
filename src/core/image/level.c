/*
 * level.c
 *	  Finding how much a line rises, and shearing it level.
 */
#include "level.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The picture is looked at as so many strips, side by side, of at most so many rows. */
#define STRIPS 48
#define ROWS 40

/* Of a larger picture, pixels of so many rows and columns are looked at. */
#define SEEN_ROWS 64
#define SEEN_COLUMNS 512

/* The greatest rise from the first strip to the last, in heights of the picture; and in widths, about 6 degrees. */
#define MAX_RISE 1.0
#define MAX_SLOPE 0.11

/* The least rise that is undone, in heights, and how much more uneven the rows must become. */
#define LEAST_RISE 0.1
#define LEAST_GAIN 1.2

/* Grey values between paper and ink: fewer, and there is nothing to go by. */
#define LEAST_CONTRAST 24

/* Rows with less than this share of the fullest row's ink are outside of the line, but for a margin, in heights of the line. */
#define EMPTY_ROW 0.03
#define MARGIN 0.15

/* The ink of a picture, strip by strip. */
typedef struct Strips
{
	int			rows;
	float		ink[STRIPS][ROWS];
	int			paper;			/* grey */
} Strips;

static int
grey_at(const uint32_t histogram[256], uint64_t rank)
{
	uint64_t	seen = 0;
	int			g = 0;

	while (g < 255 && (seen += histogram[g]) <= rank)
		g++;
	return g;
}

/* False where there is no contrast. */
static bool
fill_strips(const HwrImage *img, Strips *out)
{
	uint32_t	histogram[256] = {0};
	uint64_t	pixels = 0;
	int			below = (img->height + SEEN_ROWS - 1) / SEEN_ROWS;
	int			beside = (img->width + SEEN_COLUMNS - 1) / SEEN_COLUMNS;
	float		ink[256];
	int			dark;
	int			light;
	int			contrast;

	for (int y = 0; y < img->height; y += below)
		for (int x = 0; x < img->width; x += beside, pixels++)
			histogram[img->pixels[(size_t) y * (size_t) img->width + (size_t) x]]++;
	out->paper = grey_at(histogram, pixels / 2);
	dark = out->paper - grey_at(histogram, pixels / 100);
	light = grey_at(histogram, pixels - 1 - pixels / 100) - out->paper;
	contrast = dark >= light ? dark : light;
	if (contrast < LEAST_CONTRAST)
		return false;

	/* The paper's own unevenness counts for nothing, and no stain for more than full ink. */
	for (int g = 0; g < 256; g++)
	{
		float		x = (float) (dark >= light ? out->paper - g : g - out->paper) / (float) contrast;

		ink[g] = x < 0.3f ? 0 : x > 1 ? 1 : x;
	}
	out->rows = (img->height + below - 1) / below;
	out->rows = out->rows < ROWS ? out->rows : ROWS;
	memset(out->ink, 0, sizeof(out->ink));
	for (int y = 0; y < img->height; y += below)
	{
		const uint8_t *row = img->pixels + (size_t) y * (size_t) img->width;
		int			to = (int) ((int64_t) y * out->rows / img->height);
		int			x = 0;

		for (int s = 0; s < STRIPS; s++)
		{
			int			last = (int) ((int64_t) (s + 1) * img->width / STRIPS);
			float		sum = 0;

			for (; x < last; x += beside)
				sum += ink[row[x]];
			out->ink[s][to] += sum;
		}
	}
	return true;
}

/*
 * The rows' ink when the last strip has been moved up by half of rise rows, the first down by as much, and the others
 * between; [2 ROWS].
 */
static void
level_rows(const Strips *strips, double rise, float *rows)
{
	memset(rows, 0, 2 * ROWS * sizeof(float));
	for (int s = 0; s < STRIPS; s++)
	{
		int			shift = ROWS / 2 + (int) lrint(rise * (0.5 - (s + 0.5) / STRIPS));

		for (int y = 0; y < strips->rows; y++)
			rows[y + shift] += strips->ink[s][y];
	}
}

static double
unevenness(const Strips *strips, double rise)
{
	float		rows[2 * ROWS];
	double		sum = 0;

	level_rows(strips, rise, rows);
	for (int y = 0; y < 2 * ROWS; y++)
		sum += (double) rows[y] * rows[y];
	return sum;
}

static void
try_rise(const Strips *strips, int rise, double *best, int *best_rise)
{
	double		u = unevenness(strips, rise);

	if (u > *best)
	{
		*best = u;
		*best_rise = rise;
	}
}

/* How far the line falls from the left to the right edge, in rows of strips; 0: it is level, or that is not clear. */
static int
find_rise(const HwrImage *img, const Strips *strips)
{
	double		widths = MAX_SLOPE * img->width / img->height;
	int			most = (int) (strips->rows * (widths < MAX_RISE ? widths : MAX_RISE));
	double		level = unevenness(strips, 0);
	double		best = level;
	int			rise = 0;
	int			near;

	/* every second one, then those beside the best */
	for (int r = -most; r <= most; r += 2)
		try_rise(strips, r, &best, &rise);
	near = rise;
	try_rise(strips, near - 1, &best, &rise);
	try_rise(strips, near + 1, &best, &rise);
	return abs(rise) >= LEAST_RISE * strips->rows && best >= LEAST_GAIN * level ? rise : 0;
}

/* The first and the last row of the line after levelling, with a margin, in pixels; may be outside of the picture. */
static void
find_band(const HwrImage *img, const Strips *strips, int rise, int *top, int *bottom)
{
	float		rows[2 * ROWS];
	float		most = 0;
	int			first = 0;
	int			last = 2 * ROWS - 1;
	double		scale = (double) img->height / strips->rows;
	double		margin;

	level_rows(strips, rise, rows);
	for (int y = 0; y < 2 * ROWS; y++)
		most = rows[y] > most ? rows[y] : most;
	while (rows[first] < EMPTY_ROW * most)
		first++;
	while (rows[last] < EMPTY_ROW * most)
		last--;
	margin = MARGIN * (last + 1 - first);
	*top = (int) floor((first - margin - 0.5 * ROWS) * scale);
	*bottom = (int) ceil((last + 1 + margin - 0.5 * ROWS) * scale);
}

/* Rows [top, bottom) of the picture, each column moved by its share of the fall. */
static bool
shear(HwrImage *img, double fall, int paper, int top, int bottom, HwrStatus *st)
{
	int			w = img->width;
	int			h = bottom - top;
	float		step = (float) (256 * fall / w);
	float		middle = (float) (w - 1) / 2;
	uint8_t    *out = hwr_alloc((size_t) w, (size_t) h, st);

	if (out == NULL)
		return false;
	for (int y = 0; y < h; y++)
	{
		uint8_t    *row = out + (size_t) y * (size_t) w;

		for (int x = 0; x < w; x++)
		{
			/* in 256ths of a row */
			int			from = (top + y) * 256 + (int) lrintf(step * ((float) x - middle));
			int			v = from >> 8;
			int			part = from & 255;
			const uint8_t *at = img->pixels + (ptrdiff_t) v * w + x;
			int			a = v >= 0 && v < img->height ? at[0] : paper;
			int			b = v >= -1 && v + 1 < img->height ? at[w] : paper;

			row[x] = (uint8_t) ((a * (256 - part) + b * part + 128) / 256);
		}
	}
	free(img->pixels);
	img->pixels = out;
	img->height = h;
	return true;
}

bool
hwr_image_level(HwrImage *img, HwrStatus *st)
{
	Strips		strips;
	int			rise;
	int			top;
	int			bottom;

	if (img->width < HWR_LEVEL_ASPECT * img->height || !fill_strips(img, &strips))
		return true;
	rise = find_rise(img, &strips);
	if (rise == 0)
		return true;
	find_band(img, &strips, rise, &top, &bottom);
	return shear(img, (double) rise * img->height / strips.rows, strips.paper, top, bottom, st);
}
