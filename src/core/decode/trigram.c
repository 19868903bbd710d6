/*
 * trigram.c
 *	  Trigrams of lines and of words.
 *
 * A state is the last two symbols of the text so far, and the class of the last step; after a separator, the symbol
 * before it does not matter.  Whenever a symbol is added, what flows there is added to the expected number of the trigram.
 *
 * States with next to no probability are dropped, and what was dropped is summed: no trigram's probability can be
 * more than its expected number and that sum.  So half of the bound may be dropped, and the rest compared with the other half.
 */
#include "trigram.h"

#include <stdlib.h>
#include <string.h>

/* In place of a symbol before the separator: above all code points. */
#define NO_SYMBOL UINT32_C(0x1FFFFF)

/* Pairs that may be kept after a step, and doubles of a front. */
#define MAX_PAIRS 1024
#define MAX_SUMS (1 << 22)

/* Room for rounding where two sums of the same numbers are compared. */
#define ROUNDING 1e-9

/* Numbers by 64-bit keys, with an open hash table. */
typedef struct Map
{
	int			n;
	int			room;
	uint64_t   *keys;			/* [room] */
	int			nslots;			/* a power of two */
	int		   *slots;			/* index + 1, 0: free */
} Map;

/* States after a step: a row of sums for each pair, a sum for each class of the step. */
typedef struct Front
{
	Map			pairs;
	int			room;			/* doubles */
	double	   *sums;			/* [pairs.n][width] */
	const HwrEntry *entries;	/* [width] */
	int			width;
} Front;

struct HwrTrigrams
{
	const HwrSparse *s;
	double		bound;
	int			step;
	int			limit;			/* pairs that a front may have */
	double		dropped;
	Front		fronts[2];
	Map			found;
	int			expected_room;
	double	   *expected;		/* [found.n] */
	int			keys_room;
	HwrTrigram *keys;
	HwrFoldCache cache;
};

bool
hwr_trigrams_create(HwrTrigrams **out, HwrStatus *st)
{
	*out = hwr_alloc_zero(1, sizeof(HwrTrigrams), st);
	return *out != NULL;
}

static void
free_map(Map *map)
{
	free(map->keys);
	free(map->slots);
}

void
hwr_trigrams_free(HwrTrigrams *t)
{
	if (t == NULL)
		return;
	for (int i = 0; i < 2; i++)
	{
		free_map(&t->fronts[i].pairs);
		free(t->fronts[i].sums);
	}
	free_map(&t->found);
	free(t->expected);
	free(t->keys);
	free(t);
}

static uint32_t
hash_of(uint64_t key)
{
	key *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t) (key >> 32);
}

static void
clear(Map *map)
{
	for (int i = 0; i < map->n; i++)
	{
		uint32_t	at = hash_of(map->keys[i]) & (uint32_t) (map->nslots - 1);

		/* All that was put in a chain goes with the chain. */
		while (map->slots[at] != 0)
		{
			map->slots[at] = 0;
			at = (at + 1) & (uint32_t) (map->nslots - 1);
		}
	}
	map->n = 0;
}

static bool
grow(Map *map, HwrStatus *st)
{
	int			room = map->room > 0 ? map->room * 2 : 256;
	uint64_t   *keys = hwr_realloc(map->keys, (size_t) room, sizeof(uint64_t), st);
	int		   *slots;

	if (keys == NULL)
		return false;
	map->keys = keys;
	slots = hwr_alloc_zero((size_t) room * 2, sizeof(int), st);
	if (slots == NULL)
		return false;
	free(map->slots);
	map->slots = slots;
	map->nslots = room * 2;
	map->room = room;
	for (int i = 0; i < map->n; i++)
	{
		uint32_t	at = hash_of(keys[i]) & (uint32_t) (map->nslots - 1);

		while (slots[at] != 0)
			at = (at + 1) & (uint32_t) (map->nslots - 1);
		slots[at] = i + 1;
	}
	return true;
}

/* The index of a key, added if it is new; -1 on failure. */
static int
index_of(Map *map, uint64_t key, HwrStatus *st)
{
	uint32_t	at;

	if (map->n == map->room && !grow(map, st))
		return -1;
	at = hash_of(key) & (uint32_t) (map->nslots - 1);
	while (map->slots[at] != 0)
	{
		if (map->keys[map->slots[at] - 1] == key)
			return map->slots[at] - 1;
		at = (at + 1) & (uint32_t) (map->nslots - 1);
	}
	map->keys[map->n] = key;
	map->slots[at] = ++map->n;
	return map->n - 1;
}

/* The sums of a pair; NULL on failure, or, with *full, where there is no room for another one. */
static double *
row_of(HwrTrigrams *t, Front *front, uint64_t pair, bool *full, HwrStatus *st)
{
	int			n = front->pairs.n;
	int			index = index_of(&front->pairs, pair, st);
	size_t		need = (size_t) front->pairs.n * (size_t) front->width;

	if (index < 0)
		return NULL;
	if (index < n)
		return front->sums + (size_t) index * (size_t) front->width;
	if (n >= t->limit)
	{
		/* The newest key ends its chain: it can be taken back. */
		uint32_t	at = hash_of(pair) & (uint32_t) (front->pairs.nslots - 1);

		while (front->pairs.slots[at] != n + 1)
			at = (at + 1) & (uint32_t) (front->pairs.nslots - 1);
		front->pairs.slots[at] = 0;
		front->pairs.n--;
		*full = true;
		return NULL;
	}
	if (need > (size_t) front->room)
	{
		double	   *grown = hwr_realloc(front->sums, need * 2, sizeof(double), st);

		if (grown == NULL)
			return NULL;
		front->sums = grown;
		front->room = (int) (need * 2);
	}
	memset(front->sums + (size_t) index * (size_t) front->width, 0, (size_t) front->width * sizeof(double));
	return front->sums + (size_t) index * (size_t) front->width;
}

