/*
 * kernels.c
 *	  Choosing the kernels for this processor.
 */
#include "kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/network/backend.h"
#include "amx.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

/* What HWR_CPU may name, each with all before it. */
#if defined(__aarch64__)
typedef enum Level
{
	PLAIN,
	NEON,
	NEON_DOT,
	NEON_BF16
} Level;

static const char *const level_names[] = {"plain", "neon", "neondot", "neonbf16"};

/* Bits of the kernel's, which older headers lack. */
#define HAVE_DOT (1UL << 20)	/* AT_HWCAP: ASIMDDP */
#define HAVE_BF16 (1UL << 14)	/* AT_HWCAP2: BF16 */

static Level
best_level(void)
{
	if ((getauxval(AT_HWCAP) & HAVE_DOT) == 0)
		return NEON;
	return (getauxval(AT_HWCAP2) & HAVE_BF16) == 0 ? NEON_DOT : NEON_BF16;
}
#else
typedef enum Level
{
	PLAIN,
	AVX2,
	AVX_VNNI,
	AVX512,
	AVX512_VNNI,
	AVX512_BF16,
	AMX
} Level;

static const char *const level_names[] = {"plain", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16", "amx"};

#if defined(__x86_64__)
/* The compiler's name for it is newer than the compilers. */
static bool
has_avx_vnni(void)
{
	unsigned int a;
	unsigned int b;
	unsigned int c;
	unsigned int d;

	return HWR_AVX_VNNI && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 4)) != 0;
}
#endif

static Level
best_level(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
		return PLAIN;
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
		!__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
		return has_avx_vnni() ? AVX_VNNI : AVX2;
	if (!__builtin_cpu_supports("avx512vnni"))
		return AVX512;
	if (!__builtin_cpu_supports("avx512bf16"))
		return AVX512_VNNI;
#if !defined(HWR_REAL_DOUBLE)
	if (hwr_amx_ready())
		return AMX;
#endif
	return AVX512_BF16;
#else
	return PLAIN;
#endif
}
#endif

/* Whether a processor of level best has this one too. */
static bool
has_level(Level one, Level best)
{
#if defined(__x86_64__)
	/* Not all that have AVX-512 have it. */
	if (one == AVX_VNNI && !has_avx_vnni())
		return false;
#endif
	return one <= best;
}

static Level
level(void)
{
	const char *limit = getenv("HWR_CPU");
	Level		best = best_level();

	for (int i = PLAIN; limit != NULL && i < (int) best; i++)
		if (strcmp(limit, level_names[i]) == 0 && has_level((Level) i, best))
			return (Level) i;
	return best;
}

const char *
hwr_kernels_level(void)
{
	return level_names[level()];
}

/* The names of the levels that a processor has, as a list. */
static void
list_levels(Level best, char *out, size_t size)
{
	size_t		len = 0;

	for (int i = PLAIN; i <= (int) best && len < size; i++)
		if (has_level((Level) i, best))
			len += snprintf(out + len, size - len, "%s%s", i > PLAIN ? ", " : "", level_names[i]);
}

bool
hwr_cpu_check(HwrStatus *st)
{
	const char *limit = getenv("HWR_CPU");
	Level		best = best_level();
	bool		known = false;
	char		names[256];

	if (limit == NULL || limit[0] == '\0')
		return true;
	for (int i = PLAIN; i < (int) (sizeof(level_names) / sizeof(level_names[0])); i++)
	{
		if (strcmp(limit, level_names[i]) != 0)
			continue;
		if (has_level((Level) i, best))
			return true;
		known = true;
	}
	list_levels(best, names, sizeof(names));
	hwr_fail(st, HWR_BAD_OPTION, "environment variable \"HWR_CPU\" is ignored");
	if (known)
		hwr_fail_detail(st, "This processor lacks what \"%.64s\" names.", limit);
	else
		hwr_fail_detail(st, "\"%.64s\" names no instructions of this kind of processor.", limit);
	return hwr_fail_hint(st, "Values for this processor are %s.", names);
}

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)
/*
 * Intel's processors have AVX-512's instructions for bfloat16 products and are slower with them: on
 * Sapphire Rapids float32 recognises 1.5 and trains 1.6 times as fast, where AMX may not be used.  On
 * AMD's they are the faster ones.  This is a table and no measurement, because a measurement on a busy machine does
 * not come out the same each time, and neither would a training.  Who names avx512bf16 in HWR_CPU
 * gets them anyhow.
 */
static bool
bfloat16_pays(void)
{
	const char *wanted = getenv("HWR_CPU");

	return !__builtin_cpu_is("intel") || (wanted != NULL && strcmp(wanted, level_names[AVX512_BF16]) == 0);
}
#endif

const HwrKernels *
hwr_kernels(void)
{
#if defined(__x86_64__)
	if (level() >= AVX512)
		return &hwr_kernels_avx512;
	if (level() >= AVX2)
		return &hwr_kernels_avx2;
#elif defined(__aarch64__)
	if (level() >= NEON)
		return &hwr_kernels_neon;
#endif
	return &hwr_kernels_plain;
}

const HwrElements *
hwr_elements_bfloat16(void)
{
#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)
	if (level() >= AMX)
		return &hwr_elements_amx_bf16;
	if (level() >= AVX512_BF16 && bfloat16_pays())
		return &hwr_elements_avx512_bf16;
#elif defined(__aarch64__) && !defined(HWR_REAL_DOUBLE)
	if (level() >= NEON_BF16)
		return &hwr_elements_neon_bf16;
#endif
	return NULL;
}

const HwrElements *
hwr_elements_int8(void)
{
#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)
	if (level() >= AMX)
		return &hwr_elements_amx_int8;
	if (level() >= AVX512_VNNI)
		return &hwr_elements_avx512_int8;
	if (level() >= AVX512)
		return &hwr_elements_avx512_bytes;
#if HWR_AVX_VNNI
	if (level() >= AVX_VNNI)
		return &hwr_elements_avxvnni_int8;
#endif
	if (level() >= AVX2)
		return &hwr_elements_avx2_int8;
#elif defined(__aarch64__) && !defined(HWR_REAL_DOUBLE)
	if (level() >= NEON_DOT)
		return &hwr_elements_neon_int8;
#endif
	return NULL;
}

/*
 * Where AVX-512 has no VNNI, registers of twice the width share a port between multiplying and adding, and float32 is as fast.
 */
const HwrElements *
hwr_elements_int16(void)
{
#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)
	if (level() >= AVX512_VNNI)
		return &hwr_elements_avx512_int16;
#if HWR_AVX_VNNI
	if (level() == AVX_VNNI)
		return &hwr_elements_avxvnni_int16;
#endif
	if (level() == AVX2)
		return &hwr_elements_avx2_int16;
#endif
	return NULL;
}
