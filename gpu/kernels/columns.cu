/*
 * columns.cu
 *	  Sums over rows, and the statistics of batch normalisation.
 *
 * The variance is computed from the values less the first row's, which differ from zero by about their
 * spread, so that squares of a large mean do not swallow it.
 *
 * The statistics kept are those of the CPU's layer_norm.c.
 */
#include "columns.cuh"

size_t
hwr_gpu_sums_size(int cols)
{
	return (size_t) MOST_BLOCKS * 2 * (size_t) cols * sizeof(float);
}

/*
 * Plain sums
 */

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
sum_kernel(Tiling t, int64_t stride, const T *x, float *partial)
{
	Place		p = my_place<V>(t);
	float		sum[1][V] = {};

	for (int64_t r = p.row; p.active && r < t.rows; r += p.step)
	{
		float		v[V];

		load<V>(x + r * stride + p.col, v);
#pragma unroll
		for (int i = 0; i < V; i++)
			sum[0][i] += v[i];
	}
	block_sums<V, 1>(t, sum, partial);
}

__global__ void
__launch_bounds__(WARP *FINISH_DEPTH)
sum_finish_kernel(int blocks, int cols, const float *partial, float *out)
{
	int			c = blockIdx.x * WARP + threadIdx.x;
	double		total[1];

	column_totals<1>(blocks, cols, c, partial, total);
	if (threadIdx.y == 0 && c < cols)
		out[c] = (float) total[0];
}

void
hwr_gpu_finish_col_sum(cudaStream_t stream, int blocks, int cols, const float *partial, float *out)
{
	HWR_LAUNCH(sum_finish_kernel, finish_grid(cols), finish_block(), 0, stream, blocks, cols, partial, out);
}

template <typename T, int V> static void
col_sum(cudaStream_t stream, int64_t rows, int cols, int64_t stride, const void *x, float *out, void *sums)
{
	Tiling		t = make_tiling(rows, cols, V);

	HWR_LAUNCH((sum_kernel<T, V>), t.grid, THREADS, 0, stream, t, stride, (const T *) x, (float *) sums);
	hwr_gpu_finish_col_sum(stream, (int) t.grid.x, cols, (const float *) sums, out);
}

void
hwr_gpu_col_sum(cudaStream_t stream, HwrGpuType type, int64_t rows, int cols, int64_t stride, const void *x,
				float *out, void *sums)
{
	bool		fits = vectors_fit(type, cols, x) && stride % vector_length(type) == 0;

	DISPATCH(type, fits, col_sum, stream, rows, cols, stride, x, out, sums);
}

/*
 * Batch norm, forward
 */

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
stats_kernel(Tiling t, const T *z, HwrGpuPoint point, float *partial)
{
	Place		p = my_place<V>(t);
	float		sums[2][V] = {};
	float		bias[V];
	float		origin[V];

	if (p.active)
	{
		load_or<V>(point.bias != NULL ? point.bias + p.col : NULL, 0.0f, bias);
		load_point<T, V>(z + p.col, point, bias, origin);
	}
	for (int64_t r = p.row; p.active && r < t.rows; r += p.step)
	{
		float		v[V];

		load_point<T, V>(z + r * t.cols + p.col, point, bias, v);
#pragma unroll
		for (int i = 0; i < V; i++)
		{
			float		d = v[i] - origin[i];

			sums[0][i] += d;
			sums[1][i] += d * d;
		}
	}
	block_sums<V, 2>(t, sums, partial);
}

/* Scale and shift of column c from a mean and a variance. */
static __device__ __forceinline__ void
set_affine(const HwrGpuNorm &norm, int c, float mean, float inv_std)
{
	float		scale = norm.gamma[c] * inv_std;

	norm.scale[c] = scale;
	norm.shift[c] = norm.beta[c] - mean * scale;
}

