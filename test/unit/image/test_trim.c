/*
 * test_trim.c
 *	  Pictures cut to their line of writing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/image/preprocess.h"
#include "core/image/trim.h"
#include "image_cases.h"

#define WIDTH 600
#define X_HEIGHT 20				/* of small letters */
#define ASCENDER 10				/* above them, and below */
#define PAPER 230

static HwrImage
new_picture(int width, int height, int grey)
{
	HwrImage	img = {.width = width,.height = height,.source_width = width,.source_height = height};

	img.pixels = malloc((size_t) (width * height));
	memset(img.pixels, grey, (size_t) (width * height));
	return img;
}

static void
fill(HwrImage *img, int left, int top, int right, int bottom, int grey)
{
	for (int y = top; y < bottom; y++)
		memset(img->pixels + y * img->width + left, grey, (size_t) (right - left));
}

/* Slanted strokes like letters, each third one higher or lower than the others; unevenly spaced, as no dots are. */
static HwrImage
draw(int above, int below, int paper, int ink, bool ascenders)
{
	int			body = X_HEIGHT + 2 * ASCENDER;
	HwrImage	img = new_picture(WIDTH, above + body + below, paper);

	for (int i = 0, x = 30; x < WIDTH - 30; x += 8 + i * 5 % 13, i++)
		for (int y = ascenders && i % 6 == 0 ? 0 : ASCENDER; y < body - (ascenders && i % 6 == 3 ? 0 : ASCENDER); y++)
			fill(&img, x - y / 2, above + y, x - y / 2 + 3, above + y + 1, ink);
	return img;
}

/* Rows with what differs from the corner, but for the outermost columns. */
static void
ink_rows(const HwrImage *img, int *first, int *last)
{
	*first = img->height;
	*last = -1;
	for (int y = 0; y < img->height; y++)
		for (int x = 4; x < img->width - 4; x++)
			if (abs(img->pixels[y * img->width + x] - img->pixels[4]) > 60)
			{
				*first = y < *first ? y : *first;
				*last = y;
			}
}

/* The writing, so many rows high, is left whole, in the middle of a picture of this height. */
static void
check_trimmed(HwrImage img, int rows, int least, int most)
{
	HwrStatus	st;
	int			before;
	int			first;
	int			last;

	before = img.height;
	assert_true(hwr_image_trim(&img, &st));
	assert_int_equal(img.clean, img.height == before);
	assert_int_equal(img.width, WIDTH);
	assert_in_range(img.height, least, most);
	ink_rows(&img, &first, &last);
	assert_int_equal(last - first + 1, rows);
	assert_in_range(abs(first - (img.height - 1 - last)), 0, 2);
	hwr_image_free(&img);
}

static void
test_margins(void **state)
{
	int			rows = X_HEIGHT + 2 * ASCENDER;

	(void) state;
	for (int margin = 20; margin < 100; margin += 25)
	{
		check_trimmed(draw(margin, margin, PAPER, 30, true), rows, 58, 62);
		check_trimmed(draw(margin, 15, PAPER, 30, true), rows, 57, 62);
		check_trimmed(draw(margin, margin, 40, 220, true), rows, 58, 62);	/* light on dark */
	}
	/* without ascenders there is room for them */
	check_trimmed(draw(30, 30, PAPER, 30, false), X_HEIGHT, 38, 42);
}

/* Without too much paper: nothing is cut off, and nothing is put to it. */
static void
test_right_height(void **state)
{
	(void) state;
	for (int margin = 0; margin <= 9; margin += 3)
	{
		int			height = X_HEIGHT + 2 * ASCENDER + 2 * margin;

		check_trimmed(draw(margin, margin, PAPER, 30, true), X_HEIGHT + 2 * ASCENDER, height, height);
	}
}

