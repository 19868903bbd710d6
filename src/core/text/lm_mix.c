/*
 * lm_mix.c
 *	  One language model of two.
 *
 * Its tree is the union of theirs, put together level by level: both have each node's children in the order of their symbols,
 * and symbols are in the order of characters in all three.  With all of an n-gram's beginnings and tails in a tree, so are
 * they in the union.  A history that one of the two does not know stands there in the state of its longest tail that it
 * knows.  Back-off weights, at most one, follow from the probabilities, so that what may come next sums to one or less:
 *
 *	 backoff(h) = (1 - sum of P(w | h)) / (1 - sum of P(w | h')), over the w that are known after h
 */
#include "lm_mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lm_internal.h"

#define LEAST_SHARE 0.01

/* Passes over the texts; each moves the share less than the one before it. */
#define SHARE_ROUNDS 30

/* One of the two. */
typedef struct Side
{
	const HwrLm *lm;
	int			foreign;		/* characters of the other that share the probability of its unknown one, and that itself */
	int		   *symbol;			/* [symbols of the union]: its own */
	int		   *node;			/* [nodes of the union]: its own, -1: it has none */
	int		   *state;			/* [nodes of the union]: that it is in after this n-gram */
} Side;

struct HwrLmMixer
{
	Side		sides[2];
	HwrAlphabet vocabulary;		/* of the union */
	double	   *seen;			/* [n][2] probabilities of the texts' characters */
	size_t		n;
	size_t		room;
};

void
hwr_lm_mixer_free(HwrLmMixer *mixer)
{
	if (mixer == NULL)
		return;
	for (int i = 0; i < 2; i++)
	{
		free(mixer->sides[i].symbol);
		free(mixer->sides[i].node);
		free(mixer->sides[i].state);
	}
	hwr_alphabet_free(&mixer->vocabulary);
	free(mixer->seen);
	free(mixer);
}

static bool
unite_vocabularies(HwrLmMixer *mixer, HwrStatus *st)
{
	const HwrAlphabet *a = &mixer->sides[0].lm->vocabulary;
	const HwrAlphabet *b = &mixer->sides[1].lm->vocabulary;
	HwrAlphabet *out = &mixer->vocabulary;
	int			i = 0;
	int			j = 0;

	out->codepoints = hwr_alloc((size_t) (a->n + b->n) + 1, sizeof(uint32_t), st);
	if (out->codepoints == NULL)
		return false;
	while (i < a->n || j < b->n)
	{
		uint32_t	next = j == b->n || (i < a->n && a->codepoints[i] < b->codepoints[j]) ? a->codepoints[i] : b->codepoints[j];

		i += i < a->n && a->codepoints[i] == next;
		j += j < b->n && b->codepoints[j] == next;
		out->codepoints[out->n++] = next;
	}
	return true;
}

static bool
map_symbols(Side *side, const HwrAlphabet *vocabulary, HwrStatus *st)
{
	side->symbol = hwr_alloc((size_t) vocabulary->n + 2, sizeof(int), st);
	if (side->symbol == NULL)
		return false;
	side->symbol[HWR_LM_BOUNDARY] = HWR_LM_BOUNDARY;
	for (int i = 0; i < vocabulary->n; i++)
		side->symbol[i + 1] = hwr_lm_symbol(side->lm, vocabulary->codepoints[i]);
	side->symbol[vocabulary->n + 1] = side->lm->vocabulary.n + 1;
	side->foreign = vocabulary->n - side->lm->vocabulary.n + 1;
	return true;
}

bool
hwr_lm_mixer_create(const HwrLm *first, const HwrLm *second, HwrLmMixer **out, HwrStatus *st)
{
	HwrLmMixer *mixer;

	if (first->mapping != second->mapping)
		return hwr_fail(st, HWR_BAD_OPTION, "language models of different letter cases cannot be mixed");
	mixer = hwr_alloc_zero(1, sizeof(HwrLmMixer), st);
	if (mixer == NULL)
		return false;
	mixer->sides[0].lm = first;
	mixer->sides[1].lm = second;
	if (!unite_vocabularies(mixer, st) || !map_symbols(&mixer->sides[0], &mixer->vocabulary, st) ||
		!map_symbols(&mixer->sides[1], &mixer->vocabulary, st))
	{
		hwr_lm_mixer_free(mixer);
		return false;
	}
	*out = mixer;
	return true;
}

