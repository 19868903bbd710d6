/*
 * thin.cu
 *	  The first convolution: 3 x 3 windows over maps of one channel.
 *
 * A thread has some output channels and walks over positions.  Forward it keeps the channels' nine
 * weights in registers, backward their nine sums.
 */
#include "thin.h"

#include "columns.cuh"

#define TAPS 9

/* Output channels of a thread, where they divide all. */
#define CHANNELS 4

size_t
hwr_gpu_thin_sums_size(int d)
{
	return (size_t) MOST_BLOCKS * TAPS * (size_t) d * sizeof(float);
}

/* The nine values under the window at position r, zeros beyond the edge. */
template <typename T> static __device__ __forceinline__ void
load_patch(const HwrGpuWindow &w, int64_t r, const T *x, float (&patch)[TAPS])
{
	int			left = (int) r % w.out_w * w.sx - w.left;
	int			top = (int) r / w.out_w % w.out_h * w.sy - w.top;
	const T    *image = x + (int64_t) ((int) r / w.out_w / w.out_h) * w.h * w.w;

#pragma unroll
	for (int i = 0; i < TAPS; i++)
	{
		int			px = left + i % 3;
		int			py = top + i / 3;

		patch[i] = px >= 0 && px < w.w && py >= 0 && py < w.h ? to_float(image[py * w.w + px]) : 0.0f;
	}
}

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
thin_forward_kernel(Tiling t, HwrGpuWindow w, const T *x, const T *kernel, T *z)
{
	Place		p = my_place<V>(t);
	float		weights[TAPS][V];

	if (!p.active)
		return;
#pragma unroll
	for (int i = 0; i < TAPS; i++)
		load<V>(kernel + i * t.cols + p.col, weights[i]);
	for (int64_t r = p.row; r < t.rows; r += p.step)
	{
		float		patch[TAPS];
		float		sum[V] = {};

		load_patch<T>(w, r, x, patch);
#pragma unroll
		for (int i = 0; i < TAPS; i++)
#pragma unroll
			for (int j = 0; j < V; j++)
				sum[j] += patch[i] * weights[i][j];
		store<V>(sum, z + r * t.cols + p.col);
	}
}

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
thin_backward_kernel(Tiling t, HwrGpuWindow w, const T *x, const T *dz, float *partial)
{
	Place		p = my_place<V>(t);
	float		sums[TAPS][V] = {};

	for (int64_t r = p.row; p.active && r < t.rows; r += p.step)
	{
		float		patch[TAPS];
		float		d[V];

		load<V>(dz + r * t.cols + p.col, d);
		load_patch<T>(w, r, x, patch);
#pragma unroll
		for (int i = 0; i < TAPS; i++)
#pragma unroll
			for (int j = 0; j < V; j++)
				sums[i][j] += patch[i] * d[j];
	}
	block_sums<V, TAPS>(t, sums, partial);
}

__global__ void
__launch_bounds__(WARP *FINISH_DEPTH)
thin_finish_kernel(int blocks, int cols, const float *partial, float *dkernel)
{
	int			c = blockIdx.x * WARP + threadIdx.x;
	double		total[TAPS];

	column_totals<TAPS>(blocks, cols, c, partial, total);
	for (int i = 0; i < TAPS && threadIdx.y == 0 && c < cols; i++)
		dkernel[i * cols + c] = (float) total[i];
}

template <typename T, int V> static void
forward(cudaStream_t stream, HwrGpuWindow w, int d, const void *x, const void *kernel, void *z)
{
	Tiling		t = make_tiling((int64_t) w.n * w.out_h * w.out_w, d, V);

	HWR_LAUNCH((thin_forward_kernel<T, V>), t.grid, THREADS, 0, stream,
			   t, w, (const T *) x, (const T *) kernel, (T *) z);
}

template <typename T, int V> static void
backward(cudaStream_t stream, HwrGpuWindow w, int d, const void *x, const void *dz, float *dkernel, void *sums)
{
	Tiling		t = make_tiling((int64_t) w.n * w.out_h * w.out_w, d, V);

	HWR_LAUNCH((thin_backward_kernel<T, V>), t.grid, THREADS, 0, stream,
			   t, w, (const T *) x, (const T *) dz, (float *) sums);
	HWR_LAUNCH(thin_finish_kernel, finish_grid(d), finish_block(), 0, stream,
			   (int) t.grid.x, d, (const float *) sums, dkernel);
}

/* Call f<T, V>(...) */
#define DISPATCH_CHANNELS(type, fits, f, ...) \
	do \
	{ \
		if ((type) == HWR_GPU_BFLOAT16 && (fits)) \
			f<__nv_bfloat16, CHANNELS>(__VA_ARGS__); \
		else if ((type) == HWR_GPU_BFLOAT16) \
			f<__nv_bfloat16, 1>(__VA_ARGS__); \
		else if (fits) \
			f<float, CHANNELS>(__VA_ARGS__); \
		else \
			f<float, 1>(__VA_ARGS__); \
	} while (0)

void
hwr_gpu_thin_forward(cudaStream_t stream, HwrGpuType type, HwrGpuWindow window, int d, const void *x, const void *kernel,
					 void *z)
{
	bool		fits = d % CHANNELS == 0 && aligned16(kernel) && aligned16(z);

	DISPATCH_CHANNELS(type, fits, forward, stream, window, d, x, kernel, z);
}

void
hwr_gpu_thin_backward(cudaStream_t stream, HwrGpuType type, HwrGpuWindow window, int d, const void *x, const void *dz,
					  float *dkernel, void *sums)
{
	bool		fits = d % CHANNELS == 0 && aligned16(dz);

	DISPATCH_CHANNELS(type, fits, backward, stream, window, d, x, dz, dkernel, sums);
}
