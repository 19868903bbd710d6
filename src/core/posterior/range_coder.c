/*
 * range_coder.c
 *	  Writing a range coder's bytes, and whether bytes are what it writes.
 */
#include "range_coder.h"

void
hwr_range_put_byte(HwrRangeWriter *w, unsigned byte)
{
	if (w->failed)
		return;
	if (w->len == w->room)
	{
		size_t		room = w->room * 2 + 256;
		uint8_t    *grown = hwr_realloc(w->data, room, 1, w->st);

		if (grown == NULL)
		{
			w->failed = true;
			return;
		}
		w->data = grown;
		w->room = room;
	}
	w->data[w->len++] = (uint8_t) byte;
}

void
hwr_range_begin(HwrRangeWriter *w)
{
	w->low = 0;
	w->range = UINT32_MAX;
}

/* A byte of low is written; a carry goes through the bytes before, which are of this fraction, for it is below 1. */
void
hwr_range_shift(HwrRangeWriter *w)
{
	if (w->low >> 32 && !w->failed)
		for (size_t i = w->len; ++w->data[--i] == 0;)
			;
	hwr_range_put_byte(w, (unsigned) (w->low >> 24) & 0xFF);
	w->low = (w->low & 0x00FFFFFF) << 8;
	w->range <<= 8;
}

/* The number in [low, low + range) with the most zeros at its end. */
static uint64_t
roundest(uint64_t low, uint32_t range)
{
	uint64_t	last = low + range - 1;
	int			zeros = 32;

	while (zeros > 0 && ((last >> zeros) << zeros) < low)
		zeros--;
	return (last >> zeros) << zeros;
}

void
hwr_range_end(HwrRangeWriter *w)
{
	w->low = roundest(w->low, w->range);
	/* What is left is written as far as it is not zero: four bytes are all. */
	for (int i = 0; i < 4; i++)
		hwr_range_shift(w);
}

bool
hwr_range_ends(const HwrRangeReader *r)
{
	uint32_t	window = 0;		/* the four bytes read last, of which low is what the code leaves */
	uint32_t	low;

	for (size_t i = r->past; i < 4; i++)
		window |= (uint32_t) r->end[-1 - (ptrdiff_t) (i - r->past)] << (8 * i);
	low = window - r->code;
	return !r->beyond && r->code < r->range && (uint32_t) roundest(low, r->range) == window;
}
