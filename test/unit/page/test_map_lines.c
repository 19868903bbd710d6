/*
 * test_map_lines.c
 *	  What the maps of the network that finds lines say: of the size of the writing, and where the cells of a table end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/page/map_lines.h"

#define COLUMNS 80
#define ROWS 40

/* Maps of so many lines from one side to the other, each so high in pixels. */
static void
fill(float *v, int lines, float height)
{
	for (int i = 0; i < ROWS * COLUMNS; i++)
	{
		float	   *cell = v + i * HWR_LINE_MAPS;
		int			y = i / COLUMNS;

		cell[HWR_MAP_BASELINE] = y % 8 == 4 && y / 8 < lines ? 0.9F : 0.1F;
		cell[HWR_MAP_END] = 0;
		cell[HWR_MAP_UP] = 0.7F * height / HWR_MAP_REACH;
		cell[HWR_MAP_DOWN] = 0.3F * height / HWR_MAP_REACH;
	}
}

/* Only where the writing is far too large or small, and some is there. */
static void
test_resize(void **state)
{
	static float v[ROWS * COLUMNS * HWR_LINE_MAPS];
	const HwrLineMaps maps = {.width = COLUMNS,.height = ROWS,.cell_x = 8,.cell_y = 4,.v = v};
	float		by;

	(void) state;
	for (float height = 12; height <= 36; height += 4)
	{
		fill(v, 4, height);
		assert_true(hwr_page_map_resize(&maps) == 1);
	}
	fill(v, 4, 50);
	by = hwr_page_map_resize(&maps);
	assert_true(by > 2 && by < 3);
	fill(v, 4, 8);
	by = hwr_page_map_resize(&maps);
	assert_true(by > 0.3F && by < 0.5F);
	fill(v, 4, 0);
	by = hwr_page_map_resize(&maps);
	assert_true(by > 0.1F && by < 0.5F);
	fill(v, 0, 50);
	assert_true(hwr_page_map_resize(&maps) == 1);
}

#define MIDDLE (COLUMNS / 2)

/* Lines found on a page of ink whose maps these are. */
static int
count_lines(HwrLineMaps maps)
{
	HwrPageCanvas canvas = {.scale = 1};
	HwrPageLines lines = {0};
	HwrStatus	st = {0};
	int			n;

	assert_true(hwr_map_create(COLUMNS * 8, ROWS * 4, &canvas.ink, &st));
	memset(canvas.ink.v, 170, (size_t) (COLUMNS * 8 * ROWS * 4));
	canvas.shift = calloc(COLUMNS * 8, sizeof(float));
	assert_true(hwr_page_map_lines(&canvas, &maps, 24, &lines, &st));
	n = lines.n;
	hwr_page_lines_free(&lines);
	hwr_page_canvas_free(&canvas);
	return n;
}

/*
 * Ten lines, the first of them cut in the middle, and, in the others, this much of an end there or nothing: an unsure end counts
 * where at least twice as many rows have a sure one as have none.
 */
static void
test_cells(void **state)
{
	static float v[ROWS * COLUMNS * HWR_LINE_MAPS];
	const HwrLineMaps maps = {.width = COLUMNS,.height = ROWS,.cell_x = 8,.cell_y = 4,.v = v};

	(void) state;
	for (int cut = 0; cut <= 10; cut++)
		for (int unsure = 0; unsure < 2; unsure++)
		{
			int			joined = 10 - cut;

			fill(v, 0, 20);
			for (int line = 0; line < 10; line++)
				for (int x = 4; x < COLUMNS - 4; x++)
				{
					float	   *cell = v + ((4 * line + 2) * COLUMNS + x) * HWR_LINE_MAPS;
					bool		gap = x >= MIDDLE - 2 && x < MIDDLE;

					cell[HWR_MAP_BASELINE] = gap && line < cut ? 0.1F : 0.9F;
					cell[HWR_MAP_END] = !gap && x != MIDDLE ? 0 : line < cut ? 0.9F : x == MIDDLE && unsure ? 0.6F : 0;
				}
			if (unsure && cut >= 6 && cut >= 2 * joined)
				joined = 0;
			assert_int_equal(count_lines(maps), 2 * (10 - joined) + joined);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
