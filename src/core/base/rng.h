/*
 * rng.h
 *	  Seeded, portable random numbers: xoshiro256** (Blackman, Vigna 2018)
 *	  seeded through splitmix64.  The same seed gives the same stream anywhere, on a GPU too.
 */
#ifndef HWR_RNG_H
#define HWR_RNG_H

#include <stdint.h>

#include "shared.h"

typedef struct HwrRng
{
	uint64_t	s[4];
} HwrRng;

/* One step of splitmix64: a good 64-bit mixing of x, also used as a hash. */
HWR_SHARED uint64_t
hwr_mix64(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Seed from a seed and a stream number: different streams are independent. */
HWR_SHARED void
hwr_rng_seed(HwrRng *rng, uint64_t seed, uint64_t stream)
{
	uint64_t	x = hwr_mix64(seed) ^ hwr_mix64(stream ^ UINT64_C(0x5851f42d4c957f2d));

	for (int i = 0; i < 4; i++)
		rng->s[i] = x = hwr_mix64(x);
}

HWR_SHARED uint64_t
hwr_rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

HWR_SHARED uint64_t
hwr_rng_next(HwrRng *rng)
{
	uint64_t   *s = rng->s;
	uint64_t	result = hwr_rotate_left(s[1] * 5, 7) * 9;
	uint64_t	t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = hwr_rotate_left(s[3], 45);
	return result;
}

/* Uniform in [0, 1), with 53 random bits. */
HWR_SHARED double
hwr_rng_uniform(HwrRng *rng)
{
	return (double) (hwr_rng_next(rng) >> 11) * (1.0 / 9007199254740992.0);
}

/* Uniform in [lo, hi). */
HWR_SHARED double
hwr_rng_range(HwrRng *rng, double lo, double hi)
{
	return lo + (hi - lo) * hwr_rng_uniform(rng);
}

/* Standard normal (Box-Muller, one value a call). */
extern double hwr_rng_normal(HwrRng *rng);

/* Uniform integer in [0, n), n > 0, without modulo bias. */
extern uint64_t hwr_rng_below(HwrRng *rng, uint64_t n);

#endif							/* HWR_RNG_H */
