/*
 * match.c
 *	  The most probable of many names.
 *
 * A node's column has two sums at each step, over the alignments of its prefix that end in a blank and in its last
 * symbol.  All sums are in units of the best path's probability, so that lines of any length stay within the range of
 * double.
 */
#include "match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "match_internal.h"

/* Nodes worked on in a step. */
#define NODES_A_STEP 2000

/* Numbers of the columns from the root to the end of the longest name. */
#define MAX_COLUMNS ((size_t) 1 << 24)

/* A child to go to, and how much it can bring. */
typedef struct Branch
{
	int			node;
	double		bound;
} Branch;

/* A node whose children are being worked on. */
typedef struct Level
{
	int			node;
	int			first;			/* of its branches */
	int			next;			/* the next to go to */
	int			end;
} Level;

struct HwrMatcher
{
	HwrNames   *names;
	int			T;
	int			n;
	bool		prune;

	/* The line: symbols and their probabilities, scaled, and what the scales were. */
	int			nsymbols;		/* the last row of y is any symbol that is not among them */
	uint32_t   *symbols;		/* [nsymbols] ascending */
	double	   *y;				/* [nsymbols + 1][T] */
	double	   *blank;			/* [T] */
	double	   *rest;			/* [T] probability of the steps after it, in these units */
	double		logscale;
	size_t		symbols_room;
	size_t		y_room;
	size_t		blank_room;
	size_t		rest_room;

	/* The way from the root to where we are. */
	int			depth;
	Level	   *levels;
	size_t		levels_room;
	double	   *columns;		/* [depth][2][T] */
	size_t		columns_room;
	Branch	   *branches;
	int			nbranches;
	size_t		branches_room;

	HwrMatch   *best;			/* [n], logp is a scaled probability until the end */
	size_t		best_room;
	int			nbest;
	double		seen;
	HwrFoldCache cache;
};

bool
hwr_matcher_create(HwrMatcher **out, HwrStatus *st)
{
	*out = hwr_alloc_zero(1, sizeof(HwrMatcher), st);
	return *out != NULL;
}

void
hwr_matcher_free(HwrMatcher *m)
{
	if (m == NULL)
		return;
	free(m->symbols);
	free(m->y);
	free(m->blank);
	free(m->rest);
	free(m->levels);
	free(m->columns);
	free(m->branches);
	free(m->best);
	free(m);
}

