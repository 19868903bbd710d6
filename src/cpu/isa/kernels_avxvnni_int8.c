/*
 * kernels_avxvnni_int8.c
 *	  Products of 8-bit elements with AVX-VNNI: what kernels_avx512_int8.c does, in registers of half the width.
 */
#include "cpu/kernels/kernels.h"

#if defined(__x86_64__) && HWR_AVX_VNNI && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avxvnni")
#pragma GCC optimize("O3,fp-contract=off")

/* sums enough that none waits for the one before it */
#define TILE_ROWS 6

#include "lanes_avx2.h"

typedef __m256i Sum;

#define HWR_ELEMENTS_TABLE hwr_elements_avxvnni_int8
#define A_ONE 127
#define A_ZERO 128

#include "cpu/kernels/bytes_impl.h"

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	return _mm256_loadu_si256((const __m256i *) (packed_starts(p) + col));
}

/* Not the intrinsic: see kernels_avx512_int8.c. */
static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	__asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
	return sum;
}

static inline Floats
sum_value(const HwrProduct *p, Sum sum, int col)
{
	return _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(packed_factors(p) + col));
}

#endif
