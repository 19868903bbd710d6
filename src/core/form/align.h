/*
 * align.h
 *	  A warp made exact by the pictures themselves, and how well they agree under it.
 *
 * The warp's numbers are changed until the second picture, seen through it, differs least from the first, wherever the
 * first one has ink; what is written elsewhere on the second does not matter, and what is written across
 * print counts little.  First the homography at falling reductions, then a displacement that is as smooth as what is
 * seen allows, for paper that has been bent or pulled through a scanner.
 *
 * Source: Lucas and Kanade, IJCAI 1981; Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004, with Cauchy weights.
 */
#ifndef HWR_PAGE_ALIGN_H
#define HWR_PAGE_ALIGN_H

#include "core/ink/map.h"
#include "warp.h"

#define HWR_ALIGN_LEVELS 4

/* Ink reduced by 1, 2, 4, ... and smoothed. */
typedef struct HwrPyramid
{
	HwrMap		levels[HWR_ALIGN_LEVELS];
} HwrPyramid;

/* The side of a tile in which agreement is measured, pixels of the first picture. */
#define HWR_TILE 40

/* How the pictures agree, tile by tile: [rows][columns]. */
typedef struct HwrAgreement
{
	int			columns;
	int			rows;
	float	   *correlation;	/* -1 .. 1 of the ink around what the first picture has there */
	float	   *weight;			/* 0: it has too little */
	double		score;			/* 0 .. 1: share of what the first picture has that is on the second */
	double		missed;			/* 0 .. 1: share that is not, where the second picture shows the place */
	int			tiles;			/* with a weight */
} HwrAgreement;

/* Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_pyramid_create(const HwrMap *ink, HwrPyramid *out, HwrStatus *st);
extern void hwr_pyramid_free(HwrPyramid *pyramid);

/* Change warp->base, at this level, which has been right within some pixels of it. */
extern void hwr_align_base(const HwrPyramid *from, const HwrPyramid *to, int level, HwrWarp *warp);

/* Change warp->node, a step towards the best: some calls reach it.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_align_nodes(const HwrPyramid *from, const HwrPyramid *to, HwrWarp *warp, HwrStatus *st);

/* hwr_agreement_free.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_align_measure(const HwrPyramid *from, const HwrPyramid *to, int level, const HwrWarp *warp,
							  HwrAgreement *out, HwrStatus *st);
extern void hwr_agreement_free(HwrAgreement *agreement);

/* What a correlation is worth, 0 .. 1. */
extern double hwr_agreement_worth(double correlation);

#endif							/* HWR_PAGE_ALIGN_H */
