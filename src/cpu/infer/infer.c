/*
 * infer.c
 *	  The shape of the network, its weights as the products want them, and memory.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/layers/winograd_conv.h"
#include "infer_internal.h"

/*
 * Recognising the shape
 */

/* Whether HwrElements.convolve does all of a stage. */
static bool
convolves_whole(const HwrElements *e, const HwrStage *s)
{
	const HwrLayer *pool = s->pool;
	HwrActivation act = s->conv->activation;

	if (e->convolve == NULL || (act != HWR_ACT_RELU && act != HWR_ACT_LINEAR))
		return false;
	return pool == NULL || (pool->ky == 2 && pool->sy == 2 && (pool->kx == 1 || pool->kx == 2) && pool->sx == pool->kx);
}

/* Layers of a stage from the convolution on; returns the first layer behind it, or -1 for another shape. */
static int
take_stage(HwrInfer *inf, int i)
{
	const HwrNet *net = inf->net;
	HwrStage   *s = &inf->stages[inf->nstages++];

	*s = (HwrStage) {.conv = &net->layers[i],.conv_index = i,.before.layer = -1,.after.layer = -1};
	if (!hwr_conv_is_plain(s->conv) || s->conv->activation == HWR_ACT_SOFTMAX)
		return -1;
	for (i++; i < net->nlayers; i++)
	{
		const HwrLayer *l = &net->layers[i];
		HwrAffine  *affine = s->pool == NULL ? &s->before : &s->after;

		if (l->kind == HWR_LAYER_DROPOUT)
			continue;
		if (l->kind == HWR_LAYER_BATCH_NORM && affine->layer < 0)
			affine->layer = i;
		else if (l->kind == HWR_LAYER_POOL && s->pool == NULL && l->sy >= l->ky)
			s->pool = l;
		else if (l->kind == HWR_LAYER_BATCH_NORM || l->kind == HWR_LAYER_POOL)
			return -1;
		else
			break;
	}
	s->last = i - 1;
	s->winograd = inf->e->winograd_in != NULL && hwr_winograd_applies(s->conv);
	s->whole = !s->winograd && convolves_whole(inf->e, s);
	s->e = s->winograd && inf->winograd != NULL && hwr_winograd_parts(s->conv->kx) == 1 ? inf->winograd : inf->e;
	return i;
}

static bool
take_op(HwrInfer *inf, const HwrLayer *l)
{
	HwrSeqOp   *op = &inf->ops[inf->nops++];

	*op = (HwrSeqOp) {.layer = l,.in = l->in.c,.out = l->out.c};
	switch (l->kind)
	{
		case HWR_LAYER_DENSE:
		case HWR_LAYER_OUTPUT:
			return true;
		case HWR_LAYER_LSTM:
			if (l->along_y || l->summarize)
				return false;
			for (int reverse = 0; reverse <= 1; reverse++)
				if (reverse ? l->reverse : l->forward)
					op->reverse[op->directions++] = reverse;
			return true;
		default:
			return false;
	}
}

static bool
recognise(HwrInfer *inf)
{
	const HwrNet *net = inf->net;
	int			i = 0;

	while (i >= 0 && i < net->nlayers && net->layers[i].kind == HWR_LAYER_CONV)
		i = take_stage(inf, i);
	if (i <= 0 || i >= net->nlayers)
		return false;
	inf->split = 1;
	if (net->layers[i].kind == HWR_LAYER_RESHAPE && !net->layers[i].keep_height)
		inf->split = net->layers[i++].split_a;
	else if (net->layers[i].in.h != 1)
		return false;
	for (; i < net->nlayers; i++)
		if (net->layers[i].kind != HWR_LAYER_DROPOUT && !take_op(inf, &net->layers[i]))
			return false;
	return inf->nops > 0;
}

/*
 * Weights
 */

