/*
 * kraken_vgsl.c
 *	  kraken's network descriptions in the notation of vgsl.h.
 *
 * What the two notations write alike is not always computed alike.  In kraken 7:
 *
 *	 C		pads alike on both sides, whatever the stride; a sigmoid is left out, in training and recognition
 *	 Lrx	runs forward: only b has a reverse direction
 *	 Lbxs	keeps the end of the axis in both directions
 *	 G{f,r,b}	builds an LSTM
 *	 O1c	before the last one is a linear layer
 *	 [b,1,0,h	reads the h rows of a line as the features of its columns
 *
 * Items of a name that says nothing of the layer, as written by older versions, are numbered from 0 on
 * ("C_0").  Source: kraken's documentation of its VGSL, and its answers (test/reference/make_kraken.py).
 */
#include "kraken_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One item on its way. */
typedef struct Item
{
	const char *text;			/* as it stands in the string, NUL-terminated */
	const char *at;
	int			number;			/* of items before it */
	bool		last;
	char		name[64];
	HwrStatus  *st;
} Item;

/* A pair of brackets: series in square ones, layers in parallel in round ones. */
typedef struct Block
{
	bool		parallel;
	int			first;			/* items */
	int			last;
} Block;

#define MAX_BLOCKS 32
#define MAX_DEPTH 16

/* Where the translation goes. */
typedef struct Translation
{
	char		vgsl[sizeof(((HwrNet *) NULL)->vgsl)];
	int			nlayers;		/* items written */
	int			classes;		/* of the output, 0: as there */
	HwrKrakenNetwork *network;
	char		names[HWR_MAX_LAYERS][64];	/* of all items */
	int			nnames;
	int			item_of[HWR_MAX_LAYERS];	/* of the network's layers */
	Block		blocks[MAX_BLOCKS]; /* as they open */
	int			nblocks;
	int			open[MAX_DEPTH];	/* those that the item is in, of blocks */
	int			depth;
} Translation;

static bool
fail_item(const Item *item, const char *problem)
{
	char		quoted[HWR_KRAKEN_QUOTE];

	return hwr_kraken_damaged(item->st, "Item \"%s\" of its network %s.", hwr_text_quote(item->text, quoted, sizeof(quoted)),
							  problem);
}

static bool
refuse_item(const Item *item, const char *what)
{
	char		quoted[HWR_KRAKEN_QUOTE];

	return hwr_kraken_unsupported(item->st, "Item \"%s\" of its network is %s, which hwr does not have.",
								  hwr_text_quote(item->text, quoted, sizeof(quoted)), what);
}

static bool
take(Item *item, const char *word)
{
	size_t		len = strlen(word);

	if (strncmp(item->at, word, len) != 0)
		return false;
	item->at += len;
	return true;
}

/* {NAME}, or the name that kraken would give it */
static bool
take_name(Item *item, const char *type)
{
	const char *end;

	snprintf(item->name, sizeof(item->name), "%s_%d", type, item->number);
	if (*item->at != '{')
		return true;
	end = strchr(item->at, '}');
	if (end == NULL || (size_t) (end - item->at - 1) >= sizeof(item->name) || end == item->at + 1)
		return fail_item(item, "has no name that ends");
	snprintf(item->name, sizeof(item->name), "%.*s", (int) (end - item->at - 1), item->at + 1);
	item->at = end + 1;
	return true;
}

static bool
take_number(Item *item, int *out)
{
	int			value = 0;

	if (*item->at < '0' || *item->at > '9')
		return fail_item(item, "lacks a number");
	for (; *item->at >= '0' && *item->at <= '9'; item->at++)
		if (value < 1000000)	/* beyond every limit it only needs to stay too large */
			value = value * 10 + (*item->at - '0');
	*out = value;
	return true;
}

