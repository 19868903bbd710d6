/*
 * test_metrics.c
 *	  Alignment against a recursive definition, and the figures read off it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text/metrics.h"
#include "core/base/rng.h"
#include "core/text/text.h"

/* Edit distance by its definition, exponential. */
static int
slow_distance(const uint32_t *a, int n, const uint32_t *b, int m)
{
	int			best;
	int			other;

	if (n == 0 || m == 0)
		return n + m;
	best = slow_distance(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1]);
	other = slow_distance(a, n - 1, b, m) + 1;
	if (other < best)
		best = other;
	other = slow_distance(a, n, b, m - 1) + 1;
	return other < best ? other : best;
}

/* Edits that spell both sides and cost what they say. */
static void
check_alignment(const uint32_t *a, int n, const uint32_t *b, int m, int expected)
{
	HwrStatus	st = {0};
	HwrEdit    *edits;
	int			nedits;
	int			distance;
	int			i = 0;
	int			j = 0;
	int			cost = 0;

	assert_true(hwr_align(a, n, b, m, &edits, &nedits, &distance, &st));
	for (int k = 0; k < nedits; k++)
	{
		assert_true(edits[k].truth != 0 || edits[k].guess != 0);
		if (edits[k].truth != 0)
		{
			assert_true(i < n);
			assert_int_equal(edits[k].truth, a[i++]);
		}
		if (edits[k].guess != 0)
		{
			assert_true(j < m);
			assert_int_equal(edits[k].guess, b[j++]);
		}
		cost += edits[k].truth != edits[k].guess;
	}
	assert_int_equal(i, n);
	assert_int_equal(j, m);
	assert_int_equal(cost, distance);
	if (expected >= 0)
		assert_int_equal(distance, expected);
	free(edits);
}

static void
test_brute_force(void **state)
{
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 1, 0);
	for (int round = 0; round < 3000; round++)
	{
		uint32_t	a[6];
		uint32_t	b[6];
		int			n = (int) hwr_rng_below(&rng, 7);
		int			m = (int) hwr_rng_below(&rng, 7);
		uint64_t	letters = 1 + hwr_rng_below(&rng, 4);

		for (int i = 0; i < n; i++)
			a[i] = 0x1F600 + (uint32_t) hwr_rng_below(&rng, letters);
		for (int i = 0; i < m; i++)
			b[i] = 0x1F600 + (uint32_t) hwr_rng_below(&rng, letters);
		check_alignment(a, n, b, m, slow_distance(a, n, b, m));
	}
}

/* What an alignment looks like, a truth/guess pair a step, '-' for none. */
static void
expect_path(const char *truth, const char *guess, const char *expected)
{
	HwrStatus	st = {0};
	uint32_t	a[32];
	uint32_t	b[32];
	char		path[128] = "";
	HwrEdit    *edits;
	int			nedits;
	int			distance;
	int			at = 0;

	for (size_t i = 0; i < strlen(truth); i++)
		a[i] = (uint8_t) truth[i];
	for (size_t i = 0; i < strlen(guess); i++)
		b[i] = (uint8_t) guess[i];
	assert_true(hwr_align(a, (int) strlen(truth), b, (int) strlen(guess),
						  &edits, &nedits, &distance, &st));
	for (int k = 0; k < nedits; k++)
	{
		if (k > 0)
			path[at++] = ' ';
		path[at++] = edits[k].truth != 0 ? (char) edits[k].truth : '-';
		path[at++] = edits[k].guess != 0 ? (char) edits[k].guess : '-';
	}
	path[at] = '\0';
	assert_string_equal(path, expected);
	free(edits);
}

static void
test_ties(void **state)
{
	(void) state;
	expect_path("", "", "");
	expect_path("ab", "", "a- b-");
	expect_path("", "ab", "-a -b");
	expect_path("abc", "abc", "aa bb cc");
	expect_path("ab", "ba", "ab ba");	/* substitutions before deletion and insertion */
	expect_path("aab", "ab", "a- aa bb");
	expect_path("ab", "aab", "-a aa bb");
	expect_path("SIMON", "SLMAN", "SS IL MM OA NN");
	expect_path("kitten", "sitting", "ks ii tt tt ei nn -g");
	/* an equal last pair does not depend on what comes before it */
	expect_path("xabc", "yabc", "xy aa bb cc");
}

