/*
 * layer_norm.h
 *	  What batch normalisation shares with the convolutions beside it.
 */
#ifndef HWR_LAYER_NORM_H
#define HWR_LAYER_NORM_H

#include "layers.h"

/* Kept from forward to backward, and the threads' partial sums. */
typedef struct HwrNormAux
{
	hwr_real   *mean;			/* [c] */
	hwr_real   *inv_std;		/* [c] */
	hwr_real   *scale;			/* [c] y = scale x + shift */
	hwr_real   *shift;
	hwr_real   *back_dy;		/* [c] dx = back_dy dy + back_x x + back_shift */
	hwr_real   *back_x;
	hwr_real   *back_shift;
	double	   *sums;			/* [threads][2][c] */
	double	   *image;			/* likewise, of one image */
	size_t		size;
} HwrNormAux;

extern HwrNormAux hwr_norm_aux(const HwrLayerRun *run);

/* A thread's sums over its images: of x and its square, or of dy and dy times the normalised x. */
extern void hwr_norm_clear_sums(const HwrLayerRun *run, int part);
extern void hwr_norm_add_sums(const HwrLayerRun *run, int part, size_t n);
extern void hwr_norm_add_back_sums(const HwrLayerRun *run, int part, size_t n);

#endif							/* HWR_LAYER_NORM_H */
