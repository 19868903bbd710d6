/*
 * cpu_net.c
 *	  Memory plan and layer loop of the CPU network.
 *
 * All memory of a plan is one arena.  Training keeps every layer's output and lets the
 * gradients alternate between two buffers; inference lets the outputs alternate.  Where layers are in parallel, each keeps
 * both, and the gradient of a map that several layers read is their sum.
 */
#include "cpu_net.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t) 2 << 20)

bool
hwr_cpu_net_create(const HwrNet *net, bool training, HwrCpuNet **out, HwrStatus *st)
{
	HwrCpuNet  *cpu = hwr_alloc_zero(1, sizeof(HwrCpuNet), st);

	if (cpu == NULL)
		return false;
	cpu->net = net;
	cpu->k = hwr_kernels();
	cpu->version = 1;
	cpu->values = hwr_alloc_zero(net->nvalues, sizeof(hwr_real), st);
	if (cpu->values != NULL && training)
		cpu->grads = hwr_alloc_zero(net->nvalues, sizeof(hwr_real), st);
	if (cpu->values == NULL || (training && cpu->grads == NULL))
	{
		hwr_cpu_net_free(cpu);
		return false;
	}
	*out = cpu;
	return true;
}

void
hwr_cpu_net_free(HwrCpuNet *cpu)
{
	if (cpu == NULL)
		return;
	if (!cpu->borrowed)
		free(cpu->values);
	free(cpu->grads);
	free(cpu);
}

void
hwr_cpu_net_set(HwrCpuNet *cpu, const float *values, bool borrow)
{
#ifndef HWR_REAL_DOUBLE
	if (borrow)
	{
		if (!cpu->borrowed)
			free(cpu->values);
		/* written only in training */
		cpu->values = (hwr_real *) (uintptr_t) values;
		cpu->borrowed = true;
		hwr_cpu_net_changed(cpu);
		return;
	}
#else
	(void) borrow;
#endif
	for (size_t i = 0; i < cpu->net->nvalues; i++)
		cpu->values[i] = (hwr_real) values[i];
	hwr_cpu_net_changed(cpu);
}

void
hwr_cpu_net_changed(HwrCpuNet *cpu)
{
	cpu->version++;
}

static bool
is_kind(const HwrCpuPlan *plan, int i, HwrLayerKind kind)
{
	return i >= plan->first && i < plan->last && plan->runs[i].layer->kind == kind;
}

/* Tell the plain convolutions which neighbours they work for (HwrLayerRun). */
static void
fuse_runs(HwrCpuPlan *plan)
{
	for (int i = plan->first; i < plan->last; i++)
	{
		HwrLayerRun *conv = &plan->runs[i];
		const HwrLayer *pool = i + 1 < plan->last ? plan->runs[i + 1].layer : NULL;
		int			after = i + 1;

		if (conv->layer->kind != HWR_LAYER_CONV || !hwr_conv_is_plain(conv->layer))
			continue;
		/* the slope at a maximum must follow from the maximum alone */
		if (conv->layer->activation != HWR_ACT_SOFTMAX && is_kind(plan, after, HWR_LAYER_POOL) && pool->sy == pool->ky &&
			pool->sx == pool->kx)
		{
			conv->pool_after = &plan->runs[after++];
			conv->pool_after->by_previous = true;
		}
		if (is_kind(plan, after, HWR_LAYER_BATCH_NORM))
		{
			conv->norm_after = &plan->runs[after];
			conv->norm_after->by_previous = true;
		}
		if (is_kind(plan, i - 1, HWR_LAYER_BATCH_NORM))
		{
			conv->norm_before = &plan->runs[i - 1];
			conv->norm_before->by_next = true;
		}
	}
}

static HwrLayerRun
describe_run(HwrCpuPlan *plan, const HwrLayer *layer, int index, HwrShape in, HwrShape out)
{
	return (HwrLayerRun) {
		.net = plan->cpu->net,
		.layer = layer,
		.index = index,
		.runs = plan->runs,
		.N = plan->N,
		.in = in,
		.out = out,
		.training = plan->training,
		.k = plan->cpu->k,
		.e = plan->training && plan->cpu->e != NULL ? plan->cpu->e : plan->cpu->k->elements,
		.pool = plan->pool,
		.version = &plan->cpu->version,
		.values = plan->cpu->values,
		.grads = plan->cpu->grads,
	};
}

