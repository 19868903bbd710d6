/*
 * ctc.cu
 *	  CTC loss and gradient, a block for each sequence.
 *
 * The recursion is that of src/core/decode/ctc.c.  Its two directions do not depend on each other:
 * one half of the block walks alpha upwards while the other walks beta downwards, a thread for each
 * state of the extended label (or several, where the label is long), one barrier a step.  Then all
 * steps' gradients are computed at once, a warp for each.
 *
 * alpha and beta are kept in double, because their size grows with the steps; what is added to them
 * in a step is of the size of one, and computed in float.  The tables lie in shared memory while
 * they fit, else in the caller's workspace.
 *
 * A class can occur several times in a label.  So that its occupancy is summed in one order, the
 * occurrences form a chain, and the lane that has the first one walks it.
 */
#include "common.cuh"

/* Shared memory for the tables: two blocks fit into a multiprocessor. */
#define TABLES_SHARED (96 * 1024)

/* Threads for one direction. */
#define MOST_STATES 256

/* A label in shared memory. */
struct Label
{
	int			L;
	int			S;				/* 2 L + 1 */
	const int  *classes;		/* [L] */
	const int  *next;			/* [L] index of the next occurrence of the class, L: none */
	const int  *first;			/* [L] whether it is the first */
};

static size_t
table_bytes(int T, int max_label)
{
	return 2 * (size_t) T * (2 * (size_t) max_label + 1) * sizeof(double);
}

size_t
hwr_gpu_ctc_size(int n, int T, int max_label)
{
	size_t		bytes = table_bytes(T, max_label);

	return bytes > TABLES_SHARED ? (size_t) n * bytes : 0;
}

/* log(exp(a) + exp(b) + exp(c)); any of them may be -infinity. */
static __device__ __forceinline__ double
log_sum3(double a, double b, double c)
{
	double		top = fmax(a, fmax(b, c));

	if (top == -INFINITY)
		return top;
	return top + (double) logf(expf((float) (a - top)) + expf((float) (b - top)) + expf((float) (c - top)));
}

/* Class that state s emits. */
static __device__ __forceinline__ int
emits(const Label &l, int s)
{
	return (s & 1) ? l.classes[s >> 1] : 0;
}

/* Whether a path may step from state s - 2 to s. */
static __device__ __forceinline__ bool
skips_to(const Label &l, int s)
{
	return (s & 1) && s >= 3 && l.classes[s >> 1] != l.classes[(s >> 1) - 1];
}

/* The states worth computing at step t: first .. last. */
static __device__ __forceinline__ int
first_state(const Label &l, int T, int t)
{
	int			s = l.S - 2 * (T - t);

	return s > 0 ? s : 0;
}

static __device__ __forceinline__ int
last_state(const Label &l, int t)
{
	int			s = 2 * t + 1;

	return s < l.S ? s : l.S - 1;
}

/* The label's classes and chains into shared memory.  Returns the fewest steps it can be written in. */
static __device__ int
read_label(const int *label, int L, int *classes, int *next, int *first)
{
	__shared__ int steps;

	for (int i = threadIdx.x; i < L; i += blockDim.x)
		classes[i] = label[i];
	__syncthreads();
	for (int i = threadIdx.x; i < L; i += blockDim.x)
	{
		int			j = i + 1;

		while (j < L && classes[j] != classes[i])
			j++;
		next[i] = j;
		for (j = i - 1; j >= 0 && classes[j] != classes[i]; j--)
			;
		first[i] = j < 0;
	}
	if (threadIdx.x < WARP)
	{
		int			repeats = 0;

		for (int i = 1 + threadIdx.x; i < L; i += WARP)
			repeats += classes[i] == classes[i - 1];
		repeats = warp_sum(repeats);
		if (threadIdx.x == 0)
			steps = L + repeats;
	}
	__syncthreads();
	return steps;
}

