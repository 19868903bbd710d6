/*
 * decode_cases.h
 *	  Small posteriors, and the truth about them by enumeration, for the tests of decoding.
 */
#ifndef DECODE_CASES_H
#define DECODE_CASES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

/* Random log posteriors logp[T][K]; the larger size, the more certain. */
static inline void
random_posteriors(uint32_t stream, int T, int K, double size, float *logp)
{
	for (int t = 0; t < T; t++)
	{
		double		sum = 0;

		for (int k = 0; k < K; k++)
			sum += exp(size * reference_value(stream, (uint32_t) (t * K + k)));
		for (int k = 0; k < K; k++)
			logp[t * K + k] = (float) (size * reference_value(stream, (uint32_t) (t * K + k)) - log(sum));
	}
}

/* A text with the sum and the largest of the probabilities of its alignments. */
typedef struct Truth
{
	int			n;
	int			classes[8];
	double		p;
	double		best_path;
} Truth;

/* All texts of T steps over K classes, from all K^T paths; T is at most 8.  Returns their number. */
static inline int
enumerate_texts(const float *logp, int T, int K, Truth *out)
{
	int			path[8] = {0};
	int			count = 0;

	for (;;)
	{
		Truth		text = {0};
		double		sum = 0;
		int			t;
		int			i;

		for (t = 0; t < T; t++)
		{
			sum += logp[t * K + path[t]];
			if (path[t] != 0 && (t == 0 || path[t] != path[t - 1]))
				text.classes[text.n++] = path[t];
		}
		for (i = 0; i < count; i++)
			if (out[i].n == text.n && memcmp(out[i].classes, text.classes, sizeof(text.classes)) == 0)
				break;
		if (i == count)
		{
			text.best_path = -INFINITY;
			out[count++] = text;
		}
		out[i].p += exp(sum);
		if (sum > out[i].best_path)
			out[i].best_path = sum;
		for (t = 0; t < T && ++path[t] == K; t++)
			path[t] = 0;
		if (t == T)
			return count;
	}
}

#define MAX_TEXTS 4096

#endif							/* DECODE_CASES_H */
