/*
 * conv_unrolled.c
 *	  Convolution with any stride, dilation and padding.
 *
 * A few output rows at a time are unrolled into patches (im2col) that stay in
 * the cache and are multiplied by the kernel as one matrix product:
 *
 *	 y[rows * W][d] = patches[rows * W][ky * kx * c]  kernel[ky * kx * c][d]
 *
 * The threads share the images; each sums its own kernel gradient, and the sums are added in
 * thread order.
 */
#include <string.h>

#include "layers.h"
#include "products.h"

/* Aim for patches of this many bytes: half a typical L2 cache. */
#define PATCH_BYTES (512 * 1024)

typedef struct Geometry
{
	int			depth;			/* ky * kx * c: length of a patch */
	int			rows;			/* output rows unrolled at a time */
	int			top;			/* padding above and left */
	int			left;
} Geometry;

static Geometry
geometry(const HwrLayerRun *run)
{
	const HwrLayer *l = run->layer;
	int			pad_y = l->symmetric ? l->dy * (l->ky - 1) : (run->out.h - 1) * l->sy + l->ky - run->in.h;
	int			pad_x = l->symmetric ? l->dx * (l->kx - 1) : (run->out.w - 1) * l->sx + l->kx - run->in.w;
	Geometry	g;
	size_t		row_bytes;

	g.depth = l->ky * l->kx * run->in.c;
	row_bytes = (size_t) run->out.w * (size_t) g.depth * sizeof(hwr_real);
	g.rows = (int) (PATCH_BYTES / row_bytes);
	if (g.rows < 1)
		g.rows = 1;
	if (g.rows > run->out.h)
		g.rows = run->out.h;
	g.top = pad_y > 0 ? pad_y / 2 : 0;
	g.left = pad_x > 0 ? pad_x / 2 : 0;
	return g;
}

/* The kernel packed, and for the backward pass its transpose. */
typedef struct Aux
{
	void	   *kernel;
	void	   *transposed;
	size_t		size;
} Aux;

static Aux
aux(const HwrLayerRun *run)
{
	int			depth = run->layer->ky * run->layer->kx * run->in.c;
	Aux			a = {0};

	a.kernel = hwr_take(run->aux, &a.size, run->e->packed_size(1, depth, run->out.c), 1);
	if (run->training)
		a.transposed = hwr_take(run->aux, &a.size, run->e->packed_size(1, run->out.c, depth), 1);
	return a;
}

static size_t
conv_aux_size(const HwrLayerRun *run)
{
	return aux(run).size;
}

/* A thread's scratch: the patches, room for products, and while training its kernel and bias gradient. */
typedef struct Scratch
{
	hwr_real   *patches;
	char	   *products;
	hwr_real   *kernel_grad;
	hwr_real   *bias_grad;
	size_t		size;
} Scratch;

static Scratch
scratch(const HwrLayerRun *run, const Geometry *g, char *base)
{
	size_t		products = hwr_rows_scratch(run->e, g->depth > run->out.c ? g->depth : run->out.c);
	Scratch		s = {0};

	if (run->training && hwr_weight_gradient_scratch(run->e, g->depth, run->out.c) > products)
		products = hwr_weight_gradient_scratch(run->e, g->depth, run->out.c);
	s.patches = hwr_take(base, &s.size, (size_t) g->rows * (size_t) run->out.w * (size_t) g->depth, sizeof(hwr_real));
	s.products = hwr_take(base, &s.size, products, 1);
	if (run->training)
	{
		s.kernel_grad = hwr_take(base, &s.size, (size_t) g->depth * (size_t) run->out.c, sizeof(hwr_real));
		s.bias_grad = hwr_take(base, &s.size, (size_t) run->out.c, sizeof(hwr_real));
	}
	return s;
}

static size_t
conv_scratch_size(const HwrLayerRun *run)
{
	Geometry	g = geometry(run);

	return scratch(run, &g, NULL).size;
}

/*
 * The columns of a kernel row that fall inside the image: taps [*first, *last) of kx, dx columns apart,
 * for the output column whose window starts at x0.
 */
