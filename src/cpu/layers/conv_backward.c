/*
 * conv_backward.c
 *	  Gradients of the convolution with stride 1.
 *
 *	 input     dx[W][c] = sum_ky block[y + ky][W, step d][kx d]  turned[ky][kx d][c]
 *	 kernel    dk[ky][kx][c][d] += input[y + ky][W, from kx][c] transposed  dy[y][W][d]
 *
 * where block is dy with a border, and turned the kernel turned by 180 degrees and transposed.  A
 * few rows of dy at a time are made from what was kept of the forward pass, which may be a pooled
 * and normalised map, and stored twice as elements: in the block, and packed for the kernel's
 * gradient (HwrOuter).  The input is packed once for each place that a column can have in a group
 * of elements, so that any tap of the kernel finds its columns in whole groups.
 *
 * The threads share the images; each sums its own kernel gradient, and the sums are added in
 * thread order.
 */
#include <string.h>

#include "conv_internal.h"
#include "layer_norm.h"
#include "products.h"
#include "winograd_conv.h"

/* Rows of dy that are made at a time. */
#define BATCH_ROWS 8

/* With fewer input channels than this, the taps of a kernel row are worked on together. */
#define FEW_CHANNELS 8

/* How the input is packed for the kernel's gradient; distances in elements. */
typedef struct Packing
{
	bool		together;		/* the taps of a kernel row: patches [kx c]; else pixels [c] */
	int			copies;			/* of each row, one column apart */
	int			width;			/* of a patch or pixel */
	ptrdiff_t	row;
	ptrdiff_t	panel;
	ptrdiff_t	copy;
} Packing;

static Packing
packing(const HwrLayerRun *run, const HwrWindow *in)
{
	const HwrElements *e = run->e;
	Packing		p = {.together = run->in.c < FEW_CHANNELS};

	p.copies = p.together ? 1 : e->group;
	p.width = p.together ? in->kx * run->in.c : run->in.c;
	p.row = (ptrdiff_t) hwr_whole_groups(e, in->wide) * e->outer_rows;
	p.panel = p.row * (BATCH_ROWS + in->ky - 1);
	p.copy = p.panel * ((p.width + e->outer_rows - 1) / e->outer_rows);
	return p;
}

/* Elements of a packed row of one panel of dy. */
static ptrdiff_t
gradient_row(const HwrLayerRun *run)
{
	return (ptrdiff_t) hwr_whole_groups(run->e, run->out.w) * run->e->panel;
}

/* A thread's scratch. */
typedef struct Scratch
{
	char	   *block;			/* bordered rows of dy */
	char	   *dy;				/* [panels of d][BATCH_ROWS][W] packed */
	char	   *x;				/* [copies][panels][BATCH_ROWS + ky - 1][wide] packed */
	hwr_real   *row;			/* [wide][c] of the input */
	HwrGradientRows rows;
	hwr_real   *kernel_grad;	/* the thread's sums */
	size_t		size;
} Scratch;

static Scratch
scratch(const HwrLayerRun *run, int part)
{
	char	   *base = run->scratch != NULL ? run->scratch + (size_t) part * run->scratch_stride : NULL;
	HwrWindow	in = hwr_conv_input_window(run);
	HwrWindow	grad = hwr_conv_gradient_window(run);
	Packing		x = packing(run, &in);
	size_t		panels = (size_t) ((run->out.c + run->e->panel - 1) / run->e->panel);
	Scratch		s = {0};

	s.block = hwr_take(base, &s.size, hwr_conv_block_size(run, &grad, BATCH_ROWS + grad.ky), run->e->size);
	s.dy = hwr_take(base, &s.size, BATCH_ROWS * panels * (size_t) gradient_row(run), run->e->size);
	s.x = hwr_take(base, &s.size, (size_t) (x.copy * x.copies), run->e->size);
	s.row = hwr_take(base, &s.size, (size_t) in.wide * (size_t) run->in.c, sizeof(hwr_real));
	s.rows = hwr_conv_gradient_rows(run, part, base, &s.size);
	if (run->aux != NULL)
		s.kernel_grad = hwr_conv_aux(run).kernel_sums + (size_t) part * hwr_conv_aux(run).sums;
	return s;
}

size_t
hwr_conv_backward_scratch(const HwrLayerRun *run)
{
	return hwr_conv_tiled(run) ? hwr_conv_tiled_scratch(run) : scratch(run, 0).size;
}

