/*
 * decode.h
 *	  From posteriors to text.
 */
#ifndef HWR_DECODE_H
#define HWR_DECODE_H

#include "core/text/text.h"

/*
 * One read character. Steps are network time steps, first..last inclusive.  In a reading characters stand in the order of
 * the text, which in scripts written from right to left is not that of their steps (core/text/bidi.h).
 */
typedef struct HwrChar
{
	uint32_t	codepoint;		/* in the text */
	float		confidence;		/* highest posterior of this class in its run, 0..1 */
	int			first_step;
	int			last_step;
	uint32_t	ink;			/* of the alphabet: another where codepoint is a mirrored bracket */
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

/*
 * The text (malloc'd) of characters in the order of their ink, with all but codepoint set, which are put into
 * the text's order.
 */
extern bool hwr_text_of_chars(HwrChar *chars, int n, char **text, HwrStatus *st);

/* The classes of a reading in the order of the ink, as the network gave them: classes[reading->n]. */
extern void hwr_reading_classes(const HwrReading *reading, const HwrAlphabet *alphabet, int *classes);
extern void hwr_reading_free(HwrReading *reading);

#endif							/* HWR_DECODE_H */
