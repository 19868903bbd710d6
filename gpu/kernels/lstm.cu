/*
 * lstm.cu
 *	  The cell of an LSTM, one step of all sequences, in both directions at once.
 *
 * A thread works on V units of one sequence.  The rules are those of lstm_cell and lstm_cell_back in
 * src/cpu/kernels/kernels_impl.h.
 */
#include "common.cuh"

#define CELL_THREADS 128
#define CELL_VECTOR 4

/* Units [col, col + V) of sequence s, in direction blockIdx.y; false beyond the last. */
template <int V> static __device__ __forceinline__ bool
my_units(const HwrGpuLstmStep &step, int &s, int &col)
{
	int			i = blockIdx.x * CELL_THREADS + threadIdx.x;
	int			vectors = step.n / V;

	s = i / vectors;
	col = i % vectors * V;
	return s < step.S;
}

template <typename T, int V> __global__ void
__launch_bounds__(CELL_THREADS)
forward_kernel(HwrGpuLstmStep step)
{
	const auto &dir = step.dir[blockIdx.y];
	float		gate[4][V];
	float		cell[V];
	float		h[V];
	int			n = step.n;
	int			s;
	int			col;
	T		   *gates;
	int64_t		at;

	if (!my_units<V>(step, s, col))
		return;
	gates = (T *) dir.gates + s * step.gates_stride + col;
	at = (int64_t) s * n + col;
#pragma unroll
	for (int g = 0; g < 4; g++)
	{
		float		more[V];

		load<V>(gates + g * n, gate[g]);
		if (dir.product != NULL)
		{
			load<V>(dir.product + (int64_t) s * 4 * n + g * n + col, more);
#pragma unroll
			for (int j = 0; j < V; j++)
				gate[g][j] += more[j];
		}
		load_or<V>(dir.bias != NULL ? dir.bias + g * n + col : NULL, 0.0f, more);
#pragma unroll
		for (int j = 0; j < V; j++)
		{
			gate[g][j] += more[j];
			gate[g][j] = g == 2 ? tanhf(gate[g][j]) : sigmoid(gate[g][j]);
		}
		store<V>(gate[g], gates + g * n);
	}
#pragma unroll
	for (int j = 0; j < V; j++)
		cell[j] = 0;
	if (dir.cell_before != NULL)
		load<V>(dir.cell_before + at, cell);
#pragma unroll
	for (int j = 0; j < V; j++)
	{
		cell[j] = gate[1][j] * cell[j] + gate[0][j] * gate[2][j];
		h[j] = gate[3][j] * tanhf(cell[j]);
	}
	store<V>(cell, dir.cell + at);
	store<V>(h, (T *) dir.h + s * step.h_stride + col);
}

template <typename T, int V> __global__ void
__launch_bounds__(CELL_THREADS)
backward_kernel(HwrGpuLstmStep step)
{
	const auto &dir = step.dir[blockIdx.y];
	float		gate[4][V];
	float		before[V];
	float		cell[V];
	float		dh[V];
	float		dc[V];
	int			n = step.n;
	int			s;
	int			col;
	T		   *gates;
	int64_t		at;

	if (!my_units<V>(step, s, col))
		return;
	gates = (T *) dir.gates + s * step.gates_stride + col;
	at = (int64_t) s * n + col;
#pragma unroll
	for (int g = 0; g < 4; g++)
		load<V>(gates + g * n, gate[g]);
	load<V>(dir.cell + at, cell);
#pragma unroll
	for (int j = 0; j < V; j++)
		before[j] = dh[j] = dc[j] = 0;
	if (dir.cell_before != NULL)
		load<V>(dir.cell_before + at, before);
	if (dir.dy != NULL)
		load<V>((const T *) dir.dy + s * step.h_stride + col, dh);
	if (dir.product != NULL)
	{
		float		more[V];

		load<V>(dir.product + at, more);
#pragma unroll
		for (int j = 0; j < V; j++)
			dh[j] += more[j];
	}
	if (!step.last)
		load<V>(dir.dc + at, dc);
#pragma unroll
	for (int j = 0; j < V; j++)
	{
		float		i = gate[0][j];
		float		f = gate[1][j];
		float		g = gate[2][j];
		float		o = gate[3][j];
		float		t = tanhf(cell[j]);
		float		d = dc[j] + dh[j] * o * (1.0f - t * t);

		gate[0][j] = d * g * i * (1.0f - i);
		gate[1][j] = d * before[j] * f * (1.0f - f);
		gate[2][j] = d * i * (1.0f - g * g);
		gate[3][j] = dh[j] * t * o * (1.0f - o);
		dc[j] = d * f;
	}
#pragma unroll
	for (int g = 0; g < 4; g++)
		store<V>(gate[g], gates + g * n);
	store<V>(dc, dir.dc + at);
}

/* Whether all rows of this step can be read in vectors. */
static bool
step_fits(const HwrGpuLstmStep &step)
{
	bool		fits = step.n % CELL_VECTOR == 0 && step.gates_stride % CELL_VECTOR == 0 && step.h_stride % CELL_VECTOR == 0;

	for (int i = 0; i < step.directions; i++)
	{
		const auto &dir = step.dir[i];

		/* bfloat16 needs 8 bytes only */
		fits = fits && aligned16(dir.product) && aligned16(dir.cell_before) && aligned16(dir.cell) && aligned16(dir.dc) &&
			aligned16(dir.gates) && aligned16(dir.h) && aligned16(dir.dy);
	}
	return fits;
}

static dim3
step_grid(const HwrGpuLstmStep &step, int V)
{
	return dim3((unsigned) div_up((int64_t) step.S * (step.n / V), CELL_THREADS), (unsigned) step.directions);
}

/* Call kernel<T, V> for the element type and whether vectors fit. */
#define LAUNCH_STEP(kernel, type, step, stream) \
	do \
	{ \
		bool		fits = step_fits(step); \
		dim3		grid = step_grid(step, fits ? CELL_VECTOR : 1); \
		\
		if ((type) == HWR_GPU_BFLOAT16 && fits) \
			HWR_LAUNCH((kernel<__nv_bfloat16, CELL_VECTOR>), grid, CELL_THREADS, 0, stream, step); \
		else if ((type) == HWR_GPU_BFLOAT16) \
			HWR_LAUNCH((kernel<__nv_bfloat16, 1>), grid, CELL_THREADS, 0, stream, step); \
		else if (fits) \
			HWR_LAUNCH((kernel<float, CELL_VECTOR>), grid, CELL_THREADS, 0, stream, step); \
		else \
			HWR_LAUNCH((kernel<float, 1>), grid, CELL_THREADS, 0, stream, step); \
	} while (0)

void
hwr_gpu_lstm_forward(cudaStream_t stream, HwrGpuType type, HwrGpuLstmStep step)
{
	LAUNCH_STEP(forward_kernel, type, step, stream);
}

void
hwr_gpu_lstm_backward(cudaStream_t stream, HwrGpuType type, HwrGpuLstmStep step)
{
	LAUNCH_STEP(backward_kernel, type, step, stream);
}
