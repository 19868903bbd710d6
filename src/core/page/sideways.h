/*
 * sideways.h
 *	  Lines on their side on a page that is upright: notes written along a margin.
 *
 * Where a high and narrow part of the page has ink that no line covers, the network looks at that part turned by a quarter either
 * way, and the way with more of lines is taken.
 */
#ifndef HWR_PAGE_SIDEWAYS_H
#define HWR_PAGE_SIDEWAYS_H

#include "line_net.h"
#include "page.h"

typedef struct HwrSideways HwrSideways;

/*
 * found: the page's lines, in pixels of the straight page, in their order; the last step changes them.  They and the canvas
 * outlive it.
 * Errors: HWR_OUT_OF_MEMORY.
 */
extern bool hwr_page_sideways_begin(const HwrPageCanvas *canvas, HwrPageLines *found, HwrSideways **out, HwrStatus *st);

/*
 * A tile of one part: at most about 100 ms on pages of a usual shape.  With the last, the lines on their side stand behind those
 * of text, each part a region of its own, and rejected pieces of them are gone.
 */
extern bool hwr_page_sideways_step(HwrSideways *s, HwrLineNet *net, bool *done, HwrStatus *st);
extern void hwr_page_sideways_free(HwrSideways *s);

#endif							/* HWR_PAGE_SIDEWAYS_H */
