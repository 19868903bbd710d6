/*
 * decode.c
 *	  Greedy (best path) decoding of CTC posteriors.
 */
#include "decode.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text/bidi.h"
#include "core/text/spelling.h"

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

/* The runs of the best path into classes[T] and spans[T]; returns their number, and the path's log posterior. */
static int
read_runs(const float *logp, int T, int K, int *classes, HwrSpan *spans, double *path_logp)
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
			spans[n - 1].last_step = t;
			if (p > spans[n - 1].confidence)
				spans[n - 1].confidence = p;
		}
		else if (k != 0)
		{
			classes[n] = k;
			spans[n++] = (HwrSpan) {.confidence = p,.first_step = t,.last_step = t};
		}
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

/* The text of characters in the order of their ink, which are put into the text's order. */
static bool
text_of_chars(HwrChar *chars, int n, char **text, HwrStatus *st)
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

/* A character that was read at these spans. */
static HwrChar
char_at(uint32_t ink, const HwrSpan *spans, int n)
{
	float		confidence = 0;

	for (int i = 0; i < n; i++)
		confidence += spans[i].confidence / (float) n;
	return (HwrChar) {.ink = ink,.confidence = n == 1 ? spans[0].confidence : confidence,
		.first_step = spans[0].first_step,.last_step = spans[n - 1].last_step};
}

/* The characters of signs[n] to chars, NULL: nowhere; returns how many. */
static size_t
read_chars(const HwrAlphabet *alphabet, const uint32_t *signs, const HwrSpan *spans, int n, HwrChar *chars)
{
	size_t		count = 0;

	for (int i = 0, used; i < n; i += used)
	{
		const uint32_t *text;
		int			ntext;

		used = hwr_read_signs(alphabet, signs + i, n - i, &text, &ntext);
		for (int c = 0; chars != NULL && c < ntext; c++)
			chars[count + (size_t) c] = char_at(text[c], spans + i, used);
		count += (size_t) ntext;
	}
	return count;
}

bool
hwr_text_of_classes(const HwrAlphabet *alphabet, const int *classes, const HwrSpan *spans, int n, HwrChar **chars,
					int *nchars, char **text, HwrStatus *st)
{
	uint32_t   *signs = hwr_alloc((size_t) n, sizeof(uint32_t), st);
	size_t		count = 0;
	bool		ok = signs != NULL;

	*chars = NULL;
	for (int i = 0; ok && i < n; i++)
		signs[i] = alphabet->codepoints[classes[i] - 1];
	if (ok)
	{
		count = read_chars(alphabet, signs, spans, n, NULL);
		ok = count <= INT_MAX || hwr_fail(st, HWR_BAD_LABEL, "label is too long");
	}
	ok = ok && (*chars = hwr_alloc(count, sizeof(HwrChar), st)) != NULL;
	if (ok)
	{
		(void) read_chars(alphabet, signs, spans, n, *chars);
		*nchars = (int) count;
		ok = text_of_chars(*chars, *nchars, text, st);
	}
	free(signs);
	if (!ok)
		free(*chars);
	return ok;
}

bool
hwr_decode_greedy(const float *logp, int T, int K, const HwrAlphabet *alphabet,
				  HwrReading *out, HwrStatus *st)
{
	HwrReading	reading = {.confidence = -1};
	HwrSpan    *spans;
	double		path_logp;
	bool		ok;

	if (T < 0 || K != alphabet->n + 1)
		return hwr_fail(st, HWR_INTERNAL, "posteriors of %d steps and %d classes do not fit an alphabet of %d",
						T, K, alphabet->n);
	spans = hwr_alloc((size_t) T, sizeof(HwrSpan), st);
	reading.classes = hwr_alloc((size_t) T, sizeof(int), st);
	ok = spans != NULL && reading.classes != NULL;
	if (ok)
	{
		reading.nclasses = read_runs(logp, T, K, reading.classes, spans, &path_logp);
		reading.sharpness = T > 0 ? probability(path_logp / T) : 0.0f;
		ok = hwr_text_of_classes(alphabet, reading.classes, spans, reading.nclasses, &reading.chars, &reading.n, &reading.text,
								 st);
	}
	free(spans);
	if (ok)
		*out = reading;
	else
		free(reading.classes);
	return ok;
}

void
hwr_reading_free(HwrReading *reading)
{
	free(reading->text);
	free(reading->chars);
	free(reading->classes);
	memset(reading, 0, sizeof(*reading));
}
