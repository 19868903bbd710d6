/*
 * states.h
 *	  Numbers for 64-bit keys, in the order in which they come: states of a search, symbols, trigrams.
 */
#ifndef HWR_STATES_H
#define HWR_STATES_H

#include <stdint.h>

#include "core/base/status.h"

/* Keys by their numbers, with an open hash table. */
typedef struct HwrStates
{
	int			n;
	int			room;
	uint64_t   *keys;			/* [room] */
	int			nslots;			/* a power of two */
	int		   *slots;			/* index + 1, 0: free */
} HwrStates;

extern void hwr_states_free(HwrStates *states);
extern void hwr_states_clear(HwrStates *states);

/* The number of a key, added at the end if it is new; -1 on failure. */
extern int	hwr_states_index(HwrStates *states, uint64_t key, HwrStatus *st);

/* Take back the key that was added last. */
extern void hwr_states_drop_last(HwrStates *states);

#endif							/* HWR_STATES_H */
