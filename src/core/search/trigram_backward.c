/*
 * trigram_backward.c
 *	  Which symbols may follow those that are written, and so the trigrams of a line.
 */
#include "trigram_internal.h"

#include <string.h>

/* More trigrams than these: a line may have nearly all. */
#define MAX_FOUND (1 << 18)

/* Third symbols looked at in a step of the extraction. */
#define WORK_A_STEP (1 << 17)

/* What all rare symbols together may leave out at once, without looking at what each leaves: this share of what may still be. */
#define TINY 0.25

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
			HwrNumber *grown = hwr_realloc(t->numbers, (size_t) room, sizeof(HwrNumber), st);

			if (grown == NULL)
				return false;
			t->numbers = grown;
			t->numbers_room = room;
		}
		t->numbers[index] = (HwrNumber) {b, 0};
	}
	t->numbers[index].expected += p;
	return true;
}

/*
 * The trigrams whose middle symbol is written at a place, but for third symbols that are too improbable; next[c]: the
 * probability that symbol c follows what is written, which likely says of which it is.
 */
static bool
count_written(HwrTrigrams *t, const HwrWritten *w, const HwrClassFold *fold, const double *next, double may, HwrStatus *st)
{
	HwrLikely *likely = &t->likely;
	int			a = w->before;
	int			b = -1;			/* the middle symbol */
	double		left_out;
	double		tiny;

	for (int i = 0; i < fold->n; i++)
	{
		int			c = fold->symbols[i];

		if (c == HWR_TRIGRAM_SEPARATOR && (b < 0 ? a : b) == HWR_TRIGRAM_SEPARATOR)
			continue;
		if (b >= 0)
		{
			if (b != HWR_TRIGRAM_SEPARATOR && !count(t, a, b, c, w->p, st))
				return false;
			a = b;
		}
		b = c;
	}
	if (b < 0 || b == HWR_TRIGRAM_SEPARATOR)
		return true;
	/* Kept back for the rare ones; where these are too many, each is looked at from here on. */
	left_out = t->left_out[b];
	tiny = (may - left_out) * TINY;
	if (w->p * likely->rest > tiny)
		hwr_trigram_likely(t, next, 0, -1, likely);
	may -= tiny;
	for (int i = 0; i < likely->n; i++)
	{
		int			c = likely->symbols[i];
		double		p = w->p * next[c];

		if (p <= (may - left_out) * HWR_TRIGRAM_LESS)
			left_out += p;
		else if (!count(t, a, b, c, p, st))
			return false;
	}
	t->left_out[b] = left_out + w->p * likely->rest;
	return true;
}

/* After any class that is not in the next step. */
static void
find_others(HwrTrigrams *t, const HwrSparseStep *after, const HwrNext *next_after, HwrNext *next)
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
		const HwrClassFold *fold = &t->folds[entries[e].class];

		if (fold->n == 0)
			continue;
		others[fold->symbols[0]] += entries[e].p;
		next->others_total += entries[e].p;
	}
}

/* A step backward: the probability of each next symbol after each class of the step.  Its places are to be counted. */
void
hwr_trigram_backward(HwrTrigrams *t)
{
	const HwrSparse *s = t->s;
	int			now = --t->backward;
	const HwrSparseStep *at = &s->at[now];
	const HwrSparseStep *after = at + 1;
	size_t		M = (size_t) t->symbols.n;
	const HwrNext *next_after = &t->next[(now + 1) % 2];
	HwrNext *next = &t->next[now % 2];
	bool		is_last = now == s->nsteps - 1;
	int			nafter = is_last ? 0 : after->n;
	int			from = 0;

	if (is_last)
	{
		memset(next->others, 0, M * sizeof(double));
		next->others[HWR_TRIGRAM_SEPARATOR] = next->others_total = 1;
	}
	else
		find_others(t, after, next_after, next);
	for (int e = 0; e < at->n; e++)
	{
		int			class = s->entries[at->entry + e].class;
		const HwrClassFold *fold = &t->folds[class];
		const HwrEntry *later = s->entries + (is_last ? 0 : after->entry);
		int			again = fold->n == 0 ? -1 : hwr_trigram_entry(later, nafter, class, &from);
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
bool
hwr_trigram_count(HwrTrigrams *t, HwrStatus *st)
{
	const HwrSparse *s = t->s;
	const HwrEntry *entries = s->entries + s->at[t->backward].entry;
	const HwrNext *next = &t->next[t->backward % 2];
	double		may = t->bound * (HWR_TRIGRAM_PLACES_SHARE + HWR_TRIGRAM_NEXT_SHARE * (s->nsteps - t->backward) / s->nsteps);
	const double *row = NULL;

	for (size_t work = 0; t->place < t->places_end && work < WORK_A_STEP && !t->any; work += (size_t) t->symbols.n)
	{
		const HwrWritten *w = &t->written[t->place++];

		if (next->row[w->entry] != row)
		{
			row = next->row[w->entry];
			hwr_trigram_likely(t, row, next->totals[w->entry], t->bound * HWR_TRIGRAM_RARE, &t->likely);
		}
		if (!count_written(t, w, &t->folds[entries[w->entry].class], row, may, st))
			return false;
		t->any = t->found.n > MAX_FOUND;
	}
	return true;
}
