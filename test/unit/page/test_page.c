/*
 * test_page.c
 *	  The line finder on drawn pages: lines, columns, slopes, turns, rules, and what is no writing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/crop/crop.h"
#include "core/page/canvas.h"
#include "core/page/page.h"
#include "core/page/tilt.h"

#define PAPER 225
#define INK 50

static HwrImage
blank_page(int width, int height, int grey)
{
	HwrImage	page = {.width = width,.height = height,.source_width = width,.source_height = height,
		.pixels = malloc((size_t) width * (size_t) height)};

	memset(page.pixels, grey, (size_t) width * (size_t) height);
	return page;
}

/* A dot of a pen three pixels wide. */
static void
dot(HwrImage *page, double x, double y)
{
	for (int v = (int) y - 1; v <= (int) y + 1; v++)
		for (int u = (int) x - 1; u <= (int) x + 1; u++)
			if (u >= 0 && v >= 0 && u < page->width && v < page->height)
				page->pixels[v * page->width + u] = INK;
}

/*
 * A line of "writing" of body height h from x0 to x1 along y = y0 + slope * (x - x0): letters are strokes joined at the
 * base or the top, some go up or down, words are parted by gaps.
 */
static void
write_line(HwrImage *page, double x0, double x1, double y0, double h, double slope, uint64_t seed)
{
	HwrRng		rng;
	double		x = x0;

	hwr_rng_seed(&rng, seed, 0);
	while (x < x1)
	{
		double		word = x + h * (2 + hwr_rng_below(&rng, 5));

		word = word < x1 ? word : x1;
		for (; x < word; x += 0.8 * h)
		{
			int			kind = (int) hwr_rng_below(&rng, 8);
			double		top = kind == 0 || kind == 1 ? 1.8 * h : h;
			double		bottom = kind == 2 ? -0.7 * h : 0;
			/* The pen is lifted now and then. */
			bool		joined = hwr_rng_below(&rng, 5) < 2;

			for (double t = bottom; t <= top; t += 0.5)
				dot(page, x + 0.2 * t, y0 + slope * (x - x0) - t);
			for (double t = 0; joined && t <= 0.8 * h; t += 0.5)
				dot(page, x + t + (kind % 2 ? 0.2 * h : 0), y0 + slope * (x - x0) - (kind % 2 ? h : 0));
		}
		x += 0.9 * h;
	}
}

static HwrPageLines
find(const HwrImage *page, int turn)
{
	const HwrPageOptions options = {.turn = turn};
	HwrPageFinder *finder;
	HwrPageLines lines;
	HwrStatus	st = {0};
	bool		done = false;

	assert_true(hwr_page_finder_create(page, &options, &finder, &st));
	for (int i = 0; !done; i++)
	{
		assert_true(i < 1000);
		assert_true(hwr_page_finder_step(finder, &done, &st));
	}
	hwr_page_finder_take(finder, &lines);
	hwr_page_finder_free(finder);
	return lines;
}

static int
count_text(const HwrPageLines *lines)
{
	int			n = 0;

	for (int i = 0; i < lines->n; i++)
	{
		const HwrPageLine *line = &lines->lines[i];

		assert_true(line->baseline_n >= 2 && line->outline_n >= 4);
		assert_true(line->confidence >= 0 && line->confidence <= 1);
		if (line->kind == HWR_LINE_TEXT)
		{
			/* Text comes first. */
			assert_int_equal(n, i);
			assert_null(line->reason);
			assert_true(line->region >= 1);
			n++;
		}
		else
			assert_non_null(line->reason);
	}
	return n;
}

/* The line runs from (x0, y0) to (x1, y1), a body's height or so. */
static void
check_line(const HwrPageLine *line, double x0, double y0, double x1, double y1, double tolerance)
{
	const HwrPoint *a = &line->baseline[0];
	const HwrPoint *b = &line->baseline[line->baseline_n - 1];

	assert_true(fabs(a->x - x0) < 2 * tolerance);
	assert_true(fabs(b->x - x1) < 2 * tolerance);
	assert_true(fabs(a->y - y0) < tolerance);
	assert_true(fabs(b->y - y1) < tolerance);
}

