/*
 * kernels_avx512_bf16.c
 *	  Products of bfloat16 elements with AVX-512 BF16: two multiply-adds a lane and instruction, summed
 *	  in float32.
 */
#include "cpu/kernels/amx.h"
#include "cpu/kernels/kernels.h"

#if defined(__x86_64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prefer-vector-width=512")
#pragma GCC optimize("O3")

#include <string.h>

#include "lanes_avx512.h"

typedef uint16_t Element;
typedef Floats Sum;

#define GROUP 2

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
	return floats_zero();
}

/* Not the intrinsic, after which GCC 12 copies sums between registers. */
static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	__asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
	return sum;
}

static inline Floats
sum_value(const HwrProduct *p, Sum sum, int col)
{
	(void) p;
	(void) col;
	return sum;
}

#include "cpu/kernels/groups_impl.h"

#include "cpu/kernels/bf16_impl.h"

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

#include "cpu/kernels/winograd_in_impl.h"

static void
winograd_in(int tiles, int c, ptrdiff_t map_row, const void *map, ptrdiff_t frequency, void *out)
{
	winograd_row_in(tiles, c, map_row, map, frequency, out, 1);
}

static void
store(size_t n, const float *x, void *out)
{
	Element	   *y = out;
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		_mm256_storeu_si256((__m256i *) (y + i), (__m256i) _mm512_cvtneps_pbh(_mm512_loadu_ps(x + i)));
	for (; i < n; i++)
		y[i] = to_bf16(x[i]);
}

/*
 * Gradients of weights
 */

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
store_pairs(__m512i pairs, int col, int width, int whole, Element *out, ptrdiff_t out_panel)
{
	Element	   *to = out + (col / width) * out_panel + (ptrdiff_t) (col % width) * 2;

	if (width >= LANES)
		_mm512_storeu_si512(to, pairs);
	else
	{
		_mm256_storeu_si256((__m256i *) to, _mm512_castsi512_si256(pairs));
		if (col + width < whole)
			_mm256_storeu_si256((__m256i *) (to + out_panel), _mm512_extracti64x4_epi64(pairs, 1));
	}
}

/*
 * A few columns at a time: as many panels as the L1 cache can write to at once, and rows read in
 * long enough pieces.
 */
static void
pack_rows(int depth, int n, int width, const float *x, ptrdiff_t x_row, void *packed, ptrdiff_t out_panel)
{
	int			whole = (n + width - 1) / width * width;

	for (int first = 0; first < whole; first += PACK_COLUMNS)
	{
		int			last = first + PACK_COLUMNS < whole ? first + PACK_COLUMNS : whole;
		const float *from = x;
		Element	   *out = packed;

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
		Element	   *out = (Element *) packed + (col / PANEL) * out_panel;

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
	.size = sizeof(Element),
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

/* The same where the processor has tiles besides. */
static void
multiply_tiles(const HwrProduct *p)
{
	if (p->k < HWR_AMX_LEAST_DEPTH)
		multiply(p);
	else
		hwr_amx_multiply_bf16(p);
}

const HwrElements hwr_elements_amx_bf16 = {
	.name = "bfloat16",
	.size = sizeof(Element),
	.panel = PANEL,
	.multiply = multiply_tiles,
	.packed_size = packed_size,
	.pack = pack,
	.convolution_size = hwr_amx_convolution_size,
	.convolution_pack = hwr_amx_convolution_pack,
	.convolve = hwr_amx_convolve_bf16,
	.store = store,
	.store_ink = store_ink,
	.group = 2,
	.outer_rows = HWR_AMX_OUTER_ROWS,
	.pack_rows = pack_rows,
	.pack_columns = pack_columns,
	.outer = hwr_amx_outer_bf16,
};

_Static_assert(PANEL == HWR_AMX_PANEL, "tiles are loaded from panels of AVX-512");

#endif
