/*
 * nbest.c
 *	  hwr_recognize_nbest: the most probable texts of an image.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/network/recognizer.h"
#include "pg/reader/decoder.h"
#include "pg/base/columns.h"
#include "pg/base/error.h"
#include "pg/catalog/cache.h"
#include "pg/reader/reader.h"
#include "pg/reader/resolve.h"

PG_FUNCTION_INFO_V1(hwr_recognize_nbest);

/* Arguments, in the order of the SQL function; the others are decoder.h's. */
enum
{
	ARG_IMAGE,
	ARG_N,
	ARG_MODEL,
	ARG_OTHERS,
	ARG_VERSION = ARG_OTHERS + HWR_ARGS,
	ARG_PATTERN					/* older scripts do not have it */
};

/* Kept in fn_extra. */
typedef struct CallSite
{
	HwrResolved resolved;
	HwrDecoder *decoder;
} CallSite;

static CallSite *
get_call_site(FunctionCallInfo fcinfo)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
	site->decoder = hwr_decoder_create(fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/* Steps of a canvas. */
typedef struct Steps
{
	const HwrCanvas *canvas;
	int			steps;
} Steps;

/* The column at the left edge of a step, in pixels of the original image. */
static double
step_to_pixel(const void *arg, int step)
{
	const Steps *s = arg;

	return hwr_canvas_pixel(s->canvas, (double) step * s->canvas->width / s->steps);
}

/*
 * hwr_recognize_nbest(image bytea, n integer, model text, lexicon text[], lm text, lm_weight
 * float8, length_bonus float8, allow text, beam integer, outside_penalty float8, version integer,
 * pattern text) returns setof record
 */
Datum
hwr_recognize_nbest(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Tuplestorestate *store = hwr_decoder_begin_result(fcinfo, &desc);
	int			n = hwr_decoder_n(fcinfo, ARG_N);
	CallSite   *site;
	HwrLoaded	loaded;
	HwrWriter	writer;
	HwrBatchReader *batch;
	MemoryContext caller;
	HwrBeamQuery query;
	Steps		steps;
	const uint8 *image;
	Size		len;
	HwrStatus	st;

	if (PG_ARGISNULL(ARG_IMAGE))
		return (Datum) 0;
	site = get_call_site(fcinfo);
	batch = hwr_batch_create();
	caller = MemoryContextSwitchTo(batch->context);
	hwr_decoder_prepare(fcinfo, site->decoder, n, ARG_OTHERS, &query);
	loaded = hwr_resolve_arguments(&site->resolved, fcinfo, ARG_MODEL, PG_NARGS() > ARG_VERSION ? ARG_VERSION : -1);
	writer = (HwrWriter) {&loaded.model->alphabet, loaded.model->mapping, NameStr(site->resolved.version.name),
		site->resolved.version.hash, &loaded.model->own};
	hwr_decoder_bind(fcinfo, site->decoder, ARG_OTHERS, PG_NARGS() > ARG_PATTERN ? ARG_PATTERN : -1, &writer, &query);
	image = hwr_image_bytes(PG_GETARG_DATUM(ARG_IMAGE), &len);
	if (!hwr_batch_add(batch, loaded, image, len, &st))
		hwr_raise_for_image(&st, PG_GETARG_DATUM(ARG_IMAGE));
	hwr_batch_run(batch, loaded);

	query.logp = batch->posteriors[0].logp;
	query.T = batch->posteriors[0].steps;
	query.K = batch->posteriors[0].classes;
	steps = (Steps) {&batch->canvases[0], query.T};
	hwr_decoder_run(site->decoder, &query, n, &writer, step_to_pixel, &steps, store, desc);
	MemoryContextSwitchTo(caller);
	hwr_batch_free(batch);
	return (Datum) 0;
}
