/*
 * word_keys.c
 *	  The whole words of lines.
 *
 * Steps are independent of each other, so the expected number of a word is a sum over the places where it may
 * begin: the probability that its first letter is written after a separator, times that its other letters and a
 * separator follow.  The former is found for all places by what the last symbol was; from there on, beginnings
 * of words are followed letter by letter.
 *
 * The expected number and what was left out are no less than the word's probability.  Of the places where a word
 * may be, those that reach over the same step exclude each other, so the sum of these is no more than it.
 * Where these bounds are not on the same side of a level, the word is summed with nothing left out (word_sum.h), and where that
 * does not tell either, for it may be in several places, it is searched for.
 */
#include "word_keys.h"

#include <stdlib.h>
#include <string.h>

#include "core/text/fold.h"
#include "word_sum.h"

const double hwr_word_levels[HWR_WORD_LEVELS] = {0, 0.2, 0.3, 0.5, 0.7, 0.9};

/*
 * Beginnings of words at a step, where all of a line are followed, and where those are followed once more of which too much was
 * left out; and words of a line.  What would be more counts as left out.
 */
#define STATES 64
#define MAX_STATES 256
#define MAX_WORDS 8192

/*
 * What is left out is summed by how a word begins, by its first letter or its first two: this share of the bound
 * may be, of each.  What is less than LESS of what may still be left out, is, and less than LESS_AGAIN where words with a first
 * letter are followed once more.  Where that is as much as the bound in the end, not all words that begin so are listed.
 */
#define SHARE 0.7
#define LESS 0.05
#define LESS_AGAIN 0.02
#define BEGINNINGS (HWR_WORD_BASE * HWR_WORD_BASE)

/* Words of a line that are summed, and that are searched for, because their bounds do not tell. */
#define MAX_SUMS 256
#define MAX_SEARCHES 64

/* Of a word that begins so and is less probable than this share of the bound, trigrams tell as well as a key. */
#define IMPROBABLE 0.25

/* Room for rounding beside what a search finds, for each step, whose probabilities are floats and sum to 1 but for this. */
#define ROUNDING 1e-7

/* The beginning of a word, with the class that its last character is written with. */
typedef struct State
{
	HwrSpelt	prefix;
	int			class;
	int			letters;
	int			beginning;		/* digit, and the next one, or 0 */
	int			start;			/* the last step at which it can have begun */
	double		same;			/* probability where the last step had the class, */
	double		blank;			/* and the blank */
} State;

/* A word that has been found. */
typedef struct Found
{
	HwrSpelt	word;
	int			beginning;
	int			over;			/* a step that the places reach over that exclude each other */
	double		exclusive;		/* of these */
	double		least;			/* the most of such sums before */
	double		expected;
} Found;

typedef struct Slot
{
	uint32_t	stamp;
	int			index;
} Slot;

/* Each probability of the last step's classes, by whether the last symbol is a separator. */
typedef struct Between
{
	double		separator;
	double		other;
} Between;

struct HwrWordKeys
{
	double		bound;
	const HwrSparse *s;
	HwrFoldCache cache;
	size_t		digits_room;
	HwrClassDigits *digits;		/* [classes of the line] */
	int			step;
	bool		again;			/* words are followed once more, */
	bool		wanted[HWR_WORD_BASE];	/* those with these first digits */
	int			room;			/* for beginnings of words */
	double		less;			/* LESS, LESS_AGAIN */
	double		vain;			/* to go on with words that begin alike, where so much has been left out */
	double		may;			/* be left out of words that begin alike */
	double		left_out[BEGINNINGS];
	uint64_t	begun[HWR_WORD_BASE];	/* by first digit: bits of the second digits, 0 for none, of beginnings that there are */

	Between		total;
	Between    *between;		/* [n of the last step] */
	Between    *between_now;
	size_t		between_room[2];

	int			nstates;
	State	   *states;			/* [MAX_STATES] */
	int			nnow;
	State	   *now;
	uint32_t	stamp;
	Slot		slots[4 * MAX_STATES];

	int			nfound;
	Found	   *found;			/* [MAX_WORDS] */
	uint32_t	words_stamp;
	Slot		words[4 * MAX_WORDS];

