/*
 * relevance.c
 *	  The probability of a word in a line.
 */
#include "relevance.h"

#include <stdlib.h>
#include <string.h>

/* Sums that a step of the caller's works on, about. */
#define WORK_A_STEP ((size_t) 1 << 22)

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
	free(search->moves);
	free(search->joined);
	free(search);
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

	if (!hwr_alloc_room(&search->transitions, &search->transitions_room, ((size_t) s->alphabet.n + 1) * Q, sizeof(int), st))
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

/* The move of each class of the line, for a word that has moves. */
static bool
find_moves(HwrSearch *search, const HwrWord *word, const HwrSparse *s, HwrStatus *st)
{
	size_t		K = (size_t) s->alphabet.n + 1;
	int			columns = word->nsymbols + 2;
	size_t		several = 0;

	for (size_t k = 1; k < K; k++)
		several += hwr_fold_cached(&search->cache, s->alphabet.codepoints[k - 1])->n > 1;
	if (!hwr_alloc_room(&search->moves, &search->moves_room, K, sizeof(HwrMove *), st) ||
		!hwr_alloc_room(&search->joined, &search->joined_room, several, sizeof(HwrMove), st))
		return false;
	search->moves[0] = NULL;
	several = 0;
	for (size_t k = 1; k < K; k++)
	{
		const HwrFold *fold = hwr_fold_cached(&search->cache, s->alphabet.codepoints[k - 1]);
		int			to[HWR_MOVE_STATES];

		search->moves[k] = fold->n == 0 ? NULL : &word->moves[hwr_word_column(word, fold->symbols[0])];
		if (fold->n < 2)
			continue;
		for (int q = 0; q < word->nstates; q++)
		{
			to[q] = q;
			for (int j = 0; j < fold->n && to[q] >= 0; j++)
				to[q] = word->next[to[q] * columns + hwr_word_column(word, fold->symbols[j])];
		}
		hwr_move_make(&search->joined[several], to, word->nstates);
		search->moves[k] = &search->joined[several++];
	}
	return true;
}

/*
 * A step of the recursion.  total[q] is the sum over all classes of the last step; *states is how
 * many of the states have been reached.  Returns what has now been found, which leaves the sums.
 */
static double
advance(const int *transitions, size_t Q, const HwrSearchRow *last, HwrSearchRow *now, const double *total, int *states)
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
add_up(const HwrSearchRow *row, size_t Q, int states, double *total)
{
	for (int q = 1; q < states; q++)
	{
		double		sum = 0;

		for (int e = 0; e < row->n; e++)
			sum += row->sums[(size_t) e * Q + (size_t) q];
		total[q] = sum;
	}
}

/*
 * Sums of a class that is a move: of what it was before (same, NULL: nothing), and of all states together.  Returns what is
 * found.
 */
static double
take_move(const HwrMove *move, double p, const double *same, const double *total, double all, double *to)
{
	double		found = 0;
	double		flow;

	for (int i = 0; i < move->nslots; i++)
	{
		to[i] = same == NULL ? 0 : p * same[i];
		all -= same == NULL ? 0 : same[i];
	}
	for (int i = 0; i < move->nexceptions; i++)
	{
		int			slot = move->slot[i];

		flow = total[move->from[i]];
		if (same != NULL && move->before[i] != HWR_MOVE_NOWHERE)
			flow -= same[move->before[i]];
		all -= flow;
		if (!(flow > 0))
			continue;
		if (slot == HWR_MOVE_FOUND)
			found += p * flow;
		else if (slot != HWR_MOVE_NOWHERE)
			to[slot] += p * flow;
	}
	/* Rounding must not make it negative. */
	if (!(all > 0))
		return found;
	if (move->elsewhere == HWR_MOVE_FOUND)
		return found + p * all;
	if (move->elsewhere != HWR_MOVE_NOWHERE)
		to[move->elsewhere] += p * all;
	return found;
}

