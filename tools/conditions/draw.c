/*
 * draw.c
 *	  Pictures under other conditions of scanning.
 */
#include "conditions.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

static uint8_t
clip(double v)
{
	return (uint8_t) (v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

static Picture
new_picture(int w, int h)
{
	return (Picture) {w, h, must(malloc((size_t) w * (size_t) h))};
}

/* The colour that most of the picture has. */
static int
paper_of(const Picture *a)
{
	long		count[256] = {0};
	long		seen = 0;
	int			g = 0;

	for (int i = 0; i < a->w * a->h; i++)
		count[a->p[i]]++;
	while ((seen += count[g]) * 2 < (long) a->w * a->h)
		g++;
	return g;
}

static double
noise(HwrRng *rng, double sd)
{
	double		sum = 0;

	for (int i = 0; i < 12; i++)
		sum += (double) hwr_rng_below(rng, 1 << 20) / (1 << 20);
	return (sum - 6) * sd;
}

/* Resize by area or bilinearly: good enough for tests. */
static Picture
resize(const Picture *a, int w, int h)
{
	Picture		b = new_picture(w, h);

	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++)
		{
			double		sum = 0;
			double		weight = 0;
			double		sx = (double) a->w / w;
			double		sy = (double) a->h / h;
			double		rx = sx > 1 ? sx : 1;
			double		ry = sy > 1 ? sy : 1;
			double		cx = (x + 0.5) * sx - 0.5;
			double		cy = (y + 0.5) * sy - 0.5;

			for (int j = (int) floor(cy - ry); j <= cy + ry; j++)
				for (int i = (int) floor(cx - rx); i <= cx + rx; i++)
				{
					double		k = (1 - fabs(i - cx) / rx) * (1 - fabs(j - cy) / ry);
					int			u = i < 0 ? 0 : i >= a->w ? a->w - 1 : i;
					int			v = j < 0 ? 0 : j >= a->h ? a->h - 1 : j;

					if (fabs(i - cx) >= rx || fabs(j - cy) >= ry)
						continue;
					sum += k * a->p[v * a->w + u];
					weight += k;
				}
			b.p[y * w + x] = clip(sum / weight);
		}
	return b;
}

static void
frame(Picture *a, int t)
{
	for (int y = 0; y < a->h; y++)
		for (int x = 0; x < a->w; x++)
			if (x < t || y < t || x >= a->w - t || y >= a->h - t)
				a->p[y * a->w + x] = 20;
}

static void
light(Picture *a, double left, double right, double top, double bottom, bool hard)
{
	for (int y = 0; y < a->h; y++)
		for (int x = 0; x < a->w; x++)
		{
			double		u = (double) x / a->w;
			double		v = (double) y / a->h;

			if (hard)
				u = u < 0.5 ? 0 : 1, v = v < 0.5 ? 0 : 1;
			a->p[y * a->w + x] = clip(a->p[y * a->w + x] * (left + (right - left) * u) * (top + (bottom - top) * v));
		}
}

static void
strip(Picture *a, double from, double to, double factor)
{
	for (int y = 0; y < a->h; y++)
		for (int x = (int) (from * a->w); x < to * a->w; x++)
			a->p[y * a->w + x] = clip(a->p[y * a->w + x] * factor);
}

/*
 * Rules n to the height of the picture, the first at the share phase of the way from one to the next.  beyond: so many above
 * and below these, which slope leads into the picture.
 */
static void
rules(Picture *a, int n, int beyond, int grey, double slope, double phase, bool columns)
{
	int			step = a->h >= n ? a->h / n : 1;

	for (int i = -beyond; i < n + beyond; i++)
		for (int x = 0; x < a->w; x++)
		{
			int			y = (int) ((i + phase) * a->h / n + slope * (x - a->w / 2));

			if (y >= 0 && y < a->h && a->p[y * a->w + x] > grey)
				a->p[y * a->w + x] = (uint8_t) grey;
		}
	for (int x = (int) (step * phase); columns && x < a->w; x += step)
		for (int y = 0; y < a->h; y++)
			if (a->p[y * a->w + x] > grey)
				a->p[y * a->w + x] = (uint8_t) grey;
}

static void
invert(Picture *a)
{
	for (int i = 0; i < a->w * a->h; i++)
		a->p[i] = 255 - a->p[i];
}

/* Contrast towards the paper. */
static void
fade(Picture *a, double keep)
{
	int			paper = paper_of(a);

	for (int i = 0; i < a->w * a->h; i++)
		a->p[i] = clip(paper + (a->p[i] - paper) * keep);
}

static void
blank(Picture *a, HwrRng *rng, double sd, double slope)
{
	for (int y = 0; y < a->h; y++)
		for (int x = 0; x < a->w; x++)
			a->p[y * a->w + x] = clip(230 - slope * x / a->w + noise(rng, sd));
}

static void
replace(Picture *a, Picture b)
{
	free(a->p);
	*a = b;
}

/* Turned about the middle by so many degrees, on paper that goes on at the edges. */
static void
turn(Picture *a, double degrees)
{
	double		c = cos(degrees * M_PI / 180);
	double		s = sin(degrees * M_PI / 180);
	Picture		b = new_picture((int) (a->w * fabs(c) + a->h * fabs(s)), (int) (a->w * fabs(s) + a->h * fabs(c)));
	int			paper = paper_of(a);

	for (int y = 0; y < b.h; y++)
		for (int x = 0; x < b.w; x++)
		{
			double		u = (x - b.w / 2.0) * c + (y - b.h / 2.0) * s + a->w / 2.0;
			double		v = (y - b.h / 2.0) * c - (x - b.w / 2.0) * s + a->h / 2.0;
			int			i = (int) floor(u);
			int			j = (int) floor(v);
			const uint8_t *at = a->p + j * a->w + i;

			b.p[y * b.w + x] = (uint8_t) paper;
			if (i >= 0 && j >= 0 && i + 1 < a->w && j + 1 < a->h)
				b.p[y * b.w + x] = clip((at[0] * (1 - u + i) + at[1] * (u - i)) * (1 - v + j) +
										(at[a->w] * (1 - u + i) + at[a->w + 1] * (u - i)) * (v - j));
		}
	replace(a, b);
}

/* Out of focus: each pixel becomes the mean of those around it. */
static void
blur(Picture *a, int radius)
{
	Picture		b = new_picture(a->w, a->h);

	for (int y = 0; y < a->h; y++)
		for (int x = 0; x < a->w; x++)
		{
			int			sum = 0;
			int			n = 0;

			for (int j = y - radius; j <= y + radius; j++)
				for (int i = x - radius; i <= x + radius; i++)
					if (i >= 0 && j >= 0 && i < a->w && j < a->h)
						sum += a->p[j * a->w + i], n++;
			b.p[y * a->w + x] = (uint8_t) (sum / n);
		}
	replace(a, b);
}

/* Clouds: octaves of smooth noise, as the picture of a landscape has them. */
static void
clouds(Picture *a, HwrRng *rng)
{
	double	   *sum = must(calloc((size_t) a->w * (size_t) a->h, sizeof(double)));

	for (int cell = 4; cell < 256; cell *= 2)
	{
		int			n = a->w / cell + 3;
		double	   *grid = must(malloc((size_t) n * (size_t) (a->h / cell + 3) * sizeof(double)));

		for (int i = 0; i < n * (a->h / cell + 3); i++)
			grid[i] = noise(rng, 1) * cell;
		for (int y = 0; y < a->h; y++)
			for (int x = 0; x < a->w; x++)
			{
				const double *g = grid + y / cell * n + x / cell;
				double		u = (double) (x % cell) / cell;
				double		v = (double) (y % cell) / cell;

				sum[y * a->w + x] += (g[0] * (1 - u) + g[1] * u) * (1 - v) + (g[n] * (1 - u) + g[n + 1] * u) * v;
			}
		free(grid);
	}
	for (int i = 0; i < a->w * a->h; i++)
		a->p[i] = clip(120 + sum[i] / 3);
	free(sum);
}

/* The line again and again, as many times as make a page. */
static void
page(Picture *a)
{
	int			lines = (int) (1.4 * a->w / a->h) + 1;
	Picture		b = new_picture(a->w, a->h * lines);

	for (int y = 0; y < b.h; y++)
		memcpy(b.p + (size_t) y * b.w, a->p + (size_t) (y % a->h) * a->w, (size_t) a->w);
	free(a->p);
	*a = b;
}

/* Colours of full ink and of paper. */
typedef struct Colours
{
	uint8_t		ink[3];
	uint8_t		paper[3];
} Colours;

static const Colours *
colours_of(const char *name)
{
	static const Colours blue = {{40, 60, 160}, {250, 250, 245}};
	static const Colours red = {{190, 40, 50}, {250, 250, 245}};
	static const Colours yellow = {{40, 50, 120}, {240, 222, 150}};

	return strcmp(name, "blue_ink") == 0 ? &blue : strcmp(name, "red_ink") == 0 ? &red : strcmp(name, "yellow_paper") == 0 ?
		&yellow : NULL;
}

/* A row of grey in colours: black is ink, the picture's paper is paper. */
static void
paint(const uint8_t *row, int w, int paper, const Colours *colours, uint8_t *out)
{
	for (int x = 0; x < w; x++)
		for (int i = 0; i < 3; i++)
		{
			double		share = paper > 0 && row[x] < paper ? (double) row[x] / paper : 1;

			out[3 * x + i] = clip(colours->ink[i] + share * (colours->paper[i] - colours->ink[i]));
		}
}

/* A line of square dots to write on, as far from each other as they are wide. */
static void
dotted(Picture *a, int size, int grey)
{
	for (int y = a->h * 3 / 4; y < a->h * 3 / 4 + size && y < a->h; y++)
		for (int x = size; x < a->w; x++)
			if (x / size % 2 == 1 && a->p[y * a->w + x] > grey)
				a->p[y * a->w + x] = (uint8_t) grey;
}

/* More paper above and below, so many times the height each. */
static void
margins(Picture *a, double heights)
{
	int			more = (int) (heights * a->h);
	Picture		b = new_picture(a->w, a->h + 2 * more);

	memset(b.p, paper_of(a), (size_t) b.w * (size_t) b.h);
	memcpy(b.p + (size_t) more * (size_t) b.w, a->p, (size_t) a->w * (size_t) a->h);
	replace(a, b);
}

/* Cut close: without the rows above and below that have less than a twentyfifth of the fullest row's ink. */
static void
tight(Picture *a)
{
	int			paper = paper_of(a);
	double	   *ink = must(calloc((size_t) a->h, sizeof(double)));
	double		most = 0;
	int			top = 0;
	int			bottom = a->h;

	for (int y = 0; y < a->h; y++)
	{
		for (int x = 0; x < a->w; x++)
			ink[y] += a->p[y * a->w + x] < paper - 40 ? paper - a->p[y * a->w + x] : 0;
		most = ink[y] > most ? ink[y] : most;
	}
	while (top < a->h - 8 && ink[top] < 0.04 * most)
		top++;
	while (bottom > top + 8 && ink[bottom - 1] < 0.04 * most)
		bottom--;
	a->h = bottom - top;
	memmove(a->p, a->p + (size_t) top * (size_t) a->w, (size_t) a->h * (size_t) a->w);
	free(ink);
}

/* Apply a condition by name; the JPEG quality to store with. */
static int
apply(const char *name, Picture *a, HwrRng *rng)
{
	int			n = 0;
	double		f = 0;

	if (sscanf(name, "frame_%d", &n) == 1)
		frame(a, n);
	else if (sscanf(name, "quality_%d", &n) == 1)
		return n;
	else if (sscanf(name, "height_%d", &n) == 1)
		replace(a, resize(a, (a->w * n + a->h / 2) / a->h, n));
	else if (sscanf(name, "noise_%lf", &f) == 1)
		for (int i = 0; i < a->w * a->h; i++)
			a->p[i] = clip(a->p[i] + noise(rng, f));
	else if (sscanf(name, "gradient_%lf", &f) == 1)
		light(a, 1, f, 1, 1, false);
	else if (sscanf(name, "gradient_down_%lf", &f) == 1)
		light(a, 1, 1, f, 1, false);
	else if (sscanf(name, "shadow_%lf", &f) == 1)
		light(a, 1, f, 1, 1, true);
	else if (sscanf(name, "shadow_down_%lf", &f) == 1)
		light(a, 1, 1, f, 1, true);
	else if (sscanf(name, "fade_%lf", &f) == 1)
		fade(a, f);
	else if (sscanf(name, "light_strip_%lf", &f) == 1)
		fade(a, 0.8), strip(a, 1 - f, 1, 1.2);
	else if (sscanf(name, "dark_strip_%lf", &f) == 1)
		strip(a, 1 - f, 1, 0.2);
	else if (sscanf(name, "ruled_%d", &n) == 1)
		rules(a, n, 0, 110, 0, 0.5, false);
	else if (sscanf(name, "sloped_ruled_%d", &n) == 1)
		rules(a, n, 0, 110, 0.02, 0.5, false);
	else if (sscanf(name, "squared_%d", &n) == 1)
		rules(a, n, 0, 140, 0, 0.5, true);
	else if (sscanf(name, "margins_%lf", &f) == 1)
		margins(a, f);
	else if (strcmp(name, "tight") == 0)
		tight(a);
	else if (sscanf(name, "dotted_%d", &n) == 1)
		dotted(a, n, 90);
	else if (sscanf(name, "no_dotted_blank_%d", &n) == 1)
		blank(a, rng, 1, 0), dotted(a, n, 90);
	else if (sscanf(name, "no_blank_%d", &n) == 1)
		return blank(a, rng, 1, 0), n;
	else if (sscanf(name, "no_noisy_blank_%d", &n) == 1)
		return blank(a, rng, 4, 0), n;
	else if (sscanf(name, "no_ramp_%d", &n) == 1)
		return blank(a, rng, 1, 15), n;
	else if (sscanf(name, "no_steep_ramp_%d", &n) == 1)
		return blank(a, rng, 1, 90), n;
	else if (sscanf(name, "no_framed_blank_%d", &n) == 1)
		blank(a, rng, 1, 0), frame(a, n);
	else if (sscanf(name, "no_ruled_blank_%d", &n) == 1)
		blank(a, rng, 1, 0), rules(a, n, 0, 110, 0, 0.5, false);
	else if (strcmp(name, "no_shadow_blank") == 0)
		blank(a, rng, 1, 0), light(a, 1, 0.4, 1, 1, true);
	else if (sscanf(name, "turned_%lf", &f) == 1)
		turn(a, f);
	else if (sscanf(name, "blurred_%d", &n) == 1)
		blur(a, n);
	else if (strcmp(name, "photograph") == 0)
	{
		turn(a, 1);
		blur(a, 1);
		light(a, 1, 0.6, 0.8, 1, false);
		return 60;
	}
	else if (strcmp(name, "no_photograph") == 0)
		clouds(a, rng);
	else if (strcmp(name, "no_page") == 0)
		page(a);
	else if (strcmp(name, "inverted") == 0)
		invert(a);
	else if (strcmp(name, "inverted_frame") == 0)
		invert(a), frame(a, 2), invert(a), invert(a);
	else if (strcmp(name, "clean") != 0 && colours_of(name) == NULL)
	{
		fprintf(stderr, "conditions: no condition \"%s\"\n", name);
		exit(2);
	}
	return 75;
}

/* colours: NULL for grey */
static uint8_t *
compress(const Picture *a, int quality, const Colours *colours, size_t *len)
{
	uint8_t    *line = must(malloc(3 * (size_t) a->w));
	int			paper = paper_of(a);
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr errors;
	unsigned char *bytes = NULL;
	unsigned long n = 0;

	c.err = jpeg_std_error(&errors);
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &bytes, &n);
	c.image_width = (JDIMENSION) a->w;
	c.image_height = (JDIMENSION) a->h;
	c.in_color_space = colours == NULL ? JCS_GRAYSCALE : JCS_RGB;
	c.input_components = colours == NULL ? 1 : 3;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, quality, TRUE);
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < c.image_height)
	{
		JSAMPROW	row = a->p + (size_t) c.next_scanline * (size_t) a->w;

		if (colours != NULL)
			paint(row, a->w, paper, colours, line), row = line;
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	free(line);
	*len = n;
	return bytes;
}

