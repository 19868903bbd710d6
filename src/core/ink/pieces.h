/*
 * pieces.h
 *	  Connected pieces of ink, as runs.
 */
#ifndef HWR_PAGE_PIECES_H
#define HWR_PAGE_PIECES_H

#include "map.h"

/* A run of ink [x0, x1) in row y. */
typedef struct HwrRun
{
	int			x0;
	int			x1;
	int			y;
	int			piece;
} HwrRun;

typedef struct HwrPiece
{
	int			x0;				/* bounds, [x0, x1) x [y0, y1) */
	int			y0;
	int			x1;
	int			y1;
	int			ink;			/* pixels */
} HwrPiece;

typedef struct HwrPieces
{
	HwrRun	   *runs;			/* by rows, from left to right */
	int			runs_n;
	HwrPiece   *pieces;			/* in the order of their first runs */
	int			n;
} HwrPieces;

/* The 8-connected pieces of values of at least threshold.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_pieces_find(const HwrMap *map, int threshold, HwrPieces *out, HwrStatus *st);
extern void hwr_pieces_free(HwrPieces *pieces);

#endif							/* HWR_PAGE_PIECES_H */
