/*
 * stats.c
 *	  Intervals and tests.
 */
#include "stats.h"

#include "rng.h"

#include <math.h>
#include <stdlib.h>

#define Z95 1.959963984540054
#define BOOTSTRAP_SEED 1979

void
hwr_wilson(int64_t hits, int64_t n, double *low, double *high)
{
	double		p = (double) hits / (double) n;
	double		z2n = Z95 * Z95 / (double) n;
	double		centre = (p + z2n / 2) / (1 + z2n);
	double		reach = Z95 * sqrt(p * (1 - p) / (double) n + z2n / (4 * (double) n)) / (1 + z2n);

	*low = hits == 0 ? 0 : fmax(0, centre - reach);
	*high = hits == n ? 1 : fmin(1, centre + reach);
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Ratio of the sums over n pairs drawn with replacement. */
static double
draw_ratio(const double *numerator, const double *denominator, int n, HwrRng *rng)
{
	double		above = 0;
	double		below = 0;

	for (int i = 0; i < n; i++)
	{
		uint64_t	at = hwr_rng_below(rng, (uint64_t) n);

		above += numerator[at];
		below += denominator[at];
	}
	return below != 0 ? above / below : 0;
}

bool
hwr_bootstrap_ratio(const double *numerator, const double *denominator, int n, int replicates,
					bool (*check) (void *), void *arg, double *low, double *high, HwrStatus *st)
{
	double	   *ratios;
	double		below = 0;
	HwrRng		rng;

	*low = *high = NAN;
	for (int i = 0; i < n; i++)
		below += denominator[i];
	if (n == 0 || below == 0 || replicates <= 0)
		return true;
	if ((ratios = hwr_alloc((size_t) replicates, sizeof(double), st)) == NULL)
		return false;
	hwr_rng_seed(&rng, BOOTSTRAP_SEED, 0);
	for (int r = 0; r < replicates; r++)
	{
		if (check != NULL && check(arg))
		{
			free(ratios);
			return hwr_fail(st, HWR_CANCELLED, "cancelled");
		}
		ratios[r] = draw_ratio(numerator, denominator, n, &rng);
	}
	qsort(ratios, (size_t) replicates, sizeof(double), compare_doubles);
	*low = ratios[(int) floor(0.025 * (replicates - 1))];
	*high = ratios[(int) ceil(0.975 * (replicates - 1))];
	free(ratios);
	return true;
}

/* Up to so many pairs the terms that count are at most a few hundred thousand. */
#define MCNEMAR_EXACT 10000000000.0

/*
 * 2 P(X <= min), X binomial with p = 1/2, at most 1.  Summed downwards from the largest term, in
 * logarithms, until the terms no longer count, which takes some ten times the root of n.  Beyond, X
 * is as good as normal: it has no skew, so that the error goes with 1 / n.
 */
double
hwr_mcnemar(int64_t only_a, int64_t only_b)
{
	int64_t		n;
	int64_t		least = only_a < only_b ? only_a : only_b;
	double		pairs = (double) only_a + (double) only_b;
	double		largest;
	double		term = 1;
	double		sum = 0;

	if (only_a == only_b)
		return 1;
	if (pairs > MCNEMAR_EXACT)
		return fmin(1, erfc((fabs((double) only_a - (double) only_b) - 1) / sqrt(2 * pairs)));
	n = only_a + only_b;
	largest = lgamma((double) n + 1) - lgamma((double) least + 1) - lgamma((double) (n - least) + 1) - (double) n * log(2.0);
	for (int64_t k = least; k >= 0 && term > 1e-17 * sum; k--)
	{
		sum += term;
		term *= (double) k / (double) (n - k + 1);
	}
	return fmin(1, 2 * sum * exp(largest));
}
