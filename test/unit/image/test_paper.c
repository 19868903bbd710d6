/*
 * test_paper.c
 *	  What paper, light, lines and compression may do to a field without changing its ink.
 *
 * A field is written with a pen of straight strokes; conditions are drawn over it; the canvas must stay
 * close to that of the plain field, or be empty where nothing is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/image/preprocess.h"
#include "image_writers.h"

#define CANVAS_H 48
#define CANVAS_W 320

typedef struct Stroke
{
	float		x0, y0, x1, y1; /* letters are 1 high and 1 wide */
} Stroke;

/* E M M A */
static const Stroke letter_e[] = {{0, 0, 0, 1}, {0, 0, .6f, 0}, {0, .5f, .5f, .5f}, {0, 1, .6f, 1}};
static const Stroke letter_m[] = {{0, 1, 0, 0}, {0, 0, .4f, .6f}, {.4f, .6f, .8f, 0}, {.8f, 0, .8f, 1}};
static const Stroke letter_a[] = {{0, 1, .4f, 0}, {.4f, 0, .8f, 1}, {.2f, .6f, .6f, .6f}};

static HwrImage
blank(int width, int height, int grey)
{
	HwrImage	img = {.width = width,.height = height,.source_width = width,.source_height = height,
		.pixels = malloc((size_t) width * (size_t) height)};

	memset(img.pixels, grey, (size_t) width * (size_t) height);
	return img;
}

/* Darken what the pen covers, with soft edges. */
static void
draw_stroke(HwrImage *img, float x0, float y0, float x1, float y1, float pen, int ink)
{
	float		dx = x1 - x0;
	float		dy = y1 - y0;

	for (int y = 0; y < img->height; y++)
		for (int x = 0; x < img->width; x++)
		{
			float		t = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy);
			float		cx = x0 + dx * (t < 0 ? 0 : t > 1 ? 1 : t);
			float		cy = y0 + dy * (t < 0 ? 0 : t > 1 ? 1 : t);
			float		cover = pen / 2 + 0.5f - hypotf(x - cx, y - cy);
			uint8_t    *p = &img->pixels[y * img->width + x];
			float		v;

			cover = cover < 0 ? 0 : cover > 1 ? 1 : cover;
			v = *p + cover * (ink - *p);
			if (cover > 0)
				*p = (uint8_t) (v + 0.5f);
		}
}

static void
draw_letter(HwrImage *img, const Stroke *strokes, int n, float x, float y, float size, float pen, int ink)
{
	for (int i = 0; i < n; i++)
		draw_stroke(img, x + size * strokes[i].x0, y + size * strokes[i].y0, x + size * strokes[i].x1,
					y + size * strokes[i].y1, pen, ink);
}

/* EMMA in letters of this size. */
static void
write_word(HwrImage *img, float x, float y, float size, float pen, int ink)
{
	draw_letter(img, letter_e, 4, x, y, size, pen, ink);
	draw_letter(img, letter_m, 4, x + 1.1f * size, y, size, pen, ink);
	draw_letter(img, letter_m, 4, x + 2.3f * size, y, size, pen, ink);
	draw_letter(img, letter_a, 3, x + 3.5f * size, y, size, pen, ink);
}

static HwrImage
field(int paper, int ink)
{
	HwrImage	img = blank(280, 60, paper);

	write_word(&img, 30, 16, 28, 3, ink);
	return img;
}

static uint8_t *
canvas_of(const HwrImage *img)
{
	uint8_t    *ink = malloc(CANVAS_H * CANVAS_W);
	HwrStatus	st = {0};

	assert_true(hwr_preprocess(img, HWR_FIT_PAD, CANVAS_H, CANVAS_W, ink, NULL, &st));
	return ink;
}

static long
total_ink(const uint8_t *canvas)
{
	long		sum = 0;

	for (int i = 0; i < CANVAS_H * CANVAS_W; i++)
		sum += canvas[i];
	return sum;
}

