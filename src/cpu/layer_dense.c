/*
 * layer_dense.c
 *	  Dense layer over the features of each position, and the output layer.
 *
 *	 y[rows][units] = activation(x[rows][in] kernel[in][units] + bias)
 */
#include <string.h>

#include "gemm.h"
#include "layers.h"

static size_t
positions(const HwrLayerRun *run)
{
	return (size_t) run->N * (size_t) run->in.h * (size_t) run->in.w;
}

static void
forward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	int			in = run->in.c;
	int			units = run->out.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	if (hi == lo)
		return;
	hwr_gemm_nn((int) (hi - lo), units, in, run->x + lo * (size_t) in, in,
				hwr_layer_tensor(run, run->values, 0), units, 0, run->y + lo * (size_t) units, units);
	run->k->bias_act(hi - lo, units, hwr_layer_tensor(run, run->values, 1),
					 run->layer->activation, run->y + lo * (size_t) units);
}

static void
dense_forward(HwrLayerRun *run)
{
	hwr_pool_run(run->pool, forward_part, run);
}

static void
back_act_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	size_t		units = (size_t) run->out.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	run->k->act_back(hi - lo, run->out.c, run->y + lo * units, run->layer->activation, run->dy + lo * units);
}

/* Each thread takes a share of dx's rows and a share of the kernel gradient's rows. */
static void
backward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	int			in = run->in.c;
	int			units = run->out.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	if (run->dx != NULL && hi > lo)
		hwr_gemm_nt((int) (hi - lo), in, units, run->dy + lo * (size_t) units, units,
					hwr_layer_tensor(run, run->values, 0), units, 0, run->dx + lo * (size_t) in, in);
	hwr_pool_share((size_t) in, part, parts, &lo, &hi);
	if (hi > lo)
		hwr_gemm_tn((int) (hi - lo), units, (int) positions(run), run->x + lo, in, run->dy, units,
					1, hwr_layer_tensor(run, run->grads, 0) + lo * (size_t) units, units);
}

static void
dense_backward(HwrLayerRun *run)
{
	if (run->layer->activation != HWR_ACT_LINEAR)
		hwr_pool_run(run->pool, back_act_part, run);
	run->k->col_sum(positions(run), run->out.c, run->dy, hwr_layer_tensor(run, run->grads, 1));
	hwr_pool_run(run->pool, backward_part, run);
}

const HwrLayerOps hwr_dense_ops = {
	.forward = dense_forward,
	.backward = dense_backward,
};