	int			sums;			/* of words of the line so far */
	HwrWordSum	sum;
	int			searches;
	HwrSearch  *search;
	HwrTrigram	keys[MAX_WORDS + BEGINNINGS];
};

bool
hwr_word_keys_create(HwrWordKeys **out, HwrStatus *st)
{
	HwrWordKeys *w = hwr_alloc_zero(1, sizeof(HwrWordKeys), st);

	if (w == NULL)
		return false;
	w->states = hwr_alloc(MAX_STATES, sizeof(State), st);
	w->now = hwr_alloc(MAX_STATES, sizeof(State), st);
	w->found = hwr_alloc(MAX_WORDS, sizeof(Found), st);
	if (w->states == NULL || w->now == NULL || w->found == NULL || !hwr_search_create(&w->search, st))
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
	free(w->digits);
	free(w->between);
	free(w->between_now);
	free(w->states);
	free(w->now);
	free(w->found);
	hwr_word_sum_free(&w->sum);
	hwr_search_free(w->search);
	free(w);
}

bool
hwr_word_keys_begin(HwrWordKeys *w, const HwrSparse *s, double bound, HwrStatus *st)
{
	size_t		most = 1;

	for (int i = 0; i < s->nsteps; i++)
		most = (size_t) s->at[i].n > most ? (size_t) s->at[i].n : most;
	if (!hwr_alloc_room(&w->digits, &w->digits_room, (size_t) s->alphabet.n + 1, sizeof(HwrClassDigits), st) ||
		!hwr_alloc_room(&w->between, &w->between_room[0], most, sizeof(Between), st) ||
		!hwr_alloc_room(&w->between_now, &w->between_room[1], most, sizeof(Between), st))
		return false;
	w->digits[0].n = 0;
	for (int i = 0; i < s->alphabet.n; i++)
	{
		const HwrFold *fold = hwr_fold_cached(&w->cache, s->alphabet.codepoints[i]);

		w->digits[i + 1].n = fold->n;
		for (int k = 0; k < fold->n; k++)
			w->digits[i + 1].digits[k] = (uint8_t) hwr_word_digit(fold->symbols[k]);
	}
	if (!hwr_word_sum_begin(&w->sum, s, w->digits, st))
		return false;
	w->bound = bound > HWR_WORD_LOWEST ? bound : HWR_WORD_LOWEST;
	w->vain = w->may = w->bound * SHARE;
	w->s = s;
	w->step = 0;
	memset(w->left_out, 0, sizeof(w->left_out));
	memset(w->begun, 0, sizeof(w->begun));
	w->again = false;
	memset(w->wanted, true, sizeof(w->wanted));
	w->room = STATES;
	w->less = LESS;
	w->total = (Between) {1, 0};
	w->nstates = w->nfound = 0;
	w->words_stamp++;
	return true;
}

static inline bool
is_same(HwrSpelt a, HwrSpelt b)
{
	return a.first == b.first && a.others == b.others;
}

static inline uint32_t
hash_of(HwrSpelt word, uint64_t b)
{
	uint64_t	a = word.first + word.others * UINT64_C(0xc2b2ae3d27d4eb4f);

	a = (a ^ (b << 57)) * UINT64_C(0x9e3779b97f4a7c15) + b;
	return (uint32_t) ((a * UINT64_C(0xff51afd7ed558ccd)) >> 32);
}

/* The word is written at a step: the separator after it is. */
static void
find(HwrWordKeys *w, HwrSpelt word, int beginning, int start, int end, double p)
{
	uint32_t	at = hash_of(word, 0);
	Found	   *found;

	if (!(p > 0))
		return;
	for (;; at++)
	{
		Slot	   *slot = &w->words[at % (4 * MAX_WORDS)];

		if (slot->stamp != w->words_stamp)
		{
			if (w->nfound == MAX_WORDS)
			{
				w->left_out[beginning] += p;
				return;
			}
			*slot = (Slot) {w->words_stamp, w->nfound};
			w->found[w->nfound++] = (Found) {word, beginning, end, p, 0, p};
			return;
		}
		if (is_same(w->found[slot->index].word, word))
		{
			found = &w->found[slot->index];
			break;
		}
	}
	found->expected += p;
	if (start < found->over)
		found->exclusive += p;
	else
	{
		if (found->exclusive > found->least)
			found->least = found->exclusive;
		found->over = end;
		found->exclusive = p;
	}
}

