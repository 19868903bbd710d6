/*
 * decode.h
 *	  From posteriors to text.
 */
#ifndef HWR_DECODE_H
#define HWR_DECODE_H

#include "core/text/text.h"
#include "score.h"

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
	uint32_t	ink;			/* as it is written: another where codepoint is a mirrored bracket */
} HwrChar;

typedef struct HwrReading
{
	char	   *text;			/* UTF-8, NUL-terminated, malloc'd */
	int			n;
	HwrChar    *chars;			/* [n], malloc'd */
	int			nclasses;
	int		   *classes;		/* [nclasses] in the order of the ink, as the network gave them; malloc'd */
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
 * The text of classes[n], which were read at spans, and its characters in the order of the text, both malloc'd.  What
 * several classes are spelt as was read from the first to the last of them, with their mean confidence.
 */
extern bool hwr_text_of_classes(const HwrAlphabet *alphabet, const int *classes, const HwrSpan *spans, int n,
								HwrChar **chars, int *nchars, char **text, HwrStatus *st);
extern void hwr_reading_free(HwrReading *reading);

#endif							/* HWR_DECODE_H */
