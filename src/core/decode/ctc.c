/*
 * ctc.c
 *	  CTC loss and gradient by the forward-backward recursion over the extended label.
 *
 * The label l_1 .. l_L is extended with blanks to S = 2L + 1 states: state s is a blank where s is
 * even and l_((s+1)/2) where s is odd.  A path starts in state 0 or 1, ends in one of the last two, and
 * from step to step stays, moves on by one state, or skips a blank between two different characters.
 *
 *	 alpha[t][s] = log P(steps 0..t are read, ending in s), the emission at t included
 *	 beta[s]     = log P(the steps after t are read from s on), the emission at t excluded
 *
 * so alpha + beta is the log weight of all paths through s at t.  The occupancy of a
 * class at t is the share of these weights, a softmax over s: it adds up to one at each step
 * whatever the rounding, which keeps the gradient bounded for any finite input.
 *
 * Only the band of states that can be reached from the start and can still reach the end is
 * computed.  Sums are carried in double whatever hwr_real is.
 *
 * Source: Graves et al. 2006, sections 4.1 and 4.2.
 */
#include "ctc.h"

#include <math.h>
#include <stdint.h>

#ifdef HWR_REAL_DOUBLE
#define EXP_REAL exp
#else
#define EXP_REAL expf
#endif

/* States that are worked on between two questions whether to stop. */
#define WORK_BETWEEN_STOPS (1 << 18)

/* exp(x) below this does not change a sum that holds a one, in double. */
#define NEGLIGIBLE (-37.5)

typedef struct Ctc
{
	const hwr_real *logp;		/* [T][K] */
	const int  *label;			/* [L] */
	int			T;
	int			K;
	int			L;
	int			S;				/* 2L + 1 */
	double	   *alpha;			/* [T][S] */
	double	   *beta;			/* [2][S], this step's row and the next one's */
	double	   *weight;			/* [S] */
} Ctc;

int
hwr_ctc_min_steps(const int *label, int L)
{
	int			steps = L;

	for (int i = 1; i < L; i++)
		steps += (label[i] == label[i - 1]);
	return steps;
}

size_t
hwr_ctc_workspace(int T, int L)
{
	size_t		states = 2 * (size_t) L + 1;

	return ((size_t) T + 3) * states * sizeof(double);
}

size_t
hwr_ctc_forward_workspace(int L)
{
	return 2 * (2 * (size_t) L + 1) * sizeof(double);
}

/* log(exp(a) + exp(b) + exp(c)); any of them may be -infinity. */
static inline double
log_sum3(double a, double b, double c)
{
	double		sum = 1.0;
	double		swap;

	if (b > a)
	{
		swap = a;
		a = b;
		b = swap;
	}
	if (c > a)
	{
		swap = a;
		a = c;
		c = swap;
	}
	if (a == -INFINITY)
		return a;
	b -= a;
	c -= a;
	if (b > NEGLIGIBLE)
		sum += exp(b);
	if (c > NEGLIGIBLE)
		sum += exp(c);
	return sum > 1.0 ? a + log(sum) : a;
}

/* The states worth computing at step t: first .. last. */
static inline int
first_state(const Ctc *c, int t)
{
	int			s = c->S - 2 * (c->T - t);

	return s > 0 ? s : 0;
}

static inline int
last_state(const Ctc *c, int t)
{
	int			s = 2 * t + 1;

	return s < c->S ? s : c->S - 1;
}

/* Class that state s emits. */
static inline int
emits(const Ctc *c, int s)
{
	return (s & 1) ? c->label[s >> 1] : 0;
}

/* Whether a path may step from state s - 2 to s. */
static inline bool
skips_to(const Ctc *c, int s)
{
	return (s & 1) && s >= 3 && c->label[s >> 1] != c->label[(s >> 1) - 1];
}

/* The first row of alpha. */
static void
begin_forward(const Ctc *c, double *row)
{
	for (int s = 0; s < c->S; s++)
		row[s] = -INFINITY;
	for (int s = first_state(c, 0); s <= last_state(c, 0); s++)
		row[s] = c->logp[emits(c, s)];
}

/* One row of alpha from the row of the step before it. */
static void
forward_row(const Ctc *c, int t, const double *prev, double *row)
{
	const hwr_real *y = c->logp + (size_t) t * c->K;
	int			first = first_state(c, t);
	int			last = last_state(c, t);

	for (int s = 0; s < first; s++)
		row[s] = -INFINITY;
	for (int s = first; s <= last; s++)
		row[s] = y[emits(c, s)] +
			log_sum3(prev[s],
					 s >= 1 ? prev[s - 1] : -INFINITY,
					 skips_to(c, s) ? prev[s - 2] : -INFINITY);
	for (int s = last + 1; s < c->S; s++)
		row[s] = -INFINITY;
}

