/*
 * combine.h
 *	  What several networks say about one image, as one posterior.
 *
 * classes[m] maps the classes of network m to those of the result, whose number is K; class 0, the blank,
 * is 0 everywhere.
 */
#ifndef HWR_COMBINE_H
#define HWR_COMBINE_H

#include "core/network/recognizer.h"

/*
 * The mean of the probabilities at each step, of posteriors with equal steps.  What a network has no
 * class for it gives no probability.  Errors: HWR_OUT_OF_MEMORY, HWR_INTERNAL where steps differ.
 */
extern bool hwr_combine_average(int n, const HwrPosterior *posteriors, const int *const *classes, int K,
								HwrPosterior *out, HwrStatus *st);

/*
 * A vote of readings, for posteriors of any steps: each network's greedy reading is aligned with those
 * before it, so that characters that stand for the same ink come to lie in the same slot; a slot's
 * probabilities are the mean of what each network says at its character's highest step, and of a network
 * that has no character there the blank's.  The result has a step for each slot, at its place on the first
 * network's canvas, and blank steps between.  Source: Fiscus, "A post-processing system to yield reduced
 * word error rates: ROVER", 1997, with characters for words.
 */
extern bool hwr_combine_vote(int n, const HwrCanvas *const *canvases, const HwrPosterior *posteriors,
							 const int *const *classes, int K, HwrPosterior *out, HwrStatus *st);

#endif							/* HWR_COMBINE_H */
