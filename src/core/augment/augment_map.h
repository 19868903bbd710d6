/*
 * augment_map.h
 *	  What augment.c and the CUDA kernel share: the random draws, the map made of them, and samples under it.
 *
 * Whatever decides a pixel is here, in augment_field.h, augment_marks.h, augment_downscale.h or augment_mask.h, so that both
 * distort alike.
 */
#ifndef HWR_AUGMENT_MAP_H
#define HWR_AUGMENT_MAP_H

#include <math.h>
#include <stdbool.h>

#include "augment.h"
#include "augment_downscale.h"
#include "augment_field.h"
#include "augment_marks.h"
#include "augment_mask.h"

/* The default ranges, at strength 1. */
#define HWR_AUGMENT_ROTATION		(2.0 * 3.14159265358979323846 / 180.0)	/* either way, radians */
#define HWR_AUGMENT_SLANT			0.35	/* either way, columns per row */
#define HWR_AUGMENT_MIN_SCALE		0.85	/* of each axis */
#define HWR_AUGMENT_MAX_SCALE		1.10
#define HWR_AUGMENT_TILT			0.125	/* of the height that either end of a line may rise or sink */
#define HWR_AUGMENT_SHIFT_X			6.0		/* to the right, pixels */
#define HWR_AUGMENT_SHIFT_Y			3.0		/* either way, pixels */
#define HWR_AUGMENT_MIN_INK			0.7
#define HWR_AUGMENT_MAX_INK			1.2
#define HWR_AUGMENT_STROKE_CHANCE	0.3		/* of thicker or thinner strokes */
#define HWR_AUGMENT_MIN_STROKE		0.3		/* share of the 3-tap extreme in the blend */
#define HWR_AUGMENT_MAX_STROKE		0.8

#define HWR_AUGMENT_MORPH_CHANCE	0.5		/* of dilation or erosion, at any strength */
#define HWR_AUGMENT_MIN_MORPH		0.1		/* share of the extreme in a row of 3, then in a column */
#define HWR_AUGMENT_MAX_MORPH		0.5
#define HWR_AUGMENT_MAX_THIN		0.6		/* at any strength: more leaves nothing of a thin pen */

/* Ink below this is paper when looking for the ink's extent. */
#define HWR_AUGMENT_FAINT 32

/* The warp steps through the source in 16.16 fixed point. */
#define HWR_AUGMENT_ONE 65536

typedef struct HwrAugmentDraws
{
	double		rotation;
	double		slant;
	double		scale_x;
	double		scale_y;
	double		shift_x;
	double		shift_y;
	double		ink;
	bool		thin;			/* thinner strokes, else thicker */
	int			across;			/* share of the extreme of 3 pixels in a row, 0 .. 256 */
	int			upright;		/* then in a column */
	HwrAugmentFieldDraws field;
	HwrAugmentMarkDraws marks[HWR_AUGMENT_MARKS];
	double		downscale;		/* pixels that become one; 0: none do */
	HwrAugmentMaskDraws mask;
} HwrAugmentDraws;

/* x' = a x + b y + tx;  y' = c x + d y + ty */
typedef struct HwrAugmentMap
{
	double		a;
	double		b;
	double		c;
	double		d;
	double		tx;
	double		ty;
} HwrAugmentMap;

HWR_SHARED double
hwr_augment_around_one(double lo, double hi, double strength, HwrRng *rng)
{
	double		factor = 1.0 + strength * (hwr_rng_range(rng, lo, hi) - 1.0);

	return factor > 0.1 ? factor : 0.1;
}

HWR_SHARED double
hwr_augment_clamp(double v, double lo, double hi)
{
	v = v < hi ? v : hi;
	return v > lo ? v : lo;
}

/* In place of a change of strokes that goes with the affine map: that is of one direction, this of both. */
HWR_SHARED void
hwr_augment_draw_morphology(double strength, HwrAugmentDraws *d, HwrRng *rng)
{
	bool		change = hwr_rng_uniform(rng) < HWR_AUGMENT_MORPH_CHANCE;
	bool		thin = (hwr_rng_next(rng) >> 63) != 0;
	double		share = strength * hwr_rng_range(rng, HWR_AUGMENT_MIN_MORPH, HWR_AUGMENT_MAX_MORPH);
	double		most = thin ? HWR_AUGMENT_MAX_THIN : 1.0;

	if (change && strength > 0)
	{
		d->thin = thin;
		d->across = d->upright = (int) (256.0 * hwr_augment_clamp(share, 0.0, most));
	}
}

