/*
 * dots.h
 *	  Dotted and dashed lines to write on.
 */
#ifndef HWR_DOTS_H
#define HWR_DOTS_H

#include <stdbool.h>

#include "ruling.h"

/* A line has so many at least. */
#define HWR_LEAST_DOTS 12

/*
 * Clear lines of dots or short dashes: nearly level, all alike, at even distances, through at least three quarters of the
 * width; ink is at least this dark.  Dots that touch writing stay.  Returns how many were cleared.
 */
extern int	hwr_clear_dots(HwrDarkness *dark, int ink);

/* Whether there are such lines in a picture [height][width] whose ink is this grey or darker, or lighter. */
extern bool hwr_has_dots(const uint8_t *pixels, int width, int height, int ink, bool dark);

#endif							/* HWR_DOTS_H */
