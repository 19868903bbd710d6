/*
 * kernels_avx2_int16.c
 *	  Products of 16-bit elements with AVX2, for Winograd's convolution: 16 multiply-adds by two instructions, where float32 has
 *	  8 by one, and the second waits for no multiplier.
 */
#include "cpu/kernels/kernels.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma")
#pragma GCC optimize("O3")

#include <string.h>

#include "lanes_avx2.h"
#include "cpu/kernels/winograd.h"

#define HWR_ELEMENTS_TABLE hwr_elements_avx2_int16

#include "words_avx2.h"

static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}

#include "cpu/kernels/words_impl.h"

#endif
