/*
 * image_internal.h
 *	  What the image decoders share; included only by image*.c.
 *
 * Each decoder gets one HwrImageSource and fills an HwrImage with the pixels as
 * they are stored, and the EXIF orientation beside them.  image.c recognises the
 * format and turns the pixels upright.
 */
#ifndef HWR_IMAGE_INTERNAL_H
#define HWR_IMAGE_INTERNAL_H

#include "image.h"

typedef struct HwrImageSource
{
	const uint8_t *bytes;
	size_t		len;
	const HwrImageLimits *limits;
	int			min_height;		/* oriented, as in hwr_image_decode */
	int			min_width;
} HwrImageSource;

/* Orientations 5..8 exchange rows and columns. */
#define HWR_ORIENTATION_SWAPS(orientation) ((orientation) >= 5)

/*
 * Fill width, height, source_width, source_height (not oriented) and pixels;
 * orientation is 1..8.  On failure nothing stays allocated.
 */
extern bool hwr_image_decode_jpeg(const HwrImageSource *src, HwrImage *out,
								  int *orientation, HwrStatus *st);
extern bool hwr_image_decode_png(const HwrImageSource *src, HwrImage *out,
								 int *orientation, HwrStatus *st);

/* The orientation in a TIFF-format EXIF block, 1 where there is none or it is damaged. */
extern int	hwr_exif_orientation(const uint8_t *tiff, size_t len);

/* Fail with HWR_BAD_IMAGE and what the data is instead of an image that can be read. */
extern bool hwr_image_fail_format(const HwrImageSource *src, HwrStatus *st);

/*
 * Fails with HWR_IMAGE_TOO_LARGE when width x height is over the limit, or one of them over
 * HWR_IMAGE_MAX_SIDE.
 */
extern bool hwr_image_check_pixels(int64_t width, int64_t height,
								   const HwrImageLimits *limits, HwrStatus *st);

/* Luma with the weights of JFIF (0.299, 0.587, 0.114), rounded. */
static inline uint8_t
hwr_luma(unsigned r, unsigned g, unsigned b)
{
	return (uint8_t) ((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
}

#endif							/* HWR_IMAGE_INTERNAL_H */
