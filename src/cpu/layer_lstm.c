/*
 * layer_lstm.c
 *	  LSTM along x or y, forward, reverse or both.
 *
 * S sequences of T steps are worked on together, time-major.  For each direction:
 *
 *	 gates[T S][4n] = x[T S][F] kernel[F][4n] + bias			one product for all steps
 *	 gates[t] += h[t before][S][n] recurrent[n][4n]			step by step, the weights in panels
 *	 i, f, o = sigmoid, g = tanh;  c = f c_before + i g;  h = o tanh(c)
 *
 * The reverse direction walks t downwards over the same arrays.  The threads share the rows of the
 * products, and (direction, range of sequences) pairs in the recurrence.  Source: Hochreiter, Schmidhuber 1997
 * with forget gates; gate order and layouts in vgsl.h.
 */
#include <string.h>

#include "gemm.h"
#include "layers.h"

enum
{
	KERNEL,
	RECURRENT,
	BIAS,
	TENSORS_PER_DIRECTION
};

typedef struct Direction
{
	bool		reverse;
	int			tensor;			/* first of its tensors in the layer */
	hwr_real   *gates;			/* [T][S][4n]; in backward d loss / d pre-activations */
	hwr_real   *cell;			/* [T][S][n]; [2][S][n] where nothing is kept */
	hwr_real   *tc;				/* [T][S][n] tanh(cell); [S][n] where nothing is kept */
	hwr_real   *h;				/* [T][S][n] */
	hwr_real   *dh;				/* [T][S][n] */
	hwr_real   *dc;				/* [S][n] */
	hwr_real   *recurrent;		/* [n][4n] in panels */
	hwr_real   *transposed;		/* [4n][n] in panels */
} Direction;

typedef struct Lstm
{
	int			S;				/* sequences */
	int			T;				/* steps */
	int			F;				/* input features */
	int			n;				/* units */
	int			directions;
	Direction	dir[2];
	bool		direct;			/* the map is time-major as it is */
	hwr_real   *xt;				/* [T][S][F] unless direct */
	hwr_real   *dxt;			/* likewise */
	size_t		size;
} Lstm;

/* Values of b[rows][cols] in panels. */
static size_t
panels_size(const HwrLayerRun *run, int rows, int cols)
{
	int			panel = run->k->panel;

	return (size_t) rows * (size_t) ((cols + panel - 1) / panel * panel);
}

static Lstm
layout(const HwrLayerRun *run)
{
	const HwrLayer *l = run->layer;
	Lstm		s = {0};
	size_t		ts;

	s.S = run->N * (l->along_y ? run->in.w : run->in.h);
	s.T = l->along_y ? run->in.h : run->in.w;
	s.F = run->in.c;
	s.n = l->units;
	s.direct = s.S == 1;
	ts = (size_t) s.T * (size_t) s.S;

	if (!s.direct)
	{
		s.xt = hwr_take(run->aux, &s.size, ts * (size_t) s.F, sizeof(hwr_real));
		if (run->training)
			s.dxt = hwr_take(run->aux, &s.size, ts * (size_t) s.F, sizeof(hwr_real));
	}
	for (int reverse = 0; reverse <= 1; reverse++)
	{
		Direction  *d = &s.dir[s.directions];
		size_t		state = (size_t) s.S * (size_t) s.n;

		if (!(reverse ? l->reverse : l->forward))
			continue;
		d->reverse = reverse;
		d->tensor = s.directions * TENSORS_PER_DIRECTION;
		d->gates = hwr_take(run->aux, &s.size, ts * 4 * (size_t) s.n, sizeof(hwr_real));
		d->h = hwr_take(run->aux, &s.size, ts * (size_t) s.n, sizeof(hwr_real));
		d->cell = hwr_take(run->aux, &s.size, run->training ? ts * (size_t) s.n : 2 * state, sizeof(hwr_real));
		d->tc = hwr_take(run->aux, &s.size, run->training ? ts * (size_t) s.n : state, sizeof(hwr_real));
		d->recurrent = hwr_take(run->aux, &s.size, panels_size(run, s.n, 4 * s.n), sizeof(hwr_real));
		if (run->training)
		{
			d->transposed = hwr_take(run->aux, &s.size, panels_size(run, 4 * s.n, s.n), sizeof(hwr_real));
			d->dh = hwr_take(run->aux, &s.size, ts * (size_t) s.n, sizeof(hwr_real));
			d->dc = hwr_take(run->aux, &s.size, state, sizeof(hwr_real));
		}
		s.directions++;
	}
	return s;
}

