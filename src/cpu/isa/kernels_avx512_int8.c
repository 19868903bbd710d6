/*
 * kernels_avx512_int8.c
 *	  Products of 8-bit elements with AVX-512 VNNI: four multiply-adds a lane and instruction, summed exactly
 *	  in 32 bits.
 *
 * The elements stand for values in [-1, 1]: the byte of x is round(127 x) + 128.  Each column of B
 * is rounded to -127 .. 127 times a scale of its own.  The packed B begins, for its columns filled
 * up to whole panels,
 *	 float32 scale[columns]		what a sum is multiplied by: the column's scale over 127
 *	 int32   start[columns]		-128 times the sum of the column: what sums begin with, for the 128 in A
 * and the panels follow.
 */
#include "cpu/kernels/amx.h"
#include "cpu/kernels/kernels.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,prefer-vector-width=512")
/* A product and a sum rounded each: the same bits from AVX-512 and from tiles. */
#pragma GCC optimize("O3,fp-contract=off")

#include <float.h>
#include <string.h>

#include "lanes_avx512.h"

#define GROUP 4
#define COLUMNS (PANEL_VECTORS * LANES)
#define ONE 127
#define ZERO 128

typedef int8_t Element;			/* of B; those of A are unsigned */
typedef __m512i Sum;

/* Columns of whole panels. */
static inline size_t
padded(int n)
{
	return (size_t) (n + COLUMNS - 1) / COLUMNS * COLUMNS;
}

static inline const float *
packed_scales(const HwrProduct *p)
{
	return p->b;
}

static inline const int32_t *
packed_starts(const HwrProduct *p)
{
	return (const int32_t *) (packed_scales(p) + padded(p->n));
}

static inline const Element *
packed_panels(const HwrProduct *p)
{
	return (const Element *) (packed_starts(p) + padded(p->n));
}

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	return _mm512_loadu_si512(packed_starts(p) + col);
}

/* Not the intrinsic: GCC 12 copies sums between registers after it, and spills some, which takes a third of the time. */
static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	__asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
	return sum;
}

static inline Floats
sum_value(const HwrProduct *p, Sum sum, int col)
{
	return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(packed_scales(p) + col));
}

#include "cpu/kernels/groups_impl.h"

static size_t
packed_size(int parts, int k, int n)
{
	return padded(n) * (sizeof(float) + sizeof(int32_t) + (size_t) (parts * part_size(k) / PANEL));
}

/* The scales of LANES columns of B[rows][n]; those of columns of almost nothing are zero. */
static __m512
column_scales(int rows, int n, const float *b, int col)
{
	__mmask16	mask = first_lanes(n - col);
	__m512		top = _mm512_setzero_ps();
	__m512		scale;

	for (int i = 0; i < rows; i++)
		top = _mm512_max_ps(top, _mm512_abs_ps(_mm512_maskz_loadu_ps(mask, b + (ptrdiff_t) i * n + col)));
	scale = _mm512_div_ps(top, _mm512_set1_ps(ONE));
	return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(scale, _mm512_set1_ps(FLT_MIN), _CMP_GE_OQ), scale);
}

/*
 * Rows [row, row + GROUP) of a part of depth k, LANES columns from col on, as groups, the first row
 * lowest; their sums are taken ZERO times from *start.
 */
static inline __m512i
pack_group(int k, int n, const float *b, int row, int col, __m512 scale, __m512i *start)
{
	__mmask16	mask = first_lanes(n - col) & _mm512_cmp_ps_mask(scale, _mm512_setzero_ps(), _CMP_GT_OQ);
	__m512i		group = _mm512_setzero_si512();
	__m512i		sum = _mm512_setzero_si512();

	for (int i = 0; i < GROUP && row + i < k; i++)
	{
		__m512		x = _mm512_maskz_loadu_ps(mask, b + (ptrdiff_t) (row + i) * n + col);
		__m512i		q = _mm512_cvtps_epi32(_mm512_maskz_div_ps(mask, x, scale));

		sum = _mm512_add_epi32(sum, q);
		q = _mm512_and_si512(q, _mm512_set1_epi32(0xff));
		group = _mm512_or_si512(group, _mm512_sllv_epi32(q, _mm512_set1_epi32(8 * i)));
	}
	*start = _mm512_sub_epi32(*start, _mm512_mullo_epi32(sum, _mm512_set1_epi32(ZERO)));
	return group;
}

static void
pack(int parts, int k, int n, const float *b, void *packed)
{
	float	   *scales = packed;
	int32_t    *starts = (int32_t *) (scales + padded(n));
	Element    *panels = (Element *) (starts + padded(n));
	ptrdiff_t	panel = parts * part_size(k);

	for (int col = 0; col < (int) padded(n); col += LANES)
	{
		__m512		scale = column_scales(parts * k, n, b, col);
		__m512i		start = _mm512_setzero_si512();
		Element    *out = panels + col / PANEL * panel + col % PANEL * GROUP;

		for (int part = 0; part < parts; part++)
			for (int row = 0; row < k; row += GROUP, out += PANEL * GROUP)
				_mm512_storeu_si512(out, pack_group(k, n, b + (ptrdiff_t) part * k * n, row, col, scale, &start));
		_mm512_storeu_ps(scales + col, _mm512_div_ps(scale, _mm512_set1_ps(ONE)));
		_mm512_storeu_si512(starts + col, start);
	}
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
	.one = ONE,
	.multiply = multiply,
	.packed_size = packed_size,
	.pack = pack,
	.store = store,
};

/* The same where the processor has tiles besides. */
static void
multiply_tiles(const HwrProduct *p)
{
	if (p->k < HWR_AMX_LEAST_DEPTH || p->m < HWR_AMX_LEAST_ROWS)
		multiply(p);
	else
		hwr_amx_multiply_int8(p, packed_scales(p), packed_starts(p), packed_panels(p));
}

const HwrElements hwr_elements_amx_int8 = {
	.name = "int8",
	.size = 1,
	.panel = PANEL,
	.one = ONE,
	.multiply = multiply_tiles,
	.packed_size = packed_size,
	.pack = pack,
	.store = store,
};

_Static_assert(PANEL == HWR_AMX_PANEL, "tiles are loaded from panels of AVX-512");

#endif
