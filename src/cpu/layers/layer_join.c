/*
 * layer_join.c
 *	  Layers in parallel: the branches' outputs beside each other, a branch that changes nothing, and the sum of chunks of
 *	  the features.
 */
#include <string.h>

#include "layers.h"

static size_t
places(const HwrLayerRun *run)
{
	return (size_t) run->N * (size_t) run->out.h * (size_t) run->out.w;
}

/*
 * Copy a part of the positions between this layer's features and those of its branches, which stand side by
 * side there.  The branches' runs are among the plan's, which run->runs is the beginning of.
 */
static void
copy_part(HwrLayerRun *run, int part, int parts, bool backward)
{
	size_t		c = (size_t) run->out.c;
	size_t		at = 0;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(places(run), part, parts, &lo, &hi);
	for (int i = 0; i < run->layer->nsources; i++)
	{
		HwrLayerRun *branch = &run->runs[run->layer->sources[i]];
		size_t		n = (size_t) branch->out.c;

		for (size_t p = lo; p < hi; p++)
			if (backward)
				memcpy(branch->dy + p * n, run->dy + p * c + at, n * sizeof(hwr_real));
			else
				memcpy(run->y + p * c + at, branch->y + p * n, n * sizeof(hwr_real));
		at += n;
	}
}

static void
join_forward_part(void *arg, int part, int parts)
{
	copy_part(arg, part, parts, false);
}

static void
join_backward_part(void *arg, int part, int parts)
{
	copy_part(arg, part, parts, true);
}

static void
sum_forward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	size_t		c = (size_t) run->in.c;
	size_t		n = (size_t) run->out.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(places(run), part, parts, &lo, &hi);
	for (size_t p = lo; p < hi; p++)
	{
		hwr_real   *y = run->y + p * n;

		memcpy(y, run->x + p * c, n * sizeof(hwr_real));
		for (size_t i = n; i < c; i += n)
			for (size_t k = 0; k < n; k++)
				y[k] += run->x[p * c + i + k];
	}
}

static void
sum_backward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	size_t		c = (size_t) run->in.c;
	size_t		n = (size_t) run->out.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(places(run), part, parts, &lo, &hi);
	for (size_t p = lo; p < hi; p++)
		for (size_t i = 0; i < c; i += n)
			memcpy(run->dx + p * c + i, run->dy + p * n, n * sizeof(hwr_real));
}

static void
join_forward(HwrLayerRun *run)
{
	hwr_pool_run(run->pool, join_forward_part, run);
}

static void
join_backward(HwrLayerRun *run)
{
	hwr_pool_run(run->pool, join_backward_part, run);
}

static void
sum_forward(HwrLayerRun *run)
{
	hwr_pool_run(run->pool, sum_forward_part, run);
}

static void
sum_backward(HwrLayerRun *run)
{
	if (run->dx != NULL)
		hwr_pool_run(run->pool, sum_backward_part, run);
}

static void
identity_forward(HwrLayerRun *run)
{
	memcpy(run->y, run->x, (size_t) run->N * hwr_shape_size(run->in) * sizeof(hwr_real));
}

static void
identity_backward(HwrLayerRun *run)
{
	if (run->dx != NULL)
		memcpy(run->dx, run->dy, (size_t) run->N * hwr_shape_size(run->in) * sizeof(hwr_real));
}

const HwrLayerOps hwr_join_ops = {
	.forward = join_forward,
	.backward = join_backward,
};

const HwrLayerOps hwr_sum_ops = {
	.forward = sum_forward,
	.backward = sum_backward,
};

const HwrLayerOps hwr_identity_ops = {
	.forward = identity_forward,
	.backward = identity_backward,
};
