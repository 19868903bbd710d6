/*
 * lm_build.c
 *	  From texts to a language model.
 *
 * Counting.  A tree of all n-grams up to the order, with how often each was seen; a text begins and ends with the
 * boundary symbol, so each n-gram's tails are in the tree too.
 *
 * Smoothing.  Let a(hw) be the count of n-gram hw: for the highest order, and for n-grams that begin with the
 * text's beginning and so can have nothing before them, how often it was seen; for all others in how many
 * different contexts, that is after how many different symbols.  Then
 *
 *	 P(w | h) = (a(hw) - D(a(hw))) / A(h) + backoff(h) P(w | h'),  h' being h without its first symbol,
 *	 A(h) = sum of a(hw) over w,  backoff(h) = sum of D(a(hw)) over w / A(h)
 *
 * down to a uniform distribution over all symbols.  The discounts D for counts of 1, 2, and 3 or
 * more are set for each order by how many n-grams have counts of 1 to 4; where that cannot be said,
 * as when all single characters have been seen often, they are a half, 1 and 1.5.
 *
 * Source: as in lm.h; the fixed discounts are those of KenLM.
 */
#include "lm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lm_internal.h"
#include "spelling.h"
#include "trie.h"

#define FIRST_CAPACITY 4096

struct HwrLmBuilder
{
	int			order;
	HwrCase		mapping;
	const HwrAlphabet *alphabet;	/* in which texts are spelt, or NULL */
	long long	texts;
	long long	characters;
	HwrTrie		trie;			/* symbols: code points, HWR_LM_BOUNDARY */
	uint32_t   *counts;			/* [capacity], saturating */
	int			capacity;
	int			limit;			/* n-grams of the model, 0: all */
	HwrStopFn	stop;			/* or NULL */
	void	   *stop_arg;
};

/* Between two questions whether to stop: some milliseconds of work. */
#define STOP_INTERVAL 8192

/* What is needed between the tree in the order of counting and the model. */
typedef struct Frozen
{
	const HwrLmBuilder *builder;
	HwrLm	   *lm;
	int		   *node;			/* [nodes] of the counting tree */
	int		   *depth;			/* [trie nodes] */
	int		   *place;			/* [trie nodes] of the model */
	uint32_t   *count;			/* [nodes] a(), as above */
} Frozen;

bool
hwr_lm_builder_create(int order, HwrCase mapping, HwrLmBuilder **out, HwrStatus *st)
{
	HwrLmBuilder *builder;

	if (order < 1 || order > HWR_LM_MAX_ORDER)
		return hwr_fail(st, HWR_BAD_OPTION, "n-gram length must be between 1 and %d", HWR_LM_MAX_ORDER);
	builder = hwr_alloc_zero(1, sizeof(HwrLmBuilder), st);
	if (builder == NULL)
		return false;
	builder->order = order;
	builder->mapping = mapping;
	if (!hwr_trie_init(&builder->trie, FIRST_CAPACITY, st))
	{
		hwr_lm_builder_free(builder);
		return false;
	}
	*out = builder;
	return true;
}

void
hwr_lm_builder_free(HwrLmBuilder *builder)
{
	if (builder == NULL)
		return;
	hwr_trie_free(&builder->trie);
	free(builder->counts);
	free(builder);
}

long long
hwr_lm_builder_texts(const HwrLmBuilder *builder)
{
	return builder->texts;
}

long long
hwr_lm_builder_characters(const HwrLmBuilder *builder)
{
	return builder->characters;
}

void
hwr_lm_builder_set_stop(HwrLmBuilder *builder, HwrStopFn stop, void *arg)
{
	builder->stop = stop;
	builder->stop_arg = arg;
}

void
hwr_lm_builder_set_alphabet(HwrLmBuilder *builder, const HwrAlphabet *alphabet)
{
	builder->alphabet = alphabet;
}

void
hwr_lm_builder_set_limit(HwrLmBuilder *builder, int ngrams)
{
	builder->limit = ngrams;
}

/* In step i of a loop: false, with the status, if the work is to end. */
static bool
go_on(const HwrLmBuilder *builder, int i, HwrStatus *st)
{
	if (i % STOP_INTERVAL != 0 || builder->stop == NULL || !builder->stop(builder->stop_arg))
		return true;
	return hwr_fail(st, HWR_CANCELLED, "building a language model was cancelled");
}

