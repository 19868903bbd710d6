/*
 * test_image_write.c
 *	  What is written can be read again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/image/image.h"
#include "core/image/image_write.h"
#include "core/base/rng.h"

static void
check_size(int width, int height, int stride)
{
	const HwrImageLimits limits = {1 << 20, 1 << 20};
	uint8_t    *pixels = malloc((size_t) stride * (size_t) height);
	uint8_t    *png;
	size_t		len;
	HwrImage	image;
	HwrRng		rng;
	HwrStatus	st = {0};

	hwr_rng_seed(&rng, 1, 0);
	for (int i = 0; i < stride * height; i++)
		pixels[i] = (uint8_t) hwr_rng_below(&rng, 256);
	assert_true(hwr_image_write_png(pixels, width, height, stride, &png, &len, &st));
	assert_true(hwr_image_decode(png, len, &limits, 0, 0, &image, &st));
	assert_int_equal(image.width, width);
	assert_int_equal(image.height, height);
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
		{
			int			from = pixels[y * stride + x];

			/* the nearest of 16 levels */
			assert_int_equal(image.pixels[y * width + x], (from * 15 + 127) / 255 * 17);
			assert_true(abs(image.pixels[y * width + x] - from) <= 9);
		}
	hwr_image_free(&image);
	free(png);
	free(pixels);
}

static void
test_sizes(void **state)
{
	(void) state;
	check_size(1, 1, 1);
	check_size(2, 3, 2);
	check_size(7, 5, 9);
	check_size(300, 64, 301);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
