/*
 * aggregates.c
 *	  hwr_cer, hwr_wer, hwr_exact and hwr_confusion_matrix: the figures of metrics.h as SQL aggregates.
 *
 * All take (truth text, guess text) and leave out pairs with a NULL.  The first three share one
 * state, so that PostgreSQL computes it once where a query asks for several of them.  States are
 * combined, and travel between the processes of a parallel plan as their numbers in network byte
 * order.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include <math.h>

#include "core/base/status.h"
#include "core/text/metrics.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"

PG_FUNCTION_INFO_V1(hwr_metrics_accum);
PG_FUNCTION_INFO_V1(hwr_metrics_combine);
PG_FUNCTION_INFO_V1(hwr_metrics_serialize);
PG_FUNCTION_INFO_V1(hwr_metrics_deserialize);
PG_FUNCTION_INFO_V1(hwr_metrics_final_cer);
PG_FUNCTION_INFO_V1(hwr_metrics_final_wer);
PG_FUNCTION_INFO_V1(hwr_metrics_final_exact);
PG_FUNCTION_INFO_V1(hwr_confusions_accum);
PG_FUNCTION_INFO_V1(hwr_confusions_combine);
PG_FUNCTION_INFO_V1(hwr_confusions_serialize);
PG_FUNCTION_INFO_V1(hwr_confusions_deserialize);
PG_FUNCTION_INFO_V1(hwr_confusions_final);

typedef struct ConfusionState
{
	HwrMetrics	unused;
	HwrConfusions confusions;	/* malloc'd inside */
} ConfusionState;

/* The integers of HwrMetrics, in the order in which they travel. */
#define METRICS_INTEGERS(m) \
	{&(m)->images, &(m)->exact, &(m)->chars, &(m)->hits, &(m)->substitutions, &(m)->insertions, &(m)->deletions, \
	 &(m)->words, &(m)->word_edits}
#define N_METRICS_INTEGERS 9

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

/* Argument argno as UTF-8. */
static const char *
utf8_argument(FunctionCallInfo fcinfo, int argno, Size *len)
{
	text	   *value = PG_GETARG_TEXT_PP(argno);
	int			n = VARSIZE_ANY_EXHDR(value);
	char	   *utf8 = pg_server_to_any(VARDATA_ANY(value), n, PG_UTF8);

	*len = utf8 == VARDATA_ANY(value) ? (Size) n : strlen(utf8);
	return utf8;
}

/* Asked while long texts are compared, where no PostgreSQL call may leave by an error. */
static bool
interrupted(void *arg)
{
	(void) arg;
	return QueryCancelPending || ProcDiePending;
}

static void
add_pair(FunctionCallInfo fcinfo, HwrMetrics *metrics, HwrConfusions *confusions)
{
	Size		truth_len;
	Size		guess_len;
	const char *truth = utf8_argument(fcinfo, 1, &truth_len);
	const char *guess = utf8_argument(fcinfo, 2, &guess_len);
	HwrStatus	st = {0};

	if (hwr_metrics_add_until(metrics, confusions, truth, truth_len, guess, guess_len, interrupted, NULL, &st))
		return;
	CHECK_FOR_INTERRUPTS();
	hwr_raise(&st);
}

/*
 * Figures
 */

/*
 * hwr.metrics_accum(internal, truth text, guess text) returns internal
 */
Datum
hwr_metrics_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	HwrMetrics *state = PG_ARGISNULL(0) ? NULL : (HwrMetrics *) PG_GETARG_POINTER(0);

	if (state == NULL)
		state = MemoryContextAllocZero(context, sizeof(HwrMetrics));
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
		add_pair(fcinfo, state, NULL);
	PG_RETURN_POINTER(state);
}

/*
 * hwr.metrics_combine(internal, internal) returns internal
 */
Datum
hwr_metrics_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	HwrMetrics *into = PG_ARGISNULL(0) ? NULL : (HwrMetrics *) PG_GETARG_POINTER(0);
	HwrMetrics *from = PG_ARGISNULL(1) ? NULL : (HwrMetrics *) PG_GETARG_POINTER(1);

	if (into == NULL)
		into = MemoryContextAllocZero(context, sizeof(HwrMetrics));
	if (from != NULL)
	{
		int64_t    *a[] = METRICS_INTEGERS(into);
		int64_t    *b[] = METRICS_INTEGERS(from);

		for (int i = 0; i < N_METRICS_INTEGERS; i++)
			*a[i] += *b[i];
	}
	PG_RETURN_POINTER(into);
}

/*
 * hwr.metrics_serialize(internal) returns bytea
 */
