/*
 * posterior_internal.h
 *	  What packing and unpacking share: see posterior.h for the bytes.
 */
#ifndef HWR_POSTERIOR_INTERNAL_H
#define HWR_POSTERIOR_INTERNAL_H

#include "posterior.h"

#define NO_FLOOR 255

/* -16 ln p of the least probable class that can be written. */
#define MAX_QUANTUM 255
#define SCALE 16.0
#define FLOOR_SCALE 8.0

/* -16 ln p that a level says: fine where it is probable. */
#define LEVELS 15
extern const uint8_t hwr_posterior_levels[LEVELS];

/* Where the checksum is, and how much it is. */
#define CHECKSUM_AT 1
#define CHECKSUM 2
extern uint16_t hwr_posterior_checksum(const uint8_t *bytes, size_t len);

/* HWR_BAD_POSTERIOR: more steps or characters than the limits.  Returns false. */
extern bool hwr_posterior_too_large(HwrStatus *st, int T, int n);

#endif							/* HWR_POSTERIOR_INTERNAL_H */