static void
test_lines(void **state)
{
	HwrImage	page = blank_page(900, 700, PAPER);
	HwrPageLines lines;

	(void) state;
	for (int i = 0; i < 10; i++)
		write_line(&page, 80, 800, 100 + i * 60, 16, 0, (uint64_t) i);
	lines = find(&page, 0);
	assert_int_equal(count_text(&lines), 10);
	for (int i = 0; i < 10; i++)
		check_line(&lines.lines[i], 80, 100 + i * 60, 800, 100 + i * 60, 12);
	hwr_page_lines_free(&lines);
	hwr_image_free(&page);
}

/* Sizes from a quarter to three times, and shadow over the page. */
static void
test_sizes(void **state)
{
	const double heights[] = {5, 6, 9, 16, 40};

	(void) state;
	for (int k = 0; k < 5; k++)
	{
		double		h = heights[k];
		HwrImage	page = blank_page((int) (50 * h), (int) (40 * h), PAPER);
		HwrPageLines lines;

		for (int i = 0; i < 9; i++)
			write_line(&page, 4 * h, 46 * h, (5 + i * 4) * h, h, 0, (uint64_t) i);
		for (int y = 0; y < page.height; y++)
			for (int x = 0; x < page.width; x++)
			{
				uint8_t    *p = &page.pixels[y * page.width + x];

				*p = (uint8_t) (*p * (1 - 0.5 * x / page.width));
			}
		lines = find(&page, 0);
		assert_int_equal(count_text(&lines), 9);
		hwr_page_lines_free(&lines);
		hwr_image_free(&page);
	}
}

/* The slope is taken out by turning the page: a pixel is where its point is, and the way back leads to it. */
static void
test_straighten(void **state)
{
	const float slopes[] = {-0.25F, 0.05F, 0.2F};

	(void) state;
	for (int k = 0; k < 3; k++)
		for (int factor = 1; factor <= 2; factor++)
		{
			HwrTilt		tilt = hwr_tilt_of(slopes[k], 300 * (float) factor, 200 * (float) factor);
			HwrMap		map;
			HwrStatus	st = {0};
			HwrPoint	a = hwr_tilt_point(&tilt, (HwrPoint){100, 100});
			HwrPoint	b = hwr_tilt_point(&tilt, (HwrPoint){200, 100 + 100 * slopes[k]});

			assert_true(fabsf(a.y - b.y) < 0.01F);
			assert_true(fabsf(b.x - a.x - 100 * sqrtf(1 + slopes[k] * slopes[k])) < 0.01F);
			for (int corner = 0; corner < 4; corner++)
			{
				HwrPoint	spot = {corner % 2 ? 290.5F : 9.5F, corner / 2 ? 190.5F : 9.5F};
				HwrPoint	page = {spot.x * (float) factor, spot.y * (float) factor};
				HwrPoint	there = hwr_tilt_point(&tilt, page);
				HwrPoint	back = hwr_tilt_back(&tilt, there);
				int			best = 0;

				assert_true(fabsf(back.x - page.x) < 0.01F && fabsf(back.y - page.y) < 0.01F);
				assert_true(hwr_map_create(300, 200, &map, &st));
				hwr_map_row(&map, (int) spot.y)[(int) spot.x] = 255;
				assert_true(hwr_map_straighten(&map, &tilt, (float) factor, &st));
				for (int i = 0; i < map.width * map.height; i++)
					best = map.v[i] > map.v[best] ? i : best;
				assert_true(map.v[best] > 60);
				assert_true(fabsf((float) (best % map.width) + 0.5F - there.x / (float) factor) < 1);
				assert_true(fabsf((float) (best / map.width) + 0.5F - there.y / (float) factor) < 1);
				hwr_map_free(&map);
			}
		}
}

