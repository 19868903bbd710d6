/*
 * train.h
 *	  One training step on the card.
 *
 *	 host: step, slots, lengths, labels, canvases that are not kept		two copies up
 *	 card: ink, forward, log softmax, CTC, backward, norm, update		one graph
 *	 host: loss, norm													one copy down, waited for
 */
#ifndef HWR_GPU_TRAIN_H
#define HWR_GPU_TRAIN_H

#include "canvases.h"
#include "graphs.h"
#include "plan.h"

/* What goes up before a step, at the same place in host and device memory. */
typedef struct HwrGpuUpload
{
	HwrGpuStep *step;
	int		   *slots;			/* [n] */
	int		   *lengths;		/* [n] */
	int		   *labels;			/* [n][max_label] */
	size_t		size;
} HwrGpuUpload;

typedef struct HwrGpuTrain
{
	HwrGpuNet  *net;
	HwrGpuPlan	plan;
	HwrGpuCanvases canvases;
	HwrGpuGraphs graphs;
	HwrGpuRule	rule;
	HwrAugmentStrengths augment;
	int64_t		steps;			/* optimiser steps done */

	HwrGpuBlock state;			/* holds the five that follow */
	HwrGpuResult *result;
	HwrGpuUpdate *update;
	HwrGpuRange *ranges;		/* [nranges] */
	double	   *partial;		/* [nranges] */
	int			nranges;

	HwrGpuBlock upload_host;	/* page-locked */
	HwrGpuBlock upload_device;
	HwrGpuUpload upload;		/* on the card */
	HwrGpuBlock ctc;			/* holds losses and workspace */
	double	   *losses;			/* [n] */
	void	   *workspace;
	HwrGpuResult *result_host;	/* page-locked */
	HwrGpuBlock result_block;
	cudaEvent_t done;

	/* the step in hand */
	int			most_steps;		/* of the network and its heads */
	int			max_label;
	const uint8_t *base;		/* of the canvases that slots count from */
} HwrGpuTrain;

/* Fill a zeroed train.  On failure it may hold something: free it in either case. */
extern bool hwr_gpu_train_create(HwrGpuTrain *train, HwrGpuNet *net, const HwrStepOptions *options, HwrGpuType type,
								 HwrStatus *st);
extern void hwr_gpu_train_free(HwrGpuTrain *train);
extern bool hwr_gpu_train_step(HwrGpuTrain *train, const HwrBatch *batch, double learning_rate, uint64_t rng_key,
							   HwrStepResult *result, HwrStatus *st);
extern bool hwr_gpu_measure(HwrGpuTrain *train, const HwrBatch *batch, double share, uint64_t rng_key, HwrStatus *st);

#endif							/* HWR_GPU_TRAIN_H */
