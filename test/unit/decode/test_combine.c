/*
 * test_combine.c
 *	  Posteriors of several networks as one: means, and votes of readings that differ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/decode/combine.h"
#include "core/decode/decode.h"

#define LETTERS "ABCNTU"
#define K 7

static const int same[K] = {0, 1, 2, 3, 4, 5, 6};

/*
 * A posterior that reads as a pattern of steps: a letter, or '-' for a blank, each with probability p and
 * the rest spread evenly.
 */
static HwrPosterior
said(const char *pattern, double p)
{
	HwrPosterior out = {.steps = (int) strlen(pattern),.classes = K};

	out.logp = malloc((size_t) out.steps * K * sizeof(float));
	for (int t = 0; t < out.steps; t++)
	{
		const char *letter = strchr(LETTERS, pattern[t]);
		int			class = letter != NULL ? (int) (letter - LETTERS) + 1 : 0;

		for (int k = 0; k < K; k++)
			out.logp[t * K + k] = (float) log(k == class ? p : (1 - p) / (K - 1));
	}
	return out;
}

static void
check_sums(const HwrPosterior *p)
{
	for (int t = 0; t < p->steps; t++)
	{
		double		sum = 0;

		for (int k = 0; k < p->classes; k++)
			sum += exp(p->logp[t * p->classes + k]);
		assert_true(fabs(sum - 1) < 1e-4);
	}
}

static void
test_average(void **state)
{
	static const int swapped[K] = {0, 2, 1, 3, 4, 5, 6};
	const int  *const classes[] = {same, swapped};
	HwrPosterior members[] = {said("A-C", 0.7), said("B-T", 0.9)};
	HwrPosterior out;
	HwrStatus	st = {0};

	(void) state;
	assert_true(hwr_combine_average(2, members, classes, K, &out, &st));
	assert_int_equal(out.steps, 3);
	assert_int_equal(out.classes, K);
	check_sums(&out);
	/* the second network's B is the result's A */
	assert_true(fabs(exp(out.logp[1]) - 0.8) < 1e-6);
	assert_true(fabs(exp(out.logp[2 * K + 3]) - (0.7 + 0.1 / 6) / 2) < 1e-6);
	hwr_posterior_free(&out);

	/* steps that differ are no matter of means */
	members[1].steps = 2;
	assert_false(hwr_combine_average(2, members, classes, K, &out, &st));
	assert_int_equal(st.code, HWR_INTERNAL);
	hwr_posterior_free(&members[0]);
	hwr_posterior_free(&members[1]);
}

/* What a network of fewer classes lacks has no probability from it, and no infinity. */
static void
test_missing_classes(void **state)
{
	static const int few[2] = {0, 3};
	const int  *const classes[] = {same, few};
	float		sure[2] = {logf(0.25f), logf(0.75f)};
	HwrPosterior members[] = {said("A", 1 - 1e-6), {1, 2, sure}};
	HwrPosterior out;
	HwrStatus	st = {0};

	(void) state;
	assert_true(hwr_combine_average(2, members, classes, K, &out, &st));
	check_sums(&out);
	assert_true(fabs(exp(out.logp[3]) - 0.375) < 1e-4);
	for (int k = 0; k < K; k++)
		assert_true(isfinite(out.logp[k]));
	hwr_posterior_free(&out);
	hwr_posterior_free(&members[0]);
}

