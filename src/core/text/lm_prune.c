/*
 * lm_prune.c
 *	  A language model with fewer n-grams.
 *
 * What an n-gram hw tells beyond its tail h'w is how much better than by backing off it foretells w, as often as it was seen:
 *
 *	 count(hw) (log P(w | h) - log backoff(h) P(w | h'))
 *
 * The n-grams of which that is least go, together with what they begin and what ends in them, so that beginnings and tails
 * of all that is left are left.  Probabilities of these stay as they are; each history's backoff is set anew so that what
 * may follow it sums to one:
 *
 *	 backoff(h) = (1 - sum of P(w | h)) / (1 - sum of P(w | h')), over the w that are left after h
 *
 * Source: Seymore and Rosenfeld, "Scalable backoff language models", 1996 ("weighted difference").
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lm_internal.h"

/* A float as a number, in the order of floats, and back. */
static uint64_t
key_of(float x)
{
	uint32_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits >> 31 != 0 ? (uint32_t) ~bits : bits | UINT32_C(0x80000000);
}

static float
float_of(uint64_t key)
{
	uint32_t	bits = key >> 31 != 0 ? (uint32_t) key ^ UINT32_C(0x80000000) : (uint32_t) ~key;
	float		x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* Of n values that which rank others come before, the greatest first. */
static float
value_of_rank(const float *values, int n, int rank)
{
	uint64_t	known = 0;		/* its key, from the highest byte on */

	for (int shift = 24; shift >= 0; shift -= 8)
	{
		int			count[256] = {0};
		int			byte = 255;

		for (int i = 0; i < n; i++)
			if (key_of(values[i]) >> (shift + 8) == known)
				count[key_of(values[i]) >> shift & 255]++;
		while (rank >= count[byte])
			rank -= count[byte--];
		known = known << 8 | (unsigned) byte;
	}
	return float_of(known);
}

/* worth[nodes]: of each n-gram, or more if something needs it; of single characters, which all stay, infinite. */
static void
weigh(const HwrLm *lm, const uint32_t *counts, float *worth)
{
	for (int node = 0; node < lm->level[2]; node++)
		worth[node] = INFINITY;
	for (int h = 1; h < hwr_lm_inner(lm); h++)
		for (int child = lm->children[h]; child < lm->children[h + 1]; child++)
			worth[child] = (float) counts[child] * (lm->logp[child] - lm->backoff[h] - lm->logp[lm->link[child]]);
	for (int h = hwr_lm_inner(lm) - 1; h > 0; h--)
		for (int child = lm->children[h]; child < lm->children[h + 1]; child++)
		{
			worth[h] = fmaxf(worth[h], worth[child]);
			worth[lm->link[child]] = fmaxf(worth[lm->link[child]], worth[child]);
		}
}

/* Of the children of h that are left, with their old numbers. */
static void
set_backoff(HwrLm *lm, int h, const float *worth, float bound)
{
	double		own = 0;
	double		shorter = 0;
	bool		lost = false;

	for (int child = lm->children[h]; child < lm->children[h + 1]; child++)
		if (worth[child] > bound)
		{
			own += exp(lm->logp[child]);
			shorter += exp(lm->logp[lm->link[child]]);
		}
		else
			lost = true;
	if (lost)
		lm->backoff[h] = hwr_lm_backoff(own, shorter);
}

/* Move what is left together; place[nodes]: its new numbers. */
static void
drop(HwrLm *lm, const float *worth, float bound, int *place)
{
	int			inner = hwr_lm_inner(lm);
	int			nodes = hwr_lm_nodes(lm);
	int			level[HWR_LM_MAX_ORDER + 2] = {0};
	int			kept = 0;
	int			first = 1;		/* child of the next node that is left */
	int			m = 0;

	for (int node = 0; node < nodes; node++)
	{
		while (node == lm->level[m + 1])
			level[++m] = kept;
		if (worth[node] > bound)
			place[node] = kept++;
	}
	/* also of levels that no text was long enough for */
	while (m <= lm->order)
		level[++m] = kept;

	for (int node = 0; node < nodes; node++)
	{
		int			to = place[node];
		int			left = 0;

		if (!(worth[node] > bound))
			continue;
		lm->symbol[to] = lm->symbol[node];
		lm->logp[to] = lm->logp[node];
		lm->link[to] = place[lm->link[node]];
		if (node >= inner)
			continue;
		lm->backoff[to] = lm->backoff[node];
		for (int child = lm->children[node]; child < lm->children[node + 1]; child++)
			left += worth[child] > bound;
		lm->children[to] = first;
		first += left;
	}
	while (lm->order > 1 && level[lm->order + 1] == level[lm->order])
		lm->order--;
	memcpy(lm->level, level, sizeof(level));
	lm->children[hwr_lm_inner(lm)] = kept;
}

bool
hwr_lm_prune(HwrLm *lm, const uint32_t *counts, int most, HwrStatus *st)
{
	int			nodes = hwr_lm_nodes(lm);
	float	   *worth;
	int		   *place;
	bool		ok;

	/* single characters all stay */
	if (most < lm->level[2] - 1)
		most = lm->level[2] - 1;
	if (nodes - 1 <= most)
		return true;
	worth = hwr_alloc((size_t) nodes, sizeof(float), st);
	place = worth == NULL ? NULL : hwr_alloc((size_t) nodes, sizeof(int), st);
	ok = place != NULL;
	if (ok)
	{
		float		bound;

		weigh(lm, counts, worth);
		bound = value_of_rank(worth + 1, nodes - 1, most);	/* what is above it are at most most */
		for (int h = 1; h < hwr_lm_inner(lm); h++)
			if (worth[h] > bound)
				set_backoff(lm, h, worth, bound);
		drop(lm, worth, bound, place);
	}
	free(worth);
	free(place);
	return ok;
}
