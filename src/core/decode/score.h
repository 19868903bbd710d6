/*
 * score.h
 *	  How well a given text fits an image: its probability, and where its characters are.
 */
#ifndef HWR_SCORE_H
#define HWR_SCORE_H

#include "core/text/text.h"

/* Where a character was read, in network time steps, first..last inclusive. */
typedef struct HwrSpan
{
	float		confidence;		/* highest posterior of its class within, 0..1 */
	int			first_step;
	int			last_step;
} HwrSpan;

/* Size in bytes of the caller's workspace for the two functions below. */
extern size_t hwr_score_workspace(int T, int L);

/*
 * log P(label | image) in nats over log posteriors logp[T][K]: the sum over all its alignments.
 * -infinity where it does not fit into T steps.
 */
extern double hwr_score_label(const float *logp, int T, int K, const int *label, int L, void *workspace);

/*
 * The most probable alignment of the label (Viterbi): a span for each character; its log
 * probability, or -infinity where the label does not fit, and then spans[] is left alone.
 */
extern double hwr_align_label(const float *logp, int T, int K, const int *label, int L, HwrSpan *spans,
							  void *workspace);

#endif							/* HWR_SCORE_H */
