/*
 * test_level.c
 *	  Lines that rise and fall, made level.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/image/level.h"

#define WIDTH 800
#define HEIGHT 100
#define LETTER 24				/* height of what is written, and of gaps below and above it */

/* Upright strokes, 3 pixels in 8, on a line that falls so many pixels from the left to the right edge. */
static HwrImage
draw(int fall, int paper, int ink)
{
	HwrImage	img = {.width = WIDTH,.height = HEIGHT,.source_width = WIDTH,.source_height = HEIGHT};

	img.pixels = malloc(WIDTH * HEIGHT);
	for (int x = 0; x < WIDTH; x++)
		for (int y = 0; y < HEIGHT; y++)
		{
			double		middle = HEIGHT / 2.0 + fall * ((x + 0.5) / WIDTH - 0.5);

			img.pixels[y * WIDTH + x] = (uint8_t) (x % 8 < 3 && fabs(y + 0.5 - middle) < LETTER / 2.0 ? ink : paper);
		}
	return img;
}

/* Rows in which some stroke of the columns [from, to) is. */
static void
ink_rows(const HwrImage *img, int from, int to, int paper, int *first, int *last)
{
	*first = img->height;
	*last = -1;
	for (int y = 0; y < img->height; y++)
		for (int x = from; x < to; x++)
			if (abs(img->pixels[y * img->width + x] - paper) > 100)
			{
				*first = y < *first ? y : *first;
				*last = y;
			}
}

static void
check_levelled(int fall, int paper, int ink)
{
	HwrImage	img = draw(fall, paper, ink);
	HwrStatus	st;
	int			first[2];
	int			last[2];

	assert_true(hwr_image_level(&img, &st));
	assert_int_equal(img.width, WIDTH);
	assert_true(img.height < HEIGHT && img.height >= LETTER);
	ink_rows(&img, 0, WIDTH / 8, paper, &first[0], &last[0]);
	ink_rows(&img, WIDTH - WIDTH / 8, WIDTH, paper, &first[1], &last[1]);
	for (int i = 0; i < 2; i++)
	{
		/* whole letters, and hardly more: the rise is known to a row of strips */
		assert_in_range(last[i] - first[i] + 1, LETTER - 2, LETTER + 8);
	}
	assert_in_range(abs(first[0] - first[1]), 0, 3);
	/* the strokes stand where they stood */
	for (int x = 0; x < WIDTH; x += 8)
		assert_true(abs(img.pixels[img.height / 2 * WIDTH + x + 1] - paper) > 100 &&
					abs(img.pixels[img.height / 2 * WIDTH + x + 5] - paper) < 20);
	hwr_image_free(&img);
}

static void
test_slopes(void **state)
{
	(void) state;
	check_levelled(70, 230, 30);
	check_levelled(-70, 230, 30);
	check_levelled(40, 230, 30);
	check_levelled(-25, 230, 30);
	check_levelled(60, 40, 220);	/* light on dark */
}

static void
check_same(HwrImage img)
{
	uint8_t    *before = malloc((size_t) img.width * (size_t) img.height);
	int			height = img.height;
	HwrStatus	st;

	memcpy(before, img.pixels, (size_t) img.width * (size_t) img.height);
	assert_true(hwr_image_level(&img, &st));
	assert_int_equal(img.height, height);
	assert_memory_equal(before, img.pixels, (size_t) img.width * (size_t) img.height);
	free(before);
	hwr_image_free(&img);
}

static void
test_left_alone(void **state)
{
	HwrImage	img;

	(void) state;
	check_same(draw(0, 230, 30));
	check_same(draw(5, 230, 30));	/* as good as level */
	check_same(draw(60, 230, 220));	/* no contrast */

	/* too high for its width */
	img = draw(60, 230, 30);
	img.width = 200;
	img.height = WIDTH * HEIGHT / 200;
	check_same(img);

	/* strokes everywhere: no rise is better than another */
	img = draw(0, 230, 30);
	for (int i = 0; i < WIDTH * HEIGHT; i++)
		img.pixels[i] = (uint8_t) (i % WIDTH % 8 < 3 ? 30 : 230);
	check_same(img);

	/* smallest */
	img = draw(0, 230, 30);
	img.width = 4;
	img.height = 1;
	check_same(img);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slopes),
		cmocka_unit_test(test_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
