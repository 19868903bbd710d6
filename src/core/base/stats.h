/*
 * stats.h
 *	  How sure a measured figure is: intervals and tests.
 */
#ifndef HWR_STATS_H
#define HWR_STATS_H

#include <stdint.h>

#include "status.h"

/* Wilson's 95 % interval of a share: hits of n, n > 0.  Source: Wilson, JASA 22, 1927. */
extern void hwr_wilson(int64_t hits, int64_t n, double *low, double *high);

/*
 * 95 % percentile bootstrap interval of sum(numerator) / sum(denominator) over n pairs drawn with replacement
 * (Efron 1979), with an own seed so that the same pairs give the same interval.  check is called before each
 * replicate, or NULL; it may return true to stop.  Errors: HWR_OUT_OF_MEMORY, HWR_CANCELLED.  Without
 * pairs, or with a denominator of zero, both are NaN.
 */
extern bool hwr_bootstrap_ratio(const double *numerator, const double *denominator, int n, int replicates,
								bool (*check) (void *), void *arg, double *low, double *high, HwrStatus *st);

/*
 * Two-sided exact p value of McNemar's test: only_a and only_b, not negative, are the discordant
 * pairs.  A moment for any numbers.
 */
extern double hwr_mcnemar(int64_t only_a, int64_t only_b);

#endif							/* HWR_STATS_H */
