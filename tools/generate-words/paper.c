/*
 * paper.c
 *	  Ink on paper, and what a camera or a scanner makes of it.
 */
#include <stdlib.h>
#include <string.h>

#include "generate.h"

/* Smooth noise in about [-1, 1]: a few long waves across the picture. */
static void
make_noise(Rng *rng, const Picture *pic, double length, float *out)
{
	double		k[4][3];

	for (int i = 0; i < 4; i++)
	{
		double		angle = uniform(rng, 0, 2 * M_PI);
		double		freq = 2 * M_PI / (length * uniform(rng, 0.6, 1.6));

		k[i][0] = freq * cos(angle);
		k[i][1] = freq * sin(angle);
		k[i][2] = uniform(rng, 0, 2 * M_PI);
	}
	for (int r = 0; r < pic->height; r++)
		for (int c = 0; c < pic->width; c++)
		{
			double		sum = 0;

			for (int i = 0; i < 4; i++)
				sum += sin(k[i][0] * c + k[i][1] * r + k[i][2]);
			out[r * pic->width + c] = (float) (sum / 4);
		}
}

/* A printed line under the word, or a box around it, as forms have them. */
static void
draw_ruling(Rng *rng, Picture *pic, double baseline)
{
	double		tone = uniform(rng, 0.45, 0.85);
	int			row = (int) fmin(pic->height - 2, baseline + uniform(rng, 0, 5));
	int			dash = chance(rng, 0.3) ? 3 + below(rng, 4) : 0;
	bool		box = chance(rng, 0.25);
	int			left = 1 + below(rng, 3);

	for (int c = 0; c < pic->width; c++)
		for (int ch = 0; ch < 3; ch++)
			if (dash == 0 || (c / dash) % 2 == 0)
				pic->rgb[(row * pic->width + c) * 3 + ch] *= (float) tone;
	if (box)
		for (int r = 0; r < pic->height; r++)
			for (int ch = 0; ch < 3; ch++)
				pic->rgb[(r * pic->width + left) * 3 + ch] *= (float) tone;
}

void
draw_paper(Rng *rng, Picture *pic, double baseline)
{
	float	   *shade = malloc(sizeof(float) * (size_t) (pic->width * pic->height));
	double		white = uniform(rng, 200, 253);
	double		tint[3] = {1, uniform(rng, 0.96, 1.0), uniform(rng, 0.88, 1.0)};
	double		depth = uniform(rng, 0, 10);

	make_noise(rng, pic, 3.0 * pic->height, shade);
	for (int i = 0; i < pic->width * pic->height; i++)
		for (int ch = 0; ch < 3; ch++)
			pic->rgb[i * 3 + ch] = (float) (white * tint[ch] + depth * shade[i]);
	if (chance(rng, 0.3))
		draw_ruling(rng, pic, baseline);
	free(shade);
}

/* One row (or column, step being the width) of darker pixels, perhaps tinted. */
static void
rule(Picture *pic, int first, int step, int n, const double tone[3])
{
	for (int i = 0; i < n; i++)
		for (int ch = 0; ch < 3; ch++)
			pic->rgb[(first + i * step) * 3 + ch] *= (float) tone[ch];
}

/* Lines of an exercise book, or squares of one: pitch in pixels. */
static void
draw_pattern(Rng *rng, Picture *pic, double pitch, bool squares)
{
	double		strength = uniform(rng, 0.1, 0.4);
	bool		blue = chance(rng, 0.5);
	double		tone[3] = {1 - strength, 1 - strength * (blue ? 0.6 : 1), 1 - strength * (blue ? 0.2 : 1)};

	for (double r = uniform(rng, 0, pitch); r < pic->height; r += pitch)
		rule(pic, (int) r * pic->width, 1, pic->width, tone);
	for (double c = uniform(rng, 0, pitch); squares && c < pic->width; c += pitch)
		rule(pic, (int) c, pic->width, pic->height, tone);
}

/* Light falls off across the picture. */
static void
draw_shadow(Rng *rng, Picture *pic)
{
	double		dark = uniform(rng, 0.45, 0.9);
	double		angle = uniform(rng, 0, 2 * M_PI);
	double		middle = uniform(rng, -0.4, 0.4);
	double		soft = uniform(rng, 0.05, 0.6);

	for (int r = 0; r < pic->height; r++)
		for (int c = 0; c < pic->width; c++)
		{
			double		along = cos(angle) * ((double) c / pic->width - 0.5) + sin(angle) * ((double) r / pic->height - 0.5);
			double		share = 1 / (1 + exp((middle - along) / soft * 4));

			for (int ch = 0; ch < 3; ch++)
				pic->rgb[(r * pic->width + c) * 3 + ch] *= (float) (1 - (1 - dark) * share);
		}
}

