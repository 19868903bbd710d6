/*
 * backend_cuda.cpp
 *	  The card behind backend.h.
 *
 * All work of a context goes to one stream; the calls that return something wait for it.  After an error that
 * CUDA calls sticky every further call fails too, and the process has to be replaced.
 */
#include <stdlib.h>
#include <string.h>

#include "train.h"

/* Images that inference takes at once: beyond this nothing is gained but memory spent. */
#define MAX_IMAGES 1024

struct HwrBackendContext
{
	HwrGpuNet	net;
	HwrGpuTrain *train;			/* NULL: inference only */
	HwrGpuPlan	infer;
	HwrGpuGraphs graphs;		/* of inference */
	HwrGpuBlock ink;			/* [n][H][W] of the batch in hand */
	HwrGpuBlock staging;		/* page-locked: ink on its way up, posteriors on their way down */
};

static void
destroy(HwrBackendContext *ctx)
{
	if (ctx == NULL)
		return;
	if (ctx->train != NULL)
		hwr_gpu_train_free(ctx->train);
	free(ctx->train);
	hwr_gpu_graphs_free(&ctx->graphs);
	if (ctx->infer.net != NULL)
		hwr_gpu_plan_free(&ctx->infer);
	hwr_gpu_release(&ctx->net.memory, &ctx->ink);
	hwr_gpu_release_pinned(&ctx->staging);
	hwr_gpu_net_free(&ctx->net);
	free(ctx);
}

static HwrGpuType
train_type(const HwrStepOptions *options)
{
	return options->precision == HWR_TRAIN_FLOAT32 ? HWR_GPU_FLOAT32 : HWR_GPU_BFLOAT16;
}

static bool
fill(HwrBackendContext *ctx, const HwrBackendConfig *config, HwrStatus *st)
{
	bool		half = config->precision != HWR_FLOAT32 ||
		(config->training && train_type(config->step) == HWR_GPU_BFLOAT16);

	if (!hwr_gpu_net_create(&ctx->net, config, half, st))
		return false;
	ctx->infer.net = &ctx->net;
	ctx->infer.type = config->precision == HWR_FLOAT32 ? HWR_GPU_FLOAT32 : HWR_GPU_BFLOAT16;
	if (!config->training)
		return true;
	ctx->train = (HwrGpuTrain *) hwr_alloc_zero(1, sizeof(HwrGpuTrain), st);
	return ctx->train != NULL &&
		hwr_gpu_train_create(ctx->train, &ctx->net, config->step, train_type(config->step), st);
}

static bool
create(const HwrBackendConfig *config, HwrBackendContext **out, HwrStatus *st)
{
	HwrBackendContext *ctx = (HwrBackendContext *) hwr_alloc_zero(1, sizeof(HwrBackendContext), st);

	if (ctx == NULL)
		return false;
	if (!fill(ctx, config, st))
	{
		destroy(ctx);
		return false;
	}
	*out = ctx;
	return true;
}

static size_t
memory(const HwrBackendContext *ctx)
{
	return ctx->net.memory.used;
}

static bool
set_values(HwrBackendContext *ctx, const float *values, HwrStatus *st)
{
	HwrGpuNet  *net = &ctx->net;

	if (!hwr_gpu_net_write(net, values, net->values, st))
		return false;
	if (net->half != NULL)
		hwr_gpu_convert(net->stream, net->nvalues, HWR_GPU_FLOAT32, net->values, HWR_GPU_BFLOAT16, net->half);
	return hwr_gpu_launched(st);
}

static bool
get_values(HwrBackendContext *ctx, float *values, HwrStatus *st)
{
	return hwr_gpu_net_read(&ctx->net, ctx->net.values, values, st);
}

static bool
set_moments(HwrBackendContext *ctx, const float *m, const float *v, int64_t steps, HwrStatus *st)
{
	HwrGpuNet  *net = &ctx->net;

	ctx->train->steps = steps;
	return hwr_gpu_net_write(net, m, net->m, st) && (net->v == NULL || hwr_gpu_net_write(net, v, net->v, st));
}

static bool
get_moments(HwrBackendContext *ctx, float *m, float *v, int64_t *steps, HwrStatus *st)
{
	HwrGpuNet  *net = &ctx->net;

	*steps = ctx->train->steps;
	if (net->v == NULL)
		memset(v, 0, net->net->nvalues * sizeof(float));
	return hwr_gpu_net_read(net, net->m, m, st) && (net->v == NULL || hwr_gpu_net_read(net, net->v, v, st));
}

