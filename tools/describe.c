/*
 * describe.c
 *	  Print what a network is made of, as the tables of doc/architecture.md.
 *
 * usage: describe PRESET|VGSL [CLASSES [WIDTH]]
 *
 * CLASSES defaults to 79, 78 characters and the blank.  WIDTH is for networks of any width.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/options/presets.h"
#include "core/network/vgsl.h"

/* Multiply-adds of the first n layers. */
static double
macs_of(const HwrNet *net, int n, int width)
{
	static HwrNet part;

	part = *net;
	part.nlayers = n;
	return hwr_net_macs(&part, width);
}

static void
print_layer(const HwrNet *net, int i, const char *item, HwrShape out, int width)
{
	const HwrLayer *layer = &net->layers[i];
	size_t		values = 0;
	double		macs = macs_of(net, i + 1, width) - macs_of(net, i, width);

	for (int t = 0; t < layer->ntensors; t++)
		values += net->tensors[layer->first_tensor + t].count;
	printf("| %d | `%s` | %d x %d x %d |", i, item, out.h, out.w, out.c);
	if (values > 0)
		printf(" %zu", values);
	printf(" |");
	if (macs > 0)
		printf(" %.2f", macs / 1e6);
	printf(" |\n");
}

int
main(int argc, char **argv)
{
	static HwrNet net;
	HwrShape	shapes[HWR_MAX_LAYERS];
	HwrStatus	st = {0};
	const HwrTrainOptions *preset;
	const char *spec;
	char	   *item;
	int			width;

	if (argc < 2 || argc > 4)
	{
		fprintf(stderr, "usage: describe PRESET|VGSL [CLASSES [WIDTH]]\n");
		return 2;
	}
	preset = hwr_preset_find(argv[1]);
	spec = preset != NULL ? preset->architecture : argv[1];
	if (!hwr_vgsl_parse(spec, argc > 2 ? atoi(argv[2]) : strstr(spec, "O1c") != NULL ? 0 : 79, &net, &st))
	{
		fprintf(stderr, "describe: %s: %s\n", st.message, st.detail);
		return 1;
	}
	width = net.width > 0 ? net.width : argc > 3 ? atoi(argv[3]) : 320;
	if (!hwr_net_shapes(&net, width, shapes, &st))
	{
		fprintf(stderr, "describe: %s: %s\n", st.message, st.detail);
		return 1;
	}

	printf("`%s`\n\n", net.vgsl);
	printf("| | item | output H x W x C | values | million multiply-adds |\n|---:|---|---|---:|---:|\n");
	printf("| | input | %d x %d x 1 | | |\n", net.height, width);
	net.vgsl[strlen(net.vgsl) - 1] = '\0';	/* the bracket */
	item = strtok(net.vgsl, " ");
	for (int i = 0; i < net.nlayers; i++)
	{
		bool		join = net.layers[i].kind == HWR_LAYER_JOIN;	/* a bracket at the end of the item before */

		if (!join && (item = strtok(NULL, " ")) == NULL)
			break;
		print_layer(&net, i, join ? ")" : item, shapes[i], width);
	}
	printf("| | sum | %d steps | %zu | %.1f |\n", shapes[net.nlayers - 1].w, net.nvalues, hwr_net_macs(&net, width) / 1e6);
	return 0;
}
