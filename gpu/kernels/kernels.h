/*
 * kernels.h
 *	  The CUDA kernels of hwr: everything between the matrix products and the convolutions.
 *
 * A launch function checks nothing, allocates nothing and waits for nothing; it puts its kernels on the stream,
 * and cudaGetLastError() says whether they could be launched.  All pointers are to device memory.  What changes
 * from step to step (learning rate, random key, labels) is read from device memory, so that a captured
 * graph of launches stays valid.
 *
 * Maps are [N][H][W][C] and matrices [rows][cols], row-major, as on the CPU, whose results these
 * kernels give. Activations are void pointers to float or bfloat16, as the argument type says;
 * statistics, biases and gradients of parameters are float.  Accesses are 16 bytes wide where the
 * number of columns is a multiple of 8 (bfloat16) or 4 (float) and the pointers are aligned to 16
 * bytes, else element by element.
 *
 * Sums are taken in an order that depends on the shapes alone, without atomics: equal inputs give equal bits.
 *
 * The same files compile with a host compiler, against test/gpu/host/cuda_on_host.h in the
 * toolkit's place: so they are tested where no GPU is.
 */
#ifndef HWR_GPU_KERNELS_H
#define HWR_GPU_KERNELS_H

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <stddef.h>
#include <stdint.h>

#include "core/options/options.h"
#include "core/network/vgsl.h"

typedef enum HwrGpuType
{
	HWR_GPU_FLOAT32,
	HWR_GPU_BFLOAT16
} HwrGpuType;

/* What the host writes to device memory before each training step. */
typedef struct HwrGpuStep
{
	uint64_t	rng_key;		/* of augmentation and dropout */
	int64_t		t;				/* optimiser step, from 1 */
	double		learning_rate;
	double		scales[1 + HWR_MAX_HEADS];	/* of the gradient of the network's loss, and each head's: weight / feasible images */
	double		measure;		/* by how much the statistics kept move towards the batch's */
} HwrGpuStep;

/* What it reads afterwards. */
typedef struct HwrGpuResult
{
	double		loss;			/* mean over the feasible images; 0 where there is none */
	double		grad_norm;		/* before clipping */
	int			infeasible;
	int			diverged;		/* loss or norm not finite: nothing was updated */
} HwrGpuResult;

/*
 * Ink
 */

/*
 * y[n][h][w] = ink / 255, ink being canvases[slots[i]] (slots NULL: canvases[i]), each [h][w]
 * bytes.  With strengths (NULL: none) distorted as hwr_augment does with a generator seeded by
 * (step->rng_key, i); warped[n][2][h][w] is scratch for that.  h at most 512.
 */
extern void hwr_gpu_ink(cudaStream_t stream, HwrGpuType type, int n, int h, int w, const uint8_t *canvases,
						const int *slots, const HwrAugmentStrengths *strengths, const HwrGpuStep *step,
						uint8_t *warped, void *y);

/*
 * Positions: what happens to each value between two products.
 *
 *	 v = act(z + bias[c])				z: a product or a convolution
 *	 u = v * scale[c] + shift[c]		batch norm
 *	 y = max of u over a window
 *
 * each of the three optional, in one pass over memory, with the gradient in two: sums, then dz.
 */

/* v from z.  applied: z holds v already (it was computed in place). */
typedef struct HwrGpuPoint
{
	const float *bias;			/* [C], or NULL: none */
	HwrActivation activation;	/* any but softmax */
	bool		applied;
} HwrGpuPoint;

/* A batch of maps and a max-pool window over them.  No pooling: ky = kx = sy = sx = 1. */
typedef struct HwrGpuMap
{
	int			n;
	int			h;
	int			w;
	int			c;
	int			ky;				/* ky * kx at most 256 */
	int			kx;
	int			sy;
	int			sx;
} HwrGpuMap;

static inline HwrGpuMap
hwr_gpu_map(int n, int h, int w, int c)
{
	HwrGpuMap	map = {n, h, w, c, 1, 1, 1, 1};

	return map;
}

/* Size of the pooled map, windows entirely inside. */
static inline int
hwr_gpu_pooled_h(const HwrGpuMap *map)
{
	return (map->h - map->ky) / map->sy + 1;
}

static inline int
hwr_gpu_pooled_w(const HwrGpuMap *map)
{
	return (map->w - map->kx) / map->sx + 1;
}

/*
 * y[n][pooled h][pooled w][c] from z[n][h][w][c].  scale NULL: no batch norm.  which (or NULL), as y: the position
 * of the maximum in its window, the first of equals.  y may be z where there is no pooling.
 */
