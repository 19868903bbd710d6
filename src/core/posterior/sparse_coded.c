/*
 * sparse_coded.c
 *	  Reading what follows the head of formats 3 and 4 (posterior_codes.h).
 */
#include <stdlib.h>

#include "posterior_codes.h"
#include "sparse_internal.h"

static inline bool
get_choice(HwrRangeReader *r, int choice)
{
	return hwr_range_get_bit(r, hwr_posterior_odds[choice]);
}

static bool
get_distance(HwrRangeReader *r, uint32_t *value, HwrStatus *st)
{
	int			bits = 0;

	while (!hwr_range_get_bit(r, HWR_ODDS_EVEN))
		if (++bits > 20)
			return hwr_sparse_fail(st, "A character is not one of Unicode.");
	*value = 1;
	for (int i = 0; i < bits; i++)
		*value = *value << 1 | hwr_range_get_bit(r, HWR_ODDS_EVEN);
	return true;
}

/* Those of the table, and the others after them; then in one order. */
static bool
read_characters(HwrSparse *s, HwrRangeReader *r, int n, HwrStatus *st)
{
	bool		table = hwr_range_get_bit(r, HWR_ODDS_EVEN);
	uint32_t	listed[CODES_LAST + 1 - CODES_FIRST];
	int			nlisted = 0;
	uint32_t	last = 0;
	uint32_t   *out;
	int			listable = 0;

	/* Each one that is not of the table takes a bit at least: no few bytes ask for much memory. */
	if ((size_t) n > 8 * ((size_t) (r->end - r->at) + 4) + CODES_LAST)
		return hwr_sparse_fail(st, "The bytes end too early.");
	if (!hwr_alloc_room(&s->alphabet.codepoints, &s->chars_room, (size_t) n, sizeof(uint32_t), st))
		return false;
	out = s->alphabet.codepoints;
	for (uint32_t c = CODES_FIRST; table && c <= CODES_LAST; c++)
		if (get_choice(r, ODDS_CHARACTER + (int) (c - CODES_FIRST)))
			listed[nlisted++] = c;
	if (nlisted > n)
		return hwr_sparse_fail(st, "There are more characters than it says.");
	for (int i = nlisted; i < n; i++)
	{
		uint32_t	distance = 0;

		if (!get_distance(r, &distance, st))
			return false;
		last += distance;
		if (last > 0x10FFFF || (last >= 0xD800 && last < 0xE000))
			return hwr_sparse_fail(st, "A character is not one of Unicode.");
		if (table && last >= CODES_FIRST && last <= CODES_LAST)
			return hwr_sparse_fail(st, "A character is written twice.");
		out[i] = last;
		listable += last >= CODES_FIRST && last <= CODES_LAST;
	}
	if (table != ((nlisted + listable) * 2 > n))
		return hwr_sparse_fail(st, "The characters are written the other way.");
	/* Those of the table are written where others have been read already. */
	for (int i = 0, other = nlisted; i < nlisted;)
	{
		int			put = i + other - nlisted;

		out[put] = other == n || listed[i] < out[other] ? listed[i++] : out[other++];
	}
	s->alphabet.n = n;
	return true;
}

/* What reading the steps works with. */
typedef struct Steps
{
	HwrSparse  *s;
	HwrStepCodes *codes;
	HwrRangeReader r;
	HwrStatus  *st;
} Steps;

static bool
get_level(Steps *x, int odds, int *level, int *q)
{
	const uint16_t *before = hwr_posterior_odds + odds;
	uint32_t	unit = hwr_range_get_unit(&x->r, 2 * HWR_ODDS_EVEN);
	unsigned	number = 0;

	for (int i = 1; i < 16; i++)
		number += before[i] <= unit;
	hwr_range_take_share(&x->r, before[number], (number < LESS ? before[number + 1] : 2 * HWR_ODDS_EVEN) - before[number]);
	*level = hwr_codes_level((int) number);
	if (number < LESS)
	{
		*q = hwr_posterior_levels[number];
		return true;
	}
	*q = (int) hwr_range_get_unit(&x->r, MAX_QUANTUM + 1);
	hwr_range_take_share(&x->r, (uint32_t) *q, 1);
	return *q > hwr_posterior_levels[LEVELS - 1] || hwr_sparse_fail(x->st, "A probability is not written as a level.");
}

