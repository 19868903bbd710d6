/*
 * kernels_avx2.c
 *	  The kernels for x86-64 processors with AVX2 and FMA.
 */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#define HWR_KERNELS_TABLE hwr_kernels_avx2
#define HWR_KERNELS_NAME "avx2"
#include "cpu/kernels/kernels_impl.h"
#endif
