/*
 * canvas.c
 *	  hwr_canvas: the network's input, for those who run an exported model elsewhere.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"

#include "core/base/status.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/catalog/cache.h"
#include "pg/reader/reader.h"
#include "pg/reader/resolve.h"

PG_FUNCTION_INFO_V1(hwr_canvas);

/*
 * hwr_canvas(image bytea, model text, version integer) returns record
 */
Datum
hwr_canvas(PG_FUNCTION_ARGS)
{
	HwrResolved resolved = {0};
	HwrBatchReader *batch;
	MemoryContext caller;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};
	HwrLoaded	loaded;
	const uint8 *image;
	bytea	   *ink;
	Size		size;
	Size		len;
	HwrStatus	st;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	loaded = hwr_resolve_arguments(&resolved, fcinfo, 1, 2);
	batch = hwr_batch_create();
	caller = MemoryContextSwitchTo(batch->context);
	image = hwr_image_bytes(PG_GETARG_DATUM(0), &len);
	if (!hwr_batch_add(batch, loaded, image, len, &st))
		hwr_raise_for_image(&st, PG_GETARG_DATUM(0));
	MemoryContextSwitchTo(caller);
	size = (Size) loaded.model->net.height * batch->canvases[0].width;
	ink = palloc(VARHDRSZ + size);
	SET_VARSIZE(ink, VARHDRSZ + size);
	memcpy(VARDATA(ink), batch->canvases[0].ink, size);
	values[0] = Int32GetDatum(loaded.model->net.height);
	values[1] = Int32GetDatum(batch->canvases[0].width);
	values[2] = PointerGetDatum(ink);
	hwr_batch_free(batch);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