/*
 * Make rows [y0, y1) of dy: packed, and where the input's gradient is wanted into the block from
 * row "at" on.
 */
static void
make_gradient(const HwrLayerRun *run, const HwrWindow *grad, const Scratch *s, size_t n, int y0, int y1, int at)
{
	const HwrElements *e = run->e;
	size_t		d = (size_t) run->out.c * e->size;
	char	   *block = s->block + (size_t) at * (size_t) grad->wide * d;

	for (int y = y0; y < y1; y++, block += (size_t) grad->wide * d)
	{
		const hwr_real *dy = hwr_conv_output_gradient(run, &s->rows, n, y);

		e->pack_rows(run->out.w, run->out.c, e->panel, dy, run->out.c,
					 s->dy + (size_t) ((y - y0) * gradient_row(run)) * e->size, gradient_row(run) * BATCH_ROWS);
		if (run->dx == NULL)
			continue;
		memset(block, 0, (size_t) grad->left * d);
		e->store((size_t) run->out.w * (size_t) run->out.c, dy, block + (size_t) grad->left * d);
		memset(block + (size_t) (grad->left + run->out.w) * d, 0, (size_t) (grad->wide - grad->left - run->out.w) * d);
	}
}

/* Pack the input rows that rows [y0, y1) of dy meet. */
static void
pack_input(const HwrLayerRun *run, const HwrWindow *in, const Packing *p, const Scratch *s, size_t n, int y0, int y1)
{
	size_t		c = (size_t) run->in.c;
	hwr_real   *inside = s->row + (size_t) in->left * c;
	size_t		row = (size_t) run->in.w * c;

	memset(s->row, 0, (size_t) in->wide * c * sizeof(hwr_real));
	for (int i = 0; i < y1 - y0 + in->ky - 1; i++)
	{
		int			y = y0 - in->top + i;
		char	   *to = s->x + (size_t) (i * p->row) * run->e->size;

		if (y < 0 || y >= run->in.h)
			memset(inside, 0, row * sizeof(hwr_real));
		else
		{
			const hwr_real *x = hwr_conv_input_row(run, n, y, inside);

			if (x != inside)
				memcpy(inside, x, row * sizeof(hwr_real));
		}
		for (int copy = 0; copy < p->copies; copy++)
			run->e->pack_rows(p->together ? run->out.w : in->wide - copy, p->width, run->e->outer_rows,
							  s->row + (size_t) copy * c, (ptrdiff_t) c,
							  to + (size_t) (copy * p->copy) * run->e->size, p->panel);
	}
}

/* Add what rows of dy, packed, and their input give to the thread's kernel gradient. */
static void
kernel_gradient(const HwrLayerRun *run, const HwrWindow *in, const Packing *p, const Scratch *s, int rows)
{
	const HwrElements *e = run->e;
	int			taps = p->together ? 1 : in->kx;
	HwrOuter	o = {
		.m = p->width,
		.n = run->out.c,
		.depth = run->out.w,
		.parts = rows,
		.a_panel = p->panel,
		.a_part = p->row,
		.b = s->dy,
		.b_panel = gradient_row(run) * BATCH_ROWS,
		.b_part = gradient_row(run),
		.c = s->kernel_grad,
		.c_row = run->out.c,
	};

	for (int ky = 0; ky < in->ky; ky++)
		for (int kx = 0; kx < taps; kx++, o.c += (ptrdiff_t) p->width * run->out.c)
		{
			ptrdiff_t	first = kx / e->group * e->group * e->outer_rows;

			o.a = s->x + (size_t) (kx % e->group * p->copy + ky * p->row + first) * e->size;
			e->outer(&o);
		}
}

