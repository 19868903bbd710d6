/*
 * train.cpp
 *	  One training step on the card.
 */
#include "train.h"

#include <stdlib.h>
#include <string.h>

extern "C"
{
#include "core/decode/ctc.h"
}

/* Labels are padded to a multiple of this, lest every longest label of a batch wants a graph of its own. */
#define LABEL_STEP 16

/* Share of the memory for canvases that are kept: one part in this many. */
#define CANVASES_PART 4

/* Where the pieces of an upload are, in host or device memory. */
static HwrGpuUpload
lay_out_upload(char *base, int n, int max_label)
{
	HwrGpuCursor cursor = {base, 0};
	HwrGpuUpload u;

	u.step = (HwrGpuStep *) hwr_gpu_take(&cursor, sizeof(HwrGpuStep));
	u.slots = (int *) hwr_gpu_take(&cursor, (size_t) n * sizeof(int));
	u.lengths = (int *) hwr_gpu_take(&cursor, (size_t) n * sizeof(int));
	u.labels = (int *) hwr_gpu_take(&cursor, (size_t) n * (size_t) max_label * sizeof(int));
	u.size = cursor.used;
	return u;
}

/* The trainable tensors, cut into ranges: out NULL only counts. */
static int
cut(const HwrNet *net, const size_t *offsets, HwrGpuRange *out)
{
	int			count = 0;

	for (int i = 0; i < net->ntensors; i++)
		if (net->tensors[i].trainable)
			count += hwr_gpu_cut(offsets[i], net->tensors[i].count, net->tensors[i].decay,
								 out != NULL ? out + count : NULL);
	return count;
}

static bool
create_state(HwrGpuTrain *train, HwrStatus *st)
{
	HwrGpuNet  *net = train->net;
	HwrGpuCursor cursor = {NULL, 0};
	HwrGpuRange *ranges;
	bool		ok;

	train->nranges = cut(net->net, net->offsets, NULL);
	for (int pass = 0; pass < 2; pass++)
	{
		cursor.used = 0;
		train->result = (HwrGpuResult *) hwr_gpu_take(&cursor, sizeof(HwrGpuResult));
		train->update = (HwrGpuUpdate *) hwr_gpu_take(&cursor, sizeof(HwrGpuUpdate));
		train->ranges = (HwrGpuRange *) hwr_gpu_take(&cursor, (size_t) train->nranges * sizeof(HwrGpuRange));
		train->partial = (double *) hwr_gpu_take(&cursor, (size_t) train->nranges * sizeof(double));
		if (!hwr_gpu_reserve(&net->memory, &train->state, cursor.used, st))
			return false;
		cursor.base = train->state.data;
	}
	ranges = (HwrGpuRange *) hwr_alloc((size_t) train->nranges, sizeof(HwrGpuRange), st);
	if (ranges == NULL)
		return false;
	(void) cut(net->net, net->offsets, ranges);
	ok = hwr_gpu_check(cudaMemcpyAsync(train->ranges, ranges, (size_t) train->nranges * sizeof(HwrGpuRange),
									   cudaMemcpyHostToDevice, net->stream), st) &&
		hwr_gpu_check(cudaStreamSynchronize(net->stream), st);
	free(ranges);
	return ok;
}

bool
hwr_gpu_train_create(HwrGpuTrain *train, HwrGpuNet *net, const HwrStepOptions *options, HwrGpuType type,
					 HwrStatus *st)
{
	size_t		memory_free;
	size_t		memory;

	train->net = net;
	train->plan.net = net;
	train->plan.type = type;
	train->plan.training = true;
	train->rule.kind = options->optimizer;
	train->rule.momentum = options->momentum;
	train->rule.weight_decay = options->weight_decay;
	train->rule.clip_norm = options->clip_norm;
	train->augment = options->augment;
	if (!hwr_gpu_check(cudaMemGetInfo(&memory_free, &memory), st) ||
		!hwr_gpu_check(cudaEventCreateWithFlags(&train->done, cudaEventBlockingSync | cudaEventDisableTiming), st) ||
		!hwr_gpu_reserve_pinned(&train->result_block, sizeof(HwrGpuResult), st))
		return false;
	train->result_host = (HwrGpuResult *) train->result_block.data;
	if (net->memory.limit > 0 && net->memory.limit < memory_free)
		memory_free = net->memory.limit;
	train->canvases.share = memory_free / CANVASES_PART;
	return create_state(train, st);
}

void
hwr_gpu_train_free(HwrGpuTrain *train)
{
	if (train->net == NULL)
		return;
	hwr_gpu_graphs_free(&train->graphs);
	hwr_gpu_canvases_free(&train->canvases, train->net);
	hwr_gpu_plan_free(&train->plan);
	hwr_gpu_release(&train->net->memory, &train->state);
	hwr_gpu_release(&train->net->memory, &train->upload_device);
	hwr_gpu_release(&train->net->memory, &train->ctc);
	hwr_gpu_release_pinned(&train->upload_host);
	hwr_gpu_release_pinned(&train->result_block);
	if (train->done != NULL)
		(void) cudaEventDestroy(train->done);
}

