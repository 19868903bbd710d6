/*
 * graphs.h
 *	  Work that is the same every time, launched as one CUDA graph.
 *
 * The first time some work is done it is done directly, which loads kernels and warms the libraries up; the second time it is
 * captured.  Work that cannot be captured is done directly always.
 */
#ifndef HWR_GPU_GRAPHS_H
#define HWR_GPU_GRAPHS_H

#include "net.h"

#define HWR_GPU_GRAPHS 16

/* All that decides what the work's launches are, besides what never changes in a context. */
typedef struct HwrGpuGraphKey
{
	int			n;
	int			width;
	bool		measuring;
	int			max_label;
	const void *canvases;
	int64_t		moves;			/* of memory */
} HwrGpuGraphKey;

typedef struct HwrGpuGraph
{
	HwrGpuGraphKey key;			/* n = 0: no entry */
	cudaGraphExec_t exec;		/* NULL: not captured */
	bool		direct;			/* could not be captured */
} HwrGpuGraph;

/* Zeroed: empty. */
typedef struct HwrGpuGraphs
{
	HwrGpuGraph entries[HWR_GPU_GRAPHS];
	int			next;			/* to be replaced */
} HwrGpuGraphs;

/* Puts its launches on the net's stream and waits for nothing. */
typedef bool (*HwrGpuWork) (void *arg, HwrStatus *st);

extern bool hwr_gpu_graphs_run(HwrGpuGraphs *graphs, HwrGpuNet *net, HwrGpuGraphKey key, HwrGpuWork work, void *arg,
							   HwrStatus *st);
extern void hwr_gpu_graphs_free(HwrGpuGraphs *graphs);

#endif							/* HWR_GPU_GRAPHS_H */
