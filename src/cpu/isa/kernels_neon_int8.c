/*
 * kernels_neon_int8.c
 *	  Products of 8-bit elements with the dot products of 64-bit Arm: four multiply-adds a lane and instruction, summed exactly
 *	  in 32 bits.
 */
#include "cpu/kernels/kernels.h"

#if defined(__aarch64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("arch=armv8.2-a+dotprod")
#pragma GCC optimize("O3")

#include "lanes_neon.h"

typedef int32x4_t Sum;

#define HWR_ELEMENTS_TABLE hwr_elements_neon_int8
#define A_ONE 127
#define A_ZERO 0

#include "cpu/kernels/bytes_impl.h"

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	(void) p;
	(void) col;
	return vdupq_n_s32(0);
}

static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	return vdotq_s32(sum, vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b));
}

static inline Floats
sum_value(const HwrProduct *p, Sum sum, int col)
{
	return vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32(packed_factors(p) + col));
}

#endif
