/*
 * crop.c
 *	  Parts of an image: hwr_crop, hwr_crop_batch, and back, hwr_uncrop; its size: hwr_image_size.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "page.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/interrupt.h"
#include "pg/base/settings.h"

PG_FUNCTION_INFO_V1(hwr_crop);
PG_FUNCTION_INFO_V1(hwr_crop_batch);
PG_FUNCTION_INFO_V1(hwr_uncrop);
PG_FUNCTION_INFO_V1(hwr_image_size);

/* Points along the upper and the lower edge of what columns of a crop show. */
#define EDGE_POINTS 9

/* Points of a geometric value as the core has them. */
static HwrPoint *
core_points(const Point *from, int n, const char *what)
{
	HwrPoint   *points = palloc(sizeof(HwrPoint) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		/* Written so that NaN is none either. */
		if (!(fabs(from[i].x) < 1e7 && fabs(from[i].y) < 1e7))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" has a point that is no pixel of an image", what)));
		points[i] = (HwrPoint){(float) from[i].x, (float) from[i].y};
	}
	return points;
}

/* The line that an area and a baseline (NULL: none) make. */
static HwrPageLine
line_of(const POLYGON *area, const PATH *baseline)
{
	HwrPageLine line = {0};

	if (area->npts < 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"area\" must have at least three points")));
	line.outline = core_points(area->p, area->npts, "area");
	line.outline_n = area->npts;
	if (baseline != NULL)
	{
		if (baseline->npts < 2)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"baseline\" must have at least two points")));
		line.baseline = core_points(baseline->p, baseline->npts, "baseline");
		line.baseline_n = baseline->npts;
	}
	return line;
}

/*
 * hwr_crop(image bytea, area polygon, baseline path) returns bytea
 */
Datum
hwr_crop(PG_FUNCTION_ARGS)
{
	HwrPageLine line;
	MemoryContext context;
	MemoryContext caller;
	HwrPageWork *work;
	Datum		result;
	HwrStatus	st;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	context = AllocSetContextCreate(CurrentMemoryContext, "hwr crop", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	line = line_of(PG_GETARG_POLYGON_P(1), PG_ARGISNULL(2) ? NULL : PG_GETARG_PATH_P(2));
	work = hwr_page_work_create();
	hwr_page_decode(work, PG_GETARG_DATUM(0));
	if (!hwr_page_cut(work, &line, &st))
		hwr_raise(&st);
	MemoryContextSwitchTo(caller);
	result = hwr_image_datum(&work->crop);
	MemoryContextDelete(context);
	PG_RETURN_DATUM(result);
}

/* CONTEXT of an error in one element of the arrays. */
static void
element_context(void *arg)
{
	errcontext("area %d", *(int *) arg);
}

/*
 * hwr_crop_batch(image bytea, areas polygon[], baselines path[]) returns bytea[]
 */
Datum
hwr_crop_batch(PG_FUNCTION_ARGS)
{
	ErrorContextCallback error_context;
	MemoryContext context;
	MemoryContext caller = CurrentMemoryContext;
	HwrPageWork *work;
	Datum	   *areas;
	Datum	   *baselines = NULL;
	Datum	   *images;
	bool	   *areas_null;
	bool	   *baselines_null = NULL;
	bool	   *nulls;
	int			n;
	int			baselines_n = 0;
	int			number = 0;
	Size		total = 0;
	int			dims[1];
	int			lower[1] = {1};
	HwrStatus	st;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), POLYGONOID, -1, false, TYPALIGN_DOUBLE, &areas, &areas_null, &n);
	if (!PG_ARGISNULL(2))
	{
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), PATHOID, -1, false, TYPALIGN_DOUBLE, &baselines, &baselines_null,
						  &baselines_n);
		if (baselines_n != n)
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 errmsg("\"areas\" and \"baselines\" must have the same number of elements")));
	}
	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(BYTEAOID));
	images = palloc0(n * sizeof(Datum));
	nulls = palloc0(n * sizeof(bool));
	context = AllocSetContextCreate(CurrentMemoryContext, "hwr crop", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	work = hwr_page_work_create();
	hwr_page_decode(work, PG_GETARG_DATUM(0));
	error_context.callback = element_context;
	error_context.arg = &number;
	error_context.previous = error_context_stack;
	error_context_stack = &error_context;
	for (int i = 0; i < n; i++)
	{
		HwrPageLine line;

		number = i + 1;
		nulls[i] = true;
		if (areas_null[i])
			continue;
		line = line_of(DatumGetPolygonP(areas[i]),
					   baselines == NULL || baselines_null[i] ? NULL : DatumGetPathP(baselines[i]));
		if (!hwr_page_cut(work, &line, &st))
		{
			if (st.code != HWR_BAD_OPTION)
				hwr_raise(&st);
			continue;
		}
		MemoryContextSwitchTo(caller);
		images[i] = hwr_image_datum(&work->crop);
		nulls[i] = false;
		/* No array can hold more: sooner told than when all are in memory. */
		total += VARSIZE_ANY(DatumGetPointer(images[i]));
		if (!AllocSizeIsValid(total))
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("parts of the image are too large for one array")));
		MemoryContextSwitchTo(context);
	}
	error_context_stack = error_context.previous;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	dims[0] = n;
	PG_RETURN_ARRAYTYPE_P(construct_md_array(images, nulls, 1, dims, lower, BYTEAOID, -1, false, TYPALIGN_INT));
}

