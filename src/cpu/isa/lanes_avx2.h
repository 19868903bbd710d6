/*
 * lanes_avx2.h
 *	  A register of AVX2, for groups_impl.h: 8 lanes of 32 bits.
 */
#ifndef HWR_LANES_AVX2_H
#define HWR_LANES_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 8
#ifndef TILE_ROWS
#define TILE_ROWS 4
#endif
#define PANEL_VECTORS 2

typedef __m256i Groups;			/* elements, 32 bits of them a lane */
typedef __m256 Floats;

/* All bits of the first so many lanes. */
static inline __m256i
first_lanes(int n)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline Groups
groups_load(const void *x)
{
	return _mm256_loadu_si256(x);
}

/* One group in all lanes. */
static inline Groups
groups_spread(const void *x)
{
	int32_t		group;

	memcpy(&group, x, sizeof(group));
	return _mm256_set1_epi32(group);
}

static inline Floats
floats_zero(void)
{
	return _mm256_setzero_ps();
}

static inline Floats
floats_max(Floats a, Floats b)
{
	return _mm256_max_ps(a, b);
}

/* n floats, or a whole register of them if that is fewer; the other lanes are zero. */
static inline Floats
floats_load(const float *x, int n)
{
	return n >= LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, first_lanes(n));
}

static inline void
floats_store(float *x, int n, Floats v)
{
	if (n >= LANES)
		_mm256_storeu_ps(x, v);
	else
		_mm256_maskstore_ps(x, first_lanes(n), v);
}

#endif							/* HWR_LANES_AVX2_H */
