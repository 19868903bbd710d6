/*
 * conv_backward_tiles.c
 *	  Gradients of the convolution by Winograd's minimal filtering.
 *
 * A strip of rows of dy at a time is made, with a row above and one below, and the rows of the input that it meets.
 * From them come rows of dx, as a convolution with the kernel turned, and what the strip adds to the gradient of the
 * transformed kernel.
 */
#include <string.h>

#include "conv_internal.h"
#include "layer_norm.h"
#include "winograd_conv.h"

/* A thread's scratch. */
typedef struct Scratch
{
	hwr_real   *dy;				/* [strip + 2][wide][d] */
	hwr_real   *x;				/* [strip + 2][wide][c] */
	hwr_real   *dx;				/* [strip][columns of tiles][c] */
	char	   *forward;		/* of tiles of dx */
	char	   *gradient;		/* of tiles of the kernel's gradient */
	HwrGradientRows rows;
	hwr_real   *sums;			/* [36][c][d] */
	size_t		size;
} Scratch;

static Scratch
scratch(const HwrLayerRun *run, int part)
{
	char	   *base = run->scratch != NULL ? run->scratch + (size_t) part * run->scratch_stride : NULL;
	HwrWindow	in = hwr_conv_input_window(run);
	HwrWindow	grad = hwr_conv_gradient_window(run);
	size_t		strip = (size_t) grad.rows;
	size_t		packing = hwr_conv_pack_work(run, run->out.c) * sizeof(hwr_real);
	Scratch		s = {0};

	s.dy = hwr_take(base, &s.size, (strip + 2) * (size_t) grad.wide * (size_t) run->out.c, sizeof(hwr_real));
	s.x = hwr_take(base, &s.size, (strip + 2) * (size_t) in.wide * (size_t) run->in.c, sizeof(hwr_real));
	s.dx = hwr_take(base, &s.size, strip * (size_t) hwr_conv_tiled_columns(&grad) * (size_t) run->in.c, sizeof(hwr_real));
	s.forward = hwr_take(base, &s.size, hwr_conv_tiled_memory(run, &grad, run->in.c), 1);
	s.gradient = hwr_take(base, &s.size, hwr_conv_tiled_gradient_memory(run, &grad), 1);
	s.rows = hwr_conv_gradient_rows(run, part, base, &s.size);
	if (run->aux != NULL)
		s.sums = hwr_conv_aux(run).kernel_sums + (size_t) part * hwr_conv_aux(run).sums;
	if (s.size < packing)
		s.size = packing;
	return s;
}

size_t
hwr_conv_tiled_scratch(const HwrLayerRun *run)
{
	return scratch(run, 0).size;
}

/* A row of n values at column 1 of a bordered row; NULL: zeros. */
static void
put_row(hwr_real *to, const HwrWindow *w, const hwr_real *row)
{
	size_t		c = (size_t) w->map.c;
	size_t		n = (size_t) w->map.w * c;
	size_t		left = (size_t) w->left * c;

	if (row == NULL)
		n = 0;
	memset(to, 0, left * sizeof(hwr_real));
	if (n > 0)
		memcpy(to + left, row, n * sizeof(hwr_real));
	memset(to + left + n, 0, ((size_t) w->wide * c - left - n) * sizeof(hwr_real));
}

/* The input of image n that output rows [y0, y0 + rows) meet. */
static void
fill_input(const HwrLayerRun *run, const HwrWindow *in, const Scratch *s, size_t n, int y0, int rows)
{
	hwr_real   *to = s->x;

	for (int y = y0 - in->top; y < y0 - in->top + rows + 2; y++, to += (ptrdiff_t) in->wide * run->in.c)
		put_row(to, in, y < 0 || y >= run->in.h ? NULL : hwr_conv_input_row(run, n, y, s->dx));
}

/*
 * Rows [y0 - 1, y0 + rows + 1) of dy of image n.  The first two are there from the strip before, since dy is made
 * once, row by row.
 */
static void
fill_gradient(const HwrLayerRun *run, const HwrWindow *grad, const Scratch *s, size_t n, int y0, int rows)
{
	size_t		wide = (size_t) grad->wide * (size_t) run->out.c;
	int			first = y0 == 0 ? -1 : y0 + 1;

	if (y0 > 0)
		memmove(s->dy, s->dy + (size_t) grad->rows * wide, 2 * wide * sizeof(hwr_real));
	for (int y = first; y < y0 + rows + 1; y++)
		put_row(s->dy + (size_t) (y - y0 + 1) * wide, grad,
				y < 0 || y >= run->out.h ? NULL : hwr_conv_output_gradient(run, &s->rows, n, y));
}

static void
image_backward(const HwrLayerRun *run, const HwrWindow *in, const HwrWindow *grad, const Scratch *s, size_t n)
{
	size_t		row = (size_t) run->in.w * (size_t) run->in.c;
	size_t		tiled_row = (size_t) hwr_conv_tiled_columns(grad) * (size_t) run->in.c;

	for (int y0 = 0; y0 < run->out.h; y0 += grad->rows)
	{
		int			left = run->out.h - y0;
		int			here = left < grad->rows ? left : grad->rows;
		int			rows = hwr_winograd_tiles(here) * HWR_WINOGRAD_OUT;

		fill_input(run, in, s, n, y0, rows);
		fill_gradient(run, grad, s, n, y0, rows);
		hwr_conv_tiled_gradient(run, in, grad, s->x, s->dy + (ptrdiff_t) (grad->wide + grad->left) * run->out.c, rows,
								s->gradient, s->sums);
		if (run->dx == NULL)
			continue;
		hwr_conv_tile_rows(run, grad, s->dy, hwr_conv_aux(run).turned, run->in.c, NULL, false, rows, s->forward, s->dx);
		for (int y = 0; y < here; y++)
			memcpy(run->dx + n * hwr_shape_size(run->in) + (size_t) (y0 + y) * row, s->dx + (size_t) y * tiled_row,
				   row * sizeof(hwr_real));
	}
}

void
hwr_conv_tiled_backward(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	HwrWindow	in = hwr_conv_input_window(run);
	HwrWindow	grad = hwr_conv_gradient_window(run);
	Scratch		s = scratch(run, part);
	size_t		lo;
	size_t		hi;

	memset(s.sums, 0, hwr_conv_aux(run).sums * sizeof(hwr_real));
	memset(s.rows.bias_grad, 0, (size_t) run->out.c * sizeof(hwr_real));
	if (run->norm_before != NULL)
		hwr_norm_clear_sums(run->norm_before, part);
	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		image_backward(run, &in, &grad, &s, n);
		if (run->norm_before != NULL)
			hwr_norm_add_back_sums(run->norm_before, part, n);
	}
}