/* n numbers with commas between */
static bool
take_numbers(Item *item, int *out, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && !take(item, ","))
			return fail_item(item, "lacks a number");
		if (!take_number(item, &out[i]))
			return false;
	}
	return true;
}

static bool
at_end(const Item *item)
{
	return *item->at == '\0' || fail_item(item, "goes on where it should end");
}

/* Append an item to the translation. */
static bool __attribute__((format(printf, 3, 4)))
put(Translation *t, Item *item, const char *fmt,...)
{
	size_t		used = strlen(t->vgsl);
	int			n;
	va_list		args;

	va_start(args, fmt);
	n = vsnprintf(t->vgsl + used, sizeof(t->vgsl) - used, fmt, args);
	va_end(args);
	if (n < 0 || (size_t) n >= sizeof(t->vgsl) - used || t->nlayers >= HWR_MAX_LAYERS)
		return hwr_kraken_unsupported(item->st, "Its network has more than %d items, or a description longer than %zu "
												"characters.",
									  HWR_MAX_LAYERS, sizeof(t->vgsl) - 1);
	t->nlayers++;
	return true;
}

/* The same for one that has tensors. */
static void
note_tensors(Translation *t, const Item *item, HwrKrakenLayer layer)
{
	layer.layer = t->nlayers - 1;
	snprintf(layer.name, sizeof(layer.name), "%s", item->name);
	t->item_of[t->network->n] = t->nnames;
	t->network->layers[t->network->n++] = layer;
}

/* [b,h,w,c */
static bool
translate_input(Translation *t, Item *item)
{
	int			size[4];

	if (!take_numbers(item, size, 4) || !at_end(item))
		return false;
	if (size[1] == 1 && size[2] == 0 && size[3] > 3)
	{
		snprintf(t->vgsl, sizeof(t->vgsl), "[1,%d,0,1", size[3]);
		return put(t, item, " S1(1x0)1,3");
	}
	if (size[3] != 1)
		return refuse_item(item, "an input of several channels (colour)");
	if (size[1] == 0)
		return refuse_item(item, "an input of any height");
	if (size[2] != 0)
		return refuse_item(item, "an input of a fixed width");
	snprintf(t->vgsl, sizeof(t->vgsl), "[1,%d,0,1", size[1]);
	return true;
}

/* C[T]{s,t,r,l,lr,m}y,x,d[,sy,sx[,dy,dx]] */
static bool
translate_conv(Translation *t, Item *item)
{
	static const char *const activations[][2] = {{"lr", "lr"}, {"s", "l"}, {"t", "t"}, {"r", "r"}, {"l", "l"}, {"m", "m"}};
	const char *activation = NULL;
	int			n[7] = {0, 0, 0, 1, 1, 1, 1};

	if (take(item, "T"))
		return refuse_item(item, "a transposed convolution");
	for (size_t i = 0; activation == NULL && i < sizeof(activations) / sizeof(activations[0]); i++)
		if (take(item, activations[i][0]))
			activation = activations[i][1];
	if (activation == NULL)
		return fail_item(item, "has no activation that kraken knows");
	if (!take_name(item, "C") || !take_numbers(item, n, 3) ||
		(take(item, ",") && !take_numbers(item, n + 3, 2)) ||
		(take(item, ",") && !take_numbers(item, n + 5, 2)) || !at_end(item) ||
		!put(t, item, " C%s%d,%d,%d,%d,%d,%d,%d", activation, n[0], n[1], n[2], n[3], n[4], n[5], n[6]))
		return false;
	note_tensors(t, item, (HwrKrakenLayer) {.kind = HWR_KRAKEN_CONV,.biases = true});
	return true;
}

/* Mp y,x[,sy,sx] */
static bool
translate_pool(Translation *t, Item *item)
{
	int			n[4];

	if (!take_name(item, "Mp") || !take_numbers(item, n, 2))
		return false;
	n[2] = n[0];
	n[3] = n[1];
	return (!take(item, ",") || take_numbers(item, n + 2, 2)) && at_end(item) &&
		put(t, item, " Mp%d,%d,%d,%d", n[0], n[1], n[2], n[3]);
}