extern void hwr_gpu_point_forward(cudaStream_t stream, HwrGpuType type, HwrGpuMap map, const void *z, HwrGpuPoint point,
								  const float *scale, const float *shift, void *y, uint8_t *which);

/* Bytes of scratch for the functions with an argument sums, for this many columns. */
extern size_t hwr_gpu_sums_size(int cols);

/* One batch norm: its parameters, and what the forward pass leaves for the backward pass.  All [c]. */
typedef struct HwrGpuNorm
{
	const float *gamma;
	const float *beta;
	float	   *kept_mean;		/* for inference */
	float	   *kept_variance;
	float	   *mean;			/* the batch's */
	float	   *inv_std;
	float	   *scale;			/* gamma inv_std */
	float	   *shift;			/* beta - mean scale */
	float	   *a;				/* of the backward pass: du -> a du + b v + c */
	float	   *b;
	float	   *c;
} HwrGpuNorm;

/* Training: mean, inv_std, scale and shift from v over the rows; those kept move by step->measure. */
extern void hwr_gpu_norm_stats(cudaStream_t stream, HwrGpuType type, int64_t rows, int cols, const void *z, HwrGpuPoint point,
							   const HwrGpuStep *step, HwrGpuNorm norm, void *sums);

/* Inference: scale and shift from the statistics kept.  mean, inv_std, a, b, c are not used. */
extern void hwr_gpu_norm_kept(cudaStream_t stream, int cols, HwrGpuNorm norm);

/*
 * Gradients of gamma and beta (overwritten), and norm.a, b, c for the next function.  dy, which: of
 * the pooled map.
 */
extern void hwr_gpu_norm_backward(cudaStream_t stream, HwrGpuType type, HwrGpuMap map, const void *z, HwrGpuPoint point,
								  HwrGpuNorm norm, const void *dy, const uint8_t *which, float *dgamma, float *dbeta,
								  void *sums);

/*
 * dz[n][h][w][c] from dy of the pooled map; norm NULL: no batch norm.  dz may be dy where there is no pooling.  dbias[c] (or
 * NULL, sums not used): the columns' sums of dz, overwritten.
 */
extern void hwr_gpu_point_backward(cudaStream_t stream, HwrGpuType type, HwrGpuMap map, const void *z, HwrGpuPoint point,
								   const HwrGpuNorm *norm, const void *dy, const uint8_t *which, void *dz, float *dbias,
								   void *sums);

/* out[cols] = sums over the rows of x, which lie stride elements apart; overwritten. */
extern void hwr_gpu_col_sum(cudaStream_t stream, HwrGpuType type, int64_t rows, int cols, int64_t stride, const void *x,
							float *out, void *sums);

/*
 * Softmax over the columns of z + bias, in place (activation m of dense layers), and dy -> dz in
 * place given y.
 */
extern void hwr_gpu_softmax(cudaStream_t stream, HwrGpuType type, int64_t rows, int cols, const float *bias, void *z);
extern void hwr_gpu_softmax_back(cudaStream_t stream, HwrGpuType type, int64_t rows, int cols, const void *y, void *dy);

/*
 * Rearrangements
 */

/*
 * y[n][b][a][c] = x[n][a][b][c].  The reshape layer S, whatever its split, is (a, b) = (h, w): its
 * steps and features follow on each other as the swapped map's rows do; backward is (w, h).  LSTMs
 * along y want the same before and after.
 */
extern void hwr_gpu_swap(cudaStream_t stream, HwrGpuType type, int n, int a, int b, int c, const void *x, void *y);

/* y[b][a] = x[a][b], with conversion; both widths may be large. */
extern void hwr_gpu_transpose(cudaStream_t stream, int a, int b, HwrGpuType from, const void *x, HwrGpuType to, void *y);

/* y[count] = x[count] */
extern void hwr_gpu_convert(cudaStream_t stream, size_t count, HwrGpuType from, const void *x, HwrGpuType to, void *y);

/* y += x */
extern void hwr_gpu_add(cudaStream_t stream, HwrGpuType type, size_t count, const void *x, void *y);

/*
 * The CPU's mask for layer number layer: y = x with values zeroed with probability p, else over 1 -
 * p.  y may be x.
 */
extern void hwr_gpu_dropout(cudaStream_t stream, HwrGpuType type, int64_t rows, int cols, double p, int layer,
							const HwrGpuStep *step, const void *x, void *y);

/*
 * LSTM: one step of S sequences of n units in one or two directions, each at its own time step. Row
 * s of gates, h and dy is found s * stride elements on, so that steps of maps [S][T][...] are used
 * where they lie.
 */
