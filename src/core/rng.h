/*
 * rng.h
 *	  Seeded, portable random numbers: xoshiro256** (Blackman, Vigna 2018)
 *	  seeded through splitmix64.  The same seed gives the same stream anywhere.
 */
#ifndef HWR_RNG_H
#define HWR_RNG_H

#include <stdint.h>

typedef struct HwrRng
{
	uint64_t	s[4];
} HwrRng;

/* One step of splitmix64: a good 64-bit mixing of x, also used as a hash. */
extern uint64_t hwr_mix64(uint64_t x);

/* Seed from a seed and a stream number: different streams are independent. */
extern void hwr_rng_seed(HwrRng *rng, uint64_t seed, uint64_t stream);
extern uint64_t hwr_rng_next(HwrRng *rng);

/* Uniform in [0, 1), with 53 random bits. */
extern double hwr_rng_uniform(HwrRng *rng);

/* Uniform in [lo, hi). */
extern double hwr_rng_range(HwrRng *rng, double lo, double hi);

/* Standard normal (Box-Muller, one value a call). */
extern double hwr_rng_normal(HwrRng *rng);

/* Uniform integer in [0, n), n > 0, without modulo bias. */
extern uint64_t hwr_rng_below(HwrRng *rng, uint64_t n);

#endif							/* HWR_RNG_H */
