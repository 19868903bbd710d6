/*
 * words.c
 *	  hwr_spots and hwr_words.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/search/hypotheses.h"
#include "core/search/spots.h"
#include "core/text/bidi.h"
#include "core/text/text.h"
#include "ink.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "query.h"

PG_FUNCTION_INFO_V1(hwr_spots);
PG_FUNCTION_INFO_V1(hwr_words);

#define LOWEST_BOUND 1e-6

/* What a call site keeps. */
typedef struct WordsSite
{
	MemoryContext context;
	HwrInk	   *ink;
	HwrAsked   *asked;
	HwrHold    *spots;			/* HwrSpots */
	HwrHold    *hypotheses;		/* HwrHypotheses */
} WordsSite;

static void
release_spots(void *object)
{
	hwr_spots_free(object);
}

static void
release_hypotheses(void *object)
{
	hwr_hypotheses_free(object);
}

static WordsSite *
words_site(FunctionCallInfo fcinfo)
{
	WordsSite  *site = fcinfo->flinfo->fn_extra;
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	HwrSpots   *spots;
	HwrHypotheses *hypotheses;
	HwrStatus	st;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(context, sizeof(WordsSite));
	site->context = context;
	site->ink = hwr_ink_create(context);
	site->asked = hwr_asked_create(context);
	site->spots = hwr_hold_create(context, release_spots);
	site->hypotheses = hwr_hold_create(context, release_hypotheses);
	if (!hwr_spots_create(&spots, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->spots, spots);
	if (!hwr_hypotheses_create(&hypotheses, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->hypotheses, hypotheses);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

static double
bound_argument(FunctionCallInfo fcinfo, int argno)
{
	double		bound = PG_GETARG_FLOAT8(argno);

	/* Written so that NaN is out of range. */
	if (!(bound >= LOWEST_BOUND && bound <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be between %g and 1", "bound", LOWEST_BOUND)));
	return bound;
}

/* The places of a word, valid until the next call. */
static const HwrSpot *
find_spots(WordsSite *site, const HwrWord *word, const HwrSparse *sparse, double bound, int *n)
{
	HwrSpots   *spots = site->spots->object;
	const HwrSpot *found;
	bool		done = false;
	HwrStatus	st;

	if (!hwr_spots_begin(spots, word, sparse, bound, &st))
		hwr_raise(&st);
	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!hwr_spots_step(spots, &done, &st))
			hwr_raise(&st);
	}
	hwr_spots_get(spots, &found, n);
	return found;
}

static int
left_pixel(const HwrSparse *sparse, const HwrSpot *spot)
{
	return (int) floor(hwr_sparse_pixel(sparse, spot->first_step));
}

static int
right_pixel(const HwrSparse *sparse, const HwrSpot *spot)
{
	return (int) ceil(hwr_sparse_pixel(sparse, spot->last_step + 1));
}

/*
 * hwr_spots(posterior hwr_posterior, word text, whole_word boolean, bound double precision) returns
 * setof record
 */
Datum
hwr_spots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	double		bound = bound_argument(fcinfo, 3);
	WordsSite  *site;
	HwrQuery   *query;
	HwrSparse  *sparse;
	const HwrSpot *found;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	site = words_site(fcinfo);
	query = hwr_asked_get(site->asked, PG_GETARG_DATUM(1), PG_GETARG_BOOL(2) ? HWR_WORD_HERE : HWR_WORD_PART_HERE);
	sparse = hwr_ink_read_plain(site->ink, PG_GETARG_DATUM(0), "a search in kept posteriors");
	found = find_spots(site, query->words[0], sparse, bound, &n);
	for (int i = 0; i < n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {0};

		values[0] = Int32GetDatum(left_pixel(sparse, &found[i]));
		values[1] = Int32GetDatum(right_pixel(sparse, &found[i]));
		values[2] = Float8GetDatum(found[i].p);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* A word of the line, in the server's encoding where it can be written in it. */
typedef struct Row
{
	char	   *utf8;
	double		p;
} Row;

static int
compare_rows(const void *a, const void *b)
{
	const Row  *x = a;
	const Row  *y = b;

	return x->p != y->p ? (x->p < y->p) - (x->p > y->p) : strcmp(x->utf8, y->utf8);
}

/* The words of the value, the most probable first, palloc'd. */
static Row *
list_words(WordsSite *site, const HwrSparse *sparse, double bound, int *n)
{
	HwrHypotheses *hypotheses = site->hypotheses->object;
	uint32_t	symbols[HWR_HYPOTHESIS_MAX];
	Row		   *rows;
	int			room = 64;
	bool		done = false;
	int			length;
	double		expected;
	HwrStatus	st;

	if (!hwr_hypotheses_begin(hypotheses, sparse, bound, &st))
		hwr_raise(&st);
	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!hwr_hypotheses_step(hypotheses, &done, &st))
			hwr_raise(&st);
	}
	rows = palloc(room * sizeof(Row));
	for (*n = 0; (length = hwr_hypotheses_get(hypotheses, *n, symbols, &expected)) > 0; (*n)++)
	{
		char	   *utf8;
		char		copy[4 * HWR_HYPOTHESIS_MAX + 1];

		if (*n == room)
			rows = repalloc(rows, (room *= 2) * sizeof(Row));
		if (!hwr_text_encode_ink(symbols, length, &utf8, &st))
			hwr_raise(&st);
		strlcpy(copy, utf8, sizeof(copy));
		free(utf8);
		rows[*n].utf8 = pstrdup(copy);
		rows[*n].p = Min(expected, 1);
	}
	qsort(rows, *n, sizeof(Row), compare_rows);
	return rows;
}

static void
release_word(void *word)
{
	hwr_word_free(word);
}

/*
 * hwr_words(posterior hwr_posterior, bound double precision) returns setof record
 */
Datum
hwr_words(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	double		bound = bound_argument(fcinfo, 1);
	WordsSite  *site;
	HwrSparse  *sparse;
	HwrHold    *hold = hwr_hold_create(CurrentMemoryContext, release_word);
	Row		   *rows;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	site = words_site(fcinfo);
	sparse = hwr_ink_read_plain(site->ink, PG_GETARG_DATUM(0), "a search in kept posteriors");
	rows = list_words(site, sparse, bound, &n);
	for (int i = 0; i < n; i++)
	{
		HwrWord    *word;
		const HwrSpot *found;
		const HwrSpot *best = NULL;
		int			nspots;
		Datum		values[4];
		bool		nulls[4] = {0};
		HwrStatus	st;

		if (!hwr_word_compile(rows[i].utf8, strlen(rows[i].utf8), HWR_WORD_HERE, &word, &st))
			hwr_raise(&st);
		hwr_hold_replace(hold, word);
		found = find_spots(site, word, sparse, LOWEST_BOUND, &nspots);
		for (int j = 0; j < nspots; j++)
			if (best == NULL || found[j].p > best->p)
				best = &found[j];
		values[0] = CStringGetTextDatum(hwr_from_utf8(rows[i].utf8));
		values[1] = Float8GetDatum(rows[i].p);
		nulls[2] = nulls[3] = best == NULL;
		values[2] = best != NULL ? Int32GetDatum(left_pixel(sparse, best)) : (Datum) 0;
		values[3] = best != NULL ? Int32GetDatum(right_pixel(sparse, best)) : (Datum) 0;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	hwr_hold_replace(hold, NULL);
	return (Datum) 0;
}
