/*
 * decode.c
 *	  Greedy (best path) decoding of CTC posteriors.
 */
#include "decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text/bidi.h"

/* The most probable class; the lowest of equals, so the blank before any character. */
static int
best_class(const float *logp, int K)
{
	int			best = 0;

	for (int k = 1; k < K; k++)
	{
		if (logp[k] > logp[best])
			best = k;
	}
	return best;
}

/* A probability from its logarithm, within 0 .. 1 whatever rounding or NaN did to it. */
static float
probability(double logp)
{
	double		p = exp(logp);

	return p >= 1 ? 1.0f : p > 0 ? (float) p : 0.0f;
}

/* The runs of the best path into chars[T]; returns their number, and the path's log posterior. */
static int
read_runs(const float *logp, int T, int K, const HwrAlphabet *alphabet,
		  HwrChar *chars, double *path_logp)
{
	int			n = 0;
	int			previous = 0;

	*path_logp = 0;
	for (int t = 0; t < T; t++)
	{
		const float *step = logp + (size_t) t * (size_t) K;
		int			k = best_class(step, K);
		float		p = probability(step[k]);

		*path_logp += step[k];
		if (k != 0 && k == previous)
		{
			chars[n - 1].last_step = t;
			if (p > chars[n - 1].confidence)
				chars[n - 1].confidence = p;
		}
		else if (k != 0)
			chars[n++] = (HwrChar) {.confidence = p,.first_step = t,.last_step = t,.ink = alphabet->codepoints[k - 1]};
		previous = k;
	}
	return n;
}

/* Put characters into the text's order: chars[i] the one that was at order[i]. */
static bool
reorder_chars(HwrChar *chars, int n, const int *order, HwrStatus *st)
{
	HwrChar    *copy = hwr_alloc((size_t) n, sizeof(HwrChar), st);

	if (copy == NULL)
		return false;
	memcpy(copy, chars, (size_t) n * sizeof(HwrChar));
	for (int i = 0; i < n; i++)
		chars[i] = copy[order[i]];
	free(copy);
	return true;
}

bool
hwr_text_of_chars(HwrChar *chars, int n, char **text, HwrStatus *st)
{
	uint32_t   *codepoints = hwr_alloc((size_t) n, sizeof(uint32_t), st);
	int		   *order = hwr_alloc((size_t) n, sizeof(int), st);
	bool		ok = codepoints != NULL && order != NULL;

	for (int i = 0; ok && i < n; i++)
		codepoints[i] = chars[i].ink;
	if (ok && hwr_any_right_to_left(codepoints, n))
		ok = hwr_bidi_reorder(codepoints, n, order, st) && reorder_chars(chars, n, order, st);
	for (int i = 0; ok && i < n; i++)
		chars[i].codepoint = codepoints[i];
	ok = ok && hwr_text_encode(codepoints, n, text, st);
	free(codepoints);
	free(order);
	return ok;
}

void
hwr_reading_classes(const HwrReading *reading, const HwrAlphabet *alphabet, int *classes)
{
	const HwrChar *chars = reading->chars;
	bool		reordered = false;

	for (int i = 1; i < reading->n; i++)
		reordered = reordered || chars[i].first_step < chars[i - 1].first_step;
	for (int i = 0; i < reading->n; i++)
	{
		int			place = i;

		if (reordered)
			place = 0;
		for (int k = 0; reordered && k < reading->n; k++)
			place += chars[k].first_step < chars[i].first_step;
		classes[place] = hwr_alphabet_class(alphabet, chars[i].ink);
	}
}

bool
hwr_decode_greedy(const float *logp, int T, int K, const HwrAlphabet *alphabet,
				  HwrReading *out, HwrStatus *st)
{
	HwrChar    *chars;
	double		path_logp;

	if (T < 0 || K != alphabet->n + 1)
		return hwr_fail(st, HWR_INTERNAL, "posteriors of %d steps and %d classes do not fit an alphabet of %d",
						T, K, alphabet->n);
	chars = hwr_alloc((size_t) T, sizeof(HwrChar), st);
	if (chars == NULL)
		return false;
	out->n = read_runs(logp, T, K, alphabet, chars, &path_logp);
	if (!hwr_text_of_chars(chars, out->n, &out->text, st))
	{
		free(chars);
		return false;
	}
	out->chars = chars;
	out->sharpness = T > 0 ? probability(path_logp / T) : 0.0f;
	out->confidence = -1;
	out->log_share = 0;
	out->log_found = 0;
	return true;
}

void
hwr_reading_free(HwrReading *reading)
{
	free(reading->text);
	free(reading->chars);
	memset(reading, 0, sizeof(*reading));
}
