/*
 * optimizer.cu
 *	  Global gradient norm, clipping and the update rules of src/core/train/optimizer.c.
 *
 * The parameter block is cut into ranges of at most HWR_GPU_RANGE values of one tensor; a block of threads
 * works on one.  What depends on the step alone is computed once, by one thread.
 */
#include "common.cuh"

#define ADAM_BETA1 0.9
#define ADAM_BETA2 0.999
#define ADAM_EPSILON 1e-8

#define NORM_THREADS 1024

int
hwr_gpu_cut(size_t offset, size_t count, bool decay, HwrGpuRange *out)
{
	int			n = 0;

	for (size_t done = 0; done < count; done += HWR_GPU_RANGE, n++)
	{
		size_t		rest = count - done;

		if (out == NULL)
			continue;
		out[n].offset = (int64_t) (offset + done);
		out[n].count = (int) (rest < HWR_GPU_RANGE ? rest : HWR_GPU_RANGE);
		out[n].decay = decay;
	}
	return n;
}

/* Sum over a block of at most NORM_THREADS threads, in the first warp. */
static __device__ __forceinline__ double
block_sum(double x)
{
	__shared__ double partial[NORM_THREADS / WARP];
	int			lane = threadIdx.x % WARP;

	x = warp_sum(x);
	if (lane == 0)
		partial[threadIdx.x / WARP] = x;
	__syncthreads();
	if (threadIdx.x < WARP)
		x = warp_sum(lane < (int) blockDim.x / WARP ? partial[lane] : 0.0);
	return x;
}

__global__ void
__launch_bounds__(THREADS)
squares_kernel(const HwrGpuRange *ranges, const float *grads, double *partial)
{
	HwrGpuRange range = ranges[blockIdx.x];
	double		sum = 0;

	for (int i = threadIdx.x; i < range.count; i += THREADS)
	{
		double		g = (double) grads[range.offset + i];

		sum += g * g;
	}
	sum = block_sum(sum);
	if (threadIdx.x == 0)
		partial[blockIdx.x] = sum;
}

/* As hwr_optimizer_update computes them. */
static __device__ void
set_update(const HwrGpuRule &rule, const HwrGpuStep &step, double norm, HwrGpuUpdate *u)
{
	double		scale = rule.clip_norm > 0 && norm > rule.clip_norm ? rule.clip_norm / norm : 1;

	u->scale = (float) scale;
	u->rate = (float) step.learning_rate;
	u->momentum = (float) rule.momentum;
	u->root2 = 1;
	u->l2 = (float) rule.weight_decay;
	u->keep = 1;
	if (rule.kind != HWR_SGD)
	{
		u->rate = (float) (step.learning_rate / (1 - pow(ADAM_BETA1, (double) step.t)));
		u->root2 = (float) sqrt(1 - pow(ADAM_BETA2, (double) step.t));
	}
	if (rule.kind == HWR_ADAMW)
	{
		u->l2 = 0;
		u->keep = (float) (1 - step.learning_rate * rule.weight_decay);
	}
}

__global__ void
__launch_bounds__(NORM_THREADS)
norm_kernel(int nranges, const double *partial, HwrGpuRule rule, const HwrGpuStep *step, HwrGpuUpdate *update,
			HwrGpuResult *result)
{
	double		sum = 0;

	for (int i = threadIdx.x; i < nranges; i += NORM_THREADS)
		sum += partial[i];
	sum = block_sum(sum);
	if (threadIdx.x == 0)
	{
		double		norm = sqrt(sum);

		result->grad_norm = norm;
		result->diverged = !isfinite(norm) || !isfinite(result->loss);
		set_update(rule, *step, norm, update);
		update->skip = result->diverged;
	}
}

void
hwr_gpu_grad_norm(cudaStream_t stream, int nranges, const HwrGpuRange *ranges, const float *grads, HwrGpuRule rule,
				  const HwrGpuStep *step, double *partial, HwrGpuUpdate *update, HwrGpuResult *result)
{
	HWR_LAUNCH(squares_kernel, nranges, THREADS, 0, stream, ranges, grads, partial);
	HWR_LAUNCH(norm_kernel, 1, NORM_THREADS, 0, stream, nranges, partial, rule, step, update, result);
}

