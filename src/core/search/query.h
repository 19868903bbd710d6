/*
 * query.h
 *	  Several words to look for at once.
 *
 *	 query	either { "|" either }
 *	 either	one { ["&"] one }
 *	 one	"!" one  |  "(" query ")"  |  word  |  '"' words '"'
 *
 * Words are whole words as in word.h, wildcards and backslashes included; those in quotes are a
 * phrase.  What a query is worth is made of its words' probabilities: the smaller of both for "&",
 * the larger for "|", what is left of 1 for "!". These are bounds of the true value, from above for
 * "&" and from below for "|", and keep the order of their parts.
 */
#ifndef HWR_QUERY_H
#define HWR_QUERY_H

#include "relevance.h"

#define HWR_QUERY_MAX_WORDS 256

typedef enum HwrQueryKind
{
	HWR_QUERY_WORD,
	HWR_QUERY_AND,
	HWR_QUERY_OR,
	HWR_QUERY_NOT
} HwrQueryKind;

typedef struct HwrQueryNode
{
	HwrQueryKind kind;
	int			word;			/* of a HWR_QUERY_WORD */
} HwrQueryNode;

typedef struct HwrQuery
{
	int			nwords;
	HwrWord   **words;			/* [nwords] */
	int			nnodes;
	HwrQueryNode *nodes;		/* [nnodes] operands before operators */
} HwrQuery;

/* HWR_BAD_QUERY, with a detail, where it does not parse; else as hwr_word_compile. */
extern bool hwr_query_parse(const char *utf8, size_t len, HwrQuery **out, HwrStatus *st);

/* One word, whatever characters it has. */
extern bool hwr_query_of_word(const char *utf8, size_t len, HwrWordKind kind, HwrQuery **out, HwrStatus *st);
extern void hwr_query_free(HwrQuery *query);

/* What the query is worth, given what each of its words is. */
extern double hwr_query_combine(const HwrQuery *query, const double *words);

#endif							/* HWR_QUERY_H */
