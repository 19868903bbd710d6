/*
 * backend_cpu.h
 *	  What the two halves of the CPU backend, inference and training, share.
 */
#ifndef HWR_BACKEND_CPU_H
#define HWR_BACKEND_CPU_H

#include <stdlib.h>

#include "core/network/backend.h"
#include "cpu/infer/infer.h"
#include "cpu/layers/cpu_net.h"

struct HwrBackendContext
{
	HwrCpuNet  *cpu;
	HwrPool    *pool;
	HwrPool    *one;			/* pool of one thread, for work inside a part */
	int			threads;
	HwrInfer   *infer;			/* NULL: not a network for it */
	uint64_t	infer_version;	/* of the values it holds */
	int			split;			/* layers before this one run image by image in inference */
	HwrCpuPlan *front;			/* [threads], N = 1, layers [0, split) */
	HwrCpuPlan	back;			/* layers [split, end) */
	HwrCpuPlan	train;			/* all layers */
	bool		values_stay;	/* HwrBackendConfig's */
	const HwrStepOptions *step;
	hwr_real   *m;				/* optimiser state, [nvalues] each */
	hwr_real   *v;
	int64_t		steps;			/* optimiser steps done */

	/* buffers with their sizes in bytes */
	uint8_t    *ink;			/* augmented canvases, one a thread */
	size_t		ink_size;
	hwr_real   *logp;			/* training: [T][K], one a thread; inference in double: [N][T][K] */
	size_t		logp_stride;	/* values */
	size_t		logp_size;
	char	   *ctc;			/* CTC workspace, one a thread */
	size_t		ctc_stride;		/* bytes */
	size_t		ctc_size;
	double	   *partial;		/* [threads] */
	int		   *widths;			/* of a batch of one width, each */
	size_t		widths_size;
};

/* Make a buffer at least size bytes, contents undefined. */
static inline bool
hwr_cpu_reserve(void **buffer, size_t *have, size_t size, HwrStatus *st)
{
	if (size <= *have)
		return true;
	free(*buffer);
	*have = 0;
	*buffer = hwr_alloc(size, 1, st);
	if (*buffer == NULL)
		return false;
	*have = size;
	return true;
}

/* As HwrBackend.train_step. */
extern bool hwr_cpu_train_step(HwrBackendContext *ctx, const HwrBatch *batch, double learning_rate,
							   uint64_t rng_key, HwrStepResult *result, HwrStatus *st);

/* As HwrBackend.measure. */
extern bool hwr_cpu_measure(HwrBackendContext *ctx, const HwrBatch *batch, double share, uint64_t rng_key, HwrStatus *st);

#endif							/* HWR_BACKEND_CPU_H */