static void
describe_heads(HwrCpuPlan *plan)
{
	const HwrNet *net = plan->cpu->net;

	for (int i = 0; i < net->nheads; i++)
	{
		const HwrHead *head = &net->heads[i];
		HwrShape	in = plan->runs[head->reads].in;
		HwrShape	out = {in.h, in.w, head->layer.units};

		plan->heads[i] = describe_run(plan, &head->layer, net->nlayers + i, in, out);
	}
}

/* Shapes and settings of each layer's run; pointers come later. */
static bool
describe_runs(HwrCpuPlan *plan, HwrStatus *st)
{
	const HwrNet *net = plan->cpu->net;
	HwrShape	shapes[HWR_MAX_LAYERS];
	HwrShape	input = {net->height, plan->width, 1};

	if (!hwr_net_shapes(net, plan->width, shapes, st))
		return false;
	plan->branches = false;
	for (int i = plan->first; i < plan->last; i++)
	{
		HwrShape	in;

		(void) hwr_layer_input(&net->layers[i], input, shapes, &in);
		plan->runs[i] = describe_run(plan, &net->layers[i], i, in, shapes[i]);
		plan->branches = plan->branches || net->layers[i].kind == HWR_LAYER_JOIN;
	}
	if (plan->training && !plan->branches)
		fuse_runs(plan);
	if (plan->training)
	{
		for (int i = plan->first; i < plan->last; i++)
			if (plan->runs[i].layer->kind == HWR_LAYER_CONV)
				hwr_conv_choose_elements(&plan->runs[i]);
		describe_heads(plan);
	}
	return true;
}

/* Values of a map of the whole batch. */
static size_t
batch_size(const HwrCpuPlan *plan, HwrShape shape)
{
	return (size_t) plan->N * hwr_shape_size(shape);
}

static size_t
scratch_size(const HwrLayerRun *run)
{
	const HwrLayerOps *ops = hwr_layer_ops(run->layer->kind);

	return ops->scratch_size ? hwr_aligned(ops->scratch_size(run)) : 0;
}

static int
plan_heads(const HwrCpuPlan *plan)
{
	return plan->training ? plan->cpu->net->nheads : 0;
}

/* What a head has of its own.  The gradient at its logits takes their place. */
static void
assign_head(HwrCpuPlan *plan, HwrLayerRun *head, char *base, size_t *cursor)
{
	head->aux = hwr_take(base, cursor, hwr_layer_ops(head->layer->kind)->aux_size(head), 1);
	head->y = hwr_take(base, cursor, batch_size(plan, head->out), sizeof(hwr_real));
	head->dy = head->y;
	head->dx = hwr_take(base, cursor, batch_size(plan, head->in), sizeof(hwr_real));
}

/* The next layer behind from that reads what layer i does; 0: none. */
static int
next_reader(const HwrCpuPlan *plan, int i, int from)
{
	for (int other = from + 1; other < plan->last; other++)
		if (plan->runs[other].layer->kind != HWR_LAYER_JOIN && plan->runs[other].layer->source == plan->runs[i].layer->source)
			return other;
	return 0;
}

/* Whether a layer reads what others read, too. */
static bool
reads_shared(const HwrCpuPlan *plan, int i)
{
	return plan->branches && plan->runs[i].layer->kind != HWR_LAYER_JOIN &&
		next_reader(plan, i, next_reader(plan, i, plan->first - 1)) != 0;
}

/* Where the gradient of what layer i reads is in the end; NULL: it is not wanted. */
static hwr_real *
input_gradient(const HwrCpuPlan *plan, int i)
{
	int			source = plan->runs[i].layer->source;

	return source >= plan->first ? plan->runs[source].dy : plan->dinput;
}

