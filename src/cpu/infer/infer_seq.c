/*
 * infer_seq.c
 *	  Dense layers, LSTMs and the output over the sequences of a whole batch.
 *
 * The sequences lie time-major, as elements: in each step the images that have it, which are the first few, since the longest
 * comes first.  A layer reads one of two
 * buffers and writes the other.  An LSTM direction computes the input products of a few steps
 * at a time, just before the recurrence uses them, so that the gates stay in the cache.
 */
#include <string.h>

#include "infer_internal.h"

/* A thread's memory for one LSTM direction, or for rows of a dense layer. */
typedef struct Scratch
{
	hwr_real   *rows;			/* gates [chunk_rows][4n], or dense rows */
	hwr_real   *cell;			/* [N][n] */
	hwr_real   *h;				/* [N][n] */
	char	   *before;			/* [N][padded n] elements: h of the step before, see recur */
	hwr_real   *logp;			/* [HWR_INFER_ROWS][K] */
	size_t		size;
} Scratch;

/* Elements in whole groups, of whatever kind. */
static size_t
padded(size_t n)
{
	return (n + HWR_INFER_PAST - 1) / HWR_INFER_PAST * HWR_INFER_PAST;
}

/* Rows of whole steps of an LSTM whose input products are computed together, at most. */
static size_t
chunk_rows(const HwrInfer *inf)
{
	return inf->N > HWR_INFER_ROWS ? (size_t) inf->N : HWR_INFER_ROWS;
}

static Scratch
scratch(const HwrInfer *inf, int part)
{
	char	   *base = inf->scratch != NULL ? inf->scratch + (size_t) part * inf->scratch_stride : NULL;
	size_t		gates = 0;
	size_t		dense = 0;
	size_t		state = 0;
	Scratch		s = {0};

	for (int i = 0; i < inf->nops; i++)
	{
		size_t		units = (size_t) inf->ops[i].layer->units;

		if (inf->ops[i].directions > 0 && units > state)
			state = units;
		else if (inf->ops[i].directions == 0 && units > dense)
			dense = units;
	}
	gates = chunk_rows(inf) * 4 * state;
	if (dense * HWR_INFER_ROWS > gates)
		gates = dense * HWR_INFER_ROWS;
	s.rows = hwr_take(base, &s.size, gates, sizeof(hwr_real));
	s.cell = hwr_take(base, &s.size, (size_t) inf->N * state, sizeof(hwr_real));
	s.h = hwr_take(base, &s.size, (size_t) inf->N * state, sizeof(hwr_real));
	s.before = hwr_take(base, &s.size, (size_t) inf->N * padded(state), sizeof(hwr_real));
	s.logp = hwr_take(base, &s.size, HWR_INFER_ROWS * (size_t) inf->net->classes, sizeof(hwr_real));
	return s;
}

size_t
hwr_infer_scratch_size(const HwrInfer *inf)
{
	HwrInfer	measured = *inf;

	measured.scratch = NULL;
	return scratch(&measured, 0).size;
}

/* c[m][n] = [c +] a[m][k] weights [+ bias], a's rows a_row elements apart. */
static void
multiply(const HwrElements *e, int m, int k, int n, const char *a, ptrdiff_t a_row, const void *weights,
		 const hwr_real *bias, bool relu, bool accumulate, hwr_real *c)
{
	HwrProduct	p = {
		.m = m,
		.n = n,
		.k = k,
		.parts = 1,
		.a = a,
		.a_row = a_row,
		.a_col = 1,
		.b = weights,
		.c = c,
		.c_row = n,
		.accumulate = accumulate,
		.bias = bias,
		.relu = relu,
	};

	e->multiply(&p);
}

/* Element at (row, feature) of a sequence buffer with this many features. */
static char *
element(const HwrElements *e, char *seq, size_t row, int features, int feature)
{
	return seq + (row * (size_t) features + (size_t) feature) * e->size;
}

/* The reading and the writing buffer of the op in hand. */
static char *
source(const HwrInfer *inf)
{
	return inf->seq[inf->op % 2];
}

static char *
target(const HwrInfer *inf)
{
	return inf->seq[(inf->op + 1) % 2];
}

/* A direction over the sequences [s0, s0 + rows) */
typedef struct Chain
{
	int			d;
	size_t		s0;
	int			rows;
} Chain;

