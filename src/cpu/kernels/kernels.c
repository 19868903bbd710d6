/*
 * kernels.c
 *	  Choosing the kernels for this processor.
 */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

/* What HWR_CPU may name, each with all before it. */
typedef enum Level
{
	PLAIN,
	AVX2,
	AVX512,
	AVX512_VNNI,
	AVX512_BF16
} Level;

static Level
level(void)
{
	static const char *const names[] = {"plain", "avx2", "avx512", "avx512vnni", "avx512bf16"};
	const char *limit = getenv("HWR_CPU");
	Level		have = PLAIN;

#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		have = AVX2;
	if (have == AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		have = AVX512;
	if (have == AVX512 && __builtin_cpu_supports("avx512vnni"))
		have = AVX512_VNNI;
	if (have == AVX512_VNNI && __builtin_cpu_supports("avx512bf16"))
		have = AVX512_BF16;
#endif
	for (int i = PLAIN; limit != NULL && i < (int) have; i++)
		if (strcmp(limit, names[i]) == 0)
			return (Level) i;
	return have;
}

const HwrKernels *
hwr_kernels(void)
{
#if defined(__x86_64__)
	if (level() >= AVX512)
		return &hwr_kernels_avx512;
	if (level() >= AVX2)
		return &hwr_kernels_avx2;
#endif
	return &hwr_kernels_plain;
}

const HwrElements *
hwr_elements_bfloat16(void)
{
#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)
	if (level() >= AVX512_BF16)
		return &hwr_elements_avx512_bf16;
#endif
	return NULL;
}

const HwrElements *
hwr_elements_int8(void)
{
#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)
	if (level() >= AVX512_VNNI)
		return &hwr_elements_avx512_int8;
#endif
	return NULL;
}
