/*
 * ink.c
 *	  Grey to ink.
 *
 * The background of a pixel is the closing of the page (the greatest value around, then the least of those around): it fills
 * strokes and leaves everything larger, so that shadows, stains, dark mats and black borders are background and not
 * ink.  Ink is what is darker than its background, relative to it, and relative to the contrast that the writing around has.
 */
#include "ink.h"

#include <stdlib.h>
#include <string.h>

/* The background is found on a map reduced by this. */
#define BACKGROUND_FACTOR 4

/* Backgrounds darker than this are no paper: borders of scans. */
#define DARKEST_PAPER 28

/* Relative darkness below which nothing is ink, and below which a page is blank; of 255. */
#define LEAST_CONTRAST 14

/* Side of the squares in which contrast is measured. */
#define TILE 48

/* Grain reaches so many times the darkness below which two fifths of a tile are. */
#define GRAIN 3.0

/* What the mean of ink becomes where darkness is kept. */
#define KEPT_INK 170

/* The background at 1 / BACKGROUND_FACTOR. */
static bool
find_background(const HwrMap *grey, int radius, HwrMap *out, HwrStatus *st)
{
	int			w = (grey->width + BACKGROUND_FACTOR - 1) / BACKGROUND_FACTOR;
	int			h = (grey->height + BACKGROUND_FACTOR - 1) / BACKGROUND_FACTOR;
	int			r = (radius + BACKGROUND_FACTOR - 1) / BACKGROUND_FACTOR;

	if (!hwr_map_create(w, h, out, st))
		return false;
	hwr_map_reduce(grey->v, grey->width, grey->height, out, 0, h);
	if (hwr_map_extreme(out, r, 1, st) && hwr_map_extreme(out, r, -1, st))
		return true;
	hwr_map_free(out);
	return false;
}

/* Grey to darkness relative to the background, 0 where there is no paper. */
static void
subtract_background(HwrMap *grey, const HwrMap *background)
{
	uint32_t	inverse[256];

	for (int b = 0; b < 256; b++)
		inverse[b] = b < DARKEST_PAPER ? 0 : (255u << 16) / (uint32_t) b;
	for (int y = 0; y < grey->height; y++)
	{
		/* Halves of the small map's pixels, between whose middles the background is interpolated. */
		int			v = (2 * y + 1 - BACKGROUND_FACTOR) * 128 / BACKGROUND_FACTOR;
		int			v0 = v < 0 ? 0 : v >> 8;
		int			v1 = v0 + 1 < background->height ? v0 + 1 : background->height - 1;
		int			fv = v < 0 ? 0 : v & 255;
		const uint8_t *above;
		const uint8_t *below;
		uint8_t    *row = hwr_map_row(grey, y);

		if (v0 >= background->height)
			v0 = background->height - 1;
		above = hwr_map_row(background, v0);
		below = hwr_map_row(background, v1);
		for (int x = 0; x < grey->width; x++)
		{
			int			u = (2 * x + 1 - BACKGROUND_FACTOR) * 128 / BACKGROUND_FACTOR;
			int			u0 = u < 0 ? 0 : u >> 8;
			int			u1;
			int			fu = u < 0 ? 0 : u & 255;
			int			b;

			if (u0 >= background->width)
				u0 = background->width - 1;
			u1 = u0 + 1 < background->width ? u0 + 1 : u0;
			b = ((above[u0] * (256 - fu) + above[u1] * fu) * (256 - fv) +
				 (below[u0] * (256 - fu) + below[u1] * fu) * fv) >> 16;
			row[x] = b <= row[x] ? 0 : (uint8_t) (((uint32_t) (b - row[x]) * inverse[b]) >> 16);
		}
	}
}

/* Otsu's threshold over the values above LEAST_CONTRAST; *high: the mean above it.  0: nothing there. */
static int
otsu(const uint32_t counts[256], double *high)
{
	double		n = 0;
	double		sum = 0;
	double		n0 = 0;
	double		sum0 = 0;
	double		best = -1;
	int			threshold = 0;

	for (int i = LEAST_CONTRAST; i < 256; i++)
	{
		n += counts[i];
		sum += (double) counts[i] * i;
	}
	if (n == 0)
		return 0;
	/* For ink that has all one darkness. */
	threshold = LEAST_CONTRAST;
	*high = sum / n;
	for (int i = LEAST_CONTRAST; i < 255; i++)
	{
		double		n1;
		double		between;

		n0 += counts[i];
		sum0 += (double) counts[i] * i;
		n1 = n - n0;
		if (n0 == 0 || n1 == 0)
			continue;
		between = n0 * n1 * (sum0 / n0 - (sum - sum0) / n1) * (sum0 / n0 - (sum - sum0) / n1);
		if (between > best)
		{
			best = between;
			threshold = i;
			*high = (sum - sum0) / n1;
		}
	}
	return threshold;
}

/*
 * floor[rows][cols]: darkness that is no more than the paper's grain, since most of a tile is paper;
 * peak: that of the darkest in it.
 */
