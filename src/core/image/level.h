/*
 * level.h
 *	  A line of text that rises or falls, made level.
 *
 * For pictures at least HWR_LEVEL_ASPECT times as wide as high: beside a line that goes from corner to corner of its picture
 * there is as much empty paper again, and in the canvas the letters would be half as high.  The rise is the
 * one under which the rows' ink is most uneven.  The picture is then sheared, column by column, and what is
 * above and below the line is cut off; nothing moves sideways.  A picture that is level, or that does not say
 * clearly what its rise is, stays as it is.
 */
#ifndef HWR_LEVEL_H
#define HWR_LEVEL_H

#include "image.h"

#define HWR_LEVEL_ASPECT 4

/* In place.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_image_level(HwrImage *img, HwrStatus *st);

#endif							/* HWR_LEVEL_H */
