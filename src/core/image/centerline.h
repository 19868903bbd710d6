/*
 * centerline.h
 *	  Lines straightened along their middle, as kraken does with lines that were cut out as boxes.
 *
 * Let ink be the brightest grey value less the pixel's.  Smoothed widely, it has its maximum in each column
 * somewhere, and these places, smoothed along the line, are the line's middle.  Each column is moved so that the
 * middle is straight, and as much is kept above and below as four times the mean distance of pixels with ink from the
 * middle, and one more.
 */
#ifndef HWR_CENTERLINE_H
#define HWR_CENTERLINE_H

#include "image.h"

/*
 * Straighten the picture in place: its height changes, its width does not, and its border is what it has around it,
 * which is never 0.  Left as it is, with the border that it had: a picture of one grey value, and one that has ink so far
 * from its middle that this would be outside of a picture of three times the height.  Errors: HWR_OUT_OF_MEMORY, the
 * picture being as it was.
 */
extern bool hwr_centerline_straighten(HwrImage *img, HwrStatus *st);

/*
 * The picture at another size, bilinear, row y taken from y * height / out_height, fractions of grey values dropped; what is
 * beyond its last row or column is border.
 */
extern void hwr_bilinear_resize(const HwrImage *img, int out_w, int out_h, uint8_t *dst);

#endif							/* HWR_CENTERLINE_H */
