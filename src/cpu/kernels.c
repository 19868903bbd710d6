/*
 * kernels.c
 *	  Choosing the kernels for this processor.
 */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

const HwrKernels *
hwr_kernels(void)
{
#if defined(__x86_64__)
	const char *limit = getenv("HWR_CPU");
	bool		want_avx512 = limit == NULL || strcmp(limit, "avx512") == 0;
	bool		want_avx2 = want_avx512 || strcmp(limit, "avx2") == 0;

	__builtin_cpu_init();
	if (want_avx512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return &hwr_kernels_avx512;
	if (want_avx2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return &hwr_kernels_avx2;
#endif
	return &hwr_kernels_plain;
}
