/*
 * reference.h
 *	  Numbers that the unit tests and test/reference/make_reference.py make alike.
 *
 * The values that PyTorch computed are committed under data/; the inputs they were computed from are not,
 * but follow on both sides from this formula.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stddef.h>
#include <stdint.h>

/* 32 random-looking bits for value i of stream s. */
static inline uint32_t
reference_bits(uint32_t s, uint32_t i)
{
	uint32_t	x = s * UINT32_C(0x9e3779b9) + i;

	x = (x ^ (x >> 16)) * UINT32_C(0x45d9f3b5);
	x = (x ^ (x >> 15)) * UINT32_C(0x2c1b3c6d);
	return x ^ (x >> 16);
}

/* In [-1, 1), exact in float: 24 bits. */
static inline double
reference_value(uint32_t s, uint32_t i)
{
	return (double) (reference_bits(s, i) >> 8) * 0x1.0p-23 - 1.0;
}

#endif							/* REFERENCE_H */