static void
place_affine(HwrInfer *inf, char *base, size_t *cursor, HwrAffine *affine)
{
	size_t		c;

	if (affine->layer < 0)
		return;
	c = (size_t) inf->net->layers[affine->layer].in.c;
	affine->scale = hwr_take(base, cursor, c, sizeof(hwr_real));
	affine->shift = hwr_take(base, cursor, c, sizeof(hwr_real));
}

/* Give everything rearranged its place from base on, or measure with NULL. */
static size_t
place_weights(HwrInfer *inf, char *base)
{
	const HwrElements *e = inf->e;
	const HwrLayer *first = inf->stages[0].conv;
	size_t		cursor = 0;
	size_t		work = 0;

	inf->ink_kernel = hwr_take(base, &cursor, (size_t) (first->ky * first->kx * first->units), sizeof(hwr_real));

	for (int i = 0; i < inf->nstages; i++)
	{
		HwrStage   *s = &inf->stages[i];

		if (s->whole)
			s->kernel = hwr_take(base, &cursor, e->convolution_size(s->conv->ky, s->conv->kx, s->conv->in.c, s->conv->units), 1);
		else if (s->winograd)
			s->kernel = hwr_take(base, &cursor, hwr_winograd_kernel_size(s->e, s->conv->kx, s->conv->in.c, s->conv->units), 1);
		else
			s->kernel = hwr_take(base, &cursor, e->packed_size(s->conv->ky, s->conv->kx * s->conv->in.c, s->conv->units), 1);
		if (s->winograd && (size_t) (hwr_winograd_parts(s->conv->kx) * s->conv->in.c * s->e->panel) > work)
			work = (size_t) (hwr_winograd_parts(s->conv->kx) * s->conv->in.c * s->e->panel);
		place_affine(inf, base, &cursor, &s->before);
		place_affine(inf, base, &cursor, &s->after);
	}
	inf->work = hwr_take(base, &cursor, work, sizeof(hwr_real));
	for (int i = 0; i < inf->nops; i++)
	{
		HwrSeqOp   *op = &inf->ops[i];
		int			n = op->layer->units;

		if (op->directions == 0)
			op->kernel[0] = hwr_take(base, &cursor, op->in_e->packed_size(1, op->in, n), 1);
		for (int d = 0; d < op->directions; d++)
		{
			op->kernel[d] = hwr_take(base, &cursor, op->in_e->packed_size(1, op->in, 4 * n), 1);
			op->recurrent[d] = hwr_take(base, &cursor, op->out_e->packed_size(1, n, 4 * n), 1);
		}
	}
	return cursor;
}

bool
hwr_infer_create(const HwrNet *net, const HwrKernels *k, const HwrElements *e, const HwrElements *winograd,
				 const HwrElements *bounded, HwrPool *pool, HwrInfer **out, HwrStatus *st)
{
	HwrInfer   *inf = hwr_alloc_zero(1, sizeof(HwrInfer), st);

	*out = NULL;
	if (inf == NULL)
		return false;
	inf->net = net;
	inf->k = k;
	inf->e = e;
	inf->winograd = winograd;
	inf->pool = pool;
	if (!recognise(inf))
	{
		free(inf);
		return true;
	}
	for (int i = 0; i < inf->nops; i++)
	{
		inf->ops[i].in_e = i > 0 ? inf->ops[i - 1].out_e : e;
		inf->ops[i].out_e = inf->ops[i].directions > 0 ? bounded : e;
	}
	inf->weights_size = place_weights(inf, NULL);
	inf->weights = hwr_large_pages(aligned_alloc(64, inf->weights_size), inf->weights_size);
	if (inf->weights == NULL)
	{
		free(inf);
		return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	}
	place_weights(inf, inf->weights);
	*out = inf;
	return true;
}

void
hwr_infer_free(HwrInfer *inf)
{
	if (inf == NULL)
		return;
	free(inf->weights);
	free(inf->arena);
	free(inf->widths);
	free(inf->first_step);
	free(inf->row);
	free(inf);
}

size_t
hwr_infer_memory(const HwrInfer *inf)
{
	return sizeof(*inf) + inf->weights_size + inf->arena_size;
}

