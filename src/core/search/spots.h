/*
 * spots.h
 *	  Where in a line a word is.
 *
 * The expected number of occurrences that begin at one step and end at another, summed over all
 * alignments, is a matrix of few cells that matter.  Cells that overlap the most probable one are
 * the same place.
 */
#ifndef HWR_SPOTS_H
#define HWR_SPOTS_H

#include "relevance.h"

typedef struct HwrSpot
{
	int			first_step;		/* of its first character */
	int			last_step;		/* of its last */
	double		p;				/* that the word is at this place */
} HwrSpot;

typedef struct HwrSpots HwrSpots;

extern bool hwr_spots_create(HwrSpots **out, HwrStatus *st);
extern void hwr_spots_free(HwrSpots *spots);

/*
 * The places of a HWR_WORD_HERE or HWR_WORD_PART_HERE whose probability is at least bound, from left to right: valid
 * until the next call.  Begin, take steps until *done, get.  HWR_BAD_QUERY where it would take too much memory or time.
 */
extern bool hwr_spots_begin(HwrSpots *spots, const HwrWord *word, const HwrSparse *s, double bound, HwrStatus *st);
extern bool hwr_spots_step(HwrSpots *spots, bool *done, HwrStatus *st);
extern void hwr_spots_get(const HwrSpots *spots, const HwrSpot **out, int *n);

#endif							/* HWR_SPOTS_H */
