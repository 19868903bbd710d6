/*
 * lanczos.h
 *	  Resampling of grey images as Pillow does it, for models that were trained on what it gives.
 */
#ifndef HWR_LANCZOS_H
#define HWR_LANCZOS_H

#include <stdint.h>

#include "core/base/status.h"

/*
 * src[h][w] to dst[out_h][out_w] (caller's memory), every pixel as of Pillow's resize with filter LANCZOS: the
 * filter of three lobes, widened by the reduction, in fixed point of 22 bits, first across and then down,
 * rounded to 8 bits after either.  Errors: HWR_OUT_OF_MEMORY.
 */
extern bool hwr_lanczos_resize(const uint8_t *src, int w, int h, int out_w, int out_h, uint8_t *dst, HwrStatus *st);

#endif							/* HWR_LANCZOS_H */
