/*
 * ruling.h
 *	  Taking frames and ruled lines off a picture of ink.
 */
#ifndef HWR_RULING_H
#define HWR_RULING_H

#include <stdint.h>

#include "core/base/status.h"

/* How dark each pixel is: 0 paper, 255 black; [height][width]. */
typedef struct HwrDarkness
{
	int			width;
	int			height;
	uint8_t    *pixels;
} HwrDarkness;

/*
 * Clear lines that run along the picture's sides, as crops of boxes have them; ink is at least this
 * dark.  A line is dark for two thirds of the top or bottom side, or for nine tenths of the left or
 * right one where it is not the only one or nothing else reaches from top to bottom; in a picture
 * less than one and a half times as wide as high, on all four sides.  Strokes that touch a line
 * lose no more than its thickness.
 */
extern void hwr_clear_frame(HwrDarkness *dark, int ink);

/*
 * Clear straight thin lines, nearly horizontal, that run through at least six tenths of the width: of each column's
 * stretch of ink on such a line, those not thicker than the line.  Strokes that cross it stay.  So with
 * upright lines from top to bottom, four or more at equal distances.
 * Errors: HWR_OUT_OF_MEMORY.
 */
extern bool hwr_clear_ruling(HwrDarkness *dark, int ink, HwrStatus *st);

#endif							/* HWR_RULING_H */
