/*
 * kernels_neon_bf16.c
 *	  Products of bfloat16 elements with the BF16 instructions of 64-bit Arm: two multiply-adds a lane and instruction, summed
 *	  in float32.
 */
#include "cpu/kernels/kernels.h"

#if defined(__aarch64__) && !defined(HWR_REAL_DOUBLE)

#pragma GCC target("arch=armv8.2-a+bf16")
#pragma GCC optimize("O3")

#include <string.h>

#include "lanes_neon.h"

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

static inline Sum
sum_add(Sum sum, Groups a, Groups b)
{
	return vbfdotq_f32(sum, vreinterpretq_bf16_u8(a), vreinterpretq_bf16_u8(b));
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

typedef float Vector __attribute__((vector_size(16)));

static inline Vector
load_elements(const Element *x)
{
	return (Vector) vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(x), 16));
}

static inline void
store_elements(Vector x, Element *out)
{
	vst1_u16(out, vreinterpret_u16_bf16(vcvt_bf16_f32((float32x4_t) x)));
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
	Element    *y = out;
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		store_elements((Vector) vld1q_f32(x + i), y + i);
	for (; i < n; i++)
		y[i] = to_bf16(x[i]);
}

/* Columns [col, col + width) of a pair of rows; second: there is one below. */
static inline void
pack_pair(const float *row, ptrdiff_t x_row, bool second, int cols, int width, Element *out)
{
	for (int j = 0; j < width; j++)
	{
		out[2 * j] = j < cols ? to_bf16(row[j]) : 0;
		out[2 * j + 1] = j < cols && second ? to_bf16(row[x_row + j]) : 0;
	}
}

static void
pack_rows(int depth, int n, int width, const float *x, ptrdiff_t x_row, void *packed, ptrdiff_t out_panel)
{
	Element    *out = packed;

	for (int col = 0; col < n; col += width, out += out_panel)
		for (int i = 0; i < depth; i += 2)
			pack_pair(x + i * x_row + col, x_row, i + 1 < depth, n - col, width, out + (ptrdiff_t) i * width);
}

static void
pack_columns(int depth, int n, const float *x, ptrdiff_t x_row, void *packed, ptrdiff_t out_panel)
{
	Element    *out = packed;

	for (int col = 0; col < n; col += PANEL, out += out_panel)
		for (int j = 0; j < PANEL; j++)
		{
			const float *from = x + (col + j) * x_row;

			for (int i = 0; i < depth + depth % 2; i++)
				out[(ptrdiff_t) (i / 2) * 2 * PANEL + 2 * j + i % 2] = col + j < n && i < depth ? to_bf16(from[i]) : 0;
		}
}

const HwrElements hwr_elements_neon_bf16 = {
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

#endif
