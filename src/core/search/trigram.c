/*
 * trigram.c
 *	  Trigrams of lines: memory, the order of the passes, the keys.
 */
#include "trigram_internal.h"

#include <stdlib.h>
#include <string.h>

/* Classes of a step times symbols of a line; beyond, it may have nearly all trigrams. */
#define MAX_CELLS (1 << 20)

/* Where an expected number is compared with what a search finds, for each step: probabilities are floats, their sum nearly 1. */
#define ROUNDING_A_STEP 1e-7

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
		!hwr_alloc_room(&t->folds, &t->folds_room, (size_t) alphabet->n + 1, sizeof(HwrClassFold), st))
		return false;
	t->folds[0].n = 0;
	for (int i = 0; i < alphabet->n; i++)
	{
		const HwrFold *fold = hwr_fold_cached(&t->cache, alphabet->codepoints[i]);
		HwrClassFold *out = &t->folds[i + 1];

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
		HwrNext *next = &t->next[i];

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
	t->sums[HWR_TRIGRAM_SEPARATOR] = 1;
	t->total = 1;
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
		return hwr_trigram_forward(t, st);
	if (counted)
		hwr_trigram_backward(t);
	return hwr_trigram_count(t, st);
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
		if (t->numbers[i].expected >= bound - t->left_out[t->numbers[i].middle])
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
