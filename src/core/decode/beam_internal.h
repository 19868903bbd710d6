/*
 * beam_internal.h
 *	  What beam.c and nbest.c share: the state of a search.
 */
#ifndef HWR_BEAM_INTERNAL_H
#define HWR_BEAM_INTERNAL_H

#include <math.h>
#include <stdlib.h>

#include "beam.h"

/* In place of a node of the lexicon: no word of it begins like this. */
#define HWR_OUTSIDE (-1)

/* What is known of a prefix whenever it comes. */
typedef struct HwrPrefix
{
	double		prior;			/* its part of the score that is not the image's */
	double		lm_logp;
	int			lm_state;
	int			word;			/* node of the lexicon, or HWR_OUTSIDE */
	int			pattern;		/* state of the pattern's automaton */
	int			length;
	int			slot;			/* among the kept ones, -1: not kept */
} HwrPrefix;

/* A prefix that is kept. */
typedef struct HwrKept
{
	int			node;
	int			last;			/* class of its last character, 0: it is empty */
	double		blank;			/* log sums of alignments ending in a blank, ... */
	double		nonblank;		/* ... in the last character, ... */
	double		total;			/* ... and of both */
	double		score;
} HwrKept;

/* A prefix that is one character longer than one that was kept. */
typedef struct HwrLonger
{
	int			parent;			/* node */
	int			node;			/* its own, 0: it has none yet */
	int			class;
	double		nonblank;
	double		score;
	HwrPrefix	prefix;
} HwrLonger;

/* Where the n best of something are looked for. */
typedef struct HwrRanked
{
	double		score;
	int			index;
} HwrRanked;

/*
 * What the language model has said lately.  A character that may follow a prefix is asked for at each step at
 * which it is probable enough, and by all prefixes that end alike, while few of those asked for become nodes
 * of the tree.
 */
#define HWR_LM_ANSWERS 2048		/* a power of 2 */

typedef struct HwrLmAnswer
{
	int			state;			/* -1: none */
	int			symbol;
	int			next;
	double		logp;
} HwrLmAnswer;

struct HwrBeam
{
	HwrBeamQuery query;
	int			t;				/* steps taken */
	HwrTrie		tree;			/* symbols are classes */
	HwrPrefix  *prefixes;		/* [tree.capacity] */
	int			nprefixes;		/* room of prefixes */
	int			width;			/* room of the arrays below */
	HwrKept    *kept;			/* [width] */
	HwrKept    *stays;			/* [width] */
	HwrLonger  *longer;			/* [2 * width] */
	HwrRanked  *ranked;			/* [3 * width] */
	int			nkept;
	int			nlonger;
	int		   *tried;			/* [classes] those a prefix may go on with at this step */
	int			ntried;
	int			classes;		/* room of tried */
	double		allowed;		/* log sum of all alignments with allowed characters */
	HwrLmAnswer answers[HWR_LM_ANSWERS];
	void	   *scratch;
	size_t		scratch_size;
};

/* exp(x) below this does not change a sum that holds a one, in double. */
#define HWR_NEGLIGIBLE (-37.5)

/* log(exp(a) + exp(b)); either may be -infinity. */
static inline double
hwr_log_sum(double a, double b)
{
	double		high = a > b ? a : b;
	double		low = a > b ? b : a;

	if (low == -INFINITY || low - high < HWR_NEGLIGIBLE)
		return high;
	return high + log1p(exp(low - high));
}

/* Grow one array; its contents need not survive. */
static inline bool
hwr_regrow(void *array, size_t count, size_t size, HwrStatus *st)
{
	void	  **p = array;

	free(*p);
	*p = hwr_alloc(count, size, st);
	return *p != NULL;
}

#endif							/* HWR_BEAM_INTERNAL_H */
