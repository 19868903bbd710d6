/*
 * rows.cu
 *	  Rearrangements, conversion, addition and dropout.
 */
#include "columns.cuh"
#include "core/base/rng.h"

/*
 * y[n][b][a][c] = x[n][a][b][c]
 */

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
swap_kernel(Tiling t, int rows_a, int rows_b, const T *x, T *y)
{
	Place		p = my_place<V>(t);

	for (int64_t r = p.row; p.active && r < t.rows; r += p.step)
	{
		int			b = (int) r % rows_b;
		int			a = (int) r / rows_b % rows_a;
		int64_t		n = (int) r / rows_b / rows_a;

		*reinterpret_cast<Pack<T, V> *>(y + ((n * rows_b + b) * rows_a + a) * t.cols + p.col) =
			*reinterpret_cast<const Pack<T, V> *>(x + r * t.cols + p.col);
	}
}

template <typename T, int V> static void
swap_rows(cudaStream_t stream, int n, int a, int b, int c, const void *x, void *y)
{
	Tiling		t = make_tiling((int64_t) n * a * b, c, V);

	HWR_LAUNCH((swap_kernel<T, V>), t.grid, THREADS, 0, stream, t, a, b, (const T *) x, (T *) y);
}

void
hwr_gpu_swap(cudaStream_t stream, HwrGpuType type, int n, int a, int b, int c, const void *x, void *y)
{
	DISPATCH(type, vectors_fit(type, c, x, y), swap_rows, stream, n, a, b, c, x, y);
}

/*
 * y[b][a] = x[a][b], through a padded tile in shared memory
 */

#define TILE 32
#define TILE_ROWS 8

template <typename From, typename To> __global__ void
__launch_bounds__(TILE *TILE_ROWS)
transpose_kernel(int a, int b, const From *x, To *y)
{
	__shared__ float tile[TILE][TILE + 1];
	int			row = blockIdx.y * TILE + threadIdx.y;
	int			col = blockIdx.x * TILE + threadIdx.x;

	for (int i = 0; i < TILE; i += TILE_ROWS)
		if (row + i < a && col < b)
			tile[threadIdx.y + i][threadIdx.x] = to_float(x[(int64_t) (row + i) * b + col]);
	__syncthreads();
	row = blockIdx.x * TILE + threadIdx.y;
	col = blockIdx.y * TILE + threadIdx.x;
	for (int i = 0; i < TILE; i += TILE_ROWS)
		if (row + i < b && col < a)
			from_float(tile[threadIdx.x][threadIdx.y + i], &y[(int64_t) (row + i) * a + col]);
}

/* Call f<From, To>(...) */
#define DISPATCH_PAIR(from, to, f, ...) \
	do \
	{ \
		if ((from) == HWR_GPU_BFLOAT16 && (to) == HWR_GPU_BFLOAT16) \
			f<__nv_bfloat16, __nv_bfloat16>(__VA_ARGS__); \
		else if ((from) == HWR_GPU_BFLOAT16) \
			f<__nv_bfloat16, float>(__VA_ARGS__); \
		else if ((to) == HWR_GPU_BFLOAT16) \
			f<float, __nv_bfloat16>(__VA_ARGS__); \
		else \
			f<float, float>(__VA_ARGS__); \
	} while (0)

template <typename From, typename To> static void
transpose(cudaStream_t stream, int a, int b, const void *x, void *y)
{
	dim3		grid((unsigned) div_up(b, TILE), (unsigned) div_up(a, TILE));

	HWR_LAUNCH((transpose_kernel<From, To>), grid, dim3(TILE, TILE_ROWS), 0, stream, a, b, (const From *) x, (To *) y);
}

void
hwr_gpu_transpose(cudaStream_t stream, int a, int b, HwrGpuType from, const void *x, HwrGpuType to, void *y)
{
	DISPATCH_PAIR(from, to, transpose, stream, a, b, x, y);
}

/*
 * Flat arrays
 */

/* Vectors that a thread works on, one after another. */
#define FLAT_ROUNDS 4

static unsigned
flat_blocks(size_t count, int V)
{
	int64_t		blocks = div_up((int64_t) count, (int64_t) THREADS * V * FLAT_ROUNDS);

	return blocks > 0 ? (unsigned) blocks : 1;
}

template <typename From, typename To, int V> __global__ void
__launch_bounds__(THREADS)
convert_kernel(int64_t count, const From *x, To *y)
{
	int64_t		i = ((int64_t) blockIdx.x * THREADS + threadIdx.x) * V;

	for (; i < count; i += (int64_t) gridDim.x * THREADS * V)
	{
		float		v[V];

		load<V>(x + i, v);
		store<V>(v, y + i);
	}
}

