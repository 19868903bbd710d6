/*
 * map_lines.h
 *	  From the maps of the network that finds lines to lines.
 */
#ifndef HWR_PAGE_MAP_LINES_H
#define HWR_PAGE_MAP_LINES_H

#include "line_net.h"
#include "page.h"

/* Lines in pixels of the turned page, in no order, to be added to *out.  size: from line to line, of the page. */
extern bool hwr_page_map_lines(const HwrPageCanvas *canvas, const HwrLineMaps *maps, float size,
							   HwrPageLines *out, HwrStatus *st);

/*
 * By what the size of the page, from line to line, is to be multiplied, for the maps say that the writing on the canvas is of
 * quite another height than the canvas was made for; 1: they do not.
 */
extern float hwr_page_map_resize(const HwrLineMaps *maps);

#endif							/* HWR_PAGE_MAP_LINES_H */
