/*
 * word_keys.c
 *	  What is known of the words of a line, as keys.
 *
 * The expected number of a word (word_follow.h) and what was left out are no less than the word's probability.  Of the places
 * where it may be, those that reach over the same step exclude each other, so the sum of these is no more than it.
 * Where these bounds are not on the same side of a level, the word is summed with nothing left out (word_sum.h), and where that
 * does not tell either, for it may be in several places, it is searched for.
 */
#include "word_keys.h"

#include <stdlib.h>

#include "relevance.h"
#include "word_follow.h"

const double hwr_word_levels[HWR_WORD_LEVELS] = {0, 0.2, 0.3, 0.5, 0.7, 0.9};

/* Words of a line that are summed, and that are searched for, because their bounds do not tell. */
#define MAX_SUMS 256
#define MAX_SEARCHES 64

/* Of a word that begins so and is less probable than this share of the bound, trigrams tell as well as a key. */
#define IMPROBABLE 0.25

struct HwrWordKeys
{
	HwrFollow	follow;
	int			sums;			/* of words of the line so far */
	int			searches;
	HwrSearch  *search;
	HwrTrigram	keys[HWR_FOLLOW_WORDS + HWR_FOLLOW_BEGINNINGS];
};

bool
hwr_word_keys_create(HwrWordKeys **out, HwrStatus *st)
{
	HwrWordKeys *w = hwr_alloc_zero(1, sizeof(HwrWordKeys), st);

	if (w == NULL)
		return false;
	if (!hwr_follow_create(&w->follow, st) || !hwr_search_create(&w->search, st))
	{
		hwr_word_keys_free(w);
		return false;
	}
	*out = w;
	return true;
}

void
hwr_word_keys_free(HwrWordKeys *w)
{
	if (w == NULL)
		return;
	hwr_follow_free(&w->follow);
	hwr_search_free(w->search);
	free(w);
}

bool
hwr_word_keys_begin(HwrWordKeys *w, const HwrSparse *s, double bound, HwrStatus *st)
{
	return hwr_follow_begin(&w->follow, s, bound > HWR_WORD_LOWEST ? bound : HWR_WORD_LOWEST, st);
}

void
hwr_word_keys_step(HwrWordKeys *w, bool *done)
{
	hwr_follow_step(&w->follow, done);
}

HwrWordSays
hwr_word_says(HwrWordCode code, int known, double threshold)
{
	bool		at_least = known >= HWR_WORD_AT_LEAST;
	int			level = at_least ? known - HWR_WORD_AT_LEAST : known;
	bool		below = !at_least && level + 1 < HWR_WORD_LEVELS && hwr_word_levels[level + 1] <= threshold;

	if (level >= HWR_WORD_LEVELS)
		return HWR_WORD_SAYS_NOTHING;
	/* Another word may have the key, and the one that is looked for none. */
	if (code >= HWR_WORD_LONG)
		return at_least || below ? HWR_WORD_SAYS_NOTHING : HWR_WORD_MAYBE;
	if (hwr_word_levels[level] >= threshold)
		return HWR_WORD_REACHES;
	return below ? HWR_WORD_BELOW : HWR_WORD_MAYBE;
}

/* The number of the highest level that is not above p. */
static int
level_of(double p)
{
	int			level = 0;

	while (level + 1 < HWR_WORD_LEVELS && hwr_word_levels[level + 1] <= p)
		level++;
	return level;
}

/* A search in the line, where a sum does not tell; *least and *most stay what they are where that is too much. */
static bool
search_word(HwrWordKeys *w, HwrSpelt spelt, double rounding, double *least, double *most, HwrStatus *st)
{
	char		text[HWR_WORD_LONGEST];
	int			n = hwr_word_text(spelt, text);
	HwrWord    *word;
	double		p;
	bool		ok;

	if (!hwr_word_compile(text, (size_t) n, HWR_WORD_WHOLE, &word, st))
		return false;
	ok = hwr_word_relevance(w->search, word, w->follow.s, &p, st);
	hwr_word_free(word);
	if (ok)
	{
		*least = p - rounding;
		*most = p + rounding;
	}
	return ok || st->code == HWR_BAD_QUERY;
}

