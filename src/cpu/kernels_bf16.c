/*
 * kernels_bf16.c
 *	  Products of bfloat16 elements with AVX-512 BF16: two multiply-adds a lane and instruction, summed
 *	  in float32.
 */
#include "kernels.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prefer-vector-width=512")
#pragma GCC optimize("O3")

#include <immintrin.h>
#include <string.h>

typedef uint16_t Bf16;

#define GROUP 2
#define PANEL 32

typedef Bf16 Element;
typedef __m512 Sum;

static inline const Element *
packed_panels(const HwrProduct *p)
{
	return p->b;
}

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	(void) p;
	(void) col;
	return _mm512_setzero_ps();
}

static inline Sum
sum_add(Sum sum, __m512i a, __m512i b)
{
	return _mm512_dpbf16_ps(sum, (__m512bh) a, (__m512bh) b);
}

static inline __m512
sum_value(const HwrProduct *p, Sum sum, int col)
{
	(void) p;
	(void) col;
	return sum;
}

#include "multiply_groups_impl.h"

/* Round to nearest, ties to even. */
static inline Bf16
to_bf16(float x)
{
	uint32_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	return (Bf16) ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static size_t
packed_size(int parts, int k, int n)
{
	return (size_t) ((n + PANEL - 1) / PANEL) * (size_t) parts * (size_t) part_size(k) * sizeof(Bf16);
}

static void
pack(int parts, int k, int n, const float *b, void *packed)
{
	Bf16	   *out = packed;

	for (int col = 0; col < n; col += PANEL)
		for (int part = 0; part < parts; part++)
			for (int i = 0; i < k; i += 2)
				for (int j = col; j < col + PANEL; j++)
					for (int half = i; half < i + 2; half++)
						*out++ = j < n && half < k ? to_bf16(b[((ptrdiff_t) part * k + half) * n + j]) : 0;
}

static void
store(size_t n, const float *x, void *out)
{
	Bf16	   *y = out;
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		_mm256_storeu_si256((__m256i *) (y + i), (__m256i) _mm512_cvtneps_pbh(_mm512_loadu_ps(x + i)));
	for (; i < n; i++)
		y[i] = to_bf16(x[i]);
}

static void
store_ink(size_t n, const uint8_t *ink, void *out)
{
	Bf16	   *y = out;

	/* whole numbers to 255 are exact */
	for (size_t i = 0; i < n; i++)
	{
		float		x = ink[i];
		uint32_t	bits;

		memcpy(&bits, &x, sizeof(bits));
		y[i] = (Bf16) (bits >> 16);
	}
}

const HwrElements hwr_elements_avx512_bf16 = {
	.name = "bfloat16",
	.size = sizeof(Bf16),
	.panel = PANEL,
	.multiply = multiply,
	.packed_size = packed_size,
	.pack = pack,
	.store = store,
	.store_ink = store_ink,
};

#endif
