/*
 * test_amx.c
 *	  The loops over AMX's tiles, on tiles that plain C imitates, so that they are tested on every processor.
 *
 * The operands lie at the ends of their memory and are surrounded by NaN: what is read beside them shows, in the result or to
 * AddressSanitizer.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference.h"

/* The imitation: Intel's Architecture Instruction Set Extensions, chapter "Intel AMX". */
static uint8_t tiles[8][16][64];
static bool tiles_set;

static void
imitate_load(int t, const void *from, ptrdiff_t stride)
{
	assert_true(tiles_set);
	for (int r = 0; r < 16; r++)
		memcpy(tiles[t][r], (const char *) from + r * stride, 64);
}

static void
imitate_store(int t, void *to, ptrdiff_t stride)
{
	assert_true(tiles_set);
	for (int r = 0; r < 16; r++)
		memcpy((char *) to + r * stride, tiles[t][r], 64);
}

static float
bf16_value(const uint8_t *at)
{
	uint16_t	half;
	uint32_t	bits;
	float		x;

	memcpy(&half, at, sizeof(half));
	bits = (uint32_t) half << 16;
	memcpy(&x, &bits, sizeof(x));
	return x;
}

static void
imitate_bf16(int c, int a, int b)
{
	for (int m = 0; m < 16; m++)
		for (int n = 0; n < 16; n++)
		{
			float		even = 0;
			float		odd = 0;
			float		sum;

			for (int k = 0; k < 16; k++)
			{
				even = fmaf(bf16_value(&tiles[a][m][4 * k]), bf16_value(&tiles[b][k][4 * n]), even);
				odd = fmaf(bf16_value(&tiles[a][m][4 * k + 2]), bf16_value(&tiles[b][k][4 * n + 2]), odd);
			}
			memcpy(&sum, &tiles[c][m][4 * n], sizeof(sum));
			sum += even + odd;
			memcpy(&tiles[c][m][4 * n], &sum, sizeof(sum));
		}
}

static void
imitate_int8(int c, int a, int b)
{
	for (int m = 0; m < 16; m++)
		for (int n = 0; n < 16; n++)
		{
			int32_t		sum;

			memcpy(&sum, &tiles[c][m][4 * n], sizeof(sum));
			for (int k = 0; k < 64; k++)
				sum += tiles[a][m][k] * (int8_t) tiles[b][k / 4][4 * n + k % 4];
			memcpy(&tiles[c][m][4 * n], &sum, sizeof(sum));
		}
}

#define TILES_SET(config) (memset(tiles, 0, sizeof(tiles)), tiles_set = (config)->palette == 1)
#define TILES_RELEASE() (tiles_set = false)
#define TILE_ZERO(t) memset(tiles[t], 0, sizeof(tiles[t]))
#define TILE_LOAD(t, from, stride) imitate_load(t, from, stride)
#define TILE_STORE(t, to, stride) imitate_store(t, to, stride)
#define TILE_BF16(c, a, b) imitate_bf16(c, a, b)
#define TILE_INT8(c, a, b) imitate_int8(c, a, b)

#define ROW_LOAD(from, bytes) ({ Row loaded = {0}; memcpy(&loaded, from, (size_t) (bytes)); loaded; })
#define ROW_STORE(to, row, bytes) do { Row stored = (row); memcpy(to, &stored, (size_t) (bytes)); } while (0)

#define BF16_STORE(to, left, right, n) imitate_bf16_store(to, (float *) &(left), (float *) &(right), n)

static void
imitate_bf16_store(void *to, const float *left, const float *right, int n)
{
	for (int i = 0; i < n; i++)
	{
		uint32_t	bits;
		uint16_t	half;

		memcpy(&bits, i < 16 ? left + i : right + i - 16, sizeof(bits));
		half = (uint16_t) ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
		memcpy((char *) to + 2 * i, &half, sizeof(half));
	}
}

/* The library has functions of these names. */
#define hwr_amx_multiply_bf16 imitated_multiply_bf16
#define hwr_amx_multiply_int8 imitated_multiply_int8
#define hwr_amx_outer_bf16 imitated_outer_bf16
#define hwr_amx_convolution_size imitated_convolution_size
#define hwr_amx_convolution_pack imitated_convolution_pack
#define hwr_amx_convolve_bf16 imitated_convolve_bf16

