/*
 * kernels_avxvnni_int16.c
 *	  Products of 16-bit elements with AVX-VNNI, for Winograd's convolution: 16 multiply-adds by an instruction, where float32 has
 *	  8.
 */
#include "kernels.h"

#if defined(__x86_64__) && HWR_AVX_VNNI && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avxvnni")
#pragma GCC optimize("O3")

#include <string.h>

/* sums enough that none waits for the one before it */
#define TILE_ROWS 6

#include "lanes_avx2.h"
#include "winograd.h"

#define HWR_ELEMENTS_TABLE hwr_elements_avxvnni_int16
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

/* Not the intrinsic: see kernels_avx512_int8.c. */
static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	__asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
	return sum;
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
