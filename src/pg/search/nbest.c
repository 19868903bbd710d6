/*
 * nbest.c
 *	  hwr_nbest: the most probable texts of a kept posterior, with a lexicon and a language model of today; hwr_field.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "kept.h"
#include "pg/base/error.h"
#include "pg/reader/kinds.h"

PG_FUNCTION_INFO_V1(hwr_nbest);
PG_FUNCTION_INFO_V1(hwr_field);

/* Arguments, in the order of the SQL function; the others are decoder.h's. */
enum
{
	ARG_POSTERIOR,
	ARG_N,
	ARG_OTHERS,
	ARG_PATTERN = ARG_OTHERS + HWR_ARGS
};

static double
pixel(const void *arg, int step)
{
	return hwr_sparse_pixel(arg, step);
}

/*
 * hwr_nbest(posterior hwr_posterior, n integer, lexicon text[], lm text, lm_weight float8,
 * length_bonus float8, allow text, beam integer, outside_penalty float8, pattern text) returns
 * setof record
 */
Datum
hwr_nbest(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Tuplestorestate *store = hwr_decoder_begin_result(fcinfo, &desc);
	int			n = hwr_decoder_n(fcinfo, ARG_N);
	HwrKept    *site;
	HwrSparse  *sparse;
	HwrWriter	writer = {0};
	HwrBeamQuery query;

	if (PG_ARGISNULL(ARG_POSTERIOR))
		return (Datum) 0;
	site = hwr_kept_of(fcinfo);
	sparse = hwr_ink_read_plain(site->ink, PG_GETARG_DATUM(ARG_POSTERIOR), "hwr_nbest");
	writer = hwr_kept_writer(site, sparse,
							 PG_ARGISNULL(ARG_OTHERS + HWR_ARG_LEXICON) ? NULL :
							 PG_GETARG_ARRAYTYPE_P(ARG_OTHERS + HWR_ARG_LEXICON),
							 PG_ARGISNULL(ARG_OTHERS + HWR_ARG_ALLOW) ? NULL : PG_GETARG_TEXT_PP(ARG_OTHERS + HWR_ARG_ALLOW),
							 PG_ARGISNULL(ARG_PATTERN) ? NULL : PG_GETARG_TEXT_PP(ARG_PATTERN));
	hwr_decoder_prepare(fcinfo, site->decoder, n, ARG_OTHERS, &query);
	hwr_decoder_bind(fcinfo, site->decoder, ARG_OTHERS, ARG_PATTERN, &writer, &query);
	query.logp = hwr_ink_dense_over(site->ink, writer.alphabet);
	query.T = sparse->steps;
	query.K = writer.alphabet->n + 1;
	hwr_decoder_run(site->decoder, &query, n, &writer, pixel, sparse, store, desc);
	return (Datum) 0;
}

/*
 * hwr_field(posterior hwr_posterior, kind text, OUT text text, OUT value text, OUT confidence
 * double precision)
 */
Datum
hwr_field(PG_FUNCTION_ARGS)
{
	HwrKind		kind = hwr_kind_argument(PG_GETARG_TEXT_PP(1));
	text	   *pattern = cstring_to_text(hwr_kind_pattern(kind));
	HwrKept    *site = hwr_kept_of(fcinfo);
	HwrSparse  *sparse = hwr_ink_read_plain(site->ink, PG_GETARG_DATUM(0), "hwr_field");
	HwrWriter	writer = hwr_kept_writer(site, sparse, NULL, NULL, pattern);
	HwrBeamQuery query = hwr_kept_query(site, sparse, &writer);
	TupleDesc	desc;
	HwrKindReading reading;
	Datum		values[3];
	bool		nulls[3] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	reading = hwr_kind_search(site->decoder, &query, &writer, kind);
	nulls[0] = nulls[2] = reading.text == NULL;
	nulls[1] = reading.value[0] == '\0';
	values[0] = nulls[0] ? (Datum) 0 : CStringGetTextDatum(reading.text);
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(reading.value);
	values[2] = nulls[2] ? (Datum) 0 : Float8GetDatum(reading.confidence);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
