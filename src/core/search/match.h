/*
 * match.h
 *	  Which of many names stands in a line: the most probable ones, by what the ink says.
 *
 * Names and line are compared folded (core/text/fold.h), and as wholes; separators at the ends do
 * not count, and a run of them is one. At each step the probabilities of classes that fold to the
 * same symbol are added, and what folds to nothing counts as blank; a symbol that was not kept at a
 * step has the floor.  A ligature of the line is a symbol of its own. Then the probability of a
 * name is that of CTC, and those of different folded names sum to at most one.
 *
 * The names are a tree of prefixes.  What a line's text begins with is at least as probable as any
 * text that begins so: a subtree is left out as soon as that is less than the worst of the best
 * names so far.  The result is that of scoring every name.
 */
#ifndef HWR_MATCH_H
#define HWR_MATCH_H

#include "core/posterior/posterior.h"
#include "core/text/fold.h"

typedef struct HwrNames HwrNames;

/* Symbols of all names together. */
#define HWR_NAMES_MAX_SYMBOLS (1 << 25)

/* Collect names, then finish before the first match. */
extern bool hwr_names_create(HwrNames **out, HwrStatus *st);
extern void hwr_names_free(HwrNames *names);

/*
 * Finishing, and matching with these names, ask stop every few milliseconds, and fail with HWR_CANCELLED
 * where it says so.
 */
extern void hwr_names_set_stop(HwrNames *names, HwrStopFn stop, void *arg);

/*
 * Add one, by the caller's number for it.  What is no UTF-8 or has nothing in it is left out, which
 * is no failure.  HWR_BAD_QUERY where there are too many.
 */
extern bool hwr_names_add(HwrNames *names, const char *utf8, size_t len, int number, HwrStatus *st);
extern bool hwr_names_finish(HwrNames *names, HwrStatus *st);
extern int	hwr_names_count(const HwrNames *names);	/* different ones */

/* The next higher number that was added with the same folded text as this one, -1: none. */
extern int	hwr_names_same(const HwrNames *names, int number);

typedef struct HwrMatch
{
	int			number;			/* the lowest of those added with this folded text */
	double		logp;
} HwrMatch;

/* Memory for one match after the other. */
typedef struct HwrMatcher HwrMatcher;

extern bool hwr_matcher_create(HwrMatcher **out, HwrStatus *st);
extern void hwr_matcher_free(HwrMatcher *m);

/*
 * Begin, take steps until *done, each of which is short, and read best[nbest], the most probable first, equal ones by
 * number. n: how many are wanted, at least 1.  Without pruning, every name is scored.  seen: the sum of the
 * probabilities of all names that were scored.  HWR_BAD_QUERY where names and line are both so long that it would
 * take too much memory.
 */
extern bool hwr_match_begin(HwrMatcher *m, HwrNames *names, const HwrSparse *s, int n, bool prune, HwrStatus *st);
extern bool hwr_match_step(HwrMatcher *m, bool *done, HwrStatus *st);
extern void hwr_match_get(const HwrMatcher *m, const HwrMatch **best, int *nbest, double *seen);

#endif							/* HWR_MATCH_H */
