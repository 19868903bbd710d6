/*
 * layer_dense.c
 *	  Dense layer over the features of each position, and the output layer.
 *
 *	 y[rows][units] = activation(x[rows][in] kernel[in][units] + bias)
 */
#include "layers.h"
#include "products.h"

/* The kernel packed, and for the backward pass its transpose. */
typedef struct Aux
{
	void	   *kernel;
	void	   *transposed;
	size_t		size;
} Aux;

static Aux
aux(const HwrLayerRun *run)
{
	Aux			a = {0};

	a.kernel = hwr_take(run->aux, &a.size, run->e->packed_size(1, run->in.c, run->out.c), 1);
	if (run->training)
		a.transposed = hwr_take(run->aux, &a.size, run->e->packed_size(1, run->out.c, run->in.c), 1);
	return a;
}

static size_t
dense_aux_size(const HwrLayerRun *run)
{
	return aux(run).size;
}

static size_t
dense_scratch_size(const HwrLayerRun *run)
{
	size_t		size = hwr_rows_scratch(run->e, run->in.c > run->out.c ? run->in.c : run->out.c);

	if (run->training && hwr_weight_gradient_scratch(run->e, run->in.c, run->out.c) > size)
		size = hwr_weight_gradient_scratch(run->e, run->in.c, run->out.c);
	return size;
}

static size_t
positions(const HwrLayerRun *run)
{
	return (size_t) run->N * (size_t) run->in.h * (size_t) run->in.w;
}

static void
pack_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	const hwr_real *kernel = hwr_layer_tensor(run, run->values, 0);
	Aux			a = aux(run);

	hwr_pack_weights(run->e, 1, run->in.c, run->out.c, kernel, false, a.kernel, part, parts);
	if (run->training)
		hwr_pack_weights(run->e, 1, run->out.c, run->in.c, kernel, true, a.transposed, part, parts);
}

static void
forward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	HwrActivation act = run->layer->activation;
	bool		fused = act == HWR_ACT_RELU || act == HWR_ACT_LINEAR;
	const hwr_real *bias = hwr_layer_tensor(run, run->values, 1);
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	hwr_multiply_rows(run->e,
					  &(HwrProduct) {
						  .m = (int) (hi - lo),
						  .n = run->out.c,
						  .k = run->in.c,
						  .a = run->x + lo * (size_t) run->in.c,
						  .b = aux(run).kernel,
						  .c = run->y + lo * (size_t) run->out.c,
						  .c_row = run->out.c,
						  .bias = fused ? bias : NULL,
						  .relu = act == HWR_ACT_RELU,
					  },
					  run->scratch + (size_t) part * run->scratch_stride);
	if (!fused)
		run->k->bias_act(hi - lo, run->out.c, bias, act, run->y + lo * (size_t) run->out.c);
}

static void
dense_forward(HwrLayerRun *run)
{
	if (run->training || run->packed != *run->version)
	{
		hwr_pool_run(run->pool, pack_part, run);
		run->packed = *run->version;
	}
	hwr_pool_run(run->pool, forward_part, run);
}

/* The gradient before the activation, and this part's share of dx. */
static void
input_back_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	size_t		units = (size_t) run->out.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	run->k->act_back(hi - lo, run->out.c, run->y + lo * units, run->layer->activation, run->dy + lo * units);
	if (run->dx != NULL)
		hwr_multiply_rows(run->e,
						  &(HwrProduct) {
							  .m = (int) (hi - lo),
							  .n = run->in.c,
							  .k = run->out.c,
							  .a = run->dy + lo * units,
							  .b = aux(run).transposed,
							  .c = run->dx + lo * (size_t) run->in.c,
							  .c_row = run->in.c,
						  },
						  run->scratch + (size_t) part * run->scratch_stride);
}

/* Each thread takes a share of the kernel gradient's rows. */
static void
weights_back_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) run->in.c, part, parts, &lo, &hi);
	hwr_weight_gradient(run->e,
						&(HwrWeightGradient) {
							.depth = positions(run),
							.m = (int) (hi - lo),
							.n = run->out.c,
							.x = run->x + lo,
							.x_row = run->in.c,
							.dy = run->dy,
							.dy_row = run->out.c,
							.grad = hwr_layer_tensor(run, run->grads, 0) + lo * (size_t) run->out.c,
							.grad_row = run->out.c,
						},
						run->scratch + (size_t) part * run->scratch_stride);
	if (part == 0)
		run->k->col_sum(positions(run), run->out.c, run->dy, hwr_layer_tensor(run, run->grads, 1));
}

static void
dense_backward(HwrLayerRun *run)
{
	hwr_pool_run(run->pool, input_back_part, run);
	hwr_pool_run(run->pool, weights_back_part, run);
}

const HwrLayerOps hwr_dense_ops = {
	.forward = dense_forward,
	.backward = dense_backward,
	.aux_size = dense_aux_size,
	.scratch_size = dense_scratch_size,
};
