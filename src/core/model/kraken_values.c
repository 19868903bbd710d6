/*
 * kraken_values.c
 *	  The tensors of kraken's layers in the layouts of ours (vgsl.h).
 */
#include "kraken_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Source
{
	const HwrSafeTensors *file;
	const char *prefix;
	const HwrNet *net;
	const int  *labels;
	float	   *values;
	int			used;			/* tensors of the prefix */
	HwrStatus  *st;
} Source;

/* Where tensor number i of a layer goes. */
static float *
target(const Source *s, const HwrLayer *layer, int i)
{
	return s->values + s->net->tensors[layer->first_tensor + i].offset;
}

/*
 * Tensor "PREFIX.nn.PATH.PART" of this shape (0: no more extents), malloc'd; NULL where there is no such.  What tools/from-kraken
 * writes has the layer's name for its path.
 */
static float *
read_tensor(Source *s, const HwrKrakenLayer *k, const char *part, const int shape[4])
{
	char		full[800];
	char		quoted[400];
	const HwrSafeTensor *t;
	size_t		count = 1;
	int			ndim = 0;
	bool		fits = true;
	float	   *values;

	snprintf(full, sizeof(full), "nn.%s.%s", k->path, part);
	hwr_text_quote(full, quoted, sizeof(quoted));
	snprintf(full, sizeof(full), "%.300s.nn.%s.%s", s->prefix, k->path, part);
	t = hwr_safetensors_find(s->file, full);
	if (t == NULL)
	{
		snprintf(full, sizeof(full), "%.300s.nn.%s.%s", s->prefix, k->name, part);
		t = hwr_safetensors_find(s->file, full);
	}
	if (t == NULL)
	{
		hwr_kraken_damaged(s->st, "Tensor \"%s\" is missing.", quoted);
		return NULL;
	}
	for (; ndim < 4 && shape[ndim] > 0; ndim++)
	{
		fits = fits && ndim < t->ndim && t->shape[ndim] == shape[ndim];
		count *= (size_t) shape[ndim];
	}
	if (!fits || t->ndim != ndim)
	{
		hwr_kraken_damaged(s->st, "Tensor \"%s\" has the wrong shape.", quoted);
		return NULL;
	}
	values = hwr_alloc(count, sizeof(float), s->st);
	if (values != NULL && !hwr_safetensors_read(t, values, count, s->st))
	{
		free(values);
		return NULL;
	}
	s->used += values != NULL;
	return values;
}

/* to[cols][rows] = from[rows][width] from column skip on, row r being that of label labels[r], NULL: r */
static void
transpose(const float *from, int rows, int width, int skip, const int *labels, float *to)
{
	int			cols = width - skip;

	for (int r = 0; r < rows; r++)
	{
		const float *row = from + (size_t) (labels != NULL ? labels[r] : r) * (size_t) width + skip;

		for (int c = 0; c < cols; c++)
			to[(size_t) c * (size_t) rows + (size_t) r] = row[c];
	}
}

/* to[r] += from[labels[r]][0] of rows of a width */
static void
add_column(const float *from, int rows, int width, const int *labels, float *to)
{
	for (int r = 0; r < rows; r++)
		to[r] += from[(size_t) (labels != NULL ? labels[r] : r) * (size_t) width];
}

static bool
fill_conv(Source *s, const HwrKrakenLayer *k)
{
	const HwrLayer *l = &s->net->layers[k->layer];
	int			d = l->units;
	int			c = l->in.c;
	size_t		places = (size_t) (l->ky * l->kx);
	float	   *weight = read_tensor(s, k, "co.weight", (int[4]) {d, c, l->ky, l->kx});
	float	   *bias = weight != NULL ? read_tensor(s, k, "co.bias", (int[4]) {d}) : NULL;
	float	   *kernel = target(s, l, 0);

	if (bias != NULL)
	{
		for (size_t i = 0; i < (size_t) d; i++)
			for (size_t j = 0; j < (size_t) c; j++)
				for (size_t p = 0; p < places; p++)
					kernel[(p * (size_t) c + j) * (size_t) d + i] = weight[(i * (size_t) c + j) * places + p];
		memcpy(target(s, l, 1), bias, (size_t) d * sizeof(float));
	}
	free(weight);
	free(bias);
	return bias != NULL;
}

