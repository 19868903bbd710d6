/*
 * test_map_lines.c
 *	  What the maps of the network that finds lines say of the size of the writing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resize),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