static __device__ __forceinline__ void
update_sgd(const HwrGpuUpdate &u, float l2, float grad, float &value, float &m)
{
	float		g = grad * u.scale + l2 * value;

	m = u.momentum * m + g;
	value -= u.rate * (g + u.momentum * m);
}

static __device__ __forceinline__ void
update_adam(const HwrGpuUpdate &u, float l2, float keep, float grad, float &value, float &m, float &v)
{
	const float beta1 = (float) ADAM_BETA1;
	const float beta2 = (float) ADAM_BETA2;
	const float rest1 = (float) (1 - ADAM_BETA1);
	const float rest2 = (float) (1 - ADAM_BETA2);
	float		g = grad * u.scale + l2 * value;

	m = beta1 * m + rest1 * g;
	v = beta2 * v + rest2 * g * g;
	value = value * keep - u.rate * m / (sqrtf(v) / u.root2 + (float) ADAM_EPSILON);
}

/* V values of a range: loads of all four arrays first, then the rule, then the stores. */
template <int V, bool ADAM> static __device__ __forceinline__ void
update_values(const HwrGpuUpdate &u, bool decay, int64_t at, float *values, __nv_bfloat16 *half, const float *grads,
			  float *m, float *v)
{
	float		value[V];
	float		grad[V];
	float		first[V];
	float		second[V];

	load<V>(values + at, value);
	load<V>(grads + at, grad);
	load<V>(m + at, first);
	if (ADAM)
		load<V>(v + at, second);
#pragma unroll
	for (int i = 0; i < V; i++)
	{
		if (ADAM)
			update_adam(u, decay ? u.l2 : 0.0f, decay ? u.keep : 1.0f, grad[i], value[i], first[i], second[i]);
		else
			update_sgd(u, decay ? u.l2 : 0.0f, grad[i], value[i], first[i]);
	}
	store<V>(value, values + at);
	store<V>(first, m + at);
	if (ADAM)
		store<V>(second, v + at);
	if (half != NULL)
		store<V>(value, half + at);
}

/* Tensors begin anywhere: the values before the first multiple of four and after the last one go singly. */
template <bool ADAM> __global__ void
__launch_bounds__(THREADS)
update_kernel(const HwrGpuRange *ranges, const HwrGpuUpdate *update, bool vectors, float *values, __nv_bfloat16 *half,
			  const float *grads, float *m, float *v)
{
	HwrGpuRange range = ranges[blockIdx.x];
	HwrGpuUpdate u = *update;
	int64_t		end = range.offset + range.count;
	int64_t		from = vectors ? (range.offset + 3) / 4 * 4 : end;
	int64_t		to = vectors ? end / 4 * 4 : end;

	if (u.skip)
		return;
	from = from < end ? from : end;
	to = to > from ? to : from;
	for (int64_t i = range.offset + threadIdx.x; i < from; i += THREADS)
		update_values<1, ADAM>(u, range.decay, i, values, half, grads, m, v);
	for (int64_t i = from + (int64_t) threadIdx.x * 4; i < to; i += THREADS * 4)
		update_values<4, ADAM>(u, range.decay, i, values, half, grads, m, v);
	for (int64_t i = to + threadIdx.x; i < end; i += THREADS)
		update_values<1, ADAM>(u, range.decay, i, values, half, grads, m, v);
}

void
hwr_gpu_update(cudaStream_t stream, int nranges, const HwrGpuRange *ranges, HwrOptimizerKind kind,
			   const HwrGpuUpdate *update, float *values, __nv_bfloat16 *half, const float *grads, float *m, float *v)
{
	bool		vectors = aligned16(values) && aligned16(half) && aligned16(grads) && aligned16(m) && aligned16(v);

	if (kind == HWR_SGD)
		HWR_LAUNCH(update_kernel<false>, nranges, THREADS, 0, stream,
				   ranges, update, vectors, values, half, grads, m, v);
	else
		HWR_LAUNCH(update_kernel<true>, nranges, THREADS, 0, stream,
				   ranges, update, vectors, values, half, grads, m, v);
}
