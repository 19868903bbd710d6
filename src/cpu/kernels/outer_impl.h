/*
 * outer_impl.h
 *	  The products that give the gradients of weights (HwrOuter), included by kernels_impl.h.
 *
 * As in multiply_impl.h a tile of C stays in registers over the whole depth; here both operands are packed, or
 * rows as they lie in memory.
 */

/* rows is a constant once inlined. */
__attribute__((always_inline)) static inline void
outer_tile(const HwrOuter *p, int rows, const hwr_real *a, const hwr_real *b, hwr_real *c, int cols)
{
	Vector		acc[TILE_ROWS][2];
	ptrdiff_t	a_step = p->a_step != 0 ? p->a_step : TILE_ROWS;
	ptrdiff_t	b_step = p->b_step != 0 ? p->b_step : PANEL;

	memset(acc, 0, sizeof(acc));
	for (int part = 0; part < p->parts; part++)
	{
		const hwr_real *ap = a + part * p->a_part;
		const hwr_real *bp = b + part * p->b_part;

		for (int i = 0; i < p->depth; i++, ap += a_step, bp += b_step)
		{
			Vector		b0 = *(const Vector *) bp;
			Vector		b1 = *(const Vector *) (bp + LANES);

#pragma GCC unroll 8
			for (int r = 0; r < rows; r++)
			{
				acc[r][0] = MULTIPLY_ADD(ap[r], b0, acc[r][0]);
				acc[r][1] = MULTIPLY_ADD(ap[r], b1, acc[r][1]);
			}
		}
	}
	for (int r = 0; r < rows; r++, c += p->c_row)
	{
		hwr_real	line[PANEL];

		*(Vector *) line = acc[r][0];
		*(Vector *) (line + LANES) = acc[r][1];
		for (int j = 0; j < cols; j++)
			c[j] += line[j];
	}
}

static void
outer(const HwrOuter *p)
{
	const hwr_real *b = p->b;

	for (int col = 0; col < p->n; col += PANEL, b += p->b_panel)
	{
		const hwr_real *a = p->a;
		int			cols = p->n - col < PANEL ? p->n - col : PANEL;

		for (int row = 0; row < p->m; row += TILE_ROWS, a += p->a_panel)
		{
			hwr_real   *c = p->c + row * p->c_row + col;

			/* panels are filled up, with zeros or what lies beside them: only what belongs to C is stored */
			if (p->m - row >= TILE_ROWS)
				outer_tile(p, TILE_ROWS, a, b, c, cols);
			else
				for (int r = 0; r < p->m - row; r++)
					outer_tile(p, 1, a + r, b, c + r * p->c_row, cols);
		}
	}
}

static void
pack_rows(int depth, int n, int width, const hwr_real *x, ptrdiff_t x_row, void *packed, ptrdiff_t out_panel)
{
	hwr_real   *out = packed;

	for (int col = 0; col < n; col += width, out += out_panel)
	{
		int			cols = n - col < width ? n - col : width;

		for (int i = 0; i < depth; i++)
		{
			hwr_real   *to = out + (ptrdiff_t) i * width;
			const hwr_real *from = x + i * x_row + col;

			for (int j = 0; j < cols; j++)
				to[j] = from[j];
			for (int j = cols; j < width; j++)
				to[j] = 0;
		}
	}
}

static void
pack_columns(int depth, int n, const hwr_real *x, ptrdiff_t x_row, void *packed, ptrdiff_t out_panel)
{
	hwr_real   *out = packed;

	for (int col = 0; col < n; col += PANEL, out += out_panel)
		for (int j = 0; j < PANEL; j++)
			for (int i = 0; i < depth; i++)
				out[(ptrdiff_t) i * PANEL + j] = col + j < n ? x[(col + j) * x_row + i] : 0;
}
