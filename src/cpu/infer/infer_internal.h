/*
 * infer_internal.h
 *	  What the three files of inference share.
 */
#ifndef HWR_INFER_INTERNAL_H
#define HWR_INFER_INTERNAL_H

#include "infer.h"

/* Rows of a sequence worked on before going on to the next layer's part: they stay in the cache. */
#define HWR_INFER_ROWS 128

/*
 * Bytes, and elements, that a product may read past its left operand.  They count for nothing, but
 * must be finite numbers.
 */
#define HWR_INFER_PAST 4

/* y = x * scale + shift for each channel; scale NULL: none */
typedef struct HwrAffine
{
	int			layer;			/* the batch norm it comes from, -1: none */
	hwr_real   *scale;			/* [c] */
	hwr_real   *shift;
} HwrAffine;

typedef struct HwrStage
{
	const HwrLayer *conv;
	const HwrLayer *pool;		/* or NULL */
	int			conv_index;
	int			last;			/* last layer of the stage */
	HwrAffine	before;			/* of the pool */
	HwrAffine	after;
	const HwrElements *e;		/* of its products: the maps', or Winograd's 16-bit ones */
	bool		winograd;
	bool		whole;			/* done at once by HwrElements.convolve */
	void	   *kernel;			/* packed, for Winograd's convolution transformed */
	const hwr_real *bias;

	/* for the width in hand */
	HwrShape	in;
	HwrShape	mid;			/* of the convolution */
	HwrShape	out;
	int			top;			/* zero border of the input map */
	int			left;
	int			wide;			/* columns of a bordered row */
	int			high;			/* bordered rows */

	/* how it is worked on: a strip of output rows at a time, by way of float32 rows */
	int			unit;			/* strips begin at multiples of this many output rows */
	int			strip;			/* output rows of a strip, at most */
	int			rows;			/* float32 rows that give a strip */
	int			row_columns;	/* columns of each */
	bool		pooled;			/* the rows are pooled already */

	/* Winograd's convolution */
	int			tiles;			/* in a row */
	int			chunk;			/* of them worked on at a time */
	bool		fused;			/* activation and batch norm before the pool are part of it */
} HwrStage;

/* A dense layer, an LSTM or the output. */
typedef struct HwrSeqOp
{
	const HwrLayer *layer;
	int			directions;		/* of an LSTM */
	bool		reverse[2];
	void	   *kernel[2];		/* packed, one a direction */
	void	   *recurrent[2];
	const hwr_real *bias[2];
	int			in;				/* features */
	int			out;
	const HwrElements *in_e;	/* elements of these */
	const HwrElements *out_e;	/* an LSTM's recurrent products are in these too */
} HwrSeqOp;

struct HwrInfer
{
	const HwrNet *net;
	const HwrKernels *k;
	const HwrElements *winograd;	/* 16-bit elements for Winograd's products, or NULL */
	const HwrElements *e;		/* of the maps, and of the sequence but for LSTM outputs */
	HwrPool    *pool;

	int			nstages;
	HwrStage	stages[HWR_MAX_LAYERS];
	int			split;			/* steps that a column of the last map becomes */
	int			nops;
	HwrSeqOp	ops[HWR_MAX_LAYERS];
	char	   *weights;		/* packed weights and affine maps */
	size_t		weights_size;
	hwr_real   *ink_kernel;		/* the first kernel over 255 */
	hwr_real   *work;			/* a panel of a kernel while it is transformed */

	/*
	 * Laid out for this many images of these widths, the widest first.  A sequence lies step by step, and in each step the
	 * images that have so many: the first few of them.
	 */
	int			N;
	int		   *widths;			/* [N] */
	size_t	   *first_step;		/* [N + 1]: where an image's posteriors are, in steps */
	size_t	   *row;			/* [T + 1]: where a step's rows begin */
	int			T;				/* steps of the widest */
	int			F;				/* features of a step before the first op */
	char	   *arena;
	size_t		arena_size;
	char	   *maps;			/* [threads]: the bordered input maps of the stages, and rows */
	size_t		maps_stride;
	char	   *seq[2];			/* [rows][features] elements, in turn */
	char	   *scratch;		/* [threads]: gates, states, rows of the sequence */
	size_t		scratch_stride;

	/* the run in hand */
	const uint8_t *ink;
	float	   *logp;
	int			op;
	int			described;		/* the width that the stages are laid out for, their borders zero; 0: none */
	size_t		from;			/* images of one width: the first of them, */
	int			count;			/* how many, */
	const uint8_t *from_ink;	/* and their canvases */
	int			stage;			/* being shared by the threads, of this image */
	size_t		image;
};

/* Images that have a step t. */
static inline int
hwr_infer_rows(const HwrInfer *inf, int t)
{
	return (int) (inf->row[t + 1] - inf->row[t]);
}

/* Images from this one on that are as wide. */
static inline int
hwr_infer_equals(const HwrInfer *inf, size_t from)
{
	size_t		n = from + 1;

	while (n < (size_t) inf->N && inf->widths[n] == inf->widths[from])
		n++;
	return (int) (n - from);
}

/* infer.c: lay the stages out for images of this width; false where it is too narrow. */
extern bool hwr_infer_describe(HwrInfer *inf, int width, HwrStatus *st);

/* infer_front.c */
extern void hwr_infer_describe_stage(HwrStage *s);
extern size_t hwr_infer_maps_size(const HwrInfer *inf);
extern void hwr_infer_front(HwrInfer *inf);

/* infer_winograd.c */

/* Fill in the stage's fields on strips and tiles from its maps and pool. */
extern void hwr_winograd_describe(HwrStage *s);

/* Bytes that hwr_winograd_rows needs. */
extern size_t hwr_winograd_memory(const HwrInfer *inf, const HwrStage *s);

/*
 * Convolution rows [y, y + rows), after activation and the batch norm before the pool if fused,
 * pooled if s->pooled: out[s->rows][s->row_columns][c]
 */
extern void hwr_winograd_rows(const HwrInfer *inf, const HwrStage *s, const char *map, int y, int rows, char *memory,
							  hwr_real *out);

/* infer_seq.c */
extern size_t hwr_infer_scratch_size(const HwrInfer *inf);
extern void hwr_infer_sequence(HwrInfer *inf);

#endif							/* HWR_INFER_INTERNAL_H */
