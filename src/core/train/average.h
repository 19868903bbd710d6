/*
 * average.h
 *	  The running mean of a network's values.
 *
 * Values that a training passes through near its end lie around a better point than any of them, where the loss is
 * flat.  The statistics of batch normalisation have to be measured anew with it.
 * Source: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization".
 */
#ifndef HWR_AVERAGE_H
#define HWR_AVERAGE_H

#include "core/network/backend.h"

/* Zero-initialise. */
typedef struct HwrAverage
{
	int			count;			/* snapshots */
	float	   *mean;			/* [nvalues] */
	float	   *snapshot;		/* [nvalues] */
} HwrAverage;

/* Add a context's values. */
extern bool hwr_average_add(HwrAverage *average, const HwrBackend *backend, HwrBackendContext *ctx,
							size_t nvalues, HwrStatus *st);

/* Allocate mean and snapshot, of nvalues each, unless that is done. */
extern bool hwr_average_reserve(HwrAverage *average, size_t nvalues, HwrStatus *st);

/* Forget the snapshots. */
extern void hwr_average_clear(HwrAverage *average, size_t nvalues);
extern void hwr_average_free(HwrAverage *average);

#endif							/* HWR_AVERAGE_H */
