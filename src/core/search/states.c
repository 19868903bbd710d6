/*
 * states.c
 *	  Numbers for 64-bit keys.  See states.h.
 */
#include "states.h"

#include <stdlib.h>
#include <string.h>

void
hwr_states_free(HwrStates *states)
{
	free(states->keys);
	free(states->slots);
	memset(states, 0, sizeof(*states));
}

static uint32_t
hash_of(uint64_t key)
{
	key *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t) (key >> 32);
}

void
hwr_states_clear(HwrStates *states)
{
	for (int i = 0; i < states->n; i++)
	{
		uint32_t	at = hash_of(states->keys[i]) & (uint32_t) (states->nslots - 1);

		/* All that was put in a chain goes with the chain. */
		while (states->slots[at] != 0)
		{
			states->slots[at] = 0;
			at = (at + 1) & (uint32_t) (states->nslots - 1);
		}
	}
	states->n = 0;
}

static bool
grow(HwrStates *states, HwrStatus *st)
{
	int			room = states->room > 0 ? states->room * 2 : 256;
	uint64_t   *keys = hwr_realloc(states->keys, (size_t) room, sizeof(uint64_t), st);
	int		   *slots;

	if (keys == NULL)
		return false;
	states->keys = keys;
	slots = hwr_alloc_zero((size_t) room * 2, sizeof(int), st);
	if (slots == NULL)
		return false;
	free(states->slots);
	states->slots = slots;
	states->nslots = room * 2;
	states->room = room;
	for (int i = 0; i < states->n; i++)
	{
		uint32_t	at = hash_of(keys[i]) & (uint32_t) (states->nslots - 1);

		while (slots[at] != 0)
			at = (at + 1) & (uint32_t) (states->nslots - 1);
		slots[at] = i + 1;
	}
	return true;
}

int
hwr_states_index(HwrStates *states, uint64_t key, HwrStatus *st)
{
	uint32_t	at;

	if (states->n == states->room && !grow(states, st))
		return -1;
	at = hash_of(key) & (uint32_t) (states->nslots - 1);
	while (states->slots[at] != 0)
	{
		if (states->keys[states->slots[at] - 1] == key)
			return states->slots[at] - 1;
		at = (at + 1) & (uint32_t) (states->nslots - 1);
	}
	states->keys[states->n] = key;
	states->slots[at] = ++states->n;
	return states->n - 1;
}

void
hwr_states_drop_last(HwrStates *states)
{
	uint32_t	at = hash_of(states->keys[states->n - 1]) & (uint32_t) (states->nslots - 1);

	/* The newest key ends its chain. */
	while (states->slots[at] != states->n)
		at = (at + 1) & (uint32_t) (states->nslots - 1);
	states->slots[at] = 0;
	states->n--;
}
