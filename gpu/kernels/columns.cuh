/*
 * columns.cuh
 *	  How a block of threads walks over rows of columns, and sums them.
 *
 * A row is cut into vectors of V columns; a block takes a tile of up to THREADS vectors and as many
 * rows at a time as it has threads for: thread lane, depth works on vector lane of every depth-th
 * row.  Parameters of its columns stay in its registers.  Sums go from the thread to the block in
 * shared memory, from the blocks to scratch, and are added up there by a second kernel, all in
 * fixed order.
 */
#ifndef HWR_GPU_COLUMNS_CUH
#define HWR_GPU_COLUMNS_CUH

#include "common.cuh"

/* Most blocks that share the rows; bounds the scratch of the sums. */
#define MOST_BLOCKS 1024

/* Rows of each thread that make another block worth while. */
#define ROWS_A_THREAD 8

typedef struct Tiling
{
	int64_t		rows;
	int			cols;
	int			tile;			/* vectors of a tile */
	int			depth;			/* rows at a time */
	dim3		grid;			/* x: blocks that share the rows, y: tiles */
} Tiling;

static inline Tiling
make_tiling(int64_t rows, int cols, int V)
{
	Tiling		t;
	int			vectors = cols / V;
	int64_t		blocks;

	t.rows = rows;
	t.cols = cols;
	t.tile = vectors < THREADS ? vectors : THREADS;
	t.depth = THREADS / t.tile;
	blocks = div_up(rows, (int64_t) t.depth * ROWS_A_THREAD);
	blocks = blocks < MOST_BLOCKS ? blocks : MOST_BLOCKS;
	t.grid = dim3(blocks > 0 ? (unsigned) blocks : 1, (unsigned) div_up(vectors, t.tile));
	return t;
}

/* A thread's place: rows row, row + step, .. of the columns from col on; none if !active. */
struct Place
{
	bool		active;
	int			col;
	int64_t		row;
	int64_t		step;
};

template <int V> static __device__ __forceinline__ Place
my_place(const Tiling &t)
{
	Place		p;
	int			depth = threadIdx.x / t.tile;
	int			vector = blockIdx.y * t.tile + threadIdx.x % t.tile;

	p.col = vector * V;
	p.active = depth < t.depth && p.col < t.cols;
	p.row = (int64_t) blockIdx.x * t.depth + depth;
	p.step = (int64_t) gridDim.x * t.depth;
	return p;
}

/* v at one position, for the columns whose biases are given.  One branch a vector, not one an element. */
template <typename T, int V> static __device__ __forceinline__ void
load_point(const T *z, const HwrGpuPoint &point, const float (&bias)[V], float (&v)[V])
{
	load<V>(z, v);
	if (point.applied)
		return;
#pragma unroll
	for (int i = 0; i < V; i++)
		v[i] += bias[i];
	if (point.activation == HWR_ACT_RELU)
	{
#pragma unroll
		for (int i = 0; i < V; i++)
			v[i] = activate(HWR_ACT_RELU, v[i]);
	}
	else if (point.activation != HWR_ACT_LINEAR)
	{
#pragma unroll
		for (int i = 0; i < V; i++)
			v[i] = activate(point.activation, v[i]);
	}
}

/* dv *= d v / d (z + bias) */
template <int V> static __device__ __forceinline__ void
times_slope(HwrActivation act, const float (&v)[V], float (&dv)[V])
{
	if (act == HWR_ACT_RELU)
	{
#pragma unroll
		for (int i = 0; i < V; i++)
			dv[i] = v[i] > 0.0f ? dv[i] : 0.0f;
	}
	else if (act != HWR_ACT_LINEAR)
	{
#pragma unroll
		for (int i = 0; i < V; i++)
			dv[i] *= slope(act, v[i]);
	}
}

/*
 * The block's sums of A values for each column to partial[blockIdx.x][A][cols].  All threads take
 * part; the inactive ones bring zeros.
 */
template <int V, int A> static __device__ __forceinline__ void
block_sums(const Tiling &t, const float (&sums)[A][V], float *partial)
{
	__shared__ float buffer[THREADS * V];
	int			first = blockIdx.y * t.tile * V;
	int			width = t.tile * V;

	for (int a = 0; a < A; a++)
	{
		__syncthreads();
#pragma unroll
		for (int i = 0; i < V; i++)
			buffer[threadIdx.x * V + i] = sums[a][i];
		__syncthreads();
		for (int c = threadIdx.x; c < width && first + c < t.cols; c += THREADS)
		{
			float		sum = 0;

			for (int d = 0; d < t.depth; d++)
				sum += buffer[d * width + c];
			partial[((int64_t) blockIdx.x * A + a) * t.cols + first + c] = sum;
		}
	}
}

/*
 * The second kernel's blocks: 32 columns wide, FINISH_DEPTH threads a column.  column_totals gives
 * the totals of the A sums of column c to the thread with threadIdx.y == 0; all threads call it.
 */
#define FINISH_DEPTH 16

template <int A> static __device__ __forceinline__ void
column_totals(int blocks, int cols, int c, const float *partial, double (&total)[A])
{
	__shared__ double buffer[A][FINISH_DEPTH][WARP];

	for (int a = 0; a < A; a++)
	{
		double		sum = 0;

		for (int b = threadIdx.y; b < blocks && c < cols; b += FINISH_DEPTH)
			sum += (double) partial[((int64_t) b * A + a) * cols + c];
		buffer[a][threadIdx.y][threadIdx.x] = sum;
	}
	__syncthreads();
	for (int a = 0; a < A; a++)
	{
		total[a] = 0;
		for (int d = 0; d < FINISH_DEPTH && threadIdx.y == 0; d++)
			total[a] += buffer[a][d][threadIdx.x];
	}
}

static inline dim3
finish_grid(int cols)
{
	return dim3((unsigned) div_up(cols, WARP));
}

static inline dim3
finish_block(void)
{
	return dim3(WARP, FINISH_DEPTH);
}

/* Launch the kernel that adds up sums of one value for each column (columns.cu). */
extern void hwr_gpu_finish_col_sum(cudaStream_t stream, int blocks, int cols, const float *partial, float *out);

#endif							/* HWR_GPU_COLUMNS_CUH */
