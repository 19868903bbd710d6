/*
 * coder.c
 *	  Pictures of few levels as bytes: see pack.h.
 */
#include <stdlib.h>

#include "pack.h"

#define PROB_BITS 12
#define RATE 5					/* how fast probabilities follow */
#define TOP (1u << 24)

typedef struct Coder
{
	PackModel  *model;
	uint64_t	low;			/* encoder */
	uint32_t	range;
	uint32_t	code;			/* decoder */
	uint8_t    *out;
	const uint8_t *in;
	size_t		at;
	size_t		size;
	uint8_t		cache;
	size_t		cached;
	bool		failed;
} Coder;

void
pack_start(PackModel *model)
{
	for (size_t i = 0; i < sizeof(model->zero) / sizeof(uint16_t); i++)
		(&model->zero[0][0])[i] = 1 << (PROB_BITS - 1);
}

static void
put(Coder *c, uint8_t byte)
{
	if (c->at == c->size)
	{
		size_t		size = 2 * c->size + 256;
		uint8_t    *grown = realloc(c->out, size);

		if (grown == NULL)
		{
			c->failed = true;
			return;
		}
		c->out = grown;
		c->size = size;
	}
	c->out[c->at++] = byte;
}

/* The highest byte is settled once no carry can reach it. */
static void
shift_low(Coder *c)
{
	if ((uint32_t) c->low < 0xFF000000u || (c->low >> 32) != 0)
	{
		uint8_t		byte = c->cache;

		do
		{
			put(c, (uint8_t) (byte + (uint8_t) (c->low >> 32)));
			byte = 0xFF;
		} while (--c->cached > 0);
		c->cache = (uint8_t) (c->low >> 24);
	}
	c->cached++;
	c->low = (uint64_t) ((uint32_t) c->low << 8);
}

static void
encode_bit(Coder *c, uint16_t *zero, int bit)
{
	uint32_t	bound = (c->range >> PROB_BITS) * *zero;

	if (bit == 0)
	{
		c->range = bound;
		*zero = (uint16_t) (*zero + (((1 << PROB_BITS) - *zero) >> RATE));
	}
	else
	{
		c->low += bound;
		c->range -= bound;
		*zero = (uint16_t) (*zero - (*zero >> RATE));
	}
	while (c->range < TOP)
	{
		c->range <<= 8;
		shift_low(c);
	}
}

static uint8_t
get(Coder *c)
{
	if (c->at < c->size)
		return c->in[c->at++];
	c->failed = true;
	return 0;
}

static int
decode_bit(Coder *c, uint16_t *zero)
{
	uint32_t	bound = (c->range >> PROB_BITS) * *zero;
	int			bit = c->code >= bound;

	if (bit == 0)
	{
		c->range = bound;
		*zero = (uint16_t) (*zero + (((1 << PROB_BITS) - *zero) >> RATE));
	}
	else
	{
		c->code -= bound;
		c->range -= bound;
		*zero = (uint16_t) (*zero - (*zero >> RATE));
	}
	while (c->range < TOP)
	{
		c->range <<= 8;
		c->code = c->code << 8 | get(c);
	}
	return bit;
}

/* The probabilities for a pixel, by those before it; beyond the edges is paper. */
static uint16_t *
context(Coder *c, const uint8_t *row, int x, int y, int width)
{
	int			left = x > 0 ? row[x - 1] : 0;
	int			above = y > 0 ? row[x - width] : 0;
	int			right = y > 0 && x + 1 < width ? row[x + 1 - width] : 0;

	return c->model->zero[(left * PACK_LEVELS + above) * 4 + right * 4 / PACK_LEVELS];
}

uint8_t *
pack_encode(PackModel *model, const uint8_t *levels, int width, int height, uint32_t *len)
{
	Coder		c = {.model = model,.range = 0xFFFFFFFF,.cached = 1};

	for (int y = 0; y < height; y++)
	{
		const uint8_t *row = levels + (size_t) y * (size_t) width;

		for (int x = 0; x < width; x++)
		{
			uint16_t   *zero = context(&c, row, x, y, width);
			int			node = 1;

			for (int b = PACK_BITS - 1; b >= 0; b--)
			{
				int			bit = row[x] >> b & 1;

				encode_bit(&c, &zero[node], bit);
				node = 2 * node + bit;
			}
		}
	}
	for (int i = 0; i < 5; i++)
		shift_low(&c);
	*len = (uint32_t) c.at;
	if (!c.failed)
		return c.out;
	free(c.out);
	return NULL;
}

bool
pack_decode(PackModel *model, const uint8_t *bytes, uint32_t len, uint8_t *levels, int width, int height)
{
	Coder		c = {.model = model,.range = 0xFFFFFFFF,.in = bytes,.size = len};

	(void) get(&c);				/* the encoder's first byte is empty */
	for (int i = 0; i < 4; i++)
		c.code = c.code << 8 | get(&c);
	for (int y = 0; y < height; y++)
	{
		uint8_t    *row = levels + (size_t) y * (size_t) width;

		for (int x = 0; x < width; x++)
		{
			uint16_t   *zero = context(&c, row, x, y, width);
			int			node = 1;

			for (int b = 0; b < PACK_BITS; b++)
				node = 2 * node + decode_bit(&c, &zero[node]);
			row[x] = (uint8_t) (node - PACK_LEVELS);
		}
	}
	return !c.failed;
}
