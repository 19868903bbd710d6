/*
 * kernels_avx512.c
 *	  The kernels for x86-64 processors with AVX-512 (F, BW, DQ, VL).
 */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#define HWR_KERNELS_TABLE hwr_kernels_avx512
#define HWR_KERNELS_NAME "avx512"
#define HWR_LSTM_AVX512
#include "cpu/kernels/kernels_impl.h"
#endif
