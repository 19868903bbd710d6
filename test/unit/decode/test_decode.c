/*
 * test_decode.c
 *	  Greedy decoding of paths made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/decode/decode.h"
#include "core/base/rng.h"

#define K 4						/* blank, A, B, e with acute */

static void
make_alphabet(HwrAlphabet *alphabet)
{
	HwrStatus	st = {0};

	assert_true(hwr_alphabet_from_utf8("AB\xC3\xA9", 4, alphabet, &st));
}

/* Posteriors in which step t gives probability p[t] to class path[t] and shares the rest. */
static void
make_path(const int *path, const double *p, int T, float *logp)
{
	for (int t = 0; t < T; t++)
	{
		double		peak = p != NULL ? p[t] : 0.7;

		for (int k = 0; k < K; k++)
			logp[t * K + k] = (float) log(k == path[t] ? peak : (1 - peak) / (K - 1));
	}
}

static void
expect_reading(const int *path, int T, const char *expected)
{
	HwrStatus	st = {0};
	HwrAlphabet alphabet;
	HwrReading	r;
	float		logp[16 * K];

	make_alphabet(&alphabet);
	make_path(path, NULL, T, logp);
	assert_true(hwr_decode_greedy(logp, T, K, &alphabet, &r, &st));
	assert_string_equal(r.text, expected);
	assert_float_equal(r.sharpness, 0.7, 1e-6);
	hwr_reading_free(&r);
	hwr_alphabet_free(&alphabet);
}

static void
test_paths(void **state)
{
	(void) state;
	expect_reading((int[]) {0, 0, 0}, 3, "");
	expect_reading((int[]) {1}, 1, "A");
	expect_reading((int[]) {1, 1, 1}, 3, "A");
	expect_reading((int[]) {1, 0, 1}, 3, "AA");
	expect_reading((int[]) {1, 2, 1}, 3, "ABA");
	expect_reading((int[]) {0, 1, 1, 0, 0, 1, 2, 2, 0, 3}, 10, "AAB\xC3\xA9");
	expect_reading((int[]) {3, 3, 0, 3, 0}, 5, "\xC3\xA9\xC3\xA9");
}

static void
test_extents(void **state)
{
	const int	path[] = {0, 1, 1, 1, 0, 2, 3, 3};
	const double p[] = {0.9, 0.5, 0.8, 0.6, 0.9, 0.4, 0.6, 0.7};
	HwrStatus	st = {0};
	HwrAlphabet alphabet;
	HwrReading	r;
	float		logp[8 * K];
	double		sum = 0;

	(void) state;
	make_alphabet(&alphabet);
	make_path(path, p, 8, logp);
	assert_true(hwr_decode_greedy(logp, 8, K, &alphabet, &r, &st));
	assert_int_equal(r.n, 3);
	assert_int_equal(r.chars[0].codepoint, 'A');
	assert_int_equal(r.chars[0].first_step, 1);
	assert_int_equal(r.chars[0].last_step, 3);
	assert_float_equal(r.chars[0].confidence, 0.8, 1e-6);
	assert_int_equal(r.chars[1].codepoint, 'B');
	assert_int_equal(r.chars[1].first_step, 5);
	assert_int_equal(r.chars[1].last_step, 5);
	assert_float_equal(r.chars[1].confidence, 0.4, 1e-6);
	assert_int_equal(r.chars[2].codepoint, 0xE9);
	assert_int_equal(r.chars[2].first_step, 6);
	assert_int_equal(r.chars[2].last_step, 7);
	assert_float_equal(r.chars[2].confidence, 0.7, 1e-6);
	for (int t = 0; t < 8; t++)
		sum += log(p[t]);
	assert_float_equal(r.sharpness, exp(sum / 8), 1e-6);
	hwr_reading_free(&r);
	assert_null(r.text);
	assert_null(r.chars);
	hwr_alphabet_free(&alphabet);
}

