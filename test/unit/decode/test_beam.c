/*
 * test_beam.c
 *	  Beam search against an enumeration of all paths and all texts, with and without a language
 *	  model, a lexicon and a list of allowed characters; and what a narrow beam keeps.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/decode/beam.h"
#include "decode_cases.h"
#include "lms.h"

static HwrStatus st;

static Truth truths[MAX_TEXTS];
static double scores[MAX_TEXTS];

/* Alphabet a, b, c, ...: class k is the letter 'a' + k - 1. */
static HwrAlphabet
letters(int n)
{
	static uint32_t codepoints[26];

	for (int i = 0; i < 26; i++)
		codepoints[i] = (uint32_t) ('a' + i);
	return (HwrAlphabet) {n, codepoints, NULL};
}

static HwrLexicon *
make_lexicon(const HwrAlphabet *alphabet, const char *const *words)
{
	HwrLexicon *lexicon;

	assert_true(hwr_lexicon_create(alphabet, HWR_CASE_KEEP, &lexicon, &st));
	for (; *words != NULL; words++)
		assert_true(hwr_lexicon_add(lexicon, *words, strlen(*words), &st));
	return lexicon;
}

static HwrNbest
search(const HwrBeamQuery *query, int n)
{
	HwrBeam    *beam;
	HwrNbest	nbest;

	assert_true(hwr_beam_create(&beam, &st));
	assert_true(hwr_beam_search(beam, query, n, &nbest, &st));
	hwr_beam_free(beam);
	return nbest;
}

static bool
allowed_text(const HwrBeamQuery *q, const Truth *text)
{
	for (int i = 0; i < text->n; i++)
		if (q->allow != NULL && !q->allow[text->classes[i]])
			return false;
	return true;
}

/* Whether a text is one of the words, by definition; without words: yes. */
static bool
is_word(const Truth *text, const char *const *words)
{
	bool		found = words == NULL;

	for (; words != NULL && *words != NULL; words++)
	{
		bool		same = strlen(*words) == (size_t) text->n;

		for (int i = 0; same && i < text->n; i++)
			same = (*words)[i] == 'a' + text->classes[i] - 1;
		found = found || same;
	}
	return found;
}

static double
lm_score(const HwrLm *lm, const Truth *text)
{
	uint32_t	codepoints[8];

	if (lm == NULL)
		return 0;
	for (int i = 0; i < text->n; i++)
		codepoints[i] = (uint32_t) ('a' + text->classes[i] - 1);
	return hwr_lm_log_probability(lm, codepoints, text->n);
}

/* The same search with a law of its own for the confidence of each share; texts and order are the same. */
static void
check_law(const HwrBeamQuery *query, const HwrNbest *plain, double found)
{
	const HwrConfidence law = {1.5, 0.25, 0.9};
	HwrBeamQuery q = *query;
	HwrNbest	nbest;
	double		weights = 0;
	double		sum = 0;

	q.confidence = &law;
	nbest = search(&q, MAX_TEXTS);
	assert_int_equal(nbest.n, plain->n);
	for (int h = 0; h < nbest.n; h++)
		weights += exp(plain->hypotheses[h].score);
	for (int h = 0; h < nbest.n; h++)
	{
		double		share = exp(plain->hypotheses[h].score) / weights;

		assert_true(nbest.hypotheses[h].score == plain->hypotheses[h].score);
		assert_true(fabs(nbest.hypotheses[h].confidence - 0.9 * pow(share, 1.5) * pow(found, 0.25)) < 1e-6);
		sum += nbest.hypotheses[h].confidence;
	}
	assert_true(sum <= 1 + 1e-9);
	hwr_nbest_free(&nbest);
}

