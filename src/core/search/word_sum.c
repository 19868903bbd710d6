/*
 * word_sum.c
 *	  How often a given word is to be expected in a line.
 */
#include "word_sum.h"

#include <stdlib.h>
#include <string.h>

/* What is less is nothing, but counted: a sum that goes on from step to step would never be. */
#define TINY 1e-12

/* The beginning of a word, or all of it, at a step. */
typedef struct HwrWordPlace
{
	double		p;
	int			start;			/* the last step at which it can have begun */
} Place;

void
hwr_word_sum_free(HwrWordSum *sum)
{
	free(sum->begins);
	free(sum->none);
	free(sum->separator);
	free(sum->step);
	free(sum->again);
	free(sum->letters);
	for (int i = 0; i < 2; i++)
	{
		free(sum->classes[i]);
		free(sum->sums[i]);
	}
}

bool
hwr_word_sum_begin(HwrWordSum *sum, const HwrSparse *s, const HwrClassDigits *digits, HwrStatus *st)
{
	size_t		nentries = (size_t) s->nentries;
	size_t		nsteps = (size_t) s->nsteps;

	sum->s = s;
	sum->digits = digits;
	sum->ready = false;
	for (int i = 0; i < 2; i++)
		if (!hwr_alloc_room(&sum->classes[i], &sum->classes_room[i], nentries, sizeof(Place), st) ||
			!hwr_alloc_room(&sum->sums[i], &sum->sums_room[i], nsteps, sizeof(Place), st))
			return false;
	return hwr_alloc_room(&sum->begins, &sum->begins_room, nentries, sizeof(double), st) &&
		hwr_alloc_room(&sum->none, &sum->none_room, nsteps, sizeof(double), st) &&
		hwr_alloc_room(&sum->separator, &sum->separator_room, nsteps, sizeof(double), st) &&
		hwr_alloc_room(&sum->step, &sum->step_room, nentries, sizeof(int), st) &&
		hwr_alloc_room(&sum->again, &sum->again_room, nentries, sizeof(int), st) &&
		hwr_alloc_room(&sum->letters, &sum->letters_room, nentries, sizeof(int), st);
}

/* What each step has of classes that are no letters; how many entries there are of each digit. */
static void
look_at_step(HwrWordSum *sum, int t, int counts[HWR_WORD_BASE])
{
	const HwrSparseStep *at = &sum->s->at[t];
	const HwrEntry *entries = sum->s->entries;
	int			last = t > 0 ? at[-1].entry : 0;
	int			end = t > 0 ? last + at[-1].n : 0;

	sum->none[t] = sum->separator[t] = 0;
	for (int e = at->entry; e < at->entry + at->n; e++)
	{
		const HwrClassDigits *digits = &sum->digits[entries[e].class];

		sum->step[e] = t;
		while (last < end && entries[last].class < entries[e].class)
			last++;
		sum->again[e] = last < end && entries[last].class == entries[e].class ? last : -1;
		if (digits->n == 0)
			sum->none[t] += entries[e].p;
		else if (digits->n == 1 && digits->digits[0] == 0)
			sum->separator[t] += entries[e].p;
		else if (digits->n == 1 && digits->digits[0] < HWR_WORD_BASE)
			counts[digits->digits[0]]++;
	}
}

static void
make_ready(HwrWordSum *sum)
{
	const HwrSparse *s = sum->s;
	int			counts[HWR_WORD_BASE] = {0};

	for (int t = 0; t < s->nsteps; t++)
		look_at_step(sum, t, counts);
	sum->first[0] = 0;
	for (int digit = 0; digit < HWR_WORD_BASE; digit++)
	{
		sum->first[digit + 1] = sum->first[digit] + counts[digit];
		counts[digit] = sum->first[digit];
	}
	for (int e = 0; e < s->nentries; e++)
	{
		const HwrClassDigits *digits = &sum->digits[s->entries[e].class];

		if (digits->n == 1 && digits->digits[0] > 0 && digits->digits[0] < HWR_WORD_BASE)
			sum->letters[counts[digits->digits[0]]++] = e;
	}
	sum->separators_joined = false;
	for (int k = 1; k <= s->alphabet.n; k++)
		for (int i = 0; sum->digits[k].n > 1 && i < sum->digits[k].n; i++)
			sum->separators_joined |= sum->digits[k].digits[i] == 0;
	sum->ready = true;
}

