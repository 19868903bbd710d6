/*
 * augment_field.h
 *	  A smooth random field of displacements, which augment.c and the CUDA kernel share.
 *
 * Displacements are random at the nodes of a square grid, and between them a smoothstep leads from
 * one to the next.  A node's displacement is a hash of its place and of a key drawn for the image:
 * nothing is stored, and one draw serves a canvas of any size.  Nodes on an edge do not move across
 * it, so ink stays on the canvas, and no node moves so far that the order of pixels along an axis
 * could turn. All in whole numbers, so that every device gets the same.
 */
#ifndef HWR_AUGMENT_FIELD_H
#define HWR_AUGMENT_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/rng.h"

#define HWR_AUGMENT_ELASTIC_CHANCE	0.7		/* at any strength */
#define HWR_AUGMENT_MIN_ELASTIC		(0.3 / 16.0)	/* how far nodes move along each axis, in heights */
#define HWR_AUGMENT_MAX_ELASTIC		(1.0 / 16.0)
#define HWR_AUGMENT_CELLS			3		/* of the grid in the canvas's height */
#define HWR_AUGMENT_MAX_MOVE		0.3		/* of a cell; a third could fold */

/* Displacements and the places between nodes are counted in these parts of a pixel and of a cell. */
#define HWR_AUGMENT_PARTS 4096	/* 2^12 */

typedef struct HwrAugmentFieldDraws
{
	double		reach;			/* in heights; 0: no field */
	uint64_t	key;
} HwrAugmentFieldDraws;

typedef struct HwrAugmentField
{
	uint64_t	key;
	int			reach;			/* largest displacement of a node along an axis, parts of a pixel */
	int			cell;			/* pixels from node to node */
	int			step;			/* a pixel in parts of a cell, 16.16 */
	int			last_row;		/* of the nodes: on or beyond the edge */
	int			last_col;
} HwrAugmentField;

/* In parts of a pixel. */
typedef struct HwrAugmentMove
{
	int64_t		x;
	int64_t		y;
} HwrAugmentMove;

HWR_SHARED HwrAugmentFieldDraws
hwr_augment_draw_field(double strength, HwrRng *rng)
{
	bool		used = hwr_rng_uniform(rng) < HWR_AUGMENT_ELASTIC_CHANCE;
	double		reach = strength * hwr_rng_range(rng, HWR_AUGMENT_MIN_ELASTIC, HWR_AUGMENT_MAX_ELASTIC);
	HwrAugmentFieldDraws d;

	d.reach = used ? reach : 0.0;
	d.key = hwr_rng_next(rng);
	return d;
}

HWR_SHARED HwrAugmentField
hwr_augment_field(const HwrAugmentFieldDraws *d, int h, int w)
{
	int			cell = (h + HWR_AUGMENT_CELLS - 1) / HWR_AUGMENT_CELLS;
	double		reach = d->reach * h;
	HwrAugmentField f;

	if (reach > HWR_AUGMENT_MAX_MOVE * cell)
		reach = HWR_AUGMENT_MAX_MOVE * cell;
	f.key = d->key;
	f.reach = (int) (HWR_AUGMENT_PARTS * reach);
	f.cell = cell;
	f.step = HWR_AUGMENT_PARTS * 65536 / cell;
	f.last_row = (h + cell - 1) / cell;
	f.last_col = (w + cell - 1) / cell;
	return f;
}

/* The displacement of a node. */
HWR_SHARED HwrAugmentMove
hwr_augment_node(const HwrAugmentField *f, int row, int col)
{
	uint64_t	hash = hwr_mix64(f->key ^ ((uint64_t) row << 32 | (uint64_t) col));
	HwrAugmentMove m;

	m.x = col == 0 || col == f->last_col ? 0 : (int64_t) (int32_t) (uint32_t) hash * f->reach >> 31;
	m.y = row == 0 || row == f->last_row ? 0 : (int64_t) (int32_t) (uint32_t) (hash >> 32) * f->reach >> 31;
	return m;
}

/* How much of the next node counts i pixels after a node: 0 .. HWR_AUGMENT_PARTS. */
HWR_SHARED int64_t
hwr_augment_smoothstep(const HwrAugmentField *f, int i)
{
	int64_t		t = (int64_t) i * f->step >> 16;

	return (t * t * (3 * HWR_AUGMENT_PARTS - 2 * t)) >> 24;
}

HWR_SHARED HwrAugmentMove
hwr_augment_between(HwrAugmentMove a, HwrAugmentMove b, int64_t share)
{
	a.x += (b.x - a.x) * share >> 12;
	a.y += (b.y - a.y) * share >> 12;
	return a;
}

/* The displacement in row y of the canvas under the nodes of column col. */
HWR_SHARED HwrAugmentMove
hwr_augment_node_in_row(const HwrAugmentField *f, int y, int col)
{
	int			row = y / f->cell;

	return hwr_augment_between(hwr_augment_node(f, row, col), hwr_augment_node(f, row + 1, col),
							   hwr_augment_smoothstep(f, y % f->cell));
}

/* The displacement of a pixel. */
HWR_SHARED HwrAugmentMove
hwr_augment_move(const HwrAugmentField *f, int y, int x)
{
	int			col = x / f->cell;

	return hwr_augment_between(hwr_augment_node_in_row(f, y, col), hwr_augment_node_in_row(f, y, col + 1),
							   hwr_augment_smoothstep(f, x % f->cell));
}

#endif							/* HWR_AUGMENT_FIELD_H */