static bool
count(HwrTrigrams *t, HwrTrigram trigram, double flow, HwrStatus *st)
{
	int			n = t->found.n;
	int			index = index_of(&t->found, (uint64_t) trigram, st);

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

/* Add the symbols of a character to a pair's text: the pair that it becomes. */
static bool
extend(HwrTrigrams *t, uint64_t *pair, const HwrFold *fold, double flow, HwrStatus *st)
{
	uint32_t	a = (uint32_t) (*pair >> 21);
	uint32_t	b = (uint32_t) (*pair & 0x1FFFFF);

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
	*pair = pair_of(a, b);
	return true;
}

/* Add a flow to a pair's sums; it counts as dropped where there is no room for another pair. */
static bool
pour(HwrTrigrams *t, Front *to, uint64_t pair, int entry, double flow, HwrStatus *st)
{
	bool		full = false;
	double	   *row = row_of(t, to, pair, &full, st);

	if (row != NULL)
		row[entry] += flow;
	else if (full)
		t->dropped += flow;
	else
		return false;
	return true;
}

/* One class of a step: what it makes of a pair of which the last step's sums are in row, total together. */
static bool
take_class(HwrTrigrams *t, const Front *from, uint64_t pair, const double *row, double total, Front *to, int entry,
		   HwrStatus *st)
{
	const HwrEntry *e = &to->entries[entry];
	double		same = 0;
	double		flow;

	if (e->class == 0)
		return pour(t, to, pair, entry, e->p * total, st);
	for (int i = 0; i < from->width; i++)
		if (from->entries[i].class == e->class)
			same = row[i];
	if (same > 0 && !pour(t, to, pair, entry, e->p * same, st))
		return false;
	flow = e->p * (total - same);
	if (!(flow > 0))
		return true;
	if (!extend(t, &pair, hwr_fold_cached(&t->cache, t->s->alphabet.codepoints[e->class - 1]), flow, st))
		return false;
	return pour(t, to, pair, entry, flow, st);
}

static double
total_of(const Front *front, int pair)
{
	const double *row = front->sums + (size_t) pair * (size_t) front->width;
	double		total = 0;

	for (int i = 0; i < front->width; i++)
		total += row[i];
	return total;
}

/* Below which a pair is dropped: so little that all of it makes no difference, or as much as it takes to keep MAX_PAIRS. */
static double
choose_cut(const HwrTrigrams *t, const Front *front)
{
	double		cut = t->bound / (4.0 * t->s->nsteps * (front->pairs.n + 1));

	for (;; cut *= 2)
	{
		int			n = 0;

		for (int i = 0; i < front->pairs.n; i++)
			n += total_of(front, i) >= cut;
		if (n <= MAX_PAIRS)
			return cut;
	}
}

bool
hwr_trigrams_begin(HwrTrigrams *t, const HwrSparse *s, double bound, HwrStatus *st)
{
	static const HwrEntry blank = {0, 1};
	Front	   *front = &t->fronts[0];
	bool		full;
	double	   *row;
	int			most = 1;

	for (int i = 0; i < s->nsteps; i++)
		most = s->at[i].n > most ? s->at[i].n : most;
	t->s = s;
	t->bound = bound;
	t->step = 0;
	t->dropped = 0;
	t->limit = MAX_SUMS / most;
	for (int i = 0; i < 2; i++)
		clear(&t->fronts[i].pairs);
	clear(&t->found);
	front->entries = &blank;
	front->width = 1;
	row = row_of(t, front, pair_of(NO_SYMBOL, HWR_SEPARATOR), &full, st);
	if (row == NULL)
		return false;
	row[0] = 1;
	return true;
}

/* The end of the line is a separator. */
static bool
end_line(HwrTrigrams *t, const Front *front, HwrStatus *st)
{
	static const HwrFold separator = {1, {HWR_SEPARATOR}};

	for (int i = 0; i < front->pairs.n; i++)
	{
		uint64_t	pair = front->pairs.keys[i];

		if (!extend(t, &pair, &separator, total_of(front, i), st))
			return false;
	}
	return true;
}

bool
hwr_trigrams_step(HwrTrigrams *t, bool *done, HwrStatus *st)
{
	Front	   *from = &t->fronts[t->step % 2];
	Front	   *to = &t->fronts[1 - t->step % 2];
	const HwrSparseStep *step;
	double		cut;

	/* Nothing that is still to come could be believed. */
	*done = t->step == t->s->nsteps || t->dropped > t->bound / 2;
	if (*done)
		return end_line(t, from, st);
	step = &t->s->at[t->step++];
	clear(&to->pairs);
	to->entries = t->s->entries + step->entry;
	to->width = step->n;
	cut = choose_cut(t, from);
	for (int i = 0; i < from->pairs.n; i++)
	{
		const double *row = from->sums + (size_t) i * (size_t) from->width;
		double		total = total_of(from, i);

		if (total < cut)
		{
			t->dropped += total;
			continue;
		}
		for (int e = 0; e < step->n; e++)
			if (!take_class(t, from, from->pairs.keys[i], row, total, to, e, st))
				return false;
	}
	return true;
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
	double		least = (t->bound - t->dropped) * (1 - ROUNDING);

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
	if (t->dropped > t->bound / 2 || *n > HWR_TRIGRAMS_MAX)
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
