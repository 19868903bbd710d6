/*
 * gemm.h
 *	  Matrix products: OpenBLAS, single-threaded, on hwr_real.
 *
 * All matrices are row-major; ld is the distance between rows.
 *	 nn: C[m][n] = A[m][k]   B[k][n]   + beta C
 *	 nt: C[m][n] = A[m][k]   B[n][k]^T + beta C
 *	 tn: C[m][n] = A[k][m]^T B[k][n]   + beta C
 */
#ifndef HWR_GEMM_H
#define HWR_GEMM_H

#include <cblas.h>

#include "core/real.h"

static inline void
hwr_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k,
		 const hwr_real *a, int lda, const hwr_real *b, int ldb,
		 hwr_real beta, hwr_real *c, int ldc)
{
#ifdef HWR_REAL_DOUBLE
	cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1.0, a, lda, b, ldb, beta, c, ldc);
#else
	cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
#endif
}

static inline void
hwr_gemm_nn(int m, int n, int k, const hwr_real *a, int lda, const hwr_real *b, int ldb,
			hwr_real beta, hwr_real *c, int ldc)
{
	hwr_gemm(CblasNoTrans, CblasNoTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

static inline void
hwr_gemm_nt(int m, int n, int k, const hwr_real *a, int lda, const hwr_real *b, int ldb,
			hwr_real beta, hwr_real *c, int ldc)
{
	hwr_gemm(CblasNoTrans, CblasTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

static inline void
hwr_gemm_tn(int m, int n, int k, const hwr_real *a, int lda, const hwr_real *b, int ldb,
			hwr_real beta, hwr_real *c, int ldc)
{
	hwr_gemm(CblasTrans, CblasNoTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

#endif							/* HWR_GEMM_H */
