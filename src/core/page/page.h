/*
 * page.h
 *	  From the picture of a page to its lines: baselines, outlines, reading order.
 *
 * Without a model: the page is reduced until the writing has a size of its own (HWR_PAGE_SIZE
 * pixels from line to line), the ink is told from the paper by closing (what is darker than its
 * surroundings and smaller than a few strokes), ruled lines are taken out, the page is turned
 * until the writing is level, the slope that is left is taken out column by column, and lines are
 * the ridges of the ink after it has been smeared along the writing.  page_internal.h tells the
 * stages.  With one, a network finds the lines on the level ink (canvas.h, line_net.h), and what the
 * other way would have found besides is rejected; it looks for notes on their side as well (sideways.h).
 *
 * The work is a sequence of steps of at most about 100 ms, a few times that on pages that are far higher or wider than usual.
 * Memory: at most HWR_PAGE_BYTES_PER_PIXEL times the page's pixels beside the page itself (measured on pure noise: 8), plus
 * what the lines found take; of a small page, which is doubled, its pixels then, and of a skewed one those of the upright page
 * around it.  Equal pixels and options give equal lines.
 */
#ifndef HWR_PAGE_H
#define HWR_PAGE_H

#include "core/image/image.h"

#define HWR_PAGE_BYTES_PER_PIXEL 12

/* Pixels of the page, y downwards; whole numbers are the corners of pixels. */
typedef struct HwrPoint
{
	float		x;
	float		y;
} HwrPoint;

typedef enum HwrLineKind
{
	HWR_LINE_TEXT,
	HWR_LINE_REJECTED			/* ink that is taken for no line; reason says why */
} HwrLineKind;

typedef struct HwrPageLine
{
	HwrLineKind kind;
	const char *reason;			/* a constant string; NULL for text */
	int			region;			/* block or column, from 1; lines of a region follow each other */
	float		confidence;		/* 0 .. 1: how much it looks like a line of writing */
	float		size;			/* pixels from the line's top to its bottom */
	HwrPoint   *baseline;		/* in the direction of reading, at least 2 points */
	int			baseline_n;
	HwrPoint   *outline;		/* closed, at least 4 points; the first is not repeated */
	int			outline_n;
} HwrPageLine;

typedef struct HwrPageLines
{
	HwrPageLine *lines;			/* in reading order, rejected ones last */
	int			n;
	int			turn;			/* quarters clockwise that make the page upright */
	float		slope;			/* of the writing, in the middle of the turned page: rise of y over x */
	float		size;			/* pixels from line to line, estimated; 0: no writing */
} HwrPageLines;

/* The network finds it out (upright.h); without one, the page is taken as it lies. */
#define HWR_TURN_UNKNOWN (-1)

/* The network that finds lines: line_net.h. */
typedef struct HwrLineNet HwrLineNet;

typedef struct HwrPageOptions
{
	HwrLineNet *net;			/* finds the lines; NULL: they are found without a model.  The caller's */
	int			turn;			/* quarters clockwise that make the page upright, 0 .. 3, or HWR_TURN_UNKNOWN */
	bool		right_to_left;	/* columns and pieces of a line are read from the right */
} HwrPageOptions;

typedef struct HwrPageFinder HwrPageFinder;

/* The image stays the caller's and must outlive the finder.  Errors: HWR_OUT_OF_MEMORY, HWR_BAD_OPTION. */
extern bool hwr_page_finder_create(const HwrImage *page, const HwrPageOptions *options,
								   HwrPageFinder **out, HwrStatus *st);

/* One step; *done becomes true with the last one.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_page_finder_step(HwrPageFinder *finder, bool *done, HwrStatus *st);

/* After the last step: the lines, which become the caller's; hwr_page_lines_free. */
extern void hwr_page_finder_take(HwrPageFinder *finder, HwrPageLines *out);
extern void hwr_page_finder_free(HwrPageFinder *finder);
extern void hwr_page_lines_free(HwrPageLines *lines);

#endif							/* HWR_PAGE_H */
