/*
 * test_augment_kinds.c
 *	  Elastic and morphological distortion, marks, fewer pixels and bands of paper, each against what its header says.
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
#include "core/augment/augment_map.h"

#define H 48
#define W 320
#define SEEDS 400

/* Three letters' worth of ink with soft edges, from column 20 to 200. */
static void
fill_writing(uint8_t *ink)
{
	memset(ink, 0, H * W);
	for (int y = 12; y < 38; y++)
	{
		for (int x = 20; x <= 200; x++)
		{
			double		wave = sin(0.23 * x + 0.1 * y) + cos(0.31 * y);

			ink[y * W + x] = wave > 0 ? (uint8_t) (120 * wave) : 0;
		}
		ink[y * W + 20] = ink[y * W + 200] = 200;
	}
}

static void
augment(const uint8_t *src, uint8_t *dst, HwrAugmentStrengths strengths, uint64_t seed)
{
	HwrRng		rng;

	hwr_rng_seed(&rng, seed, 3);
	memset(dst, 0xAA, H * W);
	hwr_augment(src, dst, H, W, &strengths, &rng);
}

static double
mass(const uint8_t *ink, int x0, int x1)
{
	double		sum = 0;

	for (int y = 0; y < H; y++)
	{
		for (int x = x0; x < x1; x++)
			sum += ink[y * W + x];
	}
	return sum;
}

static HwrAugmentField
make_field(double strength, int h, int w, uint64_t seed)
{
	HwrAugmentFieldDraws d;
	HwrRng		rng;

	hwr_rng_seed(&rng, seed, 3);
	do
		d = hwr_augment_draw_field(strength, &rng);
	while (d.reach == 0);
	return hwr_augment_field(&d, h, w);
}

/* Whatever kind is off draws nothing, and each kind alone is reproducible and is not the identity for long. */
static void
test_alone(void **state)
{
	static const HwrAugmentStrengths kinds[] = {
		{.elastic = 1}, {.morphology = 1}, {.strokes = 1}, {.downscale = 1}, {.mask = 1}
	};
	static const double least[] = {0.6, 0.4, 0.5, 0.2, 0.5};	/* share of images that change: the chances in the headers */
	static const double most[] = {0.8, 0.6, 0.7, 0.3, 0.8};
	uint8_t		src[H * W];
	uint8_t		a[H * W];
	uint8_t		b[H * W];

	(void) state;
	fill_writing(src);
	for (int k = 0; k < 5; k++)
	{
		double		changed = 0;

		for (uint64_t seed = 0; seed < SEEDS; seed++)
		{
			augment(src, a, kinds[k], seed);
			augment(src, b, kinds[k], seed);
			assert_memory_equal(a, b, H * W);
			changed += memcmp(a, src, H * W) != 0;
		}
		assert_true(changed > least[k] * SEEDS && changed < most[k] * SEEDS);
	}
}

/*
 * Displacements: between nodes a smoothstep of theirs (here in floating point), never beyond the reach, on average
 * about a third of it, never turning the order of pixels, and none across an edge.
 */
