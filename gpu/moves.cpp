/*
 * moves.cpp
 *	  Stages that only move or mask values: reshape and dropout.
 */
#include "plan.h"

/*
 * Steps and features of the reshaped map follow on each other as the columns of the map do,
 * whatever the split.
 */
static bool
reshape_forward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	(void) st;
	hwr_gpu_swap(plan->net->stream, plan->type, plan->N, stage->in.h, stage->in.w, stage->in.c, stage->x, stage->y);
	return true;
}

static bool
reshape_backward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	(void) st;
	if (stage->dx != NULL)
		hwr_gpu_swap(plan->net->stream, plan->type, plan->N, stage->in.w, stage->in.h, stage->in.c, stage->dy, stage->dx);
	return true;
}

const HwrGpuStageOps hwr_gpu_reshape_ops = {NULL, reshape_forward, reshape_backward};

/* to = the mask of from, or a copy where there is none. */
static bool
mask(const HwrGpuPlan *plan, const HwrGpuStage *stage, const void *from, void *to, HwrStatus *st)
{
	if (plan->training && stage->layer->dropout > 0)
	{
		hwr_gpu_dropout(plan->net->stream, plan->type, hwr_gpu_rows(plan, stage->in), stage->in.c,
						(double) stage->layer->dropout, stage->index, plan->step, from, to);
		return true;
	}
	return hwr_gpu_check(cudaMemcpyAsync(to, from, hwr_gpu_bytes(plan, stage->in), cudaMemcpyDeviceToDevice,
										 plan->net->stream), st);
}

static bool
dropout_forward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	return mask(plan, stage, stage->x, stage->y, st);
}

static bool
dropout_backward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	return stage->dx == NULL || mask(plan, stage, stage->dy, stage->dx, st);
}

const HwrGpuStageOps hwr_gpu_dropout_ops = {NULL, dropout_forward, dropout_backward};
