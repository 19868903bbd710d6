/*
 * ink.cu
 *	  8-bit canvases to the network's input, distorted while training.
 *
 * A block works on one image: it finds the ink's extent, one thread makes map, field, marks and bands from the draws, all warp,
 * then all change the strokes and add the marks, and on the way to the output all show it with fewer pixels and leave out the
 * bands.  The arithmetic is that of src/core/augment/augment.c, from the same headers; pixels differ only where the device's sine
 * rounds otherwise.
 */
#include "common.cuh"
#include "core/augment/augment_map.h"

#define INK_THREADS 512
#define MAX_HEIGHT 512			/* of canvases: vgsl.c */

/* What one thread computes for its block. */
struct Distortion
{
	HwrAugmentDraws draws;
	HwrAugmentMap inverse;
	HwrAugmentField field;
	HwrAugmentMask mask;
	HwrAugmentMark marks[HWR_AUGMENT_MARKS];
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
distort(const HwrAugmentExtent &ink, int h, int w, const HwrAugmentStrengths &strengths, uint64_t key, Distortion *d)
{
	HwrRng		rng;
	HwrAugmentMap map;
	HwrAugmentExtent moved;

	hwr_rng_seed(&rng, key, blockIdx.x);
	d->draws = hwr_augment_draw(&strengths, &rng);
	map = hwr_augment_map(&d->draws, &ink, h, w);
	d->inverse = hwr_augment_invert(&map);
	d->step_x = llrint(d->inverse.a * HWR_AUGMENT_ONE);
	d->step_y = llrint(d->inverse.c * HWR_AUGMENT_ONE);
	d->field = hwr_augment_field(&d->draws.field, h, w);
	d->mask = hwr_augment_mask(&d->draws.mask, h);
	moved = hwr_augment_moved(&map, &ink);
	for (int i = 0; i < HWR_AUGMENT_MARKS; i++)
		d->marks[i] = hwr_augment_place_mark(i, &d->draws.marks[i], &ink, &moved, h, w);
}

static __device__ __forceinline__ uint8_t
warp(const uint8_t *src, int h, int w, int y, int x, int64_t sx, int64_t sy, const HwrAugmentField &field)
{
	const int	part = HWR_AUGMENT_ONE / HWR_AUGMENT_PARTS;

	if (field.reach > 0)
	{
		HwrAugmentMove move = hwr_augment_move(&field, y, x);

		sx += move.x * part;
		sy += move.y * part;
	}
	return (uint8_t) hwr_augment_sample(src, h, w, sx, sy);
}

/* A pixel of the warped row ink, its strokes changed along the row. */
static __device__ __forceinline__ uint8_t
stroke_across(const uint8_t *ink, int w, int x, const HwrAugmentDraws &d)
{
	return d.across == 0 ? ink[x] :
		hwr_augment_blend(ink[x > 0 ? x - 1 : x], ink[x], ink[x < w - 1 ? x + 1 : x], d.thin, d.across);
}

/* A pixel of the warped image, its strokes changed along the row, then along the column. */
static __device__ __forceinline__ uint8_t
stroke(const uint8_t *ink, int h, int w, int y, int x, const HwrAugmentDraws &d)
{
	uint8_t		cur = stroke_across(ink + (int64_t) y * w, w, x, d);

	return d.upright == 0 ? cur :
		hwr_augment_blend(y > 0 ? stroke_across(ink + (int64_t) (y - 1) * w, w, x, d) : cur, cur,
						  y < h - 1 ? stroke_across(ink + (int64_t) (y + 1) * w, w, x, d) : cur, d.thin, d.upright);
}

static __device__ __forceinline__ bool
contains(const HwrAugmentExtent &e, int y, int x)
{
	return x >= e.left && x <= e.right && y >= e.top && y <= e.bottom;
}

template <typename T> __global__ void
__launch_bounds__(INK_THREADS)
augment_kernel(int h, int w, const uint8_t *canvases, const int *slots, HwrAugmentStrengths strengths,
			   const HwrGpuStep *step, uint8_t *warped, T *y)
{
	__shared__ Distortion d;
	__shared__ uint8_t tone[256];
	__shared__ int64_t row_x[MAX_HEIGHT];
	__shared__ int64_t row_y[MAX_HEIGHT];
	int64_t		size = (int64_t) h * w;
	const uint8_t *src = canvases + (slots != NULL ? slots[blockIdx.x] : (int) blockIdx.x) * size;
	uint8_t    *ink = warped + blockIdx.x * 2 * size;
	uint8_t    *marked = ink + size;
	HwrAugmentExtent extent = find_ink(src, h, w);

	if (threadIdx.x == 0)
		distort(extent, h, w, strengths, step->rng_key, &d);
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

		ink[i] = tone[warp(src, h, w, r, x, row_x[r] + x * d.step_x, row_y[r] + x * d.step_y, d.field)];
	}
	__syncthreads();
	for (int i = threadIdx.x; i < size; i += INK_THREADS)
	{
		int			x = i % w;
		int			r = i / w;
		int			v = stroke(ink, h, w, r, x, d.draws);

		for (const HwrAugmentMark &mark : d.marks)
			if (contains(mark.box, r, x))
				v = hwr_augment_mark(&mark, src, h, w, x, r, v);
		marked[i] = (uint8_t) v;
	}
	if (d.draws.downscale > 0)
	{
		int			rows = hwr_augment_cells(d.draws.downscale, h);
		int			columns = hwr_augment_cells(d.draws.downscale, w);

		__syncthreads();
		for (int i = threadIdx.x; i < size; i += INK_THREADS)
			ink[i] = (uint8_t) hwr_augment_downscaled(marked + i % w, w, h, rows, i / w);
		__syncthreads();
		for (int i = threadIdx.x; i < size; i += INK_THREADS)
			marked[i] = (uint8_t) hwr_augment_downscaled(ink + i / w * w, 1, w, columns, i % w);
	}
	/* Each thread reads what it wrote. */
	for (int i = threadIdx.x; i < size; i += INK_THREADS)
	{
		bool		paper = d.draws.mask.chance > 0 && hwr_augment_masked(&d.mask, i % w);

		from_float(paper ? 0.0f : (float) marked[i] * (1.0f / 255.0f), &y[blockIdx.x * size + i]);
	}
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
			const HwrAugmentStrengths *strengths, const HwrGpuStep *step, uint8_t *warped, void *y)
{
	if (strengths == NULL || !hwr_augment_any(strengths))
		DISPATCH(type, vectors_fit(type, (int64_t) h * w, canvases, y), gather, stream, n, h, w, canvases, slots, y);
	else if (type == HWR_GPU_BFLOAT16)
		HWR_LAUNCH(augment_kernel<__nv_bfloat16>, n, INK_THREADS, 0, stream,
				   h, w, canvases, slots, *strengths, step, warped, (__nv_bfloat16 *) y);
	else
		HWR_LAUNCH(augment_kernel<float>, n, INK_THREADS, 0, stream,
				   h, w, canvases, slots, *strengths, step, warped, (float *) y);
}
