/*
 * unroll.h
 *	  Patches of a map as rows of a matrix, and back.  Conventions: kernels.h.
 */
#ifndef HWR_GPU_UNROLL_H
#define HWR_GPU_UNROLL_H

#include "kernels.h"

/* A window that moves over n maps [h][w][c], with zeros around them. */
typedef struct HwrGpuWindow
{
	int			n;
	int			h;
	int			w;
	int			c;
	int			out_h;			/* places of the window */
	int			out_w;
	int			ky;
	int			kx;
	int			sy;
	int			sx;
	int			top;			/* rows of zeros above */
	int			left;
} HwrGpuWindow;

/* column[n][out_h][out_w][ky][kx][c] from x[n][h][w][c] */
extern void hwr_gpu_unroll(cudaStream_t stream, HwrGpuType type, HwrGpuWindow window, const void *x, void *column);

/* x[n][h][w][c] = sums of the column's values that unroll would have taken from there; summed in float. */
extern void hwr_gpu_roll(cudaStream_t stream, HwrGpuType type, HwrGpuWindow window, const void *column, void *x);

#endif							/* HWR_GPU_UNROLL_H */
