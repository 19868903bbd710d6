/*
 * trigram.c
 *	  Trigrams of lines and of words.
 *
 * Steps are independent of each other, so a trigram's expected number is a sum over the places where its middle symbol
 * may be written: the probability that it is written there after the first one, which the steps before tell, times the
 * probability that the third is the next one, which the steps after tell.  A pass forward finds the former, for each last
 * symbol: a class that is a character is the last symbol itself, so what goes along is a sum for each class of the step and one
 * for each symbol.  A pass backward finds the latter, for each class.
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
#define TINY 0.25				/* all rare symbols together, without looking at what each leaves */

/* Symbols that are less probable than this share of the bound, as the one before or after another, are rare. */
#define RARE 0.005

/* Room for rounding where two sums of the same numbers are compared. */
#define ROUNDING 1e-9

/* And, for each step, where an expected number is compared with what a search finds: probabilities are floats, their sum nearly 1. */
#define ROUNDING_A_STEP 1e-7

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

/* Symbols that are not rare, and the sum of the rare ones. */
typedef struct Likely
{
	size_t		room;
	int			n;
	int		   *symbols;		/* [n], with room for one more */
	double		rest;
} Likely;

/* After each class of a step, the probability of each next symbol: a row of its own, or that of all the others. */
typedef struct Next
{
	size_t		room;
	double	   *rows;			/* [n of the step][nsymbols] */
	size_t		others_room;
	double	   *others;			/* [nsymbols] */
	double		others_total;	/* of them */
	size_t		totals_room;
	double	   *totals;			/* [n of the step] of the rows */
	size_t		row_room;
	const double **row;			/* [n of the step] */
} Next;

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
	size_t		sums_room;
	double	   *sums;			/* [nsymbols] of last symbols, after the last step */
	double		total;			/* of them */
	size_t		classes_room[2];
	double	   *classes[2];		/* [n of the step] of its classes: last and present step */
	Likely		likely;			/* last symbols */
	int			backward;		/* steps left */
	Next		next[2];
	int			place;			/* of the last one's places in written, the next to count */
	int			places_end;
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
		free(t->classes[i]);
		free(t->next[i].rows);
		free(t->next[i].others);
		free(t->next[i].totals);
		free(t->next[i].row);
	}
	free(t->sums);
	free(t->likely.symbols);
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

/* For steps of so many classes. */
static bool
make_room(HwrTrigrams *t, size_t most, HwrStatus *st)
{
	size_t		M = (size_t) t->symbols.n;

	for (int i = 0; i < 2; i++)
	{
		Next	   *next = &t->next[i];

		if (!hwr_alloc_room(&t->classes[i], &t->classes_room[i], most, sizeof(double), st) ||
			!hwr_alloc_room(&next->rows, &next->room, most * M, sizeof(double), st) ||
			!hwr_alloc_room(&next->others, &next->others_room, M, sizeof(double), st) ||
			!hwr_alloc_room(&next->totals, &next->totals_room, most, sizeof(double), st) ||
			!hwr_alloc_room(&next->row, &next->row_room, most, sizeof(double *), st))
			return false;
	}
	return hwr_alloc_room(&t->sums, &t->sums_room, M, sizeof(double), st) &&
		hwr_alloc_room(&t->likely.symbols, &t->likely.room, M + 1, sizeof(int), st) &&
		hwr_alloc_room(&t->left_out, &t->left_room, M, sizeof(double), st) &&
		hwr_alloc_room(&t->first, &t->first_room, (size_t) t->s->nsteps + 1, sizeof(int), st);
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
	if (!make_room(t, most, st))
		return false;
	memset(t->left_out, 0, (size_t) t->symbols.n * sizeof(double));
	memset(t->sums, 0, (size_t) t->symbols.n * sizeof(double));
	t->sums[SEPARATOR] = 1;
	t->total = 1;
	return true;
}

