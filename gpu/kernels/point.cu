/*
 * point.cu
 *	  Bias, activation, batch norm's affine map and max-pooling in one pass, and their gradient.
 *
 * Forward, a thread computes one vector of the pooled map.  Backward, windows that do not overlap
 * are walked over likewise, each thread writing its window's vectors of dz (the incomplete windows
 * at the right and the bottom too, as zeros before batch norm); overlapping ones the other way
 * round, each thread gathering for its vector of dz from the windows over it.
 */
#include "columns.cuh"

/* bias, scale and shift of a thread's columns */
template <int V> struct Affine
{
	float		bias[V];
	float		scale[V];
	float		shift[V];
};

template <typename T, int V> static __device__ __forceinline__ void
load_affine(const T *z, const HwrGpuPoint &point, const Affine<V> &affine, float (&u)[V])
{
	load_point<T, V>(z, point, affine.bias, u);
#pragma unroll
	for (int i = 0; i < V; i++)
		u[i] = u[i] * affine.scale[i] + affine.shift[i];
}

template <int V> static __device__ __forceinline__ Affine<V>
load_columns(const HwrGpuPoint &point, const float *scale, const float *shift, int col)
{
	Affine<V>	affine;

	load_or<V>(point.bias != NULL ? point.bias + col : NULL, 0.0f, affine.bias);
	load_or<V>(scale != NULL ? scale + col : NULL, 1.0f, affine.scale);
	load_or<V>(scale != NULL ? shift + col : NULL, 0.0f, affine.shift);
	return affine;
}

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
plain_kernel(Tiling t, const T *z, HwrGpuPoint point, const float *scale, const float *shift, T *y)
{
	Place		p = my_place<V>(t);
	Affine<V>	affine;

	if (!p.active)
		return;
	affine = load_columns<V>(point, scale, shift, p.col);
	for (int64_t r = p.row; r < t.rows; r += p.step)
	{
		float		u[V];

		load_affine<T, V>(z + r * t.cols + p.col, point, affine, u);
		store<V>(u, y + r * t.cols + p.col);
	}
}

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
pool_kernel(Tiling t, HwrGpuMap map, int pooled_h, int pooled_w, const T *z, HwrGpuPoint point, const float *scale,
			const float *shift, T *y, uint8_t *which)
{
	Place		p = my_place<V>(t);
	Affine<V>	affine;

	if (!p.active)
		return;
	affine = load_columns<V>(point, scale, shift, p.col);
	for (int64_t r = p.row; r < t.rows; r += p.step)
	{
		int			ox = (int) r % pooled_w;
		int			oy = (int) r / pooled_w % pooled_h;
		int			n = (int) r / pooled_w / pooled_h;
		const T    *corner = z + (((int64_t) n * map.h + oy * map.sy) * map.w + ox * map.sx) * map.c + p.col;
		Pack<uint8_t, V> at = {};
		float		best[V];

		load_affine<T, V>(corner, point, affine, best);
		for (int i = 1; i < map.ky * map.kx; i++)
		{
			float		u[V];

			load_affine<T, V>(corner + ((int64_t) (i / map.kx) * map.w + i % map.kx) * map.c, point, affine, u);
#pragma unroll
			for (int j = 0; j < V; j++)
			{
				at.v[j] = u[j] > best[j] ? (uint8_t) i : at.v[j];
				best[j] = u[j] > best[j] ? u[j] : best[j];
			}
		}
		store<V>(best, y + r * map.c + p.col);
		if (which != NULL)
			*reinterpret_cast<Pack<uint8_t, V> *>(which + r * map.c + p.col) = at;
	}
}

static bool
pools(const HwrGpuMap &map)
{
	return map.ky * map.kx > 1 || map.sy > 1 || map.sx > 1;
}

template <typename T, int V> static void
point_forward(cudaStream_t stream, HwrGpuMap map, const void *z, HwrGpuPoint point, const float *scale, const float *shift,
			  void *y, uint8_t *which)
{
	int			h = hwr_gpu_pooled_h(&map);
	int			w = hwr_gpu_pooled_w(&map);
	Tiling		t = make_tiling((int64_t) map.n * h * w, map.c, V);

	if (pools(map))
		HWR_LAUNCH((pool_kernel<T, V>), t.grid, THREADS, 0, stream,
				   t, map, h, w, (const T *) z, point, scale, shift, (T *) y, which);
	else
		HWR_LAUNCH((plain_kernel<T, V>), t.grid, THREADS, 0, stream,
				   t, (const T *) z, point, scale, shift, (T *) y);
}