/* What three networks read together, each with its own steps on a canvas of its own. */
static void
check_vote(const char *one, double p1, const char *two, double p2, const char *three, double p3, const char *expected)
{
	const char *const patterns[] = {one, two, three};
	const double p[] = {p1, p2, p3};
	HwrCanvas	canvases[3] = {0};
	const HwrCanvas *list[3];
	const int  *const classes[] = {same, same, same};
	HwrPosterior members[3];
	HwrPosterior out;
	HwrAlphabet alphabet;
	HwrReading	reading;
	HwrStatus	st = {0};

	assert_true(hwr_alphabet_from_utf8(LETTERS, strlen(LETTERS), &alphabet, &st));
	for (int m = 0; m < 3; m++)
	{
		members[m] = said(patterns[m], p[m]);
		canvases[m].width = 4 * members[m].steps;
		canvases[m].content_width = canvases[m].width;
		canvases[m].source_width = 100;
		list[m] = &canvases[m];
	}
	assert_true(hwr_combine_vote(3, list, members, classes, K, &out, &st));
	check_sums(&out);
	assert_true(out.steps >= 2 * members[0].steps);
	assert_true(hwr_decode_greedy(out.logp, out.steps, K, &alphabet, &reading, &st));
	assert_string_equal(reading.text, expected);
	hwr_reading_free(&reading);
	hwr_posterior_free(&out);
	for (int m = 0; m < 3; m++)
		hwr_posterior_free(&members[m]);
	hwr_alphabet_free(&alphabet);
}

static void
test_votes(void **state)
{
	(void) state;
	/* a substitution: two of three, and one that is surer than two */
	check_vote("-C-A-T-", 0.9, "CU-T", 0.9, "--CC--AA--T-", 0.9, "CAT");
	check_vote("-C-A-T-", 0.4, "CU-T", 0.99, "--CC--AA--T-", 0.4, "CUT");
	/* a deletion, an insertion */
	check_vote("-C-A-T-", 0.9, "C--T", 0.9, "--CC--AA--T-", 0.9, "CAT");
	check_vote("-C-A-T-", 0.9, "C--T", 0.9, "--CC------T-", 0.9, "CT");
	check_vote("-C---T-", 0.9, "CA-T", 0.9, "--CC--AA--T-", 0.9, "CAT");
	/* letters twice */
	check_vote("-A-N-N-A-", 0.9, "AN-NA", 0.9, "-AAN--A-", 0.9, "ANNA");
	check_vote("A-A-A-A-", 0.9, "-A-A-A-A", 0.9, "AAAA-AAA", 0.9, "AAAA");
	/* nothing at all, and nothing from the first */
	check_vote("---", 0.9, "-----", 0.9, "--", 0.9, "");
	check_vote("---", 0.9, "A-B-C", 0.9, "A-B-C", 0.9, "ABC");
	/* more characters than the first network has steps */
	check_vote("A", 0.9, "ABCABC", 0.9, "ABCABC", 0.9, "ABCABC");
}

/* A slot stands where its ink is, on the first network's canvas, behind the margin. */
static void
test_places(void **state)
{
	HwrCanvas	canvases[2] = {
		{.width = 64,.margin = 16,.content_width = 32,.source_width = 320},
		{.width = 80,.content_width = 80,.source_width = 320},
	};
	const HwrCanvas *const list[] = {&canvases[0], &canvases[1]};
	const int  *const classes[] = {same, same};
	HwrPosterior members[] = {said("------A---------", 0.9), said("--A----B--", 0.9)};
	HwrPosterior out;
	HwrStatus	st = {0};
	int			a = -1;
	int			b = -1;

	(void) state;
	assert_true(hwr_combine_vote(2, list, members, classes, K, &out, &st));
	assert_int_equal(out.steps, 32);
	for (int t = 0; t < out.steps; t++)
	{
		a = out.logp[t * K + 1] > logf(0.1f) ? t : a;
		b = out.logp[t * K + 2] > logf(0.1f) ? t : b;
	}
	/* step 6 of 16 is column 26 of 64, step 13 of 32; B is at 0.75 of the picture: column 16 + 24 */
	assert_int_equal(a, 13);
	assert_int_equal(b, 20);
	hwr_posterior_free(&out);
	hwr_posterior_free(&members[0]);
	hwr_posterior_free(&members[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_average),
		cmocka_unit_test(test_missing_classes),
		cmocka_unit_test(test_votes),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
