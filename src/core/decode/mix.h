/*
 * mix.h
 *	  Log posteriors that know what a language model knows.
 *
 * The texts that a search found are weighed by their scores.  Each text's alignments say how probable each class is at each
 * step, given the text; the mean over the texts is a distribution at each step, as the network's is, but of texts
 * that the language model likes.  A share of it and the rest of the network's is what comes out.
 */
#ifndef HWR_MIX_H
#define HWR_MIX_H

#include "beam.h"

/*
 * mixed[T][K] = log((1 - share) exp(logp[T][K]) + share * occupancy), share 0 .. 1, each at least HWR_MIX_LOWEST.
 * Without a text, logp.
 */
#define HWR_MIX_LOWEST (-30.0)

extern bool hwr_mix_nbest(const float *logp, int T, int K, const HwrNbest *nbest, double share, float *mixed, HwrStatus *st);

#endif							/* HWR_MIX_H */
