/*
 * winograd_conv.h
 *	  A block of tiles of Winograd's convolution (cpu/kernels/winograd.h), from the map to the output.
 *
 *	 V [36][parts][tiles][C]	transformed input, as elements
 *	 M [36][tiles][panel]	products with one panel of output channels; consumed before the next panel's are made
 *	 U [panels][36] packed [parts][C][panel]	the transformed kernel, which streams through once a block
 *
 * A kernel wider than 3 is several of 3x3 beside each other, its parts, the last filled up with zeros.  Each has
 * a transformed input of its own, 3 columns on from the one before, and the products of all are summed: one output transform.
 * A kernel of 3x13 takes 11.25 multiplications for an output where the direct way takes 39.
 */
#ifndef HWR_WINOGRAD_CONV_H
#define HWR_WINOGRAD_CONV_H

#include "cpu/kernels/winograd.h"
#include "layers.h"

/* Most tiles of a block, over all parts: few enough for the second-level cache, enough to use each part of the kernel often. */
#define HWR_WINOGRAD_BLOCK 48

/*
 * Whether a convolution is done so: kernels of 3 rows and 3 or more columns with at least 16 channels on either side, on maps at
 * least 3 high.
 * With fewer channels the transforms outweigh what they save, and a lower map would fill less than half of a tile.
 */
extern bool hwr_winograd_applies(const HwrLayer *l);

/*
 * Bytes of the transformed and packed kernel, and the making of this thread's share of it from [3][kx][c][d], with room for
 * work[parts][c][panel].
 */
extern size_t hwr_winograd_kernel_size(const HwrElements *e, int kx, int c, int d);
extern void hwr_winograd_pack(const HwrElements *e, int kx, int c, int d, const hwr_real *kernel, hwr_real *work, void *packed,
							  int thread, int threads);

/* A block's memory */
typedef struct HwrWinogradBlock
{
	const HwrElements *e;
	const HwrKernels *k;
	int			parts;			/* of the kernel; 1 with 16-bit elements */
	int			c;				/* input channels */
	int			d;				/* output channels */
	char	   *in;				/* V */
	ptrdiff_t	in_frequency;	/* elements from one frequency to the next */
	hwr_real   *by;				/* of each row of tiles, HwrTilesOut.by; NULL: 1 */
	hwr_real   *products;		/* M */
	ptrdiff_t	product_frequency;
	size_t		size;			/* bytes */
} HwrWinogradBlock;

/* For so many tiles, laid out from base on; base NULL: only the size. */
extern HwrWinogradBlock hwr_winograd_block(const HwrElements *e, const HwrKernels *k, int kx, int c, int d, int tiles,
										   char *base);

/*
 * Convolve tile_rows x tiles tiles.  map: their first place in a bordered map of elements (of hwr_real for 16-bit ones), rows
 * map_row of them apart.  to
 * says what becomes of all output channels of the first row of tiles; the rows below it follow in to->out.
 */
extern void hwr_winograd_run(const HwrWinogradBlock *b, const void *kernel, const char *map, ptrdiff_t map_row, int tile_rows,
							 int tiles,
							 const HwrTilesOut *to);

/*
 * The gradient of the kernel, of elements of hwr_real.  With V as above and W the output's gradient transformed back,
 * [36][tiles][D], the transformed kernel's gradient is the sum of V' W over all tiles at each frequency, and goes
 * back to the kernel once at the end.
 */
typedef struct HwrWinogradGradient
{
	const HwrElements *e;
	const HwrKernels *k;
	int			c;
	int			d;
	hwr_real   *in;				/* V */
	ptrdiff_t	in_frequency;
	hwr_real   *out;			/* W */
	ptrdiff_t	out_frequency;
	size_t		size;			/* bytes */
} HwrWinogradGradient;

/* For so many tiles at a time; base NULL: only the size. */
extern HwrWinogradGradient hwr_winograd_gradient(const HwrElements *e, const HwrKernels *k, int c, int d, int tiles, char *base);

/*
 * Add tile_rows x tiles tiles to sums[36][c][d].  map: their first place in a bordered map; dy: the gradient of their
 * first output place, zero beyond the map; rows map_row and dy_row apart.
 */
extern void hwr_winograd_add(const HwrWinogradGradient *g, const hwr_real *map, ptrdiff_t map_row, const hwr_real *dy,
							 ptrdiff_t dy_row,
							 int tile_rows, int tiles, hwr_real *sums);

/* grad[3][3][c][d] += G' sums G */
extern void hwr_winograd_kernel_gradient(int c, int d, const hwr_real *sums, hwr_real *grad);

#endif							/* HWR_WINOGRAD_CONV_H */