static void
test_field(void **state)
{
	static const double strengths[] = {0.01, 1, 3};

	(void) state;
	for (int s = 0; s < 3; s++)
	{
		double		sum = 0;
		double		reach = 0;

		for (uint64_t seed = 0; seed < 100; seed++)
		{
			HwrAugmentField f = make_field(strengths[s], H, W, seed);

			reach += f.reach;
			assert_between(f.reach, (int) (strengths[s] < 2 ? strengths[s] * 0.3 * H / 16 * HWR_AUGMENT_PARTS : 1),
						   (int) (strengths[s] * H / 16 * HWR_AUGMENT_PARTS + 1));
			for (int y = 0; y < H; y++)
			{
				int			row = y / 16;
				double		ty = y % 16 / 16.0;

				assert_int_equal(hwr_augment_move(&f, y, 0).x, 0);
				for (int x = 0; x < W; x++)
				{
					HwrAugmentMove m = hwr_augment_move(&f, y, x);
					int			col = x / 16;
					double		tx = x % 16 / 16.0;
					double		u = tx * tx * (3 - 2 * tx);
					double		v = ty * ty * (3 - 2 * ty);
					double		expected = (1 - u) * (1 - v) * (double) hwr_augment_node(&f, row, col).y +
						u * (1 - v) * (double) hwr_augment_node(&f, row, col + 1).y +
						(1 - u) * v * (double) hwr_augment_node(&f, row + 1, col).y +
						u * v * (double) hwr_augment_node(&f, row + 1, col + 1).y;

					/* a part of a cell is lost in the smoothsteps, and a part of a pixel in each sum */
					assert_true(fabs((double) m.y - expected) <= 4 + 2e-3 * f.reach);
					assert_true(llabs(m.x) <= f.reach && llabs(m.y) <= f.reach);
					if (y == 0)
						assert_int_equal(m.y, 0);
					if (x + 1 < W)
						assert_true(hwr_augment_move(&f, y, x + 1).x - m.x > -HWR_AUGMENT_PARTS);
					if (y + 1 < H)
						assert_true(hwr_augment_move(&f, y + 1, x).y - m.y > -HWR_AUGMENT_PARTS);
					sum += (double) llabs(m.x) / (H * W);
				}
			}
		}
		assert_true(sum / reach > 0.25 && sum / reach < 0.45);
	}
}

/* The fast warp reads where hwr_augment_move says. */
static void
test_elastic(void **state)
{
	uint8_t		src[H * W];
	uint8_t		dst[H * W];

	(void) state;
	fill_writing(src);
	for (uint64_t seed = 0; seed < 60; seed++)
	{
		HwrAugmentStrengths strengths = {.elastic = 3};
		HwrAugmentDraws d;
		HwrAugmentField f;
		HwrRng		rng;

		hwr_rng_seed(&rng, seed, 3);
		d = hwr_augment_draw(&strengths, &rng);
		f = hwr_augment_field(&d.field, H, W);
		augment(src, dst, strengths, seed);
		for (int y = 0; y < H; y++)
		{
			for (int x = 0; x < W; x++)
			{
				HwrAugmentMove m = hwr_augment_move(&f, y, x);

				assert_int_equal(dst[y * W + x], hwr_augment_sample(src, H, W, ((int64_t) x << 16) + m.x * 16,
																   ((int64_t) y << 16) + m.y * 16));
			}
		}
		/* moved about, not lost: 26 rows of letters are pulled by 5 rows at most */
		assert_true(mass(dst, 0, W) > 0.75 * mass(src, 0, W));
		assert_true(mass(dst, 0, W) < 1.3 * mass(src, 0, W));
	}
}

/* The least and the largest of the 3x3 pixels about (x, y), the canvas's edge continued. */
static void
extremes(const uint8_t *ink, int y, int x, int *lo, int *hi)
{
	*lo = 255;
	*hi = 0;
	for (int v = y - 1; v <= y + 1; v++)
	{
		for (int u = x - 1; u <= x + 1; u++)
		{
			int			p = ink[(v < 0 ? 0 : v >= H ? H - 1 : v) * W + (u < 0 ? 0 : u >= W ? W - 1 : u)];

			*lo = p < *lo ? p : *lo;
			*hi = p > *hi ? p : *hi;
		}
	}
}

/* An image only gains or only loses ink, within what 3x3 pixels hold; both come about equally often, more at strength 3. */
static void
test_morphology(void **state)
{
	uint8_t		src[H * W];
	uint8_t		dst[H * W];
	double		gain[4] = {0};
	double		loss[4] = {0};

	(void) state;
	fill_writing(src);
	for (int strength = 1; strength <= 3; strength += 2)
	{
		int			thick = 0;
		int			thin = 0;

		for (uint64_t seed = 0; seed < SEEDS; seed++)
		{
			int			more = 0;
			int			less = 0;

			augment(src, dst, (HwrAugmentStrengths) {.morphology = strength}, seed);
			for (int i = 0; i < H * W; i++)
			{
				int			lo;
				int			hi;

				extremes(src, i / W, i % W, &lo, &hi);
				assert_between(dst[i], lo, hi);
				more += dst[i] > src[i];
				less += dst[i] < src[i];
			}
			assert_true(more == 0 || less == 0);
			thick += more > 0;
			thin += less > 0;
			*(more > 0 ? &gain[strength] : &loss[strength]) += fabs(mass(dst, 0, W) / mass(src, 0, W) - 1);
		}
		assert_between(thick, SEEDS / 6, SEEDS / 3);
		assert_between(thin, SEEDS / 6, SEEDS / 3);
	}
	assert_true(gain[1] > 0 && gain[3] > 1.5 * gain[1]);
	assert_true(loss[1] > 0 && loss[3] > 1.5 * loss[1]);
	assert_true(loss[3] < 0.6 * SEEDS / 4);	/* of the ink, on average, of the images that lose some */
}

