/*
 * line_loss.c
 *	  What the network that finds lines minimises.  See line_loss.h.
 */
#include "line_loss.h"

#include <math.h>

#include "line_targets.h"

/* Shares of the loss. */
#define SHARE_BASELINE 2.0
#define SHARE_DICE 0.5
#define SHARE_END 1.0
#define SHARE_HEIGHT 2.0

/* How much more cells on a baseline and at an end count. */
#define ON_BASELINE 2.0
#define ON_END 3.0

/* Heights count where the baseline's target is more than this. */
#define HEIGHT_FROM 0.4

/* Sums over all cells. */
typedef struct Sums
{
	double		baseline_weight;
	double		end_weight;
	double		common;			/* of Dice's coefficient */
	double		both;
	double		heights;		/* cells whose heights count */
} Sums;

static double
logistic(double z)
{
	return 1 / (1 + exp(-z));
}

/* -t log p - (1 - t) log (1 - p), p = logistic(z) */
static double
cross_entropy(double z, double t)
{
	return fmax(z, 0) - z * t + log1p(exp(-fabs(z)));
}

/*
 * 1 - intersection over union of what lies between top and bottom of a line at a cell, by what the maps say, up and down
 * q, and the truth t: what outlines are judged by, so that a pixel counts the more the lower a line is.  back: its gradient.
 */
static double
height_loss(const double q[2], const double t[2], double back[2])
{
	double		common = fmin(q[0], t[0]) + fmin(q[1], t[1]);
	double		both = fmax(q[0], t[0]) + fmax(q[1], t[1]) + 1e-9;

	for (int i = 0; i < 2; i++)
		back[i] = q[i] < t[i] ? -1 / both : common / (both * both);
	return 1 - common / both;
}

static Sums
sum_cells(size_t cells, const hwr_real *logits, const float *targets)
{
	Sums		s = {0};

	for (size_t i = 0; i < cells; i++)
	{
		const float *t = targets + i * HWR_LINE_TARGETS;
		double		counts = (double) t[HWR_LINE_MAPS];
		double		b = (double) t[HWR_MAP_BASELINE];
		double		p = logistic((double) logits[i * HWR_LINE_MAPS + HWR_MAP_BASELINE]);

		s.baseline_weight += counts * (1 + ON_BASELINE * b);
		s.end_weight += counts * (1 + ON_END * (double) t[HWR_MAP_END]);
		s.common += counts * p * b;
		s.both += counts * (p + b);
		s.heights += b > HEIGHT_FROM ? counts : 0;
	}
	return s;
}

static double
compute(int n, int h, int w, int k, const hwr_real *logits, const float *targets, hwr_real *grad)
{
	size_t		cells = (size_t) n * (size_t) h * (size_t) w;
	Sums		s = sum_cells(cells, logits, targets);
	double		dice = (2 * s.common + 1) / (s.both + 1);
	double		loss = SHARE_DICE * (1 - dice);

	(void) k;					/* HWR_LINE_MAPS: hwr_line_net_check */
	for (size_t i = 0; i < cells; i++)
	{
		const float *t = targets + i * HWR_LINE_TARGETS;
		const hwr_real *z = logits + i * HWR_LINE_MAPS;
		hwr_real   *g = grad + i * HWR_LINE_MAPS;
		double		counts = (double) t[HWR_LINE_MAPS];
		double		b = (double) t[HWR_MAP_BASELINE];
		double		e = (double) t[HWR_MAP_END];
		double		p = logistic((double) z[HWR_MAP_BASELINE]);
		double		weight = SHARE_BASELINE * counts * (1 + ON_BASELINE * b) / (s.baseline_weight + 1e-9);
		double		q[2];
		double		back[2];
		double		dice_back = -SHARE_DICE * counts * (2 * b - dice) / (s.both + 1);

		loss += weight * cross_entropy((double) z[HWR_MAP_BASELINE], b);
		g[HWR_MAP_BASELINE] = (hwr_real) (weight * (p - b) + dice_back * p * (1 - p));
		weight = SHARE_END * counts * (1 + ON_END * e) / (s.end_weight + 1e-9);
		loss += weight * cross_entropy((double) z[HWR_MAP_END], e);
		g[HWR_MAP_END] = (hwr_real) (weight * (logistic((double) z[HWR_MAP_END]) - e));
		weight = b > HEIGHT_FROM ? SHARE_HEIGHT * counts / (s.heights + 1) : 0;
		for (int m = 0; m < 2; m++)
			q[m] = logistic((double) z[HWR_MAP_UP + m]);
		loss += weight * height_loss(q, (double[2]){(double) t[HWR_MAP_UP], (double) t[HWR_MAP_DOWN]}, back);
		for (int m = 0; m < 2; m++)
			g[HWR_MAP_UP + m] = (hwr_real) (weight * back[m] * q[m] * (1 - q[m]));
	}
	return loss;
}

const HwrMapLoss hwr_line_loss = {.compute = compute,.channels = HWR_LINE_TARGETS};
