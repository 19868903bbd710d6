/*
 * posterior.h
 *	  The kept posterior: what the network said about a line, in a few hundred bytes that need no model.
 *
 * Kept are, at each step of the network, the classes whose probability is at least a bound; where
 * only the blank is left, the step is one of a run.  The rest of the probability is given to the
 * most probable class, so that what is kept is a distribution at each step.  One number for the
 * whole line, the floor, says what a class that was not kept had on average: decoders that must
 * write a given text use it, searches do not.
 *
 * Bytes, format 3, and format 4 of a model whose classes are not all single characters (core/text/spelling.h).  A number is a
 * varint: seven bits a byte, the low ones first, the shortest form only.
 *
 *	 1			format: 3 or 4
 *	 2			a checksum of all other bytes, CRC-16, the low byte first
 *	 8			the first bytes of the SHA-256 of the model's file
 *	 1			letter case of the model: 0 keep, 1 upper, 2 lower; and 4 times the columns of the canvas before the image
 *	 1			the floor, as -8 ln p, 255: none
 *	 number		K, classes of the model, the blank among them
 *	 number		T, steps
 *	 number x 3	columns of the canvas, of them covered by the image, pixels across the original image
 *	 number		n, characters that are kept anywhere; they are the classes 1 .. n here, 0 is the blank
 *	 			format 4 alone:
 *	 1			the plane of its signs
 *	 number		spellings that the characters kept have all signs of, ascending by these, each:
 *	 			a number of signs and these, as classes; a number of characters and these, as code points
 *	 the rest	choices of a range coder (range_coder.h) by the probabilities of posterior_odds.c: which characters, and the
 *				steps, each told by the one before (posterior_codes.h)
 *
 * Format 2, the plain one, is read too, and written by none of this: larger, and easy to write for a program or a test, of
 * classes that are single characters.  Its head is that of format 3 without the checksum; then:
 *
 *	 number x n	their code points, ascending: the first, then the distance from the last minus one
 *	 steps		up to the end:
 *		 1rrrrrrr	r + 1 steps of nothing but blank
 *		 01cccccc	the blank is the most probable class, and c others are kept
 *		 00cccccc	a character is, whose number follows; c others are kept
 *		 			c = 63: a number follows that is to be added
 *		 others		ascending, each:
 *		 ddddllll	d classes are left out before it; 15: a number follows that is to be added
 *		 			-16 ln p is the l-th of 15 levels, the nearest that makes p no larger; 15: a byte follows,
 *		 			above the last level
 *		 			the most probable class has what the others leave of 1
 */
#ifndef HWR_CORE_POSTERIOR_H
#define HWR_CORE_POSTERIOR_H

#include <stdint.h>

#include "core/text/text.h"

#define HWR_POSTERIOR_PLAIN 2
#define HWR_POSTERIOR_FORMAT 3
#define HWR_POSTERIOR_FORMAT_SPELT 4
#define HWR_POSTERIOR_HASH 8

/* Limits of what is packed and accepted: steps, and steps times characters. */
#define HWR_POSTERIOR_MAX_STEPS 8192
#define HWR_POSTERIOR_MAX_CELLS (1 << 24)
#define HWR_POSTERIOR_MAX_WIDTH (1 << 30)

/* The byte of the letter case holds the margin too, above these bits. */
#define HWR_POSTERIOR_MARGIN_SHIFT 2
#define HWR_POSTERIOR_MAX_MARGIN 63

/* What is kept unless the caller says otherwise.  doc/search.md has the measurement that chose it. */
#define HWR_POSTERIOR_BOUND 4e-4

/* What a value is about, besides the probabilities. */
typedef struct HwrPosteriorOrigin
{
	uint8_t		hash[HWR_POSTERIOR_HASH];	/* of the model's file */
	HwrCase		mapping;		/* of the model */
	int			classes;		/* K of the model */
	int			canvas_width;	/* columns of the canvas, */
	int			margin;			/* of them before the image, 0 .. 63 */
	int			content_width;	/* and covered by it */
	int			source_width;	/* pixels of the original image */
} HwrPosteriorOrigin;

