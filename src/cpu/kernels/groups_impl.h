/*
 * groups_impl.h
 *	  The product of elements narrower than 32 bits, included by the kernels for these.
 *
 * A group of GROUP elements along the depth fills 32 bits, and one instruction multiplies a group
 * of A with groups of LANES columns of B.  B is packed in panels of PANEL columns, rows in groups:
 * [k / GROUP][PANEL][GROUP]. A depth that is no multiple of GROUP is filled up with rows of zeros,
 * and A is then read up to GROUP - 1 elements further, which must be there and finite.
 *
 * The including file has included lanes_avx2.h, lanes_avx512.h or lanes_neon.h, and defines Element, GROUP, Sum
 * (a vector of LANES sums) and
 *	 packed_panels(p)			where the panels of p->b begin
 *	 sum_start(p, col)			the sums of columns col .. col + LANES - 1 before the first group
 *	 sum_add(sum, a, b)			sum + products of the groups
 *	 sum_value(p, sum, col)		the sums as float32
 *
 * TILE_DEPTH, if defined, is a file with another tile_depth(), which may do without sum_add.
 */

#define PANEL (PANEL_VECTORS * LANES)

/* Elements of a packed part of depth k in one panel. */
static inline ptrdiff_t
part_size(int k)
{
	return (ptrdiff_t) ((k + GROUP - 1) / GROUP) * GROUP * PANEL;
}

/* Write one row of a tile: columns [col, col + cols) of C, vectors of it. */
__attribute__((always_inline)) static inline void
store_row(const HwrProduct *p, int vectors, int row, int col, int cols, const Sum *acc)
{
	float	   *c = p->c + (ptrdiff_t) row * p->c_row + col;

#pragma GCC unroll 8
	for (int v = 0; v < vectors; v++, c += LANES, cols -= LANES)
	{
		Floats		x = sum_value(p, acc[v], col + v * LANES);
		if (p->accumulate)
			x += floats_load(c, cols);
		if (p->bias != NULL)
			x += floats_load(p->bias + col + v * LANES, cols);
		if (p->relu)
			x = floats_max(x, floats_zero());
		floats_store(c, cols, x);
	}
}

#ifdef TILE_DEPTH
#include TILE_DEPTH
#else
/* acc += A[rows][k] B[k][vectors] of one part; panels of B are "panel" elements apart. */
__attribute__((always_inline)) static inline void
tile_depth(int rows, int vectors, int depth, const Element *a, ptrdiff_t a_row, const Element *b, ptrdiff_t panel,
		   Sum acc[TILE_ROWS][4 * PANEL_VECTORS])
{
	for (int k = 0; k < depth; k += GROUP, b += GROUP * PANEL)
	{
		Groups		bv[4 * PANEL_VECTORS];

#pragma GCC unroll 16
		for (int v = 0; v < vectors; v++)
			bv[v] = groups_load(b + (v / PANEL_VECTORS) * panel + (v % PANEL_VECTORS) * GROUP * LANES);
#pragma GCC unroll 8
		for (int r = 0; r < rows; r++)
		{
			Groups		av = groups_spread(a + r * a_row + k);

#pragma GCC unroll 16
			for (int v = 0; v < vectors; v++)
				acc[r][v] = sum_add(acc[r][v], av, bv[v]);
		}
	}
}
#endif

/* A tile of rows x panels; both are constants once inlined. */
__attribute__((always_inline)) static inline void
tile(const HwrProduct *p, int rows, int panels, int row, int col, int cols)
{
	ptrdiff_t	part = part_size(p->k);
	ptrdiff_t	panel = part * p->parts;
	const Element *a = p->a;
	const Element *b = packed_panels(p) + (ptrdiff_t) (col / PANEL) * panel;
	Sum			acc[TILE_ROWS][4 * PANEL_VECTORS];

	a += (ptrdiff_t) row * p->a_row;
#pragma GCC unroll 16
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
		for (int v = 0; v < PANEL_VECTORS * panels; v++)
			acc[r][v] = sum_start(p, col + v * LANES);
	for (int i = 0; i < p->parts; i++, a += p->a_part, b += part)
		tile_depth(rows, PANEL_VECTORS * panels, p->k, a, p->a_row, b, panel, acc);
#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
		store_row(p, PANEL_VECTORS * panels, row + r, col, cols, acc[r]);
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
#if TILE_ROWS > 4
		case 4:
			tile(p, 4, 1, row, col, cols);
			break;
		case 5:
			tile(p, 5, 1, row, col, cols);
			break;
#endif
#if TILE_ROWS > 6
		case 6:
			tile(p, 6, 1, row, col, cols);
			break;
		case 7:
			tile(p, 7, 1, row, col, cols);
			break;
#endif
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
