/*
 * query.h
 *	  Words and queries to look for, compiled once a call site as long as they stay the same.
 *
 * Include after postgres.h.
 */
#ifndef HWR_QUERY_GLUE_H
#define HWR_QUERY_GLUE_H

#include "core/search/query.h"
#include "ink.h"

/* Compiled text of a query, or of a word. */
typedef struct HwrAsked
{
	MemoryContext context;
	HwrHold    *query;			/* HwrQuery */
	char	   *text;			/* what it was made of, server encoding */
	Size		len;
	int			kind;			/* HwrWordKind, or HWR_ASKED_QUERY */
} HwrAsked;

#define HWR_ASKED_QUERY (-1)

extern HwrAsked *hwr_asked_create(MemoryContext context);

/* The compiled form of a text value, or value of type hwr_query; valid until the next call. */
extern HwrQuery *hwr_asked_get(HwrAsked *asked, Datum value, int kind);

/* What a search at a call site needs, in fn_extra. */
typedef struct HwrSearchSite
{
	HwrInk	   *ink;
	HwrAsked   *asked;
	HwrHold    *search;			/* HwrSearch */
} HwrSearchSite;

extern HwrSearchSite *hwr_search_site(FunctionCallInfo fcinfo);

#endif							/* HWR_QUERY_GLUE_H */