bool
hwr_word_sum_knows(HwrWordSum *sum, HwrSpelt word)
{
	uint8_t		letters[HWR_WORD_LONGEST];
	int			n = hwr_word_digits(word, letters);

	if (!sum->ready)
		make_ready(sum);
	if (sum->separators_joined)
		return false;
	for (int k = 1; k <= sum->s->alphabet.n; k++)
	{
		const HwrClassDigits *digits = &sum->digits[k];

		for (int i = 0; digits->n > 1 && i + digits->n <= n; i++)
			if (memcmp(letters + i, digits->digits, (size_t) digits->n) == 0)
				return false;
	}
	return true;
}

static inline void
add_place(Place *to, double p, int start)
{
	if (!(p > 0))
		return;
	to->p += p;
	if (start > to->start)
		to->start = start;
}

/* The sum goes on over steps [from, to) in which the letter is not. */
static void
go_on(const HwrWordSum *sum, Place *sums, int from, int to, double *lost)
{
	Place		place = from > 0 ? sums[from - 1] : (Place) {0, 0};
	int			t = from;

	for (; t < to && place.p > 0; t++)
	{
		place.p *= sum->none[t];
		if (place.p < TINY)
		{
			*lost += place.p;
			place.p = 0;
		}
		sums[t] = place;
	}
	if (t < to)
		memset(sums + t, 0, (size_t) (to - t) * sizeof(Place));
}

/* What a letter's class at a step has: it stays, it begins the word, or it comes after the letter before. */
static Place
place_of(const HwrWordSum *sum, int e, int letter, bool doubled)
{
	const Place *before = sum->sums[(letter + 1) % 2];
	int			again = sum->again[e];
	int			t = sum->step[e];
	double		p = sum->s->entries[e].p;
	Place		place = {0, 0};

	if (again >= 0)
		add_place(&place, p * sum->classes[letter % 2][again].p, sum->classes[letter % 2][again].start);
	if (letter == 0)
		add_place(&place, sum->begins[e], t);
	else if (t > 0)
		add_place(&place, p * (before[t - 1].p - (doubled && again >= 0 ? sum->classes[(letter + 1) % 2][again].p : 0)),
				  before[t - 1].start);
	return place;
}

/* The sums after a letter. */
static void
sum_letter(const HwrWordSum *sum, int letter, int digit, bool doubled, double *lost)
{
	Place	   *sums = sum->sums[letter % 2];
	int			done = 0;		/* steps */

	for (int i = sum->first[digit]; i < sum->first[digit + 1]; i++)
	{
		int			e = sum->letters[i];
		int			t = sum->step[e];
		Place		place = place_of(sum, e, letter, doubled);

		if (t >= done)
		{
			go_on(sum, sums, done, t + 1, lost);
			done = t + 1;
		}
		sum->classes[letter % 2][e] = place;
		add_place(&sums[t], place.p, place.start);
	}
	go_on(sum, sums, done, sum->s->nsteps, lost);
}

void
hwr_word_sum(HwrWordSum *sum, HwrSpelt word, double *exclusive, double *expected)
{
	uint8_t		letters[HWR_WORD_LONGEST];
	int			n = hwr_word_digits(word, letters);
	int			last = sum->s->nsteps - 1;
	const Place *sums = sum->sums[(n + 1) % 2];
	HwrPlaces	places = {0};
	double		lost = 0;

	for (int i = 0; i < n; i++)
		sum_letter(sum, i, letters[i], i > 0 && letters[i] == letters[i - 1], &lost);
	for (int t = 1; t <= last; t++)
		if (sums[t - 1].p > 0 && sum->separator[t] > 0)
			hwr_places_add(&places, sums[t - 1].p * sum->separator[t], sums[t - 1].start, t);
	if (sums[last].p > 0)
		hwr_places_add(&places, sums[last].p, sums[last].start, last + 1);
	*exclusive = hwr_places_exclusive(&places);
	*expected = places.expected + lost;
}
