/*
 * line_sample.c
 *	  Crops of pages to train the network that finds lines with.
 */
#include "line_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How large a crop is: mostly about as found, else anything between these. */
#define LEAST_SIZE 0.55
#define GREATEST_SIZE 1.8
#define ANY_SIZE 0.6

/* The slope left over, and the share of crops that have any up to the greatest. */
#define SLOPE 0.015
#define GREATEST_SLOPE 0.1
#define ANY_SLOPE 0.2

/*
 * Of crops of several parts, how many are of three; of parts, how many go on with the lines before them, and how many
 * are of another place of the same page.
 */
#define THREE_PARTS 0.375
#define GO_ON 0.65
#define SAME_PAGE 0.15

/* Gaps between parts, in pixels; how many have a rule, how dark it is, and its slope. */
#define RULED 0.6
#define LEAST_RULED_GAP 4
#define LEAST_GAP 16
#define GREATEST_GAP 48
#define FAINTEST_RULE 40
#define DARKEST_RULE 220
#define RULE_SLOPE 0.008

/* The share of crops that lie on their side, and upside down. */
#define ON_SIDE 0.04
#define UPSIDE_DOWN 0.04

/* The share of crops that are out of focus, as pages are whose lines are few pixels apart. */
#define BLURRED 0.15

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

/* Where a crop is cut, and what is between its parts. */
static void
choose_gap(int from, int to, HwrRng *rng, HwrCropPart *part)
{
	bool		ruled = hwr_rng_uniform(rng) < RULED;
	double		least = ruled ? LEAST_RULED_GAP : LEAST_GAP;

	part->gap = (int) exp(hwr_rng_range(rng, log(least), log(GREATEST_GAP)));
	part->rule = ruled ? (int) hwr_rng_range(rng, FAINTEST_RULE, DARKEST_RULE) : 0;
	part->place.from = (int) hwr_rng_range(rng, from, to) + part->gap;
}

int
hwr_sample_parts(const HwrSamplePage *pages, int n, double several, int width, int height, HwrRng *rng,
				 HwrCropPart parts[HWR_CROP_PARTS])
{
	int			count = 1;

	/* without any, crops are those of the seed as they ever were */
	if (several > 0)
	{
		double		chance = hwr_rng_uniform(rng);

		count = chance < several * THREE_PARTS ? 3 : chance < several ? 2 : 1;
	}
	parts[0] = (HwrCropPart){.page = &pages[hwr_rng_below(rng, (uint64_t) n)]};
	hwr_sample_place(parts[0].page, width, height, rng, &parts[0].place);
	for (int i = 1; i < count; i++)
	{
		HwrCropPart *part = &parts[i];
		double		kind = hwr_rng_uniform(rng);

		*part = parts[i - 1];
		if (kind >= GO_ON + SAME_PAGE)
		{
			part->page = &pages[hwr_rng_below(rng, (uint64_t) n)];
			hwr_sample_place(part->page, width, height, rng, &part->place);
		}
		else if (kind >= GO_ON)
			hwr_sample_choose(part->page, width, height, rng, &part->place);
		choose_gap((i * width - width / 2) / count, (i * width + width / 3) / count, rng, part);
		if (kind < GO_ON)
			part->place.tx += (float) part->gap;
		parts[i - 1].place.to = part->place.from - part->gap;
	}
	return count;
}

static void
draw_rule(const HwrCropPart *part, int width, int height, HwrRng *rng, uint8_t *out)
{
	double		slope = RULE_SLOPE * hwr_rng_normal(rng);
	double		x = part->place.from - part->gap * hwr_rng_range(rng, 0.1, 0.9);
	int			thick = 1 + (int) hwr_rng_below(rng, 3);
	int			middle = height / 2;

	for (int y = 0; y < height; y++)
		for (int i = 0; i < thick; i++)
		{
			int			column = (int) (x + slope * (y - middle)) + i;
			uint8_t    *pixel;

			if (column < 0 || column >= width)
				continue;
			pixel = &out[(size_t) y * (size_t) width + (size_t) column];
			*pixel = *pixel > part->rule ? *pixel : (uint8_t) part->rule;
		}
}

void
hwr_sample_draw_parts(const HwrCropPart *parts, int n, int width, int height, HwrRng *rng, uint8_t *out)
{
	if (n > 1)
		memset(out, 0, (size_t) width * (size_t) height);
	for (int i = 0; i < n; i++)
		hwr_sample_draw(&parts[i].page->canvas.ink, &parts[i].place, width, height, out);
	for (int i = 1; i < n; i++)
		if (parts[i].rule > 0)
			draw_rule(&parts[i], width, height, rng, out);
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
	int			to = p->to > 0 ? p->to : width;

	for (int y = 0; y < height; y++)
		for (int x = p->from; x < to; x++)
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

bool
hwr_sample_soil(int width, int height, HwrRng *rng, uint8_t *crop, HwrStatus *st)
{
	HwrMap		map = {.width = width,.height = height,.v = crop};
	size_t		n = (size_t) width * (size_t) height;
	float		gain = 1;
	float		grain = 0;

	if (hwr_rng_uniform(rng) < BLURRED)
	{
		if (!hwr_map_blur_x(&map, 1, st) || !hwr_map_blur_y(&map, 1, st))
			return false;
		gain = (float) hwr_rng_range(rng, 0.8, 1.6);
	}
	if (hwr_rng_uniform(rng) < 0.25)
		show_through(width, height, rng, crop);
	if (gain == 1 && hwr_rng_uniform(rng) < 0.6)
		gain = (float) hwr_rng_range(rng, 0.45, 1.3);
	if (hwr_rng_uniform(rng) < 0.3)
		grain = (float) hwr_rng_range(rng, 3, 20);
	if (gain == 1 && grain == 0)
		return true;
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
	return true;
}