typedef struct HwrGpuLstmStep
{
	int			S;
	int			n;
	int			directions;
	int64_t		gates_stride;
	int64_t		h_stride;		/* of h, or of dy */
	struct
	{
		void	   *gates;		/* [4n] in the order i, f, g, o: pre-activations in, activations out; backward: activations
								 * in, d loss / d pre-activations out */
		const float *product;	/* forward [S][4n]: added to the pre-activations; backward [S][n]: added to dy; or NULL */
		const float *bias;		/* forward [4n]: likewise; or NULL */
		const float *cell_before;	/* [S][n], NULL: zero */
		float	   *cell;		/* [S][n]: forward out, backward in */
		void	   *h;			/* forward [n] out */
		const void *dy;			/* backward [n] in, NULL: zero */
		float	   *dc;			/* backward [S][n]: d loss / d cell from the later steps in, to the step before out */
	}			dir[2];
	bool		last;			/* backward: no later steps, dc is only written */
} HwrGpuLstmStep;

extern void hwr_gpu_lstm_forward(cudaStream_t stream, HwrGpuType type, HwrGpuLstmStep step);
extern void hwr_gpu_lstm_backward(cudaStream_t stream, HwrGpuType type, HwrGpuLstmStep step);

/*
 * Output
 */

/* logp[rows][K] = log softmax of x + bias (NULL: none), in float */
extern void hwr_gpu_log_softmax(cudaStream_t stream, HwrGpuType type, int64_t rows, int K, const void *x, const float *bias,
								float *logp);

/*
 * CTC as hwr_ctc_loss does it: losses[n] (infinity where the label does not fit) and grad[n][T][K]
 * = d loss / d logits times *scale (zeros where it does not fit).  Labels are rows of max_label
 * classes, of which lengths[i] count. workspace: hwr_gpu_ctc_size bytes (0: none needed).
 */
extern size_t hwr_gpu_ctc_size(int n, int T, int max_label);
extern void hwr_gpu_ctc(cudaStream_t stream, HwrGpuType type, int n, int T, int K, const float *logp, const int *labels,
						int max_label, const int *lengths, const double *scale, void *grad, double *losses,
						void *workspace);

/* result->loss, the mean of the finite losses, and result->infeasible */
extern void hwr_gpu_ctc_mean(cudaStream_t stream, int n, const double *losses, HwrGpuResult *result);

/* Best path: ids[n][T], of which lengths[n] are written: classes with runs merged and blanks dropped. */
extern void hwr_gpu_greedy(cudaStream_t stream, int n, int T, int K, const float *logp, int *ids, int *lengths);

/*
 * Optimiser
 */

/* A piece of the parameter block that one block of threads works on. */
#define HWR_GPU_RANGE 4096

typedef struct HwrGpuRange
{
	int64_t		offset;			/* values from the start of the parameter block */
	int			count;			/* at most HWR_GPU_RANGE */
	int			decay;			/* whether weight decay applies */
} HwrGpuRange;

/*
 * Cut a trainable tensor into ranges, written to out (NULL: only counted); returns their number.
 * Host memory.
 */
extern int	hwr_gpu_cut(size_t offset, size_t count, bool decay, HwrGpuRange *out);

typedef struct HwrGpuRule
{
	HwrOptimizerKind kind;
	double		momentum;
	double		weight_decay;
	double		clip_norm;
} HwrGpuRule;

/* This step's coefficients, from hwr_gpu_grad_norm to hwr_gpu_update. */
typedef struct HwrGpuUpdate
{
	float		scale;			/* of the gradients */
	float		rate;
	float		momentum;
	float		root2;			/* Adam: root of the second correction */
	float		l2;				/* added to the gradient, times the value */
	float		keep;			/* AdamW: factor of the value */
	int			skip;			/* diverged */
} HwrGpuUpdate;

/*
 * Global norm of the gradients (of the ranges; after hwr_gpu_ctc_mean, whose loss it looks at):
 * result->grad_norm and diverged, and the coefficients.  partial[nranges] is scratch.
 */
extern void hwr_gpu_grad_norm(cudaStream_t stream, int nranges, const HwrGpuRange *ranges, const float *grads, HwrGpuRule rule,
							  const HwrGpuStep *step, double *partial, HwrGpuUpdate *update, HwrGpuResult *result);

/* The update, and where half is not NULL the new values in bfloat16 too.  v may be NULL for SGD. */
extern void hwr_gpu_update(cudaStream_t stream, int nranges, const HwrGpuRange *ranges, HwrOptimizerKind kind,
						   const HwrGpuUpdate *update, float *values, __nv_bfloat16 *half, const float *grads,
						   float *m, float *v);

#endif							/* HWR_GPU_KERNELS_H */