static bool
grow_counts(HwrLmBuilder *builder, HwrStatus *st)
{
	int			capacity = builder->trie.capacity;
	uint32_t   *grown;

	if (capacity == builder->capacity)
		return true;
	grown = hwr_realloc(builder->counts, (size_t) capacity, sizeof(uint32_t), st);
	if (grown == NULL)
		return false;
	memset(grown + builder->capacity, 0, (size_t) (capacity - builder->capacity) * sizeof(uint32_t));
	builder->counts = grown;
	builder->capacity = capacity;
	return true;
}

/*
 * Count the n-grams that begin at symbols[0]; the beginning of a text by itself is nothing to be
 * predicted.
 */
static bool
count_from(HwrLmBuilder *builder, const uint32_t *symbols, int n, bool beginning, HwrStatus *st)
{
	int			node = 0;

	for (int i = 0; i < n && i < builder->order; i++)
	{
		node = hwr_trie_add(&builder->trie, node, (int) symbols[i], st);
		if (node == 0 || !grow_counts(builder, st))
			return false;
		if (!(beginning && i == 0) && builder->counts[node] < UINT32_MAX)
			builder->counts[node]++;
	}
	return true;
}

/* What no alphabet has (spelling.h) is left out: it would be taken for the boundary. */
static int
drop_foreign(uint32_t *codepoints, int n)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (codepoints[i] != 0)
			codepoints[kept++] = codepoints[i];
	return kept;
}

bool
hwr_lm_builder_add(HwrLmBuilder *builder, const char *utf8, size_t len, HwrStatus *st)
{
	char	   *text;
	uint32_t   *codepoints = NULL;
	uint32_t   *symbols;
	int			n;
	bool		ok;

	if (!hwr_text_normalize(utf8, len, builder->mapping, &text, st))
		return false;
	ok = hwr_text_decode_signs(builder->alphabet, text, strlen(text), &codepoints, &n, st);
	free(text);
	if (!ok)
		return false;
	n = drop_foreign(codepoints, n);
	if (n == 0)
	{
		free(codepoints);
		return hwr_fail(st, HWR_BAD_LABEL, "text is empty");
	}
	symbols = hwr_alloc((size_t) n + 2, sizeof(uint32_t), st);
	if (symbols != NULL)
	{
		symbols[0] = symbols[n + 1] = HWR_LM_BOUNDARY;
		memcpy(symbols + 1, codepoints, (size_t) n * sizeof(uint32_t));
		for (int i = 0; i < n + 2 && ok; i++)
			ok = go_on(builder, i, st) && count_from(builder, symbols + i, n + 2 - i, i == 0, st);
		builder->texts++;
		builder->characters += n;
	}
	free(codepoints);
	free(symbols);
	return symbols != NULL && ok;
}

