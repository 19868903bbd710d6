/*
 * recognize.c
 *	  hwr_recognize: images to text, for one image and for an array.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "core/base/status.h"
#include "core/network/recognizer.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/catalog/cache.h"
#include "pg/reader/bad_image.h"
#include "pg/batch/batch.h"
#include "pg/reader/elements.h"
#include "pg/reader/reader.h"
#include "pg/reader/resolve.h"

PG_FUNCTION_INFO_V1(hwr_recognize);
PG_FUNCTION_INFO_V1(hwr_recognize_version);
PG_FUNCTION_INFO_V1(hwr_recognize_batch);

/* The model of argument 1, loaded; its version is argument 2, or it is the active one. */
static HwrLoaded
get_model(FunctionCallInfo fcinfo, bool with_version)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(HwrResolved));
	return hwr_resolve_arguments(fcinfo->flinfo->fn_extra, fcinfo, 1, with_version ? 2 : -1);
}

/* The text of one image, NULL for a bad one where hwr.on_bad_image wants it so. */
static text *
read_image(Datum datum, HwrLoaded loaded)
{
	HwrBatchReader *batch;
	MemoryContext caller;
	const uint8 *image;
	Size		len;
	char	   *utf8;
	text	   *result;
	HwrStatus	st;

	batch = hwr_batch_create();
	caller = MemoryContextSwitchTo(batch->context);
	image = hwr_image_bytes(datum, &len);
	if (!hwr_batch_add(batch, loaded, image, len, &st))
	{
		hwr_bad_image(&st, datum);
		MemoryContextSwitchTo(caller);
		hwr_batch_free(batch);
		return NULL;
	}
	hwr_batch_run(batch, loaded);
	utf8 = hwr_from_utf8(batch->readings[0].text);
	MemoryContextSwitchTo(caller);
	result = cstring_to_text(utf8);
	hwr_batch_free(batch);
	return result;
}

/* hwr_recognize by the active version, or by that in argument 2 */
static Datum
recognize(FunctionCallInfo fcinfo, bool with_version)
{
	HwrLoaded	loaded;
	HwrAhead	ahead;
	text	   *result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	loaded = get_model(fcinfo, with_version);
	if (hwr_ahead_find(fcinfo->flinfo, PG_GETARG_DATUM(0), loaded, &ahead))
		PG_RETURN_TEXT_P(cstring_to_text(hwr_from_utf8(ahead.reading->text)));
	result = read_image(PG_GETARG_DATUM(0), loaded);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/*
 * hwr_recognize(image bytea, model text) returns text
 */
Datum
hwr_recognize(PG_FUNCTION_ARGS)
{
	return recognize(fcinfo, false);
}

/*
 * hwr_recognize(image bytea, model text, version integer) returns text
 */
Datum
hwr_recognize_version(PG_FUNCTION_ARGS)
{
	return recognize(fcinfo, true);
}

/*
 * hwr_recognize_batch(images bytea[], model text) returns text[]
 */
Datum
hwr_recognize_batch(PG_FUNCTION_ARGS)
{
	HwrLoaded	loaded;
	HwrImageElements e;
	HwrBatchReader *batch;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	hwr_elements_open(&e, PG_GETARG_DATUM(0), TEXTOID);
	loaded = get_model(fcinfo, false);
	while ((batch = hwr_elements_read(&e, loaded)) != NULL)
	{
		for (int i = 0; i < batch->n; i++)
			e.results[e.where[i]] = CStringGetTextDatum(hwr_from_utf8(batch->readings[i].text));
		hwr_batch_free(batch);
	}
	PG_RETURN_DATUM(hwr_elements_close(&e));
}
