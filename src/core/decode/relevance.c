/*
 * relevance.c
 *	  The probability of a word in a line.
 */
#include "relevance.h"

#include <stdlib.h>
#include <string.h>

bool
hwr_search_create(HwrSearch **out, HwrStatus *st)
{
	*out = hwr_alloc_zero(1, sizeof(HwrSearch), st);
	return *out != NULL;
}

void
hwr_search_free(HwrSearch *search)
{
	if (search == NULL)
		return;
	free(search->transitions);
	free(search->rows);
	free(search);
}

static bool
make_room(void *array, int *room, size_t n, size_t size, HwrStatus *st)
{
	void	  **p = array;

	if (n <= (size_t) *room)
		return true;
	free(*p);
	*room = 0;
	*p = hwr_alloc(n, size, st);
	if (*p == NULL)
		return false;
	*room = (int) n;
	return true;
}

/* Whether the line's characters have all symbols that the word must have */
static bool
has_symbols(HwrSearch *search, const HwrWord *word, const HwrSparse *s)
{
	int			seen = 0;
	uint64_t	found[HWR_WORD_MAX / 64 + 1];

	memset(found, 0, sizeof(uint64_t) * (size_t) (word->nsymbols / 64 + 1));
	for (int i = 0; i < s->alphabet.n; i++)
	{
		const HwrFold *fold = hwr_fold_cached(&search->cache, s->alphabet.codepoints[i]);

		for (int j = 0; j < fold->n; j++)
		{
			int			column = hwr_word_column(word, fold->symbols[j]);

			if (column < word->nsymbols && !((found[column / 64] >> (column % 64)) & 1))
			{
				found[column / 64] |= UINT64_C(1) << (column % 64);
				seen++;
			}
		}
	}
	return seen == word->nsymbols;
}

bool
hwr_search_transitions(HwrSearch *search, const HwrWord *word, const HwrSparse *s, HwrStatus *st)
{
	size_t		Q = (size_t) word->nstates;
	size_t		columns = (size_t) word->nsymbols + 2;

	if (!make_room(&search->transitions, &search->transitions_room, ((size_t) s->alphabet.n + 1) * Q, sizeof(int), st))
		return false;
	for (int k = 1; k <= s->alphabet.n; k++)
	{
		const HwrFold *fold = hwr_fold_cached(&search->cache, s->alphabet.codepoints[k - 1]);
		int			column[HWR_FOLD_MAX];
		int		   *to = search->transitions + (size_t) k * Q;

		for (int j = 0; j < fold->n; j++)
			column[j] = hwr_word_column(word, fold->symbols[j]);
		for (size_t q = 0; q < Q; q++)
		{
			int			state = (int) q;

			for (int j = 0; j < fold->n && state >= 0; j++)
				state = word->next[(size_t) state * columns + (size_t) column[j]];
			to[q] = state;
		}
	}
	return true;
}

/* One step's sums: [entries][Q] for the class that the step had. */
typedef struct Row
{
	const HwrEntry *entries;
	int			n;
	double	   *sums;
} Row;

/*
 * A step of the recursion.  total[q] is the sum over all classes of the last step; *states is how many of the states
 * have been reached.  Returns what has now been found, which leaves the sums.
 */
static double
advance(const int *transitions, size_t Q, const Row *last, Row *now, const double *total, int *states)
{
	double		found = 0;
	int			reached = *states;
	int			before = 0;

	memset(now->sums, 0, (size_t) now->n * Q * sizeof(double));
	for (int e = 0; e < now->n; e++)
	{
		int			k = now->entries[e].class;
		double		p = now->entries[e].p;
		double	   *to = now->sums + (size_t) e * Q;
		const double *same = NULL;
		const int  *next = transitions + (size_t) k * Q;

		if (k == 0)
		{
			for (int q = 1; q < *states; q++)
				to[q] = p * total[q];
			continue;
		}
		while (before < last->n && last->entries[before].class < k)
			before++;
		if (before < last->n && last->entries[before].class == k)
			same = last->sums + (size_t) before * Q;
		for (int q = 1; q < *states; q++)
		{
			double		flow = same != NULL ? total[q] - same[q] : total[q];
			int			state = next[q];

			if (same != NULL)
				to[q] += p * same[q];
			if (!(flow > 0) || state < 0)
				continue;
			if (state == HWR_WORD_FOUND)
				found += p * flow;
			else
			{
				to[state] += p * flow;
				if (state >= reached)
					reached = state + 1;
			}
		}
	}
	*states = reached;
	return found;
}

static void
add_up(const Row *row, size_t Q, int states, double *total)
{
	for (int q = 1; q < states; q++)
	{
		double		sum = 0;

		for (int e = 0; e < row->n; e++)
			sum += row->sums[(size_t) e * Q + (size_t) q];
		total[q] = sum;
	}
}

bool
hwr_word_relevance(HwrSearch *search, const HwrWord *word, const HwrSparse *s, double *p, HwrStatus *st)
{
	static const HwrEntry blank = {0, 1};
	size_t		Q = (size_t) word->nstates;
	int			most = 1;
	int			states = HWR_WORD_START + 1;
	double		found = 0;
	double	   *total;
	Row			last;
	Row			now;

	*p = 0;
	if (!has_symbols(search, word, s))
		return true;
	for (int i = 0; i < s->nsteps; i++)
		most = s->at[i].n > most ? s->at[i].n : most;
	if (!hwr_search_transitions(search, word, s, st) ||
		!make_room(&search->rows, &search->rows_room, (2 * (size_t) most + 1) * Q, sizeof(double), st))
		return false;
	total = search->rows;
	memset(total, 0, Q * sizeof(double));
	last = (Row) {&blank, 1, total + Q};
	now.sums = last.sums + (size_t) most * Q;
	memset(last.sums, 0, Q * sizeof(double));
	last.sums[HWR_WORD_START] = 1;
	total[HWR_WORD_START] = 1;
	for (int i = 0; i < s->nsteps; i++)
	{
		const HwrSparseStep *step = &s->at[i];
		Row			swap = last;

		now.entries = s->entries + step->entry;
		now.n = step->n;
		found += advance(search->transitions, Q, &last, &now, total, &states);
		add_up(&now, Q, states, total);
		last = now;
		now.sums = swap.sums;
	}
	for (int q = 1; q < states; q++)
		if (hwr_word_found_at_end(word, q))
			found += total[q];
	*p = found < 1 ? found : 1;
	return true;
}
