/*
 * plan.h
 *	  A network laid out in the card's memory for a batch of one width: forward and backward.
 *
 * Layers are grouped into stages.  A stage is a product (convolution, dense) with the bias,
 * activation, batch norm and max-pool that follow it, which one kernel does in a pass over memory;
 * or such a tail alone; or an LSTM, a reshape, a dropout.  Maps are [N][H][W][C].
 *
 * All memory of a plan is one arena: what is kept from forward to backward, two gradients by turns, and
 * scratch that the stages share.  In inference the outputs take turns.
 */
#ifndef HWR_GPU_PLAN_H
#define HWR_GPU_PLAN_H

#include "net.h"
#include "kernels/unroll.h"

typedef struct HwrGpuStage HwrGpuStage;
typedef struct HwrGpuPlan HwrGpuPlan;

/* Cuts pieces off an arena; base NULL: only measures. */
typedef struct HwrGpuCursor
{
	char	   *base;
	size_t		used;
} HwrGpuCursor;

extern void *hwr_gpu_take(HwrGpuCursor *cursor, size_t bytes);

typedef struct HwrGpuStageOps
{
	/* Set the stage's pointers: to memory that is kept, and to scratch. */
	void		(*layout) (const HwrGpuPlan *plan, HwrGpuStage *stage, HwrGpuCursor *kept, HwrGpuCursor *scratch);
	bool		(*forward) (const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st);
	bool		(*backward) (const HwrGpuPlan *plan, const HwrGpuStage *stage, HwrStatus *st);
} HwrGpuStageOps;

extern const HwrGpuStageOps hwr_gpu_conv_ops;
extern const HwrGpuStageOps hwr_gpu_dense_ops;
extern const HwrGpuStageOps hwr_gpu_point_ops;
extern const HwrGpuStageOps hwr_gpu_reshape_ops;
extern const HwrGpuStageOps hwr_gpu_lstm_ops;
extern const HwrGpuStageOps hwr_gpu_dropout_ops;

/* Buffers of an LSTM; [D] directions, steps first. */
typedef struct HwrGpuLstm
{
	int			S;				/* sequences */
	int			T;				/* steps */
	int			F;				/* input features */
	int			n;				/* units */
	int			D;				/* directions */
	bool		reverse[2];
	void	   *xt;				/* [T][S][F] */
	void	   *gates;			/* [D][T][S][4n]; in backward d loss / d pre-activations */
	void	   *h;				/* [D][T][S][n] */
	float	   *cell;			/* [D][T][S][n]; inference: [D][2][S][n] */
	float	   *product;		/* [D][S][4n] */
	void	   *yt;				/* [T][S][D n]; in backward the output's gradient */
	float	   *dc;				/* [D][S][n] */
	void	   *dxt;			/* [T][S][F] */
	void	   *sums;
} HwrGpuLstm;

struct HwrGpuStage
{
	const HwrGpuStageOps *ops;
	const HwrLayer *layer;		/* conv, dense, lstm, reshape, dropout; NULL: a tail alone */
	const HwrLayer *norm;		/* batch norm, NULL: none */
	const HwrLayer *pool;		/* max-pool, NULL: none */
	int			index;			/* of layer in the net */
	bool		logits;			/* the output layer: float32 without bias, which log softmax adds */
	HwrShape	in;
	HwrShape	mid;			/* before the pool */
	HwrShape	out;
	const void *x;				/* [N][in] */
	void	   *y;				/* [N][out] */
	void	   *dy;				/* may be overwritten */
	void	   *dx;				/* NULL: not wanted */

	/* product and tail */
	void	   *z;				/* [N][mid]: the product, or x; y where the tail works in place */
	void	   *dz;
	uint8_t    *which;			/* [N][out]: place of the maximum in its window */
	HwrGpuNorm	statistics;
	void	   *sums;

	/* convolution */
	HwrGpuWindow window;		/* over chunk images */
	int			chunk;			/* images unrolled at a time */
	void	   *column;			/* [chunk][mid.h][mid.w][ky][kx][in.c]; the first convolution's sums */

	HwrGpuLstm	lstm;
};

struct HwrGpuPlan
{
	HwrGpuNet  *net;
	HwrGpuType	type;			/* of activations and products */
	bool		training;		/* outputs kept, batch statistics, dropout */
	const HwrGpuStep *step;		/* training: on the card */
	int			N;
	int			width;			/* input canvas width */
	int			nstages;
	HwrGpuStage stages[HWR_MAX_LAYERS];
	int			nheads;			/* training: the network's heads; y are logits like those below, dy is filled by the caller */
	HwrGpuStage heads[HWR_MAX_HEADS];
	void	   *input;			/* [N][H][W][1], filled by the caller */
	uint8_t    *warped;			/* training: scratch for canvases, [N][2][H][W] */
	float	   *logits;			/* [N][T][K] without bias */
	float	   *logp;			/* [N][T][K], for the caller */
	void	   *dlogits;		/* training: filled by the caller */
	int			T;
	int			K;
	HwrGpuBlock arena;
};

/*
 * Lay a plan out for N images of this canvas width.  A zeroed plan with net, type, training and
 * step set is empty.
 */
extern bool hwr_gpu_plan_prepare(HwrGpuPlan *plan, int N, int width, HwrStatus *st);
extern void hwr_gpu_plan_free(HwrGpuPlan *plan);

/* input -> logits */
extern bool hwr_gpu_plan_forward(const HwrGpuPlan *plan, HwrStatus *st);

/* dlogits -> gradients, overwritten.  After forward. */
extern bool hwr_gpu_plan_backward(const HwrGpuPlan *plan, HwrStatus *st);

/*
 * The tail of a stage: bias, activation, batch norm, pool.  z -> y, and dy -> dz with the tail's
 * gradients.
 */
extern void hwr_gpu_tail_layout(const HwrGpuPlan *plan, HwrGpuStage *stage, HwrGpuCursor *kept, HwrGpuCursor *scratch);
extern void hwr_gpu_tail_forward(const HwrGpuPlan *plan, const HwrGpuStage *stage);
extern void hwr_gpu_tail_backward(const HwrGpuPlan *plan, const HwrGpuStage *stage);

/* Values of the batch's map of this shape, and its positions. */
static inline size_t
hwr_gpu_count(const HwrGpuPlan *plan, HwrShape shape)
{
	return (size_t) plan->N * (size_t) shape.h * (size_t) shape.w * (size_t) shape.c;
}

static inline int64_t
hwr_gpu_rows(const HwrGpuPlan *plan, HwrShape shape)
{
	return (int64_t) plan->N * shape.h * shape.w;
}

/* Bytes of the batch's map of this shape, in the plan's type. */
static inline size_t
hwr_gpu_bytes(const HwrGpuPlan *plan, HwrShape shape)
{
	return hwr_gpu_count(plan, shape) * hwr_gpu_type_size(plan->type);
}

/* Address of value i of an array in the plan's type. */
static inline void *
hwr_gpu_at(const HwrGpuPlan *plan, const void *array, int64_t i)
{
	return (char *) array + i * (int64_t) hwr_gpu_type_size(plan->type);
}

#endif							/* HWR_GPU_PLAN_H */
