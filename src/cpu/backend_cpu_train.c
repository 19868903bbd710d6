/*
 * backend_cpu_train.c
 *	  A training step on the CPU: augment, forward, CTC, backward, clip, update.
 *
 * The network runs layer by layer over the whole minibatch, because batch normalisation needs its
 * statistics.  Its output and each head have a CTC loss; the sum of these, weighted, is what is minimised.
 */
#include <math.h>
#include <string.h>

#include "core/decode/ctc.h"
#include "core/augment/augment.h"
#include "core/train/optimizer.h"
#include "backend_cpu.h"

/* Logits with a CTC loss: the output layer's, then the heads'. */
typedef struct Target
{
	const HwrLayerRun *run;
	int			feasible;		/* images whose label fits in its steps */
	double		weight;
} Target;

typedef struct TrainJob
{
	HwrBackendContext *ctx;
	const HwrBatch *batch;
	uint64_t	rng_key;
	Target		targets[1 + HWR_MAX_HEADS];
	int			ntargets;
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
	const HwrAugmentStrengths *augment = &ctx->step->augment;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) job->batch->n, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		const uint8_t *ink = job->batch->ink + n * size;
		HwrRng		rng;

		if (hwr_augment_any(augment))
		{
			hwr_rng_seed(&rng, job->rng_key, n);
			hwr_augment(ink, warped, height, width, augment, &rng);
			ink = warped;
		}
		ctx->cpu->k->from_ink(size, ink, ctx->train.input + n * size);
	}
}

/* CTC loss of image n and its gradient at the logits; 0 where the label does not fit. */
static double
image_loss(const TrainJob *job, const Target *target, size_t n, int part)
{
	HwrBackendContext *ctx = job->ctx;
	int			T = target->run->out.w;
	int			K = target->run->out.c;
	size_t		size = (size_t) T * (size_t) K;
	hwr_real   *logp = ctx->logp + (size_t) part * ctx->logp_stride;
	hwr_real   *grad = target->run->dy + n * size;
	double		loss;

	ctx->cpu->k->log_softmax((size_t) T, K, target->run->y + n * size, logp);
	if (hwr_ctc_loss(logp, T, K, job->batch->labels[n], job->batch->label_lengths[n], &loss, grad,
					 target->weight / target->feasible, ctx->ctc + (size_t) part * ctx->ctc_stride))
		return loss;
	memset(grad, 0, size * sizeof(hwr_real));
	return 0;
}

/* Gradients at the logits of this part's images, and the sum of the network's losses. */
static void
ctc_part(void *arg, int part, int parts)
{
	TrainJob   *job = arg;
	double		sum = 0;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) job->batch->n, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		sum += image_loss(job, &job->targets[0], n, part);
		for (int i = 1; i < job->ntargets; i++)
			image_loss(job, &job->targets[i], n, part);
	}
	job->ctx->partial[part] = sum;
}