/* The share of ink that differs: 0 the same, 2 nothing in common. */
static double
difference(const uint8_t *a, const uint8_t *b)
{
	long		sum = 0;

	for (int i = 0; i < CANVAS_H * CANVAS_W; i++)
		sum += labs((long) a[i] - b[i]);
	return (double) sum / (double) total_ink(a);
}

static void
check_like(const char *what, const HwrImage *plain, HwrImage *img, double most)
{
	uint8_t    *a = canvas_of(plain);
	uint8_t    *b = canvas_of(img);
	double		d = difference(a, b);

	assert_true(total_ink(a) > 0);
	if (d > most)
		fail_msg("%s: %.2f of the ink differs, not %.2f", what, d, most);
	free(a);
	free(b);
	hwr_image_free(img);
}

static void
check_empty(const char *what, HwrImage *img)
{
	uint8_t    *canvas = canvas_of(img);
	long		ink = total_ink(canvas);

	if (ink > 0)
		fail_msg("%s: %ld of ink on an empty field", what, ink);
	free(canvas);
	hwr_image_free(img);
}

static void
invert(HwrImage *img)
{
	for (int i = 0; i < img->width * img->height; i++)
		img->pixels[i] = 255 - img->pixels[i];
}

/* Pixels from column x0 and row y0 on, times a factor. */
static void
shade(HwrImage *img, int x0, int y0, double factor)
{
	for (int y = y0; y < img->height; y++)
		for (int x = x0; x < img->width; x++)
		{
			double		v = img->pixels[y * img->width + x] * factor;

			img->pixels[y * img->width + x] = (uint8_t) (v > 255 ? 255 : v);
		}
}

static void
gradient(HwrImage *img, double right, double bottom)
{
	for (int y = 0; y < img->height; y++)
		for (int x = 0; x < img->width; x++)
		{
			double		f = (1 + (right - 1) * x / img->width) * (1 + (bottom - 1) * y / img->height);

			img->pixels[y * img->width + x] = (uint8_t) (f * img->pixels[y * img->width + x]);
		}
}

/* A line of this thickness along each side whose bit is set: top, bottom, left, right. */
static void
frame(HwrImage *img, int t, int sides, int grey)
{
	for (int y = 0; y < img->height; y++)
		for (int x = 0; x < img->width; x++)
			if (((sides & 1) && y < t) || ((sides & 2) && y >= img->height - t) ||
				((sides & 4) && x < t) || ((sides & 8) && x >= img->width - t))
				img->pixels[y * img->width + x] = (uint8_t) grey;
}

