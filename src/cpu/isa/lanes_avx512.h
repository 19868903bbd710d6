/*
 * lanes_avx512.h
 *	  A register of AVX-512, for groups_impl.h: 16 lanes of 32 bits.
 */
#ifndef HWR_LANES_AVX512_H
#define HWR_LANES_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 16
#define TILE_ROWS 8
#define PANEL_VECTORS 2

typedef __m512i Groups;			/* elements, 32 bits of them a lane */
typedef __m512 Floats;

/* The first so many lanes. */
static inline __mmask16
first_lanes(int n)
{
	return n >= LANES ? 0xffff : n <= 0 ? 0 : (__mmask16) ((1u << n) - 1);
}

static inline Groups
groups_load(const void *x)
{
	return _mm512_loadu_si512(x);
}

/* One group in all lanes. */
static inline Groups
groups_spread(const void *x)
{
	int32_t		group;

	memcpy(&group, x, sizeof(group));
	return _mm512_set1_epi32(group);
}

static inline Floats
floats_zero(void)
{
	return _mm512_setzero_ps();
}

static inline Floats
floats_max(Floats a, Floats b)
{
	return _mm512_max_ps(a, b);
}

/* n floats, or a whole register of them if that is fewer; the other lanes are zero. */
static inline Floats
floats_load(const float *x, int n)
{
	return _mm512_maskz_loadu_ps(first_lanes(n), x);
}

static inline void
floats_store(float *x, int n, Floats v)
{
	_mm512_mask_storeu_ps(x, first_lanes(n), v);
}

#endif							/* HWR_LANES_AVX512_H */
