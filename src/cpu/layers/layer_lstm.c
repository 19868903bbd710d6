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
 * products, and (direction, range of sequences) pairs in the recurrence.  Source: Hochreiter,
 * Schmidhuber 1997 with forget gates; gate order and layouts in vgsl.h.
 */
#include <string.h>

#include "layers.h"
#include "products.h"

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
	void	   *kernel;			/* [F][4n] packed */
	void	   *recurrent;		/* [n][4n] packed */
	void	   *kernel_transposed;	/* [4n][F] packed; training */
	void	   *recurrent_transposed;	/* [4n][n] packed; training */
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
		d->kernel = hwr_take(run->aux, &s.size, run->e->packed_size(1, s.F, 4 * s.n), 1);
		d->recurrent = hwr_take(run->aux, &s.size, run->e->packed_size(1, s.n, 4 * s.n), 1);
		if (run->training)
		{
			d->kernel_transposed = hwr_take(run->aux, &s.size, run->e->packed_size(1, 4 * s.n, s.F), 1);
			d->recurrent_transposed = hwr_take(run->aux, &s.size, run->e->packed_size(1, 4 * s.n, s.n), 1);
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

/* A thread's scratch: rows as elements, or the operands of a gradient of weights. */
static size_t
lstm_scratch_size(const HwrLayerRun *run)
{
	Lstm		l = layout(run);
	int			widest = l.F > 4 * l.n ? l.F : 4 * l.n;
	size_t		size = hwr_rows_scratch(run->e, widest);
	size_t		step = (size_t) l.S * (size_t) (4 * l.n) * run->e->size;
	size_t		gradient = run->training ? hwr_weight_gradient_scratch(run->e, l.F > l.n ? l.F : l.n, 4 * l.n) : 0;

	size = size > step ? size : step;
	return size > gradient ? size : gradient;
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

		hwr_multiply_rows(run->e,
						  &(HwrProduct) {
							  .m = rows,
							  .n = n4,
							  .k = l.F,
							  .a = xt + row * (size_t) l.F,
							  .b = d->kernel,
							  .c = d->gates + row * (size_t) n4,
							  .c_row = n4,
							  .bias = hwr_layer_tensor(run, run->values, d->tensor + BIAS),
						  },
						  run->scratch + (size_t) part * run->scratch_stride);
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
multiply_weights(const HwrLayerRun *run, int part, int rows, int k, int n, const hwr_real *a, const void *weights, hwr_real *c)
{
	run->e->multiply(&(HwrProduct) {
						 .m = rows,
						 .n = n,
						 .k = k,
						 .parts = 1,
						 .a = hwr_to_elements(run->e, (size_t) rows, k, a, run->scratch + (size_t) part * run->scratch_stride),
						 .a_row = hwr_whole_groups(run->e, k),
						 .a_col = 1,
						 .b = weights,
						 .c = c,
						 .c_row = n,
						 .accumulate = true,
					 });
}

static void
run_chain(const HwrLayerRun *run, int part, const Lstm *l, const Chain *c)
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
			multiply_weights(run, part, c->rows, l->n, 4 * l->n, d->h + before * state + at, d->recurrent, gates);
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
			run_chain(run, part, &l, &c);
	}
}

/* Step whose output a summarising direction keeps: the last computed, or that at the end of the axis. */
static inline size_t
last_step(const HwrLayerRun *run, const Lstm *l, const Direction *d)
{
	return (size_t) (run->layer->at_end ? l->T - 1 : step_at(l, d, l->T - 1));
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
					   l.dir[i].h + (last_step(run, &l, &l.dir[i]) * (size_t) l.S + s) * (size_t) l.n,
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

	for (int i = 0; i < l.directions; i++)
	{
		const Direction *d = &l.dir[i];
		const hwr_real *kernel = hwr_layer_tensor(run, run->values, d->tensor + KERNEL);
		const hwr_real *recurrent = hwr_layer_tensor(run, run->values, d->tensor + RECURRENT);

		hwr_pack_weights(run->e, 1, l.F, 4 * l.n, kernel, false, d->kernel, part, parts);
		hwr_pack_weights(run->e, 1, l.n, 4 * l.n, recurrent, false, d->recurrent, part, parts);
		if (run->training)
		{
			hwr_pack_weights(run->e, 1, 4 * l.n, l.F, kernel, true, d->kernel_transposed, part, parts);
			hwr_pack_weights(run->e, 1, 4 * l.n, l.n, recurrent, true, d->recurrent_transposed, part, parts);
		}
	}
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
		size_t		last = last_step(run, &l, d);

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

static void
run_chain_back(const HwrLayerRun *run, int part, const Lstm *l, const Chain *c)
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
			multiply_weights(run, part, c->rows, 4 * l->n, l->n,
							 d->gates + (size_t) step_at(l, d, p + 1) * 4 * state + 4 * at, d->recurrent_transposed, dh);
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
			run_chain_back(run, part, &l, &c);
	}
}