/* Vectors of 64 bytes are passed in memory here; they stay inside this file. */
#pragma GCC diagnostic ignored "-Wpsabi"

#include "cpu/kernels/amx_impl.h"

#define NAN_BYTE 0xff			/* two of them are a NaN in bfloat16, four in float32 */

static uint16_t
to_bf16(float x)
{
	uint32_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	return (uint16_t) (bits >> 16);
}

static float
from_bf16(uint16_t x)
{
	return bf16_value((const uint8_t *) &x);
}

/* Elements that nothing but whole operands may touch: n of them at the end of memory of their own. */
static void *
at_end(void **memory, size_t bytes)
{
	size_t		before = 64;

	*memory = malloc(before + bytes);
	memset(*memory, NAN_BYTE, before + bytes);
	return (char *) *memory + before;
}

/* A shape of a product. */
typedef struct Shape
{
	int			m;
	int			n;
	int			k;
	int			parts;
	int			a_gap;			/* elements between rows of A */
	bool		accumulate;
	bool		bias;
	bool		relu;
} Shape;

static const Shape shapes[] = {
	{16, 32, 32, 1, 0, false, false, false},
	{32, 32, 64, 1, 0, false, true, false},
	{1, 1, 16, 1, 0, false, false, false},
	{1, 79, 512, 1, 0, false, true, false},
	{17, 33, 33, 1, 3, true, true, true},
	{33, 65, 96, 3, 5, false, true, true},
	{64, 128, 192, 3, 128, true, false, true},
	{5, 16, 48, 2, 7, false, false, true},
	{47, 31, 17, 1, 1, true, true, false},
	{2, 100, 130, 1, 0, false, false, false},
	{31, 48, 63, 5, 2, true, true, true},
};

static float
drawn(uint32_t stream, int i)
{
	return from_bf16(to_bf16((float) reference_value(stream, (uint32_t) i)));
}

static void
check_bf16(const Shape *s)
{
	int			a_row = s->k + s->a_gap;
	int			a_part = s->m * a_row;
	int			pairs = (s->k + 1) / 2;
	int			panels = (s->n + 31) / 32;
	void	   *memory[3];
	size_t		a_size = ((size_t) s->parts * a_part - (size_t) s->a_gap + s->k % 2) * sizeof(uint16_t);
	uint16_t   *a = at_end(&memory[0], a_size);
	uint16_t   *b = at_end(&memory[1], (size_t) panels * s->parts * pairs * 64 * sizeof(uint16_t));
	float	   *c = at_end(&memory[2], ((size_t) (s->m - 1) * (s->n + 3) + s->n) * sizeof(float));
	float	   *bias = malloc((size_t) s->n * sizeof(float));
	HwrProduct	p = {
		.m = s->m,.n = s->n,.k = s->k,.parts = s->parts,.a = a,.a_row = a_row,.a_col = 1,.a_part = a_part,.b = b,.c = c,
		.c_row = s->n + 3,.accumulate = s->accumulate,.bias = s->bias ? bias : NULL,.relu = s->relu,
	};

	for (int part = 0; part < s->parts; part++)
		for (int i = 0; i < s->m; i++)
			for (int j = 0; j < s->k; j++)
				a[part * a_part + i * a_row + j] = to_bf16(drawn(1, (part * s->m + i) * s->k + j));
	for (int col = 0; col < panels * 32; col++)
		for (int part = 0; part < s->parts; part++)
			for (int i = 0; i < 2 * pairs; i++)
				b[((size_t) (col / 32 * s->parts + part) * pairs + i / 2) * 64 + col % 32 * 2 + i % 2] =
					i < s->k && col < s->n ? to_bf16(drawn(2, (part * s->k + i) * s->n + col)) : 0;
	for (int i = 0; i < s->m; i++)
		for (int j = 0; j < s->n; j++)
			c[i * p.c_row + j] = drawn(3, i + j);
	for (int j = 0; j < s->n; j++)
		bias[j] = drawn(4, j);
	imitated_multiply_bf16(&p);
	assert_false(tiles_set);
	for (int i = 0; i < s->m; i++)
		for (int j = 0; j < s->n; j++)
		{
			double		sum = (s->accumulate ? drawn(3, i + j) : 0) + (s->bias ? drawn(4, j) : 0);

			for (int part = 0; part < s->parts; part++)
				for (int k = 0; k < s->k; k++)
					sum += (double) drawn(1, (part * s->m + i) * s->k + k) * drawn(2, (part * s->k + k) * s->n + j);
			if (s->relu && sum < 0)
				sum = 0;
			assert_true(fabs(c[i * p.c_row + j] - sum) <= 1e-5 * s->parts * s->k);
		}
	/* What lies between C's rows is not C's. */
	for (int i = 0; i + 1 < s->m; i++)
		for (int j = 0; j < 3; j++)
			assert_true(isnan(c[i * p.c_row + s->n + j]));
	for (int i = 0; i < 3; i++)
		free(memory[i]);
	free(bias);
}