static __device__ __forceinline__ double
alpha_at(const Label &l, int T, int t, int s, float y, const double *prev)
{
	if (s < first_state(l, T, t) || s > last_state(l, t))
		return -INFINITY;
	if (t == 0)
		return (double) y;
	return (double) y + log_sum3(prev[s],
								 s >= 1 ? prev[s - 1] : -INFINITY,
								 skips_to(l, s) ? prev[s - 2] : -INFINITY);
}

/* y: of the step after t */
static __device__ __forceinline__ double
beta_at(const Label &l, int T, int t, int s, const float *y, const double *next)
{
	if (s < first_state(l, T, t) || s > last_state(l, t))
		return -INFINITY;
	if (t == T - 1)
		return 0;
	return log_sum3(next[s] + (double) y[emits(l, s)],
					s + 1 < l.S ? next[s + 1] + (double) y[emits(l, s + 1)] : -INFINITY,
					s + 2 < l.S && skips_to(l, s + 2) ? next[s + 2] + (double) y[emits(l, s + 2)] : -INFINITY);
}

/* Both tables [T][S]: the lower half of the block fills alpha, the upper one beta. */
static __device__ void
fill_tables(const Label &l, int T, int K, const float *logp, double *alpha, double *beta)
{
	int			half = blockDim.x / 2;
	bool		up = (int) threadIdx.x < half;
	int			mine = up ? threadIdx.x : threadIdx.x - half;

	for (int p = 0; p < T; p++)
	{
		int			t = up ? p : T - 1 - p;
		double	   *row = (up ? alpha : beta) + (int64_t) t * l.S;
		const double *before = up ? row - l.S : row + l.S;

		for (int s = mine; s < l.S; s += half)
			row[s] = up ? alpha_at(l, T, t, s, logp[(int64_t) t * K + emits(l, s)], before)
				: beta_at(l, T, t, s, logp + (int64_t) (t + 1) * K, before);
		__syncthreads();
	}
}

/* One step's gradient, by one warp; alpha's row becomes the states' weights. */
template <typename E> static __device__ void
gradient_row(const Label &l, int T, int t, int K, const float *y, double *alpha, const double *beta, float scale, E *grad)
{
	int			lane = threadIdx.x % WARP;
	int			first = first_state(l, T, t);
	int			last = last_state(l, t);
	double		peak = -INFINITY;
	float		sum = 0;
	float		blank = 0;

	for (int s = first + lane; s <= last; s += WARP)
	{
		alpha[s] += beta[s];
		peak = fmax(peak, alpha[s]);
	}
	peak = warp_max(peak);
	for (int s = first + lane; s <= last; s += WARP)
	{
		float		weight = expf((float) (alpha[s] - peak));

		alpha[s] = weight;
		sum += weight;
		blank += (s & 1) ? 0.0f : weight;
	}
	sum = warp_sum(sum);
	blank = warp_sum(blank);
	for (int k = lane; k < K; k += WARP)
		from_float((expf(y[k]) - (k == 0 ? blank / sum : 0.0f)) * scale, &grad[k]);
	__syncwarp();				/* the weights and the gradients are written */
	for (int i = lane; i < l.L; i += WARP)
		if (l.first[i])
		{
			float		occupancy = 0;

			for (int j = i; j < l.L; j = l.next[j])
				occupancy += 2 * j + 1 >= first && 2 * j + 1 <= last ? (float) alpha[2 * j + 1] : 0.0f;
			from_float((expf(y[l.classes[i]]) - occupancy / sum) * scale, &grad[l.classes[i]]);
		}
}

