/*
 * compare.h
 *	  Orders for qsort.
 */
#ifndef HWR_COMPARE_H
#define HWR_COMPARE_H

/* From the least to the greatest; no NaN. */
static inline int
hwr_compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return x < y ? -1 : x > y;
}

static inline int
hwr_compare_ints(const void *a, const void *b)
{
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	return (x > y) - (x < y);
}

#endif							/* HWR_COMPARE_H */
