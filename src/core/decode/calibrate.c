/*
 * calibrate.c
 *	  Fitting the temperature: golden-section search over its logarithm.
 */
#include "calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/real.h"
#include "ctc.h"

/* The interval of ln 8 shrinks to 0.618^EVALUATIONS of itself: to a thousandth. */
#define EVALUATIONS 16
#define GOLDEN 0.61803398874989485

typedef struct Row
{
	float	   *logp;			/* [T][K] */
	int		   *label;			/* [L] */
	int			T;
	int			L;
} Row;

struct HwrCalibration
{
	int			K;
	int			n;
	Row			rows[HWR_CALIBRATION_IMAGES];

	/* The search: the minimum is in [low, high], the points within divide it in the golden ratio. */
	int			evaluations;
	double		low;
	double		high;
	double		left_loss;
	double		right_loss;

	/* room for one image */
	hwr_real   *tempered;
	size_t		tempered_size;
	char	   *ctc;
	size_t		ctc_size;
};

bool
hwr_calibration_create(int K, HwrCalibration **out, HwrStatus *st)
{
	HwrCalibration *c = hwr_alloc_zero(1, sizeof(HwrCalibration), st);

	if (c == NULL)
		return false;
	c->K = K;
	c->low = log(HWR_TEMPERATURE_MIN);
	c->high = log(HWR_TEMPERATURE_MAX);
	*out = c;
	return true;
}

void
hwr_calibration_free(HwrCalibration *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < c->n; i++)
	{
		free(c->rows[i].logp);
		free(c->rows[i].label);
	}
	free(c->tempered);
	free(c->ctc);
	free(c);
}

static bool
reserve(void **buffer, size_t *have, size_t size, HwrStatus *st)
{
	void	   *grown;

	if (size <= *have)
		return true;
	grown = hwr_realloc(*buffer, size, 1, st);
	if (grown == NULL)
		return false;
	*buffer = grown;
	*have = size;
	return true;
}

/* Log posteriors at a temperature: divided, and each step normalised again. */
static void
temper(const float *logp, int T, int K, double temperature, hwr_real *out)
{
	for (int t = 0; t < T; t++, logp += K, out += K)
	{
		double		sum = 0;
		double		largest = logp[0];

		for (int k = 1; k < K; k++)
			largest = logp[k] > largest ? logp[k] : largest;
		for (int k = 0; k < K; k++)
			sum += exp((logp[k] - largest) / temperature);
		for (int k = 0; k < K; k++)
			out[k] = (hwr_real) ((logp[k] - largest) / temperature - log(sum));
	}
}

/* -log P(label) of a row, infinite where the label does not fit. */
static bool
row_loss(HwrCalibration *c, const Row *row, double temperature, double *loss, HwrStatus *st)
{
	size_t		size = (size_t) row->T * (size_t) c->K * sizeof(hwr_real);

	if (!reserve((void **) &c->tempered, &c->tempered_size, size, st) ||
		!reserve((void **) &c->ctc, &c->ctc_size, hwr_ctc_workspace(row->T, row->L), st))
		return false;
	temper(row->logp, row->T, c->K, temperature, c->tempered);
	if (!hwr_ctc_loss(c->tempered, row->T, c->K, row->label, row->L, loss, NULL, 1, c->ctc))
		*loss = INFINITY;
	return true;
}

bool
hwr_calibration_add(HwrCalibration *c, const float *logp, int T, const int *label, int L, HwrStatus *st)
{
	size_t		size = (size_t) T * (size_t) c->K;
	Row		   *row = &c->rows[c->n];
	double		loss;

	if (c->n >= HWR_CALIBRATION_IMAGES)
		return true;
	row->T = T;
	row->L = L;
	row->logp = hwr_alloc(size, sizeof(float), st);
	row->label = hwr_alloc((size_t) L, sizeof(int), st);
	if (row->logp != NULL && row->label != NULL)
	{
		memcpy(row->logp, logp, size * sizeof(float));
		memcpy(row->label, label, (size_t) L * sizeof(int));
		if (row_loss(c, row, 1, &loss, st))
		{
			if (isfinite(loss))
			{
				c->n++;
				return true;
			}
			free(row->logp);
			free(row->label);
			return true;
		}
	}
	free(row->logp);
	free(row->label);
	return false;
}

bool
hwr_calibration_loss(HwrCalibration *c, double temperature, double *loss, HwrStatus *st)
{
	double		sum = 0;

	for (int i = 0; i < c->n; i++)
	{
		double		one;

		if (!row_loss(c, &c->rows[i], temperature, &one, st))
			return false;
		sum += one;
	}
	*loss = c->n > 0 ? sum / c->n : NAN;
	return true;
}

static double
left_point(const HwrCalibration *c)
{
	return c->high - GOLDEN * (c->high - c->low);
}

static double
right_point(const HwrCalibration *c)
{
	return c->low + GOLDEN * (c->high - c->low);
}

bool
hwr_calibration_step(HwrCalibration *c, bool *done, HwrStatus *st)
{
	bool		ok = true;

	*done = c->n == 0 || c->evaluations >= EVALUATIONS;
	if (*done)
		return true;
	if (c->evaluations == 0)
		ok = hwr_calibration_loss(c, exp(left_point(c)), &c->left_loss, st);
	else if (c->evaluations == 1)
		ok = hwr_calibration_loss(c, exp(right_point(c)), &c->right_loss, st);
	else if (c->left_loss < c->right_loss)
	{
		c->high = right_point(c);
		c->right_loss = c->left_loss;
		ok = hwr_calibration_loss(c, exp(left_point(c)), &c->left_loss, st);
	}
	else
	{
		c->low = left_point(c);
		c->left_loss = c->right_loss;
		ok = hwr_calibration_loss(c, exp(right_point(c)), &c->right_loss, st);
	}
	c->evaluations++;
	return ok;
}

double
hwr_calibration_temperature(const HwrCalibration *c)
{
	return c->n > 0 ? exp((c->low + c->high) / 2) : 1;
}

void
hwr_apply_temperature(const HwrNet *net, double temperature, float *values)
{
	const HwrLayer *output = &net->layers[net->nlayers - 1];

	for (int i = 0; i < output->ntensors; i++)
	{
		const HwrTensor *t = &net->tensors[output->first_tensor + i];

		for (size_t k = 0; k < t->count; k++)
			values[t->offset + k] = (float) (values[t->offset + k] / temperature);
	}
}