/* Images whose label fits into T steps. */
static int
count_feasible(const HwrBatch *batch, int T)
{
	int			feasible = 0;

	for (int i = 0; i < batch->n; i++)
		feasible += hwr_ctc_min_steps(batch->labels[i], batch->label_lengths[i]) <= T;
	return feasible;
}

static int
most_steps(const HwrGpuPlan *plan)
{
	int			most = plan->T;

	for (int i = 0; i < plan->nheads; i++)
		if (plan->heads[i].out.w > most)
			most = plan->heads[i].out.w;
	return most;
}

/* feasible: of the network; a head may have other steps. */
static void
set_scales(const HwrGpuTrain *train, const HwrBatch *batch, int feasible, HwrGpuStep *step)
{
	const HwrGpuPlan *plan = &train->plan;

	step->scales[0] = 1.0 / feasible;
	for (int i = 0; i < plan->nheads; i++)
	{
		int			fitting = count_feasible(batch, plan->heads[i].out.w);

		step->scales[1 + i] = fitting > 0 ? train->net->net->heads[i].weight / fitting : 0;
	}
}

/* Room for a batch's labels: all of those that fit into T steps; one too long to fit may be cut at T + 1. */
static int
label_room(const HwrBatch *batch, int T)
{
	int			longest = 1;

	for (int i = 0; i < batch->n; i++)
		if (batch->label_lengths[i] > longest)
			longest = batch->label_lengths[i];
	longest = (longest + LABEL_STEP - 1) / LABEL_STEP * LABEL_STEP;
	return longest < T + 1 ? longest : T + 1;
}

static bool
reserve_buffers(HwrGpuTrain *train, int n, HwrStatus *st)
{
	size_t		upload = lay_out_upload(NULL, n, train->max_label).size;
	size_t		losses = hwr_gpu_aligned((size_t) n * sizeof(double));

	if (!hwr_gpu_reserve_pinned(&train->upload_host, upload, st) ||
		!hwr_gpu_reserve(&train->net->memory, &train->upload_device, upload, st) ||
		!hwr_gpu_reserve(&train->net->memory, &train->ctc,
						 losses + hwr_gpu_ctc_size(n, train->most_steps, train->max_label), st))
		return false;
	train->upload = lay_out_upload(train->upload_device.data, n, train->max_label);
	train->plan.step = train->upload.step;
	train->losses = (double *) train->ctc.data;
	train->workspace = train->ctc.data + losses;
	return true;
}

static void
fill_labels(const HwrGpuTrain *train, const HwrBatch *batch, HwrGpuUpload *u)
{
	for (int i = 0; i < batch->n; i++)
	{
		int			length = batch->label_lengths[i];

		if (length > train->max_label)
			length = train->max_label;
		u->lengths[i] = length;
		memset(u->labels + (size_t) i * (size_t) train->max_label, 0, (size_t) train->max_label * sizeof(int));
		if (length > 0)
			memcpy(u->labels + (size_t) i * (size_t) train->max_label, batch->labels[i], (size_t) length * sizeof(int));
	}
}

/* Put the batch on its way to the card. */
static bool
send_batch(HwrGpuTrain *train, const HwrBatch *batch, const HwrGpuStep *step, HwrStatus *st)
{
	HwrGpuUpload u = lay_out_upload(train->upload_host.data, batch->n, train->max_label);
	size_t		size = (size_t) train->net->net->height * (size_t) batch->width;

	*u.step = *step;
	fill_labels(train, batch, &u);
	return hwr_gpu_canvases_load(&train->canvases, train->net, batch->n, size, batch->ink, batch->ids, u.slots,
								 &train->base, st) &&
		hwr_gpu_check(cudaMemcpyAsync(train->upload.step, u.step, u.size, cudaMemcpyHostToDevice, train->net->stream), st);
}

/* Canvases to logits, of launches that depend on the graph's key alone; so is what follows. */
static bool
forward(void *arg, HwrStatus *st)
{
	HwrGpuTrain *train = (HwrGpuTrain *) arg;
	HwrGpuNet  *net = train->net;
	const HwrGpuPlan *plan = &train->plan;
	const HwrGpuUpload *u = &train->upload;

	hwr_gpu_ink(net->stream, plan->type, plan->N, net->net->height, plan->width, train->base, u->slots, &train->augment,
				u->step, plan->warped, plan->input);
	return hwr_gpu_plan_forward(plan, st);
}

