/*
 * generate-words.c
 *	  Draw words in handwriting fonts as small JPEG files, with their labels.
 *
 *	  generate-words --words FILE --fonts FILE --out DIR [--count N] [--seed N] [--vocabulary N]
 *
 * Writes DIR/words/00000.jpg ... and DIR/words.csv (filename,label).  This makes the sample data
 * in test/data; it is never part of hwr.so.
 *
 * A word is laid out by Pango and becomes a Cairo path.  All points of the path go through one
 * smooth random displacement (slant, wandering baseline, waves of about a letter's length), so that
 * no two a's of a word are alike although the font has only one.  The path is filled into a mask, made
 * bolder or thinner, and the mask is inked on paper: uneven pressure, tinted and shaded
 * paper, sometimes a ruled line or a box, grain, blur, JPEG of varying quality.
 *
 * Image i depends on the seed and i only.  The bytes also depend on the versions of fonts, Cairo,
 * Pango and libjpeg, so a rerun elsewhere gives similar files, not the same.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>
#include <pango/pangocairo.h>

#define MAX_LINES 4096
#define MAX_WORD 128
#define MAX_WAVES 5
#define MAX_WIDTH 640

typedef struct Rng
{
	uint64_t	state;
} Rng;

/* Lines of a text file. */
typedef struct Lines
{
	int			n;
	char	   *line[MAX_LINES];
} Lines;

/* One sine of the displacement field; lengths in units of the image's height. */
typedef struct Wave
{
	double		kx,
				ky,
				phase,
				dx,
				dy;
} Wave;

typedef struct Warp
{
	double		slant;			/* x shift a unit of height */
	double		rise;			/* of the baseline, a unit of width */
	int			n;
	Wave		wave[MAX_WAVES];
} Warp;

/* Coverage of ink, and the picture made from it: [height][width][3]. */
typedef struct Picture
{
	int			width,
				height;
	float	   *mask;
	float	   *rgb;
} Picture;

static void
fail(const char *what, const char *name)
{
	fprintf(stderr, "generate-words: %s: %s\n", what, name);
	exit(1);
}