/* An unlimited search must give all permitted texts, in order, each with its exact figures. */
static void
check_against_enumeration(HwrBeamQuery q, const char *const *words)
{
	int			n = enumerate_texts(q.logp, q.T, q.K, truths);
	int			expected = 0;
	double		total = 0;
	double		even = 0;
	double		found = 0;
	double		allowed = 0;
	double		penalty = q.outside_penalty < HWR_BEAM_NONE_PENALTY ? q.outside_penalty : HWR_BEAM_NONE_PENALTY;
	HwrNbest	nbest;

	q.width = HWR_BEAM_MAX_WIDTH;
	q.class_cut = -INFINITY;
	for (int i = 0; i < n; i++)
	{
		bool		outside = !is_word(&truths[i], words);

		if (allowed_text(&q, &truths[i]))
			allowed += truths[i].p;
		if (!allowed_text(&q, &truths[i]) || (outside && q.outside_penalty == INFINITY))
			continue;
		scores[expected] = log(truths[i].p) + q.lm_weight * lm_score(q.lm, &truths[i]) +
			q.length_bonus * truths[i].n - (outside ? q.outside_penalty : 0);
		total += exp(scores[expected]);
		even += exp(scores[expected] + (outside ? q.outside_penalty : 0));
		found += truths[i].p;
		truths[expected++] = truths[i];
	}
	/* all other texts: weighed as these are, and in the way of a lexicon as "none of these" */
	if (expected > 0 && allowed > found * (1 + 1e-12))
		total += (allowed - found) * even / found * (words != NULL ? exp(-penalty) : 1);
	nbest = search(&q, MAX_TEXTS);
	assert_int_equal(nbest.n, expected);
	for (int h = 0; h < nbest.n; h++)
	{
		const HwrHypothesis *hyp = &nbest.hypotheses[h];
		int			i;

		assert_true(h == 0 || hyp->score <= nbest.hypotheses[h - 1].score);
		for (i = 0; i < expected; i++)
			if (truths[i].n == hyp->n && memcmp(truths[i].classes, hyp->classes, (size_t) hyp->n * sizeof(int)) == 0)
				break;
		assert_true(i < expected);
		assert_true(fabs(hyp->logp - log(truths[i].p)) < 1e-9);
		assert_true(fabs(hyp->found_logp - hyp->logp) < 1e-9);
		assert_true(fabs(hyp->score - scores[i]) < 1e-9);
		assert_true(fabs(hyp->lm_logp - lm_score(q.lm, &truths[i])) < 1e-9);
		assert_true(fabs(hyp->confidence - exp(scores[i]) / total) < 1e-6);
		truths[i].n = -1;		/* no text twice */
	}
	if (expected > 0)
		assert_true(fabs(nbest.log_found - log(found / allowed)) < 1e-6);
	if (q.lm != NULL && q.lm_weight > 0 && words == NULL && q.pattern == NULL)
		check_law(&q, &nbest, found / allowed);
	hwr_nbest_free(&nbest);
}

static void
test_all_paths(void **state)
{
	float		logp[64];

	(void) state;
	for (int T = 0; T <= 6; T++)
		for (int K = 1; K <= 4; K++)
			for (uint32_t round = 0; round < 3; round++)
			{
				random_posteriors(round * 100 + (uint32_t) (T * 10 + K), T, K, 1 + 2 * round, logp);
				check_against_enumeration((HwrBeamQuery) {.logp = logp,.T = T,.K = K}, NULL);
			}
	random_posteriors(7, 4, 6, 3, logp);
	check_against_enumeration((HwrBeamQuery) {.logp = logp,.T = 4,.K = 6}, NULL);
	check_against_enumeration((HwrBeamQuery) {.logp = logp,.T = 4,.K = 6,.length_bonus = 0.7}, NULL);
	check_against_enumeration((HwrBeamQuery) {.logp = logp,.T = 4,.K = 6,.length_bonus = -2}, NULL);
}

static void
test_all_texts_with_lm(void **state)
{
	static const char *const texts[] = {"abba", "ab", "cab", "bac", "baa", "abc", "ccc", NULL};
	static const double weights[] = {0, 0.3, 1, 3};
	float		logp[64];

	(void) state;
	for (int order = 1; order <= 4; order++)
	{
		HwrLm	   *lm = lm_of(order, 0, HWR_CASE_KEEP, texts);

		/* d is not in the language model. */
		for (uint32_t round = 0; round < 4; round++)
		{
			int			T = 3 + (int) round % 3;
			int			K = 5;
			int			symbols[5];

			for (int k = 1; k < K; k++)
				symbols[k] = hwr_lm_symbol(lm, (uint32_t) ('a' + k - 1));
			random_posteriors(round, T, K, 3, logp);
			check_against_enumeration((HwrBeamQuery) {.logp = logp,.T = T,.K = K,.lm = lm,.lm_symbols = symbols,
				.lm_weight = weights[round],.length_bonus = 0.4}, NULL);
		}
		hwr_lm_free(lm);
	}
}

