/*
 * spots.c
 *	  Places of a word in a line.
 *
 * An occurrence that begins at step i with a character and ends at step j with another has the probability
 *
 *	   (of texts up to i whose last symbol is a separator, or that are empty; the character being new at i)
 *	 * (of going from there to j through the word's automaton)
 *	 * (of another class after j, and a separator or nothing as the next symbol)
 *
 * The first and the last of these are sums over the whole line, kept for every entry.  Parts of
 * words need no separators.
 */
#include "spots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of the bound: cells below this are not kept, and a walk with less than this ends. */
#define CELL_SHARE 0.001
#define WALK_SHARE 1e-6

typedef struct Cell
{
	int			first;
	int			last;
	double		p;
	bool		taken;
} Cell;

struct HwrSpots
{
	HwrSearch  *search;
	const HwrWord *word;
	const HwrSparse *s;
	double		bound;
	int			step;			/* the next that occurrences may begin at */

	size_t		entries_room;
	double	   *border;			/* [nentries] of texts up to here that end in a separator, or are empty */
	double	   *inside;			/* [nentries] of the others */
	double	   *ending;			/* [nentries] of what follows when the word ends here */
	size_t		rows_room;
	double	   *rows;			/* two steps' [entries][nstates] and [nstates] */
	int			ncells;
	int			cells_room;
	Cell	   *cells;
	int			nspots;
	size_t		spots_room;
	HwrSpot    *spots;
};

bool
hwr_spots_create(HwrSpots **out, HwrStatus *st)
{
	HwrSpots   *spots = hwr_alloc_zero(1, sizeof(HwrSpots), st);

	if (spots == NULL)
		return false;
	if (!hwr_search_create(&spots->search, st))
	{
		free(spots);
		return false;
	}
	*out = spots;
	return true;
}

void
hwr_spots_free(HwrSpots *spots)
{
	if (spots == NULL)
		return;
	hwr_search_free(spots->search);
	free(spots->border);
	free(spots->inside);
	free(spots->ending);
	free(spots->rows);
	free(spots->cells);
	free(spots->spots);
	free(spots);
}

/* The entry of a step with this class, or -1. */
static int
entry_of(const HwrSparse *s, int step, int class)
{
	const HwrSparseStep *at = &s->at[step];
	int			e = hwr_entry_of(s->entries + at->entry, at->n, class);

	return e < 0 ? -1 : at->entry + e;
}

static const HwrFold *
fold_of(const HwrSpots *spots, int class)
{
	return hwr_fold_cached(&spots->search->cache, spots->s->alphabet.codepoints[class - 1]);
}

/* The sums of texts up to each step, by whether their last symbol is a separator. */
static void
look_back(HwrSpots *spots)
{
	const HwrSparse *s = spots->s;
	double		border = 1;
	double		inside = 0;

	for (int i = 0; i < s->nsteps; i++)
	{
		double		next_border = 0;
		double		next_inside = 0;

		for (int e = s->at[i].entry; e < s->at[i].entry + s->at[i].n; e++)
		{
			int			k = s->entries[e].class;
			double		p = s->entries[e].p;
			int			same = i > 0 && k != 0 ? entry_of(s, i - 1, k) : -1;
			double		same_border = same >= 0 ? spots->border[same] : 0;
			double		same_inside = same >= 0 ? spots->inside[same] : 0;
			const HwrFold *fold = k != 0 ? fold_of(spots, k) : NULL;

			if (fold == NULL || fold->n == 0)
			{
				spots->border[e] = p * border;
				spots->inside[e] = p * inside;
			}
			else
			{
				double		new = p * (border + inside - same_border - same_inside);
				bool		separator = fold->symbols[fold->n - 1] == HWR_SEPARATOR;

				spots->border[e] = p * same_border + (separator ? new : 0);
				spots->inside[e] = p * same_inside + (separator ? 0 : new);
			}
			next_border += spots->border[e];
			next_inside += spots->inside[e];
		}
		border = next_border;
		inside = next_inside;
	}
}

/* The share of an entry that has what is looked for next: for a whole word, a separator or nothing as the next symbol. */
static double
fitting(const HwrSpots *spots, int entry, const double *after)
{
	int			k = spots->s->entries[entry].class;
	const HwrFold *fold = k != 0 ? fold_of(spots, k) : NULL;

	if (spots->word->kind != HWR_WORD_HERE)
		return 1;
	if (fold == NULL || fold->n == 0)
		return after[entry];
	return fold->symbols[0] == HWR_SEPARATOR ? 1 : 0;
}

/*
 * From each entry on: the probability of another class next, with what fits.  after[e] is the same with the same class
 * allowed.
 */
