/*
 * infer_front.c
 *	  The convolutional stages, one image at a time.
 *
 * A map lies in memory with its zero border, as elements.  A stage makes its output row by row: the
 * rows that one pool row needs go into a float32 buffer (bias and ReLU within the product), are normalised, pooled,
 * normalised, and stored as elements where the next stage reads them.  So a
 * stage's map of full size never exists, and all of an image stays in the second-level cache.
 */
#include <string.h>

#include "infer_internal.h"

/* A thread's memory: the input map of each stage, the rows of one pool row, and the row they give. */
typedef struct Maps
{
	char	   *map[HWR_MAX_LAYERS];
	hwr_real   *rows;
	hwr_real   *row;
	size_t		size;
} Maps;

static size_t
map_size(const HwrStage *s)
{
	return (size_t) (s->in.h + s->conv->ky - 1) * (size_t) s->wide * (size_t) s->in.c;
}

/* Convolution rows that one output row needs. */
static int
rows_needed(const HwrStage *s)
{
	return s->pool != NULL ? s->pool->ky : 1;
}

static Maps
maps(const HwrInfer *inf, char *base)
{
	Maps		m = {0};
	size_t		rows = 0;
	size_t		row = 0;

	for (int i = 0; i < inf->nstages; i++)
	{
		const HwrStage *s = &inf->stages[i];
		size_t		mid_row = (size_t) s->mid.w * (size_t) s->mid.c;

		m.map[i] = hwr_take(base, &m.size, map_size(s) + 1, inf->e->size);
		if (mid_row * (size_t) rows_needed(s) > rows)
			rows = mid_row * (size_t) rows_needed(s);
		if (mid_row > row)
			row = mid_row;
	}
	m.rows = hwr_take(base, &m.size, rows, sizeof(hwr_real));
	m.row = hwr_take(base, &m.size, row, sizeof(hwr_real));
	return m;
}

size_t
hwr_infer_maps_size(const HwrInfer *inf)
{
	return maps(inf, NULL).size;
}

/* The borders are zero from here on: only the inner parts of the maps are written. */
void
hwr_infer_clear_borders(HwrInfer *inf)
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

/* Output row y of a stage, in float32; returns where it is. */
static hwr_real *
stage_row(const HwrInfer *inf, const HwrStage *s, const char *map, int y, const Maps *m)
{
	size_t		mid_row = (size_t) s->mid.w * (size_t) s->mid.c;
	int			rows = rows_needed(s);
	int			first = s->pool != NULL ? y * s->pool->sy : y;
	hwr_real   *out = m->rows;

	for (int i = 0; i < rows; i++)
		convolve_row(inf, s, map, first + i, m->rows + (size_t) i * mid_row);
	normalise(inf, &s->before, (size_t) rows * (size_t) s->mid.w, s->mid.c, m->rows);
	if (s->pool != NULL)
	{
		inf->k->pool_row(s->pool->ky, s->pool->kx, s->mid.c, mid_row, s->out.w, s->pool->sx, m->rows, m->row);
		out = m->row;
	}
	normalise(inf, &s->after, (size_t) s->out.w, s->out.c, out);
	return out;
}

/* Row y of the last map into the sequence of image n: column w gives steps w split .. w split + split - 1. */
static void
store_steps(const HwrInfer *inf, const HwrStage *s, const hwr_real *row, int y, size_t n)
{
	int			rows = s->out.h / inf->split;	/* of the map in a step's features */
	size_t		c = (size_t) s->out.c;

	for (int w = 0; w < s->out.w; w++)
	{
		size_t		step = (size_t) (w * inf->split + y / rows);
		size_t		at = (step * (size_t) inf->N + n) * (size_t) inf->F + (size_t) (y % rows) * c;

		inf->e->store(c, row + (size_t) w * c, inf->seq[0] + at * inf->e->size);
	}
}

static void
run_image(const HwrInfer *inf, const Maps *m, size_t n)
{
	const HwrStage *first = &inf->stages[0];
	size_t		row = (size_t) first->in.w;

	for (int y = 0; y < first->in.h; y++)
		inf->e->store_ink(row, inf->ink + (n * (size_t) first->in.h + (size_t) y) * row,
						  map_row(inf, first, m->map[0], y));
	for (int i = 0; i < inf->nstages; i++)
	{
		const HwrStage *s = &inf->stages[i];

		for (int y = 0; y < s->out.h; y++)
		{
			hwr_real   *out = stage_row(inf, s, m->map[i], y, m);

			if (i + 1 < inf->nstages)
				inf->e->store((size_t) s->out.w * (size_t) s->out.c, out, map_row(inf, s + 1, m->map[i + 1], y));
			else
				store_steps(inf, s, out, y, n);
		}
	}
}

static void
front_part(void *arg, int part, int parts)
{
	HwrInfer   *inf = arg;
	Maps		m = maps(inf, inf->maps + (size_t) part * inf->maps_stride);
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) inf->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
		run_image(inf, &m, n);
}

void
hwr_infer_front(HwrInfer *inf)
{
	hwr_pool_run(inf->pool, front_part, inf);
}
