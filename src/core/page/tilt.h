/*
 * tilt.h
 *	  Turning a skewed page by some degrees, so that its writing is level and upright.
 */
#ifndef HWR_PAGE_TILT_H
#define HWR_PAGE_TILT_H

#include "core/ink/map.h"
#include "page.h"

/* From pixels of a page to those of the straight one, which holds all of it; zeroed: they are the same. */
typedef struct HwrTilt
{
	float		cosine;
	float		sine;
	HwrPoint	middle;			/* of the page */
	HwrPoint	straight;		/* the same place of the straight page */
} HwrTilt;

/* For writing of this slope, dy/dx, on a page of this size. */
extern HwrTilt hwr_tilt_of(float slope, float width, float height);

extern HwrPoint hwr_tilt_point(const HwrTilt *tilt, HwrPoint p);
extern HwrPoint hwr_tilt_back(const HwrTilt *tilt, HwrPoint p);

/* Straighten a map of the page, of which a pixel is so many of the page; 0 where the page is not. */
extern bool hwr_map_straighten(HwrMap *map, const HwrTilt *tilt, float factor, HwrStatus *st);

#endif							/* HWR_PAGE_TILT_H */
