/*
 * layer_group_norm.c
 *	  Group normalisation: each image's channels in groups, each group over all positions.
 *
 *	 y = gamma (x - mean) / sqrt(variance + eps) + beta
 *
 * Mean and (biased) variance are those of an image's group, in training and in recognition alike.
 * Source: Wu, He 2018.
 */
#include <math.h>

#include "layers.h"

enum
{
	GAMMA,
	BETA
};

typedef struct Aux
{
	double	   *mean;			/* [N][groups] */
	double	   *inv_std;
	double	   *sums;			/* [N][2][C]: of dy and of dy xhat for each channel */
	hwr_real   *a;				/* [N][C]: factors of x, of dy, and what is added, in turn for either pass */
	hwr_real   *b;
	hwr_real   *shift;
	size_t		size;
} Aux;

static Aux
aux(const HwrLayerRun *run)
{
	size_t		n = (size_t) run->N;
	size_t		c = (size_t) run->in.c;
	size_t		groups = (size_t) run->layer->groups;
	Aux			x = {0};

	x.mean = hwr_take(run->aux, &x.size, n * groups, sizeof(double));
	x.inv_std = hwr_take(run->aux, &x.size, n * groups, sizeof(double));
	x.sums = hwr_take(run->aux, &x.size, n * 2 * c, sizeof(double));
	x.a = hwr_take(run->aux, &x.size, n * c, sizeof(hwr_real));
	x.b = hwr_take(run->aux, &x.size, n * c, sizeof(hwr_real));
	x.shift = hwr_take(run->aux, &x.size, n * c, sizeof(hwr_real));
	return x;
}

static size_t
group_aux_size(const HwrLayerRun *run)
{
	return aux(run).size;
}

static size_t
positions(const HwrLayerRun *run)
{
	return (size_t) run->in.h * (size_t) run->in.w;
}

/* Of the group's channels, a mean from their sums. */
static double
mean_of(const HwrLayerRun *run, const double *sums, size_t group)
{
	size_t		each = (size_t) run->in.c / (size_t) run->layer->groups;
	double		sum = 0;

	for (size_t c = group * each; c < (group + 1) * each; c++)
		sum += sums[c];
	return sum / (double) (positions(run) * each);
}

/*
 * Image n, in two passes: about zero for the means, about these for the deviations.  Where a channel hardly varies, as on
 * paper, squares about zero would leave its variance to the rounding of large numbers.
 */
static void
normalise(const HwrLayerRun *run, const Aux *x, size_t n)
{
	const hwr_real *gamma = hwr_layer_tensor(run, run->values, GAMMA);
	const hwr_real *beta = hwr_layer_tensor(run, run->values, BETA);
	size_t		channels = (size_t) run->in.c;
	size_t		groups = (size_t) run->layer->groups;
	const hwr_real *in = run->x + n * hwr_shape_size(run->in);
	hwr_real   *out = run->y + n * hwr_shape_size(run->in);
	hwr_real   *scale = x->a + n * channels;
	hwr_real   *shift = x->shift + n * channels;
	double	   *sums = x->sums + n * 2 * channels;
	double	   *squares = sums + channels;

	run->k->norm_stats(positions(run), run->in.c, in, sums, squares);
	for (size_t c = 0; c < channels; c++)
	{
		scale[c] = 1;
		shift[c] = (hwr_real) -mean_of(run, sums, c * groups / channels);
	}
	run->k->norm_apply(positions(run), run->in.c, in, scale, shift, out);

	run->k->norm_stats(positions(run), run->in.c, out, sums, squares);
	for (size_t c = 0; c < channels; c++)
	{
		size_t		g = c * groups / channels;
		double		off = mean_of(run, sums, g);
		double		variance = mean_of(run, squares, g) - off * off;
		double		inv_std = 1 / sqrt((variance > 0 ? variance : 0) + HWR_GROUP_EPSILON);

		x->mean[n * groups + g] = off - (double) shift[c];
		x->inv_std[n * groups + g] = inv_std;
		scale[c] = (hwr_real) ((double) gamma[c] * inv_std);
		shift[c] = (hwr_real) ((double) beta[c] - off * (double) gamma[c] * inv_std);
	}
	run->k->norm_apply(positions(run), run->in.c, out, scale, shift, out);
}

