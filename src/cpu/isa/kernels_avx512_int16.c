/*
 * kernels_avx512_int16.c
 *	  Products of 16-bit elements with AVX-512 VNNI, for Winograd's convolution where bfloat16 is no faster than float32.
 */
#include "cpu/kernels/kernels.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,prefer-vector-width=512")
#pragma GCC optimize("O3")

#include <string.h>

#include "lanes_avx512.h"
#include "cpu/kernels/winograd.h"

#define HWR_ELEMENTS_TABLE hwr_elements_avx512_int16
#define GROUP 2

typedef int16_t Element;
typedef __m512i Sum;

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	(void) p;
	(void) col;
	return _mm512_setzero_si512();
}

/* Not the intrinsic: see kernels_avx512_int8.c. */
static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	__asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
	return sum;
}

static inline Floats
sums_as_floats(Sum sum)
{
	return _mm512_cvtepi32_ps(sum);
}

static inline Floats
load_elements(const float *x)
{
	return _mm512_loadu_ps(x);
}

static inline void
store_elements(Floats x, Element *out)
{
	_mm256_storeu_si256((__m256i *) out, _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x)));
}

#include "cpu/kernels/words_impl.h"

#endif