/* Add what a state has to the states of this step. */
static void
put(HwrWordKeys *w, const State *state)
{
	uint32_t	at = hash_of(state->prefix, (uint64_t) state->class);

	for (;; at++)
	{
		Slot	   *slot = &w->slots[at % (4 * MAX_STATES)];

		if (slot->stamp != w->stamp)
		{
			if (w->nnow == w->room)
			{
				w->left_out[state->beginning] += state->same + state->blank;
				return;
			}
			*slot = (Slot) {w->stamp, w->nnow};
			w->now[w->nnow++] = *state;
			return;
		}
		if (is_same(w->now[slot->index].prefix, state->prefix) && w->now[slot->index].class == state->class)
		{
			State	   *to = &w->now[slot->index];

			to->same += state->same;
			to->blank += state->blank;
			if (state->start > to->start)
				to->start = state->start;
			return;
		}
	}
}

/* Whether it is left out, because it is so little, or so much has been that it is in vain to go on. */
static inline bool
leave_out(HwrWordKeys *w, int beginning, double p)
{
	double	   *left_out = &w->left_out[beginning];

	if (p > (w->may - *left_out) * w->less && *left_out < w->vain)
		return false;
	*left_out += p;
	return true;
}

/* A letter more; false where no code begins so. */
static inline bool
append(HwrWordKeys *w, State *state, uint8_t digit)
{
	if (digit == HWR_WORD_NO_CODE || state->letters == HWR_WORD_LONGEST)
		return false;
	hwr_word_append(&state->prefix, digit);
	state->letters++;
	if (state->letters <= 2)
	{
		state->beginning += state->letters == 1 ? digit * HWR_WORD_BASE : digit;
		w->begun[state->beginning / HWR_WORD_BASE] |= UINT64_C(1) << (state->letters == 1 ? 0 : digit);
	}
	return true;
}

/* A character is written after the beginning of a word, with probability p. */
static void
extend(HwrWordKeys *w, const State *from, int class, double p)
{
	const HwrClassDigits *digits = &w->digits[class];
	State		to = *from;

	to.class = class;
	to.same = p;
	to.blank = 0;
	for (int i = 0; i < digits->n; i++)
	{
		if (digits->digits[i] == 0)
		{
			find(w, to.prefix, to.beginning, to.start, w->step, p);
			return;
		}
		if (!append(w, &to, digits->digits[i]))
			return;
	}
	put(w, &to);
}

/*
 * A character is written after a separator, with probability p.separator, or after another symbol: words that
 * begin with it, and whether it ends with a separator is added up.
 */
static void
begin_words(HwrWordKeys *w, int class, Between p, Between *after)
{
	const HwrClassDigits *digits = &w->digits[class];
	State		to = {.class = class,.start = w->step};
	double		begins = p.separator;
	bool		in_word = false;
	bool		lost = false;

	for (int i = 0; i < digits->n; i++)
	{
		uint8_t		digit = digits->digits[i];

		if (digit == 0)
		{
			if (in_word && !lost && w->wanted[to.beginning / HWR_WORD_BASE])
				find(w, to.prefix, to.beginning, to.start, w->step, to.same);
			begins = p.separator + p.other;
			in_word = lost = false;
			continue;
		}
		if (!in_word)
		{
			in_word = true;
			to.prefix = (HwrSpelt) {0, 0};
			to.letters = to.beginning = 0;
			to.same = begins;
		}
		lost = lost || !append(w, &to, digit);
	}
	if (digits->n == 0)
	{
		after->separator += p.separator;
		after->other += p.other;
	}
	else if (in_word)
		after->other += p.separator + p.other;
	else
		after->separator += p.separator + p.other;
	if (in_word && !lost && w->wanted[to.beginning / HWR_WORD_BASE] && to.same > 0 && !leave_out(w, to.beginning, to.same))
		put(w, &to);
}