/* Gn n */
static bool
translate_group_norm(Translation *t, Item *item)
{
	int			groups;

	if (!take_name(item, "Gn") || !take_number(item, &groups) || !at_end(item) || !put(t, item, " Gn%d", groups))
		return false;
	note_tensors(t, item, (HwrKrakenLayer) {.kind = HWR_KRAKEN_GROUP_NORM,.biases = true});
	return true;
}

/* Do[p][,d] */
static bool
translate_dropout(Translation *t, Item *item)
{
	size_t		digits;
	const char *p;
	int			dimensions = 1;

	if (!take_name(item, "Do"))
		return false;
	p = item->at;
	digits = strspn(p, "0123456789.");
	item->at += digits;
	if ((take(item, ",") && !take_number(item, &dimensions)) || !at_end(item))
		return false;
	if (dimensions != 1 && dimensions != 2)
		return fail_item(item, "drops neither values nor channels");
	return put(t, item, " Do%.*s,%d", (int) (digits < 32 ? digits : 32), p, dimensions);
}

/* S1(axb)1,3, or 3,1 where nothing is left of the height */
static bool
translate_reshape(Translation *t, Item *item)
{
	int			source;
	int			split[2];
	int			to[2];

	if (!take_name(item, "S") || !take_number(item, &source))
		return false;
	if (!take(item, "(") || !take_number(item, &split[0]) || !take(item, "x") || !take_number(item, &split[1]) ||
		!take(item, ")"))
		return fail_item(item, "lacks the parts of its split");
	if (!take_numbers(item, to, 2) || !at_end(item))
		return false;
	if (source == 1 && to[0] == 1 && to[1] == 3 && split[0] > 0)
		return put(t, item, " S1(%dx%d)1,3", split[0], split[1]);
	if (source == 1 && to[0] == 3 && to[1] == 1 && split[1] == 1)
		return put(t, item, " S1(1x%d)1,3", split[0]);
	return refuse_item(item, "a reshape of other axes than the height into the features");
}

/* {L,G}{f,r,b}{x,y}[s][c,o]n */
static bool
translate_lstm(Translation *t, Item *item, const char *type)
{
	bool		both = *item->at == 'b';
	char		axis = item->at[0] != '\0' ? item->at[1] : '\0';
	bool		end;
	bool		ones;
	int			units;

	if ((!both && *item->at != 'f' && *item->at != 'r') || (axis != 'x' && axis != 'y'))
		return fail_item(item, "has no direction and axis that kraken knows");
	item->at += 2;
	end = take(item, "s");
	ones = take(item, "c");
	if (take(item, "o"))
		return refuse_item(item, "an LSTM with peepholes (of Ocropus)");
	if (!take_name(item, type) || !take_number(item, &units) || !at_end(item) ||
		!put(t, item, " L%c%c%s%d", both ? 'b' : 'f', axis, end ? "e" : "", units))
		return false;
	note_tensors(t, item, (HwrKrakenLayer) {.kind = HWR_KRAKEN_LSTM,.ones = ones,.biases = !ones});
	return true;
}

/* O1{c,l,s}[a]n */
static bool
translate_output(Translation *t, Item *item)
{
	bool		heatmap;
	bool		ones;
	int			units;

	if (!take_name(item, "O"))
		return false;
	heatmap = take(item, "2");
	if (!heatmap && !take(item, "1"))
		return fail_item(item, "has no dimensions that kraken knows");
	if (!take(item, "c") && !take(item, "l") && !take(item, "s"))
		return fail_item(item, "has no kind that kraken knows");
	if (heatmap)
		return refuse_item(item, "the output of a segmentation");
	ones = take(item, "a");
	if (!take_number(item, &units) || !at_end(item) ||
		!put(t, item, item->last ? " O1c%d" : " Fl%d", item->last && t->classes > 0 ? t->classes : units))
		return false;
	note_tensors(t, item,
				 (HwrKrakenLayer) {.kind = HWR_KRAKEN_LINEAR,.ones = ones,.biases = true,.output = item->last,.rows = units});
	return true;
}