static int
compare_codepoints(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

/* The characters, which are the root's children but the boundary. */
static bool
collect_vocabulary(const HwrTrie *trie, HwrAlphabet *out, HwrStatus *st)
{
	int			n = 0;

	for (int node = 1; node < trie->n; node++)
		n += trie->parent[node] == 0;
	out->codepoints = hwr_alloc((size_t) n, sizeof(uint32_t), st);
	if (out->codepoints == NULL)
		return false;
	for (int node = 1; node < trie->n; node++)
		if (trie->parent[node] == 0 && trie->symbol[node] != HWR_LM_BOUNDARY)
			out->codepoints[out->n++] = (uint32_t) trie->symbol[node];
	qsort(out->codepoints, (size_t) out->n, sizeof(uint32_t), compare_codepoints);
	return true;
}

typedef struct Edge
{
	int			symbol;			/* the model's */
	int			node;			/* of the counting tree, 0 for the unknown character */
} Edge;

static int
compare_edges(const void *a, const void *b)
{
	const Edge *x = a;
	const Edge *y = b;

	return (x->symbol > y->symbol) - (x->symbol < y->symbol);
}

/* The symbol and the parent's place of a node of the counting tree. */
static Edge
edge_of(const Frozen *f, int node)
{
	int			c = f->builder->trie.symbol[node];

	return (Edge) {c == HWR_LM_BOUNDARY ? HWR_LM_BOUNDARY : hwr_lm_symbol(f->lm, (uint32_t) c), node};
}

/*
 * children[parent]: where the children of each parent of a level begin, among themselves as yet in
 * any order
 */
static bool
divide_level(Frozen *f, int level, HwrStatus *st)
{
	const HwrTrie *trie = &f->builder->trie;
	HwrLm	   *lm = f->lm;
	int			first = lm->level[level];

	for (int parent = lm->level[level - 1]; parent <= first; parent++)
		lm->children[parent] = 0;
	for (int node = 1; node < trie->n; node++)
	{
		if (!go_on(f->builder, node, st))
			return false;
		if (f->depth[node] == level)
			lm->children[f->place[trie->parent[node]] + 1]++;
	}
	if (level == 1)
		lm->children[1]++;		/* the unknown character */
	lm->children[lm->level[level - 1]] = first;
	for (int parent = lm->level[level - 1]; parent < first; parent++)
		lm->children[parent + 1] += lm->children[parent];
	return true;
}

/* The nodes of one level, in the model's order: after their parents', then by symbol. */
static bool
place_level(Frozen *f, int level, HwrStatus *st)
{
	const HwrTrie *trie = &f->builder->trie;
	HwrLm	   *lm = f->lm;
	int			first = lm->level[level];
	int			parents = lm->level[level - 1];
	Edge	   *edges = hwr_alloc((size_t) (lm->level[level + 1] - first), sizeof(Edge), st);
	int		   *next = hwr_alloc((size_t) (first - parents), sizeof(int), st);
	bool		ok = edges != NULL && next != NULL && divide_level(f, level, st);

	if (ok)
		memcpy(next, lm->children + parents, (size_t) (first - parents) * sizeof(int));
	for (int node = 1; ok && node < trie->n; node++)
	{
		ok = go_on(f->builder, node, st);
		if (ok && f->depth[node] == level)
			edges[next[f->place[trie->parent[node]] - parents]++ - first] = edge_of(f, node);
	}
	if (ok && level == 1)
		edges[next[0]++ - first] = (Edge) {lm->vocabulary.n + 1, 0};
	for (int parent = parents; ok && parent < first; parent++)
	{
		Edge	   *own = edges + (lm->children[parent] - first);
		int			n = lm->children[parent + 1] - lm->children[parent];

		ok = go_on(f->builder, parent, st);
		qsort(own, (size_t) n, sizeof(Edge), compare_edges);
		for (int i = 0; i < n; i++)
		{
			lm->symbol[lm->children[parent] + i] = own[i].symbol;
			f->node[lm->children[parent] + i] = own[i].node;
			if (own[i].node != 0)
				f->place[own[i].node] = lm->children[parent] + i;
		}
	}
	free(edges);
	free(next);
	return ok;
}

/* Levels, symbols, children and links of the model. */
static bool
place_nodes(Frozen *f, HwrStatus *st)
{
	const HwrTrie *trie = &f->builder->trie;
	HwrLm	   *lm = f->lm;
	int			nodes = trie->n + 1;	/* and the unknown character */
	bool		stopped = false;

	f->depth = hwr_alloc_zero((size_t) trie->n, sizeof(int), st);
	f->place = hwr_alloc_zero((size_t) trie->n, sizeof(int), st);
	f->node = hwr_alloc_zero((size_t) nodes, sizeof(int), st);
	f->count = hwr_alloc_zero((size_t) nodes, sizeof(uint32_t), st);
	if (f->depth == NULL || f->place == NULL || f->node == NULL || f->count == NULL)
		return false;

	/* Parents were added before their children. */
	for (int node = 1; node < trie->n; node++)
	{
		f->depth[node] = f->depth[trie->parent[node]] + 1;
		lm->level[f->depth[node] + 1]++;
	}
	lm->level[1] = 1;
	lm->level[2]++;
	for (int m = 1; m <= lm->order; m++)
		lm->level[m + 1] += lm->level[m];
	if (!hwr_lm_allocate(lm, st))
		return false;
	for (int m = 1; m <= lm->order; m++)
		if (!place_level(f, m, st))
			return false;
	if (!hwr_lm_link(lm, false, f->builder->stop, f->builder->stop_arg, &stopped))
		return stopped ? hwr_fail(st, HWR_CANCELLED, "building a language model was cancelled") :
			hwr_fail(st, HWR_INTERNAL, "language model lacks an n-gram");
	return true;
}

/* The counts a() described above. */
static bool
adjust_counts(Frozen *f, HwrStatus *st)
{
	HwrLm	   *lm = f->lm;
	int			nodes = hwr_lm_nodes(lm);
	bool	   *begins = hwr_alloc_zero((size_t) nodes, sizeof(bool), st);

	if (begins == NULL)
		return false;
	/* The boundary's symbol is the smallest.  By itself it is an end, in front of others a beginning. */
	begins[lm->level[1]] = true;
	for (int node = 1; node < hwr_lm_inner(lm); node++)
		for (int child = lm->children[node]; child < lm->children[node + 1]; child++)
			begins[child] = begins[node];
	begins[lm->level[1]] = false;

	for (int node = lm->order > 1 ? lm->level[2] : nodes; node < nodes; node++)
		f->count[lm->link[node]]++;
	for (int node = 1; node < nodes; node++)
		if (node >= hwr_lm_inner(lm) || begins[node])
			f->count[node] = f->node[node] != 0 ? f->builder->counts[f->node[node]] : 0;
	free(begins);
	return true;
}

/* Discounts of one level: D[i] for a count of i, D[3] for more too. */
static void
find_discounts(const Frozen *f, int level, double D[4])
{
	const HwrLm *lm = f->lm;
	double		n[5] = {0};

	for (int node = lm->level[level]; node < lm->level[level + 1]; node++)
		if (f->count[node] >= 1 && f->count[node] <= 4)
			n[f->count[node]]++;
	D[0] = 0;
	for (int i = 1; i <= 3; i++)
	{
		double		y = n[1] / (n[1] + 2 * n[2]);

		D[i] = n[1] > 0 && n[i] > 0 && n[i + 1] > 0 ? i - (i + 1) * y * n[i + 1] / n[i] : 0;
	}
	if (!(D[1] > 0 && D[2] > 0 && D[3] > 0 && D[1] < 1 && D[2] < 2 && D[3] < 3))
	{
		D[1] = 0.5;
		D[2] = 1.0;
		D[3] = 1.5;
	}
}

/* P(h w | h) for the children of one node, whose own probabilities and their tails' are known. */
static void
smooth_children(const Frozen *f, int h, const double D[4], double *p)
{
	HwrLm	   *lm = f->lm;
	double		total = 0;
	double		taken = 0;
	double		backoff;

	for (int child = lm->children[h]; child < lm->children[h + 1]; child++)
	{
		uint32_t	a = f->count[child];

		total += a;
		taken += D[a < 3 ? a : 3];
	}
	if (total <= 0)
		return;
	backoff = taken / total;
	if (h != 0)
		lm->backoff[h] = hwr_lm_dequantize(hwr_lm_quantize(log(backoff)));
	for (int child = lm->children[h]; child < lm->children[h + 1]; child++)
	{
		uint32_t	a = f->count[child];
		double		shorter = h == 0 ? 1.0 / (lm->vocabulary.n + 2) : p[lm->link[child]];

		p[child] = (a - D[a < 3 ? a : 3]) / total + backoff * shorter;
		lm->logp[child] = hwr_lm_dequantize(hwr_lm_quantize(log(p[child])));
	}
}

static bool
smooth(Frozen *f, HwrStatus *st)
{
	HwrLm	   *lm = f->lm;
	double	   *p = hwr_alloc_zero((size_t) hwr_lm_nodes(lm), sizeof(double), st);
	bool		ok = true;

	if (p == NULL)
		return false;
	for (int m = 1; ok && m <= lm->order; m++)
	{
		double		D[4];

		find_discounts(f, m, D);
		for (int h = lm->level[m - 1]; ok && h < lm->level[m]; h++)
		{
			ok = go_on(f->builder, h, st);
			smooth_children(f, h, D, p);
		}
	}
	free(p);
	return ok;
}

/* As many n-grams as are wanted, once probabilities are known; a() is needed no more. */
static bool
limit(Frozen *f, HwrStatus *st)
{
	if (f->builder->limit == 0)
		return true;
	for (int node = 0; node < hwr_lm_nodes(f->lm); node++)
		f->count[node] = f->node[node] != 0 ? f->builder->counts[f->node[node]] : 0;
	return hwr_lm_prune(f->lm, f->count, f->builder->limit, st);
}

bool
hwr_lm_builder_finish(HwrLmBuilder *builder, HwrLm **out, HwrStatus *st)
{
	Frozen		f = {.builder = builder};
	HwrLm	   *lm;
	bool		ok;

	if (builder->texts == 0)
		return hwr_fail(st, HWR_BAD_DATA, "no texts to build a language model from");
	lm = hwr_alloc_zero(1, sizeof(HwrLm), st);
	if (lm == NULL)
		return false;
	f.lm = lm;
	lm->order = builder->order;
	lm->mapping = builder->mapping;
	ok = collect_vocabulary(&builder->trie, &lm->vocabulary, st) &&
		place_nodes(&f, st) && adjust_counts(&f, st) && smooth(&f, st) && limit(&f, st) &&
		(hwr_lm_link(lm, true, NULL, NULL, NULL) || hwr_fail(st, HWR_INTERNAL, "language model lacks an n-gram"));
	free(f.node);
	free(f.depth);
	free(f.place);
	free(f.count);
	if (ok)
		*out = lm;
	else
		hwr_lm_free(lm);
	return ok;
}
