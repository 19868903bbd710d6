/*
 * query.c
 *	  Queries of several words.
 */
#include "query.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 100

/* What ends a word that is not in quotes. */
#define ENDS " \t\r\n\f\v&|!()\""

/* Each word brings at most an operator, and an operator "!" may stand before each word and parenthesis. */
#define MAX_NODES (HWR_QUERY_MAX_WORDS * 8)

typedef struct Parser
{
	const char *text;
	size_t		len;
	size_t		at;
	int			depth;
	HwrQuery   *query;
	HwrStatus  *st;
} Parser;

static bool parse_either(Parser *p);

static bool
fail_parse(Parser *p, const char *detail)
{
	hwr_fail(p->st, HWR_BAD_QUERY, "search query does not parse");
	return hwr_fail_detail(p->st, "%s", detail);
}

static char
peek(Parser *p)
{
	while (p->at < p->len && strchr(" \t\r\n\f\v", p->text[p->at]) != NULL && p->text[p->at] != '\0')
		p->at++;
	return p->at < p->len ? p->text[p->at] : '\0';
}

static bool
add_node(Parser *p, HwrQueryKind kind, int word)
{
	if (p->query->nnodes == MAX_NODES)
		return fail_parse(p, "It has too many operators.");
	p->query->nodes[p->query->nnodes++] = (HwrQueryNode) {kind, word};
	return true;
}

static bool
add_word(Parser *p, const char *utf8, size_t len)
{
	HwrQuery   *q = p->query;

	if (q->nwords == HWR_QUERY_MAX_WORDS)
		return fail_parse(p, "It has too many words.");
	if (!hwr_word_compile(utf8, len, HWR_WORD_WHOLE, &q->words[q->nwords], p->st))
		return false;
	return add_node(p, HWR_QUERY_WORD, q->nwords++);
}

/* Up to a character that ends it; a backslash and what follows it are part of the word. */
static bool
parse_word(Parser *p, const char *ends)
{
	size_t		from = p->at;

	while (p->at < p->len && (p->text[p->at] == '\0' || strchr(ends, p->text[p->at]) == NULL))
		p->at += p->text[p->at] == '\\' && p->at + 1 < p->len ? 2 : 1;
	return add_word(p, p->text + from, p->at - from);
}

static bool
parse_one(Parser *p)
{
	bool		ok;

	if (++p->depth > MAX_DEPTH)
		return fail_parse(p, "It is nested too deeply.");
	switch (peek(p))
	{
		case '!':
			p->at++;
			ok = parse_one(p) && add_node(p, HWR_QUERY_NOT, 0);
			break;
		case '(':
			p->at++;
			if (!parse_either(p))
				return false;
			if (peek(p) != ')')
				return fail_parse(p, "A parenthesis is not closed.");
			p->at++;
			ok = true;
			break;
		case '"':
			p->at++;
			if (!parse_word(p, "\""))
				return false;
			if (p->at == p->len)
				return fail_parse(p, "A quote is not closed.");
			p->at++;
			ok = true;
			break;
		case ')':
		case '&':
		case '|':
			return fail_parse(p, "A word is missing.");
		case '\0':
			if (p->at == p->len)
				return fail_parse(p, p->query->nwords == 0 ? "It is empty." : "A word is missing at its end.");
			ok = parse_word(p, ENDS);	/* the word refuses the character */
			break;
		default:
			ok = parse_word(p, ENDS);
	}
	p->depth--;
	return ok;
}

static bool
parse_both(Parser *p)
{
	if (!parse_one(p))
		return false;
	for (;;)
	{
		char		c = peek(p);

		if (p->at == p->len || c == '|' || c == ')')
			return true;
		if (c == '&')
			p->at++;
		if (!parse_one(p) || !add_node(p, HWR_QUERY_AND, 0))
			return false;
	}
}

static bool
parse_either(Parser *p)
{
	if (!parse_both(p))
		return false;
	while (peek(p) == '|')
	{
		p->at++;
		if (!parse_both(p) || !add_node(p, HWR_QUERY_OR, 0))
			return false;
	}
	return true;
}

static HwrQuery *
create(HwrStatus *st)
{
	HwrQuery   *query = hwr_alloc_zero(1, sizeof(HwrQuery), st);

	if (query == NULL)
		return NULL;
	query->words = hwr_alloc_zero(HWR_QUERY_MAX_WORDS, sizeof(HwrWord *), st);
	query->nodes = hwr_alloc(MAX_NODES, sizeof(HwrQueryNode), st);
	if (query->words != NULL && query->nodes != NULL)
		return query;
	hwr_query_free(query);
	return NULL;
}

bool
hwr_query_parse(const char *utf8, size_t len, HwrQuery **out, HwrStatus *st)
{
	Parser		p = {.text = utf8,.len = len,.st = st};

	p.query = create(st);
	if (p.query == NULL)
		return false;
	if (!parse_either(&p) ||
		(p.at < p.len && !fail_parse(&p, "A parenthesis is closed that was not opened.")))
	{
		hwr_query_free(p.query);
		return false;
	}
	*out = p.query;
	return true;
}

bool
hwr_query_of_word(const char *utf8, size_t len, HwrWordKind kind, HwrQuery **out, HwrStatus *st)
{
	HwrQuery   *query = create(st);

	if (query == NULL)
		return false;
	if (!hwr_word_compile(utf8, len, kind, &query->words[0], st))
	{
		hwr_query_free(query);
		return false;
	}
	query->nwords = 1;
	query->nodes[query->nnodes++] = (HwrQueryNode) {HWR_QUERY_WORD, 0};
	*out = query;
	return true;
}

void
hwr_query_free(HwrQuery *query)
{
	if (query == NULL)
		return;
	for (int i = 0; query->words != NULL && i < query->nwords; i++)
		hwr_word_free(query->words[i]);
	free(query->words);
	free(query->nodes);
	free(query);
}

double
hwr_query_combine(const HwrQuery *query, const double *words)
{
	double		stack[MAX_NODES] = {0};
	int			n = 0;

	for (int i = 0; i < query->nnodes; i++)
	{
		double		top = n > 0 ? stack[n - 1] : 0;

		switch (query->nodes[i].kind)
		{
			case HWR_QUERY_WORD:
				stack[n++] = words[query->nodes[i].word];
				break;
			case HWR_QUERY_NOT:
				stack[n - 1] = 1 - top;
				break;
			case HWR_QUERY_AND:
				n--;
				if (top < stack[n - 1])
					stack[n - 1] = top;
				break;
			case HWR_QUERY_OR:
				n--;
				if (top > stack[n - 1])
					stack[n - 1] = top;
				break;
		}
	}
	return stack[0];
}
