/*
 * lm_internal.h
 *	  What lm.c and lm_*.c share.
 */
#ifndef HWR_LM_INTERNAL_H
#define HWR_LM_INTERNAL_H

#include "lm.h"

/* Logarithms are kept in steps of 1/1024, from 0 down to -63.999. */
#define HWR_LM_STEPS 1024.0
#define HWR_LM_LOWEST 65535

/* A log probability as it is stored, and back. */
extern unsigned hwr_lm_quantize(double logp);

static inline float
hwr_lm_dequantize(unsigned q)
{
	return (float) (0.0 - q / HWR_LM_STEPS);	/* never -0 */
}

/*
 * backoff(h), as it is stored, that leaves to shorter histories what is left of h's own probabilities: own is their sum over
 * what may follow h, shorter what the tail of h gives these.
 */
extern float hwr_lm_backoff(double own, double shorter);

/* All arrays of a model whose order and levels are set, zeroed. */
extern bool hwr_lm_allocate(HwrLm *lm, HwrStatus *st);

/* The child of an inner node, or 0. */
extern int	hwr_lm_child(const HwrLm *lm, int node, int symbol);

/* The state after a node's n-gram, as links to read with have it: its longest tail that something can follow. */
extern int	hwr_lm_state(const HwrLm *lm, int node);

/*
 * Fill link[] from symbols and children.  False if the tree lacks an n-gram's tail, or with
 * *stopped if stop says so.  To read with, links of nodes that nothing can follow lead at once to the longest
 * tail that something can: nobody asks for their other tails then.
 */
extern bool hwr_lm_link(HwrLm *lm, bool to_read, HwrStopFn stop, void *arg, bool *stopped);

/*
 * Leave out what tells least until at most most n-grams are left (lm_prune.c); single characters all stay.  counts[nodes]:
 * how often each n-gram was seen.  Links are those of hwr_lm_link.  Error: HWR_OUT_OF_MEMORY.
 */
extern bool hwr_lm_prune(HwrLm *lm, const uint32_t *counts, int most, HwrStatus *st);

static inline int
hwr_lm_nodes(const HwrLm *lm)
{
	return lm->level[lm->order + 1];
}

/* Nodes that can have children. */
static inline int
hwr_lm_inner(const HwrLm *lm)
{
	return lm->level[lm->order];
}

#endif							/* HWR_LM_INTERNAL_H */