Datum
hwr_metrics_serialize(PG_FUNCTION_ARGS)
{
	HwrMetrics *state = (HwrMetrics *) PG_GETARG_POINTER(0);
	int64_t    *integers[] = METRICS_INTEGERS(state);
	StringInfoData buf;

	aggregate_context(fcinfo);
	pq_begintypsend(&buf);
	for (int i = 0; i < N_METRICS_INTEGERS; i++)
		pq_sendint64(&buf, *integers[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* A reader over the bytes of a serialised state. */
static void
begin_deserialize(StringInfo buf, bytea *state)
{
	initStringInfo(buf);
	appendBinaryStringInfo(buf, VARDATA_ANY(state), VARSIZE_ANY_EXHDR(state));
}

/*
 * hwr.metrics_deserialize(bytea, internal) returns internal
 */
Datum
hwr_metrics_deserialize(PG_FUNCTION_ARGS)
{
	HwrMetrics *state = palloc0(sizeof(HwrMetrics));
	int64_t    *integers[] = METRICS_INTEGERS(state);
	StringInfoData buf;

	aggregate_context(fcinfo);
	begin_deserialize(&buf, PG_GETARG_BYTEA_PP(0));
	for (int i = 0; i < N_METRICS_INTEGERS; i++)
		*integers[i] = pq_getmsgint64(&buf);
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(state);
}

/* NULL where nothing was counted, as the sum of no rows is. */
static Datum
final_figure(FunctionCallInfo fcinfo, double (*figure) (const HwrMetrics *))
{
	double		value;

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	value = figure((HwrMetrics *) PG_GETARG_POINTER(0));
	if (isnan(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

/*
 * hwr.metrics_final_cer(internal) returns double precision, and its like
 */
Datum
hwr_metrics_final_cer(PG_FUNCTION_ARGS)
{
	return final_figure(fcinfo, hwr_metrics_cer);
}

Datum
hwr_metrics_final_wer(PG_FUNCTION_ARGS)
{
	return final_figure(fcinfo, hwr_metrics_wer);
}

Datum
hwr_metrics_final_exact(PG_FUNCTION_ARGS)
{
	return final_figure(fcinfo, hwr_metrics_exact);
}

/*
 * Confusions
 */

static void
free_confusions(void *arg)
{
	hwr_confusions_free(&((ConfusionState *) arg)->confusions);
}

/* The core's memory goes with the context. */
static ConfusionState *
create_confusions(MemoryContext context)
{
	ConfusionState *state = MemoryContextAllocZero(context, sizeof(ConfusionState));
	MemoryContextCallback *callback = MemoryContextAlloc(context, sizeof(MemoryContextCallback));

	callback->func = free_confusions;
	callback->arg = state;
	MemoryContextRegisterResetCallback(context, callback);
	return state;
}

/*
 * hwr.confusions_accum(internal, truth text, guess text) returns internal
 */
Datum
hwr_confusions_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	ConfusionState *state = PG_ARGISNULL(0) ? NULL : (ConfusionState *) PG_GETARG_POINTER(0);

	if (state == NULL)
		state = create_confusions(context);
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
		add_pair(fcinfo, &state->unused, &state->confusions);
	PG_RETURN_POINTER(state);
}

/*
 * hwr.confusions_combine(internal, internal) returns internal
 */
Datum
hwr_confusions_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	ConfusionState *into = PG_ARGISNULL(0) ? NULL : (ConfusionState *) PG_GETARG_POINTER(0);
	ConfusionState *from = PG_ARGISNULL(1) ? NULL : (ConfusionState *) PG_GETARG_POINTER(1);
	HwrStatus	st = {0};

	if (into == NULL)
		into = create_confusions(context);
	for (int i = 0; from != NULL && i < from->confusions.n; i++)
	{
		const HwrConfusion *pair = &from->confusions.pairs[i];

		if (!hwr_confusions_count(&into->confusions, pair->truth, pair->guess, pair->count, &st))
			hwr_raise(&st);
	}
	PG_RETURN_POINTER(into);
}

/*
 * hwr.confusions_serialize(internal) returns bytea
 */
Datum
hwr_confusions_serialize(PG_FUNCTION_ARGS)
{
	ConfusionState *state = (ConfusionState *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	aggregate_context(fcinfo);
	pq_begintypsend(&buf);
	for (int i = 0; i < state->confusions.n; i++)
	{
		const HwrConfusion *pair = &state->confusions.pairs[i];

		pq_sendint32(&buf, pair->truth);
		pq_sendint32(&buf, pair->guess);
		pq_sendint64(&buf, pair->count);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * hwr.confusions_deserialize(bytea, internal) returns internal
 */
Datum
hwr_confusions_deserialize(PG_FUNCTION_ARGS)
{
	ConfusionState *state;
	StringInfoData buf;
	HwrStatus	st = {0};

	aggregate_context(fcinfo);
	state = create_confusions(CurrentMemoryContext);
	begin_deserialize(&buf, PG_GETARG_BYTEA_PP(0));
	while (buf.cursor < buf.len)
	{
		uint32		truth = pq_getmsgint(&buf, 4);
		uint32		guess = pq_getmsgint(&buf, 4);
		int64		count = pq_getmsgint64(&buf);

		if (!hwr_confusions_count(&state->confusions, truth, guess, count, &st))
			hwr_raise(&st);
	}
	PG_RETURN_POINTER(state);
}

/* A code point as text, 0 as ''. */
static Datum
character_datum(uint32 codepoint)
{
	unsigned char utf8[8] = {0};

	if (codepoint != 0)
		unicode_to_utf8(codepoint, utf8);
	return CStringGetTextDatum(hwr_from_utf8((char *) utf8));
}

/*
 * hwr.confusions_final(internal) returns hwr.character_pair[]
 *
 * The pairs sorted by code point, or NULL without rows.
 */
Datum
hwr_confusions_final(PG_FUNCTION_ARGS)
{
	const HwrConfusions *c;
	Oid			array_type = get_fn_expr_rettype(fcinfo->flinfo);
	Oid			row_type = get_element_type(array_type);
	TupleDesc	desc;
	Datum	   *rows;

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	c = &((ConfusionState *) PG_GETARG_POINTER(0))->confusions;
	if (c->n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(row_type));
	desc = lookup_rowtype_tupdesc_copy(row_type, -1);
	rows = palloc(c->n * sizeof(Datum));
	for (int i = 0; i < c->n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {0};

		values[0] = character_datum(c->pairs[i].truth);
		values[1] = character_datum(c->pairs[i].guess);
		values[2] = Int64GetDatum(c->pairs[i].count);
		rows[i] = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(rows, c->n, row_type, -1, false, TYPALIGN_DOUBLE));
}