/* ink -> logp of the batch that the plan is laid out for */
static bool
infer_work(void *arg, HwrStatus *st)
{
	HwrBackendContext *ctx = (HwrBackendContext *) arg;
	HwrGpuNet  *net = &ctx->net;
	const HwrGpuPlan *plan = &ctx->infer;
	const HwrLayer *output = &net->net->layers[net->net->nlayers - 1];

	hwr_gpu_ink(net->stream, plan->type, plan->N, net->net->height, plan->width, (const uint8_t *) ctx->ink.data, NULL,
				NULL, NULL, NULL, plan->input);
	if (!hwr_gpu_plan_forward(plan, st))
		return false;
	hwr_gpu_log_softmax(net->stream, HWR_GPU_FLOAT32, (int64_t) plan->N * plan->T, plan->K, plan->logits,
						hwr_gpu_tensor(net, net->values, output, 1), plan->logp);
	return hwr_gpu_launched(st);
}

static bool
infer_some(HwrBackendContext *ctx, int n, int width, const uint8_t *ink, float *logp, HwrStatus *st)
{
	HwrGpuNet  *net = &ctx->net;
	HwrGpuPlan *plan = &ctx->infer;
	HwrGpuGraphKey key = {};
	size_t		up = (size_t) n * (size_t) net->net->height * (size_t) width;
	size_t		down;

	if (!hwr_gpu_plan_prepare(plan, n, width, st))
		return false;
	down = (size_t) n * (size_t) plan->T * (size_t) plan->K * sizeof(float);
	if (!hwr_gpu_reserve(&net->memory, &ctx->ink, up, st) ||
		!hwr_gpu_reserve_pinned(&ctx->staging, up > down ? up : down, st))
		return false;
	memcpy(ctx->staging.data, ink, up);
	key.n = n;
	key.width = width;
	key.moves = net->memory.moves;
	if (!hwr_gpu_check(cudaMemcpyAsync(ctx->ink.data, ctx->staging.data, up, cudaMemcpyHostToDevice, net->stream), st) ||
		!hwr_gpu_graphs_run(&ctx->graphs, net, key, infer_work, ctx, st) ||
		!hwr_gpu_check(cudaMemcpyAsync(ctx->staging.data, plan->logp, down, cudaMemcpyDeviceToHost, net->stream), st) ||
		!hwr_gpu_check(cudaStreamSynchronize(net->stream), st))
		return false;
	memcpy(logp, ctx->staging.data, down);
	return true;
}

static bool
infer(HwrBackendContext *ctx, int n, int width, const uint8_t *ink, float *logp, HwrStatus *st)
{
	size_t		image = (size_t) ctx->net.net->height * (size_t) width;

	for (int i = 0; i < n; i += MAX_IMAGES)
	{
		int			some = n - i < MAX_IMAGES ? n - i : MAX_IMAGES;

		if (!infer_some(ctx, some, width, ink + (size_t) i * image, logp, st))
			return false;
		logp += (size_t) some * (size_t) ctx->infer.T * (size_t) ctx->infer.K;
	}
	return true;
}

static bool
train_step(HwrBackendContext *ctx, const HwrBatch *batch, double learning_rate, uint64_t rng_key,
		   HwrStepResult *result, HwrStatus *st)
{
	return hwr_gpu_train_step(ctx->train, batch, learning_rate, rng_key, result, st);
}

static bool
measure(HwrBackendContext *ctx, const HwrBatch *batch, double share, uint64_t rng_key, HwrStatus *st)
{
	return hwr_gpu_measure(ctx->train, batch, share, rng_key, st);
}

#define EXPORT __attribute__((visibility("default")))

extern "C"
{
extern EXPORT const int hwr_backend_abi;
extern EXPORT const HwrBackend *hwr_backend(void);

const int	hwr_backend_abi = HWR_BACKEND_ABI;

const HwrBackend *
hwr_backend(void)
{
	static const HwrBackend backend = {
		HWR_BACKEND_ABI, "cuda", hwr_gpu_describe, create, destroy, memory,
		set_values, get_values, set_moments, get_moments, infer, train_step, measure, nullptr,
	};

	return &backend;
}
}
