/*
 * pattern.c
 *	  Regular expressions to automata: Glushkov's construction, then that of subsets.
 *
 * A position is a character of the pattern.  Of each part of it, three things are needed: at which
 * positions it can begin, at which it can end, and whether it can be empty; and for each position,
 * which can follow it.  A state is a set of positions that may come next; one more position, the
 * last, stands for the end of the text.
 *
 * Source: Glushkov, "The abstract theory of automata", 1961; Brueggemann-Klein, "Regular
 * expressions into finite automata", 1993.
 */
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define MAX_DEPTH 50
#define MAX_REPEAT 100
#define LARGE_RANGE 256
#define SET_WORDS ((HWR_PATTERN_MAX_POSITIONS + 1 + 63) / 64)

typedef struct Range
{
	uint32_t	from;
	uint32_t	to;
} Range;

/* What may stand at a position: ranges[first .. first + n), or anything but them. */
typedef struct Position
{
	int			first;
	int			n;
	bool		excluded;
} Position;

typedef struct Set
{
	uint64_t	bits[SET_WORDS];
} Set;

struct HwrPattern
{
	bool		ignore_case;
	int			npositions;
	Position   *positions;		/* [HWR_PATTERN_MAX_POSITIONS] */
	Set		   *follow;			/* [HWR_PATTERN_MAX_POSITIONS + 1], the last: what a text begins with */
	int			nranges;
	int			room;
	Range	   *ranges;
};

/* A part of the pattern. */
typedef struct Part
{
	Set			first;
	Set			last;
	bool		empty;			/* can be */
} Part;

typedef struct Parser
{
	HwrPattern *pattern;
	const uint32_t *text;
	int			n;
	int			at;
	int			depth;
	HwrStatus  *st;
} Parser;

static bool parse_either(Parser *p, Part *out);

static bool
fail(Parser *p, const char *detail)
{
	hwr_fail(p->st, HWR_BAD_QUERY, "pattern does not parse");
	hwr_fail_detail(p->st, "%s", detail);
	return false;
}