static bool
fill_group_norm(Source *s, const HwrKrakenLayer *k)
{
	static const char *const parts[] = {"layer.weight", "layer.bias"};
	const HwrLayer *l = &s->net->layers[k->layer];

	for (int i = 0; i < 2; i++)
	{
		float	   *values = read_tensor(s, k, parts[i], (int[4]) {l->in.c});

		if (values == NULL)
			return false;
		memcpy(target(s, l, i), values, (size_t) l->in.c * sizeof(float));
		free(values);
	}
	return true;
}

/* One direction; the gates have the same order.  Both biases are added to the same, so they are one here. */
static bool
fill_direction(Source *s, const HwrKrakenLayer *k, int first, const char *suffix)
{
	const HwrLayer *l = &s->net->layers[k->layer];
	int			n4 = 4 * l->units;
	int			width = l->in.c + k->ones;
	char		part[64];
	float	   *values;
	float	   *bias = target(s, l, first + 2);

	memset(bias, 0, (size_t) n4 * sizeof(float));
	snprintf(part, sizeof(part), "layer.weight_ih_l0%s", suffix);
	values = read_tensor(s, k, part, (int[4]) {n4, width});
	if (values == NULL)
		return false;
	transpose(values, n4, width, k->ones, NULL, target(s, l, first));
	if (k->ones)
		add_column(values, n4, width, NULL, bias);
	free(values);

	snprintf(part, sizeof(part), "layer.weight_hh_l0%s", suffix);
	values = read_tensor(s, k, part, (int[4]) {n4, l->units});
	if (values == NULL)
		return false;
	transpose(values, n4, l->units, 0, NULL, target(s, l, first + 1));
	free(values);

	for (int i = 0; k->biases && i < 2; i++)
	{
		snprintf(part, sizeof(part), "layer.bias_%s_l0%s", i == 0 ? "ih" : "hh", suffix);
		values = read_tensor(s, k, part, (int[4]) {n4});
		if (values == NULL)
			return false;
		add_column(values, n4, 1, NULL, bias);
		free(values);
	}
	return true;
}

static bool
fill_lstm(Source *s, const HwrKrakenLayer *k)
{
	return fill_direction(s, k, 0, "") &&
		(!s->net->layers[k->layer].reverse || fill_direction(s, k, 3, "_reverse"));
}

static bool
fill_linear(Source *s, const HwrKrakenLayer *k)
{
	const HwrLayer *l = &s->net->layers[k->layer];
	int			width = l->in.c + k->ones;
	const int  *labels = k->output ? s->labels : NULL;
	float	   *weight = read_tensor(s, k, "lin.weight", (int[4]) {k->rows, width});
	float	   *bias = weight != NULL ? read_tensor(s, k, "lin.bias", (int[4]) {k->rows}) : NULL;
	float	   *to = target(s, l, 1);

	if (bias != NULL)
	{
		transpose(weight, l->units, width, k->ones, labels, target(s, l, 0));
		memset(to, 0, (size_t) l->units * sizeof(float));
		add_column(bias, l->units, 1, labels, to);
		if (k->ones)
			add_column(weight, l->units, width, labels, to);
	}
	free(weight);
	free(bias);
	return bias != NULL;
}

/* Every tensor of the prefix must have been asked for. */
static bool
check_none_left(const Source *s)
{
	size_t		len = strlen(s->prefix);
	int			there = 0;

	for (int i = 0; i < hwr_safetensors_count(s->file); i++)
	{
		const char *name = hwr_safetensors_get(s->file, i)->name;

		there += strncmp(name, s->prefix, len) == 0 && name[len] == '.';
	}
	return there == s->used ||
		hwr_kraken_damaged(s->st, "It has %d tensors where its network has %d.", there, s->used);
}

bool
hwr_kraken_values(const HwrSafeTensors *file, const char *prefix, const HwrKrakenNetwork *network,
				  const HwrNet *net, const int *labels, float *values, HwrStatus *st)
{
	static bool (*const fill[]) (Source *, const HwrKrakenLayer *) = {
		[HWR_KRAKEN_CONV] = fill_conv,
		[HWR_KRAKEN_GROUP_NORM] = fill_group_norm,
		[HWR_KRAKEN_LSTM] = fill_lstm,
		[HWR_KRAKEN_LINEAR] = fill_linear,
	};
	Source		s = {file, prefix, net, labels, values, 0, st};

	for (int i = 0; i < network->n; i++)
		if (!fill[network->layers[i].kind] (&s, &network->layers[i]))
			return false;
	return check_none_left(&s);
}