/* A step of the recursion for a word that has moves: total[q] becomes the sum over all classes of the step. */
static double
advance_by_moves(const HwrSearch *search, size_t Q, const HwrSearchRow *last, const HwrSearchRow *now, double *total)
{
	double		found = 0;
	double		all = 0;
	double		none = 0;		/* probability of classes without symbols */
	int			before = 0;

	for (size_t q = 1; q < Q; q++)
		all += total[q];
	for (int e = 0; e < now->n; e++)
	{
		int			k = now->entries[e].class;
		const HwrMove *move = search->moves[k];
		const double *same = NULL;

		if (move == NULL)
		{
			none += now->entries[e].p;
			continue;
		}
		while (before < last->n && last->entries[before].class < k)
			before++;
		if (before < last->n && last->entries[before].class == k)
			same = last->sums + (size_t) before * Q;
		found += take_move(move, now->entries[e].p, same, total, all, now->sums + (size_t) e * Q);
	}
	for (size_t q = 1; q < Q; q++)
		total[q] *= none;
	for (int e = 0; e < now->n; e++)
	{
		const HwrMove *move = search->moves[now->entries[e].class];

		for (int i = 0; move != NULL && i < move->nslots; i++)
			total[move->states[i]] += now->sums[(size_t) e * Q + (size_t) i];
	}
	return found;
}

bool
hwr_search_fits(size_t rows, size_t states, HwrStatus *st)
{
	if (rows <= HWR_SEARCH_MAX_SUMS / states)
		return true;
	hwr_fail(st, HWR_BAD_QUERY, "search word is too long for this line");
	hwr_fail_detail(st, "The line may be nearly anything at some place.");
	return false;
}

bool
hwr_relevance_begin(HwrSearch *search, const HwrWord *word, const HwrSparse *s, HwrStatus *st)
{
	static const HwrEntry blank = {0, 1};
	size_t		Q = (size_t) word->nstates;
	size_t		most = 1;

	search->word = word;
	search->s = s;
	search->found = 0;
	search->states = 0;
	search->step = s->nsteps;
	if (!has_symbols(search, word, s))
		return true;
	for (int i = 0; i < s->nsteps; i++)
		most = (size_t) s->at[i].n > most ? (size_t) s->at[i].n : most;
	if (!hwr_search_fits(2 * most + 1, Q, st) || !hwr_search_fits((size_t) s->alphabet.n + 1, Q, st) ||
		!(word->moves != NULL ? find_moves(search, word, s, st) : hwr_search_transitions(search, word, s, st)) ||
		!hwr_alloc_room(&search->rows, &search->rows_room, (2 * most + 1) * Q, sizeof(double), st))
		return false;
	search->step = 0;
	search->states = word->moves != NULL ? word->nstates : HWR_WORD_START + 1;
	search->total = search->rows;
	memset(search->total, 0, Q * sizeof(double));
	search->last = (HwrSearchRow) {&blank, 1, search->total + Q};
	search->now.sums = search->last.sums + most * Q;
	memset(search->last.sums, 0, Q * sizeof(double));
	search->last.sums[HWR_WORD_START] = 1;
	search->total[HWR_WORD_START] = 1;
	return true;
}

void
hwr_relevance_step(HwrSearch *search, bool *done)
{
	const HwrSparse *s = search->s;
	size_t		Q = (size_t) search->word->nstates;
	size_t		work = 0;

	for (; search->step < s->nsteps && work < WORK_A_STEP; search->step++)
	{
		const HwrSparseStep *step = &s->at[search->step];
		double	   *free_row = search->last.sums;

		search->now.entries = s->entries + step->entry;
		search->now.n = step->n;
		if (search->word->moves != NULL)
			search->found += advance_by_moves(search, Q, &search->last, &search->now, search->total);
		else
		{
			search->found += advance(search->transitions, Q, &search->last, &search->now, search->total, &search->states);
			add_up(&search->now, Q, search->states, search->total);
		}
		search->last = search->now;
		search->now.sums = free_row;
		work += (size_t) step->n * Q;
	}
	*done = search->step == s->nsteps;
}

double
hwr_relevance_get(const HwrSearch *search)
{
	double		found = search->found;

	for (int q = 1; q < search->states; q++)
		if (hwr_word_found_at_end(search->word, q))
			found += search->total[q];
	return found < 1 ? found : 1;
}

bool
hwr_word_relevance(HwrSearch *search, const HwrWord *word, const HwrSparse *s, double *p, HwrStatus *st)
{
	bool		done = false;

	if (!hwr_relevance_begin(search, word, s, st))
		return false;
	while (!done)
		hwr_relevance_step(search, &done);
	*p = hwr_relevance_get(search);
	return true;
}
