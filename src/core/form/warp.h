/*
 * warp.h
 *	  Where the points of one picture lie on another: a homography, and a smooth displacement on top of it.
 *
 * Points are of the pictures' plane, pixels with whole numbers at their corners.  The homography maps the unit
 * square, into which the first picture is scaled, so that its numbers are of one size whatever the pixels.
 */
#ifndef HWR_PAGE_WARP_H
#define HWR_PAGE_WARP_H

#include <stdbool.h>

/* Nodes of the displacement along and down the picture. */
#define HWR_WARP_COLUMNS 7
#define HWR_WARP_ROWS 9
#define HWR_WARP_NODES (HWR_WARP_COLUMNS * HWR_WARP_ROWS)

typedef struct HwrVec
{
	double		x;
	double		y;
} HwrVec;

/* (x, y, 1) to (h0 x + h1 y + h2, h3 x + h4 y + h5) / (h6 x + h7 y + 1). */
typedef struct HwrHomography
{
	double		h[8];
} HwrHomography;

typedef struct HwrWarp
{
	double		width;			/* of the first picture */
	double		height;
	HwrHomography base;			/* of the unit square */
	HwrVec		node[HWR_WARP_NODES];	/* row by row: what is added, in pixels of the second picture */
} HwrWarp;

extern HwrVec hwr_homography_apply(const HwrHomography *h, HwrVec p);

/* Where a point of the first picture lies on the second. */
extern HwrVec hwr_warp_apply(const HwrWarp *warp, HwrVec p);

/* The nodes around a point of the unit square: their numbers and shares, which sum to 1. */
extern void hwr_warp_nodes(HwrVec unit, int node[4], double share[4]);

/*
 * The same for pictures that have been scaled: the first one's sizes become width and height, the second one's
 * points are multiplied by x and y.
 */
extern void hwr_warp_scale(HwrWarp *warp, double width, double height, double x, double y);

/*
 * The homography that takes from[n] nearest to to[n], by weight (NULL: 1 each), as a least-squares solution of the
 * linear equations; with affine = true h6 and h7 are 0.  False where the points do not determine one.
 */
extern bool hwr_homography_fit(const HwrVec *from, const HwrVec *to, const double *weight, int n, bool affine,
							   HwrHomography *out);

/* Solve the symmetric positive definite a[n][n] x = b in place, x into b; false where it is not. */
extern bool hwr_solve_spd(double *a, double *b, int n);

#endif							/* HWR_PAGE_WARP_H */
