/*
 * layer_pool.c
 *	  Max-pooling.
 *
 * While training, the position of each maximum in its window is kept in a byte.
 */
#include <string.h>

#include "layers.h"

static size_t
pool_aux_size(const HwrLayerRun *run)
{
	return run->training ? (size_t) run->N * hwr_shape_size(run->out) : 0;
}

static void
forward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	const HwrLayer *l = run->layer;
	size_t		c = (size_t) run->in.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		const hwr_real *x = run->x + n * hwr_shape_size(run->in);
		size_t		at = n * hwr_shape_size(run->out);

		for (int oy = 0; oy < run->out.h; oy++)
			for (int ox = 0; ox < run->out.w; ox++, at += c)
				run->k->pool_max(l->ky, l->kx, run->in.c, (size_t) run->in.w * c,
								 x + ((size_t) (oy * l->sy) * (size_t) run->in.w + (size_t) (ox * l->sx)) * c,
								 run->y + at,
								 run->training ? (uint8_t *) run->aux + at : NULL);
	}
}

static void
pool_forward(HwrLayerRun *run)
{
	if (!run->by_previous)
		hwr_pool_run(run->pool, forward_part, run);
}

static void
backward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	const HwrLayer *l = run->layer;
	size_t		c = (size_t) run->in.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		hwr_real   *dx = run->dx + n * hwr_shape_size(run->in);
		size_t		at = n * hwr_shape_size(run->out);

		memset(dx, 0, hwr_shape_size(run->in) * sizeof(hwr_real));
		for (int oy = 0; oy < run->out.h; oy++)
			for (int ox = 0; ox < run->out.w; ox++, at += c)
				run->k->pool_back(l->ky, l->kx, run->in.c, (size_t) run->in.w * c,
								  (const uint8_t *) run->aux + at, run->dy + at,
								  dx + ((size_t) (oy * l->sy) * (size_t) run->in.w + (size_t) (ox * l->sx)) * c);
	}
}

static void
pool_backward(HwrLayerRun *run)
{
	if (run->dx != NULL && !run->by_previous)
		hwr_pool_run(run->pool, backward_part, run);
}

const HwrLayerOps hwr_pool_ops = {
	.forward = pool_forward,
	.backward = pool_backward,
	.aux_size = pool_aux_size,
};