/* A frame and a ruled line are no writing. */
static void
test_frame(void **state)
{
	HwrImage	img = draw(60, 60, PAPER, 30, true);
	HwrStatus	st;
	int			first;
	int			last;

	(void) state;
	fill(&img, 0, 0, WIDTH, 2, 20);
	fill(&img, 0, img.height - 2, WIDTH, img.height, 20);
	fill(&img, 0, 0, 2, img.height, 20);
	fill(&img, WIDTH - 2, 0, WIDTH, img.height, 20);
	fill(&img, 0, 125, WIDTH, 127, 90);
	assert_true(hwr_image_trim(&img, &st));
	assert_in_range(img.height, 57, 63);
	ink_rows(&img, &first, &last);
	assert_in_range(last - first + 1, X_HEIGHT + 2 * ASCENDER - 2, X_HEIGHT + 2 * ASCENDER + 1);
	hwr_image_free(&img);
}

/* What says nothing of its size is not enlarged, or not much. */
static void
test_strokes(void **state)
{
	HwrImage	dash = new_picture(400, 80, PAPER);
	HwrImage	speck = new_picture(400, 80, PAPER);
	HwrImage	dittos = new_picture(400, 80, PAPER);
	HwrStatus	st;

	(void) state;
	fill(&dash, 100, 38, 200, 44, 30);
	assert_true(hwr_image_trim(&dash, &st));
	assert_int_equal(dash.height, 80);
	fill(&speck, 100, 38, 103, 41, 30);
	assert_true(hwr_image_trim(&speck, &st));
	assert_int_equal(speck.height, 80);
	for (int i = 0; i < 2; i++)
		for (int y = 0; y < 12; y++)
			fill(&dittos, 100 + 200 * i + 10 - y / 2, 30 + y, 103 + 200 * i + 10 - y / 2, 31 + y, 30);
	assert_true(hwr_image_trim(&dittos, &st));
	assert_in_range(dittos.height, 32, 80);
	hwr_image_free(&dash);
	hwr_image_free(&speck);
	hwr_image_free(&dittos);
}

static void
test_blank(void **state)
{
	HwrImage	img = new_picture(300, 50, PAPER);
	HwrStatus	st;

	(void) state;
	assert_true(hwr_image_trim(&img, &st));
	assert_true(img.clean);
	assert_int_equal(img.height, 50);
	for (int i = 0; i < 300 * 50; i++)
		assert_int_equal(img.pixels[i], 255);
	hwr_image_free(&img);
}

/* A file that would do at a half of its size, but for the part that is left of it: it is decoded as large as that needs. */
static void
test_decoded_again(void **state)
{
	int			body = X_HEIGHT + 2 * ASCENDER;
	HwrImage	drawn = draw(60, 60, PAPER, 30, true);
	File		file = write_jpeg(drawn.pixels, drawn.width, drawn.height, grey_jpeg);
	HwrImage	img;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_preprocess_decode(file.bytes, file.len, &roomy, HWR_FIT_PAD, 48, 0, &img, &st));
	assert_int_equal(img.width, WIDTH / 2);
	assert_false(img.clean);
	hwr_image_free(&img);
	assert_true(hwr_preprocess_decode(file.bytes, file.len, &roomy, HWR_FIT_LINE, 48, 0, &img, &st));
	assert_int_equal(img.width, WIDTH);
	assert_in_range(img.height, body * 3 / 2 - 2, body * 3 / 2 + 4);
	hwr_image_free(&img);
	hwr_image_free(&drawn);
	free(file.bytes);
}

/* Any shape, any pixels. */
static void
test_any(void **state)
{
	static const int sizes[][2] = {{1, 1}, {1, 400}, {400, 1}, {3, 17}, {17, 16}, {500, 20}};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		HwrImage	img = new_picture(sizes[i][0], sizes[i][1], 0);
		HwrStatus	st;

		for (int p = 0; p < img.width * img.height; p++)
			img.pixels[p] = (uint8_t) (p * 37 % 251);
		assert_true(hwr_image_trim(&img, &st));
		assert_int_equal(img.width, sizes[i][0]);
		assert_true(img.height >= 1);
		hwr_image_free(&img);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_margins),
		cmocka_unit_test(test_right_height),
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_strokes),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_decoded_again),
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
