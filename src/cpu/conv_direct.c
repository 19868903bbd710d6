/*
 * conv_direct.c
 *	  Convolution with stride 1, without writing patches out.
 *
 * A block of input rows is copied with its zero border into scratch memory that stays in
 * the cache.  There the patch of an output position is, for each kernel row, kx * c
 * values that follow on each other, so that one output row is the sum over kernel rows of a
 * product of strided matrices (HwrProduct):
 *
 *	 forward   y[W][d]      = sum_ky border[y + ky][W, step c][kx c]  kernel[ky][kx c][d]
 *	 input     dx[W][c]     = the same over dy, with the kernel turned by 180 degrees and transposed
 *	 kernel    dk[ky][kx c][d] += border[y + ky][kx c, transposed][W]  dy[y][W][d]
 *
 * The threads share the images; each sums its own kernel gradient, and the sums are added in
 * thread order.
 */
#include <string.h>

#include "layers.h"

/* Aim for blocks of this many bytes, borders included: part of a typical L2 cache. */
#define BLOCK_BYTES (128 * 1024)

/* A map seen through a window: the border that makes the output as large as the map. */
typedef struct Window
{
	HwrShape	map;
	int			top;			/* rows of border above, columns to the left */
	int			left;
	int			ky;
	int			kx;
	int			wide;			/* columns of a bordered row */
	int			rows;			/* output rows of a block */
} Window;

static Window
window(HwrShape map, int ky, int kx, int top, int left)
{
	Window		w = {map, top, left, ky, kx, map.w + kx - 1, 1};
	size_t		row_bytes = (size_t) w.wide * (size_t) map.c * sizeof(hwr_real);
	size_t		rows = BLOCK_BYTES / row_bytes;

	if (rows > (size_t) ky)
		w.rows = (int) rows - ky + 1;
	if (w.rows > map.h)
		w.rows = map.h;
	return w;
}

/* The input as the forward pass and the kernel gradient see it. */
static Window
input_window(const HwrLayerRun *run)
{
	const HwrLayer *l = run->layer;

	return window(run->in, l->ky, l->kx, (l->ky - 1) / 2, (l->kx - 1) / 2);
}

/* The output's gradient as the input's gradient sees it: what was before is now behind. */
static Window
gradient_window(const HwrLayerRun *run)
{
	const HwrLayer *l = run->layer;

	return window(run->out, l->ky, l->kx, l->ky / 2, l->kx / 2);
}

static size_t
block_size(const Window *w)
{
	return (size_t) (w->rows + w->ky - 1) * (size_t) w->wide * (size_t) w->map.c;
}

/* Copy what output rows [y0, y0 + rows) need of a map, zeros around it. */
static void
fill_block(const Window *w, const hwr_real *map, int y0, int rows, hwr_real *block)
{
	size_t		c = (size_t) w->map.c;
	size_t		row = (size_t) w->map.w * c;
	size_t		left = (size_t) w->left * c;
	size_t		right = (size_t) (w->wide - w->map.w - w->left) * c;

	for (int y = y0 - w->top; y < y0 - w->top + rows + w->ky - 1; y++, block += left + row + right)
	{
		if (y < 0 || y >= w->map.h)
		{
			memset(block, 0, (left + row + right) * sizeof(hwr_real));
			continue;
		}
		memset(block, 0, left * sizeof(hwr_real));
		memcpy(block + left, map + (size_t) y * row, row * sizeof(hwr_real));
		memset(block + left + row, 0, right * sizeof(hwr_real));
	}
}

/* Columns rounded up to whole panels, or to whole vectors. */
static size_t
panels(const HwrLayerRun *run, int n)
{
	return (size_t) ((n + run->k->panel - 1) / run->k->panel);
}

static int
whole_lanes(const HwrLayerRun *run, int n)
{
	return (n + run->k->lanes - 1) / run->k->lanes * run->k->lanes;
}

static int
depth(const HwrLayerRun *run, int channels)
{
	return run->layer->ky * run->layer->kx * channels;
}

/* The kernel in panels, and for the backward pass its turned and transposed form. */
typedef struct Aux
{
	hwr_real   *kernel;
	hwr_real   *turned;
	hwr_real   *turned_rows;	/* before it is cut into panels */
	size_t		size;
} Aux;

static Aux
aux(const HwrLayerRun *run)
{
	Aux			a = {0};
	size_t		panel = (size_t) run->k->panel;

	a.kernel = hwr_take(run->aux, &a.size, panels(run, run->out.c) * panel * (size_t) depth(run, run->in.c), sizeof(hwr_real));
	if (run->training)
	{
		a.turned = hwr_take(run->aux, &a.size, panels(run, run->in.c) * panel * (size_t) depth(run, run->out.c), sizeof(hwr_real));
		a.turned_rows = hwr_take(run->aux, &a.size, (size_t) depth(run, run->in.c) * (size_t) run->out.c, sizeof(hwr_real));
	}
	return a;
}

