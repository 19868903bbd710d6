/*
 * ink.h
 *	  Kept posteriors as SQL values: unpacked once a call site as long as the value stays the same.
 *
 * Include after postgres.h.
 */
#ifndef HWR_INK_H
#define HWR_INK_H

#include "fmgr.h"

#include "core/decode/decode.h"
#include "core/posterior/posterior.h"
#include "pg/base/hold.h"

typedef struct HwrInk
{
	MemoryContext context;
	HwrHold    *sparse;			/* HwrSparse */
	char	   *bytes;			/* what it was read from, in memory of room bytes */
	Size		len;
	Size		room;
	bool		known;			/* it has been read, and is what bytes say */
	float	   *logp;			/* see hwr_ink_dense */
	size_t		cells_room;
	bool		dense;			/* logp is of this value and its own alphabet */
} HwrInk;

extern HwrInk *hwr_ink_create(MemoryContext context);

/*
 * Unpack a value of type hwr_posterior; the result is valid until the next call.  Raises
 * data_corrupted where it is damaged.
 */
extern HwrSparse *hwr_ink_read(HwrInk *ink, Datum value);

/* The same, but an error that names what where the value's classes are not all single characters. */
extern HwrSparse *hwr_ink_read_plain(HwrInk *ink, Datum value, const char *what);

/* The log posteriors [steps][alphabet.n + 1] of the value that was read last, over its own characters. */
extern const float *hwr_ink_dense(HwrInk *ink);

/* The same over another alphabet, that has its characters. */
extern const float *hwr_ink_dense_over(HwrInk *ink, const HwrAlphabet *alphabet);

/* The call site's HwrInk, in fn_extra. */
extern HwrInk *hwr_ink_of(FunctionCallInfo fcinfo);

/*
 * Read the value of the first argument as hwr_text does; the hold owns the HwrReading, which is in
 * its object.
 */
extern HwrReading *hwr_ink_greedy(HwrInk *ink, HwrHold *hold);

#endif							/* HWR_INK_H */