static void
test_slopes(void **state)
{
	const double degrees[] = {-12, -4, 3, 8, 14};

	(void) state;
	for (int k = 0; k < 5; k++)
	{
		double		slope = tan(degrees[k] * 3.14159265 / 180);
		HwrImage	page = blank_page(900, 1000, PAPER);
		HwrPageLines lines;

		for (int i = 0; i < 9; i++)
			write_line(&page, 100, 780, 280 + i * 56 - slope * 340, 15, slope, (uint64_t) i);
		lines = find(&page, 0);
		assert_int_equal(count_text(&lines), 9);
		for (int i = 0; i < 9; i++)
			check_line(&lines.lines[i], 100, 280 + i * 56 - slope * 340, 780, 280 + i * 56 + slope * 340, 16);
		assert_true(fabs(lines.slope - slope) < 0.02);
		hwr_page_lines_free(&lines);
		hwr_image_free(&page);
	}
}

/* A heading over two columns: heading, left column, right column. */
static void
test_columns(void **state)
{
	HwrImage	page = blank_page(1000, 800, PAPER);
	HwrPageLines lines;

	(void) state;
	write_line(&page, 300, 700, 60, 16, 0, 99);
	for (int i = 0; i < 10; i++)
	{
		write_line(&page, 60, 430, 150 + i * 58, 16, 0, (uint64_t) i);
		write_line(&page, 540, 930, 150 + i * 58, 16, 0, (uint64_t) i + 20);
	}
	lines = find(&page, 0);
	assert_int_equal(count_text(&lines), 21);
	check_line(&lines.lines[0], 300, 60, 700, 60, 14);
	for (int i = 0; i < 10; i++)
	{
		check_line(&lines.lines[1 + i], 60, 150 + i * 58, 430, 150 + i * 58, 14);
		check_line(&lines.lines[11 + i], 540, 150 + i * 58, 930, 150 + i * 58, 14);
	}
	assert_int_equal(lines.lines[1].region, lines.lines[10].region);
	assert_int_not_equal(lines.lines[1].region, lines.lines[11].region);
	hwr_page_lines_free(&lines);
	hwr_image_free(&page);
}

/* Quarter turns: the same lines, in coordinates of the page as it lies. */
static void
test_turns(void **state)
{
	HwrImage	page = blank_page(900, 500, PAPER);

	(void) state;
	for (int i = 0; i < 7; i++)
		write_line(&page, 80, 800, 80 + i * 60, 16, 0, (uint64_t) i);
	for (int turn = 1; turn <= 3; turn++)
	{
		int			w = turn % 2 ? page.height : page.width;
		int			h = turn % 2 ? page.width : page.height;
		HwrImage	turned = blank_page(w, h, PAPER);
		HwrPageLines lines;

		/* Turned so that turning by `turn` quarters clockwise makes it upright again. */
		for (int y = 0; y < h; y++)
			for (int x = 0; x < w; x++)
			{
				int			u = turn == 1 ? h - 1 - y : turn == 2 ? w - 1 - x : y;
				int			v = turn == 1 ? x : turn == 2 ? h - 1 - y : w - 1 - x;

				turned.pixels[y * w + x] = page.pixels[v * page.width + u];
			}
		lines = find(&turned, turn);
		assert_int_equal(count_text(&lines), 7);
		if (turn == 1)
			check_line(&lines.lines[0], 80, 820, 80, 100, 24);
		else if (turn == 2)
			check_line(&lines.lines[0], 820, 420, 100, 420, 24);
		else
			check_line(&lines.lines[0], 420, 80, 420, 800, 24);
		hwr_page_lines_free(&lines);
		hwr_image_free(&turned);
	}
	hwr_image_free(&page);
}

/* Ruled paper with a margin, in a black border. */
static void
test_rules(void **state)
{
	HwrImage	page = blank_page(1000, 900, 10);
	HwrPageLines lines;

	(void) state;
	for (int y = 60; y < 840; y++)
		memset(page.pixels + y * 1000 + 70, PAPER, 860);
	for (int y = 110; y < 840; y += 60)
		memset(page.pixels + y * 1000 + 70, 130, 860), memset(page.pixels + (y + 1) * 1000 + 70, 130, 860);
	for (int y = 60; y < 840; y++)
		page.pixels[y * 1000 + 180] = page.pixels[y * 1000 + 181] = 120;
	for (int i = 0; i < 9; i++)
		write_line(&page, 200, 880, 168 + i * 60, 16, 0, (uint64_t) i);
	lines = find(&page, 0);
	assert_int_equal(count_text(&lines), 9);
	for (int i = 0; i < 9; i++)
		check_line(&lines.lines[i], 200, 168 + i * 60, 880, 168 + i * 60, 14);
	hwr_page_lines_free(&lines);
	hwr_image_free(&page);
}

