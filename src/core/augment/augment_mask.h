/*
 * augment_mask.h
 *	  Upright bands of a canvas that are painted as paper, which augment.c and the CUDA kernel share.
 *
 * Unlike a gap in the strokes a band may take a whole letter, which the label keeps: what stands to the left and to the right has
 * to say what it was.  The canvas is cut into stretches as wide as one and a half of its height, two or three words' letters, and
 * each holds at most one band.  Whether, where and how wide is a hash of the stretch's number and of a key drawn for the image:
 * nothing is stored, and one draw serves a canvas of any width.  All in whole numbers, so that every device gets the same.
 */
#ifndef HWR_AUGMENT_MASK_H
#define HWR_AUGMENT_MASK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/rng.h"

#define HWR_AUGMENT_MASK_CHANCE		0.3		/* of a band in a stretch, at strength 1 */
#define HWR_AUGMENT_MIN_MASK		0.125	/* of its width, in heights */
#define HWR_AUGMENT_MAX_MASK		0.5
#define HWR_AUGMENT_STRETCH			1.5		/* heights */

typedef struct HwrAugmentMaskDraws
{
	double		chance;			/* 0: no bands */
	uint64_t	key;
} HwrAugmentMaskDraws;

typedef struct HwrAugmentMask
{
	uint64_t	key;
	uint32_t	chance;			/* of 65536 */
	int			stretch;		/* pixels */
	int			narrowest;
	int			widest;			/* at most half a stretch */
} HwrAugmentMask;

/* The columns of a band: none if right < left. */
typedef struct HwrAugmentBand
{
	int			left;
	int			right;
} HwrAugmentBand;

HWR_SHARED HwrAugmentMaskDraws
hwr_augment_draw_mask(double strength, HwrRng *rng)
{
	HwrAugmentMaskDraws d;

	d.chance = HWR_AUGMENT_MASK_CHANCE * strength;
	d.key = hwr_rng_next(rng);
	return d;
}

HWR_SHARED HwrAugmentMask
hwr_augment_mask(const HwrAugmentMaskDraws *d, int h)
{
	HwrAugmentMask m;

	m.key = d->key;
	m.chance = (uint32_t) (65536.0 * d->chance);
	m.stretch = (int) (HWR_AUGMENT_STRETCH * h) + 1;
	m.narrowest = (int) (HWR_AUGMENT_MIN_MASK * h) + 1;
	m.widest = (int) (HWR_AUGMENT_MAX_MASK * h) + 1;
	return m;
}

/* The band in stretch i. */
HWR_SHARED HwrAugmentBand
hwr_augment_band(const HwrAugmentMask *m, int i)
{
	uint64_t	hash = hwr_mix64(m->key ^ (uint64_t) i);
	int			width = m->narrowest + (int) ((hash >> 16 & 65535) * (uint64_t) (m->widest - m->narrowest + 1) >> 16);
	int			from = (int) ((hash >> 32 & 65535) * (uint64_t) (m->stretch - width + 1) >> 16);
	HwrAugmentBand b;

	b.left = i * m->stretch + from;
	b.right = (hash & 65535) < m->chance ? b.left + width - 1 : b.left - 1;
	return b;
}

/* Whether column x is painted as paper. */
HWR_SHARED bool
hwr_augment_masked(const HwrAugmentMask *m, int x)
{
	HwrAugmentBand b = hwr_augment_band(m, x / m->stretch);

	return x >= b.left && x <= b.right;
}

#endif							/* HWR_AUGMENT_MASK_H */
