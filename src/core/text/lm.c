/*
 * lm.c
 *	  Probabilities from a language model.
 *
 * A state is the node of the longest known tail of what has been read.  The next symbol is looked for among
 * the state's children; where it is not there, the state's back-off weight is taken and the search goes on in
 * the tail that lacks its first symbol.  At the root every symbol is there.
 */
#include "lm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lm_internal.h"

unsigned
hwr_lm_quantize(double logp)
{
	double		q = -logp * HWR_LM_STEPS + 0.5;

	return q <= 0 ? 0 : q < HWR_LM_LOWEST ? (unsigned) q : HWR_LM_LOWEST;
}

float
hwr_lm_backoff(double own, double shorter)
{
	const double least = 1e-6;	/* what is left of rounded probabilities may be nothing */
	double		left = (1 - own) / fmax(1 - shorter, least);

	return hwr_lm_dequantize(hwr_lm_quantize(log(fmin(fmax(left, least), 1))));
}

bool
hwr_lm_allocate(HwrLm *lm, HwrStatus *st)
{
	size_t		nodes = (size_t) hwr_lm_nodes(lm);
	size_t		inner = (size_t) hwr_lm_inner(lm);

	lm->symbol = hwr_alloc_zero(nodes, sizeof(int), st);
	lm->logp = hwr_alloc_zero(nodes, sizeof(float), st);
	lm->link = hwr_alloc_zero(nodes, sizeof(int), st);
	lm->backoff = hwr_alloc_zero(inner, sizeof(float), st);
	lm->children = hwr_alloc_zero(inner + 1, sizeof(int), st);
	return lm->symbol != NULL && lm->logp != NULL && lm->link != NULL &&
		lm->backoff != NULL && lm->children != NULL;
}

void
hwr_lm_free(HwrLm *lm)
{
	if (lm == NULL)
		return;
	hwr_alphabet_free(&lm->vocabulary);
	free(lm->symbol);
	free(lm->logp);
	free(lm->link);
	free(lm->backoff);
	free(lm->children);
	free(lm);
}

int
hwr_lm_child(const HwrLm *lm, int node, int symbol)
{
	int			lo = lm->children[node];
	int			hi = lm->children[node + 1];
	int			end = hi;

	while (lo < hi)
	{
		int			mid = lo + (hi - lo) / 2;

		if (lm->symbol[mid] < symbol)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < end && lm->symbol[lo] == symbol ? lo : 0;
}

/* Whether something can follow a node's n-gram. */
static inline bool
goes_on(const HwrLm *lm, int node)
{
	return node == 0 || (node < hwr_lm_inner(lm) && lm->children[node] < lm->children[node + 1]);
}

/*
 * Links of a node's children.  Where "abc" is an n-gram, "bc" is one: of each child's symbol the node's link has a child too,
 * and both are in the order of symbols, so that one pass finds all.  False where one is missing.
 */
static bool
link_children(const HwrLm *lm, int node, bool to_read, const int *restrict symbol, int *restrict link)
{
	int			to = lm->children[link[node]];
	int			to_end = lm->children[link[node] + 1];
	int			end = lm->children[node + 1];

	for (int child = lm->children[node]; child < end; child++)
	{
		while (to < to_end && symbol[to] < symbol[child])
			to++;
		if (to == to_end || symbol[to] != symbol[child])
			return false;
		link[child] = to_read && !goes_on(lm, child) && !goes_on(lm, to) ? link[to] : to;
	}
	return true;
}

bool
hwr_lm_link(HwrLm *lm, bool to_read, HwrStopFn stop, void *arg, bool *stopped)
{
	int			inner = hwr_lm_inner(lm);

	/* Of a single symbol, the root is left. */
	for (int child = lm->children[0]; child < lm->children[1]; child++)
		lm->link[child] = 0;
	for (int node = 1; node < inner; node++)
	{
		if (node % 8192 == 0 && stop != NULL && stop(arg))
		{
			*stopped = true;
			return false;
		}
		if (lm->children[node] < lm->children[node + 1] && !link_children(lm, node, to_read, lm->symbol, lm->link))
			return false;
	}
	return true;
}

int
hwr_lm_ngrams(const HwrLm *lm)
{
	return hwr_lm_nodes(lm) - 1;
}

size_t
hwr_lm_memory(const HwrLm *lm)
{
	size_t		nodes = (size_t) hwr_lm_nodes(lm);
	size_t		inner = (size_t) lm->level[lm->order];

	return sizeof(HwrLm) + nodes * (sizeof(*lm->symbol) + sizeof(*lm->logp) + sizeof(*lm->link)) +
		inner * (sizeof(*lm->backoff) + sizeof(*lm->children));
}

int
hwr_lm_symbol(const HwrLm *lm, uint32_t codepoint)
{
	int			symbol = hwr_alphabet_class(&lm->vocabulary, codepoint);

	return symbol != 0 ? symbol : lm->vocabulary.n + 1;
}

bool
hwr_lm_class_symbols(const HwrLm *lm, const HwrAlphabet *alphabet, int *symbols, HwrStatus *st)
{
	symbols[0] = HWR_LM_BOUNDARY;
	for (int i = 0; i < alphabet->n; i++)
	{
		char	   *utf8 = NULL;
		char	   *text = NULL;
		uint32_t   *mapped = NULL;
		int			n = 0;
		bool		ok;

		ok = hwr_text_encode(&alphabet->codepoints[i], 1, &utf8, st) &&
			hwr_text_normalize(utf8, strlen(utf8), lm->mapping, &text, st) &&
			hwr_text_decode(text, strlen(text), &mapped, &n, st);
		/* A space by itself is trimmed away. */
		if (ok)
			symbols[i + 1] = hwr_lm_symbol(lm, n == 1 ? mapped[0] : alphabet->codepoints[i]);
		free(utf8);
		free(text);
		free(mapped);
		if (!ok)
			return false;
	}
	return true;
}

int
hwr_lm_state(const HwrLm *lm, int node)
{
	return goes_on(lm, node) ? node : lm->link[node];
}

int
hwr_lm_start(const HwrLm *lm)
{
	return hwr_lm_state(lm, hwr_lm_child(lm, 0, HWR_LM_BOUNDARY));
}

double
hwr_lm_next(const HwrLm *lm, int state, int symbol, int *next)
{
	double		logp = 0;
	int			child;

	while ((child = hwr_lm_child(lm, state, symbol)) == 0)
	{
		logp += lm->backoff[state];
		state = lm->link[state];
	}
	if (next != NULL)
		*next = hwr_lm_state(lm, child);
	return logp + lm->logp[child];
}

double
hwr_lm_log_probability_of_part(const HwrLm *lm, int *state, const uint32_t *codepoints, int n)
{
	double		logp = 0;

	for (int i = 0; i < n; i++)
		logp += hwr_lm_next(lm, *state, hwr_lm_symbol(lm, codepoints[i]), state);
	return logp;
}

double
hwr_lm_log_probability(const HwrLm *lm, const uint32_t *codepoints, int n)
{
	int			state = hwr_lm_start(lm);
	double		logp = hwr_lm_log_probability_of_part(lm, &state, codepoints, n);

	return logp + hwr_lm_next(lm, state, HWR_LM_BOUNDARY, NULL);
}

double
hwr_lm_perplexity(double log_probability, long long characters, long long texts)
{
	return exp(-log_probability / (double) (characters + texts));
}