/* Pages without writing have no lines, and what is found on noise is little. */
static void
test_no_writing(void **state)
{
	const int	sizes[][2] = {{1, 1}, {1, 300}, {300, 1}, {30000, 20}, {20, 30000}, {640, 480}};

	(void) state;
	for (int k = 0; k < 6; k++)
		for (int grey = 0; grey < 256; grey += 85)
		{
			HwrImage	page = blank_page(sizes[k][0], sizes[k][1], grey);
			HwrPageLines lines = find(&page, k % 4);

			assert_int_equal(count_text(&lines), 0);
			hwr_page_lines_free(&lines);
			hwr_image_free(&page);
		}
	for (uint64_t seed = 0; seed < 3; seed++)
	{
		HwrImage	page = blank_page(800, 600, PAPER);
		HwrPageLines lines;
		HwrRng		rng;

		hwr_rng_seed(&rng, seed, 0);
		for (int i = 0; i < 800 * 600; i++)
			page.pixels[i] = (uint8_t) hwr_rng_below(&rng, 256);
		lines = find(&page, 0);
		assert_true(count_text(&lines) < 100);
		hwr_page_lines_free(&lines);
		hwr_image_free(&page);
	}
}

static void
test_determinism(void **state)
{
	HwrImage	page = blank_page(700, 500, PAPER);
	HwrPageLines a;
	HwrPageLines b;

	(void) state;
	for (int i = 0; i < 7; i++)
		write_line(&page, 60, 640, 80 + i * 55, 14, 0.02, (uint64_t) i);
	a = find(&page, 0);
	b = find(&page, 0);
	assert_int_equal(a.n, b.n);
	for (int i = 0; i < a.n; i++)
	{
		assert_int_equal(a.lines[i].outline_n, b.lines[i].outline_n);
		assert_memory_equal(a.lines[i].outline, b.lines[i].outline,
							(size_t) a.lines[i].outline_n * sizeof(HwrPoint));
	}
	hwr_page_lines_free(&a);
	hwr_page_lines_free(&b);
	hwr_image_free(&page);
}

static void
test_bad_options(void **state)
{
	HwrImage	page = blank_page(10, 10, PAPER);
	const HwrPageOptions options = {.turn = 4};
	HwrPageFinder *finder;
	HwrStatus	st = {0};

	(void) state;
	assert_false(hwr_page_finder_create(&page, &options, &finder, &st));
	assert_int_equal(st.code, HWR_BAD_OPTION);
	hwr_image_free(&page);
}

