/*
 * rng.c
 *	  Distributions drawn from xoshiro256**.
 */
#include "rng.h"

#include <math.h>

double
hwr_rng_normal(HwrRng *rng)
{
	double		u = 1.0 - hwr_rng_uniform(rng); /* (0, 1]: the log is finite */
	double		v = hwr_rng_uniform(rng);

	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

uint64_t
hwr_rng_below(HwrRng *rng, uint64_t n)
{
	uint64_t	reject = (-n) % n;	/* 2^64 mod n values would be too many */
	uint64_t	x;

	do
		x = hwr_rng_next(rng);
	while (x < reject);
	return x % n;
}
