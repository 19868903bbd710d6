/*
 * strands.h
 *	  Lines while they are being made: the middle of a line's body, column by column.
 */
#ifndef HWR_PAGE_STRANDS_H
#define HWR_PAGE_STRANDS_H

#include "page_internal.h"

/* What tells lines of writing from other ink; see hwr_page_signs. */
#define HWR_SIGNS 10

typedef struct HwrStrand
{
	int			k0;				/* columns [k0, k1) of the ridge map, HWR_PAGE_STEP pixels each */
	int			k1;
	float	   *y;				/* [k1 - k0]: middle of the body, malloc'd */
	float		strength;		/* mean over its ridge points */
	int			points;			/* ridge points; the other columns are interpolated */

	/* Measured by hwr_page_measure. */
	int			x0;				/* where its ink begins and ends, pixels */
	int			x1;
	float		top;			/* body and letters relative to the middle: highest letters, */
	float		body_top;
	float		base;			/* the baseline, */
	float		bottom;			/* lowest letters */
	double		ink;			/* pixels of ink */
	float		signs[HWR_SIGNS];	/* what confidence.c judges by */
	const char *reason;			/* why it is no line, or NULL */
} HwrStrand;

typedef struct HwrStrands
{
	HwrStrand  *v;
	int			n;
} HwrStrands;

/* Chains joined across gaps, in the order of their left ends. */
extern bool hwr_page_join(const HwrSheet *sheet, const HwrChains *chains, HwrStrands *out, HwrStatus *st);

/* Cut where columns end. */
extern bool hwr_page_split(const HwrSheet *sheet, HwrStrands *strands, HwrStatus *st);

/* Ends, heights, ink; what cannot be a line gets a reason. */
extern bool hwr_page_measure(const HwrSheet *sheet, HwrStrands *strands, HwrStatus *st);

/*
 * Fill signs from what has been measured; neighbours: lines of about this length close above or
 * below, 0 to 2.
 */
extern void hwr_page_signs(const HwrSheet *sheet, HwrStrand *s, int neighbours);

/* The probability that a strand with these signs is a line of writing. */
extern float hwr_page_confidence(const HwrStrand *s);
extern void hwr_page_strands_free(HwrStrands *strands);

/* Outlines and baselines are simplified by so much of the size. */
#define HWR_TOLERANCE 0.04

/*
 * Keep the points that the line needs to stay within the tolerance (Douglas and Peucker); returns
 * their count.  lines.c.
 */
extern int	hwr_page_simplify(HwrPoint *points, int n, float tolerance);

/* The middle at pixel column x, level beyond the ends. */
static inline float
hwr_strand_y(const HwrStrand *s, int x)
{
	float		at = (float) (x - HWR_PAGE_STEP / 2) / HWR_PAGE_STEP - (float) s->k0;
	int			i = (int) at;

	if (at <= 0)
		return s->y[0];
	if (i + 1 >= s->k1 - s->k0)
		return s->y[s->k1 - s->k0 - 1];
	return s->y[i] + (at - (float) i) * (s->y[i + 1] - s->y[i]);
}

#endif							/* HWR_PAGE_STRANDS_H */
