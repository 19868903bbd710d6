/*
 * range_coder.h
 *	  Choices in as few bits as they are surprising: a range coder of bits and of shares.
 *
 * Writing narrows [low, low + range) to the part of each choice, and any number in what is left at the end, read as bytes of a
 * fraction, tells all choices to who knows their probabilities; zeros at its end are left out, and read as if they were there.
 * All is in integers: the same bytes on every machine.
 *
 * Source: G. N. N. Martin, "Range encoding: an algorithm for removing redundancy from a digitised message", 1979;
 * carries as in Igor Pavlov's LZMA.
 */
#ifndef HWR_RANGE_CODER_H
#define HWR_RANGE_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

/* Probabilities of bits are in units of 1 / 4096, 1 .. 4095. */
#define HWR_ODDS_BITS 12
#define HWR_ODDS_EVEN (1 << (HWR_ODDS_BITS - 1))

/* Shares are of at most this many. */
#define HWR_SHARES_MAX (1 << 24)

#define HWR_RANGE_LEAST (UINT32_C(1) << 24)

typedef struct HwrRangeWriter
{
	uint8_t    *data;			/* malloc'd */
	size_t		len;
	size_t		room;
	uint64_t	low;			/* bit 32: a carry into what was written */
	uint32_t	range;
	HwrStatus  *st;
	bool		failed;			/* out of memory: *st says so */
} HwrRangeWriter;

/* A byte before the fraction begins */
extern void hwr_range_put_byte(HwrRangeWriter *w, unsigned byte);

extern void hwr_range_begin(HwrRangeWriter *w);
extern void hwr_range_shift(HwrRangeWriter *w);
extern void hwr_range_end(HwrRangeWriter *w);

/* odds: of the bit being set */
static inline void
hwr_range_put_bit(HwrRangeWriter *w, unsigned odds, bool bit)
{
	uint32_t	part = (w->range >> HWR_ODDS_BITS) * odds;

	if (bit)
		w->range = part;
	else
	{
		w->low += part;
		w->range -= part;
	}
	while (w->range < HWR_RANGE_LEAST)
		hwr_range_shift(w);
}

/* The part [from, from + share) of all. */
static inline void
hwr_range_put_share(HwrRangeWriter *w, uint32_t from, uint32_t share, uint32_t all)
{
	uint32_t	unit = w->range / all;

	w->low += (uint64_t) unit * from;
	w->range = unit * share;
	while (w->range < HWR_RANGE_LEAST)
		hwr_range_shift(w);
}

typedef struct HwrRangeReader
{
	const uint8_t *at;
	const uint8_t *end;
	uint32_t	code;			/* the fraction less low */
	uint32_t	range;
	size_t		past;			/* bytes read after the end */
	bool		beyond;			/* a unit was read that none writes */
} HwrRangeReader;

static inline void
hwr_range_fill(HwrRangeReader *r)
{
	unsigned	byte = 0;

	if (r->at < r->end)
		byte = *r->at++;
	else
		r->past++;
	r->code = r->code << 8 | byte;
	r->range <<= 8;
}

static inline void
hwr_range_open(HwrRangeReader *r, const uint8_t *bytes, size_t len)
{
	*r = (HwrRangeReader) {.at = bytes,.end = bytes + len};
	for (int i = 0; i < 4; i++)
		hwr_range_fill(r);
	r->range = UINT32_MAX;
}

static inline bool
hwr_range_get_bit(HwrRangeReader *r, unsigned odds)
{
	uint32_t	part = (r->range >> HWR_ODDS_BITS) * odds;
	bool		bit = r->code < part;

	if (bit)
		r->range = part;
	else
	{
		r->code -= part;
		r->range -= part;
	}
	while (r->range < HWR_RANGE_LEAST)
		hwr_range_fill(r);
	return bit;
}

/* Which of all units comes, at most all - 1, whatever the bytes; then the share that it is in is to be taken. */
static inline uint32_t
hwr_range_get_unit(HwrRangeReader *r, uint32_t all)
{
	uint32_t	unit;

	r->range /= all;
	unit = r->code / r->range;
	r->beyond |= unit >= all;
	return unit < all ? unit : all - 1;
}

static inline void
hwr_range_take_share(HwrRangeReader *r, uint32_t from, uint32_t share)
{
	r->code -= r->range * from;
	r->range *= share;
	while (r->range < HWR_RANGE_LEAST)
		hwr_range_fill(r);
}

/* After the last choice, which took all bytes: whether they are those that writing the choices gives. */
extern bool hwr_range_ends(const HwrRangeReader *r);

#endif							/* HWR_RANGE_CODER_H */
