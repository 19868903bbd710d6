/*
 * confidence.c
 *	  Confidences of a search with a language model, and what they are fitted with.
 *
 * The loss, -log of the probability of what was right and what was not, is a convex function of the two
 * powers and of -log(most): each confidence is the exponential of a linear function of them; and so is the
 * pull to the default.  It is minimised by Newton's steps along one after the other, until none moves.
 */
#include "confidence.h"

#include <math.h>

#define HALVINGS 20
#define ROUNDS 200

/* The three in the order of the search, the last as -log(most). */
#define NVALUES 3

/* How far from the default each may well be: standard deviations of a normal prior. */
static const double spread[NVALUES] = {0.5, 0.3, 0.05};
static const double lowest[NVALUES] = {1, 0, 0};

bool
hwr_confidence_is_valid(const HwrConfidence *c)
{
	return c->share >= 1 && c->share <= HWR_CONFIDENCE_MAX_POWER && c->found >= 0 && c->found <= HWR_CONFIDENCE_MAX_POWER &&
		c->most >= HWR_CONFIDENCE_LEAST && c->most <= 1;
}

/* log of a confidence; a text of which nothing is left is as improbable as can be said. */
static double
log_confidence(const double *values, double log_share, double log_found)
{
	double		share = log_share < 0 ? values[0] * log_share : 0;
	double		found = log_found < 0 && values[1] > 0 ? values[1] * log_found : 0;	/* not 0 times infinity */

	return share + found - values[2];
}

double
hwr_confidence_of(const HwrConfidence *c, double log_share, double log_found)
{
	double		values[NVALUES] = {c->share, c->found, -log(c->most)};
	double		p = exp(log_confidence(values, log_share, log_found));

	return p >= 1 ? 1 : p > 0 ? p : 0;
}

/* What is quite sure, and wrong, costs much but not everything; so does what is as good as impossible, and right. */
#define LEAST_DOUBT 1e-6
#define LEAST_LOG (-1e3)

static double
doubt_of(const double *values, const HwrJudged *judged)
{
	return fmax(-log_confidence(values, fmax(judged->log_share, LEAST_LOG), fmax(judged->log_found, LEAST_LOG)), LEAST_DOUBT);
}

static double
loss_of(const double *values, const double *centre, const HwrJudged *judged, size_t n)
{
	double		loss = 0;

	for (int k = 0; k < NVALUES; k++)
		loss += 0.5 * pow((values[k] - centre[k]) / spread[k], 2);
	for (size_t i = 0; i < n; i++)
	{
		double		doubt = doubt_of(values, &judged[i]);

		loss -= judged[i].right ? -doubt : log(-expm1(-doubt));
	}
	return loss;
}

/* Newton's step along values[k]: first derivative by second. */
static double
newton_step(const double *values, int k, const double *centre, const HwrJudged *judged, size_t n)
{
	double		first = (values[k] - centre[k]) / (spread[k] * spread[k]);
	double		second = 1 / (spread[k] * spread[k]);

	for (size_t i = 0; i < n; i++)
	{
		const double factors[NVALUES] = {fmax(-fmax(judged[i].log_share, LEAST_LOG), 0),
			fmax(-fmax(judged[i].log_found, LEAST_LOG), 0), 1};
		double		doubt = doubt_of(values, &judged[i]);
		double		odds = 1 / expm1(doubt);	/* of being right */

		first += (judged[i].right ? 1 : -odds) * factors[k];
		second += judged[i].right ? 0 : odds * (1 + odds) * factors[k] * factors[k];
	}
	return first / second;
}

/* Move values[k] towards where the loss is least, and down in any case. */
static void
improve(double *values, int k, double highest, const double *centre, const HwrJudged *judged, size_t n)
{
	double		from = values[k];
	double		loss = loss_of(values, centre, judged, n);
	double		step = newton_step(values, k, centre, judged, n);

	for (int halving = 0; halving < HALVINGS; halving++, step /= 2)
	{
		values[k] = fmin(fmax(from - step, lowest[k]), highest);
		if (loss_of(values, centre, judged, n) <= loss)
			return;
	}
	values[k] = from;
}

HwrConfidence
hwr_confidence_fit(const HwrJudged *judged, size_t n)
{
	const HwrConfidence start = HWR_CONFIDENCE_DEFAULT;
	const double centre[NVALUES] = {start.share, start.found, -log(start.most)};
	const double highest[NVALUES] = {HWR_CONFIDENCE_MAX_POWER, HWR_CONFIDENCE_MAX_POWER, -log(HWR_CONFIDENCE_LEAST)};
	double		values[NVALUES] = {centre[0], centre[1], centre[2]};

	for (int round = 0; n > 0 && round < ROUNDS; round++)
	{
		double		moved = 0;

		for (int k = 0; k < NVALUES; k++)
		{
			double		before = values[k];

			improve(values, k, highest[k], centre, judged, n);
			moved += fabs(values[k] - before);
		}
		if (moved < 1e-6)
			break;
	}
	return (HwrConfidence) {values[0], values[1], exp(-values[2])};
}
