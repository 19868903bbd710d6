/*
 * lines.c
 *	  hwr_lines: the lines of a page.  hwr_crop: a part of it.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "page.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"

PG_FUNCTION_INFO_V1(hwr_lines);
PG_FUNCTION_INFO_V1(hwr_crop);

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
			hwr_page_cut(work, line);
			values[7] = hwr_image_datum(&work->crop);
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* Points of a geometric value as the core has them. */
static HwrPoint *
core_points(const Point *from, int n, const char *what)
{
	HwrPoint   *points = palloc(sizeof(HwrPoint) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		if (!(fabs(from[i].x) < 1e7 && fabs(from[i].y) < 1e7))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" has a point that is no pixel of an image", what)));
		points[i] = (HwrPoint){(float) from[i].x, (float) from[i].y};
	}
	return points;
}

/*
 * hwr_crop(image bytea, area polygon, baseline path) returns bytea
 */
Datum
hwr_crop(PG_FUNCTION_ARGS)
{
	POLYGON    *area;
	PATH	   *baseline;
	HwrPageLine line = {0};
	MemoryContext context;
	MemoryContext caller;
	HwrPageWork *work;
	Datum		result;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	area = PG_GETARG_POLYGON_P(1);
	if (area->npts < 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"area\" must have at least three points")));
	line.outline = core_points(area->p, area->npts, "area");
	line.outline_n = area->npts;
	if (!PG_ARGISNULL(2))
	{
		baseline = PG_GETARG_PATH_P(2);
		if (baseline->npts < 2)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"baseline\" must have at least two points")));
		line.baseline = core_points(baseline->p, baseline->npts, "baseline");
		line.baseline_n = baseline->npts;
	}
	context = AllocSetContextCreate(CurrentMemoryContext, "hwr crop", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	work = hwr_page_work_create();
	hwr_page_decode(work, PG_GETARG_DATUM(0));
	hwr_page_cut(work, &line);
	MemoryContextSwitchTo(caller);
	result = hwr_image_datum(&work->crop);
	MemoryContextDelete(context);
	PG_RETURN_DATUM(result);
}