/* A mark of that kind, alone, over the writing. */
static void
mark(int kind, const uint8_t *src, uint8_t *dst, uint64_t seed, HwrAugmentMark *m)
{
	const HwrAugmentExtent ink = {20, 200, 12, 37};
	HwrAugmentMarkDraws d;
	HwrRng		rng;

	hwr_rng_seed(&rng, seed, (uint64_t) kind);
	d = hwr_augment_draw_mark(100, &rng);
	assert_true(d.used);
	*m = hwr_augment_place_mark(kind, &d, &ink, &ink, H, W);
	memcpy(dst, src, H * W);
	assert_true(m->box.left >= 0 && m->box.right < W && m->box.top >= 0 && m->box.bottom < H);
	for (int y = m->box.top; y <= m->box.bottom; y++)
	{
		for (int x = m->box.left; x <= m->box.right; x++)
			dst[y * W + x] = (uint8_t) hwr_augment_mark(m, src, H, W, x, y, src[y * W + x]);
	}
}

/* Gaps only take ink, a small part of a letter; everything else only adds some, and where the header says. */
static void
test_marks(void **state)
{
	uint8_t		src[H * W];
	uint8_t		dst[H * W];
	HwrAugmentMark m;

	(void) state;
	fill_writing(src);
	for (int kind = 0; kind < HWR_AUGMENT_MARKS; kind++)
	{
		bool		gap = kind == HWR_MARK_GAP || kind == HWR_MARK_SECOND_GAP;
		int			changed = 0;

		for (uint64_t seed = 0; seed < SEEDS; seed++)
		{
			mark(kind, src, dst, seed, &m);
			changed += memcmp(src, dst, H * W) != 0;
			for (int i = 0; i < H * W; i++)
				assert_true(gap ? dst[i] <= src[i] : dst[i] >= src[i]);
			if (gap)
				assert_true((m.box.right - m.box.left + 1) * (m.box.bottom - m.box.top + 1) <= 7 * 21);
			else if (kind == HWR_MARK_BAR || kind == HWR_MARK_NEXT_WORD)
				assert_true(mass(dst, 20, 201) == mass(src, 20, 201));
			else if (kind == HWR_MARK_RULING)
				for (int x = 0; x < W; x++)	/* not through the middle of the writing */
					assert_memory_equal(&dst[24 * W + x], &src[24 * W + x], 1);
			else
				assert_memory_equal(dst + 8 * W, src + 8 * W, (H - 16) * W);
		}
		assert_true(changed > SEEDS / 2);
	}
}

/* What a line covers is as wide as it is thick. */
static void
test_line(void **state)
{
	uint8_t		blank[H * W] = {0};
	uint8_t		dst[H * W];
	HwrAugmentMark m;

	(void) state;
	for (uint64_t seed = 0; seed < 100; seed++)
	{
		double		sum = 0;

		mark(HWR_MARK_RULING, blank, dst, seed, &m);
		if (m.dash > 0 || m.box.top == 0 || m.box.bottom == H - 1)
			continue;
		for (int y = 0; y < H; y++)
			sum += dst[y * W + 100];
		assert_true(fabs(sum / m.ink - 2 * m.half / 256.0) < 0.1 + 3.0 / m.ink);
	}
}

/* The value at a place between the middles of n cells of a line, in floating point. */
static double
shown(const double *line, int len, int n, int x)
{
	double		place = fmin(fmax((x + 0.5) * n / len - 0.5, 0), n - 1);
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		int			from = i * len / n;
		int			to = (i + 1) * len / n;
		double		mean = 0;

		for (int k = from; k < to; k++)
			mean += line[k] / (to - from);
		sum += fmax(0, 1 - fabs(place - i)) * mean;
	}
	return sum;
}

