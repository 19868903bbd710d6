/*
 * page.h
 *	  What the functions on pages share.
 *
 * Include after postgres.h.
 */
#ifndef HWR_PG_PAGE_H
#define HWR_PG_PAGE_H

#include "fmgr.h"
#include "utils/geo_decls.h"

#include "core/crop/crop.h"
#include "core/page/page.h"

/* A decoded page and its lines; freed with the memory context in which it was created. */
typedef struct HwrPageWork
{
	HwrImage	image;
	HwrPageFinder *finder;
	HwrPageLines lines;
	HwrImage	crop;			/* a line's, one at a time */
} HwrPageWork;

extern HwrPageWork *hwr_page_work_create(void);

/* Decode the page.  Raises what is wrong with it. */
extern void hwr_page_decode(HwrPageWork *work, Datum page);

/* Find its lines, looking for interrupts between steps. */
extern void hwr_page_find(HwrPageWork *work, int turn, bool right_to_left);

/* work->crop = the line straightened; the one before is freed.  Errors as hwr_page_crop. */
extern bool hwr_page_cut(HwrPageWork *work, const HwrPageLine *line, HwrStatus *st);

/* The same of a line that was found: the ground beyond the sheet is painted as paper. */
extern bool hwr_page_cut_found(HwrPageWork *work, const HwrPageLine *line, HwrStatus *st);

extern Datum hwr_points_polygon(const HwrPoint *points, int n);
extern Datum hwr_points_path(const HwrPoint *points, int n);

/* The argument turn, in quarters; HWR_TURN_UNKNOWN where it is NULL. */
extern int	hwr_turn_argument(FunctionCallInfo fcinfo, int argno);

/* An image as PNG. */
extern Datum hwr_image_datum(const HwrImage *image);

#endif							/* HWR_PG_PAGE_H */
