/*
 * test_lines.c
 *	  The network that finds lines: tiles, from true lines to maps and back, which models it refuses, learning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/page/map_lines.h"
#include "core/train_lines/line_sample.h"
#include "core/train_lines/line_targets.h"
#include "core/train_lines/line_trainer.h"

static HwrPageCanvas
blank_canvas(int width, int height)
{
	HwrPageCanvas canvas = {.scale = 1};
	HwrStatus	st = {0};

	assert_true(hwr_map_create(width, height, &canvas.ink, &st));
	canvas.shift = calloc((size_t) width, sizeof(float));
	return canvas;
}

/* The maps of a canvas by the network's weights in tiles of a height. */
static HwrLineMaps
maps_in_tiles(int tile, const HwrMap *ink)
{
	HwrNet	   *net = malloc(sizeof(HwrNet));
	char		vgsl[1024];
	float	   *values;
	HwrStatus	st = {0};
	HwrLineNet *lines;
	HwrLineMaps maps = {0};
	int			next = 0;
	bool		done = false;

	snprintf(vgsl, sizeof(vgsl), "[1,%d%s", tile, strchr(hwr_line_net_vgsl + 3, ','));
	assert_true(hwr_vgsl_parse(vgsl, 0, net, &st));
	values = malloc(net->nvalues * sizeof(float));
	assert_true(hwr_net_init(net, 1, values, &st));
	assert_true(hwr_line_net_create(net, values, hwr_cpu_backend(), &lines, &st));
	while (!done)
		assert_true(hwr_line_net_step(lines, ink, &maps, &next, &done, &st));
	hwr_line_net_free(lines);
	free(values);
	free(net);
	return maps;
}

/* It does not matter where tiles end. */
static void
test_tiles(void **state)
{
	HwrPageCanvas canvas = blank_canvas(100, 900);
	HwrLineMaps one;
	HwrLineMaps other;
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 1, 0);
	for (int i = 0; i < 100 * 900; i++)
		canvas.ink.v[i] = (uint8_t) hwr_rng_below(&rng, 256);
	one = maps_in_tiles(512, &canvas.ink);
	other = maps_in_tiles(256, &canvas.ink);
	assert_int_equal(one.width, 128 / one.cell_x);
	assert_int_equal(one.height, 900 / one.cell_y);
	assert_int_equal(other.height, one.height);
	for (int y = 0; y < one.height; y++)
		for (int x = 0; x < one.width; x++)
			for (int m = 0; m < HWR_LINE_MAPS; m++)
				assert_true(fabsf(hwr_line_maps_at(&one, x, y)[m] - hwr_line_maps_at(&other, x, y)[m]) < 1e-4F);
	hwr_line_maps_free(&one);
	hwr_line_maps_free(&other);
	hwr_page_canvas_free(&canvas);
}

static void
draw_ink(HwrMap *ink, int x0, int x1, int y0, int y1)
{
	for (int y = y0; y < y1; y++)
		for (int x = x0; x < x1; x += 2)
			hwr_map_row(ink, y)[x] = 200;
}