/*
 * hwr_uncrop(area polygon, x0 double precision, x1 double precision, baseline path) returns polygon
 */
Datum
hwr_uncrop(PG_FUNCTION_ARGS)
{
	float8		x[2];
	HwrPageLine line;
	HwrCrop		crop;
	HwrPoint	edge[2 * EDGE_POINTS];
	int			width;
	int			height;
	HwrStatus	st;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	line = line_of(PG_GETARG_POLYGON_P(0), PG_ARGISNULL(3) ? NULL : PG_GETARG_PATH_P(3));
	x[0] = PG_GETARG_FLOAT8(1);
	x[1] = PG_GETARG_FLOAT8(2);
	if (!hwr_crop_begin(&crop, line.baseline, line.baseline_n, line.outline, line.outline_n, hwr_interrupt_pending, NULL, &st) ||
		!hwr_crop_size(&crop, &width, &height, &st))
		hwr_raise_interrupted(&st);
	/* Written so that NaN is out of range. */
	if (!(x[0] >= 0 && x[0] <= x[1] && x[1] <= width))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"x0\" and \"x1\" must be columns of the area's image, from left to right"),
				 errdetail("It has %d.", width)));
	for (int i = 0; i < EDGE_POINTS; i++)
	{
		float		at = (float) (x[0] + (x[1] - x[0]) * i / (EDGE_POINTS - 1));

		edge[i] = hwr_crop_point(&crop, at, 0);
		edge[2 * EDGE_POINTS - 1 - i] = hwr_crop_point(&crop, at, (float) height);
	}
	PG_RETURN_DATUM(hwr_points_polygon(edge, 2 * EDGE_POINTS));
}

/*
 * hwr_image_size(image bytea, OUT width integer, OUT height integer)
 */
Datum
hwr_image_size(PG_FUNCTION_ARGS)
{
	HwrImageLimits limits = hwr_image_limits();
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {0};
	HwrImage	image;
	HwrStatus	st;
	Size		len;
	const uint8 *bytes = hwr_image_bytes(PG_GETARG_DATUM(0), &len);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	/* As small as the decoder can make it. */
	if (!hwr_image_decode(bytes, len, &limits, 1, 1, &image, &st))
		hwr_raise_for_image(&st, PG_GETARG_DATUM(0));
	values[0] = Int32GetDatum(image.source_width);
	values[1] = Int32GetDatum(image.source_height);
	hwr_image_free(&image);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
