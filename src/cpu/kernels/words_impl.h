/*
 * words_impl.h
 *	  16-bit elements for the products of Winograd's convolution, included by the kernels that multiply such.
 *
 * Two products a lane and instruction are summed exactly in 32 bits, where float32 has one, and lose less than bfloat16: those
 * of A have 13 bits, those of B as many as the sum of a column leaves room for, 12 and more with up to 128 channels.
 *
 * An element of A is round(x by), "by" being such that nothing in a row of tiles exceeds A_ONE: each transformed value is at most
 * WINOGRAD_GAIN times the greatest of the map beneath.  That depends on nothing but the row of tiles, whoever computes it.  The
 * packed B begins, for its columns filled up to whole panels, with
 *	 float32 factor[columns]	what a sum is multiplied by, besides HwrTilesOut.by
 * and the panels follow.
 *
 * The including file has included lanes_avx2.h or lanes_avx512.h, and defines HWR_ELEMENTS_TABLE, Sum, and
 *	 sum_start(p, col), sum_add(sum, a, b)		as groups_impl.h asks
 *	 sums_as_floats(sum)
 *	 load_elements(x), store_elements(v, out)	as winograd_in_impl.h asks: from float32, to Element
 */
#include <float.h>
#include <math.h>

#define A_ONE 8191
#define B_MOST INT16_MAX

/* The greatest sum of magnitudes of a transform's factors, squared: of B' in winograd.h, its second row. */
#define WINOGRAD_GAIN ((float) ((3 + 3 * HWR_WINOGRAD_A) * (3 + 3 * HWR_WINOGRAD_A)))

#define COLUMNS (PANEL_VECTORS * LANES)

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

static inline const Element *
packed_panels(const HwrProduct *p)
{
	return (const Element *) (packed_factors(p) + padded(p->n));
}

static inline Floats
sum_value(const HwrProduct *p, Sum sum, int col)
{
	return sums_as_floats(sum) * floats_load(packed_factors(p) + col, LANES);
}

#include "groups_impl.h"

static size_t
packed_size(int parts, int k, int n)
{
	return padded(n) * (sizeof(float) + (size_t) (parts * part_size(k) / PANEL) * sizeof(Element));
}

/*
 * What the columns of B[rows][n] from col on are divided by, one panel's at most: no sum may exceed 32 bits; zero for one of
 * almost nothing.  Rows are read from left to right, as they lie.
 */
static void
column_scales(int rows, int n, const float *b, int col, int columns, float *scales)
{
	float		top[COLUMNS] = {0};
	float		sum[COLUMNS] = {0};

	for (int i = 0; i < rows; i++)
		for (int c = 0; c < columns; c++)
		{
			float		x = fabsf(b[(ptrdiff_t) i * n + col + c]);

			top[c] = x > top[c] ? x : top[c];
			sum[c] += x;
		}
	for (int c = 0; c < columns; c++)
	{
		/* each number may be rounded up by a half, and the sum in float32 down */
		float		scale = fmaxf(top[c] / B_MOST, sum[c] * (1 + 1e-4f) / ((float) (INT32_MAX / A_ONE) - (float) rows));

		scales[c] = scale >= FLT_MIN ? scale : 0;
	}
}

static void
pack(int parts, int k, int n, const float *b, void *packed)
{
	float	   *factors = packed;
	Element    *panels = (Element *) (factors + padded(n));
	ptrdiff_t	panel = parts * part_size(k);

	memset(packed, 0, packed_size(parts, k, n));
	for (int col = 0; col < n; col += COLUMNS)
	{
		Element    *out = panels + col / PANEL * panel;
		int			columns = n - col < COLUMNS ? n - col : COLUMNS;
		float		by[COLUMNS];

		column_scales(parts * k, n, b, col, columns, factors + col);
		for (int c = 0; c < columns; c++)
			by[c] = factors[col + c] > 0 ? 1 / factors[col + c] : 0;
		for (int part = 0; part < parts; part++, out += part_size(k))
			for (int row = 0; row < k; row++)
				for (int c = 0; c < columns; c++)
					out[row / GROUP * GROUP * PANEL + c * GROUP + row % GROUP] =
						(Element) lrintf(b[((ptrdiff_t) part * k + row) * n + col + c] * by[c]);
	}
}

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define MAP_ELEMENT float
#include "winograd_in_impl.h"

/* The greatest magnitude of the map under a row of tiles. */
static float
greatest(int tiles, int c, ptrdiff_t map_row, const float *map)
{
	Floats		top = floats_zero();
	int			n = (HWR_WINOGRAD_OUT * tiles + 2) * c;
	float		lanes[LANES];

	for (int y = 0; y < HWR_WINOGRAD_IN; y++, map += map_row)
		for (int i = 0; i < n; i += LANES)
		{
			Floats		x = floats_load(map + i, n - i);

			top = floats_max(top, floats_max(x, floats_zero() - x));
		}
	floats_store(lanes, LANES, top);
	for (int i = 1; i < LANES; i++)
		lanes[0] = fmaxf(lanes[0], lanes[i]);
	return lanes[0];
}

static float
winograd_in_scaled(int tiles, int c, ptrdiff_t map_row, const float *map, ptrdiff_t frequency, void *out)
{
	float		scale = greatest(tiles, c, map_row, map) * WINOGRAD_GAIN / A_ONE;

	winograd_row_in(tiles, c, map_row, map, frequency, out, scale >= FLT_MIN ? 1 / scale : 0);
	return scale;
}

const HwrElements HWR_ELEMENTS_TABLE = {
	.name = "int16",
	.size = sizeof(Element),
	.panel = PANEL,
	.multiply = multiply,
	.packed_size = packed_size,
	.pack = pack,
	.winograd_in_scaled = winograd_in_scaled,
};