/* True lines to maps, and what is found in these: two in one row, which only their ends part, and one below. */
static void
test_there_and_back(void **state)
{
	static const float boxes[3][4] = {{40, 280, 100, 124}, {296, 520, 100, 124}, {40, 520, 160, 184}};
	HwrPageCanvas canvas = blank_canvas(640, 256);
	HwrTrueLine lines[3];
	HwrPlacement same = {.sx = 1,.s = 1};
	HwrLineMaps maps = {.width = 80,.height = 64,.cell_x = 8,.cell_y = 4};
	float	   *targets = malloc(80 * 64 * HWR_LINE_TARGETS * sizeof(float));
	float	   *nearest = malloc(80 * 64 * sizeof(float));
	HwrPageLines found = {0};
	HwrStatus	st = {0};

	(void) state;
	for (int i = 0; i < 3; i++)
	{
		const float *b = boxes[i];
		HwrPoint	baseline[2] = {{b[0], b[3] - 8}, {b[1], b[3] - 8}};
		HwrPoint	outline[4] = {{b[0], b[2]}, {b[1], b[2]}, {b[1], b[3]}, {b[0], b[3]}};

		draw_ink(&canvas.ink, (int) b[0], (int) b[1], (int) b[2] + 2, (int) b[3] - 2);
		assert_true(hwr_true_line(&canvas, baseline, 2, outline, 4, &lines[i], &st));
		assert_int_equal(lines[i].n, (int) (b[1] - b[0]) / HWR_TRUTH_STEP);
	}
	hwr_line_targets_clear(80, 64, nearest, targets);
	hwr_line_targets_add(lines, 3, &same, 80, 64, 8, 4, nearest, targets);
	maps.v = malloc(80 * 64 * HWR_LINE_MAPS * sizeof(float));
	for (size_t i = 0; i < 80 * 64; i++)
		memcpy(maps.v + i * HWR_LINE_MAPS, targets + i * HWR_LINE_TARGETS, HWR_LINE_MAPS * sizeof(float));
	assert_true(hwr_page_map_lines(&canvas, &maps, 24, &found, &st));
	assert_int_equal(found.n, 3);
	for (int i = 0; i < 3; i++)
	{
		const HwrPageLine *line = &found.lines[i];
		const float *b = boxes[i == 0 ? 0 : line->baseline[0].x > 200 ? 1 : 2];

		assert_true(fabsf(line->baseline[0].x - b[0]) <= 8 && fabsf(line->baseline[line->baseline_n - 1].x - b[1]) <= 8);
		assert_true(fabsf(line->baseline[0].y - (b[3] - 8)) < 2);
		for (int k = 0; k < line->outline_n; k++)
			assert_true(line->outline[k].y > b[2] - 10 && line->outline[k].y < b[3] + 3);
		hwr_true_line_free(&lines[i]);
	}
	hwr_page_lines_free(&found);
	hwr_line_maps_free(&maps);
	hwr_page_canvas_free(&canvas);
	free(targets);
	free(nearest);
}

/* A crop of two parts: the line ends where the first does, and begins again where the second does. */
static void
test_parts(void **state)
{
	HwrPageCanvas canvas = blank_canvas(256, 64);
	HwrPoint	baseline[2] = {{0, 40}, {256, 40}};
	HwrPoint	outline[4] = {{0, 24}, {256, 24}, {256, 48}, {0, 48}};
	HwrPlacement left = {.sx = 1,.s = 1,.to = 96};
	HwrPlacement right = {.sx = 1,.s = 1,.tx = 32,.from = 128};
	HwrPlacement sliver = {.sx = 1,.s = 1,.from = 200,.to = 208};
	HwrTrueLine line;
	float		targets[32 * 16 * HWR_LINE_TARGETS];
	float		nearest[32 * 16];
	const float *row = targets + 8 * 32 * HWR_LINE_TARGETS;		/* y 32 .. 36 */
	HwrStatus	st = {0};

	(void) state;
	assert_true(hwr_true_line(&canvas, baseline, 2, outline, 4, &line, &st));
	hwr_line_targets_clear(32, 16, nearest, targets);
	hwr_line_targets_add(&line, 1, &left, 32, 16, 8, 4, nearest, targets);
	hwr_line_targets_add(&line, 1, &right, 32, 16, 8, 4, nearest, targets);
	for (int x = 0; x < 32; x++)
	{
		assert_int_equal(row[x * HWR_LINE_TARGETS + HWR_MAP_BASELINE] > 0.5F, x < 12 || x >= 16);
		assert_int_equal(row[x * HWR_LINE_TARGETS + HWR_MAP_END] > 0.5F, x == 0 || x == 11 || x == 12 || x == 15 || x == 16);
		assert_true(row[x * HWR_LINE_TARGETS + HWR_LINE_MAPS] == 1);
	}
	hwr_line_targets_clear(32, 16, nearest, targets);
	hwr_line_targets_add(&line, 1, &sliver, 32, 16, 8, 4, nearest, targets);
	assert_true(row[25 * HWR_LINE_TARGETS + HWR_LINE_MAPS] == 0);
	assert_true(row[25 * HWR_LINE_TARGETS + HWR_MAP_BASELINE] == 0);
	hwr_true_line_free(&line);
	hwr_page_canvas_free(&canvas);
}

