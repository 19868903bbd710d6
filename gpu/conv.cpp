/*
 * conv.cpp
 *	  Convolution with "same" zero padding, of any window and stride, as a matrix product of unrolled patches.
 *
 *	 z[positions][d] = column[positions][ky kx c] kernel[ky kx c][d]
 *
 * A few images at a time are unrolled, so that the column is still in the card's second-level cache when the
 * product reads it.  The gradient at the input takes the same way back: dcolumn = dz kernel', rolled up
 * by summing at each place of x the patches that read it.
 *
 * The first convolution, over one channel, goes without the product: kernels/thin.h.
 */
#include "plan.h"

#include "kernels/thin.h"

/* A quarter of an H100's second-level cache. */
#define COLUMN_BYTES (12 << 20)

enum
{
	KERNEL
};

/* Values of one patch. */
static int
depth(const HwrGpuStage *stage)
{
	return stage->layer->ky * stage->layer->kx * stage->in.c;
}

/* A window of one pixel reads the map as it lies. */
static bool
is_pointwise(const HwrGpuStage *stage)
{
	const HwrLayer *l = stage->layer;

	return l->ky == 1 && l->kx == 1 && l->sy == 1 && l->sx == 1;
}

static bool
is_thin(const HwrGpuStage *stage)
{
	return stage->dx == NULL && hwr_gpu_is_thin(&stage->window);
}

static HwrGpuWindow
window_of(const HwrGpuStage *stage)
{
	const HwrLayer *l = stage->layer;
	int			pad_y = (stage->mid.h - 1) * l->sy + l->ky - stage->in.h;
	int			pad_x = (stage->mid.w - 1) * l->sx + l->kx - stage->in.w;
	HwrGpuWindow w = {};

	w.h = stage->in.h;
	w.w = stage->in.w;
	w.c = stage->in.c;
	w.out_h = stage->mid.h;
	w.out_w = stage->mid.w;
	w.ky = l->ky;
	w.kx = l->kx;
	w.sy = l->sy;
	w.sx = l->sx;
	w.top = pad_y > 0 ? pad_y / 2 : 0;
	w.left = pad_x > 0 ? pad_x / 2 : 0;
	return w;
}

static void
layout(const HwrGpuPlan *plan, HwrGpuStage *stage, HwrGpuCursor *kept, HwrGpuCursor *scratch)
{
	size_t		patches = (size_t) stage->mid.h * (size_t) stage->mid.w * (size_t) depth(stage) *
		hwr_gpu_type_size(plan->type);

	hwr_gpu_tail_layout(plan, stage, kept, scratch);
	stage->window = window_of(stage);
	stage->chunk = plan->N;
	if (is_pointwise(stage))
		return;
	if (is_thin(stage))
	{
		stage->window.n = plan->N;
		if (plan->training)
			stage->column = hwr_gpu_take(scratch, hwr_gpu_thin_sums_size(stage->mid.c));
		return;
	}
	if (stage->chunk > (int) (COLUMN_BYTES / patches))
		stage->chunk = (int) (COLUMN_BYTES / patches);
	if (stage->chunk < 1)
		stage->chunk = 1;
	stage->column = hwr_gpu_take(scratch, (size_t) stage->chunk * patches);
}

/* Where image i of a map begins. */
static void *
image(const HwrGpuPlan *plan, const void *map, HwrShape shape, int i)
{
	return hwr_gpu_at(plan, map, (int64_t) i * shape.h * shape.w * shape.c);
}

/* The patches of n images from image i on. */
static const void *
patches_of(const HwrGpuPlan *plan, const HwrGpuStage *stage, int i, int n)
{
	const void *x = image(plan, stage->x, stage->in, i);
	HwrGpuWindow window = stage->window;

	if (is_pointwise(stage))
		return x;
	window.n = n;
	hwr_gpu_unroll(plan->net->stream, plan->type, window, x, stage->column);
	return stage->column;
}

static int
min_int(int a, int b)
{
	return a < b ? a : b;
}

