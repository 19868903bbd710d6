/*
 * page.c
 *	  A page on its way from bytes to lines, and the core's points as PostgreSQL's geometric types.
 *
 * The core's results are malloc'd; a callback on the memory context frees them whichever way it ends.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/crop/beyond.h"
#include "core/image/image_write.h"
#include "line_model.h"
#include "page.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/interrupt.h"
#include "pg/base/settings.h"

static void
free_work(void *arg)
{
	HwrPageWork *work = arg;

	hwr_page_finder_free(work->finder);
	hwr_page_lines_free(&work->lines);
	hwr_image_free(&work->image);
	hwr_image_free(&work->crop);
}

HwrPageWork *
hwr_page_work_create(void)
{
	HwrPageWork *work = palloc0(sizeof(HwrPageWork));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	callback->func = free_work;
	callback->arg = work;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return work;
}

void
hwr_page_decode(HwrPageWork *work, Datum page)
{
	HwrImageLimits limits = hwr_image_limits();
	HwrStatus	st;
	Size		len;
	const uint8 *bytes = hwr_image_bytes(page, &len);

	if (!hwr_image_decode(bytes, len, &limits, 0, 0, &work->image, &st))
	{
		work->image.pixels = NULL;
		hwr_raise_for_image(&st, page);
	}
}

void
hwr_page_find(HwrPageWork *work, int turn, bool right_to_left)
{
	HwrPageOptions options = {.net = hwr_line_model(),.turn = turn,.right_to_left = right_to_left};
	bool		done = false;
	HwrStatus	st;

	if (!hwr_page_finder_create(&work->image, &options, &work->finder, &st))
	{
		work->finder = NULL;
		hwr_raise(&st);
	}
	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!hwr_page_finder_step(work->finder, &done, &st))
			hwr_raise(&st);
	}
	hwr_page_finder_take(work->finder, &work->lines);
	hwr_page_finder_free(work->finder);
	work->finder = NULL;
}

bool
hwr_page_cut(HwrPageWork *work, const HwrPageLine *line, HwrStatus *st)
{
	CHECK_FOR_INTERRUPTS();
	hwr_image_free(&work->crop);
	work->crop.pixels = NULL;
	if (hwr_page_crop(&work->image, line->baseline, line->baseline_n, line->outline, line->outline_n, hwr_interrupt_pending, NULL,
					  &work->crop, st))
		return true;
	work->crop.pixels = NULL;
	CHECK_FOR_INTERRUPTS();
	return false;
}

bool
hwr_page_cut_found(HwrPageWork *work, const HwrPageLine *line, HwrStatus *st)
{
	if (!hwr_page_cut(work, line, st))
		return false;
	hwr_page_paint_beyond(&work->crop);
	work->crop.writing = true;
	return true;
}

Datum
hwr_points_polygon(const HwrPoint *points, int n)
{
	Size		size = offsetof(POLYGON, p) + sizeof(Point) * n;
	POLYGON    *polygon = palloc0(size);

	SET_VARSIZE(polygon, size);
	polygon->npts = n;
	polygon->boundbox.low.x = polygon->boundbox.high.x = points[0].x;
	polygon->boundbox.low.y = polygon->boundbox.high.y = points[0].y;
	for (int i = 0; i < n; i++)
	{
		/* A tenth of a pixel is enough, and reads better. */
		double		x = rint(points[i].x * 10.0) / 10;
		double		y = rint(points[i].y * 10.0) / 10;

		polygon->p[i].x = x;
		polygon->p[i].y = y;
		polygon->boundbox.low.x = i == 0 ? x : Min(polygon->boundbox.low.x, x);
		polygon->boundbox.low.y = i == 0 ? y : Min(polygon->boundbox.low.y, y);
		polygon->boundbox.high.x = i == 0 ? x : Max(polygon->boundbox.high.x, x);
		polygon->boundbox.high.y = i == 0 ? y : Max(polygon->boundbox.high.y, y);
	}
	return PolygonPGetDatum(polygon);
}

Datum
hwr_points_path(const HwrPoint *points, int n)
{
	Size		size = offsetof(PATH, p) + sizeof(Point) * n;
	PATH	   *path = palloc0(size);

	SET_VARSIZE(path, size);
	path->npts = n;
	path->closed = 0;
	for (int i = 0; i < n; i++)
	{
		path->p[i].x = rint(points[i].x * 10.0) / 10;
		path->p[i].y = rint(points[i].y * 10.0) / 10;
	}
	return PathPGetDatum(path);
}

int
hwr_turn_argument(FunctionCallInfo fcinfo, int argno)
{
	int			turn;

	if (PG_ARGISNULL(argno))
		return HWR_TURN_UNKNOWN;
	turn = PG_GETARG_INT32(argno);
	if (turn != 0 && turn != 90 && turn != 180 && turn != 270)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"turn\" must be 0, 90, 180 or 270"),
				 errdetail("It says by how many degrees clockwise the page must be turned to be upright.")));
	return turn / 90;
}

Datum
hwr_image_datum(const HwrImage *image)
{
	uint8_t    *png;
	size_t		len;
	bytea	   *result;
	HwrStatus	st;

	if (!hwr_image_write_exact(image, &png, &len, &st))
		hwr_raise(&st);
	result = palloc_extended(len + VARHDRSZ, MCXT_ALLOC_NO_OOM);
	if (result != NULL)
	{
		SET_VARSIZE(result, len + VARHDRSZ);
		memcpy(VARDATA(result), png, len);
	}
	free(png);
	if (result == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return PointerGetDatum(result);
}