/* Gradients of the weights: this part's share of the gates' columns in both directions. */
static void
weights_back_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Lstm		l = layout(run);
	char	   *scratch = run->scratch + (size_t) part * run->scratch_stride;
	int			n4 = 4 * l.n;
	size_t		state = (size_t) l.S * (size_t) l.n;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) (l.directions * n4), part, parts, &lo, &hi);
	for (int i = 0; i < l.directions; i++, lo -= lo < (size_t) n4 ? lo : (size_t) n4, hi -= hi < (size_t) n4 ? hi : (size_t) n4)
	{
		const Direction *d = &l.dir[i];
		size_t		first = lo;
		size_t		last = hi < (size_t) n4 ? hi : (size_t) n4;
		HwrWeightGradient g = {
			.depth = (size_t) l.T * (size_t) l.S,
			.m = l.F,
			.n = (int) last - (int) first,
			.x = l.direct ? run->x : l.xt,
			.x_row = l.F,
			.dy = d->gates + first,
			.dy_row = n4,
			.grad = hwr_layer_tensor(run, run->grads, d->tensor + KERNEL) + first,
			.grad_row = n4,
		};

		if (g.n <= 0)
			continue;
		hwr_weight_gradient(run->e, &g, scratch);

		/* the state before step t is h[t - 1] going forward, h[t + 1] in reverse */
		g.depth -= (size_t) l.S;
		g.m = l.n;
		g.x = d->h + (d->reverse ? state : 0);
		g.x_row = l.n;
		g.dy += d->reverse ? 0 : 4 * state;
		g.grad = hwr_layer_tensor(run, run->grads, d->tensor + RECURRENT) + first;
		hwr_weight_gradient(run->e, &g, scratch);
	}
	for (int i = part; i < l.directions; i += parts)
		run->k->col_sum((size_t) l.T * (size_t) l.S, n4, l.dir[i].gates,
						hwr_layer_tensor(run, run->grads, l.dir[i].tensor + BIAS));
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

	hwr_pool_share((size_t) l.T, part, parts, &t0, &t1);
	for (int i = 0; i < l.directions; i++)
		hwr_multiply_rows(run->e,
						  &(HwrProduct) {
							  .m = (int) (t1 - t0) * l.S,
							  .n = l.F,
							  .k = n4,
							  .a = l.dir[i].gates + t0 * (size_t) l.S * (size_t) n4,
							  .b = l.dir[i].kernel_transposed,
							  .c = dxt + t0 * (size_t) l.S * (size_t) l.F,
							  .c_row = l.F,
							  .accumulate = i > 0,
						  },
						  run->scratch + (size_t) part * run->scratch_stride);
	if (!l.direct)
		from_time_major(run, &l, run->dx, l.F, 0, l.F, l.dxt, (int) t0, (int) t1);
}

static void
lstm_backward(HwrLayerRun *run)
{
	hwr_pool_run(run->pool, output_back_part, run);
	hwr_pool_run(run->pool, recurrence_back_part, run);
	hwr_pool_run(run->pool, weights_back_part, run);
	if (run->dx != NULL)
		hwr_pool_run(run->pool, input_back_part, run);
}

const HwrLayerOps hwr_lstm_ops = {
	.forward = lstm_forward,
	.backward = lstm_backward,
	.aux_size = lstm_aux_size,
	.scratch_size = lstm_scratch_size,
};
