/*
 * test_preprocess.c
 *	  The ink canvas: contrast and polarity, geometry, and the resampler against a
 *	  direct two-dimensional evaluation of its filter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/image/preprocess.h"
#include "core/base/rng.h"

static HwrImage
new_image(int width, int height, int grey)
{
	HwrImage	img = {.width = width,.height = height,.source_width = width,.source_height = height,
		.pixels = malloc((size_t) width * (size_t) height)};

	memset(img.pixels, grey, (size_t) width * (size_t) height);
	return img;
}

/* White paper with enough black for p1 = 0 and little enough to be plain: ink(g) is 255 - g exactly. */
static HwrImage
random_page(int width, int height, HwrRng *rng)
{
	HwrImage	img = new_image(width, height, 255);

	for (int i = 0; i < width * height; i++)
	{
		uint64_t	kind = hwr_rng_below(rng, 40);

		if (kind < 2)
			img.pixels[i] = 0;
		else if (kind < 4)
			img.pixels[i] = (uint8_t) hwr_rng_below(rng, 256);
	}
	return img;
}

/* Two runs over different garbage must agree: every byte of the canvas is written. */
static uint8_t *
preprocess(const HwrImage *img, HwrFit fit, int h, int w, int *content)
{
	size_t		size = (size_t) h * (size_t) w;
	uint8_t    *ink = malloc(size);
	uint8_t    *again = malloc(size);
	HwrStatus	st = {0};

	memset(ink, 0xAA, size);
	memset(again, 0x55, size);
	assert_true(hwr_preprocess(img, fit, h, w, ink, content, &st));
	assert_true(hwr_preprocess(img, fit, h, w, again, NULL, &st));
	assert_memory_equal(ink, again, size);
	assert_int_equal(st.code, HWR_OK);
	free(again);
	return ink;
}

static void
test_identity(void **state)
{
	HwrRng		rng;
	HwrImage	img;

	(void) state;
	hwr_rng_seed(&rng, 1, 0);
	img = random_page(96, 40, &rng);
	for (int fit = HWR_FIT_PAD; fit <= HWR_FIT_STRETCH; fit++)
	{
		int			content = 0;
		uint8_t    *ink = preprocess(&img, fit, 40, 96, &content);

		assert_int_equal(content, 96);
		for (int i = 0; i < 96 * 40; i++)
			assert_int_equal(ink[i], 255 - img.pixels[i]);
		free(ink);
	}
	hwr_image_free(&img);
}

/* White paper has grey 200, ink 120; the rest is scaled between and clamped beyond. */
static void
test_contrast(void **state)
{
	HwrImage	img = new_image(40, 20, 200);
	uint8_t    *ink;

	(void) state;
	for (int i = 0; i < 100; i++)
		img.pixels[7 * i] = 120;
	img.pixels[701] = 160;
	img.pixels[702] = 60;
	img.pixels[703] = 240;
	ink = preprocess(&img, HWR_FIT_STRETCH, 20, 40, NULL);
	assert_int_equal(ink[0], 255);
	assert_int_equal(ink[701], 128);
	assert_int_equal(ink[702], 255);
	assert_int_equal(ink[703], 0);
	assert_int_equal(ink[300], 0);
	free(ink);
	hwr_image_free(&img);
}

/* A difference of 20 is taken against 32, whichever way round; one of 8 is none. */
static void
test_low_contrast(void **state)
{
	(void) state;
	for (int difference = -20; difference <= 20; difference += 4)
	{
		HwrImage	img = new_image(60, 30, 200);
		uint8_t    *ink;

		for (int y = 8; y < 22; y++)
			for (int x = 10; x < 50; x += 8)
				memset(img.pixels + y * 60 + x, 200 + difference, 2);
		ink = preprocess(&img, HWR_FIT_STRETCH, 30, 60, NULL);
		assert_int_equal(ink[0], 0);
		if (abs(difference) == 20)
			assert_in_range(ink[10 * 60 + 10], 155, 160);
		else if (abs(difference) <= 8)
			assert_int_equal(ink[10 * 60 + 10], 0);
		free(ink);
		hwr_image_free(&img);
	}
}

/* Chalk on a blackboard reads as ink on paper. */
static void
test_polarity(void **state)
{
	HwrRng		rng;
	HwrImage	img;
	uint8_t    *light;
	uint8_t    *dark;

	(void) state;
	hwr_rng_seed(&rng, 2, 0);
	img = random_page(123, 45, &rng);
	light = preprocess(&img, HWR_FIT_PAD, 32, 160, NULL);
	for (int i = 0; i < 123 * 45; i++)
		img.pixels[i] = 255 - img.pixels[i];
	dark = preprocess(&img, HWR_FIT_PAD, 32, 160, NULL);
	for (int i = 0; i < 32 * 160; i++)
		assert_true(abs(light[i] - dark[i]) <= 1);
	free(light);
	free(dark);
	hwr_image_free(&img);
}

