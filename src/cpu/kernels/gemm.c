/*
 * gemm.c
 *	  Matrix products by OpenBLAS.
 *
 * The parallel work is done by our own threads, each with products of its own.  An OpenBLAS that
 * was built without threads may not be called by two of them at once: they are then given the same
 * buffer, and now and then a product is wrong (seen with 0.3.21 and 0.3.29).  There they take
 * turns.
 */
#include "gemm.h"

#include <cblas.h>
#include <pthread.h>
#include <stdbool.h>

/* OpenBLAS has them; another BLAS that the core may be linked with need not, and is then taken to be safe. */
extern void openblas_set_num_threads(int n) __attribute__((weak));
extern int	openblas_get_parallel(void) __attribute__((weak));

/* Of the process, as the buffers are. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

void
hwr_gemm_init(void)
{
	if (openblas_set_num_threads != NULL)
		openblas_set_num_threads(1);
}

static void
multiply(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k,
		 const hwr_real *a, int lda, const hwr_real *b, int ldb,
		 hwr_real beta, hwr_real *c, int ldc)
{
	bool		alone = openblas_get_parallel != NULL && openblas_get_parallel() == 0;

	if (alone)
		pthread_mutex_lock(&turn);
#ifdef HWR_REAL_DOUBLE
	cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1.0, a, lda, b, ldb, beta, c, ldc);
#else
	cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
#endif
	if (alone)
		pthread_mutex_unlock(&turn);
}

void
hwr_gemm_nn(int m, int n, int k, const hwr_real *a, int lda, const hwr_real *b, int ldb,
			hwr_real beta, hwr_real *c, int ldc)
{
	multiply(CblasNoTrans, CblasNoTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void
hwr_gemm_nt(int m, int n, int k, const hwr_real *a, int lda, const hwr_real *b, int ldb,
			hwr_real beta, hwr_real *c, int ldc)
{
	multiply(CblasNoTrans, CblasTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void
hwr_gemm_tn(int m, int n, int k, const hwr_real *a, int lda, const hwr_real *b, int ldb,
			hwr_real beta, hwr_real *c, int ldc)
{
	multiply(CblasTrans, CblasNoTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}
