/*
 * relevance.h
 *	  How probable it is that a line has a word, and where.
 *
 * The sum runs over the alignments of CTC times the states of the word's automaton: a state of both
 * is where the automaton is and which class the last step had, for the same class again is the same
 * character. Nothing is counted twice, however often a text has the word.  It is exact for the
 * distribution that the kept posterior is; what was not kept is not found.
 */
#ifndef HWR_RELEVANCE_H
#define HWR_RELEVANCE_H

#include "core/posterior/posterior.h"
#include "word.h"

/*
 * Numbers that one search may want in memory at once: a foreign value and a long word could ask for
 * any number.
 */
#define HWR_SEARCH_MAX_SUMS ((size_t) 1 << 24)

/*
 * A step's sums: [n][states] by the class that the step had.  Of a word with moves, the first of each row are those of the
 * move's slots, and those of classes without symbols are not kept: they are in no state's way.
 */
typedef struct HwrSearchRow
{
	const HwrEntry *entries;
	int			n;
	double	   *sums;
} HwrSearchRow;

/* Memory and folds for one search after the other; it grows to what the largest needed. */
typedef struct HwrSearch
{
	HwrFoldCache cache;
	size_t		transitions_room;
	int		   *transitions;	/* [classes][nstates] of the line's characters */
	size_t		rows_room;
	double	   *rows;			/* two steps' [entries][nstates], and [nstates] of sums */
	size_t		moves_room;
	const HwrMove **moves;		/* [classes] of a word that has them; NULL: of a class without symbols */
	size_t		joined_room;
	HwrMove    *joined;			/* those of classes of several symbols */

	/* The word that is being looked for. */
	const HwrWord *word;
	const HwrSparse *s;
	int			step;			/* the next */
	int			states;			/* reached so far */
	double		found;
	double	   *total;			/* [nstates] after the last step */
	HwrSearchRow last;
	HwrSearchRow now;
} HwrSearch;

extern bool hwr_search_create(HwrSearch **out, HwrStatus *st);
extern void hwr_search_free(HwrSearch *search);

/*
 * P(the word occurs in the line), 0 .. 1; the word is one that begins anywhere.  Begin, take steps
 * until *done, each of which is short, and get it.  HWR_BAD_QUERY where it would take too much
 * memory.
 */
extern bool hwr_relevance_begin(HwrSearch *search, const HwrWord *word, const HwrSparse *s, HwrStatus *st);
extern void hwr_relevance_step(HwrSearch *search, bool *done);
extern double hwr_relevance_get(const HwrSearch *search);

/* All of it at once. */
extern bool hwr_word_relevance(HwrSearch *search, const HwrWord *word, const HwrSparse *s, double *p, HwrStatus *st);

/* HWR_BAD_QUERY unless rows of so many sums are no more than the limit. */
extern bool hwr_search_fits(size_t rows, size_t states, HwrStatus *st);

/*
 * Fill search->transitions: where each character of the line leads from each state of the word, its
 * symbols one after the other.
 */
extern bool hwr_search_transitions(HwrSearch *search, const HwrWord *word, const HwrSparse *s, HwrStatus *st);

#endif							/* HWR_RELEVANCE_H */
