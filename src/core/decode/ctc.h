/*
 * ctc.h
 *	  Connectionist temporal classification: loss and gradient in log space.
 *
 * Source: Graves et al., "Connectionist Temporal Classification", ICML 2006; class 0 is the blank.
 */
#ifndef HWR_CTC_H
#define HWR_CTC_H

#include "core/base/real.h"
#include "core/base/status.h"

/* Fewest time steps in which the label can be written: L + number of repeated neighbours. */
extern int	hwr_ctc_min_steps(const int *label, int L);

/* Size in bytes of the caller's workspace for hwr_ctc_loss. */
extern size_t hwr_ctc_workspace(int T, int L);

/*
 * loss = -log P(label | logp) in nats for logp[T][K] (log-softmax of the
 * logits).  If grad is not NULL, grad[T][K] = d loss / d logits * scale, the softmax
 * folded in: (softmax - occupancy) * scale.
 *
 * Returns false, without touching anything but *loss, when the label does not fit in T
 * steps: *loss = +infinity.  L = 0 (empty label) is legal: all steps blank.
 * Never yields NaN for finite logp.
 */
extern bool hwr_ctc_loss(const hwr_real *logp, int T, int K, const int *label, int L,
						 double *loss, hwr_real *grad, double scale, void *workspace);

/*
 * The loss alone, bit for bit the same, in memory that does not grow with T.  *loss = +infinity where the label does
 * not fit. Lines may be long: stop, if not NULL, is asked every few milliseconds, and false is returned where it says
 * so.
 */
extern size_t hwr_ctc_forward_workspace(int L);
extern bool hwr_ctc_forward(const hwr_real *logp, int T, int K, const int *label, int L, HwrStopFn stop, void *stop_arg,
							double *loss, void *workspace);

#endif							/* HWR_CTC_H */
