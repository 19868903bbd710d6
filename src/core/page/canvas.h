/*
 * canvas.h
 *	  A page as the network that finds lines sees it: its darkness, level, and so large that lines of writing are
 *	  HWR_CANVAS_PITCH pixels apart.
 *
 * Finding and training make it with the same code, so that a network meets what it has learned from.
 */
#ifndef HWR_PAGE_CANVAS_H
#define HWR_PAGE_CANVAS_H

#include "core/ink/map.h"
#include "page.h"
#include "tilt.h"

#define HWR_CANVAS_PITCH 24

/* No canvas has more pixels; larger ones get a smaller pitch. */
#define HWR_CANVAS_PIXELS (3 << 20)

typedef struct HwrPageCanvas
{
	HwrMap		ink;			/* 0 paper, 170 usual ink, 255 darker still; rules are still there */
	float		scale;			/* pixels here a pixel of the page */
	float	   *shift;			/* [ink.width]: y of the straight page's canvas = y here + shift; malloc'd */
	HwrTilt		tilt;			/* from the turned page to the straight one */
} HwrPageCanvas;

/*
 * From a level sheet: its darkness, what its columns were moved by, how many pixels of the page one of its is, and
 * how many of its pixels lie from line to line.
 */
extern bool hwr_page_canvas_make(const HwrMap *dark, const float *shift, float factor, float size,
								 HwrPageCanvas *out, HwrStatus *st);

/* Also of a zeroed canvas, and twice. */
extern void hwr_page_canvas_free(HwrPageCanvas *canvas);

/* A point of the straight page on the canvas, and back; one of the turned page. */
extern HwrPoint hwr_page_canvas_point(const HwrPageCanvas *canvas, HwrPoint p);
extern HwrPoint hwr_page_canvas_back(const HwrPageCanvas *canvas, HwrPoint p);
extern HwrPoint hwr_page_canvas_place(const HwrPageCanvas *canvas, HwrPoint p);

/*
 * The canvas of a page, turned upright by quarters clockwise; ink.v is NULL where there is no writing whose size could be
 * told.  Takes as long as all steps of finding lines but the last.
 */
extern bool hwr_page_canvas_of(const HwrImage *page, int turn, HwrPageCanvas *out, HwrStatus *st);

#endif							/* HWR_PAGE_CANVAS_H */
