/*
 * kernels_impl.h
 *	  Bodies of the kernels, included by one file for each instruction set.
 *
 * The loops are written so that the compiler vectorises them over channels without
 * -ffast-math: no early exits, no calls, no reductions across channels except where
 * several accumulators are spelled out.
 */
#pragma GCC optimize("O3")

#include <math.h>
#include <string.h>

#include "kernels.h"
#include "vecmath.h"

/* Rows summed in hwr_real before the partial sum goes to double. */
#define STATS_BLOCK 128

/* Channels handled at a time by the statistics kernels. */
#define STATS_COLS 64

static void
from_ink(size_t n, const uint8_t *ink, hwr_real *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = (hwr_real) ink[i] * (hwr_real) (1.0 / 255.0);
}

static inline hwr_real
max_real(hwr_real a, hwr_real b)
{
	return a > b ? a : b;
}

#include "multiply_impl.h"
#include "outer_impl.h"

static void
bias_act(size_t rows, int cols, const hwr_real *restrict bias, HwrActivation act, hwr_real *restrict y)
{
	for (size_t r = 0; r < rows; r++, y += cols)
	{
		switch (act)
		{
			case HWR_ACT_RELU:
				for (int c = 0; c < cols; c++)
					y[c] = max_real(y[c] + bias[c], 0);
				break;
			case HWR_ACT_TANH:
				for (int c = 0; c < cols; c++)
					y[c] = hwr_tanh(y[c] + bias[c]);
				break;
			case HWR_ACT_SIGMOID:
				for (int c = 0; c < cols; c++)
					y[c] = hwr_sigmoid(y[c] + bias[c]);
				break;
			case HWR_ACT_LEAKY:
				for (int c = 0; c < cols; c++)
				{
					y[c] += bias[c];
					y[c] = max_real(y[c], y[c] * (hwr_real) HWR_LEAKY_SLOPE);
				}
				break;
			case HWR_ACT_SOFTMAX:
			case HWR_ACT_LINEAR:
				for (int c = 0; c < cols; c++)
					y[c] += bias[c];
				break;
		}
		if (act == HWR_ACT_SOFTMAX)
		{
			hwr_real	top = y[0];
			hwr_real	sum = 0;

			for (int c = 1; c < cols; c++)
				top = max_real(top, y[c]);
			for (int c = 0; c < cols; c++)
				sum += y[c] = hwr_exp(y[c] - top);
			for (int c = 0; c < cols; c++)
				y[c] /= sum;
		}
	}
}

static void
act_back(size_t rows, int cols, const hwr_real *restrict y, HwrActivation act, hwr_real *restrict dy)
{
	size_t		n = rows * (size_t) cols;

	switch (act)
	{
		case HWR_ACT_LINEAR:
			break;
		case HWR_ACT_RELU:
			for (size_t i = 0; i < n; i++)
				dy[i] = y[i] > 0 ? dy[i] : 0;
			break;
		case HWR_ACT_TANH:
			for (size_t i = 0; i < n; i++)
				dy[i] *= 1 - y[i] * y[i];
			break;
		case HWR_ACT_SIGMOID:
			for (size_t i = 0; i < n; i++)
				dy[i] *= y[i] * (1 - y[i]);
			break;
		case HWR_ACT_LEAKY:
			for (size_t i = 0; i < n; i++)
				dy[i] *= y[i] > 0 ? 1 : (hwr_real) HWR_LEAKY_SLOPE;
			break;
		case HWR_ACT_SOFTMAX:
			for (size_t r = 0; r < rows; r++, y += cols, dy += cols)
			{
				hwr_real	dot = 0;

				for (int c = 0; c < cols; c++)
					dot += y[c] * dy[c];
				for (int c = 0; c < cols; c++)
					dy[c] = y[c] * (dy[c] - dot);
			}
			break;
	}
}

static void
col_sum(size_t rows, int cols, const hwr_real *restrict x, hwr_real *restrict acc)
{
	for (size_t r = 0; r < rows; r++, x += cols)
		for (int c = 0; c < cols; c++)
			acc[c] += x[c];
}