/* log P(label) from the last row. */
static double
end_forward(const Ctc *c, const double *row)
{
	return log_sum3(row[c->S - 1], c->S > 1 ? row[c->S - 2] : -INFINITY, -INFINITY);
}

/* Fill alpha; return log P(label). */
static double
forward(const Ctc *c)
{
	double	   *row = c->alpha;

	begin_forward(c, row);
	for (int t = 1; t < c->T; t++, row += c->S)
		forward_row(c, t, row, row + c->S);
	return end_forward(c, row);
}

/* One row of beta from the row of the step after it. */
static void
backward_row(const Ctc *c, int t, const double *next, double *row)
{
	const hwr_real *y = c->logp + (size_t) (t + 1) * c->K;
	int			first = first_state(c, t);
	int			last = last_state(c, t);

	for (int s = 0; s < c->S; s++)
	{
		if (s < first || s > last)
			row[s] = -INFINITY;
		else
			row[s] = log_sum3(next[s] + y[emits(c, s)],
							  s + 1 < c->S ? next[s + 1] + y[emits(c, s + 1)] : -INFINITY,
							  s + 2 < c->S && skips_to(c, s + 2) ? next[s + 2] + y[emits(c, s + 2)] : -INFINITY);
	}
}

/* grad[K] of step t, given alpha and beta there. */
static void
gradient_row(const Ctc *c, int t, const double *beta, hwr_real *grad, double scale)
{
	const double *alpha = c->alpha + (size_t) t * c->S;
	const hwr_real *y = c->logp + (size_t) t * c->K;
	int			first = first_state(c, t);
	int			last = last_state(c, t);
	double		peak = -INFINITY;
	double		sum = 0;
	double		blank = 0;

	for (int s = first; s <= last; s++)
	{
		c->weight[s] = alpha[s] + beta[s];
		if (c->weight[s] > peak)
			peak = c->weight[s];
	}
	for (int s = first; s <= last; s++)
	{
		double		x = c->weight[s] - peak;

		c->weight[s] = x > 2 * NEGLIGIBLE ? exp(x) : 0;
		sum += c->weight[s];
	}

	for (int k = 0; k < c->K; k++)
		grad[k] = EXP_REAL(y[k]) * (hwr_real) scale;
	for (int s = first; s <= last; s++)
	{
		if (s & 1)
			grad[c->label[s >> 1]] -= (hwr_real) (c->weight[s] / sum * scale);
		else
			blank += c->weight[s];
	}
	grad[0] -= (hwr_real) (blank / sum * scale);
}

/* Walk beta from the last step to the first, writing each step's gradient. */
static void
backward(const Ctc *c, hwr_real *grad, double scale)
{
	double	   *row = c->beta;
	double	   *next = c->beta + c->S;

	for (int t = c->T - 1; t >= 0; t--)
	{
		if (t == c->T - 1)
		{
			for (int s = 0; s < c->S; s++)
				row[s] = s >= c->S - 2 ? 0 : -INFINITY;
		}
		else
			backward_row(c, t, next, row);
		gradient_row(c, t, row, grad + (size_t) t * c->K, scale);

		double	   *swap = row;

		row = next;
		next = swap;
	}
}

bool
hwr_ctc_forward(const hwr_real *logp, int T, int K, const int *label, int L, HwrStopFn stop, void *stop_arg,
				double *loss, void *workspace)
{
	Ctc			c = {.logp = logp,.label = label,.T = T,.K = K,.L = L,.S = 2 * L + 1};
	double	   *row = workspace;
	double	   *next = row + c.S;
	int64_t		work = 0;

	*loss = T < hwr_ctc_min_steps(label, L) ? INFINITY : 0;
	if (*loss > 0 || T == 0)
		return true;
	begin_forward(&c, row);
	for (int t = 1; t < T; t++)
	{
		double	   *swap = row;

		forward_row(&c, t, row, next);
		row = next;
		next = swap;
		work += c.S;
		if (work < WORK_BETWEEN_STOPS)
			continue;
		work = 0;
		if (stop != NULL && stop(stop_arg))
			return false;
	}
	*loss = -end_forward(&c, row);
	return true;
}

bool
hwr_ctc_loss(const hwr_real *logp, int T, int K, const int *label, int L,
			 double *loss, hwr_real *grad, double scale, void *workspace)
{
	Ctc			c = {.logp = logp,.label = label,.T = T,.K = K,.L = L,.S = 2 * L + 1};

	if (T < hwr_ctc_min_steps(label, L))
	{
		*loss = INFINITY;
		return false;
	}
	if (T == 0)
	{
		*loss = 0;				/* nothing to write, and nothing written */
		return true;
	}
	c.alpha = workspace;
	c.beta = c.alpha + (size_t) T * c.S;
	c.weight = c.beta + 2 * (size_t) c.S;

	*loss = -forward(&c);
	if (grad != NULL)
		backward(&c, grad, scale);
	return true;
}
