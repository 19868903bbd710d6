/*
 * conv_window.c
 *	  What the forward and the backward pass of the direct convolution share: a bordered view of a map, one row of a
 *	  product with it, and the memory that lasts from one pass to the other.
 */
#include "conv_internal.h"

#include <string.h>

#include "layer_norm.h"
#include "products.h"
#include "winograd_conv.h"

/* Aim for blocks of this many bytes, borders included: part of a typical L2 cache. */
#define BLOCK_BYTES (128 * 1024)

static HwrWindow
window(const HwrLayerRun *run, HwrShape map, int top, int left)
{
	const HwrLayer *l = run->layer;
	HwrWindow	w = {map, top, left, l->ky, l->kx, map.w + l->kx - 1, 1};
	size_t		row_bytes = (size_t) w.wide * (size_t) map.c * run->e->size;
	size_t		rows = BLOCK_BYTES / row_bytes;

	if (hwr_conv_tiled(run))
	{
		w.wide = hwr_conv_tiled_columns(&w) + l->kx - 1;
		w.rows = hwr_conv_tiled_rows(&w);
		return w;
	}
	if (rows > (size_t) l->ky)
		w.rows = (int) rows - l->ky + 1;
	if (w.rows > map.h)
		w.rows = map.h;
	return w;
}

HwrWindow
hwr_conv_input_window(const HwrLayerRun *run)
{
	return window(run, run->in, (run->layer->ky - 1) / 2, (run->layer->kx - 1) / 2);
}

HwrWindow
hwr_conv_gradient_window(const HwrLayerRun *run)
{
	return window(run, run->out, run->layer->ky / 2, run->layer->kx / 2);
}

size_t
hwr_conv_block_size(const HwrLayerRun *run, const HwrWindow *w, int rows)
{
	return (size_t) (rows + w->ky - 1) * (size_t) w->wide * (size_t) w->map.c + (size_t) run->e->group;
}

/* Bytes of a packed kernel from c to d channels. */
static size_t
packed_size(const HwrLayerRun *run, int c, int d)
{
	const HwrLayer *l = run->layer;

	return hwr_conv_tiled(run) ? hwr_winograd_kernel_size(run->e, l->kx, c, d) : run->e->packed_size(l->ky, l->kx * c, d);
}

void
hwr_conv_pack(const HwrLayerRun *run, int c, int d, const hwr_real *kernel, hwr_real *work, void *packed, int part, int parts)
{
	const HwrLayer *l = run->layer;

	if (hwr_conv_tiled(run))
		hwr_winograd_pack(run->e, l->kx, c, d, kernel, work, packed, part, parts);
	else
		hwr_pack_weights(run->e, l->ky, l->kx * c, d, kernel, false, packed, part, parts);
}

size_t
hwr_conv_pack_work(const HwrLayerRun *run, int c)
{
	return hwr_conv_tiled(run) ? (size_t) c * (size_t) run->e->panel : 0;
}

HwrConvAux
hwr_conv_aux(const HwrLayerRun *run)
{
	const HwrLayer *l = run->layer;
	HwrConvAux	a = {.weights = (size_t) (l->ky * l->kx * run->in.c) * (size_t) run->out.c};

	a.kernel = hwr_take(run->aux, &a.size, packed_size(run, run->in.c, run->out.c), 1);
	if (run->training)
	{
		size_t		threads = (size_t) hwr_pool_threads(run->pool);

		a.turned = hwr_take(run->aux, &a.size, packed_size(run, run->out.c, run->in.c), 1);
		a.turned_rows = hwr_take(run->aux, &a.size, a.weights, sizeof(hwr_real));
		a.sums = hwr_conv_tiled(run) ? HWR_WINOGRAD_FREQUENCIES * (size_t) run->in.c * (size_t) run->out.c : a.weights;
		a.kernel_sums = hwr_take(run->aux, &a.size, threads * a.sums, sizeof(hwr_real));
		a.bias_grads = hwr_take(run->aux, &a.size, threads * (size_t) run->out.c, sizeof(hwr_real));
	}
	return a;
}

const hwr_real *
hwr_conv_input_row(const HwrLayerRun *run, size_t n, int y, hwr_real *row)
{
	const hwr_real *x = run->x + n * hwr_shape_size(run->in) + (size_t) y * (size_t) run->in.w * (size_t) run->in.c;
	HwrNormAux	norm;

	if (run->norm_before == NULL)
		return x;
	norm = hwr_norm_aux(run->norm_before);
	run->k->norm_apply((size_t) run->in.w, run->in.c, x, norm.scale, norm.shift, row);
	return row;
}

void
hwr_conv_row(const HwrLayerRun *run, const HwrWindow *w, const void *block,
			 const void *kernel, int d, const hwr_real *bias, bool relu, hwr_real *y)
{
	ptrdiff_t	c = w->map.c;
	HwrProduct	p = {
		.m = w->map.w,
		.n = d,
		.k = w->kx * w->map.c,
		.parts = w->ky,
		.a = block,
		.a_row = c,
		.a_col = 1,
		.a_part = w->wide * c,
		.b = kernel,
		.c = y,
		.c_row = d,
		.bias = bias,
		.relu = relu,
	};

	run->e->multiply(&p);
}

HwrGradientRows
hwr_conv_gradient_rows(const HwrLayerRun *run, int part, char *base, size_t *cursor)
{
	HwrGradientRows rows = {
		.kept = hwr_take(base, cursor, (size_t) hwr_conv_kept(run).w * (size_t) run->out.c, sizeof(hwr_real)),
		.full = hwr_take(base, cursor, (size_t) run->out.w * (size_t) run->out.c, sizeof(hwr_real)),
	};

	if (run->aux != NULL)
		rows.bias_grad = hwr_conv_aux(run).bias_grads + (size_t) part * (size_t) run->out.c;
	return rows;
}

const hwr_real *
hwr_conv_output_gradient(const HwrLayerRun *run, const HwrGradientRows *s, size_t n, int y)
{
	const HwrLayerRun *pool = run->pool_after;
	HwrShape	kept = hwr_conv_kept(run);
	int			window = pool != NULL ? pool->layer->ky : 1;
	size_t		size = (size_t) kept.w * (size_t) kept.c;
	size_t		at = n * hwr_shape_size(kept) + (size_t) (y / window) * size;
	const hwr_real *out = (pool != NULL ? pool->y : run->y) + at;
	size_t		covered;

	if (y / window >= kept.h)
		return memset(s->full, 0, (size_t) run->out.w * (size_t) run->out.c * sizeof(hwr_real));
	if (y % window == 0)
	{
		if (run->norm_after != NULL)
		{
			HwrNormAux	norm = hwr_norm_aux(run->norm_after);

			run->k->norm_back_apply((size_t) kept.w, kept.c, out, run->dy + at, norm.back_dy, norm.back_x, norm.back_shift,
									s->kept);
		}
		else
			memcpy(s->kept, run->dy + at, size * sizeof(hwr_real));
		run->k->act_back((size_t) kept.w, kept.c, out, run->layer->activation, s->kept);
		run->k->col_sum((size_t) kept.w, kept.c, s->kept, s->bias_grad);
	}
	if (pool == NULL)
		return s->kept;
	run->k->unpool_row(pool->layer->kx, kept.c, kept.w, y % window * pool->layer->kx, (uint8_t *) pool->aux + at, s->kept,
					   s->full);
	covered = size * (size_t) pool->layer->kx;
	memset(s->full + covered, 0, ((size_t) run->out.w * (size_t) run->out.c - covered) * sizeof(hwr_real));
	return s->full;
}
