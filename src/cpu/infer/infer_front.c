/*
 * infer_front.c
 *	  The convolutional stages, one image at a time.
 *
 * A map lies in memory with its zero border, as elements.  A stage makes its output in strips of
 * rows: the convolution rows that a strip needs go into a float32 buffer (bias and ReLU within the
 * convolution), are normalised, pooled, normalised, and stored as elements where the next stage
 * reads them.  So a stage's map of full size never exists, and all of an image stays in the
 * second-level cache.
 *
 * Images of one width are worked on at a time: the stages and their maps are laid out for it.
 *
 * The threads share the images; those left over, when the images are not a multiple of the threads,
 * are done by all threads together, each stage's rows shared among them.  A tile of Winograd's
 * convolution lies at the same place of the map whoever computes it, so that the result does not
 * depend on the threads.
 */
#include <string.h>

#include "cpu/kernels/winograd.h"
#include "infer_internal.h"

/* A thread's memory: the input map of each stage, the rows that give a strip, one output row. */
typedef struct Maps
{
	char	   *map[HWR_MAX_LAYERS];
	char	   *winograd;
	hwr_real   *rows;
	hwr_real   *row;
	char	   *last;			/* the output of a last stage that is done at once */
	size_t		size;
} Maps;

/* Everything about a stage that follows from its maps. */
void
hwr_infer_describe_stage(HwrStage *s)
{
	s->top = (s->conv->ky - 1) / 2;
	s->left = (s->conv->kx - 1) / 2;
	if (s->winograd)
	{
		hwr_winograd_describe(s);
		s->wide = hwr_winograd_tiles(s->mid.w) * HWR_WINOGRAD_OUT + hwr_winograd_parts(s->conv->kx) * HWR_WINOGRAD_KERNEL - 1;
		s->high = hwr_winograd_tiles(s->mid.h) * HWR_WINOGRAD_OUT + s->conv->ky - 1;
	}
	else
	{
		s->wide = s->in.w + s->conv->kx - 1;
		s->high = s->in.h + s->conv->ky - 1;
		s->unit = 1;
		s->strip = 1;
		s->rows = s->pool != NULL ? s->pool->ky : 1;
		s->row_columns = s->mid.w;
	}
}

static size_t
map_size(const HwrStage *s)
{
	return (size_t) s->high * (size_t) s->wide * (size_t) s->in.c + (s->whole ? HWR_CONVOLVE_PAST(s->in.c) : 1);
}