/* Parts of crops lie side by side, fill the crop but for the gaps, and gaps are paper where there is no rule. */
static void
test_crops(void **state)
{
	HwrSamplePage pages[2] = {{.canvas = blank_canvas(300, 300)}, {.canvas = blank_canvas(700, 200)}};
	uint8_t    *crop = malloc(256 * 64);
	int			counts[HWR_CROP_PARTS + 1] = {0};

	(void) state;
	for (int p = 0; p < 2; p++)
		memset(pages[p].canvas.ink.v, 170, (size_t) pages[p].canvas.ink.width * (size_t) pages[p].canvas.ink.height);
	for (uint64_t i = 0; i < 500; i++)
	{
		HwrCropPart parts[HWR_CROP_PARTS];
		HwrRng		rng;
		int			n;

		hwr_rng_seed(&rng, 5, i);
		n = hwr_sample_parts(pages, 2, 0.4, 256, 64, &rng, parts);
		counts[n]++;
		assert_int_equal(parts[0].place.from, 0);
		assert_int_equal(parts[n - 1].place.to, 0);
		hwr_sample_draw_parts(parts, n, 256, 64, &rng, crop);
		for (int k = 1; k < n; k++)
		{
			int			from = parts[k].place.from;

			assert_true(parts[k].gap >= 4 && from > parts[k - 1].place.from && from < 256);
			assert_int_equal(parts[k - 1].place.to, from - parts[k].gap);
			for (int x = from - parts[k].gap; x < from && parts[k].rule == 0 && n == 2; x++)
				assert_int_equal(crop[32 * 256 + x], 0);
		}
	}
	assert_true(counts[1] > 250 && counts[2] > 80 && counts[3] > 40);
	free(crop);
	hwr_page_canvas_free(&pages[0].canvas);
	hwr_page_canvas_free(&pages[1].canvas);
}

/* Without an outline nothing is said of the place but that something is there. */
static void
test_unknown(void **state)
{
	HwrPageCanvas canvas = blank_canvas(64, 64);
	HwrPoint	baseline[2] = {{0, 40}, {64, 40}};
	HwrPlacement same = {.sx = 1,.s = 1};
	HwrTrueLine line;
	float		targets[8 * 16 * HWR_LINE_TARGETS];
	float		nearest[8 * 16];
	HwrStatus	st = {0};

	(void) state;
	assert_true(hwr_true_line(&canvas, baseline, 2, NULL, 0, &line, &st));
	assert_false(line.whole);
	hwr_line_targets_clear(8, 16, nearest, targets);
	hwr_line_targets_add(&line, 1, &same, 8, 16, 8, 4, nearest, targets);
	assert_true(targets[(9 * 8 + 3) * HWR_LINE_TARGETS + HWR_LINE_MAPS] == 0);
	assert_true(targets[(1 * 8 + 3) * HWR_LINE_TARGETS + HWR_LINE_MAPS] == 1);
	hwr_true_line_free(&line);
	assert_true(hwr_true_line(&canvas, baseline, 1, NULL, 0, &line, &st));
	assert_int_equal(line.n, 0);
	hwr_page_canvas_free(&canvas);
}

static void
test_wrong_models(void **state)
{
	static const char *const wrong[] = {"[1,16,64,1 Mp8,4 S1(1x0)1,3 O1c4]", "[1,512,0,1 Cr3,3,4,4,4 O2l3]",
		"[1,64,0,1 Cr3,3,4,4,4 O2l4]",
		"[1,512,512,1 Cr3,3,4,4,4 O2l4]"};
	HwrNet	   *net = malloc(sizeof(HwrNet));

	(void) state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		HwrStatus	st = {0};

		assert_true(hwr_vgsl_parse(wrong[i], 0, net, &st));
		assert_false(hwr_line_net_check(net, &st));
		assert_int_equal(st.code, HWR_WRONG_MODEL);
	}
	free(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tiles),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_crops),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_wrong_models),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
