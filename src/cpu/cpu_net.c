/*
 * cpu_net.c
 *	  Memory plan and layer loop of the CPU network.
 *
 * All memory of a plan is one arena.  Training keeps every layer's output and lets the
 * gradients alternate between two buffers; inference lets the outputs alternate.
 */
#include "cpu_net.h"

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
	free(cpu->values);
	free(cpu->grads);
	free(cpu);
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

/* Tell the convolutions with stride 1 which neighbours they work for (HwrLayerRun). */
static void
fuse_runs(HwrCpuPlan *plan)
{
	for (int i = plan->first; i < plan->last; i++)
	{
		HwrLayerRun *conv = &plan->runs[i];
		const HwrLayer *pool = i + 1 < plan->last ? plan->runs[i + 1].layer : NULL;
		int			after = i + 1;

		if (conv->layer->kind != HWR_LAYER_CONV || conv->layer->sy != 1 || conv->layer->sx != 1)
			continue;
		if (is_kind(plan, after, HWR_LAYER_POOL) && pool->sy == pool->ky && pool->sx == pool->kx)
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

/* Shapes and settings of each layer's run; pointers come later. */
static bool
describe_runs(HwrCpuPlan *plan, HwrStatus *st)
{
	const HwrNet *net = plan->cpu->net;
	HwrShape	shapes[HWR_MAX_LAYERS];
	HwrShape	in = {net->height, plan->width, 1};

	if (!hwr_net_shapes(net, plan->width, shapes, st))
		return false;
	for (int i = 0; i < plan->last; i++)
	{
		if (i >= plan->first)
			plan->runs[i] = (HwrLayerRun) {
				.net = net,
				.layer = &net->layers[i],
				.index = i,
				.N = plan->N,
				.in = in,
				.out = shapes[i],
				.training = plan->training,
				.k = plan->cpu->k,
				.e = plan->training && plan->cpu->e != NULL ? plan->cpu->e : plan->cpu->k->elements,
				.pool = plan->pool,
				.version = &plan->cpu->version,
				.values = plan->cpu->values,
				.grads = plan->cpu->grads,
			};
		in = shapes[i];
	}
	if (plan->training)
		fuse_runs(plan);
	return true;
}

/* Values of a map of the whole batch. */
static size_t
batch_size(const HwrCpuPlan *plan, HwrShape shape)
{
	return (size_t) plan->N * hwr_shape_size(shape);
}

/* Give every run its memory from base, or measure with base NULL.  Returns the arena's size. */
static size_t
assign_memory(HwrCpuPlan *plan, char *base, bool want_dinput)
{
	size_t		cursor = 0;
	size_t		largest = 0;
	size_t		scratch_stride = 0;
	hwr_real   *turn[2];
	char	   *scratch;

	plan->input = hwr_take(base, &cursor, batch_size(plan, plan->runs[plan->first].in), sizeof(hwr_real));
	for (int i = plan->first; i < plan->last; i++)
	{
		HwrLayerRun *run = &plan->runs[i];
		const HwrLayerOps *ops = hwr_layer_ops(run->layer->kind);
		size_t		scratch_size = ops->scratch_size ? hwr_aligned(ops->scratch_size(run)) : 0;

		run->aux = hwr_take(base, &cursor, ops->aux_size ? ops->aux_size(run) : 0, 1);
		if (scratch_size > scratch_stride)
			scratch_stride = scratch_size;
		if (batch_size(plan, run->out) > largest)
			largest = batch_size(plan, run->out);
		/* a map between fused layers is passed on as it is, or not there at all */
		if (run->by_next)
			run->y = NULL;
		else if (plan->training && run->pool_after == NULL)
			run->y = hwr_take(base, &cursor, batch_size(plan, run->out), sizeof(hwr_real));
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
		run->x = i > plan->first ? plan->runs[i - 1].y : plan->input;
		if (run->norm_before != NULL)
			run->x = run->norm_before->x;
		if (!plan->training)
			run->y = turn[i % 2];
	}
	for (int i = plan->last - 1, t = 0; plan->training && i >= plan->first; i--)
	{
		HwrLayerRun *run = &plan->runs[i];

		run->dy = turn[t];
		if (!run->by_previous)
			t = 1 - t;			/* else the gradient stays where it is */
		run->dx = i > plan->first ? turn[t] : plan->dinput;
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

	if (plan->arena != NULL && plan->N == N && plan->width == width)
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

void
hwr_cpu_plan_forward(HwrCpuPlan *plan, uint64_t rng_key)
{
	for (int i = plan->first; i < plan->last; i++)
	{
		plan->runs[i].rng_key = rng_key;
		hwr_layer_ops(plan->runs[i].layer->kind)->forward(&plan->runs[i]);
	}
}

void
hwr_cpu_plan_backward(HwrCpuPlan *plan)
{
	for (int i = plan->last - 1; i >= plan->first; i--)
		hwr_layer_ops(plan->runs[i].layer->kind)->backward(&plan->runs[i]);
}
