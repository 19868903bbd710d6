/*
 * optimizer.c
 *	  Update rules and gradient clipping.
 *
 * The rules are written so that PyTorch's results come out to rounding: the same order of operations,
 * bias corrections in double and rounded once.  Each loop has no branch and no
 * call in it, so that the compiler can use SIMD; whatever is the same for all values is computed before it.
 *
 * Source: Sutskever et al. 2013 (Nesterov momentum as PyTorch writes it), Kingma and Ba 2015 (Adam),
 * Loshchilov and Hutter 2019 (AdamW).
 */
#include "optimizer.h"

#include <math.h>

#ifdef HWR_REAL_DOUBLE
#define SQRT_REAL sqrt
#else
#define SQRT_REAL sqrtf
#endif

#define ADAM_BETA1 0.9
#define ADAM_BETA2 0.999
#define ADAM_EPSILON 1e-8

int
hwr_optimizer_slots(HwrOptimizerKind kind)
{
	return kind == HWR_SGD ? 1 : 2;
}

/*
 * PyTorch's buffer starts as the first gradient; momentum times a zero buffer plus the gradient is
 * the same number, so the first step needs no case of its own.
 */
static void
update_sgd(const HwrOptimizerStep *step, hwr_real decay, size_t n,
		   hwr_real *restrict values, const hwr_real *restrict grads, hwr_real *restrict m)
{
	const hwr_real rate = (hwr_real) step->learning_rate;
	const hwr_real momentum = (hwr_real) step->momentum;
	const hwr_real scale = (hwr_real) step->grad_scale;

	for (size_t i = 0; i < n; i++)
	{
		hwr_real	g = grads[i] * scale + decay * values[i];
		hwr_real	buf = momentum * m[i] + g;

		m[i] = buf;
		values[i] -= rate * (g + momentum * buf);
	}
}

/* decay: Adam's L2 term; keep: AdamW's factor on the values.  The other one is neutral (0, 1). */
static void
update_adam(const HwrOptimizerStep *step, hwr_real decay, hwr_real keep, size_t n,
			hwr_real *restrict values, const hwr_real *restrict grads,
			hwr_real *restrict m, hwr_real *restrict v)
{
	const double correction1 = 1 - pow(ADAM_BETA1, (double) step->t);
	const double correction2 = 1 - pow(ADAM_BETA2, (double) step->t);
	const hwr_real rate = (hwr_real) (step->learning_rate / correction1);
	const hwr_real root2 = (hwr_real) sqrt(correction2);
	const hwr_real epsilon = (hwr_real) ADAM_EPSILON;
	const hwr_real scale = (hwr_real) step->grad_scale;
	const hwr_real beta1 = (hwr_real) ADAM_BETA1;
	const hwr_real beta2 = (hwr_real) ADAM_BETA2;
	const hwr_real rest1 = (hwr_real) (1 - ADAM_BETA1);
	const hwr_real rest2 = (hwr_real) (1 - ADAM_BETA2);

	for (size_t i = 0; i < n; i++)
	{
		hwr_real	g = grads[i] * scale + decay * values[i];
		hwr_real	mean = beta1 * m[i] + rest1 * g;
		hwr_real	square = beta2 * v[i] + rest2 * g * g;

		m[i] = mean;
		v[i] = square;
		values[i] = values[i] * keep - rate * mean / (SQRT_REAL(square) / root2 + epsilon);
	}
}

void
hwr_optimizer_update(const HwrOptimizerStep *step, bool decay, size_t n,
					 hwr_real *values, const hwr_real *grads, hwr_real *m, hwr_real *v)
{
	const double weight_decay = decay ? step->weight_decay : 0;

	switch (step->kind)
	{
		case HWR_SGD:
			update_sgd(step, (hwr_real) weight_decay, n, values, grads, m);
			break;
		case HWR_ADAM:
			update_adam(step, (hwr_real) weight_decay, 1, n, values, grads, m, v);
			break;
		case HWR_ADAMW:
			update_adam(step, 0, (hwr_real) (1 - step->learning_rate * weight_decay),
						n, values, grads, m, v);
			break;
	}
}

double
hwr_clip_scale(double norm, double clip_norm)
{
	return (clip_norm > 0 && norm > clip_norm) ? clip_norm / norm : 1;
}