static inline void
inside(int x0, const HwrLayer *l, int width, int *first, int *last)
{
	*first = x0 < 0 ? (-x0 + l->dx - 1) / l->dx : 0;
	*last = x0 + l->dx * (l->kx - 1) >= width ? (width - x0 + l->dx - 1) / l->dx : l->kx;
	if (*last < *first)
		*last = *first;
}

/* Taps [first, last) of a patch's row from the image, where the first of them stands. */
static inline void
copy_taps(const HwrLayer *l, size_t c, int first, int last, const hwr_real *image, hwr_real *patch)
{
	if (l->dx == 1)
		memcpy(patch + (size_t) first * c, image, (size_t) (last - first) * c * sizeof(hwr_real));
	else
		for (int x = first; x < last; x++, image += (size_t) l->dx * c)
			memcpy(patch + (size_t) x * c, image, c * sizeof(hwr_real));
}

/* Unroll output rows [y0, y1) of one image. */
static void
unroll(const HwrLayerRun *run, const Geometry *g, const hwr_real *image, int y0, int y1,
	   hwr_real *restrict patch)
{
	const HwrLayer *l = run->layer;
	size_t		c = (size_t) run->in.c;

	for (int y = y0; y < y1; y++)
		for (int x = 0; x < run->out.w; x++)
		{
			int			x0 = x * l->sx - g->left;
			int			first;
			int			last;

			inside(x0, l, run->in.w, &first, &last);
			for (int ky = 0; ky < l->ky; ky++, patch += (size_t) l->kx * c)
			{
				int			sy = y * l->sy - g->top + ky * l->dy;

				if (sy < 0 || sy >= run->in.h || last == first)
				{
					memset(patch, 0, (size_t) l->kx * c * sizeof(hwr_real));
					continue;
				}
				if (first > 0)
					memset(patch, 0, (size_t) first * c * sizeof(hwr_real));
				copy_taps(l, c, first, last, image + ((size_t) sy * (size_t) run->in.w + (size_t) (x0 + first * l->dx)) * c,
						  patch);
				if (last < l->kx)
					memset(patch + (size_t) last * c, 0, (size_t) (l->kx - last) * c * sizeof(hwr_real));
			}
		}
}

/* Add patches of output rows [y0, y1) back onto the image they came from. */
static void
roll_back(const HwrLayerRun *run, const Geometry *g, const hwr_real *patch, int y0, int y1,
		  hwr_real *image)
{
	const HwrLayer *l = run->layer;
	size_t		c = (size_t) run->in.c;

	for (int y = y0; y < y1; y++)
		for (int x = 0; x < run->out.w; x++)
		{
			int			x0 = x * l->sx - g->left;
			int			first;
			int			last;

			inside(x0, l, run->in.w, &first, &last);
			for (int ky = 0; ky < l->ky; ky++, patch += (size_t) l->kx * c)
			{
				int			sy = y * l->sy - g->top + ky * l->dy;
				int			together = l->dx == 1 ? last - first : 1;

				if (sy < 0 || sy >= run->in.h)
					continue;
				for (int tap = first; tap < last; tap += together)
					run->k->add((size_t) together * c, patch + (size_t) tap * c,
								image + ((size_t) sy * (size_t) run->in.w + (size_t) (x0 + tap * l->dx)) * c);
			}
		}
}

static void
forward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Geometry	g = geometry(run);
	Scratch		s = scratch(run, &g, run->scratch + (size_t) part * run->scratch_stride);
	const hwr_real *bias = hwr_layer_tensor(run, run->values, 1);
	HwrActivation act = run->layer->activation;
	bool		fused = act == HWR_ACT_RELU || act == HWR_ACT_LINEAR;
	int			d = run->out.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		const hwr_real *image = run->x + n * hwr_shape_size(run->in);
		hwr_real   *out = run->y + n * hwr_shape_size(run->out);

		for (int y0 = 0; y0 < run->out.h; y0 += g.rows)
		{
			int			y1 = y0 + g.rows < run->out.h ? y0 + g.rows : run->out.h;
			int			m = (y1 - y0) * run->out.w;
			hwr_real   *y = out + (size_t) y0 * (size_t) run->out.w * (size_t) d;

			unroll(run, &g, image, y0, y1, s.patches);
			hwr_multiply_rows(run->e,
							  &(HwrProduct) {
								  .m = m,
								  .n = d,
								  .k = g.depth,
								  .a = s.patches,
								  .b = aux(run).kernel,
								  .c = y,
								  .c_row = d,
								  .bias = fused ? bias : NULL,
								  .relu = act == HWR_ACT_RELU,
							  },
							  s.products);
			if (!fused)
				run->k->bias_act((size_t) m, d, bias, act, y);
		}
	}
}