static void
test_all_words(void **state)
{
	static const char *const words[] = {"a", "ab", "abba", "bb", "cab", "c", "ca", "abba", "aaaaaaaa", NULL};
	static const char *const texts[] = {"abba", "ab", "cab", NULL};
	HwrAlphabet alphabet = letters(3);
	HwrLexicon *lexicon = make_lexicon(&alphabet, words);
	HwrLm	   *lm = lm_of(3, 0, HWR_CASE_KEEP, texts);
	int			symbols[4] = {0, 1, 2, 3};
	bool		allow[4] = {false, true, true, false};
	float		logp[64];

	(void) state;
	assert_int_equal(lexicon->words, 8);
	assert_int_equal(lexicon->left_out, 0);
	for (uint32_t round = 0; round < 12; round++)
	{
		HwrBeamQuery q = {.logp = logp,.T = (int) (round % 7),.K = 4,.lexicon = lexicon,
		.outside_penalty = INFINITY};

		random_posteriors(40 + round, q.T, q.K, 3, logp);
		check_against_enumeration(q, words);
		q.allow = allow;
		check_against_enumeration(q, words);
		q.lm = lm;
		q.lm_symbols = symbols;
		q.lm_weight = 0.8;
		q.length_bonus = 0.5;
		check_against_enumeration(q, words);
		q.outside_penalty = 0.3 * round;
		check_against_enumeration(q, words);
		q.allow = NULL;
		check_against_enumeration(q, words);
		q.allow = allow;
		q.lexicon = NULL;
		check_against_enumeration(q, NULL);
		q.lm = NULL;
		check_against_enumeration(q, NULL);
	}
	hwr_lexicon_free(lexicon);
	hwr_lm_free(lm);
}

/* Posteriors of 0, and none but of 0. */
static void
test_impossible(void **state)
{
	static const char *const words[] = {"ab", NULL};
	HwrAlphabet alphabet = letters(2);
	HwrLexicon *lexicon = make_lexicon(&alphabet, words);
	float		logp[6] = {-INFINITY, 0, -INFINITY, -INFINITY, 0, -INFINITY};
	HwrBeamQuery q = {.logp = logp,.T = 2,.K = 3,.width = 10,.class_cut = -INFINITY};
	HwrNbest	nbest = search(&q, 5);

	(void) state;
	assert_int_equal(nbest.n, 1);
	assert_int_equal(nbest.hypotheses[0].n, 1);
	assert_true(nbest.hypotheses[0].logp == 0);
	assert_true(nbest.hypotheses[0].confidence == 1);
	hwr_nbest_free(&nbest);

	q.lexicon = lexicon;
	q.outside_penalty = INFINITY;
	nbest = search(&q, 5);
	assert_int_equal(nbest.n, 0);
	hwr_nbest_free(&nbest);

	for (int i = 0; i < 6; i++)
		logp[i] = -INFINITY;
	q.lexicon = NULL;
	nbest = search(&q, 5);
	assert_int_equal(nbest.n, 0);
	hwr_nbest_free(&nbest);
	hwr_lexicon_free(lexicon);
}

/* A word that no step makes likely: a wide beam finds it, whatever the margin. */
static void
test_unlikely_word(void **state)
{
	static const char *const words[] = {"bcb", "cc", NULL};
	HwrAlphabet alphabet = letters(3);
	HwrLexicon *lexicon = make_lexicon(&alphabet, words);
	float		logp[20 * 4];
	HwrBeamQuery q = {.logp = logp,.T = 20,.K = 4,.width = 16,.class_cut = -INFINITY,.lexicon = lexicon,
	.outside_penalty = INFINITY};
	HwrNbest	nbest;

	(void) state;
	for (int i = 0; i < 80; i++)
		logp[i] = i % 4 == 1 ? 0.0f : -1000.0f;
	nbest = search(&q, 5);
	assert_int_equal(nbest.n, 2);
	for (int i = 0; i < 2; i++)
	{
		/* many alignments of the same weight */
		assert_true(nbest.hypotheses[i].logp > -20000 && nbest.hypotheses[i].logp < -19980);
		assert_true(fabs(nbest.hypotheses[i].logp - nbest.hypotheses[i].found_logp) < 1e-6);
	}
	hwr_nbest_free(&nbest);
	hwr_lexicon_free(lexicon);
}

/*
 * A narrow beam: its best is as good as the best of the enumeration in nearly all cases, what
 * it finds is never above the truth, and width 1 is at work too.
 */