/* A d,n */
static bool
translate_sum(Translation *t, Item *item)
{
	int			n[2];

	if (!take_name(item, "A") || !take_numbers(item, n, 2) || !at_end(item))
		return false;
	if (n[0] != 3)
		return refuse_item(item, "an addition along another axis than the features");
	return put(t, item, " A3,%d", n[1]);
}

/* I */
static bool
translate_identity(Translation *t, Item *item)
{
	return take_name(item, "I") && at_end(item) && put(t, item, " I");
}

static bool
translate_layer(Translation *t, Item *item)
{
	if (take(item, "A"))
		return translate_sum(t, item);
	if (take(item, "I"))
		return translate_identity(t, item);
	if (take(item, "W"))
		return refuse_item(item, "the mask of a pretraining");
	if (take(item, "Mp"))
		return translate_pool(t, item);
	if (take(item, "Do"))
		return translate_dropout(t, item);
	if (take(item, "Gn"))
		return translate_group_norm(t, item);
	if (take(item, "C"))
		return translate_conv(t, item);
	if (take(item, "S"))
		return translate_reshape(t, item);
	if (take(item, "L"))
		return translate_lstm(t, item, "L");
	if (take(item, "G"))
		return translate_lstm(t, item, "G");
	if (take(item, "O"))
		return translate_output(t, item);
	return fail_item(item, "is none that kraken knows");
}

/* A bracket as it is here: a series that is no branch is a part of the chain. */
static bool
put_bracket(Translation *t, Item *item, char bracket, int depth)
{
	bool		branch = depth > 0 && t->blocks[t->open[depth - 1]].parallel;
	size_t		used = strlen(t->vgsl);

	if ((bracket == '[' || bracket == ']') && !branch)
		return true;
	if (bracket == ')')			/* it joins the branches, which is a layer here */
		return put(t, item, ")");
	if (used + 2 >= sizeof(t->vgsl))
		return hwr_kraken_unsupported(item->st, "Its network's description is longer than %zu characters.", sizeof(t->vgsl) - 1);
	t->vgsl[used] = bracket == '(' ? ' ' : bracket;
	t->vgsl[used + 1] = bracket == '(' ? '(' : '\0';
	t->vgsl[used + 2] = '\0';
	return true;
}

static bool
open_blocks(Translation *t, Item *item)
{
	for (; *item->at == '[' || *item->at == '('; item->at++)
	{
		if (t->nblocks == MAX_BLOCKS || t->depth == MAX_DEPTH)
			return hwr_kraken_unsupported(item->st, "Its network has more than %d blocks, or more than %d within each other.",
										  MAX_BLOCKS, MAX_DEPTH);
		if (!put_bracket(t, item, *item->at, t->depth))
			return false;
		t->blocks[t->nblocks] = (Block) {.parallel = *item->at == '(',.first = t->nnames};
		t->open[t->depth++] = t->nblocks++;
	}
	return true;
}

/* Those that end behind an item: brackets, in order. */
static bool
close_blocks(Translation *t, Item *item, const char *brackets)
{
	for (; *brackets != '\0'; brackets++)
	{
		Block	   *block = t->depth > 0 ? &t->blocks[t->open[t->depth - 1]] : NULL;

		if (block == NULL || block->parallel != (*brackets == ')'))
			return fail_item(item, "closes a block that is not open");
		block->last = t->nnames - 1;
		t->depth--;
		if (!put_bracket(t, item, *brackets, t->depth))
			return false;
	}
	return true;
}

