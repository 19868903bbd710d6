/*
 * winograd_out_impl.h
 *	  The output transform of Winograd's convolution (winograd.h), included by kernels_impl.h.
 */
#include "winograd.h"

/* y = A' m */
__attribute__((always_inline)) static inline void
winograd_inverse(const Vector m[HWR_WINOGRAD_IN], Vector y[HWR_WINOGRAD_OUT])
{
	const hwr_real a = (hwr_real) HWR_WINOGRAD_A;
	const hwr_real b = (hwr_real) HWR_WINOGRAD_B;
	Vector		sum_a = m[1] + m[2];
	Vector		sum_b = m[3] + m[4];
	Vector		odd_a = a * (m[1] - m[2]);
	Vector		odd_b = b * (m[3] - m[4]);
	const hwr_real half = (hwr_real) 0.5;

	y[0] = m[0] + sum_a + sum_b;
	y[1] = odd_a + odd_b;
	y[2] = half * sum_a + 2 * sum_b;
	y[3] = half * odd_a + 2 * odd_b + m[5];
}

/* The tile of one vector of channels before the activation. */
__attribute__((always_inline)) static inline void
winograd_tile_inverse(const hwr_real *m, ptrdiff_t frequency, Vector y[HWR_WINOGRAD_OUT][HWR_WINOGRAD_OUT])
{
	Vector		t[HWR_WINOGRAD_OUT][HWR_WINOGRAD_IN];
	Vector		from[HWR_WINOGRAD_IN];
	Vector		to[HWR_WINOGRAD_OUT];

#pragma GCC unroll 8
	for (int x = 0; x < HWR_WINOGRAD_IN; x++)
	{
#pragma GCC unroll 8
		for (int i = 0; i < HWR_WINOGRAD_IN; i++)
			from[i] = *(const Vector *) (m + (i * HWR_WINOGRAD_IN + x) * frequency);
		winograd_inverse(from, to);
#pragma GCC unroll 8
		for (int i = 0; i < HWR_WINOGRAD_OUT; i++)
			t[i][x] = to[i];
	}
#pragma GCC unroll 8
	for (int i = 0; i < HWR_WINOGRAD_OUT; i++)
		winograd_inverse(t[i], y[i]);
}

/* The first n channels from x on, zeros behind them. */
__attribute__((always_inline)) static inline Vector
channels(const hwr_real *x, int n)
{
	hwr_real	line[LANES] = {0};

	if (n >= LANES)
		return *(const Vector *) x;
	memcpy(line, x, (size_t) n * sizeof(hwr_real));
	return *(const Vector *) line;
}

/* The largest of a window of the tile. */
__attribute__((always_inline)) static inline Vector
winograd_window(Vector y[HWR_WINOGRAD_OUT][HWR_WINOGRAD_OUT], int row, int col, int pool_y, int pool_x)
{
	Vector		top = y[row][col];

	if (pool_x == 2)
		top = vector_max(y[row][col + 1], top);
	if (pool_y == 2)
		top = vector_max(y[row + 1][col], top);
	if (pool_y == 2 && pool_x == 2)
		top = vector_max(y[row + 1][col + 1], top);
	return top;
}

/* Channels [ch, ch + LANES) of a row of tiles; what is constant once inlined is spelled out as parameters. */
__attribute__((always_inline)) static inline void
winograd_lanes_out(const HwrTilesOut *p, int ch, bool affine, int pool_y, int pool_x)
{
	int			left = p->cols - ch;
	Vector		floor = {0};
	Vector		bias = p->bias != NULL ? channels(p->bias + ch, left) : floor;
	Vector		scale = floor;
	Vector		shift = floor;
	const hwr_real *m = p->products + ch;
	hwr_real   *out = p->out + ch;
	int			columns = HWR_WINOGRAD_OUT / pool_x;

	if (!p->relu)
		floor -= (hwr_real) INFINITY;
	if (affine)
	{
		scale = channels(p->scale + ch, left);
		shift = channels(p->shift + ch, left);
	}
	for (int i = 0; i < p->tiles; i++, m += p->tile, out += columns * p->out_col)
	{
		Vector		y[HWR_WINOGRAD_OUT][HWR_WINOGRAD_OUT];

		winograd_tile_inverse(m, p->frequency, y);
#pragma GCC unroll 16
		for (int j = 0; j < HWR_WINOGRAD_OUT * HWR_WINOGRAD_OUT; j++)
		{
			Vector	   *v = &y[j / HWR_WINOGRAD_OUT][j % HWR_WINOGRAD_OUT];

			*v = vector_max(*v * p->by + bias, floor);
			if (affine)
				*v = *v * scale + shift;
		}
		for (int j = 0; j < HWR_WINOGRAD_OUT / pool_y * columns; j++)
		{
			int			r = j / columns;
			int			c = j % columns;
			hwr_real   *to = out + r * p->out_row + c * p->out_col;
			Vector		top = winograd_window(y, r * pool_y, c * pool_x, pool_y, pool_x);

			if (left >= LANES)
				*(Vector *) to = top;
			else
				memcpy(to, &top, (size_t) left * sizeof(hwr_real));
		}
	}
}

static void
winograd_out(const HwrTilesOut *p)
{
	bool		affine = p->scale != NULL;

	for (int ch = 0; ch < p->cols; ch += LANES)
	{
		if (p->pool_y == 2 && p->pool_x == 2)
		{
			if (affine)
				winograd_lanes_out(p, ch, true, 2, 2);
			else
				winograd_lanes_out(p, ch, false, 2, 2);
		}
		else if (p->pool_y == 2)
			winograd_lanes_out(p, ch, affine, 2, 1);
		else
			winograd_lanes_out(p, ch, affine, 1, 1);
	}
}
