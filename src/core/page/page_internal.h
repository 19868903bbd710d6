/*
 * page_internal.h
 *	  What the stages of the line finder share; included only by src/core/page.
 *
 *	  slope.c	the writing's slope in both halves; shearing by columns
 *	  tilt.c	turning a skewed page by some degrees
 *	  rules.c	ruled lines, table rules, frames
 *	  clean.c	specks, edges of the paper, frames
 *	  scale.c	the writing's size
 *	  ridges.c	smeared ink to chains of ridge points
 *	  lines.c	chains to lines: joining, ends, heights, what is rejected
 *	  order.c	regions and reading order
 *	  upright.c	which way up the page is
 *	  sideways.c	notes on their side along a margin
 *	  finder.c	the sequence of steps
 *
 * Lengths are in pixels of the sheet, the reduced page, unless said otherwise.  "Size" is the
 * distance from line to line that writing of this height usually has.
 */
#ifndef HWR_PAGE_INTERNAL_H
#define HWR_PAGE_INTERNAL_H

#include "core/ink/ink.h"
#include "core/ink/map.h"
#include "page.h"

/* The size to which the page is reduced, and the greatest survey. */
#define HWR_PAGE_SIZE 26
#define HWR_PAGE_SURVEY_PIXELS (4 << 20)

/* No sheet is larger: sums over one must fit 32 bits, and steps must stay short. */
#define HWR_PAGE_SHEET_PIXELS (12 << 20)

/* A column of the ridge map every so many pixels. */
#define HWR_PAGE_STEP 4

/*
 * A page reduced by a whole factor, or doubled, turned, made straight, and with each column moved up by
 * shift[x], so that the writing is level.
 */
typedef struct HwrSheet
{
	float		factor;			/* page pixels a sheet pixel: 1/2, 1, 2, ... */
	HwrMap		ink;			/* 0 paper .. 255 ink; rules taken out */
	HwrMap		walls;			/* 255 where a vertical rule is */
	float	   *shift;			/* [width]: y of the straight page's sheet = y here + shift */
	float		slope;			/* in the middle */
	float		size;			/* from line to line, 0: no writing */
} HwrSheet;

/* A ridge point: the middle of a line's body at column x. */
typedef struct HwrRidge
{
	int			x;
	float		y;
	float		strength;		/* how much darker than above and below, 0 .. 255 */
} HwrRidge;

/* Ridge points from left to right, at most a few columns apart. */
typedef struct HwrChain
{
	HwrRidge   *points;
	int			n;
	float		strength;		/* sum over the points */
} HwrChain;

typedef struct HwrChains
{
	HwrChain   *chains;
	int			n;
	HwrRidge   *points;			/* what the chains point into */
} HwrChains;

/* Slopes, dy/dx, of the left and right half. */
extern bool hwr_page_find_slopes(const HwrMap *ink, float slopes[2], HwrStatus *st);

/* shift[width] for these slopes, zero in the middle. */
extern void hwr_page_shifts(int width, const float slopes[2], float *shift);

/* Move each column up by its shift; what leaves the map is lost, so the caller widens it first. */
extern bool hwr_page_shear(HwrMap *map, const float *shift, HwrStatus *st);

/* Take rules out of a level map; vertical ones, inclined by -slope, go to walls (created). */
extern bool hwr_page_remove_rules(HwrMap *ink, float slope, int size, HwrMap *walls, HwrStatus *st);

/* Take out specks, edges and frames. */
extern bool hwr_page_clean(HwrMap *ink, float size, HwrStatus *st);

/* Whether a vertical rule passes column x near y. */
extern bool hwr_page_wall_at(const HwrSheet *sheet, int x, float y);

/* The writing's size, 0 where there is none. */
extern bool hwr_page_find_size(const HwrMap *ink, float *size, HwrStatus *st);

extern bool hwr_page_find_chains(const HwrSheet *sheet, HwrChains *out, HwrStatus *st);
extern void hwr_page_chains_free(HwrChains *chains);

/* Lines in coordinates of the page, in no order. */
extern bool hwr_page_make_lines(const HwrSheet *sheet, const HwrChains *chains, HwrPageLines *out, HwrStatus *st);

/*
 * Regions and order, in place, before the lines are turned back: after begin, steps on the same lines until one returns
 * true.  Free also NULL.
 */
typedef struct HwrPageOrder HwrPageOrder;

extern bool hwr_page_order_begin(const HwrPageLines *lines, float size, bool right_to_left, HwrPageOrder **out, HwrStatus *st);
extern bool hwr_page_order_step(HwrPageOrder *order, HwrPageLines *lines);
extern void hwr_page_order_free(HwrPageOrder *order);

#endif							/* HWR_PAGE_INTERNAL_H */
