/*
 * cover.h
 *	  What of a page its lines cover, and what they do not.
 */
#ifndef HWR_PAGE_COVER_H
#define HWR_PAGE_COVER_H

#include "canvas.h"
#include "page.h"

/* A cell of the map is so many pixels of the canvas wide and high. */
#define HWR_COVER_CELL 8

/* The cells that lines of text cover, 1; created.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_page_cover(const HwrPageCanvas *canvas, const HwrPageLines *lines, HwrMap *out, HwrStatus *st);

/* Whether most of the middle of a line that is nearly level is covered. */
extern bool hwr_page_is_covered(const HwrPageCanvas *canvas, const HwrPageLine *line, const HwrMap *cells);

/* The share of a line's cells that are covered; 1 if it has none.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_page_covered_share(const HwrPageCanvas *canvas, const HwrPageLine *line, const HwrMap *cells, float *share,
								   HwrStatus *st);

/*
 * Put lines that were found otherwise behind them, rejected: those that found lines cover are left out.  The others'
 * members become found's.
 */
extern bool hwr_page_add_rejected(const HwrPageCanvas *canvas, HwrPageLines *found, HwrPageLines *others, HwrStatus *st);

#endif							/* HWR_PAGE_COVER_H */
