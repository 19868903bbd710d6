/*
 * test_column_near.c
 *	  The law of numbers that are near one another, and columns that it is for: without an order, or rising by uneven steps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "core/base/rng.h"
#include "core/decode/column.h"
#include "core/decode/column_near.h"

static HwrStatus st;

/* Probabilities sum to one, whatever was seen, and a row's own say does not count for it. */
static void
test_law(void **state)
{
	static const int64_t places[] = {7, 7, 7, 9, 30, 0, 58};
	HwrColumnNear near;
	double		before;

	(void) state;
	assert_true(hwr_column_near_init(&near, 7, &st));
	hwr_column_near_learn(&near);
	assert_int_equal(near.widths, 0);
	for (int row = 0; row < 7; row++)
		near.seen[row] = (HwrColumnSeen) {places[row], row == 5 ? 0 : 0.9};
	hwr_column_near_learn(&near);
	assert_int_equal(near.widths, 7);
	for (int row = 0; row < 7; row++)
		for (int width = 0; width < near.widths; width++)
		{
			double		sum = hwr_column_near_new(&near, row, width);

			for (int64_t place = -200; place <= 200; place++)
				sum += hwr_column_near_place(&near, row, place, width);
			assert_true(fabs(sum - 1) < 1e-9);
		}
	/* what one other has may be chance, unless it is near */
	assert_true(hwr_column_near_place(&near, 0, 30, 0) == 0 && hwr_column_near_place(&near, 0, 30, 1) > 0);
	assert_true(hwr_column_near_place(&near, 3, 7, 0) > 0.3);
	before = hwr_column_near_place(&near, 0, 7, 0);
	near.seen[0] = (HwrColumnSeen) {30, 0.5};
	hwr_column_near_learn(&near);
	assert_true(fabs(hwr_column_near_place(&near, 0, 7, 0) - before) < 1e-9);
	hwr_column_near_free(&near);
}

/* Of the rows whose ink says two values, how many. */
typedef struct Outcome
{
	int			ambiguous;
	int			alone;			/* the more probable by its ink is right */
	int			right;			/* in its column */
	int			sure;			/* has more than 0.8 in its column */
	int			sure_wrong;		/* and is wrong */
	double		confidence;		/* sum */
} Outcome;

/*
 * Numbers at random from so many values, or that rise by as many steps at random.  One of several is ambiguous, 0.6 to 0.4, in
 * one of the last two digits, the truth as often as it is probable.
 */
static Outcome
read_column(HwrRng *rng, int rows, int low, int values, bool rises, int one_of)
{
	Outcome		outcome = {0};
	HwrColumn  *column;
	int64_t		truth[300];
	bool		ambiguous[300];
	bool		first[300];

	assert_true(rows <= 300 && hwr_column_create(&column, &st));
	for (int i = 0; i < rows; i++)
	{
		int			digit = hwr_rng_next(rng) % 2 == 0 ? 1 : 10;
		int64_t		other;
		HwrColumnValue two[2];

		truth[i] = (rises && i > 0 ? truth[i - 1] : low) + (int64_t) (hwr_rng_next(rng) % (uint32_t) values);
		ambiguous[i] = hwr_rng_next(rng) % (uint32_t) one_of == 0;
		first[i] = hwr_rng_uniform(rng) < 0.6;
		/* another digit, and one that leaves a value without order in its range, so that the column tells nothing at all */
		do
			other = truth[i] + ((int64_t) (hwr_rng_next(rng) % 10) - truth[i] / digit % 10) * digit;
		while (ambiguous[i] && (other == truth[i] || (!rises && (other < low || other >= low + values))));
		two[0] = two[1] = (HwrColumnValue) {.kind = 4,.chance = 1e-4};
		two[0].place = first[i] || !ambiguous[i] ? truth[i] : other;
		two[0].ink = ambiguous[i] ? 0.6 : 0.99;
		two[1].place = first[i] ? other : truth[i];
		two[1].ink = 0.39;
		assert_true(hwr_column_add(column, two, ambiguous[i] ? 2 : 1, &st));
	}
	assert_true(hwr_column_begin(column, &st));
	while (hwr_column_step(column))
		;
	for (int i = 0; i < rows; i++)
	{
		int			n;
		const HwrColumnValue *v = hwr_column_values(column, i, &n);
		const HwrColumnValue *best = n > 1 && v[1].share > v[0].share ? &v[1] : v;

		if (!ambiguous[i])
		{
			assert_int_equal(best->place, truth[i]);
			continue;
		}
		outcome.ambiguous++;
		outcome.alone += first[i];
		outcome.right += best->place == truth[i];
		outcome.sure += best->share > 0.8;
		outcome.sure_wrong += best->share > 0.8 && best->place != truth[i];
		outcome.confidence += best->share;
	}
	hwr_column_free(column);
	return outcome;
}

/* The same of so many columns together. */
static Outcome
read_columns(HwrRng *rng, int columns, int rows, int low, int values, bool rises, int one_of)
{
	Outcome		all = {0};

	for (int c = 0; c < columns; c++)
	{
		Outcome		one = read_column(rng, rows, low, values, rises, one_of);

		all.ambiguous += one.ambiguous;
		all.alone += one.alone;
		all.right += one.right;
		all.sure += one.sure;
		all.sure_wrong += one.sure_wrong;
		all.confidence += one.confidence;
	}
	return all;
}

/* Numbers at random from a narrow range are not drawn to the middle between their neighbours. */
static void
test_no_order(void **state)
{
	static const struct
	{
		int			rows;
		int			low;
		int			values;
	}			columns[] = {{300, 1850, 50}, {100, 1001, 31}, {30, 1010, 30}};

	(void) state;
	for (int c = 0; c < 3; c++)
	{
		HwrRng		rng;
		Outcome		all;

		hwr_rng_seed(&rng, 4, (uint64_t) c);
		all = read_columns(&rng, 2400 / columns[c].rows, columns[c].rows, columns[c].low, columns[c].values, false, 5);
		assert_true(all.ambiguous > 400);
		assert_true(all.right > all.alone - 0.04 * all.ambiguous);
		assert_true(all.sure_wrong < 0.04 * all.ambiguous);
		assert_true(fabs(all.confidence - 0.61 * all.ambiguous) < 0.04 * all.ambiguous);
	}
}

/* Numbers that rise by large steps at random are not drawn to small ones: where a column decides, it is right. */
static void
test_steps(void **state)
{
	static const int rows[] = {100, 30};

	(void) state;
	for (int c = 0; c < 2; c++)
	{
		HwrRng		rng;
		Outcome		all;

		hwr_rng_seed(&rng, 4, (uint64_t) c);
		all = read_columns(&rng, 2400 / rows[c], rows[c], 1000, 61, true, 3);
		assert_true(all.ambiguous > 600);
		assert_true(all.right > all.alone + 0.1 * all.ambiguous);
		assert_true(all.sure > 0.3 * all.ambiguous);
		assert_true(all.sure_wrong < 0.12 * all.sure);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_law),
		cmocka_unit_test(test_no_order),
		cmocka_unit_test(test_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
