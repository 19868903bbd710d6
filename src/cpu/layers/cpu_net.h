/*
 * cpu_net.h
 *	  A network laid out in memory for the CPU: forward and backward over a range of layers.
 *
 * A HwrCpuNet owns the values, unless it borrows them, and gradients; a HwrCpuPlan owns the activations of one range of
 * layers for one batch size and width.  Plans grow their memory as needed and keep it,
 * so that steady work allocates nothing.
 */
#ifndef HWR_CPU_NET_H
#define HWR_CPU_NET_H

#include "layers.h"

typedef struct HwrCpuNet
{
	const HwrNet *net;
	const HwrKernels *k;
	const HwrElements *e;		/* what products are of in training; NULL: hwr_real */
	hwr_real   *values;			/* [nvalues] */
	bool		borrowed;		/* these are */
	uint64_t	version;		/* raised by hwr_cpu_net_changed */
	hwr_real   *grads;			/* [nvalues], zero for statistics; NULL: inference only */
} HwrCpuNet;

extern bool hwr_cpu_net_create(const HwrNet *net, bool training, HwrCpuNet **out, HwrStatus *st);
extern void hwr_cpu_net_free(HwrCpuNet *cpu);

/* Take the values from here on, copied, or borrowed where they are of the right type. */
extern void hwr_cpu_net_set(HwrCpuNet *cpu, const float *values, bool borrow);

/*
 * Say that values were written.  Plans for inference keep some of them rearranged and do so anew;
 * plans for training look every time.
 */
extern void hwr_cpu_net_changed(HwrCpuNet *cpu);

typedef struct HwrCpuPlan
{
	HwrCpuNet  *cpu;
	HwrPool    *pool;			/* not owned */
	int			first;			/* layers [first, last) */
	int			last;
	bool		training;		/* activations of every layer kept; batch statistics, dropout */
	int			N;
	int			width;			/* input canvas width */
	bool		branches;		/* layers in parallel: each has an output and a gradient of its own */
	HwrLayerRun runs[HWR_MAX_LAYERS];
	/* training, of all layers: the network's heads; y are logits, dy is filled by the caller */
	HwrLayerRun heads[HWR_MAX_HEADS];
	hwr_real   *input;			/* [N][in of the first layer], filled by the caller */
	hwr_real   *output;			/* [N][out of the last layer] */
	hwr_real   *doutput;		/* training: gradient at the output, filled by the caller */
	hwr_real   *dinput;			/* training: gradient at the input, where asked for */
	char	   *arena;
	size_t		arena_size;
} HwrCpuPlan;

/* A zeroed plan is empty.  prepare lays it out for N images of this canvas width. */
extern bool hwr_cpu_plan_prepare(HwrCpuPlan *plan, HwrCpuNet *cpu, HwrPool *pool,
								 int first, int last, bool training, bool want_dinput,
								 int N, int width, HwrStatus *st);
extern void hwr_cpu_plan_free(HwrCpuPlan *plan);

/* input -> output.  rng_key decides dropout while training. */
extern void hwr_cpu_plan_forward(HwrCpuPlan *plan, uint64_t rng_key);

/*
 * Training: the statistics kept by batch normalisation move by share towards those of the input.
 * output is not filled.
 */
extern void hwr_cpu_plan_measure(HwrCpuPlan *plan, double share, uint64_t rng_key);

/* doutput -> cpu->grads (added to), dinput.  After forward on the same input. */
extern void hwr_cpu_plan_backward(HwrCpuPlan *plan);

#endif							/* HWR_CPU_NET_H */