/* Values of one of the float32 rows. */
static size_t
row_size(const HwrStage *s)
{
	return (size_t) s->row_columns * (size_t) s->mid.c;
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static Maps
maps(const HwrInfer *inf, int part)
{
	char	   *base = inf->maps != NULL ? inf->maps + (size_t) part * inf->maps_stride : NULL;
	Maps		m = {0};
	const HwrStage *last = &inf->stages[inf->nstages - 1];
	size_t		winograd = 0;
	size_t		rows = 0;
	size_t		row = 0;

	for (int i = 0; i < inf->nstages; i++)
	{
		const HwrStage *s = &inf->stages[i];

		m.map[i] = hwr_take(base, &m.size, map_size(s), inf->e->size);
		if (s->whole)
			continue;
		rows = larger(rows, row_size(s) * (size_t) s->rows);
		row = larger(row, row_size(s));
		if (s->winograd)
			winograd = larger(winograd, hwr_winograd_memory(inf, s));
	}
	m.rows = hwr_take(base, &m.size, rows, sizeof(hwr_real));
	m.row = hwr_take(base, &m.size, row, sizeof(hwr_real));
	m.winograd = hwr_take(base, &m.size, winograd, 1);
	if (last->whole)
		m.last = hwr_take(base, &m.size, hwr_shape_size(last->out), inf->e->size);
	return m;
}

size_t
hwr_infer_maps_size(const HwrInfer *inf)
{
	HwrInfer	measured = *inf;

	measured.maps = NULL;
	return maps(&measured, 0).size;
}

/*
 * The borders are zero from here on, because only the inner parts of the maps are written, and
 * whatever a product reads past its operand is finite.
 */
static void
clear_borders(HwrInfer *inf)
{
	memset(inf->maps, 0, inf->maps_stride * (size_t) hwr_pool_threads(inf->pool));
}

/* Where inner row y of a stage's input map begins. */
static char *
map_row(const HwrInfer *inf, const HwrStage *s, char *map, int y)
{
	return map + (((size_t) (y + s->top) * (size_t) s->wide + (size_t) s->left) * (size_t) s->in.c) * inf->e->size;
}

static void
convolve_row(const HwrInfer *inf, const HwrStage *s, const char *map, int y, hwr_real *out)
{
	const HwrLayer *l = s->conv;
	ptrdiff_t	c = s->in.c;
	HwrActivation act = l->activation;
	bool		fused = act == HWR_ACT_RELU || act == HWR_ACT_LINEAR;
	HwrProduct	p = {
		.m = s->mid.w,
		.n = s->mid.c,
		.k = l->kx * s->in.c,
		.parts = l->ky,
		.a = map + (size_t) y * (size_t) s->wide * (size_t) c * inf->e->size,
		.a_row = c,
		.a_col = 1,
		.a_part = s->wide * c,
		.b = s->kernel,
		.c = out,
		.c_row = s->mid.c,
		.bias = fused ? s->bias : NULL,
		.relu = act == HWR_ACT_RELU,
	};

	inf->e->multiply(&p);
	if (!fused)
		inf->k->bias_act((size_t) s->mid.w, s->mid.c, s->bias, act, out);
}

static void
normalise(const HwrInfer *inf, const HwrAffine *affine, size_t positions, int c, hwr_real *x)
{
	if (affine->layer >= 0)
		inf->k->norm_apply(positions, c, x, affine->scale, affine->shift, x);
}

/* The float32 rows for output rows [y, y + n). */
static void
convolve(const HwrInfer *inf, const HwrStage *s, const char *map, int y, int n, const Maps *m)
{
	int			first = s->pool != NULL ? y * s->pool->sy : y;
	int			rows = s->pool != NULL ? (n - 1) * s->pool->sy + s->pool->ky : n;
	size_t		positions = (size_t) rows * (size_t) s->row_columns;

	if (s->winograd)
		hwr_winograd_rows(inf, s, map, first, rows, m->winograd, m->rows);
	else
		for (int i = 0; i < rows; i++)
			convolve_row(inf, s, map, first + i, m->rows + (size_t) i * row_size(s));
	if (s->winograd && s->fused)
		return;
	if (s->winograd)
		inf->k->bias_act(positions, s->mid.c, s->bias, s->conv->activation, m->rows);
	normalise(inf, &s->before, positions, s->mid.c, m->rows);
}

/* Row number i of a strip after the pool; returns where it is. */
static hwr_real *
pooled_row(const HwrInfer *inf, const HwrStage *s, int i, const Maps *m)
{
	const HwrLayer *pool = s->pool;

	if (pool == NULL || s->pooled)
		return m->rows + (size_t) i * row_size(s);
	inf->k->pool_row(pool->ky, pool->kx, s->mid.c, row_size(s), s->out.w, pool->sx,
					 m->rows + (size_t) (i * pool->sy) * row_size(s), m->row);
	return m->row;
}

/* Where place (y, w) of the last map lies in the sequence of image n: column w gives steps w split .. w split + split - 1. */
static char *
step_at(const HwrInfer *inf, const HwrStage *s, int y, int w, size_t n)
{
	int			rows = s->out.h / inf->split;	/* of the map in a step's features */
	size_t		step = (size_t) (w * inf->split + y / rows);

	return inf->seq[0] + ((inf->row[step] + n) * (size_t) inf->F + (size_t) (y % rows) * (size_t) s->out.c) * inf->e->size;
}

/* Row y of the last map into the sequence of image n. */
static void
store_steps(const HwrInfer *inf, const HwrStage *s, const hwr_real *row, int y, size_t n)
{
	for (int w = 0; w < s->out.w; w++, row += s->out.c)
		inf->e->store((size_t) s->out.c, row, step_at(inf, s, y, w, n));
}

/* The same of a row of elements. */
static void
copy_steps(const HwrInfer *inf, const HwrStage *s, const char *row, int y, size_t n)
{
	size_t		bytes = (size_t) s->out.c * inf->e->size;

	for (int w = 0; w < s->out.w; w++, row += bytes)
		memcpy(step_at(inf, s, y, w, n), row, bytes);
}

/* Output rows [lo, hi) of stage i of image n, which is done at once. */
static void
run_whole(const HwrInfer *inf, int i, int lo, int hi, char *const *map, const Maps *m, size_t n)
{
	const HwrStage *s = &inf->stages[i];
	bool		last = i + 1 == inf->nstages;
	int			c = s->in.c;
	size_t		row = (size_t) s->out.w * (size_t) s->out.c;
	HwrConvolution p = {
		.rows = hi - lo,
		.columns = s->out.w,
		.c = c,
		.d = s->out.c,
		.ky = s->conv->ky,
		.kx = s->conv->kx,
		.map_row = (ptrdiff_t) s->wide * c,
		.kernel = s->kernel,
		.bias = s->bias,
		.relu = s->conv->activation == HWR_ACT_RELU,
		.pool_y = s->pool != NULL ? s->pool->ky : 1,
		.pool_x = s->pool != NULL ? s->pool->kx : 1,
		.scale = s->before.layer >= 0 ? s->before.scale : NULL,
		.shift = s->before.shift,
		.after_scale = s->after.layer >= 0 ? s->after.scale : NULL,
		.after_shift = s->after.shift,
		.out = last ? m->last : map_row(inf, s + 1, map[i + 1], lo),
		.out_row = last ? (ptrdiff_t) row : (ptrdiff_t) (s + 1)->wide * s->out.c,
	};

	p.map = map[i] + (size_t) (lo * p.pool_y * p.map_row) * inf->e->size;
	if (hi > lo)
		inf->e->convolve(&p);
	for (int y = lo; last && y < hi; y++)
		copy_steps(inf, s, m->last + (size_t) (y - lo) * row * inf->e->size, y, n);
}

/* Output rows [lo, hi) of stage i of image n. */
static void
run_stage(const HwrInfer *inf, int i, int lo, int hi, char *const *map, const Maps *m, size_t n)
{
	const HwrStage *s = &inf->stages[i];
	int			strips = hwr_divide_up(hi - lo, s->strip);
	int			strip = strips == 0 ? 0 : hwr_divide_up(hwr_divide_up(hi - lo, strips), s->unit) * s->unit;

	if (s->whole)
	{
		run_whole(inf, i, lo, hi, map, m, n);
		return;
	}
	for (int y = lo; y < hi; y += strip)
	{
		int			rows = hi - y < strip ? hi - y : strip;

		convolve(inf, s, map[i], y, rows, m);
		for (int r = 0; r < rows; r++)
		{
			hwr_real   *out = pooled_row(inf, s, r, m);

			normalise(inf, &s->after, (size_t) s->out.w, s->out.c, out);
			if (i + 1 < inf->nstages)
				inf->e->store((size_t) s->out.w * (size_t) s->out.c, out, map_row(inf, s + 1, map[i + 1], y + r));
			else
				store_steps(inf, s, out, y + r, n);
		}
	}
}

static void
store_image(const HwrInfer *inf, char *map, size_t n)
{
	const HwrStage *first = &inf->stages[0];
	size_t		row = (size_t) first->in.w;

	for (int y = 0; y < first->in.h; y++)
		inf->e->store_ink(row, inf->from_ink + ((n - inf->from) * (size_t) first->in.h + (size_t) y) * row,
						  map_row(inf, first, map, y));
}

/* Whole images. */
static void
images_part(void *arg, int part, int parts)
{
	HwrInfer   *inf = arg;
	Maps		m = maps(inf, part);
	size_t		each = (size_t) (inf->count / parts);

	for (size_t n = inf->from + each * (size_t) part; n < inf->from + each * (size_t) (part + 1); n++)
	{
		store_image(inf, m.map[0], n);
		for (int i = 0; i < inf->nstages; i++)
			run_stage(inf, i, 0, inf->stages[i].out.h, m.map, &m, n);
	}
}

/* A share of the rows of one stage of one image, whose maps are those of thread 0. */
static void
rows_part(void *arg, int part, int parts)
{
	HwrInfer   *inf = arg;
	const HwrStage *s = &inf->stages[inf->stage];
	Maps		shared = maps(inf, 0);
	Maps		own = maps(inf, part);
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) hwr_divide_up(s->out.h, s->unit), part, parts, &lo, &hi);
	lo *= (size_t) s->unit;
	hi *= (size_t) s->unit;
	run_stage(inf, inf->stage, (int) lo, hi < (size_t) s->out.h ? (int) hi : s->out.h, shared.map, &own, inf->image);
}