static void
measure_tiles(const HwrMap *dark, int cols, int rows, uint8_t *grain, uint8_t *peak, uint32_t counts[256])
{
	for (int r = 0; r < rows; r++)
		for (int c = 0; c < cols; c++)
		{
			uint32_t	here[256] = {0};
			int			y1 = (r + 1) * TILE < dark->height ? (r + 1) * TILE : dark->height;
			int			x1 = (c + 1) * TILE < dark->width ? (c + 1) * TILE : dark->width;
			int			low;

			for (int y = r * TILE; y < y1; y++)
				for (int x = c * TILE; x < x1; x++)
					here[hwr_map_row(dark, y)[x]]++;
			low = (int) (GRAIN * hwr_histogram_quantile(here, 256, 0.4));
			grain[r * cols + c] = (uint8_t) (low > 255 ? 255 : low);
			peak[r * cols + c] = (uint8_t) hwr_histogram_quantile(here, 256, 0.97);
			for (int i = low + 1; i < 256; i++)
				counts[i] += here[i];
		}
}

/* Mean of the tile and its neighbours. */
static uint8_t
contrast_around(const uint8_t *peak, double high, int cols, int rows, int c, int r)
{
	int			sum = 0;
	int			n = 0;

	for (int v = r > 0 ? r - 1 : 0; v <= r + 1 && v < rows; v++)
		for (int u = c > 0 ? c - 1 : 0; u <= c + 1 && u < cols; u++)
		{
			double		value = peak[v * cols + u];

			/* Blank tiles have no contrast of their own. */
			sum += (int) (value < 0.45 * high ? 0.45 * high : value > 1.3 * high ? 1.3 * high : value);
			n++;
		}
	return (uint8_t) (sum / n > 255 ? 255 : sum / n);
}

static void
stretch(HwrMap *dark, const uint8_t *grain, const uint8_t *peak, double high, int cols, int rows)
{
	for (int r = 0; r < rows; r++)
		for (int c = 0; c < cols; c++)
		{
			uint8_t		table[256];
			int			mean = contrast_around(peak, high, cols, rows, c, r);
			int			floor = grain[r * cols + c] > LEAST_CONTRAST ? grain[r * cols + c] : LEAST_CONTRAST;
			int			low = mean * 3 / 10 > floor ? mean * 3 / 10 : floor;
			int			top = mean * 7 / 10 > low ? mean * 7 / 10 : low + 1;
			int			y1 = (r + 1) * TILE < dark->height ? (r + 1) * TILE : dark->height;
			int			x1 = (c + 1) * TILE < dark->width ? (c + 1) * TILE : dark->width;

			for (int i = 0; i < 256; i++)
				table[i] = (uint8_t) (i <= low ? 0 : i >= top ? 255 : (i - low) * 255 / (top - low));
			for (int y = r * TILE; y < y1; y++)
			{
				uint8_t    *row = hwr_map_row(dark, y);

				for (int x = c * TILE; x < x1; x++)
					row[x] = table[row[x]];
			}
		}
}

/* dark = grey so that ink of the page's usual darkness has KEPT_INK. */
static bool
keep_darkness(const HwrMap *grey, double high, HwrMap *dark, HwrStatus *st)
{
	size_t		n = (size_t) grey->width * (size_t) grey->height;
	uint8_t		table[256];

	if (!hwr_map_create(grey->width, grey->height, dark, st))
		return false;
	for (int i = 0; i < 256; i++)
	{
		int			value = (int) (KEPT_INK * i / (high > LEAST_CONTRAST ? high : LEAST_CONTRAST));

		table[i] = (uint8_t) (value > 255 ? 255 : value);
	}
	for (size_t i = 0; i < n; i++)
		dark->v[i] = table[grey->v[i]];
	return true;
}

bool
hwr_page_darkness(HwrMap *grey, int radius, HwrStatus *st)
{
	HwrMap		background;

	if (!find_background(grey, radius, &background, st))
		return false;
	subtract_background(grey, &background);
	hwr_map_free(&background);
	return true;
}

bool
hwr_page_ink(HwrMap *grey, int radius, HwrStatus *st)
{
	return hwr_page_ink_and_darkness(grey, radius, NULL, st);
}

bool
hwr_page_ink_and_darkness(HwrMap *grey, int radius, HwrMap *dark, HwrStatus *st)
{
	int			cols = (grey->width + TILE - 1) / TILE;
	int			rows = (grey->height + TILE - 1) / TILE;
	uint32_t	counts[256] = {0};
	double		high = 0;
	uint8_t    *grain;

	if (!hwr_page_darkness(grey, radius, st))
		return false;
	grain = hwr_alloc((size_t) cols * (size_t) rows, 2, st);
	if (grain == NULL)
		return false;
	measure_tiles(grey, cols, rows, grain, grain + cols * rows, counts);
	if (otsu(counts, &high) == 0)
		high = 0;
	if (dark != NULL && !keep_darkness(grey, high, dark, st))
	{
		free(grain);
		return false;
	}
	if (high == 0)
		memset(grey->v, 0, (size_t) grey->width * (size_t) grey->height);
	else
		stretch(grey, grain, grain + cols * rows, high, cols, rows);
	free(grain);
	return true;
}