template <typename From, typename To> static void
convert(cudaStream_t stream, size_t count, const void *x, void *y)
{
	if (count % 4 == 0 && aligned16(x) && aligned16(y))
		HWR_LAUNCH((convert_kernel<From, To, 4>), flat_blocks(count, 4), THREADS, 0, stream,
				   (int64_t) count, (const From *) x, (To *) y);
	else
		HWR_LAUNCH((convert_kernel<From, To, 1>), flat_blocks(count, 1), THREADS, 0, stream,
				   (int64_t) count, (const From *) x, (To *) y);
}

void
hwr_gpu_convert(cudaStream_t stream, size_t count, HwrGpuType from, const void *x, HwrGpuType to, void *y)
{
	DISPATCH_PAIR(from, to, convert, stream, count, x, y);
}

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
add_kernel(int64_t count, const T *x, T *y)
{
	int64_t		i = ((int64_t) blockIdx.x * THREADS + threadIdx.x) * V;

	for (; i < count; i += (int64_t) gridDim.x * THREADS * V)
	{
		float		v[V];
		float		w[V];

		load<V>(x + i, v);
		load<V>(y + i, w);
#pragma unroll
		for (int j = 0; j < V; j++)
			w[j] += v[j];
		store<V>(w, y + i);
	}
}

template <typename T, int V> static void
add(cudaStream_t stream, size_t count, const void *x, void *y)
{
	HWR_LAUNCH((add_kernel<T, V>), flat_blocks(count, V), THREADS, 0, stream, (int64_t) count, (const T *) x, (T *) y);
}

void
hwr_gpu_add(cudaStream_t stream, HwrGpuType type, size_t count, const void *x, void *y)
{
	DISPATCH(type, vectors_fit(type, (int64_t) count, x, y), add, stream, count, x, y);
}

/*
 * Dropout
 *
 * The mask is that of the CPU's layer_dropout.c: a generator for each row, seeded by (rng_key +
 * layer, row), gives a word for every four columns.  The generators run along the rows, memory
 * wants to be read along the rows by a whole warp: so each lane draws the words of one row for a
 * stretch of columns into shared memory, then the warp applies them row by row.
 */

#define DROPOUT_WARPS 4
#define DROPOUT_WORDS 16		/* a stretch: 64 columns */

template <typename T> __global__ void
__launch_bounds__(DROPOUT_WARPS *WARP)
dropout_kernel(int64_t rows, int cols, uint32_t drop, float scale, int layer, const HwrGpuStep *step, const T *x, T *y)
{
	__shared__ uint64_t words[DROPOUT_WARPS][WARP][DROPOUT_WORDS + 1];
	int			lane = threadIdx.x % WARP;
	int			warp = threadIdx.x / WARP;
	int64_t		first = ((int64_t) blockIdx.x * DROPOUT_WARPS + warp) * WARP;
	int			here = rows - first < WARP ? (int) (rows - first) : WARP;
	HwrRng		rng;

	hwr_rng_seed(&rng, step->rng_key + (uint64_t) layer, (uint64_t) (first + lane));
	for (int from = 0; from < cols; from += 4 * DROPOUT_WORDS)
	{
		for (int i = 0; i < DROPOUT_WORDS; i++)
			words[warp][lane][i] = hwr_rng_next(&rng);
		__syncwarp();
		for (int r = 0; r < here; r++)
			for (int c = lane; c < 4 * DROPOUT_WORDS && from + c < cols; c += WARP)
			{
				int64_t		at = (first + r) * cols + from + c;
				uint32_t	bits = (uint32_t) (words[warp][r][c / 4] >> (c % 4 * 16)) & 0xffff;

				from_float(bits < drop ? 0.0f : to_float(x[at]) * scale, &y[at]);
			}
		__syncwarp();
	}
}

template <typename T> static void
dropout(cudaStream_t stream, int64_t rows, int cols, double p, int layer, const HwrGpuStep *step, const void *x, void *y)
{
	HWR_LAUNCH(dropout_kernel<T>, (unsigned) div_up(rows, DROPOUT_WARPS * WARP), DROPOUT_WARPS * WARP, 0, stream,
			   rows, cols, (uint32_t) ((float) p * 65536.0f + 0.5f), (float) (1.0 / (1.0 - p)), layer, step,
			   (const T *) x, (T *) y);
}

void
hwr_gpu_dropout(cudaStream_t stream, HwrGpuType type, int64_t rows, int cols, double p, int layer,
				const HwrGpuStep *step, const void *x, void *y)
{
	if (type == HWR_GPU_BFLOAT16)
		dropout<__nv_bfloat16>(stream, rows, cols, p, layer, step, x, y);
	else
		dropout<float>(stream, rows, cols, p, layer, step, x, y);
}