/* What else paper may be: coloured, ruled, squared, in shadow.  height: of the letters.  Returns whether there is a shadow. */
bool
draw_sheet(Rng *rng, Picture *pic, double height)
{
	if (chance(rng, 0.15))
	{
		double		tint[3] = {uniform(rng, 0.8, 1), uniform(rng, 0.75, 1), uniform(rng, 0.5, 1)};

		for (int i = 0; i < 3 * pic->width * pic->height; i++)
			pic->rgb[i] *= (float) tint[i % 3];
	}
	if (chance(rng, 0.15))
		draw_pattern(rng, pic, height * uniform(rng, 0.9, 1.6), false);
	else if (chance(rng, 0.15))
		draw_pattern(rng, pic, height * uniform(rng, 0.3, 0.7), true);
	if (!chance(rng, 0.15))
		return false;
	draw_shadow(rng, pic);
	return true;
}

/* A pencil, or a ballpoint pen that skips: ink is missing in grains, or where the noise is highest. */
void
wear_ink(Rng *rng, Picture *pic)
{
	int			n = pic->width * pic->height;

	if (chance(rng, 0.15))
	{
		double		grain = uniform(rng, 0.3, 0.8);

		for (int i = 0; i < n; i++)
			pic->mask[i] *= (float) (1 - grain * uniform(rng, 0, 1));
	}
	else if (chance(rng, 0.1))
	{
		float	   *noise = malloc(sizeof(float) * (size_t) n);
		double		limit = uniform(rng, 0.35, 0.6);

		make_noise(rng, pic, 0.35 * pic->height, noise);
		for (int i = 0; i < n; i++)
			if (noise[i] > limit)
				pic->mask[i] *= 0.25f;
		free(noise);
	}
}

void
draw_ink(Rng *rng, Picture *pic, bool faint)
{
	static const double inks[][3] = {
		{25, 25, 30}, {40, 40, 45}, {20, 30, 95}, {35, 55, 140}, {85, 85, 90}, {110, 30, 40}
	};
	const double *ink = inks[below(rng, 6)];
	float	   *pressure = malloc(sizeof(float) * (size_t) (pic->width * pic->height));
	double		uneven = uniform(rng, 0, 0.22);
	double		grain = chance(rng, 0.35) ? uniform(rng, 0.05, 0.35) : 0;
	double		density = uniform(rng, 0.8, 1.0);

	if (faint)
	{
		density *= uniform(rng, 0.3, 0.6);
		uneven = uniform(rng, 0.2, 0.7);
	}
	make_noise(rng, pic, 0.7 * pic->height, pressure);
	for (int i = 0; i < pic->width * pic->height; i++)
	{
		double		m = pic->mask[i] * density * (1 - uneven * (0.5 + 0.5 * pressure[i]));

		m *= 1 - grain * uniform(rng, 0, 1);
		for (int ch = 0; ch < 3; ch++)
			pic->rgb[i * 3 + ch] = (float) (pic->rgb[i * 3 + ch] * (1 - m) + ink[ch] * m);
	}
	free(pressure);
}

/* Binomial blur 1-w, w in both directions, w in 0 .. 0.5 */
void
blur(Picture *pic, float w)
{
	size_t		size = sizeof(float) * 3 * (size_t) (pic->width * pic->height);
	float	   *copy = malloc(size);

	for (int pass = 0; pass < 2; pass++)
	{
		int			step = pass == 0 ? 3 : 3 * pic->width;

		memcpy(copy, pic->rgb, size);
		for (int r = 0; r < pic->height; r++)
			for (int c = 0; c < pic->width; c++)
			{
				int			at = pass == 0 ? c : r;
				int			last = (pass == 0 ? pic->width : pic->height) - 1;

				for (int ch = 0; ch < 3; ch++)
				{
					int			i = (r * pic->width + c) * 3 + ch;
					float		before = copy[at > 0 ? i - step : i];
					float		after = copy[at < last ? i + step : i];

					pic->rgb[i] = (1 - w) * copy[i] + w * 0.5f * (before + after);
				}
			}
	}
	free(copy);
}

void
add_grain(Rng *rng, Picture *pic)
{
	double		sigma = uniform(rng, 0, 4.5);

	for (int i = 0; i < pic->width * pic->height; i++)
	{
		double		g = sigma * normal(rng);

		for (int ch = 0; ch < 3; ch++)
			pic->rgb[i * 3 + ch] += (float) g;
	}
}

/* Nearly all black or white, as scanners of forms deliver. */
void
scan(Rng *rng, Picture *pic)
{
	double		steep = uniform(rng, 2, 6);
	double		threshold = uniform(rng, 0.65, 0.85);	/* of the paper */
	float		paper = 0;

	for (int i = 0; i < 3 * pic->width * pic->height; i++)
		paper = fmaxf(paper, pic->rgb[i]);
	for (int i = 0; i < 3 * pic->width * pic->height; i++)
		pic->rgb[i] = (float) fmax(0, fmin(255, 128 + steep * (pic->rgb[i] - threshold * paper)));
}
