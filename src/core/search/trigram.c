/*
 * trigram.c
 *	  Trigrams of lines and of words.
 *
 * Steps are independent of each other, so a trigram's expected number is a sum over the places where its middle symbol
 * may be written: the probability that it is written there after the first one, which the steps before tell, times the
 * probability that the third is the next one, which the steps after tell.  A pass forward finds the former, for each last
 * symbol and each class of the step; a pass backward the latter, for each class.
 *
 * No trigram's probability can be more than its expected number and what was left out of those with its middle symbol
 * together.  So half of the bound may be left out there, and the rest is compared with what is left of it.
 */
#include "trigram.h"

#include <stdlib.h>
#include <string.h>

#include "core/text/fold.h"
#include "states.h"

/*
 * Classes of a step times symbols of a line, places where a middle symbol is written, and trigrams; beyond, a line
 * may have nearly all.  Some 40 MB together.
 */
#define MAX_CELLS (1 << 20)
#define MAX_WRITTEN (1 << 18)
#define MAX_FOUND (1 << 18)

/* Third symbols looked at in a step of the extraction. */
#define WORK_A_STEP (1 << 17)

/*
 * Shares of the bound that may be left out of the trigrams with the same middle symbol: places that are next to impossible, and
 * third symbols that are.  What is less than this share of what may still be left out, is.
 */
#define PLACES_SHARE 0.35
#define NEXT_SHARE 0.12
#define LESS 0.0625
#define TINY 0.25				/* all symbols together, without looking at what each leaves */

/* Room for rounding where two sums of the same numbers are compared. */
#define ROUNDING 1e-9

/* The separator is always the first of a line's symbols. */
#define SEPARATOR 0

/* A class as the line's symbols. */
typedef struct ClassFold
{
	int			n;
	int			symbols[HWR_FOLD_MAX];
} ClassFold;

/* A class is written where another symbol was the last one. */
typedef struct Written
{
	int			entry;			/* of its step */
	int			before;			/* the last symbol */
	double		p;
} Written;

/* Of a trigram */
typedef struct Number
{
	int			middle;			/* symbol */
	double		expected;
} Number;

/* A number for each class of a step and each symbol. */
typedef struct Cells
{
	size_t		room;
	double	   *v;				/* [n of the step][nsymbols] */
	size_t		totals_room;
	double	   *totals;			/* [n of the step] forward, over the symbols */
} Cells;

struct HwrTrigrams
{
	double		bound;
	const HwrSparse *s;
	HwrFoldCache cache;
	HwrStates	symbols;		/* of the line */
	size_t		folds_room;
	ClassFold  *folds;			/* [classes of the line] */

	bool		any;			/* so much is possible that nothing is told */
	size_t		left_room;
	double	   *left_out;		/* [nsymbols] of the expected numbers of trigrams with this one in the middle */
	int			forward;		/* steps taken */
	int			backward;		/* steps left */
	int			place;			/* of the last one's places in written, the next to count */
	int			places_end;
	Cells		cells[2];		/* last and present step: probability of symbol and class, or of the next symbol */
	size_t		sums_room[2];
	double	   *sums[2];		/* [nsymbols] over the classes of the last step, of the present one */
	double		total;			/* of the sums of the last step */
	int			written_room;
	int			nwritten;
	Written    *written;		/* ascending by step */
	size_t		first_room;
	int		   *first;			/* [nsteps + 1] in written */

	HwrStates	found;			/* their numbers are the trigrams */
	int			numbers_room;
	Number	   *numbers;		/* [found.n] */
	size_t		keys_room;
	HwrTrigram *keys;
};

bool
hwr_trigrams_create(HwrTrigrams **out, HwrStatus *st)
{
	*out = hwr_alloc_zero(1, sizeof(HwrTrigrams), st);
	return *out != NULL;
}

void
hwr_trigrams_free(HwrTrigrams *t)
{
	if (t == NULL)
		return;
	hwr_states_free(&t->symbols);
	hwr_states_free(&t->found);
	free(t->folds);
	for (int i = 0; i < 2; i++)
	{
		free(t->cells[i].v);
		free(t->cells[i].totals);
		free(t->sums[i]);
	}
	free(t->left_out);
	free(t->written);
	free(t->first);
	free(t->numbers);
	free(t->keys);
	free(t);
}

static bool
fold_classes(HwrTrigrams *t, HwrStatus *st)
{
	const HwrAlphabet *alphabet = &t->s->alphabet;

	hwr_states_clear(&t->symbols);
	if (hwr_states_index(&t->symbols, HWR_SEPARATOR, st) < 0 ||
		!hwr_alloc_room(&t->folds, &t->folds_room, (size_t) alphabet->n + 1, sizeof(ClassFold), st))
		return false;
	t->folds[0].n = 0;
	for (int i = 0; i < alphabet->n; i++)
	{
		const HwrFold *fold = hwr_fold_cached(&t->cache, alphabet->codepoints[i]);
		ClassFold  *out = &t->folds[i + 1];

		out->n = fold->n;
		for (int k = 0; k < fold->n; k++)
		{
			out->symbols[k] = hwr_states_index(&t->symbols, fold->symbols[k], st);
			if (out->symbols[k] < 0)
				return false;
		}
	}
	return true;
}

