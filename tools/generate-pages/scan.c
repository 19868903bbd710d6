/*
 * scan.c
 *	  What a scanner or a microfilm camera makes of a sheet: paper, stains, what shows through, inks, light, grain.
 */
#include <stdlib.h>

#include "pages.h"

/* Coverage of a layer at pixel i, 0 .. 1. */
typedef struct Coverage
{
	const uint8_t *data;
	int			stride;
	int			width;
} Coverage;

static Coverage
coverage_of(const Sheet *sheet, Layer layer)
{
	cairo_surface_t *surface = cairo_get_target(sheet->layer[layer]);

	cairo_surface_flush(surface);
	return (Coverage){cairo_image_surface_get_data(surface), cairo_image_surface_get_stride(surface), sheet->picture_width};
}

static float
coverage_at(const Coverage *c, int i)
{
	return c->data[(i / c->width) * c->stride + i % c->width] / 255.0f;
}

/* Smooth noise in [-1, 1] of cells so large, times strength, to every pixel of tone. */
static void
add_noise(Rng *rng, const Picture *pic, int cell, double strength, float *tone)
{
	int			columns = pic->width / cell + 2;
	int			rows = pic->height / cell + 2;
	float	   *grid = g_new(float, columns * rows);

	for (int i = 0; i < columns * rows; i++)
		grid[i] = (float) uniform(rng, -strength, strength);
	for (int y = 0; y < pic->height; y++)
		for (int x = 0; x < pic->width; x++)
		{
			const float *g = grid + y / cell * columns + x / cell;
			float		u = (float) (x % cell) / (float) cell;
			float		v = (float) (y % cell) / (float) cell;

			tone[y * pic->width + x] += (1 - v) * ((1 - u) * g[0] + u * g[1]) + v * ((1 - u) * g[columns] + u * g[columns + 1]);
		}
	g_free(grid);
}

/* Darker where something was spilt, with an edge that is darker still. */
static void
add_stain(Rng *rng, const Picture *pic, float *tone)
{
	double		x0 = uniform(rng, 0, pic->width);
	double		y0 = uniform(rng, 0, pic->height);
	double		radius = 15 * pow(2, uniform(rng, 0, 4.5));
	double		aspect = uniform(rng, 0.5, 2);
	double		dark = uniform(rng, 5, 45);
	double		edge = chance(rng, 0.4) ? uniform(rng, 5, 35) : 0;
	double		lobes = 2 + below(rng, 5);
	double		phase = uniform(rng, 0, 2 * M_PI);
	double		soft = uniform(rng, 0.02, 0.5);

	for (int y = (int) fmax(0, y0 - 3 * radius); y < fmin(pic->height, y0 + 3 * radius); y++)
		for (int x = (int) fmax(0, x0 - 3 * radius); x < fmin(pic->width, x0 + 3 * radius); x++)
		{
			double		dx = (x - x0) * aspect;
			double		dy = y - y0;
			double		r = hypot(dx, dy) / radius / (1 + 0.15 * sin(lobes * atan2(dy, dx) + phase));
			double		inside = r < 1 ? 1 : exp(-(r - 1) / soft * 3);

			tone[y * pic->width + x] -= (float) (dark * inside + edge * exp(-pow((r - 1) / 0.04, 2)));
		}
}

/* Light that falls off to a side, and the shadow in the fold. */
static void
shade(Rng *rng, const Sheet *sheet, const Picture *pic, float *tone)
{
	double		across = chance(rng, 0.4) ? uniform(rng, -0.35, 0.35) : 0;
	double		down = chance(rng, 0.4) ? uniform(rng, -0.35, 0.35) : 0;
	double		fold = sheet->bend.gutter > 0 ? uniform(rng, 0.2, 0.8) : 0;
	double		width = uniform(rng, 0.01, 0.06) * pic->width;
	double		at = bent(&sheet->bend, (Point){sheet->bend.gutter, sheet->height / 2}).x;

	for (int y = 0; y < pic->height; y++)
		for (int x = 0; x < pic->width; x++)
		{
			double		light = 1 + across * ((double) x / pic->width - 0.5) + down * ((double) y / pic->height - 0.5);

			light *= 1 - fold * exp(-fabs(x - at) / width);
			tone[y * pic->width + x] *= (float) light;
		}
}

