/*
 * bf16_impl.h
 *	  bfloat16 elements, whatever the instructions: included after groups_impl.h by the kernels for them.
 */

/* Round to nearest, ties to even. */
static inline Element
to_bf16(float x)
{
	uint32_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	return (Element) ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static size_t
packed_size(int parts, int k, int n)
{
	return (size_t) ((n + PANEL - 1) / PANEL) * (size_t) parts * (size_t) part_size(k) * sizeof(Element);
}

static void
pack(int parts, int k, int n, const float *b, void *packed)
{
	Element    *out = packed;

	for (int col = 0; col < n; col += PANEL)
		for (int part = 0; part < parts; part++)
			for (int i = 0; i < k; i += 2)
				for (int j = col; j < col + PANEL; j++)
					for (int half = i; half < i + 2; half++)
						*out++ = j < n && half < k ? to_bf16(b[((ptrdiff_t) part * k + half) * n + j]) : 0;
}

static void
store_ink(size_t n, const uint8_t *ink, void *out)
{
	Element    *y = out;

	/* whole numbers to 255 are exact */
	for (size_t i = 0; i < n; i++)
	{
		float		x = ink[i];
		uint32_t	bits;

		memcpy(&bits, &x, sizeof(bits));
		y[i] = (Element) (bits >> 16);
	}
}

/*
 * Gradients of weights
 */

/* One tile of C: rows of it are stored. */
__attribute__((always_inline)) static inline void
outer_tile(const HwrOuter *p, int rows, const Element *a, const Element *b, float *c, int cols)
{
	Floats		acc[TILE_ROWS][PANEL_VECTORS];

#pragma GCC unroll 8
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (int v = 0; v < PANEL_VECTORS; v++)
			acc[r][v] = floats_zero();
	for (int part = 0; part < p->parts; part++)
	{
		const Element *ap = a + part * p->a_part;
		const Element *bp = b + part * p->b_part;

		for (int i = 0; i < p->depth; i += 2, ap += 2 * TILE_ROWS, bp += 2 * PANEL)
		{
			Groups		bv[PANEL_VECTORS];

#pragma GCC unroll 4
			for (int v = 0; v < PANEL_VECTORS; v++)
				bv[v] = groups_load(bp + v * 2 * LANES);
#pragma GCC unroll 8
			for (int r = 0; r < rows; r++)
			{
				Groups		av = groups_spread(ap + 2 * r);

#pragma GCC unroll 4
				for (int v = 0; v < PANEL_VECTORS; v++)
					acc[r][v] = sum_add(acc[r][v], av, bv[v]);
			}
		}
	}
#pragma GCC unroll 8
	for (int r = 0; r < rows; r++, c += p->c_row)
#pragma GCC unroll 4
		for (int v = 0; v < PANEL_VECTORS; v++)
		{
			int			left = cols - v * LANES;

			floats_store(c + v * LANES, left, acc[r][v] + floats_load(c + v * LANES, left));
		}
}

static void
outer(const HwrOuter *p)
{
	const Element *b = p->b;

	for (int col = 0; col < p->n; col += PANEL, b += p->b_panel)
	{
		const Element *a = p->a;
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