static void
test_multiply_bf16(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		check_bf16(&shapes[i]);
}

static void
check_int8(const Shape *s)
{
	int			a_row = s->k + s->a_gap;
	int			a_part = s->m * a_row;
	int			groups = (s->k + 3) / 4;
	int			panels = (s->n + 31) / 32;
	void	   *memory[2];
	uint8_t    *a = at_end(&memory[0], (size_t) s->parts * a_part - s->a_gap);
	int8_t	   *b = at_end(&memory[1], (size_t) panels * s->parts * groups * 128);
	float	   *c = malloc((size_t) s->m * s->n * sizeof(float));
	float	   *bias = malloc((size_t) s->n * sizeof(float));
	float	   *scales = malloc((size_t) panels * 32 * sizeof(float));
	int32_t    *starts = malloc((size_t) panels * 32 * sizeof(int32_t));
	HwrProduct	p = {
		.m = s->m,.n = s->n,.k = s->k,.parts = s->parts,.a = a,.a_row = a_row,.a_col = 1,.a_part = a_part,.c = c,
		.c_row = s->n,.accumulate = s->accumulate,.bias = s->bias ? bias : NULL,.relu = s->relu,
	};

	for (int part = 0; part < s->parts; part++)
		for (int i = 0; i < s->m; i++)
			for (int j = 0; j < s->k; j++)
				a[part * a_part + i * a_row + j] = (uint8_t) (1 + (part * 31 + i * 17 + j * 5) % 255);
	for (int col = 0; col < panels * 32; col++)
	{
		scales[col] = 1.0f / (float) (128 + col);
		starts[col] = -37 * col;
		for (int part = 0; part < s->parts; part++)
			for (int i = 0; i < 4 * groups; i++)
				b[((size_t) (col / 32 * s->parts + part) * groups + i / 4) * 128 + col % 32 * 4 + i % 4] =
					(int8_t) (i < s->k && col < s->n ? (part * 7 + i * 11 + col * 3) % 255 - 127 : 0);
	}
	for (int i = 0; i < s->m * s->n; i++)
		c[i] = drawn(3, i);
	for (int j = 0; j < s->n; j++)
		bias[j] = drawn(4, j);
	imitated_multiply_int8(&p, scales, starts, b);
	assert_false(tiles_set);
	for (int i = 0; i < s->m; i++)
		for (int j = 0; j < s->n; j++)
		{
			int32_t		sum = starts[j];
			double		x;

			for (int part = 0; part < s->parts; part++)
				for (int k = 0; k < s->k; k++)
					sum += (1 + (part * 31 + i * 17 + k * 5) % 255) * ((part * 7 + k * 11 + j * 3) % 255 - 127);
			x = (double) sum * scales[j] + (s->accumulate ? drawn(3, i * s->n + j) : 0) + (s->bias ? bias[j] : 0);
			if (s->relu && x < 0)
				x = 0;
			assert_true(fabs(c[i * s->n + j] - x) <= 1e-6 * (1 + fabs(x)));
		}
	for (int i = 0; i < 2; i++)
		free(memory[i]);
	free(c);
	free(bias);
	free(scales);
	free(starts);
}

