/*
 * kernels_avx2_int16.c
 *	  Products of 16-bit elements with AVX2, for Winograd's convolution: 16 multiply-adds by two instructions, where float32 has
 *	  8 by one, and the second waits for no multiplier.
 */
#include "kernels.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma")
#pragma GCC optimize("O3")

#include <string.h>

#include "lanes_avx2.h"
#include "winograd.h"

#define HWR_ELEMENTS_TABLE hwr_elements_avx2_int16
#define GROUP 2

typedef int16_t Element;
typedef __m256i Sum;

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	(void) p;
	(void) col;
	return _mm256_setzero_si256();
}

static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}

static inline Floats
sums_as_floats(Sum sum)
{
	return _mm256_cvtepi32_ps(sum);
}

static inline Floats
load_elements(const float *x)
{
	return _mm256_loadu_ps(x);
}

static inline void
store_elements(Floats x, Element *out)
{
	__m256i		wide = _mm256_cvtps_epi32(x);

	_mm_storeu_si128((__m128i *) out, _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1)));
}

#include "words_impl.h"

#endif
