/*
 * average.c
 *	  The running mean of a network's values.
 */
#include "average.h"

#include <stdlib.h>
#include <string.h>

bool
hwr_average_reserve(HwrAverage *average, size_t nvalues, HwrStatus *st)
{
	if (average->mean == NULL)
		average->mean = hwr_alloc_zero(nvalues, sizeof(float), st);
	if (average->snapshot == NULL)
		average->snapshot = hwr_alloc(nvalues, sizeof(float), st);
	return average->mean != NULL && average->snapshot != NULL;
}

bool
hwr_average_add(HwrAverage *average, const HwrBackend *backend, HwrBackendContext *ctx,
				size_t nvalues, HwrStatus *st)
{
	float		share;

	if (!hwr_average_reserve(average, nvalues, st) ||
		!backend->get_values(ctx, average->snapshot, st))
		return false;
	share = 1.0f / (float) ++average->count;
	for (size_t i = 0; i < nvalues; i++)
		average->mean[i] += share * (average->snapshot[i] - average->mean[i]);
	return true;
}

void
hwr_average_clear(HwrAverage *average, size_t nvalues)
{
	if (average->count > 0)
		memset(average->mean, 0, nvalues * sizeof(float));
	average->count = 0;
}

void
hwr_average_free(HwrAverage *average)
{
	free(average->mean);
	free(average->snapshot);
}
