/*
 * ink.h
 *	  Grey to ink: 0 where there is paper, whatever its shade, 255 where it is written on in full.
 *
 * How the background is told from the ink stands in ink.c.
 */
#ifndef HWR_PAGE_INK_H
#define HWR_PAGE_INK_H

#include "map.h"

/* grey becomes ink in place.  radius: of the closing, at least the width of a stroke. */
extern bool hwr_page_ink(HwrMap *grey, int radius, HwrStatus *st);

/* The same without looking at contrast: how much darker than its background a pixel is, in 255ths of that. */
extern bool hwr_page_darkness(HwrMap *grey, int radius, HwrStatus *st);

/*
 * The same; dark, where it is not NULL, is created: darkness relative to the background, one scale for the whole
 * page, so that what shows through stays fainter than what is written.
 */
extern bool hwr_page_ink_and_darkness(HwrMap *grey, int radius, HwrMap *dark, HwrStatus *st);

#endif							/* HWR_PAGE_INK_H */
