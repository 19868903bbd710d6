/*
 * overlap.h
 *	  Which images a version was trained or validated on, as short hashes.
 *
 * Include after postgres.h.
 */
#ifndef HWR_OVERLAP_H
#define HWR_OVERLAP_H

#include "core/dataset/dataset.h"
#include "catalog.h"

/* Five bytes of an image's hash: among a million images, one in a million others is taken for one of them. */
#define HWR_SHORT_HASH 5

/* Keep what a training has used with its version. */
extern void hwr_overlap_store(int64 version_id, const HwrDataset *dataset);

/* How many of the images for validation are among those to train on too. */
extern int64 hwr_overlap_within(const HwrDataset *dataset);

/* A version with the values of another has used the same. */
extern void hwr_overlap_copy(int64 version_id, const HwrVersionInfo *from);

/* A version's hashes, ascending; NULL: unknown. */
extern bytea *hwr_overlap_read(const HwrVersionInfo *version);

/* Is an image's hash among them? */
extern bool hwr_overlap_has(const bytea *hashes, const uint8 *image, Size len);

#endif							/* HWR_OVERLAP_H */
