/*
 * net.c
 *	  Shapes, tensors, cost and first values of a parsed network.
 */
#include "net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/image/preprocess.h"

/*
 * Extent of a convolution's output along one axis; 0 (any) stays 0, and so does an input that is too small
 * for the window.
 */
static int
conv_extent(const HwrLayer *layer, int in, int window, int stride, int dilation)
{
	int			reach = dilation * (window - 1);

	if (!layer->symmetric)
		return (in + stride - 1) / stride;
	if (in == 0 || in + reach / 2 * 2 < reach + 1)
		return 0;
	return (in + reach / 2 * 2 - reach - 1) / stride + 1;
}

const char *
hwr_layer_shape(const HwrLayer *layer, HwrShape in, HwrShape *out)
{
	bool		any_width = (in.w == 0);

	*out = in;
	switch (layer->kind)
	{
		case HWR_LAYER_CONV:
			out->h = conv_extent(layer, in.h, layer->ky, layer->sy, layer->dy);
			out->w = conv_extent(layer, in.w, layer->kx, layer->sx, layer->dx);
			out->c = layer->units;
			if (out->h == 0)
				return "the window is taller than the map";
			if (out->w == 0 && !any_width)
				return "the window is wider than the map";
			break;
		case HWR_LAYER_POOL:
			if (layer->ky > in.h)
				return "the pool window is taller than the map";
			if (layer->kx > in.w && !any_width)
				return "the pool window is wider than the map";
			out->h = (in.h - layer->ky) / layer->sy + 1;
			out->w = any_width ? 0 : (in.w - layer->kx) / layer->sx + 1;
			break;
		case HWR_LAYER_RESHAPE:
			if (layer->split_a * layer->split_b != in.h)
				return "the split does not multiply to its height";
			out->h = layer->keep_height ? layer->split_a : 1;
			out->w = layer->keep_height ? in.w : in.w * layer->split_a;
			out->c = in.c * layer->split_b;
			break;
		case HWR_LAYER_LSTM:
			out->c = layer->units * (layer->forward + layer->reverse);
			if (layer->summarize && layer->along_y)
				out->h = 1;
			else if (layer->summarize)
				out->w = 1;
			break;
		case HWR_LAYER_DENSE:
		case HWR_LAYER_OUTPUT:
			out->c = layer->units;
			break;
		case HWR_LAYER_GROUP_NORM:
			if (in.c % layer->groups != 0)
				return "the groups do not divide its depth";
			break;
		case HWR_LAYER_SUM:
			if (in.c % layer->units != 0)
				return "the chunks do not divide its depth";
			out->c = layer->units;
			break;
		case HWR_LAYER_BATCH_NORM:
		case HWR_LAYER_DROPOUT:
		case HWR_LAYER_IDENTITY:
		case HWR_LAYER_JOIN:
			break;
	}
	if ((int64_t) out->h * out->w > HWR_MAX_MAP ||
		(int64_t) out->h * (out->w > 0 ? out->w : 1) * out->c > HWR_MAX_MAP)
		return "its output is too large";
	return NULL;
}

const char *
hwr_layer_input(const HwrLayer *layer, HwrShape input, const HwrShape *outs, HwrShape *in)
{
	*in = layer->source < 0 ? input : outs[layer->source];
	for (int i = 1; i < layer->nsources; i++)
	{
		const HwrShape *other = &outs[layer->sources[i]];

		if (other->h != in->h || other->w != in->w)
			return "its branches give maps of different size";
		in->c += other->c;
	}
	return NULL;
}

bool
hwr_net_branches(const HwrNet *net)
{
	for (int i = 0; i < net->nlayers; i++)
		if (net->layers[i].kind == HWR_LAYER_JOIN)
			return true;
	return false;
}

bool
hwr_net_shapes(const HwrNet *net, int width, HwrShape *out, HwrStatus *st)
{
	HwrShape	input = {net->height, width, 1};

	if (width < 1 || width > HWR_MAX_WIDTH)
		return hwr_fail(st, HWR_BAD_ARCHITECTURE, "input width %d is out of range", width);
	for (int i = 0; i < net->nlayers; i++)
	{
		HwrShape	shape;
		const char *problem = hwr_layer_input(&net->layers[i], input, out, &shape);

		if (problem == NULL)
			problem = hwr_layer_shape(&net->layers[i], shape, &out[i]);
		if (problem != NULL)
		{
			hwr_fail(st, HWR_BAD_ARCHITECTURE, "input width %d does not suit the network", width);
			return hwr_fail_detail(st, "Item %d of the architecture does not fit a map of height %d, width %d and depth %d (%s).",
								   i + 1, shape.h, shape.w, shape.c, problem);
		}
	}
	return true;
}