static void
test_large(void **state)
{
	int			n = 1 << 20;
	uint32_t   *a = malloc(sizeof(uint32_t) * (size_t) n);
	uint32_t   *b = malloc(sizeof(uint32_t) * (size_t) n);
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 2, 0);
	for (int i = 0; i < n; i++)
	{
		a[i] = 'a' + (uint32_t) hwr_rng_below(&rng, 3);
		b[i] = 'd';
	}
	check_alignment(a, n, b, 0, n);
	check_alignment(a, 0, b, n, n);
	check_alignment(a, n, b, 10, n);
	check_alignment(a, n, a, n, 0);
	check_alignment(a, 300, a + 1000, 2000, -1);
	free(a);
	free(b);
}

/* Texts beyond the table: the distance is that of the row of distances, and the steps spell both. */
static void
test_long(void **state)
{
	int			n = 6000;
	uint32_t   *a = malloc(sizeof(uint32_t) * (size_t) n);
	uint32_t   *b = malloc(sizeof(uint32_t) * (size_t) (2 * n));
	HwrStatus	st = {0};
	int			distance;
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 3, 0);
	for (int letters = 2; letters <= 26; letters += 12)
	{
		int			m = 0;

		for (int i = 0; i < n; i++)
		{
			a[i] = 'a' + (uint32_t) hwr_rng_below(&rng, (uint64_t) letters);
			if (hwr_rng_below(&rng, 5) > 0)
				b[m++] = hwr_rng_below(&rng, 5) > 0 ? a[i] : 'z';
			if (hwr_rng_below(&rng, 9) == 0)
				b[m++] = 'y';
		}
		assert_true(hwr_edit_distance(a, n, b, m, &distance, NULL, NULL, &st));
		check_alignment(a, n, b, m, distance);
		check_alignment(b, m, a, n, distance);
	}
	/* a single character against more than a table holds */
	check_alignment(a, 1, b, 0, 1);
	free(a);
	free(b);
}

static bool
count_down(void *arg)
{
	return --*(int *) arg <= 0;
}

static void
test_stop(void **state)
{
	int			n = 40000;
	uint32_t   *a = malloc(sizeof(uint32_t) * (size_t) n);
	uint32_t   *b = malloc(sizeof(uint32_t) * (size_t) n);
	HwrEdit    *edits = NULL;
	HwrStatus	st = {0};
	int			left = 3;
	int			nedits;
	int			distance;

	(void) state;
	for (int i = 0; i < n; i++)
	{
		a[i] = 'a' + (uint32_t) (i % 2);
		b[i] = 'b' + (uint32_t) (i % 3);
	}
	assert_false(hwr_align_until(a, n, b, n, &edits, &nedits, &distance, count_down, &left, &st));
	assert_int_equal(st.code, HWR_CANCELLED);
	assert_int_equal(left, 0);
	left = 3;
	assert_false(hwr_edit_distance(a, n, b, n, &distance, count_down, &left, &st));
	free(a);
	free(b);
}

/* What two texts have in common at their ends costs no time: not as much as one question whether to stop. */
static void
test_common_ends(void **state)
{
	int			n = 20000;
	uint32_t   *a = malloc(sizeof(uint32_t) * (size_t) n);
	uint32_t   *b = malloc(sizeof(uint32_t) * (size_t) n);
	HwrStatus	st = {0};

	(void) state;
	for (int i = 0; i < n; i++)
		a[i] = b[i] = 'a' + (uint32_t) (i % 3);
	for (int place = 0; place < n; place += n / 2 - 1)
	{
		HwrEdit    *edits = NULL;
		int			left = 1;
		int			nedits;
		int			distance;

		b[place] = 'x';
		assert_true(hwr_edit_distance(a, n, b, n, &distance, count_down, &left, &st));
		assert_int_equal(distance, 1);
		assert_true(hwr_align_until(a, n, b, n, &edits, &nedits, &distance, count_down, &left, &st));
		assert_int_equal(distance, 1);
		assert_int_equal(nedits, n);
		assert_int_equal(left, 1);
		b[place] = a[place];
		free(edits);
	}
	free(a);
	free(b);
}

/* Memory is linear: a table of these texts would be larger than any machine's. */
static void
test_memory(void **state)
{
	int			n = 2000000;
	uint32_t   *a = malloc(sizeof(uint32_t) * (size_t) n);
	uint32_t   *b = malloc(sizeof(uint32_t) * (size_t) n);
	HwrEdit    *edits = NULL;
	HwrStatus	st = {0};
	int			left = 1;
	int			nedits;
	int			distance;

	(void) state;
	for (int i = 0; i < n; i++)
	{
		a[i] = 'a';
		b[i] = 'b';
	}
	assert_false(hwr_align_until(a, n, b, n, &edits, &nedits, &distance, count_down, &left, &st));
	assert_int_equal(st.code, HWR_CANCELLED);
	free(a);
	free(b);
}