bool
hwr_trigrams_begin(HwrTrigrams *t, const HwrSparse *s, double bound, HwrStatus *st)
{
	size_t		most = 1;

	t->bound = bound;
	t->s = s;
	t->any = false;
	t->forward = 0;
	t->backward = s->nsteps;
	t->place = t->places_end = 0;
	t->nwritten = 0;
	hwr_states_clear(&t->found);
	for (int i = 0; i < s->nsteps; i++)
		most = (size_t) s->at[i].n > most ? (size_t) s->at[i].n : most;
	if (!fold_classes(t, st))
		return false;
	if (most * (size_t) t->symbols.n > MAX_CELLS)
	{
		t->any = true;
		return true;
	}
	for (int i = 0; i < 2; i++)
		if (!hwr_alloc_room(&t->cells[i].v, &t->cells[i].room, most * (size_t) t->symbols.n, sizeof(double), st) ||
			!hwr_alloc_room(&t->cells[i].totals, &t->cells[i].totals_room, most, sizeof(double), st) ||
			!hwr_alloc_room(&t->sums[i], &t->sums_room[i], (size_t) t->symbols.n, sizeof(double), st))
			return false;
	if (!hwr_alloc_room(&t->left_out, &t->left_room, (size_t) t->symbols.n, sizeof(double), st))
		return false;
	memset(t->left_out, 0, (size_t) t->symbols.n * sizeof(double));
	memset(t->sums[0], 0, (size_t) t->symbols.n * sizeof(double));
	t->sums[0][SEPARATOR] = 1;
	t->total = 1;
	return hwr_alloc_room(&t->first, &t->first_room, (size_t) s->nsteps + 1, sizeof(int), st);
}

/* The entry of a step with this class, or -1. */
static int
entry_of(const HwrSparse *s, int step, int class)
{
	const HwrSparseStep *at = &s->at[step];

	return hwr_entry_of(s->entries + at->entry, at->n, class);
}

static bool
add_written(HwrTrigrams *t, int entry, int before, double p, HwrStatus *st)
{
	if (t->nwritten == t->written_room)
	{
		int			room = t->written_room * 2 + 1024;
		Written    *grown = hwr_realloc(t->written, (size_t) room, sizeof(Written), st);

		if (grown == NULL)
			return false;
		t->written = grown;
		t->written_room = room;
	}
	t->written[t->nwritten++] = (Written) {entry, before, p};
	return true;
}

/* Whether so little is left out, of what may be so far. */
static bool
leave_out(HwrTrigrams *t, const ClassFold *fold, double p, double may)
{
	for (int i = 0; i < fold->n; i++)
		if (!(p <= (may - t->left_out[fold->symbols[i]]) * LESS))
			return false;
	for (int i = 0; i < fold->n; i++)
		t->left_out[fold->symbols[i]] += p;
	return true;
}

/*
 * A class of a step forward, which is a character: row[a] is the probability of it and of last symbol a, all of them together are
 * returned in *total.  same: the row of this class at the step before, NULL: there was none; of it all together.
 */
static bool
take_character(HwrTrigrams *t, int e, const double *same, double same_total, double *row, double *next, double *total,
			   HwrStatus *st)
{
	const HwrEntry *entry = &t->s->entries[t->s->at[t->forward - 1].entry + e];
	const ClassFold *fold = &t->folds[entry->class];
	int			last = fold->symbols[fold->n - 1];
	const double *sums = t->sums[(t->forward - 1) % 2];
	size_t		M = (size_t) t->symbols.n;
	double		may = t->bound * PLACES_SHARE * t->forward / t->s->nsteps;
	double		p = entry->p;
	double		all = p * (t->total - same_total);

	/* Rounding must not make it negative. */
	all = all > 0 ? all : 0;
	if (same == NULL)
		memset(row, 0, M * sizeof(double));
	else
		for (size_t a = 0; a < M; a++)
		{
			row[a] = p * same[a];
			next[a] += row[a];
		}
	/* A separator after another is no symbol, and none is the middle of a trigram; others may be left out all together. */
	if (!(fold->n == 1 && last == SEPARATOR) && !leave_out(t, fold, all, may))
		for (size_t a = 0; a < M; a++)
		{
			double		flow = p * sums[a] - row[a];

			if (flow > 0 && !leave_out(t, fold, flow, may) && !add_written(t, e, (int) a, flow, st))
				return false;
		}
	row[last] += all;
	next[last] += all;
	*total = p * same_total + all;
	return true;
}