/* Those of a chain that have a step t: the first few. */
static int
chain_rows(const HwrInfer *inf, const Chain *c, int t)
{
	int			rows = hwr_infer_rows(inf, t) - (int) c->s0;

	return rows < 0 ? 0 : rows < c->rows ? rows : c->rows;
}

/* Gates of the steps [t0, t1) from the input, each row where it is in the sequence. */
static void
input_products(const HwrInfer *inf, const HwrSeqOp *op, const Chain *c, int t0, int t1, hwr_real *gates)
{
	int			n4 = 4 * op->layer->units;
	size_t		first = inf->row[t0];

	if (c->rows == inf->N)
	{
		multiply(op->in_e, (int) (inf->row[t1] - first), op->in, n4, element(op->in_e, source(inf), first, op->in, 0), op->in,
				 op->kernel[c->d], op->bias[c->d], false, false, gates);
		return;
	}
	for (int t = t0; t < t1; t++)
	{
		size_t		row = inf->row[t] + c->s0;
		int			rows = chain_rows(inf, c, t);

		if (rows > 0)
			multiply(op->in_e, rows, op->in, n4, element(op->in_e, source(inf), row, op->in, 0), op->in,
					 op->kernel[c->d], op->bias[c->d], false, false, gates + (row - first) * (size_t) n4);
	}
}

/*
 * The recurrence at time t, after that at time "before", -1: none.  Where rows had no step then, a sequence begins.  A
 * product may read past its left operand, where units are no whole number of groups: in the sequence that would be
 * what the other direction writes, so a copy is read.
 */
static void
recur(const HwrInfer *inf, const HwrSeqOp *op, const Chain *c, Scratch *s, int t, int before, hwr_real *gates)
{
	int			n = op->layer->units;
	int			stride = (int) padded((size_t) n);
	bool		apart = stride != n;
	int			rows = chain_rows(inf, c, t);
	int			old = before < 0 ? 0 : chain_rows(inf, c, before);

	if (old > rows)
		old = rows;
	if (old > 0)
	{
		multiply(op->out_e, old, n, 4 * n,
				 apart ? s->before : element(op->out_e, target(inf), inf->row[before] + c->s0, op->out, c->d * n),
				 apart ? stride : op->out, op->recurrent[c->d], NULL, false, true, gates);
		inf->k->lstm_step((size_t) old, n, gates, false, s->cell, s->h);
	}
	if (rows > old)
		inf->k->lstm_step((size_t) (rows - old), n, gates + (size_t) old * 4 * (size_t) n, true,
						  s->cell + (size_t) old * (size_t) n, s->h + (size_t) old * (size_t) n);
	for (int r = 0; r < rows; r++)
	{
		const hwr_real *h = s->h + (size_t) r * (size_t) n;

		op->out_e->store((size_t) n, h, element(op->out_e, target(inf), inf->row[t] + c->s0 + (size_t) r, op->out, c->d * n));
		if (apart)
			op->out_e->store((size_t) n, h, element(op->out_e, s->before, (size_t) r, stride, 0));
	}
}

/* The steps [t0, t1), in the direction's order. */
static void
run_steps(const HwrInfer *inf, const HwrSeqOp *op, const Chain *c, Scratch *s, int t0, int t1)
{
	bool		reverse = op->reverse[c->d];
	size_t		units = (size_t) op->layer->units;

	input_products(inf, op, c, t0, t1, s->rows);
	for (int i = 0; i < t1 - t0; i++)
	{
		int			t = reverse ? t1 - 1 - i : t0 + i;
		int			before = !reverse ? t - 1 : t + 1 < inf->T ? t + 1 : -1;

		recur(inf, op, c, s, t, before, s->rows + (inf->row[t] + c->s0 - inf->row[t0]) * 4 * units);
	}
}