/* Both gradients of image n. */
static void
image_backward(const HwrLayerRun *run, const HwrWindow *in, const HwrWindow *grad, const Packing *p, const Scratch *s, size_t n)
{
	size_t		bordered = (size_t) grad->wide * (size_t) run->out.c * run->e->size;
	size_t		row = (size_t) run->in.w * (size_t) run->in.c;
	const void *turned = hwr_conv_aux(run).turned;
	int			below = grad->ky - 1 - grad->top;
	int			height = run->out.h;
	int			done = 0;		/* rows of dx */
	int			have = grad->top;	/* rows in the block, the first being dy's row done - top */

	memset(s->block, 0, (size_t) have * bordered);
	for (int y0 = 0; y0 < height; y0 += BATCH_ROWS)
	{
		int			y1 = y0 + BATCH_ROWS < height ? y0 + BATCH_ROWS : height;
		int			ready = y1 == height ? height : y1 - below;

		make_gradient(run, grad, s, n, y0, y1, have);
		pack_input(run, in, p, s, n, y0, y1);
		kernel_gradient(run, in, p, s, y1 - y0);
		if (run->dx == NULL)
			continue;
		have += y1 - y0;
		if (y1 == height)
			memset(s->block + (size_t) have * bordered, 0, (size_t) below * bordered + (size_t) run->e->group * run->e->size);
		if (ready <= done)
			continue;
		for (int y = done; y < ready; y++)
			hwr_conv_row(run, grad, s->block + (size_t) (y - done) * bordered, turned, run->in.c, NULL, false,
						 run->dx + n * hwr_shape_size(run->in) + (size_t) y * row);
		have -= ready - done;
		if (y1 < height)
			memmove(s->block, s->block + (size_t) (ready - done) * bordered, (size_t) have * bordered);
		done = ready;
	}
}

static void
backward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	HwrWindow	in = hwr_conv_input_window(run);
	HwrWindow	grad = hwr_conv_gradient_window(run);
	Packing		p = packing(run, &in);
	Scratch		s = scratch(run, part);
	size_t		lo;
	size_t		hi;

	memset(s.kernel_grad, 0, hwr_conv_aux(run).weights * sizeof(hwr_real));
	memset(s.rows.bias_grad, 0, (size_t) run->out.c * sizeof(hwr_real));
	if (run->norm_before != NULL)
		hwr_norm_clear_sums(run->norm_before, part);
	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		image_backward(run, &in, &grad, &p, &s, n);
		if (run->norm_before != NULL)
			hwr_norm_add_back_sums(run->norm_before, part, n);
	}
}

/* turned[ky][kx][d][c] = kernel[ky' = last - ky][kx'][c][d]: this part's share of the taps. */
static void
turn_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	HwrConvAux	a = hwr_conv_aux(run);
	const hwr_real *kernel = hwr_layer_tensor(run, run->values, 0);
	size_t		taps = (size_t) (run->layer->ky * run->layer->kx);
	size_t		c = (size_t) run->in.c;
	size_t		d = (size_t) run->out.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(taps, part, parts, &lo, &hi);
	for (size_t tap = lo; tap < hi; tap++)
		for (size_t i = 0; i < c; i++)
			for (size_t j = 0; j < d; j++)
				a.turned_rows[(tap * d + j) * c + i] = kernel[((taps - 1 - tap) * c + i) * d + j];
}

static void
pack_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	HwrConvAux	a = hwr_conv_aux(run);

	/* Its scratch is free before the threads part the images. */
	hwr_conv_pack(run, run->out.c, run->in.c, a.turned_rows,
				  (hwr_real *) (run->scratch + (size_t) part * run->scratch_stride), a.turned, part, parts);
}

void
hwr_conv_backward(HwrLayerRun *run)
{
	HwrConvAux	a = hwr_conv_aux(run);
	bool		tiled = hwr_conv_tiled(run);
	hwr_real   *kernel_grad = hwr_layer_tensor(run, run->grads, 0);

	if (run->dx != NULL)
	{
		hwr_pool_run(run->pool, turn_part, run);
		hwr_pool_run(run->pool, pack_part, run);
	}
	hwr_pool_run(run->pool, tiled ? hwr_conv_tiled_backward : backward_part, run);
	for (int part = 0; part < hwr_pool_threads(run->pool); part++)
	{
		const hwr_real *sums = a.kernel_sums + (size_t) part * a.sums;

		if (!tiled)
			run->k->add(a.weights, sums, kernel_grad);
		else if (part > 0)
			run->k->add(a.sums, sums, a.kernel_sums);
		run->k->add((size_t) run->out.c, a.bias_grads + (size_t) part * (size_t) run->out.c,
					hwr_layer_tensor(run, run->grads, 1));
	}
	if (tiled)
		hwr_winograd_kernel_gradient(run->in.c, run->out.c, a.kernel_sums, kernel_grad);
}