void
hwr_gpu_point_forward(cudaStream_t stream, HwrGpuType type, HwrGpuMap map, const void *z, HwrGpuPoint point,
					  const float *scale, const float *shift, void *y, uint8_t *which)
{
	DISPATCH(type, vectors_fit(type, map.c, z, y, which), point_forward, stream, map, z, point, scale, shift, y, which);
}

/*
 * Backward
 */

/* a, b, c of a thread's columns: dv = a du + b v + c */
template <int V> struct Slopes
{
	float		bias[V];
	float		a[V];
	float		b[V];
	float		c[V];
};

template <int V> static __device__ __forceinline__ Slopes<V>
load_slopes(const HwrGpuPoint &point, bool normed, const HwrGpuNorm &norm, int col)
{
	Slopes<V>	s;

	load_or<V>(point.bias != NULL ? point.bias + col : NULL, 0.0f, s.bias);
	load_or<V>(normed ? norm.a + col : NULL, 1.0f, s.a);
	load_or<V>(normed ? norm.b + col : NULL, 0.0f, s.b);
	load_or<V>(normed ? norm.c + col : NULL, 0.0f, s.c);
	return s;
}

/* du to dz at one position; adds it to the bias gradient. */
template <typename T, int V> static __device__ __forceinline__ void
finish_position(const T *z, const HwrGpuPoint &point, const Slopes<V> &s, float (&du)[V], T *dz, float (&sum)[V])
{
	float		v[V];

	load_point<T, V>(z, point, s.bias, v);
#pragma unroll
	for (int i = 0; i < V; i++)
		du[i] = s.a[i] * du[i] + (s.b[i] * v[i] + s.c[i]);
	times_slope<V>(point.activation, v, du);
	store<V>(du, dz);
#pragma unroll
	for (int i = 0; i < V; i++)
		sum[i] += du[i];
}

/* Windows of cells_h x cells_w that tile the map; the last ones may hang over and then have no dy. */
template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
cells_back_kernel(Tiling t, HwrGpuMap map, int cells_h, int cells_w, int pooled_h, int pooled_w, const T *z, HwrGpuPoint point,
				  bool normed, HwrGpuNorm norm, const T *dy, const uint8_t *which, T *dz, float *partial)
{
	Place		p = my_place<V>(t);
	float		sum[1][V] = {};
	Slopes<V>	s;

	if (p.active)
		s = load_slopes<V>(point, normed, norm, p.col);
	for (int64_t r = p.row; p.active && r < t.rows; r += p.step)
	{
		int			ox = (int) r % cells_w;
		int			oy = (int) r / cells_w % cells_h;
		int			n = (int) r / cells_w / cells_h;
		bool		whole = ox < pooled_w && oy < pooled_h;
		int64_t		pooled = (((int64_t) n * pooled_h + oy) * pooled_w + ox) * map.c + p.col;
		Pack<uint8_t, V> at = {};
		float		d[V] = {};

		if (whole)
		{
			load<V>(dy + pooled, d);
			if (which != NULL)
				at = *reinterpret_cast<const Pack<uint8_t, V> *>(which + pooled);
		}
		for (int i = 0; i < map.ky * map.kx; i++)
		{
			int			y = oy * map.ky + i / map.kx;
			int			x = ox * map.kx + i % map.kx;
			int64_t		pos = (((int64_t) n * map.h + y) * map.w + x) * map.c + p.col;
			float		du[V];

			if (y >= map.h || x >= map.w)
				continue;
#pragma unroll
			for (int j = 0; j < V; j++)
				du[j] = at.v[j] == i ? d[j] : 0.0f;
			finish_position<T, V>(z + pos, point, s, du, dz + pos, sum[0]);
		}
	}
	if (partial != NULL)
		block_sums<V, 1>(t, sum, partial);
}