static void
test_extremes(void **state)
{
	HwrStatus	st = {0};
	HwrAlphabet alphabet;
	HwrAlphabet none = {0};
	HwrReading	r;
	float		certain[K] = {-INFINITY, 0, -INFINITY, -INFINITY};
	float		level[K] = {-1, -1, -1, -1};
	float		rounded[K] = {-20, -20, 1e-6f, -20};
	float		broken[K] = {NAN, NAN, NAN, NAN};
	float		blank[2] = {0, 0};

	(void) state;
	make_alphabet(&alphabet);
	assert_true(hwr_decode_greedy(certain, 1, K, &alphabet, &r, &st));
	assert_string_equal(r.text, "A");
	assert_float_equal(r.sharpness, 1, 0);
	hwr_reading_free(&r);

	/* of equals the blank */
	assert_true(hwr_decode_greedy(level, 1, K, &alphabet, &r, &st));
	assert_string_equal(r.text, "");
	hwr_reading_free(&r);

	/* rounding above certainty stays within 0 .. 1 */
	assert_true(hwr_decode_greedy(rounded, 1, K, &alphabet, &r, &st));
	assert_string_equal(r.text, "B");
	assert_float_equal(r.sharpness, 1, 0);
	assert_float_equal(r.chars[0].confidence, 1, 0);
	hwr_reading_free(&r);

	assert_true(hwr_decode_greedy(broken, 1, K, &alphabet, &r, &st));
	assert_string_equal(r.text, "");
	assert_float_equal(r.sharpness, 0, 0);
	hwr_reading_free(&r);

	assert_true(hwr_decode_greedy(NULL, 0, K, &alphabet, &r, &st));
	assert_string_equal(r.text, "");
	assert_int_equal(r.n, 0);
	assert_float_equal(r.sharpness, 0, 0);
	hwr_reading_free(&r);

	assert_true(hwr_decode_greedy(blank, 2, 1, &none, &r, &st));
	assert_string_equal(r.text, "");
	assert_float_equal(r.sharpness, 1, 0);
	hwr_reading_free(&r);
	hwr_alphabet_free(&alphabet);
}

static void
test_mismatch(void **state)
{
	HwrAlphabet alphabet;
	HwrReading	r;
	float		logp[8 * K] = {0};

	(void) state;
	make_alphabet(&alphabet);
	for (int k = 0; k < 8; k++)
	{
		HwrStatus	st = {0};

		if (k == K)
			continue;
		assert_false(hwr_decode_greedy(logp, 4, k, &alphabet, &r, &st));
		assert_int_equal(st.code, HWR_INTERNAL);
	}
	hwr_alphabet_free(&alphabet);
}

/* Characters are in order, do not overlap, and spell the text. */
static void
test_random(void **state)
{
	HwrAlphabet alphabet;
	HwrRng		rng;
	float		logp[32 * K];

	(void) state;
	make_alphabet(&alphabet);
	hwr_rng_seed(&rng, 5, 0);
	for (int round = 0; round < 500; round++)
	{
		HwrStatus	st = {0};
		HwrReading	r;
		char	   *text;
		uint32_t	codepoints[32];

		for (int i = 0; i < 32 * K; i++)
			logp[i] = (float) hwr_rng_range(&rng, -5, 0);
		assert_true(hwr_decode_greedy(logp, 32, K, &alphabet, &r, &st));
		for (int i = 0; i < r.n; i++)
		{
			const HwrChar *c = &r.chars[i];

			codepoints[i] = c->codepoint;
			assert_true(c->first_step <= c->last_step && c->last_step < 32);
			assert_true(c->confidence >= 0 && c->confidence <= 1);
			if (i > 0)
			{
				assert_true(c->first_step > c[-1].last_step);
				/* equal neighbours have a blank between them */
				assert_true(c->codepoint != c[-1].codepoint ||
							c->first_step > c[-1].last_step + 1);
			}
		}
		assert_true(hwr_text_encode(codepoints, r.n, &text, &st));
		assert_string_equal(text, r.text);
		free(text);
		hwr_reading_free(&r);
	}
	hwr_alphabet_free(&alphabet);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_extents),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_mismatch),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
