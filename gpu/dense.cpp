/*
 * dense.cpp
 *	  Dense layers and the output layer.
 *
 *	 z[rows][units] = x[rows][in] kernel[in][units]
 *
 * Softmax is no tail: its gradient needs the whole row.  The output layer's logits are float32 and its
 * bias is added by log softmax.
 */
#include "plan.h"

enum
{
	KERNEL,
	BIAS
};

static bool
is_softmax(const HwrGpuStage *stage)
{
	return stage->layer->activation == HWR_ACT_SOFTMAX && !stage->logits;
}

static bool
has_tail(const HwrGpuStage *stage)
{
	return !stage->logits && !is_softmax(stage);
}

static void
layout(const HwrGpuPlan *plan, HwrGpuStage *stage, HwrGpuCursor *kept, HwrGpuCursor *scratch)
{
	if (has_tail(stage))
	{
		hwr_gpu_tail_layout(plan, stage, kept, scratch);
		return;
	}
	stage->z = stage->y;
	stage->dz = stage->dy;
	stage->sums = hwr_gpu_take(scratch, hwr_gpu_sums_size(stage->mid.c));
}

static bool
forward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	const HwrGpuNet *net = plan->net;
	int64_t		rows = hwr_gpu_rows(plan, stage->in);
	HwrGpuProduct p = {};

	p.m = (int) rows;
	p.n = stage->mid.c;
	p.k = stage->in.c;
	p.batch = 1;
	p.type = plan->type;
	p.a = stage->x;
	p.lda = stage->in.c;
	p.b = hwr_gpu_weights(net, plan->type, stage->layer, KERNEL);
	p.ldb = stage->mid.c;
	p.out = stage->logits ? HWR_GPU_FLOAT32 : plan->type;
	p.c = stage->z;
	p.ldc = stage->mid.c;
	if (!hwr_gpu_multiply(net->math, &p, st))
		return false;
	if (has_tail(stage))
		hwr_gpu_tail_forward(plan, stage);
	else if (is_softmax(stage))
		hwr_gpu_softmax(net->stream, plan->type, rows, stage->mid.c,
						hwr_gpu_tensor(net, net->values, stage->layer, BIAS), stage->z);
	return true;
}

static bool
kernel_gradient(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	HwrGpuProduct p = {};

	p.m = stage->in.c;
	p.n = stage->mid.c;
	p.k = (int) hwr_gpu_rows(plan, stage->in);
	p.batch = 1;
	p.type = plan->type;
	p.a = stage->x;
	p.lda = stage->in.c;
	p.transpose_a = true;
	p.b = stage->dz;
	p.ldb = stage->mid.c;
	p.out = HWR_GPU_FLOAT32;
	p.c = hwr_gpu_tensor(plan->net, plan->net->grads, stage->layer, KERNEL);
	p.ldc = stage->mid.c;
	return hwr_gpu_multiply(plan->net->math, &p, st);
}

static bool
input_gradient(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	HwrGpuProduct p = {};

	p.m = (int) hwr_gpu_rows(plan, stage->in);
	p.n = stage->in.c;
	p.k = stage->mid.c;
	p.batch = 1;
	p.type = plan->type;
	p.a = stage->dz;
	p.lda = stage->mid.c;
	p.b = hwr_gpu_weights(plan->net, plan->type, stage->layer, KERNEL);
	p.ldb = stage->mid.c;
	p.transpose_b = true;
	p.out = plan->type;
	p.c = stage->dx;
	p.ldc = stage->in.c;
	return hwr_gpu_multiply(plan->net->math, &p, st);
}

static bool
backward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	const HwrGpuNet *net = plan->net;
	int64_t		rows = hwr_gpu_rows(plan, stage->in);
	int			units = stage->mid.c;

	if (is_softmax(stage))
		hwr_gpu_softmax_back(net->stream, plan->type, rows, units, stage->y, stage->dy);
	if (has_tail(stage))
		hwr_gpu_tail_backward(plan, stage);
	else
		hwr_gpu_col_sum(net->stream, plan->type, rows, units, units, stage->dz,
						hwr_gpu_tensor(net, net->grads, stage->layer, BIAS), stage->sums);
	return kernel_gradient(plan, stage, st) && (stage->dx == NULL || input_gradient(plan, stage, st));
}

const HwrGpuStageOps hwr_gpu_dense_ops = {layout, forward, backward};
