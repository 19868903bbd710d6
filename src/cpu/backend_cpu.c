/*
 * backend_cpu.c
 *	  The CPU behind backend.h.
 *
 * Inference of the usual networks is in infer.c.  Of others, it runs the layers before the first LSTM one image at a time, so that a map stays in the cache
 * and memory does not grow with the batch, and the rest over the whole batch, so that the LSTM reads its weights
 * once a batch.  Training runs layer by layer over the whole minibatch, because batch normalisation
 * needs its statistics.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/augment.h"
#include "core/backend.h"
#include "core/ctc.h"
#include "core/optimizer.h"
#include "cpu_net.h"
#include "describe.h"
#include "infer.h"

/* OpenBLAS has it; another BLAS that the core may be linked with need not. */
extern void openblas_set_num_threads(int n) __attribute__((weak));

struct HwrBackendContext
{
	HwrCpuNet  *cpu;
	HwrPool    *pool;
	HwrPool    *one;			/* pool of one thread, for work inside a part */
	int			threads;
	HwrInfer   *infer;			/* NULL: not a network for it */
	uint64_t	infer_version;	/* of the values it holds */
	int			split;			/* layers before this one run image by image in inference */
	HwrCpuPlan *front;			/* [threads], N = 1, layers [0, split) */
	HwrCpuPlan	back;			/* layers [split, end) */
	HwrCpuPlan	train;			/* all layers */
	const HwrTrainOptions *options;
	hwr_real   *m;				/* optimiser state, [nvalues] each */
	hwr_real   *v;
	int64_t		steps;			/* optimiser steps done */

	/* buffers with their sizes in bytes */
	uint8_t    *ink;			/* augmented canvases, one a thread */
	size_t		ink_size;
	hwr_real   *logp;			/* [N][T][K] */
	size_t		logp_size;
	char	   *ctc;			/* CTC workspace, one a thread */
	size_t		ctc_stride;
	size_t		ctc_size;
	double	   *partial;		/* [threads] */
};

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
	free(ctx);
}

/* The first layer that gains from seeing many images at once. */
static int
split_point(const HwrNet *net)
{
	for (int i = 0; i < net->nlayers; i++)
		if (net->layers[i].kind == HWR_LAYER_LSTM)
			return i;
	return net->nlayers - 1;	/* the output layer, so that both halves have layers */
}

static const HwrElements *
elements(const HwrBackendConfig *config, const HwrKernels *k)
{
	const HwrElements *bf16 = config->precision == HWR_BFLOAT16 ? hwr_elements_bfloat16() : NULL;

	return bf16 != NULL ? bf16 : k->elements;
}