/* Bounds of a word's probability that are mostly nearer than those that were found so far. */
static bool
bound_word(HwrWordKeys *w, HwrSpelt word, double rounding, double *least, double *most, HwrStatus *st)
{
	if (w->sums < MAX_SUMS && hwr_word_sum_knows(&w->follow.sum, word))
	{
		double		exclusive;
		double		expected;

		w->sums++;
		hwr_word_sum(&w->follow.sum, word, &exclusive, &expected);
		*least = exclusive - rounding;
		*most = expected + rounding;
		if (level_of(*least) == level_of(*most))
			return true;
	}
	return w->searches++ >= MAX_SEARCHES || search_word(w, word, rounding, least, most, st);
}

/* Keys of the beginnings of which words may be missing: of letters, and of two where there are none of the first alone. */
static void
add_unlisted(HwrWordKeys *w, int *n)
{
	for (int first = 1; first < HWR_WORD_BASE; first++)
	{
		int			letter = first * HWR_WORD_BASE;

		if (hwr_follow_is_unlisted(&w->follow, letter))
		{
			w->keys[(*n)++] = hwr_word_key((HwrWordCode) first, HWR_WORDS_UNLISTED);
			continue;
		}
		for (uint64_t rest = w->follow.begun[first] & ~UINT64_C(1); rest != 0; rest &= rest - 1)
			if (hwr_follow_is_unlisted(&w->follow, letter + __builtin_ctzll(rest)))
				w->keys[(*n)++] = hwr_word_key((HwrWordCode) (letter + __builtin_ctzll(rest)), HWR_WORDS_UNLISTED);
	}
}

/* What the key of a word says of its probability, where something has to be said; -1: nothing. */
static int
known_of(const HwrWordKeys *w, const HwrFoundWord *f, bool unlisted, double least, double most)
{
	int			level = level_of(least);
	int			highest = level_of(most);

	/* Of a code that others may share it is known only how probable a word with it may be. */
	if (f->word.others > 0)
		return highest > 0 ? highest : -1;
	/* Where other words may be missing it is said of this one that it is improbable. */
	if (unlisted && least < hwr_word_levels[1])
		return level == highest ? level : -1;
	return most < w->follow.bound ? -1 : level == highest ? level : level + HWR_WORD_AT_LEAST;
}

bool
hwr_word_keys_get(HwrWordKeys *w, const HwrTrigram **keys, int *n, HwrStatus *st)
{
	double		rounding = HWR_FOLLOW_ROUNDING * w->follow.s->nsteps;

	w->sums = w->searches = 0;
	*n = 0;
	for (int i = 0; i < w->follow.nfound; i++)
	{
		const HwrFoundWord *f = &w->follow.found[i];
		double		least = hwr_places_exclusive(&f->places) - rounding;
		double		most = f->places.expected + hwr_follow_missing(&w->follow, f->beginning) + rounding;
		bool		unlisted = hwr_follow_is_unlisted(&w->follow, f->beginning);
		int			known;

		if (most < w->follow.bound || (unlisted && f->places.expected < w->follow.bound * IMPROBABLE))
			continue;
		if (level_of(least) != level_of(most) && !bound_word(w, f->word, rounding, &least, &most, st))
			return false;
		known = known_of(w, f, unlisted, least, most);
		if (known >= 0)
			w->keys[(*n)++] = hwr_word_key(hwr_word_code_of(f->word), known);
	}
	add_unlisted(w, n);
	qsort(w->keys, (size_t) *n, sizeof(HwrTrigram), hwr_trigram_compare);
	*keys = w->keys;
	return true;
}
