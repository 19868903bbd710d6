/*
 * vgsl.h
 *	  Network descriptions: VGSL strings to layers, shapes and named tensors.
 *
 * The notation of Tesseract and kraken (variable-size graph specification language):
 *
 *   [1,H,W,1               input: one grey image of H x W; W = 0: any width
 *   C{r,t,s,l}y,x,d[,sy,sx]  convolution y x x, d outputs, "same" zero padding, stride;
 *                          activation ReLU, tanh, sigmoid, linear
 *   Mp y,x[,sy,sx]         max-pool (stride defaults to the window), no padding, y x at most 256
 *   Bn                     batch normalisation
 *   S1(axb)2,3             reshape: split the height into a x b, a to the width (each column becomes a
 *                          steps, upper part first), b to the features; a = 1 and b = 0 (any) collapses the height
 *   L{f,r,b}{x,y}[s]n      LSTM of n units, forward, reverse or both (2n outputs), along x or y,
 *                          s: keep only the last step
 *   F{r,t,s,l,m}n          dense layer over the features of each position; m: softmax
 *   Do p                   dropout with probability p (default 0.5)
 *   O1c n]                 CTC output of n classes, the blank included; may be left out when
 *                          training, where the alphabet gives n
 *   O2l n]                 n maps as outputs, logistic, of the height and width that the last layer has: networks that find
 *                          lines (core/page/line_net.h)
 *
 * {NAME} after the letters of an item, as kraken writes it, is read and forgotten; so is ",1" after
 * a dropout. Blanks between items are optional, as is the space inside "Mp 2,2", "Do 0.25" and "O1c
 * 79".
 */
#ifndef HWR_VGSL_H
#define HWR_VGSL_H

#include <stdint.h>

#include "core/base/status.h"

typedef enum HwrLayerKind
{
	HWR_LAYER_CONV,
	HWR_LAYER_POOL,
	HWR_LAYER_BATCH_NORM,
	HWR_LAYER_RESHAPE,
	HWR_LAYER_LSTM,
	HWR_LAYER_DENSE,
	HWR_LAYER_DROPOUT,
	HWR_LAYER_OUTPUT			/* a dense layer to logits; log-softmax follows */
} HwrLayerKind;

typedef enum HwrActivation
{
	HWR_ACT_LINEAR,
	HWR_ACT_RELU,
	HWR_ACT_TANH,
	HWR_ACT_SIGMOID,
	HWR_ACT_SOFTMAX
} HwrActivation;

/* Batch normalisation: what keeps a variance of zero from dividing by zero, as in Keras. */
#define HWR_NORM_EPSILON 1e-3

/* Shape of one image's map: [h][w][c], w = 0 where the width is any. */
typedef struct HwrShape
{
	int			h;
	int			w;
	int			c;
} HwrShape;

typedef struct HwrLayer
{
	HwrLayerKind kind;
	HwrActivation activation;
	int			ky,
				kx;				/* window (conv, pool) */
	int			sy,
				sx;				/* stride (conv, pool) */
	int			split_a,
				split_b;		/* reshape: height = a x b */
	int			units;			/* outputs: conv d, dense n, output n, LSTM n per direction */
	bool		forward;		/* LSTM directions */
	bool		reverse;
	bool		along_y;		/* LSTM axis */
	bool		summarize;		/* LSTM: last step only */
	float		dropout;
	int			first_tensor;	/* index into HwrNet.tensors */
	int			ntensors;
	HwrShape	in;				/* for the nominal width (w may be 0) */
	HwrShape	out;
} HwrLayer;

/*
 * One named array of values inside the parameter block.
 *
 * Layouts: conv kernel [y][x][in][out]; dense and output kernel [in][out]; LSTM (per direction)
 * kernel [in][4n], recurrent [n][4n], bias [4n] with gates in the order i, f, g, o; batch norm
 * gamma, beta, mean, variance [c].  Names: "LAYER.KIND.PART", LAYER counted from 0 over all items,
 * as "0.conv.kernel", "9.lstm.forward.recurrent".
 */
typedef struct HwrTensor
{
	char		name[48];
	int			ndim;
	int			shape[4];
	size_t		offset;			/* values from the start of the block */
	size_t		count;			/* values */
	bool		trainable;		/* false: statistics */
	bool		decay;			/* weight decay applies (kernels, not biases or norms) */
} HwrTensor;

/*
 * A dense layer to logits of its own, beside the network, while training: its CTC loss is added to
 * the network's.  Its tensors are the last of the block, so that the network's are where they are
 * without it.
 */
typedef struct HwrHead
{
	int			reads;			/* the layer whose input it reads, too */
	double		weight;			/* of its loss */
	HwrLayer	layer;			/* an output layer */
} HwrHead;

#define HWR_MAX_LAYERS 64
#define HWR_MAX_TENSORS 256
#define HWR_MAX_HEADS 1

typedef struct HwrNet
{
	int			height;			/* input H */
	int			width;			/* input W, 0: any */
	int			classes;		/* K, blank included; 0 while unknown; of maps their number */
	bool		maps;			/* the output is maps (O2l), not posteriors of characters */
	int			nlayers;
	HwrLayer	layers[HWR_MAX_LAYERS];
	int			ntensors;
	HwrTensor	tensors[HWR_MAX_TENSORS];
	size_t		nvalues;		/* length of the parameter block */
	int			nheads;			/* 0 but in training */
	HwrHead		heads[HWR_MAX_HEADS];
	char		vgsl[1024];		/* canonical spelling, output included, heads not */
} HwrNet;

/*
 * Parse spec.  classes > 0 fills in or is compared with the output layer; classes = 0
 * takes the string's own (error if it has none).  The net ends in an output layer whose map has height 1.
 * Errors: HWR_BAD_ARCHITECTURE 'invalid network architecture' with a detail such as
 * 'Expected a number at position 17, near "Cr3,x,32".'
 */
extern bool hwr_vgsl_parse(const char *spec, int classes, HwrNet *net, HwrStatus *st);

/* Replace the probability of every dropout layer (0 <= p < 1, to six decimals), in net->vgsl too. */
extern bool hwr_net_set_dropout(HwrNet *net, double dropout, HwrStatus *st);

/*
 * Add a head for the alphabet on the features that enter the first LSTM along x.  Error: HWR_BAD_OPTION
 * 'training option "shortcut" does not suit the network architecture' where there is no such place.
 */
extern bool hwr_net_add_shortcut(HwrNet *net, double weight, HwrStatus *st);

/* The network alone: its values are the first nvalues of the block. */
extern void hwr_net_remove_heads(HwrNet *net);

/* Shapes of every layer's output for an input of this width; out[nlayers]. False if too narrow. */
extern bool hwr_net_shapes(const HwrNet *net, int width, HwrShape *out, HwrStatus *st);

/* Time steps for an input of this width (0 if too narrow). */
extern int	hwr_net_steps(const HwrNet *net, int width);

/* Multiply-adds of one forward pass over one image of this width. */
extern double hwr_net_macs(const HwrNet *net, int width);

/*
 * Initialise values[nvalues]: Glorot uniform kernels, orthogonal recurrent, zero bias, forget bias
 * 1, variance 1.
 */
extern bool hwr_net_init(const HwrNet *net, uint64_t seed, float *values, HwrStatus *st);

#endif							/* HWR_VGSL_H */
