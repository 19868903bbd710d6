/*
 * tail.cpp
 *	  What follows a product: bias, activation, batch norm, max-pool; and stages of nothing else.
 */
#include "plan.h"

/* Tensors of a layer with a product, and of a batch norm. */
enum
{
	BIAS = 1
};

enum
{
	GAMMA,
	BETA,
	MEAN,
	VARIANCE
};

/* y takes z's place where the backward pass can do with y alone. */
static bool
in_place(const HwrGpuPlan *plan, const HwrGpuStage *stage)
{
	return stage->pool == NULL && (stage->norm == NULL || !plan->training);
}

static HwrGpuMap
map_of(const HwrGpuPlan *plan, const HwrGpuStage *stage)
{
	HwrGpuMap	map = hwr_gpu_map(plan->N, stage->mid.h, stage->mid.w, stage->mid.c);

	if (stage->pool != NULL)
	{
		map.ky = stage->pool->ky;
		map.kx = stage->pool->kx;
		map.sy = stage->pool->sy;
		map.sx = stage->pool->sx;
	}
	return map;
}

static HwrGpuPoint
point_of(const HwrGpuPlan *plan, const HwrGpuStage *stage, bool backward)
{
	HwrGpuPoint point = {NULL, HWR_ACT_LINEAR, false};

	if (stage->layer != NULL)
	{
		point.bias = hwr_gpu_tensor(plan->net, plan->net->values, stage->layer, BIAS);
		point.activation = stage->layer->activation;
		point.applied = backward && in_place(plan, stage);
	}
	return point;
}

static float *
take_floats(HwrGpuCursor *cursor, int count)
{
	return (float *) hwr_gpu_take(cursor, (size_t) count * sizeof(float));
}

static void
lay_out_norm(const HwrGpuPlan *plan, HwrGpuStage *stage, HwrGpuCursor *kept)
{
	HwrGpuNorm *norm = &stage->statistics;
	int			c = stage->mid.c;

	norm->gamma = hwr_gpu_tensor(plan->net, plan->net->values, stage->norm, GAMMA);
	norm->beta = hwr_gpu_tensor(plan->net, plan->net->values, stage->norm, BETA);
	norm->kept_mean = hwr_gpu_tensor(plan->net, plan->net->values, stage->norm, MEAN);
	norm->kept_variance = hwr_gpu_tensor(plan->net, plan->net->values, stage->norm, VARIANCE);
	norm->mean = take_floats(kept, c);
	norm->inv_std = take_floats(kept, c);
	norm->scale = take_floats(kept, c);
	norm->shift = take_floats(kept, c);
	norm->a = take_floats(kept, c);
	norm->b = take_floats(kept, c);
	norm->c = take_floats(kept, c);
}

void
hwr_gpu_tail_layout(const HwrGpuPlan *plan, HwrGpuStage *stage, HwrGpuCursor *kept, HwrGpuCursor *scratch)
{
	if (stage->norm != NULL)
		lay_out_norm(plan, stage, kept);
	stage->sums = hwr_gpu_take(scratch, hwr_gpu_sums_size(stage->mid.c));
	if (plan->training && stage->pool != NULL)
		stage->which = (uint8_t *) hwr_gpu_take(kept, hwr_gpu_count(plan, stage->out));
	if (stage->layer == NULL)
	{
		stage->z = (void *) stage->x;
		stage->dz = stage->dx;
		return;
	}
	if (in_place(plan, stage))
		stage->z = stage->y;
	else
		stage->z = hwr_gpu_take(plan->training ? kept : scratch, hwr_gpu_bytes(plan, stage->mid));
	if (plan->training)
		stage->dz = stage->pool == NULL ? stage->dy : hwr_gpu_take(scratch, hwr_gpu_bytes(plan, stage->mid));
}

void
hwr_gpu_tail_forward(const HwrGpuPlan *plan, const HwrGpuStage *stage)
{
	cudaStream_t stream = plan->net->stream;
	HwrGpuPoint point = point_of(plan, stage, false);

	if (stage->norm != NULL && plan->training)
		hwr_gpu_norm_stats(stream, plan->type, hwr_gpu_rows(plan, stage->mid), stage->mid.c, stage->z, point,
						   plan->step, stage->statistics, stage->sums);
	else if (stage->norm != NULL)
		hwr_gpu_norm_kept(stream, stage->mid.c, stage->statistics);
	hwr_gpu_point_forward(stream, plan->type, map_of(plan, stage), stage->z, point,
						  stage->norm != NULL ? stage->statistics.scale : NULL,
						  stage->norm != NULL ? stage->statistics.shift : NULL, stage->y, stage->which);
}

void
hwr_gpu_tail_backward(const HwrGpuPlan *plan, const HwrGpuStage *stage)
{
	cudaStream_t stream = plan->net->stream;
	HwrGpuPoint point = point_of(plan, stage, true);
	HwrGpuMap	map = map_of(plan, stage);
	float	   *dbias = NULL;

	if (stage->norm != NULL)
		hwr_gpu_norm_backward(stream, plan->type, map, stage->z, point, stage->statistics, stage->dy, stage->which,
							  hwr_gpu_tensor(plan->net, plan->net->grads, stage->norm, GAMMA),
							  hwr_gpu_tensor(plan->net, plan->net->grads, stage->norm, BETA), stage->sums);
	if (stage->dz == NULL)
		return;
	if (stage->layer != NULL)
		dbias = hwr_gpu_tensor(plan->net, plan->net->grads, stage->layer, BIAS);
	hwr_gpu_point_backward(stream, plan->type, map, stage->z, point, stage->norm != NULL ? &stage->statistics : NULL,
						   stage->dy, stage->which, stage->dz, dbias, stage->sums);
}

static bool
point_forward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	(void) st;
	hwr_gpu_tail_forward(plan, stage);
	return true;
}

static bool
point_backward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	(void) st;
	hwr_gpu_tail_backward(plan, stage);
	return true;
}

const HwrGpuStageOps hwr_gpu_point_ops = {
	hwr_gpu_tail_layout, point_forward, point_backward
};
