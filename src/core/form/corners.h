/*
 * corners.h
 *	  Points of a picture that can be found again on another picture of the same thing, and what is around them.
 *
 * Points are corners: where the ink's gradients have two directions.  What is around one is described by histograms of
 * the gradients' directions in 4 x 4 squares.  Corners are taken at several reductions, so that pictures of
 * different scales have points in common.
 *
 * Source: Shi and Tomasi, "Good Features to Track", CVPR 1994; Lowe, "Distinctive Image Features from
 * Scale-Invariant Keypoints", IJCV 2004, for the description, which is not turned into a direction of its own here: what is
 * printed has two, and mistakes one for the other.  The caller tries some instead.
 */
#ifndef HWR_PAGE_CORNERS_H
#define HWR_PAGE_CORNERS_H

#include "core/ink/map.h"

#define HWR_FEATURE_SIZE 128

/* Reductions, and by how much one is smaller than the one before. */
#define HWR_FEATURE_LEVELS 4
#define HWR_FEATURE_RATIO 0.8F

#define HWR_FEATURES_MAX 1400

typedef struct HwrFeature
{
	float		x;				/* on the map */
	float		y;
	float		scale;			/* map pixels a pixel of the reduction */
	uint8_t		level;
} HwrFeature;

typedef struct HwrFeatures
{
	int			n;
	HwrFeature *features;		/* [n] */
	HwrMap		levels[HWR_FEATURE_LEVELS];	/* the map, smoothed and reduced */
} HwrFeatures;

/* Of a map of ink; hwr_features_free, also after a failure.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_features_find(const HwrMap *ink, HwrFeatures *out, HwrStatus *st);
extern void hwr_features_free(HwrFeatures *features);

/*
 * descriptions[n][HWR_FEATURE_SIZE]: of what is around each point, seen in a frame turned by this angle (radians, from x to
 * y).  A feature with nothing around it has zeros.
 */
extern void hwr_features_describe(const HwrFeatures *features, double angle, uint8_t *descriptions);

/* The point of the other picture that each looks most like. */
typedef struct HwrMatch
{
	int			from;
	int			to;
	float		ratio;			/* its distance over that of the next one elsewhere, 0 .. 1 */
} HwrMatch;

/* Match features [first, last); returns how many have one.  out has room for each. */
extern int	hwr_features_match(const uint8_t *from_descriptions, int first, int last,
							   const HwrFeatures *to, const uint8_t *to_descriptions, HwrMatch *out);

#endif							/* HWR_PAGE_CORNERS_H */
