/*
 * augment.c
 *	  Random distortion of an ink canvas: an affine map, ink strength, stroke thickness.
 *
 * A label is only true of an image that shows all its letters, and a reader sees
 * images whose ink begins near the left edge.  So the map turns about the middle of the
 * ink, its left edge is then put back where it was (plus the random shift), and a
 * line that would leave the canvas on the right is narrowed until it fits.  A long
 * line turns less than a word, lest its ends leave at the top and the bottom.
 *
 * The warp steps through the source in 16.16 fixed point.  For each row the stretch of
 * pixels whose four neighbours all lie inside is computed beforehand; it needs no tests.
 */
#include "augment.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The default ranges, at strength 1. */
#define MAX_ROTATION	(2.0 * 3.14159265358979323846 / 180.0)	/* either way, radians */
#define MAX_SLANT		0.35	/* either way, columns per row */
#define MIN_SCALE		0.85	/* of each axis */
#define MAX_SCALE		1.10
#define MAX_TILT		0.125	/* of the height that either end of a line may rise or sink */
#define MAX_SHIFT_X		6.0		/* to the right, pixels */
#define MAX_SHIFT_Y		3.0		/* either way, pixels */
#define MIN_INK			0.7
#define MAX_INK			1.2
#define STROKE_CHANCE	0.3		/* of thicker or thinner strokes */
#define MIN_STROKE		0.3		/* share of the 3-tap extreme in the blend */
#define MAX_STROKE		0.8

/* Ink below this is paper when looking for the ink's extent. */
#define FAINT_INK 32

#define FIXED_ONE 65536
#define STROKE_BLOCK 256

typedef struct Draws
{
	double		rotation;
	double		slant;
	double		scale_x;
	double		scale_y;
	double		shift_x;
	double		shift_y;
	double		ink;
	bool		change_stroke;
	bool		thin;
	bool		upright;		/* 3 taps along a column */
	int			stroke;			/* 0..256 */
} Draws;

/* The extent of the ink, inclusive. */
typedef struct Extent
{
	int			left;
	int			right;
	int			top;
	int			bottom;
} Extent;

/* x' = a x + b y + tx;  y' = c x + d y + ty */
typedef struct Affine
{
	double		a;
	double		b;
	double		c;
	double		d;
	double		tx;
	double		ty;
} Affine;

static double
around_one(double lo, double hi, double strength, HwrRng *rng)
{
	double		factor = 1.0 + strength * (hwr_rng_range(rng, lo, hi) - 1.0);

	return factor > 0.1 ? factor : 0.1;
}

/* Every value is drawn every time: the stream must not depend on what is used. */
static Draws
draw(double strength, HwrRng *rng)
{
	Draws		d;
	uint64_t	kind;

	d.rotation = strength * hwr_rng_range(rng, -MAX_ROTATION, MAX_ROTATION);
	d.slant = strength * hwr_rng_range(rng, -MAX_SLANT, MAX_SLANT);
	d.scale_x = around_one(MIN_SCALE, MAX_SCALE, strength, rng);
	d.scale_y = around_one(MIN_SCALE, MAX_SCALE, strength, rng);
	d.shift_x = strength * hwr_rng_range(rng, 0.0, MAX_SHIFT_X);
	d.shift_y = strength * hwr_rng_range(rng, -MAX_SHIFT_Y, MAX_SHIFT_Y);
	d.ink = around_one(MIN_INK, MAX_INK, strength, rng);
	d.change_stroke = hwr_rng_uniform(rng) < STROKE_CHANCE * strength;
	kind = hwr_rng_next(rng) >> 62;
	d.thin = (kind & 1) != 0;
	d.upright = (kind & 2) != 0;
	d.stroke = (int) (256.0 * hwr_rng_range(rng, MIN_STROKE, MAX_STROKE));
	return d;
}

static bool
has_ink(const uint8_t *p, int n, ptrdiff_t step)
{
	for (int i = 0; i < n; i++)
	{
		if (p[i * step] >= FAINT_INK)
			return true;
	}
	return false;
}

/* The whole canvas where there is no ink. */
static Extent
find_ink(const uint8_t *src, int h, int w)
{
	Extent		e = {0, w - 1, 0, h - 1};

	while (e.top < h && !has_ink(src + (ptrdiff_t) e.top * w, w, 1))
		e.top++;
	if (e.top == h)
	{
		e.top = 0;
		return e;
	}
	while (!has_ink(src + (ptrdiff_t) e.bottom * w, w, 1))
		e.bottom--;
	while (!has_ink(src + e.left, h, w))
		e.left++;
	while (!has_ink(src + e.right, h, w))
		e.right--;
	return e;
}

/*
 * Extent along one axis of the mapped ink, without translation: half_along and
 * half_cross are half the box's sides times the map's coefficients.  Ink seldom
 * reaches the corners, so the cross term counts half.
 */