int
hwr_net_steps(const HwrNet *net, int width)
{
	HwrShape	shapes[HWR_MAX_LAYERS];
	HwrStatus	st;

	if (net->nlayers == 0 || !hwr_net_shapes(net, width, shapes, &st))
		return 0;
	return shapes[net->nlayers - 1].w;
}

double
hwr_net_macs(const HwrNet *net, int width)
{
	HwrShape	shapes[HWR_MAX_LAYERS];
	HwrShape	input = {net->height, width, 1};
	HwrStatus	st;
	double		macs = 0;

	if (!hwr_net_shapes(net, width, shapes, &st))
		return 0;
	for (int i = 0; i < net->nlayers; i++)
	{
		const HwrLayer *layer = &net->layers[i];
		double		places = (double) shapes[i].h * shapes[i].w;
		double		units = layer->units;
		HwrShape	in;

		(void) hwr_layer_input(layer, input, shapes, &in);
		switch (layer->kind)
		{
			case HWR_LAYER_CONV:
				macs += places * layer->ky * layer->kx * in.c * units;
				break;
			case HWR_LAYER_BATCH_NORM:
			case HWR_LAYER_GROUP_NORM:
				macs += places * in.c;
				break;
			case HWR_LAYER_LSTM:
				/* the input's extent: with "s" all steps are computed, one is kept */
				macs += (double) in.h * in.w * (layer->forward + layer->reverse) * 4 * units * (in.c + units);
				break;
			case HWR_LAYER_DENSE:
			case HWR_LAYER_OUTPUT:
				macs += places * in.c * units;
				break;
			case HWR_LAYER_POOL:
			case HWR_LAYER_RESHAPE:
			case HWR_LAYER_DROPOUT:
			case HWR_LAYER_IDENTITY:
			case HWR_LAYER_SUM:
			case HWR_LAYER_JOIN:
				break;
		}
	}
	return macs;
}

/*
 * Append tensor "OWNER.NAME" of a layer, with up to four extents (0: none), to the block.
 */
static bool
append_tensor(HwrNet *net, HwrLayer *layer, const char *owner, const char *name, const int shape[4],
			  bool trainable, bool decay, HwrStatus *st)
{
	HwrTensor  *tensor;
	int64_t		count = 1;

	if (net->ntensors >= HWR_MAX_TENSORS)
	{
		hwr_fail(st, HWR_BAD_ARCHITECTURE, "invalid network architecture");
		return hwr_fail_detail(st, "The network has more than %d tensors.", HWR_MAX_TENSORS);
	}
	tensor = &net->tensors[net->ntensors];
	memset(tensor, 0, sizeof(*tensor));
	snprintf(tensor->name, sizeof(tensor->name), "%s.%s", owner, name);
	for (int i = 0; i < 4 && shape[i] > 0; i++)
	{
		tensor->shape[tensor->ndim++] = shape[i];
		if (count <= HWR_MAX_VALUES)	/* one more factor cannot overflow */
			count *= shape[i];
	}
	if (count > HWR_MAX_VALUES || (int64_t) net->nvalues > HWR_MAX_VALUES - count)
	{
		hwr_fail(st, HWR_BAD_ARCHITECTURE, "invalid network architecture");
		return hwr_fail_detail(st, "The network has more than %lld values.", (long long) HWR_MAX_VALUES);
	}
	tensor->offset = net->nvalues;
	tensor->count = (size_t) count;
	tensor->trainable = trainable;
	tensor->decay = decay;
	net->nvalues += tensor->count;
	net->ntensors++;
	layer->ntensors++;
	return true;
}

/* The same for a layer of the network: "LAYER.NAME". */
static bool
add_tensor(HwrNet *net, int layer, const char *name, const int shape[4],
		   bool trainable, bool decay, HwrStatus *st)
{
	char		owner[16];

	snprintf(owner, sizeof(owner), "%d", layer);
	return append_tensor(net, &net->layers[layer], owner, name, shape, trainable, decay, st);
}

static bool
add_lstm_tensors(HwrNet *net, int i, bool forward, HwrStatus *st)
{
	int			in = net->layers[i].in.c;
	int			n = net->layers[i].units;

	return add_tensor(net, i, forward ? "lstm.forward.kernel" : "lstm.reverse.kernel",
					  (int[4]) {in, 4 * n}, true, true, st) &&
		add_tensor(net, i, forward ? "lstm.forward.recurrent" : "lstm.reverse.recurrent",
				   (int[4]) {n, 4 * n}, true, true, st) &&
		add_tensor(net, i, forward ? "lstm.forward.bias" : "lstm.reverse.bias",
				   (int[4]) {4 * n}, true, false, st);
}

