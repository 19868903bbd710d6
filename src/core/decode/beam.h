/*
 * beam.h
 *	  The most probable texts: CTC prefix beam search, with a language model and a lexicon if wanted.
 *
 * A text's score is
 *	   log P(text | image) + lm_weight * log P_lm(text) + length_bonus * characters - outside_penalty if outside
 * where P(text | image) is the sum over all alignments of the text with the steps of the network.
 *
 * Source: Graves and Jaitly, "Towards End-to-End Speech Recognition with Recurrent Neural
 * Networks", ICML 2014; Hannun et al., "First-Pass Large Vocabulary Continuous Speech Recognition
 * using Bi-Directional Recurrent DNNs", 2014, for the language model's place in it.
 */
#ifndef HWR_BEAM_H
#define HWR_BEAM_H

#include "core/text/lexicon.h"
#include "core/text/lm.h"
#include "core/text/pattern.h"
#include "confidence.h"
#include "score.h"

#define HWR_BEAM_MAX_WIDTH 4096

/*
 * What a language model weighs unless somebody says otherwise; and the bonus for a character, which pays back what
 * one costs on average in a language model of names, so that its use does not shorten texts.
 */
#define HWR_LM_WEIGHT 0.5
#define HWR_LM_BONUS_PER_WEIGHT 1.6

/*
 * Even where only words of a lexicon may be read, what is written can be none of them: see
 * doc/decoding.md.
 */
#define HWR_BEAM_NONE_PENALTY 3.0

typedef struct HwrBeamQuery
{
	const float *logp;			/* [T][K] log posteriors, class 0 the blank */
	int			T;
	int			K;
	int			width;			/* prefixes kept at each step, 1 .. HWR_BEAM_MAX_WIDTH */
	double		class_cut;		/* a character with a lower log posterior begins nowhere; -INFINITY: try all */
	const bool *allow;			/* [K] characters that a text may have, NULL: all */
	const HwrLexicon *lexicon;	/* what a text should be, NULL: anything */
	double		outside_penalty;	/* for a text that is not in the lexicon; INFINITY: it may not be */
	const HwrAutomaton *pattern;	/* what a text has to look like, over the same classes, NULL: anything */
	const HwrLm *lm;			/* NULL: none */
	const int  *lm_symbols;		/* [K] the language model's symbol of each class */
	double		lm_weight;		/* not negative */
	double		length_bonus;
	const HwrConfidence *confidence;	/* without lexicon and pattern; NULL: texts not found weigh as those found */
} HwrBeamQuery;

typedef struct HwrHypothesis
{
	double		score;
	double		logp;			/* log P(text | image) */
	double		found_logp;		/* the same over the alignments that the search has kept: at most logp */
	double		lm_logp;		/* log P_lm(text), 0 without a language model */
	double		confidence;		/* 0..1, see hwr_beam_end */
	int			n;
	int		   *classes;		/* [n], malloc'd */
	HwrSpan    *spans;			/* [n], malloc'd */
} HwrHypothesis;

typedef struct HwrNbest
{
	int			n;
	HwrHypothesis *hypotheses;	/* [n] best first, malloc'd */
	double		log_weight;		/* log sum of exp(score) over all texts that the search ended with, */
	double		log_found;		/* and log of their probability, given that all characters are allowed ones */
} HwrNbest;

/* The search's memory, for one search after the other: it grows to what the largest needed. */
typedef struct HwrBeam HwrBeam;

extern bool hwr_beam_create(HwrBeam **out, HwrStatus *st);
extern void hwr_beam_free(HwrBeam *beam);

/*
 * Begin a search; what the query points to must stay until it ends.  Then take its T steps, each of
 * which costs at most some width * K updates, and end it.
 */
extern bool hwr_beam_begin(HwrBeam *beam, const HwrBeamQuery *query, HwrStatus *st);
extern bool hwr_beam_step(HwrBeam *beam, HwrStatus *st);

/*
 * The n best texts found, fewer if there are not as many.  None at all, which is no failure, if
 * nothing outside the lexicon or the pattern may be read and no prefix that was kept is a text of
 * it: a wider beam may find one.
 *
 * Confidence: the probability that the text is right.  Texts are weighed by exp(score); those that
 * the search did not end with keep their share, the rest of what the network gives to texts of
 * allowed characters.  They are weighed as the ones found are on average, or with a lexicon or a
 * pattern, where they are "none of these", by exp(-outside_penalty), but not less than
 * exp(-HWR_BEAM_NONE_PENALTY).  So without language model, lexicon and pattern it is P(text |
 * image), given that all characters are allowed ones.  With a language model alone the query can say by what law it
 * follows from a text's share and from what was found: confidence.h.
 */
extern bool hwr_beam_end(HwrBeam *beam, int n, HwrNbest *out, HwrStatus *st);
extern void hwr_nbest_free(HwrNbest *nbest);

/*
 * Of an alphabet that spells (core/text/spelling.h): hypotheses that read as the same text become the best of them, with the
 * sums of probabilities and confidences; at most n are left.
 */
extern bool hwr_nbest_join_texts(HwrNbest *nbest, const HwrAlphabet *alphabet, int n, HwrStatus *st);

/* All of it at once. */
extern bool hwr_beam_search(HwrBeam *beam, const HwrBeamQuery *query, int n, HwrNbest *out, HwrStatus *st);

#endif							/* HWR_BEAM_H */
