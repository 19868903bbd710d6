/*
 * common.cuh
 *	  What the kernels share: launches, vectors of elements, activations, sums over a warp.
 */
#ifndef HWR_GPU_COMMON_CUH
#define HWR_GPU_COMMON_CUH

#include "kernels.h"

#ifndef HWR_CUDA_ON_HOST
/* A kernel with commas in its name goes in parentheses. */
#define HWR_LAUNCH(kernel, grid, block, shared, stream, ...) \
	(kernel)<<<(grid), (block), (shared), (stream)>>>(__VA_ARGS__)

#define HWR_DYNAMIC_SHARED(type, name) \
	extern __shared__ __align__(16) unsigned char hwr_dynamic_shared[]; \
	type *name = (type *) hwr_dynamic_shared
#endif

#define WARP 32
#define WHOLE_WARP 0xffffffffu

/* Threads of a block, unless a kernel says otherwise. */
#define THREADS 256

static inline int64_t
div_up(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

static __device__ __forceinline__ float
to_float(float x)
{
	return x;
}

static __device__ __forceinline__ float
to_float(__nv_bfloat16 x)
{
	return __bfloat162float(x);
}

static __device__ __forceinline__ void
from_float(float x, float *y)
{
	*y = x;
}

static __device__ __forceinline__ void
from_float(float x, __nv_bfloat16 *y)
{
	*y = __float2bfloat16_rn(x);
}

/* V neighbouring elements, read and written at once. */
template <typename T, int V> struct alignas(sizeof(T) * V) Pack
{
	T v[V];
};

template <int V, typename T> static __device__ __forceinline__ void
load(const T *p, float (&x)[V])
{
	Pack<T, V> pack = *reinterpret_cast<const Pack<T, V> *>(p);

#pragma unroll
	for (int i = 0; i < V; i++)
		x[i] = to_float(pack.v[i]);
}

template <int V, typename T> static __device__ __forceinline__ void
store(const float (&x)[V], T *p)
{
	Pack<T, V> pack;

#pragma unroll
	for (int i = 0; i < V; i++)
		from_float(x[i], &pack.v[i]);
	*reinterpret_cast<Pack<T, V> *>(p) = pack;
}

/* p[0 .. V-1], or all the same value where p is NULL; no alignment needed */
template <int V> static __device__ __forceinline__ void
load_or(const float *p, float otherwise, float (&x)[V])
{
#pragma unroll
	for (int i = 0; i < V; i++)
		x[i] = p != NULL ? p[i] : otherwise;
}

/* Whether vectors of 16 bytes may be used: cols a multiple of them, and the pointers aligned. */
static inline bool
aligned16(const void *p)
{
	return ((uintptr_t) p & 15) == 0;
}

static inline int
vector_length(HwrGpuType type)
{
	return type == HWR_GPU_BFLOAT16 ? 8 : 4;
}

static inline bool
vectors_fit(HwrGpuType type, int64_t cols, const void *p, const void *q = NULL, const void *r = NULL)
{
	return cols % vector_length(type) == 0 && aligned16(p) && aligned16(q) && aligned16(r);
}

/* Call f<T, V>(...) for the element type and whether vectors fit. */
#define DISPATCH(type, fits, f, ...) \
	do \
	{ \
		if ((type) == HWR_GPU_BFLOAT16) \
		{ \
			if (fits) \
				f<__nv_bfloat16, 8>(__VA_ARGS__); \
			else \
				f<__nv_bfloat16, 1>(__VA_ARGS__); \
		} \
		else if (fits) \
			f<float, 4>(__VA_ARGS__); \
		else \
			f<float, 1>(__VA_ARGS__); \
	} while (0)

static __device__ __forceinline__ float
sigmoid(float x)
{
	return 1.0f / (1.0f + expf(-x));
}

static __device__ __forceinline__ float
activate(HwrActivation act, float x)
{
	switch (act)
	{
		case HWR_ACT_RELU:
			return x > 0.0f ? x : 0.0f;
		case HWR_ACT_TANH:
			return tanhf(x);
		case HWR_ACT_SIGMOID:
			return sigmoid(x);
		default:
			return x;
	}
}

/* d activate / dx where it gave y */
static __device__ __forceinline__ float
slope(HwrActivation act, float y)
{
	switch (act)
	{
		case HWR_ACT_RELU:
			return y > 0.0f ? 1.0f : 0.0f;
		case HWR_ACT_TANH:
			return 1.0f - y * y;
		case HWR_ACT_SIGMOID:
			return y * (1.0f - y);
		default:
			return 1.0f;
	}
}

/* Over all lanes of a warp; every lane gets the result, the same bits in each. */
template <typename T> static __device__ __forceinline__ T
warp_sum(T x)
{
#pragma unroll
	for (int flip = WARP / 2; flip > 0; flip /= 2)
		x += __shfl_xor_sync(WHOLE_WARP, x, flip);
	return x;
}

template <typename T> static __device__ __forceinline__ T
warp_max(T x)
{
#pragma unroll
	for (int flip = WARP / 2; flip > 0; flip /= 2)
	{
		T other = __shfl_xor_sync(WHOLE_WARP, x, flip);

		x = other > x ? other : x;
	}
	return x;
}

#endif							/* HWR_GPU_COMMON_CUH */
