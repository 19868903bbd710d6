/*
 * automaton.c
 *	  A pattern as a deterministic automaton over an alphabet: the construction of subsets.
 *
 * A state is a set of the pattern's positions that may come next.
 */
#include "pattern_internal.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

/* Numbers in the table of an automaton, and positions times classes. */
#define MAX_CELLS ((size_t) 1 << 26)

/* Words of sets that are worked on between two questions whether to stop. */
#define WORK_BETWEEN_STOPS ((size_t) 1 << 23)

static bool
is_word(uint32_t c)
{
	switch (utf8proc_category((utf8proc_int32_t) c))
	{
		case UTF8PROC_CATEGORY_LU:
		case UTF8PROC_CATEGORY_LL:
		case UTF8PROC_CATEGORY_LT:
		case UTF8PROC_CATEGORY_LM:
		case UTF8PROC_CATEGORY_LO:
		case UTF8PROC_CATEGORY_ND:
			return true;
		default:
			return false;
	}
}

static bool
in_ranges(const HwrPattern *pattern, const HwrPosition *position, uint32_t c)
{
	for (int r = position->first; r < position->first + position->n; r++)
	{
		HwrRange	range = pattern->ranges[r];

		if (range.to < range.from ? is_word(c) : c >= range.from && c <= range.to)
			return true;
	}
	return false;
}

static bool
may_stand(const HwrPattern *pattern, int position, uint32_t c)
{
	const HwrPosition *p = &pattern->positions[position];
	bool		in = in_ranges(pattern, p, c);

	if (!in && pattern->ignore_case)
		in = in_ranges(pattern, p, (uint32_t) utf8proc_tolower((utf8proc_int32_t) c)) ||
			in_ranges(pattern, p, (uint32_t) utf8proc_toupper((utf8proc_int32_t) c));
	return in != p->excluded;
}

/* What the construction of states works with. */
typedef struct Builder
{
	const HwrPattern *pattern;
	HwrAutomaton *automaton;
	bool	   *allowed;		/* [npositions][classes] */
	HwrPositionSet *sets;		/* [room] */
	int			room;
	size_t		work;			/* since stop was asked */
	HwrStopFn	stop;
	void	   *stop_arg;
	HwrStatus  *st;
} Builder;

/* Count work; false, with the status set, where it is to stop. */
static bool
go_on(Builder *b, size_t work)
{
	b->work += work;
	if (b->work < WORK_BETWEEN_STOPS)
		return true;
	b->work = 0;
	return b->stop == NULL || !b->stop(b->stop_arg) || hwr_fail(b->st, HWR_CANCELLED, "cancelled");
}

static bool
too_complicated(HwrStatus *st)
{
	return hwr_fail(st, HWR_BAD_QUERY, "pattern is too complicated");
}

static int
state_of(Builder *b, const HwrPositionSet *set)
{
	HwrAutomaton *a = b->automaton;
	size_t		K = (size_t) a->classes;

	for (int q = 0; q < a->nstates; q++)
		if (memcmp(&b->sets[q], set, sizeof(HwrPositionSet)) == 0)
			return q;
	if (a->nstates == HWR_PATTERN_MAX_STATES)
	{
		(void) too_complicated(b->st);
		return -2;
	}
	if (a->nstates == b->room)
	{
		int			room = b->room * 2;
		HwrPositionSet *sets;
		int		   *next;
		bool	   *whole;

		if ((size_t) room * K > MAX_CELLS)
		{
			(void) too_complicated(b->st);
			return -2;
		}
		sets = hwr_realloc(b->sets, (size_t) room, sizeof(HwrPositionSet), b->st);
		if (sets == NULL)
			return -2;
		b->sets = sets;
		next = hwr_realloc(a->next, (size_t) room * K, sizeof(int), b->st);
		if (next == NULL)
			return -2;
		a->next = next;
		whole = hwr_realloc(a->whole, (size_t) room, sizeof(bool), b->st);
		if (whole == NULL)
			return -2;
		a->whole = whole;
		b->room = room;
	}
	b->sets[a->nstates] = *set;
	a->whole[a->nstates] = hwr_position_in(set, b->pattern->npositions);
	return a->nstates++;
}

