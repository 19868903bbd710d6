/*
 * test_beyond.c
 *	  Pictures of lines that reach beyond the sheet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/crop/beyond.h"

#define WIDTH 120
#define HEIGHT 40
#define PAPER 210
#define GROUND 20

static HwrImage
new_line(int paper)
{
	HwrImage	line = {.width = WIDTH,.height = HEIGHT,.source_width = WIDTH,.source_height = HEIGHT};

	line.pixels = malloc(WIDTH * HEIGHT);
	memset(line.pixels, paper, WIDTH * HEIGHT);
	return line;
}

/* Rows [top, bottom), columns [left, right). */
static void
fill(HwrImage *line, int left, int top, int right, int bottom, int grey)
{
	for (int y = top; y < bottom; y++)
		memset(line->pixels + y * WIDTH + left, grey, (size_t) (right - left));
}

/* Upright strokes in the middle. */
static void
write_strokes(HwrImage *line, int grey)
{
	for (int x = 10; x < WIDTH - 10; x += 9)
		fill(line, x, 12, x + 3, 27, grey);
}

static void
check_like(HwrImage *line, const HwrImage *wanted)
{
	hwr_page_paint_beyond(line);
	assert_memory_equal(line->pixels, wanted->pixels, WIDTH * HEIGHT);
	hwr_image_free(line);
}

/* Ground, and on its other side the white that the picture was filled up with. */
static void
test_ground(void **state)
{
	HwrImage	plain = new_line(PAPER);

	(void) state;
	write_strokes(&plain, 60);
	for (int upside_down = 0; upside_down < 2; upside_down++)
		for (int beyond = 0; beyond < 4; beyond++)
		{
			HwrImage	line = new_line(PAPER);

			write_strokes(&line, 60);
			if (upside_down)
			{
				fill(&line, 0, 0, WIDTH, beyond, 255);
				fill(&line, 0, beyond, WIDTH * 3 / 4, beyond + 6, GROUND);
			}
			else
			{
				fill(&line, 0, HEIGHT - beyond, WIDTH, HEIGHT, 255);
				fill(&line, WIDTH / 4, HEIGHT - beyond - 6, WIDTH, HEIGHT - beyond, GROUND);
			}
			check_like(&line, &plain);
		}
	hwr_image_free(&plain);
}

/* Ruled lines, dark strokes, narrower bands and light writing stay, and so does a picture of nothing but ground. */
static void
test_what_stays(void **state)
{
	static const struct
	{
		int			paper;
		int			ink;
		int			left;
		int			top;
		int			right;
		int			bottom;
		int			grey;
	}			cases[] = {
		{PAPER, 60, 0, 30, WIDTH, 33, GROUND},	/* a rule */
		{PAPER, 60, 0, 34, WIDTH / 2, HEIGHT, GROUND},	/* half as wide */
		{PAPER, 60, 0, 34, WIDTH, HEIGHT, 120}, /* a shadow */
		{PAPER, 60, 0, 13, WIDTH, 27, GROUND},	/* crossed out, in the middle */
		{40, 220, 0, 0, WIDTH, 8, 30},	/* light writing on dark paper */
		{0, 0, 0, 0, WIDTH, HEIGHT, 0},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HwrImage	line = new_line(cases[i].paper);
		HwrImage	same = new_line(0);

		write_strokes(&line, cases[i].ink);
		fill(&line, cases[i].left, cases[i].top, cases[i].right, cases[i].bottom, cases[i].grey);
		memcpy(same.pixels, line.pixels, WIDTH * HEIGHT);
		check_like(&line, &same);
		hwr_image_free(&same);
	}
}

/* Of any size, nothing is written beside the picture. */
static void
test_sizes(void **state)
{
	(void) state;
	for (int height = 1; height < 12; height++)
		for (int width = 1; width < 4; width++)
		{
			HwrImage	line = {.width = width,.height = height,.pixels = malloc((size_t) (width * height))};

			memset(line.pixels, PAPER, (size_t) (width * height));
			memset(line.pixels, GROUND, (size_t) (width * (height / 2)));
			hwr_page_paint_beyond(&line);
			assert_int_equal(line.pixels[width * height - 1], PAPER);
			hwr_image_free(&line);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ground),
		cmocka_unit_test(test_what_stays),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
