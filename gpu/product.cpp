/*
 * product.cpp
 *	  Matrix products by cuBLAS.
 *
 * float32 is computed in float32: without asking for it, cuBLAS does not round to TF32.
 */
#include "product.h"

#include <cublas_v2.h>
#include <limits.h>
#include <stdlib.h>

/* What cuBLAS recommends for Hopper.  A workspace of our own keeps captured graphs valid. */
#define WORKSPACE_BYTES (32 << 20)

struct HwrGpuMath
{
	cublasHandle_t handle;
	HwrGpuMemory *memory;
	HwrGpuBlock workspace;
};

static bool
check(cublasStatus_t status, HwrStatus *st)
{
	if (status == CUBLAS_STATUS_SUCCESS)
		return true;
	hwr_fail(st, HWR_DEVICE, "GPU operation failed");
	return hwr_fail_detail(st, "%s: %s.", cublasGetStatusName(status), cublasGetStatusString(status));
}

bool
hwr_gpu_math_create(HwrGpuMemory *memory, cudaStream_t stream, HwrGpuMath **out, HwrStatus *st)
{
	HwrGpuMath *math = (HwrGpuMath *) hwr_alloc_zero(1, sizeof(HwrGpuMath), st);

	if (math == NULL)
		return false;
	math->memory = memory;
	if (!check(cublasCreate(&math->handle), st) ||
		!check(cublasSetStream(math->handle, stream), st) ||
		!hwr_gpu_reserve(memory, &math->workspace, WORKSPACE_BYTES, st) ||
		!check(cublasSetWorkspace(math->handle, math->workspace.data, math->workspace.size), st))
	{
		hwr_gpu_math_free(math);
		return false;
	}
	*out = math;
	return true;
}

void
hwr_gpu_math_free(HwrGpuMath *math)
{
	if (math == NULL)
		return;
	if (math->handle != NULL)
		(void) cublasDestroy(math->handle);
	hwr_gpu_release(math->memory, &math->workspace);
	free(math);
}

static cudaDataType
cuda_type(HwrGpuType type)
{
	return type == HWR_GPU_BFLOAT16 ? CUDA_R_16BF : CUDA_R_32F;
}

/* cuBLAS is column-major: the transposed product, of transposed matrices, is the same memory. */
bool
hwr_gpu_multiply(HwrGpuMath *math, const HwrGpuProduct *p, HwrStatus *st)
{
	const float one = 1;
	const float beta = p->accumulate ? 1 : 0;
	const cublasOperation_t op_a = p->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
	const cublasOperation_t op_b = p->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;

	if (p->lda > INT_MAX || p->ldb > INT_MAX || p->ldc > INT_MAX)
		return hwr_fail(st, HWR_INTERNAL, "matrix rows are too far apart");
	if (p->batch == 1)
		return check(cublasGemmEx(math->handle, op_b, op_a, p->n, p->m, p->k, &one,
								  p->b, cuda_type(p->type), (int) p->ldb, p->a, cuda_type(p->type), (int) p->lda,
								  &beta, p->c, cuda_type(p->out), (int) p->ldc,
								  CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT), st);
	return check(cublasGemmStridedBatchedEx(math->handle, op_b, op_a, p->n, p->m, p->k, &one,
											p->b, cuda_type(p->type), (int) p->ldb, p->b_next,
											p->a, cuda_type(p->type), (int) p->lda, p->a_next,
											&beta, p->c, cuda_type(p->out), (int) p->ldc, p->c_next, p->batch,
											CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT), st);
}
