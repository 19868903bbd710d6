/*
 * pose.h
 *	  How one picture lies on another, from features that look alike, most of which may be mistaken.
 *
 * Two matches say where everything lies, but for perspective; the ways on which most matches agree are
 * kept and made exact with all that agree (RANSAC: Fischler and Bolles 1981, with the local optimisation of Chum,
 * Matas and Kittler 2003).  Random numbers are the same every time.
 */
#ifndef HWR_PAGE_POSE_H
#define HWR_PAGE_POSE_H

#include "corners.h"
#include "warp.h"

#define HWR_POSES 3

/* Fewer matches that agree mean nothing. */
#define HWR_POSE_LEAST 8

typedef struct HwrPose
{
	HwrHomography h;			/* from the unit square of the first picture */
	int			inliers;
} HwrPose;

/*
 * The best few ways that differ, best first; returns how many.  angle: by which the descriptions of "from" were turned,
 * so that the second picture is turned by about -angle.  matches are sorted in place.
 */
extern int	hwr_pose_find(const HwrFeatures *from, double width, double height, const HwrFeatures *to,
						  HwrMatch *matches, int n, double angle, HwrPose poses[HWR_POSES]);

/* Whether a picture of this size can be seen so: not mirrored, not too slanting, not out of proportion. */
extern bool hwr_pose_possible(const HwrHomography *h, double width, double height);

#endif							/* HWR_PAGE_POSE_H */
