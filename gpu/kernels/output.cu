/*
 * output.cu
 *	  Softmax in its forms, and reading the best path.
 */
#include "common.cuh"

/* Rows are worked on by a warp each. */
#define ROWS_A_BLOCK (THREADS / WARP)

static unsigned
row_blocks(int64_t rows)
{
	return (unsigned) div_up(rows, ROWS_A_BLOCK);
}

/* The row of this warp; beyond the last: none. */
static __device__ __forceinline__ int64_t
my_row(void)
{
	return (int64_t) blockIdx.x * ROWS_A_BLOCK + threadIdx.x / WARP;
}

template <typename T> static __device__ __forceinline__ float
logit(const T *x, const float *bias, int k)
{
	return to_float(x[k]) + (bias != NULL ? bias[k] : 0.0f);
}

/* Largest of a row, and the sum of exp(x - largest). */
template <typename T> static __device__ __forceinline__ void
row_sum(const T *x, const float *bias, int cols, int lane, float &top, float &sum)
{
	top = -INFINITY;
	sum = 0;
	for (int k = lane; k < cols; k += WARP)
		top = fmaxf(top, logit(x, bias, k));
	top = warp_max(top);
	for (int k = lane; k < cols; k += WARP)
		sum += expf(logit(x, bias, k) - top);
	sum = warp_sum(sum);
}

template <typename T> __global__ void
__launch_bounds__(THREADS)
log_softmax_kernel(int64_t rows, int cols, const T *x, const float *bias, float *logp)
{
	int64_t		row = my_row();
	int			lane = threadIdx.x % WARP;
	float		top;
	float		sum;

	if (row >= rows)
		return;
	x += row * cols;
	row_sum(x, bias, cols, lane, top, sum);
	sum = top + logf(sum);
	for (int k = lane; k < cols; k += WARP)
		logp[row * cols + k] = logit(x, bias, k) - sum;
}

void
hwr_gpu_log_softmax(cudaStream_t stream, HwrGpuType type, int64_t rows, int K, const void *x, const float *bias, float *logp)
{
	if (type == HWR_GPU_BFLOAT16)
		HWR_LAUNCH(log_softmax_kernel<__nv_bfloat16>, row_blocks(rows), THREADS, 0, stream,
				   rows, K, (const __nv_bfloat16 *) x, bias, logp);
	else
		HWR_LAUNCH(log_softmax_kernel<float>, row_blocks(rows), THREADS, 0, stream, rows, K, (const float *) x, bias, logp);
}

template <typename T> __global__ void
__launch_bounds__(THREADS)
softmax_kernel(int64_t rows, int cols, const float *bias, T *z)
{
	int64_t		row = my_row();
	int			lane = threadIdx.x % WARP;
	float		top;
	float		sum;

	if (row >= rows)
		return;
	z += row * cols;
	row_sum(z, bias, cols, lane, top, sum);
	for (int k = lane; k < cols; k += WARP)
		from_float(expf(logit(z, bias, k) - top) / sum, &z[k]);
}

void
hwr_gpu_softmax(cudaStream_t stream, HwrGpuType type, int64_t rows, int cols, const float *bias, void *z)
{
	if (type == HWR_GPU_BFLOAT16)
		HWR_LAUNCH(softmax_kernel<__nv_bfloat16>, row_blocks(rows), THREADS, 0, stream,
				   rows, cols, bias, (__nv_bfloat16 *) z);
	else
		HWR_LAUNCH(softmax_kernel<float>, row_blocks(rows), THREADS, 0, stream, rows, cols, bias, (float *) z);
}

template <typename T> __global__ void
__launch_bounds__(THREADS)
softmax_back_kernel(int64_t rows, int cols, const T *y, T *dy)
{
	int64_t		row = my_row();
	int			lane = threadIdx.x % WARP;
	float		dot = 0;

	if (row >= rows)
		return;
	y += row * cols;
	dy += row * cols;
	for (int k = lane; k < cols; k += WARP)
		dot += to_float(y[k]) * to_float(dy[k]);
	dot = warp_sum(dot);
	for (int k = lane; k < cols; k += WARP)
		from_float(to_float(y[k]) * (to_float(dy[k]) - dot), &dy[k]);
}

void
hwr_gpu_softmax_back(cudaStream_t stream, HwrGpuType type, int64_t rows, int cols, const void *y, void *dy)
{
	if (type == HWR_GPU_BFLOAT16)
		HWR_LAUNCH(softmax_back_kernel<__nv_bfloat16>, row_blocks(rows), THREADS, 0, stream,
				   rows, cols, (const __nv_bfloat16 *) y, (__nv_bfloat16 *) dy);
	else
		HWR_LAUNCH(softmax_back_kernel<float>, row_blocks(rows), THREADS, 0, stream,
				   rows, cols, (const float *) y, (float *) dy);
}

/*
 * Best path
 */

/* The most probable class of a step; the lowest of equals. */
static __device__ __forceinline__ int
best_class(const float *logp, int K, int lane)
{
	float		best = -INFINITY;
	int			at = K;

	for (int k = lane; k < K; k += WARP)
		if (at == K || logp[k] > best)
		{
			best = logp[k];
			at = k;
		}
#pragma unroll
	for (int flip = WARP / 2; flip > 0; flip /= 2)
	{
		float		other = __shfl_xor_sync(WHOLE_WARP, best, flip);
		int			other_at = __shfl_xor_sync(WHOLE_WARP, at, flip);

		if (other_at < K && (at == K || other > best || (other == best && other_at < at)))
		{
			best = other;
			at = other_at;
		}
	}
	return at;
}

/* A block reads one sequence: the best classes into ids, then one warp compacts them in place. */
__global__ void
__launch_bounds__(THREADS)
greedy_kernel(int T, int K, const float *logp, int *ids, int *lengths)
{
	int			lane = threadIdx.x % WARP;
	int			length = 0;
	int			previous = 0;

	logp += (int64_t) blockIdx.x * T * K;
	ids += (int64_t) blockIdx.x * T;
	for (int t = threadIdx.x / WARP; t < T; t += ROWS_A_BLOCK)
	{
		int			k = best_class(logp + (int64_t) t * K, K, lane);

		if (lane == 0)
			ids[t] = k;
	}
	__syncthreads();
	if (threadIdx.x >= WARP)
		return;
	for (int from = 0; from < T; from += WARP)
	{
		int			k = from + lane < T ? ids[from + lane] : 0;
		int			before = __shfl_up_sync(WHOLE_WARP, k, 1);
		unsigned	kept;

		if (lane == 0)
			before = previous;
		kept = __ballot_sync(WHOLE_WARP, k != 0 && k != before);
		/* all have read: what is written lies at or before it */
		if (kept >> lane & 1)
			ids[length + __popc(kept & ((1u << lane) - 1))] = k;
		length += __popc(kept);
		previous = __shfl_sync(WHOLE_WARP, k, WARP - 1);
	}
	if (lane == 0)
		lengths[blockIdx.x] = length;
}

void
hwr_gpu_greedy(cudaStream_t stream, int n, int T, int K, const float *logp, int *ids, int *lengths)
{
	HWR_LAUNCH(greedy_kernel, n, THREADS, 0, stream, T, K, logp, ids, lengths);
}