static size_t
lstm_aux_size(const HwrLayerRun *run)
{
	return layout(run).size;
}

/* Row of the map [N][H][W] where sequence s is at step t. */
static inline size_t
map_row(const HwrLayerRun *run, const Lstm *l, int s, int t)
{
	if (run->layer->along_y)
		return ((size_t) (s / run->in.w) * (size_t) l->T + (size_t) t) * (size_t) run->in.w + (size_t) (s % run->in.w);
	return (size_t) s * (size_t) l->T + (size_t) t;
}

/* Step number p (0 .. T-1 in the order of computation) of a direction. */
static inline int
step_at(const Lstm *l, const Direction *d, int p)
{
	return d->reverse ? l->T - 1 - p : p;
}

/* Copies between the map (rows of width) and a time-major array, for steps [t0, t1). */
static void
to_time_major(const HwrLayerRun *run, const Lstm *l, const hwr_real *map, int width, int offset, int count,
			  hwr_real *seq, int t0, int t1)
{
	for (int t = t0; t < t1; t++)
		for (int s = 0; s < l->S; s++)
			memcpy(seq + ((size_t) t * (size_t) l->S + (size_t) s) * (size_t) count,
				   map + map_row(run, l, s, t) * (size_t) width + offset,
				   (size_t) count * sizeof(hwr_real));
}

static void
from_time_major(const HwrLayerRun *run, const Lstm *l, hwr_real *map, int width, int offset, int count,
				const hwr_real *seq, int t0, int t1)
{
	for (int t = t0; t < t1; t++)
		for (int s = 0; s < l->S; s++)
			memcpy(map + map_row(run, l, s, t) * (size_t) width + offset,
				   seq + ((size_t) t * (size_t) l->S + (size_t) s) * (size_t) count,
				   (size_t) count * sizeof(hwr_real));
}

/* Input products of all steps: this part's share of the rows, in both directions. */
static void
input_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Lstm		l = layout(run);
	const hwr_real *xt = l.direct ? run->x : l.xt;
	int			n4 = 4 * l.n;
	size_t		t0;
	size_t		t1;
	size_t		row;
	int			rows;

	hwr_pool_share((size_t) l.T, part, parts, &t0, &t1);
	row = t0 * (size_t) l.S;
	rows = (int) (t1 - t0) * l.S;
	if (rows == 0)
		return;
	if (!l.direct)
		to_time_major(run, &l, run->x, l.F, 0, l.F, l.xt, (int) t0, (int) t1);
	for (int i = 0; i < l.directions; i++)
	{
		Direction  *d = &l.dir[i];
		hwr_real   *gates = d->gates + row * (size_t) n4;
		const hwr_real *bias = hwr_layer_tensor(run, run->values, d->tensor + BIAS);

		for (int r = 0; r < rows; r++)
			memcpy(gates + (size_t) r * (size_t) n4, bias, (size_t) n4 * sizeof(hwr_real));
		hwr_gemm_nn(rows, n4, l.F, xt + row * (size_t) l.F, l.F,
					hwr_layer_tensor(run, run->values, d->tensor + KERNEL), n4, 1, gates, n4);
	}
}

/* A direction and a range of sequences: one independent chain of steps. */
typedef struct Chain
{
	Direction  *d;
	size_t		s0;
	int			rows;
} Chain;

static int
chains(const Lstm *l, int parts)
{
	return l->directions * ((parts + l->directions - 1) / l->directions);
}

static Chain
chain(Lstm *l, int i, int count)
{
	int			ranges = count / l->directions;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) l->S, i / l->directions, ranges, &lo, &hi);
	return (Chain) {&l->dir[i % l->directions], lo, (int) (hi - lo)};
}

/* gates[rows][4n] += h[rows][n] recurrent, or dh[rows][n] += gates[rows][4n] transposed. */
static void
multiply_weights(const HwrLayerRun *run, int rows, int k, int n, const hwr_real *a, const hwr_real *weights, hwr_real *c)
{
	HwrProduct	p = {
		.m = rows,
		.n = n,
		.k = k,
		.parts = 1,
		.a = a,
		.a_row = k,
		.a_col = 1,
		.b = weights,
		.b_row = run->k->panel,
		.b_panel = (ptrdiff_t) run->k->panel * k,
		.c = c,
		.c_row = n,
		.accumulate = true,
	};

	run->k->multiply(&p);
}