static void
add(HwrMetrics *m, HwrConfusions *c, const char *truth, const char *guess)
{
	HwrStatus	st = {0};

	if (!hwr_metrics_add(m, c, truth, strlen(truth), guess, strlen(guess), &st))
		fail_msg("%s", st.message);
}

static void
test_figures(void **state)
{
	HwrMetrics	m = {0};

	(void) state;
	assert_true(isnan(hwr_metrics_loss(&m)));
	assert_true(isnan(hwr_metrics_cer(&m)));
	assert_true(isnan(hwr_metrics_wer(&m)));
	assert_true(isnan(hwr_metrics_exact(&m)));
	assert_true(isnan(hwr_metrics_precision(&m)));
	assert_true(isnan(hwr_metrics_recall(&m)));
	assert_true(isnan(hwr_metrics_f1(&m)));

	add(&m, NULL, "ANNE MARIE", "ANNE MARIE");
	add(&m, NULL, "ABC", "ABD");	/* one substitution */
	add(&m, NULL, "ABC", "AB");		/* one deletion */
	add(&m, NULL, "ABC", "ABCDE");	/* two insertions */
	assert_int_equal(m.images, 4);
	assert_int_equal(m.exact, 1);
	assert_int_equal(m.chars, 19);
	assert_int_equal(m.hits, 17);
	assert_int_equal(m.substitutions, 1);
	assert_int_equal(m.deletions, 1);
	assert_int_equal(m.insertions, 2);
	assert_int_equal(m.words, 5);
	assert_int_equal(m.word_edits, 3);
	assert_float_equal(hwr_metrics_cer(&m), 4.0 / 19, 1e-12);
	assert_float_equal(hwr_metrics_wer(&m), 3.0 / 5, 1e-12);
	assert_float_equal(hwr_metrics_exact(&m), 0.25, 1e-12);
	assert_float_equal(hwr_metrics_precision(&m), 17.0 / 20, 1e-12);
	assert_float_equal(hwr_metrics_recall(&m), 17.0 / 19, 1e-12);
	assert_float_equal(hwr_metrics_f1(&m), 34.0 / 39, 1e-12);

	m.loss_sum = 6;
	m.loss_count = 4;
	assert_float_equal(hwr_metrics_loss(&m), 1.5, 1e-12);
}

static void
test_empty_reading(void **state)
{
	HwrMetrics	m = {0};

	(void) state;
	add(&m, NULL, "ABC", "");
	assert_float_equal(hwr_metrics_cer(&m), 1, 0);
	assert_float_equal(hwr_metrics_wer(&m), 1, 0);
	assert_float_equal(hwr_metrics_recall(&m), 0, 0);
	assert_float_equal(hwr_metrics_f1(&m), 0, 0);
	assert_true(isnan(hwr_metrics_precision(&m)));

	/* more insertions than characters: the rate passes 1 */
	memset(&m, 0, sizeof(m));
	add(&m, NULL, "A", "BCD");
	assert_float_equal(hwr_metrics_cer(&m), 3, 0);

	/* an empty truth has no characters to be wrong about */
	memset(&m, 0, sizeof(m));
	add(&m, NULL, "", "");
	assert_int_equal(m.exact, 1);
	assert_true(isnan(hwr_metrics_cer(&m)));
}

static void
expect_words(const char *truth, const char *guess, int words, int edits)
{
	HwrMetrics	m = {0};

	add(&m, NULL, truth, guess);
	assert_int_equal(m.words, words);
	assert_int_equal(m.word_edits, edits);
}

static void
test_words(void **state)
{
	(void) state;
	expect_words("", "", 0, 0);
	expect_words("a b c", "a b c", 3, 0);
	expect_words("a b c", "a x c", 3, 1);
	expect_words("a b c", "b c", 3, 1);
	expect_words("a b", "a b b", 2, 1);
	expect_words("ab", "a b", 1, 2);
	expect_words("a b", "b a", 2, 2);
	expect_words("  a\t\nb ", "a b", 2, 0);
	expect_words("a\xE3\x80\x80" "b", "a b", 2, 0);
	expect_words("one two three two one", "one three two", 5, 2);
	/* code points, not bytes: words that begin alike */
	expect_words("\xC3\xA9 \xC3\xA8", "\xC3\xA8 \xC3\xA8", 2, 1);
}