static __device__ __forceinline__ void
approach(float *kept, double share, double measured)
{
	*kept = (float) ((1 - share) * (double) *kept + share * measured);
}

template <typename T> __global__ void
__launch_bounds__(WARP *FINISH_DEPTH)
stats_finish_kernel(int blocks, int64_t rows, int cols, const T *z, HwrGpuPoint point, const HwrGpuStep *step, HwrGpuNorm norm,
					const float *partial)
{
	int			c = blockIdx.x * WARP + threadIdx.x;
	double		total[2];

	column_totals<2>(blocks, cols, c, partial, total);
	if (threadIdx.y == 0 && c < cols)
	{
		float		bias[1] = {point.bias != NULL ? point.bias[c] : 0.0f};
		float		origin[1];
		double		count = (double) rows;
		double		ahead = total[0] / count;
		double		variance = total[1] / count - ahead * ahead;
		double		mean;

		load_point<T, 1>(z + c, point, bias, origin);
		mean = (double) origin[0] + ahead;
		if (variance < 0)
			variance = 0;		/* rounding */
		norm.mean[c] = (float) mean;
		norm.inv_std[c] = (float) (1.0 / sqrt(variance + HWR_NORM_EPSILON));
		set_affine(norm, c, norm.mean[c], norm.inv_std[c]);
		if (step->measure > 0)
		{
			approach(&norm.kept_mean[c], step->measure, mean);
			approach(&norm.kept_variance[c], step->measure, variance);
		}
	}
}

template <typename T, int V> static void
norm_stats(cudaStream_t stream, int64_t rows, int cols, const void *z, HwrGpuPoint point, const HwrGpuStep *step, HwrGpuNorm norm,
		   void *sums)
{
	Tiling		t = make_tiling(rows, cols, V);

	HWR_LAUNCH((stats_kernel<T, V>), t.grid, THREADS, 0, stream, t, (const T *) z, point, (float *) sums);
	HWR_LAUNCH(stats_finish_kernel<T>, finish_grid(cols), finish_block(), 0, stream,
			   (int) t.grid.x, rows, cols, (const T *) z, point, step, norm, (const float *) sums);
}

void
hwr_gpu_norm_stats(cudaStream_t stream, HwrGpuType type, int64_t rows, int cols, const void *z, HwrGpuPoint point,
				   const HwrGpuStep *step, HwrGpuNorm norm, void *sums)
{
	DISPATCH(type, vectors_fit(type, cols, z), norm_stats, stream, rows, cols, z, point, step, norm, sums);
}

__global__ void
__launch_bounds__(THREADS)
kept_kernel(int cols, HwrGpuNorm norm)
{
	int			c = blockIdx.x * THREADS + threadIdx.x;

	if (c < cols)
		set_affine(norm, c, norm.kept_mean[c],
				   (float) (1.0 / sqrt((double) norm.kept_variance[c] + HWR_NORM_EPSILON)));
}

void
hwr_gpu_norm_kept(cudaStream_t stream, int cols, HwrGpuNorm norm)
{
	HWR_LAUNCH(kept_kernel, (unsigned) div_up(cols, THREADS), THREADS, 0, stream, cols, norm);
}

/*
 * Batch norm, backward: sums of du and of du (v - mean) over all positions.  du is not zero only
 * where a window had its maximum, so the sums run over the windows.
 */