static void
run_chain(const HwrLayerRun *run, const Lstm *l, const Chain *c)
{
	const Direction *d = c->d;
	size_t		n = (size_t) l->n;
	size_t		state = (size_t) l->S * n;
	size_t		at = c->s0 * n;

	for (int p = 0; p < l->T; p++)
	{
		size_t		t = (size_t) step_at(l, d, p);
		size_t		before = p > 0 ? (size_t) step_at(l, d, p - 1) : 0;
		hwr_real   *gates = d->gates + t * 4 * state + 4 * at;
		size_t		cell = run->training ? t : (size_t) (p % 2);
		size_t		cell_before = run->training ? before : (size_t) ((p + 1) % 2);

		if (p > 0)
			multiply_weights(run, c->rows, l->n, 4 * l->n, d->h + before * state + at, d->recurrent, gates);
		run->k->lstm_cell((size_t) c->rows, l->n, gates,
						  p > 0 ? d->cell + cell_before * state + at : NULL,
						  d->cell + cell * state + at,
						  d->tc + (run->training ? t * state : 0) + at,
						  d->h + t * state + at);
	}
}

static void
recurrence_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Lstm		l = layout(run);
	int			count = chains(&l, parts);

	for (int i = part; i < count; i += parts)
	{
		Chain		c = chain(&l, i, count);

		if (c.rows > 0)
			run_chain(run, &l, &c);
	}
}

/* Step whose output a summarising direction keeps: the last computed. */
static inline size_t
last_step(const Lstm *l, const Direction *d)
{
	return (size_t) step_at(l, d, l->T - 1);
}

static void
output_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Lstm		l = layout(run);
	int			width = l.directions * l.n;
	size_t		lo;
	size_t		hi;

	if (run->layer->summarize)
	{
		hwr_pool_share((size_t) l.S, part, parts, &lo, &hi);
		for (size_t s = lo; s < hi; s++)
			for (int i = 0; i < l.directions; i++)
				memcpy(run->y + s * (size_t) width + (size_t) (i * l.n),
					   l.dir[i].h + (last_step(&l, &l.dir[i]) * (size_t) l.S + s) * (size_t) l.n,
					   (size_t) l.n * sizeof(hwr_real));
		return;
	}
	hwr_pool_share((size_t) l.T, part, parts, &lo, &hi);
	for (int i = 0; i < l.directions; i++)
		from_time_major(run, &l, run->y, width, i * l.n, l.n, l.dir[i].h, (int) lo, (int) hi);
}

static void
pack_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Lstm		l = layout(run);

	for (int i = part; i < l.directions; i += parts)
		run->k->pack_panels(l.n, 4 * l.n, hwr_layer_tensor(run, run->values, l.dir[i].tensor + RECURRENT),
							4 * l.n, l.dir[i].recurrent);
}

static void
lstm_forward(HwrLayerRun *run)
{
	if (run->training || run->packed != *run->version)
	{
		hwr_pool_run(run->pool, pack_part, run);
		run->packed = *run->version;
	}
	hwr_pool_run(run->pool, input_part, run);
	hwr_pool_run(run->pool, recurrence_part, run);
	hwr_pool_run(run->pool, output_part, run);
}

/* Spread the output's gradient over the directions' h. */
static void
output_back_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Lstm		l = layout(run);
	int			width = l.directions * l.n;
	size_t		state = (size_t) l.S * (size_t) l.n;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) l.T, part, parts, &lo, &hi);
	for (int i = 0; i < l.directions; i++)
	{
		Direction  *d = &l.dir[i];
		size_t		last = last_step(&l, d);

		if (!run->layer->summarize)
		{
			to_time_major(run, &l, run->dy, width, i * l.n, l.n, d->dh, (int) lo, (int) hi);
			continue;
		}
		memset(d->dh + lo * state, 0, (hi - lo) * state * sizeof(hwr_real));
		if (last >= lo && last < hi)
			for (size_t s = 0; s < (size_t) l.S; s++)
				memcpy(d->dh + last * state + s * (size_t) l.n,
					   run->dy + s * (size_t) width + (size_t) (i * l.n),
					   (size_t) l.n * sizeof(hwr_real));
	}
}

/* The recurrent weights as the backward pass multiplies by them. */
static void
pack_back_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Lstm		l = layout(run);
	int			panel = run->k->panel;
	int			n4 = 4 * l.n;

	for (int i = part; i < l.directions; i += parts)
	{
		const hwr_real *recurrent = hwr_layer_tensor(run, run->values, l.dir[i].tensor + RECURRENT);
		hwr_real   *out = l.dir[i].transposed;

		for (int col = 0; col < l.n; col += panel)
			for (int row = 0; row < n4; row++)
				for (int j = col; j < col + panel; j++)
					*out++ = j < l.n ? recurrent[(size_t) j * (size_t) n4 + (size_t) row] : 0;
	}
}

