/*
 * augment_marks.h
 *	  What is on a form beside the writing, drawn over a canvas by augment.c and the CUDA kernel alike.
 *
 * Rulings, solid or dotted, about the top or the foot of the writing; upright bars of a box, left
 * or right of the writing; what reaches in of the line above or below and of the next word, cut
 * from the image's own ink; and gaps where the pen failed or something was erased, too small to
 * hide a letter.  Each is a box of pixels and a rule for a pixel in it, in whole numbers.
 */
#ifndef HWR_AUGMENT_MARKS_H
#define HWR_AUGMENT_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/rng.h"

#define HWR_AUGMENT_MARK_CHANCE	0.15	/* of each, at strength 1 */

typedef enum HwrAugmentMarkKind
{
	HWR_MARK_GAP,
	HWR_MARK_SECOND_GAP,
	HWR_MARK_RULING,
	HWR_MARK_BAR,
	HWR_MARK_LINE_ABOVE_OR_BELOW,
	HWR_MARK_NEXT_WORD,
	HWR_AUGMENT_MARKS
} HwrAugmentMarkKind;

/* Each of u uniform in [0, 1): their use depends on the kind. */
typedef struct HwrAugmentMarkDraws
{
	bool		used;
	double		u[6];
} HwrAugmentMarkDraws;

/* The extent of the ink, inclusive. */
typedef struct HwrAugmentExtent
{
	int			left;
	int			right;
	int			top;
	int			bottom;
} HwrAugmentExtent;

/* How a pixel of a mark changes. */
typedef enum HwrAugmentMarkRule
{
	HWR_MARK_FADE,				/* by ink / 256 */
	HWR_MARK_LINE,				/* of that ink */
	HWR_MARK_COPY				/* of the source, in that strength */
} HwrAugmentMarkRule;

typedef struct HwrAugmentMark
{
	HwrAugmentMarkRule rule;
	HwrAugmentExtent box;		/* on the canvas; empty where right < left */
	int			ink;			/* 0 .. 256 */
	bool		upright;		/* line: along y, not x */
	int			at;				/* line: its middle where it begins, 256ths of a pixel */
	int			slope;			/* line: 256ths of a pixel across, per 256 along */
	int			half;			/* line: half its thickness, 256ths */
	int			dash;			/* line: pixels of a dash and of the gap after it; 0: solid */
	int			dx;				/* copy: from there in the source */
	int			dy;
} HwrAugmentMark;

HWR_SHARED HwrAugmentMarkDraws
hwr_augment_draw_mark(double strength, HwrRng *rng)
{
	HwrAugmentMarkDraws d;

	d.used = hwr_rng_uniform(rng) < HWR_AUGMENT_MARK_CHANCE * strength;
	for (int i = 0; i < 6; i++)
		d.u[i] = hwr_rng_uniform(rng);
	return d;
}

/* lo .. hi, hi excluded, as u says; lo where there is nothing between. */
HWR_SHARED int
hwr_augment_pick(double u, double lo, double hi)
{
	return (int) (lo + (hi > lo ? u * (hi - lo) : 0.0));
}

HWR_SHARED HwrAugmentExtent
hwr_augment_box(int left, int right, int top, int bottom)
{
	HwrAugmentExtent e;

	e.left = left;
	e.right = right;
	e.top = top;
	e.bottom = bottom;
	return e;
}

/* A third of a letter at most, flat or upright. */
HWR_SHARED void
hwr_augment_place_gap(const double *u, const HwrAugmentExtent *ink, int h, HwrAugmentMark *m)
{
	int			small = hwr_augment_pick(u[2], 0.04 * h, 0.12 * h);
	int			large = hwr_augment_pick(u[3], 0.1 * h, 0.4 * h);
	int			x = hwr_augment_pick(u[0], ink->left, ink->right);
	int			y = hwr_augment_pick(u[1], ink->top, ink->bottom);
	bool		flat = u[4] < 0.5;

	m->rule = HWR_MARK_FADE;
	m->ink = hwr_augment_pick(u[5], 100, 257);
	m->box = hwr_augment_box(x, x + (flat ? large : small), y, y + (flat ? small : large));
}

HWR_SHARED void
hwr_augment_place_ruling(const double *u, const HwrAugmentExtent *ink, int h, HwrAugmentMark *m)
{
	int			end = hwr_augment_pick(u[5], ink->right, ink->right + 0.5 * h);
	int			margin = (ink->bottom - ink->top) / 6;
	int			y = u[0] < 0.5 ? hwr_augment_pick(2 * u[0], ink->top - 0.2 * h, ink->top + margin) :
		hwr_augment_pick(2 * u[0] - 1, ink->bottom - margin, ink->bottom + 0.2 * h);
	int			rise;

	m->rule = HWR_MARK_LINE;
	m->slope = hwr_augment_pick(u[1], -4, 5);
	m->half = hwr_augment_pick(u[2], 0.006 * 256 * h, 0.025 * 256 * h);
	m->ink = hwr_augment_pick(u[3], 60, 220);
	m->at = 256 * y;
	m->dash = u[4] < 0.3 ? 1 + (int) (u[4] * 0.2 * h) : 0;
	rise = m->slope * end / 256;
	m->box = hwr_augment_box(0, end, y + (rise < 0 ? rise : 0) - m->half / 256 - 2,
							 y + (rise > 0 ? rise : 0) + m->half / 256 + 2);
}

