/*
 * test_centerline.c
 *	  Lines straightened along their middle, as kraken does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/image/centerline.h"
#include "core/image/preprocess.h"
#include "data/centerline_values.h"
#include "reference.h"

/* A wavy line of ink on grained paper, as make_kraken.py draws it. */
static HwrImage
line_picture(unsigned i, int w, int h)
{
	HwrImage	img = {.width = w,.height = h,.source_width = w,.source_height = h,.pixels = malloc((size_t) w * (size_t) h)};

	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++)
		{
			uint32_t	r = reference_bits(7000 + i, (uint32_t) (y * w + x));
			int			wave = abs(x * 4 % (4 * h) - 2 * h);
			int			middle = h / 4 + wave * h / (4 * h);
			bool		inked = abs(y - middle) * 7 < h && r % 3 == 0;

			img.pixels[y * w + x] = (uint8_t) (inked ? 20 + r / 8 % 60 : 200 + r / 8 % 50);
		}
	return img;
}

static void
test_kraken(void **state)
{
	HwrStatus	st;

	(void) state;
	for (int i = 0; i < CENTERLINE_CASES; i++)
	{
		const unsigned *c = centerline_cases[i];
		HwrImage	img = line_picture(c[0], (int) c[1], (int) c[2]);
		int			height = (int) c[3];
		int			width;
		uint8_t    *ink;
		uint32_t	hash = UINT32_C(2166136261);

		assert_true(hwr_centerline_straighten(&img, &st));
		assert_int_equal(img.width, c[1]);
		assert_true(img.border != 0);
		width = hwr_preprocess_width(&img, HWR_FIT_KRAKEN_BOX, height, 0);
		assert_int_equal(width, c[4]);
		ink = malloc((size_t) height * (size_t) width);
		assert_true(hwr_preprocess(&img, HWR_FIT_KRAKEN_BOX, height, width, ink, NULL, &st));
		for (int k = 0; k < height * width; k++)
			hash = (hash ^ ink[k]) * UINT32_C(16777619);
		assert_int_equal(hash, c[5]);
		free(ink);
		hwr_image_free(&img);
	}
}

/* What has no middle stays as it is. */
static void
test_unchanged(void **state)
{
	HwrImage	img = {.width = 50,.height = 20,.pixels = malloc(1000)};
	HwrImage	dot = {.width = 1,.height = 1,.pixels = calloc(1, 1)};
	HwrStatus	st;

	(void) state;
	memset(img.pixels, 99, 1000);
	assert_true(hwr_centerline_straighten(&img, &st));
	assert_int_equal(img.height, 20);
	assert_int_equal(img.border, 0);
	for (int k = 0; k < 1000; k++)
		assert_int_equal(img.pixels[k], 99);
	/* ink at the upper and the lower edge alone: four mean distances from the middle are too far */
	memset(img.pixels, 255, 1000);
	memset(img.pixels, 0, 50);
	memset(img.pixels + 950, 0, 50);
	assert_true(hwr_centerline_straighten(&img, &st));
	assert_int_equal(img.height, 20);
	assert_int_equal(img.pixels[0], 0);
	assert_true(hwr_centerline_straighten(&dot, &st));
	assert_int_equal(dot.height, 1);
	hwr_image_free(&img);
	hwr_image_free(&dot);
}

/* A picture too large to be measured whole is measured at a part of its size, within seconds. */
static void
test_large(void **state)
{
	HwrImage	img = line_picture(0, 3000, 600);
	HwrStatus	st;

	(void) state;
	assert_true(hwr_centerline_straighten(&img, &st));
	assert_int_equal(img.width, 3000);
	assert_true(img.height > 200 && img.height < 1800);
	hwr_image_free(&img);
}

/* Processor time of straightening a picture of noise. */
static clock_t
time_of(int w, int h)
{
	HwrImage	img = {.width = w,.height = h,.pixels = malloc((size_t) w * (size_t) h)};
	HwrStatus	st;
	clock_t		began;

	for (int i = 0; i < w * h; i++)
		img.pixels[i] = (uint8_t) reference_bits(1, (uint32_t) i);
	began = clock();
	assert_true(hwr_centerline_straighten(&img, &st));
	began = clock() - began;
	hwr_image_free(&img);
	return began;
}

/* However narrow or flat, a picture takes no longer than another with as many pixels, but for a small factor. */
static void
test_bounded(void **state)
{
	clock_t		usual = time_of(1000, 1000);

	(void) state;
	assert_true(time_of(1, 1000000) < 8 * usual);
	assert_true(time_of(3, 333333) < 8 * usual);
	assert_true(time_of(1000000, 1) < 8 * usual);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kraken),
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
