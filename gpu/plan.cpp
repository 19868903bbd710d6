/*
 * plan.cpp
 *	  Stages of a network, their memory, and the loop over them.
 */
#include "plan.h"

#include <string.h>

void *
hwr_gpu_take(HwrGpuCursor *cursor, size_t bytes)
{
	char	   *p = cursor->base != NULL ? cursor->base + cursor->used : NULL;

	cursor->used += hwr_gpu_aligned(bytes);
	return p;
}

/* Whether bias, activation, batch norm and pool of one stage may follow this layer. */
static bool
has_tail(const HwrLayer *layer)
{
	return layer->kind == HWR_LAYER_CONV || layer->kind == HWR_LAYER_BATCH_NORM ||
		(layer->kind == HWR_LAYER_DENSE && layer->activation != HWR_ACT_SOFTMAX);
}

static const HwrGpuStageOps *
ops_of(HwrLayerKind kind)
{
	switch (kind)
	{
		case HWR_LAYER_CONV:
			return &hwr_gpu_conv_ops;
		case HWR_LAYER_DENSE:
		case HWR_LAYER_OUTPUT:
			return &hwr_gpu_dense_ops;
		case HWR_LAYER_RESHAPE:
			return &hwr_gpu_reshape_ops;
		case HWR_LAYER_LSTM:
			return &hwr_gpu_lstm_ops;
		case HWR_LAYER_DROPOUT:
			return &hwr_gpu_dropout_ops;
		case HWR_LAYER_POOL:
		case HWR_LAYER_BATCH_NORM:
		case HWR_LAYER_GROUP_NORM:	/* these four are refused by hwr_gpu_net_create */
		case HWR_LAYER_IDENTITY:
		case HWR_LAYER_SUM:
		case HWR_LAYER_JOIN:
			break;
	}
	return &hwr_gpu_point_ops;
}

/* The stage that begins with layer i, whose input is in.  Returns the layer after it. */
static int
make_stage(const HwrNet *net, int i, HwrShape in, const HwrShape *shapes, HwrGpuStage *stage)
{
	const HwrLayer *layer = &net->layers[i];
	bool		tail = has_tail(layer);

	*stage = HwrGpuStage();
	stage->ops = ops_of(layer->kind);
	stage->index = i;
	stage->logits = layer->kind == HWR_LAYER_OUTPUT;
	stage->in = in;
	stage->mid = in;
	if (layer->kind == HWR_LAYER_BATCH_NORM)
		stage->norm = layer;
	else if (layer->kind == HWR_LAYER_POOL)
		stage->pool = layer;
	else
	{
		stage->layer = layer;
		stage->mid = shapes[i];
	}
	if (tail && stage->norm == NULL && net->layers[i + 1].kind == HWR_LAYER_BATCH_NORM)
		stage->norm = &net->layers[++i];
	if (tail && net->layers[i + 1].kind == HWR_LAYER_POOL)
		stage->pool = &net->layers[++i];
	stage->out = shapes[i];
	return i + 1;
}

/* The stage of an LSTM, which is one by itself. */
static HwrGpuStage *
stage_of(HwrGpuPlan *plan, int layer)
{
	HwrGpuStage *stage = plan->stages;

	while (stage->layer != &plan->net->net->layers[layer])
		stage++;
	return stage;
}

static void
make_heads(HwrGpuPlan *plan)
{
	const HwrNet *net = plan->net->net;

	plan->nheads = plan->training ? net->nheads : 0;
	for (int i = 0; i < plan->nheads; i++)
	{
		HwrGpuStage *head = &plan->heads[i];

		*head = HwrGpuStage();
		head->ops = &hwr_gpu_dense_ops;
		head->layer = &net->heads[i].layer;
		head->index = net->heads[i].reads;
		head->logits = true;
		head->in = stage_of(plan, head->index)->in;
		head->mid = head->in;
		head->mid.c = head->layer->units;
		head->out = head->mid;
	}
}

/* Nets end in an output layer, so that make_stage may look at the layer after any other. */
static bool
make_stages(HwrGpuPlan *plan, HwrStatus *st)
{
	const HwrNet *net = plan->net->net;
	HwrShape	shapes[HWR_MAX_LAYERS];
	HwrShape	in = {net->height, plan->width, 1};

	if (!hwr_net_shapes(net, plan->width, shapes, st))
		return false;
	plan->nstages = 0;
	for (int i = 0; i < net->nlayers;)
	{
		i = make_stage(net, i, in, shapes, &plan->stages[plan->nstages++]);
		in = shapes[i - 1];
	}
	plan->T = in.w;
	plan->K = in.c;
	make_heads(plan);
	return true;
}

/* What a head has of its own */
static void
lay_out_head(HwrGpuPlan *plan, HwrGpuStage *head, HwrGpuCursor *kept, HwrGpuCursor *scratch)
{
	head->x = stage_of(plan, head->index)->x;
	head->y = hwr_gpu_take(kept, hwr_gpu_count(plan, head->out) * sizeof(float));
	head->dy = hwr_gpu_take(kept, hwr_gpu_bytes(plan, head->out));
	head->dx = hwr_gpu_take(kept, hwr_gpu_bytes(plan, head->in));
	head->ops->layout(plan, head, kept, scratch);
}

