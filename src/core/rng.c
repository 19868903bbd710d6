/*
 * rng.c
 *	  xoshiro256** and the distributions drawn from it.
 */
#include "rng.h"

#include <math.h>

uint64_t
hwr_mix64(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void
hwr_rng_seed(HwrRng *rng, uint64_t seed, uint64_t stream)
{
	uint64_t	x = hwr_mix64(seed) ^ hwr_mix64(stream ^ UINT64_C(0x5851f42d4c957f2d));

	for (int i = 0; i < 4; i++)
		rng->s[i] = x = hwr_mix64(x);
}

static inline uint64_t
rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t
hwr_rng_next(HwrRng *rng)
{
	uint64_t   *s = rng->s;
	uint64_t	result = rotl(s[1] * 5, 7) * 9;
	uint64_t	t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

double
hwr_rng_uniform(HwrRng *rng)
{
	return (double) (hwr_rng_next(rng) >> 11) * 0x1.0p-53;
}

double
hwr_rng_range(HwrRng *rng, double lo, double hi)
{
	return lo + (hi - lo) * hwr_rng_uniform(rng);
}

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
