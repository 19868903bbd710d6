/*
 * hypotheses.c
 *	  Words of a line.
 *
 * A state (front.h) is the beginning of the word that is being written, a node of a tree of
 * prefixes; the root is between words.
 */
#include "hypotheses.h"

#include <stdlib.h>
#include <string.h>

#include "core/text/trie.h"
#include "front.h"

/* Beginnings of words; what would be more counts as dropped. */
#define MAX_NODES 200000

struct HwrHypotheses
{
	double		bound;
	HwrFronts	fronts;
	HwrTrie		tree;			/* symbols are folded ones */
	int			room;
	int		   *depth;			/* [tree.capacity], of the node */
	double	   *expected;		/* [tree.capacity], of the word that ends there */
	int			nwords;
	int		   *words;			/* [tree.capacity] nodes that are worth telling */
};

bool
hwr_hypotheses_create(HwrHypotheses **out, HwrStatus *st)
{
	HwrHypotheses *h = hwr_alloc_zero(1, sizeof(HwrHypotheses), st);

	if (h == NULL)
		return false;
	if (!hwr_trie_init(&h->tree, 1024, st))
	{
		free(h);
		return false;
	}
	*out = h;
	return true;
}

void
hwr_hypotheses_free(HwrHypotheses *h)
{
	if (h == NULL)
		return;
	hwr_fronts_free(&h->fronts);
	hwr_trie_free(&h->tree);
	free(h->depth);
	free(h->expected);
	free(h->words);
	free(h);
}

static bool
grow(HwrHypotheses *h, HwrStatus *st)
{
	size_t		n;
	int		   *depth;
	double	   *expected;
	int		   *words;

	if (h->tree.n + 1 > h->tree.capacity && !hwr_trie_reserve(&h->tree, h->tree.capacity * 2, st))
		return false;
	n = (size_t) h->tree.capacity;
	if (h->room >= h->tree.capacity)
		return true;
	depth = hwr_realloc(h->depth, n, sizeof(int), st);
	if (depth == NULL)
		return false;
	h->depth = depth;
	expected = hwr_realloc(h->expected, n, sizeof(double), st);
	if (expected == NULL)
		return false;
	h->expected = expected;
	words = hwr_realloc(h->words, n, sizeof(int), st);
	if (words == NULL)
		return false;
	h->words = words;
	h->room = h->tree.capacity;
	return true;
}

/* The node of a word that is a symbol longer; where there is none to be had, the state is left as it is. */
static bool
child_of(HwrHypotheses *h, uint64_t *state, uint32_t symbol, double flow, HwrStatus *st)
{
	int			parent = (int) *state;
	int			child = hwr_trie_find(&h->tree, parent, (int) symbol);

	if (child == 0)
	{
		if (h->depth[parent] == HWR_HYPOTHESIS_MAX || h->tree.n >= MAX_NODES)
		{
			h->fronts.dropped += flow;
			return true;
		}
		if (!grow(h, st) || (child = hwr_trie_add(&h->tree, parent, (int) symbol, st)) == 0)
			return false;
		h->depth[child] = h->depth[parent] + 1;
		h->expected[child] = 0;
	}
	*state = (uint64_t) child;
	return true;
}

static bool
extend(void *caller, uint64_t *state, const HwrFold *fold, double flow, HwrStatus *st)
{
	HwrHypotheses *h = caller;

	for (int i = 0; i < fold->n; i++)
	{
		if (fold->symbols[i] != HWR_SEPARATOR)
		{
			if (!child_of(h, state, fold->symbols[i], flow, st))
				return false;
			continue;
		}
		if (*state != 0)
			h->expected[*state] += flow;
		*state = 0;
	}
	return true;
}

bool
hwr_hypotheses_begin(HwrHypotheses *h, const HwrSparse *s, double bound, HwrStatus *st)
{
	h->bound = bound;
	h->nwords = 0;
	hwr_trie_clear(&h->tree);
	if (!grow(h, st))
		return false;
	h->depth[0] = 0;
	h->expected[0] = 0;
	return hwr_fronts_begin(&h->fronts, s, 0, bound / 2, extend, h, st);
}

/* The last word of the line; then those that are probable enough. */
static void
end_line(HwrHypotheses *h)
{
	const HwrFront *front = hwr_fronts_last(&h->fronts);

	for (int i = 0; i < front->states.n; i++)
		h->expected[front->states.keys[i]] += hwr_front_total(front, i);
	for (int node = 1; node < h->tree.n; node++)
		if (h->expected[node] >= h->bound)
			h->words[h->nwords++] = node;
}

bool
hwr_hypotheses_step(HwrHypotheses *h, bool *done, HwrStatus *st)
{
	if (!hwr_fronts_step(&h->fronts, done, st))
		return false;
	if (*done)
		end_line(h);
	return true;
}

int
hwr_hypotheses_get(const HwrHypotheses *h, int i, uint32_t *symbols, double *expected)
{
	int			node;
	int			n;

	if (i >= h->nwords)
		return 0;
	node = h->words[i];
	n = h->depth[node];
	*expected = h->expected[node];
	for (int d = n; d > 0; d--)
	{
		symbols[d - 1] = (uint32_t) h->tree.symbol[node];
		node = h->tree.parent[node];
	}
	return n;
}
