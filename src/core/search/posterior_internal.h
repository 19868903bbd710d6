/*
 * posterior_internal.h
 *	  What packing and unpacking share: see posterior.h for the bytes.
 */
#ifndef HWR_POSTERIOR_INTERNAL_H
#define HWR_POSTERIOR_INTERNAL_H

#include "posterior.h"

#define RUN 0x80
#define BLANK 0x40
#define COUNT 0x3F
#define MAX_RUN 128
#define NO_FLOOR 255

/* -16 ln p of the least probable class that can be written. */
#define MAX_QUANTUM 255
#define SCALE 16.0
#define FLOOR_SCALE 8.0

/* -16 ln p that half a byte says: fine where it is probable. */
#define LEVELS 15
extern const uint8_t hwr_posterior_levels[LEVELS];

/* The other half of that byte; more is said in a number after it. */
#define MAX_SKIP 15

/* HWR_BAD_POSTERIOR: more steps or characters than the limits.  Returns false. */
extern bool hwr_posterior_too_large(HwrStatus *st, int T, int n);

#endif							/* HWR_POSTERIOR_INTERNAL_H */
