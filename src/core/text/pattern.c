/*
 * pattern.c
 *	  Parsing patterns: Glushkov's construction.
 *
 * A position is a character of the pattern.  Of each part of it, three things are needed: at which
 * positions it can begin, at which it can end, and whether it can be empty; and for each position,
 * which can follow it.
 *
 * Repetitions are written out, so that a few characters ask for much: what is made is counted, parts with nothing in
 * them too.
 *
 * Source: Glushkov, "The abstract theory of automata", 1961; Brueggemann-Klein, "Regular
 * expressions into finite automata", 1993.
 */
#include "pattern_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 50
#define MAX_REPEAT 100
#define LARGE_RANGE 256

/* All repetitions written out: parts, among them those that hold no character, and ranges of characters. */
#define MAX_PARTS (8 * HWR_PATTERN_MAX_POSITIONS)
#define MAX_RANGES 65536

/* A part of the pattern. */
typedef struct Part
{
	HwrPositionSet first;
	HwrPositionSet last;
	bool		empty;			/* can be */
} Part;

typedef struct Parser
{
	HwrPattern *pattern;
	const uint32_t *text;
	int			n;
	int			at;
	int			depth;
	int			parts;			/* so far */
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

static bool
fail_too_long(Parser *p)
{
	return fail(p, "It is too long, its repetitions written out.");
}

/* Whatever ends from may be followed by what begins to. */
static void
connect(HwrPattern *pattern, const HwrPositionSet *from, const HwrPositionSet *to)
{
	bool		any = false;

	for (int i = 0; i < HWR_POSITION_WORDS; i++)
		any = any || to->bits[i] != 0;
	for (int i = 0; any && i < pattern->npositions; i++)
		if (hwr_position_in(from, i))
			hwr_position_merge(&pattern->follow[i], to);
}

static bool
add_range(Parser *p, uint32_t from, uint32_t to)
{
	HwrPattern *pattern = p->pattern;

	if (pattern->nranges == MAX_RANGES)
		return fail_too_long(p);
	if (pattern->nranges == pattern->room)
	{
		int			room = pattern->room * 2 + 64;
		HwrRange   *grown = hwr_realloc(pattern->ranges, (size_t) room, sizeof(HwrRange), p->st);

		if (grown == NULL)
			return false;
		pattern->ranges = grown;
		pattern->room = room;
	}
	pattern->ranges[pattern->nranges++] = (HwrRange) {from, to};
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
		return fail_too_long(p);
	pattern->npositions++;
	pattern->positions[i] = (HwrPosition) {first, pattern->nranges - first, excluded};
	memset(&pattern->follow[i], 0, sizeof(HwrPositionSet));
	memset(out, 0, sizeof(*out));
	hwr_position_put(&out->first, i);
	hwr_position_put(&out->last, i);
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

	if (++p->parts > MAX_PARTS)
		return fail_too_long(p);
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
		hwr_position_merge(&a->first, &b->first);
	if (b->empty)
		hwr_position_merge(&a->last, &b->last);
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
		hwr_position_merge(&out->first, &other.first);
		hwr_position_merge(&out->last, &other.last);
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
		if (hwr_position_in(&all.last, i))
			hwr_position_put(&pattern->follow[i], end);
	pattern->follow[end] = all.first;
	if (all.empty)
		hwr_position_put(&pattern->follow[end], end);
	return true;
}

/* How much of the pattern, up to the end of an escape that stands for a kind of character or of the whole. */
static size_t
next_piece(const char *utf8, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		if (utf8[i] == '\\' && is_kind((uint8_t) utf8[++i]))
			return i + 1;
	return len;
}

/*
 * The code points of the pattern in NFC, as labels are.  A mark behind \d, \s or \w stays one: it does not belong to the
 * letter of the escape.
 */
static bool
decode_composed(const char *utf8, size_t len, uint32_t **out, int *n, HwrStatus *st)
{
	*n = 0;
	*out = NULL;
	while (len > 0)
	{
		size_t		piece = next_piece(utf8, len);
		size_t		composed_len = piece;
		char	   *composed;
		uint32_t   *more = NULL;
		uint32_t   *grown = NULL;
		int			nmore;
		bool		ok;

		ok = hwr_text_compose(utf8, piece, &composed, &composed_len, st) &&
			hwr_text_decode(composed != NULL ? composed : utf8, composed != NULL ? composed_len : piece, &more, &nmore, st) &&
			(grown = hwr_realloc(*out, (size_t) (*n + nmore + 1), sizeof(uint32_t), st)) != NULL;
		free(composed);
		if (!ok)
		{
			free(more);
			free(*out);
			*out = NULL;
			return false;
		}
		memcpy(grown + *n, more, nmore * sizeof(uint32_t));
		free(more);
		*out = grown;
		*n += nmore;
		utf8 += piece;
		len -= piece;
	}
	return true;
}

bool
hwr_pattern_compile(const char *utf8, size_t len, bool ignore_case, HwrPattern **out, HwrStatus *st)
{
	HwrPattern *pattern;
	Parser		p = {.st = st};
	uint32_t   *text = NULL;
	bool		ok;

	if (len > HWR_PATTERN_MAX_BYTES)
		return fail(&p, "It is too long.");
	pattern = hwr_alloc_zero(1, sizeof(HwrPattern), st);
	if (pattern == NULL)
		return false;
	p.pattern = pattern;
	pattern->ignore_case = ignore_case;
	pattern->positions = hwr_alloc(HWR_PATTERN_MAX_POSITIONS, sizeof(HwrPosition), st);
	pattern->follow = hwr_alloc_zero(HWR_PATTERN_MAX_POSITIONS + 1, sizeof(HwrPositionSet), st);
	ok = pattern->positions != NULL && pattern->follow != NULL && decode_composed(utf8, len, &text, &p.n, st);
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
	uint32_t	found[4096];
	int			n = 0;

	for (int i = 0; i < pattern->npositions; i++)
		for (int r = pattern->positions[i].first; r < pattern->positions[i].first + pattern->positions[i].n; r++)
		{
			HwrRange	range = pattern->ranges[r];

			if (pattern->positions[i].excluded || range.to < range.from || range.to - range.from > LARGE_RANGE)
				continue;
			for (uint32_t c = range.from; c <= range.to; c++)
			{
				if (hwr_alphabet_class(alphabet, c) != 0)
					continue;
				found[n++] = c;
				if (n < (int) (sizeof(found) / sizeof(found[0])))
					continue;
				if (!hwr_alphabet_add_codepoints(alphabet, found, n, st))
					return false;
				n = 0;
			}
		}
	return hwr_alphabet_add_codepoints(alphabet, found, n, st);
}
