/*
 * match.c
 *	  hwr_match and hwr_match_query: which of many names stands in a line.
 *
 * The candidates are made a tree of prefixes, which a call site keeps as long as the array, or the text of the query,
 * stays the same.  A statement sees one snapshot, so a query is run once for all lines.
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/search/match.h"
#include "ink.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/hold.h"
#include "pg/base/interrupt.h"

PG_FUNCTION_INFO_V1(hwr_match);
PG_FUNCTION_INFO_V1(hwr_match_query);

#define MAX_MATCHES 10000
#define ROWS_A_FETCH 1000

/* A row of a query: strings of the server's encoding, NULL: it was NULL. */
typedef struct Row
{
	char	   *candidate;
	char	   *key;
} Row;

/* What a call site keeps. */
typedef struct MatchSite
{
	MemoryContext context;
	HwrInk	   *ink;
	HwrHold    *matcher;		/* HwrMatcher */
	HwrHold    *names;			/* HwrNames of candidates, or of rows */
	ArrayType  *candidates;

	char	   *query;
	MemoryContext rows_context;
	Row		   *rows;			/* [nrows], by the number of the name */
	int			nrows;
	int			rows_room;
} MatchSite;

static void
release_matcher(void *object)
{
	hwr_matcher_free(object);
}

static void
release_names(void *object)
{
	hwr_names_free(object);
}

static MatchSite *
match_site(FunctionCallInfo fcinfo)
{
	MatchSite  *site = fcinfo->flinfo->fn_extra;
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	HwrMatcher *matcher;
	HwrStatus	st;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(context, sizeof(MatchSite));
	site->context = context;
	site->ink = hwr_ink_create(context);
	site->matcher = hwr_hold_create(context, release_matcher);
	site->names = hwr_hold_create(context, release_names);
	if (!hwr_matcher_create(&matcher, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->matcher, matcher);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

static int
n_argument(FunctionCallInfo fcinfo, int argno)
{
	int			n = PG_GETARG_INT32(argno);

	if (n < 1 || n > MAX_MATCHES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be between 1 and %d", "n", MAX_MATCHES)));
	return n;
}

static HwrNames *
begin_names(MatchSite *site)
{
	HwrNames   *names;
	HwrStatus	st;

	if (!hwr_names_create(&names, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->names, names);
	hwr_names_set_stop(names, hwr_interrupt_pending, NULL);
	return names;
}

static void
finish_names(HwrNames *names)
{
	HwrStatus	st;

	if (!hwr_names_finish(names, &st))
		hwr_raise_interrupted(&st);
}

/* Candidates as a tree, made anew where they are not those of the last call. */
static HwrNames *
names_of_array(MatchSite *site, ArrayType *candidates)
{
	MemoryContext context;
	MemoryContext old;
	HwrNames   *names;
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	HwrStatus	st;

	if (site->candidates != NULL && VARSIZE(site->candidates) == VARSIZE(candidates) &&
		memcmp(site->candidates, candidates, VARSIZE(candidates)) == 0)
		return site->names->object;
	hwr_hold_replace(site->names, NULL);
	if (site->candidates != NULL)
		pfree(site->candidates);
	site->candidates = NULL;
	context = AllocSetContextCreate(CurrentMemoryContext, "hwr candidates", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	hwr_text_elements(candidates, "candidate", &elements, &nulls, &n);
	names = begin_names(site);
	for (int i = 0; i < n; i++)
	{
		const char *utf8;
		Size		len;

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			continue;
		utf8 = hwr_utf8_of(elements[i], &len);
		if (!hwr_names_add(names, utf8, len, i, &st))
			hwr_raise(&st);
	}
	finish_names(names);
	MemoryContextSwitchTo(site->context);
	site->candidates = (ArrayType *) PG_DETOAST_DATUM_COPY(PointerGetDatum(candidates));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return names;
}

/* A row of the query, in memory of the site's. */
static void
add_row(MatchSite *site, HwrNames *names, HeapTuple tuple, TupleDesc desc)
{
	MemoryContext old = MemoryContextSwitchTo(site->rows_context);
	Row			row = {SPI_getvalue(tuple, desc, 1), desc->natts > 1 ? SPI_getvalue(tuple, desc, 2) : NULL};
	const char *utf8;
	Size		len;
	HwrStatus	st;

	if (site->nrows == site->rows_room)
	{
		site->rows_room = Max(2 * site->rows_room, ROWS_A_FETCH);
		site->rows = site->rows == NULL ? palloc_extended(site->rows_room * sizeof(Row), MCXT_ALLOC_HUGE) :
			repalloc_huge(site->rows, site->rows_room * sizeof(Row));
	}
	MemoryContextSwitchTo(old);
	if (row.candidate == NULL)
		return;
	utf8 = hwr_utf8_of(CStringGetTextDatum(row.candidate), &len);
	if (!hwr_names_add(names, utf8, len, site->nrows, &st))
		hwr_raise(&st);
	site->rows[site->nrows++] = row;
}

static void
run_query(MatchSite *site, HwrNames *names, const char *query)
{
	SPIPlanPtr	plan;
	Portal		portal;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	if (!SPI_is_cursor_plan(plan))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"query\" must return rows")));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	if (portal->tupDesc == NULL || portal->tupDesc->natts == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"query\" must return candidates in its first column")));
	do
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, ROWS_A_FETCH);
		for (uint64 i = 0; i < SPI_processed; i++)
			add_row(site, names, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	SPI_finish();
}