/* First window that reaches position x, and the last one. */
static __device__ __forceinline__ int
first_window(int x, int k, int s)
{
	return x < k ? 0 : (x - k) / s + 1;
}

static __device__ __forceinline__ int
last_window(int x, int s, int windows)
{
	return x / s < windows ? x / s : windows - 1;
}

template <typename T, int V> __global__ void
__launch_bounds__(THREADS)
gather_back_kernel(Tiling t, HwrGpuMap map, int pooled_h, int pooled_w, const T *z, HwrGpuPoint point, bool normed,
				   HwrGpuNorm norm, const T *dy, const uint8_t *which, T *dz, float *partial)
{
	Place		p = my_place<V>(t);
	float		sum[1][V] = {};
	Slopes<V>	s;

	if (p.active)
		s = load_slopes<V>(point, normed, norm, p.col);
	for (int64_t r = p.row; p.active && r < t.rows; r += p.step)
	{
		int			x = (int) r % map.w;
		int			y = (int) r / map.w % map.h;
		int			n = (int) r / map.w / map.h;
		float		du[V] = {};

		for (int oy = first_window(y, map.ky, map.sy); oy <= last_window(y, map.sy, pooled_h); oy++)
			for (int ox = first_window(x, map.kx, map.sx); ox <= last_window(x, map.sx, pooled_w); ox++)
			{
				int64_t		pooled = (((int64_t) n * pooled_h + oy) * pooled_w + ox) * map.c + p.col;
				int			i = (y - oy * map.sy) * map.kx + (x - ox * map.sx);
				Pack<uint8_t, V> at = *reinterpret_cast<const Pack<uint8_t, V> *>(which + pooled);
				float		d[V];

				load<V>(dy + pooled, d);
#pragma unroll
				for (int j = 0; j < V; j++)
					du[j] += at.v[j] == i ? d[j] : 0.0f;
			}
		finish_position<T, V>(z + r * map.c + p.col, point, s, du, dz + r * map.c + p.col, sum[0]);
	}
	if (partial != NULL)
		block_sums<V, 1>(t, sum, partial);
}

template <typename T, int V> static void
point_backward(cudaStream_t stream, HwrGpuMap map, const void *z, HwrGpuPoint point, const HwrGpuNorm *norm, const void *dy,
			   const uint8_t *which, void *dz, float *dbias, void *sums)
{
	HwrGpuNorm	n = norm != NULL ? *norm : HwrGpuNorm();
	int			h = hwr_gpu_pooled_h(&map);
	int			w = hwr_gpu_pooled_w(&map);
	float	   *partial = dbias != NULL ? (float *) sums : NULL;
	Tiling		t;

	if (map.sy == map.ky && map.sx == map.kx)
	{
		int			cells_h = (int) div_up(map.h, map.ky);
		int			cells_w = (int) div_up(map.w, map.kx);

		t = make_tiling((int64_t) map.n * cells_h * cells_w, map.c, V);
		HWR_LAUNCH((cells_back_kernel<T, V>), t.grid, THREADS, 0, stream, t, map, cells_h, cells_w, h, w,
				   (const T *) z, point, norm != NULL, n, (const T *) dy, which, (T *) dz, partial);
	}
	else
	{
		t = make_tiling((int64_t) map.n * map.h * map.w, map.c, V);
		HWR_LAUNCH((gather_back_kernel<T, V>), t.grid, THREADS, 0, stream, t, map, h, w,
				   (const T *) z, point, norm != NULL, n, (const T *) dy, which, (T *) dz, partial);
	}
	if (dbias != NULL)
		hwr_gpu_finish_col_sum(stream, (int) t.grid.x, map.c, (const float *) sums, dbias);
}

void
hwr_gpu_point_backward(cudaStream_t stream, HwrGpuType type, HwrGpuMap map, const void *z, HwrGpuPoint point,
					   const HwrGpuNorm *norm, const void *dy, const uint8_t *which, void *dz, float *dbias, void *sums)
{
	bool		fits = vectors_fit(type, map.c, z, dy, which) && aligned16(dz);

	DISPATCH(type, fits, point_backward, stream, map, z, point, norm, dy, which, dz, dbias, sums);
}
