/*
 * trie.c
 *	  A prefix tree over symbols, its edges in one hash table.
 *
 * Open addressing with linear probing.  There are at least twice as many slots as nodes, so a chain
 * always ends.
 */
#include "trie.h"

#include <stdlib.h>
#include <string.h>

#define MIN_CAPACITY 16

bool
hwr_trie_init(HwrTrie *trie, int capacity, HwrStatus *st)
{
	memset(trie, 0, sizeof(*trie));
	if (!hwr_trie_reserve(trie, capacity > MIN_CAPACITY ? capacity : MIN_CAPACITY, st))
	{
		hwr_trie_free(trie);
		return false;
	}
	hwr_trie_clear(trie);
	return true;
}

void
hwr_trie_free(HwrTrie *trie)
{
	free(trie->parent);
	free(trie->symbol);
	free(trie->slots);
	memset(trie, 0, sizeof(*trie));
}

void
hwr_trie_clear(HwrTrie *trie)
{
	memset(trie->slots, 0, ((size_t) trie->mask + 1) * sizeof(int));
	trie->n = 1;
	trie->parent[0] = 0;
	trie->symbol[0] = 0;
}

static void
insert(HwrTrie *trie, int node)
{
	uint32_t	at = hwr_trie_hash(trie->parent[node], trie->symbol[node]) & trie->mask;

	while (trie->slots[at] != 0)
		at = (at + 1) & trie->mask;
	trie->slots[at] = node;
}

bool
hwr_trie_reserve(HwrTrie *trie, int capacity, HwrStatus *st)
{
	uint32_t	nslots = 2 * MIN_CAPACITY;
	int		   *grown;

	if (capacity <= trie->capacity)
		return true;
	if (capacity > HWR_TRIE_MAX_NODES)
		return hwr_fail(st, HWR_BAD_DATA, "prefix tree exceeds the maximum of %d nodes", HWR_TRIE_MAX_NODES);
	while (nslots < 2 * (uint32_t) capacity)
		nslots *= 2;

	grown = hwr_realloc(trie->parent, (size_t) capacity, sizeof(int), st);
	if (grown == NULL)
		return false;
	trie->parent = grown;
	grown = hwr_realloc(trie->symbol, (size_t) capacity, sizeof(int), st);
	if (grown == NULL)
		return false;
	trie->symbol = grown;
	if (trie->slots == NULL || nslots != trie->mask + 1)
	{
		grown = hwr_alloc_zero(nslots, sizeof(int), st);
		if (grown == NULL)
			return false;
		free(trie->slots);
		trie->slots = grown;
		trie->mask = nslots - 1;
		for (int node = 1; node < trie->n; node++)
			insert(trie, node);
	}
	trie->capacity = capacity;
	return true;
}

int
hwr_trie_add(HwrTrie *trie, int parent, int symbol, HwrStatus *st)
{
	int			node = hwr_trie_find(trie, parent, symbol);

	if (node != 0)
		return node;
	if (trie->n == trie->capacity)
	{
		int			more = trie->capacity < HWR_TRIE_MAX_NODES / 2 ? 2 * trie->capacity : HWR_TRIE_MAX_NODES;

		if (more == trie->capacity)
			more++;				/* to be refused */
		if (!hwr_trie_reserve(trie, more, st))
			return 0;
	}
	node = trie->n++;
	trie->parent[node] = parent;
	trie->symbol[node] = symbol;
	insert(trie, node);
	return node;
}