static int64_t
confusion_count(const HwrConfusions *c, uint32_t truth, uint32_t guess)
{
	for (int i = 0; i < c->n; i++)
	{
		if (c->pairs[i].truth == truth && c->pairs[i].guess == guess)
			return c->pairs[i].count;
	}
	return 0;
}

static void
test_confusions(void **state)
{
	HwrMetrics	m = {0};
	HwrConfusions c = {0};
	HwrRng		rng;
	int64_t		sum = 0;

	(void) state;
	add(&m, &c, "ABC", "ABD");
	add(&m, &c, "ABC", "AB");
	add(&m, &c, "AB", "XAB");
	add(&m, &c, "\xF0\x9F\x99\x82", "C");
	assert_int_equal(confusion_count(&c, 'A', 'A'), 3);
	assert_int_equal(confusion_count(&c, 'B', 'B'), 3);
	assert_int_equal(confusion_count(&c, 'C', 'D'), 1);
	assert_int_equal(confusion_count(&c, 'C', 0), 1);
	assert_int_equal(confusion_count(&c, 0, 'X'), 1);
	assert_int_equal(confusion_count(&c, 0x1F642, 'C'), 1);
	assert_int_equal(c.n, 6);

	/* many pairs: sorted, distinct, and as many as the alignment had steps */
	hwr_rng_seed(&rng, 3, 0);
	for (int round = 0; round < 500; round++)
	{
		char		truth[9] = "";
		char		guess[9] = "";

		for (uint64_t i = 0, n = hwr_rng_below(&rng, 9); i < n; i++)
			truth[i] = (char) ('a' + hwr_rng_below(&rng, 26));
		for (uint64_t i = 0, n = hwr_rng_below(&rng, 9); i < n; i++)
			guess[i] = (char) ('a' + hwr_rng_below(&rng, 26));
		add(&m, &c, truth, guess);
	}
	for (int i = 0; i < c.n; i++)
	{
		if (i > 0)
			assert_true(c.pairs[i - 1].truth < c.pairs[i].truth ||
						(c.pairs[i - 1].truth == c.pairs[i].truth &&
						 c.pairs[i - 1].guess < c.pairs[i].guess));
		sum += c.pairs[i].count;
	}
	assert_int_equal(sum, m.hits + m.substitutions + m.insertions + m.deletions);
	assert_int_equal(m.chars, m.hits + m.substitutions + m.deletions);
	hwr_confusions_free(&c);
	assert_int_equal(c.n, 0);
}

/* Canonically equal texts are equal, whichever way they are written. */
static void
test_canonical(void **state)
{
	HwrMetrics	m = {0};
	HwrConfusions c = {0};

	(void) state;
	add(&m, &c, "\xC3\xA9t\xC3\xA9", "e\xCC\x81te\xCC\x81");
	add(&m, &c, "e\xCC\x81", "\xC3\xA9");
	add(&m, &c, "\xE1\x84\x80\xE1\x85\xA1", "\xEA\xB0\x80");	/* hangul */
	add(&m, &c, "\xE2\x84\xAB", "A\xCC\x8A");	/* angstrom sign */
	assert_int_equal(m.exact, 4);
	assert_int_equal(m.chars, 6);
	assert_true(hwr_metrics_cer(&m) == 0);
	add(&m, &c, "a", "e\xCC\x81");
	assert_int_equal(m.substitutions, 1);
	assert_int_equal(m.insertions, 0);
	hwr_confusions_free(&c);
}

static void
test_bad_text(void **state)
{
	HwrStatus	st = {0};
	HwrMetrics	m = {0};
	HwrMetrics	zero = {0};
	HwrConfusions c = {0};

	(void) state;
	assert_false(hwr_metrics_add(&m, &c, "a\xFF", 2, "a", 1, &st));
	assert_int_equal(st.code, HWR_BAD_LABEL);
	assert_false(hwr_metrics_add(&m, &c, "a", 1, "\xC3", 1, &st));
	assert_memory_equal(&m, &zero, sizeof(m));
	assert_int_equal(c.n, 0);
	hwr_confusions_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_brute_force),
		cmocka_unit_test(test_ties),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_common_ends),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_empty_reading),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_confusions),
		cmocka_unit_test(test_bad_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