static int
compare_symbols(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

/* The symbol that a character is here; 0: it counts as blank. */
static uint32_t
symbol_of(HwrMatcher *m, uint32_t codepoint)
{
	const HwrFold *fold = hwr_fold_cached(&m->cache, codepoint);

	return fold->n == 0 ? 0 : fold->n == 1 ? fold->symbols[0] : codepoint;
}

static int
row_of(const HwrMatcher *m, uint32_t symbol)
{
	int			lo = 0;
	int			hi = m->nsymbols;

	while (lo < hi)
	{
		int			mid = lo + (hi - lo) / 2;

		if (m->symbols[mid] < symbol)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->nsymbols && m->symbols[lo] == symbol ? lo : m->nsymbols;
}

static bool
list_symbols(HwrMatcher *m, const HwrSparse *s, HwrStatus *st)
{
	int			n = 0;

	if (!hwr_alloc_room(&m->symbols, &m->symbols_room, (size_t) s->alphabet.n + 1, sizeof(uint32_t), st))
		return false;
	for (int i = 0; i < s->alphabet.n; i++)
	{
		uint32_t	symbol = symbol_of(m, s->alphabet.codepoints[i]);

		if (symbol != 0)
			m->symbols[n++] = symbol;
	}
	qsort(m->symbols, (size_t) n, sizeof(uint32_t), compare_symbols);
	m->nsymbols = 0;
	for (int i = 0; i < n; i++)
		if (i == 0 || m->symbols[i] != m->symbols[i - 1])
			m->symbols[m->nsymbols++] = m->symbols[i];
	return true;
}

/* One step of the line, in units of the most probable of blank and symbols, which is returned. */
static double
fill_step(HwrMatcher *m, const HwrSparse *s, const HwrSparseStep *step, size_t t)
{
	size_t		T = (size_t) s->steps;
	double		left = 1 - (double) s->floor * (s->origin.classes - step->n);
	double		most;

	m->blank[t] = 0;
	for (int c = 0; c <= m->nsymbols; c++)
		m->y[(size_t) c * T + t] = 0;
	for (int e = 0; e < step->n; e++)
	{
		const HwrEntry *entry = &s->entries[step->entry + e];
		uint32_t	symbol = entry->class == 0 ? 0 : symbol_of(m, s->alphabet.codepoints[entry->class - 1]);

		if (symbol == 0)
			m->blank[t] += entry->p * left;
		else
			m->y[(size_t) row_of(m, symbol) * T + t] += entry->p * left;
	}
	most = m->blank[t];
	for (int c = 0; c <= m->nsymbols; c++)
	{
		double	   *y = &m->y[(size_t) c * T + t];

		if (*y == 0)
			*y = s->floor;
		most = *y > most ? *y : most;
	}
	m->blank[t] /= most;
	for (int c = 0; c <= m->nsymbols; c++)
		m->y[(size_t) c * T + t] /= most;
	return most;
}

static bool
fill_line(HwrMatcher *m, const HwrSparse *s, HwrStatus *st)
{
	size_t		T = (size_t) s->steps;
	double		after = 1;

	if (!list_symbols(m, s, st) ||
		!hwr_alloc_room(&m->y, &m->y_room, ((size_t) m->nsymbols + 1) * T, sizeof(double), st) ||
		!hwr_alloc_room(&m->blank, &m->blank_room, T, sizeof(double), st) ||
		!hwr_alloc_room(&m->rest, &m->rest_room, T, sizeof(double), st))
		return false;
	m->logscale = 0;
	for (int i = 0; i < s->nsteps; i++)
		for (int run = 0; run < s->at[i].run; run++)
		{
			size_t		t = (size_t) (s->at[i].step + run);
			double		most = fill_step(m, s, &s->at[i], t);

			m->logscale += log(most);
			/* A name's symbols that are nowhere in the line have a floor each, besides all the others. */
			m->rest[t] = (1 + (double) s->floor * m->names->depth) / most;
		}
	/* From what each step sums to, what all after it do. */
	for (size_t t = T; t-- > 0;)
	{
		double		here = m->rest[t];

		m->rest[t] = after;
		after *= here;
	}
	return true;
}

static double *
column_of(HwrMatcher *m, int depth)
{
	return m->columns + (size_t) depth * 2 * (size_t) m->T;
}

/* Separators before the first symbol of a name. */
static void
fill_root(HwrMatcher *m)
{
	double	   *blank = column_of(m, 0);
	double	   *label = blank + m->T;
	const double *y = m->y + (size_t) row_of(m, HWR_SEPARATOR) * (size_t) m->T;

	blank[0] = m->blank[0];
	label[0] = y[0];
	for (int t = 1; t < m->T; t++)
	{
		double		total = blank[t - 1] + label[t - 1];

		blank[t] = total * m->blank[t];
		label[t] = total * y[t];
	}
}

/*
 * The column of a prefix that is one symbol longer than the one at depth; after the root, what
 * comes first may be the symbol.
 */
static void
extend(const HwrMatcher *m, const double *parent, uint32_t last, uint32_t symbol, bool root, double *column)
{
	int			T = m->T;
	const double *y = m->y + (size_t) row_of(m, symbol) * (size_t) T;
	const double *parent_label = parent + T;
	double	   *blank = column;
	double	   *label = column + T;
	bool		same = symbol == last;
	bool		separator = symbol == HWR_SEPARATOR;

	blank[0] = 0;
	label[0] = root ? y[0] : 0;
	for (int t = 1; t < T; t++)
	{
		double		in = parent[t - 1] + (same ? 0 : parent_label[t - 1]);

		/* One separator after the other is the same one. */
		label[t] = y[t] * (label[t - 1] + in + (separator ? blank[t - 1] : 0));
		blank[t] = m->blank[t] * (label[t - 1] + blank[t - 1]);
	}
}

/* At most how probable a text is that begins with the prefix of extend's. */
static double
bound_of(const HwrMatcher *m, const double *parent, uint32_t last, uint32_t symbol, bool root)
{
	int			T = m->T;
	const double *y = m->y + (size_t) row_of(m, symbol) * (size_t) T;
	double		sum = root ? y[0] * m->rest[0] : 0;

	for (int t = 1; t < T; t++)
		sum += y[t] * (parent[t - 1] + (symbol == last ? 0 : parent[T + t - 1])) * m->rest[t];
	/* Room for rounding: it is compared with sums in another order. */
	return sum * (1 + 1e-9);
}

static void
keep(HwrMatcher *m, int number, double p)
{
	int			i = m->nbest < m->n ? m->nbest : m->n - 1;

	m->seen += p;
	if (!(p > 0))
		return;
	if (m->nbest == m->n)
	{
		const HwrMatch *worst = &m->best[m->n - 1];

		if (p < worst->logp || (p == worst->logp && number > worst->number))
			return;
	}
	else
		m->nbest++;
	for (; i > 0 && (m->best[i - 1].logp < p || (m->best[i - 1].logp == p && m->best[i - 1].number > number)); i--)
		m->best[i] = m->best[i - 1];
	m->best[i] = (HwrMatch) {number, p};
}

/* The name that ends at depth, separators after it or not. */
static void
score(HwrMatcher *m, int depth, const HwrNode *node)
{
	const double *column = column_of(m, depth);
	double	   *more = column_of(m, depth + 1);
	int			end = m->T - 1;
	double		p = column[end] + column[m->T + end];

	extend(m, column, node->symbol, HWR_SEPARATOR, false, more);
	keep(m, node->number, p + more[end] + more[m->T + end]);
}

static bool
worth(const HwrMatcher *m, double bound)
{
	return !m->prune || m->nbest < m->n || bound >= m->best[m->n - 1].logp;
}

static int
compare_branches(const void *a, const void *b)
{
	const Branch *x = a;
	const Branch *y = b;

	return x->bound != y->bound ? (x->bound < y->bound) - (x->bound > y->bound) : x->node - y->node;
}

/* Work on a node at depth, whose column is there: its name, and the list of its children, best first. */
static bool
enter(HwrMatcher *m, int depth, int node_index, HwrStatus *st)
{
	const HwrNode *node = &m->names->nodes[node_index];
	Level	   *level = &m->levels[depth];
	int			n = 0;

	*level = (Level) {node_index, m->nbranches, m->nbranches, m->nbranches};
	if (node->number >= 0)
		score(m, depth, node);
	/* A symbol takes a step. */
	if (depth >= m->T)
		return true;
	for (int c = node->child; c != 0; c = m->names->nodes[c].next)
		n++;
	if ((size_t) (m->nbranches + n) > m->branches_room)
	{
		size_t		room = (size_t) (m->nbranches + n) * 2;
		Branch	   *grown = hwr_realloc(m->branches, room, sizeof(Branch), st);

		if (grown == NULL)
			return false;
		m->branches = grown;
		m->branches_room = room;
	}
	for (int c = node->child; c != 0; c = m->names->nodes[c].next)
	{
		double		bound = bound_of(m, column_of(m, depth), node->symbol, m->names->nodes[c].symbol, depth == 0);

		if (!hwr_names_go_on(m->names, (size_t) m->T, st))
			return false;
		if (worth(m, bound))
			m->branches[m->nbranches++] = (Branch) {c, bound};
	}
	level->end = m->nbranches;
	qsort(m->branches + level->first, (size_t) (level->end - level->first), sizeof(Branch), compare_branches);
	return true;
}

bool
hwr_match_begin(HwrMatcher *m, HwrNames *names, const HwrSparse *s, int n, bool prune, HwrStatus *st)
{
	int			depth = names->depth < s->steps ? names->depth : s->steps;

	m->names = names;
	m->T = s->steps;
	m->n = n < names->different ? n : names->different;
	m->prune = prune;
	m->nbest = 0;
	m->nbranches = 0;
	m->seen = 0;
	m->depth = -1;
	if (names->different == 0)
		return true;
	if ((size_t) depth + 2 > MAX_COLUMNS / (2 * (size_t) m->T))
		return hwr_fail(st, HWR_BAD_QUERY, "candidates of %d characters are too long for this line", depth);
	/* A name's score wants one column beyond its own. */
	if (!fill_line(m, s, st) ||
		!hwr_alloc_room(&m->levels, &m->levels_room, (size_t) depth + 2, sizeof(Level), st) ||
		!hwr_alloc_room(&m->columns, &m->columns_room, ((size_t) depth + 2) * 2 * (size_t) m->T, sizeof(double), st) ||
		!hwr_alloc_room(&m->best, &m->best_room, (size_t) m->n, sizeof(HwrMatch), st))
		return false;
	fill_root(m);
	m->depth = 0;
	return enter(m, 0, 0, st);
}

bool
hwr_match_step(HwrMatcher *m, bool *done, HwrStatus *st)
{
	for (int i = 0; i < NODES_A_STEP && m->depth >= 0;)
	{
		Level	   *level = &m->levels[m->depth];
		Branch		branch;

		if (level->next == level->end || !worth(m, m->branches[level->next].bound))
		{
			m->nbranches = level->first;
			m->depth--;
			continue;
		}
		branch = m->branches[level->next++];
		extend(m, column_of(m, m->depth), m->names->nodes[level->node].symbol, m->names->nodes[branch.node].symbol,
			   m->depth == 0, column_of(m, m->depth + 1));
		m->depth++;
		i++;
		if (!enter(m, m->depth, branch.node, st))
			return false;
	}
	*done = m->depth < 0;
	if (*done)
	{
		double		scale = exp(m->logscale);

		for (int i = 0; i < m->nbest; i++)
			m->best[i].logp = log(m->best[i].logp) + m->logscale;
		m->seen *= scale;
	}
	return true;
}

void
hwr_match_get(const HwrMatcher *m, const HwrMatch **best, int *nbest, double *seen)
{
	*best = m->best;
	*nbest = m->nbest;
	*seen = m->seen;
}
