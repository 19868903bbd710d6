/*
 * test_lm_mix.c
 *	  Two language models as one: against the mixture of their own probabilities, as distributions, and the best share
 *	  against all shares.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/text/lm_internal.h"
#include "core/text/lm_mix.h"
#include "lms.h"

static HwrStatus st;

static const char *const names[] = {
	"ANNA", "HANNAH", "ANNE", "JOANNA", "JEAN", "JEANNE", "NADA", "HANS", "ANA", "ANNA", "A", "NANA", "DANA", "EDNA", NULL
};
static const char *const towns[] = {"LYON", "LA BAULE", "ANNECY", "NANCY", "NANTES", "CANNES", "LYON", NULL};
static const char *const others[] = {"NANCY", "HANNE", "CAEN", "ANNECY", "JOHANNES", "XANTEN", NULL};

static HwrLm *
mix(const HwrLm *a, const HwrLm *b, double share)
{
	HwrLmMixer *mixer;
	HwrLm	   *lm;

	assert_true(hwr_lm_mixer_create(a, b, &mixer, &st));
	assert_true(hwr_lm_mixer_finish(mixer, share, &lm, &st));
	hwr_lm_mixer_free(mixer);
	return lm;
}

/* The code point of a symbol, and the symbol that another has for it. */
static int
symbol_in(const HwrLm *other, const HwrLm *lm, int symbol)
{
	return symbol == HWR_LM_BOUNDARY ? HWR_LM_BOUNDARY : symbol > lm->vocabulary.n ? other->vocabulary.n + 1 :
		hwr_lm_symbol(other, lm->vocabulary.codepoints[symbol - 1]);
}

/* By definition: P(last | those before it) of an n-gram of lm's symbols, in one of the two. */
static double
own_probability(const HwrLm *own, const HwrLm *lm, const int *gram, int n)
{
	int			state = 0;
	int			last = symbol_in(own, lm, gram[n - 1]);
	double		p;

	for (int i = 0; i < n - 1; i++)
		(void) hwr_lm_next(own, state, symbol_in(own, lm, gram[i]), &state);
	p = exp(hwr_lm_next(own, state, last, NULL));
	return last > own->vocabulary.n ? p / (lm->vocabulary.n - own->vocabulary.n + 1) : p;
}

/* Every n-gram below node; returns how many. */
static int
check_probabilities(const HwrLm *lm, int node, int *gram, int n, const HwrLm *a, const HwrLm *b, double share)
{
	int			count = 0;

	if (node >= hwr_lm_inner(lm))
		return 0;
	for (int child = lm->children[node]; child < lm->children[node + 1]; child++)
	{
		double		p;

		gram[n] = lm->symbol[child];
		p = (1 - share) * own_probability(a, lm, gram, n + 1) + share * own_probability(b, lm, gram, n + 1);
		assert_true(fabs(lm->logp[child] - log(p)) < 0.0006);
		count += 1 + check_probabilities(lm, child, gram, n + 1, a, b, share);
	}
	return count;
}

/* Whether lm has all n-grams of another, from a node of each on. */
static void
check_has(const HwrLm *lm, int node, const HwrLm *other, int theirs)
{
	if (theirs >= hwr_lm_inner(other))
		return;
	for (int child = other->children[theirs]; child < other->children[theirs + 1]; child++)
	{
		int			own = hwr_lm_child(lm, node, symbol_in(lm, other, other->symbol[child]));

		assert_true(own != 0);
		check_has(lm, own, other, child);
	}
}

static void
check_sums(const HwrLm *lm)
{
	for (int node = 0; node < hwr_lm_inner(lm); node++)
	{
		double		sum = 0;

		for (int symbol = 0; symbol <= lm->vocabulary.n + 1; symbol++)
			sum += exp(hwr_lm_next(lm, node, symbol, NULL));
		assert_true(fabs(sum - 1) < 0.005);
	}
}

static double
log_probability(const HwrLm *lm, const char *text)
{
	uint32_t   *codepoints;
	int			n;
	double		logp;

	assert_true(hwr_text_decode(text, strlen(text), &codepoints, &n, &st));
	logp = hwr_lm_log_probability(lm, codepoints, n);
	free(codepoints);
	return logp;
}

