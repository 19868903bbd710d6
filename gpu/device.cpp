/*
 * device.cpp
 *	  The card: description, errors, memory.
 */
#include "device.h"

#include <stdio.h>
#include <string.h>

/* The kernels' machine code begins with this compute capability. */
#define LEAST_MAJOR 8

bool
hwr_gpu_check(cudaError_t error, HwrStatus *st)
{
	if (error == cudaSuccess)
		return true;
	if (error == cudaErrorMemoryAllocation)
	{
		(void) cudaGetLastError();	/* not sticky: what comes later may fit */
		return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of GPU memory");
	}
	hwr_fail(st, HWR_DEVICE, "GPU operation failed");
	return hwr_fail_detail(st, "%s: %s.", cudaGetErrorName(error), cudaGetErrorString(error));
}

bool
hwr_gpu_launched(HwrStatus *st)
{
	return hwr_gpu_check(cudaGetLastError(), st);
}

/* Version of the kernel's driver, then of the CUDA that it understands. */
static void
describe_driver(char *out, size_t size)
{
	char		kernel[32] = "";
	int			cuda = 0;
	FILE	   *f = fopen("/sys/module/nvidia/version", "r");

	if (f != NULL)
	{
		if (fgets(kernel, sizeof(kernel), f) != NULL)
			kernel[strcspn(kernel, "\n")] = '\0';
		fclose(f);
	}
	(void) cudaDriverGetVersion(&cuda);
	snprintf(out, size, "%s%sCUDA %d.%d", kernel, kernel[0] != '\0' ? ", " : "", cuda / 1000, cuda % 1000 / 10);
}

static bool
unavailable(cudaError_t error, HwrStatus *st)
{
	int			version = 0;

	hwr_fail(st, HWR_DEVICE, "GPU is not available");
	if (cudaDriverGetVersion(&version) == cudaSuccess && version == 0)
		return hwr_fail_detail(st, "There is no NVIDIA driver.");
	return hwr_fail_detail(st, "%s: %s.", cudaGetErrorName(error), cudaGetErrorString(error));
}

bool
hwr_gpu_describe(HwrDeviceInfo *out, HwrStatus *st)
{
	struct cudaDeviceProp properties;
	int			count = 0;
	cudaError_t error = cudaGetDeviceCount(&count);

	if (error == cudaSuccess)
		error = count > 0 ? cudaGetDeviceProperties(&properties, 0) : cudaErrorNoDevice;
	if (error != cudaSuccess)
		return unavailable(error, st);
	if (properties.major < LEAST_MAJOR)
	{
		hwr_fail(st, HWR_DEVICE, "GPU is not available");
		return hwr_fail_detail(st, "%s has compute capability %d.%d, but %d.0 or newer is needed.",
							   properties.name, properties.major, properties.minor, LEAST_MAJOR);
	}
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%.*s", (int) sizeof(out->name) - 1, properties.name);
	describe_driver(out->driver, sizeof(out->driver));
	error = cudaMemGetInfo(&out->memory_free, &out->memory);
	return error == cudaSuccess || unavailable(error, st);
}

bool
hwr_gpu_reserve(HwrGpuMemory *memory, HwrGpuBlock *block, size_t size, HwrStatus *st)
{
	void	   *data;

	if (size <= block->size)
		return true;
	hwr_gpu_release(memory, block);
	if (memory->limit > 0 && (size > memory->limit || memory->used > memory->limit - size))
	{
		hwr_fail(st, HWR_OUT_OF_MEMORY, "out of GPU memory");
		return hwr_fail_detail(st, "%zu MB are in use and %zu MB more are needed, but the limit is %zu MB.",
							   memory->used >> 20, (size >> 20) + 1, memory->limit >> 20);
	}
	if (!hwr_gpu_check(cudaMalloc(&data, size), st))
	{
		if (st->code == HWR_OUT_OF_MEMORY)
			hwr_fail_detail(st, "%zu MB are in use and %zu MB more are needed.", memory->used >> 20, (size >> 20) + 1);
		return false;
	}
	block->data = (char *) data;
	block->size = size;
	memory->used += size;
	memory->moves++;
	return true;
}

void
hwr_gpu_release(HwrGpuMemory *memory, HwrGpuBlock *block)
{
	if (block->data == NULL)
		return;
	(void) cudaFree(block->data);	/* an error here is that of earlier work, and reported there */
	memory->used -= block->size;
	*block = HwrGpuBlock();
}

bool
hwr_gpu_reserve_pinned(HwrGpuBlock *block, size_t size, HwrStatus *st)
{
	void	   *data;

	if (size <= block->size)
		return true;
	hwr_gpu_release_pinned(block);
	if (!hwr_gpu_check(cudaMallocHost(&data, size), st))
		return false;
	block->data = (char *) data;
	block->size = size;
	return true;
}

void
hwr_gpu_release_pinned(HwrGpuBlock *block)
{
	if (block->data != NULL)
		(void) cudaFreeHost(block->data);
	*block = HwrGpuBlock();
}
