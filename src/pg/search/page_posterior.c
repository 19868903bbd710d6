/*
 * page_posterior.c
 *	  hwr_page_posteriors: what the network says about each line of a page, kept.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/page/page.h"
#include "pg/reader/reader.h"
#include "pg/reader/resolve.h"
#include "posterior.h"

PG_FUNCTION_INFO_V1(hwr_page_posteriors);

enum
{
	ARG_PAGE,
	ARG_MODEL,
	ARG_TURN,
	ARG_RIGHT_TO_LEFT,
	ARG_BOUND,
	ARG_LANGUAGE
};

/* Read lines[from, to), at most a batch, and put their rows. */
static void
keep_batch(ReturnSetInfo *result, HwrPageWork *work, HwrLoaded loaded, HwrKeep keep, int from, int to)
{
	HwrBatchReader *batch = hwr_batch_create();
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	HwrStatus	st;

	for (int i = from; i < to; i++)
	{
		if (!hwr_page_cut_found(work, &work->lines.lines[i], &st) ||
			!hwr_batch_add_image(batch, loaded, &work->crop, false, &st))
			hwr_raise(&st);
	}
	hwr_batch_run(batch, loaded);
	for (int i = from; i < to; i++)
	{
		const HwrPageLine *line = &work->lines.lines[i];
		Datum		values[5];
		bool		nulls[5] = {0};

		values[0] = Int32GetDatum(i + 1);
		values[1] = Int32GetDatum(line->region);
		values[2] = PointerGetDatum(hwr_keep_posterior(&batch->posteriors[i - from], &batch->canvases[i - from], loaded, keep));
		values[3] = hwr_points_polygon(line->outline, line->outline_n);
		values[4] = hwr_points_path(line->baseline, line->baseline_n);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	hwr_batch_free(batch);
}

/*
 * hwr_page_posteriors(page bytea, model text, turn integer, right_to_left boolean, bound double precision,
 * language double precision) returns setof record
 */
Datum
hwr_page_posteriors(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			turn = hwr_turn_argument(fcinfo, ARG_TURN);
	bool		right_to_left = !PG_ARGISNULL(ARG_RIGHT_TO_LEFT) && PG_GETARG_BOOL(ARG_RIGHT_TO_LEFT);
	HwrKeep		keep = hwr_keep_arguments(fcinfo, ARG_BOUND, ARG_LANGUAGE);
	MemoryContext context;
	MemoryContext caller;
	HwrPageWork *work;
	HwrLoaded	loaded;
	int			n = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(ARG_PAGE))
		return (Datum) 0;
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(HwrResolved));
	loaded = hwr_resolve_model(fcinfo->flinfo->fn_extra,
							   PG_ARGISNULL(ARG_MODEL) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL)));
	context = AllocSetContextCreate(CurrentMemoryContext, "hwr page", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	work = hwr_page_work_create();
	hwr_page_decode(work, PG_GETARG_DATUM(ARG_PAGE));
	hwr_page_find(work, turn, right_to_left);
	/* Rejected lines come last. */
	while (n < work->lines.n && work->lines.lines[n].kind == HWR_LINE_TEXT)
		n++;
	for (int from = 0; from < n; from += HWR_RECOGNIZE_BATCH)
		keep_batch(result, work, loaded, keep, from, Min(n, from + HWR_RECOGNIZE_BATCH));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
