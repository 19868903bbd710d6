/*
 * winograd.h
 *	  3x3 convolution with stride 1 by Winograd's minimal filtering F(4x4, 3x3).
 *
 * Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015).  The output
 * is cut into tiles of 4x4; each comes from the 6x6 places of the input around it:
 *
 *	 Y = A' [ (G g G') * (B' d B) ] A			* element by element, summed over the input channels
 *
 * which is 36 matrix products [tiles][C] x [C][D], one for each place ("frequency") of the
 * transformed tile: 36 multiplications an input and an output channel for 16 outputs, where the
 * direct way takes 144.
 *
 * The transforms interpolate polynomials at 0, -a, a, -b, b and infinity.  Usual are a = 1 and b =
 * 2; here a = sqrt(1/2) and b = sqrt(2), whose powers are less uneven: rounding the transformed
 * input and kernel costs half as much, and the factors are as cheap, because ab = 1.  With them
 *
 *		 1  0    -5/2  0    1  0		 1    0    0						  1  1   1   1   1   0
 *		 0 -2a   -2    a    1  0		-1/u -a/u -a^2/u					  0  a  -a   b  -b   0
 *	B' = 0  2a   -2   -a    1  0	G =	-1/u  a/u -a^2/u	u = 3/2		A' =  0 a^2 a^2 b^2 b^2  0
 *		 0 -b/2  -1/2  b    1  0		 1/v  b/v  b^2/v	v = 6			  0 a^3 -a^3 b^3 -b^3 1
 *		 0  b/2  -1/2 -b    1  0		 1/v -b/v  b^2/v
 *		 0  1     0   -5/2  0  1		 0    0    1
 */
#ifndef HWR_WINOGRAD_H
#define HWR_WINOGRAD_H

#define HWR_WINOGRAD_KERNEL 3	/* rows and columns of a kernel, or of a part of a wider one */
#define HWR_WINOGRAD_OUT 4		/* rows and columns of an output tile */
#define HWR_WINOGRAD_IN 6		/* of an input tile */
#define HWR_WINOGRAD_FREQUENCIES 36

/* Fewest input and output channels for which it is used: a vector of the widest kernels. */
#define HWR_WINOGRAD_MIN_CHANNELS 16

#define HWR_WINOGRAD_A 0.70710678118654752440	/* a */
#define HWR_WINOGRAD_B 1.41421356237309504880	/* b */

static inline int
hwr_divide_up(int a, int b)
{
	return (a + b - 1) / b;
}

/* Tiles that cover n places. */
static inline int
hwr_winograd_tiles(int n)
{
	return hwr_divide_up(n, HWR_WINOGRAD_OUT);
}

/* Kernels of 3x3 that a wider one is made of. */
static inline int
hwr_winograd_parts(int kx)
{
	return hwr_divide_up(kx, HWR_WINOGRAD_KERNEL);
}

#endif							/* HWR_WINOGRAD_H */
