/*
 * query.c
 *	  The type hwr_query, how probable a query is, and the operators.
 *
 * A value is the text of the query in the server's encoding.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "core/text/text.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "query.h"

PG_FUNCTION_INFO_V1(hwr_query_in);
PG_FUNCTION_INFO_V1(hwr_query_recv);
PG_FUNCTION_INFO_V1(hwr_plain_query);
PG_FUNCTION_INFO_V1(hwr_fold_sql);
PG_FUNCTION_INFO_V1(hwr_relevance);
PG_FUNCTION_INFO_V1(hwr_relevance_of_query);
PG_FUNCTION_INFO_V1(hwr_finds);
PG_FUNCTION_INFO_V1(hwr_irrelevance);

static void
release_query(void *query)
{
	hwr_query_free(query);
}

static void
release_search(void *search)
{
	hwr_search_free(search);
}

HwrAsked *
hwr_asked_create(MemoryContext context)
{
	HwrAsked   *asked = MemoryContextAllocZero(context, sizeof(HwrAsked));

	asked->context = context;
	asked->query = hwr_hold_create(context, release_query);
	return asked;
}

/* Words that are no text have no letters to look for. */
pg_noreturn static void
raise_query(const HwrStatus *st)
{
	HwrStatus	copy = *st;

	if (copy.code == HWR_BAD_LABEL)
		copy.code = HWR_BAD_QUERY;
	hwr_raise(&copy);
}

HwrQuery *
hwr_asked_get(HwrAsked *asked, Datum value, int kind)
{
	text	   *t = DatumGetTextPP(value);
	Size		len = VARSIZE_ANY_EXHDR(t);
	HwrQuery   *query;
	const char *utf8;
	Size		utf8_len;
	HwrStatus	st;

	if (asked->query->object != NULL && asked->kind == kind && asked->len == len &&
		memcmp(asked->text, VARDATA_ANY(t), len) == 0)
		return asked->query->object;
	hwr_hold_replace(asked->query, NULL);
	if (asked->text != NULL)
		pfree(asked->text);
	asked->text = NULL;
	asked->text = MemoryContextAlloc(asked->context, Max(len, 1));
	memcpy(asked->text, VARDATA_ANY(t), len);
	asked->len = len;
	asked->kind = kind;
	utf8 = hwr_utf8_of(PointerGetDatum(t), &utf8_len);
	if (!(kind == HWR_ASKED_QUERY ? hwr_query_parse(utf8, utf8_len, &query, &st) :
		  hwr_query_of_word(utf8, utf8_len, (HwrWordKind) kind, &query, &st)))
		raise_query(&st);
	hwr_hold_replace(asked->query, query);
	return query;
}

HwrSearchSite *
hwr_search_site(FunctionCallInfo fcinfo)
{
	HwrSearchSite *site = fcinfo->flinfo->fn_extra;
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	HwrSearch  *search;
	HwrStatus	st;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(context, sizeof(HwrSearchSite));
	site->ink = hwr_ink_create(context);
	site->asked = hwr_asked_create(context);
	site->search = hwr_hold_create(context, release_search);
	if (!hwr_search_create(&search, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->search, search);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

static void
check_query(text *query)
{
	HwrAsked   *asked = hwr_asked_create(CurrentMemoryContext);

	hwr_asked_get(asked, PointerGetDatum(query), HWR_ASKED_QUERY);
	hwr_hold_replace(asked->query, NULL);
}

/*
 * hwr_query_in(cstring) returns hwr_query
 */
Datum
hwr_query_in(PG_FUNCTION_ARGS)
{
	text	   *query = cstring_to_text(PG_GETARG_CSTRING(0));

	check_query(query);
	PG_RETURN_TEXT_P(query);
}

/*
 * hwr_query_recv(internal) returns hwr_query
 */
Datum
hwr_query_recv(PG_FUNCTION_ARGS)
{
	text	   *query = DatumGetTextPP(DirectFunctionCall1(textrecv, PG_GETARG_DATUM(0)));

	check_query(query);
	PG_RETURN_TEXT_P(query);
}

/*
 * hwr_plain_query(words text) returns hwr_query: in quotes, with no character that means something
 */
Datum
hwr_plain_query(PG_FUNCTION_ARGS)
{
	char	   *words = text_to_cstring(PG_GETARG_TEXT_PP(0));
	StringInfoData quoted;
	text	   *query;

	initStringInfo(&quoted);
	appendStringInfoChar(&quoted, '"');
	for (const char *c = words; *c; c++)
	{
		if (strchr("\\\"?*", *c) != NULL)
			appendStringInfoChar(&quoted, '\\');
		appendStringInfoChar(&quoted, *c);
	}
	appendStringInfoChar(&quoted, '"');
	query = cstring_to_text_with_len(quoted.data, quoted.len);
	check_query(query);
	PG_RETURN_TEXT_P(query);
}

/*
 * hwr_fold(string text) returns text: as a search sees it
 */
Datum
hwr_fold_sql(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *utf8 = hwr_utf8_of(PG_GETARG_DATUM(0), &len);
	uint32_t   *symbols;
	int			n;
	char	   *folded;
	char	   *copy;
	bool		ok;
	HwrStatus	st;

	if (!hwr_fold_text(utf8, len, false, &symbols, &n, &st))
		raise_query(&st);
	ok = hwr_text_encode(symbols, n, &folded, &st);
	free(symbols);
	if (!ok)
		raise_query(&st);
	copy = MemoryContextAllocExtended(CurrentMemoryContext, strlen(folded) + 1, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	if (copy != NULL)
		strcpy(copy, folded);
	free(folded);
	if (copy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	PG_RETURN_TEXT_P(cstring_to_text(hwr_from_utf8(copy)));
}

static double
relevance(FunctionCallInfo fcinfo, int kind)
{
	HwrSearchSite *site = hwr_search_site(fcinfo);
	HwrQuery   *query = hwr_asked_get(site->asked, PG_GETARG_DATUM(1), kind);
	HwrSparse  *sparse = hwr_ink_read_plain(site->ink, PG_GETARG_DATUM(0), "a search in kept posteriors");
	HwrSearch  *search = site->search->object;
	double		words[HWR_QUERY_MAX_WORDS];
	HwrStatus	st;

	for (int i = 0; i < query->nwords; i++)
	{
		bool		done = false;

		if (!hwr_relevance_begin(search, query->words[i], sparse, &st))
			hwr_raise(&st);
		while (!done)
		{
			CHECK_FOR_INTERRUPTS();
			hwr_relevance_step(search, &done);
		}
		words[i] = hwr_relevance_get(search);
	}
	return hwr_query_combine(query, words);
}

/*
 * hwr_relevance(posterior hwr_posterior, word text, whole_word boolean) returns double precision
 */
Datum
hwr_relevance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(relevance(fcinfo, PG_GETARG_BOOL(2) ? HWR_WORD_WHOLE : HWR_WORD_PART));
}

/*
 * hwr_query_relevance(posterior hwr_posterior, query hwr_query) returns double precision
 */
Datum
hwr_relevance_of_query(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(relevance(fcinfo, HWR_ASKED_QUERY));
}

/*
 * posterior @~ query: whether it is probable enough
 */
Datum
hwr_finds(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(relevance(fcinfo, HWR_ASKED_QUERY) >= hwr_search_threshold);
}

/*
 * posterior <~> query: how improbable it is, to sort by
 */
Datum
hwr_irrelevance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(1 - relevance(fcinfo, HWR_ASKED_QUERY));
}