static void
run_chain(const HwrInfer *inf, const HwrSeqOp *op, const Chain *c, Scratch *s)
{
	size_t		most = chunk_rows(inf);
	int			t0 = 0;
	int			t1 = inf->T;

	memset(s->before, 0, (size_t) c->rows * padded((size_t) op->layer->units) * op->out_e->size);
	if (op->reverse[c->d])
		for (; t1 > 0; t1 = t0)
		{
			for (t0 = t1 - 1; t0 > 0 && inf->row[t1] - inf->row[t0 - 1] <= most; t0--);
			run_steps(inf, op, c, s, t0, t1);
		}
	else
		for (; t0 < inf->T; t0 = t1)
		{
			for (t1 = t0 + 1; t1 < inf->T && inf->row[t1 + 1] - inf->row[t0] <= most; t1++);
			run_steps(inf, op, c, s, t0, t1);
		}
}

static void
lstm_part(void *arg, int part, int parts)
{
	HwrInfer   *inf = arg;
	const HwrSeqOp *op = &inf->ops[inf->op];
	Scratch		s = scratch(inf, part);
	int			ranges = (parts + op->directions - 1) / op->directions;

	for (int i = part; i < op->directions * ranges; i += parts)
	{
		size_t		lo;
		size_t		hi;

		hwr_pool_share((size_t) inf->N, i / op->directions, ranges, &lo, &hi);
		if (hi > lo)
			run_chain(inf, op, &(Chain) {i % op->directions, lo, (int) (hi - lo)}, &s);
	}
}

/* Rows [row, row + rows) of a dense layer or of the output, in float32. */
static void
dense_rows(const HwrInfer *inf, const HwrSeqOp *op, size_t row, int rows, hwr_real *out)
{
	HwrActivation act = op->layer->activation;
	bool		fused = act == HWR_ACT_RELU || act == HWR_ACT_LINEAR;

	multiply(op->in_e, rows, op->in, op->out, element(op->in_e, source(inf), row, op->in, 0), op->in, op->kernel[0],
			 fused ? op->bias[0] : NULL, act == HWR_ACT_RELU, false, out);
	if (!fused)
		inf->k->bias_act((size_t) rows, op->out, op->bias[0], act, out);
}

/* The step that a row of the sequence belongs to. */
static int
step_of(const HwrInfer *inf, size_t row)
{
	int			lo = 0;
	int			hi = inf->T;

	while (hi - lo > 1)
	{
		int			middle = (lo + hi) / 2;

		if (inf->row[middle] <= row)
			lo = middle;
		else
			hi = middle;
	}
	return lo;
}

/* Log posteriors of rows [row, row + rows), each to its image. */
static void
store_posteriors(const HwrInfer *inf, size_t row, int rows, const Scratch *s)
{
	int			K = inf->net->classes;
	int			t = step_of(inf, row);

	inf->k->log_softmax((size_t) rows, K, s->rows, s->logp);
	for (int r = 0; r < rows; r++, row++)
	{
		float	   *out;

		t += row == inf->row[t + 1];
		out = inf->logp + (inf->first_step[row - inf->row[t]] + (size_t) t) * (size_t) K;
		for (int i = 0; i < K; i++)
			out[i] = (float) s->logp[(size_t) r * (size_t) K + (size_t) i];
	}
}

static void
dense_part(void *arg, int part, int parts)
{
	HwrInfer   *inf = arg;
	const HwrSeqOp *op = &inf->ops[inf->op];
	Scratch		s = scratch(inf, part);
	size_t		lo;
	size_t		hi;

	hwr_pool_share(inf->row[inf->T], part, parts, &lo, &hi);
	for (size_t row = lo; row < hi; row += HWR_INFER_ROWS)
	{
		int			rows = hi - row < HWR_INFER_ROWS ? (int) (hi - row) : HWR_INFER_ROWS;

		dense_rows(inf, op, row, rows, s.rows);
		if (op->layer->kind == HWR_LAYER_OUTPUT)
			store_posteriors(inf, row, rows, &s);
		else
			op->out_e->store((size_t) rows * (size_t) op->out, s.rows, element(op->out_e, target(inf), row, op->out, 0));
	}
}

void
hwr_infer_sequence(HwrInfer *inf)
{
	size_t		rows = inf->row[inf->T];

	for (inf->op = 0; inf->op < inf->nops; inf->op++)
	{
		const HwrSeqOp *op = &inf->ops[inf->op];

		/* other elements may have been there */
		memset(element(op->in_e, source(inf), rows, op->in, 0), 0, HWR_INFER_PAST);
		hwr_pool_run(inf->pool, op->directions > 0 ? lstm_part : dense_part, inf);
	}
}