static size_t
conv_aux_size(const HwrLayerRun *run)
{
	return aux(run).size;
}

/* A thread's scratch. */
typedef struct Scratch
{
	hwr_real   *block;			/* bordered rows, of the input or of the output's gradient */
	hwr_real   *kernel_grad;	/* [depth][d] */
	hwr_real   *bias_grad;		/* [d] */
	hwr_real   *padded;			/* rows of dy with whole vectors, where d is none */
	size_t		size;
} Scratch;

static Scratch
scratch(const HwrLayerRun *run, int part)
{
	char	   *base = run->scratch != NULL ? run->scratch + (size_t) part * run->scratch_stride : NULL;
	Window		in = input_window(run);
	size_t		block = block_size(&in);
	Scratch		s = {0};

	if (run->training)
	{
		Window		grad = gradient_window(run);

		if (block_size(&grad) > block)
			block = block_size(&grad);
	}
	s.block = hwr_take(base, &s.size, block, sizeof(hwr_real));
	if (run->training)
	{
		int			d = whole_lanes(run, run->out.c);

		s.kernel_grad = hwr_take(base, &s.size, (size_t) depth(run, run->in.c) * (size_t) run->out.c, sizeof(hwr_real));
		s.bias_grad = hwr_take(base, &s.size, (size_t) run->out.c, sizeof(hwr_real));
		if (d != run->out.c)
			s.padded = hwr_take(base, &s.size, (size_t) in.rows * (size_t) run->out.w * (size_t) d, sizeof(hwr_real));
	}
	return s;
}

static size_t
conv_scratch_size(const HwrLayerRun *run)
{
	return scratch(run, 0).size;
}

/* One output row of a convolution over a block whose first output row is y0. */
static void
convolve_row(const HwrLayerRun *run, const Window *w, const hwr_real *block, int row,
			 const hwr_real *kernel, int d, const hwr_real *bias, bool relu, hwr_real *y)
{
	ptrdiff_t	c = w->map.c;
	HwrProduct	p = {
		.m = w->map.w,
		.n = d,
		.k = w->kx * w->map.c,
		.parts = w->ky,
		.a = block + (ptrdiff_t) row * w->wide * c,
		.a_row = c,
		.a_col = 1,
		.a_part = w->wide * c,
		.b = kernel,
		.b_row = run->k->panel,
		.b_panel = (ptrdiff_t) run->k->panel * w->ky * w->kx * c,
		.c = y,
		.c_row = d,
		.bias = bias,
		.relu = relu,
	};

	run->k->multiply(&p);
}

static void
forward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Window		w = input_window(run);
	Scratch		s = scratch(run, part);
	const hwr_real *kernel = aux(run).kernel;
	const hwr_real *bias = hwr_layer_tensor(run, run->values, 1);
	HwrActivation act = run->layer->activation;
	bool		fused = act == HWR_ACT_RELU || act == HWR_ACT_LINEAR;
	int			d = run->out.c;
	size_t		row_size = (size_t) run->out.w * (size_t) d;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		hwr_real   *y = run->y + n * hwr_shape_size(run->out);

		for (int y0 = 0; y0 < run->out.h; y0 += w.rows)
		{
			int			rows = y0 + w.rows < run->out.h ? w.rows : run->out.h - y0;

			fill_block(&w, run->x + n * hwr_shape_size(run->in), y0, rows, s.block);
			for (int row = 0; row < rows; row++, y += row_size)
			{
				convolve_row(run, &w, s.block, row, kernel, d, fused ? bias : NULL, act == HWR_ACT_RELU, y);
				if (!fused)
					run->k->bias_act((size_t) run->out.w, d, bias, act, y);
			}
		}
	}
}

static void
conv_forward(HwrLayerRun *run)
{
	if (run->training || run->packed != *run->version)
	{
		run->k->pack_panels(depth(run, run->in.c), run->out.c, hwr_layer_tensor(run, run->values, 0),
							run->out.c, aux(run).kernel);
		run->packed = *run->version;
	}
	hwr_pool_run(run->pool, forward_part, run);
}

/* turned[ky][kx][d][c] = kernel[ky' = last - ky][kx'][c][d], in panels. */
static void
turn_kernel(HwrLayerRun *run)
{
	Aux			a = aux(run);
	const hwr_real *kernel = hwr_layer_tensor(run, run->values, 0);
	int			taps = run->layer->ky * run->layer->kx;
	int			c = run->in.c;
	int			d = run->out.c;

	for (int tap = 0; tap < taps; tap++)
		for (int i = 0; i < c; i++)
			for (int j = 0; j < d; j++)
				a.turned_rows[((size_t) tap * (size_t) d + (size_t) j) * (size_t) c + (size_t) i] =
					kernel[((size_t) (taps - 1 - tap) * (size_t) c + (size_t) i) * (size_t) d + (size_t) j];
	run->k->pack_panels(taps * d, c, a.turned_rows, c, a.turned);
}