/* text: an item with the brackets before and behind it, which are cut off */
static bool
translate_item(Translation *t, Item *item, char *text)
{
	char		brackets[MAX_DEPTH + 1] = "";
	size_t		len = strlen(text);
	size_t		end = len;

	while (end > 0 && (text[end - 1] == ']' || text[end - 1] == ')'))
		end--;
	if (len - end > MAX_DEPTH)
		return fail_item(item, "closes a block that is not open");
	memcpy(brackets, text + end, len - end + 1);
	if (!open_blocks(t, item))
		return false;
	text[end] = '\0';
	item->text = item->at;
	if (!translate_layer(t, item))
		return false;
	if (t->nnames == HWR_MAX_LAYERS)
		return hwr_kraken_unsupported(item->st, "Its network has more than %d items.", HWR_MAX_LAYERS);
	memcpy(t->names[t->nnames++], item->name, sizeof(item->name));
	return close_blocks(t, item, brackets);
}

/* The paths of the layers' tensors, once all blocks are closed. */
static bool
set_paths(Translation *t, HwrStatus *st)
{
	for (int i = 0; i < t->network->n; i++)
	{
		HwrKrakenLayer *layer = &t->network->layers[i];
		size_t		used = 0;

		for (int b = 0; b < t->nblocks && used < sizeof(layer->path); b++)
		{
			const Block *block = &t->blocks[b];

			if (t->item_of[i] < block->first || t->item_of[i] > block->last)
				continue;
			for (int k = block->first; k <= block->last && used < sizeof(layer->path); k++)
				used += (size_t) snprintf(layer->path + used, sizeof(layer->path) - used, "%s%s", t->names[k],
										  k < block->last ? " " : ".");
		}
		if (used < sizeof(layer->path))
			used += (size_t) snprintf(layer->path + used, sizeof(layer->path) - used, "%s", layer->name);
		if (used >= sizeof(layer->path))
			return hwr_kraken_unsupported(st, "Its network has blocks whose names are longer than %zu characters.",
										  sizeof(layer->path) - 1);
	}
	return true;
}

/* text, whose blanks are overwritten, to t */
static bool
translate(char *text, Translation *t, HwrStatus *st)
{
	char	   *next;
	int			number = 0;

	for (char *block = text; block != NULL; block = next)
	{
		Item		item = {.text = block,.at = block,.number = number - 1,.st = st};

		next = strchr(block, ' ');
		if (next != NULL)
			*next++ = '\0';
		item.last = next == NULL;
		if (!(number == 0 ? translate_input(t, &item) : translate_item(t, &item, block)))
			return false;
		number++;
	}
	if (t->depth > 0)
		return hwr_kraken_damaged(st, "A block of its network is not closed.");
	if (t->network->n == 0 || !t->network->layers[t->network->n - 1].output)
		return hwr_kraken_damaged(st, "Its network does not end in an output layer.");
	return set_paths(t, st);
}

bool
hwr_kraken_network(const char *vgsl, int classes, HwrNet *net, HwrKrakenNetwork *out, HwrStatus *st)
{
	Translation t = {.classes = classes,.network = out};
	size_t		len = strlen(vgsl);
	HwrStatus	reason = {0};
	char	   *text;
	bool		ok;

	out->n = 0;
	if (len < 2 || vgsl[0] != '[' || vgsl[len - 1] != ']')
		return hwr_kraken_damaged(st, "Its network is not in brackets.");
	text = hwr_alloc(len, 1, st);
	if (text == NULL)
		return false;
	memcpy(text, vgsl + 1, len - 2);
	text[len - 2] = '\0';
	ok = translate(text, &t, st);
	free(text);
	if (!ok)
		return false;
	if (hwr_vgsl_parse(t.vgsl, 0, net, &reason))
		return true;
	return hwr_kraken_unsupported(st, "Its network, here \"%.200s\", does not suit: %.200s", t.vgsl, reason.detail);
}