/* The loss at the maps' logits, and its gradient there. */
static double
map_loss(const TrainJob *job)
{
	const HwrNet *net = job->ctx->cpu->net;
	const HwrLayerRun *run = &job->ctx->train.runs[net->nlayers - 1];
	const HwrBatch *batch = job->batch;

	return batch->map_loss->compute(batch->n, run->out.h, run->out.w, run->out.c, run->y, batch->maps, run->dy);
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

/* Counts the labels that fit, and has each thread's CTC buffers large enough. */
static void
add_target(const TrainJob *job, Target *target, const HwrLayerRun *run, double weight)
{
	HwrBackendContext *ctx = job->ctx;
	const HwrBatch *batch = job->batch;
	int			T = run->out.w;
	size_t		size = hwr_shape_size(run->out);

	*target = (Target) {.run = run,.weight = weight};
	if (size > ctx->logp_stride)
		ctx->logp_stride = size;
	for (int n = 0; n < batch->n; n++)
	{
		size = hwr_aligned(hwr_ctc_workspace(T, batch->label_lengths[n]));
		if (size > ctx->ctc_stride)
			ctx->ctc_stride = size;
		target->feasible += hwr_ctc_min_steps(batch->labels[n], batch->label_lengths[n]) <= T;
	}
}

/* The plan for this batch, and room for its distorted canvases. */
static bool
prepare_plan(const TrainJob *job, HwrStatus *st)
{
	HwrBackendContext *ctx = job->ctx;
	const HwrBatch *batch = job->batch;
	const HwrNet *net = ctx->cpu->net;

	return hwr_cpu_plan_prepare(&ctx->train, ctx->cpu, ctx->pool, 0, net->nlayers, true, false, batch->n, batch->width, st) &&
		hwr_cpu_reserve((void **) &ctx->ink, &ctx->ink_size,
						(size_t) ctx->threads * (size_t) net->height * (size_t) batch->width, st);
}

static bool
prepare_targets(TrainJob *job, HwrStatus *st)
{
	HwrBackendContext *ctx = job->ctx;
	const HwrNet *net = ctx->cpu->net;
	size_t		threads = (size_t) ctx->threads;

	add_target(job, &job->targets[0], &ctx->train.runs[net->nlayers - 1], 1);
	for (int i = 0; i < net->nheads; i++)
		add_target(job, &job->targets[1 + i], &ctx->train.heads[i], net->heads[i].weight);
	job->ntargets = 1 + net->nheads;
	return hwr_cpu_reserve((void **) &ctx->ctc, &ctx->ctc_size, threads * ctx->ctc_stride, st) &&
		hwr_cpu_reserve((void **) &ctx->logp, &ctx->logp_size, threads * ctx->logp_stride * sizeof(hwr_real), st);
}

bool
hwr_cpu_train_step(HwrBackendContext *ctx, const HwrBatch *batch, double learning_rate,
				   uint64_t rng_key, HwrStepResult *result, HwrStatus *st)
{
	TrainJob	job = {.ctx = ctx,.batch = batch,.rng_key = rng_key};
	int			feasible;

	memset(result, 0, sizeof(*result));
	if (!prepare_plan(&job, st))
		return false;
	if (ctx->cpu->net->maps)
		feasible = batch->n;
	else
	{
		if (!prepare_targets(&job, st))
			return false;
		feasible = job.targets[0].feasible;
		result->infeasible = batch->n - feasible;
		if (feasible == 0)
			return true;		/* nothing to learn from */
	}

	hwr_pool_run(ctx->pool, clear_grads_part, &job);
	hwr_pool_run(ctx->pool, load_part, &job);
	hwr_cpu_plan_forward(&ctx->train, rng_key);
	if (ctx->cpu->net->maps)
		result->loss = map_loss(&job);
	else
	{
		hwr_pool_run(ctx->pool, ctc_part, &job);
		result->loss = sum_partials(ctx) / feasible;
	}
	hwr_cpu_plan_backward(&ctx->train);

	hwr_pool_run(ctx->pool, norm_part, &job);
	result->grad_norm = sqrt(sum_partials(ctx));
	if (!isfinite(result->grad_norm) || !isfinite(result->loss))
	{
		hwr_fail(st, HWR_BAD_DATA, "training diverged: the loss is no longer finite");
		return hwr_fail_hint(st, "Lower the training option \"learning_rate\" or set \"clip_norm\".");
	}
	job.step = (HwrOptimizerStep) {
		.kind = ctx->step->optimizer,
		.learning_rate = learning_rate,
		.momentum = ctx->step->momentum,
		.weight_decay = ctx->step->weight_decay,
		.grad_scale = hwr_clip_scale(result->grad_norm, ctx->step->clip_norm),
		.t = ++ctx->steps,
	};
	hwr_pool_run(ctx->pool, update_part, &job);
	hwr_cpu_net_changed(ctx->cpu);
	return true;
}

bool
hwr_cpu_measure(HwrBackendContext *ctx, const HwrBatch *batch, double share, uint64_t rng_key, HwrStatus *st)
{
	TrainJob	job = {.ctx = ctx,.batch = batch,.rng_key = rng_key};

	if (!prepare_plan(&job, st))
		return false;
	hwr_pool_run(ctx->pool, load_part, &job);
	hwr_cpu_plan_measure(&ctx->train, share, rng_key);
	hwr_cpu_net_changed(ctx->cpu);
	return true;
}
