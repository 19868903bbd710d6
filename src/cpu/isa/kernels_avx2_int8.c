/*
 * kernels_avx2_int8.c
 *	  Products of 8-bit elements with AVX2: 32 multiply-adds by three instructions, where float32 has 8 by one, summed exactly
 *	  in 32 bits.
 *
 * The instruction that multiplies bytes takes A unsigned and B signed and adds two products in 16 bits, which
 * hold 2 x 127 x 127 and no more: so the elements of A have 7 bits, 1 .. 127.  Eight bits and a sign carried over to B
 * cost a fourth instruction, which waits for the same two units as the multiplications (Zen 3: 1.5 times float32
 * instead of twice).
 */
#include "cpu/kernels/kernels.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma")
#pragma GCC optimize("O3,fp-contract=off")

#include "lanes_avx2.h"

typedef __m256i Sum;
typedef __m256i Pairs;

#define HWR_ELEMENTS_TABLE hwr_elements_avx2_int8
#define A_ONE 63
#define A_ZERO 64
#define HELD 4

#include "cpu/kernels/bytes_impl.h"

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	return _mm256_loadu_si256((const __m256i *) (packed_starts(p) + col));
}

static inline Pairs
pairs_of(Groups a, Groups b)
{
	return _mm256_maddubs_epi16(a, b);
}

/* Not the intrinsic: GCC adds in another order then, for which there are too few registers. */
static inline Pairs
pairs_add(Pairs x, Pairs y)
{
	__asm__("vpaddw %1, %0, %0" : "+x"(x) : "x"(y));
	return x;
}

static inline Sum
sum_pairs(Sum sum, Pairs x)
{
	return _mm256_add_epi32(sum, _mm256_madd_epi16(x, _mm256_set1_epi16(1)));
}

static inline Floats
sum_value(const HwrProduct *p, Sum sum, int col)
{
	return _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(packed_factors(p) + col));
}

#endif
