/*
 * kernels_neon.c
 *	  The kernels for 64-bit Arm, all of which has NEON with fused multiply-add.
 */
#if defined(__aarch64__)
#define HWR_KERNELS_TABLE hwr_kernels_neon
#define HWR_KERNELS_NAME "neon"
#define HWR_KERNELS_NEON
#include "cpu/kernels/kernels_impl.h"
#endif
