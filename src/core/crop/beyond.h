/*
 * beyond.h
 *	  The ground that a sheet was scanned on, where the picture of a line reaches beyond the sheet.
 */
#ifndef HWR_BEYOND_H
#define HWR_BEYOND_H

#include "core/image/image.h"

/*
 * Paint dark bands from side to side along the upper and lower edge of a line's picture, and what is beyond them, as paper.
 * The lines next to the sheet's edges have them: their outlines reach over it.  A ruled line is thinner than a band.
 */
extern void hwr_page_paint_beyond(HwrImage *line);

#endif							/* HWR_BEYOND_H */
