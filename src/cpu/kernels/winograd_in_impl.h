/*
 * winograd_in_impl.h
 *	  The input transform of Winograd's convolution (winograd.h), included by the kernels of each kind of element.
 *
 * Expects Vector, LANES, Element, and load_elements() and store_elements() of one vector.  The map is of MAP_ELEMENT
 * if that is defined, else of Element.  What is stored is multiplied by "by" before.
 */
#include "winograd.h"

#ifndef MAP_ELEMENT
#define MAP_ELEMENT Element
#endif

/* t = B' d */
__attribute__((always_inline)) static inline void
winograd_forward(const Vector d[HWR_WINOGRAD_IN], Vector t[HWR_WINOGRAD_IN])
{
	const hwr_real a = (hwr_real) HWR_WINOGRAD_A;
	const hwr_real b = (hwr_real) HWR_WINOGRAD_B;
	const hwr_real half = (hwr_real) 0.5;
	const hwr_real sum = (hwr_real) 2.5;
	Vector		even_a = d[4] - 2 * d[2];
	Vector		odd_a = d[3] - 2 * d[1];
	Vector		even_b = d[4] - half * d[2];
	Vector		odd_b = d[3] - half * d[1];

	t[0] = d[0] - sum * d[2] + d[4];
	t[1] = even_a + a * odd_a;
	t[2] = even_a - a * odd_a;
	t[3] = even_b + b * odd_b;
	t[4] = even_b - b * odd_b;
	t[5] = d[1] - sum * d[3] + d[5];
}

/* One tile of one vector of channels. */
__attribute__((always_inline)) static inline void
winograd_tile_in(const MAP_ELEMENT *map, ptrdiff_t c, ptrdiff_t map_row, ptrdiff_t frequency, Element *out, hwr_real by)
{
	Vector		t[HWR_WINOGRAD_IN][HWR_WINOGRAD_IN];
	Vector		from[HWR_WINOGRAD_IN];
	Vector		to[HWR_WINOGRAD_IN];

#pragma GCC unroll 8
	for (int x = 0; x < HWR_WINOGRAD_IN; x++)
	{
#pragma GCC unroll 8
		for (int y = 0; y < HWR_WINOGRAD_IN; y++)
			from[y] = load_elements(map + y * map_row + x * c);
		winograd_forward(from, to);
#pragma GCC unroll 8
		for (int y = 0; y < HWR_WINOGRAD_IN; y++)
			t[y][x] = to[y];
	}
#pragma GCC unroll 8
	for (int y = 0; y < HWR_WINOGRAD_IN; y++)
	{
		winograd_forward(t[y], to);
#pragma GCC unroll 8
		for (int x = 0; x < HWR_WINOGRAD_IN; x++)
			store_elements(by * to[x], out + (y * HWR_WINOGRAD_IN + x) * frequency);
	}
}

__attribute__((always_inline)) static inline void
winograd_row_in(int tiles, int c, ptrdiff_t map_row, const MAP_ELEMENT *map, ptrdiff_t frequency, Element *out, hwr_real by)
{
	for (int i = 0; i < tiles; i++, map += HWR_WINOGRAD_OUT * (ptrdiff_t) c, out += c)
		for (int ch = 0; ch < c; ch += LANES)
		{
			/* the last vector may repeat channels of the one before */
			int			at = ch + LANES <= c ? ch : c - LANES;

			winograd_tile_in(map + at, c, map_row, frequency, out + at, by);
		}
}
