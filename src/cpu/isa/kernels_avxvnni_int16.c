/*
 * kernels_avxvnni_int16.c
 *	  Products of 16-bit elements with AVX-VNNI, for Winograd's convolution: 16 multiply-adds by an instruction, where float32 has
 *	  8.
 */
#include "cpu/kernels/kernels.h"

#if defined(__x86_64__) && HWR_AVX_VNNI && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avxvnni")
#pragma GCC optimize("O3")

#include <string.h>

/* sums enough that none waits for the one before it */
#define TILE_ROWS 6

#include "lanes_avx2.h"
#include "cpu/kernels/winograd.h"

#define HWR_ELEMENTS_TABLE hwr_elements_avxvnni_int16

#include "words_avx2.h"

/* Not the intrinsic: see kernels_avx512_int8.c. */
static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	__asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
	return sum;
}

#include "cpu/kernels/words_impl.h"

#endif
