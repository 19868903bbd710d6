/*
 * trie.h
 *	  A prefix tree over symbols, its edges in one hash table.
 *
 * Under the lexicon, the counts of a language model and the prefixes of a beam search.  Nodes are
 * numbered from 0, the root, in the order in which they were added, so that whoever needs more about a node
 * keeps it in an array of his own beside it.
 */
#ifndef HWR_TRIE_H
#define HWR_TRIE_H

#include <stdint.h>

#include "core/base/status.h"

/* Most nodes of a tree. */
#define HWR_TRIE_MAX_NODES (1 << 27)

typedef struct HwrTrie
{
	int			n;				/* nodes, the root among them */
	int			capacity;
	int		   *parent;			/* [capacity] */
	int		   *symbol;			/* [capacity] */
	uint32_t	mask;			/* slots - 1 */
	int		   *slots;			/* hash table of nodes; 0: free, for the root is nobody's child */
} HwrTrie;

/* A tree of the root alone, with room for so many nodes. */
extern bool hwr_trie_init(HwrTrie *trie, int capacity, HwrStatus *st);
extern void hwr_trie_free(HwrTrie *trie);

/* Back to the root alone, keeping the room. */
extern void hwr_trie_clear(HwrTrie *trie);

/* Room for so many nodes.  Fails with HWR_BAD_DATA above HWR_TRIE_MAX_NODES. */
extern bool hwr_trie_reserve(HwrTrie *trie, int capacity, HwrStatus *st);

/* The child, added if it is not there; 0 on failure. */
extern int	hwr_trie_add(HwrTrie *trie, int parent, int symbol, HwrStatus *st);

static inline uint32_t
hwr_trie_hash(int parent, int symbol)
{
	uint32_t	h = (uint32_t) parent * UINT32_C(0x9e3779b1) ^ (uint32_t) symbol * UINT32_C(0x85ebca6b);

	h ^= h >> 15;
	h *= UINT32_C(0x2c1b3c6d);
	return h ^ (h >> 13);
}

/* The child, or 0. */
static inline int
hwr_trie_find(const HwrTrie *trie, int parent, int symbol)
{
	uint32_t	at = hwr_trie_hash(parent, symbol) & trie->mask;
	int			node;

	while ((node = trie->slots[at]) != 0)
	{
		if (trie->parent[node] == parent && trie->symbol[node] == symbol)
			return node;
		at = (at + 1) & trie->mask;
	}
	return 0;
}

#endif							/* HWR_TRIE_H */