uint8_t *
draw_condition(const char *name, const Picture *picture, HwrRng *rng, size_t *len)
{
	Picture		a = new_picture(picture->w, picture->h);
	uint8_t    *bytes;
	int			quality;

	memcpy(a.p, picture->p, (size_t) a.w * (size_t) a.h);
	quality = apply(name, &a, rng);
	bytes = compress(&a, quality, colours_of(name), len);
	free(a.p);
	return bytes;
}

static double
between(HwrRng *rng, double low, double high)
{
	return low + (high - low) * hwr_rng_uniform(rng);
}

static void
rule_somehow(Picture *a, HwrRng *rng)
{
	int			n = 1 + (int) hwr_rng_below(rng, 5);
	int			grey = (int) (paper_of(a) * between(rng, 0.35, 0.8));
	double		slope = hwr_rng_uniform(rng) < 0.6 ? 0 : between(rng, -0.025, 0.025);
	double		phase = hwr_rng_uniform(rng);
	bool		columns = hwr_rng_uniform(rng) < 0.4;

	rules(a, n, 1, grey, slope, phase, columns);
	if (hwr_rng_uniform(rng) < 0.3)
		rules(a, n, 1, grey, slope, phase + (double) n / a->h, false);	/* two pixels wide */
}

static void
photograph_somehow(Picture *a, HwrRng *rng)
{
	double		dark = between(rng, 0.5, 1);

	turn(a, between(rng, -2, 2));
	if (hwr_rng_uniform(rng) < 0.8)
		blur(a, 1);
	light(a, 1, dark, between(rng, 0.7, 1), 1, hwr_rng_uniform(rng) < 0.15);
}

uint8_t *
draw_any_condition(const Picture *picture, HwrRng *rng, size_t *len)
{
	Picture		a = new_picture(picture->w, picture->h);
	double		kind = hwr_rng_uniform(rng);
	int			quality = 75;
	uint8_t    *bytes;

	memcpy(a.p, picture->p, (size_t) a.w * (size_t) a.h);
	if (kind < 0.5)
		rule_somehow(&a, rng);
	if (kind > 0.45 && kind < 0.75)
	{
		photograph_somehow(&a, rng);
		quality = 40 + (int) hwr_rng_below(rng, 40);
	}
	if (kind > 0.72)
	{
		int			height = (int) between(rng, 11, 34);

		if (height < a.h)
			replace(&a, resize(&a, (a.w * height + a.h / 2) / a.h, height));
	}
	bytes = compress(&a, quality, NULL, len);
	free(a.p);
	return bytes;
}
