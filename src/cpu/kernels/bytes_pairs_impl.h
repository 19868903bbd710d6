/*
 * bytes_pairs_impl.h
 *	  The depth of a tile of 8-bit products for processors whose instruction multiplies bytes and adds two products in
 *	  16 bits; included by groups_impl.h for them.
 *
 * HELD groups are added in 16 bits before they are widened to 32, because widening takes two instructions and so did half of
 * the work.  B is rounded so that these sums cannot overflow (bytes_impl.h).
 *
 * The including file defines Pairs, and
 *	 pairs_of(a, b)				products of the groups, added two by two in 16 bits
 *	 pairs_add(x, y)
 *	 sum_pairs(sum, x)			sum + the pairs of each lane
 */

/* Rows whose pairs are held at a time: as many as there are registers for beside the sums. */
#if TILE_ROWS > 4
#define HELD_ROWS 4
#else
#define HELD_ROWS 2
#endif

/* The sums of up to HELD groups, of rows [row, row + n) and one panel's vectors. */
__attribute__((always_inline)) static inline void
held_depth(int n, int groups, const Element *a, ptrdiff_t a_row, const Element *b, Sum (*acc)[4 * PANEL_VECTORS], int vector)
{
	Pairs		held[HELD_ROWS][PANEL_VECTORS];

#pragma GCC unroll 4
	for (int g = 0; g < groups; g++, b += GROUP * PANEL)
	{
		Groups		bv[PANEL_VECTORS];

#pragma GCC unroll 4
		for (int v = 0; v < PANEL_VECTORS; v++)
			bv[v] = groups_load(b + v * GROUP * LANES);
#pragma GCC unroll 4
		for (int r = 0; r < n; r++)
		{
			Groups		av = groups_spread(a + r * a_row + g * GROUP);

#pragma GCC unroll 4
			for (int v = 0; v < PANEL_VECTORS; v++)
				held[r][v] = g == 0 ? pairs_of(av, bv[v]) : pairs_add(held[r][v], pairs_of(av, bv[v]));
		}
	}
#pragma GCC unroll 4
	for (int r = 0; r < n; r++)
#pragma GCC unroll 4
		for (int v = 0; v < PANEL_VECTORS; v++)
			acc[r][vector + v] = sum_pairs(acc[r][vector + v], held[r][v]);
}

__attribute__((always_inline)) static inline void
tile_depth(int rows, int vectors, int depth, const Element *a, ptrdiff_t a_row, const Element *b, ptrdiff_t panel,
		   Sum acc[TILE_ROWS][4 * PANEL_VECTORS])
{
	int			k = 0;

	for (; k + HELD * GROUP <= depth; k += HELD * GROUP, b += HELD * GROUP * PANEL)
#pragma GCC unroll 4
		for (int v = 0; v < vectors; v += PANEL_VECTORS)
#pragma GCC unroll 8
			for (int r = 0; r < rows; r += HELD_ROWS)
				held_depth(rows - r < HELD_ROWS ? rows - r : HELD_ROWS, HELD, a + r * a_row + k, a_row,
						   b + v / PANEL_VECTORS * panel, acc + r, v);
	for (; k < depth; k += GROUP, b += GROUP * PANEL)
#pragma GCC unroll 4
		for (int v = 0; v < vectors; v += PANEL_VECTORS)
#pragma GCC unroll 8
			for (int r = 0; r < rows; r += HELD_ROWS)
				held_depth(rows - r < HELD_ROWS ? rows - r : HELD_ROWS, 1, a + r * a_row + k, a_row,
						   b + v / PANEL_VECTORS * panel, acc + r, v);
}