/* The words that begin at this step, and what the last symbol is after it. */
static void
step_between(HwrWordKeys *w, const HwrSparseStep *at)
{
	const HwrSparse *s = w->s;
	const HwrEntry *entries = s->entries + at->entry;
	Between		total = {0, 0};
	Between    *swap = w->between;
	size_t		room = w->between_room[0];
	int			before = 0;
	int			nbefore = w->step > 0 ? at[-1].n : 0;
	const HwrEntry *last = w->step > 0 ? s->entries + at[-1].entry : NULL;

	for (int e = 0; e < at->n; e++)
	{
		double		p = entries[e].p;
		Between    *now = &w->between_now[e];
		Between		same = {0, 0};
		Between		written;

		if (entries[e].class == 0)
			*now = (Between) {p * w->total.separator, p * w->total.other};
		else
		{
			while (before < nbefore && last[before].class < entries[e].class)
				before++;
			if (before < nbefore && last[before].class == entries[e].class)
				same = w->between[before];
			*now = (Between) {p * same.separator, p * same.other};
			written = (Between) {p * (w->total.separator - same.separator), p * (w->total.other - same.other)};
			/* Rounding must not make it negative. */
			if (written.separator < 0)
				written.separator = 0;
			if (written.other < 0)
				written.other = 0;
			w->sum.begins[at->entry + e] = written.separator;
			begin_words(w, entries[e].class, written, now);
		}
		total.separator += now->separator;
		total.other += now->other;
	}
	w->total = total;
	w->between = w->between_now;
	w->between_now = swap;
	w->between_room[0] = w->between_room[1];
	w->between_room[1] = room;
}

/* A step of nothing but blank. */
static void
step_blank(HwrWordKeys *w, double p)
{
	for (int i = 0; i < w->nstates; i++)
	{
		State	   *state = &w->states[i];

		state->blank = p * (state->same + state->blank);
		state->same = 0;
	}
	w->total = w->between[0] = (Between) {p * w->total.separator, p * w->total.other};
}

/* What the step's classes make of the beginning of a word. */
static void
step_state(HwrWordKeys *w, const State *from, const HwrEntry *entries, int n)
{
	State		stays = *from;
	double		all = from->same + from->blank;
	double		left_out = w->left_out[from->beginning];
	double		little = (w->may - left_out) * w->less;
	double		less = 0;

	/* It is in vain to go on. */
	if (left_out >= w->vain)
	{
		w->left_out[from->beginning] += all;
		return;
	}
	stays.same = stays.blank = 0;
	for (int e = 0; e < n; e++)
	{
		double		p = entries[e].p;
		double		flow = p * all;

		if (entries[e].class == 0)
		{
			stays.blank = flow;
			continue;
		}
		if (entries[e].class == from->class)
		{
			stays.same = p * from->same;
			flow = p * from->blank;
		}
		if (flow > little)
			extend(w, from, entries[e].class, flow);
		else
			less += flow;
	}
	w->left_out[from->beginning] += less;
	if (stays.same + stays.blank > 0 && !leave_out(w, from->beginning, stays.same + stays.blank))
		put(w, &stays);
}

/* The end of the line ends words. */
static void
end_line(HwrWordKeys *w)
{
	for (int i = 0; i < w->nstates; i++)
		find(w, w->states[i].prefix, w->states[i].beginning, w->states[i].start, w->step, w->states[i].same + w->states[i].blank);
	w->nstates = 0;
}

/* What is left out of all words that begin so, and whether one of them may be missing. */
static inline double
missing(const HwrWordKeys *w, int beginning)
{
	int			second = beginning % HWR_WORD_BASE;

	return w->left_out[beginning - second] + (second > 0 ? w->left_out[beginning] : 0);
}

static inline bool
is_unlisted(const HwrWordKeys *w, int beginning)
{
	return missing(w, beginning) >= w->bound - ROUNDING * w->s->nsteps;
}

/*
 * Follow the words with those first letters once more, and more closely, of which too much was left out; false: there are
 * none.
 */
