/*
 * read.c
 *	  hwr_read_page: the lines of a page, read in batches.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "core/text/text.h"
#include "page.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/interrupt.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"
#include "pg/reader/resolve.h"

PG_FUNCTION_INFO_V1(hwr_read_page);

enum
{
	ARG_PAGE,
	ARG_MODEL,
	ARG_TURN,
	ARG_RIGHT_TO_LEFT
};

/* The pixel of a line's image at the left edge of a step. */
static double
step_to_pixel(const HwrCanvas *canvas, int steps, int step)
{
	return hwr_canvas_pixel(canvas, (double) step * canvas->width / steps);
}

/* The bounds on the page of columns x0 to x1 of a line's image of this height. */
static void
append_place(StringInfo json, const HwrCrop *crop, double x0, double x1, int height)
{
	double		left = INFINITY;
	double		top = INFINITY;
	double		right = -INFINITY;
	double		bottom = -INFINITY;

	for (int i = 0; i < 4; i++)
	{
		HwrPoint	p = hwr_crop_point(crop, (float) (i % 2 == 0 ? x0 : x1), (float) (i / 2 == 0 ? 0 : height));

		left = Min(left, p.x);
		right = Max(right, p.x);
		top = Min(top, p.y);
		bottom = Max(bottom, p.y);
	}
	appendStringInfo(json, "\"x0\": %d, \"y0\": %d, \"x1\": %d, \"y1\": %d", (int) floor(left), (int) floor(top),
					 (int) ceil(right), (int) ceil(bottom));
}

/* The characters of a reading with their confidences and places. */
static Datum
characters(const HwrReading *reading, const HwrCanvas *canvas, int steps, const HwrPageLine *line, int height)
{
	StringInfoData json;
	HwrCrop		crop;
	HwrStatus	st;

	if (!hwr_crop_begin(&crop, line->baseline, line->baseline_n, line->outline, line->outline_n, hwr_interrupt_pending, NULL,
						&st))
		hwr_raise_interrupted(&st);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < reading->n; i++)
	{
		const HwrChar *c = &reading->chars[i];

		appendStringInfo(&json, "%s{\"char\": ", i > 0 ? ", " : "");
		escape_json(&json, hwr_from_codepoint(c->codepoint));
		appendStringInfo(&json, ", \"confidence\": %.4f, ", c->confidence);
		append_place(&json, &crop, step_to_pixel(canvas, steps, c->first_step),
					 step_to_pixel(canvas, steps, c->last_step + 1), height);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* Read lines[from, to), at most a batch, and put their rows. */
static void
read_batch(ReturnSetInfo *result, HwrPageWork *work, HwrLoaded loaded, int from, int to)
{
	HwrBatchReader *batch = hwr_batch_create();
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	int			crop_heights[HWR_RECOGNIZE_BATCH];
	HwrStatus	st;

	for (int i = from; i < to; i++)
	{
		if (!hwr_page_cut_found(work, &work->lines.lines[i], &st))
			hwr_raise(&st);
		crop_heights[i - from] = work->crop.height;
		if (!hwr_batch_add_image(batch, loaded, &work->crop, false, &st))
			hwr_raise(&st);
	}
	hwr_batch_run(batch, loaded);
	for (int i = from; i < to; i++)
	{
		const HwrPageLine *line = &work->lines.lines[i];
		const HwrReading *reading = &batch->readings[i - from];
		Datum		values[7];
		bool		nulls[7] = {0};

		values[0] = Int32GetDatum(i + 1);
		values[1] = Int32GetDatum(line->region);
		values[2] = CStringGetTextDatum(hwr_from_utf8(reading->text));
		values[3] = Float8GetDatum(hwr_reading_confidence(reading, loaded.model, &batch->posteriors[i - from], batch->context));
		values[4] = hwr_points_polygon(line->outline, line->outline_n);
		values[5] = hwr_points_path(line->baseline, line->baseline_n);
		values[6] = characters(reading, &batch->canvases[i - from], batch->posteriors[i - from].steps, line,
							   crop_heights[i - from]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	hwr_batch_free(batch);
}

/* Kept in fn_extra. */
typedef struct CallSite
{
	HwrResolved resolved;
	bool		told;			/* that a page has no lines: once a statement */
} CallSite;

static void
tell_of_nothing(CallSite *site)
{
	if (!site->told)
		ereport(NOTICE,
				(errmsg("no lines of text were found on the page"),
				 errhint("hwr_lines shows what was rejected, and why.")));
	site->told = true;
}

/*
 * hwr_read_page(page bytea, model text, turn integer, right_to_left boolean) returns setof record
 */
Datum
hwr_read_page(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			turn = hwr_turn_argument(fcinfo, ARG_TURN);
	bool		right_to_left = !PG_ARGISNULL(ARG_RIGHT_TO_LEFT) && PG_GETARG_BOOL(ARG_RIGHT_TO_LEFT);
	MemoryContext context;
	MemoryContext caller;
	HwrPageWork *work;
	HwrLoaded	loaded;
	CallSite   *site;
	int			n = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(ARG_PAGE))
		return (Datum) 0;
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
	site = fcinfo->flinfo->fn_extra;
	loaded = hwr_resolve_model(&site->resolved,
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
		read_batch(result, work, loaded, from, Min(n, from + HWR_RECOGNIZE_BATCH));
	if (n == 0)
		tell_of_nothing(site);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