static bool
allocate(HwrBackendContext *ctx, const HwrBackendConfig *config, HwrStatus *st)
{
	if (!hwr_cpu_net_create(config->net, config->training, &ctx->cpu, st) ||
		!hwr_pool_create(config->threads, &ctx->pool, st) ||
		!hwr_pool_create(1, &ctx->one, st))
		return false;
	if (!hwr_infer_create(config->net, ctx->cpu->k, elements(config, ctx->cpu->k), ctx->pool, &ctx->infer, st))
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
		if (hwr_optimizer_slots(config->options->optimizer) > 1)
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

	/* products run on our own threads; a pool of OpenBLAS's would fight with them for the processors */
	if (openblas_set_num_threads != NULL)
		openblas_set_num_threads(1);
	ctx->threads = config->threads;
	ctx->options = config->options;
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
	size_t		blocks = 1 + (ctx->cpu->grads != NULL) + (ctx->m != NULL) + (ctx->v != NULL);
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
	for (size_t i = 0; i < ctx->cpu->net->nvalues; i++)
		ctx->cpu->values[i] = (hwr_real) values[i];
	hwr_cpu_net_changed(ctx->cpu);
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

/* Make a buffer at least size bytes, contents undefined. */
static bool
reserve(void **buffer, size_t *have, size_t size, HwrStatus *st)
{
	if (size <= *have)
		return true;
	free(*buffer);
	*have = 0;
	*buffer = hwr_alloc(size, 1, st);
	if (*buffer == NULL)
		return false;
	*have = size;
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

static bool
cpu_infer(HwrBackendContext *ctx, int n, int width, const uint8_t *ink, float *logp, HwrStatus *st)
{
	const HwrNet *net = ctx->cpu->net;
	InferJob	job = {ctx, ink, (size_t) net->height * (size_t) width};
	HwrShape	out;
	size_t		rows;

	if (ctx->infer != NULL)
	{
		if (ctx->infer_version != ctx->cpu->version)
			hwr_infer_set_values(ctx->infer, ctx->cpu->values);
		ctx->infer_version = ctx->cpu->version;
		return hwr_infer_run(ctx->infer, n, width, ink, logp, st);
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
	rows = (size_t) n * (size_t) out.w;
#ifdef HWR_REAL_DOUBLE
	/* the kernel does not work in place */
	if (!reserve((void **) &ctx->logp, &ctx->logp_size, rows * (size_t) out.c * sizeof(hwr_real), st))
		return false;
	ctx->cpu->k->log_softmax(rows, out.c, ctx->back.output, ctx->logp);
	for (size_t i = 0; i < rows * (size_t) out.c; i++)
		logp[i] = (float) ctx->logp[i];
#else
	ctx->cpu->k->log_softmax(rows, out.c, ctx->back.output, logp);
#endif
	return true;
}

/*
 * Training
 */

typedef struct TrainJob
{
	HwrBackendContext *ctx;
	const HwrBatch *batch;
	uint64_t	rng_key;
	int			T;
	int			K;
	int			feasible;
	HwrOptimizerStep step;
} TrainJob;

/* Augment and normalise this part's canvases. */
static void
load_part(void *arg, int part, int parts)
{
	TrainJob   *job = arg;
	HwrBackendContext *ctx = job->ctx;
	int			height = ctx->cpu->net->height;
	int			width = job->batch->width;
	size_t		size = (size_t) height * (size_t) width;
	uint8_t    *warped = ctx->ink + (size_t) part * size;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) job->batch->n, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		const uint8_t *ink = job->batch->ink + n * size;
		HwrRng		rng;

		if (ctx->options->augment > 0)
		{
			hwr_rng_seed(&rng, job->rng_key, n);
			hwr_augment(ink, warped, height, width, ctx->options->augment, &rng);
			ink = warped;
		}
		ctx->cpu->k->from_ink(size, ink, ctx->train.input + n * size);
	}
}

/* CTC loss and gradient at the logits of this part's images. */
static void
ctc_part(void *arg, int part, int parts)
{
	TrainJob   *job = arg;
	HwrBackendContext *ctx = job->ctx;
	size_t		size = (size_t) job->T * (size_t) job->K;
	double		sum = 0;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) job->batch->n, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		hwr_real   *logp = ctx->logp + n * size;
		hwr_real   *grad = ctx->train.doutput + n * size;
		double		loss;

		ctx->cpu->k->log_softmax((size_t) job->T, job->K, ctx->train.output + n * size, logp);
		if (hwr_ctc_loss(logp, job->T, job->K, job->batch->labels[n], job->batch->label_lengths[n],
						 &loss, grad, 1.0 / job->feasible, ctx->ctc + (size_t) part * ctx->ctc_stride))
			sum += loss;
		else
			memset(grad, 0, size * sizeof(hwr_real));
	}
	ctx->partial[part] = sum;
}

static double
sum_partials(const HwrBackendContext *ctx)
{
	double		sum = 0;

	for (int i = 0; i < ctx->threads; i++)
		sum += ctx->partial[i];
	return sum;
}

static void
clear_grads_part(void *arg, int part, int parts)
{
	HwrBackendContext *ctx = ((TrainJob *) arg)->ctx;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(ctx->cpu->net->nvalues, part, parts, &lo, &hi);
	memset(ctx->cpu->grads + lo, 0, (hi - lo) * sizeof(hwr_real));
}

static void
norm_part(void *arg, int part, int parts)
{
	HwrBackendContext *ctx = ((TrainJob *) arg)->ctx;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(ctx->cpu->net->nvalues, part, parts, &lo, &hi);
	ctx->partial[part] = ctx->cpu->k->sum_squares(hi - lo, ctx->cpu->grads + lo);
}