/* Columns, then rows, as in floating point; the same as the CUDA kernel's pixel by pixel; nothing for blank paper. */
static void
test_downscale(void **state)
{
	static const HwrAugmentStrengths strengths = {.downscale = 1};
	static uint8_t src[H * W];
	static uint8_t dst[H * W];
	static uint8_t columns[H * W];
	static double half[H * W];
	int			used = 0;

	(void) state;
	fill_writing(src);
	for (uint64_t seed = 0; seed < 60; seed++)
	{
		HwrAugmentDraws d;
		HwrRng		rng;
		int			rows;
		int			cols;

		hwr_rng_seed(&rng, seed, 3);
		d = hwr_augment_draw(&strengths, &rng);
		augment(src, dst, strengths, seed);
		if (d.downscale == 0)
		{
			assert_memory_equal(src, dst, H * W);
			continue;
		}
		used++;
		assert_true(d.downscale >= HWR_AUGMENT_MIN_DOWNSCALE && d.downscale <= HWR_AUGMENT_MAX_DOWNSCALE);
		rows = hwr_augment_cells(d.downscale, H);
		cols = hwr_augment_cells(d.downscale, W);
		for (int x = 0; x < W; x++)
		{
			double		line[H];

			for (int y = 0; y < H; y++)
				line[y] = src[y * W + x];
			for (int y = 0; y < H; y++)
			{
				half[y * W + x] = shown(line, H, rows, y);
				columns[y * W + x] = (uint8_t) hwr_augment_downscaled(src + x, W, H, rows, y);
			}
		}
		for (int y = 0; y < H; y++)
		{
			for (int x = 0; x < W; x++)
			{
				int			v = dst[y * W + x];

				assert_int_equal(v, hwr_augment_downscaled(columns + y * W, 1, W, cols, x));
				if (x % 7 == 0)
					assert_true(fabs(v - shown(half + y * W, W, cols, x)) < 3);
			}
		}
		assert_true(fabs(mass(dst, 0, W) / mass(src, 0, W) - 1) < 0.05);
	}
	assert_true(used >= 8);
}

/* Columns are paper or as they were: bands no wider than half the height, at most one a stretch, as many as the chance says. */
static void
test_mask(void **state)
{
	static uint8_t src[H * W];
	static uint8_t dst[H * W];
	int			bands[4] = {0};
	double		masked = 0;

	(void) state;
	memset(src, 100, sizeof(src));
	for (int strength = 1; strength <= 3; strength++)
	{
		for (uint64_t seed = 0; seed < SEEDS; seed++)
		{
			HwrAugmentDraws d;
			HwrAugmentMask m;
			HwrRng		rng;

			hwr_rng_seed(&rng, seed, 3);
			d = hwr_augment_draw(&(HwrAugmentStrengths) {.mask = strength}, &rng);
			m = hwr_augment_mask(&d.mask, H);
			augment(src, dst, (HwrAugmentStrengths) {.mask = strength}, seed);
			for (int i = 0; i < H * W; i++)
			{
				assert_int_equal(dst[i], dst[i % W]);
				assert_int_equal(dst[i], hwr_augment_masked(&m, i % W) ? 0 : 100);
			}
			for (int start = 0; start < W; start += m.stretch)
			{
				int			end = start + m.stretch < W ? start + m.stretch : W;
				int			width = 0;
				int			begins = 0;

				for (int x = start; x < end; x++)
				{
					width += dst[x] == 0;
					begins += dst[x] == 0 && (x == start || dst[x - 1] != 0);
				}
				assert_true(begins <= 1 && width <= H / 2 + 1);
				assert_true(begins == 0 || width > H / 8 || end == W);
				bands[strength] += begins;
				masked += width;
			}
		}
	}
	/* 4 whole stretches, and most of a fifth is beyond the edge */
	for (int strength = 1; strength <= 3; strength++)
		assert_true(fabs(bands[strength] / (SEEDS * 4.3) - 0.3 * strength) < 0.06);
	assert_between(masked / (3.0 * SEEDS * W), 0.1, 0.15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_elastic),
		cmocka_unit_test(test_morphology),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_downscale),
		cmocka_unit_test(test_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
