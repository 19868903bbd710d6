/*
 * product.h
 *	  Matrix products: all that is asked of cuBLAS, so that a host build can put loops in its place.
 */
#ifndef HWR_GPU_PRODUCT_H
#define HWR_GPU_PRODUCT_H

#include "device.h"

/*
 * c[m][n] = a[m][k] b[k][n], or c += it, row-major, for each of batch matrices; sums in float32.
 *
 * Rows lie lda, ldb, ldc elements apart, the matrices of a batch a_next, b_next (0: the same), c_next.
 * transpose_a: a is stored [k][m]; transpose_b: b is stored [n][k].
 */
typedef struct HwrGpuProduct
{
	int			m;
	int			n;
	int			k;
	int			batch;
	HwrGpuType	type;			/* of a and b */
	const void *a;
	int64_t		lda;
	int64_t		a_next;
	bool		transpose_a;
	const void *b;
	int64_t		ldb;
	int64_t		b_next;
	bool		transpose_b;
	HwrGpuType	out;			/* of c: type, or float32 */
	void	   *c;
	int64_t		ldc;
	int64_t		c_next;
	bool		accumulate;
} HwrGpuProduct;

/* What the products of one stream need. */
typedef struct HwrGpuMath HwrGpuMath;

extern bool hwr_gpu_math_create(HwrGpuMemory *memory, cudaStream_t stream, HwrGpuMath **out, HwrStatus *st);
extern void hwr_gpu_math_free(HwrGpuMath *math);

extern bool hwr_gpu_multiply(HwrGpuMath *math, const HwrGpuProduct *p, HwrStatus *st);

#endif							/* HWR_GPU_PRODUCT_H */
