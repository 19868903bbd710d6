/*
 * vgsl.h
 *	  Network descriptions: VGSL strings to layers, shapes and named tensors.
 *
 * The notation of Tesseract and kraken (variable-size graph specification language):
 *
 *   [1,H,W,1               input: one grey image of H x W; W = 0: any width
 *   C{r,t,s,l,m,lr}y,x,d[,sy,sx[,dy,dx]]
 *                          convolution y x x, d outputs, stride, dilation; activation ReLU, tanh, sigmoid, linear,
 *                          softmax over the outputs, leaky ReLU.  Without a dilation written, zero padding is "same"
 *                          (TensorFlow's: ceil(H / sy) rows come out); with one, it is PyTorch's and kraken's:
 *                          dy (y - 1) / 2 rows above and as many below, and likewise for columns
 *   Mp y,x[,sy,sx]         max-pool (stride defaults to the window), no padding, y x at most 256
 *   Bn                     batch normalisation
 *   Gn n                   group normalisation: each image's channels in n groups
 *   S1(axb)2,3             reshape: split the height into a x b, a to the width (each column becomes a
 *                          steps, upper part first), b to the features; a = 1 and b = 0 (any) collapses the height
 *   S1(axb)1,3             the same with a left as the height
 *   L{f,r,b}{x,y}[s,e]n    LSTM of n units, forward, reverse or both (2n outputs), along x or y,
 *                          s: keep only the last step, of the reverse direction its own last, at the beginning;
 *                          e: keep only the end of the axis, where the reverse direction has seen one step (kraken's s)
 *   F{r,t,s,l,m,lr}n       dense layer over the features of each position
 *   Do p[,d]               dropout with probability p (default 0.5) of single values (d = 1, the default) or of whole
 *                          channels of an image (d = 2)
 *   (A B ...)              items in parallel: each is given the same map, and their outputs, of one height and width, are put
 *                          together along the features.  A branch of several items is [A B ...]; I is one that changes nothing
 *   A3,n                   addition: the features in chunks of n, summed: ([Cr3,3,32 Cl3,3,32] I) A3,32 is a residual block
 *   O1c n]                 CTC output of n classes, the blank included; may be left out when
 *                          training, where the alphabet gives n
 *   O2l n]                 n maps as outputs, logistic, of the height and width that the last layer has: networks that find
 *                          lines (core/page/line_net.h)
 *
 * {NAME} after the letters of an item, as kraken writes it, is read and forgotten. Blanks between items are optional,
 * as is the space inside "Mp 2,2", "Do 0.25" and "O1c 79".
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
	HWR_LAYER_GROUP_NORM,
	HWR_LAYER_RESHAPE,
	HWR_LAYER_LSTM,
	HWR_LAYER_DENSE,
	HWR_LAYER_DROPOUT,
	HWR_LAYER_OUTPUT,			/* a dense layer to logits; log-softmax follows */
	HWR_LAYER_IDENTITY,			/* a branch that changes nothing */
	HWR_LAYER_SUM,				/* sum of chunks of the features */
	HWR_LAYER_JOIN				/* end of a parallel block: the branches' outputs beside each other */
} HwrLayerKind;

typedef enum HwrActivation
{
	HWR_ACT_LINEAR,
	HWR_ACT_RELU,
	HWR_ACT_TANH,
	HWR_ACT_SIGMOID,
	HWR_ACT_SOFTMAX,
	HWR_ACT_LEAKY				/* ReLU that lets HWR_LEAKY_SLOPE of negative values through, PyTorch's default */
} HwrActivation;

#define HWR_LEAKY_SLOPE 0.01

/* Batch normalisation: what keeps a variance of zero from dividing by zero, as in Keras. */
#define HWR_NORM_EPSILON 1e-3

/* The same of group normalisation, as in PyTorch. */
#define HWR_GROUP_EPSILON 1e-5

/* Shape of one image's map: [h][w][c], w = 0 where the width is any. */
typedef struct HwrShape
{
	int			h;
	int			w;
	int			c;
} HwrShape;

/* Branches of a parallel block, and blocks within blocks. */
#define HWR_MAX_BRANCHES 8
#define HWR_MAX_NESTING 4

typedef struct HwrLayer
{
	HwrLayerKind kind;
	HwrActivation activation;
	int			ky,
				kx;				/* window (conv, pool) */
	int			sy,
				sx;				/* stride (conv, pool) */
	int			dy,
				dx;				/* dilation (conv) */
	bool		symmetric;		/* conv: PyTorch's padding instead of "same" */
	int			groups;			/* group norm */
	int			split_a,
				split_b;		/* reshape: height = a x b */
	bool		keep_height;	/* reshape: a stays the height instead of becoming steps */
	int			units;			/* outputs: conv d, dense n, output n, LSTM n per direction, sum n */
	bool		forward;		/* LSTM directions */
	bool		reverse;
	bool		along_y;		/* LSTM axis */
	bool		summarize;		/* LSTM: last step only */
	bool		at_end;			/* summarising LSTM: of either direction what it says at the end of the axis */
	float		dropout;
	bool		channels;		/* dropout: of whole channels */
	int			first_tensor;	/* index into HwrNet.tensors */
	int			ntensors;
	int			source;			/* the layer whose output it reads, -1: the input; the one before but at a branch's beginning */
	int			nsources;		/* join: the branches' last layers */
	int			sources[HWR_MAX_BRANCHES];
	char		opens[2 * HWR_MAX_NESTING + 1]; /* brackets that stand before it, "([" */
	bool		closes;			/* it ends a branch of several items */
	HwrShape	in;				/* for the nominal width (w may be 0); join: of all branches together */
	HwrShape	out;
} HwrLayer;

/*
 * One named array of values inside the parameter block.
 *
 * Layouts: conv kernel [y][x][in][out]; dense and output kernel [in][out]; LSTM (per direction)
 * kernel [in][4n], recurrent [n][4n], bias [4n] with gates in the order i, f, g, o; batch norm
 * gamma, beta, mean, variance [c]; group norm gamma, beta [c].  Names: "LAYER.KIND.PART", LAYER counted from 0 over
 * all items, as "0.conv.kernel", "9.lstm.forward.recurrent".
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

/*
 * What the CPU computes of a layer and hwr_cuda.so does not, in words ("group normalisation"); NULL: it
 * computes all of it.
 */
extern const char *hwr_layer_cpu_only(const HwrLayer *layer, bool training);

/* A convolution that moves by single places and sees neighbours, padded alike on both sides or "same". */
static inline bool
hwr_conv_is_plain(const HwrLayer *layer)
{
	return layer->sy == 1 && layer->sx == 1 && layer->dy == 1 && layer->dx == 1 && !layer->symmetric;
}

/* Whether any layers are in parallel. */
extern bool hwr_net_branches(const HwrNet *net);

/*
 * What a layer reads, of the input and the outputs of the layers before it.  NULL, or why its branches cannot be joined.
 */
extern const char *hwr_layer_input(const HwrLayer *layer, HwrShape input, const HwrShape *outs, HwrShape *in);

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
