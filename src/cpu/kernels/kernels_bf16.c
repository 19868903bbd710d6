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

typedef Bf16 Element;
typedef float Vector __attribute__((vector_size(64)));

static inline Vector
load_elements(const Element *x)
{
	__m512i		wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) x));

	return (Vector) _mm512_slli_epi32(wide, 16);
}

static inline void
store_elements(Vector x, Element *out)
{
	_mm256_storeu_si256((__m256i *) out, (__m256i) _mm512_cvtneps_pbh((__m512) x));
}

#include "winograd_in_impl.h"

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

/*
 * Gradients of weights
 */

/* One tile of C: rows of it are stored. */
__attribute__((always_inline)) static inline void
outer_tile(const HwrOuter *p, int rows, const Bf16 *a, const Bf16 *b, float *c, int cols)
{
	__mmask16	mask0 = cols >= LANES ? 0xffff : (__mmask16) ((1u << cols) - 1);
	__mmask16	mask1 = cols >= PANEL ? 0xffff : cols <= LANES ? 0 : (__mmask16) ((1u << (cols - LANES)) - 1);
	__m512		acc[TILE_ROWS][2];

#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
		acc[r][0] = acc[r][1] = _mm512_setzero_ps();
	for (int part = 0; part < p->parts; part++)
	{
		const Bf16 *ap = a + part * p->a_part;
		const Bf16 *bp = b + part * p->b_part;

		for (int i = 0; i < p->depth; i += 2, ap += 2 * TILE_ROWS, bp += 2 * PANEL)
		{
			__m512bh	b0 = (__m512bh) _mm512_loadu_si512(bp);
			__m512bh	b1 = (__m512bh) _mm512_loadu_si512(bp + 2 * LANES);

#pragma GCC unroll 8
			for (int r = 0; r < rows; r++)
			{
				int32_t		pair;
				__m512bh	av;

				memcpy(&pair, ap + 2 * r, sizeof(pair));
				av = (__m512bh) _mm512_set1_epi32(pair);
				acc[r][0] = _mm512_dpbf16_ps(acc[r][0], av, b0);
				acc[r][1] = _mm512_dpbf16_ps(acc[r][1], av, b1);
			}
		}
	}
#pragma GCC unroll 8
	for (int r = 0; r < rows; r++, c += p->c_row)
	{
		_mm512_mask_storeu_ps(c, mask0, _mm512_add_ps(acc[r][0], _mm512_maskz_loadu_ps(mask0, c)));
		_mm512_mask_storeu_ps(c + LANES, mask1, _mm512_add_ps(acc[r][1], _mm512_maskz_loadu_ps(mask1, c + LANES)));
	}
}

static void
outer(const HwrOuter *p)
{
	const Bf16 *b = p->b;

	for (int col = 0; col < p->n; col += PANEL, b += p->b_panel)
	{
		const Bf16 *a = p->a;
		int			cols = p->n - col < PANEL ? p->n - col : PANEL;

		for (int row = 0; row < p->m; row += TILE_ROWS, a += p->a_panel)
		{
			float	   *c = p->c + row * p->c_row + col;
			int			rows = p->m - row;

			if (rows >= TILE_ROWS)
				outer_tile(p, TILE_ROWS, a, b, c, cols);
			else
				for (int r = 0; r < rows;)
				{
					if (rows - r >= 3)	/* the kernel rows of an image's only channel */
					{
						outer_tile(p, 3, a + 2 * r, b, c + r * p->c_row, cols);
						r += 3;
					}
					else
					{
						outer_tile(p, 1, a + 2 * r, b, c + r * p->c_row, cols);
						r++;
					}
				}
		}
	}
}