static void
add_noise(HwrImage *img, double sd, uint64_t seed)
{
	HwrRng		rng;

	hwr_rng_seed(&rng, seed, 0);
	for (int i = 0; i < img->width * img->height; i++)
	{
		double		sum = 0;
		double		v;

		for (int k = 0; k < 12; k++)
			sum += (double) hwr_rng_below(&rng, 1000) / 1000;
		v = img->pixels[i] + (sum - 6) * sd;
		img->pixels[i] = (uint8_t) (v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
	}
}

/* Through JPEG and back. */
static void
compress(HwrImage *img, int quality)
{
	const HwrImageLimits limits = {1 << 24, 1 << 24};
	JpegKind	kind = {.in = JCS_GRAYSCALE,.stored = JCS_GRAYSCALE,.quality = quality};
	File		file = write_jpeg(img->pixels, img->width, img->height, kind);
	HwrStatus	st = {0};

	hwr_image_free(img);
	assert_true(hwr_image_decode(file.bytes, file.len, &limits, 0, 0, img, &st));
	free(file.bytes);
}

/* A form's edge, tape or glare at the side of a wide field with little ink. */
static void
test_strips(void **state)
{
	HwrImage	plain = blank(1300, 200, 228);

	(void) state;
	write_word(&plain, 60, 70, 60, 3, 40);
	for (int percent = 1; percent <= 10; percent += 3)
		for (int light = 0; light < 2; light++)
			for (int inverted = 0; inverted < 2; inverted++)
			{
				HwrImage	img = blank(1300, 200, 228);

				write_word(&img, 60, 70, 60, 3, 40);
				shade(&img, 1300 - 13 * percent, 0, light ? 1.1 : 0.5);
				if (inverted)
					invert(&img);
				check_like("strip", &plain, &img, 0.25);
			}
	hwr_image_free(&plain);
}

static void
test_frames(void **state)
{
	static const int sides[] = {15, 15, 1, 2, 3, 5, 10, 12, 7, 13, 8, 4};
	HwrImage	plain = field(235, 30);

	(void) state;
	for (int t = 1; t <= 4; t++)
		for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
			for (int soft = 0; soft < 2; soft++)
			{
				HwrImage	img = field(235, 30);
				char		what[40];

				frame(&img, t, sides[i], i % 2 == 0 ? 20 : 120);
				if (soft)
					compress(&img, 75);
				snprintf(what, sizeof(what), "frame %d, sides %d%s", t, sides[i], soft ? ", JPEG" : "");
				check_like(what, &plain, &img, soft ? 0.3 : 0.12);
			}
	hwr_image_free(&plain);
}

/* One letter that fills its picture is no frame, and a word whose letters touch the edges keeps them. */
static void
test_tight_crops(void **state)
{
	HwrImage	letter = blank(30, 40, 235);
	HwrImage	word = blank(134, 31, 235);
	uint8_t    *canvas;
	long		ink;

	(void) state;
	draw_letter(&letter, letter_e, 4, 1, 1, 38, 4, 30);
	canvas = canvas_of(&letter);
	ink = total_ink(canvas);
	assert_true(ink > 255 * 300);
	free(canvas);
	hwr_image_free(&letter);

	write_word(&word, 1, 1, 29, 3, 30);
	canvas = canvas_of(&word);
	assert_true(canvas[24 * CANVAS_W + 1] > 128);	/* E's back */
	assert_true(canvas[1 * CANVAS_W + 20] > 128);	/* its upper arm */
	free(canvas);
	hwr_image_free(&word);
}

static void
test_light(void **state)
{
	HwrImage	plain = field(235, 30);

	(void) state;
	for (int percent = 30; percent <= 70; percent += 20)
	{
		HwrImage	img = field(235, 30);

		shade(&img, 280 * percent / 100, 0, 0.4);
		check_like("shadow at the side", &plain, &img, 0.15);
		img = field(235, 30);
		shade(&img, 0, 60 * percent / 100, 0.5);
		check_like("shadow below", &plain, &img, 0.25);
	}
	for (int down = 0; down < 2; down++)
		for (int inverted = 0; inverted < 2; inverted++)
		{
			HwrImage	img = field(235, 30);

			if (inverted)
				invert(&img);
			gradient(&img, down ? 1 : 0.5, down ? 0.5 : 1);
			check_like("gradient", &plain, &img, inverted ? 0.5 : 0.15);
		}
	hwr_image_free(&plain);
}

/* Straight and slightly falling lines; strokes that cross them stay. */
static void
test_ruled(void **state)
{
	HwrImage	plain = field(235, 30);

	(void) state;
	for (int fall = -4; fall <= 4; fall += 2)
		for (int lines = 1; lines <= 3; lines++)
			for (int grey = 60; grey <= 180; grey += 60)
			{
				HwrImage	img = field(235, 30);

				for (int i = 0; i < lines; i++)
					for (int x = 0; x < 280; x++)
					{
						uint8_t    *p = &img.pixels[(8 + 18 * i + fall * x / 280) * 280 + x];

						*p = *p < grey ? *p : (uint8_t) grey;
					}
				check_like("ruled", &plain, &img, 0.15);
			}
	hwr_image_free(&plain);
}

/* A pale line that a dark stroke runs along: the stroke stays. */
static void
test_ruled_along(void **state)
{
	HwrImage	plain = blank(280, 60, 235);
	HwrImage	img = blank(280, 60, 235);

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		HwrImage   *at = i == 0 ? &plain : &img;

		write_word(at, 30, 12, 28, 3, 30);
		draw_stroke(at, 60, 46, 160, 46, 2, 30);
	}
	for (int y = 45; y < 47; y++)
		for (int x = 0; x < 280; x++)
			if (img.pixels[y * 280 + x] > 150)
				img.pixels[y * 280 + x] = 150;
	check_like("ruled along a stroke", &plain, &img, 0.15);
	hwr_image_free(&plain);
}

