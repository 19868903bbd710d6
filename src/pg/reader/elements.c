/*
 * elements.c
 *	  The images of an array, read in batches.  See elements.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "bad_image.h"
#include "elements.h"
#include "pg/base/columns.h"

void
hwr_elements_open(HwrImageElements *e, Datum images, Oid type)
{
	e->array = DatumGetArrayTypeP(images);
	if (ARR_NDIM(e->array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("image array must be one-dimensional")));
	deconstruct_array(e->array, BYTEAOID, -1, false, TYPALIGN_INT, &e->images, &e->nulls, &e->n);
	e->type = type;
	e->results = palloc0(Max(e->n, 1) * sizeof(Datum));
	e->next = 0;
}

/* CONTEXT of an error in one element of the array. */
static void
element_context(void *arg)
{
	errcontext("image array element %d", *(int *) arg);
}

HwrBatchReader *
hwr_elements_read(HwrImageElements *e, HwrLoaded loaded)
{
	HwrBatchReader *batch;
	MemoryContext caller;
	ErrorContextCallback context;
	int			subscript = 0;
	HwrStatus	st;

	if (e->next >= e->n)
		return NULL;
	batch = hwr_batch_create();
	caller = MemoryContextSwitchTo(batch->context);
	context.callback = element_context;
	context.arg = &subscript;
	context.previous = error_context_stack;
	error_context_stack = &context;
	for (; e->next < e->n && batch->n < HWR_RECOGNIZE_BATCH; e->next++)
	{
		const uint8 *image;
		Size		len;

		if (e->nulls[e->next])
			continue;
		subscript = ARR_LBOUND(e->array)[0] + e->next;
		image = hwr_image_bytes(e->images[e->next], &len);
		e->where[batch->n] = e->next;
		if (!hwr_batch_add(batch, loaded, image, len, &st))
		{
			hwr_bad_image(&st, e->images[e->next]);
			e->nulls[e->next] = true;
		}
	}
	error_context_stack = context.previous;
	if (batch->n > 0)
		hwr_batch_run(batch, loaded);
	MemoryContextSwitchTo(caller);
	return batch;
}

Datum
hwr_elements_close(const HwrImageElements *e)
{
	ArrayType  *results;

	if (e->n == 0)
		results = construct_empty_array(e->type);
	else
		results = construct_md_array(e->results, e->nulls, 1, ARR_DIMS(e->array), ARR_LBOUND(e->array),
									 e->type, -1, false, TYPALIGN_INT);
	return PointerGetDatum(results);
}