static bool
begin_again(HwrWordKeys *w)
{
	bool		any = false;

	for (int first = 0; first < HWR_WORD_BASE; first++)
	{
		w->wanted[first] = false;
		for (uint64_t rest = w->begun[first]; rest != 0 && !w->wanted[first]; rest &= rest - 1)
			w->wanted[first] = is_unlisted(w, first * HWR_WORD_BASE + __builtin_ctzll(rest));
		any |= w->wanted[first];
		if (w->wanted[first])
			memset(w->left_out + first * HWR_WORD_BASE, 0, HWR_WORD_BASE * sizeof(double));
	}
	if (!any)
		return false;
	for (int i = 0; i < w->nfound; i++)
		if (w->wanted[w->found[i].beginning / HWR_WORD_BASE])
			w->found[i] = (Found) {.word = w->found[i].word,.beginning = w->found[i].beginning};
	w->again = true;
	w->room = MAX_STATES;
	w->less = LESS_AGAIN;
	w->vain = w->may;
	w->total = (Between) {1, 0};
	w->step = 0;
	return true;
}

void
hwr_word_keys_step(HwrWordKeys *w, bool *done)
{
	const HwrSparse *s = w->s;
	const HwrSparseStep *at;
	const HwrEntry *entries;
	State	   *swap = w->states;

	*done = false;
	if (w->step == s->nsteps)
	{
		end_line(w);
		*done = w->again || !begin_again(w);
		return;
	}
	at = &s->at[w->step];
	entries = s->entries + at->entry;
	if (at->n == 1 && entries->class == 0)
		step_blank(w, entries->p);
	else
	{
		w->nnow = 0;
		w->stamp++;
		for (int i = 0; i < w->nstates; i++)
			step_state(w, &w->states[i], entries, at->n);
		step_between(w, at);
		w->states = w->now;
		w->now = swap;
		w->nstates = w->nnow;
	}
	w->step++;
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
	ok = hwr_word_relevance(w->search, word, w->s, &p, st);
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
	if (w->sums < MAX_SUMS && hwr_word_sum_knows(&w->sum, word))
	{
		double		exclusive;
		double		expected;

		w->sums++;
		hwr_word_sum(&w->sum, word, &exclusive, &expected);
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

		if (is_unlisted(w, letter))
		{
			w->keys[(*n)++] = hwr_word_key((HwrWordCode) first, HWR_WORDS_UNLISTED);
			continue;
		}
		for (uint64_t rest = w->begun[first] & ~UINT64_C(1); rest != 0; rest &= rest - 1)
			if (is_unlisted(w, letter + __builtin_ctzll(rest)))
				w->keys[(*n)++] = hwr_word_key((HwrWordCode) (letter + __builtin_ctzll(rest)), HWR_WORDS_UNLISTED);
	}
}

/* What the key of a word says of its probability, where something has to be said; -1: nothing. */
static int
known_of(const HwrWordKeys *w, const Found *f, bool unlisted, double least, double most)
{
	int			level = level_of(least);
	int			highest = level_of(most);

	/* Of a code that others may share it is known only how probable a word with it may be. */
	if (f->word.others > 0)
		return highest > 0 ? highest : -1;
	/* Where other words may be missing it is said of this one that it is improbable. */
	if (unlisted && least < hwr_word_levels[1])
		return level == highest ? level : -1;
	return most < w->bound ? -1 : level == highest ? level : level + HWR_WORD_AT_LEAST;
}

bool
hwr_word_keys_get(HwrWordKeys *w, const HwrTrigram **keys, int *n, HwrStatus *st)
{
	double		rounding = ROUNDING * w->s->nsteps;

	w->sums = w->searches = 0;
	*n = 0;
	for (int i = 0; i < w->nfound; i++)
	{
		const Found *f = &w->found[i];
		double		least = (f->exclusive > f->least ? f->exclusive : f->least) - rounding;
		double		most = f->expected + missing(w, f->beginning) + rounding;
		bool		unlisted = is_unlisted(w, f->beginning);
		int			known;

		if (most < w->bound || (unlisted && f->expected < w->bound * IMPROBABLE))
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