/* Of any lengths, one of them with fewer n-grams, and as bytes. */
static void
test_mixture(void **state)
{
	static const double shares[] = {0.1, 0.5, 0.9};

	(void) state;
	for (int i = 1; i <= 5; i++)
		for (int j = 1; j <= 5; j += 2)
		{
			HwrLm	   *a = lm_of(i, i == 4 ? 40 : 0, HWR_CASE_KEEP, names);
			HwrLm	   *b = lm_of(j, 0, HWR_CASE_KEEP, towns);

			for (int k = 0; k < 3; k++)
			{
				HwrLm	   *lm = mix(a, b, shares[k]);
				HwrLm	   *again;
				int			gram[HWR_LM_MAX_ORDER];
				uint8_t    *bytes;
				size_t		len;

				assert_int_equal(check_probabilities(lm, 0, gram, 0, a, b, shares[k]), hwr_lm_ngrams(lm));
				check_has(lm, 0, a, 0);
				check_has(lm, 0, b, 0);
				check_sums(lm);
				assert_true(hwr_lm_save(lm, &bytes, &len, &st));
				assert_true(hwr_lm_load(bytes, len, &again, &st));
				for (int t = 0; others[t] != NULL; t++)
					assert_true(log_probability(lm, others[t]) == log_probability(again, others[t]));
				hwr_lm_free(again);
				free(bytes);
				hwr_lm_free(lm);
			}
			hwr_lm_free(a);
			hwr_lm_free(b);
		}
}

/* A model mixed with itself is that model. */
static void
test_itself(void **state)
{
	HwrLm	   *a = lm_of(4, 0, HWR_CASE_KEEP, names);
	HwrLm	   *lm = mix(a, a, 0.3);

	(void) state;
	assert_int_equal(hwr_lm_ngrams(lm), hwr_lm_ngrams(a));
	for (int node = 1; node < hwr_lm_nodes(a); node++)
		assert_true(fabs(lm->logp[node] - a->logp[node]) < 0.0011);
	for (int i = 0; others[i] != NULL; i++)
		assert_true(fabs(log_probability(lm, others[i]) - log_probability(a, others[i])) < 0.05);
	hwr_lm_free(lm);
	hwr_lm_free(a);
}

/* log P of the texts, each character from one of the two or the other. */
static double
mixed_log_probability(const HwrLm *a, const HwrLm *b, const char *const *texts, double share)
{
	HwrLm	   *any = mix(a, b, 0.5);	/* for its symbols */
	double		sum = 0;

	for (; *texts != NULL; texts++)
	{
		int			n = (int) strlen(*texts);
		int			gram[32] = {HWR_LM_BOUNDARY};

		for (int i = 0; i <= n; i++)
		{
			gram[i + 1] = i < n ? hwr_lm_symbol(any, (uint32_t) (*texts)[i]) : HWR_LM_BOUNDARY;
			sum += log((1 - share) * own_probability(a, any, gram, i + 2) + share * own_probability(b, any, gram, i + 2));
		}
	}
	hwr_lm_free(any);
	return sum;
}

static double
best_share(const HwrLm *a, const HwrLm *b, const char *const *texts)
{
	HwrLmMixer *mixer;
	double		share;

	assert_true(hwr_lm_mixer_create(a, b, &mixer, &st));
	for (; *texts != NULL; texts++)
	{
		uint32_t   *codepoints;
		int			n;

		assert_true(hwr_text_decode(*texts, strlen(*texts), &codepoints, &n, &st));
		assert_true(hwr_lm_mixer_add(mixer, codepoints, n, &st));
		free(codepoints);
	}
	share = hwr_lm_mixer_share(mixer);
	hwr_lm_mixer_free(mixer);
	return share;
}

static void
test_share(void **state)
{
	static const char *const none[] = {NULL};
	HwrLm	   *a = lm_of(3, 0, HWR_CASE_KEEP, names);
	HwrLm	   *b = lm_of(3, 0, HWR_CASE_KEEP, towns);
	double		share = best_share(a, b, others);
	double		best = mixed_log_probability(a, b, others, share);

	(void) state;
	assert_true(share > 0.1 && share < 0.9);
	for (int i = 1; i < 100; i++)
		assert_true(mixed_log_probability(a, b, others, i / 100.0) < best + 1e-3);
	assert_true(best_share(a, b, none) == 0.5);
	assert_true(best_share(a, b, names) < 0.1);
	assert_true(best_share(a, b, towns) > 0.9);
	hwr_lm_free(a);
	hwr_lm_free(b);
}

static void
test_refused(void **state)
{
	HwrLm	   *a = lm_of(3, 0, HWR_CASE_KEEP, names);
	HwrLm	   *b = lm_of(3, 0, HWR_CASE_LOWER, names);
	HwrLmMixer *mixer;

	(void) state;
	assert_false(hwr_lm_mixer_create(a, b, &mixer, &st));
	assert_int_equal(st.code, HWR_BAD_OPTION);
	assert_string_equal(st.message, "language models of different letter cases cannot be mixed");
	hwr_lm_free(a);
	hwr_lm_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixture),
		cmocka_unit_test(test_itself),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
