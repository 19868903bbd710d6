/*
 * device.h
 *	  The card as the CUDA backend sees it: its description, errors, memory.
 *
 * Nothing here or above throws: the files are compiled without exceptions, and CUDA's
 * libraries are called through their C interfaces.
 */
#ifndef HWR_GPU_DEVICE_H
#define HWR_GPU_DEVICE_H

extern "C"
{
#include "core/network/backend.h"
}

#include "kernels/kernels.h"

#ifdef HWR_CUDA_ON_HOST
#include "runtime_on_host.h"
#endif

/* Name and driver of the card in use, HWR_DEVICE "GPU is not available" where there is none. */
extern bool hwr_gpu_describe(HwrDeviceInfo *out, HwrStatus *st);

/*
 * True for cudaSuccess.  Else HWR_OUT_OF_MEMORY "out of GPU memory", or HWR_DEVICE "GPU operation
 * failed" with CUDA's name and text as detail.
 */
extern bool hwr_gpu_check(cudaError_t error, HwrStatus *st);

/* Whether the kernels put on a stream since the last call could be launched. */
extern bool hwr_gpu_launched(HwrStatus *st);

/* Device memory of one context: how much it holds, and how much it may. */
typedef struct HwrGpuMemory
{
	size_t		limit;			/* bytes; 0: none */
	size_t		used;
	int64_t		moves;			/* raised when a block is allocated: addresses known before may be stale */
} HwrGpuMemory;

/* One allocation.  Zeroed: none. */
typedef struct HwrGpuBlock
{
	char	   *data;
	size_t		size;
} HwrGpuBlock;

/* Make the block at least size bytes; its contents are lost if it moves. */
extern bool hwr_gpu_reserve(HwrGpuMemory *memory, HwrGpuBlock *block, size_t size, HwrStatus *st);
extern void hwr_gpu_release(HwrGpuMemory *memory, HwrGpuBlock *block);

/* The same in page-locked host memory, which the card copies from and to by itself. */
extern bool hwr_gpu_reserve_pinned(HwrGpuBlock *block, size_t size, HwrStatus *st);
extern void hwr_gpu_release_pinned(HwrGpuBlock *block);

/* Pieces of a block are aligned to what the card reads at once. */
static inline size_t
hwr_gpu_aligned(size_t bytes)
{
	return (bytes + 255) & ~(size_t) 255;
}

static inline size_t
hwr_gpu_type_size(HwrGpuType type)
{
	return type == HWR_GPU_BFLOAT16 ? 2 : 4;
}

#endif							/* HWR_GPU_DEVICE_H */
