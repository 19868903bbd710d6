/*
 * kernels_bf16.c
 *	  Products of bfloat16 elements with AVX-512 BF16: two multiply-adds a lane and instruction, summed
 *	  in float32.
 *
 * B is packed in panels of 32 columns, rows in pairs: [k / 2][32 columns][2]; an odd depth is filled up with a
 * row of zeros, and A is then read one element further, which must be there and finite.
 */
#include "kernels.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prefer-vector-width=512")
#pragma GCC optimize("O3")

#include <immintrin.h>
#include <string.h>

typedef uint16_t Bf16;

#define LANES 16
#define PANEL 32
#define TILE_ROWS 8

/* Elements of a packed part of depth k in one panel. */
static inline ptrdiff_t
part_size(int k)
{
	return (ptrdiff_t) ((k + 1) / 2) * 2 * PANEL;
}

/* Write one row of a tile: columns [col, col + cols) of C, vectors of it. */
__attribute__((always_inline)) static inline void
store_row(const HwrProduct *p, int vectors, int row, int col, int cols, const __m512 *acc)
{
	float	   *c = p->c + (ptrdiff_t) row * p->c_row + col;

#pragma GCC unroll 8
	for (int v = 0; v < vectors; v++, c += LANES, cols -= LANES)
	{
		__mmask16	mask = cols >= LANES ? 0xffff : cols <= 0 ? 0 : (__mmask16) ((1u << cols) - 1);
		__m512		x = acc[v];

		if (p->accumulate)
			x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, c));
		if (p->bias != NULL)
			x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, p->bias + col + v * LANES));
		if (p->relu)
			x = _mm512_max_ps(x, _mm512_setzero_ps());
		_mm512_mask_storeu_ps(c, mask, x);
	}
}

/* A tile of rows x panels; both are constants once inlined. */
__attribute__((always_inline)) static inline void
tile(const HwrProduct *p, int rows, int panels, int row, int col, int cols)
{
	ptrdiff_t	part = part_size(p->k);
	ptrdiff_t	panel = part * p->parts;
	const Bf16 *a = p->a;
	const Bf16 *b = (const Bf16 *) p->b + (ptrdiff_t) (col / PANEL) * panel;
	__m512		acc[TILE_ROWS][8];

	a += (ptrdiff_t) row * p->a_row;
#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
		for (int v = 0; v < 2 * panels; v++)
			acc[r][v] = _mm512_setzero_ps();
	for (int i = 0; i < p->parts; i++, a += p->a_part)
		for (int k = 0; k < p->k; k += 2, b += 2 * PANEL)
		{
			__m512bh	bv[8];

#pragma GCC unroll 8
			for (int v = 0; v < 2 * panels; v++)
				bv[v] = (__m512bh) _mm512_loadu_si512(b + (v / 2) * panel + (v % 2) * 2 * LANES);
#pragma GCC unroll 8
			for (int r = 0; r < rows; r++)
			{
				int32_t		pair;
				__m512bh	av;

				memcpy(&pair, a + r * p->a_row + k, sizeof(pair));
				av = (__m512bh) _mm512_set1_epi32(pair);
#pragma GCC unroll 8
				for (int v = 0; v < 2 * panels; v++)
					acc[r][v] = _mm512_dpbf16_ps(acc[r][v], av, bv[v]);
			}
		}
#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
		store_row(p, 2 * panels, row + r, col, cols, acc[r]);
}

/* The last rows of C, fewer than a whole tile. */
__attribute__((always_inline)) static inline void
tile_rest(const HwrProduct *p, int rows, int row, int col, int cols)
{
	switch (rows)
	{
		case 1:
			tile(p, 1, 1, row, col, cols);
			break;
		case 2:
			tile(p, 2, 1, row, col, cols);
			break;
		case 3:
			tile(p, 3, 1, row, col, cols);
			break;
		case 4:
			tile(p, 4, 1, row, col, cols);
			break;
		case 5:
			tile(p, 5, 1, row, col, cols);
			break;
		case 6:
			tile(p, 6, 1, row, col, cols);
			break;
		case 7:
			tile(p, 7, 1, row, col, cols);
			break;
	}
}

/*
 * A row or two alone wait for their own sums: several panels at a time keep the multipliers busy.
 * Returns the first column that is left.
 */
static int
multiply_thin(const HwrProduct *p)
{
	int			col = 0;

	if (p->m == 1)
		for (; col + 4 * PANEL <= p->n; col += 4 * PANEL)
			tile(p, 1, 4, 0, col, 4 * PANEL);
	else if (p->m == 2)
		for (; col + 2 * PANEL <= p->n; col += 2 * PANEL)
			tile(p, 2, 2, 0, col, 2 * PANEL);
	return col;
}

static void
multiply(const HwrProduct *p)
{
	for (int col = multiply_thin(p); col < p->n; col += PANEL)
	{
		int			cols = p->n - col < PANEL ? p->n - col : PANEL;
		int			row = 0;

		for (; row + TILE_ROWS <= p->m; row += TILE_ROWS)
			tile(p, TILE_ROWS, 1, row, col, cols);
		tile_rest(p, p->m - row, row, col, cols);
	}
}

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
