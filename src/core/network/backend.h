/*
 * backend.h
 *	  The device interface: everything a network needs done, and who does it.
 *
 * A backend is a table of functions; nothing above knows which device runs.  A context holds one
 * network's values, and in training mode its gradients and optimiser state, on the
 * device.  A context is used by one thread at a time; contexts are independent.
 */
#ifndef HWR_BACKEND_H
#define HWR_BACKEND_H

#include "core/base/real.h"
#include "core/augment/augment.h"
#include "vgsl.h"

/*
 * Raised whenever something below changes: a backend in a library of its own is refused unless it
 * has this number.
 */
#define HWR_BACKEND_ABI 10

typedef struct HwrBackendContext HwrBackendContext;

/* What inference computes with; sums are float32 in either case. */
typedef enum HwrPrecision
{
	HWR_FLOAT32,
	HWR_BFLOAT16,				/* where the device has it and it is faster, else float32 */
	HWR_INT8					/* so for products of what LSTMs give out; the rest as HWR_BFLOAT16 */
} HwrPrecision;

typedef enum HwrOptimizerKind
{
	HWR_SGD,					/* with Nesterov momentum */
	HWR_ADAM,					/* weight decay, if any, as an L2 term */
	HWR_ADAMW					/* decoupled weight decay */
} HwrOptimizerKind;

typedef enum HwrTrainPrecision
{
	HWR_TRAIN_AUTO,				/* bfloat16 where the device has it, else float32 */
	HWR_TRAIN_FLOAT32,
	HWR_TRAIN_BFLOAT16			/* products of bfloat16, everything else float32; where the device has it */
} HwrTrainPrecision;

/* What a training step does with a minibatch.  JSON keys of the training options are the field names. */
typedef struct HwrStepOptions
{
	HwrOptimizerKind optimizer; /* sgd | adam | adamw */
	double		momentum;		/* sgd: 0 <= m < 1 */
	double		weight_decay;	/* >= 0 */
	double		clip_norm;		/* largest global gradient norm, 0: off */
	HwrTrainPrecision precision;	/* auto | float32 | bfloat16 */
	HwrAugmentStrengths augment;	/* each 0: off .. 3; JSON keys as the members, but augment for affine */
} HwrStepOptions;

typedef struct HwrBackendConfig
{
	const HwrNet *net;			/* outlives the context */
	int			threads;		/* CPU threads, >= 1 */
	HwrPrecision precision;		/* of infer */
	bool		training;		/* gradients and optimiser state wanted */
	bool		values_stay;	/* what set_values gets outlives the context, unchanged: no need to copy it; not in training */
	const HwrStepOptions *step; /* training; outlives the context */
	size_t		memory_limit;	/* bytes on a device with memory of its own; 0: no limit */
} HwrBackendConfig;

/* What a backend runs on. */
typedef struct HwrDeviceInfo
{
	char		name[128];		/* of the processor or the card */
	char		driver[64];		/* its driver's version, or the kernels' instruction set */
	size_t		memory;			/* bytes of the device's own memory; 0: it has none */
	size_t		memory_free;
} HwrDeviceInfo;

/*
 * The loss at the logits of maps: computed by the network's user, who knows what the maps mean.  logits, maps
 * and grad are [N][h][w][K], maps being the batch's.  Returns the loss, and in grad its gradient at the logits.
 */
typedef struct HwrMapLoss
{
	double		(*compute) (int n, int h, int w, int k, const hwr_real *logits, const float *maps, hwr_real *grad);
	int			channels;		/* values of maps at a place */
} HwrMapLoss;

/* A minibatch: N canvases of one width with their labels. */
typedef struct HwrBatch
{
	int			n;
	int			width;			/* canvas width W */
	const uint8_t *ink;			/* [N][H][W] */
	const int64_t *ids;			/* [N], equal only for equal canvases: what a device may keep them under; NULL: unknown */
	const int  *const *labels;	/* N pointers to classes */
	const int  *label_lengths;	/* [N] */
	const float *maps;			/* instead of labels where the network's output is maps: see HwrMapLoss */
	const HwrMapLoss *map_loss;
} HwrBatch;