static void
test_squared(void **state)
{
	HwrImage	plain = field(235, 30);
	HwrImage	img = field(235, 30);

	(void) state;
	for (int y = 0; y < 60; y++)
		for (int x = 0; x < 280; x++)
			if ((x % 20 == 7 || y % 20 == 9) && img.pixels[y * 280 + x] > 150)
				img.pixels[y * 280 + x] = 150;
	check_like("squared", &plain, &img, 0.35);
	hwr_image_free(&plain);
}

/* Paper and nothing else, at any quality of JPEG. */
static void
test_blank(void **state)
{
	(void) state;
	for (int quality = 1; quality <= 100; quality += quality < 10 ? 1 : 9)
		for (int kind = 0; kind < 7; kind++)
			for (int inverted = 0; inverted < 2; inverted++)
			{
				HwrImage	img = blank(320, 48 + 12 * (kind % 2), 230);
				char		what[40];


				if (inverted)
					invert(&img);
				if (kind == 1)
					gradient(&img, 0.93, 1);
				else if (kind == 2)
					gradient(&img, 0.6, 1);
				else if (kind == 3)
					gradient(&img, 1, 0.8);
				else if (kind == 4)
					shade(&img, 200, 0, 1.08);
				else if (kind == 5)
					shade(&img, 140, 0, 0.6);
				add_noise(&img, kind == 6 ? 5 : 1, (uint64_t) (7 * quality + kind));
				compress(&img, quality);
				snprintf(what, sizeof(what), "quality %d, kind %d%s", quality, kind, inverted ? ", inverted" : "");
				check_empty(what, &img);
			}
}

/* A field of a form without an entry. */
static void
test_blank_with_lines(void **state)
{
	(void) state;
	for (int t = 1; t <= 4; t++)
		for (int quality = 50; quality <= 90; quality += 20)
		{
			HwrImage	img = blank(320, 48, 230);
			char		what[40];

			frame(&img, t, 15, 20);
			add_noise(&img, 1, (uint64_t) t);
			compress(&img, quality);
			snprintf(what, sizeof(what), "frame %d, quality %d", t, quality);
			check_empty(what, &img);
			img = blank(320, 48, 230);
			for (int i = 0; i < t; i++)
				memset(img.pixels + (40 + i) * 320, 90, 320);
			add_noise(&img, 1, (uint64_t) t);
			compress(&img, quality);
			snprintf(what, sizeof(what), "line %d, quality %d", t, quality);
			check_empty(what, &img);
		}
}

/* Many lines of writing, and a picture of many greys, are no line of text. */
static void
test_no_line(void **state)
{
	HwrImage	page = blank(400, 560, 235);
	HwrImage	picture = blank(300, 200, 0);

	(void) state;
	for (int y = 0; y < 12; y++)
		for (int i = 0; i < 3; i++)
			write_word(&page, 30 + 120 * (float) i, 30 + 42 * (float) y, 22, 2, 30);
	check_empty("page", &page);

	for (int y = 0; y < 200; y++)
		for (int x = 0; x < 300; x++)
			picture.pixels[y * 300 + x] = (uint8_t) (128 + 60 * sin(x / 31.0 + y / 57.0) + 50 * sin(y / 23.0 - x / 71.0));
	add_noise(&picture, 6, 1);
	compress(&picture, 80);
	check_empty("picture", &picture);
}

/* Dark ink and light ink, strong and faint, small and large. */
static void
test_polarity(void **state)
{
	static const int pairs[][2] = {{235, 30}, {200, 150}, {120, 40}, {235, 190}};
	HwrImage	plain = field(235, 30);

	(void) state;
	for (int i = 0; i < 4; i++)
		for (int inverted = 0; inverted < 2; inverted++)
		{
			HwrImage	img = field(pairs[i][0], pairs[i][1]);

			if (inverted)
				invert(&img);
			check_like("polarity", &plain, &img, 0.1);
		}
	hwr_image_free(&plain);
}

