/*
 * test_stats.c
 *	  Intervals against published and exactly enumerated values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "core/base/stats.h"

static void
assert_near(double a, double b, double tolerance)
{
	if (!(fabs(a - b) <= tolerance))
		fail_msg("%.12g is not %.12g", a, b);
}

/* Wilson, 1927, by its formula: the ends solve (p - x)^2 = z^2 x (1 - x) / n. */
static void
test_wilson(void **state)
{
	static const int64_t cases[][2] = {{0, 10}, {1, 10}, {5, 10}, {10, 10}, {81, 100}, {1, 1}, {123456, 1000000}};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		double		n = (double) cases[i][1];
		double		p = (double) cases[i][0] / n;
		double		ends[2];

		hwr_wilson(cases[i][0], cases[i][1], &ends[0], &ends[1]);
		assert_true(ends[0] <= p && p <= ends[1] && ends[0] >= 0 && ends[1] <= 1);
		for (int e = 0; e < 2; e++)
		{
			/* at the share itself the end is a bound of the range, not a solution */
			if (fabs(ends[e] - p) > 1e-12)
				assert_near((p - ends[e]) * (p - ends[e]), 3.8414588206941236 * ends[e] * (1 - ends[e]) / n, 1e-12);
		}
	}
}

static void
test_bootstrap(void **state)
{
	double		above[200];
	double		below[200];
	double		low;
	double		high;
	double		low2;
	double		high2;
	HwrStatus	st = {0};

	(void) state;
	/* 40 errors in 200 characters of as many texts: the share of a binomial, whose deviation is known */
	for (int i = 0; i < 200; i++)
	{
		above[i] = i % 5 == 0;
		below[i] = 1;
	}
	assert_true(hwr_bootstrap_ratio(above, below, 200, 4000, NULL, NULL, &low, &high, &st));
	assert_near(low, 0.2 - 1.96 * sqrt(0.2 * 0.8 / 200), 0.012);
	assert_near(high, 0.2 + 1.96 * sqrt(0.2 * 0.8 / 200), 0.012);
	assert_true(hwr_bootstrap_ratio(above, below, 200, 4000, NULL, NULL, &low2, &high2, &st));
	assert_true(low == low2 && high == high2);

	/* no spread */
	for (int i = 0; i < 200; i++)
		above[i] = 0.25;
	assert_true(hwr_bootstrap_ratio(above, below, 200, 100, NULL, NULL, &low, &high, &st));
	assert_near(low, 0.25, 1e-12);
	assert_near(high, 0.25, 1e-12);

	/* nothing to divide by */
	assert_true(hwr_bootstrap_ratio(above, below, 0, 100, NULL, NULL, &low, &high, &st));
	assert_true(isnan(low) && isnan(high));
}

static bool
stop_at_third(void *arg)
{
	return ++*(int *) arg == 3;
}

static void
test_bootstrap_stops(void **state)
{
	double		one[1] = {1};
	double		low;
	double		high;
	int			calls = 0;
	HwrStatus	st = {0};

	(void) state;
	assert_false(hwr_bootstrap_ratio(one, one, 1, 100, stop_at_third, &calls, &low, &high, &st));
	assert_int_equal(st.code, HWR_CANCELLED);
	assert_int_equal(calls, 3);
}

/* The binomial's tail, summed over every outcome of up to 20 pairs. */
static double
slow_mcnemar(int a, int b)
{
	int			least = a < b ? a : b;
	double		tail = 0;

	for (uint32_t outcome = 0; outcome < (uint32_t) 1 << (a + b); outcome++)
		tail += __builtin_popcount(outcome) <= least;
	tail = 2 * tail / pow(2, a + b);
	return tail < 1 ? tail : 1;
}

static void
test_mcnemar(void **state)
{
	(void) state;
	for (int a = 0; a <= 8; a++)
		for (int b = 0; b <= 8; b++)
			assert_near(hwr_mcnemar(a, b), slow_mcnemar(a, b), 1e-9);
	assert_true(hwr_mcnemar(1000000, 2000000) >= 0);
	assert_true(hwr_mcnemar(1000000, 1000100) > 0.9);

	/* in a moment, however large: the sum and the approximation meet where one takes over from the other */
	assert_near(hwr_mcnemar(4999900000, 5000100000), hwr_mcnemar(4999899999, 5000100000), 1e-5);
	assert_near(hwr_mcnemar(5000000000 - 70000, 5000000000 + 70000), 0.161513, 1e-5);
	assert_true(hwr_mcnemar(INT64_C(4000000000000000000), INT64_C(4000000000000000001)) > 0.99);
	assert_true(hwr_mcnemar(INT64_MAX, INT64_MAX - 1) > 0.99);
	assert_true(hwr_mcnemar(INT64_MAX, 0) == 0);
	assert_true(hwr_mcnemar(0, 0) == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wilson),
		cmocka_unit_test(test_bootstrap),
		cmocka_unit_test(test_bootstrap_stops),
		cmocka_unit_test(test_mcnemar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