/* Update this part's share of the parameter block, tensor by tensor. */
static void
update_part(void *arg, int part, int parts)
{
	TrainJob   *job = arg;
	HwrBackendContext *ctx = job->ctx;
	const HwrNet *net = ctx->cpu->net;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(net->nvalues, part, parts, &lo, &hi);
	for (int i = 0; i < net->ntensors; i++)
	{
		const HwrTensor *t = &net->tensors[i];
		size_t		from = t->offset > lo ? t->offset : lo;
		size_t		to = t->offset + t->count < hi ? t->offset + t->count : hi;

		if (t->trainable && from < to)
			hwr_optimizer_update(&job->step, t->decay, to - from, ctx->cpu->values + from,
								 ctx->cpu->grads + from, ctx->m + from,
								 ctx->v != NULL ? ctx->v + from : NULL);
	}
}

/* Buffers for this batch; counts the labels that fit into T steps. */
static bool
prepare_training(TrainJob *job, HwrStatus *st)
{
	HwrBackendContext *ctx = job->ctx;
	const HwrBatch *batch = job->batch;
	const HwrNet *net = ctx->cpu->net;
	size_t		ctc_stride = 0;

	if (!hwr_cpu_plan_prepare(&ctx->train, ctx->cpu, ctx->pool, 0, net->nlayers, true, false,
							  batch->n, batch->width, st))
		return false;
	job->T = ctx->train.runs[net->nlayers - 1].out.w;
	job->K = ctx->train.runs[net->nlayers - 1].out.c;
	for (int n = 0; n < batch->n; n++)
	{
		size_t		size = hwr_aligned(hwr_ctc_workspace(job->T, batch->label_lengths[n]));

		if (size > ctc_stride)
			ctc_stride = size;
		if (hwr_ctc_min_steps(batch->labels[n], batch->label_lengths[n]) <= job->T)
			job->feasible++;
	}
	ctx->ctc_stride = ctc_stride;
	if (!reserve((void **) &ctx->ctc, &ctx->ctc_size, ctc_stride * (size_t) ctx->threads, st) ||
		!reserve((void **) &ctx->ink, &ctx->ink_size,
				 (size_t) ctx->threads * (size_t) net->height * (size_t) batch->width, st) ||
		!reserve((void **) &ctx->logp, &ctx->logp_size,
				 (size_t) batch->n * (size_t) job->T * (size_t) job->K * sizeof(hwr_real), st))
		return false;
	return true;
}

static bool
cpu_train_step(HwrBackendContext *ctx, const HwrBatch *batch, double learning_rate,
			   uint64_t rng_key, HwrStepResult *result, HwrStatus *st)
{
	TrainJob	job = {.ctx = ctx,.batch = batch,.rng_key = rng_key};

	if (!prepare_training(&job, st))
		return false;
	memset(result, 0, sizeof(*result));
	result->infeasible = batch->n - job.feasible;
	if (job.feasible == 0)
		return true;			/* nothing to learn from */

	hwr_pool_run(ctx->pool, clear_grads_part, &job);
	hwr_pool_run(ctx->pool, load_part, &job);
	hwr_cpu_plan_forward(&ctx->train, rng_key);
	hwr_pool_run(ctx->pool, ctc_part, &job);
	result->loss = sum_partials(ctx) / job.feasible;
	hwr_cpu_plan_backward(&ctx->train);

	hwr_pool_run(ctx->pool, norm_part, &job);
	result->grad_norm = sqrt(sum_partials(ctx));
	if (!isfinite(result->grad_norm) || !isfinite(result->loss))
	{
		hwr_fail(st, HWR_BAD_DATA, "training diverged: the loss is no longer finite");
		return hwr_fail_hint(st, "Lower the training option \"learning_rate\" or set \"clip_norm\".");
	}
	job.step = (HwrOptimizerStep) {
		.kind = ctx->options->optimizer,
		.learning_rate = learning_rate,
		.momentum = ctx->options->momentum,
		.weight_decay = ctx->options->weight_decay,
		.grad_scale = hwr_clip_scale(result->grad_norm, ctx->options->clip_norm),
		.t = ++ctx->steps,
	};
	hwr_pool_run(ctx->pool, update_part, &job);
	hwr_cpu_net_changed(ctx->cpu);
	return true;
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
		.train_step = cpu_train_step,
	};

	return &backend;
}
