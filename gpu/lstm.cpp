/*
 * lstm.cpp
 *	  LSTM along x or y, forward, reverse or both.
 *
 * The same computation as src/cpu/layers/layer_lstm.c: S sequences of T steps, steps first.
 *
 *	 gates[T S][4n] = x[T S][F] kernel[F][4n]				one product for all steps and both directions
 *	 product[S][4n] = h[t before][S][n] recurrent[n][4n]	a step, both directions at once
 *	 cells: gates + product + bias -> c, h					one kernel a step
 *
 * Both directions of step number p are one batch of two products: the forward one is at t = p, the
 * reverse one at t = T - 1 - p.  Arrays hold the directions one after the other, [D][T][S], so that
 * whatever the two times are, the distance from the first matrix to the second is positive.
 */
#include "plan.h"

enum
{
	KERNEL,
	RECURRENT,
	BIAS,
	TENSORS_PER_DIRECTION
};

/* Time of step number p in the order of computation. */
static int
time_of(const HwrGpuLstm *l, int d, int p)
{
	return l->reverse[d] ? l->T - 1 - p : p;
}

/* Values from the start of an array [D][T][S][width] to direction d at time t. */
static int64_t
offset_of(const HwrGpuLstm *l, int d, int t, int width)
{
	return ((int64_t) d * l->T + t) * l->S * width;
}

/* Distance in a block of values between the same tensor of the two directions. */
static int64_t
next_tensor(const HwrGpuPlan *plan, const HwrLayer *layer, int tensor)
{
	const size_t *offsets = plan->net->offsets + layer->first_tensor + tensor;

	return layer->forward && layer->reverse ? (int64_t) (offsets[TENSORS_PER_DIRECTION] - offsets[0]) : 0;
}

static void
layout(const HwrGpuPlan *plan, HwrGpuStage *stage, HwrGpuCursor *kept, HwrGpuCursor *scratch)
{
	const HwrLayer *layer = stage->layer;
	HwrGpuLstm *l = &stage->lstm;
	HwrGpuCursor *keep = plan->training ? kept : scratch;
	size_t		size = hwr_gpu_type_size(plan->type);
	size_t		steps;
	size_t		state;

	l->S = plan->N * (layer->along_y ? stage->in.w : stage->in.h);
	l->T = layer->along_y ? stage->in.h : stage->in.w;
	l->F = stage->in.c;
	l->n = layer->units;
	l->D = layer->forward + layer->reverse;
	l->reverse[0] = !layer->forward;
	l->reverse[1] = true;
	steps = (size_t) l->T * (size_t) l->S;
	state = (size_t) l->D * (size_t) l->S * (size_t) l->n;

	l->xt = hwr_gpu_take(keep, steps * (size_t) l->F * size);
	l->gates = hwr_gpu_take(keep, 4 * state * (size_t) l->T * size);
	l->h = hwr_gpu_take(keep, state * (size_t) l->T * size);
	l->cell = (float *) hwr_gpu_take(keep, state * (plan->training ? (size_t) l->T : 2) * sizeof(float));
	l->product = (float *) hwr_gpu_take(scratch, 4 * state * sizeof(float));
	l->yt = hwr_gpu_take(scratch, state * (size_t) l->T * size);
	if (plan->training)
	{
		l->dc = (float *) hwr_gpu_take(scratch, state * sizeof(float));
		l->dxt = hwr_gpu_take(scratch, steps * (size_t) l->F * size);
		l->sums = hwr_gpu_take(scratch, hwr_gpu_sums_size(4 * l->n));
	}
}

/* Between a map [N][H][W][C] and the same with steps first. */
static void
to_steps(const HwrGpuPlan *plan, const HwrGpuStage *stage, int c, const void *map, void *steps)
{
	if (stage->layer->along_y)
		hwr_gpu_swap(plan->net->stream, plan->type, 1, plan->N, stage->in.h, stage->in.w * c, map, steps);
	else
		hwr_gpu_swap(plan->net->stream, plan->type, 1, plan->N * stage->in.h, stage->in.w, c, map, steps);
}

static void
from_steps(const HwrGpuPlan *plan, const HwrGpuStage *stage, int c, const void *steps, void *map)
{
	if (stage->layer->along_y)
		hwr_gpu_swap(plan->net->stream, plan->type, 1, stage->in.h, plan->N, stage->in.w * c, steps, map);
	else
		hwr_gpu_swap(plan->net->stream, plan->type, 1, stage->in.w, plan->N * stage->in.h, c, steps, map);
}

