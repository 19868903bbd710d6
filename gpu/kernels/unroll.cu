/*
 * unroll.cu
 *	  Patches of a map as rows of a matrix, and back.
 *
 * A block works on a stretch of one line: a row of the column's places, or of the map.
 * Neighbouring threads have neighbouring values of the array that is written.
 */
#include "unroll.h"

#include "common.cuh"

/* Lines beyond this are taken in turn. */
#define MAX_LINES 65535

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
unroll_kernel(HwrGpuWindow w, const T *x, T *column)
{
	unsigned	vectors = (unsigned) w.c / V;
	unsigned	per_line = (unsigned) w.out_w * (unsigned) (w.ky * w.kx) * vectors;
	unsigned	i = blockIdx.x * blockDim.x + threadIdx.x;
	unsigned	c = i % vectors * V;
	unsigned	tap = i / vectors % (unsigned) (w.ky * w.kx);
	int			ty = (int) tap / w.kx;
	int			from_x = (int) (i / vectors / (unsigned) (w.ky * w.kx)) * w.sx - w.left + (int) tap % w.kx;

	if (i >= per_line)
		return;
	for (int64_t line = blockIdx.y; line < (int64_t) w.n * w.out_h; line += gridDim.y)
	{
		int64_t		image = line / w.out_h;
		int			from_y = (int) (line % w.out_h) * w.sy - w.top + ty;
		Pack<T, V>	pack = {};

		if (from_y >= 0 && from_y < w.h && from_x >= 0 && from_x < w.w)
			pack = *reinterpret_cast<const Pack<T, V> *>(x + ((image * w.h + from_y) * w.w + from_x) * w.c + c);
		*reinterpret_cast<Pack<T, V> *>(column + line * per_line * V + (int64_t) i * V) = pack;
	}
}

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
roll_kernel(HwrGpuWindow w, const T *column, T *x)
{
	unsigned	vectors = (unsigned) w.c / V;
	unsigned	per_line = (unsigned) w.w * vectors;
	unsigned	i = blockIdx.x * blockDim.x + threadIdx.x;
	unsigned	c = i % vectors * V;
	int			at_x = (int) (i / vectors) + w.left;

	if (i >= per_line)
		return;
	for (int64_t line = blockIdx.y; line < (int64_t) w.n * w.h; line += gridDim.y)
	{
		int64_t		image = line / w.h;
		int			at_y = (int) (line % w.h) + w.top;
		float		sum[V] = {};

		for (int ty = 0; ty < w.ky; ty++)
		{
			int			y = (at_y - ty) / w.sy;

			if (at_y < ty || (at_y - ty) % w.sy != 0 || y >= w.out_h)
				continue;
			for (int tx = 0; tx < w.kx; tx++)
			{
				int			xx = (at_x - tx) / w.sx;
				float		v[V];

				if (at_x < tx || (at_x - tx) % w.sx != 0 || xx >= w.out_w)
					continue;
				load<V>(column + ((((image * w.out_h + y) * w.out_w + xx) * w.ky + ty) * w.kx + tx) * w.c + c, v);
#pragma unroll
				for (int j = 0; j < V; j++)
					sum[j] += v[j];
			}
		}
		store<V>(sum, x + line * w.w * w.c + (int64_t) i * V);
	}
}

static dim3
grid_of(int64_t per_line, int64_t lines)
{
	return dim3((unsigned) div_up(per_line, THREADS), (unsigned) (lines < MAX_LINES ? lines : MAX_LINES));
}

template <typename T, int V> static void
unroll(cudaStream_t stream, HwrGpuWindow w, const void *x, void *column)
{
	dim3		grid = grid_of((int64_t) w.out_w * w.ky * w.kx * (w.c / V), (int64_t) w.n * w.out_h);

	HWR_LAUNCH((unroll_kernel<T, V>), grid, THREADS, 0, stream, w, (const T *) x, (T *) column);
}

template <typename T, int V> static void
roll(cudaStream_t stream, HwrGpuWindow w, const void *column, void *x)
{
	dim3		grid = grid_of((int64_t) w.w * (w.c / V), (int64_t) w.n * w.h);

	HWR_LAUNCH((roll_kernel<T, V>), grid, THREADS, 0, stream, w, (const T *) column, (T *) x);
}

void
hwr_gpu_unroll(cudaStream_t stream, HwrGpuType type, HwrGpuWindow window, const void *x, void *column)
{
	DISPATCH(type, vectors_fit(type, window.c, x, column), unroll, stream, window, x, column);
}

void
hwr_gpu_roll(cudaStream_t stream, HwrGpuType type, HwrGpuWindow window, const void *column, void *x)
{
	DISPATCH(type, vectors_fit(type, window.c, column, x), roll, stream, window, column, x);
}
