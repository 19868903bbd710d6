/*
 * align.h
 *	  Edit distance and alignment of two texts of any length.
 */
#ifndef HWR_ALIGN_H
#define HWR_ALIGN_H

#include <stdint.h>

#include "core/base/status.h"

/* One step of an alignment; truth or guess is 0 for an insertion or a deletion. */
typedef struct HwrEdit
{
	uint32_t	truth;
	uint32_t	guess;
} HwrEdit;

/*
 * Levenshtein alignment of truth[n] and guess[m] with unit costs.  edits: malloc'd, *nedits
 * entries in reading order; *distance is the number of entries whose sides differ.
 *
 * Ties prefer match/substitution, then deletion, then insertion, up to HWR_ALIGN_TABLE pairs of
 * characters; beyond, the alignment is one of the shortest, put together from such pieces.  Memory
 * is that much and n + m entries. Time grows with n times m, what the texts have in common at their
 * ends not counted: two of ten thousand characters take about a tenth of a second, of a hundred
 * thousand ten seconds and more.
 *
 * stop, if not NULL, is asked every few milliseconds; when it says true the error is HWR_CANCELLED.
 * Other errors: HWR_OUT_OF_MEMORY, HWR_BAD_DATA for more than half a billion characters.
 */
#define HWR_ALIGN_TABLE ((size_t) 1 << 22)

extern bool hwr_align(const uint32_t *truth, int n, const uint32_t *guess, int m,
					  HwrEdit **edits, int *nedits, int *distance, HwrStatus *st);
extern bool hwr_align_until(const uint32_t *truth, int n, const uint32_t *guess, int m,
							HwrEdit **edits, int *nedits, int *distance, HwrStopFn stop, void *stop_arg, HwrStatus *st);

/* The distance alone. */
extern bool hwr_edit_distance(const uint32_t *truth, int n, const uint32_t *guess, int m, int *distance,
							  HwrStopFn stop, void *stop_arg, HwrStatus *st);

#endif							/* HWR_ALIGN_H */
