/*
 * line_targets.h
 *	  What the maps of the network that finds lines should say: from the true lines of a page to values at cells.
 */
#ifndef HWR_TRAIN_LINE_TARGETS_H
#define HWR_TRAIN_LINE_TARGETS_H

#include "core/page/line_net.h"

/* Values at a cell: the maps, and how much the cell counts (0: nothing is known of it). */
#define HWR_LINE_TARGETS (HWR_LINE_MAPS + 1)

/* A true line on a canvas, at every HWR_TRUTH_STEP pixels from x0 + HWR_TRUTH_STEP / 2 on. */
#define HWR_TRUTH_STEP 4

typedef struct HwrTrueLine
{
	float		x0;
	int			n;
	bool		whole;			/* has an outline: else only that something is there is known */
	float	   *y;				/* [n] baseline; with up and down one piece of memory, malloc'd */
	float	   *up;				/* from it to the outline's upper side */
	float	   *down;
} HwrTrueLine;

/* Where a canvas goes on the input: x' = sx x + tx, y' = s y + k x + ty, and on which columns of it. */
typedef struct HwrPlacement
{
	float		sx;
	float		tx;
	float		s;
	float		k;
	float		ty;
	int			from;			/* 0: to its edge, and beyond */
	int			to;				/* the same */
} HwrPlacement;

/*
 * A line of ground truth, in pixels of the upright page; either part may have no points.  out->n is 0 where it is too short
 * to be one, or runs along the side of the page.  A line without a baseline has it at three quarters of its outline.
 */
extern bool hwr_true_line(const HwrPageCanvas *canvas, const HwrPoint *baseline, int baseline_n,
						  const HwrPoint *outline, int outline_n, HwrTrueLine *out, HwrStatus *st);
extern void hwr_true_line_free(HwrTrueLine *line);

/*
 * Targets [h][w][HWR_LINE_TARGETS] for cells of cell_x x cell_y pixels of the input: first of an empty one, then lines are added.
 * A line ends where its columns end; nothing is known of the place of a piece too short to be seen as one.
 * nearest[h][w] is scratch.
 */
extern void hwr_line_targets_clear(int w, int h, float *nearest, float *out);
extern void hwr_line_targets_add(const HwrTrueLine *lines, int n, const HwrPlacement *place, int w, int h,
								 int cell_x, int cell_y, float *nearest, float *out);

#endif							/* HWR_TRAIN_LINE_TARGETS_H */
