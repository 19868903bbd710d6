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
#include "reader.h"
#include "resolve.h"

PG_FUNCTION_INFO_V1(hwr_recognize);
PG_FUNCTION_INFO_V1(hwr_recognize_batch);

/* The model of argument argno, loaded. */
static HwrLoaded
get_model(FunctionCallInfo fcinfo, int argno)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(HwrResolved));
	return hwr_resolve_model(fcinfo->flinfo->fn_extra,
							 PG_ARGISNULL(argno) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argno)));
}

/*
 * hwr_recognize(image bytea, model text) returns text
 */
Datum
hwr_recognize(PG_FUNCTION_ARGS)
{
	HwrLoaded	loaded;
	HwrBatchReader *batch;
	MemoryContext caller;
	const uint8 *image;
	Size		len;
	char	   *utf8;
	text	   *result;
	HwrStatus	st;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	loaded = get_model(fcinfo, 1);

	batch = hwr_batch_create();
	caller = MemoryContextSwitchTo(batch->context);
	image = hwr_image_bytes(PG_GETARG_DATUM(0), &len);
	if (!hwr_batch_add(batch, loaded, image, len, &st))
		hwr_raise(&st);
	hwr_batch_run(batch, loaded);
	utf8 = hwr_from_utf8(batch->readings[0].text);
	MemoryContextSwitchTo(caller);
	result = cstring_to_text(utf8);
	hwr_batch_free(batch);
	PG_RETURN_TEXT_P(result);
}

/* CONTEXT of an error in one element of the array. */
static void
element_context(void *arg)
{
	errcontext("image array element %d", *(int *) arg);
}

/*
 * Read elements from *next on until a batch is full or the array ends; NULL elements stay NULL.
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
			hwr_raise(&st);
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
	loaded = get_model(fcinfo, 1);
	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &images, &nulls, &n);
	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(TEXTOID));

	texts = palloc0(n * sizeof(Datum));
	for (int next = 0; next < n;)
		read_elements(loaded, images, nulls, n, ARR_LBOUND(array)[0], &next, texts);
	PG_RETURN_ARRAYTYPE_P(construct_md_array(texts, nulls, 1, ARR_DIMS(array), ARR_LBOUND(array),
											 TEXTOID, -1, false, TYPALIGN_INT));
}
