/*
 * image_write.h
 *	  Grey pixels to PNG, for small pictures in pages.
 */
#ifndef HWR_IMAGE_WRITE_H
#define HWR_IMAGE_WRITE_H

#include <stdint.h>

#include "image.h"

/*
 * Encode pixels[height][stride], of which the first width of each row count, in 16 levels of grey: enough for
 * handwriting, and small.  *png is malloc'd.  Errors: HWR_OUT_OF_MEMORY, HWR_INTERNAL.
 */
extern bool hwr_image_write_png(const uint8_t *pixels, int width, int height, int stride,
								uint8_t **png, size_t *len, HwrStatus *st);

/* All 256 levels, as they are. */
extern bool hwr_image_write_exact(const HwrImage *image, uint8_t **png, size_t *len, HwrStatus *st);

#endif							/* HWR_IMAGE_WRITE_H */
