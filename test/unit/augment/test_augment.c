/*
 * test_augment.c
 *	  Distortion: reproducible, harmless at strength 0, never losing the ends of a line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "between.h"
#include "core/augment/augment.h"

#define H 48
#define W 320

static void
fill_random(uint8_t *ink, int n, uint64_t seed)
{
	HwrRng		rng;

	hwr_rng_seed(&rng, seed, 0);
	for (int i = 0; i < n; i++)
		ink[i] = (uint8_t) hwr_rng_next(&rng);
}

/* Ink in columns [x0, x1), rows 10..38. */
static void
fill_bar(uint8_t *ink, int x0, int x1)
{
	for (int y = 10; y < 38; y++)
		memset(ink + y * W + x0, 255, (size_t) (x1 - x0));
}

static long
mass(const uint8_t *ink, int x0, int x1)
{
	long		sum = 0;

	for (int y = 0; y < H; y++)
	{
		for (int x = x0; x < x1; x++)
			sum += ink[y * W + x];
	}
	return sum;
}

static void
augment(const uint8_t *src, uint8_t *dst, double strength, uint64_t seed)
{
	HwrRng		rng;

	hwr_rng_seed(&rng, seed, 5);
	memset(dst, 0xAA, H * W);
	hwr_augment(src, dst, H, W, &(HwrAugmentStrengths) {.affine = strength}, &rng);
}

static void
test_identity(void **state)
{
	uint8_t		src[H * W];
	uint8_t		dst[H * W];

	(void) state;
	for (uint64_t seed = 0; seed < 50; seed++)
	{
		fill_random(src, H * W, seed);
		augment(src, dst, 0.0, seed);
		assert_memory_equal(src, dst, H * W);
	}
}

/* Almost no strength takes the whole path through the warp and changes almost nothing. */
static void
test_faint(void **state)
{
	uint8_t		src[H * W] = {0};
	uint8_t		dst[H * W];

	(void) state;
	for (int i = 0; i < H * W; i++)
		src[i] = (uint8_t) (i % W / 2 + 2 * (i / W));
	for (uint64_t seed = 0; seed < 50; seed++)
	{
		augment(src, dst, 1e-5, seed);
		for (int i = 0; i < H * W; i++)
			assert_true(abs(src[i] - dst[i]) <= 2);
	}
}

static void
test_reproducible(void **state)
{
	uint8_t		src[H * W];
	uint8_t		a[H * W];
	uint8_t		b[H * W];

	(void) state;
	fill_random(src, H * W, 1);
	for (uint64_t seed = 0; seed < 20; seed++)
	{
		augment(src, a, 1.0, seed);
		augment(src, b, 1.0, seed);
		assert_memory_equal(a, b, H * W);
		augment(src, b, 1.0, seed + 1);
		assert_memory_not_equal(a, b, H * W);
	}
}

/* Neither pixels nor strengths change how much of the stream is used. */
static void
test_draws(void **state)
{
	uint8_t		src[H * W] = {0};
	uint8_t		dst[H * W];
	HwrRng		blank;
	HwrRng		inked;
	HwrRng		off;
	HwrRng		all;

	(void) state;
	hwr_rng_seed(&blank, 9, 9);
	inked = off = all = blank;
	for (int i = 0; i < 100; i++)
	{
		memset(src, 0, sizeof(src));
		hwr_augment(src, dst, H, W, &(HwrAugmentStrengths) {.affine = 1}, &blank);
		assert_int_equal(mass(dst, 0, W), 0);
		fill_bar(src, 5, 100 + i);
		hwr_augment(src, dst, H, W, &(HwrAugmentStrengths) {.affine = 1}, &inked);
		hwr_augment(src, dst, H, W, &(HwrAugmentStrengths) {0}, &off);
		hwr_augment(src, dst, H, W, &(HwrAugmentStrengths) {3, 2, 1, 3, 2, 1}, &all);
		assert_memory_equal(&blank, &inked, sizeof(blank));
		assert_memory_equal(&blank, &off, sizeof(blank));
		assert_memory_equal(&blank, &all, sizeof(blank));
	}
}

