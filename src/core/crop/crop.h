/*
 * crop.h
 *	  A line of a page as an image of its own.
 */
#ifndef HWR_CROP_H
#define HWR_CROP_H

#include "core/page/page.h"

/* Greater images than this are never made; a longer line is made smaller. */
#define HWR_CROP_MAX_WIDTH 16384
#define HWR_CROP_MAX_HEIGHT 4096

/*
 * The part of the page inside the outline (outline_n >= 3 points), straightened so that the
 * baseline (baseline_n >= 2 points in the direction of reading, or 0: the outline is cut out as it
 * lies) runs level from left to right.  What is outside the outline, or outside the page, is
 * painted as paper: the brightness that most of the inside's lighter half has. A pixel of the image
 * is a pixel of the page along the baseline and across it.
 *
 * It takes time as the number of the baseline's points times that of the outline's points and the columns.
 *
 * Errors: HWR_BAD_OPTION where the outline has no area or lies outside the page, HWR_OUT_OF_MEMORY; HWR_CANCELLED where
 * stop, if not NULL, says so, which is asked every few milliseconds.
 */
extern bool hwr_page_crop(const HwrImage *page, const HwrPoint *baseline, int baseline_n,
						  const HwrPoint *outline, int outline_n, HwrStopFn stop, void *stop_arg, HwrImage *out,
						  HwrStatus *st);

/* The image's frame: along the baseline, and across it. */
typedef struct HwrCropFrame
{
	float		length;			/* of the baseline */
	float		x0;				/* where the image begins along it, negative before its start */
	float		x1;
	float		y0;				/* and across it, up negative */
	float		y1;
} HwrCropFrame;

/* How such an image maps to the page. */
typedef struct HwrCrop
{
	const HwrPoint *baseline;	/* the caller's, or level */
	int			baseline_n;
	HwrPoint	level[2];
	HwrCropFrame frame;
	float		scale;			/* page pixels a pixel of the image */
} HwrCrop;

/*
 * Its baseline stays the caller's.  Takes time as the number of the baseline's points times that of the outline's; stop and
 * errors as above.
 */
extern bool hwr_crop_begin(HwrCrop *crop, const HwrPoint *baseline, int baseline_n, const HwrPoint *outline, int outline_n,
						   HwrStopFn stop, void *stop_arg, HwrStatus *st);

/* Width and height of the image; HWR_BAD_OPTION where there is none. */
extern bool hwr_crop_size(const HwrCrop *crop, int *width, int *height, HwrStatus *st);

/* The point of the page that a point of the image shows. */
extern HwrPoint hwr_crop_point(const HwrCrop *crop, float x, float y);

#endif							/* HWR_CROP_H */