template <typename E> __global__ void
__launch_bounds__(2 * MOST_STATES)
ctc_kernel(int T, int K, const float *logp, const int *labels, int max_label, const int *lengths, const double *scale,
		   E *grad, double *losses, double *workspace)
{
	HWR_DYNAMIC_SHARED(double, shared);
	int64_t		table = (int64_t) T * (2 * max_label + 1);
	double	   *alpha = workspace != NULL ? workspace + blockIdx.x * 2 * table : shared;
	double	   *beta = alpha + table;
	int		   *classes = (int *) (workspace != NULL ? shared : beta + table);
	int		   *next = classes + max_label;
	int		   *first = next + max_label;
	int			L = lengths[blockIdx.x];
	Label		l = {L, 2 * L + 1, classes, next, first};
	int			steps = read_label(labels + (int64_t) blockIdx.x * max_label, L, classes, next, first);

	logp += (int64_t) blockIdx.x * T * K;
	grad += (int64_t) blockIdx.x * T * K;
	if (steps > T)
	{
		for (int64_t i = threadIdx.x; i < (int64_t) T * K; i += blockDim.x)
			from_float(0.0f, &grad[i]);
		if (threadIdx.x == 0)
			losses[blockIdx.x] = INFINITY;
		return;
	}
	fill_tables(l, T, K, logp, alpha, beta);
	if (threadIdx.x == 0)
	{
		const double *end = alpha + (int64_t) T * l.S - 1;

		losses[blockIdx.x] = -log_sum3(end[0], l.S > 1 ? end[-1] : -INFINITY, -INFINITY);
	}
	__syncthreads();			/* the gradients overwrite alpha */
	for (int t = threadIdx.x / WARP; t < T; t += blockDim.x / WARP)
		gradient_row<E>(l, T, t, K, logp + (int64_t) t * K, alpha + (int64_t) t * l.S, beta + (int64_t) t * l.S,
						(float) *scale, grad + (int64_t) t * K);
}

template <typename E> static void
ctc(cudaStream_t stream, int n, int T, int K, const float *logp, const int *labels, int max_label, const int *lengths,
	const double *scale, void *grad, double *losses, void *workspace)
{
	bool		outside = hwr_gpu_ctc_size(n, T, max_label) > 0;
	size_t		shared = (outside ? 0 : table_bytes(T, max_label)) + 3 * (size_t) max_label * sizeof(int);
	int			states = (int) div_up(2 * max_label + 1, WARP) * WARP;

	states = states < MOST_STATES ? states : MOST_STATES;
	cudaFuncSetAttribute(ctc_kernel<E>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int) shared);
	HWR_LAUNCH(ctc_kernel<E>, n, 2 * states, shared, stream, T, K, logp, labels, max_label, lengths, scale,
			   (E *) grad, losses, outside ? (double *) workspace : NULL);
}

void
hwr_gpu_ctc(cudaStream_t stream, HwrGpuType type, int n, int T, int K, const float *logp, const int *labels,
			int max_label, const int *lengths, const double *scale, void *grad, double *losses, void *workspace)
{
	if (type == HWR_GPU_BFLOAT16)
		ctc<__nv_bfloat16>(stream, n, T, K, logp, labels, max_label, lengths, scale, grad, losses, workspace);
	else
		ctc<float>(stream, n, T, K, logp, labels, max_label, lengths, scale, grad, losses, workspace);
}

__global__ void
__launch_bounds__(THREADS)
mean_kernel(int n, const double *losses, HwrGpuResult *result)
{
	__shared__ double sums[THREADS];
	__shared__ int counts[THREADS];
	double		sum = 0;
	int			count = 0;

	for (int i = threadIdx.x; i < n; i += THREADS)
		if (losses[i] != INFINITY)
		{
			sum += losses[i];
			count++;
		}
	sums[threadIdx.x] = sum;
	counts[threadIdx.x] = count;
	for (int half = THREADS / 2; half > 0; half /= 2)
	{
		__syncthreads();
		if ((int) threadIdx.x < half)
		{
			sums[threadIdx.x] += sums[threadIdx.x + half];
			counts[threadIdx.x] += counts[threadIdx.x + half];
		}
	}
	if (threadIdx.x == 0)
	{
		result->loss = counts[0] > 0 ? sums[0] / counts[0] : 0;
		result->infeasible = n - counts[0];
	}
}

void
hwr_gpu_ctc_mean(cudaStream_t stream, int n, const double *losses, HwrGpuResult *result)
{
	HWR_LAUNCH(mean_kernel, 1, THREADS, 0, stream, n, losses, result);
}