/* A product whose first matrices are the two directions' [D][T][S] arrays from times t0 and t1 on. */
static HwrGpuProduct
product_of(const HwrGpuPlan *plan, const HwrGpuStage *stage)
{
	HwrGpuProduct p = {};

	p.batch = stage->lstm.D;
	p.type = plan->type;
	p.out = plan->type;
	return p;
}

static bool
input_products(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	const HwrGpuLstm *l = &stage->lstm;
	HwrGpuProduct p = product_of(plan, stage);

	p.m = l->T * l->S;
	p.n = 4 * l->n;
	p.k = l->F;
	p.a = l->xt;
	p.lda = l->F;
	p.b = hwr_gpu_weights(plan->net, plan->type, stage->layer, KERNEL);
	p.ldb = p.n;
	p.b_next = next_tensor(plan, stage->layer, KERNEL);
	p.c = l->gates;
	p.ldc = p.n;
	p.c_next = offset_of(l, 1, 0, p.n);
	return hwr_gpu_multiply(plan->net->math, &p, st);
}

/* product[D][S][4n] for step number step from the states of the step before. */
static bool
recurrent_products(const HwrGpuPlan *plan, const HwrGpuStage *stage, int step, HwrStatus *st)
{
	const HwrGpuLstm *l = &stage->lstm;
	HwrGpuProduct p = product_of(plan, stage);
	int64_t		first = offset_of(l, 0, time_of(l, 0, step - 1), l->n);

	p.m = l->S;
	p.n = 4 * l->n;
	p.k = l->n;
	p.a = hwr_gpu_at(plan, l->h, first);
	p.lda = l->n;
	p.a_next = offset_of(l, 1, time_of(l, 1, step - 1), l->n) - first;
	p.b = hwr_gpu_weights(plan->net, plan->type, stage->layer, RECURRENT);
	p.ldb = p.n;
	p.b_next = next_tensor(plan, stage->layer, RECURRENT);
	p.out = HWR_GPU_FLOAT32;
	p.c = l->product;
	p.ldc = p.n;
	p.c_next = (int64_t) l->S * p.n;
	return hwr_gpu_multiply(plan->net->math, &p, st);
}

/* Cells of direction d after step number step; inference keeps those of two steps. */
static float *
cells(const HwrGpuPlan *plan, const HwrGpuLstm *l, int d, int step)
{
	int			kept = plan->training ? l->T : 2;
	int			at = plan->training ? time_of(l, d, step) : step % 2;

	return l->cell + ((int64_t) d * kept + at) * l->S * l->n;
}

static HwrGpuLstmStep
step_of(const HwrGpuLstm *l)
{
	HwrGpuLstmStep s = {};

	s.S = l->S;
	s.n = l->n;
	s.directions = l->D;
	s.gates_stride = 4 * l->n;
	s.h_stride = l->n;
	return s;
}

static void
run_cells(const HwrGpuPlan *plan, const HwrGpuStage *stage, int step)
{
	const HwrGpuLstm *l = &stage->lstm;
	HwrGpuLstmStep s = step_of(l);

	for (int d = 0; d < l->D; d++)
	{
		int			t = time_of(l, d, step);

		s.dir[d].gates = hwr_gpu_at(plan, l->gates, offset_of(l, d, t, 4 * l->n));
		s.dir[d].product = step > 0 ? l->product + (int64_t) d * l->S * 4 * l->n : NULL;
		s.dir[d].bias = hwr_gpu_tensor(plan->net, plan->net->values, stage->layer, d * TENSORS_PER_DIRECTION + BIAS);
		s.dir[d].cell_before = step > 0 ? cells(plan, l, d, step - 1) : NULL;
		s.dir[d].cell = cells(plan, l, d, step);
		s.dir[d].h = hwr_gpu_at(plan, l->h, offset_of(l, d, t, l->n));
	}
	hwr_gpu_lstm_forward(plan->net->stream, plan->type, s);
}