/* Dots or dashes of this size from left to right at these distances, uneven by up to so much, falling by fall. */
static void
dot(HwrImage *img, float from, float y, int size, float distance, float uneven, float fall, int grey)
{
	HwrRng		rng;

	hwr_rng_seed(&rng, 7, 0);
	for (float x = from + distance / 2; x + distance / 2 < (float) img->width; x += distance)
	{
		float		at = x + uneven * ((float) hwr_rng_below(&rng, 1000) / 500 - 1);

		float		lower = y + fall * at / (float) img->width;

		draw_stroke(img, at, lower, at + 0.5f, lower, (float) size, grey);
	}
}

/* Dotted lines to write on are no writing, in any size, also compressed and falling. */
static void
test_dotted(void **state)
{
	HwrImage	plain = field(235, 90);

	(void) state;
	for (int height = 30; height <= 240; height *= 2)
		for (int soft = 0; soft < 2; soft++)
		{
			HwrImage	img = blank(8 * height, height, 235);
			int			size = height / 20 > 2 ? height / 20 : 2;

			dot(&img, 0, 0.7f * (float) height, size, 2.2f * (float) size, 0, soft ? 0.03f * (float) height : 0, 60);
			if (soft)
				compress(&img, 75);
			check_empty("dotted line", &img);
		}
	for (int soft = 0; soft < 2; soft++)
	{
		HwrImage	img = field(235, 90);

		dot(&img, 0, 48, 3, 6, 0, 0, 60);
		if (soft)
			compress(&img, 75);
		/* what touches the letters stays */
		check_like("written over dots", &plain, &img, soft ? 0.4 : 0.2);
	}
	hwr_image_free(&plain);
}

/* Dots at the end of a text, and uneven ones, are somebody's, however the paper is judged. */
static void
test_leaders(void **state)
{
	(void) state;
	for (int uneven = 0; uneven < 2; uneven++)
		for (int shaded = 0; shaded < 2; shaded++)
		{
			HwrImage	img = blank(480, 60, 235);
			uint8_t    *canvas;
			long		sum = 0;

			if (!uneven)
				write_word(&img, 30, 16, 28, 3, 60);
			dot(&img, uneven ? 0 : 170, 44, 4, 14, uneven ? 9 : 0, 0, 60);
			if (shaded)
				gradient(&img, 0.8, 1);
			canvas = canvas_of(&img);
			/* the 21 dots behind the word, and those of the uneven row there, are 4 pixels wide */
			for (int y = 0; y < CANVAS_H; y++)
				for (int x = CANVAS_W * 180 / 480; x < CANVAS_W; x++)
					sum += canvas[y * CANVAS_W + x];
			assert_true(sum > 255 * 21 * 4);
			free(canvas);
			hwr_image_free(&img);
		}
}

/* Faint writing on coarse, unevenly lit paper looks like a photograph's texture: it is read where a finder of lines found it. */
static void
test_coarse(void **state)
{
	HwrImage	plain = field(200, 110);
	HwrImage	img = field(200, 110);

	(void) state;
	gradient(&img, 0.6, 1);
	add_noise(&img, 6, 3);
	img.writing = true;
	check_like("faint, found on a page", &plain, &img, 0.6);
	img = field(200, 110);
	gradient(&img, 0.6, 1);
	add_noise(&img, 6, 3);
	check_empty("faint, not known for a line", &img);
	img = blank(280, 60, 200);
	gradient(&img, 0.6, 1);
	add_noise(&img, 6, 3);
	img.writing = true;
	check_empty("nothing, taken for a line", &img);
	hwr_image_free(&plain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_polarity),
		cmocka_unit_test(test_strips),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_tight_crops),
		cmocka_unit_test(test_light),
		cmocka_unit_test(test_ruled),
		cmocka_unit_test(test_ruled_along),
		cmocka_unit_test(test_squared),
		cmocka_unit_test(test_dotted),
		cmocka_unit_test(test_leaders),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_blank_with_lines),
		cmocka_unit_test(test_no_line),
		cmocka_unit_test(test_coarse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