static void
pack_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	const hwr_real *kernel = hwr_layer_tensor(run, run->values, 0);
	int			depth = geometry(run).depth;

	hwr_pack_weights(run->e, 1, depth, run->out.c, kernel, false, aux(run).kernel, part, parts);
	if (run->training)
		hwr_pack_weights(run->e, 1, run->out.c, depth, kernel, true, aux(run).transposed, part, parts);
}

static void
conv_forward(HwrLayerRun *run)
{
	if (run->training || run->packed != *run->version)
	{
		hwr_pool_run(run->pool, pack_part, run);
		run->packed = *run->version;
	}
	hwr_pool_run(run->pool, forward_part, run);
}

static void
backward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Geometry	g = geometry(run);
	Scratch		s = scratch(run, &g, run->scratch + (size_t) part * run->scratch_stride);
	int			d = run->out.c;
	size_t		lo;
	size_t		hi;

	memset(s.kernel_grad, 0, (size_t) g.depth * (size_t) d * sizeof(hwr_real));
	memset(s.bias_grad, 0, (size_t) d * sizeof(hwr_real));
	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		const hwr_real *image = run->x + n * hwr_shape_size(run->in);
		size_t		out_at = n * hwr_shape_size(run->out);
		hwr_real   *dx = run->dx != NULL ? run->dx + n * hwr_shape_size(run->in) : NULL;

		if (dx != NULL)
			memset(dx, 0, hwr_shape_size(run->in) * sizeof(hwr_real));
		for (int y0 = 0; y0 < run->out.h; y0 += g.rows)
		{
			int			y1 = y0 + g.rows < run->out.h ? y0 + g.rows : run->out.h;
			int			m = (y1 - y0) * run->out.w;
			size_t		at = out_at + (size_t) y0 * (size_t) run->out.w * (size_t) d;
			hwr_real   *dy = run->dy + at;

			run->k->act_back((size_t) m, d, run->y + at, run->layer->activation, dy);
			run->k->col_sum((size_t) m, d, dy, s.bias_grad);
			unroll(run, &g, image, y0, y1, s.patches);
			hwr_weight_gradient(run->e,
								&(HwrWeightGradient) {
									.depth = (size_t) m,
									.m = g.depth,
									.n = d,
									.x = s.patches,
									.x_row = g.depth,
									.dy = dy,
									.dy_row = d,
									.grad = s.kernel_grad,
									.grad_row = d,
								},
								s.products);
			if (dx != NULL)
			{
				hwr_multiply_rows(run->e,
								  &(HwrProduct) {
									  .m = m,
									  .n = g.depth,
									  .k = d,
									  .a = dy,
									  .b = aux(run).transposed,
									  .c = s.patches,
									  .c_row = g.depth,
								  },
								  s.products);
				roll_back(run, &g, s.patches, y0, y1, dx);
			}
		}
	}
}

static void
conv_backward(HwrLayerRun *run)
{
	Geometry	g = geometry(run);

	hwr_pool_run(run->pool, backward_part, run);
	for (int part = 0; part < hwr_pool_threads(run->pool); part++)
	{
		Scratch		s = scratch(run, &g, run->scratch + (size_t) part * run->scratch_stride);

		run->k->add((size_t) g.depth * (size_t) run->out.c, s.kernel_grad, hwr_layer_tensor(run, run->grads, 0));
		run->k->add((size_t) run->out.c, s.bias_grad, hwr_layer_tensor(run, run->grads, 1));
	}
}

const HwrLayerOps hwr_conv_unrolled_ops = {
	.forward = conv_forward,
	.backward = conv_backward,
	.aux_size = conv_aux_size,
	.scratch_size = conv_scratch_size,
};
