/*
 * line_sample.c
 *	  Crops of pages to train the network that finds lines with.
 */
#include "line_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How large a crop is: mostly about as found, else anything between these. */
#define LEAST_SIZE 0.6
#define GREATEST_SIZE 1.6
#define ANY_SIZE 0.6

/* The slope left over, and the share of crops that have any up to the greatest. */
#define SLOPE 0.015
#define GREATEST_SLOPE 0.1
#define ANY_SLOPE 0.1

/* The share of crops that lie on their side, and upside down. */
#define ON_SIDE 0.04
#define UPSIDE_DOWN 0.04

/* Chance that a crop is taken at a line, and how far from its edges that is. */
#define AT_LINE 0.85
#define EDGE 0.05

void
hwr_sample_page_free(HwrSamplePage *page)
{
	hwr_page_canvas_free(&page->canvas);
	for (int i = 0; i < page->n; i++)
		hwr_true_line_free(&page->lines[i]);
	free(page->lines);
	*page = (HwrSamplePage){0};
}

void
hwr_sample_choose(const HwrSamplePage *page, int width, int height, HwrRng *rng, HwrPlacement *place)
{
	float		x = (float) (hwr_rng_uniform(rng) * page->canvas.ink.width);
	float		y = (float) (hwr_rng_uniform(rng) * page->canvas.ink.height);

	if (page->n > 0 && hwr_rng_uniform(rng) < AT_LINE)
	{
		const HwrTrueLine *line = &page->lines[hwr_rng_below(rng, (uint64_t) page->n)];
		int			i = (int) hwr_rng_below(rng, (uint64_t) line->n);

		x = line->x0 + HWR_TRUTH_STEP * ((float) i + 0.5F);
		y = line->y[i];
	}
	place->tx = (float) (hwr_rng_range(rng, EDGE, 1 - EDGE) * width) - place->sx * x;
	place->ty = (float) (hwr_rng_range(rng, EDGE, 1 - EDGE) * height) - place->s * y - place->k * x;
}

void
hwr_sample_place(const HwrSamplePage *page, int width, int height, HwrRng *rng, HwrPlacement *place)
{
	double		size = hwr_rng_uniform(rng) < ANY_SIZE ? exp(hwr_rng_range(rng, log(LEAST_SIZE), log(GREATEST_SIZE))) :
		hwr_rng_range(rng, 0.9, 1.12);

	place->s = (float) size;
	place->sx = (float) (size * hwr_rng_range(rng, 0.88, 1.14));
	place->k = (float) (SLOPE * hwr_rng_normal(rng));
	if (hwr_rng_uniform(rng) < ANY_SLOPE)
		place->k = (float) hwr_rng_range(rng, -GREATEST_SLOPE, GREATEST_SLOPE);
	hwr_sample_choose(page, width, height, rng, place);
}

int
hwr_sample_turn(HwrRng *rng)
{
	double		chance = hwr_rng_uniform(rng);

	if (chance < UPSIDE_DOWN)
		return 2;
	if (chance < UPSIDE_DOWN + ON_SIDE)
		return hwr_rng_uniform(rng) < 0.5 ? 1 : 3;
	return 0;
}

void
hwr_sample_turn_crop(int turn, int width, int height, uint8_t *crop, uint8_t *scratch)
{
	memcpy(scratch, crop, (size_t) width * (size_t) height);
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
		{
			int			row = turn == 2 ? height - 1 - y : turn == 1 ? width - 1 - x : x;
			int			column = turn == 2 ? width - 1 - x : turn == 1 ? y : height - 1 - y;

			crop[(size_t) y * (size_t) width + (size_t) x] = scratch[(size_t) row * (size_t) width + (size_t) column];
		}
}

static float
pixel(const HwrMap *ink, int x, int y)
{
	return x < 0 || y < 0 || x >= ink->width || y >= ink->height ? 0 : hwr_map_row(ink, y)[x];
}

void
hwr_sample_draw(const HwrMap *ink, const HwrPlacement *p, int width, int height, uint8_t *out)
{
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
		{
			float		u = ((float) x + 0.5F - p->tx) / p->sx;
			float		v = ((float) y + 0.5F - p->ty - p->k * u) / p->s - 0.5F;
			int			x0;
			int			y0;
			float		fx;
			float		fy;
			float		upper;
			float		lower;

			u -= 0.5F;
			x0 = (int) floorf(u);
			y0 = (int) floorf(v);
			fx = u - (float) x0;
			fy = v - (float) y0;
			upper = (1 - fx) * pixel(ink, x0, y0) + fx * pixel(ink, x0 + 1, y0);
			lower = (1 - fx) * pixel(ink, x0, y0 + 1) + fx * pixel(ink, x0 + 1, y0 + 1);
			out[(size_t) y * (size_t) width + (size_t) x] = (uint8_t) (upper + fy * (lower - upper) + 0.5F);
		}
}

/* What is written on the other side, as the crop's own mirror image, moved a little. */
static void
show_through(int width, int height, HwrRng *rng, uint8_t *crop)
{
	float		strength = (float) hwr_rng_range(rng, 0.1, 0.5);
	int			dy = (int) hwr_rng_below(rng, 41) - 20;

	for (int y = 0; y < height; y++)
	{
		/* a row above that has been soiled already is fainter by the square: no matter */
		const uint8_t *other = crop + (size_t) ((y + dy + height) % height) * (size_t) width;
		uint8_t    *row = crop + (size_t) y * (size_t) width;

		for (int x = 0; x < width / 2; x++)
		{
			float		left = strength * (float) other[width - 1 - x];
			float		right = strength * (float) other[x];

			row[x] = (uint8_t) fmaxf(row[x], left);
			row[width - 1 - x] = (uint8_t) fmaxf(row[width - 1 - x], right);
		}
	}
}

void
hwr_sample_soil(int width, int height, HwrRng *rng, uint8_t *crop)
{
	size_t		n = (size_t) width * (size_t) height;
	float		gain = 1;
	float		grain = 0;

	if (hwr_rng_uniform(rng) < 0.25)
		show_through(width, height, rng, crop);
	if (hwr_rng_uniform(rng) < 0.6)
		gain = (float) hwr_rng_range(rng, 0.45, 1.3);
	if (hwr_rng_uniform(rng) < 0.3)
		grain = (float) hwr_rng_range(rng, 3, 20);
	if (gain == 1 && grain == 0)
		return;
	for (size_t i = 0; i < n; i++)
	{
		float		value = gain * (float) crop[i];

		/* the sum of four is near enough to a normal one */
		if (grain > 0)
		{
			uint64_t	bits = hwr_rng_next(rng);
			float		sum = (float) ((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24 & 255)) - 510;

			value += grain * sum / 148;
		}
		crop[i] = (uint8_t) fminf(fmaxf(value, 0), 255);
	}
}
