/*
 * test_score.c
 *	  Probability and alignment of given texts against an enumeration of all paths; texts as classes; and
 *	  lexicons with the prefix tree under them.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/text/lexicon.h"
#include "core/decode/ctc.h"
#include "core/decode/score.h"
#include "decode_cases.h"

static HwrStatus st;
static Truth truths[MAX_TEXTS];

static double
forward_loss(const float *logp, int T, int K, const int *label, int L)
{
	void	   *workspace = malloc(hwr_ctc_forward_workspace(L));
	double		loss;

	assert_true(hwr_ctc_forward(logp, T, K, label, L, NULL, NULL, &loss, workspace));
	free(workspace);
	return loss;
}

/* The log weight of the path that the spans stand for: blanks around them. */
static double
path_of(const float *logp, int T, int K, const int *label, int L, const HwrSpan *spans)
{
	double		sum = 0;
	int			t = 0;

	for (int i = 0; i < L; i++)
	{
		float		highest = -INFINITY;

		assert_true(spans[i].first_step >= t && spans[i].last_step >= spans[i].first_step);
		assert_true(i == 0 || label[i] != label[i - 1] || spans[i].first_step > t);	/* a blank between equals */
		for (; t < spans[i].first_step; t++)
			sum += logp[t * K];
		for (; t <= spans[i].last_step; t++)
		{
			sum += logp[t * K + label[i]];
			highest = fmaxf(highest, logp[t * K + label[i]]);
		}
		assert_true(fabsf(spans[i].confidence - expf(highest)) < 1e-6);
	}
	for (; t < T; t++)
		sum += logp[t * K];
	assert_int_equal(t, T);
	return sum;
}

static void
test_enumeration(void **state)
{
	float		logp[64];
	int			checked = 0;

	(void) state;
	for (int T = 1; T <= 7; T++)
		for (int K = 2; K <= 4; K++)
		{
			int			n;

			random_posteriors((uint32_t) (T * 10 + K), T, K, 3, logp);
			n = enumerate_texts(logp, T, K, truths);
			for (int i = 0; i < n; i++, checked++)
			{
				const Truth *text = &truths[i];
				void	   *workspace = malloc(hwr_score_workspace(T, text->n));
				HwrSpan		spans[8];
				double		best;

				assert_true(fabs(hwr_score_label(logp, T, K, text->classes, text->n, workspace) - log(text->p)) < 1e-9);
				assert_true(fabs(forward_loss(logp, T, K, text->classes, text->n) + log(text->p)) < 1e-9);
				best = hwr_align_label(logp, T, K, text->classes, text->n, spans, workspace);
				assert_true(fabs(best - text->best_path) < 1e-9);
				assert_true(fabs(path_of(logp, T, K, text->classes, text->n, spans) - best) < 1e-9);
				free(workspace);
			}
		}
	assert_true(checked > 1000);
}

static bool
count_to_three(void *arg)
{
	return ++*(int *) arg == 3;
}

/* Without a gradient memory does not grow with the steps, the loss is the same bit for bit, and the work can be stopped. */
static void
test_long(void **state)
{
	enum
	{
		T = 4000, K = 5, L = 900
	};
	float	   *logp = malloc(sizeof(float) * T * K);
	int		   *label = malloc(sizeof(int) * L);
	void	   *whole = malloc(hwr_ctc_workspace(T, L));
	void	   *rows = malloc(hwr_ctc_forward_workspace(L));
	int			asked = 0;
	double		loss;

	(void) state;
	random_posteriors(5, T, K, 3, logp);
	for (int i = 0; i < L; i++)
		label[i] = 1 + i * 7 % (K - 1);
	assert_true(hwr_ctc_forward_workspace(L) < 40000);
	assert_true(hwr_ctc_loss(logp, T, K, label, L, &loss, NULL, 1, whole));
	assert_true(loss > 0 && loss == forward_loss(logp, T, K, label, L));
	assert_false(hwr_ctc_forward(logp, T, K, label, L, count_to_three, &asked, &loss, rows));
	assert_int_equal(asked, 3);
	free(rows);
	free(whole);
	free(label);
	free(logp);
}

static void
test_no_room(void **state)
{
	const int	label[] = {1, 1, 2};
	float		logp[12] = {0};
	HwrSpan		spans[3] = {{7, 7, 7}};

	(void) state;
	assert_true(hwr_score_label(logp, 3, 3, label, 3, NULL) == -INFINITY);
	assert_true(hwr_align_label(logp, 3, 3, label, 3, spans, NULL) == -INFINITY);
	assert_int_equal(spans[0].first_step, 7);
	assert_true(hwr_score_label(NULL, 0, 3, label, 0, NULL) == 0);
	assert_true(hwr_align_label(NULL, 0, 3, label, 0, spans, NULL) == 0);
	/* Impossible at one of the steps */
	logp[1] = logp[4] = logp[7] = logp[10] = -INFINITY;
	{
		void	   *workspace = malloc(hwr_score_workspace(4, 3));

		assert_true(hwr_score_label(logp, 4, 3, label, 3, workspace) == -INFINITY);
		assert_true(hwr_align_label(logp, 4, 3, label, 3, spans, workspace) == -INFINITY);
		assert_int_equal(spans[0].first_step, 7);
		free(workspace);
	}
}