/* A class that this step has not told of. */
static bool
get_class(Steps *x, int *class)
{
	HwrStepCodes *codes = x->codes;
	uint32_t	before;

	if (codes->classes == 1)
		return hwr_sparse_fail(x->st, "A class is out of range.");
	*class = hwr_codes_find(codes, hwr_range_get_unit(&x->r, codes->all), &before);
	hwr_range_take_share(&x->r, before, codes->shares[*class]);
	hwr_codes_count(codes, *class);
	return codes->told[*class] != codes->step || hwr_sparse_fail(x->st, "A class of a step is written twice.");
}

/* The most probable class, another than in the step before. */
static bool
get_other_best(Steps *x, int *best)
{
	const HwrCodedStep *last = &x->codes->last;
	int			passed = 0;

	*best = 0;
	if (last->items[0].class != 0 && get_choice(&x->r, ODDS_BLANK + last->second))
		return true;
	if (!get_choice(&x->r, ODDS_BEFORE + last->second))
	{
		if (!get_class(x, best))
			return false;
		for (int i = 1; i < last->n; i++)
			if (last->items[i].class == *best)
				return hwr_sparse_fail(x->st, "A class of the step before is written as another.");
		return true;
	}
	for (int i = 1; i < last->n; i++)
	{
		*best = last->items[i].class;
		if (*best != 0 && !get_choice(&x->r, hwr_odds_which(passed++)))
			return true;
	}
	return hwr_sparse_fail(x->st, "A class is out of range.");
}

static bool
read_best(Steps *x)
{
	HwrStepCodes *codes = x->codes;
	const HwrCodedStep *last = &codes->last;
	int			best = last->items[0].class;
	int			level = ABSENT;

	codes->same = get_choice(&x->r, hwr_odds_same(last));
	if (!codes->same && !get_other_best(x, &best))
		return false;
	for (int i = 0; i < last->n; i++)
		if (last->items[i].class == best)
			level = last->items[i].level;
	if (!codes->same && level == 0)
		return hwr_sparse_fail(x->st, "A class of a step is written twice.");
	hwr_codes_add(codes, best, 0, level, 0);
	return true;
}

static bool
read_stay(Steps *x, int class, int level, int before)
{
	int			now;
	int			q;

	x->codes->told[class] = x->codes->step;
	if (!get_choice(&x->r, hwr_odds_stays(x->codes, level, before)))
		return true;
	if (!get_level(x, hwr_odds_level(level, before), &now, &q))
		return false;
	hwr_codes_add(x->codes, class, now, level, q);
	return true;
}

static bool
read_stays(Steps *x)
{
	const HwrCodedStep *last = &x->codes->last;
	int			best = x->codes->now.items[0].class;
	bool		blank = best == 0;

	for (int i = 0; i < last->n; i++)
		blank |= last->items[i].class == 0;
	if (!blank && !read_stay(x, 0, ABSENT, ABSENT))
		return false;
	for (int i = 0; i < last->n; i++)
		if (last->items[i].class != best &&
			!read_stay(x, last->items[i].class, last->items[i].level, last->items[i].before))
			return false;
	return true;
}

static bool
read_new(Steps *x)
{
	int			level = 0;
	int			last_q = 0;
	int			last_class = 0;

	for (int more = 0; get_choice(&x->r, hwr_odds_more(x->codes, more, level)); more++)
	{
		int			class;
		int			q;

		if (!get_level(x, hwr_odds_new(x->codes, level), &level, &q) || !get_class(x, &class))
			return false;
		if (q < last_q || (q == last_q && class < last_class))
			return hwr_sparse_fail(x->st, "The classes of a step are not in order.");
		last_q = q;
		last_class = class;
		hwr_codes_add(x->codes, class, level, ABSENT, q);
	}
	return true;
}