/* P(symbol | state) in one of the two, of a symbol of the union. */
static double
probability(const Side *side, int state, int symbol, int *next)
{
	int			own = side->symbol[symbol];
	double		p = exp(hwr_lm_next(side->lm, state, own, next));

	return own == side->lm->vocabulary.n + 1 ? p / side->foreign : p;
}

bool
hwr_lm_mixer_add(HwrLmMixer *mixer, const uint32_t *codepoints, int n, HwrStatus *st)
{
	int			state[2] = {hwr_lm_start(mixer->sides[0].lm), hwr_lm_start(mixer->sides[1].lm)};

	if (mixer->n + (size_t) n + 1 > mixer->room)
	{
		size_t		room = 2 * (mixer->room + (size_t) n + 1);
		double	   *grown = hwr_realloc(mixer->seen, room, 2 * sizeof(double), st);

		if (grown == NULL)
			return false;
		mixer->seen = grown;
		mixer->room = room;
	}
	for (int i = 0; i <= n; i++)
	{
		int			class = i < n ? hwr_alphabet_class(&mixer->vocabulary, codepoints[i]) : HWR_LM_BOUNDARY;
		int			symbol = i < n && class == 0 ? mixer->vocabulary.n + 1 : class;

		for (int side = 0; side < 2; side++)
			mixer->seen[2 * mixer->n + (size_t) side] = probability(&mixer->sides[side], state[side], symbol, &state[side]);
		mixer->n++;
	}
	return true;
}

/* Expectation maximisation: how often a character came from the second, as things stand. */
double
hwr_lm_mixer_share(const HwrLmMixer *mixer)
{
	double		share = 0.5;

	for (int round = 0; mixer->n > 0 && round < SHARE_ROUNDS; round++)
	{
		double		sum = 0;

		for (size_t i = 0; i < mixer->n; i++)
		{
			double		second = share * mixer->seen[2 * i + 1];

			sum += second / (second + (1 - share) * mixer->seen[2 * i]);
		}
		share = fmin(fmax(sum / (double) mixer->n, LEAST_SHARE), 1 - LEAST_SHARE);
	}
	return share;
}

/* Where a node's children are in one of the two: none where it has no such node, or nothing follows it. */
static void
children_of(const Side *side, int node, int *at, int *end)
{
	int			own = side->node[node];

	*at = *end = 0;
	if (own < 0 || own >= hwr_lm_inner(side->lm))
		return;
	*at = side->lm->children[own];
	*end = side->lm->children[own + 1];
}

/* The union's symbol of a node of one of the two. */
static int
symbol_of(const HwrLmMixer *mixer, const HwrLm *own, int node)
{
	int			symbol = own->symbol[node];

	if (symbol == HWR_LM_BOUNDARY)
		return HWR_LM_BOUNDARY;
	if (symbol == own->vocabulary.n + 1)
		return mixer->vocabulary.n + 1;
	return hwr_alphabet_class(&mixer->vocabulary, own->vocabulary.codepoints[symbol - 1]);
}

/* The children of a node of the union, from at on; returns the end. */
static int
unite_children(HwrLmMixer *mixer, HwrLm *lm, int parent, int at)
{
	Side	   *a = &mixer->sides[0];
	Side	   *b = &mixer->sides[1];
	int			i;
	int			iend;
	int			j;
	int			jend;

	children_of(a, parent, &i, &iend);
	children_of(b, parent, &j, &jend);
	while (i < iend || j < jend)
	{
		int			x = i < iend ? symbol_of(mixer, a->lm, i) : INT32_MAX;
		int			y = j < jend ? symbol_of(mixer, b->lm, j) : INT32_MAX;

		lm->symbol[at] = x < y ? x : y;
		a->node[at] = x <= y ? i++ : -1;
		b->node[at] = y <= x ? j++ : -1;
		at++;
	}
	return at;
}

