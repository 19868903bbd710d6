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
 * Geometry.  PAD: a line that rises or falls is made level first (level.h), when the image is decoded; scale
 * by s = min(H / h, W / w) (only H / h where W is 0), keep the aspect, place at the left edge, centred
 * vertically, paper (0) elsewhere.  LINE is the same of a picture that was cut to its line of writing, when it was decoded
 * (trim.h).  STRETCH: scale each axis by itself.  Resampling is separable, a triangle
 * filter widened by the reduction factor (antialiased), bilinear for enlargement.  Beyond a reduction by 8,
 * means of whole pixels come first, so that memory depends on the canvas and not on the picture's shape.
 *
 * KRAKEN does what kraken does with a line, for models that were trained so, and nothing of the above: the
 * grey picture, resampled to the canvas's height as Pillow does it (lanczos.h), with HWR_KRAKEN_MARGIN
 * columns of paper before and behind; ink is 255 less the grey value.  KRAKEN_BOX is the same for its models of lines that were
 * cut out as boxes: the picture is straightened along its middle when it is decoded, and resampled bilinearly (centerline.h).
 */
#ifndef HWR_PREPROCESS_H
#define HWR_PREPROCESS_H

#include "image.h"

typedef enum HwrFit
{
	HWR_FIT_PAD,
	HWR_FIT_STRETCH,
	HWR_FIT_KRAKEN,
	HWR_FIT_KRAKEN_BOX,
	HWR_FIT_LINE
} HwrFit;

/* Whether lines are prepared as kraken does. */
static inline bool
hwr_fit_is_kraken(HwrFit fit)
{
	return fit == HWR_FIT_KRAKEN || fit == HWR_FIT_KRAKEN_BOX;
}

/* Columns of paper on either side of a line, as kraken's default has it. */
#define HWR_KRAKEN_MARGIN 16

/* Their words, by value, NULL-terminated: in options and model files. */
extern const char *const hwr_fit_words[];

/* Canvas widths for any-width networks: a multiple of this many pixels, but as kraken does. */
#define HWR_WIDTH_STEP 32
/* ... and at most this. */
#define HWR_MAX_WIDTH 4096

/*
 * Width of the canvas for this image: width itself where it is positive; for an
 * any-width network (0) the scaled image's width rounded up to HWR_WIDTH_STEP,
 * at most HWR_MAX_WIDTH (a wider image is squeezed to fit).  As kraken does, it is not rounded.
 */
extern int	hwr_preprocess_width(const HwrImage *img, HwrFit fit, int height, int width);

/* Columns of the canvas before the image. */
extern int	hwr_preprocess_margin(HwrFit fit);

/* Where a canvas column is in the original image, in pixels from its left edge, no further than its edges. */
static inline double
hwr_content_pixel(double column, int margin, int content_width, int source_width)
{
	double		inside = column - margin;

	inside = inside > 0 ? inside : 0;
	return (inside < content_width ? inside : content_width) * source_width / content_width;
}

/*
 * Decode an image for hwr_preprocess on a network of this size: hwr_image_decode at a scale that suits it,
 * level where fit is PAD, also cut to its line where it is LINE, straightened along its middle where it is KRAKEN_BOX.
 */
extern bool hwr_preprocess_decode(const uint8_t *bytes, size_t len, const HwrImageLimits *limits,
								  HwrFit fit, int height, int width, HwrImage *out, HwrStatus *st);

/* An image that was not decoded here, cut to its line as LINE asks for: out, for hwr_image_free.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_preprocess_area(const HwrImage *img, int height, HwrImage *out, HwrStatus *st);

/*
 * Fill ink[height][canvas_width] (caller's memory), canvas_width as above.
 * content_width, if not NULL: columns that the image itself covers.
 * Errors: HWR_OUT_OF_MEMORY.
 */
extern bool hwr_preprocess(const HwrImage *img, HwrFit fit, int height, int canvas_width,
						   uint8_t *ink, int *content_width, HwrStatus *st);

#endif							/* HWR_PREPROCESS_H */
