/*
 * conv_internal.h
 *	  What the files of the direct convolution share.
 */
#ifndef HWR_CONV_INTERNAL_H
#define HWR_CONV_INTERNAL_H

#include "layers.h"

/* A map seen through a window: the border that makes the output as large as the map. */
typedef struct HwrWindow
{
	HwrShape	map;
	int			top;			/* rows of border above, columns to the left */
	int			left;
	int			ky;
	int			kx;
	int			wide;			/* columns of a bordered row */
	int			rows;			/* output rows of a block */
} HwrWindow;

/* The input as the forward pass and the kernel gradient see it. */
extern HwrWindow hwr_conv_input_window(const HwrLayerRun *run);

/* The output's gradient as the input's gradient sees it: what was before is now behind. */
extern HwrWindow hwr_conv_gradient_window(const HwrLayerRun *run);

/*
 * Elements of a block: rows of output and what they need above and below, and a group more that may
 * be read.
 */
extern size_t hwr_conv_block_size(const HwrLayerRun *run, const HwrWindow *w, int rows);

/* One output row of a convolution; block: its first input row, bordered, as elements. */
extern void hwr_conv_row(const HwrLayerRun *run, const HwrWindow *w, const void *block,
						 const void *kernel, int d, const hwr_real *bias, bool relu, hwr_real *y);

/*
 * Whether rows are computed in tiles of four by Winograd's filtering (conv_winograd.c): kernel and turned are then made by
 * hwr_winograd_pack.  The columns that tiles cover, and output rows of a block.
 */
extern bool hwr_conv_tiled(const HwrLayerRun *run);
extern int	hwr_conv_tiled_columns(const HwrWindow *w);
extern int	hwr_conv_tiled_rows(const HwrWindow *w);

/*
 * Output rows, a multiple of four, y[rows][hwr_conv_tiled_columns][d]; block: the first input row of them, bordered, as elements.
 * memory: so many bytes.
 */
extern size_t hwr_conv_tiled_memory(const HwrLayerRun *run, const HwrWindow *w, int d);
extern void hwr_conv_tile_rows(const HwrLayerRun *run, const HwrWindow *w, const void *block, const void *kernel, int d,
							   const hwr_real *bias, bool relu, int rows, char *memory, hwr_real *y);

/*
 * Add what output rows, a multiple of four, give to the gradient of the transformed kernel, sums[36][C][D].  x: the
 * input from the window of the first row on, bordered; dy: the rows' gradients, without the border to the left.
 */
extern size_t hwr_conv_tiled_gradient_memory(const HwrLayerRun *run, const HwrWindow *grad);
extern void hwr_conv_tiled_gradient(const HwrLayerRun *run, const HwrWindow *in, const HwrWindow *grad, const hwr_real *x,
									const hwr_real *dy,
									int rows, char *memory, hwr_real *sums);

/*
 * Row y of image n of the input [W][C], batch normalisation applied where it is left to us; row:
 * room for it.
 */
extern const hwr_real *hwr_conv_input_row(const HwrLayerRun *run, size_t n, int y, hwr_real *row);

/* The shape of what is kept of one image: the output, or the pooled output. */
static inline HwrShape
hwr_conv_kept(const HwrLayerRun *run)
{
	return run->pool_after != NULL ? run->pool_after->out : run->out;
}

/* The kernel packed, and for the backward pass turned by 180 degrees and transposed. */
typedef struct HwrConvAux
{
	void	   *kernel;
	void	   *turned;
	hwr_real   *turned_rows;	/* before it is packed */
	hwr_real   *kernel_sums;	/* [threads][sums]: the kernel's gradient, or by tiles the transformed kernel's */
	hwr_real   *bias_grads;		/* [threads][d] */
	size_t		weights;		/* ky kx c d */
	size_t		sums;
	size_t		size;
} HwrConvAux;

extern HwrConvAux hwr_conv_aux(const HwrLayerRun *run);

/* A kernel [ky][kx][c][d] packed: this part's share of it; work: so many values. */
extern void hwr_conv_pack(const HwrLayerRun *run, int c, int d, const hwr_real *kernel, hwr_real *work, void *packed,
						  int part, int parts);
extern size_t hwr_conv_pack_work(const HwrLayerRun *run, int c);

/* How rows of dy are made from what was kept; a thread's. */
typedef struct HwrGradientRows
{
	hwr_real   *kept;			/* a row of the gradient at what was kept */
	hwr_real   *full;			/* [W][d]: a row of dy */
	hwr_real   *bias_grad;		/* the thread's sums */
} HwrGradientRows;

extern HwrGradientRows hwr_conv_gradient_rows(const HwrLayerRun *run, int part, char *base, size_t *cursor);

/*
 * Row y of dy of image n, each once and one after the other: from the gradient at what was kept back through
 * normalisation, activation and pooling.  Adds to the bias gradient.
 */
extern const hwr_real *hwr_conv_output_gradient(const HwrLayerRun *run, const HwrGradientRows *s, size_t n, int y);

/* A thread's part of the backward pass by tiles (conv_backward_tiles.c), and its scratch. */
extern void hwr_conv_tiled_backward(void *run, int part, int parts);
extern size_t hwr_conv_tiled_scratch(const HwrLayerRun *run);

extern size_t hwr_conv_backward_scratch(const HwrLayerRun *run);
extern void hwr_conv_backward(HwrLayerRun *run);

#endif							/* HWR_CONV_INTERNAL_H */
