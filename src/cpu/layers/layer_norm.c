/*
 * layer_norm.c
 *	  Batch normalisation over every position of a batch, for each channel.
 *
 *	 y = gamma (x - mean) / sqrt(variance + eps) + beta
 *
 * A convolution beside it takes most of the work over while training (HwrLayerRun).  Training uses
 * the batch's own mean and (biased) variance; otherwise those are used that were kept, an average
 * over batches.  Source: Ioffe, Szegedy 2015.
 */
#include <math.h>
#include <string.h>

#include "layer_norm.h"

enum
{
	GAMMA,
	BETA,
	MEAN,
	VARIANCE
};

HwrNormAux
hwr_norm_aux(const HwrLayerRun *run)
{
	HwrNormAux	x = {0};
	size_t		c = (size_t) run->in.c;
	size_t		threads = (size_t) hwr_pool_threads(run->pool);

	x.mean = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.inv_std = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.scale = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.shift = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.back_dy = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.back_x = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.back_shift = hwr_take(run->aux, &x.size, c, sizeof(hwr_real));
	x.sums = hwr_take(run->aux, &x.size, threads * 2 * c, sizeof(double));
	x.image = hwr_take(run->aux, &x.size, threads * 2 * c, sizeof(double));
	return x;
}

static size_t
norm_aux_size(const HwrLayerRun *run)
{
	return hwr_norm_aux(run).size;
}

static size_t
positions(const HwrLayerRun *run)
{
	return (size_t) run->N * (size_t) run->in.h * (size_t) run->in.w;
}

void
hwr_norm_clear_sums(const HwrLayerRun *run, int part)
{
	size_t		size = 2 * (size_t) run->in.c;

	memset(hwr_norm_aux(run).sums + (size_t) part * size, 0, size * sizeof(double));
}

/* sums += image */
static void
add_image(const HwrLayerRun *run, const HwrNormAux *ax, int part)
{
	size_t		size = 2 * (size_t) run->in.c;

	for (size_t i = (size_t) part * size; i < (size_t) (part + 1) * size; i++)
		ax->sums[i] += ax->image[i];
}

void
hwr_norm_add_sums(const HwrLayerRun *run, int part, size_t n)
{
	HwrNormAux	ax = hwr_norm_aux(run);
	double	   *sums = ax.image + (size_t) part * 2 * (size_t) run->in.c;

	run->k->norm_stats((size_t) run->in.h * (size_t) run->in.w, run->in.c, run->x + n * hwr_shape_size(run->in), sums,
					   sums + run->in.c);
	add_image(run, &ax, part);
}

void
hwr_norm_add_back_sums(const HwrLayerRun *run, int part, size_t n)
{
	HwrNormAux	ax = hwr_norm_aux(run);
	double	   *sums = ax.image + (size_t) part * 2 * (size_t) run->in.c;
	size_t		at = n * hwr_shape_size(run->in);

	run->k->norm_back_stats((size_t) run->in.h * (size_t) run->in.w, run->in.c, run->x + at, run->dy + at,
							ax.mean, ax.inv_std, sums, sums + run->in.c);
	add_image(run, &ax, part);
}

static void
stats_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	size_t		lo;
	size_t		hi;

	hwr_norm_clear_sums(run, part);
	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
		hwr_norm_add_sums(run, part, n);
}

static void
apply_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	HwrNormAux	ax = hwr_norm_aux(run);
	size_t		c = (size_t) run->in.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	run->k->norm_apply(hi - lo, run->in.c, run->x + lo * c, ax.scale, ax.shift, run->y + lo * c);
}

/* Total over the threads, in thread order. */
static double
total(const HwrLayerRun *run, const HwrNormAux *ax, int which, int c)
{
	double		sum = 0;

	for (int part = 0; part < hwr_pool_threads(run->pool); part++)
		sum += ax->sums[(size_t) (part * 2 + which) * (size_t) run->in.c + (size_t) c];
	return sum;
}

static void
approach(hwr_real *kept, double share, double measured)
{
	*kept = (hwr_real) ((1 - share) * (double) *kept + share * measured);
}

/* The batch's mean and variance */
static void
batch_statistics(HwrLayerRun *run, const HwrNormAux *ax)
{
	double		count = (double) positions(run);

	if (!run->by_previous)
		hwr_pool_run(run->pool, stats_part, run);
	for (int c = 0; c < run->in.c; c++)
	{
		double		mean = total(run, ax, 0, c) / count;
		double		variance = total(run, ax, 1, c) / count - mean * mean;

		if (variance < 0)
			variance = 0;		/* rounding */
		ax->mean[c] = (hwr_real) mean;
		ax->inv_std[c] = (hwr_real) (1.0 / sqrt(variance + HWR_NORM_EPSILON));
		if (run->measure > 0)
		{
			approach(&hwr_layer_tensor(run, run->values, MEAN)[c], run->measure, mean);
			approach(&hwr_layer_tensor(run, run->values, VARIANCE)[c], run->measure, variance);
		}
	}
}

static void
norm_forward(HwrLayerRun *run)
{
	HwrNormAux	ax = hwr_norm_aux(run);
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
		ax.scale[c] = gamma[c] * ax.inv_std[c];
		ax.shift[c] = beta[c] - ax.mean[c] * ax.scale[c];
	}
	if (!run->by_next)
		hwr_pool_run(run->pool, apply_part, run);
}

static void
back_stats_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	size_t		lo;
	size_t		hi;

	hwr_norm_clear_sums(run, part);
	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
		hwr_norm_add_back_sums(run, part, n);
}

static void
back_apply_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	HwrNormAux	ax = hwr_norm_aux(run);
	size_t		c = (size_t) run->in.c;
	size_t		lo;
	size_t		hi;

	hwr_pool_share(positions(run), part, parts, &lo, &hi);
	run->k->norm_back_apply(hi - lo, run->in.c, run->x + lo * c, run->dy + lo * c,
							ax.back_dy, ax.back_x, ax.back_shift, run->dx + lo * c);
}

/*
 * dx = gamma inv_std (dy - mean(dy) - xhat mean(dy xhat)), xhat = (x - mean) inv_std, written as
 * a dy + b x + c.
 */
static void
norm_backward(HwrLayerRun *run)
{
	HwrNormAux	ax = hwr_norm_aux(run);
	const hwr_real *gamma = hwr_layer_tensor(run, run->values, GAMMA);
	hwr_real   *dgamma = hwr_layer_tensor(run, run->grads, GAMMA);
	hwr_real   *dbeta = hwr_layer_tensor(run, run->grads, BETA);
	double		count = (double) positions(run);

	if (!run->by_next)
		hwr_pool_run(run->pool, back_stats_part, run);
	for (int c = 0; c < run->in.c; c++)
	{
		double		sum_dy = total(run, &ax, 0, c);
		double		sum_dyx = total(run, &ax, 1, c);
		double		a = (double) gamma[c] * (double) ax.inv_std[c];
		double		b = -a * (double) ax.inv_std[c] * sum_dyx / count;

		dgamma[c] += (hwr_real) sum_dyx;
		dbeta[c] += (hwr_real) sum_dy;
		ax.back_dy[c] = (hwr_real) a;
		ax.back_x[c] = (hwr_real) b;
		ax.back_shift[c] = (hwr_real) (-a * sum_dy / count - b * (double) ax.mean[c]);
	}
	if (run->dx != NULL && !run->by_previous)
		hwr_pool_run(run->pool, back_apply_part, run);
}

const HwrLayerOps hwr_norm_ops = {
	.forward = norm_forward,
	.backward = norm_backward,
	.aux_size = norm_aux_size,
};
