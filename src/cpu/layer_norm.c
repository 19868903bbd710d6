/*
 * layer_norm.c
 *	  Batch normalisation over every position of a batch, for each channel.
 *
 *	 y = gamma (x - mean) / sqrt(variance + eps) + beta
 *
 * Training uses the batch's own mean and (biased) variance and moves the running ones towards
 * them; otherwise the running ones are used.  Source: Ioffe, Szegedy 2015; eps and momentum
 * as in Keras.
 */
#include <math.h>
#include <string.h>

#include "layers.h"

#define NORM_MOMENTUM 0.99

enum
{
	GAMMA,
	BETA,
	MEAN,
	VARIANCE
};

/* Kept from forward to backward, and the threads' partial sums. */
typedef struct Aux
{
	hwr_real   *mean;			/* [c] */
	hwr_real   *inv_std;		/* [c] */
	hwr_real   *a;				/* [c] coefficients of the pass in hand */
	hwr_real   *b;
	hwr_real   *c;
	double	   *sums;			/* [threads][2][c] */
	size_t		size;
} Aux;

static Aux
aux(const HwrLayerRun *run)
{
	Aux			x = {0};
	size_t		c = (size_t) run->in.c;

	x.mean = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.inv_std = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.a = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.b = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.c = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.sums = hwr_take(run->aux, &x.size, (size_t) hwr_pool_threads(run->pool) * 2 * c, sizeof(double));
	return x;
}

static size_t
norm_aux_size(const HwrLayerRun *run)
{
	return aux(run).size;
}

static size_t
positions(const HwrLayerRun *run)
{
	return (size_t) run->N * (size_t) run->in.h * (size_t) run->in.w;
}

static void
stats_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Aux			ax = aux(run);
	size_t		c = (size_t) run->in.c;
	double	   *sums = ax.sums + (size_t) part * 2 * c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	run->k->norm_stats(hi - lo, run->in.c, run->x + lo * c, sums, sums + c);
}

static void
apply_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Aux			ax = aux(run);
	size_t		c = (size_t) run->in.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	run->k->norm_apply(hi - lo, run->in.c, run->x + lo * c, ax.a, ax.b, run->y + lo * c);
}

/* Total over the threads, in thread order. */
static double
total(const HwrLayerRun *run, const Aux *ax, int which, int c)
{
	double		sum = 0;

	for (int part = 0; part < hwr_pool_threads(run->pool); part++)
		sum += ax->sums[(size_t) (part * 2 + which) * (size_t) run->in.c + (size_t) c];
	return sum;
}

/* The batch's mean and variance; the running ones follow. */
static void
batch_statistics(HwrLayerRun *run, const Aux *ax)
{
	hwr_real   *running_mean = hwr_layer_tensor(run, run->values, MEAN);
	hwr_real   *running_variance = hwr_layer_tensor(run, run->values, VARIANCE);
	double		count = (double) positions(run);

	hwr_pool_run(run->pool, stats_part, run);
	for (int c = 0; c < run->in.c; c++)
	{
		double		mean = total(run, ax, 0, c) / count;
		double		variance = total(run, ax, 1, c) / count - mean * mean;

		if (variance < 0)
			variance = 0;		/* rounding */
		ax->mean[c] = (hwr_real) mean;
		ax->inv_std[c] = (hwr_real) (1.0 / sqrt(variance + HWR_NORM_EPSILON));
		running_mean[c] = (hwr_real) (NORM_MOMENTUM * (double) running_mean[c] + (1 - NORM_MOMENTUM) * mean);
		running_variance[c] = (hwr_real) (NORM_MOMENTUM * (double) running_variance[c] + (1 - NORM_MOMENTUM) * variance);
	}
}

static void
norm_forward(HwrLayerRun *run)
{
	Aux			ax = aux(run);
	const hwr_real *gamma = hwr_layer_tensor(run, run->values, GAMMA);
	const hwr_real *beta = hwr_layer_tensor(run, run->values, BETA);

	if (run->training)
		batch_statistics(run, &ax);
	else
		for (int c = 0; c < run->in.c; c++)
		{
			ax.mean[c] = hwr_layer_tensor(run, run->values, MEAN)[c];
			ax.inv_std[c] = (hwr_real) (1.0 / sqrt((double) hwr_layer_tensor(run, run->values, VARIANCE)[c] + HWR_NORM_EPSILON));
		}
	for (int c = 0; c < run->in.c; c++)
	{
		ax.a[c] = gamma[c] * ax.inv_std[c];
		ax.b[c] = beta[c] - ax.mean[c] * ax.a[c];
	}
	hwr_pool_run(run->pool, apply_part, run);
}

static void
back_stats_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Aux			ax = aux(run);
	size_t		c = (size_t) run->in.c;
	double	   *sums = ax.sums + (size_t) part * 2 * c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	run->k->norm_back_stats(hi - lo, run->in.c, run->x + lo * c, run->dy + lo * c,
							ax.mean, ax.inv_std, sums, sums + c);
}

static void
back_apply_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Aux			ax = aux(run);
	size_t		c = (size_t) run->in.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	run->k->norm_back_apply(hi - lo, run->in.c, run->x + lo * c, run->dy + lo * c,
							ax.a, ax.b, ax.c, run->dx + lo * c);
}

/*
 * dx = gamma inv_std (dy - mean(dy) - xhat mean(dy xhat)), xhat = (x - mean) inv_std, written as
 * a dy + b x + c.
 */
static void
norm_backward(HwrLayerRun *run)
{
	Aux			ax = aux(run);
	const hwr_real *gamma = hwr_layer_tensor(run, run->values, GAMMA);
	hwr_real   *dgamma = hwr_layer_tensor(run, run->grads, GAMMA);
	hwr_real   *dbeta = hwr_layer_tensor(run, run->grads, BETA);
	double		count = (double) positions(run);

	hwr_pool_run(run->pool, back_stats_part, run);
	for (int c = 0; c < run->in.c; c++)
	{
		double		sum_dy = total(run, &ax, 0, c);
		double		sum_dyx = total(run, &ax, 1, c);
		double		a = (double) gamma[c] * (double) ax.inv_std[c];
		double		b = -a * (double) ax.inv_std[c] * sum_dyx / count;

		dgamma[c] += (hwr_real) sum_dyx;
		dbeta[c] += (hwr_real) sum_dy;
		ax.a[c] = (hwr_real) a;
		ax.b[c] = (hwr_real) b;
		ax.c[c] = (hwr_real) (-a * sum_dy / count - b * (double) ax.mean[c]);
	}
	if (run->dx != NULL)
		hwr_pool_run(run->pool, back_apply_part, run);
}

const HwrLayerOps hwr_norm_ops = {
	.forward = norm_forward,
	.backward = norm_backward,
	.aux_size = norm_aux_size,
};
