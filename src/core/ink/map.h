/*
 * map.h
 *	  Maps of 8-bit values that the line finder works on, and the filters it needs.
 *
 * Every function takes time proportional to the pixels, whatever the size of its window, and gives the same
 * bytes on every machine: sums are of integers.
 */
#ifndef HWR_PAGE_MAP_H
#define HWR_PAGE_MAP_H

#include <stdint.h>

#include "core/base/status.h"

/* Row-major [height][width]. */
typedef struct HwrMap
{
	int			width;
	int			height;
	uint8_t    *v;				/* malloc'd; hwr_map_free */
} HwrMap;

/* Zeroed.  width and height must be positive.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_map_create(int width, int height, HwrMap *out, HwrStatus *st);

/* Also of a zeroed HwrMap, and twice. */
extern void hwr_map_free(HwrMap *map);

static inline uint8_t *
hwr_map_row(const HwrMap *map, int y)
{
	return map->v + (size_t) y * (size_t) map->width;
}

/*
 * Rows [y0, y1) of dst as the means of the boxes of src that they cover; dst's size says by how much each
 * axis is reduced, 1 at least.
 */
extern void hwr_map_reduce(const uint8_t *src, int width, int height, HwrMap *dst, int y0, int y1);

/* dst, no smaller than src, by linear interpolation between the middles of pixels. */
extern void hwr_map_enlarge(const uint8_t *src, int width, int height, HwrMap *dst);

/* Running mean over 2 r + 1 values along x or y, three times: nearly a Gaussian of sigma sqrt(r (r + 1)). */
extern bool hwr_map_blur_x(HwrMap *map, int r, HwrStatus *st);
extern bool hwr_map_blur_y(HwrMap *map, int r, HwrStatus *st);

/* The greatest (sign = 1) or least (sign = -1) value in a square of 2 r + 1. */
extern bool hwr_map_extreme(HwrMap *map, int r, int sign, HwrStatus *st);

/*
 * dst = src turned by quarters x 90 degrees clockwise.  dst is created.
 */
extern bool hwr_map_turn(const HwrMap *src, int quarters, HwrMap *dst, HwrStatus *st);

/*
 * Sums over the rows above y and the columns left of x: table[height + 1][width + 1], malloc'd, NULL where there is no
 * memory.  The map has fewer than 2^24 pixels.
 */
extern uint32_t *hwr_map_sums(const HwrMap *map, HwrStatus *st);

/* The value below which this share of counts lies, from a histogram of n bins. */
extern int	hwr_histogram_quantile(const uint32_t *counts, int n, double share);

#endif							/* HWR_PAGE_MAP_H */