static double
half_extent(double along, double cross)
{
	return fabs(along) + 0.5 * fabs(cross);
}

static double
clamp(double v, double lo, double hi)
{
	v = v < hi ? v : hi;
	return v > lo ? v : lo;
}

/* The map from source to destination. */
static Affine
make_map(const Draws *d, const Extent *ink, int h, int w)
{
	double		mid_x = 0.5 * (ink->left + ink->right);
	double		mid_y = 0.5 * (ink->top + ink->bottom);
	double		half_w = 0.5 * (ink->right - ink->left);
	double		half_h = 0.5 * (ink->bottom - ink->top);
	double		max_turn = atan2(MAX_TILT * h, half_w);
	double		turn = clamp(d->rotation, -max_turn, max_turn);
	double		cos_r = cos(turn);
	double		sin_r = sin(turn);
	double		reach;
	double		room;
	double		to_x;
	double		to_y;
	Affine		m;

	/* rotation * slant * scale; y grows downwards */
	m.a = cos_r * d->scale_x;
	m.b = (cos_r * d->slant - sin_r) * d->scale_y;
	m.c = sin_r * d->scale_x;
	m.d = (sin_r * d->slant + cos_r) * d->scale_y;

	reach = half_extent(m.a * half_w, m.b * half_h);
	room = 0.5 * (w - 1);
	if (reach > room)
	{
		double		narrow = clamp(room / reach, 0.25, 1.0);

		m.a *= narrow;
		m.b *= narrow;
		reach *= narrow;
	}
	to_x = clamp(ink->left + reach + d->shift_x, reach, w - 1 - reach);

	reach = half_extent(m.d * half_h, m.c * half_w);
	room = 0.5 * (h - 1);
	to_y = reach > room ? room + 0.5 * d->shift_y :
		clamp(mid_y + d->shift_y, reach, h - 1 - reach);

	m.tx = to_x - m.a * mid_x - m.b * mid_y;
	m.ty = to_y - m.c * mid_x - m.d * mid_y;
	return m;
}

static Affine
invert(const Affine *m)
{
	double		det = m->a * m->d - m->b * m->c;
	Affine		inv;

	inv.a = m->d / det;
	inv.b = -m->b / det;
	inv.c = -m->c / det;
	inv.d = m->a / det;
	inv.tx = -(inv.a * m->tx + inv.b * m->ty);
	inv.ty = -(inv.c * m->tx + inv.d * m->ty);
	return inv;
}

/* Narrow [*from, *to) to the x for which start + x * step lies in [0, end). */
static void
clip(int64_t start, int64_t step, int64_t end, int *from, int *to)
{
	int64_t		lo = 0;
	int64_t		hi = INT32_MAX;

	if (step > 0)
	{
		/* first x with start + x * step >= 0, first with >= end */
		lo = start >= 0 ? 0 : (-start + step - 1) / step;
		hi = start >= end ? 0 : (end - start + step - 1) / step;
	}
	else if (step < 0)
	{
		lo = start < end ? 0 : (start - end) / -step + 1;
		hi = start < 0 ? 0 : start / -step + 1;
	}
	else if (start < 0 || start >= end)
		hi = 0;

	if (lo > *from)
		*from = lo < *to ? (int) lo : *to;
	if (hi < *to)
		*to = hi > *from ? (int) hi : *from;
}

static unsigned
lerp2(unsigned p00, unsigned p01, unsigned p10, unsigned p11, int64_t sx, int64_t sy)
{
	unsigned	fx = (unsigned) (sx >> 8) & 255;
	unsigned	fy = (unsigned) (sy >> 8) & 255;
	unsigned	top = p00 * (256 - fx) + p01 * fx;
	unsigned	bottom = p10 * (256 - fx) + p11 * fx;

	return (top * (256 - fy) + bottom * fy + 32768) >> 16;
}

static unsigned
pixel_or_paper(const uint8_t *src, int h, int w, int64_t x, int64_t y)
{
	return x >= 0 && x < w && y >= 0 && y < h ? src[y * w + x] : 0;
}

/* A sample that may lie over the edge. */
static unsigned
sample_edge(const uint8_t *src, int h, int w, int64_t sx, int64_t sy)
{
	int64_t		x = sx >> 16;
	int64_t		y = sy >> 16;

	return lerp2(pixel_or_paper(src, h, w, x, y), pixel_or_paper(src, h, w, x + 1, y),
				 pixel_or_paper(src, h, w, x, y + 1), pixel_or_paper(src, h, w, x + 1, y + 1),
				 sx, sy);
}

