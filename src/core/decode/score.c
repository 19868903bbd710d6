/*
 * score.c
 *	  Probability and alignment of a given text.
 *
 * The probability is the CTC forward pass of ctc.c.  The alignment is the same recursion over the
 * label extended with blanks, with the largest term in place of the sum, and with a note in each
 * cell of how many states back its best predecessor is: 0, 1 or 2.
 */
#include "score.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "ctc.h"

size_t
hwr_score_workspace(int T, int L)
{
	size_t		states = 2 * (size_t) L + 1;
	size_t		align = 2 * states * sizeof(double) + (size_t) T * states;
	size_t		score = hwr_ctc_workspace(T, L);

	return align > score ? align : score;
}

double
hwr_score_label(const float *logp, int T, int K, const int *label, int L, void *workspace)
{
	double		loss;

	if (!hwr_ctc_loss(logp, T, K, label, L, &loss, NULL, 1.0, workspace))
		return -INFINITY;
	return -loss;
}

/* One row of the recursion: the best path into each state, and where it came from. */
static void
viterbi_row(const float *y, const int *label, int S, const double *prev, double *row, uint8_t *back)
{
	for (int s = 0; s < S; s++)
	{
		double		best = prev[s];
		uint8_t		from = 0;

		if (s >= 1 && prev[s - 1] > best)
		{
			best = prev[s - 1];
			from = 1;
		}
		if ((s & 1) && s >= 3 && label[s >> 1] != label[(s >> 1) - 1] && prev[s - 2] > best)
		{
			best = prev[s - 2];
			from = 2;
		}
		row[s] = best + y[(s & 1) ? label[s >> 1] : 0];
		back[s] = from;
	}
}

/* From the state at the last step back to the first, noting the characters' steps. */
static void
trace(const float *logp, int T, int K, const int *label, int S, int s, const uint8_t *back, HwrSpan *spans)
{
	for (int t = T - 1; t >= 0; t--)
	{
		if (s & 1)
		{
			HwrSpan    *span = &spans[s >> 1];
			float		p = expf(logp[(size_t) t * (size_t) K + (size_t) label[s >> 1]]);

			p = p >= 1.0f ? 1.0f : p;
			if (span->last_step < 0)
				span->last_step = t;
			span->first_step = t;
			if (p > span->confidence)
				span->confidence = p;
		}
		s -= back[(size_t) t * (size_t) S + (size_t) s];
	}
}

double
hwr_align_label(const float *logp, int T, int K, const int *label, int L, HwrSpan *spans, void *workspace)
{
	int			S = 2 * L + 1;
	double	   *prev = workspace;
	double	   *row = prev + S;
	uint8_t    *back = (uint8_t *) (row + S);
	int			end = S - 1;

	if (T < hwr_ctc_min_steps(label, L))
		return -INFINITY;
	if (T == 0)
		return 0;

	/* A path begins in the first blank or in the first character. */
	for (int s = 0; s < S; s++)
	{
		row[s] = s < 2 ? logp[s == 0 ? 0 : label[0]] : -INFINITY;
		back[s] = 0;
	}
	for (int t = 1; t < T; t++)
	{
		double	   *swap = prev;

		prev = row;
		row = swap;
		viterbi_row(logp + (size_t) t * (size_t) K, label, S, prev, row, back + (size_t) t * (size_t) S);
	}
	if (S > 1 && row[S - 2] > row[S - 1])
		end = S - 2;
	if (row[end] == -INFINITY)
		return -INFINITY;
	for (int i = 0; i < L; i++)
		spans[i] = (HwrSpan) {0.0f, 0, -1};
	trace(logp, T, K, label, S, end, back, spans);
	return row[end];
}
