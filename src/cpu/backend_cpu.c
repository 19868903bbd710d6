/*
 * backend_cpu.c
 *	  The CPU behind backend.h.
 *
 * Inference of the usual networks is in infer.c.  Of others, it runs the layers before the first
 * LSTM one image at a time, so that a map stays in the cache and memory does not grow with the
 * batch, and the rest over the whole batch, so that the LSTM reads its weights once a batch.
 * Training is in backend_cpu_train.c.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/optimizer.h"
#include "backend_cpu.h"
#include "describe.h"

static void
cpu_destroy(HwrBackendContext *ctx)
{
	if (ctx == NULL)
		return;
	if (ctx->front != NULL)
		for (int i = 0; i < ctx->threads; i++)
			hwr_cpu_plan_free(&ctx->front[i]);
	free(ctx->front);
	hwr_infer_free(ctx->infer);
	hwr_cpu_plan_free(&ctx->back);
	hwr_cpu_plan_free(&ctx->train);
	hwr_cpu_net_free(ctx->cpu);
	hwr_pool_free(ctx->pool);
	hwr_pool_free(ctx->one);
	free(ctx->m);
	free(ctx->v);
	free(ctx->ink);
	free(ctx->logp);
	free(ctx->ctc);
	free(ctx->partial);
	free(ctx->widths);
	free(ctx);
}

/* The first layer that gains from seeing many images at once, or the beginning of the block that it is in. */
static int
split_point(const HwrNet *net)
{
	int			split = 0;

	while (split < net->nlayers && net->layers[split].kind != HWR_LAYER_LSTM)
		split++;
	for (int i = split; i < net->nlayers; i++)
		if (net->layers[i].source < split - 1)
		{
			split = net->layers[i].source + 1;
			i = split - 1;		/* look again from there */
		}
	return split < net->nlayers ? split : net->nlayers - 1; /* the output layer, so that both halves have layers */
}

static const HwrElements *
elements(const HwrBackendConfig *config, const HwrKernels *k)
{
	const HwrElements *bf16 = config->precision != HWR_FLOAT32 ? hwr_elements_bfloat16() : NULL;

	return bf16 != NULL ? bf16 : k->elements;
}

/* Of Winograd's products where the maps are of float32; NULL: of these too */
static const HwrElements *
winograd_elements(const HwrBackendConfig *config, const HwrKernels *k)
{
	return config->precision != HWR_FLOAT32 && elements(config, k) == k->elements ? hwr_elements_int16() : NULL;
}

/* Of what LSTMs give out */
static const HwrElements *
bounded_elements(const HwrBackendConfig *config, const HwrKernels *k)
{
	const HwrElements *int8 = config->precision == HWR_INT8 ? hwr_elements_int8() : NULL;

	return int8 != NULL ? int8 : elements(config, k);
}

static bool
allocate(HwrBackendContext *ctx, const HwrBackendConfig *config, HwrStatus *st)
{
	if (!hwr_cpu_net_create(config->net, config->training, &ctx->cpu, st) ||
		!hwr_pool_create(config->threads, &ctx->pool, st) ||
		!hwr_pool_create(1, &ctx->one, st))
		return false;
	if (config->training && config->step->precision != HWR_TRAIN_FLOAT32)
		ctx->cpu->e = hwr_elements_bfloat16();
	if (!config->net->maps &&
		!hwr_infer_create(config->net, ctx->cpu->k, elements(config, ctx->cpu->k),
						  winograd_elements(config, ctx->cpu->k), bounded_elements(config, ctx->cpu->k), ctx->pool,
						  &ctx->infer, st))
		return false;
	ctx->front = hwr_alloc_zero((size_t) config->threads, sizeof(HwrCpuPlan), st);
	ctx->partial = hwr_alloc_zero((size_t) config->threads, sizeof(double), st);
	if (ctx->front == NULL || ctx->partial == NULL)
		return false;
	if (config->training)
	{
		ctx->m = hwr_alloc_zero(config->net->nvalues, sizeof(hwr_real), st);
		if (ctx->m == NULL)
			return false;
		if (hwr_optimizer_slots(config->step->optimizer) > 1)
		{
			ctx->v = hwr_alloc_zero(config->net->nvalues, sizeof(hwr_real), st);
			if (ctx->v == NULL)
				return false;
		}
	}
	return true;
}

