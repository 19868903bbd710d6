/*
 * morphology.h
 *	  Grey closing and opening: pictures without their thin dark or thin light parts.
 */
#ifndef HWR_MORPHOLOGY_H
#define HWR_MORPHOLOGY_H

#include <stdint.h>

#include "core/base/status.h"

/*
 * Closing of grey[height][width] by a square of 2 * radius + 1 pixels a side into out: whatever dark holds
 * no such square takes the grey of its surroundings, and everything else stays as it is, edges of
 * shadows among it.  What lies outside the picture counts for nothing.  Opening is the same
 * for what is light.  out may not be grey.  Errors: HWR_OUT_OF_MEMORY.
 * Source: J. Serra, Image Analysis and Mathematical Morphology, 1982.
 */
extern bool hwr_grey_closing(const uint8_t *grey, int width, int height, int radius, uint8_t *out, HwrStatus *st);
extern bool hwr_grey_opening(const uint8_t *grey, int width, int height, int radius, uint8_t *out, HwrStatus *st);

#endif							/* HWR_MORPHOLOGY_H */
