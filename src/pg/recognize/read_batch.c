/*
 * read_batch.c
 *	  hwr_read_batch: an array of images to a row each, with text and confidence or the problem.
 *
 * For applications that read many rows in one statement and may lose none to a bad image.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/base/status.h"
#include "core/network/recognizer.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/catalog/cache.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"
#include "pg/reader/resolve.h"

PG_FUNCTION_INFO_V1(hwr_read_batch);

enum
{
	COL_N, COL_TEXT, COL_CONFIDENCE, COL_PROBLEM, N_COLUMNS
};

/* The images that are read together, and what is known of each before. */
typedef struct Piece
{
	int			n;				/* elements, at most HWR_RECOGNIZE_BATCH */
	int			first;			/* number of the first, from 0 */
	int			at[HWR_RECOGNIZE_BATCH];	/* its place in the batch; -1: it cannot be read */
	char	   *problem[HWR_RECOGNIZE_BATCH];	/* why */
} Piece;

static void
add_element(Piece *piece, HwrBatchReader *batch, HwrLoaded loaded, Datum element, bool isnull)
{
	int			i = piece->n++;
	const uint8 *image;
	Size		len;
	HwrStatus	st = {0};

	piece->at[i] = -1;
	piece->problem[i] = NULL;
	if (isnull)
	{
		piece->problem[i] = pstrdup("image is null");
		return;
	}
	image = hwr_image_bytes(element, &len);
	if (hwr_batch_add(batch, loaded, image, len, &st))
		piece->at[i] = batch->n - 1;
	else if (st.code == HWR_BAD_IMAGE || st.code == HWR_IMAGE_TOO_LARGE)
		piece->problem[i] = hwr_status_text(&st);
	else
		hwr_raise(&st);
}

static void
put_row(ReturnSetInfo *rsinfo, const Piece *piece, int i, const HwrBatchReader *batch, HwrLoaded loaded)
{
	Datum		values[N_COLUMNS] = {0};
	bool		nulls[N_COLUMNS] = {false, true, true, true};

	values[COL_N] = Int32GetDatum(piece->first + i + 1);
	if (piece->at[i] < 0)
	{
		values[COL_PROBLEM] = CStringGetTextDatum(piece->problem[i]);
		nulls[COL_PROBLEM] = false;
	}
	else
	{
		const HwrReading *reading = &batch->readings[piece->at[i]];

		values[COL_TEXT] = CStringGetTextDatum(hwr_from_utf8(reading->text));
		values[COL_CONFIDENCE] = Float8GetDatum(hwr_reading_confidence(reading, loaded.model, &batch->posteriors[piece->at[i]],
																	   CurrentMemoryContext));
		nulls[COL_TEXT] = nulls[COL_CONFIDENCE] = false;
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
read_piece(ReturnSetInfo *rsinfo, HwrLoaded loaded, const Datum *images, const bool *nulls, int n, int first)
{
	HwrBatchReader *batch = hwr_batch_create();
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	Piece		piece = {.first = first};

	for (int i = 0; i < n; i++)
		add_element(&piece, batch, loaded, images[first + i], nulls[first + i]);
	if (batch->n > 0)
		hwr_batch_run(batch, loaded);
	for (int i = 0; i < n; i++)
		put_row(rsinfo, &piece, i, batch, loaded);
	MemoryContextSwitchTo(caller);
	hwr_batch_free(batch);
}

/*
 * hwr_read_batch(images bytea[], model text, version integer) returns setof record
 */
Datum
hwr_read_batch(PG_FUNCTION_ARGS)
{
	HwrResolved resolved = {0};
	HwrLoaded	loaded;
	ArrayType  *array;
	Datum	   *images;
	bool	   *nulls;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	array = PG_GETARG_ARRAYTYPE_P(0);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("image array must be one-dimensional")));
	loaded = hwr_resolve_arguments(&resolved, fcinfo, 1, 2);
	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &images, &nulls, &n);
	for (int first = 0; first < n; first += HWR_RECOGNIZE_BATCH)
		read_piece((ReturnSetInfo *) fcinfo->resultinfo, loaded, images, nulls, Min(n - first, HWR_RECOGNIZE_BATCH), first);
	return (Datum) 0;
}