/* Place every array, or measure with base NULL: bytes that are kept, and the scratch of the largest stage. */
static void
lay_out(HwrGpuPlan *plan, HwrGpuCursor *kept, HwrGpuCursor *scratch)
{
	const HwrGpuStage *last = &plan->stages[plan->nstages - 1];
	size_t		logits = hwr_gpu_count(plan, last->out) * sizeof(float);
	size_t		largest = 0;
	size_t		scratch_size = 0;
	void	   *turn[2];

	for (int i = 0; i < plan->nstages; i++)
		if (hwr_gpu_bytes(plan, plan->stages[i].out) > largest)
			largest = hwr_gpu_bytes(plan, plan->stages[i].out);
	plan->input = hwr_gpu_take(kept, hwr_gpu_bytes(plan, plan->stages[0].in));
	plan->warped = plan->training ? (uint8_t *) hwr_gpu_take(kept, 2 * hwr_gpu_count(plan, plan->stages[0].in)) : NULL;
	plan->logits = (float *) hwr_gpu_take(kept, logits);
	plan->logp = (float *) hwr_gpu_take(kept, logits);
	turn[0] = hwr_gpu_take(kept, largest);
	turn[1] = hwr_gpu_take(kept, largest);

	for (int i = 0; i < plan->nstages; i++)
	{
		HwrGpuStage *stage = &plan->stages[i];

		stage->x = i > 0 ? plan->stages[i - 1].y : plan->input;
		if (stage->logits)
			stage->y = plan->logits;
		else
			stage->y = plan->training ? hwr_gpu_take(kept, hwr_gpu_bytes(plan, stage->out)) : turn[i % 2];
		if (plan->training)
		{
			stage->dy = turn[i % 2];
			stage->dx = i > 0 ? turn[(i + 1) % 2] : NULL;
		}
		scratch->used = 0;
		if (stage->ops->layout != NULL)
			stage->ops->layout(plan, stage, kept, scratch);
		if (scratch->used > scratch_size)
			scratch_size = scratch->used;
	}
	for (int i = 0; i < plan->nheads; i++)
	{
		scratch->used = 0;
		lay_out_head(plan, &plan->heads[i], kept, scratch);
		if (scratch->used > scratch_size)
			scratch_size = scratch->used;
	}
	scratch->used = scratch_size;
	plan->dlogits = last->dy;
}

bool
hwr_gpu_plan_prepare(HwrGpuPlan *plan, int N, int width, HwrStatus *st)
{
	HwrGpuCursor kept = {NULL, 0};
	HwrGpuCursor scratch = {NULL, 0};

	if (plan->N == N && plan->width == width)
		return true;
	plan->N = N;
	plan->width = width;
	if (make_stages(plan, st))
	{
		lay_out(plan, &kept, &scratch);
		if (hwr_gpu_reserve(&plan->net->memory, &plan->arena, kept.used + scratch.used, st))
		{
			scratch = {plan->arena.data + kept.used, 0};
			kept = {plan->arena.data, 0};
			lay_out(plan, &kept, &scratch);
			return true;
		}
	}
	plan->N = 0;				/* laid out for nothing */
	return false;
}

void
hwr_gpu_plan_free(HwrGpuPlan *plan)
{
	hwr_gpu_release(&plan->net->memory, &plan->arena);
	plan->N = 0;
}

bool
hwr_gpu_plan_forward(const HwrGpuPlan *plan, HwrStatus *st)
{
	for (int i = 0; i < plan->nstages; i++)
		if (!plan->stages[i].ops->forward(plan, &plan->stages[i], st) || !hwr_gpu_launched(st))
			return false;
	for (int i = 0; i < plan->nheads; i++)
		if (!plan->heads[i].ops->forward(plan, &plan->heads[i], st) || !hwr_gpu_launched(st))
			return false;
	return true;
}

/* The heads that read what this stage reads, after its own backward */
static bool
heads_backward(const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st)
{
	for (int i = 0; i < plan->nheads; i++)
	{
		const HwrGpuStage *head = &plan->heads[i];

		if (head->x != stage->x)
			continue;
		if (!head->ops->backward(plan, head, st))
			return false;
		hwr_gpu_add(plan->net->stream, plan->type, hwr_gpu_count(plan, head->in), head->dx, stage->dx);
	}
	return true;
}

bool
hwr_gpu_plan_backward(const HwrGpuPlan *plan, HwrStatus *st)
{
	for (int i = plan->nstages - 1; i >= 0; i--)
		if (!plan->stages[i].ops->backward(plan, &plan->stages[i], st) || !heads_backward(plan, &plan->stages[i], st) ||
			!hwr_gpu_launched(st))
			return false;
	return true;
}