/* A step forward: the probability of each last symbol and class, and the places where symbols are written. */
static bool
step_forward(HwrTrigrams *t, HwrStatus *st)
{
	const HwrSparse *s = t->s;
	int			now = t->forward++;
	const HwrSparseStep *at = &s->at[now];
	size_t		M = (size_t) t->symbols.n;
	const Cells *last = &t->cells[(now + 1) % 2];
	Cells	   *cells = &t->cells[now % 2];
	const double *sums = t->sums[now % 2];
	double	   *next = t->sums[(now + 1) % 2];
	double		total = 0;

	memset(next, 0, M * sizeof(double));
	t->first[now] = t->nwritten;
	for (int e = 0; e < at->n; e++)
	{
		const HwrEntry *entry = &s->entries[at->entry + e];
		double	   *row = cells->v + (size_t) e * M;

		if (t->folds[entry->class].n == 0)
		{
			for (size_t a = 0; a < M; a++)
			{
				row[a] = entry->p * sums[a];
				next[a] += row[a];
			}
			cells->totals[e] = entry->p * t->total;
		}
		else
		{
			int			again = now > 0 ? entry_of(s, now - 1, entry->class) : -1;

			if (!take_character(t, e, again < 0 ? NULL : last->v + (size_t) again * M, again < 0 ? 0 : last->totals[again],
								row, next, &cells->totals[e], st))
				return false;
		}
		total += cells->totals[e];
	}
	t->total = total;
	t->first[now + 1] = t->nwritten;
	t->any = t->nwritten > MAX_WRITTEN;
	return true;
}

static bool
count(HwrTrigrams *t, int a, int b, int c, double p, HwrStatus *st)
{
	const uint64_t *symbols = t->symbols.keys;
	HwrTrigram	trigram = hwr_trigram((uint32_t) symbols[a], (uint32_t) symbols[b], (uint32_t) symbols[c]);
	int			n = t->found.n;
	int			index = hwr_states_index(&t->found, (uint64_t) trigram, st);

	if (index < 0)
		return false;
	if (index == n)
	{
		if (index >= t->numbers_room)
		{
			int			room = index * 2 + 256;
			Number	   *grown = hwr_realloc(t->numbers, (size_t) room, sizeof(Number), st);

			if (grown == NULL)
				return false;
			t->numbers = grown;
			t->numbers_room = room;
		}
		t->numbers[index] = (Number) {b, 0};
	}
	t->numbers[index].expected += p;
	return true;
}

/*
 * The trigrams whose middle symbol is written at a place, but for third symbols that are too improbable; next[c]: the
 * probability that symbol c follows what is written.
 */
static bool
count_written(HwrTrigrams *t, const Written *w, const ClassFold *fold, const double *next, double may, HwrStatus *st)
{
	int			a = w->before;
	int			b = -1;			/* the middle symbol */
	double		tiny;
	double		less = 0;

	for (int i = 0; i < fold->n; i++)
	{
		int			c = fold->symbols[i];

		if (c == SEPARATOR && (b < 0 ? a : b) == SEPARATOR)
			continue;
		if (b >= 0)
		{
			if (b != SEPARATOR && !count(t, a, b, c, w->p, st))
				return false;
			a = b;
		}
		b = c;
	}
	if (b < 0 || b == SEPARATOR)
		return true;
	/* Kept back for the tiny ones. */
	tiny = (may - t->left_out[b]) * TINY;
	may -= tiny;
	tiny /= t->symbols.n * w->p;
	for (int c = 0; c < t->symbols.n; c++)
	{
		if (next[c] <= tiny)
			less += next[c];
		else if (w->p * next[c] <= (may - t->left_out[b]) * LESS)
			t->left_out[b] += w->p * next[c];
		else if (!count(t, a, b, c, w->p * next[c], st))
			return false;
	}
	t->left_out[b] += w->p * less;
	return true;
}

