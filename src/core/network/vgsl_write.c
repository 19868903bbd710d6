/*
 * vgsl_write.c
 *	  The canonical spelling of a network: the shortest string that parses to it.
 */
#include "vgsl.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net.h"

/* Append text to net->vgsl; false when it is full. */
static bool __attribute__((format(printf, 2, 3)))
append(HwrNet *net, const char *fmt,...)
{
	size_t		used = strlen(net->vgsl);
	int			n;
	va_list		args;

	va_start(args, fmt);
	n = vsnprintf(net->vgsl + used, sizeof(net->vgsl) - used, fmt, args);
	va_end(args);
	return n >= 0 && (size_t) n < sizeof(net->vgsl) - used;
}

/* "Do0.25", without the C library's locale. */
static bool
append_dropout(HwrNet *net, float dropout)
{
	int			micro = (int) (dropout * 1e6 + 0.5);
	int			digits = 6;

	if (micro == 0)
		return append(net, "Do0");
	while (micro % 10 == 0)
	{
		micro /= 10;
		digits--;
	}
	return append(net, "Do0.%0*d", digits, micro);
}

static bool
append_layer(HwrNet *net, const HwrLayer *layer)
{
	static const char *const activations[] = {"l", "r", "t", "s", "m", "lr"};
	const char *activation = activations[layer->activation];
	bool		ok = layer->kind == HWR_LAYER_JOIN || append(net, " %s", layer->opens);

	if (!ok)
		return false;
	switch (layer->kind)
	{
		case HWR_LAYER_CONV:
			ok = append(net, "C%s%d,%d,%d", activation, layer->ky, layer->kx, layer->units);
			if (!hwr_conv_is_plain(layer))
				ok = ok && append(net, ",%d,%d", layer->sy, layer->sx);
			if (layer->symmetric)
				ok = ok && append(net, ",%d,%d", layer->dy, layer->dx);
			break;
		case HWR_LAYER_POOL:
			ok = append(net, "Mp%d,%d", layer->ky, layer->kx);
			if (layer->sy != layer->ky || layer->sx != layer->kx)
				ok = ok && append(net, ",%d,%d", layer->sy, layer->sx);
			break;
		case HWR_LAYER_BATCH_NORM:
			ok = append(net, "Bn");
			break;
		case HWR_LAYER_GROUP_NORM:
			ok = append(net, "Gn%d", layer->groups);
			break;
		case HWR_LAYER_RESHAPE:
			ok = append(net, "S1(%dx%d)%d,3", layer->split_a, layer->split_b,
						layer->keep_height || layer->split_a == 1 ? 1 : 2);
			break;
		case HWR_LAYER_LSTM:
			ok = append(net, "L%c%c%s%d", layer->forward ? (layer->reverse ? 'b' : 'f') : 'r',
						layer->along_y ? 'y' : 'x', layer->at_end ? "e" : layer->summarize ? "s" : "", layer->units);
			break;
		case HWR_LAYER_DENSE:
			ok = append(net, "F%s%d", activation, layer->units);
			break;
		case HWR_LAYER_DROPOUT:
			ok = append_dropout(net, layer->dropout) && (!layer->channels || append(net, ",2"));
			break;
		case HWR_LAYER_IDENTITY:
			ok = append(net, "I");
			break;
		case HWR_LAYER_SUM:
			ok = append(net, "A3,%d", layer->units);
			break;
		case HWR_LAYER_JOIN:
			ok = append(net, ")");
			break;
		case HWR_LAYER_OUTPUT:
			ok = append(net, net->maps ? "O2l%d]" : "O1c%d]", layer->units);
			break;
	}
	return ok && (!layer->closes || append(net, "]"));
}

bool
hwr_vgsl_write(HwrNet *net, HwrStatus *st)
{
	bool		ok;

	net->vgsl[0] = '\0';
	ok = append(net, "[1,%d,%d,1", net->height, net->width);
	for (int i = 0; ok && i < net->nlayers; i++)
		ok = append_layer(net, &net->layers[i]);
	if (ok)
		return true;
	hwr_fail(st, HWR_BAD_ARCHITECTURE, "invalid network architecture");
	return hwr_fail_detail(st, "The description is longer than %zu characters.", sizeof(net->vgsl) - 1);
}

bool
hwr_net_set_dropout(HwrNet *net, double dropout, HwrStatus *st)
{
	for (int i = 0; i < net->nlayers; i++)
		if (net->layers[i].kind == HWR_LAYER_DROPOUT)
			net->layers[i].dropout = (float) (floor(dropout * 1e6 + 0.5) / 1e6);
	return hwr_vgsl_write(net, st);
}
