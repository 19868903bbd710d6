/*
 * column_alone.h
 *	  Values of a column that have no order: each is drawn from what the others look like.
 *
 * A value is near one of the others, any place within some reach being as probable, or it is new and may be anything.  How far
 * that is, the column itself must show: it is the bandwidth of an estimated density.  Values that are the very same, with no
 * reach at all, count less one, for one may be chance.  A row never counts for itself.
 */
#ifndef HWR_COLUMN_ALONE_H
#define HWR_COLUMN_ALONE_H

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

typedef struct HwrColumnAlone
{
	HwrColumnSeen *seen;		/* [n], of each row, malloc'd */
	HwrColumnSeen *sums;		/* [n], by place, with the sum of what is known up to it, malloc'd */
	int			n;
	int			count;			/* of sums, those that are used */
	double		repeated;		/* of what is known, what is beyond the first of each place */
	int			widths;			/* that tell something: from the last, all places are within reach of one another */
} HwrColumnAlone;

/* Nothing seen yet. */
extern bool hwr_column_alone_init(HwrColumnAlone *alone, int rows, HwrStatus *st);
extern void hwr_column_alone_free(HwrColumnAlone *alone);

/* Count what the rows show now. */
extern void hwr_column_alone_learn(HwrColumnAlone *alone);

/*
 * Without what the row itself has shown: the probability that its value is new, and that it is one within the reach of this
 * width of others and has this place.
 */
extern double hwr_column_alone_new(const HwrColumnAlone *alone, int row, int width);
extern double hwr_column_alone_place(const HwrColumnAlone *alone, int row, int64_t place, int width);

#endif							/* HWR_COLUMN_ALONE_H */