static void
run_chain_back(const HwrLayerRun *run, const Lstm *l, const Chain *c)
{
	const Direction *d = c->d;
	size_t		n = (size_t) l->n;
	size_t		state = (size_t) l->S * n;
	size_t		at = c->s0 * n;

	memset(d->dc + at, 0, (size_t) c->rows * n * sizeof(hwr_real));
	for (int p = l->T - 1; p >= 0; p--)
	{
		size_t		t = (size_t) step_at(l, d, p);
		hwr_real   *dh = d->dh + t * state + at;

		if (p < l->T - 1)
			multiply_weights(run, c->rows, 4 * l->n, l->n,
							 d->gates + (size_t) step_at(l, d, p + 1) * 4 * state + 4 * at, d->transposed, dh);
		run->k->lstm_cell_back((size_t) c->rows, l->n, d->gates + t * 4 * state + 4 * at,
							   p > 0 ? d->cell + (size_t) step_at(l, d, p - 1) * state + at : NULL,
							   d->tc + t * state + at, dh, d->dc + at);
	}
}

static void
recurrence_back_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Lstm		l = layout(run);
	int			count = chains(&l, parts);

	for (int i = part; i < count; i += parts)
	{
		Chain		c = chain(&l, i, count);

		if (c.rows > 0)
			run_chain_back(run, &l, &c);
	}
}

/* Kernel, recurrent and bias gradients: this part's share of the rows of each. */
static void
weights_back_part(HwrLayerRun *run, const Lstm *l, int part, int parts)
{
	const hwr_real *xt = l->direct ? run->x : l->xt;
	int			n4 = 4 * l->n;
	size_t		lo;
	size_t		hi;

	for (int i = 0; i < l->directions; i++)
	{
		const Direction *d = &l->dir[i];
		size_t		state = (size_t) l->S * (size_t) l->n;

		hwr_pool_share((size_t) l->F, part, parts, &lo, &hi);
		if (hi > lo)
			hwr_gemm_tn((int) (hi - lo), n4, l->T * l->S, xt + lo, l->F, d->gates, n4, 1,
						hwr_layer_tensor(run, run->grads, d->tensor + KERNEL) + lo * (size_t) n4, n4);

		/* the state before step t is h[t - 1] going forward, h[t + 1] in reverse */
		hwr_pool_share((size_t) l->n, part, parts, &lo, &hi);
		if (hi > lo && l->T > 1)
			hwr_gemm_tn((int) (hi - lo), n4, (l->T - 1) * l->S,
						d->h + (d->reverse ? state : 0) + lo, l->n,
						d->gates + (d->reverse ? 0 : 4 * state), n4, 1,
						hwr_layer_tensor(run, run->grads, d->tensor + RECURRENT) + lo * (size_t) n4, n4);
		if (i % parts == part)
			run->k->col_sum((size_t) l->T * (size_t) l->S, n4, d->gates,
							hwr_layer_tensor(run, run->grads, d->tensor + BIAS));
	}
}

static void
input_back_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Lstm		l = layout(run);
	hwr_real   *dxt = l.direct ? run->dx : l.dxt;
	int			n4 = 4 * l.n;
	size_t		t0;
	size_t		t1;

	weights_back_part(run, &l, part, parts);

	hwr_pool_share((size_t) l.T, part, parts, &t0, &t1);
	if (run->dx == NULL || t1 == t0)
		return;
	for (int i = 0; i < l.directions; i++)
		hwr_gemm_nt((int) (t1 - t0) * l.S, l.F, n4,
					l.dir[i].gates + t0 * (size_t) l.S * (size_t) n4, n4,
					hwr_layer_tensor(run, run->values, l.dir[i].tensor + KERNEL), n4,
					i == 0 ? 0 : 1, dxt + t0 * (size_t) l.S * (size_t) l.F, l.F);
	if (!l.direct)
		from_time_major(run, &l, run->dx, l.F, 0, l.F, l.dxt, (int) t0, (int) t1);
}

static void
lstm_backward(HwrLayerRun *run)
{
	hwr_pool_run(run->pool, pack_back_part, run);
	hwr_pool_run(run->pool, output_back_part, run);
	hwr_pool_run(run->pool, recurrence_back_part, run);
	hwr_pool_run(run->pool, input_back_part, run);
}

const HwrLayerOps hwr_lstm_ops = {
	.forward = lstm_forward,
	.backward = lstm_backward,
	.aux_size = lstm_aux_size,
};
