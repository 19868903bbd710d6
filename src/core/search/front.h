/*
 * front.h
 *	  Sums over the alignments of a line with a state of any kind beside the class of the last step.
 *
 * A state is a 64-bit number that says what matters of the text so far; a caller's function says
 * what it becomes when a character is added, and learns how probable that is.  The front after a
 * step has, for each state that can be, a sum for each class of the step.
 *
 * States with next to no probability are dropped, and what was dropped is summed.
 */
#ifndef HWR_FRONT_H
#define HWR_FRONT_H

#include "core/posterior/posterior.h"
#include "core/text/fold.h"
#include "states.h"

/* What becomes of *state when a character is added, which happens with probability flow. */
typedef bool (*HwrExtend) (void *caller, uint64_t *state, const HwrFold *fold, double flow, HwrStatus *st);

typedef struct HwrFront
{
	HwrStates	states;
	size_t		room;			/* doubles */
	double	   *sums;			/* [states.n][width] */
	const HwrEntry *entries;	/* [width] */
	int			width;
} HwrFront;

typedef struct HwrFronts
{
	const HwrSparse *s;
	HwrExtend	extend;
	void	   *caller;
	int			step;			/* taken so far */
	int			limit;			/* states that a front may have */
	double		budget;			/* what may be dropped for being small, for each step so far */
	double		dropped;		/* so far */
	int			totals_room;
	double	   *totals;			/* of the states of the front that a step starts from */
	HwrFront	fronts[2];
	HwrFoldCache cache;
} HwrFronts;

extern void hwr_fronts_free(HwrFronts *f);

/* Begin a line in this state; droppable: how much may be dropped in all for being small. */
extern bool hwr_fronts_begin(HwrFronts *f, const HwrSparse *s, uint64_t state, double droppable, HwrExtend extend,
							 void *caller, HwrStatus *st);

/* Take a step; *done: there are none left. */
extern bool hwr_fronts_step(HwrFronts *f, bool *done, HwrStatus *st);

/* The front after the last step, and the sum of a state in it. */
extern const HwrFront *hwr_fronts_last(const HwrFronts *f);
extern double hwr_front_total(const HwrFront *front, int state);

#endif							/* HWR_FRONT_H */
