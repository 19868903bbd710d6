/*
 * vgsl.c
 *	  Parser of network descriptions: the input, items in a row and in parallel, the output.
 *
 * A hand-written recursive descent.  An item's output shape is computed at once, so that one that does
 * not fit is reported where it stands.
 *
 * Source of the notation: the VGSL page of the Tesseract documentation and kraken's.
 */
#include "vgsl.h"

#include <string.h>

#include "core/image/preprocess.h"
#include "net.h"
#include "vgsl_parser.h"

#define MIN_HEIGHT 8
#define MIN_WIDTH 8

static bool parse_parallel(HwrVgslParser *p);

/* [1,H,W,1 */
static bool
parse_input(HwrVgslParser *p)
{
	HwrNet	   *net = p->net;
	int			one;

	hwr_vgsl_skip_blanks(p);
	p->item = p->pos;
	if (!hwr_vgsl_expect(p, '[') ||
		!hwr_vgsl_read_int(p, "batch size", 1, 1, &one) ||
		!hwr_vgsl_read_next_int(p, "height", MIN_HEIGHT, HWR_VGSL_MAX_HEIGHT, &net->height) ||
		!hwr_vgsl_expect(p, ','))
		return false;
	hwr_vgsl_skip_blanks(p);

	size_t		at = p->pos;

	if (!hwr_vgsl_read_int(p, "width", 0, HWR_MAX_WIDTH, &net->width))
		return false;
	if (net->width > 0 && net->width < MIN_WIDTH)
		return hwr_vgsl_fail_at(p, at, "The width must be 0 or between %d and %d", MIN_WIDTH, HWR_MAX_WIDTH);
	if (!hwr_vgsl_read_next_int(p, "depth", 1, 1, &one))
		return false;
	p->shape = (HwrShape) {net->height, net->width, 1};
	return true;
}

/* Append a layer, in the shape that the map now has. */
static bool
add_layer(HwrVgslParser *p, const HwrLayer *layer)
{
	HwrNet	   *net = p->net;
	HwrLayer   *slot;
	const char *problem;

	if (net->nlayers >= HWR_MAX_LAYERS)
		return hwr_vgsl_fail_at(p, p->item, "More than %d items", HWR_MAX_LAYERS);
	slot = &net->layers[net->nlayers++];
	*slot = *layer;
	slot->in = p->shape;
	if (slot->kind != HWR_LAYER_JOIN)
		slot->source = p->source;
	memcpy(slot->opens, p->opens, sizeof(slot->opens));
	p->opens[0] = '\0';
	p->source = net->nlayers - 1;
	problem = hwr_layer_shape(slot, slot->in, &slot->out);
	if (problem != NULL)
		return hwr_vgsl_fail_at(p, p->item, "The item does not fit a map of height %d, width %d and depth %d (%s)",
					   slot->in.h, slot->in.w, slot->in.c, problem);
	p->shape = slot->out;
	return true;
}

static bool
parse_item(HwrVgslParser *p)
{
	HwrLayer	layer = {0};

	p->item = p->pos;
	if (hwr_vgsl_peek(p) == '(')
	{
		p->pos++;
		return parse_parallel(p);
	}
	if (!hwr_vgsl_read_item(p, &layer))
		return false;
	if (layer.kind == HWR_LAYER_OUTPUT && p->depth > 0)
		return hwr_vgsl_fail_at(p, p->item, "The output layer stands in a block");
	return add_layer(p, &layer);
}

static void
open_bracket(HwrVgslParser *p, char c)
{
	size_t		n = strlen(p->opens);

	p->opens[n] = c;			/* two for each block at most, whose number is bounded */
	p->opens[n + 1] = '\0';
}

/* Several items behind "[", up to "]". */
static bool
parse_series(HwrVgslParser *p)
{
	int			first = p->net->nlayers;
	HwrLayer   *last;

	open_bracket(p, '[');
	for (hwr_vgsl_skip_blanks(p); hwr_vgsl_peek(p) != ']'; hwr_vgsl_skip_blanks(p))
		if (!parse_item(p))
			return false;
	p->item = p->pos++;
	if (p->net->nlayers == first)
		return hwr_vgsl_fail_at(p, p->item, "Expected an item before \"]\"");
	last = &p->net->layers[p->net->nlayers - 1];
	/* one item needs no brackets; a block at the end has its own */
	if (p->net->nlayers == first + 1)
		last->opens[strlen(last->opens) - 1] = '\0';
	else
		last->closes = true;
	return true;
}