/* Give every run its memory from base, or measure with base NULL.  Returns the arena's size. */
static size_t
assign_memory(HwrCpuPlan *plan, char *base, bool want_dinput)
{
	size_t		cursor = 0;
	size_t		largest = 0;
	size_t		scratch_stride = 0;
	int			nheads = plan_heads(plan);
	hwr_real   *turn[2];
	char	   *scratch;

	plan->input = hwr_take(base, &cursor, batch_size(plan, plan->runs[plan->first].in), sizeof(hwr_real));
	for (int i = plan->first; i < plan->last; i++)
	{
		HwrLayerRun *run = &plan->runs[i];
		const HwrLayerOps *ops = hwr_layer_ops(run->layer->kind);

		run->aux = hwr_take(base, &cursor, ops->aux_size ? ops->aux_size(run) : 0, 1);
		if (scratch_size(run) > scratch_stride)
			scratch_stride = scratch_size(run);
		if (batch_size(plan, run->out) > largest)
			largest = batch_size(plan, run->out);
		if (plan->branches && batch_size(plan, run->in) > largest)
			largest = batch_size(plan, run->in);
		/* a map between fused layers is passed on as it is, or not there at all */
		if (run->by_next)
			run->y = NULL;
		else if ((plan->training && run->pool_after == NULL) || plan->branches)
			run->y = hwr_take(base, &cursor, batch_size(plan, run->out), sizeof(hwr_real));
	}
	for (int i = 0; i < nheads; i++)
	{
		assign_head(plan, &plan->heads[i], base, &cursor);
		if (scratch_size(&plan->heads[i]) > scratch_stride)
			scratch_stride = scratch_size(&plan->heads[i]);
	}
	turn[0] = hwr_take(base, &cursor, largest, sizeof(hwr_real));
	turn[1] = hwr_take(base, &cursor, largest, sizeof(hwr_real));
	plan->dinput = want_dinput ? hwr_take(base, &cursor, batch_size(plan, plan->runs[plan->first].in), sizeof(hwr_real)) : NULL;
	scratch = hwr_take(base, &cursor, scratch_stride * (size_t) hwr_pool_threads(plan->pool), 1);

	for (int i = plan->first; i < plan->last; i++)
	{
		HwrLayerRun *run = &plan->runs[i];

		run->scratch = scratch;
		run->scratch_stride = scratch_stride;
		run->x = run->layer->source >= plan->first ? plan->runs[run->layer->source].y : plan->input;
		if (run->norm_before != NULL)
			run->x = run->norm_before->x;
		if (!plan->training && !plan->branches)
			run->y = turn[i % 2];
	}
	for (int i = plan->first; plan->training && plan->branches && i < plan->last; i++)
	{
		HwrLayerRun *run = &plan->runs[i];

		run->dy = hwr_take(base, &cursor, batch_size(plan, run->out), sizeof(hwr_real));
		run->dx = input_gradient(plan, i);
		if (run->dx != NULL && reads_shared(plan, i))
			run->dx = turn[0];
	}
	for (int i = plan->last - 1, t = 0; plan->training && !plan->branches && i >= plan->first; i--)
	{
		HwrLayerRun *run = &plan->runs[i];

		run->dy = turn[t];
		if (!run->by_previous)
			t = 1 - t;			/* else the gradient stays where it is */
		run->dx = i > plan->first ? turn[t] : plan->dinput;
	}
	for (int i = 0; i < nheads; i++)
	{
		plan->heads[i].scratch = scratch;
		plan->heads[i].scratch_stride = scratch_stride;
		plan->heads[i].x = plan->runs[plan->cpu->net->heads[i].reads].x;
	}
	plan->output = plan->runs[plan->last - 1].y;
	plan->doutput = plan->runs[plan->last - 1].dy;
	return cursor;
}

