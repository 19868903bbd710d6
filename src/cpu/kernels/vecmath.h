/*
 * vecmath.h
 *	  exp, sigmoid and tanh without branches or calls, so that loops over them vectorise.
 *
 * float: exp by range reduction x = k ln 2 + r, |r| <= ln(2)/2, and a polynomial of
 * degree 6 in r (Taylor, with the remainder below 2e-7 at the ends); relative
 * error of exp below 3e-7 on [-87, 88], arguments beyond are clamped; absolute error of
 * sigmoid and tanh below 3e-7.  double: libm (tests only).
 */
#ifndef HWR_VECMATH_H
#define HWR_VECMATH_H

#include <math.h>
#include <stdint.h>

#include "core/base/real.h"

#ifdef HWR_REAL_DOUBLE

static inline double
hwr_exp(double x)
{
	return exp(x);
}

static inline double
hwr_exp_near(double x)
{
	return exp(x);
}

#else

/* For x in [-87, 88] or NaN */
__attribute__((always_inline)) static inline float
hwr_exp_near(float x)
{
	union
	{
		int32_t		i;
		float		f;
	}			scale;
	float		k;
	float		r;
	float		p;

	/* adding and subtracting 1.5 * 2^23 rounds to the nearest integer */
	k = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
	r = x - k * 0.693359375f;	/* ln 2 in two parts: the first product is exact */
	r = r + k * 2.12194440e-4f;
	p = 1.0f / 720.0f;
	p = p * r + 1.0f / 120.0f;
	p = p * r + 1.0f / 24.0f;
	p = p * r + 1.0f / 6.0f;
	p = p * r + 0.5f;
	p = p * r + 1.0f;
	p = p * r + 1.0f;
	k = k > -126.0f ? k : -126.0f;	/* no change but for a NaN, which lives on in p */
	scale.i = ((int32_t) k + 127) << 23;
	return p * scale.f;
}

__attribute__((always_inline)) static inline float
hwr_exp(float x)
{
	x = x < -87.0f ? -87.0f : x;
	x = x > 88.0f ? 88.0f : x;
	return hwr_exp_near(x);
}

#endif

__attribute__((always_inline)) static inline hwr_real
hwr_sigmoid(hwr_real x)
{
	return 1 / (1 + hwr_exp(-x));
}

__attribute__((always_inline)) static inline hwr_real
hwr_tanh(hwr_real x)
{
	return 2 / (1 + hwr_exp(-2 * x)) - 1;
}

#endif							/* HWR_VECMATH_H */
