/*
 * product_on_host.cpp
 *	  gpu/product.h as loops, summed in float like the card's.
 */
#include "product.h"

static float
element(HwrGpuType type, const void *array, int64_t i)
{
	return type == HWR_GPU_BFLOAT16 ? __bfloat162float(((const __nv_bfloat16 *) array)[i]) : ((const float *) array)[i];
}

bool
hwr_gpu_math_create(HwrGpuMemory *, cudaStream_t, HwrGpuMath **out, HwrStatus *)
{
	*out = NULL;
	return true;
}

void
hwr_gpu_math_free(HwrGpuMath *)
{
}

static void
multiply(const HwrGpuProduct *p, int batch, int i, int j)
{
	int64_t		at = batch * p->c_next + i * p->ldc + j;
	float		sum = 0;

	for (int l = 0; l < p->k; l++)
	{
		int64_t		a = batch * p->a_next + (p->transpose_a ? l * p->lda + i : i * p->lda + l);
		int64_t		b = batch * p->b_next + (p->transpose_b ? j * p->ldb + l : l * p->ldb + j);

		sum += element(p->type, p->a, a) * element(p->type, p->b, b);
	}
	if (p->accumulate)
		sum += element(p->out, p->c, at);
	if (p->out == HWR_GPU_BFLOAT16)
		((__nv_bfloat16 *) p->c)[at] = __float2bfloat16_rn(sum);
	else
		((float *) p->c)[at] = sum;
}

bool
hwr_gpu_multiply(HwrGpuMath *, const HwrGpuProduct *p, HwrStatus *)
{
	for (int batch = 0; batch < p->batch; batch++)
		for (int i = 0; i < p->m; i++)
			for (int j = 0; j < p->n; j++)
				multiply(p, batch, i, j);
	return true;
}
