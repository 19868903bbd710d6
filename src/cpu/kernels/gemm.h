/*
 * gemm.h
 *	  Matrix products on hwr_real, one thread a product; any threads may call them at once.
 *
 * All matrices are row-major; ld is the distance between rows.
 *	 nn: C[m][n] = A[m][k]   B[k][n]   + beta C
 *	 nt: C[m][n] = A[m][k]   B[n][k]^T + beta C
 *	 tn: C[m][n] = A[k][m]^T B[k][n]   + beta C
 */
#ifndef HWR_GEMM_H
#define HWR_GEMM_H

#include "core/base/real.h"

/* Before the first product: a pool of OpenBLAS's own threads would fight with ours for the processors. */
extern void hwr_gemm_init(void);

extern void hwr_gemm_nn(int m, int n, int k, const hwr_real *a, int lda, const hwr_real *b, int ldb,
						hwr_real beta, hwr_real *c, int ldc);
extern void hwr_gemm_nt(int m, int n, int k, const hwr_real *a, int lda, const hwr_real *b, int ldb,
						hwr_real beta, hwr_real *c, int ldc);
extern void hwr_gemm_tn(int m, int n, int k, const hwr_real *a, int lda, const hwr_real *b, int ldb,
						hwr_real beta, hwr_real *c, int ldc);

#endif							/* HWR_GEMM_H */