static void
test_narrow(void **state)
{
	float		logp[8 * 4];
	int			right = 0;

	(void) state;
	for (uint32_t round = 0; round < 100; round++)
	{
		HwrBeamQuery q = {.logp = logp,.T = 7,.K = 4,.class_cut = -INFINITY};
		double		best = 0;
		int			n;

		random_posteriors(300 + round, q.T, q.K, 3, logp);
		n = enumerate_texts(logp, q.T, q.K, truths);
		for (int i = 0; i < n; i++)
			best = truths[i].p > best ? truths[i].p : best;
		for (q.width = 1; q.width <= 8; q.width *= 2)
		{
			HwrNbest	nbest = search(&q, 100);

			assert_true(nbest.n >= 1 && nbest.n <= q.width);
			for (int h = 0; h < nbest.n; h++)
			{
				assert_true(nbest.hypotheses[h].found_logp <= nbest.hypotheses[h].logp + 1e-9);
				assert_true(nbest.hypotheses[h].logp <= log(best) + 1e-9);
			}
			if (q.width == 8)
				right += fabs(nbest.hypotheses[0].logp - log(best)) < 1e-9;
			hwr_nbest_free(&nbest);
		}
	}
	assert_true(right >= 98);
}

/* One search after the other in the same memory, large and small. */
static void
test_reuse(void **state)
{
	HwrBeam    *beam;
	float	   *logp = malloc(200 * 90 * sizeof(float));
	int			first[200];
	int			nfirst = -1;

	(void) state;
	assert_true(hwr_beam_create(&beam, &st));
	for (int round = 0; round < 6; round++)
	{
		HwrBeamQuery q = {.logp = logp,.T = round % 2 ? 200 : 20,.K = round % 2 ? 90 : 5,
		.width = round % 2 ? 300 : 8,.class_cut = -INFINITY};
		HwrNbest	nbest;

		random_posteriors((uint32_t) (round % 2), q.T, q.K, 8, logp);
		assert_true(hwr_beam_search(beam, &q, 3, &nbest, &st));
		assert_int_equal(nbest.n, 3);
		if (round % 2 == 0)
		{
			if (nfirst >= 0)
			{
				assert_int_equal(nbest.hypotheses[0].n, nfirst);
				assert_memory_equal(nbest.hypotheses[0].classes, first, (size_t) nfirst * sizeof(int));
			}
			nfirst = nbest.hypotheses[0].n;
			memcpy(first, nbest.hypotheses[0].classes, (size_t) nfirst * sizeof(int));
		}
		hwr_nbest_free(&nbest);
	}
	free(logp);
	hwr_beam_free(beam);
}

static void
test_class_cut(void **state)
{
	/* b has 1 % at the second step. */
	float		logp[2 * 3] = {logf(0.1f), logf(0.9f), -20, logf(0.09f), logf(0.9f), logf(0.01f)};
	HwrBeamQuery q = {.logp = logp,.T = 2,.K = 3,.width = 100,.class_cut = -5};
	HwrNbest	nbest = search(&q, 100);

	(void) state;
	assert_int_equal(nbest.n, 4);	/* nothing, a, b, ab; but ba begins at -20 */
	hwr_nbest_free(&nbest);
	q.class_cut = -4;
	nbest = search(&q, 100);
	assert_int_equal(nbest.n, 2);
	hwr_nbest_free(&nbest);
}

static void
test_misuse(void **state)
{
	float		logp[3] = {-1, -1, -1};
	HwrBeamQuery q = {.logp = logp,.T = 1,.K = 3,.width = 0};
	HwrBeam    *beam;
	HwrNbest	nbest;

	(void) state;
	assert_true(hwr_beam_create(&beam, &st));
	assert_false(hwr_beam_begin(beam, &q, &st));
	assert_int_equal(st.code, HWR_INTERNAL);
	q.width = HWR_BEAM_MAX_WIDTH + 1;
	assert_false(hwr_beam_begin(beam, &q, &st));
	q.width = 1;
	assert_true(hwr_beam_begin(beam, &q, &st));
	assert_false(hwr_beam_end(beam, 1, &nbest, &st));
	assert_true(hwr_beam_step(beam, &st));
	assert_false(hwr_beam_step(beam, &st));
	assert_true(hwr_beam_end(beam, 0, &nbest, &st));
	assert_int_equal(nbest.n, 0);
	hwr_nbest_free(&nbest);
	hwr_beam_free(beam);
	hwr_beam_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_paths),
		cmocka_unit_test(test_all_texts_with_lm),
		cmocka_unit_test(test_all_words),
		cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_unlikely_word),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_class_cut),
		cmocka_unit_test(test_misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
