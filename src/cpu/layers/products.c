/*
 * products.c
 *	  Products of rows with weights, and gradients of weights.
 */
#include "products.h"

#include <string.h>

/* Rows turned into elements at a time. */
#define CHUNK_ROWS 128

/*
 * Depth and columns of dy that a gradient is summed over at a time: with those of x they stay in
 * the L2 cache.
 */
#define GRADIENT_DEPTH 256
#define GRADIENT_COLUMNS 512

void
hwr_pack_weights(const HwrElements *e, int parts, int k, int n, const hwr_real *b, bool transposed,
				 void *out, int part, int nparts)
{
	ptrdiff_t	part_size = (ptrdiff_t) hwr_whole_groups(e, k) * e->panel;
	ptrdiff_t	panel_size = part_size * parts;
	size_t		lo;
	size_t		hi;

	hwr_pool_share((size_t) ((n + e->panel - 1) / e->panel), part, nparts, &lo, &hi);
	for (size_t i = lo; i < hi; i++)
	{
		int			col = (int) i * e->panel;
		int			cols = n - col < e->panel ? n - col : e->panel;
		char	   *to = (char *) out + (size_t) panel_size * i * e->size;

		if (transposed)
			e->pack_columns(k, cols, b + (ptrdiff_t) col * k, k, to, panel_size);
		else
			for (int p = 0; p < parts; p++, to += (size_t) part_size * e->size)
				e->pack_rows(k, cols, e->panel, b + (ptrdiff_t) p * k * n + col, n, to, panel_size);
	}
}

const void *
hwr_to_elements(const HwrElements *e, size_t rows, int cols, const hwr_real *x, void *out)
{
	int			whole = hwr_whole_groups(e, cols);
	char	   *to = out;

	if (e->size == sizeof(hwr_real))
		return x;
	if (whole == cols)
		e->store(rows * (size_t) cols, x, out);
	else
		for (size_t i = 0; i < rows; i++, x += cols, to += (size_t) whole * e->size)
		{
			e->store((size_t) cols, x, to);
			memset(to + (size_t) cols * e->size, 0, (size_t) (whole - cols) * e->size);
		}
	return out;
}

size_t
hwr_rows_scratch(const HwrElements *e, int k)
{
	return hwr_aligned(CHUNK_ROWS * (size_t) hwr_whole_groups(e, k) * e->size);
}

void
hwr_multiply_rows(const HwrElements *e, const HwrProduct *p, void *scratch)
{
	HwrProduct	q = *p;

	q.a_row = hwr_whole_groups(e, p->k);
	q.a_col = 1;
	q.parts = 1;
	for (int row = 0; row < p->m; row += q.m)
	{
		q.m = p->m - row < CHUNK_ROWS ? p->m - row : CHUNK_ROWS;
		q.a = hwr_to_elements(e, (size_t) q.m, p->k, (const hwr_real *) p->a + (ptrdiff_t) row * p->k, scratch);
		q.c = p->c + row * p->c_row;
		e->multiply(&q);
	}
}

/* Elements of a packed block of columns. */
static ptrdiff_t
block_size(int columns, int width)
{
	return (ptrdiff_t) GRADIENT_DEPTH * ((columns + width - 1) / width * width);
}

size_t
hwr_weight_gradient_scratch(const HwrElements *e, int m, int n)
{
	n = n < GRADIENT_COLUMNS ? n : GRADIENT_COLUMNS;
	return hwr_aligned((size_t) block_size(m, e->outer_rows) * e->size) + hwr_aligned((size_t) block_size(n, e->panel) * e->size);
}

void
hwr_weight_gradient(const HwrElements *e, const HwrWeightGradient *g, void *scratch)
{
	HwrOuter	p = {
		.m = g->m,
		.parts = 1,
		.a = scratch,
		.a_panel = (ptrdiff_t) GRADIENT_DEPTH * e->outer_rows,
		.b = (char *) scratch + hwr_aligned((size_t) block_size(g->m, e->outer_rows) * e->size),
		.b_panel = (ptrdiff_t) GRADIENT_DEPTH * e->panel,
		.c_row = g->grad_row,
	};

	for (size_t row = 0; row < g->depth; row += GRADIENT_DEPTH)
	{
		p.depth = (int) (g->depth - row < GRADIENT_DEPTH ? g->depth - row : GRADIENT_DEPTH);
		e->pack_rows(p.depth, g->m, e->outer_rows, g->x + (ptrdiff_t) row * g->x_row, g->x_row, (void *) p.a, p.a_panel);
		for (int col = 0; col < g->n; col += GRADIENT_COLUMNS)
		{
			p.n = g->n - col < GRADIENT_COLUMNS ? g->n - col : GRADIENT_COLUMNS;
			p.c = g->grad + col;
			e->pack_rows(p.depth, p.n, e->panel, g->dy + (ptrdiff_t) row * g->dy_row + col, g->dy_row, (void *) p.b, p.b_panel);
			e->outer(&p);
		}
	}
}
