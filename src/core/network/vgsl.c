/*
 * vgsl.c
 *	  Parser of network descriptions.
 *
 * A hand-written recursive descent: one function an item, each of which reads its numbers and fills a
 * HwrLayer, whose output shape is computed at once so that an item that does not fit is reported
 * where it stands.  Numbers are read without the C library, whose decimal point depends on
 * the locale, and are bounded while they are read.
 *
 * Source of the notation: the VGSL page of the Tesseract documentation and kraken's.
 */
#include "vgsl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/image/preprocess.h"
#include "net.h"

#define MIN_HEIGHT 8
#define MAX_HEIGHT 512
#define MIN_WIDTH 8
#define MAX_UNITS 4096
#define MAX_CLASSES 65536
#define MAX_WINDOW 64
#define MAX_MAPS 64
#define MAX_POOL_PLACES 256		/* training keeps the place of each maximum in a byte */

typedef struct Parser
{
	const char *spec;
	size_t		pos;			/* next character */
	size_t		item;			/* where the current item starts */
	HwrNet	   *net;
	HwrShape	shape;			/* of the map that the next item reads */
	int			source;			/* the layer that gives it */
	int			depth;			/* of parallel blocks around the item */
	char		opens[2 * HWR_MAX_NESTING + 1]; /* brackets since the last item */
	HwrStatus  *st;
} Parser;

static bool is_blank(char c);
static bool is_digit(char c);
static bool parse_parallel(Parser *p);

