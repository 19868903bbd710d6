/*
 * mix.c
 *	  Mixing what a search found into the network's log posteriors.
 */
#include "mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctc.h"

/* Texts that weigh less beside the best one change nothing that would be kept. */
#define LEAST_WEIGHT 1e-5

/* Add weight times the occupancy of a text to sums[T][K]; a text that does not fit adds nothing.  Returns what was added. */
static double
add_occupancy(const float *logp, int T, int K, const HwrHypothesis *h, double weight, double *sums, float *grad, HwrStatus *st)
{
	void	   *workspace = hwr_alloc(1, hwr_ctc_workspace(T, h->n), st);
	double		loss;
	bool		fits;

	if (workspace == NULL)
		return -1;
	fits = hwr_ctc_loss(logp, T, K, h->classes, h->n, &loss, grad, 1, workspace);
	free(workspace);
	if (!fits)
		return 0;
	/* The gradient is softmax less occupancy. */
	for (size_t i = 0; i < (size_t) T * (size_t) K; i++)
		sums[i] += weight * fmax(exp(logp[i]) - grad[i], 0);
	return weight;
}

bool
hwr_mix_nbest(const float *logp, int T, int K, const HwrNbest *nbest, double share, float *mixed, HwrStatus *st)
{
	size_t		cells = (size_t) T * (size_t) K;
	double	   *sums;
	float	   *grad;
	double		total = 0;

	if (nbest->n == 0 || share <= 0)
	{
		memcpy(mixed, logp, cells * sizeof(float));
		return true;
	}
	sums = hwr_alloc_zero(cells, sizeof(double), st);
	grad = sums == NULL ? NULL : hwr_alloc(cells, sizeof(float), st);
	for (int i = 0; grad != NULL && i < nbest->n; i++)
	{
		double		weight = exp(nbest->hypotheses[i].score - nbest->hypotheses[0].score);
		double		added;

		if (weight < LEAST_WEIGHT)
			continue;
		added = add_occupancy(logp, T, K, &nbest->hypotheses[i], weight, sums, grad, st);
		if (added < 0)
		{
			free(grad);
			grad = NULL;
			break;
		}
		total += added;
	}
	for (size_t i = 0; grad != NULL && i < cells; i++)
	{
		double		p = total > 0 ? (1 - share) * exp(logp[i]) + share * sums[i] / total : exp(logp[i]);

		mixed[i] = (float) fmax(log(p), HWR_MIX_LOWEST);
	}
	free(sums);
	free(grad);
	return grad != NULL;
}