static int
compare_entries(const void *a, const void *b)
{
	return ((const HwrEntry *) a)->class - ((const HwrEntry *) b)->class;
}

/* Ascending by class; there are few, but in foreign values. */
static void
sort_entries(HwrEntry *entries, int n)
{
	if (n > 32)
	{
		qsort(entries, (size_t) n, sizeof(HwrEntry), compare_entries);
		return;
	}
	for (int i = 1; i < n; i++)
	{
		HwrEntry	entry = entries[i];
		int			at = i;

		for (; at > 0 && entries[at - 1].class > entry.class; at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
}

static bool
grow_entries(HwrSparse *s, int n, HwrStatus *st)
{
	size_t		need = (size_t) s->nentries + (size_t) n;
	HwrEntry   *grown;

	if (need <= s->entries_room)
		return true;
	grown = hwr_realloc(s->entries, need * 2, sizeof(HwrEntry), st);
	if (grown == NULL)
		return false;
	s->entries = grown;
	s->entries_room = need * 2;
	return true;
}

/* The step that was read, at t: the most probable class has what the others leave. */
static bool
keep_step(Steps *x, int t)
{
	HwrSparse  *s = x->s;
	const HwrCodedStep *now = &x->codes->now;
	HwrSparseStep *before = s->nsteps > 0 ? &s->at[s->nsteps - 1] : NULL;
	HwrEntry   *entries;
	double		sum = 0;

	if (now->n == 1 && now->items[0].class == 0 && before != NULL && before->n == 1 && s->entries[before->entry].class == 0)
	{
		before->run++;
		return true;
	}
	if (!grow_entries(s, now->n, x->st))
		return false;
	entries = s->entries + s->nentries;
	for (int i = 0; i < now->n; i++)
	{
		entries[i] = (HwrEntry) {now->items[i].class, s->p[now->items[i].q]};
		if (i > 0)
			sum += entries[i].p;
	}
	if (sum >= 1)
		return hwr_sparse_fail(x->st, "The probabilities of a step sum to more than one.");
	entries[0].p = (float) (1 - sum);
	sort_entries(entries, now->n);
	s->at[s->nsteps++] = (HwrSparseStep) {.step = t,.run = 1,.entry = s->nentries,.n = now->n};
	s->nentries += now->n;
	return true;
}

static bool
read_steps(Steps *x)
{
	HwrSparse  *s = x->s;

	if (!hwr_codes_begin(x->codes, s->alphabet.n + 1, x->st) ||
		!hwr_alloc_room(&s->at, &s->steps_room, (size_t) s->steps, sizeof(HwrSparseStep), x->st))
		return false;
	for (int t = 0; t < s->steps; t++)
	{
		if (!read_best(x) || !read_stays(x) || !read_new(x) || !keep_step(x, t))
			return false;
		hwr_codes_next(x->codes);
	}
	return true;
}

bool
hwr_sparse_read_coded(HwrSparse *s, const HwrSparseReader *head, int n)
{
	Steps		x = {.s = s,.codes = s->codes,.st = head->st};

	if (head->at < head->end && head->end[-1] == 0)
		return hwr_sparse_fail(head->st, "There are bytes after the last step.");
	hwr_range_open(&x.r, head->at, (size_t) (head->end - head->at));
	if (!read_characters(s, &x.r, n, head->st) || !read_steps(&x))
		return false;
	if (x.r.at != x.r.end)
		return hwr_sparse_fail(head->st, "There are bytes after the last step.");
	if (!hwr_range_ends(&x.r))
		return hwr_sparse_fail(head->st, "The bytes are not those that its choices are written as.");
	return hwr_sparse_check_used(s, head->st);
}
