/*
 * kernels_int8.c
 *	  Products of 8-bit elements with AVX-512 VNNI: four multiply-adds a lane and instruction, summed exactly
 *	  in 32 bits.
 *
 * The elements stand for values in [-1, 1]: the byte of x is round(127 x) + 128.  Each column of B is
 * rounded to -127 .. 127 times a scale of its own.  The packed B begins, for its columns filled up to whole panels,
 *	 float32 scale[columns]		what a sum is multiplied by: the column's scale over 127
 *	 int32   start[columns]		-128 times the sum of the column: what sums begin with, for the 128 in A
 * and the panels follow.
 */
#include "kernels.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,prefer-vector-width=512")
#pragma GCC optimize("O3")

#include <float.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define GROUP 4
#define PANEL 32
#define ONE 127
#define ZERO 128

typedef int8_t Element;			/* of B; those of A are unsigned */
typedef __m512i Sum;

/* Columns of whole panels. */
static inline size_t
padded(int n)
{
	return (size_t) (n + PANEL - 1) / PANEL * PANEL;
}

static inline const float *
scales(const void *packed)
{
	return packed;
}

static inline const int32_t *
starts(const void *packed, int n)
{
	return (const int32_t *) (scales(packed) + padded(n));
}

static inline const Element *
packed_panels(const HwrProduct *p)
{
	return (const Element *) (starts(p->b, p->n) + padded(p->n));
}

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	return _mm512_loadu_si512(starts(p->b, p->n) + col);
}

static inline Sum
sum_add(Sum sum, __m512i a, __m512i b)
{
	return _mm512_dpbusd_epi32(sum, a, b);
}

static inline __m512
sum_value(const HwrProduct *p, Sum sum, int col)
{
	return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(scales(p->b) + col));
}

#include "multiply_groups_impl.h"

static size_t
packed_size(int parts, int k, int n)
{
	return padded(n) * (sizeof(float) + sizeof(int32_t) + (size_t) (parts * part_size(k) / PANEL));
}

/* The scale of a column of B[rows][n]; one of almost nothing is taken for zero. */
static float
column_scale(int rows, int n, const float *b, int col)
{
	float		top = 0;

	for (int i = 0; i < rows; i++)
		top = fmaxf(top, fabsf(b[(ptrdiff_t) i * n + col]));
	return top / ONE >= FLT_MIN ? top / ONE : 0;
}

static void
pack(int parts, int k, int n, const float *b, void *packed)
{
	float	   *scale = packed;
	int32_t    *start = (int32_t *) (scale + padded(n));
	Element    *out = (Element *) (start + padded(n));

	for (int col = 0; col < (int) padded(n); col++)
	{
		scale[col] = col < n ? column_scale(parts * k, n, b, col) : 0;
		start[col] = 0;
	}
	for (int col = 0; col < n; col += PANEL)
		for (int part = 0; part < parts; part++)
			for (int i = 0; i < k; i += GROUP)
				for (int j = col; j < col + PANEL; j++)
					for (int row = i; row < i + GROUP; row++, out++)
					{
						*out = 0;
						if (j < n && row < k && scale[j] > 0)
							*out = (Element) lrintf(b[((ptrdiff_t) part * k + row) * n + j] / scale[j]);
						start[j] -= ZERO * *out;
					}
	for (int col = 0; col < n; col++)
		scale[col] /= ONE;
}

static void
store(size_t n, const float *x, void *out)
{
	uint8_t    *y = out;

	for (size_t i = 0; i < n; i += LANES)
	{
		__mmask16	mask = n - i >= LANES ? 0xffff : (__mmask16) ((1u << (n - i)) - 1);
		__m512		v = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), _mm512_set1_ps(ONE));

		v = _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(-ONE)), _mm512_set1_ps(ONE));
		_mm512_mask_cvtepi32_storeu_epi8(y + i, mask, _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(ZERO)));
	}
}

const HwrElements hwr_elements_avx512_int8 = {
	.name = "int8",
	.size = 1,
	.panel = PANEL,
	.multiply = multiply,
	.packed_size = packed_size,
	.pack = pack,
	.store = store,
};

#endif