static void
test_multiply_int8(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		check_int8(&shapes[i]);
}

/* Gradients of weights: A in panels of 16 columns, B in panels of 32, pairs of rows together. */
static void
check_outer(int m, int n, int depth, int parts, int shift)
{
	int			pairs = (depth + 1) / 2 + shift;
	int			a_panel = parts * pairs * 32;
	int			b_panel = parts * pairs * 64;
	void	   *memory[3];
	uint16_t   *a = at_end(&memory[0], (size_t) ((m + 15) / 16) * a_panel * sizeof(uint16_t));
	uint16_t   *b = at_end(&memory[1], (size_t) ((n + 31) / 32) * b_panel * sizeof(uint16_t));
	float	   *c = at_end(&memory[2], ((size_t) (m - 1) * (n + 1) + n) * sizeof(float));
	HwrOuter	p = {
		.m = m,.n = n,.depth = depth,.parts = parts,.a = a + shift * 32,.a_panel = a_panel,.a_part = pairs * 32,
		.b = b,.b_panel = b_panel,.b_part = pairs * 64,.c = c,.c_row = n + 1,
	};

	for (int part = 0; part < parts; part++)
		for (int d = 0; d < 2 * pairs; d++)
		{
			for (int i = 0; i < (m + 15) / 16 * 16; i++)
				a[i / 16 * a_panel + part * pairs * 32 + d / 2 * 32 + i % 16 * 2 + d % 2] =
					i < m ? to_bf16(drawn(1, (part * 2 * pairs + d) * m + i)) : 0;
			for (int i = 0; i < (n + 31) / 32 * 32; i++)
				b[i / 32 * b_panel + part * pairs * 64 + d / 2 * 64 + i % 32 * 2 + d % 2] =
					i < n && d < depth ? to_bf16(drawn(2, (part * 2 * pairs + d) * n + i)) : 0;
		}
	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++)
			c[i * p.c_row + j] = drawn(3, i + j);
	imitated_outer_bf16(&p);
	assert_false(tiles_set);
	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++)
		{
			double		sum = drawn(3, i + j);

			for (int part = 0; part < parts; part++)
				for (int d = 0; d < depth; d++)
					sum += (double) drawn(1, (part * 2 * pairs + d + 2 * shift) * m + i) *
						drawn(2, (part * 2 * pairs + d) * n + j);
			assert_true(fabs(c[i * p.c_row + j] - sum) <= 1e-5 * parts * depth);
		}
	for (int i = 0; i + 1 < m; i++)
		assert_true(isnan(c[i * p.c_row + n]));
	for (int i = 0; i < 3; i++)
		free(memory[i]);
}

static void
test_outer(void **state)
{
	(void) state;
	check_outer(16, 32, 32, 1, 0);
	check_outer(32, 32, 64, 1, 0);
	check_outer(64, 128, 256, 2, 0);
	check_outer(1, 32, 37, 1, 0);
	check_outer(3, 16, 31, 3, 1);
	check_outer(17, 33, 5, 2, 2);
	check_outer(47, 79, 130, 1, 1);
	check_outer(33, 1, 1, 1, 0);
	check_outer(16, 32, 1100, 1, 0);
}

/* A convolution with what follows it. */
typedef struct Stage
{
	int			rows;			/* of the output */
	int			columns;
	int			c;
	int			d;
	int			ky;
	int			kx;
	int			pool_y;
	int			pool_x;
	bool		relu;
	bool		before;
	bool		after;
} Stage;

static const Stage stages[] = {
	{4, 16, 32, 32, 3, 3, 2, 2, true, false, true},
	{3, 21, 1, 16, 3, 3, 2, 2, true, true, false},
	{3, 9, 16, 48, 3, 3, 1, 1, true, true, false},
	{2, 33, 48, 33, 3, 5, 2, 1, false, false, true},
	{1, 1, 5, 1, 2, 3, 1, 1, false, false, false},
	{5, 40, 1, 7, 4, 13, 2, 2, true, false, false},
	{2, 17, 64, 128, 3, 3, 2, 1, true, true, true},
	{1, 8, 2, 65, 1, 1, 1, 1, false, true, false},
};