static bool
build_states(Builder *b)
{
	HwrAutomaton *a = b->automaton;
	const HwrPattern *pattern = b->pattern;

	if (state_of(b, &pattern->follow[pattern->npositions]) < 0)
		return false;
	for (int q = 0; q < a->nstates; q++)
	{
		HwrPositionSet from = b->sets[q];
		HwrPositionSet last = {{0}};	/* where the last class led: most lead to the same */
		int			last_state = -1;

		a->next[(size_t) q * (size_t) a->classes] = -1;
		for (int k = 1; k < a->classes; k++)
		{
			HwrPositionSet to = {{0}};
			bool		any = false;
			int			state = -1;

			for (int i = 0; i < pattern->npositions; i++)
				if (hwr_position_in(&from, i) && b->allowed[(size_t) i * (size_t) a->classes + (size_t) k])
				{
					hwr_position_merge(&to, &pattern->follow[i]);
					any = true;
				}
			if (any && last_state >= 0 && memcmp(&last, &to, sizeof(to)) == 0)
				state = last_state;
			else if (any)
			{
				last = to;
				last_state = state = state_of(b, &to);
				if (state == -2 || !go_on(b, (size_t) a->nstates * HWR_POSITION_WORDS / 8))
					return false;
			}
			if (!go_on(b, (size_t) pattern->npositions))
				return false;
			a->next[(size_t) q * (size_t) a->classes + (size_t) k] = state;
		}
	}
	return true;
}

/* Ways to states from which no whole text can be reached are closed. */
static bool
close_dead_ends(Builder *b)
{
	HwrAutomaton *a = b->automaton;
	size_t		cells = (size_t) a->nstates * (size_t) a->classes;
	bool	   *alive = hwr_alloc((size_t) a->nstates, sizeof(bool), b->st);
	bool		changed = true;

	if (alive == NULL)
		return false;
	memcpy(alive, a->whole, (size_t) a->nstates * sizeof(bool));
	while (changed)
	{
		changed = false;
		if (!go_on(b, cells))
		{
			free(alive);
			return false;
		}
		for (int q = a->nstates - 1; q >= 0; q--)
			for (int k = 1; k < a->classes && !alive[q]; k++)
			{
				int			to = a->next[(size_t) q * (size_t) a->classes + (size_t) k];

				if (to >= 0 && alive[to])
					alive[q] = changed = true;
			}
	}
	for (size_t i = 0; i < cells; i++)
		if (a->next[i] >= 0 && !alive[a->next[i]])
			a->next[i] = -1;
	free(alive);
	return true;
}

/* allowed[]: which classes may stand where. */
static bool
fill_allowed(Builder *b, const HwrAlphabet *alphabet)
{
	const HwrPattern *pattern = b->pattern;
	size_t		K = (size_t) alphabet->n + 1;

	for (int i = 0; i < pattern->npositions; i++)
		for (size_t k = 1; k < K; k++)
		{
			b->allowed[(size_t) i * K + k] = may_stand(pattern, i, alphabet->codepoints[k - 1]);
			if (!go_on(b, (size_t) pattern->positions[i].n + 1))
				return false;
		}
	return true;
}

bool
hwr_pattern_bind(const HwrPattern *pattern, const HwrAlphabet *alphabet, HwrStopFn stop, void *stop_arg, HwrAutomaton **out,
				 HwrStatus *st)
{
	Builder		b = {.pattern = pattern,.room = 32,.stop = stop,.stop_arg = stop_arg,.st = st};
	HwrAutomaton *a;
	size_t		K = (size_t) alphabet->n + 1;
	bool		ok;

	if ((size_t) pattern->npositions * K > MAX_CELLS)
		return too_complicated(st);
	a = hwr_alloc_zero(1, sizeof(HwrAutomaton), st);
	if (a == NULL)
		return false;
	a->classes = alphabet->n + 1;
	b.automaton = a;
	a->next = hwr_alloc((size_t) b.room * K, sizeof(int), st);
	a->whole = hwr_alloc((size_t) b.room, sizeof(bool), st);
	b.sets = hwr_alloc((size_t) b.room, sizeof(HwrPositionSet), st);
	b.allowed = hwr_alloc_zero((size_t) pattern->npositions * K + 1, sizeof(bool), st);
	ok = a->next != NULL && a->whole != NULL && b.sets != NULL && b.allowed != NULL;
	ok = ok && fill_allowed(&b, alphabet) && build_states(&b) && close_dead_ends(&b);
	free(b.sets);
	free(b.allowed);
	if (!ok)
	{
		hwr_automaton_free(a);
		return false;
	}
	*out = a;
	return true;
}

void
hwr_automaton_free(HwrAutomaton *automaton)
{
	if (automaton == NULL)
		return;
	free(automaton->next);
	free(automaton->whole);
	free(automaton);
}