static void
warp(const uint8_t *src, uint8_t *dst, int h, int w, const Affine *inv,
	 const uint8_t tone[256])
{
	int64_t		step_x = llrint(inv->a * FIXED_ONE);
	int64_t		step_y = llrint(inv->c * FIXED_ONE);
	int64_t		one = FIXED_ONE;

	for (int y = 0; y < h; y++)
	{
		int64_t		sx = llrint((inv->b * y + inv->tx) * FIXED_ONE);
		int64_t		sy = llrint((inv->d * y + inv->ty) * FIXED_ONE);
		uint8_t    *row = dst + (ptrdiff_t) y * w;
		int			from = 0;	/* [from, to): touches the source at all */
		int			to = w;
		int			in_from;	/* [in_from, in_to): all neighbours inside */
		int			in_to;

		/* One pixel beyond the edge still blends with it. */
		clip(sx + one, step_x, (w + 1) * one, &from, &to);
		clip(sy + one, step_y, (h + 1) * one, &from, &to);
		in_from = from;
		in_to = to;
		clip(sx, step_x, (w - 1) * one, &in_from, &in_to);
		clip(sy, step_y, (h - 1) * one, &in_from, &in_to);

		memset(row, 0, (size_t) from);
		for (int x = from; x < in_from; x++)
			row[x] = tone[sample_edge(src, h, w, sx + x * step_x, sy + x * step_y)];
		for (int x = in_from; x < in_to; x++)
		{
			int64_t		px = sx + x * step_x;
			int64_t		py = sy + x * step_y;
			const uint8_t *p = src + (py >> 16) * w + (px >> 16);

			row[x] = tone[lerp2(p[0], p[1], p[w], p[w + 1], px, py)];
		}
		for (int x = in_to; x < to; x++)
			row[x] = tone[sample_edge(src, h, w, sx + x * step_x, sy + x * step_y)];
		memset(row + to, 0, (size_t) (w - to));
	}
}

/* out = cur blended with the largest or smallest of its three taps */
static void
blend_taps(const uint8_t *before, const uint8_t *cur, const uint8_t *after, int n,
		   bool thin, int share, uint8_t *out)
{
	int			flip = thin ? 255 : 0;	/* the minimum is the maximum of the negative */

	for (int i = 0; i < n; i++)
	{
		int			c = cur[i] ^ flip;
		int			b = before[i] ^ flip;
		int			a = after[i] ^ flip;
		int			most = c > b ? c : b;

		most = most > a ? most : a;
		out[i] = (uint8_t) ((c + (((most - c) * share) >> 8)) ^ flip);
	}
}

static void
change_strokes_across(uint8_t *ink, int h, int w, bool thin, int share)
{
	for (int y = 0; y < h; y++)
	{
		uint8_t    *row = ink + (ptrdiff_t) y * w;
		uint8_t		before = row[0];	/* the original of the pixel left of the block */

		for (int x = 0; x < w; x += STROKE_BLOCK)
		{
			int			n = w - x < STROKE_BLOCK ? w - x : STROKE_BLOCK;
			uint8_t		copy[STROKE_BLOCK + 2];

			copy[0] = before;
			memcpy(copy + 1, row + x, (size_t) n);
			copy[n + 1] = row[x + n < w ? x + n : w - 1];
			before = copy[n];
			blend_taps(copy, copy + 1, copy + 2, n, thin, share, row + x);
		}
	}
}

static void
change_strokes_upright(uint8_t *ink, int h, int w, bool thin, int share)
{
	for (int x = 0; x < w; x += STROKE_BLOCK)
	{
		size_t		n = (size_t) (w - x < STROKE_BLOCK ? w - x : STROKE_BLOCK);
		uint8_t		before[STROKE_BLOCK];
		uint8_t		cur[STROKE_BLOCK];

		memcpy(before, ink + x, n);
		for (int y = 0; y < h; y++)
		{
			uint8_t    *row = ink + (ptrdiff_t) y * w + x;

			memcpy(cur, row, n);
			blend_taps(before, cur, y + 1 < h ? row + w : cur, (int) n, thin, share, row);
			memcpy(before, cur, n);
		}
	}
}

void
hwr_augment(const uint8_t *src, uint8_t *dst, int h, int w, double strength, HwrRng *rng)
{
	Draws		d = draw(strength, rng);
	Extent		ink;
	Affine		map;
	Affine		inv;
	uint8_t		tone[256];

	if (strength <= 0.0)
	{
		memcpy(dst, src, (size_t) h * (size_t) w);
		return;
	}

	ink = find_ink(src, h, w);
	map = make_map(&d, &ink, h, w);
	inv = invert(&map);
	for (int i = 0; i < 256; i++)
		tone[i] = (uint8_t) clamp(d.ink * i + 0.5, 0.0, 255.0);
	warp(src, dst, h, w, &inv, tone);

	if (d.change_stroke && d.upright)
		change_strokes_upright(dst, h, w, d.thin, d.stroke);
	else if (d.change_stroke)
		change_strokes_across(dst, h, w, d.thin, d.stroke);
}