/*
 * The first and the last letter stay on the canvas, the first near its edge.  Pale ink,
 * smaller scales and thinner strokes together may leave a third of a bar.
 */
static void
test_ends_stay(void **state)
{
	static const int ends[][2] = {{3, 60}, {3, 200}, {3, W - 4}, {100, 200}};
	uint8_t		src[H * W];
	uint8_t		dst[H * W];

	(void) state;
	for (int k = 0; k < 4; k++)
	{
		int			first = ends[k][0];
		int			last = ends[k][1];
		int			middle = (first + last) / 2;
		int			near = first > 8 ? first - 8 : 0;
		long		one;

		memset(src, 0, sizeof(src));
		fill_bar(src, first, first + 4);
		fill_bar(src, last, last + 4);
		one = mass(src, 0, W) / 2;
		for (uint64_t seed = 0; seed < 500; seed++)
		{
			augment(src, dst, 1.0, seed);
			assert_between(mass(dst, 0, middle), one / 5, one * 2);
			assert_between(mass(dst, middle, W), one / 5, one * 2);
			assert_int_equal(mass(dst, 0, near), 0);
			assert_true(mass(dst, near, first + 22) >= one / 5);
		}
	}
}

/*
 * A full canvas stays one solid shape: along a row values rise to a plateau and fall.
 * A row clipped one pixel short would show as a notch or a smear.
 */
static void
test_solid(void **state)
{
	uint8_t		src[H * W];
	uint8_t		dst[H * W];
	int			least = 255;
	int			most = 0;

	(void) state;
	memset(src, 255, sizeof(src));
	for (uint64_t seed = 0; seed < 300; seed++)
	{
		int			full;

		augment(src, dst, 1.0, seed);
		full = dst[H / 2 * W + W / 2];
		assert_between(full, 178, 255);
		least = full < least ? full : least;
		most = full > most ? full : most;
		for (int y = 0; y < H; y++)
		{
			const uint8_t *row = dst + y * W;
			int			x = 1;

			assert_true(row[0] <= full);
			while (x < W && row[x] >= row[x - 1])
				x++;
			while (x < W && row[x] <= row[x - 1])
				x++;
			assert_int_equal(x, W);
		}
		/* Most of the rows are untouched in the middle. */
		assert_int_equal(dst[(H / 2 - 6) * W + W / 2], full);
		assert_int_equal(dst[(H / 2 + 6) * W + W / 2], full);
	}
	assert_true(least < 190);
	assert_int_equal(most, 255);
}

static void
check_size(int h, int w, double strength, uint64_t seed)
{
	uint8_t    *src = malloc((size_t) (h * w));	/* exactly: a sanitizer sees the ends */
	uint8_t    *dst = malloc((size_t) (h * w));
	HwrAugmentStrengths affine = {.affine = strength};
	HwrAugmentStrengths all = {strength, strength, strength, strength, strength, strength};
	HwrRng		rng;

	fill_random(src, h * w, seed);
	hwr_rng_seed(&rng, seed, 1);
	hwr_augment(src, dst, h, w, &affine, &rng);
	hwr_augment(src, dst, h, w, &all, &rng);
	memset(src, 0, (size_t) (h * w));
	src[(h - 1) * w] = 255;
	hwr_augment(src, dst, h, w, &affine, &rng);
	hwr_augment(src, dst, h, w, &all, &rng);
	free(src);
	free(dst);
}

/* Any canvas, and strengths nobody should ask for, stay inside their memory. */
static void
test_sizes(void **state)
{
	static const int sizes[][2] = {
		{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 300}, {300, 1}, {3, 700}, {48, 256}, {48, 257}, {64, 1030}
	};
	static const double strengths[] = {0.1, 1.0, 3.0, 20.0, 1000.0};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		for (size_t s = 0; s < sizeof(strengths) / sizeof(strengths[0]); s++)
		{
			for (uint64_t seed = 0; seed < 20; seed++)
				check_size(sizes[i][0], sizes[i][1], strengths[s], seed);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_faint),
		cmocka_unit_test(test_reproducible),
		cmocka_unit_test(test_draws),
		cmocka_unit_test(test_ends_stay),
		cmocka_unit_test(test_solid),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