typedef struct HwrStepResult
{
	double		loss;			/* mean CTC loss over the feasible images, nats an image; heads not included */
	int			infeasible;		/* images whose label does not fit in the steps */
	double		grad_norm;		/* global norm before clipping */
} HwrStepResult;

typedef struct HwrBackend
{
	int			abi;			/* HWR_BACKEND_ABI */
	const char *name;			/* "cpu", "cuda" */

	/* HWR_DEVICE, with the reason as detail, where there is no usable device */
	bool		(*describe) (HwrDeviceInfo *out, HwrStatus *st);

	bool		(*create) (const HwrBackendConfig *config, HwrBackendContext **out, HwrStatus *st);
	void		(*destroy) (HwrBackendContext *ctx);

	/* Bytes that the context holds now. */
	size_t		(*memory) (const HwrBackendContext *ctx);

	/* values[net->nvalues], host memory */
	bool		(*set_values) (HwrBackendContext *ctx, const float *values, HwrStatus *st);
	bool		(*get_values) (HwrBackendContext *ctx, float *values, HwrStatus *st);

	/*
	 * Training: the optimiser's first and second moments [nvalues] each (zeros where it has none),
	 * and the steps it has done
	 */
	bool		(*set_moments) (HwrBackendContext *ctx, const float *m, const float *v, int64_t steps, HwrStatus *st);
	bool		(*get_moments) (HwrBackendContext *ctx, float *m, float *v, int64_t *steps, HwrStatus *st);

	/*
	 * ink[n][H][width] to log posteriors logp[n][T][K], T = hwr_net_steps(net, width); where the network's output is
	 * maps, to their values in [0, 1], [n][h][w][K], h and w being the last shape of hwr_net_shapes.  Only the CPU has such
	 * networks.
	 */
	bool		(*infer) (HwrBackendContext *ctx, int n, int width, const uint8_t *ink,
						  float *logp, HwrStatus *st);

	/*
	 * Augment, forward, CTC, backward, clip, one optimiser step.  What is minimised is the
	 * network's loss plus each head's times its weight.  rng_key decides augmentation and dropout:
	 * equal keys, values and batches give equal results.
	 */
	bool		(*train_step) (HwrBackendContext *ctx, const HwrBatch *batch,
							   double learning_rate, uint64_t rng_key,
							   HwrStepResult *result, HwrStatus *st);

	/*
	 * Training: the statistics of batch normalisation that infer uses.  Forward like a step; what
	 * is kept of each channel's mean and variance moves by share (0..1) towards the batch's, and
	 * nothing else changes.  A step leaves them alone.
	 */
	bool		(*measure) (HwrBackendContext *ctx, const HwrBatch *batch, double share, uint64_t rng_key, HwrStatus *st);

	/*
	 * (optional) infer for canvases of several widths, the widest first: ink and logp of one behind those of the other.
	 * For those who compute some layers of all of them together.
	 */
	bool		(*infer_widths) (HwrBackendContext *ctx, int n, const int *widths, const uint8_t *ink, float *logp,
								 HwrStatus *st);
} HwrBackend;

/* What infer_widths does, one width at a time, with infer. */
extern bool hwr_infer_each_width(const HwrBackend *backend, HwrBackendContext *ctx, const HwrNet *net,
								 int n, const int *widths, const uint8_t *ink, float *logp, HwrStatus *st);

extern const HwrBackend *hwr_cpu_backend(void);

/* Whether the processor computes as the environment variable HWR_CPU asks, or nothing is asked; the status says why not. */
extern bool hwr_cpu_check(HwrStatus *st);

#endif							/* HWR_BACKEND_H */