/* Rows of dy as the product wants its B: whole vectors. */
static const hwr_real *
whole_rows(const HwrLayerRun *run, const hwr_real *dy, size_t positions, hwr_real *padded, int lanes)
{
	size_t		d = (size_t) run->out.c;

	if (padded == NULL)
		return dy;
	for (size_t i = 0; i < positions; i++)
	{
		memcpy(padded + i * (size_t) lanes, dy + i * d, d * sizeof(hwr_real));
		memset(padded + i * (size_t) lanes + d, 0, ((size_t) lanes - d) * sizeof(hwr_real));
	}
	return padded;
}

/* Add the kernel gradient of one image to the thread's sum. */
static void
kernel_gradient(const HwrLayerRun *run, const Window *w, const Scratch *s, const hwr_real *x, const hwr_real *dy)
{
	ptrdiff_t	c = run->in.c;
	int			d = run->out.c;
	int			lanes = whole_lanes(run, d);
	size_t		row_size = (size_t) run->out.w * (size_t) d;

	for (int y0 = 0; y0 < run->out.h; y0 += w->rows)
	{
		int			rows = y0 + w->rows < run->out.h ? w->rows : run->out.h - y0;
		HwrProduct	p = {
			.m = w->kx * (int) c,
			.n = d,
			.k = run->out.w,
			.parts = rows,
			.a_row = 1,
			.a_col = c,
			.a_part = w->wide * c,
			.b_row = lanes,
			.b_panel = run->k->panel,
			.c_row = d,
			.accumulate = true,
		};

		fill_block(w, x, y0, rows, s->block);
		p.b = whole_rows(run, dy + (size_t) y0 * row_size, (size_t) rows * (size_t) run->out.w, s->padded, lanes);
		for (int ky = 0; ky < w->ky; ky++)
		{
			p.a = s->block + (ptrdiff_t) ky * w->wide * c;
			p.c = s->kernel_grad + (ptrdiff_t) ky * w->kx * c * d;
			run->k->multiply(&p);
		}
	}
}

static void
input_gradient(const HwrLayerRun *run, const Window *w, const Scratch *s, const hwr_real *dy, hwr_real *dx)
{
	const hwr_real *turned = aux(run).turned;
	size_t		row_size = (size_t) run->in.w * (size_t) run->in.c;

	for (int y0 = 0; y0 < run->in.h; y0 += w->rows)
	{
		int			rows = y0 + w->rows < run->in.h ? w->rows : run->in.h - y0;

		fill_block(w, dy, y0, rows, s->block);
		for (int row = 0; row < rows; row++, dx += row_size)
			convolve_row(run, w, s->block, row, turned, run->in.c, NULL, false, dx);
	}
}

static void
backward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Window		in = input_window(run);
	Window		grad = gradient_window(run);
	Scratch		s = scratch(run, part);
	size_t		positions = (size_t) run->out.h * (size_t) run->out.w;
	int			d = run->out.c;
	size_t		lo;
	size_t		hi;

	memset(s.kernel_grad, 0, (size_t) depth(run, run->in.c) * (size_t) d * sizeof(hwr_real));
	memset(s.bias_grad, 0, (size_t) d * sizeof(hwr_real));
	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		hwr_real   *dy = run->dy + n * hwr_shape_size(run->out);

		run->k->act_back(positions, d, run->y + n * hwr_shape_size(run->out), run->layer->activation, dy);
		run->k->col_sum(positions, d, dy, s.bias_grad);
		kernel_gradient(run, &in, &s, run->x + n * hwr_shape_size(run->in), dy);
		if (run->dx != NULL)
			input_gradient(run, &grad, &s, dy, run->dx + n * hwr_shape_size(run->in));
	}
}

static void
conv_backward(HwrLayerRun *run)
{
	if (run->dx != NULL)
		turn_kernel(run);
	hwr_pool_run(run->pool, backward_part, run);
	for (int part = 0; part < hwr_pool_threads(run->pool); part++)
	{
		Scratch		s = scratch(run, part);

		run->k->add((size_t) depth(run, run->in.c) * (size_t) run->out.c, s.kernel_grad, hwr_layer_tensor(run, run->grads, 0));
		run->k->add((size_t) run->out.c, s.bias_grad, hwr_layer_tensor(run, run->grads, 1));
	}
}

const HwrLayerOps hwr_conv_direct_ops = {
	.forward = conv_forward,
	.backward = conv_backward,
	.aux_size = conv_aux_size,
	.scratch_size = conv_scratch_size,
};
