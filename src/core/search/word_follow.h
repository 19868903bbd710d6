/*
 * word_follow.h
 *	  The words that a line may have, and how many of them may be missing; included only by word_keys.c and word_follow.c.
 */
#ifndef HWR_WORD_FOLLOW_H
#define HWR_WORD_FOLLOW_H

#include "word_code.h"
#include "word_sum.h"

/* Beginnings of words that are followed at a step, and words of a line.  What would be more counts as left out. */
#define HWR_FOLLOW_STATES 256
#define HWR_FOLLOW_WORDS 8192

/* How a word begins: 37 times its first digit, and its second digit, or 0. */
#define HWR_FOLLOW_BEGINNINGS (HWR_WORD_BASE * HWR_WORD_BASE)

/* Room for rounding beside what a search finds, for each step, whose probabilities are floats and sum to 1 but for this. */
#define HWR_FOLLOW_ROUNDING 1e-7

/* A word that has been found. */
typedef struct HwrFoundWord
{
	HwrSpelt	word;
	int			beginning;
	HwrPlaces	places;
} HwrFoundWord;

/* Of a hash table: of the present step or line where the stamp is. */
typedef struct HwrSlot
{
	uint32_t	stamp;
	int			index;
} HwrSlot;

/* The probability of a class of the last step, by whether the last symbol is a separator. */
typedef struct HwrBetween
{
	double		separator;
	double		other;
} HwrBetween;

typedef struct HwrFollow
{
	double		bound;
	const HwrSparse *s;
	HwrFoldCache cache;
	size_t		digits_room;
	HwrClassDigits *digits;		/* [classes of the line] */
	int			step;
	bool		again;			/* words are followed once more, */
	bool		wanted[HWR_WORD_BASE];	/* those with these first digits */
	int			room;			/* for beginnings of words */
	double		less;			/* share of what may be left out that is */
	double		may;			/* so much may be left out of words that begin alike, */
	double		vain;			/* and once so much is, it is in vain to go on with them */
	double		left_out[HWR_FOLLOW_BEGINNINGS];
	uint64_t	begun[HWR_WORD_BASE];	/* by first digit: bits of the second digits, 0 for none, of beginnings that there are */

	HwrBetween	total;
	HwrBetween *between;		/* [n of the last step] */
	HwrBetween *between_now;
	size_t		between_room[2];

	int			nstates;
	struct HwrWordState *states;	/* [HWR_FOLLOW_STATES] */
	int			nnow;
	struct HwrWordState *now;
	uint32_t	stamp;
	HwrSlot		slots[4 * HWR_FOLLOW_STATES];

	int			nfound;
	HwrFoundWord *found;		/* [HWR_FOLLOW_WORDS] */
	uint32_t	words_stamp;
	HwrSlot		words[4 * HWR_FOLLOW_WORDS];
	HwrWordSum	sum;			/* for sums of single words of the line */
} HwrFollow;

/* Memory for one line after the other, of a struct of zeros; free it also where that fails. */
extern bool hwr_follow_create(HwrFollow *w, HwrStatus *st);
extern void hwr_follow_free(HwrFollow *w);

/*
 * Of all words of at most HWR_WORD_LONGEST letters with a code: begin, and take steps until *done, of which each is short.  Then
 * found[] are words, among them all with a probability of at least bound, but those of which hwr_follow_is_unlisted tells.
 */
extern bool hwr_follow_begin(HwrFollow *w, const HwrSparse *s, double bound, HwrStatus *st);
extern void hwr_follow_step(HwrFollow *w, bool *done);

/* What is left out of all words that begin so, */
static inline double
hwr_follow_missing(const HwrFollow *w, int beginning)
{
	int			second = beginning % HWR_WORD_BASE;

	return w->left_out[beginning - second] + (second > 0 ? w->left_out[beginning] : 0);
}

/* and whether one of them may be missing. */
static inline bool
hwr_follow_is_unlisted(const HwrFollow *w, int beginning)
{
	return hwr_follow_missing(w, beginning) >= w->bound - HWR_FOLLOW_ROUNDING * w->s->nsteps;
}

#endif							/* HWR_WORD_FOLLOW_H */