static bool
add_layer_tensors(HwrNet *net, int i, HwrStatus *st)
{
	const HwrLayer *layer = &net->layers[i];
	int			c = layer->in.c;
	int			d = layer->units;

	switch (layer->kind)
	{
		case HWR_LAYER_CONV:
			return add_tensor(net, i, "conv.kernel", (int[4]) {layer->ky, layer->kx, c, d}, true, true, st) &&
				add_tensor(net, i, "conv.bias", (int[4]) {d}, true, false, st);
		case HWR_LAYER_BATCH_NORM:
			return add_tensor(net, i, "norm.gamma", (int[4]) {c}, true, false, st) &&
				add_tensor(net, i, "norm.beta", (int[4]) {c}, true, false, st) &&
				add_tensor(net, i, "norm.mean", (int[4]) {c}, false, false, st) &&
				add_tensor(net, i, "norm.variance", (int[4]) {c}, false, false, st);
		case HWR_LAYER_GROUP_NORM:
			return add_tensor(net, i, "group.gamma", (int[4]) {c}, true, false, st) &&
				add_tensor(net, i, "group.beta", (int[4]) {c}, true, false, st);
		case HWR_LAYER_LSTM:
			return (!layer->forward || add_lstm_tensors(net, i, true, st)) &&
				(!layer->reverse || add_lstm_tensors(net, i, false, st));
		case HWR_LAYER_DENSE:
			return add_tensor(net, i, "dense.kernel", (int[4]) {c, d}, true, true, st) &&
				add_tensor(net, i, "dense.bias", (int[4]) {d}, true, false, st);
		case HWR_LAYER_OUTPUT:
			return add_tensor(net, i, "output.kernel", (int[4]) {c, d}, true, true, st) &&
				add_tensor(net, i, "output.bias", (int[4]) {d}, true, false, st);
		case HWR_LAYER_POOL:
		case HWR_LAYER_RESHAPE:
		case HWR_LAYER_DROPOUT:
		case HWR_LAYER_IDENTITY:
		case HWR_LAYER_SUM:
		case HWR_LAYER_JOIN:
			break;
	}
	return true;
}

bool
hwr_net_layout(HwrNet *net, HwrStatus *st)
{
	for (int i = 0; i < net->nlayers; i++)
	{
		net->layers[i].first_tensor = net->ntensors;
		if (!add_layer_tensors(net, i, st))
			return false;
	}
	return true;
}

const char *
hwr_layer_cpu_only(const HwrLayer *layer, bool training)
{
	if (layer->kind == HWR_LAYER_JOIN)
		return "a block of layers in parallel";
	if (layer->kind == HWR_LAYER_SUM)
		return "an addition";
	if (layer->kind == HWR_LAYER_GROUP_NORM)
		return "group normalisation";
	if (layer->kind == HWR_LAYER_CONV && (layer->dy != 1 || layer->dx != 1))
		return "a convolution with dilation";
	if (layer->kind == HWR_LAYER_CONV && layer->symmetric)
		return "a convolution with padding as in PyTorch";
	if (layer->kind == HWR_LAYER_CONV && layer->activation == HWR_ACT_SOFTMAX)
		return "a convolution with a softmax";
	if (layer->activation == HWR_ACT_LEAKY)
		return "a leaky ReLU";
	if (layer->kind == HWR_LAYER_LSTM && layer->at_end)
		return "an LSTM that keeps the end of its axis";
	if (layer->kind == HWR_LAYER_RESHAPE && layer->keep_height)
		return "a reshape that leaves a height";
	if (training && layer->kind == HWR_LAYER_DROPOUT && layer->channels)
		return "dropout of whole channels";
	return NULL;
}

/* The first LSTM along x that has layers before it and one sequence an image; -1: none. */
static int
first_lstm(const HwrNet *net)
{
	for (int i = 1; i < net->nlayers; i++)
		if (net->layers[i].kind == HWR_LAYER_LSTM && !net->layers[i].along_y && net->layers[i].in.h == 1)
			return i;
	return -1;
}

