/*
 * runtime_on_host.h
 *	  The part of CUDA's runtime that the backend calls, over the host's memory.
 *
 * There is one stream, and all that is put on it is done at once.  Allocations have their exact size, begin at 256 bytes and are
 * poisoned, so that address sanitizers see overruns and results show what was never written.  Capture is refused, so that
 * work is launched directly.
 */
#ifndef RUNTIME_ON_HOST_H
#define RUNTIME_ON_HOST_H

#include <stdlib.h>
#include <string.h>

#define cudaErrorMemoryAllocation 2
#define cudaErrorNoDevice 100
#define cudaErrorStreamCaptureUnsupported 900

typedef enum cudaMemcpyKind
{
	cudaMemcpyHostToDevice,
	cudaMemcpyDeviceToHost,
	cudaMemcpyDeviceToDevice
} cudaMemcpyKind;

struct cudaDeviceProp
{
	char		name[256];
	int			major;
	int			minor;
};

typedef struct CUevent_st *cudaEvent_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraphExec_st *cudaGraphExec_t;

#define cudaStreamNonBlocking 1
#define cudaEventBlockingSync 1
#define cudaEventDisableTiming 2
#define cudaStreamCaptureModeThreadLocal 1

static inline cudaError_t
cudaGetLastError(void)
{
	return cudaSuccess;
}

static inline const char *
cudaGetErrorName(cudaError_t error)
{
	return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaErrorUnknown";
}

static inline const char *
cudaGetErrorString(cudaError_t error)
{
	return error == cudaErrorMemoryAllocation ? "out of memory" : "unknown error";
}

static inline cudaError_t
cudaGetDeviceCount(int *count)
{
	*count = 1;
	return cudaSuccess;
}

static inline cudaError_t
cudaGetDeviceProperties(struct cudaDeviceProp *properties, int)
{
	strcpy(properties->name, "kernels on the host");
	properties->major = 9;
	properties->minor = 0;
	return cudaSuccess;
}

static inline cudaError_t
cudaDriverGetVersion(int *version)
{
	*version = 0;
	return cudaSuccess;
}

static inline cudaError_t
cudaMemGetInfo(size_t *memory_free, size_t *memory)
{
	*memory_free = *memory = (size_t) 1 << 30;
	return cudaSuccess;
}

static inline cudaError_t
cudaMalloc(void **p, size_t size)
{
	if (posix_memalign(p, 256, size) != 0)
		return cudaErrorMemoryAllocation;
	memset(*p, 0xFF, size);		/* not a number, in every type */
	return cudaSuccess;
}

static inline cudaError_t
cudaFree(void *p)
{
	free(p);
	return cudaSuccess;
}

static inline cudaError_t
cudaMallocHost(void **p, size_t size)
{
	return cudaMalloc(p, size);
}

static inline cudaError_t
cudaFreeHost(void *p)
{
	return cudaFree(p);
}

static inline cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t size, cudaMemcpyKind, cudaStream_t)
{
	memcpy(to, from, size);
	return cudaSuccess;
}

static inline cudaError_t
cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
				  cudaMemcpyKind, cudaStream_t)
{
	for (size_t i = 0; i < height; i++)
		memcpy((char *) to + i * to_pitch, (const char *) from + i * from_pitch, width);
	return cudaSuccess;
}

static inline cudaError_t
cudaMemsetAsync(void *p, int value, size_t size, cudaStream_t)
{
	memset(p, value, size);
	return cudaSuccess;
}

static inline cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
	*stream = NULL;
	return cudaSuccess;
}

static inline cudaError_t
cudaStreamDestroy(cudaStream_t)
{
	return cudaSuccess;
}

static inline cudaError_t
cudaStreamSynchronize(cudaStream_t)
{
	return cudaSuccess;
}

static inline cudaError_t
cudaStreamBeginCapture(cudaStream_t, int)
{
	return cudaErrorStreamCaptureUnsupported;
}

static inline cudaError_t
cudaStreamEndCapture(cudaStream_t, cudaGraph_t *)
{
	return cudaErrorStreamCaptureUnsupported;
}

static inline cudaError_t
cudaGraphInstantiate(cudaGraphExec_t *, cudaGraph_t, unsigned long long)
{
	return cudaErrorStreamCaptureUnsupported;
}

static inline cudaError_t
cudaGraphLaunch(cudaGraphExec_t, cudaStream_t)
{
	return cudaErrorStreamCaptureUnsupported;
}

static inline cudaError_t
cudaGraphDestroy(cudaGraph_t)
{
	return cudaSuccess;
}

static inline cudaError_t
cudaGraphExecDestroy(cudaGraphExec_t)
{
	return cudaSuccess;
}

static inline cudaError_t
cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
	*event = NULL;
	return cudaSuccess;
}

static inline cudaError_t
cudaEventRecord(cudaEvent_t, cudaStream_t)
{
	return cudaSuccess;
}

static inline cudaError_t
cudaEventSynchronize(cudaEvent_t)
{
	return cudaSuccess;
}

static inline cudaError_t
cudaEventDestroy(cudaEvent_t)
{
	return cudaSuccess;
}

#endif							/* RUNTIME_ON_HOST_H */
