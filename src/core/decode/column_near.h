/*
 * column_near.h
 *	  Numbers of a column, values or differences, each drawn from what the others look like.
 *
 * A number is near one of the others, any place within some reach being as probable, or it is new and may be anything.  How far
 * that is, the column itself must show: it is the bandwidth of an estimated density.  Numbers that are the very same, with no
 * reach at all, count less one, for one may be chance: a Pitman-Yor process.  A row never counts for itself.
 *
 * Source: Pitman and Yor, "The two-parameter Poisson-Dirichlet distribution derived from a stable subordinator", 1997.
 */
#ifndef HWR_COLUMN_NEAR_H
#define HWR_COLUMN_NEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "column.h"

/* Widths that places can have: 0, 1, 3, 7, ... to either side. */
#define HWR_COLUMN_WIDTHS 61

typedef struct HwrColumnSeen
{
	int64_t		place;
	double		known;			/* probability; 0: the row shows nothing */
} HwrColumnSeen;

typedef struct HwrColumnNear
{
	HwrColumnSeen *seen;		/* [n], of each row, malloc'd */
	HwrColumnSeen *sums;		/* [n], by place, with the sum of what is known up to it, malloc'd */
	int			n;
	int			count;			/* of sums, those that are used */
	double		repeated;		/* of what is known, what is beyond the first of each place */
	int			widths;			/* that tell something: from the last, all places are within reach of one another */
} HwrColumnNear;

/* Nothing seen yet. */
extern bool hwr_column_near_init(HwrColumnNear *near, int rows, HwrStatus *st);
extern void hwr_column_near_free(HwrColumnNear *near);

/* Count what the rows show now. */
extern void hwr_column_near_learn(HwrColumnNear *near);

/*
 * Without what the row itself has shown: the probability that its number is new, and that it is one within the reach of this
 * width of others and has this place.
 */
extern double hwr_column_near_new(const HwrColumnNear *near, int row, int width);
extern double hwr_column_near_place(const HwrColumnNear *near, int row, int64_t place, int width);

#endif							/* HWR_COLUMN_NEAR_H */
