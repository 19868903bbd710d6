/*
 * kraken_internal.h
 *	  What the files of the import of kraken's models share.
 */
#ifndef HWR_KRAKEN_INTERNAL_H
#define HWR_KRAKEN_INTERNAL_H

#include <jansson.h>

#include "kraken.h"

/* Longest text of a file that a message repeats. */
#define HWR_KRAKEN_QUOTE 80

/* Which tensors a layer of kraken's has. */
typedef enum HwrKrakenKind
{
	HWR_KRAKEN_CONV,			/* NAME.co: weight [d][c][y][x], bias */
	HWR_KRAKEN_GROUP_NORM,		/* NAME.layer: weight, bias [c] */
	HWR_KRAKEN_LSTM,			/* NAME.layer: weight_ih_l0 [4n][c], weight_hh_l0 [4n][n], bias_ih_l0, bias_hh_l0 [4n] */
	HWR_KRAKEN_LINEAR			/* NAME.lin: weight [k][c], bias [k] */
} HwrKrakenKind;

/* A layer that has tensors. */
typedef struct HwrKrakenLayer
{
	char		name[64];
	char		path[256];		/* of its tensors: the names of what is in each block around it, and its own */
	HwrKrakenKind kind;
	int			layer;			/* of the HwrNet */
	bool		ones;			/* LSTM and linear: a one stands before the inputs, and its weights are biases */
	bool		biases;			/* it has a bias besides */
	bool		output;			/* its outputs are the classes */
	int			rows;			/* linear: outputs in the file, of which the codec may name fewer */
} HwrKrakenLayer;

typedef struct HwrKrakenNetwork
{
	HwrKrakenLayer layers[HWR_MAX_LAYERS];
	int			n;
} HwrKrakenNetwork;

/*
 * kraken_vgsl.c: kraken's string to a network of ours, of as many classes (0: as its own), and where its
 * values are to be found
 */
extern bool hwr_kraken_network(const char *vgsl, int classes, HwrNet *net, HwrKrakenNetwork *out, HwrStatus *st);

/*
 * kraken_codec.c: the alphabet of a codec for at most K classes, the blank included.  labels[k] is kraken's label of class k
 * (malloc'd), 0 being the blank in either.
 */
extern bool hwr_kraken_alphabet(const json_t *codec, int K, HwrAlphabet *alphabet, int **labels, HwrStatus *st);

/* kraken_values.c: the values of the network from the tensors "PREFIX.nn.NAME...", none of the prefix left over */
extern bool hwr_kraken_values(const HwrSafeTensors *file, const char *prefix, const HwrKrakenNetwork *network,
							  const HwrNet *net, const int *labels, float *values, HwrStatus *st);

/* kraken.c: the two ways to fail */
extern bool hwr_kraken_damaged(HwrStatus *st, const char *fmt,...)
			__attribute__((format(printf, 2, 3)));
extern bool hwr_kraken_unsupported(HwrStatus *st, const char *fmt,...)
			__attribute__((format(printf, 2, 3)));

#endif							/* HWR_KRAKEN_INTERNAL_H */
