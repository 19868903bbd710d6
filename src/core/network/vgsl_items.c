/*
 * vgsl_items.c
 *	  Reading an item of a network description.
 *
 * One function an item, each of which reads its numbers and fills a HwrLayer.  Numbers are read without
 * the C library, whose decimal point depends on the locale, and are bounded while they are read.
 */
#include "vgsl_parser.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_UNITS 4096
#define MAX_WINDOW 64
#define MAX_MAPS 64
#define MAX_POOL_PLACES 256		/* training keeps the place of each maximum in a byte */

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

bool
hwr_vgsl_fail_at(HwrVgslParser *p, size_t pos, const char *fmt,...)
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

void
hwr_vgsl_skip_blanks(HwrVgslParser *p)
{
	while (is_blank(hwr_vgsl_peek(p)))
		p->pos++;
}

bool
hwr_vgsl_expect(HwrVgslParser *p, char c)
{
	if (hwr_vgsl_peek(p) != c)
		return hwr_vgsl_fail_at(p, p->pos, "Expected \"%c\"", c);
	p->pos++;
	return true;
}

/* kraken's {name} after the letters of an item, which means nothing here. */
static bool
skip_name(HwrVgslParser *p)
{
	size_t		start = p->pos;

	if (hwr_vgsl_peek(p) != '{')
		return true;
	while (hwr_vgsl_peek(p) != '}')
		if (p->spec[p->pos++] == '\0')
		{
			p->pos--;
			return hwr_vgsl_fail_at(p, start, "Expected \"}\" after the name of the item");
		}
	p->pos++;
	return true;
}

bool
hwr_vgsl_read_int(HwrVgslParser *p, const char *what, int lo, int hi, int *out)
{
	size_t		start;
	long		value = 0;

	hwr_vgsl_skip_blanks(p);
	start = p->pos;
	if (!is_digit(hwr_vgsl_peek(p)))
		return hwr_vgsl_fail_at(p, p->pos, "Expected a number");
	for (; is_digit(hwr_vgsl_peek(p)); p->pos++)
	{
		if (value <= HWR_VGSL_MAX_CLASSES)	/* beyond every limit it only needs to stay too large */
			value = value * 10 + (hwr_vgsl_peek(p) - '0');
	}
	if (value < lo || value > hi)
		return hwr_vgsl_fail_at(p, start, "The %s must be between %d and %d", what, lo, hi);
	*out = (int) value;
	return true;
}

bool
hwr_vgsl_read_next_int(HwrVgslParser *p, const char *what, int lo, int hi, int *out)
{
	return hwr_vgsl_expect(p, ',') && hwr_vgsl_read_int(p, what, lo, hi, out);
}

/* Optional ",sy,sx", for which the words are given. */
static bool
read_pair(HwrVgslParser *p, const char *what, int *y, int *x)
{
	return hwr_vgsl_peek(p) != ',' ||
		(hwr_vgsl_read_next_int(p, what, 1, MAX_WINDOW, y) && hwr_vgsl_read_next_int(p, what, 1, MAX_WINDOW, x));
}

static bool
read_activation(HwrVgslParser *p, HwrLayer *layer)
{
	switch (hwr_vgsl_peek(p))
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
			return hwr_vgsl_fail_at(p, p->pos, "Expected an activation (r, t, s, l, m or lr)");
	}
	p->pos++;
	return true;
}

/* C{r,t,s,l,m,lr}y,x,d[,sy,sx[,dy,dx]] */
static bool
parse_conv(HwrVgslParser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_CONV;
	layer->sy = layer->sx = layer->dy = layer->dx = 1;
	if (!read_activation(p, layer) || !skip_name(p) ||
		!hwr_vgsl_read_int(p, "window height", 1, MAX_WINDOW, &layer->ky) ||
		!hwr_vgsl_read_next_int(p, "window width", 1, MAX_WINDOW, &layer->kx) ||
		!hwr_vgsl_read_next_int(p, "number of outputs", 1, MAX_UNITS, &layer->units) ||
		!read_pair(p, "stride", &layer->sy, &layer->sx))
		return false;
	layer->symmetric = hwr_vgsl_peek(p) == ',';
	if (!read_pair(p, "dilation", &layer->dy, &layer->dx))
		return false;

	/* where both paddings are the same, it has one spelling */
	if (layer->sy == 1 && layer->sx == 1 && layer->dy == 1 && layer->dx == 1 && layer->ky % 2 == 1 && layer->kx % 2 == 1)
		layer->symmetric = false;
	return true;
}