static bool
cpu_create(const HwrBackendConfig *config, HwrBackendContext **out, HwrStatus *st)
{
	HwrBackendContext *ctx = hwr_alloc_zero(1, sizeof(HwrBackendContext), st);

	if (ctx == NULL)
		return false;

	ctx->threads = config->threads;
	ctx->values_stay = config->values_stay && !config->training;
	ctx->step = config->step;
	ctx->split = split_point(config->net);
	if (!allocate(ctx, config, st))
	{
		cpu_destroy(ctx);
		return false;
	}
	*out = ctx;
	return true;
}

static size_t
cpu_memory(const HwrBackendContext *ctx)
{
	size_t		blocks = (ctx->cpu->borrowed ? 0 : 1) + (ctx->cpu->grads != NULL) + (ctx->m != NULL) + (ctx->v != NULL);
	size_t		size = sizeof(*ctx) + blocks * ctx->cpu->net->nvalues * sizeof(hwr_real);

	for (int i = 0; i < ctx->threads; i++)
		size += sizeof(HwrCpuPlan) + ctx->front[i].arena_size;
	if (ctx->infer != NULL)
		size += hwr_infer_memory(ctx->infer);
	return size + ctx->back.arena_size + ctx->train.arena_size + ctx->ink_size + ctx->logp_size + ctx->ctc_size;
}

static bool
cpu_set_values(HwrBackendContext *ctx, const float *values, HwrStatus *st)
{
	(void) st;
	hwr_cpu_net_set(ctx->cpu, values, ctx->values_stay);
	return true;
}

static bool
cpu_get_values(HwrBackendContext *ctx, float *values, HwrStatus *st)
{
	(void) st;
	for (size_t i = 0; i < ctx->cpu->net->nvalues; i++)
		values[i] = (float) ctx->cpu->values[i];
	return true;
}

static bool
cpu_set_moments(HwrBackendContext *ctx, const float *m, const float *v, int64_t steps, HwrStatus *st)
{
	(void) st;
	for (size_t i = 0; i < ctx->cpu->net->nvalues; i++)
	{
		ctx->m[i] = (hwr_real) m[i];
		if (ctx->v != NULL)
			ctx->v[i] = (hwr_real) v[i];
	}
	ctx->steps = steps;
	return true;
}

static bool
cpu_get_moments(HwrBackendContext *ctx, float *m, float *v, int64_t *steps, HwrStatus *st)
{
	(void) st;
	for (size_t i = 0; i < ctx->cpu->net->nvalues; i++)
	{
		m[i] = (float) ctx->m[i];
		v[i] = ctx->v != NULL ? (float) ctx->v[i] : 0;
	}
	*steps = ctx->steps;
	return true;
}

/*
 * Inference
 */

typedef struct InferJob
{
	HwrBackendContext *ctx;
	const uint8_t *ink;
	size_t		ink_stride;
} InferJob;

static void
front_part(void *arg, int part, int parts)
{
	InferJob   *job = arg;
	HwrBackendContext *ctx = job->ctx;
	HwrCpuPlan *plan = &ctx->front[part];
	size_t		out = hwr_shape_size(ctx->back.runs[ctx->split].in);
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) ctx->back.N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		const uint8_t *ink = job->ink + n * job->ink_stride;

		if (ctx->split == 0)
		{
			ctx->cpu->k->from_ink(out, ink, ctx->back.input + n * out);
			continue;
		}
		ctx->cpu->k->from_ink(job->ink_stride, ink, plan->input);
		hwr_cpu_plan_forward(plan, 0);
		memcpy(ctx->back.input + n * out, plan->output, out * sizeof(hwr_real));
	}
}