/* What of dy (which: the maxima) belongs to position i of its window. */
template <int V> static __device__ __forceinline__ void
add_window(const float (&dy)[V], const uint8_t (&which)[V], int i, const float (&v)[V], const float (&mean)[V],
		   float (&sum)[V])
{
#pragma unroll
	for (int j = 0; j < V; j++)
		sum[j] += which[j] == i ? dy[j] * (v[j] - mean[j]) : 0.0f;
}

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
back_stats_kernel(Tiling t, HwrGpuMap map, int pooled_h, int pooled_w, const T *z, HwrGpuPoint point, const float *mean,
				  const T *dy, const uint8_t *which, float *partial)
{
	Place		p = my_place<V>(t);
	float		sums[2][V] = {};
	float		bias[V];
	float		middle[V];

	if (p.active)
	{
		load_or<V>(point.bias != NULL ? point.bias + p.col : NULL, 0.0f, bias);
		load_or<V>(mean + p.col, 0.0f, middle);
	}
	for (int64_t r = p.row; p.active && r < t.rows; r += p.step)
	{
		int			ox = (int) r % pooled_w;
		int			oy = (int) r / pooled_w % pooled_h;
		int			n = (int) r / pooled_w / pooled_h;
		const T    *corner = z + (((int64_t) n * map.h + oy * map.sy) * map.w + ox * map.sx) * map.c + p.col;
		Pack<uint8_t, V> at = {};
		float		d[V];
		float		v[V];

		load<V>(dy + r * map.c + p.col, d);
		if (which != NULL)
			at = *reinterpret_cast<const Pack<uint8_t, V> *>(which + r * map.c + p.col);
#pragma unroll
		for (int i = 0; i < V; i++)
			sums[0][i] += d[i];
		for (int y = 0; y < map.ky; y++)
			for (int x = 0; x < map.kx; x++)
			{
				load_point<T, V>(corner + ((int64_t) y * map.w + x) * map.c, point, bias, v);
				add_window<V>(d, at.v, y * map.kx + x, v, middle, sums[1]);
			}
	}
	block_sums<V, 2>(t, sums, partial);
}

/* count: positions of the map */
__global__ void
__launch_bounds__(WARP *FINISH_DEPTH)
back_finish_kernel(int blocks, int64_t count, int cols, HwrGpuNorm norm, const float *partial, float *dgamma, float *dbeta)
{
	int			c = blockIdx.x * WARP + threadIdx.x;
	double		total[2];

	column_totals<2>(blocks, cols, c, partial, total);
	if (threadIdx.y == 0 && c < cols)
	{
		double		inv_std = (double) norm.inv_std[c];
		double		sum_dyx = total[1] * inv_std;
		double		a = (double) norm.gamma[c] * inv_std;
		double		b = -a * inv_std * sum_dyx / (double) count;

		dgamma[c] = (float) sum_dyx;
		dbeta[c] = (float) total[0];
		norm.a[c] = (float) a;
		norm.b[c] = (float) b;
		norm.c[c] = (float) (-a * total[0] / (double) count - b * (double) norm.mean[c]);
	}
}

template <typename T, int V> static void
norm_backward(cudaStream_t stream, HwrGpuMap map, const void *z, HwrGpuPoint point, HwrGpuNorm norm, const void *dy,
			  const uint8_t *which, float *dgamma, float *dbeta, void *sums)
{
	int			h = hwr_gpu_pooled_h(&map);
	int			w = hwr_gpu_pooled_w(&map);
	Tiling		t = make_tiling((int64_t) map.n * h * w, map.c, V);

	HWR_LAUNCH((back_stats_kernel<T, V>), t.grid, THREADS, 0, stream,
			   t, map, h, w, (const T *) z, point, norm.mean, (const T *) dy, which, (float *) sums);
	HWR_LAUNCH(back_finish_kernel, finish_grid(map.c), finish_block(), 0, stream,
			   (int) t.grid.x, (int64_t) map.n * map.h * map.w, map.c, norm, (const float *) sums, dgamma, dbeta);
}

void
hwr_gpu_norm_backward(cudaStream_t stream, HwrGpuType type, HwrGpuMap map, const void *z, HwrGpuPoint point,
					  HwrGpuNorm norm, const void *dy, const uint8_t *which, float *dgamma, float *dbeta, void *sums)
{
	DISPATCH(type, vectors_fit(type, map.c, z, dy, which), norm_backward,
			 stream, map, z, point, norm, dy, which, dgamma, dbeta, sums);
}