static void
add(size_t n, const hwr_real *restrict x, hwr_real *restrict y)
{
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

static double
sum_squares(size_t n, const hwr_real *x)
{
	double		lane[8] = {0};
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		for (int j = 0; j < 8; j++)
			lane[j] += (double) x[i + j] * (double) x[i + j];
	for (; i < n; i++)
		lane[0] += (double) x[i] * (double) x[i];
	return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

static void
norm_stats(size_t rows, int cols, const hwr_real *x, double *sum, double *sumsq)
{
	for (int c0 = 0; c0 < cols; c0 += STATS_COLS)
	{
		int			nc = cols - c0 < STATS_COLS ? cols - c0 : STATS_COLS;

		memset(sum + c0, 0, (size_t) nc * sizeof(double));
		memset(sumsq + c0, 0, (size_t) nc * sizeof(double));
		for (size_t r0 = 0; r0 < rows; r0 += STATS_BLOCK)
		{
			size_t		r1 = r0 + STATS_BLOCK < rows ? r0 + STATS_BLOCK : rows;
			hwr_real	s[STATS_COLS] = {0};
			hwr_real	q[STATS_COLS] = {0};

			for (size_t r = r0; r < r1; r++)
			{
				const hwr_real *row = x + r * (size_t) cols + c0;

				for (int c = 0; c < nc; c++)
				{
					s[c] += row[c];
					q[c] += row[c] * row[c];
				}
			}
			for (int c = 0; c < nc; c++)
			{
				sum[c0 + c] += (double) s[c];
				sumsq[c0 + c] += (double) q[c];
			}
		}
	}
}

static void
norm_apply(size_t rows, int cols, const hwr_real *x, const hwr_real *restrict scale,
		   const hwr_real *restrict shift, hwr_real *y)
{
	for (size_t r = 0; r < rows; r++, x += cols, y += cols)
		for (int c = 0; c < cols; c++)
			y[c] = x[c] * scale[c] + shift[c];
}

static void
norm_back_stats(size_t rows, int cols, const hwr_real *x, const hwr_real *dy,
				const hwr_real *mean, const hwr_real *inv_std, double *sum_dy, double *sum_dyx)
{
	for (int c0 = 0; c0 < cols; c0 += STATS_COLS)
	{
		int			nc = cols - c0 < STATS_COLS ? cols - c0 : STATS_COLS;

		memset(sum_dy + c0, 0, (size_t) nc * sizeof(double));
		memset(sum_dyx + c0, 0, (size_t) nc * sizeof(double));
		for (size_t r0 = 0; r0 < rows; r0 += STATS_BLOCK)
		{
			size_t		r1 = r0 + STATS_BLOCK < rows ? r0 + STATS_BLOCK : rows;
			hwr_real	s[STATS_COLS] = {0};
			hwr_real	q[STATS_COLS] = {0};

			for (size_t r = r0; r < r1; r++)
			{
				const hwr_real *xr = x + r * (size_t) cols + c0;
				const hwr_real *dr = dy + r * (size_t) cols + c0;

				for (int c = 0; c < nc; c++)
				{
					s[c] += dr[c];
					q[c] += dr[c] * (xr[c] - mean[c0 + c]);
				}
			}
			for (int c = 0; c < nc; c++)
			{
				sum_dy[c0 + c] += (double) s[c];
				sum_dyx[c0 + c] += (double) q[c];
			}
		}
		for (int c = c0; c < c0 + nc; c++)
			sum_dyx[c] *= (double) inv_std[c];
	}
}

static void
norm_back_apply(size_t rows, int cols, const hwr_real *restrict x, const hwr_real *restrict dy,
				const hwr_real *restrict a, const hwr_real *restrict b, const hwr_real *restrict c,
				hwr_real *restrict dx)
{
	for (size_t r = 0; r < rows; r++, x += cols, dy += cols, dx += cols)
		for (int j = 0; j < cols; j++)
			dx[j] = a[j] * dy[j] + b[j] * x[j] + c[j];
}

static void
pool_max(int ky, int kx, int cols, size_t row_stride, const hwr_real *restrict x,
		 hwr_real *restrict y, uint8_t *restrict which)
{
	memcpy(y, x, (size_t) cols * sizeof(hwr_real));
	if (which != NULL)
		memset(which, 0, (size_t) cols);
	for (int i = 1; i < ky * kx; i++)
	{
		const hwr_real *p = x + (size_t) (i / kx) * row_stride + (size_t) (i % kx) * (size_t) cols;

		if (which == NULL)
			for (int c = 0; c < cols; c++)
				y[c] = max_real(p[c], y[c]);
		else
			for (int c = 0; c < cols; c++)
			{
				which[c] = p[c] > y[c] ? (uint8_t) i : which[c];
				y[c] = max_real(p[c], y[c]);
			}
	}
}

#include "winograd_out_impl.h"
#include "winograd_back_impl.h"

/* Channels [c, c + LANES) of one window: the maximum stays in a register. */
__attribute__((always_inline)) static inline void
pool_lanes(int ky, int kx, int cols, size_t row_stride, const hwr_real *x, hwr_real *y)
{
	Vector		top = *(const Vector *) x;

	for (int i = 0; i < ky; i++)
		for (int j = 0; j < kx; j++)
			top = vector_max(*(const Vector *) (x + (size_t) i * row_stride + (size_t) j * (size_t) cols), top);
	*(Vector *) y = top;
}

#ifdef HWR_REAL_DOUBLE
typedef int64_t Mask __attribute__((vector_size(VECTOR_BYTES)));
#else
typedef int32_t Mask __attribute__((vector_size(VECTOR_BYTES)));
#endif
typedef uint8_t Bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

/* The same, and which it is: the first of equal ones. */
__attribute__((always_inline)) static inline void
pool_lanes_which(int ky, int kx, int cols, size_t row_stride, const hwr_real *x, hwr_real *y, uint8_t *which)
{
	Vector		top = *(const Vector *) x;
	Mask		at = {0};

	for (int i = 0; i < ky; i++)
		for (int j = 0; j < kx; j++)
		{
			Vector		v = *(const Vector *) (x + (size_t) i * row_stride + (size_t) j * (size_t) cols);
			Mask		more = v > top;

			at = (more & (i * kx + j)) | (at & ~more);
			top = (Vector) (((Mask) v & more) | ((Mask) top & ~more));
		}
	*(Vector *) y = top;
	*(Bytes *) which = __builtin_convertvector(at, Bytes);
}

static void
pool_row(int ky, int kx, int cols, size_t row_stride, int columns, int step,
		 const hwr_real *restrict x, hwr_real *restrict y)
{
	for (int i = 0; i < columns; i++, x += (size_t) step * (size_t) cols, y += cols)
	{
		if (cols % LANES != 0)
			pool_max(ky, kx, cols, row_stride, x, y, NULL);
		else if (ky == 2 && kx == 2)
			for (int c = 0; c < cols; c += LANES)
				pool_lanes(2, 2, cols, row_stride, x + c, y + c);
		else
			for (int c = 0; c < cols; c += LANES)
				pool_lanes(ky, kx, cols, row_stride, x + c, y + c);
	}
}

static void
pool_back(int ky, int kx, int cols, size_t row_stride, const uint8_t *restrict which,
		  const hwr_real *restrict dy, hwr_real *restrict dx)
{
	for (int i = 0; i < ky * kx; i++)
	{
		hwr_real   *p = dx + (size_t) (i / kx) * row_stride + (size_t) (i % kx) * (size_t) cols;

		for (int c = 0; c < cols; c++)
			p[c] += which[c] == i ? dy[c] : 0;
	}
}

static void
pool_row_which(int ky, int kx, int cols, size_t row_stride, int columns, int step,
			   const hwr_real *restrict x, hwr_real *restrict y, uint8_t *restrict which)
{
	for (int i = 0; i < columns; i++, x += (size_t) step * (size_t) cols, y += cols, which += cols)
	{
		if (cols % LANES != 0)
			pool_max(ky, kx, cols, row_stride, x, y, which);
		else if (ky == 2 && kx == 2)
			for (int c = 0; c < cols; c += LANES)
				pool_lanes_which(2, 2, cols, row_stride, x + c, y + c, which + c);
		else
			for (int c = 0; c < cols; c += LANES)
				pool_lanes_which(ky, kx, cols, row_stride, x + c, y + c, which + c);
	}
}

static void
unpool_row(int kx, int cols, int columns, int first, const uint8_t *restrict which,
		   const hwr_real *restrict dy, hwr_real *restrict dx)
{
	for (int i = 0; i < columns; i++, which += cols, dy += cols)
		for (int j = first; j < first + kx; j++, dx += cols)
			for (int c = 0; c < cols; c++)
				dx[c] = which[c] == j ? dy[c] : 0;
}

#if defined(HWR_LSTM_AVX512) && !defined(HWR_REAL_DOUBLE)
#include "lstm_avx512.h"
#else
#include "lstm_impl.h"
#endif

static void
lstm_cell_back(size_t rows, int n, hwr_real *restrict gates, const hwr_real *restrict cell_before,
			   const hwr_real *restrict tc, const hwr_real *restrict dh, hwr_real *restrict dc)
{
	for (size_t r = 0; r < rows; r++)
	{
		hwr_real   *restrict gi = gates + r * 4 * (size_t) n;
		hwr_real   *restrict gf = gi + n;
		hwr_real   *restrict gg = gf + n;
		hwr_real   *restrict go = gg + n;
		size_t		at = r * (size_t) n;

		for (int j = 0; j < n; j++)
		{
			hwr_real	t = tc[at + j];
			hwr_real	d = dc[at + j] + dh[at + j] * go[j] * (1 - t * t);

			go[j] = dh[at + j] * t * go[j] * (1 - go[j]);
			dc[at + j] = d;
		}
		for (int j = 0; j < n; j++)
		{
			hwr_real	d = dc[at + j];
			hwr_real	i = gi[j];
			hwr_real	g = gg[j];

			gi[j] = d * g * i * (1 - i);
			gg[j] = d * i * (1 - g * g);
		}
		for (int j = 0; j < n; j++)
		{
			hwr_real	d = dc[at + j];
			hwr_real	f = gf[j];

			gf[j] = cell_before != NULL ? d * cell_before[at + j] * f * (1 - f) : 0;
			dc[at + j] = d * f;
		}
	}
}

static void
drop(size_t n, const uint16_t *restrict draws, uint32_t limit, hwr_real scale, const hwr_real *restrict x, hwr_real *restrict y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = draws[i] < limit ? 0 : x[i] * scale;
}

static void
log_softmax(size_t rows, int cols, const hwr_real *restrict x, hwr_real *restrict y)
{
	for (size_t r = 0; r < rows; r++, x += cols, y += cols)
	{
		hwr_real	top = x[0];
		hwr_real	sum = 0;

		for (int c = 1; c < cols; c++)
			top = max_real(top, x[c]);
		for (int c = 0; c < cols; c++)
			y[c] = hwr_exp(x[c] - top);
		for (int c = 0; c < cols; c++)
			sum += y[c];
		sum = top + (hwr_real) log((double) sum);
		for (int c = 0; c < cols; c++)
			y[c] = x[c] - sum;
	}
}

/*
 * hwr_real as elements
 */

static size_t
elements_packed_size(int parts, int k, int n)
{
	return (size_t) ((n + PANEL - 1) / PANEL) * (size_t) parts * (size_t) k * PANEL * sizeof(hwr_real);
}

typedef hwr_real Element;

static inline Vector
load_elements(const Element *x)
{
	return *(const Vector *) x;
}

static inline void
store_elements(Vector x, Element *out)
{
	*(Vector *) out = x;
}

#include "winograd_in_impl.h"

static void
winograd_in(int tiles, int c, ptrdiff_t map_row, const void *map, ptrdiff_t frequency, void *out)
{
	winograd_row_in(tiles, c, map_row, map, frequency, out, 1);
}

#include "convolve_impl.h"

static void
elements_store(size_t n, const hwr_real *x, void *out)
{
	memcpy(out, x, n * sizeof(hwr_real));
}

static void
elements_store_ink(size_t n, const uint8_t *ink, void *out)
{
	hwr_real   *y = out;

	for (size_t i = 0; i < n; i++)
		y[i] = ink[i];
}

static const HwrElements elements = {
	.name = "float32",
	.size = sizeof(hwr_real),
	.panel = PANEL,
	.multiply = multiply,
	.packed_size = elements_packed_size,
	.pack = pack,
	.winograd_in = winograd_in,
	.convolution_size = convolution_size,
	.convolution_pack = convolution_pack,
	.convolve = convolve,
	.store = elements_store,
	.store_ink = elements_store_ink,
	.group = 1,
	.outer_rows = TILE_ROWS,
	.pack_rows = pack_rows,
	.pack_columns = pack_columns,
	.outer = outer,
};

const HwrKernels HWR_KERNELS_TABLE = {
	.name = HWR_KERNELS_NAME,
	.elements = &elements,
	.from_ink = from_ink,
	.bias_act = bias_act,
	.act_back = act_back,
	.col_sum = col_sum,
	.add = add,
	.sum_squares = sum_squares,
	.norm_stats = norm_stats,
	.norm_apply = norm_apply,
	.norm_back_stats = norm_back_stats,
	.norm_back_apply = norm_back_apply,
	.pool_max = pool_max,
	.pool_row = pool_row,
	.pool_row_which = pool_row_which,
	.unpool_row = unpool_row,
	.pool_back = pool_back,
	.winograd_out = winograd_out,
	.winograd_out_back = winograd_out_back,
	.lstm_cell = lstm_cell,
	.lstm_step = lstm_step,
	.lstm_cell_back = lstm_cell_back,
	.drop = drop,
	.log_softmax = log_softmax,
};
