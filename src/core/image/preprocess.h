/*
 * preprocess.h
 *	  A grey image to the network's 8-bit "ink" canvas.
 *
 * Ink polarity and contrast of a plain picture.  Let m be the median grey value (the background),
 * p1 and p99 the 1st and 99th percentiles of the source image.  If m - p1 >= p99 - m the
 * paper is light and f = p1 is the ink, else the paper is dark and f = p99.
 *     ink(g) = 255 * clamp((m - g) / (m - f), 0, 1),	|m - f| taken as at least 32
 * so that 0 is paper and 255 is full ink.  Pictures that are not plain are made so first, and those
 * without a line of text give a canvas without ink: paper.h.
 *
 * Geometry.  PAD: scale by s = min(H / h, W / w) (only H / h where W is 0), keep the aspect,
 * place at the left edge, centred vertically, paper (0) elsewhere.  STRETCH: scale each axis
 * by itself.  Resampling is separable, a triangle filter widened by the
 * reduction factor (antialiased), bilinear for enlargement.  Beyond a reduction by 8, means of
 * whole pixels come first, so that memory depends on the canvas and not on the picture's shape.
 */
#ifndef HWR_PREPROCESS_H
#define HWR_PREPROCESS_H

#include "image.h"

typedef enum HwrFit
{
	HWR_FIT_PAD,
	HWR_FIT_STRETCH
} HwrFit;

/* Their words, by value, NULL-terminated: in options and model files. */
extern const char *const hwr_fit_words[];

/* Canvas widths for any-width networks: a multiple of this many pixels. */
#define HWR_WIDTH_STEP 32
/* ... and at most this. */
#define HWR_MAX_WIDTH 4096

/*
 * Width of the canvas for this image: width itself where it is positive; for an
 * any-width network (0) the scaled image's width rounded up to HWR_WIDTH_STEP,
 * at most HWR_MAX_WIDTH (a wider image is squeezed to fit).
 */
extern int	hwr_preprocess_width(const HwrImage *img, HwrFit fit, int height, int width);

/*
 * Fill ink[height][canvas_width] (caller's memory), canvas_width as above.
 * content_width, if not NULL: columns that the image itself covers.
 * Errors: HWR_OUT_OF_MEMORY.
 */
extern bool hwr_preprocess(const HwrImage *img, HwrFit fit, int height, int canvas_width,
						   uint8_t *ink, int *content_width, HwrStatus *st);

#endif							/* HWR_PREPROCESS_H */