/* A step backward: the probability of each next symbol after each class of the step.  Its places are to be counted. */
static void
step_backward(HwrTrigrams *t)
{
	const HwrSparse *s = t->s;
	int			now = --t->backward;
	const HwrSparseStep *at = &s->at[now];
	const HwrSparseStep *after = at + 1;
	size_t		M = (size_t) t->symbols.n;
	const double *v_after = t->cells[(now + 1) % 2].v;
	double	   *v = t->cells[now % 2].v;
	double	   *sums = t->sums[0];
	bool		is_last = now == s->nsteps - 1;

	/* After a class that is not in the next step. */
	memset(sums, 0, M * sizeof(double));
	if (is_last)
		sums[SEPARATOR] = 1;
	else
		for (int e = 0; e < after->n; e++)
		{
			const HwrEntry *entry = &s->entries[after->entry + e];
			const ClassFold *fold = &t->folds[entry->class];

			if (fold->n > 0)
				sums[fold->symbols[0]] += entry->p;
			else
				for (size_t c = 0; c < M; c++)
					sums[c] += entry->p * v_after[(size_t) e * M + c];
		}
	for (int e = 0; e < at->n; e++)
	{
		const ClassFold *fold = &t->folds[s->entries[at->entry + e].class];
		int			again = is_last || fold->n == 0 ? -1 : entry_of(s, now + 1, s->entries[at->entry + e].class);
		double	   *row = v + (size_t) e * M;

		memcpy(row, sums, M * sizeof(double));
		if (again >= 0)
		{
			double		p = s->entries[after->entry + again].p;

			row[fold->symbols[0]] -= p;
			for (size_t c = 0; c < M; c++)
				row[c] += p * v_after[(size_t) again * M + c];
			/* Rounding must not make it negative. */
			if (row[fold->symbols[0]] < 0)
				row[fold->symbols[0]] = 0;
		}
	}
	t->place = t->first[now];
	t->places_end = t->first[now + 1];
}

/* Count trigrams of the last step backward: of some of its places. */
static bool
count_places(HwrTrigrams *t, HwrStatus *st)
{
	const HwrSparse *s = t->s;
	const HwrEntry *entries = s->entries + s->at[t->backward].entry;
	const double *v = t->cells[t->backward % 2].v;
	size_t		M = (size_t) t->symbols.n;
	double		may = t->bound * (PLACES_SHARE + NEXT_SHARE * (s->nsteps - t->backward) / s->nsteps);

	for (size_t work = 0; t->place < t->places_end && work < WORK_A_STEP && !t->any; work += M)
	{
		const Written *w = &t->written[t->place++];

		if (!count_written(t, w, &t->folds[entries[w->entry].class], v + (size_t) w->entry * M, may, st))
			return false;
		t->any = t->found.n > MAX_FOUND;
	}
	return true;
}

bool
hwr_trigrams_step(HwrTrigrams *t, bool *done, HwrStatus *st)
{
	bool		counted = t->place == t->places_end;

	*done = t->any || (counted && t->backward == 0);
	if (*done)
		return true;
	if (t->forward < t->s->nsteps)
		return step_forward(t, st);
	if (counted)
		step_backward(t);
	return count_places(t, st);
}

int
hwr_trigram_compare(const void *a, const void *b)
{
	HwrTrigram	x = *(const HwrTrigram *) a;
	HwrTrigram	y = *(const HwrTrigram *) b;

	return (x > y) - (x < y);
}

bool
hwr_trigrams_get(HwrTrigrams *t, const HwrTrigram **keys, int *n, HwrStatus *st)
{
	if (!hwr_alloc_room(&t->keys, &t->keys_room, (size_t) t->found.n + 1, sizeof(HwrTrigram), st))
		return false;
	*n = 0;
	for (int i = 0; i < t->found.n; i++)
		if (t->numbers[i].expected >= (t->bound - t->left_out[t->numbers[i].middle]) * (1 - ROUNDING))
			t->keys[(*n)++] = (HwrTrigram) t->found.keys[i];
	qsort(t->keys, (size_t) *n, sizeof(HwrTrigram), hwr_trigram_compare);
	if (t->any || *n > HWR_TRIGRAMS_MAX)
	{
		t->keys[0] = HWR_TRIGRAM_ANY;
		*n = 1;
	}
	*keys = t->keys;
	return true;
}

/* The trigrams of elements[from .. to), all of them symbols or separators. */
static int
sequence_keys(const HwrWord *word, int from, int to, HwrTrigram *keys)
{
	const uint32_t *e = word->elements;
	int			n = 0;

	for (int i = from; i + 2 < to; i++)
		if (e[i + 1] != HWR_SEPARATOR)
			keys[n++] = hwr_trigram(e[i], e[i + 1], e[i + 2]);
	return n;
}

bool
hwr_word_trigrams(const HwrWord *word, HwrTrigram **keys, int *n, HwrStatus *st)
{
	int			from = 0;
	int			count_all = 0;
	HwrTrigram *all = hwr_alloc((size_t) word->n + 1, sizeof(HwrTrigram), st);

	if (all == NULL)
		return false;
	for (int i = 0; i <= word->n; i++)
	{
		if (i < word->n && word->elements[i] < HWR_ANY)
			continue;
		count_all += sequence_keys(word, from, i, all + count_all);
		from = i + 1;
	}
	qsort(all, (size_t) count_all, sizeof(HwrTrigram), hwr_trigram_compare);
	*n = 0;
	for (int i = 0; i < count_all; i++)
		if (i == 0 || all[i] != all[*n - 1])
			all[(*n)++] = all[i];
	*keys = all;
	return true;
}
