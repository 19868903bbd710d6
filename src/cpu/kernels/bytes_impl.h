/*
 * bytes_impl.h
 *	  8-bit elements, included by the kernels that multiply such.
 *
 * Those of A stand for values in [-1, 1]: the byte of x is round(A_ONE x) + A_ZERO.  Each column of B is rounded
 * to -127 .. 127 times a scale of its own.  The packed B begins, for its columns filled up to whole panels, with
 *	 float32 factor[columns]	what a sum is multiplied by: the column's scale over A_ONE
 *	 int32   start[columns]		-A_ZERO times the sum of the column: what sums begin with
 * and the panels follow.
 *
 * With HELD defined, that many groups are added in 16 bits (bytes_pairs_impl.h), and the scale of a column is such that they
 * can be.
 *
 * The including file has included lanes_avx2.h or lanes_neon.h, and defines HWR_ELEMENTS_TABLE, A_ONE, A_ZERO, Sum, and
 * sum_start, sum_add and sum_value as groups_impl.h asks, with packed_starts and packed_factors; with HELD, instead of sum_add
 * what bytes_pairs_impl.h asks.
 */
#include <float.h>
#include <math.h>
#include <string.h>

typedef int8_t Element;			/* of B */

#define GROUP 4
#define COLUMNS (PANEL_VECTORS * LANES)
#define B_ONE 127

/* Columns of whole panels. */
static inline size_t
padded(int n)
{
	return (size_t) (n + COLUMNS - 1) / COLUMNS * COLUMNS;
}

static inline const float *
packed_factors(const HwrProduct *p)
{
	return p->b;
}

static inline const int32_t *
packed_starts(const HwrProduct *p)
{
	return (const int32_t *) (packed_factors(p) + padded(p->n));
}

static inline const Element *
packed_panels(const HwrProduct *p)
{
	return (const Element *) (packed_starts(p) + padded(p->n));
}

static inline Sum sum_start(const HwrProduct *p, int col);
static inline Floats sum_value(const HwrProduct *p, Sum sum, int col);
#ifdef HELD
static inline Pairs pairs_of(Groups a, Groups b);
static inline Pairs pairs_add(Pairs x, Pairs y);
static inline Sum sum_pairs(Sum sum, Pairs x);

#define TILE_DEPTH "bytes_pairs_impl.h"
#else
static inline Sum sum_add(Sum sum, Groups a, Groups b);
#endif

#include "groups_impl.h"

static size_t
packed_size(int parts, int k, int n)
{
	return padded(n) * (sizeof(float) + sizeof(int32_t) + (size_t) (parts * part_size(k) / PANEL));
}

#ifdef HELD
/* The greatest sums of magnitudes that HELD groups of columns of B[k][n] add up in 16 bits, where they are greater. */
static void
raise_to_held(int k, int n, const float *b, int columns, float *top)
{
	for (int row = 0; row < k; row += HELD * GROUP)
	{
		float		sum[2][COLUMNS] = {0};

		for (int i = row; i < row + HELD * GROUP && i < k; i++)
			for (int c = 0; c < columns; c++)
				sum[i % GROUP / 2][c] += fabsf(b[(ptrdiff_t) i * n + c]);
		for (int c = 0; c < columns; c++)
		{
			float		x = sum[0][c] > sum[1][c] ? sum[0][c] : sum[1][c];

			top[c] = x > top[c] ? x : top[c];
		}
	}
}
#endif

/*
 * What columns of B[parts][k][n] are divided by, one panel's at most; zero for one of almost nothing.  Rows are read from left to
 * right, as they lie.
 */
static void
column_scales(int parts, int k, int n, const float *b, int columns, float *scales)
{
	float		top[COLUMNS] = {0};
#ifdef HELD
	float		held[COLUMNS] = {0};
#endif

	for (int i = 0; i < parts * k; i++)
		for (int c = 0; c < columns; c++)
		{
			float		x = fabsf(b[(ptrdiff_t) i * n + c]);

			top[c] = x > top[c] ? x : top[c];
		}
#ifdef HELD
	/* Each of 2 HELD numbers may be rounded up by a half. */
	for (int part = 0; part < parts; part++)
		raise_to_held(k, n, b + (ptrdiff_t) part * k * n, columns, held);
#endif
	for (int c = 0; c < columns; c++)
	{
		float		scale = top[c] / B_ONE;

#ifdef HELD
		scale = fmaxf(scale, held[c] / (INT16_MAX / (A_ZERO + A_ONE) - HELD));
#endif
		scales[c] = scale >= FLT_MIN ? scale : 0;
	}
}

static void
pack(int parts, int k, int n, const float *b, void *packed)
{
	float	   *factors = packed;
	int32_t    *starts = (int32_t *) (factors + padded(n));
	Element    *panels = (Element *) (starts + padded(n));
	ptrdiff_t	panel = parts * part_size(k);

	memset(packed, 0, packed_size(parts, k, n));
	for (int col = 0; col < n; col += COLUMNS)
	{
		Element    *out = panels + col / PANEL * panel;
		int			columns = n - col < COLUMNS ? n - col : COLUMNS;
		float		scales[COLUMNS];
		int32_t		sums[COLUMNS] = {0};

		column_scales(parts, k, n, b + col, columns, scales);
		for (int part = 0; part < parts; part++, out += part_size(k))
			for (int row = 0; row < k; row++)
				for (int c = 0; c < columns; c++)
				{
					float		x = b[((ptrdiff_t) part * k + row) * n + col + c];
					Element		q = (Element) (scales[c] > 0 ? lrintf(x / scales[c]) : 0);

					out[row / GROUP * GROUP * PANEL + c * GROUP + row % GROUP] = q;
					sums[c] += q;
				}
		for (int c = 0; c < columns; c++)
		{
			factors[col + c] = scales[c] / A_ONE;
			starts[col + c] = -A_ZERO * sums[c];
		}
	}
}

static void
store(size_t n, const float *x, void *out)
{
	uint8_t    *y = out;

	/* Comparisons become vectors of the compiler's, fminf does not. */
	for (size_t i = 0; i < n; i++)
	{
		float		v = x[i] * A_ONE;

		v = v > -A_ONE ? v : -A_ONE;
		v = v < A_ONE ? v : A_ONE;
		y[i] = (uint8_t) ((int) rintf(v) + A_ZERO);
	}
}

const HwrElements HWR_ELEMENTS_TABLE = {
	.name = "int8",
	.size = 1,
	.panel = PANEL,
	.one = A_ONE,
	.multiply = multiply,
	.packed_size = packed_size,
	.pack = pack,
	.store = store,
};
