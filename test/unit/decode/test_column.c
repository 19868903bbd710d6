/*
 * test_column.c
 *	  Values that stand under one another: the sums against an enumeration of all ways, the law, and what comes of both.
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
#include "core/decode/column.h"
#include "core/decode/column_law.h"

static HwrStatus st;

/* A number of so many digits. */
static HwrColumnValue
number(int64_t place, double ink)
{
	int			digits = 1;

	for (int64_t rest = place / 10; rest > 0; rest /= 10)
		digits++;
	return (HwrColumnValue) {.place = place,.kind = digits,.chance = pow(10, -digits),.ink = ink};
}

/* Rows of at most two numbers, the second 0: there is only one. */
static HwrColumn *
column_of(const int64_t (*rows)[2], int n, double first)
{
	HwrColumn  *column;

	assert_true(hwr_column_create(&column, &st));
	for (int i = 0; i < n; i++)
	{
		HwrColumnValue values[] = {number(rows[i][0], first), number(rows[i][1], 0.99 - first)};

		assert_true(hwr_column_add(column, values, rows[i][1] == 0 ? 1 : 2, &st));
	}
	return column;
}

static void
join(HwrColumn *column)
{
	assert_true(hwr_column_begin(column, &st));
	while (hwr_column_step(column))
		;
}

static const HwrColumnValue *
best(const HwrColumn *column, int row)
{
	int			n;
	const HwrColumnValue *values = hwr_column_values(column, row, &n);
	const HwrColumnValue *most = values;

	for (int i = 1; i < n; i++)
		if (values[i].share > most->share)
			most = &values[i];
	return most;
}

enum
{
	ROWS = 5,
	MOST = 3
};

/* The weight of a way: of each row a value or, behind them, any other. */
static double
weigh(const HwrColumn *column, const int *way)
{
	const HwrColumnValue *before = NULL;
	double		weight = 1;

	for (int r = 0; r < ROWS; r++)
	{
		int			n;
		const HwrColumnValue *values = hwr_column_values(column, r, &n);
		const HwrColumnValue *value = way[r] < n ? &values[way[r]] : NULL;
		double		ink = 1;

		for (int i = 0; i < n; i++)
			ink -= values[i].ink;
		weight *= value != NULL ? value->ink : ink;
		/* what a first value is compared with is a jump that is certain */
		if (r > 0)
			weight *= hwr_column_factor(column, r, before, value);
		else if (value != NULL)
			weight *= hwr_column_factor(column, r, NULL, value) / hwr_column_factor(column, r, NULL, NULL);
		before = value;
	}
	return weight;
}

/* How probable the laws without order make a row's value, together with how probable they are. */
static double
share_alone(const HwrColumn *column, int row, int value)
{
	int			n;
	int			laws;
	const HwrColumnValue *values = hwr_column_values(column, row, &n);
	const double *weights = hwr_column_weights(column, &laws);
	double		share = 0;

	for (int law = 1; law < laws; law++)
	{
		double		sum = 1;

		for (int i = 0; i < n; i++)
			sum += values[i].ink * (hwr_column_alone_factor(column, row, &values[i], law) - 1);
		share += weights[law] * values[value].ink * hwr_column_alone_factor(column, row, &values[value], law) / sum;
	}
	return share;
}

static void
test_sums(void **state)
{
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 1, 1);
	for (int run = 0; run < 50; run++)
	{
		HwrColumn  *column;
		double		sums[ROWS][MOST] = {{0}};
		double		total = 0;
		int			way[ROWS] = {0};
		int			r;

		assert_true(hwr_column_create(&column, &st));
		for (r = 0; r < ROWS; r++)
		{
			HwrColumnValue values[MOST];
			int			n = (int) (hwr_rng_next(&rng) % (MOST + 1));

			for (int i = 0; i < n; i++)
				values[i] = number((int64_t) (hwr_rng_next(&rng) % 8) + 4 * r + 10 * i, hwr_rng_uniform(&rng) * 0.3);
			assert_true(hwr_column_add(column, values, n, &st));
		}
		join(column);
		do
		{
			double		weight = weigh(column, way);

			total += weight;
			for (r = 0; r < ROWS; r++)
				if (way[r] < MOST)
					sums[r][way[r]] += weight;
			for (r = 0; r < ROWS; r++)
			{
				int			n;

				hwr_column_values(column, r, &n);
				if (++way[r] <= n)
					break;
				way[r] = 0;
			}
		} while (r < ROWS);
		for (r = 0; r < ROWS; r++)
		{
			int			n;
			int			laws;
			const HwrColumnValue *values = hwr_column_values(column, r, &n);
			double		ordered = hwr_column_weights(column, &laws)[0];

			for (int i = 0; i < n; i++)
				assert_true(fabs(values[i].share - ordered * sums[r][i] / total - share_alone(column, r, i)) < 1e-9);
		}
		hwr_column_free(column);
	}
}

