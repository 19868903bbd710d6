/*
 * optimizer.h
 *	  SGD with Nesterov momentum, Adam, AdamW over a flat range of values; gradient clipping.
 *
 * Update rules are PyTorch's (torch.optim.SGD nesterov=True, Adam, AdamW with betas 0.9, 0.999, eps 1e-8),
 * so that runs can be compared number by number.
 */
#ifndef HWR_OPTIMIZER_H
#define HWR_OPTIMIZER_H

#include "core/base/real.h"
#include "core/network/backend.h"

typedef struct HwrOptimizerStep
{
	HwrOptimizerKind kind;
	double		learning_rate;
	double		momentum;
	double		weight_decay;
	double		grad_scale;		/* multiplies every gradient first (clipping) */
	int64_t		t;				/* step number from 1 */
} HwrOptimizerStep;

/* Arrays of state a value needs: 1 for SGD, 2 for Adam and AdamW. */
extern int	hwr_optimizer_slots(HwrOptimizerKind kind);

/*
 * Update values[n] by grads[n]; m[n], v[n] are the state (v unused by SGD), zero at the start.
 * decay: whether weight_decay applies to this range.
 */
extern void hwr_optimizer_update(const HwrOptimizerStep *step, bool decay, size_t n,
								 hwr_real *values, const hwr_real *grads, hwr_real *m, hwr_real *v);

/* Factor that brings a gradient of this global norm down to clip_norm (1 if within, or clip_norm is 0). */
extern double hwr_clip_scale(double norm, double clip_norm);

#endif							/* HWR_OPTIMIZER_H */