/* All nodes, symbols and children. */
static bool
unite_trees(HwrLmMixer *mixer, HwrLm *lm, HwrStatus *st)
{
	size_t		nodes = (size_t) hwr_lm_nodes(mixer->sides[0].lm) + (size_t) hwr_lm_nodes(mixer->sides[1].lm);
	int			at = 1;

	lm->symbol = hwr_alloc_zero(nodes, sizeof(int), st);
	lm->logp = hwr_alloc_zero(nodes, sizeof(float), st);
	lm->link = hwr_alloc_zero(nodes, sizeof(int), st);
	lm->backoff = hwr_alloc_zero(nodes, sizeof(float), st);
	lm->children = hwr_alloc_zero(nodes + 1, sizeof(int), st);
	if (lm->symbol == NULL || lm->logp == NULL || lm->link == NULL || lm->backoff == NULL || lm->children == NULL)
		return false;
	for (int i = 0; i < 2; i++)
	{
		mixer->sides[i].node = hwr_alloc_zero(nodes, sizeof(int), st);
		mixer->sides[i].state = hwr_alloc_zero(nodes, sizeof(int), st);
		if (mixer->sides[i].node == NULL || mixer->sides[i].state == NULL)
			return false;
	}
	lm->level[1] = 1;
	for (int m = 1; m <= lm->order; m++)
	{
		for (int parent = lm->level[m - 1]; parent < lm->level[m]; parent++)
		{
			lm->children[parent] = at;
			at = unite_children(mixer, lm, parent, at);
		}
		lm->level[m + 1] = at;
		lm->children[lm->level[m]] = at;
	}
	return true;
}

/* The state that one of the two is in after each n-gram. */
static void
find_states(const HwrLm *lm, Side *side)
{
	for (int node = 1; node < hwr_lm_nodes(lm); node++)
	{
		int			own = side->node[node];

		side->state[node] = own < 0 ? side->state[lm->link[node]] : hwr_lm_state(side->lm, own);
	}
}

static void
set_probabilities(const HwrLmMixer *mixer, HwrLm *lm, double share)
{
	const Side *a = &mixer->sides[0];
	const Side *b = &mixer->sides[1];

	for (int h = 0; h < hwr_lm_inner(lm); h++)
	{
		double		own = 0;
		double		shorter = 0;

		for (int child = lm->children[h]; child < lm->children[h + 1]; child++)
		{
			double		p = (1 - share) * probability(a, a->state[h], lm->symbol[child], NULL) +
				share * probability(b, b->state[h], lm->symbol[child], NULL);

			lm->logp[child] = hwr_lm_dequantize(hwr_lm_quantize(log(p)));
			own += exp(lm->logp[child]);
			shorter += h == 0 ? 0 : exp(lm->logp[lm->link[child]]);
		}
		if (h != 0 && lm->children[h] < lm->children[h + 1])
			lm->backoff[h] = hwr_lm_backoff(own, shorter);
	}
}

bool
hwr_lm_mixer_finish(HwrLmMixer *mixer, double share, HwrLm **out, HwrStatus *st)
{
	const HwrLm *a = mixer->sides[0].lm;
	const HwrLm *b = mixer->sides[1].lm;
	HwrLm	   *lm = hwr_alloc_zero(1, sizeof(HwrLm), st);
	bool		ok;

	if (lm == NULL)
		return false;
	lm->order = a->order > b->order ? a->order : b->order;
	lm->mapping = a->mapping;
	lm->vocabulary.n = mixer->vocabulary.n;
	lm->vocabulary.codepoints = hwr_alloc((size_t) lm->vocabulary.n + 1, sizeof(uint32_t), st);
	ok = lm->vocabulary.codepoints != NULL;
	if (ok)
		memcpy(lm->vocabulary.codepoints, mixer->vocabulary.codepoints, (size_t) lm->vocabulary.n * sizeof(uint32_t));
	ok = ok && unite_trees(mixer, lm, st) &&
		(hwr_lm_link(lm, false, NULL, NULL, NULL) || hwr_fail(st, HWR_INTERNAL, "language model lacks an n-gram"));
	if (ok)
	{
		find_states(lm, &mixer->sides[0]);
		find_states(lm, &mixer->sides[1]);
		set_probabilities(mixer, lm, share);
		(void) hwr_lm_link(lm, true, NULL, NULL, NULL);
		*out = lm;
	}
	else
		hwr_lm_free(lm);
	return ok;
}