static const hwr_real *
tensor(const HwrInfer *inf, const HwrLayer *l, const hwr_real *values, int i)
{
	return values + inf->net->tensors[l->first_tensor + i].offset;
}

/* gamma (x - mean) / sqrt(variance + eps) + beta as x * scale + shift */
static void
set_affine(const HwrInfer *inf, HwrAffine *affine, const hwr_real *values)
{
	const HwrLayer *l;

	if (affine->layer < 0)
		return;
	l = &inf->net->layers[affine->layer];
	for (int c = 0; c < l->in.c; c++)
	{
		double		scale = (double) tensor(inf, l, values, 0)[c] /
			sqrt((double) tensor(inf, l, values, 3)[c] + HWR_NORM_EPSILON);

		affine->scale[c] = (hwr_real) scale;
		affine->shift[c] = (hwr_real) ((double) tensor(inf, l, values, 1)[c] - (double) tensor(inf, l, values, 2)[c] * scale);
	}
}

static void
set_stage(HwrInfer *inf, HwrStage *s, const hwr_real *values)
{
	const HwrLayer *l = s->conv;
	const hwr_real *kernel = tensor(inf, l, values, 0);

	s->bias = tensor(inf, l, values, 1);
	set_affine(inf, &s->before, values);
	set_affine(inf, &s->after, values);
	if (s == inf->stages)
	{
		/* the first kernel takes ink of 0 .. 255, exact in either kind of element, for ink of 0 .. 1 */
		for (int i = 0; i < l->ky * l->kx * l->units; i++)
			inf->ink_kernel[i] = kernel[i] / 255;
		kernel = inf->ink_kernel;
	}
	if (s->whole)
		inf->e->convolution_pack(l->ky, l->kx, l->in.c, l->units, kernel, s->kernel);
	else if (s->winograd)
		hwr_winograd_pack(s->e, l->kx, l->in.c, l->units, kernel, inf->work, s->kernel, 0, 1);
	else
		inf->e->pack(l->ky, l->kx * l->in.c, l->units, kernel, s->kernel);
}

void
hwr_infer_set_values(HwrInfer *inf, const hwr_real *values)
{
	for (int i = 0; i < inf->nstages; i++)
		set_stage(inf, &inf->stages[i], values);
	for (int i = 0; i < inf->nops; i++)
	{
		HwrSeqOp   *op = &inf->ops[i];
		const HwrLayer *l = op->layer;

		if (op->directions == 0)
		{
			op->in_e->pack(1, op->in, l->units, tensor(inf, l, values, 0), op->kernel[0]);
			op->bias[0] = tensor(inf, l, values, 1);
		}
		for (int d = 0; d < op->directions; d++)
		{
			op->in_e->pack(1, op->in, 4 * l->units, tensor(inf, l, values, 3 * d), op->kernel[d]);
			op->out_e->pack(1, l->units, 4 * l->units, tensor(inf, l, values, 3 * d + 1), op->recurrent[d]);
			op->bias[d] = tensor(inf, l, values, 3 * d + 2);
		}
	}
}

/*
 * Memory
 */

bool
hwr_infer_describe(HwrInfer *inf, int width, HwrStatus *st)
{
	HwrShape	shapes[HWR_MAX_LAYERS];
	HwrShape	in = {inf->net->height, width, 1};

	if (!hwr_net_shapes(inf->net, width, shapes, st))
		return false;
	for (int i = 0; i < inf->nstages; i++)
	{
		HwrStage   *s = &inf->stages[i];

		s->in = in;
		s->mid = shapes[s->conv_index];
		s->out = shapes[s->last];
		hwr_infer_describe_stage(s);
		in = s->out;
	}
	inf->F = in.h / inf->split * in.c;
	return true;
}

