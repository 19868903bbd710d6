/*
 * test_confidence.c
 *	  Confidences of a search with a language model: the law, and what it is fitted with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "core/base/rng.h"
#include "core/decode/confidence.h"

#define READINGS 20000

static void
test_law(void **state)
{
	const HwrConfidence c = {1.5, 0.25, 0.9};
	const HwrConfidence even = {1, 1, 1};

	(void) state;
	assert_true(fabs(hwr_confidence_of(&c, log(0.25), log(0.0625)) - 0.9 * 0.125 * 0.5) < 1e-12);
	assert_true(fabs(hwr_confidence_of(&even, log(0.25), log(0.5)) - 0.125) < 1e-12);
	assert_true(fabs(hwr_confidence_of(&c, 0, 0) - 0.9) < 1e-12);

	/* rounding above 1, and nothing at all */
	assert_true(hwr_confidence_of(&even, 1e-9, 1e-9) == 1);
	assert_true(hwr_confidence_of(&c, -INFINITY, 0) == 0);
	assert_true(hwr_confidence_of(&(HwrConfidence) {1, 0, 1}, log(0.5), -INFINITY) == 0.5);
}

static void
test_validity(void **state)
{
	(void) state;
	assert_true(hwr_confidence_is_valid(&HWR_CONFIDENCE_DEFAULT));
	assert_true(hwr_confidence_is_valid(&(HwrConfidence) {1, 0, 1}));
	assert_false(hwr_confidence_is_valid(&(HwrConfidence) {0.99, 0, 1}));	/* an n-best list would sum to more than 1 */
	assert_false(hwr_confidence_is_valid(&(HwrConfidence) {1, -0.1, 1}));
	assert_false(hwr_confidence_is_valid(&(HwrConfidence) {1, 0, 1.01}));
	assert_false(hwr_confidence_is_valid(&(HwrConfidence) {1, 0, 0}));
	assert_false(hwr_confidence_is_valid(&(HwrConfidence) {NAN, 0, 1}));
	assert_false(hwr_confidence_is_valid(&(HwrConfidence) {11, 0, 1}));
}

/* Readings that are right as often as a law says. */
static void
draw(const HwrConfidence *law, HwrJudged *judged, size_t n)
{
	HwrRng		rng;

	hwr_rng_seed(&rng, 11, 0);
	for (size_t i = 0; i < n; i++)
	{
		judged[i].log_share = -4 * pow(hwr_rng_uniform(&rng), 3);
		judged[i].log_found = -20 * pow(hwr_rng_uniform(&rng), 2);
		judged[i].right = hwr_rng_uniform(&rng) < hwr_confidence_of(law, judged[i].log_share, judged[i].log_found);
	}
}

static void
check_close(const HwrConfidence *fitted, const HwrConfidence *law, double tolerance)
{
	assert_true(fabs(fitted->share - law->share) < 3 * tolerance * law->share);
	assert_true(fabs(fitted->found - law->found) < tolerance);
	assert_true(fabs(fitted->most - law->most) < tolerance);
}

/* A law is found again from what it says, and mean confidence is what was right. */
static void
test_fit(void **state)
{
	static HwrJudged judged[READINGS];
	static const HwrConfidence laws[] = {{1.5, 0.07, 0.96}, {2.5, 0.4, 0.9}, {1, 1, 1}, {1.2, 0, 0.97}};

	(void) state;
	for (int l = 0; l < 4; l++)
	{
		HwrConfidence fitted;
		double		told = 0;
		double		right = 0;

		draw(&laws[l], judged, READINGS);
		fitted = hwr_confidence_fit(judged, READINGS);
		assert_true(hwr_confidence_is_valid(&fitted));
		check_close(&fitted, &laws[l], 0.04);
		for (int i = 0; i < READINGS; i++)
		{
			told += hwr_confidence_of(&fitted, judged[i].log_share, judged[i].log_found);
			right += judged[i].right;
		}
		assert_true(fabs(told - right) / READINGS < 0.01);
	}
}

/* Few readings change little, none nothing; whatever they are, what comes of them is valid. */
static void
test_few(void **state)
{
	HwrJudged	judged[100];
	HwrConfidence start = HWR_CONFIDENCE_DEFAULT;
	HwrConfidence fitted = hwr_confidence_fit(NULL, 0);

	(void) state;
	check_close(&fitted, &start, 1e-9);
	draw(&(HwrConfidence) {3, 1, 0.8}, judged, 3);
	fitted = hwr_confidence_fit(judged, 3);
	assert_true(fabs(fitted.share - start.share) < 0.5);
	for (int kind = 0; kind < 4; kind++)
	{
		for (int i = 0; i < 100; i++)
			judged[i] = (HwrJudged) {kind & 1 ? 0 : -1e3, kind & 1 ? 0 : -1e4, (kind & 2) != 0};
		fitted = hwr_confidence_fit(judged, 100);
		assert_true(hwr_confidence_is_valid(&fitted));
	}
}

/* Of a text of which nothing is left no more than others can be learned: one that is wrong changes nothing. */
static void
test_nothing(void **state)
{
	static HwrJudged judged[1001];
	static const HwrConfidence law = {1.5, 0.3, 0.95};
	static const double nothing[3][2] = {{-INFINITY, 0}, {0, -INFINITY}, {-INFINITY, -INFINITY}};
	HwrConfidence without;

	(void) state;
	draw(&law, judged, 1000);
	without = hwr_confidence_fit(judged, 1000);
	for (int i = 0; i < 6; i++)
	{
		HwrConfidence fitted;

		judged[1000] = (HwrJudged) {nothing[i / 2][0], nothing[i / 2][1], i % 2 == 1};
		fitted = hwr_confidence_fit(judged, 1001);
		assert_true(hwr_confidence_is_valid(&fitted));
		if (judged[1000].right)
		{
			assert_true(i / 2 == 1 || fitted.share < without.share);
			assert_true(i / 2 == 0 || fitted.found < without.found);
		}
		else
			check_close(&fitted, &without, 1e-3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_law),
		cmocka_unit_test(test_validity),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
