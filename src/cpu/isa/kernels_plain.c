/*
 * kernels_plain.c
 *	  The kernels for any processor.
 */
#if !defined(__x86_64__) && !defined(__clang__)
/* Where every processor can fuse a product with a sum, the compiler would: see multiply_impl.h. */
#pragma GCC optimize("fp-contract=off")
#endif
#define HWR_KERNELS_TABLE hwr_kernels_plain
#define HWR_KERNELS_NAME "plain"
#include "cpu/kernels/kernels_impl.h"
