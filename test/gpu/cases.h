/*
 * cases.h
 *	  The networks that check_gpu compares: each kind of layer by itself, then whole ones.
 */
#ifndef CASES_H
#define CASES_H

#include <stdbool.h>

typedef struct Case
{
	const char *name;
	const char *vgsl;
	int			width;			/* of the canvases */
	int			n;
	bool		large;
	double		shortcut;		/* weight of an auxiliary head, 0: none */
} Case;

static const Case cases[] = {
	{"dense", "[1,8,10,1 S1(1x0)1,3 Fl7 O1c9]", 10, 3, false, 0},
	{"dense with each activation", "[1,8,10,1 S1(1x0)1,3 Fr8 Ft8 Fs8 Fm8 Fl5 O1c9]", 10, 3, false, 0},
	{"convolution", "[1,8,12,1 Cl3,3,4 S1(1x0)1,3 O1c9]", 12, 3, false, 0},
	{"convolution with each activation", "[1,8,9,1 Cr3,3,8 Ct3,3,8 Cs3,3,16 Cl1,1,8 S1(1x0)1,3 O1c9]", 9, 2, false, 0},
	{"convolution with strides and even windows", "[1,11,17,1 Cr3,5,6,2,2 Ct2,4,8,1,2 Cr4,2,3,3,1 S1(1x0)1,3 O1c9]", 17, 3,
	false, 0},
	{"pool", "[1,12,12,1 Mp3,2 Fl4 Mp2,2,1,1 S1(1x0)1,3 O1c9]", 12, 3, false, 0},
	{"pool with overlap", "[1,9,15,1 Cr3,3,8 Mp3,3,2,2 Cl3,3,3 Mp2,2,1,1 S1(1x0)1,3 O1c9]", 15, 2, false, 0},
	{"norm", "[1,8,10,1 Bn Cr3,3,8 Bn Mp8,1 Fr6 Bn O1c9]", 10, 4, false, 0},
	{"norm after pool, two in a row", "[1,8,12,1 Ct3,3,5 Mp2,2 Bn Bn Cl3,3,4 Mp4,1 O1c9]", 12, 4, false, 0},
	{"reshape", "[1,8,10,1 Cr3,3,4 Mp1,2 S1(2x4)2,3 Fr5 O1c9]", 10, 3, false, 0},
	{"LSTM forward", "[1,8,9,1 S1(1x0)1,3 Fl4 Lfx6 O1c9]", 9, 3, false, 0},
	{"LSTM reverse", "[1,8,9,1 S1(1x0)1,3 Fl4 Lrx6 O1c9]", 9, 3, false, 0},
	{"LSTM both ways, one image", "[1,8,9,1 S1(1x0)1,3 Fl4 Lbx8 Lbx5 O1c9]", 9, 1, false, 0},
	{"LSTM of rows, then columns summarised", "[1,8,8,1 Cl3,3,3 Lbx4 Lbys6 O1c9]", 8, 2, false, 0},
	{"LSTM along y, then rows", "[1,8,9,1 Cl3,3,3 Lry4 Lfys5 Lbx4 O1c9]", 9, 2, false, 0},
	{"LSTM over one step", "[1,8,8,1 Cl1,1,2 Mp8,1 Lby4 O1c9]", 8, 2, false, 0},
	{"dropout", "[1,8,12,1 S1(1x0)1,3 Fl8 Do0.5 Lbx6 Do0.25 O1c9]", 12, 3, false, 0},
	{"whole network", "[1,12,24,1 Cr3,3,8 Bn Mp2,2 Cr3,3,16 Bn Mp6,1 Lbx8 Do0.1 Lbx8 Do0.25 O1c9]", 24, 5, false, 0},
	{"any width", "[1,12,0,1 Cr3,3,8 Bn Mp2,2 S1(1x0)1,3 Lbx8 O1c9]", 40, 3, false, 0},
	{"auxiliary head", "[1,12,24,1 Cr3,3,8 Bn Mp2,2 Ct3,3,16 Bn Mp6,1 Lbx8 Do0.1 Lbx8 O1c9]", 24, 5, false, 0.5},
	{"auxiliary head with more steps", "[1,12,24,1 Ct3,3,8 Mp12,1 Lbx8 Mp1,2 Lbx8 O1c9]", 24, 5, false, 2},
	{"preset small", "[1,32,160,1 Cr3,3,16 Bn Mp2,2 Cr3,3,32 Bn Mp2,2 Cr3,3,48 Bn Mp8,1 Lbx64 Do0.1 O1c9]", 160, 16, true, 0},
	{"preset keras", "[1,64,256,1 Cr3,3,32 Mp2,2 Bn Cr3,3,64 Mp2,2 Bn Cr3,3,128 Mp2,2 Bn S1(2x4)2,3 Fr64 Lbx256 Do0.25 Lbx256 "
					 "Do0.25 O1c9]",
	256, 32, true, 0},
	{"preset default", "[1,48,320,1 Cr3,3,16 Bn Mp2,2 Cr3,3,32 Bn Mp2,2 Cr3,3,64 Bn Cr3,3,64 Bn Mp2,1 Cr3,3,128 Bn Mp6,1 Lbx192 "
					   "Do0.25 O1c9]",
	320, 33, true, 0},
};

#endif							/* CASES_H */
