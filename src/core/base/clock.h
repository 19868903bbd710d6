/*
 * clock.h
 *	  Time that passes.
 */
#ifndef HWR_CLOCK_H
#define HWR_CLOCK_H

#include <time.h>

/* Seconds of a clock that nobody sets. */
static inline double
hwr_clock_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double) ts.tv_sec + (double) ts.tv_nsec * 1e-9;
}

#endif							/* HWR_CLOCK_H */
