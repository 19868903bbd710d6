/*
 * lines.c
 *	  hwr_lines: the lines of a page.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "page.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"

PG_FUNCTION_INFO_V1(hwr_lines);

/* Arguments of hwr_lines. */
enum
{
	ARG_PAGE,
	ARG_TURN,
	ARG_RIGHT_TO_LEFT,
	ARG_IMAGES
};

/*
 * hwr_lines(page bytea, turn integer, right_to_left boolean, images boolean) returns setof record
 */
Datum
hwr_lines(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			turn = hwr_turn_argument(fcinfo, ARG_TURN);
	bool		right_to_left = !PG_ARGISNULL(ARG_RIGHT_TO_LEFT) && PG_GETARG_BOOL(ARG_RIGHT_TO_LEFT);
	bool		images = PG_ARGISNULL(ARG_IMAGES) || PG_GETARG_BOOL(ARG_IMAGES);
	MemoryContext context;
	MemoryContext row;
	MemoryContext caller;
	HwrPageWork *work;
	HwrStatus	st;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(ARG_PAGE))
		return (Datum) 0;
	context = AllocSetContextCreate(CurrentMemoryContext, "hwr page", ALLOCSET_DEFAULT_SIZES);
	row = AllocSetContextCreate(context, "hwr line", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	work = hwr_page_work_create();
	hwr_page_decode(work, PG_GETARG_DATUM(ARG_PAGE));
	hwr_page_find(work, turn, right_to_left);
	MemoryContextSwitchTo(row);
	for (int i = 0; i < work->lines.n; i++)
	{
		const HwrPageLine *line = &work->lines.lines[i];
		bool		text = line->kind == HWR_LINE_TEXT;
		Datum		values[8];
		bool		nulls[8] = {0};

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(row);
		values[0] = Int32GetDatum(i + 1);
		values[1] = Int32GetDatum(line->region);
		nulls[1] = !text;
		values[2] = hwr_points_path(line->baseline, line->baseline_n);
		values[3] = hwr_points_polygon(line->outline, line->outline_n);
		values[4] = Float8GetDatum(line->confidence);
		values[5] = CStringGetTextDatum(text ? "text" : "rejected");
		nulls[6] = line->reason == NULL;
		if (!nulls[6])
			values[6] = CStringGetTextDatum(line->reason);
		nulls[7] = !images || !text;
		if (!nulls[7])
		{
			if (!hwr_page_cut_found(work, line, &st))
				hwr_raise(&st);
			values[7] = hwr_image_datum(&work->crop);
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