/* The values of maps. */
static void
logistic(size_t n, const hwr_real *logits, float *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (float) (1 / (1 + exp(-(double) logits[i])));
}

/* By infer.c. */
static bool
infer_fused(HwrBackendContext *ctx, int n, const int *widths, const uint8_t *ink, float *logp, HwrStatus *st)
{
	if (ctx->infer_version != ctx->cpu->version)
		hwr_infer_set_values(ctx->infer, ctx->cpu->values);
	ctx->infer_version = ctx->cpu->version;
	return hwr_infer_run(ctx->infer, n, widths, ink, logp, st);
}

static bool
cpu_infer(HwrBackendContext *ctx, int n, int width, const uint8_t *ink, float *logp, HwrStatus *st)
{
	const HwrNet *net = ctx->cpu->net;
	InferJob	job = {ctx, ink, (size_t) net->height * (size_t) width};
	HwrShape	out;
	size_t		rows;

	if (ctx->infer != NULL)
	{
		if (!hwr_cpu_reserve((void **) &ctx->widths, &ctx->widths_size, (size_t) n * sizeof(int), st))
			return false;
		for (int i = 0; i < n; i++)
			ctx->widths[i] = width;
		return infer_fused(ctx, n, ctx->widths, ink, logp, st);
	}
	if (!hwr_cpu_plan_prepare(&ctx->back, ctx->cpu, ctx->pool, ctx->split, net->nlayers,
							  false, false, n, width, st))
		return false;
	for (int i = 0; i < ctx->threads && ctx->split > 0; i++)
		if (!hwr_cpu_plan_prepare(&ctx->front[i], ctx->cpu, ctx->one, 0, ctx->split,
								  false, false, 1, width, st))
			return false;
	hwr_pool_run(ctx->pool, front_part, &job);
	hwr_cpu_plan_forward(&ctx->back, 0);

	out = ctx->back.runs[net->nlayers - 1].out;
	if (net->maps)
	{
		logistic((size_t) n * hwr_shape_size(out), ctx->back.output, logp);
		return true;
	}
	rows = (size_t) n * (size_t) out.w;
#ifdef HWR_REAL_DOUBLE
	/* the kernel does not work in place */
	if (!hwr_cpu_reserve((void **) &ctx->logp, &ctx->logp_size, rows * (size_t) out.c * sizeof(hwr_real), st))
		return false;
	ctx->cpu->k->log_softmax(rows, out.c, ctx->back.output, ctx->logp);
	for (size_t i = 0; i < rows * (size_t) out.c; i++)
		logp[i] = (float) ctx->logp[i];
#else
	ctx->cpu->k->log_softmax(rows, out.c, ctx->back.output, logp);
#endif
	return true;
}

static bool
cpu_infer_widths(HwrBackendContext *ctx, int n, const int *widths, const uint8_t *ink, float *logp, HwrStatus *st)
{
	if (ctx->infer != NULL)
		return infer_fused(ctx, n, widths, ink, logp, st);
	return hwr_infer_each_width(hwr_cpu_backend(), ctx, ctx->cpu->net, n, widths, ink, logp, st);
}

const HwrBackend *
hwr_cpu_backend(void)
{
	static const HwrBackend backend = {
		.abi = HWR_BACKEND_ABI,
		.name = "cpu",
		.describe = hwr_cpu_describe,
		.create = cpu_create,
		.destroy = cpu_destroy,
		.memory = cpu_memory,
		.set_values = cpu_set_values,
		.get_values = cpu_get_values,
		.set_moments = cpu_set_moments,
		.get_moments = cpu_get_moments,
		.infer = cpu_infer,
		.train_step = hwr_cpu_train_step,
		.measure = hwr_cpu_measure,
		.infer_widths = cpu_infer_widths,
	};

	return &backend;
}