/* What the layout of a sequence takes for n images of at most T steps. */
static bool
reserve_layout(HwrInfer *inf, int n, int T, HwrStatus *st)
{
	free(inf->widths);
	free(inf->first_step);
	free(inf->row);
	inf->widths = hwr_alloc((size_t) n, sizeof(int), st);
	inf->first_step = hwr_alloc((size_t) n + 1, sizeof(size_t), st);
	inf->row = hwr_alloc((size_t) T + 1, sizeof(size_t), st);
	return inf->widths != NULL && inf->first_step != NULL && inf->row != NULL;
}

/* Where each image's steps lie, and the memory that the stages need for the width that needs most. */
static bool
describe(HwrInfer *inf, int n, const int *widths, HwrStatus *st)
{
	size_t		left = (size_t) n;
	size_t		at = 0;

	inf->T = hwr_net_steps(inf->net, widths[0]);
	if (!reserve_layout(inf, n, inf->T, st))
		return false;
	memcpy(inf->widths, widths, (size_t) n * sizeof(int));
	inf->N = n;
	inf->maps_stride = 0;
	memset(inf->row, 0, ((size_t) inf->T + 1) * sizeof(size_t));
	inf->first_step[0] = 0;
	for (int i = 0; i < n; i += hwr_infer_equals(inf, (size_t) i))
	{
		size_t		size;

		if (!hwr_infer_describe(inf, widths[i], st))
			return false;
		size = hwr_infer_maps_size(inf);
		if (size > inf->maps_stride)
			inf->maps_stride = size;
	}
	for (int i = 0; i < n; i++)
	{
		int			steps = hwr_net_steps(inf->net, widths[i]);

		inf->first_step[i + 1] = inf->first_step[i] + (size_t) steps;
		inf->row[steps]++;		/* one that has no more */
	}
	/* from those that end at a step to those that have it, and on to where their rows begin */
	for (int t = 0; t <= inf->T; t++)
	{
		left -= inf->row[t];
		inf->row[t] = at;
		at += left;
	}
	return true;
}

static size_t
place_memory(HwrInfer *inf, char *base)
{
	size_t		rows = inf->row[inf->T];
	size_t		threads = (size_t) hwr_pool_threads(inf->pool);
	size_t		widest = (size_t) inf->F;
	size_t		element_size = inf->e->size;
	size_t		cursor = 0;

	for (int i = 0; i < inf->nops; i++)
	{
		if ((size_t) inf->ops[i].out > widest)
			widest = (size_t) inf->ops[i].out;
		if (inf->ops[i].out_e->size > element_size)
			element_size = inf->ops[i].out_e->size;
	}
	inf->maps = hwr_take(base, &cursor, inf->maps_stride * threads, 1);
	inf->scratch_stride = hwr_infer_scratch_size(inf);
	inf->scratch = hwr_take(base, &cursor, inf->scratch_stride * threads, 1);

	for (int i = 0; i < 2; i++)
		inf->seq[i] = hwr_take(base, &cursor, rows * widest * element_size + HWR_INFER_PAST, 1);
	return cursor;
}

static bool
prepare(HwrInfer *inf, int n, const int *widths, HwrStatus *st)
{
	size_t		size;

	if (inf->N == n && memcmp(inf->widths, widths, (size_t) n * sizeof(int)) == 0)
		return true;
	inf->N = 0;
	if (!describe(inf, n, widths, st))
	{
		inf->N = 0;
		return false;
	}
	size = place_memory(inf, NULL);
	if (size > inf->arena_size)
	{
		free(inf->arena);
		inf->arena_size = 0;
		inf->arena = hwr_large_pages(aligned_alloc(64, size), size);
		if (inf->arena == NULL)
		{
			inf->N = 0;
			return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
		}
		inf->arena_size = size;
	}
	place_memory(inf, inf->arena);
	inf->described = 0;
	return true;
}

bool
hwr_infer_run(HwrInfer *inf, int n, const int *widths, const uint8_t *ink, float *logp, HwrStatus *st)
{
	if (!prepare(inf, n, widths, st))
		return false;
	inf->ink = ink;
	inf->logp = logp;
	hwr_infer_front(inf);
	hwr_infer_sequence(inf);
	return true;
}
