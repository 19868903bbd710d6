/*
 * ink.cu
 *	  8-bit canvases to the network's input, distorted while training.
 *
 * A block works on one image: it finds the ink's extent, one thread makes the map from the draws, all warp, then all change the
 * strokes on the way to the output.  The arithmetic is that of src/core/augment.c, from the same header; pixels differ only
 * where the device's sine rounds otherwise.
 */
#include "common.cuh"
#include "core/augment_map.h"

#define INK_THREADS 512
#define MAX_HEIGHT 512			/* of canvases: vgsl.c */

/* What one thread computes for its block. */
struct Distortion
{
	HwrAugmentDraws draws;
	HwrAugmentMap inverse;
	int64_t		step_x;
	int64_t		step_y;
};

/* Smallest and largest over the block, in the first thread; min and max are the thread's own. */
static __device__ __forceinline__ void
block_extent(int &min, int &max)
{
	__shared__ int partial[2][INK_THREADS / WARP];

	/* the smallest is the largest of the negatives */
	min = -warp_max(-min);
	max = warp_max(max);
	__syncthreads();
	if (threadIdx.x % WARP == 0)
	{
		partial[0][threadIdx.x / WARP] = min;
		partial[1][threadIdx.x / WARP] = max;
	}
	__syncthreads();
	if (threadIdx.x == 0)
		for (int i = 1; i < INK_THREADS / WARP; i++)
		{
			min = partial[0][i] < min ? partial[0][i] : min;
			max = partial[1][i] > max ? partial[1][i] : max;
		}
}

/* The extent of the ink, known to the first thread; the whole canvas where there is none. */
static __device__ HwrAugmentExtent
find_ink(const uint8_t *src, int h, int w)
{
	HwrAugmentExtent e = {w, -1, h, -1};

	for (int i = threadIdx.x; i < h * w; i += INK_THREADS)
		if (src[i] >= HWR_AUGMENT_FAINT)
		{
			int			x = i % w;
			int			y = i / w;

			e.left = x < e.left ? x : e.left;
			e.right = x > e.right ? x : e.right;
			e.top = y < e.top ? y : e.top;
			e.bottom = y;		/* i ascends */
		}
	block_extent(e.left, e.right);
	block_extent(e.top, e.bottom);
	if (e.right < 0)
	{
		e.left = 0;
		e.right = w - 1;
		e.top = 0;
		e.bottom = h - 1;
	}
	return e;
}

static __device__ void
distort(const HwrAugmentExtent &ink, int h, int w, double strength, uint64_t key, Distortion *d)
{
	HwrRng		rng;
	HwrAugmentMap map;

	hwr_rng_seed(&rng, key, blockIdx.x);
	d->draws = hwr_augment_draw(strength, &rng);
	map = hwr_augment_map(&d->draws, &ink, h, w);
	d->inverse = hwr_augment_invert(&map);
	d->step_x = llrint(d->inverse.a * HWR_AUGMENT_ONE);
	d->step_y = llrint(d->inverse.c * HWR_AUGMENT_ONE);
}

/* A pixel of the warped image, its strokes changed. */
static __device__ __forceinline__ uint8_t
stroke(const uint8_t *ink, int h, int w, int i, const HwrAugmentDraws &d)
{
	int			at = d.upright ? i / w : i % w;
	int			last = (d.upright ? h : w) - 1;
	int			step = d.upright ? w : 1;

	return hwr_augment_blend(ink[at > 0 ? i - step : i], ink[i], ink[at < last ? i + step : i], d.thin, d.stroke);
}

template <typename T> __global__ void
__launch_bounds__(INK_THREADS)
augment_kernel(int h, int w, const uint8_t *canvases, const int *slots, double strength, const HwrGpuStep *step,
			   uint8_t *warped, T *y)
{
	__shared__ Distortion d;
	__shared__ uint8_t tone[256];
	__shared__ int64_t row_x[MAX_HEIGHT];
	__shared__ int64_t row_y[MAX_HEIGHT];
	int64_t		size = (int64_t) h * w;
	const uint8_t *src = canvases + (slots != NULL ? slots[blockIdx.x] : (int) blockIdx.x) * size;
	uint8_t    *ink = warped + blockIdx.x * size;
	HwrAugmentExtent extent = find_ink(src, h, w);

	if (threadIdx.x == 0)
		distort(extent, h, w, strength, step->rng_key, &d);
	__syncthreads();
	for (int i = threadIdx.x; i < 256; i += INK_THREADS)
		tone[i] = hwr_augment_tone(&d.draws, i);
	for (int r = threadIdx.x; r < h; r += INK_THREADS)
	{
		row_x[r] = llrint((d.inverse.b * r + d.inverse.tx) * HWR_AUGMENT_ONE);
		row_y[r] = llrint((d.inverse.d * r + d.inverse.ty) * HWR_AUGMENT_ONE);
	}
	__syncthreads();
	for (int i = threadIdx.x; i < size; i += INK_THREADS)
	{
		int			x = i % w;
		int			r = i / w;

		ink[i] = tone[hwr_augment_sample(src, h, w, row_x[r] + x * d.step_x, row_y[r] + x * d.step_y)];
	}
	__syncthreads();
	for (int i = threadIdx.x; i < size; i += INK_THREADS)
		from_float((float) (d.draws.change_stroke ? stroke(ink, h, w, i, d.draws) : ink[i]) * (1.0f / 255.0f),
				   &y[blockIdx.x * size + i]);
}

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
gather_kernel(int64_t size, const uint8_t *canvases, const int *slots, T *y)
{
	const uint8_t *src = canvases + (slots != NULL ? slots[blockIdx.y] : (int) blockIdx.y) * size;
	T		   *out = y + blockIdx.y * size;
	int64_t		i = ((int64_t) blockIdx.x * THREADS + threadIdx.x) * V;

	for (; i < size; i += (int64_t) gridDim.x * THREADS * V)
	{
		Pack<uint8_t, V> ink = *reinterpret_cast<const Pack<uint8_t, V> *>(src + i);
		float		v[V];

#pragma unroll
		for (int j = 0; j < V; j++)
			v[j] = (float) ink.v[j] * (1.0f / 255.0f);
		store<V>(v, out + i);
	}
}

template <typename T, int V> static void
gather(cudaStream_t stream, int n, int h, int w, const uint8_t *canvases, const int *slots, void *y)
{
	int64_t		size = (int64_t) h * w;

	HWR_LAUNCH((gather_kernel<T, V>), dim3((unsigned) div_up(size, THREADS * V), (unsigned) n), THREADS, 0, stream,
			   size, canvases, slots, (T *) y);
}

void
hwr_gpu_ink(cudaStream_t stream, HwrGpuType type, int n, int h, int w, const uint8_t *canvases, const int *slots,
			double strength, const HwrGpuStep *step, uint8_t *warped, void *y)
{
	if (strength <= 0)
		DISPATCH(type, vectors_fit(type, (int64_t) h * w, canvases, y), gather, stream, n, h, w, canvases, slots, y);
	else if (type == HWR_GPU_BFLOAT16)
		HWR_LAUNCH(augment_kernel<__nv_bfloat16>, n, INK_THREADS, 0, stream,
				   h, w, canvases, slots, strength, step, warped, (__nv_bfloat16 *) y);
	else
		HWR_LAUNCH(augment_kernel<float>, n, INK_THREADS, 0, stream,
				   h, w, canvases, slots, strength, step, warped, (float *) y);
}
