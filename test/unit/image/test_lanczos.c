/*
 * test_lanczos.c
 *	  Resampling as Pillow's, and the canvas of kraken's models made with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/image/lanczos.h"
#include "core/image/preprocess.h"
#include "data/lanczos_values.h"
#include "reference.h"

static uint8_t *
picture(int i, int w, int h)
{
	uint8_t    *pixels = malloc((size_t) w * (size_t) h);

	for (int k = 0; k < w * h; k++)
		pixels[k] = (uint8_t) (reference_bits(5000 + (uint32_t) i, (uint32_t) k) >> 24);
	return pixels;
}

static void
test_pillow(void **state)
{
	HwrStatus	st;

	(void) state;
	for (int i = 0; i < LANCZOS_CASES; i++)
	{
		const int  *size = lanczos_sizes[i];
		uint8_t    *src = picture(i, size[0], size[1]);
		uint8_t    *dst = malloc((size_t) size[2] * (size_t) size[3]);
		uint32_t	hash = UINT32_C(2166136261);

		assert_true(hwr_lanczos_resize(src, size[0], size[1], size[2], size[3], dst, &st));
		for (int k = 0; k < size[2] * size[3]; k++)
			hash = (hash ^ dst[k]) * UINT32_C(16777619);
		assert_int_equal(hash, lanczos_hashes[i]);
		free(src);
		free(dst);
	}
}

/* Of what size a picture's canvas is, that its pixels are the resampled ones, and paper is around them. */
static void
check_canvas(int w, int h, int canvas_width, int content)
{
	HwrImage	img = {.width = w,.height = h,.source_width = w,.source_height = h,.pixels = picture(1, w, h)};
	uint8_t    *ink = malloc((size_t) 48 * (size_t) canvas_width);
	uint8_t    *grey = malloc((size_t) 48 * (size_t) content);
	int			got;
	HwrStatus	st;

	assert_true(hwr_preprocess(&img, HWR_FIT_KRAKEN, 48, canvas_width, ink, &got, &st));
	assert_int_equal(got, content);
	assert_true(hwr_lanczos_resize(img.pixels, w, h, content, 48, grey, &st));
	for (int y = 0; y < 48; y++)
		for (int x = 0; x < canvas_width; x++)
		{
			int			at = x - HWR_KRAKEN_MARGIN;

			assert_int_equal(ink[y * canvas_width + x], at < 0 || at >= content ? 0 : 255 - grey[y * content + at]);
		}
	free(img.pixels);
	free(ink);
	free(grey);
}

static void
test_canvas(void **state)
{
	HwrImage	img = {.width = 101,.height = 40};
	HwrImage	wide = {.width = 5000,.height = 40};

	(void) state;
	assert_int_equal(hwr_preprocess_width(&img, HWR_FIT_KRAKEN, 48, 0), 121 + 32);	/* 121.2 */
	assert_int_equal(hwr_preprocess_width(&img, HWR_FIT_KRAKEN, 48, 200), 200);
	assert_int_equal(hwr_preprocess_width(&wide, HWR_FIT_KRAKEN, 48, 0), HWR_MAX_WIDTH);
	check_canvas(101, 40, 153, 121);
	check_canvas(101, 40, 160, 121);	/* as in training */
	check_canvas(101, 40, 132, 100);	/* squeezed */
	check_canvas(1, 400, 33, 1);
}

static void
test_pixels(void **state)
{
	(void) state;
	assert_true(hwr_content_pixel(0, 16, 100, 300) == 0);
	assert_true(hwr_content_pixel(16, 16, 100, 300) == 0);
	assert_true(hwr_content_pixel(17, 16, 100, 300) == 3);
	assert_true(hwr_content_pixel(130, 16, 100, 300) == 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pillow),
		cmocka_unit_test(test_canvas),
		cmocka_unit_test(test_pixels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