/* The same of a query's rows. */
static HwrNames *
names_of_query(MatchSite *site, const char *query)
{
	HwrNames   *names;

	if (site->query != NULL && strcmp(site->query, query) == 0)
		return site->names->object;
	if (site->query != NULL)
		pfree(site->query);
	site->query = NULL;
	if (site->rows_context == NULL)
		site->rows_context = AllocSetContextCreate(site->context, "hwr candidates", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(site->rows_context);
	site->rows = NULL;
	site->nrows = site->rows_room = 0;
	names = begin_names(site);
	run_query(site, names, query);
	finish_names(names);
	site->query = MemoryContextStrdup(site->context, query);
	return names;
}

/* The best n names; *seen is the probability of all that were looked at. */
static const HwrMatch *
match(MatchSite *site, HwrNames *names, Datum posterior, int n, int *nbest, double *seen)
{
	HwrMatcher *matcher = site->matcher->object;
	HwrSparse  *sparse = hwr_ink_read_plain(site->ink, posterior, "hwr_match");
	const HwrMatch *best;
	bool		done = false;
	HwrStatus	st;

	if (!hwr_match_begin(matcher, names, sparse, n, true, &st))
		hwr_raise_interrupted(&st);
	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!hwr_match_step(matcher, &done, &st))
			hwr_raise_interrupted(&st);
	}
	hwr_match_get(matcher, &best, nbest, seen);
	return best;
}

/* The last three columns of both functions. */
static void
put_probabilities(const HwrMatch *best, double seen, Datum *values)
{
	values[0] = Float8GetDatum(exp(best->logp));
	values[1] = Float8GetDatum(best->logp);
	values[2] = Float8GetDatum(seen < 1 ? 1 - seen : 0);
}

/*
 * hwr_match(posterior hwr_posterior, candidates text[], n integer) returns setof record
 */
Datum
hwr_match(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ArrayType  *candidates = PG_GETARG_ARRAYTYPE_P(1);
	int			n = n_argument(fcinfo, 2);
	MatchSite  *site;
	const HwrMatch *best;
	int			nbest;
	double		seen;

	InitMaterializedSRF(fcinfo, 0);
	site = match_site(fcinfo);
	best = match(site, names_of_array(site, candidates), PG_GETARG_DATUM(0), n, &nbest, &seen);
	for (int i = 0; i < nbest; i++)
	{
		Datum		values[6];
		bool		nulls[6] = {0};
		int			subscript = best[i].number + (ARR_NDIM(candidates) > 0 ? ARR_LBOUND(candidates)[0] : 1);

		values[0] = Int32GetDatum(i + 1);
		values[1] = array_get_element(PointerGetDatum(candidates), 1, &subscript, -1, -1, false, TYPALIGN_INT, &nulls[1]);
		values[2] = Int32GetDatum(subscript);
		put_probabilities(&best[i], seen, values + 3);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * hwr_match_query(posterior hwr_posterior, query text, n integer) returns setof record
 */
Datum
hwr_match_query(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			n = n_argument(fcinfo, 2);
	MatchSite  *site;
	HwrNames   *names;
	const HwrMatch *best;
	int			nbest;
	double		seen;

	InitMaterializedSRF(fcinfo, 0);
	site = match_site(fcinfo);
	names = names_of_query(site, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	best = match(site, names, PG_GETARG_DATUM(0), n, &nbest, &seen);
	for (int i = 0; i < nbest; i++)
	{
		Datum		values[6];
		bool		nulls[6] = {0};

		values[0] = Int32GetDatum(i + 1);
		put_probabilities(&best[i], seen, values + 3);
		for (int row = best[i].number; row >= 0; row = hwr_names_same(names, row))
		{
			CHECK_FOR_INTERRUPTS();
			values[1] = CStringGetTextDatum(site->rows[row].candidate);
			nulls[2] = site->rows[row].key == NULL;
			values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(site->rows[row].key);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	return (Datum) 0;
}
