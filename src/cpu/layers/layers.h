/*
 * layers.h
 *	  What every layer of the CPU network offers, and what it is given to run.
 *
 * Maps are [N][H][W][C].  A layer splits its work over the pool in parts fixed by the number of
 * threads, so that equal inputs give equal bits.
 */
#ifndef HWR_LAYERS_H
#define HWR_LAYERS_H

#include "core/base/real.h"
#include "core/base/threads.h"
#include "core/network/vgsl.h"
#include "cpu/kernels/kernels.h"

typedef struct HwrLayerRun HwrLayerRun;

struct HwrLayerRun
{
	const HwrNet *net;
	const HwrLayer *layer;
	int			index;			/* of the layer in the net */
	HwrLayerRun *runs;			/* of all the net's layers, as far as they are in the plan */
	int			N;
	HwrShape	in;				/* of one image, width filled in */
	HwrShape	out;
	bool		training;
	uint64_t	rng_key;		/* training: decides dropout */
	double		measure;		/* training: by how much the statistics kept move towards the batch's */
	const HwrKernels *k;
	const HwrElements *e;		/* what products are of */
	HwrPool    *pool;
	const uint64_t *version;	/* of the values: raised when they are set */
	uint64_t	packed;			/* version of the values that aux holds rearranged, 0: none */
	hwr_real   *values;			/* the net's parameter block (statistics are written where they are measured) */
	hwr_real   *grads;			/* gradients, same layout; training only, added to */
	void	   *aux;			/* aux_size bytes, kept from forward to backward */
	char	   *scratch;		/* scratch_size bytes for each thread, scratch_stride apart */
	size_t		scratch_stride;
	const hwr_real *x;			/* input [N][in] */
	hwr_real   *y;				/* output [N][out] */
	hwr_real   *dy;				/* backward: gradient at y; may be overwritten */
	hwr_real   *dx;				/* backward: gradient at x, written; NULL: not wanted */

	/*
	 * Training: neighbours that a convolution works for, row by row.  The map between them is then
	 * not kept, and the gradient goes through them in one piece: dy is the gradient behind the last
	 * of them.
	 */
	HwrLayerRun *norm_before;	/* normalises the input */
	HwrLayerRun *pool_after;	/* max-pooling without overlap */
	HwrLayerRun *norm_after;	/* behind that: gets its sums, and its gradient is taken back */
	bool		by_next;		/* batch normalisation: the convolution behind it applies it, and sums its gradients */
	bool		by_previous;	/* pooling: is done by the convolution before; normalisation: its sums and gradient are */
};

typedef struct HwrLayerOps
{
	void		(*forward) (HwrLayerRun *run);
	void		(*backward) (HwrLayerRun *run);
	size_t		(*aux_size) (const HwrLayerRun *run);	/* bytes; NULL: none */
	size_t		(*scratch_size) (const HwrLayerRun *run);	/* bytes a thread; NULL: none */
} HwrLayerOps;

extern const HwrLayerOps hwr_conv_ops;
extern const HwrLayerOps hwr_conv_direct_ops;	/* hwr_conv_is_plain */
extern const HwrLayerOps hwr_conv_unrolled_ops; /* any stride, dilation and padding */
extern const HwrLayerOps hwr_pool_ops;
extern const HwrLayerOps hwr_norm_ops;
extern const HwrLayerOps hwr_group_norm_ops;
extern const HwrLayerOps hwr_reshape_ops;
extern const HwrLayerOps hwr_dense_ops;
extern const HwrLayerOps hwr_lstm_ops;
extern const HwrLayerOps hwr_dropout_ops;
extern const HwrLayerOps hwr_join_ops;
extern const HwrLayerOps hwr_sum_ops;
extern const HwrLayerOps hwr_identity_ops;

/* Before memory is measured, after fusing: a convolution's elements in training, its narrow ones or hwr_real. */
extern void hwr_conv_choose_elements(HwrLayerRun *run);

static inline const HwrLayerOps *
hwr_layer_ops(HwrLayerKind kind)
{
	static const HwrLayerOps *const table[] = {
		[HWR_LAYER_CONV] = &hwr_conv_ops,
		[HWR_LAYER_POOL] = &hwr_pool_ops,
		[HWR_LAYER_BATCH_NORM] = &hwr_norm_ops,
		[HWR_LAYER_GROUP_NORM] = &hwr_group_norm_ops,
		[HWR_LAYER_RESHAPE] = &hwr_reshape_ops,
		[HWR_LAYER_LSTM] = &hwr_lstm_ops,
		[HWR_LAYER_DENSE] = &hwr_dense_ops,
		[HWR_LAYER_DROPOUT] = &hwr_dropout_ops,
		[HWR_LAYER_OUTPUT] = &hwr_dense_ops,
		[HWR_LAYER_IDENTITY] = &hwr_identity_ops,
		[HWR_LAYER_SUM] = &hwr_sum_ops,
		[HWR_LAYER_JOIN] = &hwr_join_ops,
	};

	return table[kind];
}

/* Values of tensor i of the layer, in the parameter block or in the gradients. */
static inline hwr_real *
hwr_layer_tensor(const HwrLayerRun *run, hwr_real *block, int i)
{
	return block + run->net->tensors[run->layer->first_tensor + i].offset;
}

static inline size_t
hwr_shape_size(HwrShape s)
{
	return (size_t) s.h * (size_t) s.w * (size_t) s.c;
}

/* Sizes of arena pieces, in bytes, rounded so that each piece is aligned to a cache line. */
static inline size_t
hwr_aligned(size_t bytes)
{
	return (bytes + 63) & ~(size_t) 63;
}

/* Cut a piece of count items of size bytes off *cursor.  With base NULL it only measures. */
static inline void *
hwr_take(char *base, size_t *cursor, size_t count, size_t size)
{
	char	   *p = base != NULL ? base + *cursor : NULL;

	*cursor += hwr_aligned(count * size);
	return p;
}

#endif							/* HWR_LAYERS_H */