/* Beside the writing: in its midst it could be read. */
HWR_SHARED void
hwr_augment_place_bar(const double *u, const HwrAugmentExtent *ink, int h, HwrAugmentMark *m)
{
	int			x = u[0] < 0.5 ? hwr_augment_pick(2 * u[0], 0, ink->left - 0.06 * h) :
		hwr_augment_pick(2 * u[0] - 1, ink->right + 0.3 * h, ink->right + h);
	int			lean;

	m->rule = HWR_MARK_LINE;
	m->upright = true;
	m->slope = hwr_augment_pick(u[1], -8, 9);
	m->half = hwr_augment_pick(u[2], 0.006 * 256 * h, 0.025 * 256 * h);
	m->ink = hwr_augment_pick(u[3], 60, 220);
	m->at = 256 * x;
	lean = m->slope * h / 256;
	m->box = hwr_augment_box(x + (lean < 0 ? lean : 0) - m->half / 256 - 2, x + (lean > 0 ? lean : 0) + m->half / 256 + 2,
							 u[4] < 0.5 ? 0 : hwr_augment_pick(u[5], 0, 0.5 * h), h - 1);
}

/* The foot of the ink at the top of the canvas, or its head at the bottom, moved along. */
HWR_SHARED void
hwr_augment_place_line(const double *u, const HwrAugmentExtent *src, int h, int w, HwrAugmentMark *m)
{
	int			rows = hwr_augment_pick(u[1], 0.05 * h, 0.16 * h);
	int			width = src->right - src->left;
	bool		above = u[0] < 0.5;

	m->rule = HWR_MARK_COPY;
	m->ink = hwr_augment_pick(u[3], 128, 257);
	m->dx = hwr_augment_pick(u[2], -0.5 * width, 0.5 * width);
	m->dy = above ? src->bottom + 1 - rows : src->top - (h - rows);
	m->box = hwr_augment_box(0, w - 1, above ? 0 : h - rows, above ? rows - 1 : h - 1);
}

/* A narrow strip of the ink's beginning, farther after its end than the next letter would be. */
HWR_SHARED void
hwr_augment_place_next_word(const double *u, const HwrAugmentExtent *src, const HwrAugmentExtent *ink, int h, HwrAugmentMark *m)
{
	int			cols = hwr_augment_pick(u[0], 0.03 * h, 0.11 * h);
	int			left = hwr_augment_pick(u[1], ink->right + 0.5 * h, ink->right + 1.2 * h);

	m->rule = HWR_MARK_COPY;
	m->ink = hwr_augment_pick(u[2], 128, 257);
	m->dx = src->left - left;
	m->dy = hwr_augment_pick(u[3], -0.15 * h, 0.15 * h);
	m->box = hwr_augment_box(left, left + cols - 1, 0, h - 1);
}

/* src: the extent of the source's ink; ink: of the writing on the canvas. */
HWR_SHARED HwrAugmentMark
hwr_augment_place_mark(int kind, const HwrAugmentMarkDraws *d, const HwrAugmentExtent *src, const HwrAugmentExtent *ink,
					   int h, int w)
{
	HwrAugmentMark m = {HWR_MARK_FADE, {0, -1, 0, -1}, 0, false, 0, 0, 0, 0, 0, 0};

	if (!d->used)
		return m;
	if (kind == HWR_MARK_GAP || kind == HWR_MARK_SECOND_GAP)
		hwr_augment_place_gap(d->u, ink, h, &m);
	else if (kind == HWR_MARK_RULING)
		hwr_augment_place_ruling(d->u, ink, h, &m);
	else if (kind == HWR_MARK_BAR)
		hwr_augment_place_bar(d->u, ink, h, &m);
	else if (kind == HWR_MARK_LINE_ABOVE_OR_BELOW)
		hwr_augment_place_line(d->u, src, h, w, &m);
	else
		hwr_augment_place_next_word(d->u, src, ink, h, &m);

	m.box.left = m.box.left > 0 ? m.box.left : 0;
	m.box.top = m.box.top > 0 ? m.box.top : 0;
	m.box.right = m.box.right < w - 1 ? m.box.right : w - 1;
	m.box.bottom = m.box.bottom < h - 1 ? m.box.bottom : h - 1;
	return m;
}

/* The share of a pixel that a line covers, 0 .. 256. */
HWR_SHARED int
hwr_augment_line_cover(const HwrAugmentMark *m, int x, int y)
{
	int			along = m->upright ? y : x;
	int			off = (m->upright ? x : y) * 256 - (m->at + m->slope * along);
	int			cover = m->half + 128 - (off < 0 ? -off : off);
	int			full = m->half < 128 ? 2 * m->half : 256;

	if (m->dash > 0 && (along / m->dash) % 2 != 0)
		return 0;
	return cover < 0 ? 0 : cover > full ? full : cover;
}

/* What becomes of the value v of pixel (x, y), which lies in the mark's box. */
HWR_SHARED int
hwr_augment_mark(const HwrAugmentMark *m, const uint8_t *src, int h, int w, int x, int y, int v)
{
	int			other;

	if (m->rule == HWR_MARK_FADE)
		return v * (256 - m->ink) >> 8;
	if (m->rule == HWR_MARK_LINE)
		other = m->ink * hwr_augment_line_cover(m, x, y) >> 8;
	else
	{
		x += m->dx;
		y += m->dy;
		other = x >= 0 && x < w && y >= 0 && y < h ? src[(int64_t) y * w + x] * m->ink >> 8 : 0;
	}
	return v > other ? v : other;
}

#endif							/* HWR_AUGMENT_MARKS_H */