/* Branches behind "(", up to ")". */
static bool
parse_parallel(HwrVgslParser *p)
{
	HwrLayer	join = {.kind = HWR_LAYER_JOIN};
	HwrShape	shape = p->shape;
	HwrShape	outs[HWR_MAX_LAYERS];
	int			source = p->source;
	size_t		start = p->item;
	const char *problem;

	if (++p->depth > HWR_MAX_NESTING)
		return hwr_vgsl_fail_at(p, start, "More than %d blocks within blocks", HWR_MAX_NESTING);
	open_bracket(p, '(');
	for (hwr_vgsl_skip_blanks(p); hwr_vgsl_peek(p) != ')'; hwr_vgsl_skip_blanks(p))
	{
		bool		series = hwr_vgsl_peek(p) == '[';

		p->item = p->pos;
		if (join.nsources == HWR_MAX_BRANCHES)
			return hwr_vgsl_fail_at(p, p->pos, "More than %d branches", HWR_MAX_BRANCHES);
		p->shape = shape;
		p->source = source;
		p->pos += series;
		if (!(series ? parse_series(p) : parse_item(p)))
			return false;
		join.sources[join.nsources++] = p->source;
	}
	p->item = p->pos++;
	if (join.nsources == 0)
		return hwr_vgsl_fail_at(p, p->item, "Expected a branch before \")\"");
	for (int i = 0; i < p->net->nlayers; i++)
		outs[i] = p->net->layers[i].out;
	join.source = join.sources[0];
	problem = hwr_layer_input(&join, shape, outs, &p->shape);
	if (problem != NULL)
		return hwr_vgsl_fail_at(p, start, "The block does not fit (%s)", problem);
	p->depth--;
	return add_layer(p, &join);
}

/* Whether the last layer so far is the output. */
static bool
has_output(const HwrNet *net)
{
	return net->nlayers > 0 && net->layers[net->nlayers - 1].kind == HWR_LAYER_OUTPUT;
}

/* Agree on the number of classes; append the output layer where the string leaves it out. */
static bool
settle_output(HwrVgslParser *p, int classes)
{
	HwrNet	   *net = p->net;

	p->item = p->pos;
	if (!has_output(net))
	{
		HwrLayer	output = {.kind = HWR_LAYER_OUTPUT,.units = classes};

		if (classes == 0)
			return hwr_vgsl_fail_at(p, p->pos, "Expected an output layer (O1c and the number of classes)");
		if (classes < 2 || classes > HWR_VGSL_MAX_CLASSES)
			return hwr_vgsl_fail_at(p, p->pos, "The number of classes must be between 2 and %d, not %d",
						   HWR_VGSL_MAX_CLASSES, classes);
		if (!add_layer(p, &output))
			return false;
	}
	net->classes = net->layers[net->nlayers - 1].units;
	if (net->maps)
	{
		if (classes == 0)
			return true;
		hwr_fail(p->st, HWR_BAD_ARCHITECTURE, "invalid network architecture");
		hwr_fail_detail(p->st, "Its output is maps (O2l), and not classes of characters.");
		return hwr_fail_hint(p->st, "A network that finds lines is trained with hwr_train_lines.");
	}
	if (classes != 0 && net->classes != classes)
	{
		hwr_fail(p->st, HWR_BAD_ARCHITECTURE, "invalid network architecture");
		return hwr_fail_detail(p->st, "The output layer has %d classes, but the alphabet and the blank need %d.",
							   net->classes, classes);
	}
	if (p->shape.h != 1)
	{
		hwr_fail(p->st, HWR_BAD_ARCHITECTURE, "invalid network architecture");
		hwr_fail_detail(p->st, "The map has height %d at the output layer, which needs height 1.", p->shape.h);
		return hwr_fail_hint(p->st, "Put a reshape such as S1(1x0)1,3 before the recurrent or dense layers.");
	}
	return true;
}

bool
hwr_vgsl_parse(const char *spec, int classes, HwrNet *net, HwrStatus *st)
{
	HwrVgslParser p = {.spec = spec,.net = net,.source = -1,.st = st};
	HwrShape	shapes[HWR_MAX_LAYERS];

	memset(net, 0, sizeof(*net));
	if (!parse_input(&p))
		return false;
	for (hwr_vgsl_skip_blanks(&p); hwr_vgsl_peek(&p) != '\0' && hwr_vgsl_peek(&p) != ']'; hwr_vgsl_skip_blanks(&p))
	{
		if (has_output(net))
		{
			p.item = p.pos;
			return hwr_vgsl_fail_at(&p, p.pos, "Expected \"]\" after the output layer");
		}
		if (!parse_item(&p))
			return false;
	}
	if (hwr_vgsl_peek(&p) == ']')
	{
		p.item = p.pos++;
		hwr_vgsl_skip_blanks(&p);
		if (hwr_vgsl_peek(&p) != '\0')
			return hwr_vgsl_fail_at(&p, p.pos, "Unexpected text after \"]\"");
	}

	/* The widest input shows whether any map grows too large. */
	return settle_output(&p, classes) &&
		hwr_net_layout(net, st) &&
		hwr_net_shapes(net, net->width > 0 ? net->width : HWR_MAX_WIDTH, shapes, st) &&
		hwr_vgsl_write(net, st);
}