/*
 * Pack log posteriors logp[T][K], K = alphabet->n + 1, class 0 the blank.  bound: 0 .. 0.5, classes below it are left
 * out; so are, whatever it is, those below exp(-16).  *bytes is malloc'd.  HWR_BAD_POSTERIOR where T or
 * the characters are more than the limits.
 */
extern bool hwr_posterior_pack(const float *logp, int T, const HwrAlphabet *alphabet,
							   const HwrPosteriorOrigin *origin, double bound,
							   uint8_t **bytes, size_t *len, HwrStatus *st);

/* Whether a value may begin with this byte. */
static inline bool
hwr_posterior_begins(uint8_t byte)
{
	return byte == HWR_POSTERIOR_FORMAT || byte == HWR_POSTERIOR_FORMAT_SPELT || byte == HWR_POSTERIOR_PLAIN;
}

/* Put the checksum of bytes that were changed. */
extern void hwr_posterior_seal(uint8_t *bytes, size_t len);

/* One kept class of a step. */
typedef struct HwrEntry
{
	int			class;			/* 0: blank, i: alphabet.codepoints[i - 1] */
	float		p;				/* above 0; those of a step sum to 1 */
} HwrEntry;

/* The entry of a class, of n that ascend by class, or -1: there may be many. */
static inline int
hwr_entry_of(const HwrEntry *entries, int n, int class)
{
	int			lo = 0;
	int			hi = n;

	while (lo < hi)
	{
		int			mid = lo + (hi - lo) / 2;

		if (entries[mid].class < class)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && entries[lo].class == class ? lo : -1;
}

/* Steps with the same distribution: several only where it is all blank. */
typedef struct HwrSparseStep
{
	int			step;			/* the first */
	int			run;			/* how many */
	int			entry;			/* first of its entries */
	int			n;				/* entries, at least 1, ascending by class */
} HwrSparseStep;

/* An unpacked value.  It is read into again and again, and grows to what the largest needed. */
typedef struct HwrSparse
{
	HwrPosteriorOrigin origin;
	int			steps;			/* T */
	float		floor;			/* probability of a class that was not kept, 0: none known */
	HwrAlphabet alphabet;		/* of the characters kept */
	int			nsteps;
	HwrSparseStep *at;			/* [nsteps] */
	int			nentries;
	HwrEntry   *entries;		/* [nentries] */

	size_t		chars_room;
	size_t		steps_room;
	size_t		entries_room;
	struct HwrStepCodes *codes; /* what reading works with */
	float		p[256];			/* exp(-i / 16) */
} HwrSparse;

extern bool hwr_sparse_create(HwrSparse **out, HwrStatus *st);
extern void hwr_sparse_free(HwrSparse *s);

/*
 * Unpack bytes[len], from wherever they come: HWR_BAD_POSTERIOR, with a detail, unless they are what
 * hwr_posterior_pack can have written; the value is then empty.
 */
extern bool hwr_sparse_read(HwrSparse *s, const uint8_t *bytes, size_t len, HwrStatus *st);

/*
 * Log posteriors logp[T][alphabet->n + 1] as the decoders take them, for an alphabet that has at least the characters
 * kept.  At each step, classes that were not kept have the floor, the others what that leaves.  logp has room
 * for HWR_POSTERIOR_MAX_CELLS checked by hwr_sparse_cells.
 */
extern void hwr_sparse_dense(const HwrSparse *s, const HwrAlphabet *alphabet, float *logp);

/* T * (alphabet->n + 1); fails with HWR_BAD_POSTERIOR above the limit. */
extern bool hwr_sparse_cells(const HwrSparse *s, const HwrAlphabet *alphabet, size_t *cells, HwrStatus *st);

/* The pixel of the original image at the left edge of a step 0 .. T. */
extern double hwr_sparse_pixel(const HwrSparse *s, int step);

#endif							/* HWR_CORE_POSTERIOR_H */
