/*
 * decode.h
 *	  From posteriors to text.
 */
#ifndef HWR_DECODE_H
#define HWR_DECODE_H

#include "core/text/text.h"

/* One read character. Steps are network time steps, first..last inclusive. */
typedef struct HwrChar
{
	uint32_t	codepoint;
	float		confidence;		/* highest posterior of this class in its run, 0..1 */
	int			first_step;
	int			last_step;
} HwrChar;

typedef struct HwrReading
{
	char	   *text;			/* UTF-8, NUL-terminated, malloc'd */
	int			n;
	HwrChar    *chars;			/* [n], malloc'd */
	float		sharpness;		/* geometric mean over the steps of what was most probable: exp(mean log
								 * posterior of the best path); no probability of being right */
	double		confidence;		/* probability that the text is right, 0..1; -1: not computed */
	double		log_share;		/* what that is made of where a language model was asked: confidence.h */
	double		log_found;
} HwrReading;

/*
 * Greedy (best path) CTC decoding of log posteriors logp[T][K], class 0 the blank,
 * K = alphabet->n + 1: most probable class a step, runs merged, blanks dropped.
 */
extern bool hwr_decode_greedy(const float *logp, int T, int K, const HwrAlphabet *alphabet,
							  HwrReading *out, HwrStatus *st);

/* The text of characters (malloc'd). */
extern bool hwr_text_of_chars(const HwrChar *chars, int n, char **text, HwrStatus *st);
extern void hwr_reading_free(HwrReading *reading);

#endif							/* HWR_DECODE_H */
