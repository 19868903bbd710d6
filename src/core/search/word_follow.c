/*
 * word_follow.c
 *	  The words that a line may have, followed letter by letter.
 *
 * Steps are independent of each other, so the expected number of a word is a sum over the places where it may
 * begin: the probability that its first letter is written after a separator, times that its other letters and a
 * separator follow.  The former is found for all places by what the last symbol was; from there on, beginnings
 * of words are followed letter by letter.  The improbable ones are left out, and how much that is, is added up.
 */
#include "word_follow.h"

#include <stdlib.h>
#include <string.h>

#include "core/text/fold.h"

/*
 * Beginnings of words at a step, where all of a line are followed, and where those are followed once more of which too much was
 * left out.  What would be more counts as left out.
 */
#define STATES 64
#define MAX_STATES HWR_FOLLOW_STATES

/*
 * What is left out is summed by how a word begins, by its first letter or its first two: this share of the bound
 * may be, of each.  What is less than LESS of what may still be left out, is, and less than LESS_AGAIN where words with a first
 * letter are followed once more.  Where that is as much as the bound in the end, not all words that begin so are listed.
 */
#define SHARE 0.7
#define LESS 0.05
#define LESS_AGAIN 0.02

/* The beginning of a word, with the class that its last character is written with. */
typedef struct HwrWordState
{
	HwrSpelt	prefix;
	int			class;
	int			letters;
	int			beginning;		/* digit, and the next one, or 0 */
	int			start;			/* the last step at which it can have begun */
	double		same;			/* probability where the last step had the class, */
	double		blank;			/* and the blank */
} State;

typedef HwrBetween Between;

bool
hwr_follow_create(HwrFollow *w, HwrStatus *st)
{
	w->states = hwr_alloc(MAX_STATES, sizeof(State), st);
	w->now = hwr_alloc(MAX_STATES, sizeof(State), st);
	w->found = hwr_alloc(HWR_FOLLOW_WORDS, sizeof(HwrFoundWord), st);
	return w->states != NULL && w->now != NULL && w->found != NULL;
}

void
hwr_follow_free(HwrFollow *w)
{
	free(w->digits);
	free(w->between);
	free(w->between_now);
	free(w->states);
	free(w->now);
	free(w->found);
	hwr_word_sum_free(&w->sum);
}

bool
hwr_follow_begin(HwrFollow *w, const HwrSparse *s, double bound, HwrStatus *st)
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
	w->bound = bound;
	w->vain = w->may = bound * SHARE;
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
find(HwrFollow *w, HwrSpelt word, int beginning, int start, int end, double p)
{
	uint32_t	at = hash_of(word, 0);
	HwrFoundWord *found;

	if (!(p > 0))
		return;
	for (;; at++)
	{
		HwrSlot    *slot = &w->words[at % (4 * HWR_FOLLOW_WORDS)];

		if (slot->stamp != w->words_stamp)
		{
			if (w->nfound == HWR_FOLLOW_WORDS)
			{
				w->left_out[beginning] += p;
				return;
			}
			*slot = (HwrSlot) {w->words_stamp, w->nfound};
			found = &w->found[w->nfound++];
			*found = (HwrFoundWord) {.word = word,.beginning = beginning};
			break;
		}
		if (is_same(w->found[slot->index].word, word))
		{
			found = &w->found[slot->index];
			break;
		}
	}
	hwr_places_add(&found->places, p, start, end);
}

/* Add what a state has to the states of this step. */
static void
put(HwrFollow *w, const State *state)
{
	uint32_t	at = hash_of(state->prefix, (uint64_t) state->class);

	for (;; at++)
	{
		HwrSlot    *slot = &w->slots[at % (4 * MAX_STATES)];

		if (slot->stamp != w->stamp)
		{
			if (w->nnow == w->room)
			{
				w->left_out[state->beginning] += state->same + state->blank;
				return;
			}
			*slot = (HwrSlot) {w->stamp, w->nnow};
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
leave_out(HwrFollow *w, int beginning, double p)
{
	double	   *left_out = &w->left_out[beginning];

	if (p > (w->may - *left_out) * w->less && *left_out < w->vain)
		return false;
	*left_out += p;
	return true;
}

/* A letter more; false where no code begins so. */
static inline bool
append(HwrFollow *w, State *state, uint8_t digit)
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
extend(HwrFollow *w, const State *from, int class, double p)
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
begin_words(HwrFollow *w, int class, Between p, Between *after)
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
step_between(HwrFollow *w, const HwrSparseStep *at)
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
step_blank(HwrFollow *w, double p)
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
step_state(HwrFollow *w, const State *from, const HwrEntry *entries, int n)
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
end_line(HwrFollow *w)
{
	for (int i = 0; i < w->nstates; i++)
		find(w, w->states[i].prefix, w->states[i].beginning, w->states[i].start, w->step, w->states[i].same + w->states[i].blank);
	w->nstates = 0;
}

/*
 * Follow the words with those first letters once more, and more closely, of which too much was left out; false: there are
 * none.
 */
static bool
begin_again(HwrFollow *w)
{
	bool		any = false;

	for (int first = 0; first < HWR_WORD_BASE; first++)
	{
		w->wanted[first] = false;
		for (uint64_t rest = w->begun[first]; rest != 0 && !w->wanted[first]; rest &= rest - 1)
			w->wanted[first] = hwr_follow_is_unlisted(w, first * HWR_WORD_BASE + __builtin_ctzll(rest));
		any |= w->wanted[first];
		if (w->wanted[first])
			memset(w->left_out + first * HWR_WORD_BASE, 0, HWR_WORD_BASE * sizeof(double));
	}
	if (!any)
		return false;
	for (int i = 0; i < w->nfound; i++)
		if (w->wanted[w->found[i].beginning / HWR_WORD_BASE])
			w->found[i] = (HwrFoundWord) {.word = w->found[i].word,.beginning = w->found[i].beginning};
	w->again = true;
	w->room = MAX_STATES;
	w->less = LESS_AGAIN;
	w->vain = w->may;
	w->total = (Between) {1, 0};
	w->step = 0;
	return true;
}

void
hwr_follow_step(HwrFollow *w, bool *done)
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