/* Every value is drawn every time: the stream must not depend on what is used. */
HWR_SHARED HwrAugmentDraws
hwr_augment_draw(const HwrAugmentStrengths *s, HwrRng *rng)
{
	double		strength = s->affine;
	bool		change;
	uint64_t	kind;
	int			stroke;
	HwrAugmentDraws d;

	d.rotation = strength * hwr_rng_range(rng, -HWR_AUGMENT_ROTATION, HWR_AUGMENT_ROTATION);
	d.slant = strength * hwr_rng_range(rng, -HWR_AUGMENT_SLANT, HWR_AUGMENT_SLANT);
	d.scale_x = hwr_augment_around_one(HWR_AUGMENT_MIN_SCALE, HWR_AUGMENT_MAX_SCALE, strength, rng);
	d.scale_y = hwr_augment_around_one(HWR_AUGMENT_MIN_SCALE, HWR_AUGMENT_MAX_SCALE, strength, rng);
	d.shift_x = strength * hwr_rng_range(rng, 0.0, HWR_AUGMENT_SHIFT_X);
	d.shift_y = strength * hwr_rng_range(rng, -HWR_AUGMENT_SHIFT_Y, HWR_AUGMENT_SHIFT_Y);
	d.ink = hwr_augment_around_one(HWR_AUGMENT_MIN_INK, HWR_AUGMENT_MAX_INK, strength, rng);
	change = hwr_rng_uniform(rng) < HWR_AUGMENT_STROKE_CHANCE * strength;
	kind = hwr_rng_next(rng) >> 62;
	stroke = (int) (256.0 * hwr_rng_range(rng, HWR_AUGMENT_MIN_STROKE, HWR_AUGMENT_MAX_STROKE));
	d.thin = (kind & 1) != 0;
	d.upright = change && (kind & 2) != 0 ? stroke : 0;
	d.across = change && (kind & 2) == 0 ? stroke : 0;
	d.field = hwr_augment_draw_field(s->elastic, rng);
	hwr_augment_draw_morphology(s->morphology, &d, rng);
	for (int i = 0; i < HWR_AUGMENT_MARKS; i++)
		d.marks[i] = hwr_augment_draw_mark(s->strokes, rng);
	d.downscale = hwr_augment_draw_downscale(s->downscale, rng);
	d.mask = hwr_augment_draw_mask(s->mask, rng);
	return d;
}

/*
 * Extent along one axis of the mapped ink, without translation: half_along and
 * half_cross are half the box's sides times the map's coefficients.  Ink seldom
 * reaches the corners, so the cross term counts half.
 */
HWR_SHARED double
hwr_augment_half_extent(double along, double cross)
{
	return fabs(along) + 0.5 * fabs(cross);
}

/* The map from source to destination. */
HWR_SHARED HwrAugmentMap
hwr_augment_map(const HwrAugmentDraws *d, const HwrAugmentExtent *ink, int h, int w)
{
	double		mid_x = 0.5 * (ink->left + ink->right);
	double		mid_y = 0.5 * (ink->top + ink->bottom);
	double		half_w = 0.5 * (ink->right - ink->left);
	double		half_h = 0.5 * (ink->bottom - ink->top);
	double		max_turn = atan2(HWR_AUGMENT_TILT * h, half_w);
	double		turn = hwr_augment_clamp(d->rotation, -max_turn, max_turn);
	double		cos_r = cos(turn);
	double		sin_r = sin(turn);
	double		reach;
	double		room;
	double		to_x;
	double		to_y;
	HwrAugmentMap m;

	/* rotation * slant * scale; y grows downwards */
	m.a = cos_r * d->scale_x;
	m.b = (cos_r * d->slant - sin_r) * d->scale_y;
	m.c = sin_r * d->scale_x;
	m.d = (sin_r * d->slant + cos_r) * d->scale_y;

	reach = hwr_augment_half_extent(m.a * half_w, m.b * half_h);
	room = 0.5 * (w - 1);
	if (reach > room)
	{
		double		narrow = hwr_augment_clamp(room / reach, 0.25, 1.0);

		m.a *= narrow;
		m.b *= narrow;
		reach *= narrow;
	}
	to_x = hwr_augment_clamp(ink->left + reach + d->shift_x, reach, w - 1 - reach);

	reach = hwr_augment_half_extent(m.d * half_h, m.c * half_w);
	room = 0.5 * (h - 1);
	to_y = reach > room ? room + 0.5 * d->shift_y :
		hwr_augment_clamp(mid_y + d->shift_y, reach, h - 1 - reach);

	m.tx = to_x - m.a * mid_x - m.b * mid_y;
	m.ty = to_y - m.c * mid_x - m.d * mid_y;
	return m;
}

