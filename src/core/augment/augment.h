/*
 * augment.h
 *	  Random distortion of an ink canvas while training.
 */
#ifndef HWR_AUGMENT_H
#define HWR_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/rng.h"
#include "core/base/shared.h"

/*
 * Each multiplies its ranges or chances (augment_map.h, augment_field.h, augment_marks.h,
 * augment_downscale.h, augment_mask.h): 1 as there, 0: none.
 */
typedef struct HwrAugmentStrengths
{
	double		affine;			/* rotation, shear, scale, shift, ink strength */
	double		elastic;		/* a smooth field of displacements */
	double		morphology;		/* dilation or erosion */
	double		strokes;		/* lines, pieces of neighbours, gaps */
	double		downscale;		/* fewer pixels */
	double		mask;			/* bands of paper */
} HwrAugmentStrengths;

HWR_SHARED bool
hwr_augment_any(const HwrAugmentStrengths *s)
{
	return s->affine > 0 || s->elastic > 0 || s->morphology > 0 || s->strokes > 0 ||
		s->downscale > 0 || s->mask > 0;
}

/*
 * Write src[h][w] distorted to dst[h][w] (not overlapping): sampled bilinearly under the inverse
 * of the map, paper (0) outside, then thickened or thinned, then marked, then shown with fewer pixels, then
 * masked.  The number of draws from
 * rng depends neither on the pixels nor on the strengths.
 */
extern void hwr_augment(const uint8_t *src, uint8_t *dst, int h, int w,
						const HwrAugmentStrengths *strengths, HwrRng *rng);

#endif							/* HWR_AUGMENT_H */
