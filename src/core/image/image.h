/*
 * image.h
 *	  JPEG and PNG bytes to 8-bit grey pixels.
 */
#ifndef HWR_IMAGE_H
#define HWR_IMAGE_H

#include <stdint.h>

#include "core/base/status.h"

/* Grey image, row-major [height][width]; 0 is black, 255 is white. */
typedef struct HwrImage
{
	int			width;			/* pixels, after EXIF orientation */
	int			height;
	int			source_width;	/* pixels before DCT scaling, oriented likewise */
	int			source_height;
	uint8_t    *pixels;			/* malloc'd; hwr_image_free */
	int			grain;			/* grey values between two neighbouring levels of a JPEG's blocks, 0 elsewhere */
	bool		writing;		/* a finder of lines took it for one: texture says nothing against it (paper.h) */
	bool		clean;			/* paper is 255, the ink's darkness its own, as paper.h judges them: trim.h */
	uint8_t		border;			/* grey value around it, of a straightened line (centerline.h) */
} HwrImage;

/* No line of text is this long; JPEG files cannot be. */
#define HWR_IMAGE_MAX_SIDE 65535

typedef struct HwrImageLimits
{
	int64_t		max_bytes;		/* encoded size */
	int64_t		max_pixels;		/* width x height in the file's header */
} HwrImageLimits;

/*
 * Decode a JPEG or PNG, recognised by its first bytes.
 *
 * Colour becomes luma (0.299 R + 0.587 G + 0.114 B), 16-bit becomes 8-bit, alpha is
 * composed over white, CMYK/YCCK JPEGs are converted, EXIF orientation 1..8 is
 * applied (JPEG APP1; PNG eXIf).  The limits are checked against the header
 * before pixels are allocated; progressive JPEGs are capped in scans.
 *
 * min_height, min_width: if positive, a JPEG may be decoded by the DCT at 1/2,
 * 1/4 or 1/8 of its size as long as the oriented result stays at least this
 * high and wide: the DCT averages as well as resampling does.  0: full size.
 *
 * Oddities that leave every pixel whole are none: an end that is missing, parameters that a
 * baseline file has no use for, a wrong checksum where another one holds.
 *
 * Errors: HWR_BAD_IMAGE "could not decode image" (detail: the reason, or what format the data has;
 * files that end among their pixels are errors, not grey areas), HWR_IMAGE_TOO_LARGE "image exceeds
 * the maximum of %lld bytes|pixels|pixels a side", HWR_OUT_OF_MEMORY.  Never crashes on any bytes.
 */
extern bool hwr_image_decode(const uint8_t *bytes, size_t len, const HwrImageLimits *limits,
							 int min_height, int min_width,
							 HwrImage *out, HwrStatus *st);
extern void hwr_image_free(HwrImage *img);

#endif							/* HWR_IMAGE_H */
