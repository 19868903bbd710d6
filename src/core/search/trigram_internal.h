/*
 * trigram_internal.h
 *	  What the two passes over a line that find its trigrams share; included only by trigram*.c.
 *
 * Steps are independent of each other, so a trigram's expected number is a sum over the places where its middle symbol
 * may be written: the probability that it is written there after the first one, which the steps before tell, times the
 * probability that the third is the next one, which the steps after tell.  A pass forward (trigram_forward.c) finds the former,
 * a pass backward (trigram_backward.c) the latter and the trigrams.
 *
 * No trigram's probability can be more than its expected number and what was left out of those with its middle symbol
 * together.  So half of the bound may be left out there, and the rest is compared with what is left of it.
 */
#ifndef HWR_TRIGRAM_INTERNAL_H
#define HWR_TRIGRAM_INTERNAL_H

#include "core/text/fold.h"
#include "states.h"
#include "trigram.h"

/*
 * Shares of the bound that may be left out of the trigrams with the same middle symbol: places that are next to impossible, and
 * third symbols that are.  What is less than HWR_TRIGRAM_LESS of what may still be left out, is.
 */
#define HWR_TRIGRAM_PLACES_SHARE 0.35
#define HWR_TRIGRAM_NEXT_SHARE 0.12
#define HWR_TRIGRAM_LESS 0.0625

/* Symbols that are less probable than this share of the bound, as the one before or after another, are rare. */
#define HWR_TRIGRAM_RARE 0.005

/* The separator is always the first of a line's symbols. */
#define HWR_TRIGRAM_SEPARATOR 0

/* A class as the line's symbols. */
typedef struct HwrClassFold
{
	int			n;
	int			symbols[HWR_FOLD_MAX];
} HwrClassFold;

/* A class is written where another symbol was the last one. */
typedef struct HwrWritten
{
	int			entry;			/* of its step */
	int			before;			/* the last symbol */
	double		p;
} HwrWritten;

/* Of a trigram that may be in the line */
typedef struct HwrNumber
{
	int			middle;			/* symbol */
	double		expected;
} HwrNumber;

/* Symbols that are not rare, and the sum of the rare ones. */
typedef struct HwrLikely
{
	size_t		room;
	int			n;
	int		   *symbols;		/* [n], with room for one more */
	double		rest;
} HwrLikely;

/* After each class of a step, the probability of each next symbol: a row of its own, or that of all the others. */
typedef struct HwrNext
{
	size_t		room;
	double	   *rows;			/* [n of the step][nsymbols] */
	size_t		others_room;
	double	   *others;			/* [nsymbols] */
	double		others_total;	/* of them */
	size_t		totals_room;
	double	   *totals;			/* [n of the step] of the rows */
	size_t		row_room;
	const double **row;			/* [n of the step] */
} HwrNext;

struct HwrTrigrams
{
	double		bound;
	const HwrSparse *s;
	HwrFoldCache cache;
	HwrStates	symbols;		/* of the line */
	size_t		folds_room;
	HwrClassFold *folds;		/* [classes of the line] */

	bool		any;			/* so much is possible that nothing is told */
	size_t		left_room;
	double	   *left_out;		/* [nsymbols] of the expected numbers of trigrams with this one in the middle */
	int			forward;		/* steps taken */
	size_t		sums_room;
	double	   *sums;			/* [nsymbols] of last symbols, after the last step */
	double		total;			/* of them */
	size_t		classes_room[2];
	double	   *classes[2];		/* [n of the step] of its classes: last and present step */
	HwrLikely	likely;			/* last symbols in the pass forward, next symbols in the other */
	int			backward;		/* steps left */
	HwrNext	next[2];
	int			place;			/* of the last one's places in written, the next to count */
	int			places_end;
	int			written_room;
	int			nwritten;
	HwrWritten *written;		/* ascending by step */
	size_t		first_room;
	int		   *first;			/* [nsteps + 1] in written */

	HwrStates	found;			/* their numbers are the trigrams */
	int			numbers_room;
	HwrNumber *numbers;		/* [found.n] */
	size_t		keys_room;
	HwrTrigram *keys;
};

/* The entry of a step with this class, or -1; *from is the first that may be it, of who asks for ascending classes. */
static inline int
hwr_trigram_entry(const HwrEntry *entries, int n, int class, int *from)
{
	while (*from < n && entries[*from].class < class)
		(*from)++;
	return *from < n && entries[*from].class == class ? *from : -1;
}

/* The symbols whose number is above the least, and what that leaves of the sum of all. */
extern void hwr_trigram_likely(const HwrTrigrams *t, const double *numbers, double total, double least, HwrLikely *likely);

/* A step of the pass forward, and one of the pass backward, whose places are then to be counted: some of them at a time. */
extern bool hwr_trigram_forward(HwrTrigrams *t, HwrStatus *st);
extern void hwr_trigram_backward(HwrTrigrams *t);
extern bool hwr_trigram_count(HwrTrigrams *t, HwrStatus *st);

#endif							/* HWR_TRIGRAM_INTERNAL_H */
