/*
 * kernels_avx512_bytes.c
 *	  Products of 8-bit elements with AVX-512 alone, for processors that lack VNNI: what kernels_avx2_int8.c does, in
 *	  registers of twice the width.
 */
#include "cpu/kernels/kernels.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#pragma GCC optimize("O3,fp-contract=off")

#include "lanes_avx512.h"

typedef __m512i Sum;
typedef __m512i Pairs;

#define HWR_ELEMENTS_TABLE hwr_elements_avx512_bytes
#define A_ONE 63
#define A_ZERO 64
#define HELD 4

#include "cpu/kernels/bytes_impl.h"

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	return _mm512_loadu_si512(packed_starts(p) + col);
}

static inline Pairs
pairs_of(Groups a, Groups b)
{
	return _mm512_maddubs_epi16(a, b);
}

/* Not the intrinsic: GCC adds in another order then, for which there are too few registers. */
static inline Pairs
pairs_add(Pairs x, Pairs y)
{
	__asm__("vpaddw %1, %0, %0" : "+v"(x) : "v"(y));
	return x;
}

static inline Sum
sum_pairs(Sum sum, Pairs x)
{
	return _mm512_add_epi32(sum, _mm512_madd_epi16(x, _mm512_set1_epi16(1)));
}

static inline Floats
sum_value(const HwrProduct *p, Sum sum, int col)
{
	return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(packed_factors(p) + col));
}

#endif
