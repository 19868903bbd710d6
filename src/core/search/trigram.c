/*
 * trigram.c
 *	  Trigrams of lines and of words.
 *
 * A state (front.h) is the last two symbols of the text so far; after a separator, the symbol
 * before it does not matter. Whenever a symbol is added, what flows there is added to the expected
 * number of the trigram.
 *
 * No trigram's probability can be more than its expected number and what was dropped together.  So
 * half of the bound may be dropped, and the rest is compared with the other half.
 */
#include "trigram.h"

#include <stdlib.h>
#include <string.h>

#include "front.h"

/* In place of a symbol before the separator: above all code points. */
#define NO_SYMBOL UINT32_C(0x1FFFFF)

/* Room for rounding where two sums of the same numbers are compared. */
#define ROUNDING 1e-9

struct HwrTrigrams
{
	double		bound;
	HwrFronts	fronts;
	HwrStates	found;			/* their numbers are the trigrams */
	int			expected_room;
	double	   *expected;		/* [found.n] */
	int			keys_room;
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
	hwr_fronts_free(&t->fronts);
	hwr_states_free(&t->found);
	free(t->expected);
	free(t->keys);
	free(t);
}

static bool
count(HwrTrigrams *t, HwrTrigram trigram, double flow, HwrStatus *st)
{
	int			n = t->found.n;
	int			index = hwr_states_index(&t->found, (uint64_t) trigram, st);

	if (index < 0)
		return false;
	if (index == n)
	{
		if (index >= t->expected_room)
		{
			int			room = index * 2 + 256;
			double	   *grown = hwr_realloc(t->expected, (size_t) room, sizeof(double), st);

			if (grown == NULL)
				return false;
			t->expected = grown;
			t->expected_room = room;
		}
		t->expected[index] = 0;
	}
	t->expected[index] += flow;
	return true;
}

static uint64_t
pair_of(uint32_t a, uint32_t b)
{
	return ((uint64_t) (b == HWR_SEPARATOR ? NO_SYMBOL : a) << 21) | b;
}

/* A character is added: the pair of symbols that the state becomes. */
static bool
extend(void *caller, uint64_t *state, const HwrFold *fold, double flow, HwrStatus *st)
{
	HwrTrigrams *t = caller;
	uint32_t	a = (uint32_t) (*state >> 21);
	uint32_t	b = (uint32_t) (*state & 0x1FFFFF);

	for (int i = 0; i < fold->n; i++)
	{
		uint32_t	c = fold->symbols[i];

		if (b == HWR_SEPARATOR && c == HWR_SEPARATOR)
			continue;
		if (b != HWR_SEPARATOR && !count(t, hwr_trigram(a, b, c), flow, st))
			return false;
		a = b;
		b = c;
	}
	*state = pair_of(a, b);
	return true;
}

bool
hwr_trigrams_begin(HwrTrigrams *t, const HwrSparse *s, double bound, HwrStatus *st)
{
	t->bound = bound;
	hwr_states_clear(&t->found);
	return hwr_fronts_begin(&t->fronts, s, pair_of(NO_SYMBOL, HWR_SEPARATOR), bound * 0.4, extend, t, st);
}

/* The end of the line is a separator. */
static bool
end_line(HwrTrigrams *t, HwrStatus *st)
{
	static const HwrFold separator = {1, {HWR_SEPARATOR}};
	const HwrFront *front = hwr_fronts_last(&t->fronts);

	for (int i = 0; i < front->states.n; i++)
	{
		uint64_t	state = front->states.keys[i];

		if (!extend(t, &state, &separator, hwr_front_total(front, i), st))
			return false;
	}
	return true;
}

bool
hwr_trigrams_step(HwrTrigrams *t, bool *done, HwrStatus *st)
{
	/* Nothing that is still to come could be believed. */
	*done = t->fronts.dropped > t->bound / 2;
	if (!*done && !hwr_fronts_step(&t->fronts, done, st))
		return false;
	return !*done || end_line(t, st);
}

static int
compare_keys(const void *a, const void *b)
{
	HwrTrigram	x = *(const HwrTrigram *) a;
	HwrTrigram	y = *(const HwrTrigram *) b;

	return (x > y) - (x < y);
}

bool
hwr_trigrams_get(HwrTrigrams *t, const HwrTrigram **keys, int *n, HwrStatus *st)
{
	double		least = (t->bound - t->fronts.dropped) * (1 - ROUNDING);

	if (t->found.n + 1 > t->keys_room)
	{
		free(t->keys);
		t->keys_room = 0;
		t->keys = hwr_alloc((size_t) t->found.n * 2 + 1, sizeof(HwrTrigram), st);
		if (t->keys == NULL)
			return false;
		t->keys_room = t->found.n * 2 + 1;
	}
	*n = 0;
	for (int i = 0; i < t->found.n; i++)
		if (t->expected[i] >= least)
			t->keys[(*n)++] = (HwrTrigram) t->found.keys[i];
	qsort(t->keys, (size_t) *n, sizeof(HwrTrigram), compare_keys);
	if (t->fronts.dropped > t->bound / 2 || *n > HWR_TRIGRAMS_MAX)
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
	qsort(all, (size_t) count_all, sizeof(HwrTrigram), compare_keys);
	*n = 0;
	for (int i = 0; i < count_all; i++)
		if (i == 0 || all[i] != all[*n - 1])
			all[(*n)++] = all[i];
	*keys = all;
	return true;
}
