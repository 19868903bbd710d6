/*
 * augment_downscale.h
 *	  What a canvas loses when it is shown with fewer pixels, which augment.c and the CUDA kernel share.
 *
 * As when an image was scanned at a low resolution and then enlarged to the network's height: first the columns, then
 * the rows become means of a few pixels each, and between the middles of two of these cells values lie on a straight
 * line.  All in whole numbers, so that every device gets the same.
 */
#ifndef HWR_AUGMENT_DOWNSCALE_H
#define HWR_AUGMENT_DOWNSCALE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/rng.h"

#define HWR_AUGMENT_DOWNSCALE_CHANCE	0.25	/* at strength 1 */
#define HWR_AUGMENT_MIN_DOWNSCALE		1.25	/* pixels that become one, along each axis */
#define HWR_AUGMENT_MAX_DOWNSCALE		4.5

/* Pixels that become one; 0: nothing is lost. Factors, not differences, are equally likely. */
HWR_SHARED double
hwr_augment_draw_downscale(double strength, HwrRng *rng)
{
	bool		used = hwr_rng_uniform(rng) < HWR_AUGMENT_DOWNSCALE_CHANCE * strength;
	double		log_size = hwr_rng_range(rng, log(HWR_AUGMENT_MIN_DOWNSCALE), log(HWR_AUGMENT_MAX_DOWNSCALE));

	return used ? exp(log_size) : 0.0;
}

/* The cells of a line of len pixels: at least one, at most as many as pixels. */
HWR_SHARED int
hwr_augment_cells(double size, int len)
{
	int			n = (int) (len / size + 0.5);

	return n < 1 ? 1 : n > len ? len : n;
}

/* The first pixel of cell i of n. */
HWR_SHARED int
hwr_augment_cell_start(int i, int n, int len)
{
	return (int) ((int64_t) i * len / n);
}

/* The mean of cell i of n; step: bytes from pixel to pixel. */
HWR_SHARED int
hwr_augment_cell(const uint8_t *line, ptrdiff_t step, int len, int n, int i)
{
	int			from = hwr_augment_cell_start(i, n, len);
	int			to = hwr_augment_cell_start(i + 1, n, len);
	int			sum = (to - from) / 2;

	for (int x = from; x < to; x++)
		sum += line[x * step];
	return sum / (to - from);
}

/* Where the middle of pixel x lies, in 256ths of a cell from the middle of the first, kept between first and last. */
HWR_SHARED int64_t
hwr_augment_cell_place(int x, int n, int len)
{
	int64_t		place = (int64_t) (2 * x + 1) * n * 128 / len - 128;
	int64_t		last = (int64_t) (n - 1) * 256;

	return place < 0 ? 0 : place > last ? last : place;
}

/* Between two cells, so many 256ths of the way. */
HWR_SHARED int
hwr_augment_between_cells(int before, int after, int way)
{
	return (before * (256 - way) + after * way + 128) >> 8;
}

/* Pixel x of a line that is shown with n cells. */
HWR_SHARED int
hwr_augment_downscaled(const uint8_t *line, ptrdiff_t step, int len, int n, int x)
{
	int64_t		place = hwr_augment_cell_place(x, n, len);
	int			i = (int) (place >> 8);
	int			way = (int) (place & 255);
	int			before = hwr_augment_cell(line, step, len, n, i);

	return way == 0 ? before : hwr_augment_between_cells(before, hwr_augment_cell(line, step, len, n, i + 1), way);
}

#endif							/* HWR_AUGMENT_DOWNSCALE_H */
