/*
 * word_sum.h
 *	  How often a given word is to be expected in a line, exactly.
 *
 * Letter by letter: after each, a sum for each step, of which only the steps with that letter and those after them are looked
 * at.  So a word takes less than a look at every class of the line, where a search (relevance.h) looks at each with all states.
 */
#ifndef HWR_WORD_SUM_H
#define HWR_WORD_SUM_H

#include "core/posterior/posterior.h"
#include "word_code.h"

/*
 * Places of a word, added in the order of their ends.  Those exclude each other that reach over the same step: for two of them to
 * be written, one would have to end within the other, where no separator is.
 */
typedef struct HwrPlaces
{
	int			over;			/* a step that the last ones all reach over */
	double		exclusive;		/* the sum of these */
	double		most;			/* of such sums before */
	double		expected;		/* the sum of all */
} HwrPlaces;

/* A place: written from start, the last step at which it can have begun, up to the separator at end, with probability p. */
static inline void
hwr_places_add(HwrPlaces *places, double p, int start, int end)
{
	places->expected += p;
	if (start < places->over)
		places->exclusive += p;
	else
	{
		if (places->exclusive > places->most)
			places->most = places->exclusive;
		places->over = end;
		places->exclusive = p;
	}
}

/* The most of places that exclude each other: the word is no less probable. */
static inline double
hwr_places_exclusive(const HwrPlaces *places)
{
	return places->exclusive > places->most ? places->exclusive : places->most;
}

/* A class as digits of a code, 0 for a separator. */
typedef struct HwrClassDigits
{
	int			n;
	uint8_t		digits[HWR_FOLD_MAX];
} HwrClassDigits;

/* What the line's steps and classes are for a word: memory for one line after the other. */
typedef struct HwrWordSum
{
	const HwrSparse *s;
	const HwrClassDigits *digits;	/* of the line's classes */
	bool		ready;			/* the rest is of this line */
	double	   *begins;			/* [entries] that a word begins there: the caller's to fill in */
	double	   *none;			/* [steps] probability of classes without symbols */
	double	   *separator;		/* [steps] of separators */
	int		   *step;			/* [entries] */
	int		   *again;			/* [entries] the same class at the step before, or -1 */
	int			first[HWR_WORD_BASE + 1];	/* in letters: where those of a digit begin */
	int		   *letters;		/* [entries] by digit */
	struct HwrWordPlace *classes[2];	/* [entries] after the last letter and this one, of those whose class it is */
	struct HwrWordPlace *sums[2];	/* [steps] of all classes */
	bool		separators_joined;	/* a class is a separator with something else */
	size_t		begins_room;
	size_t		none_room;
	size_t		separator_room;
	size_t		step_room;
	size_t		again_room;
	size_t		letters_room;
	size_t		classes_room[2];
	size_t		sums_room[2];
} HwrWordSum;

extern void hwr_word_sum_free(HwrWordSum *sum);

/* A line, of whose entries begins[] is to be filled in before the first sum. */
extern bool hwr_word_sum_begin(HwrWordSum *sum, const HwrSparse *s, const HwrClassDigits *digits, HwrStatus *st);

/* Whether the word can be summed: not where a class of several symbols may be in it, or at its ends. */
extern bool hwr_word_sum_knows(HwrWordSum *sum, HwrSpelt word);

/*
 * The word's expected number in the line, and the most of it in places that exclude each other because they reach over the same
 * step: its probability is between them.
 */
extern void hwr_word_sum(HwrWordSum *sum, HwrSpelt word, double *exclusive, double *expected);

#endif							/* HWR_WORD_SUM_H */