/* The most ink of row y, columns x to end. */
static int
most_ink(const uint8_t *ink, int w, int y, int x, int end)
{
	int			most = 0;

	for (; x < end; x++)
		most = ink[y * w + x] > most ? ink[y * w + x] : most;
	return most;
}

/* The bounding box of strokes that touch the image's sides; four of them do not make a frame. */
static void
check_box(int width, int height, HwrFit fit, int h, int w, int top, int box_h, int box_w)
{
	HwrImage	img = new_image(width, height, 255);
	int			content = 0;
	uint8_t    *ink;

	for (int y = 0; y < height; y++)
	{
		for (int x = 0; x < width; x++)
		{
			if ((x % 16 < 4 && (y < 2 || y >= height - 2)) || (y % 10 < 3 && (x < 2 || x >= width - 2)))
				img.pixels[y * width + x] = 0;
		}
	}
	ink = preprocess(&img, fit, h, w, &content);
	assert_int_equal(content, box_w);
	for (int y = 0; y < h; y++)
	{
		for (int x = 0; x < w; x++)
		{
			if (y < top || y >= top + box_h || x >= box_w)
				assert_int_equal(ink[y * w + x], 0);
		}
	}
	assert_true(most_ink(ink, w, top, 0, box_w) > 128);
	assert_true(most_ink(ink, w, top + box_h - 1, 0, box_w) > 128);
	assert_true(ink[top * w] > 128);
	assert_true(ink[top * w + box_w - 1] > 128);
	free(ink);
	hwr_image_free(&img);
}

static void
test_geometry(void **state)
{
	(void) state;
	check_box(100, 20, HWR_FIT_PAD, 48, 320, 0, 48, 240);	/* height decides */
	check_box(400, 20, HWR_FIT_PAD, 48, 320, 16, 16, 320);	/* width decides */
	check_box(80, 12, HWR_FIT_PAD, 48, 320, 0, 48, 320);	/* both */
	check_box(401, 21, HWR_FIT_PAD, 48, 320, 15, 17, 320);	/* odd rest: lower side */
	check_box(640, 96, HWR_FIT_PAD, 48, 320, 0, 48, 320);
	check_box(100, 20, HWR_FIT_STRETCH, 64, 256, 0, 64, 256);
	check_box(400, 90, HWR_FIT_STRETCH, 64, 256, 0, 64, 256);
}

static void
check_width(int width, int height, int h, int w, int expected)
{
	HwrImage	img = {.width = width,.height = height,.source_width = width,.source_height = height};

	assert_int_equal(hwr_preprocess_width(&img, HWR_FIT_PAD, h, w), expected);
	assert_int_equal(hwr_preprocess_width(&img, HWR_FIT_STRETCH, h, w), expected);
}

static void
test_width(void **state)
{
	(void) state;
	check_width(284, 50, 48, 320, 320);
	check_width(284, 50, 48, 0, 288);	/* 272.6 */
	check_width(64, 48, 48, 0, 64);
	check_width(65, 48, 48, 0, 96);
	check_width(1, 1, 48, 0, 64);
	check_width(1, 4000, 48, 0, 32);
	check_width(4096, 48, 48, 0, 4096);
	check_width(4097, 48, 48, 0, 4096);
	check_width(65535, 1, 120, 0, 4096);
}

/* On the canvas that hwr_preprocess_width asks for, an image fills the height. */
static void
test_any_width_fills_height(void **state)
{
	(void) state;
	for (int width = 20; width < 400; width += 7)
	{
		HwrImage	img = new_image(width, 37, 255);
		int			w = hwr_preprocess_width(&img, HWR_FIT_PAD, 48, 0);
		int			content;
		uint8_t    *ink;

		for (int y = 0; y < 37; y += y == 2 ? 32 : 1)
			for (int x = 0; x < width; x++)
				if (x % 18 < 4 || x >= width - 3)
					img.pixels[y * width + x] = 0;
		ink = preprocess(&img, HWR_FIT_PAD, 48, w, &content);
		assert_int_equal(content, (width * 48 + 18) / 37);
		assert_true(ink[0] > 200);
		assert_true(ink[47 * w + content - 1] > 200);
		free(ink);
		hwr_image_free(&img);
	}
}

static double
triangle(int at, int i, double scale)
{
	double		support = scale > 1 ? scale : 1;
	double		w = 1 - fabs(at + 0.5 - (i + 0.5) * scale) / support;

	return w > 0 ? w : 0;
}