bool
hwr_net_add_shortcut(HwrNet *net, double weight, HwrStatus *st)
{
	HwrHead    *head = &net->heads[net->nheads];
	HwrLayer   *layer = &head->layer;
	int			reads = first_lstm(net);

	if (reads < 0)
	{
		hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" does not suit the network architecture", "shortcut");
		return hwr_fail_detail(st, "It needs an LSTM along x behind other layers, on a map of height 1.");
	}
	*head = (HwrHead) {.reads = reads,.weight = weight};
	layer->kind = HWR_LAYER_OUTPUT;
	layer->units = net->classes;
	layer->first_tensor = net->ntensors;
	layer->in = net->layers[reads].in;
	layer->out = layer->in;
	layer->out.c = layer->units;
	net->nheads++;
	return append_tensor(net, layer, "shortcut", "output.kernel", (int[4]) {layer->in.c, layer->units}, true, true, st) &&
		append_tensor(net, layer, "shortcut", "output.bias", (int[4]) {layer->units}, true, false, st);
}

void
hwr_net_remove_heads(HwrNet *net)
{
	if (net->nheads == 0)
		return;
	net->ntensors = net->heads[0].layer.first_tensor;
	net->nvalues = net->tensors[net->ntensors].offset;
	net->nheads = 0;
}

static void
fill(float *values, size_t n, float value)
{
	for (size_t i = 0; i < n; i++)
		values[i] = value;
}

/* Glorot and Bengio 2010: uniform in +-sqrt(6 / (fan_in + fan_out)). */
static void
init_glorot(const HwrTensor *tensor, HwrRng *rng, float *values)
{
	double		inputs = tensor->shape[tensor->ndim - 2];
	double		outputs = tensor->shape[tensor->ndim - 1];
	double		field = 1;		/* places of a convolution window */
	double		limit;

	for (int i = 0; i < tensor->ndim - 2; i++)
		field *= tensor->shape[i];
	limit = sqrt(6.0 / (field * inputs + field * outputs));
	for (size_t i = 0; i < tensor->count; i++)
		values[i] = (float) hwr_rng_range(rng, -limit, limit);
}

/* Four running sums, so that the compiler may use SIMD without changing the order of additions. */
static double
dot(const double *a, const double *b, size_t n)
{
	double		sum[4] = {0};

	for (size_t i = 0; i < n; i += 4)	/* n is a multiple of 4: rows are 4n long */
	{
		for (int j = 0; j < 4; j++)
			sum[j] += a[i + j] * b[i + j];
	}
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Orthonormal rows [n][4n] by modified Gram-Schmidt on normal draws (Saxe et al. 2014). */
static bool
init_orthogonal(const HwrTensor *tensor, HwrRng *rng, float *values, HwrStatus *st)
{
	size_t		n = tensor->shape[0];
	size_t		m = tensor->shape[1];
	double	   *rows = hwr_alloc(tensor->count, sizeof(double), st);

	if (rows == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
	{
		double	   *row = rows + i * m;
		double		norm;

		for (size_t k = 0; k < m; k++)
			row[k] = hwr_rng_normal(rng);
		for (size_t j = 0; j < i; j++)
		{
			const double *other = rows + j * m;
			double		along = dot(row, other, m);

			for (size_t k = 0; k < m; k++)
				row[k] -= along * other[k];
		}
		norm = sqrt(dot(row, row, m));
		for (size_t k = 0; k < m; k++)
		{
			row[k] /= norm;
			values[i * m + k] = (float) row[k];
		}
	}
	free(rows);
	return true;
}

bool
hwr_net_init(const HwrNet *net, uint64_t seed, float *values, HwrStatus *st)
{
	for (int i = 0; i < net->ntensors; i++)
	{
		const HwrTensor *tensor = &net->tensors[i];
		const char *part = strrchr(tensor->name, '.') + 1;
		float	   *v = values + tensor->offset;
		HwrRng		rng;

		/* A stream a tensor: its values do not depend on the tensors before it. */
		hwr_rng_seed(&rng, seed, (uint64_t) i);
		if (strcmp(part, "kernel") == 0)
			init_glorot(tensor, &rng, v);
		else if (strcmp(part, "recurrent") == 0)
		{
			if (!init_orthogonal(tensor, &rng, v, st))
				return false;
		}
		else if (strcmp(part, "gamma") == 0 || strcmp(part, "variance") == 0)
			fill(v, tensor->count, 1);
		else
			fill(v, tensor->count, 0);

		/* Forget gates start open: gate order i, f, g, o. */
		if (strcmp(part, "bias") == 0 && strstr(tensor->name, ".lstm.") != NULL)
			fill(v + tensor->count / 4, tensor->count / 4, 1);
	}
	return true;
}
