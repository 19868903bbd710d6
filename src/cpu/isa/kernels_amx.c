/*
 * kernels_amx.c
 *	  AMX's tiles: the instructions, and leave to use them.
 */
#include "cpu/kernels/amx.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16,amx-int8,prefer-vector-width=512")
#pragma GCC optimize("O3,fp-contract=off")

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

/* GCC's intrinsics for loading do not say that they read memory. */
#define BARRIER __asm__ volatile("" ::: "memory")

#define TILES_SET(config) _tile_loadconfig(config)
#define TILES_RELEASE() _tile_release()
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, from, stride) do { BARRIER; _tile_loadd(t, from, stride); } while (0)
#define TILE_STORE(t, to, stride) do { _tile_stored(t, to, stride); BARRIER; } while (0)
#define TILE_BF16(c, a, b) _tile_dpbf16ps(c, a, b)
#define TILE_INT8(c, a, b) _tile_dpbusd(c, a, b)

/* The first bytes of a row. */
#define ROW_MASK(bytes) (~0ULL >> (64 - (bytes)))
#define ROW_LOAD(from, bytes) ((Row) _mm512_maskz_loadu_epi8(ROW_MASK(bytes), from))
#define ROW_STORE(to, row, bytes) _mm512_mask_storeu_epi8(to, ROW_MASK(bytes), (__m512i) (row))

/* The first n of 32 values as bfloat16. */
#define BF16_STORE(to, left, right, n) \
	_mm512_mask_storeu_epi16(to, ~0u >> (32 - (n)), (__m512i) _mm512_cvtne2ps_pbh((__m512) (right), (__m512) (left)))

#include "cpu/kernels/amx_impl.h"

/* Bits of leaf 7's EDX, which older compilers have no names for. */
#define AMX_BF16 (1u << 22)
#define AMX_TILE (1u << 24)
#define AMX_INT8 (1u << 25)

/* Linux's arch_prctl (Documentation/arch/x86/xstate.rst): tiles are a state that a process asks for. */
#define REQUEST_STATE 0x1023
#define TILE_DATA 18

bool
hwr_amx_ready(void)
{
	unsigned int a,
				b,
				c,
				d;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (AMX_BF16 | AMX_TILE | AMX_INT8)) != (AMX_BF16 | AMX_TILE | AMX_INT8))
		return false;
#if defined(__linux__)
	return syscall(SYS_arch_prctl, REQUEST_STATE, TILE_DATA) == 0;
#else
	return false;
#endif
}

#endif