static void
look_ahead(HwrSpots *spots, double *after)
{
	const HwrSparse *s = spots->s;
	const HwrEntry *entries = s->entries;

	for (int i = s->nsteps - 1; i >= 0; i--)
	{
		const HwrSparseStep *at = &s->at[i];
		bool		is_last = i == s->nsteps - 1;
		double		sum = is_last ? 1 : 0;

		if (!is_last)
			for (int f = at[1].entry; f < at[1].entry + at[1].n; f++)
				sum += entries[f].p * fitting(spots, f, after);
		for (int e = at->entry; e < at->entry + at->n; e++)
		{
			int			same = is_last || entries[e].class == 0 ? -1 : entry_of(s, i + 1, entries[e].class);

			spots->ending[e] = after[e] = sum;
			if (same < 0)
				continue;
			/* Rounding must not make it negative. */
			spots->ending[e] = fmax(sum - entries[same].p * fitting(spots, same, after), 0);
			after[e] = spots->ending[e] + entries[same].p * after[same];
		}
	}
}

bool
hwr_spots_begin(HwrSpots *spots, const HwrWord *word, const HwrSparse *s, double bound, HwrStatus *st)
{
	size_t		n = (size_t) s->nentries;
	size_t		most = 1;
	double	   *after;

	spots->word = word;
	spots->s = s;
	spots->bound = bound;
	spots->step = 0;
	spots->ncells = 0;
	spots->nspots = 0;
	for (int i = 0; i < s->nsteps; i++)
		most = (size_t) s->at[i].n > most ? (size_t) s->at[i].n : most;
	if (n > spots->entries_room)
	{
		free(spots->border);
		free(spots->inside);
		free(spots->ending);
		spots->entries_room = 0;
		spots->border = hwr_alloc(n, sizeof(double), st);
		spots->inside = hwr_alloc(n, sizeof(double), st);
		spots->ending = hwr_alloc(n, sizeof(double), st);
		if (spots->border == NULL || spots->inside == NULL || spots->ending == NULL)
			return false;
		spots->entries_room = n;
	}
	if (!hwr_search_fits(2 * most + 1, (size_t) word->nstates, st) ||
		!hwr_search_fits((size_t) s->alphabet.n + 1, (size_t) word->nstates, st) ||
		!hwr_search_fits(n / 8 + 1, (size_t) word->nstates, st) ||
		!hwr_alloc_room(&spots->rows, &spots->rows_room, (2 * most + 1) * (size_t) word->nstates, sizeof(double), st) ||
		!hwr_search_transitions(spots->search, word, s, st))
		return false;
	after = hwr_alloc(n, sizeof(double), st);
	if (after == NULL)
		return false;
	look_back(spots);
	look_ahead(spots, after);
	free(after);
	return true;
}

static bool
add_cell(HwrSpots *spots, int first, int last, double p, HwrStatus *st)
{
	if (p < spots->bound * CELL_SHARE)
		return true;
	if (spots->ncells == spots->cells_room)
	{
		int			room = spots->cells_room * 2 + 64;
		Cell	   *grown = hwr_realloc(spots->cells, (size_t) room, sizeof(Cell), st);

		if (grown == NULL)
			return false;
		spots->cells = grown;
		spots->cells_room = room;
	}
	spots->cells[spots->ncells++] = (Cell) {first, last, p, false};
	return true;
}

/* Does a word that is in this state have all it needs? */
static bool
complete(const HwrWord *word, size_t state)
{
	if (word->kind != HWR_WORD_HERE)
		return state == HWR_WORD_FOUND;
	return state != HWR_WORD_FOUND && hwr_word_found_at_end(word, (int) state);
}

/* Occurrences that begin at step i, into row[entries][nstates]; returns how probable they are together. */
static double
begin_here(const HwrSpots *spots, int i, double *row)
{
	const HwrSparse *s = spots->s;
	size_t		Q = (size_t) spots->word->nstates;
	bool		whole = spots->word->kind == HWR_WORD_HERE;
	double		before = i == 0 ? 1 : 0;
	double		all = 0;

	memset(row, 0, (size_t) s->at[i].n * Q * sizeof(double));
	for (int e = i > 0 ? s->at[i - 1].entry : 0; i > 0 && e < s->at[i - 1].entry + s->at[i - 1].n; e++)
		before += spots->border[e] + (whole ? 0 : spots->inside[e]);
	for (int e = 0; e < s->at[i].n; e++)
	{
		const HwrEntry *entry = &s->entries[s->at[i].entry + e];
		int			same = i > 0 ? entry_of(s, i - 1, entry->class) : -1;
		double		p = before;
		int			state;

		if (entry->class == 0 || fold_of(spots, entry->class)->n == 0)
			continue;
		state = spots->search->transitions[(size_t) entry->class * Q + HWR_WORD_START];
		if (same >= 0)
			p -= spots->border[same] + (whole ? 0 : spots->inside[same]);
		if (state < 0 || !(p > 0))
			continue;
		row[(size_t) e * Q + (size_t) state] = p * entry->p;
		all += p * entry->p;
	}
	return all;
}

