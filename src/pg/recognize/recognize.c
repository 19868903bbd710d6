/*
 * recognize.c
 *	  hwr_recognize: images to text, for one image and for an array.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/base/status.h"
#include "core/network/recognizer.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/catalog/cache.h"
#include "pg/reader/bad_image.h"
#include "pg/batch/batch.h"
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

/*
 * hwr_recognize(image bytea, model text) returns text
 */
Datum
hwr_recognize(PG_FUNCTION_ARGS)
{
	HwrLoaded	loaded;
	HwrAhead	ahead;
	text	   *result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	loaded = get_model(fcinfo, false);
	if (hwr_ahead_find(PG_GETARG_DATUM(0), loaded, &ahead))
		PG_RETURN_TEXT_P(cstring_to_text(hwr_from_utf8(ahead.reading->text)));
	result = read_image(PG_GETARG_DATUM(0), loaded);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/*
 * hwr_recognize(image bytea, model text, version integer) returns text
 */
Datum
hwr_recognize_version(PG_FUNCTION_ARGS)
{
	HwrLoaded	loaded;
	text	   *result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	loaded = get_model(fcinfo, true);
	result = read_image(PG_GETARG_DATUM(0), loaded);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/* CONTEXT of an error in one element of the array. */
static void
element_context(void *arg)
{
	errcontext("image array element %d", *(int *) arg);
}

/*
 * Read elements from *next on until a batch is full or the array ends; NULL elements stay NULL, and
 * bad ones may become so.
 */
static void
read_elements(HwrLoaded loaded, Datum *images, bool *nulls, int n, int lower_bound, int *next,
			  Datum *texts)
{
	HwrBatchReader *batch = hwr_batch_create();
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	ErrorContextCallback context;
	int			where[HWR_RECOGNIZE_BATCH];
	int			subscript = 0;
	HwrStatus	st;

	context.callback = element_context;
	context.arg = &subscript;
	context.previous = error_context_stack;
	error_context_stack = &context;
	for (; *next < n && batch->n < HWR_RECOGNIZE_BATCH; (*next)++)
	{
		const uint8 *image;
		Size		len;

		if (nulls[*next])
			continue;
		subscript = lower_bound + *next;
		image = hwr_image_bytes(images[*next], &len);
		where[batch->n] = *next;
		if (!hwr_batch_add(batch, loaded, image, len, &st))
		{
			hwr_bad_image(&st, images[*next]);
			nulls[*next] = true;
		}
	}
	error_context_stack = context.previous;

	if (batch->n > 0)
		hwr_batch_run(batch, loaded);
	for (int i = 0; i < batch->n; i++)
	{
		char	   *utf8 = hwr_from_utf8(batch->readings[i].text);

		MemoryContextSwitchTo(caller);
		texts[where[i]] = CStringGetTextDatum(utf8);
		MemoryContextSwitchTo(batch->context);
	}
	MemoryContextSwitchTo(caller);
	hwr_batch_free(batch);
}

/*
 * hwr_recognize_batch(images bytea[], model text) returns text[]
 */
Datum
hwr_recognize_batch(PG_FUNCTION_ARGS)
{
	HwrLoaded	loaded;
	ArrayType  *array;
	Datum	   *images;
	Datum	   *texts;
	bool	   *nulls;
	int			n;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	array = PG_GETARG_ARRAYTYPE_P(0);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("image array must be one-dimensional")));
	loaded = get_model(fcinfo, false);
	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &images, &nulls, &n);
	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(TEXTOID));

	texts = palloc0(n * sizeof(Datum));
	for (int next = 0; next < n;)
		read_elements(loaded, images, nulls, n, ARR_LBOUND(array)[0], &next, texts);
	PG_RETURN_ARRAYTYPE_P(construct_md_array(texts, nulls, 1, ARR_DIMS(array), ARR_LBOUND(array),
											 TEXTOID, -1, false, TYPALIGN_INT));
}