/* Mp y,x[,sy,sx] */
static bool
parse_pool(HwrVgslParser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_POOL;
	if (!hwr_vgsl_expect(p, 'p') || !skip_name(p) ||
		!hwr_vgsl_read_int(p, "window height", 1, MAX_WINDOW, &layer->ky) ||
		!hwr_vgsl_read_next_int(p, "window width", 1, MAX_WINDOW, &layer->kx))
		return false;
	if (layer->ky * layer->kx > MAX_POOL_PLACES)
		return hwr_vgsl_fail_at(p, p->item, "The pool window has more than %d places", MAX_POOL_PLACES);
	layer->sy = layer->ky;
	layer->sx = layer->kx;
	return read_pair(p, "stride", &layer->sy, &layer->sx);
}

/* Bn */
static bool
parse_norm(HwrVgslParser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_BATCH_NORM;
	return hwr_vgsl_expect(p, 'n') && skip_name(p);
}

/* Gn n */
static bool
parse_group_norm(HwrVgslParser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_GROUP_NORM;
	return hwr_vgsl_expect(p, 'n') && skip_name(p) && hwr_vgsl_read_int(p, "number of groups", 1, MAX_UNITS, &layer->groups);
}

/* S1(axb)2,3, or S1(axb)1,3 where a stays the height */
static bool
parse_reshape(HwrVgslParser *p, HwrLayer *layer)
{
	int			to;

	layer->kind = HWR_LAYER_RESHAPE;
	if (!skip_name(p) || !hwr_vgsl_expect(p, '1') || !hwr_vgsl_expect(p, '(') ||
		!hwr_vgsl_read_int(p, "split", 1, HWR_VGSL_MAX_HEIGHT, &layer->split_a) ||
		!hwr_vgsl_expect(p, 'x') ||
		!hwr_vgsl_read_int(p, "split", 0, HWR_VGSL_MAX_HEIGHT, &layer->split_b) ||
		!hwr_vgsl_expect(p, ')'))
		return false;
	if (!hwr_vgsl_read_int(p, "first target of a reshape", 1, 2, &to))
		return false;
	layer->keep_height = to == 1;
	if (!hwr_vgsl_read_next_int(p, "second target of a reshape", 3, 3, &to))
		return false;
	if (layer->split_a == 1)
		layer->keep_height = false; /* a height of 1 comes out either way */
	if (layer->split_b == 0 && p->shape.h % layer->split_a == 0)
		layer->split_b = p->shape.h / layer->split_a;
	return true;
}

/* L{f,r,b}{x,y}[s,e]n */
static bool
parse_lstm(HwrVgslParser *p, HwrLayer *layer)
{
	char		c = hwr_vgsl_peek(p);

	layer->kind = HWR_LAYER_LSTM;
	if (c != 'f' && c != 'r' && c != 'b')
		return hwr_vgsl_fail_at(p, p->pos, "Expected a direction (f, r or b)");
	layer->forward = (c != 'r');
	layer->reverse = (c != 'f');
	p->pos++;
	c = hwr_vgsl_peek(p);
	if (c != 'x' && c != 'y')
		return hwr_vgsl_fail_at(p, p->pos, "Expected an axis (x or y)");
	layer->along_y = (c == 'y');
	p->pos++;
	if (hwr_vgsl_peek(p) == 's' || hwr_vgsl_peek(p) == 'e')
	{
		layer->summarize = true;
		layer->at_end = hwr_vgsl_peek(p) == 'e' && layer->reverse;	/* going forward, both are the same */
		p->pos++;
	}
	return skip_name(p) && hwr_vgsl_read_int(p, "number of units", 1, MAX_UNITS, &layer->units);
}

/* F{r,t,s,l,m,lr}n */
static bool
parse_dense(HwrVgslParser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_DENSE;
	return read_activation(p, layer) && skip_name(p) &&
		hwr_vgsl_read_int(p, "number of units", 1, MAX_UNITS, &layer->units);
}

/*
 * A probability below 1 in millionths, as 0.25 or 1e-3.  At most six decimals are read, so that the
 * canonical spelling is exact.
 */