static void
lay_paper(Rng *rng, const Sheet *sheet, Picture *pic, float *tone)
{
	int			n = pic->width * pic->height;
	double		white = chance(rng, 0.6) ? uniform(rng, 200, 252) : uniform(rng, 120, 200);
	double		around = chance(rng, 0.6) ? uniform(rng, 0, 25) : uniform(rng, 60, 255);
	Coverage	paper = coverage_of(sheet, PAPER);
	Coverage	back = coverage_of(sheet, BACK);
	Coverage	rules = coverage_of(sheet, RULES);
	double		through = uniform(rng, 0.03, 0.25) * white;
	double		faint = uniform(rng, 0.12, 0.75);

	/* paper scatters what shines through it */
	for (int i = 0; i < 3 * n; i++)
		pic->rgb[i] = coverage_at(&back, i / 3);
	for (int k = 2 + below(rng, 3); k > 0; k--)
		blur(pic, 0.6f);
	for (int i = 0; i < n; i++)
		tone[i] = (float) (white - through * pic->rgb[3 * i]);
	if (chance(rng, 0.5))
		add_noise(rng, pic, 200, uniform(rng, 2, 18), tone);
	if (chance(rng, 0.5))
		add_noise(rng, pic, 30, uniform(rng, 1, 6), tone);
	if (chance(rng, 0.5))
		add_noise(rng, pic, 5, uniform(rng, 1, 8), tone);
	for (int k = chance(rng, 0.4) ? below(rng, 8) : 0; k > 0; k--)
		add_stain(rng, pic, tone);
	for (int i = 0; i < n; i++)
		tone[i] = fmaxf(tone[i], 20) * (1 - (float) faint * coverage_at(&rules, i));
	shade(rng, sheet, pic, tone);
	for (int i = 0; i < n; i++)
	{
		float		on = coverage_at(&paper, i);

		for (int ch = 0; ch < 3; ch++)
			pic->rgb[3 * i + ch] = on * tone[i] + (1 - on) * (float) around;
	}
}

static void
add_ink(Rng *rng, const Sheet *sheet, Layer layer, bool faint, Picture *pic)
{
	Coverage	ink = coverage_of(sheet, layer);

	for (int i = 0; i < pic->width * pic->height; i++)
		pic->mask[i] = coverage_at(&ink, i);
	wear_ink(rng, pic);
	draw_ink(rng, pic, faint);
}

void
take_scan(Rng *rng, const Sheet *sheet, Picture *pic)
{
	size_t		n = (size_t) sheet->picture_width * (size_t) sheet->picture_height;
	bool		faint = chance(rng, 0.2);
	Coverage	print;
	float	   *tone = g_new(float, n);

	*pic = (Picture){sheet->picture_width, sheet->picture_height, g_new(float, n), g_new(float, 3 * n)};
	lay_paper(rng, sheet, pic, tone);
	print = coverage_of(sheet, PRINT);
	for (size_t i = 0; i < 3 * n; i++)
		pic->rgb[i] *= 1 - 0.85f * coverage_at(&print, (int) (i / 3));
	add_ink(rng, sheet, INK, faint, pic);
	add_ink(rng, sheet, OTHER_INK, chance(rng, 0.2), pic);
	for (int i = below(rng, 3); i > 0; i--)
		blur(pic, (float) uniform(rng, 0.1, 0.5));
	add_grain(rng, pic);
	/* of faint ink nothing would be left */
	if (!faint && chance(rng, 0.08))
		scan(rng, pic);
	g_free(tone);
}