bool
hwr_cpu_plan_prepare(HwrCpuPlan *plan, HwrCpuNet *cpu, HwrPool *pool, int first, int last,
					 bool training, bool want_dinput, int N, int width, HwrStatus *st)
{
	size_t		size;

	if (plan->arena != NULL && plan->N == N && plan->width == width && plan->runs[first].values == cpu->values)
		return true;
	plan->cpu = cpu;
	plan->pool = pool;
	plan->first = first;
	plan->last = last;
	plan->training = training;
	plan->N = N;
	plan->width = width;
	if (!describe_runs(plan, st))
	{
		plan->N = 0;			/* laid out for nothing */
		return false;
	}
	size = assign_memory(plan, NULL, want_dinput);
	if (size >= HUGE_PAGE)
		size = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	if (size > plan->arena_size)
	{
		free(plan->arena);
		plan->arena_size = 0;
		plan->arena = aligned_alloc(size >= HUGE_PAGE ? HUGE_PAGE : 64, size);
		if (plan->arena == NULL)
			return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
#ifdef MADV_HUGEPAGE
		/* a wish: fewer address translations, and fewer faults when it is first written */
		if (size >= HUGE_PAGE)
			(void) madvise(plan->arena, size, MADV_HUGEPAGE);
#endif
		plan->arena_size = size;
	}
	assign_memory(plan, plan->arena, want_dinput);
	return true;
}

void
hwr_cpu_plan_free(HwrCpuPlan *plan)
{
	free(plan->arena);
	memset(plan, 0, sizeof(*plan));
}

/* Layers before the one numbered end */
static void
forward_until(HwrCpuPlan *plan, int end, double measure, uint64_t rng_key)
{
	for (int i = plan->first; i < end; i++)
	{
		plan->runs[i].rng_key = rng_key;
		plan->runs[i].measure = measure;
		hwr_layer_ops(plan->runs[i].layer->kind)->forward(&plan->runs[i]);
	}
}

void
hwr_cpu_plan_measure(HwrCpuPlan *plan, double share, uint64_t rng_key)
{
	int			end = plan->last;

	while (end > plan->first && plan->runs[end - 1].layer->kind != HWR_LAYER_BATCH_NORM)
		end--;					/* nothing behind the last one needs to be known */
	forward_until(plan, end, share, rng_key);
}

void
hwr_cpu_plan_forward(HwrCpuPlan *plan, uint64_t rng_key)
{
	forward_until(plan, plan->last, 0, rng_key);
	for (int i = 0; i < plan_heads(plan); i++)
		hwr_layer_ops(plan->heads[i].layer->kind)->forward(&plan->heads[i]);
}

/* Add a head's gradient to that of the layer that reads the same input. */
typedef struct AddJob
{
	const hwr_real *from;
	hwr_real   *to;
	size_t		n;
} AddJob;

static void
add_part(void *arg, int part, int parts)
{
	const AddJob *job = arg;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(job->n, part, parts, &lo, &hi);
	for (size_t i = lo; i < hi; i++)
		job->to[i] += job->from[i];
}

/* The heads that read what layer i reads, after that layer's backward. */
static void
heads_backward(HwrCpuPlan *plan, int i)
{
	for (int h = 0; h < plan_heads(plan); h++)
	{
		HwrLayerRun *head = &plan->heads[h];
		AddJob		job = {head->dx, plan->runs[i].dx, batch_size(plan, head->in)};

		if (plan->cpu->net->heads[h].reads != i)
			continue;
		hwr_layer_ops(head->layer->kind)->backward(head);
		hwr_pool_run(plan->pool, add_part, &job);
	}
}

/* Add the gradient of layer i to that of what it reads, which others read, too; the last of them begins. */
static void
add_to_shared(HwrCpuPlan *plan, int i)
{
	AddJob		job = {plan->runs[i].dx, input_gradient(plan, i), batch_size(plan, plan->runs[i].in)};

	if (next_reader(plan, i, i) == 0)
		memcpy(job.to, job.from, job.n * sizeof(hwr_real));
	else
		hwr_pool_run(plan->pool, add_part, &job);
}

void
hwr_cpu_plan_backward(HwrCpuPlan *plan)
{
	for (int i = plan->last - 1; i >= plan->first; i--)
	{
		hwr_layer_ops(plan->runs[i].layer->kind)->backward(&plan->runs[i]);
		heads_backward(plan, i);
		if (reads_shared(plan, i) && plan->runs[i].dx != NULL)
			add_to_shared(plan, i);
	}
}
