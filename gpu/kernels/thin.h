/*
 * thin.h
 *	  The first convolution: 3 x 3 windows over maps of one channel.  Conventions: kernels.h.
 *
 * A matrix product over patches of nine values would leave the tensor cores idle and write nine times the
 * image first; this one is bound by writing z, or by reading dz.
 */
#ifndef HWR_GPU_THIN_H
#define HWR_GPU_THIN_H

#include "unroll.h"

/* Whether a window is one for these functions. */
static inline bool
hwr_gpu_is_thin(const HwrGpuWindow *window)
{
	return window->c == 1 && window->ky == 3 && window->kx == 3;
}

/* z[n][out_h][out_w][d] from x[n][h][w] and kernel[3][3][d] */
extern void hwr_gpu_thin_forward(cudaStream_t stream, HwrGpuType type, HwrGpuWindow window, int d, const void *x,
								 const void *kernel, void *z);

/* dkernel[3][3][d], overwritten, from dz.  sums: hwr_gpu_thin_sums_size bytes. */
extern size_t hwr_gpu_thin_sums_size(int d);
extern void hwr_gpu_thin_backward(cudaStream_t stream, HwrGpuType type, HwrGpuWindow window, int d, const void *x,
								  const void *dz, float *dkernel, void *sums);

#endif							/* HWR_GPU_THIN_H */
