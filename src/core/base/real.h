/*
 * real.h
 *	  The number type of activations, weights and gradients.
 *
 * float in the product.  The unit tests build the core a second time with
 * HWR_REAL_DOUBLE, so that gradients can be checked by finite differences to
 * many digits.
 */
#ifndef HWR_REAL_H
#define HWR_REAL_H

#ifdef HWR_REAL_DOUBLE
typedef double hwr_real;
#else
typedef float hwr_real;
#endif

#endif							/* HWR_REAL_H */