/* Probabilities sum to one, whatever was seen, and a row's own say does not count for it. */
static void
test_law(void **state)
{
	HwrColumnLaw law;
	double		before;

	(void) state;
	assert_true(hwr_column_law_init(&law, 8, &st));
	for (int seen = 0; seen < 2; seen++)
	{
		for (int row = 0; row < 8; row++)
		{
			double		kinds = 0;
			double		differences = 0;

			for (int kind = 0; kind < HWR_COLUMN_KINDS; kind++)
				kinds += hwr_column_law_kind(&law, row, kind);
			for (int64_t d = -200000; d <= 200000; d++)
				differences += hwr_column_law_difference(&law, row, d);
			assert_true(fabs(kinds - 1) < 1e-9);
			assert_true(differences > 0.999 && differences < 1 + 1e-9);
			assert_true(hwr_column_law_jump(&law, row) > 0 && hwr_column_law_jump(&law, row) < 1);
		}
		for (int row = 1; row < 8; row++)
		{
			int64_t		difference = row < 6 ? 6 : row == 6 ? -40 : 11;

			law.pairs[row] = (HwrColumnPair) {.kind = 3,.known = 1,.difference = difference,.on = 0.9,.jump = 0.1};
		}
		hwr_column_law_learn(&law);
	}
	assert_true(law.usual[0].difference == 6 && law.usual[1].count == 0);
	assert_true(hwr_column_law_difference(&law, 7, 6) > 0.3);
	/* what one pair has is no more than what none has */
	assert_true(hwr_column_law_difference(&law, 1, 11) < hwr_column_law_difference(&law, 1, 10));
	before = hwr_column_law_difference(&law, 2, 6);
	law.pairs[2].on = 0.2;
	hwr_column_law_learn(&law);
	assert_true(fabs(hwr_column_law_difference(&law, 2, 6) - before) < 1e-9);
	hwr_column_law_free(&law);
}

/* Numbers that go up by one: digits that were misread come right, and a number that nobody proposed is expected. */
static void
test_numbers(void **state)
{
	static const int64_t rows[][2] = {{31, 0}, {32, 0}, {88, 33}, {34, 0}, {85, 35}, {36, 0}, {73, 0}, {38, 0}, {39, 0}};
	HwrColumn  *column = column_of(rows, 9, 0.9);
	int64_t		places[HWR_COLUMN_EXPECTED];
	int			n;
	HwrColumnValue value = number(37, 1e-3);

	(void) state;
	join(column);
	for (int i = 0; i < 6; i++)
	{
		assert_int_equal(best(column, i)->place, 31 + i);
		assert_true(best(column, i)->share > 0.9);
	}
	assert_int_equal(best(column, 6)->place, 73);
	n = hwr_column_expected(column, 6, places);
	assert_true(n >= 1 && places[0] == 37);
	n = hwr_column_expected(column, 7, places);
	assert_true(hwr_column_add_value(column, 6, &value, &st));
	/* of the next row no less is expected now */
	assert_true(n >= 1 && places[0] == 74);
	assert_int_equal(hwr_column_expected(column, 7, places), n);
	join(column);
	assert_int_equal(best(column, 6)->place, 37);
	hwr_column_free(column);
}

/* Values without order are left as the ink has them. */
static void
test_no_order(void **state)
{
	static const int64_t rows[][2] = {{5711, 5111}, {340, 840}, {90211, 90271}, {17, 11}, {77410, 17410}, {3, 8}, {6021, 6027}};
	HwrColumn  *column = column_of(rows, 7, 0.9);

	(void) state;
	join(column);
	for (int i = 0; i < 7; i++)
		assert_int_equal(best(column, i)->place, rows[i][0]);
	hwr_column_free(column);
}

/* No rows, one row, rows without values. */
static void
test_little(void **state)
{
	static const int64_t one[][2] = {{12, 13}};
	HwrColumn  *column = column_of(one, 0, 0.9);
	int			n;
	int64_t		places[HWR_COLUMN_EXPECTED];

	(void) state;
	join(column);
	assert_int_equal(hwr_column_rows(column), 0);
	hwr_column_free(column);

	column = column_of(one, 1, 0.9);
	join(column);
	assert_true(fabs(best(column, 0)->share - 0.9) < 0.1);
	assert_int_equal(hwr_column_expected(column, 0, places), 0);
	hwr_column_free(column);

	assert_true(hwr_column_create(&column, &st));
	for (int i = 0; i < 3; i++)
		assert_true(hwr_column_add(column, NULL, 0, &st));
	join(column);
	hwr_column_values(column, 1, &n);
	assert_int_equal(n, 0);
	hwr_column_free(column);
}

/* Whatever the values are, shares are probabilities. */
static void
test_extremes(void **state)
{
	static const double inks[] = {0, 1e-300, 1e-9, 0.3, 0.7, 1};
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 2, 1);
	for (int run = 0; run < 300; run++)
	{
		HwrColumn  *column;
		int			rows = (int) (hwr_rng_next(&rng) % 12);

		assert_true(hwr_column_create(&column, &st));
		for (int r = 0; r < rows; r++)
		{
			HwrColumnValue values[4];
			int			n = (int) (hwr_rng_next(&rng) % 5);
			double		left = 1;

			for (int i = 0; i < n; i++)
			{
				int64_t		place = (int64_t) pow(10, hwr_rng_uniform(&rng) * 18);

				values[i] = number(place + (int64_t) (hwr_rng_next(&rng) % 3), fmin(left, inks[hwr_rng_next(&rng) % 6]));
				if (hwr_rng_next(&rng) % 4 == 0)
					values[i].place = -place;
				left -= values[i].ink;
			}
			assert_true(hwr_column_add(column, values, n, &st));
		}
		join(column);
		for (int r = 0; r < rows; r++)
		{
			int			n;
			const HwrColumnValue *values = hwr_column_values(column, r, &n);
			double		sum = 0;

			for (int i = 0; i < n; i++)
			{
				assert_true(values[i].share >= 0 && values[i].share <= 1);
				sum += values[i].share;
			}
			assert_true(sum < 1 + 1e-9);
		}
		hwr_column_free(column);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_law),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_no_order),
		cmocka_unit_test(test_little),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