/* Sixteen columns of two rows, each pair in a 32-bit lane; below: the second row, or NULL. */
__attribute__((always_inline)) static inline __m512i
pair_up(const float *row, const float *below, __mmask16 mask)
{
	__m512i		x = _mm512_cvtepu16_epi32((__m256i) _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, row)));
	__m512i		y;

	if (below == NULL)
		return x;
	y = _mm512_cvtepu16_epi32((__m256i) _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, below)));
	return _mm512_or_si512(x, _mm512_slli_epi32(y, 16));
}

/* Columns packed at a time */
#define PACK_COLUMNS 64

/* One vector of columns of two rows to its place: a panel is wider, or takes half of it. */
__attribute__((always_inline)) static inline void
store_pairs(__m512i pairs, int col, int width, int whole, Bf16 *out, ptrdiff_t out_panel)
{
	Bf16	   *to = out + (col / width) * out_panel + (ptrdiff_t) (col % width) * 2;

	if (width >= LANES)
		_mm512_storeu_si512(to, pairs);
	else
	{
		_mm256_storeu_si256((__m256i *) to, _mm512_castsi512_si256(pairs));
		if (col + width < whole)
			_mm256_storeu_si256((__m256i *) (to + out_panel), _mm512_extracti64x4_epi64(pairs, 1));
	}
}

/* A few columns at a time: as many panels as the L1 cache can write to at once, and rows read in long enough pieces. */
static void
pack_rows(int depth, int n, int width, const float *x, ptrdiff_t x_row, void *packed, ptrdiff_t out_panel)
{
	int			whole = (n + width - 1) / width * width;

	for (int first = 0; first < whole; first += PACK_COLUMNS)
	{
		int			last = first + PACK_COLUMNS < whole ? first + PACK_COLUMNS : whole;
		const float *from = x;
		Bf16	   *out = packed;

		for (int i = 0; i < depth; i += 2, from += 2 * x_row, out += 2 * (ptrdiff_t) width)
			for (int col = first; col < last; col += LANES)
			{
				__mmask16	mask = n - col >= LANES ? 0xffff : n <= col ? 0 : (__mmask16) ((1u << (n - col)) - 1);

				store_pairs(pair_up(from + col, i + 1 < depth ? from + x_row + col : NULL, mask),
							col, width, whole, out, out_panel);
			}
	}
}

static void
pack_columns(int depth, int n, const float *x, ptrdiff_t x_row, void *packed, ptrdiff_t out_panel)
{
	for (int col = 0; col < n; col += PANEL)
	{
		Bf16	   *out = (Bf16 *) packed + (col / PANEL) * out_panel;

		for (int j = 0; j < PANEL; j++)
		{
			const float *from = x + (col + j) * x_row;
			int			i = 0;

			for (; col + j < n && i + 2 * LANES <= depth; i += 2 * LANES)
			{
				uint32_t	pairs[LANES];

				_mm512_storeu_si512(pairs, (__m512i) _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + LANES),
																		  _mm512_loadu_ps(from + i)));
#pragma GCC unroll 16
				for (int l = 0; l < LANES; l++)
					memcpy(out + (ptrdiff_t) (i + 2 * l) * PANEL + 2 * j, &pairs[l], sizeof(pairs[l]));
			}
			for (; i < depth; i++)
				out[(ptrdiff_t) (i / 2) * 2 * PANEL + 2 * j + i % 2] = col + j < n ? to_bf16(from[i]) : 0;
			if (depth % 2 != 0)
				out[(ptrdiff_t) (depth / 2) * 2 * PANEL + 2 * j + 1] = 0;
		}
	}
}

const HwrElements hwr_elements_avx512_bf16 = {
	.name = "bfloat16",
	.size = sizeof(Bf16),
	.panel = PANEL,
	.multiply = multiply,
	.packed_size = packed_size,
	.pack = pack,
	.winograd_in = winograd_in,
	.store = store,
	.store_ink = store_ink,
	.group = 2,
	.outer_rows = TILE_ROWS,
	.pack_rows = pack_rows,
	.pack_columns = pack_columns,
	.outer = outer,
};

#endif
