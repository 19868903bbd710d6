/*
 * winograd_back_impl.h
 *	  The way back through the output transform of Winograd's convolution (winograd.h), for the gradient of the kernel; included
 *	  by kernels_impl.h.
 */
#include "winograd.h"

/* t = A y */
__attribute__((always_inline)) static inline void
winograd_spread(const Vector y[HWR_WINOGRAD_OUT], Vector t[HWR_WINOGRAD_IN])
{
	const hwr_real a = (hwr_real) HWR_WINOGRAD_A;
	const hwr_real b = (hwr_real) HWR_WINOGRAD_B;
	const hwr_real half = (hwr_real) 0.5;
	Vector		even_a = y[0] + half * y[2];
	Vector		odd_a = a * (y[1] + half * y[3]);
	Vector		even_b = y[0] + 2 * y[2];
	Vector		odd_b = b * (y[1] + 2 * y[3]);

	t[0] = y[0];
	t[1] = even_a + odd_a;
	t[2] = even_a - odd_a;
	t[3] = even_b + odd_b;
	t[4] = even_b - odd_b;
	t[5] = y[3];
}

/* One tile of one vector of channels. */
__attribute__((always_inline)) static inline void
winograd_tile_back(const hwr_real *map, ptrdiff_t c, ptrdiff_t map_row, ptrdiff_t frequency, hwr_real *out)
{
	Vector		t[HWR_WINOGRAD_IN][HWR_WINOGRAD_OUT];
	Vector		from[HWR_WINOGRAD_OUT];
	Vector		to[HWR_WINOGRAD_IN];

#pragma GCC unroll 8
	for (int x = 0; x < HWR_WINOGRAD_OUT; x++)
	{
#pragma GCC unroll 8
		for (int y = 0; y < HWR_WINOGRAD_OUT; y++)
			from[y] = *(const Vector *) (map + y * map_row + x * c);
		winograd_spread(from, to);
#pragma GCC unroll 8
		for (int y = 0; y < HWR_WINOGRAD_IN; y++)
			t[y][x] = to[y];
	}
#pragma GCC unroll 8
	for (int y = 0; y < HWR_WINOGRAD_IN; y++)
	{
		winograd_spread(t[y], to);
#pragma GCC unroll 8
		for (int x = 0; x < HWR_WINOGRAD_IN; x++)
			*(Vector *) (out + (y * HWR_WINOGRAD_IN + x) * frequency) = to[x];
	}
}

static void
winograd_out_back(int tiles, int c, ptrdiff_t map_row, const hwr_real *map, ptrdiff_t frequency, hwr_real *out)
{
	for (int i = 0; i < tiles; i++, map += HWR_WINOGRAD_OUT * (ptrdiff_t) c, out += c)
		for (int ch = 0; ch < c; ch += LANES)
		{
			/* the last vector may repeat channels of the one before */
			int			at = ch + LANES <= c ? ch : c - LANES;

			winograd_tile_back(map + at, c, map_row, frequency, out + at);
		}
}