/* From step j to the next: row to next[entries][nstates]; returns the sum of it. */
static double
walk(const HwrSpots *spots, int j, const double *row, double *total, double *next)
{
	const HwrSparse *s = spots->s;
	const HwrSparseStep *from = &s->at[j];
	const HwrSparseStep *to = &s->at[j + 1];
	size_t		Q = (size_t) spots->word->nstates;
	double		all = 0;

	memset(total, 0, Q * sizeof(double));
	for (int e = 0; e < from->n; e++)
		for (size_t q = 0; q < Q; q++)
			total[q] += row[(size_t) e * Q + q];
	/* What is found is found: it goes on only as long as its last character does. */
	total[HWR_WORD_FOUND] = 0;
	memset(next, 0, (size_t) to->n * Q * sizeof(double));
	for (int e = 0; e < to->n; e++)
	{
		const HwrEntry *entry = &s->entries[to->entry + e];
		const int  *transitions = spots->search->transitions + (size_t) entry->class * Q;
		int			same = entry->class != 0 ? entry_of(s, j, entry->class) : -1;
		const double *before = same >= 0 ? row + (size_t) (same - from->entry) * Q : NULL;

		for (size_t q = 0; q < Q; q++)
		{
			double		stays = before != NULL ? entry->p * before[q] : 0;
			double		flow = entry->p * total[q] - stays;

			if (entry->class == 0)
				next[(size_t) e * Q + q] = entry->p * total[q];
			else
			{
				next[(size_t) e * Q + q] += stays;
				if (q != HWR_WORD_FOUND && flow > 0 && transitions[q] >= 0)
					next[(size_t) e * Q + (size_t) transitions[q]] += flow;
			}
		}
	}
	for (size_t i = 0; i < (size_t) to->n * Q; i++)
		all += next[i];
	return all;
}

/* Occurrences that begin at this step. */
static bool
follow(HwrSpots *spots, int i, HwrStatus *st)
{
	const HwrSparse *s = spots->s;
	size_t		Q = (size_t) spots->word->nstates;
	double	   *total = spots->rows;
	double	   *row = total + Q;
	double	   *next = row + (spots->rows_room - Q) / 2;
	double		alive = begin_here(spots, i, row);

	for (int j = i; alive > spots->bound * WALK_SHARE; j++)
	{
		double		p = 0;
		double	   *swap = row;

		for (int e = 0; e < s->at[j].n; e++)
			for (size_t q = 0; q < Q; q++)
				if (s->entries[s->at[j].entry + e].class != 0 && row[(size_t) e * Q + q] > 0 && complete(spots->word, q))
					p += row[(size_t) e * Q + q] * spots->ending[s->at[j].entry + e];
		if (!add_cell(spots, s->at[i].step, s->at[j].step, p, st))
			return false;
		if (j + 1 == s->nsteps)
			break;
		/* A whole word that has its separator is done with. */
		if (spots->word->kind == HWR_WORD_HERE)
			for (int e = 0; e < s->at[j].n; e++)
				row[(size_t) e * Q + HWR_WORD_FOUND] = 0;
		alive = walk(spots, j, row, total, next);
		row = next;
		next = swap;
	}
	return true;
}

static int
compare_cells(const void *a, const void *b)
{
	const Cell *x = a;
	const Cell *y = b;

	if (x->p != y->p)
		return x->p < y->p ? 1 : -1;
	return x->first != y->first ? x->first - y->first : x->last - y->last;
}

static int
compare_spots(const void *a, const void *b)
{
	return ((const HwrSpot *) a)->first_step - ((const HwrSpot *) b)->first_step;
}

/* The most probable cell with all that overlap it, and so on with the rest. */
static bool
gather(HwrSpots *spots, HwrStatus *st)
{
	if (!hwr_alloc_room(&spots->spots, &spots->spots_room, (size_t) spots->ncells, sizeof(HwrSpot), st))
		return false;
	if (spots->ncells > 0)
		qsort(spots->cells, (size_t) spots->ncells, sizeof(Cell), compare_cells);
	for (int i = 0; i < spots->ncells; i++)
	{
		const Cell *top = &spots->cells[i];
		double		p = 0;

		if (top->taken)
			continue;
		for (int j = i; j < spots->ncells; j++)
		{
			Cell	   *other = &spots->cells[j];

			if (other->taken || other->first > top->last || other->last < top->first)
				continue;
			other->taken = true;
			p += other->p;
		}
		if (p >= spots->bound)
			spots->spots[spots->nspots++] = (HwrSpot) {top->first, top->last, p < 1 ? p : 1};
	}
	if (spots->nspots > 0)
		qsort(spots->spots, (size_t) spots->nspots, sizeof(HwrSpot), compare_spots);
	return true;
}

bool
hwr_spots_step(HwrSpots *spots, bool *done, HwrStatus *st)
{
	*done = spots->step >= spots->s->nsteps;
	if (*done)
		return gather(spots, st);
	return follow(spots, spots->step++, st);
}

void
hwr_spots_get(const HwrSpots *spots, const HwrSpot **out, int *n)
{
	*out = spots->spots;
	*n = spots->nspots;
}