/* Fail with 'TEXT at position N, near "ITEM".', for a problem at character pos. */
static bool __attribute__((format(printf, 3, 4)))
fail_at(Parser *p, size_t pos, const char *fmt,...)
{
	char		text[256];
	char		near[41];
	size_t		n = 0;
	size_t		from = p->item < pos ? p->item : pos;
	va_list		args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	/* Only ASCII is quoted: a cut multibyte character would spoil the message's encoding. */
	for (const char *s = p->spec + from; *s != '\0' && n < sizeof(near) - 1; s++)
	{
		if (n > 0 && is_blank(*s) && s >= p->spec + pos)
			break;
		near[n++] = (*s >= 0x20 && *s < 0x7f) ? *s : '?';
	}
	near[n] = '\0';

	hwr_fail(p->st, HWR_BAD_ARCHITECTURE, "invalid network architecture");
	if (n == 0)
		return hwr_fail_detail(p->st, "%s at position %zu, at the end of the string.", text, pos + 1);
	return hwr_fail_detail(p->st, "%s at position %zu, near \"%s\".", text, pos + 1, near);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
peek(const Parser *p)
{
	return p->spec[p->pos];
}

static void
skip_blanks(Parser *p)
{
	while (is_blank(peek(p)))
		p->pos++;
}

static bool
expect(Parser *p, char c)
{
	if (peek(p) != c)
		return fail_at(p, p->pos, "Expected \"%c\"", c);
	p->pos++;
	return true;
}

/* kraken's {name} after the letters of an item, which means nothing here. */
static bool
skip_name(Parser *p)
{
	size_t		start = p->pos;

	if (peek(p) != '{')
		return true;
	while (peek(p) != '}')
		if (p->spec[p->pos++] == '\0')
		{
			p->pos--;
			return fail_at(p, start, "Expected \"}\" after the name of the item");
		}
	p->pos++;
	return true;
}

/* A number between lo and hi, blanks before it allowed. */
static bool
read_int(Parser *p, const char *what, int lo, int hi, int *out)
{
	size_t		start;
	long		value = 0;

	skip_blanks(p);
	start = p->pos;
	if (!is_digit(peek(p)))
		return fail_at(p, p->pos, "Expected a number");
	for (; is_digit(peek(p)); p->pos++)
	{
		if (value <= MAX_CLASSES)	/* beyond every limit it only needs to stay too large */
			value = value * 10 + (peek(p) - '0');
	}
	if (value < lo || value > hi)
		return fail_at(p, start, "The %s must be between %d and %d", what, lo, hi);
	*out = (int) value;
	return true;
}

/* ",NUMBER" */
static bool
read_next_int(Parser *p, const char *what, int lo, int hi, int *out)
{
	return expect(p, ',') && read_int(p, what, lo, hi, out);
}

/* Optional ",sy,sx", for which the words are given. */
static bool
read_pair(Parser *p, const char *what, int *y, int *x)
{
	return peek(p) != ',' ||
		(read_next_int(p, what, 1, MAX_WINDOW, y) && read_next_int(p, what, 1, MAX_WINDOW, x));
}

static bool
read_activation(Parser *p, HwrLayer *layer)
{
	switch (peek(p))
	{
		case 'l':
			layer->activation = HWR_ACT_LINEAR;
			if (p->spec[p->pos + 1] == 'r')
			{
				layer->activation = HWR_ACT_LEAKY;
				p->pos++;
			}
			break;
		case 'r':
			layer->activation = HWR_ACT_RELU;
			break;
		case 't':
			layer->activation = HWR_ACT_TANH;
			break;
		case 's':
			layer->activation = HWR_ACT_SIGMOID;
			break;
		case 'm':
			layer->activation = HWR_ACT_SOFTMAX;
			break;
		default:
			return fail_at(p, p->pos, "Expected an activation (r, t, s, l, m or lr)");
	}
	p->pos++;
	return true;
}

/* [1,H,W,1 */
static bool
parse_input(Parser *p)
{
	HwrNet	   *net = p->net;
	int			one;

	skip_blanks(p);
	p->item = p->pos;
	if (!expect(p, '[') ||
		!read_int(p, "batch size", 1, 1, &one) ||
		!read_next_int(p, "height", MIN_HEIGHT, MAX_HEIGHT, &net->height) ||
		!expect(p, ','))
		return false;
	skip_blanks(p);

	size_t		at = p->pos;

	if (!read_int(p, "width", 0, HWR_MAX_WIDTH, &net->width))
		return false;
	if (net->width > 0 && net->width < MIN_WIDTH)
		return fail_at(p, at, "The width must be 0 or between %d and %d", MIN_WIDTH, HWR_MAX_WIDTH);
	if (!read_next_int(p, "depth", 1, 1, &one))
		return false;
	p->shape = (HwrShape) {net->height, net->width, 1};
	return true;
}

/* C{r,t,s,l,m,lr}y,x,d[,sy,sx[,dy,dx]] */
static bool
parse_conv(Parser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_CONV;
	layer->sy = layer->sx = layer->dy = layer->dx = 1;
	if (!read_activation(p, layer) || !skip_name(p) ||
		!read_int(p, "window height", 1, MAX_WINDOW, &layer->ky) ||
		!read_next_int(p, "window width", 1, MAX_WINDOW, &layer->kx) ||
		!read_next_int(p, "number of outputs", 1, MAX_UNITS, &layer->units) ||
		!read_pair(p, "stride", &layer->sy, &layer->sx))
		return false;
	layer->symmetric = peek(p) == ',';
	if (!read_pair(p, "dilation", &layer->dy, &layer->dx))
		return false;

	/* where both paddings are the same, it has one spelling */
	if (layer->sy == 1 && layer->sx == 1 && layer->dy == 1 && layer->dx == 1 && layer->ky % 2 == 1 && layer->kx % 2 == 1)
		layer->symmetric = false;
	return true;
}

/* Mp y,x[,sy,sx] */
static bool
parse_pool(Parser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_POOL;
	if (!expect(p, 'p') || !skip_name(p) ||
		!read_int(p, "window height", 1, MAX_WINDOW, &layer->ky) ||
		!read_next_int(p, "window width", 1, MAX_WINDOW, &layer->kx))
		return false;
	if (layer->ky * layer->kx > MAX_POOL_PLACES)
		return fail_at(p, p->item, "The pool window has more than %d places", MAX_POOL_PLACES);
	layer->sy = layer->ky;
	layer->sx = layer->kx;
	return read_pair(p, "stride", &layer->sy, &layer->sx);
}

/* Bn */
static bool
parse_norm(Parser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_BATCH_NORM;
	return expect(p, 'n') && skip_name(p);
}

/* Gn n */
static bool
parse_group_norm(Parser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_GROUP_NORM;
	return expect(p, 'n') && skip_name(p) && read_int(p, "number of groups", 1, MAX_UNITS, &layer->groups);
}

/* S1(axb)2,3, or S1(axb)1,3 where a stays the height */
static bool
parse_reshape(Parser *p, HwrLayer *layer)
{
	int			to;

	layer->kind = HWR_LAYER_RESHAPE;
	if (!skip_name(p) || !expect(p, '1') || !expect(p, '(') ||
		!read_int(p, "split", 1, MAX_HEIGHT, &layer->split_a) ||
		!expect(p, 'x') ||
		!read_int(p, "split", 0, MAX_HEIGHT, &layer->split_b) ||
		!expect(p, ')'))
		return false;
	if (!read_int(p, "first target of a reshape", 1, 2, &to))
		return false;
	layer->keep_height = to == 1;
	if (!read_next_int(p, "second target of a reshape", 3, 3, &to))
		return false;
	if (layer->split_a == 1)
		layer->keep_height = false; /* a height of 1 comes out either way */
	if (layer->split_b == 0 && p->shape.h % layer->split_a == 0)
		layer->split_b = p->shape.h / layer->split_a;
	return true;
}

/* L{f,r,b}{x,y}[s,e]n */
static bool
parse_lstm(Parser *p, HwrLayer *layer)
{
	char		c = peek(p);

	layer->kind = HWR_LAYER_LSTM;
	if (c != 'f' && c != 'r' && c != 'b')
		return fail_at(p, p->pos, "Expected a direction (f, r or b)");
	layer->forward = (c != 'r');
	layer->reverse = (c != 'f');
	p->pos++;
	c = peek(p);
	if (c != 'x' && c != 'y')
		return fail_at(p, p->pos, "Expected an axis (x or y)");
	layer->along_y = (c == 'y');
	p->pos++;
	if (peek(p) == 's' || peek(p) == 'e')
	{
		layer->summarize = true;
		layer->at_end = peek(p) == 'e' && layer->reverse;	/* going forward, both are the same */
		p->pos++;
	}
	return skip_name(p) && read_int(p, "number of units", 1, MAX_UNITS, &layer->units);
}

/* F{r,t,s,l,m,lr}n */
static bool
parse_dense(Parser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_DENSE;
	return read_activation(p, layer) && skip_name(p) &&
		read_int(p, "number of units", 1, MAX_UNITS, &layer->units);
}

/*
 * A probability below 1 in millionths, as 0.25 or 1e-3.  At most six decimals are read, so that the
 * canonical spelling is exact.
 */
static bool
read_micro(Parser *p, int *micro)
{
	size_t		start = p->pos;
	int64_t		digits = 0;
	int			scale = 6;		/* digits x 10^scale millionths */
	int			n = 0;
	int			exponent = 0;

	for (bool point = false; is_digit(peek(p)) || (peek(p) == '.' && !point); p->pos++)
	{
		if (peek(p) == '.')
		{
			point = true;
			continue;
		}
		n++;
		if (digits < 100000000)
		{
			digits = digits * 10 + (peek(p) - '0');
			scale -= point;
		}
		else if (peek(p) != '0' && point)
			return fail_at(p, start, "The dropout probability has more than six decimals");
	}
	if (n == 0)
		return fail_at(p, start, "Expected a number");
	if (peek(p) == 'e' && p->spec[p->pos + 1] == '-')
	{
		p->pos += 2;
		if (!read_int(p, "exponent", 0, 20, &exponent))
			return false;
		scale -= exponent;
	}
	for (; scale > 0 && digits < 1000000; scale--)
		digits *= 10;
	for (; scale < 0 && digits % 10 == 0 && digits > 0; scale++)
		digits /= 10;
	if (scale < 0 && digits > 0)
		return fail_at(p, start, "The dropout probability has more than six decimals");
	if (digits >= 1000000)
		return fail_at(p, start, "The dropout probability must be at least 0 and less than 1");
	*micro = (int) digits;
	return true;
}

/* Do[p[,d]] */
static bool
parse_dropout(Parser *p, HwrLayer *layer)
{
	int			micro = 0;
	int			dimensions = 1;

	layer->kind = HWR_LAYER_DROPOUT;
	layer->dropout = 0.5f;
	if (!expect(p, 'o') || !skip_name(p))
		return false;
	skip_blanks(p);
	if (is_digit(peek(p)) || peek(p) == '.')
	{
		if (!read_micro(p, &micro))
			return false;
		layer->dropout = (float) (micro / 1e6);
	}
	if (peek(p) == ',' && !read_next_int(p, "number of dimensions", 1, 2, &dimensions))
		return false;
	layer->channels = dimensions == 2;
	return true;
}

/* O1c n, O2l n */
static bool
parse_output(Parser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_OUTPUT;
	if (skip_name(p) && peek(p) == '2')
	{
		p->pos++;
		p->net->maps = true;
		return expect(p, 'l') && read_int(p, "number of maps", 1, MAX_MAPS, &layer->units);
	}
	return skip_name(p) && expect(p, '1') && expect(p, 'c') &&
		read_int(p, "number of classes", 2, MAX_CLASSES, &layer->units);
}

/* A3,n */
static bool
parse_sum(Parser *p, HwrLayer *layer)
{
	int			axis;

	layer->kind = HWR_LAYER_SUM;
	return skip_name(p) && read_int(p, "axis of an addition", 3, 3, &axis) &&
		read_next_int(p, "number of outputs", 1, MAX_UNITS, &layer->units);
}

/* I */
static bool
parse_identity(Parser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_IDENTITY;
	return skip_name(p);
}

/* Append a layer, in the shape that the map now has. */
static bool
add_layer(Parser *p, const HwrLayer *layer)
{
	HwrNet	   *net = p->net;
	HwrLayer   *slot;
	const char *problem;

	if (net->nlayers >= HWR_MAX_LAYERS)
		return fail_at(p, p->item, "More than %d items", HWR_MAX_LAYERS);
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
		return fail_at(p, p->item, "The item does not fit a map of height %d, width %d and depth %d (%s)",
					   slot->in.h, slot->in.w, slot->in.c, problem);
	p->shape = slot->out;
	return true;
}

static bool
parse_item(Parser *p)
{
	HwrLayer	layer = {0};
	bool		ok;

	p->item = p->pos;
	switch (p->spec[p->pos++])
	{
		case 'C':
			ok = parse_conv(p, &layer);
			break;
		case 'M':
			ok = parse_pool(p, &layer);
			break;
		case 'B':
			ok = parse_norm(p, &layer);
			break;
		case 'D':
			ok = parse_dropout(p, &layer);
			break;
		case 'S':
			ok = parse_reshape(p, &layer);
			break;
		case 'L':
			ok = parse_lstm(p, &layer);
			break;
		case 'F':
			ok = parse_dense(p, &layer);
			break;
		case 'O':
			ok = parse_output(p, &layer);
			break;
		case 'G':
			ok = parse_group_norm(p, &layer);
			break;
		case 'A':
			ok = parse_sum(p, &layer);
			break;
		case 'I':
			ok = parse_identity(p, &layer);
			break;
		case '(':
			return parse_parallel(p);
		default:
			return fail_at(p, p->item, "Expected an item (C, Mp, Bn, Gn, S1, L, F, Do, O1c, \"(\" or \"]\")");
	}
	if (ok && layer.kind == HWR_LAYER_OUTPUT && p->depth > 0)
		return fail_at(p, p->item, "The output layer stands in a block");
	return ok && add_layer(p, &layer);
}

static void
open_bracket(Parser *p, char c)
{
	size_t		n = strlen(p->opens);

	p->opens[n] = c;			/* two for each block at most, whose number is bounded */
	p->opens[n + 1] = '\0';
}

/* Several items behind "[", up to "]". */
static bool
parse_series(Parser *p)
{
	int			first = p->net->nlayers;
	HwrLayer   *last;

	open_bracket(p, '[');
	for (skip_blanks(p); peek(p) != ']'; skip_blanks(p))
		if (!parse_item(p))
			return false;
	p->item = p->pos++;
	if (p->net->nlayers == first)
		return fail_at(p, p->item, "Expected an item before \"]\"");
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
parse_parallel(Parser *p)
{
	HwrLayer	join = {.kind = HWR_LAYER_JOIN};
	HwrShape	shape = p->shape;
	HwrShape	outs[HWR_MAX_LAYERS];
	int			source = p->source;
	size_t		start = p->item;
	const char *problem;

	if (++p->depth > HWR_MAX_NESTING)
		return fail_at(p, start, "More than %d blocks within blocks", HWR_MAX_NESTING);
	open_bracket(p, '(');
	for (skip_blanks(p); peek(p) != ')'; skip_blanks(p))
	{
		bool		series = peek(p) == '[';

		p->item = p->pos;
		if (join.nsources == HWR_MAX_BRANCHES)
			return fail_at(p, p->pos, "More than %d branches", HWR_MAX_BRANCHES);
		p->shape = shape;
		p->source = source;
		p->pos += series;
		if (!(series ? parse_series(p) : parse_item(p)))
			return false;
		join.sources[join.nsources++] = p->source;
	}
	p->item = p->pos++;
	if (join.nsources == 0)
		return fail_at(p, p->item, "Expected a branch before \")\"");
	for (int i = 0; i < p->net->nlayers; i++)
		outs[i] = p->net->layers[i].out;
	join.source = join.sources[0];
	problem = hwr_layer_input(&join, shape, outs, &p->shape);
	if (problem != NULL)
		return fail_at(p, start, "The block does not fit (%s)", problem);
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
settle_output(Parser *p, int classes)
{
	HwrNet	   *net = p->net;

	p->item = p->pos;
	if (!has_output(net))
	{
		HwrLayer	output = {.kind = HWR_LAYER_OUTPUT,.units = classes};

		if (classes == 0)
			return fail_at(p, p->pos, "Expected an output layer (O1c and the number of classes)");
		if (classes < 2 || classes > MAX_CLASSES)
			return fail_at(p, p->pos, "The number of classes must be between 2 and %d, not %d",
						   MAX_CLASSES, classes);
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
	Parser		p = {.spec = spec,.net = net,.source = -1,.st = st};
	HwrShape	shapes[HWR_MAX_LAYERS];

	memset(net, 0, sizeof(*net));
	if (!parse_input(&p))
		return false;
	for (skip_blanks(&p); peek(&p) != '\0' && peek(&p) != ']'; skip_blanks(&p))
	{
		if (has_output(net))
		{
			p.item = p.pos;
			return fail_at(&p, p.pos, "Expected \"]\" after the output layer");
		}
		if (!parse_item(&p))
			return false;
	}
	if (peek(&p) == ']')
	{
		p.item = p.pos++;
		skip_blanks(&p);
		if (peek(&p) != '\0')
			return fail_at(&p, p.pos, "Unexpected text after \"]\"");
	}

	/* The widest input shows whether any map grows too large. */
	return settle_output(&p, classes) &&
		hwr_net_layout(net, st) &&
		hwr_net_shapes(net, net->width > 0 ? net->width : HWR_MAX_WIDTH, shapes, st) &&
		hwr_vgsl_write(net, st);
}