/* splitmix64 */
static uint64_t
rng_next(Rng *rng)
{
	uint64_t	z = (rng->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static double
uniform(Rng *rng, double low, double high)
{
	return low + (high - low) * (double) (rng_next(rng) >> 11) / 9007199254740992.0;
}

static int
below(Rng *rng, int n)
{
	return (int) (rng_next(rng) % (uint64_t) n);
}

static bool
chance(Rng *rng, double p)
{
	return uniform(rng, 0, 1) < p;
}

/* Roughly normal, within +-3. */
static double
normal(Rng *rng)
{
	double		sum = 0;

	for (int i = 0; i < 12; i++)
		sum += uniform(rng, 0, 1);
	return fmax(-3, fmin(3, sum - 6));
}

/* Read the lines of a file, without comments (#) and empty ones. */
static void
read_lines(const char *path, Lines *lines)
{
	FILE	   *f = fopen(path, "r");
	char		buf[MAX_WORD];

	if (f == NULL)
		fail(strerror(errno), path);
	lines->n = 0;
	while (lines->n < MAX_LINES && fgets(buf, sizeof(buf), f) != NULL)
	{
		buf[strcspn(buf, "\r\n")] = '\0';
		if (buf[0] != '\0' && buf[0] != '#')
			lines->line[lines->n++] = strdup(buf);
	}
	fclose(f);
	if (lines->n == 0)
		fail("empty list", path);
}

/*
 * The word as it will be written: upper case for fonts that have nothing else
 * (line "upper FAMILY" of the font list), either otherwise.
 */
static void
choose_text(Rng *rng, const char *word, bool upper_only, char *out, size_t size)
{
	if (upper_only || chance(rng, 0.5))
	{
		char	   *upper = g_utf8_strup(word, -1);

		g_strlcpy(out, upper, size);
		g_free(upper);
	}
	else
		g_strlcpy(out, word, size);
}

static PangoLayout *
make_layout(cairo_t *cr, const char *family, const char *text, double size)
{
	PangoLayout *layout = pango_cairo_create_layout(cr);
	PangoFontDescription *font = pango_font_description_new();
	PangoAttrList *attributes = pango_attr_list_new();

	pango_font_description_set_family(font, family);
	pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
	pango_layout_set_font_description(layout, font);
	/* A glyph of another font would not be this hand. */
	pango_attr_list_insert(attributes, pango_attr_fallback_new(FALSE));
	pango_layout_set_attributes(layout, attributes);
	pango_layout_set_text(layout, text, -1);
	pango_attr_list_unref(attributes);
	pango_font_description_free(font);
	return layout;
}

/* Pango silently replaces a font that is not installed: find out. */
static void
check_font(cairo_t *cr, const char *family)
{
	PangoLayout *layout = make_layout(cr, family, "A", 20);
	PangoContext *context = pango_layout_get_context(layout);
	PangoFont  *font = pango_context_load_font(context, pango_layout_get_font_description(layout));
	PangoFontDescription *found = font ? pango_font_describe(font) : NULL;

	if (found == NULL || g_ascii_strcasecmp(pango_font_description_get_family(found), family) != 0)
		fail("font is not installed", family);
	pango_font_description_free(found);
	g_object_unref(font);
	g_object_unref(layout);
}

static void
make_warp(Rng *rng, double height, Warp *warp)
{
	warp->slant = 0.14 * normal(rng);
	warp->rise = 0.018 * normal(rng);
	warp->n = MAX_WAVES;
	for (int i = 0; i < warp->n; i++)
	{
		Wave	   *w = &warp->wave[i];
		double		length = height * uniform(rng, 0.7, 3.0);	/* of a wave, pixels */
		double		angle = uniform(rng, 0, 2 * M_PI);
		double		amplitude = 0.016 * length;

		w->kx = 2 * M_PI / length * cos(angle);
		w->ky = 2 * M_PI / length * sin(angle);
		w->phase = uniform(rng, 0, 2 * M_PI);
		w->dx = amplitude * normal(rng);
		w->dy = amplitude * normal(rng);
	}
}

static void
warp_point(const Warp *warp, cairo_path_data_t *p)
{
	double		x = p->point.x,
				y = p->point.y;
	double		nx = x - warp->slant * y,
				ny = y - warp->rise * x;

	for (int i = 0; i < warp->n; i++)
	{
		double		s = sin(warp->wave[i].kx * x + warp->wave[i].ky * y + warp->wave[i].phase);

		nx += warp->wave[i].dx * s;
		ny += warp->wave[i].dy * s;
	}
	p->point.x = nx;
	p->point.y = ny;
}

/* The word's warped outline, the caller's to destroy, and its extents. */
static cairo_path_t *
make_outline(cairo_t *cr, const Warp *warp, const char *family, const char *text, double size,
			 double stretch, double extents[4])
{
	PangoLayout *layout = make_layout(cr, family, text, size);
	cairo_path_t *path;

	if (pango_layout_get_unknown_glyphs_count(layout) > 0)
	{
		g_object_unref(layout);
		return NULL;
	}
	cairo_save(cr);
	cairo_new_path(cr);
	cairo_scale(cr, stretch, 1);
	pango_cairo_layout_path(cr, layout);
	cairo_restore(cr);
	path = cairo_copy_path(cr);
	for (int i = 0; i < path->num_data; i += path->data[i].header.length)
		for (int k = 1; k < path->data[i].header.length; k++)
			warp_point(warp, &path->data[i + k]);
	cairo_new_path(cr);
	cairo_append_path(cr, path);
	cairo_path_extents(cr, &extents[0], &extents[1], &extents[2], &extents[3]);
	cairo_new_path(cr);
	g_object_unref(layout);
	return path;
}

/* Fill the outline into pic->mask; weight > 0 draws around it, < 0 takes away from its edge (pixels). */
static void
draw_mask(Picture *pic, const cairo_path_t *path, double x, double y, double scale, double weight)
{
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, pic->width, pic->height);
	cairo_t    *cr = cairo_create(surface);
	const uint8_t *data;
	int			stride;

	cairo_translate(cr, x, y);
	cairo_scale(cr, scale, scale);
	cairo_append_path(cr, path);
	cairo_fill_preserve(cr);
	cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
	cairo_set_line_width(cr, fabs(weight) / scale);
	if (weight < 0)
		cairo_set_operator(cr, CAIRO_OPERATOR_DEST_OUT);
	cairo_stroke(cr);
	cairo_surface_flush(surface);
	data = cairo_image_surface_get_data(surface);
	stride = cairo_image_surface_get_stride(surface);
	for (int r = 0; r < pic->height; r++)
		for (int c = 0; c < pic->width; c++)
			pic->mask[r * pic->width + c] = data[r * stride + c] / 255.0f;
	cairo_destroy(cr);
	cairo_surface_destroy(surface);
}

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

static void
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

static void
draw_ink(Rng *rng, Picture *pic)
{
	static const double inks[][3] = {
		{25, 25, 30}, {40, 40, 45}, {20, 30, 95}, {35, 55, 140}, {85, 85, 90}, {110, 30, 40}
	};
	const double *ink = inks[below(rng, 6)];
	float	   *pressure = malloc(sizeof(float) * (size_t) (pic->width * pic->height));
	double		uneven = uniform(rng, 0, 0.22);
	double		grain = chance(rng, 0.35) ? uniform(rng, 0.05, 0.35) : 0;
	double		density = uniform(rng, 0.8, 1.0);

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
static void
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

static void
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

static void
write_jpeg(const char *path, const Picture *pic, int channels, int quality)
{
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	FILE	   *f = fopen(path, "wb");
	JSAMPLE    *row = malloc((size_t) (pic->width * 3));

	if (f == NULL)
		fail(strerror(errno), path);
	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg_stdio_dest(&jpeg, f);
	jpeg.image_width = (JDIMENSION) pic->width;
	jpeg.image_height = (JDIMENSION) pic->height;
	jpeg.input_components = channels;
	jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, quality, TRUE);
	jpeg.optimize_coding = TRUE;
	jpeg_start_compress(&jpeg, TRUE);
	for (int r = 0; r < pic->height; r++)
	{
		for (int c = 0; c < pic->width; c++)
		{
			const float *p = &pic->rgb[(r * pic->width + c) * 3];

			if (channels == 1)
				row[c] = (JSAMPLE) fmax(0, fmin(255, 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] + 0.5));
			else
				for (int ch = 0; ch < 3; ch++)
					row[c * 3 + ch] = (JSAMPLE) fmax(0, fmin(255, p[ch] + 0.5));
		}
		jpeg_write_scanlines(&jpeg, &row, 1);
	}
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	free(row);
	if (fclose(f) != 0)
		fail(strerror(errno), path);
}