HWR_SHARED HwrAugmentMap
hwr_augment_invert(const HwrAugmentMap *m)
{
	double		det = m->a * m->d - m->b * m->c;
	HwrAugmentMap inv;

	inv.a = m->d / det;
	inv.b = -m->b / det;
	inv.c = -m->c / det;
	inv.d = m->a / det;
	inv.tx = -(inv.a * m->tx + inv.b * m->ty);
	inv.ty = -(inv.c * m->tx + inv.d * m->ty);
	return inv;
}

/* Where the source's box of ink comes to lie, about as hwr_augment_map reckons. */
HWR_SHARED HwrAugmentExtent
hwr_augment_moved(const HwrAugmentMap *m, const HwrAugmentExtent *ink)
{
	double		half_w = 0.5 * (ink->right - ink->left);
	double		half_h = 0.5 * (ink->bottom - ink->top);
	double		mid_x = ink->left + half_w;
	double		mid_y = ink->top + half_h;
	double		x = m->a * mid_x + m->b * mid_y + m->tx;
	double		y = m->c * mid_x + m->d * mid_y + m->ty;
	HwrAugmentExtent e;

	half_w = hwr_augment_half_extent(m->a * half_w, m->b * half_h);
	half_h = hwr_augment_half_extent(m->d * half_h, m->c * 0.5 * (ink->right - ink->left));
	e.left = (int) (x - half_w);
	e.right = (int) (x + half_w);
	e.top = (int) (y - half_h);
	e.bottom = (int) (y + half_h);
	return e;
}

HWR_SHARED unsigned
hwr_augment_lerp(unsigned p00, unsigned p01, unsigned p10, unsigned p11, int64_t sx, int64_t sy)
{
	unsigned	fx = (unsigned) (sx >> 8) & 255;
	unsigned	fy = (unsigned) (sy >> 8) & 255;
	unsigned	top = p00 * (256 - fx) + p01 * fx;
	unsigned	bottom = p10 * (256 - fx) + p11 * fx;

	return (top * (256 - fy) + bottom * fy + 32768) >> 16;
}

HWR_SHARED unsigned
hwr_augment_pixel(const uint8_t *src, int h, int w, int64_t x, int64_t y)
{
	return x >= 0 && x < w && y >= 0 && y < h ? src[y * w + x] : 0;
}

/* A sample that may lie over the edge. */
HWR_SHARED unsigned
hwr_augment_sample(const uint8_t *src, int h, int w, int64_t sx, int64_t sy)
{
	int64_t		x = sx >> 16;
	int64_t		y = sy >> 16;

	return hwr_augment_lerp(hwr_augment_pixel(src, h, w, x, y), hwr_augment_pixel(src, h, w, x + 1, y),
							hwr_augment_pixel(src, h, w, x, y + 1), hwr_augment_pixel(src, h, w, x + 1, y + 1),
							sx, sy);
}

/* A value c blended with the largest or smallest of its three taps. */
HWR_SHARED uint8_t
hwr_augment_blend(int before, int c, int after, bool thin, int share)
{
	int			flip = thin ? 255 : 0;	/* the minimum is the maximum of the negative */
	int			b = before ^ flip;
	int			a = after ^ flip;
	int			most;

	c ^= flip;
	most = c > b ? c : b;
	most = most > a ? most : a;
	return (uint8_t) ((c + (((most - c) * share) >> 8)) ^ flip);
}

/* The ink that value i becomes. */
HWR_SHARED uint8_t
hwr_augment_tone(const HwrAugmentDraws *d, int i)
{
	return (uint8_t) hwr_augment_clamp(d->ink * i + 0.5, 0.0, 255.0);
}

#endif							/* HWR_AUGMENT_MAP_H */
