/*
 * products.h
 *	  Products of rows with weights, and gradients of weights, on any elements.
 *
 * Rows are hwr_real in memory; where the elements are others, a few rows at a time are turned into
 * elements in scratch memory that stays in the cache.
 */
#ifndef HWR_PRODUCTS_H
#define HWR_PRODUCTS_H

#include "layers.h"

/* A count rounded up to whole groups: the depth of packed weights, the length of a row of elements. */
static inline int
hwr_whole_groups(const HwrElements *e, int n)
{
	return (n + e->group - 1) / e->group * e->group;
}

/*
 * B[parts * k][n] packed for HwrElements.multiply: this thread's share of the panels.  transposed:
 * b is [n][k], parts is 1.
 */
extern void hwr_pack_weights(const HwrElements *e, int parts, int k, int n, const hwr_real *b, bool transposed,
							 void *out, int part, int nparts);

/* x[rows][cols] as elements, rows hwr_whole_groups apart.  Where x is that already, x itself. */
extern const void *hwr_to_elements(const HwrElements *e, size_t rows, int cols, const hwr_real *x, void *out);

/*
 * What p says, for any number of rows of hwr_real at p->a, p->k apart, in one part.  scratch:
 * hwr_rows_scratch(e, k) bytes.
 */
extern void hwr_multiply_rows(const HwrElements *e, const HwrProduct *p, void *scratch);
extern size_t hwr_rows_scratch(const HwrElements *e, int k);

/* grad[m][n] += x[depth][m] transposed times dy[depth][n]; rows are x_row, dy_row, grad_row apart */
typedef struct HwrWeightGradient
{
	size_t		depth;
	int			m;
	int			n;
	const hwr_real *x;
	ptrdiff_t	x_row;
	const hwr_real *dy;
	ptrdiff_t	dy_row;
	hwr_real   *grad;
	ptrdiff_t	grad_row;
} HwrWeightGradient;

extern void hwr_weight_gradient(const HwrElements *e, const HwrWeightGradient *g, void *scratch);
extern size_t hwr_weight_gradient_scratch(const HwrElements *e, int m, int n);

#endif							/* HWR_PRODUCTS_H */
