/*
 * canvases.h
 *	  8-bit canvases on the card: a batch's own, or kept over epochs under their ids.
 *
 * Kept are canvases of one size, that of the first batch with ids, up to a share of the memory;
 * where a batch's canvases are all kept or can be, only those that are new travel.
 */
#ifndef HWR_GPU_CANVASES_H
#define HWR_GPU_CANVASES_H

#include "net.h"

typedef struct HwrGpuCanvases
{
	size_t		share;			/* bytes that may be kept; 0: none */
	size_t		size;			/* of a kept canvas; 0: none kept yet */
	HwrGpuBlock kept;			/* [capacity][size] */
	int			capacity;
	int			count;
	int64_t    *ids;			/* [table]: open addressing, a power of two */
	int		   *places;			/* [table]: slot in kept, -1: free */
	int			table;
	HwrGpuBlock loose;			/* a batch that is not kept */
	HwrGpuBlock staging;		/* page-locked, of canvases on their way */
} HwrGpuCanvases;

/*
 * Have n canvases of size bytes on the card when the stream comes to it: image i at slots[i] times
 * size from *base.  ids as in HwrBatch, or NULL.  The stream must be idle, as the last call's
 * staging is used again.
 */
extern bool hwr_gpu_canvases_load(HwrGpuCanvases *c, HwrGpuNet *net, int n, size_t size, const uint8_t *ink,
								  const int64_t *ids, int *slots, const uint8_t **base, HwrStatus *st);
extern void hwr_gpu_canvases_free(HwrGpuCanvases *c, HwrGpuNet *net);

#endif							/* HWR_GPU_CANVASES_H */
