/*
 * move.c
 *	  Where a character leads from each state of an automaton of few states.  See move.h.
 */
#include "move.h"

#include <string.h>

/* Where it leads from more than half of the states, if there is such a state: the vote of Boyer and Moore. */
static int
most_frequent(const int *to, int n)
{
	int			candidate = to[1];
	int			votes = 0;

	for (int q = 1; q < n; q++)
	{
		if (votes == 0)
			candidate = to[q];
		votes += to[q] == candidate ? 1 : -1;
	}
	return candidate;
}

/* The slot of a state, a new one if need be; slots[q] is that of state q. */
static uint8_t
slot_of(HwrMove *move, uint8_t *slots, int state)
{
	if (state <= 0)
		return state == 0 ? HWR_MOVE_FOUND : HWR_MOVE_NOWHERE;
	if (slots[state] == HWR_MOVE_NOWHERE)
	{
		slots[state] = (uint8_t) move->nslots;
		move->states[move->nslots++] = (uint8_t) state;
	}
	return slots[state];
}

void
hwr_move_make(HwrMove *move, const int *to, int n)
{
	uint8_t		slots[HWR_MOVE_STATES];
	int			elsewhere = most_frequent(to, n);

	memset(slots, HWR_MOVE_NOWHERE, sizeof(slots));
	move->nslots = move->nexceptions = 0;
	move->elsewhere = slot_of(move, slots, elsewhere);
	for (int q = 1; q < n; q++)
	{
		if (to[q] == elsewhere)
			continue;
		move->from[move->nexceptions] = (uint8_t) q;
		move->slot[move->nexceptions++] = slot_of(move, slots, to[q]);
	}
	for (int i = 0; i < move->nexceptions; i++)
		move->before[i] = slots[move->from[i]];
}
