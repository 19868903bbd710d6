/*
 * kernels_neon_int8.c
 *	  Products of 8-bit elements with the dot products of 64-bit Arm: four multiply-adds a lane and instruction, summed exactly
 *	  in 32 bits.
 *
 * The elements stand for values in [-1, 1]: the byte of x is round(127 x).  Each column of B is
 * rounded to -127 .. 127 times a scale of its own.  The packed B begins, for its columns filled up
 * to whole panels, with
 *	 float32 scale[columns]		what a sum is multiplied by: the column's scale over 127
 * and the panels follow.
 */
#include "kernels.h"

#if defined(__aarch64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("arch=armv8.2-a+dotprod")
#pragma GCC optimize("O3")

#include <float.h>
#include <math.h>
#include <string.h>

#include "lanes_neon.h"

typedef int8_t Element;
typedef int32x4_t Sum;

#define GROUP 4
#define COLUMNS (PANEL_VECTORS * LANES)
#define ONE 127

/* Columns of whole panels. */
static inline size_t
padded(int n)
{
	return (size_t) (n + COLUMNS - 1) / COLUMNS * COLUMNS;
}

static inline const Element *
packed_panels(const HwrProduct *p)
{
	return (const Element *) ((const float *) p->b + padded(p->n));
}

static inline Sum
sum_start(const HwrProduct *p, int col)
{
	(void) p;
	(void) col;
	return vdupq_n_s32(0);
}

static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	return vdotq_s32(sum, vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b));
}

static inline Floats
sum_value(const HwrProduct *p, Sum sum, int col)
{
	return vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32((const float *) p->b + col));
}

#include "groups_impl.h"

static size_t
packed_size(int parts, int k, int n)
{
	return padded(n) * (sizeof(float) + (size_t) (parts * part_size(k) / PANEL));
}

/* What a column of B[rows][n] is divided by; zero for one of almost nothing. */
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
	float	   *scales = packed;
	Element    *panels = (Element *) (scales + padded(n));
	ptrdiff_t	panel = parts * part_size(k);

	memset(packed, 0, packed_size(parts, k, n));
	for (int col = 0; col < n; col++)
	{
		float		scale = column_scale(parts * k, n, b, col);
		Element    *out = panels + col / PANEL * panel + col % PANEL * GROUP;

		scales[col] = scale / ONE;
		for (int part = 0; part < parts && scale > 0; part++)
			for (int row = 0; row < k; row++)
				out[part * part_size(k) + row / GROUP * GROUP * PANEL + row % GROUP] =
					(Element) lrintf(b[((ptrdiff_t) part * k + row) * n + col] / scale);
	}
}

static void
store(size_t n, const float *x, void *out)
{
	Element    *y = out;

	for (size_t i = 0; i < n; i++)
		y[i] = (Element) lrintf(fminf(fmaxf(x[i] * ONE, -ONE), ONE));
}

const HwrElements hwr_elements_neon_int8 = {
	.name = "int8",
	.size = 1,
	.panel = PANEL,
	.multiply = multiply,
	.packed_size = packed_size,
	.pack = pack,
	.store = store,
};

#endif