/* y[S][D n] between the states after the last step, one direction after the other. */
static bool
copy_last(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	const HwrGpuLstm *l = &stage->lstm;
	size_t		row = (size_t) l->n * hwr_gpu_type_size(plan->type);

	for (int d = 0; d < l->D; d++)
	{
		const void *last = hwr_gpu_at(plan, l->h, offset_of(l, d, time_of(l, d, l->T - 1), l->n));

		if (!hwr_gpu_check(cudaMemcpy2DAsync((char *) stage->y + (size_t) d * row, (size_t) l->D * row, last, row, row,
											 (size_t) l->S, cudaMemcpyDeviceToDevice, plan->net->stream), st))
			return false;
	}
	return true;
}

static bool
forward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	const HwrGpuLstm *l = &stage->lstm;

	to_steps(plan, stage, l->F, stage->x, l->xt);
	if (!input_products(plan, stage, st))
		return false;
	for (int step = 0; step < l->T; step++)
	{
		if (step > 0 && !recurrent_products(plan, stage, step, st))
			return false;
		run_cells(plan, stage, step);
	}
	if (stage->layer->summarize)
		return copy_last(plan, stage, st);
	hwr_gpu_swap(plan->net->stream, plan->type, 1, l->D, l->T * l->S, l->n, l->h, l->yt);
	from_steps(plan, stage, l->D * l->n, l->yt, stage->y);
	return true;
}

/* product[D][S][n] for step number step: what the gates of the step after it want of its state. */
static bool
recurrent_gradients(const HwrGpuPlan *plan, const HwrGpuStage *stage, int step, HwrStatus *st)
{
	const HwrGpuLstm *l = &stage->lstm;
	HwrGpuProduct p = product_of(plan, stage);
	int64_t		first = offset_of(l, 0, time_of(l, 0, step + 1), 4 * l->n);

	p.m = l->S;
	p.n = l->n;
	p.k = 4 * l->n;
	p.a = hwr_gpu_at(plan, l->gates, first);
	p.lda = p.k;
	p.a_next = offset_of(l, 1, time_of(l, 1, step + 1), 4 * l->n) - first;
	p.b = hwr_gpu_weights(plan->net, plan->type, stage->layer, RECURRENT);
	p.ldb = p.k;
	p.b_next = next_tensor(plan, stage->layer, RECURRENT);
	p.transpose_b = true;
	p.out = HWR_GPU_FLOAT32;
	p.c = l->product;
	p.ldc = p.n;
	p.c_next = (int64_t) l->S * p.n;
	return hwr_gpu_multiply(plan->net->math, &p, st);
}

/* The output's gradient at time t of direction d, or NULL where nothing was put out. */
static const void *
output_gradient(const HwrGpuPlan *plan, const HwrGpuStage *stage, int d, int step)
{
	const HwrGpuLstm *l = &stage->lstm;
	int			width = l->D * l->n;

	if (!stage->layer->summarize)
		return hwr_gpu_at(plan, l->yt, (int64_t) time_of(l, d, step) * l->S * width + d * l->n);
	return step == l->T - 1 ? hwr_gpu_at(plan, stage->dy, d * l->n) : NULL;
}

static void
run_cells_back(const HwrGpuPlan *plan, const HwrGpuStage *stage, int step)
{
	const HwrGpuLstm *l = &stage->lstm;
	HwrGpuLstmStep s = step_of(l);

	s.h_stride = l->D * l->n;
	s.last = step == l->T - 1;
	for (int d = 0; d < l->D; d++)
	{
		s.dir[d].gates = hwr_gpu_at(plan, l->gates, offset_of(l, d, time_of(l, d, step), 4 * l->n));
		s.dir[d].product = s.last ? NULL : l->product + (int64_t) d * l->S * l->n;
		s.dir[d].cell_before = step > 0 ? cells(plan, l, d, step - 1) : NULL;
		s.dir[d].cell = cells(plan, l, d, step);
		s.dir[d].dy = output_gradient(plan, stage, d, step);
		s.dir[d].dc = l->dc + (int64_t) d * l->S * l->n;
	}
	hwr_gpu_lstm_backward(plan->net->stream, plan->type, s);
}