static double
convolved(const Stage *s, const uint16_t *map, ptrdiff_t map_row, int y, int x, int channel, const float *const vectors[5])
{
	double		sum = vectors[0][channel];

	for (int ky = 0; ky < s->ky; ky++)
		for (int k = 0; k < s->kx * s->c; k++)
			sum += (double) from_bf16(map[(y + ky) * map_row + x * s->c + k]) *
				drawn(2, (ky * s->kx * s->c + k) * s->d + channel);
	if (s->relu && sum < 0)
		sum = 0;
	return s->before ? sum * vectors[1][channel] + vectors[2][channel] : sum;
}

static void
check_convolve(const Stage *s)
{
	int			high = s->rows * s->pool_y + s->ky - 1;
	int			wide = s->columns * s->pool_x + s->kx - 1;
	ptrdiff_t	map_row = (ptrdiff_t) wide * s->c;
	size_t		size = (size_t) high * map_row + HWR_CONVOLVE_PAST(s->c);
	ptrdiff_t	out_row = (ptrdiff_t) s->columns * s->d + 3;
	void	   *memory[3];
	uint16_t   *map = at_end(&memory[0], size * sizeof(uint16_t));
	size_t		packed = imitated_convolution_size(s->ky, s->kx, s->c, s->d);
	void	   *kernel = at_end(&memory[1], packed);
	uint16_t   *out = at_end(&memory[2], ((size_t) (s->rows - 1) * out_row + (size_t) s->columns * s->d) * sizeof(uint16_t));
	float	   *values = malloc((size_t) (s->ky * s->kx * s->c * s->d) * sizeof(float));
	float	   *vectors[5];
	HwrConvolution p = {
		.rows = s->rows,.columns = s->columns,.c = s->c,.d = s->d,.ky = s->ky,.kx = s->kx,.map = map,.map_row = map_row,
		.kernel = kernel,.relu = s->relu,.pool_y = s->pool_y,.pool_x = s->pool_x,.out = out,.out_row = out_row,
	};

	for (size_t i = 0; i < size; i++)
		map[i] = to_bf16(drawn(1, (int) i));
	for (int i = 0; i < s->ky * s->kx * s->c * s->d; i++)
		values[i] = drawn(2, i);
	for (int v = 0; v < 5; v++)
	{
		vectors[v] = malloc((size_t) s->d * sizeof(float));
		for (int i = 0; i < s->d; i++)
			vectors[v][i] = drawn(3 + (uint32_t) v, i);
	}
	p.bias = vectors[0];
	p.scale = s->before ? vectors[1] : NULL;
	p.shift = vectors[2];
	p.after_scale = s->after ? vectors[3] : NULL;
	p.after_shift = vectors[4];
	imitated_convolution_pack(s->ky, s->kx, s->c, s->d, values, kernel);
	imitated_convolve_bf16(&p);
	assert_false(tiles_set);
	for (int y = 0; y < s->rows; y++)
		for (int x = 0; x < s->columns; x++)
			for (int i = 0; i < s->d; i++)
			{
				double		most = -INFINITY;

				for (int w = 0; w < s->pool_y * s->pool_x; w++)
					most = fmax(most, convolved(s, map, map_row, y * s->pool_y + w / s->pool_x, x * s->pool_x + w % s->pool_x,
												i, (const float *const *) vectors));
				if (s->after)
					most = most * vectors[3][i] + vectors[4][i];
				assert_true(fabs(from_bf16(out[y * out_row + x * s->d + i]) - most) <= 0.004 * (0.01 + fabs(most)));
			}
	/* What lies between the rows of the output is not written. */
	for (int y = 0; y + 1 < s->rows; y++)
		for (int i = 0; i < 3; i++)
			assert_int_equal(out[y * out_row + s->columns * s->d + i], 0xffff);
	for (int v = 0; v < 5; v++)
		free(vectors[v]);
	for (int i = 0; i < 3; i++)
		free(memory[i]);
	free(values);
}

static void
test_convolve(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		check_convolve(&stages[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multiply_bf16),
		cmocka_unit_test(test_multiply_int8),
		cmocka_unit_test(test_outer),
		cmocka_unit_test(test_convolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
