/*
 * net.h
 *	  A network's values on the card, and in training its gradients and optimiser state.
 *
 * The host's parameter block has no gaps; the card's begins each tensor at a multiple of 64 values, so that
 * products read aligned rows.  A second copy of the values, in bfloat16, has the same offsets.
 */
#ifndef HWR_GPU_NET_H
#define HWR_GPU_NET_H

#include "device.h"
#include "product.h"

typedef struct HwrGpuNet
{
	const HwrNet *net;
	bool		training;
	HwrGpuMemory memory;
	cudaStream_t stream;		/* all work of the context, in order */
	HwrGpuMath *math;
	size_t		offsets[HWR_MAX_TENSORS];	/* values from the start of the card's block */
	size_t		nvalues;		/* of the card's block */
	HwrGpuBlock block;			/* holds all that follows */
	float	   *values;
	__nv_bfloat16 *half;		/* NULL where nothing is computed in bfloat16 */
	float	   *grads;			/* training only, like m and v */
	float	   *m;
	float	   *v;				/* NULL for SGD */
} HwrGpuNet;

/* Fill a zeroed net.  On failure it may hold something: free it in either case. */
extern bool hwr_gpu_net_create(HwrGpuNet *net, const HwrBackendConfig *config, bool half, HwrStatus *st);
extern void hwr_gpu_net_free(HwrGpuNet *net);

/* Copies of the host's block [net->nvalues] to and from one of the card's. */
extern bool hwr_gpu_net_write(HwrGpuNet *net, const float *host, float *device, HwrStatus *st);
extern bool hwr_gpu_net_read(HwrGpuNet *net, const float *device, float *host, HwrStatus *st);

/* Tensor i of a layer in a block of the card's. */
static inline float *
hwr_gpu_tensor(const HwrGpuNet *net, float *block, const HwrLayer *layer, int i)
{
	return block + net->offsets[layer->first_tensor + i];
}

/* The same among the values, in the type that products compute with. */
static inline const void *
hwr_gpu_weights(const HwrGpuNet *net, HwrGpuType type, const HwrLayer *layer, int i)
{
	size_t		offset = net->offsets[layer->first_tensor + i];

	return type == HWR_GPU_BFLOAT16 ? (const void *) (net->half + offset) : (const void *) (net->values + offset);
}

#endif							/* HWR_GPU_NET_H */