/* Gradients of the input kernels of both directions. */
static bool
kernel_gradients(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	const HwrGpuLstm *l = &stage->lstm;
	HwrGpuProduct p = product_of(plan, stage);

	p.m = l->F;
	p.n = 4 * l->n;
	p.k = l->T * l->S;
	p.a = l->xt;
	p.lda = l->F;
	p.transpose_a = true;
	p.b = l->gates;
	p.ldb = p.n;
	p.b_next = offset_of(l, 1, 0, p.n);
	p.out = HWR_GPU_FLOAT32;
	p.c = hwr_gpu_tensor(plan->net, plan->net->grads, stage->layer, KERNEL);
	p.ldc = p.n;
	p.c_next = next_tensor(plan, stage->layer, KERNEL);
	return hwr_gpu_multiply(plan->net->math, &p, st);
}

/*
 * Gradients of the recurrent kernels.  The state before time t is that of t - 1 going forward, of t
 * + 1 in reverse, so states [0, T - 1) meet gates [1, T) going forward, and the other way round in
 * reverse.
 */
static bool
recurrent_kernel_gradients(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	const HwrGpuLstm *l = &stage->lstm;
	HwrGpuProduct p = product_of(plan, stage);
	int64_t		a = offset_of(l, 0, l->reverse[0] ? 1 : 0, l->n);
	int64_t		b = offset_of(l, 0, l->reverse[0] ? 0 : 1, 4 * l->n);

	p.m = l->n;
	p.n = 4 * l->n;
	p.k = (l->T - 1) * l->S;
	p.a = hwr_gpu_at(plan, l->h, a);
	p.lda = l->n;
	p.a_next = offset_of(l, 1, 1, l->n) - a;
	p.transpose_a = true;
	p.b = hwr_gpu_at(plan, l->gates, b);
	p.ldb = p.n;
	p.b_next = offset_of(l, 1, 0, p.n) - b;
	p.out = HWR_GPU_FLOAT32;
	p.c = hwr_gpu_tensor(plan->net, plan->net->grads, stage->layer, RECURRENT);
	p.ldc = p.n;
	p.c_next = next_tensor(plan, stage->layer, RECURRENT);
	if (l->T > 1)
		return hwr_gpu_multiply(plan->net->math, &p, st);

	/* no step has one before it */
	for (int d = 0; d < l->D; d++)
		if (!hwr_gpu_check(cudaMemsetAsync((float *) p.c + d * p.c_next, 0, (size_t) p.m * (size_t) p.n * sizeof(float),
										   plan->net->stream), st))
			return false;
	return true;
}

static bool
input_gradient(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	const HwrGpuLstm *l = &stage->lstm;
	HwrGpuProduct p = product_of(plan, stage);

	p.m = l->T * l->S;
	p.n = l->F;
	p.k = 4 * l->n;
	p.batch = 1;
	p.lda = p.k;
	p.ldb = p.k;
	p.transpose_b = true;
	p.c = l->dxt;
	p.ldc = p.n;
	for (int d = 0; d < l->D; d++)
	{
		p.a = hwr_gpu_at(plan, l->gates, offset_of(l, d, 0, p.k));
		p.b = hwr_gpu_weights(plan->net, plan->type, stage->layer, d * TENSORS_PER_DIRECTION + KERNEL);
		p.accumulate = d > 0;
		if (!hwr_gpu_multiply(plan->net->math, &p, st))
			return false;
	}
	from_steps(plan, stage, l->F, l->dxt, stage->dx);
	return true;
}

static bool
backward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	const HwrGpuLstm *l = &stage->lstm;

	if (!stage->layer->summarize)
		to_steps(plan, stage, l->D * l->n, stage->dy, l->yt);
	for (int step = l->T - 1; step >= 0; step--)
	{
		if (step < l->T - 1 && !recurrent_gradients(plan, stage, step, st))
			return false;
		run_cells_back(plan, stage, step);
	}
	for (int d = 0; d < l->D; d++)
		hwr_gpu_col_sum(plan->net->stream, plan->type, (int64_t) l->T * l->S, 4 * l->n, 4 * l->n,
						hwr_gpu_at(plan, l->gates, offset_of(l, d, 0, 4 * l->n)),
						hwr_gpu_tensor(plan->net, plan->net->grads, stage->layer, d * TENSORS_PER_DIRECTION + BIAS), l->sums);
	return kernel_gradients(plan, stage, st) && recurrent_kernel_gradients(plan, stage, st) &&
		(stage->dx == NULL || input_gradient(plan, stage, st));
}

const HwrGpuStageOps hwr_gpu_lstm_ops = {layout, forward, backward};
