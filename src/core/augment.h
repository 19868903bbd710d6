/*
 * augment.h
 *	  Random distortion of an ink canvas while training.
 */
#ifndef HWR_AUGMENT_H
#define HWR_AUGMENT_H

#include <stdint.h>

#include "rng.h"

/*
 * Draw an affine map (rotation, shear, scale, shift) and an ink strength from rng, each
 * range multiplied by strength (1: the default ranges in augment.c, 0: identity),
 * and write the warped src[h][w] to dst[h][w] (not overlapping) by bilinear sampling,
 * paper (0) outside.  The number of draws from rng does not depend on the pixels.
 */
extern void hwr_augment(const uint8_t *src, uint8_t *dst, int h, int w,
						double strength, HwrRng *rng);

#endif							/* HWR_AUGMENT_H */