static bool
forward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	HwrGpuProduct p = {};

	if (is_thin(stage))
	{
		hwr_gpu_thin_forward(plan->net->stream, plan->type, stage->window, stage->mid.c, stage->x,
							 hwr_gpu_weights(plan->net, plan->type, stage->layer, KERNEL), stage->z);
		hwr_gpu_tail_forward(plan, stage);
		return true;
	}
	p.n = stage->mid.c;
	p.k = depth(stage);
	p.batch = 1;
	p.type = plan->type;
	p.lda = p.k;
	p.b = hwr_gpu_weights(plan->net, plan->type, stage->layer, KERNEL);
	p.ldb = p.n;
	p.out = plan->type;
	p.ldc = p.n;
	for (int i = 0; i < plan->N; i += stage->chunk)
	{
		int			n = min_int(stage->chunk, plan->N - i);

		p.m = n * stage->mid.h * stage->mid.w;
		p.a = patches_of(plan, stage, i, n);
		p.c = image(plan, stage->z, stage->mid, i);
		if (!hwr_gpu_multiply(plan->net->math, &p, st))
			return false;
	}
	hwr_gpu_tail_forward(plan, stage);
	return true;
}

/* kernel gradient[depth][d] = column' dz, summed over the chunks */
static bool
kernel_gradient(const HwrGpuPlan *plan, const HwrGpuStage *stage, int i, int n, HwrStatus *st)
{
	HwrGpuProduct p = {};

	p.m = depth(stage);
	p.n = stage->mid.c;
	p.k = n * stage->mid.h * stage->mid.w;
	p.batch = 1;
	p.type = plan->type;
	p.a = patches_of(plan, stage, i, n);
	p.lda = p.m;
	p.transpose_a = true;
	p.b = image(plan, stage->dz, stage->mid, i);
	p.ldb = p.n;
	p.out = HWR_GPU_FLOAT32;
	p.c = hwr_gpu_tensor(plan->net, plan->net->grads, stage->layer, KERNEL);
	p.ldc = p.n;
	p.accumulate = i > 0;
	return hwr_gpu_multiply(plan->net->math, &p, st);
}

static bool
input_gradient(const HwrGpuPlan *plan, const HwrGpuStage *stage, int i, int n, HwrStatus *st)
{
	void	   *dx = image(plan, stage->dx, stage->in, i);
	HwrGpuWindow window = stage->window;
	HwrGpuProduct p = {};

	p.m = n * stage->mid.h * stage->mid.w;
	p.n = depth(stage);
	p.k = stage->mid.c;
	p.batch = 1;
	p.type = plan->type;
	p.a = image(plan, stage->dz, stage->mid, i);
	p.lda = p.k;
	p.b = hwr_gpu_weights(plan->net, plan->type, stage->layer, KERNEL);
	p.ldb = p.k;
	p.transpose_b = true;
	p.out = plan->type;
	p.c = is_pointwise(stage) ? dx : stage->column;
	p.ldc = p.n;
	if (!hwr_gpu_multiply(plan->net->math, &p, st))
		return false;
	window.n = n;
	if (!is_pointwise(stage))
		hwr_gpu_roll(plan->net->stream, plan->type, window, stage->column, dx);
	return true;
}

static bool
backward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	hwr_gpu_tail_backward(plan, stage);
	if (is_thin(stage))
	{
		hwr_gpu_thin_backward(plan->net->stream, plan->type, stage->window, stage->mid.c, stage->x, stage->dz,
							  hwr_gpu_tensor(plan->net, plan->net->grads, stage->layer, KERNEL), stage->column);
		return true;
	}
	for (int i = 0; i < plan->N; i += stage->chunk)
	{
		int			n = min_int(stage->chunk, plan->N - i);

		if (!kernel_gradient(plan, stage, i, n, st) ||
			(stage->dx != NULL && !input_gradient(plan, stage, i, n, st)))
			return false;
	}
	return true;
}

const HwrGpuStageOps hwr_gpu_conv_ops = {layout, forward, backward};