/* Draw one word.  False if the font lacks a letter of it. */
static bool
make_image(Rng *rng, cairo_t *cr, const char *family, const char *text, const char *path)
{
	Picture		pic;
	Warp		warp;
	double		ext[4];
	double		ink_height = uniform(rng, 22, 36);
	double		top = uniform(rng, 4, 12),
				bottom = uniform(rng, 4, 12);
	double		left = uniform(rng, 4, 18),
				right = uniform(rng, 4, 18);
	double		scale;
	double		weight;
	cairo_path_t *outline;
	size_t		pixels;

	make_warp(rng, 60, &warp);
	outline = make_outline(cr, &warp, family, text, 60, uniform(rng, 0.88, 1.15), ext);
	if (outline == NULL)
		return false;
	scale = ink_height / (ext[3] - ext[1]);
	/* Long words are written smaller. */
	scale = fmin(scale, 300 / (ext[2] - ext[0]));
	pic.width = (int) (left + right + scale * (ext[2] - ext[0]));
	pic.height = (int) (top + bottom + scale * (ext[3] - ext[1]));
	if (pic.width > MAX_WIDTH)
		fail("word is too long", text);
	pixels = (size_t) (pic.width * pic.height);
	pic.mask = malloc(sizeof(float) * pixels);
	pic.rgb = malloc(sizeof(float) * 3 * pixels);
	weight = uniform(rng, -0.25, 1.1);
	draw_mask(&pic, outline, left - scale * ext[0], top - scale * ext[1], scale, weight);
	draw_paper(rng, &pic, pic.height - bottom);
	draw_ink(rng, &pic);
	blur(&pic, (float) uniform(rng, 0, 0.5));
	add_grain(rng, &pic);
	write_jpeg(path, &pic, chance(rng, 0.3) ? 3 : 1, 55 + below(rng, 31));
	free(pic.mask);
	free(pic.rgb);
	cairo_path_destroy(outline);
	return true;
}