static bool
read_micro(HwrVgslParser *p, int *micro)
{
	size_t		start = p->pos;
	int64_t		digits = 0;
	int			scale = 6;		/* digits x 10^scale millionths */
	int			n = 0;
	int			exponent = 0;

	for (bool point = false; is_digit(hwr_vgsl_peek(p)) || (hwr_vgsl_peek(p) == '.' && !point); p->pos++)
	{
		if (hwr_vgsl_peek(p) == '.')
		{
			point = true;
			continue;
		}
		n++;
		if (digits < 100000000)
		{
			digits = digits * 10 + (hwr_vgsl_peek(p) - '0');
			scale -= point;
		}
		else if (hwr_vgsl_peek(p) != '0' && point)
			return hwr_vgsl_fail_at(p, start, "The dropout probability has more than six decimals");
	}
	if (n == 0)
		return hwr_vgsl_fail_at(p, start, "Expected a number");
	if (hwr_vgsl_peek(p) == 'e' && p->spec[p->pos + 1] == '-')
	{
		p->pos += 2;
		if (!hwr_vgsl_read_int(p, "exponent", 0, 20, &exponent))
			return false;
		scale -= exponent;
	}
	for (; scale > 0 && digits < 1000000; scale--)
		digits *= 10;
	for (; scale < 0 && digits % 10 == 0 && digits > 0; scale++)
		digits /= 10;
	if (scale < 0 && digits > 0)
		return hwr_vgsl_fail_at(p, start, "The dropout probability has more than six decimals");
	if (digits >= 1000000)
		return hwr_vgsl_fail_at(p, start, "The dropout probability must be at least 0 and less than 1");
	*micro = (int) digits;
	return true;
}

/* Do[p[,d]] */
static bool
parse_dropout(HwrVgslParser *p, HwrLayer *layer)
{
	int			micro = 0;
	int			dimensions = 1;

	layer->kind = HWR_LAYER_DROPOUT;
	layer->dropout = 0.5f;
	if (!hwr_vgsl_expect(p, 'o') || !skip_name(p))
		return false;
	hwr_vgsl_skip_blanks(p);
	if (is_digit(hwr_vgsl_peek(p)) || hwr_vgsl_peek(p) == '.')
	{
		if (!read_micro(p, &micro))
			return false;
		layer->dropout = (float) (micro / 1e6);
	}
	if (hwr_vgsl_peek(p) == ',' && !hwr_vgsl_read_next_int(p, "number of dimensions", 1, 2, &dimensions))
		return false;
	layer->channels = dimensions == 2;
	return true;
}

/* O1c n, O2l n */
static bool
parse_output(HwrVgslParser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_OUTPUT;
	if (skip_name(p) && hwr_vgsl_peek(p) == '2')
	{
		p->pos++;
		p->net->maps = true;
		return hwr_vgsl_expect(p, 'l') && hwr_vgsl_read_int(p, "number of maps", 1, MAX_MAPS, &layer->units);
	}
	return skip_name(p) && hwr_vgsl_expect(p, '1') && hwr_vgsl_expect(p, 'c') &&
		hwr_vgsl_read_int(p, "number of classes", 2, HWR_VGSL_MAX_CLASSES, &layer->units);
}

/* A3,n */
static bool
parse_sum(HwrVgslParser *p, HwrLayer *layer)
{
	int			axis;

	layer->kind = HWR_LAYER_SUM;
	return skip_name(p) && hwr_vgsl_read_int(p, "axis of an addition", 3, 3, &axis) &&
		hwr_vgsl_read_next_int(p, "number of outputs", 1, MAX_UNITS, &layer->units);
}

/* I */
static bool
parse_identity(HwrVgslParser *p, HwrLayer *layer)
{
	layer->kind = HWR_LAYER_IDENTITY;
	return skip_name(p);
}

bool
hwr_vgsl_read_item(HwrVgslParser *p, HwrLayer *layer)
{
	switch (p->spec[p->pos++])
	{
		case 'C':
			return parse_conv(p, layer);
		case 'M':
			return parse_pool(p, layer);
		case 'B':
			return parse_norm(p, layer);
		case 'D':
			return parse_dropout(p, layer);
		case 'S':
			return parse_reshape(p, layer);
		case 'L':
			return parse_lstm(p, layer);
		case 'F':
			return parse_dense(p, layer);
		case 'O':
			return parse_output(p, layer);
		case 'G':
			return parse_group_norm(p, layer);
		case 'A':
			return parse_sum(p, layer);
		case 'I':
			return parse_identity(p, layer);
		default:
			return hwr_vgsl_fail_at(p, p->item,
									"Expected an item (C, Mp, Bn, Gn, S1, L, A3, I, F, Do, O1c, O2l, \"(\" or \"]\")");
	}
}
