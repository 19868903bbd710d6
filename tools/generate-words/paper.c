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