static void
put(Set *set, int i)
{
	set->bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static bool
has(const Set *set, int i)
{
	return (set->bits[i / 64] >> (i % 64)) & 1;
}

static void
merge(Set *to, const Set *from)
{
	for (int i = 0; i < SET_WORDS; i++)
		to->bits[i] |= from->bits[i];
}

/* Whatever ends from may be followed by what begins to. */
static void
connect(HwrPattern *pattern, const Set *from, const Set *to)
{
	for (int i = 0; i < pattern->npositions; i++)
		if (has(from, i))
			merge(&pattern->follow[i], to);
}

static bool
add_range(Parser *p, uint32_t from, uint32_t to)
{
	HwrPattern *pattern = p->pattern;

	if (pattern->nranges == pattern->room)
	{
		int			room = pattern->room * 2 + 64;
		Range	   *grown = hwr_realloc(pattern->ranges, (size_t) room, sizeof(Range), p->st);

		if (grown == NULL)
			return false;
		pattern->ranges = grown;
		pattern->room = room;
	}
	pattern->ranges[pattern->nranges++] = (Range) {from, to};
	return true;
}

static bool
is_kind(uint32_t c)
{
	return c == 'd' || c == 's' || c == 'w';
}

/* A range that ends before it begins stands for letters and digits. */
static bool
add_kind(Parser *p, uint32_t c)
{
	if (c == 'd')
		return add_range(p, '0', '9');
	if (c == 's')
		return add_range(p, ' ', ' ');
	return add_range(p, 1, 0);
}

/* One position more, of the ranges from first on. */
static bool
add_position(Parser *p, int first, bool excluded, Part *out)
{
	HwrPattern *pattern = p->pattern;
	int			i = pattern->npositions;

	if (i == HWR_PATTERN_MAX_POSITIONS)
		return fail(p, "It is too long, its repetitions written out.");
	pattern->npositions++;
	pattern->positions[i] = (Position) {first, pattern->nranges - first, excluded};
	memset(&pattern->follow[i], 0, sizeof(Set));
	memset(out, 0, sizeof(*out));
	put(&out->first, i);
	put(&out->last, i);
	return true;
}

/* The character after a backslash, or the one that is there. */
static bool
take_character(Parser *p, uint32_t *c)
{
	if (p->text[p->at] == '\\' && ++p->at == p->n)
		return fail(p, "It ends in a backslash.");
	*c = p->text[p->at++];
	return true;
}

static bool
parse_bracket(Parser *p, Part *out)
{
	int			first = p->pattern->nranges;
	bool		excluded = p->at < p->n && p->text[p->at] == '^';

	p->at += excluded;
	while (p->at < p->n && p->text[p->at] != ']')
	{
		uint32_t	from;
		uint32_t	to;

		if (p->text[p->at] == '\\' && p->at + 1 < p->n && is_kind(p->text[p->at + 1]))
		{
			p->at += 2;
			if (!add_kind(p, p->text[p->at - 1]))
				return false;
			continue;
		}
		if (!take_character(p, &from))
			return false;
		to = from;
		if (p->at + 1 < p->n && p->text[p->at] == '-' && p->text[p->at + 1] != ']')
		{
			p->at++;
			if (!take_character(p, &to))
				return false;
			if (to < from)
				return fail(p, "A range is the wrong way round.");
		}
		if (!add_range(p, from, to))
			return false;
	}
	if (p->at == p->n)
		return fail(p, "A bracket is not closed.");
	if (p->pattern->nranges == first)
		return fail(p, "A bracket is empty.");
	p->at++;
	return add_position(p, first, excluded, out);
}

static bool
parse_one(Parser *p, Part *out)
{
	int			first = p->pattern->nranges;
	uint32_t	c = p->text[p->at];

	switch (c)
	{
		case '(':
			p->at++;
			if (++p->depth > MAX_DEPTH)
				return fail(p, "It is nested too deeply.");
			if (!parse_either(p, out))
				return false;
			if (p->at == p->n)
				return fail(p, "A parenthesis is not closed.");
			p->depth--;
			p->at++;
			return true;
		case '[':
			p->at++;
			return parse_bracket(p, out);
		case '.':
			p->at++;
			return add_position(p, first, true, out);
		case '*':
		case '+':
		case '?':
		case '{':
			return fail(p, "There is nothing to repeat.");
		case ']':
		case '}':
		case '^':
		case '$':
			return fail(p, "A character that means something is to be written with a backslash.");
		default:
			break;
	}
	if (c == '\\' && p->at + 1 < p->n && is_kind(p->text[p->at + 1]))
	{
		p->at += 2;
		return add_kind(p, p->text[p->at - 1]) && add_position(p, first, false, out);
	}
	return take_character(p, &c) && add_range(p, c, c) && add_position(p, first, false, out);
}

static bool
parse_number(Parser *p, int *out)
{
	int			value = 0;
	int			digits = 0;

	while (p->at < p->n && p->text[p->at] >= '0' && p->text[p->at] <= '9' && digits < 4)
	{
		value = value * 10 + (int) (p->text[p->at++] - '0');
		digits++;
	}
	if (digits == 0 || value > MAX_REPEAT)
		return fail(p, "A number of repetitions is missing or too large.");
	*out = value;
	return true;
}

/* *, +, ? or {m,n}: how often; most -1: any number.  *any: there was one. */
static bool
parse_repeat(Parser *p, int *least, int *most, bool *any)
{
	uint32_t	c = p->at < p->n ? p->text[p->at] : 0;

	*any = c == '*' || c == '+' || c == '?' || c == '{';
	if (!*any)
		return true;
	p->at++;
	*least = c == '+';
	*most = c == '?' ? 1 : -1;
	if (c != '{')
		return true;
	if (!parse_number(p, least))
		return false;
	*most = *least;
	if (p->at < p->n && p->text[p->at] == ',')
	{
		p->at++;
		*most = -1;
		if (p->at < p->n && p->text[p->at] != '}' && !parse_number(p, most))
			return false;
	}
	if (p->at == p->n || p->text[p->at] != '}')
		return fail(p, "A brace is not closed.");
	if (*most >= 0 && *most < *least)
		return fail(p, "A range is the wrong way round.");
	p->at++;
	return true;
}

/* b after a, into a. */
static void
append(HwrPattern *pattern, Part *a, const Part *b)
{
	connect(pattern, &a->last, &b->first);
	if (a->empty)
		merge(&a->first, &b->first);
	if (b->empty)
		merge(&a->last, &b->last);
	else
		a->last = b->last;
	a->empty = a->empty && b->empty;
}

/* A part and how often: parsed again for each time that it is written out. */
static bool
parse_repeated(Parser *p, Part *out)
{
	int			start = p->at;
	int			depth = p->depth;
	int			end;
	int			least = 1;
	int			most = 1;
	bool		any;
	Part		one;

	memset(out, 0, sizeof(*out));
	if (!parse_one(p, &one) || !parse_repeat(p, &least, &most, &any))
		return false;
	end = p->at;
	if (any && end < p->n && (p->text[end] == '*' || p->text[end] == '+' || p->text[end] == '?' || p->text[end] == '{'))
		return fail(p, "A repetition is repeated.");
	if (most < 0)
	{
		Part		loop = one;

		connect(p->pattern, &loop.last, &loop.first);
		loop.empty = loop.empty || least == 0;
		*out = loop;
		most = least > 1 ? least : 1;
	}
	else
	{
		*out = one;
		out->empty = out->empty || least == 0;
		if (most == 0)
		{
			memset(out, 0, sizeof(*out));
			out->empty = true;
		}
	}
	/* What is written out comes before it: with an open end, all but the last time are plain. */
	for (int i = 1; i < most; i++)
	{
		Part		more;

		p->at = start;
		p->depth = depth;
		if (!parse_one(p, &more))
			return false;
		more.empty = more.empty || i >= least;
		append(p->pattern, &more, out);
		*out = more;
	}
	p->at = end;
	return true;
}

static bool
parse_sequence(Parser *p, Part *out)
{
	memset(out, 0, sizeof(*out));
	out->empty = true;
	while (p->at < p->n && p->text[p->at] != '|' && p->text[p->at] != ')')
	{
		Part		more;

		if (!parse_repeated(p, &more))
			return false;
		append(p->pattern, out, &more);
	}
	return true;
}

static bool
parse_either(Parser *p, Part *out)
{
	if (!parse_sequence(p, out))
		return false;
	while (p->at < p->n && p->text[p->at] == '|')
	{
		Part		other;

		p->at++;
		if (!parse_sequence(p, &other))
			return false;
		merge(&out->first, &other.first);
		merge(&out->last, &other.last);
		out->empty = out->empty || other.empty;
	}
	return true;
}

static bool
parse_all(Parser *p)
{
	static const uint32_t ignore_case[] = {'(', '?', 'i', ')'};
	HwrPattern *pattern = p->pattern;
	int			end;
	Part		all;

	if (p->n >= 4 && memcmp(p->text, ignore_case, sizeof(ignore_case)) == 0)
	{
		pattern->ignore_case = true;
		p->at = 4;
	}
	if (!parse_either(p, &all))
		return false;
	if (p->at < p->n)
		return fail(p, "A parenthesis is closed that was not opened.");
	end = pattern->npositions;
	for (int i = 0; i < end; i++)
		if (has(&all.last, i))
			put(&pattern->follow[i], end);
	pattern->follow[end] = all.first;
	if (all.empty)
		put(&pattern->follow[end], end);
	return true;
}

bool
hwr_pattern_compile(const char *utf8, size_t len, bool ignore_case, HwrPattern **out, HwrStatus *st)
{
	HwrPattern *pattern = hwr_alloc_zero(1, sizeof(HwrPattern), st);
	Parser		p = {.pattern = pattern,.st = st};
	uint32_t   *text = NULL;
	bool		ok;

	if (pattern == NULL)
		return false;
	pattern->ignore_case = ignore_case;
	pattern->positions = hwr_alloc(HWR_PATTERN_MAX_POSITIONS, sizeof(Position), st);
	pattern->follow = hwr_alloc_zero(HWR_PATTERN_MAX_POSITIONS + 1, sizeof(Set), st);
	ok = pattern->positions != NULL && pattern->follow != NULL && hwr_text_decode(utf8, len, &text, &p.n, st);
	p.text = text;
	ok = ok && parse_all(&p);
	free(text);
	if (!ok)
	{
		hwr_pattern_free(pattern);
		return false;
	}
	*out = pattern;
	return true;
}

void
hwr_pattern_free(HwrPattern *pattern)
{
	if (pattern == NULL)
		return;
	free(pattern->positions);
	free(pattern->follow);
	free(pattern->ranges);
	free(pattern);
}

bool
hwr_pattern_add_characters(const HwrPattern *pattern, HwrAlphabet *alphabet, HwrStatus *st)
{
	for (int i = 0; i < pattern->npositions; i++)
		for (int r = pattern->positions[i].first; r < pattern->positions[i].first + pattern->positions[i].n; r++)
		{
			Range		range = pattern->ranges[r];

			if (pattern->positions[i].excluded || range.to < range.from || range.to - range.from > LARGE_RANGE)
				continue;
			for (uint32_t c = range.from; c <= range.to; c++)
			{
				char	   *utf8;
				bool		ok;

				if (hwr_alphabet_class(alphabet, c) != 0)
					continue;
				if (!hwr_text_encode(&c, 1, &utf8, st))
					return false;
				ok = hwr_alphabet_add(alphabet, utf8, strlen(utf8), st);
				free(utf8);
				if (!ok)
					return false;
			}
		}
	return true;
}

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
in_ranges(const HwrPattern *pattern, const Position *position, uint32_t c)
{
	for (int r = position->first; r < position->first + position->n; r++)
	{
		Range		range = pattern->ranges[r];

		if (range.to < range.from ? is_word(c) : c >= range.from && c <= range.to)
			return true;
	}
	return false;
}

static bool
may_stand(const HwrPattern *pattern, int position, uint32_t c)
{
	const Position *p = &pattern->positions[position];
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
	Set		   *sets;			/* [room] */
	int			room;
	HwrStatus  *st;
} Builder;

static int
state_of(Builder *b, const Set *set)
{
	HwrAutomaton *a = b->automaton;
	size_t		K = (size_t) a->classes;

	for (int q = 0; q < a->nstates; q++)
		if (memcmp(&b->sets[q], set, sizeof(Set)) == 0)
			return q;
	if (a->nstates == HWR_PATTERN_MAX_STATES)
	{
		hwr_fail(b->st, HWR_BAD_QUERY, "pattern is too complicated");
		return -2;
	}
	if (a->nstates == b->room)
	{
		int			room = b->room * 2;
		Set		   *sets = hwr_realloc(b->sets, (size_t) room, sizeof(Set), b->st);
		int		   *next;
		bool	   *whole;

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
	a->whole[a->nstates] = has(set, b->pattern->npositions);
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
		Set			from = b->sets[q];

		a->next[(size_t) q * (size_t) a->classes] = -1;
		for (int k = 1; k < a->classes; k++)
		{
			Set			to = {{0}};
			bool		any = false;
			int			state = -1;

			for (int i = 0; i < pattern->npositions; i++)
				if (has(&from, i) && b->allowed[(size_t) i * (size_t) a->classes + (size_t) k])
				{
					merge(&to, &pattern->follow[i]);
					any = true;
				}
			if (any && (state = state_of(b, &to)) == -2)
				return false;
			a->next[(size_t) q * (size_t) a->classes + (size_t) k] = state;
		}
	}
	return true;
}

/* Ways to states from which no whole text can be reached are closed. */
static bool
close_dead_ends(HwrAutomaton *a, HwrStatus *st)
{
	bool	   *alive = hwr_alloc((size_t) a->nstates, sizeof(bool), st);
	bool		changed = true;

	if (alive == NULL)
		return false;
	memcpy(alive, a->whole, (size_t) a->nstates * sizeof(bool));
	while (changed)
	{
		changed = false;
		for (int q = a->nstates - 1; q >= 0; q--)
			for (int k = 1; k < a->classes && !alive[q]; k++)
			{
				int			to = a->next[(size_t) q * (size_t) a->classes + (size_t) k];

				if (to >= 0 && alive[to])
					alive[q] = changed = true;
			}
	}
	for (size_t i = 0; i < (size_t) a->nstates * (size_t) a->classes; i++)
		if (a->next[i] >= 0 && !alive[a->next[i]])
			a->next[i] = -1;
	free(alive);
	return true;
}

bool
hwr_pattern_bind(const HwrPattern *pattern, const HwrAlphabet *alphabet, HwrAutomaton **out, HwrStatus *st)
{
	Builder		b = {.pattern = pattern,.room = 32,.st = st};
	HwrAutomaton *a = hwr_alloc_zero(1, sizeof(HwrAutomaton), st);
	size_t		K = (size_t) alphabet->n + 1;
	bool		ok;

	if (a == NULL)
		return false;
	a->classes = alphabet->n + 1;
	b.automaton = a;
	a->next = hwr_alloc((size_t) b.room * K, sizeof(int), st);
	a->whole = hwr_alloc((size_t) b.room, sizeof(bool), st);
	b.sets = hwr_alloc((size_t) b.room, sizeof(Set), st);
	b.allowed = hwr_alloc_zero((size_t) pattern->npositions * K + 1, sizeof(bool), st);
	ok = a->next != NULL && a->whole != NULL && b.sets != NULL && b.allowed != NULL;
	for (int i = 0; ok && i < pattern->npositions; i++)
		for (int k = 1; k < a->classes; k++)
			b.allowed[(size_t) i * K + (size_t) k] = may_stand(pattern, i, alphabet->codepoints[k - 1]);
	ok = ok && build_states(&b) && close_dead_ends(a, st);
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
