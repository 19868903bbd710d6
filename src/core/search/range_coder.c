/*
 * range_coder.c
 *	  Writing a range coder's bytes.
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

/* The number in the range with the most zeros at its end. */
void
hwr_range_end(HwrRangeWriter *w)
{
	uint64_t	last = w->low + w->range - 1;
	int			zeros = 32;

	while (zeros > 0 && ((last >> zeros) << zeros) < w->low)
		zeros--;
	w->low = (last >> zeros) << zeros;
	/* What is left is written as far as it is not zero: four bytes are all. */
	for (int i = 0; i < 4; i++)
		hwr_range_shift(w);
}
