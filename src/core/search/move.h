/*
 * move.h
 *	  Where a character leads from each state of an automaton of few states.
 *
 * From most states it leads to the same one, mostly to "in another word": so what a step of a line makes of the sums of all
 * states is told by that one and by the exceptions.
 */
#ifndef HWR_MOVE_H
#define HWR_MOVE_H

#include <stdint.h>

/* States that there may be, the first of which, HWR_WORD_FOUND, is left nowhere. */
#define HWR_MOVE_STATES 64

/* In place of a slot: a state in which no sum is kept. */
#define HWR_MOVE_FOUND 254
#define HWR_MOVE_NOWHERE 255

/* Sums after the character are kept in slots, one for each state that it leads to. */
typedef struct HwrMove
{
	int			nslots;
	int			nexceptions;
	uint8_t		elsewhere;		/* slot of where it leads from all states that are no exception */
	uint8_t		states[HWR_MOVE_STATES];	/* [nslots] the state of each */
	uint8_t		from[HWR_MOVE_STATES];	/* [nexceptions] a state, */
	uint8_t		slot[HWR_MOVE_STATES];	/* the slot of where it leads from there, */
	uint8_t		before[HWR_MOVE_STATES];	/* and the slot of the state itself, or HWR_MOVE_NOWHERE */
} HwrMove;

/* Of a character that leads from state q to to[q], or nowhere where that is negative; states are 0 .. n - 1. */
extern void hwr_move_make(HwrMove *move, const int *to, int n);

#endif							/* HWR_MOVE_H */
