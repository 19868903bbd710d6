/*
 * test_mix.c
 *	  Posteriors mixed with what a search found, against an enumeration of all paths.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/decode/mix.h"
#include "decode_cases.h"

static HwrStatus st;

enum
{
	T = 6,
	K = 4
};

static bool
is_text(const int *path, const HwrHypothesis *h)
{
	int			n = 0;

	for (int t = 0; t < T; t++)
		if (path[t] != 0 && (t == 0 || path[t] != path[t - 1]))
		{
			if (n == h->n || h->classes[n] != path[t])
				return false;
			n++;
		}
	return n == h->n;
}

/* The mean over the texts of how probable class k is at step t, given the text: from all K^T paths. */
static void
enumerate(const float *logp, const HwrNbest *nbest, double *out)
{
	double		total = 0;

	memset(out, 0, T * K * sizeof(double));
	for (int i = 0; i < nbest->n; i++)
	{
		double		weight = exp(nbest->hypotheses[i].score - nbest->hypotheses[0].score);
		double		sum = 0;
		double		of_text[T * K] = {0};

		for (int number = 0; number < 1 << (2 * T); number++)
		{
			int			path[T];
			double		p = 1;

			for (int t = 0; t < T; t++)
			{
				path[t] = number >> (2 * t) & 3;
				p *= exp(logp[t * K + path[t]]);
			}
			if (!is_text(path, &nbest->hypotheses[i]))
				continue;
			sum += p;
			for (int t = 0; t < T; t++)
				of_text[t * K + path[t]] += p;
		}
		for (int j = 0; j < T * K; j++)
			out[j] += weight * of_text[j] / sum;
		total += weight;
	}
	for (int j = 0; j < T * K; j++)
		out[j] /= total;
}

static void
test_enumeration(void **state)
{
	static int	texts[3][3] = {{1, 2, 2}, {1, 3}, {2}};
	HwrHypothesis hypotheses[3] = {
		{.score = -2,.n = 3,.classes = texts[0]},
		{.score = -2.7,.n = 2,.classes = texts[1]},
		{.score = -4,.n = 1,.classes = texts[2]}
	};
	const HwrNbest nbest = {.n = 3,.hypotheses = hypotheses};
	float		logp[T * K];
	float		mixed[T * K];
	double		truth[T * K];

	(void) state;
	for (uint32_t stream = 1; stream <= 20; stream++)
	{
		random_posteriors(stream, T, K, 2, logp);
		enumerate(logp, &nbest, truth);
		for (int share = 0; share <= 4; share++)
		{
			assert_true(hwr_mix_nbest(logp, T, K, &nbest, share / 4.0, mixed, &st));
			for (int t = 0; t < T; t++)
			{
				double		sum = 0;

				for (int k = 0; k < K; k++)
				{
					double		p = (1 - share / 4.0) * exp(logp[t * K + k]) + share / 4.0 * truth[t * K + k];

					assert_true(fabs(exp(mixed[t * K + k]) - p) < 1e-5);
					assert_true(mixed[t * K + k] >= HWR_MIX_LOWEST);
					sum += exp(mixed[t * K + k]);
				}
				assert_true(fabs(sum - 1) < 1e-5);
			}
		}
	}
}

/* Without a text, and with one that does not fit, the network's word stands. */
static void
test_nothing(void **state)
{
	static int	text[] = {1, 1, 1, 1};
	HwrHypothesis long_one = {.score = -1,.n = 4,.classes = text};
	const HwrNbest none = {.n = 0};
	const HwrNbest nbest = {.n = 1,.hypotheses = &long_one};
	float		logp[T * K];
	float		mixed[T * K];

	(void) state;
	random_posteriors(1, T, K, 2, logp);
	assert_true(hwr_mix_nbest(logp, T, K, &none, 0.5, mixed, &st));
	assert_memory_equal(mixed, logp, sizeof(logp));
	assert_true(hwr_mix_nbest(logp, T, K, &nbest, 0.5, mixed, &st));
	for (int i = 0; i < T * K; i++)
		assert_true(fabsf(mixed[i] - logp[i]) < 1e-5F);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enumeration),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