/* The filter evaluated directly: for each canvas pixel, over all image pixels. */
static void
check_reference(const HwrImage *img, int h, int w)
{
	uint8_t    *ink = preprocess(img, HWR_FIT_STRETCH, h, w, NULL);
	double		scale_y = (double) img->height / h;
	double		scale_x = (double) img->width / w;

	for (int i = 0; i < h * w; i++)
	{
		double		sum = 0;
		double		weights = 0;

		for (int j = 0; j < img->width * img->height; j++)
		{
			double		weight = triangle(j / img->width, i / w, scale_y) *
				triangle(j % img->width, i % w, scale_x);

			sum += weight * (255 - img->pixels[j]);
			weights += weight;
		}
		if (fabs(ink[i] - sum / weights) > 0.51)
			fail_msg("%dx%d to %dx%d: pixel %d is %d, not %g", img->width, img->height, w, h,
					 i, ink[i], sum / weights);
	}
	free(ink);
}

static void
test_resampler(void **state)
{
	static const int sizes[][4] = {
		/* image width, height; canvas width, height */
		{40, 30, 40, 30}, {40, 30, 17, 9}, {40, 30, 63, 48}, {61, 33, 20, 48},
		{20, 48, 61, 7}, {97, 15, 14, 30}, {33, 47, 32, 46}, {33, 47, 34, 48}, {50, 50, 8, 7},
	};
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 3, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		HwrImage	img = random_page(sizes[i][0], sizes[i][1], &rng);

		check_reference(&img, sizes[i][3], sizes[i][2]);
		hwr_image_free(&img);
	}
}

/* Stripes too fine for the canvas become even grey, not moire. */
static void
test_antialias(void **state)
{
	HwrImage	img = new_image(1400, 175, 255);
	uint8_t    *ink;

	(void) state;
	for (int y = 70; y < 112; y++)
		for (int x = 70; x < 140; x += 2)
			img.pixels[y * 1400 + x] = 0;
	ink = preprocess(&img, HWR_FIT_STRETCH, 25, 200, NULL);
	for (int y = 11; y < 15; y++)
		for (int x = 11; x < 19; x++)
			assert_true(abs(ink[y * 200 + x] - 128) <= 4);
	free(ink);
	hwr_image_free(&img);
}

/* An image that is many times as large as the canvas looks like a smaller one of the same. */
static void
test_large(void **state)
{
	HwrImage	small = new_image(160, 24, 255);
	HwrImage	large = new_image(160 * 20, 24 * 20, 255);
	uint8_t    *a;
	uint8_t    *b;

	(void) state;
	for (int y = 6; y < 18; y++)
		for (int x = 12; x < 150; x++)
			if (x % 13 < 2 || (y == 11 && x % 26 < 9))
				small.pixels[y * 160 + x] = 0;
	for (int y = 0; y < large.height; y++)
		for (int x = 0; x < large.width; x++)
			large.pixels[y * large.width + x] = small.pixels[y / 20 * 160 + x / 20];
	a = preprocess(&small, HWR_FIT_STRETCH, 24, 160, NULL);
	b = preprocess(&large, HWR_FIT_STRETCH, 24, 160, NULL);
	for (int i = 0; i < 24 * 160; i++)
		assert_true(abs(a[i] - b[i]) <= 100);
	free(a);
	free(b);
	hwr_image_free(&small);
	hwr_image_free(&large);
}

static void
test_extreme_sizes(void **state)
{
	static const int sizes[][2] = {
		{1, 1}, {2, 1}, {1, 2}, {1, 5000}, {5000, 1}, {65535, 1}, {1, 65535}, {65535, 2}, {3, 3000}
	};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		HwrImage	img = new_image(sizes[i][0], sizes[i][1], 255);

		img.pixels[0] = 0;
		for (int fit = HWR_FIT_PAD; fit <= HWR_FIT_STRETCH; fit++)
		{
			for (int width = 0; width <= 320; width += 160)
			{
				int			w = hwr_preprocess_width(&img, fit, 48, width);
				int			content = 0;
				uint8_t    *ink = preprocess(&img, fit, 48, w, &content);

				assert_true(content >= 1 && content <= w);
				free(ink);
			}
			free(preprocess(&img, fit, 1, 1, NULL));
		}
		hwr_image_free(&img);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_contrast),
		cmocka_unit_test(test_low_contrast),
		cmocka_unit_test(test_polarity),
		cmocka_unit_test(test_geometry),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_any_width_fills_height),
		cmocka_unit_test(test_resampler),
		cmocka_unit_test(test_antialias),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_extreme_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