/* From logits [N][T][K] without bias to the gradient at them; logp may be logits. */
static void
loss(const HwrGpuTrain *train, int T, const float *logits, const HwrLayer *output, float *logp, const double *scale, void *dlogits)
{
	const HwrGpuNet *net = train->net;
	const HwrGpuPlan *plan = &train->plan;

	hwr_gpu_log_softmax(net->stream, HWR_GPU_FLOAT32, (int64_t) plan->N * T, plan->K, logits,
						hwr_gpu_tensor(net, net->values, output, 1), logp);
	hwr_gpu_ctc(net->stream, plan->type, plan->N, T, plan->K, logp, train->upload.labels, train->max_label, train->upload.lengths,
				scale, dlogits, train->losses, train->workspace);
}

static bool
work(void *arg, HwrStatus *st)
{
	HwrGpuTrain *train = (HwrGpuTrain *) arg;
	HwrGpuNet  *net = train->net;
	const HwrGpuPlan *plan = &train->plan;
	const HwrGpuUpload *u = &train->upload;

	if (!forward(arg, st))
		return false;
	loss(train, plan->T, plan->logits, &net->net->layers[net->net->nlayers - 1], plan->logp, &u->step->scales[0], plan->dlogits);
	hwr_gpu_ctc_mean(net->stream, plan->N, train->losses, train->result);
	for (int i = 0; i < plan->nheads; i++)
		loss(train, plan->heads[i].out.w, (const float *) plan->heads[i].y, plan->heads[i].layer, (float *) plan->heads[i].y,
			 &u->step->scales[1 + i], plan->heads[i].dy);
	if (!hwr_gpu_plan_backward(plan, st))
		return false;
	hwr_gpu_grad_norm(net->stream, train->nranges, train->ranges, net->grads, train->rule, u->step, train->partial,
					  train->update, train->result);
	hwr_gpu_update(net->stream, train->nranges, train->ranges, train->rule.kind, train->update, net->values, net->half,
				   net->grads, net->m, net->v);
	return hwr_gpu_launched(st);
}

/* Copy the result and wait for it, and with it for the whole step. */
static bool
fetch_result(HwrGpuTrain *train, HwrStatus *st)
{
	return hwr_gpu_check(cudaMemcpyAsync(train->result_host, train->result, sizeof(HwrGpuResult),
										 cudaMemcpyDeviceToHost, train->net->stream), st) &&
		hwr_gpu_check(cudaEventRecord(train->done, train->net->stream), st) &&
		hwr_gpu_check(cudaEventSynchronize(train->done), st);
}

/* The plan is prepared. */
static bool
run(HwrGpuTrain *train, const HwrBatch *batch, const HwrGpuStep *step, HwrGpuWork what, HwrStatus *st)
{
	HwrGpuGraphKey key = {};

	train->most_steps = most_steps(&train->plan);
	train->max_label = label_room(batch, train->most_steps);
	if (!reserve_buffers(train, batch->n, st) || !send_batch(train, batch, step, st))
		return false;
	key.n = batch->n;
	key.width = batch->width;
	key.measuring = what == forward;
	key.max_label = train->max_label;
	key.canvases = train->base;
	key.moves = train->net->memory.moves;
	return hwr_gpu_graphs_run(&train->graphs, train->net, key, what, train, st);
}

bool
hwr_gpu_train_step(HwrGpuTrain *train, const HwrBatch *batch, double learning_rate, uint64_t rng_key,
				   HwrStepResult *result, HwrStatus *st)
{
	HwrGpuStep	step = {rng_key, train->steps + 1, learning_rate, {}, 0};
	int			feasible;

	if (!hwr_gpu_plan_prepare(&train->plan, batch->n, batch->width, st))
		return false;
	memset(result, 0, sizeof(*result));
	feasible = count_feasible(batch, train->plan.T);
	result->infeasible = batch->n - feasible;
	if (feasible == 0)
		return true;			/* nothing to learn from */

	set_scales(train, batch, feasible, &step);
	if (!run(train, batch, &step, work, st) || !fetch_result(train, st))
		return false;
	if (train->result_host->diverged)
	{
		hwr_fail(st, HWR_BAD_DATA, "training diverged: the loss is no longer finite");
		return hwr_fail_hint(st, "Lower the training option \"learning_rate\" or set \"clip_norm\".");
	}
	result->loss = train->result_host->loss;
	result->grad_norm = train->result_host->grad_norm;
	train->steps++;
	return true;
}

bool
hwr_gpu_measure(HwrGpuTrain *train, const HwrBatch *batch, double share, uint64_t rng_key, HwrStatus *st)
{
	HwrGpuStep	step = {rng_key, train->steps, 0, {}, share};

	return hwr_gpu_plan_prepare(&train->plan, batch->n, batch->width, st) &&
		run(train, batch, &step, forward, st) &&
		hwr_gpu_check(cudaStreamSynchronize(train->net->stream), st);
}