/* The images of one width, for which the stages are laid out. */
static void
run_images(HwrInfer *inf)
{
	int			threads = hwr_pool_threads(inf->pool);
	size_t		end = inf->from + (size_t) inf->count;

	if (inf->count >= threads)
		hwr_pool_run(inf->pool, images_part, inf);
	for (inf->image = inf->from + (size_t) (inf->count / threads * threads); inf->image < end; inf->image++)
	{
		store_image(inf, maps(inf, 0).map[0], inf->image);
		for (inf->stage = 0; inf->stage < inf->nstages; inf->stage++)
			hwr_pool_run(inf->pool, rows_part, inf);
	}
}

void
hwr_infer_front(HwrInfer *inf)
{
	HwrStatus	st;

	inf->from_ink = inf->ink;
	for (inf->from = 0; inf->from < (size_t) inf->N; inf->from += (size_t) inf->count)
	{
		int			width = inf->widths[inf->from];

		inf->count = hwr_infer_equals(inf, inf->from);
		if (inf->described != width)
		{
			/* which has been done before, to measure */
			(void) hwr_infer_describe(inf, width, &st);
			clear_borders(inf);
			inf->described = width;
		}
		run_images(inf);
		inf->from_ink += (size_t) inf->count * (size_t) inf->net->height * (size_t) width;
	}
}