/* A crop along a sloping baseline is level, and paper outside the outline. */
static void
test_crop(void **state)
{
	HwrImage	page = blank_page(400, 300, PAPER);
	const HwrPoint baseline[] = {{60, 120}, {200, 160}, {340, 200}};
	const HwrPoint outline[] = {{60, 100}, {340, 180}, {340, 205}, {60, 125}};
	const HwrPoint outside[] = {{500, 500}, {600, 500}, {600, 600}};
	const HwrPoint flat[] = {{10, 10}, {50, 10}, {90, 10}};
	const HwrPoint nowhere[] = {{60, 120}, {60, 120}, {60, 120}};
	HwrImage	crop;
	HwrStatus	st = {0};
	int			dark = 0;

	(void) state;
	/* A stroke along the baseline, and one beyond the outline. */
	for (double t = 0; t <= 1; t += 0.001)
	{
		dot(&page, 60 + 280 * t, 118 + 80 * t);
		dot(&page, 60 + 280 * t, 150 + 80 * t);
	}
	assert_true(hwr_page_crop(&page, baseline, 3, outline, 4, NULL, NULL, &crop, &st));
	assert_true(abs(crop.width - 291) < 14);
	for (int x = 20; x < crop.width - 20; x++)
	{
		int			darkest = 0;

		for (int y = 0; y < crop.height; y++)
		{
			int			value = crop.pixels[y * crop.width + x];

			dark += value < 100;
			if (value < crop.pixels[darkest * crop.width + x])
				darkest = y;
		}
		/* The stroke is two pixels above the baseline, which is 19 below the outline's top. */
		assert_true(abs(darkest - 18) <= 3);
	}
	/* Only the one stroke, about three pixels thick. */
	assert_true(dark < 4 * crop.width);
	for (int i = 0; i < 4; i++)
	{
		HwrCrop		frame;
		HwrPoint	p;

		assert_true(hwr_crop_begin(&frame, baseline, 3, outline, 4, NULL, NULL, &st));
		p = hwr_crop_point(&frame, (float) crop.width / 2, (float) crop.height / 2);

		assert_true(p.x > 180 && p.x < 220 && p.y > 130 && p.y < 175);
	}
	hwr_image_free(&crop);
	assert_false(hwr_page_crop(&page, NULL, 0, outside, 3, NULL, NULL, &crop, &st));
	assert_int_equal(st.code, HWR_BAD_OPTION);
	assert_false(hwr_page_crop(&page, NULL, 0, flat, 3, NULL, NULL, &crop, &st));
	assert_int_equal(st.code, HWR_BAD_OPTION);
	/* Without a baseline, or with one that goes nowhere, it lies as it did. */
	for (int n = 0; n <= 3; n += 3)
	{
		assert_true(hwr_page_crop(&page, nowhere, n, outline, 4, NULL, NULL, &crop, &st));
		assert_int_equal(crop.width, 280);
		assert_int_equal(crop.height, 105);
		hwr_image_free(&crop);
	}
	hwr_image_free(&page);
}

static bool
at_once(void *arg)
{
	++*(int *) arg;
	return true;
}

/* An outline and a baseline of many points: the work can be stopped, at whatever it is. */
static void
test_crop_stopped(void **state)
{
	enum
	{
		N = 3000
	};
	HwrImage	page = blank_page(400, 300, PAPER);
	HwrPoint   *points = malloc(sizeof(HwrPoint) * N);
	const HwrPoint square[] = {{10, 10}, {390, 10}, {390, 290}, {10, 290}};
	HwrImage	crop;
	HwrStatus	st = {0};
	int			asked = 0;

	(void) state;
	for (int i = 0; i < N; i++)
		points[i] = (HwrPoint) {(float) (i % 400), (float) (i % 290)};
	assert_false(hwr_page_crop(&page, points, N, points, N, at_once, &asked, &crop, &st));
	assert_int_equal(st.code, HWR_CANCELLED);
	assert_false(hwr_page_crop(&page, NULL, 0, points, N, at_once, &asked, &crop, &st));
	assert_false(hwr_page_crop(&page, points, N, square, 4, at_once, &asked, &crop, &st));
	assert_int_equal(asked, 3);
	free(points);
	hwr_image_free(&page);
}

/* On a canvas that is larger than the page thin strokes are no fainter, and on others ink is what it was. */
static void
test_thin_strokes(void **state)
{
	const float shift[200] = {0};
	HwrMap		dark;
	HwrStatus	st = {0};

	(void) state;
	assert_true(hwr_map_create(200, 100, &dark, &st));
	for (int x = 20; x < 180; x++)
		hwr_map_row(&dark, 50)[x] = 60;
	for (int enlarged = 1; enlarged <= 3; enlarged++)
	{
		HwrPageCanvas canvas;
		int			most = 0;

		assert_true(hwr_page_canvas_make(&dark, shift, 1, (float) HWR_CANVAS_PITCH / (float) enlarged, &canvas, &st));
		assert_int_equal(canvas.ink.height, 100 * enlarged);
		for (int y = 0; y < canvas.ink.height; y++)
		{
			int			value = hwr_map_row(&canvas.ink, y)[canvas.ink.width / 2];

			most = value > most ? value : most;
		}
		if (enlarged == 1)
			assert_int_equal(most, 60);
		else
			assert_true(most > 60);
		hwr_page_canvas_free(&canvas);
	}
	hwr_map_free(&dark);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_straighten),
		cmocka_unit_test(test_slopes),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_thin_strokes),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_no_writing),
		cmocka_unit_test(test_determinism),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_crop),
		cmocka_unit_test(test_crop_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