static void
forward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Aux			x = aux(run);
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
		normalise(run, &x, n);
}

static void
group_forward(HwrLayerRun *run)
{
	hwr_pool_run(run->pool, forward_part, run);
}

/* Sums of dy and of dy xhat over each channel of image n. */
static void
back_sums(const HwrLayerRun *run, const Aux *x, size_t n)
{
	size_t		channels = (size_t) run->in.c;
	size_t		groups = (size_t) run->layer->groups;
	double	   *sums = x->sums + n * 2 * channels;
	size_t		at = n * hwr_shape_size(run->in);

	for (size_t c = 0; c < channels; c++)
	{
		size_t		g = n * groups + c * groups / channels;

		x->a[n * channels + c] = (hwr_real) x->mean[g];
		x->b[n * channels + c] = (hwr_real) x->inv_std[g];
	}
	run->k->norm_back_stats(positions(run), run->in.c, run->x + at, run->dy + at,
							x->a + n * channels, x->b + n * channels, sums, sums + channels);
}

/*
 * dx = inv_std (gamma dy - mean(gamma dy) - xhat mean(gamma dy xhat)), the means being those of the
 * group, written as a dy + b x + shift for each channel.
 */
static void
input_gradient(const HwrLayerRun *run, const Aux *x, size_t n)
{
	const hwr_real *gamma = hwr_layer_tensor(run, run->values, GAMMA);
	size_t		channels = (size_t) run->in.c;
	size_t		groups = (size_t) run->layer->groups;
	size_t		each = channels / groups;
	const double *sums = x->sums + n * 2 * channels;
	double		count = (double) (positions(run) * each);
	size_t		at = n * hwr_shape_size(run->in);

	for (size_t g = 0; g < groups; g++)
	{
		double		inv_std = x->inv_std[n * groups + g];
		double		mean_dy = 0;
		double		mean_dyx = 0;

		for (size_t c = g * each; c < (g + 1) * each; c++)
		{
			mean_dy += (double) gamma[c] * sums[c] / count;
			mean_dyx += (double) gamma[c] * sums[channels + c] / count;
		}
		for (size_t c = g * each; c < (g + 1) * each; c++)
		{
			double		b = -inv_std * inv_std * mean_dyx;

			x->a[n * channels + c] = (hwr_real) ((double) gamma[c] * inv_std);
			x->b[n * channels + c] = (hwr_real) b;
			x->shift[n * channels + c] = (hwr_real) (-inv_std * mean_dy - b * x->mean[n * groups + g]);
		}
	}
	run->k->norm_back_apply(positions(run), run->in.c, run->x + at, run->dy + at,
							x->a + n * channels, x->b + n * channels, x->shift + n * channels, run->dx + at);
}

static void
backward_part(void *arg, int part, int parts)
{
	HwrLayerRun *run = arg;
	Aux			x = aux(run);
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) run->N, part, parts, &lo, &hi);
	for (size_t n = lo; n < hi; n++)
	{
		back_sums(run, &x, n);
		if (run->dx != NULL)
			input_gradient(run, &x, n);
	}
}

static void
group_backward(HwrLayerRun *run)
{
	hwr_real   *dgamma = hwr_layer_tensor(run, run->grads, GAMMA);
	hwr_real   *dbeta = hwr_layer_tensor(run, run->grads, BETA);
	Aux			x = aux(run);
	size_t		channels = (size_t) run->in.c;

	hwr_pool_run(run->pool, backward_part, run);
	for (size_t n = 0; n < (size_t) run->N; n++)	/* in this order, whatever the threads */
		for (size_t c = 0; c < channels; c++)
		{
			dbeta[c] += (hwr_real) x.sums[n * 2 * channels + c];
			dgamma[c] += (hwr_real) x.sums[(n * 2 + 1) * channels + c];
		}
}

const HwrLayerOps hwr_group_norm_ops = {
	.forward = group_forward,
	.backward = group_backward,
	.aux_size = group_aux_size,
};