static void
test_classes(void **state)
{
	HwrAlphabet alphabet;
	int		   *classes;
	int			n;
	bool		writable;

	(void) state;
	assert_true(hwr_alphabet_from_utf8(" ABC\xc3\x89", 6, &alphabet, &st));
	assert_true(hwr_text_classes("  b  e\xcc\x81", 8, HWR_CASE_UPPER, &alphabet, &classes, &n, &writable, &st));
	assert_int_equal(n, 3);
	assert_true(writable);
	assert_memory_equal(classes, ((int[]) {3, 1, 5}), sizeof(int) * 3);
	free(classes);
	assert_true(hwr_text_classes("Ab", 2, HWR_CASE_KEEP, &alphabet, &classes, &n, &writable, &st));
	assert_false(writable);
	assert_memory_equal(classes, ((int[]) {2, 0}), sizeof(int) * 2);
	free(classes);
	assert_false(hwr_text_classes("\xc3", 1, HWR_CASE_KEEP, &alphabet, &classes, &n, &writable, &st));
	assert_int_equal(st.code, HWR_BAD_LABEL);
	hwr_alphabet_free(&alphabet);
}

static bool
has_word(const HwrLexicon *lexicon, const int *classes, int n)
{
	int			node = 0;

	for (int i = 0; i < n; i++)
	{
		node = hwr_trie_find(&lexicon->trie, node, classes[i]);
		if (node == 0)
			return false;
	}
	return lexicon->is_word[node];
}

static void
test_lexicon(void **state)
{
	HwrAlphabet alphabet;
	HwrLexicon *lexicon;
	static const char *const words[] = {"abba", "AB", "aBBa", " ab ", "x", "", "abc\x01", "\xff", "ba"};

	(void) state;
	assert_true(hwr_alphabet_from_utf8("ABC", 3, &alphabet, &st));
	assert_true(hwr_lexicon_create(&alphabet, HWR_CASE_UPPER, &lexicon, &st));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_true(hwr_lexicon_add(lexicon, words[i], strlen(words[i]), &st));
	assert_int_equal(lexicon->words, 3);
	assert_int_equal(lexicon->left_out, 4);
	assert_true(has_word(lexicon, (int[]) {1, 2, 2, 1}, 4));
	assert_true(has_word(lexicon, (int[]) {1, 2}, 2));
	assert_true(has_word(lexicon, (int[]) {2, 1}, 2));
	assert_false(has_word(lexicon, (int[]) {1}, 1));
	assert_false(has_word(lexicon, (int[]) {1, 2, 2}, 3));
	assert_false(has_word(lexicon, (int[]) {3}, 1));
	assert_false(has_word(lexicon, NULL, 0));
	hwr_lexicon_free(lexicon);
	hwr_lexicon_free(NULL);
	hwr_alphabet_free(&alphabet);
}

/* Many words, so that everything grows: all of them are there, and nothing else of their kind. */
static void
test_many_words(void **state)
{
	HwrAlphabet alphabet;
	HwrLexicon *lexicon;
	char		word[16];

	(void) state;
	assert_true(hwr_alphabet_from_utf8("ABCDEFGHIJ", 10, &alphabet, &st));
	assert_true(hwr_lexicon_create(&alphabet, HWR_CASE_KEEP, &lexicon, &st));
	for (int i = 0; i < 100000; i += 3)
	{
		int			n = 0;

		for (int rest = i; rest > 0; rest /= 10)
			word[n++] = (char) ('A' + rest % 10);
		assert_true(hwr_lexicon_add(lexicon, word, (size_t) n, &st));
	}
	assert_int_equal(lexicon->left_out, 1);
	assert_int_equal(lexicon->words, 33333);
	for (int i = 1; i < 100000; i++)
	{
		int			classes[8];
		int			n = 0;

		for (int rest = i; rest > 0; rest /= 10)
			classes[n++] = 1 + rest % 10;
		assert_int_equal(has_word(lexicon, classes, n), i % 3 == 0);
	}
	hwr_lexicon_free(lexicon);
	hwr_alphabet_free(&alphabet);
}

static void
test_trie(void **state)
{
	HwrTrie		trie;
	int			node = 0;

	(void) state;
	assert_true(hwr_trie_init(&trie, 1, &st));
	for (int i = 0; i < 1000; i++)
	{
		int			child = hwr_trie_add(&trie, node, i % 2, &st);

		assert_int_equal(child, i + 1);
		assert_int_equal(hwr_trie_add(&trie, node, i % 2, &st), child);
		assert_int_equal(hwr_trie_find(&trie, node, 1 - i % 2), 0);
		node = child;
	}
	assert_int_equal(trie.n, 1001);
	hwr_trie_clear(&trie);
	assert_int_equal(trie.n, 1);
	assert_int_equal(hwr_trie_find(&trie, 0, 0), 0);
	assert_false(hwr_trie_reserve(&trie, HWR_TRIE_MAX_NODES + 1, &st));
	assert_int_equal(st.code, HWR_BAD_DATA);
	hwr_trie_free(&trie);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enumeration),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_lexicon),
		cmocka_unit_test(test_many_words),
		cmocka_unit_test(test_trie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