/* Draw image i, trying fonts and words until one goes with the other; its label goes to csv. */
static void
make_sample(uint64_t seed, int i, cairo_t *cr, const Lines *words, const Lines *fonts, const char *dir,
			FILE *csv)
{
	Rng			rng = {seed * 1000003 + (uint64_t) i};
	char		path[4096];
	char		text[MAX_WORD];

	snprintf(path, sizeof(path), "%s/words/%05d.jpg", dir, i);
	for (int tries = 0; tries < 1000; tries++)
	{
		const char *font = fonts->line[below(&rng, fonts->n)];
		const char *word = words->line[below(&rng, words->n)];
		bool		upper_only = strncmp(font, "upper ", 6) == 0;

		choose_text(&rng, word, upper_only, text, sizeof(text));
		if (make_image(&rng, cr, upper_only ? font + 6 : font, text, path))
		{
			fprintf(csv, "%05d.jpg,%s\n", i, text);
			return;
		}
	}
	fail("no font has the letters of these words", "--fonts");
}

static void
make_folder(const char *path)
{
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		fail(strerror(errno), path);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"words", required_argument, NULL, 'w'}, {"fonts", required_argument, NULL, 'f'},
		{"out", required_argument, NULL, 'o'}, {"count", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 's'}, {"vocabulary", required_argument, NULL, 'v'},
		{NULL, 0, NULL, 0}
	};
	static Lines words,
				fonts;
	const char *dir = NULL;
	int			count = 600,
				vocabulary = MAX_LINES,
				opt;
	uint64_t	seed = 1;
	char		path[4000];
	FILE	   *csv;
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 8, 8);
	cairo_t    *cr = cairo_create(surface);

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		switch (opt)
		{
			case 'w': read_lines(optarg, &words); break;
			case 'f': read_lines(optarg, &fonts); break;
			case 'o': dir = optarg; break;
			case 'c': count = atoi(optarg); break;
			case 's': seed = strtoull(optarg, NULL, 10); break;
			case 'v': vocabulary = atoi(optarg); break;
			default: return 2;
		}
	}
	if (words.n == 0 || fonts.n == 0 || dir == NULL || count < 1 || vocabulary < 1 || optind != argc)
		fail("usage", "--words FILE --fonts FILE --out DIR [--count N] [--seed N] [--vocabulary N]");
	if (words.n > vocabulary)
		words.n = vocabulary;
	for (int i = 0; i < fonts.n; i++)
		check_font(cr, strncmp(fonts.line[i], "upper ", 6) == 0 ? fonts.line[i] + 6 : fonts.line[i]);

	make_folder(dir);
	snprintf(path, sizeof(path), "%s/words", dir);
	make_folder(path);
	snprintf(path, sizeof(path), "%s/words.csv", dir);
	csv = fopen(path, "w");
	if (csv == NULL)
		fail(strerror(errno), path);
	fprintf(csv, "filename,label\n");
	for (int i = 0; i < count; i++)
		make_sample(seed, i, cr, &words, &fonts, dir, csv);
	if (fclose(csv) != 0)
		fail(strerror(errno), path);
	cairo_destroy(cr);
	cairo_surface_destroy(surface);
	return 0;
}