/* The entry of a step with this class, or -1; *from is the first that may be it, of who asks for ascending classes. */
static inline int
entry_from(const HwrEntry *entries, int n, int class, int *from)
{
	while (*from < n && entries[*from].class < class)
		(*from)++;
	return *from < n && entries[*from].class == class ? *from : -1;
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

/* The symbols whose number is above the least, and what that leaves of the sum of all. */
static void
find_likely(const HwrTrigrams *t, const double *numbers, double total, double least, Likely *likely)
{
	int		   *symbols = likely->symbols;
	int			M = t->symbols.n;
	double		rest = total;
	int			n = 0;

	for (int a = 0; a < M; a++)
	{
		symbols[n] = a;
		n += numbers[a] > least;
	}
	for (int i = 0; i < n; i++)
		rest -= numbers[symbols[i]];
	likely->n = n;
	/* Rounding must not make it too little. */
	likely->rest = n == M ? 0 : rest > 0 ? rest + ROUNDING : ROUNDING;
}

/*
 * The places of a class of the step, probable or not: after each last symbol but that of the same class at the step before,
 * which has same.
 */
static bool
add_places(HwrTrigrams *t, int e, double p, const ClassFold *fold, double same, double may, HwrStatus *st)
{
	int			last = fold->symbols[fold->n - 1];
	double	   *left_out = &t->left_out[fold->symbols[0]];
	bool		all;
	int			n;

	if (t->likely.n < 0)
		find_likely(t, t->sums, t->total, t->bound * RARE, &t->likely);
	all = !leave_out(t, fold, p * t->likely.rest, may);
	n = all ? t->symbols.n : t->likely.n;
	for (int i = 0; i < n; i++)
	{
		int			a = all ? i : t->likely.symbols[i];
		double		flow = p * (a == last ? t->sums[a] - same : t->sums[a]);

		if (!(flow > 0))
			continue;
		if (fold->n == 1 && flow <= (may - *left_out) * LESS)
			*left_out += flow;
		else if ((fold->n == 1 || !leave_out(t, fold, flow, may)) && !add_written(t, e, a, flow, st))
			return false;
	}
	return true;
}

/* A step forward: the probability of each class and each last symbol, and the places where symbols are written. */
static bool
step_forward(HwrTrigrams *t, HwrStatus *st)
{
	const HwrSparse *s = t->s;
	int			now = t->forward++;
	const HwrSparseStep *at = &s->at[now];
	const HwrEntry *entries = s->entries + at->entry;
	const double *before = t->classes[(now + 1) % 2];
	double	   *classes = t->classes[now % 2];
	double	   *sums = t->sums;
	int			M = t->symbols.n;
	double		may = t->bound * PLACES_SHARE * t->forward / s->nsteps;
	double		none = 0;		/* probability of classes without symbols */
	const HwrEntry *last = now > 0 ? s->entries + at[-1].entry : NULL;
	int			nlast = now > 0 ? at[-1].n : 0;
	int			from = 0;

	t->first[now] = t->nwritten;
	t->likely.n = -1;			/* to be found where it is needed */
	for (int e = 0; e < at->n; e++)
	{
		const ClassFold *fold = &t->folds[entries[e].class];
		double		p = entries[e].p;
		int			again = fold->n > 0 ? entry_from(last, nlast, entries[e].class, &from) : -1;
		double		same = again < 0 ? 0 : before[again];
		double		all = p * (t->total - same);

		if (fold->n == 0)
		{
			none += p;
			continue;
		}
		/* Rounding must not make it negative. */
		all = all > 0 ? all : 0;
		/* A separator after another is no symbol, and none is the middle of a trigram; others may be left out all together. */
		if (!(fold->n == 1 && fold->symbols[0] == SEPARATOR) && !leave_out(t, fold, all, may) &&
			!add_places(t, e, p, fold, same, may, st))
			return false;
		classes[e] = p * same + all;
	}
	for (int a = 0; a < M; a++)
		sums[a] *= none;
	t->total *= none;
	for (int e = 0; e < at->n; e++)
	{
		const ClassFold *fold = &t->folds[entries[e].class];

		if (fold->n == 0)
			continue;
		sums[fold->symbols[fold->n - 1]] += classes[e];
		t->total += classes[e];
	}
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
 * probability that symbol c follows what is written, which likely says of which it is.
 */
static bool
count_written(HwrTrigrams *t, const Written *w, const ClassFold *fold, const double *next, double may, HwrStatus *st)
{
	Likely	   *likely = &t->likely;
	int			a = w->before;
	int			b = -1;			/* the middle symbol */
	double		left_out;
	double		tiny;

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
	/* Kept back for the rare ones; where these are too many, each is looked at from here on. */
	left_out = t->left_out[b];
	tiny = (may - left_out) * TINY;
	if (w->p * likely->rest > tiny)
		find_likely(t, next, 0, -1, likely);
	may -= tiny;
	for (int i = 0; i < likely->n; i++)
	{
		int			c = likely->symbols[i];
		double		p = w->p * next[c];

		if (p <= (may - left_out) * LESS)
			left_out += p;
		else if (!count(t, a, b, c, p, st))
			return false;
	}
	t->left_out[b] = left_out + w->p * likely->rest;
	return true;
}

/* After any class that is not in the next step. */
static void
find_others(HwrTrigrams *t, const HwrSparseStep *after, const Next *next_after, Next *next)
{
	const HwrEntry *entries = t->s->entries + after->entry;
	const double *others_after = next_after->others;
	double	   *others = next->others;
	int			M = t->symbols.n;
	double		none = 0;

	for (int e = 0; e < after->n; e++)
		if (t->folds[entries[e].class].n == 0)
			none += entries[e].p;
	for (int c = 0; c < M; c++)
		others[c] = none * others_after[c];
	next->others_total = none * next_after->others_total;
	for (int e = 0; e < after->n; e++)
	{
		const ClassFold *fold = &t->folds[entries[e].class];

		if (fold->n == 0)
			continue;
		others[fold->symbols[0]] += entries[e].p;
		next->others_total += entries[e].p;
	}
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
	const Next *next_after = &t->next[(now + 1) % 2];
	Next	   *next = &t->next[now % 2];
	bool		is_last = now == s->nsteps - 1;
	int			nafter = is_last ? 0 : after->n;
	int			from = 0;

	if (is_last)
	{
		memset(next->others, 0, M * sizeof(double));
		next->others[SEPARATOR] = next->others_total = 1;
	}
	else
		find_others(t, after, next_after, next);
	for (int e = 0; e < at->n; e++)
	{
		int			class = s->entries[at->entry + e].class;
		const ClassFold *fold = &t->folds[class];
		int			again = fold->n == 0 ? -1 : entry_from(s->entries + (is_last ? 0 : after->entry), nafter, class, &from);
		double	   *row = next->rows + (size_t) e * M;

		next->row[e] = next->others;
		next->totals[e] = next->others_total;
		if (again >= 0)
		{
			double		p = s->entries[after->entry + again].p;
			const double *stays = next_after->row[again];
			const double *others = next->others;

			for (size_t c = 0; c < M; c++)
				row[c] = others[c] + p * stays[c];
			/* The class again is no symbol.  Rounding must not make it negative. */
			row[fold->symbols[0]] -= p;
			if (row[fold->symbols[0]] < 0)
				row[fold->symbols[0]] = 0;
			next->row[e] = row;
			next->totals[e] += p * (next_after->totals[again] - 1);
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
	const Next *next = &t->next[t->backward % 2];
	double		may = t->bound * (PLACES_SHARE + NEXT_SHARE * (s->nsteps - t->backward) / s->nsteps);
	const double *row = NULL;

	for (size_t work = 0; t->place < t->places_end && work < WORK_A_STEP && !t->any; work += (size_t) t->symbols.n)
	{
		const Written *w = &t->written[t->place++];

		if (next->row[w->entry] != row)
		{
			row = next->row[w->entry];
			find_likely(t, row, next->totals[w->entry], t->bound * RARE, &t->likely);
		}
		if (!count_written(t, w, &t->folds[entries[w->entry].class], row, may, st))
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
	double		bound = t->bound * (1 - ROUNDING_A_STEP * t->s->nsteps);

	if (!hwr_alloc_room(&t->keys, &t->keys_room, (size_t) t->found.n + 1, sizeof(HwrTrigram), st))
		return false;
	*n = 0;
	for (int i = 0; i < t->found.n; i++)
		if (t->numbers[i].expected >= (bound - t->left_out[t->numbers[i].middle]) * (1 - ROUNDING))
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
