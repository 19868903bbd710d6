/*
 * paper.h
 *	  Which grey is paper and which is ink.
 *
 * Most fields are plain: one kind of paper, evenly lit, with darker or lighter ink on it.  There
 * the whole picture's percentiles tell everything (preprocess.h has the formula).  hwr_paper_judge
 * looks whether a picture is such a one; else it judges by surroundings, in these steps:
 *
 * 1. In parts of a third of the picture's height, the mean grey lies nearer to the paper's than to the ink's.
 * 2. Dark ink: how much darker a pixel is than the closing by a square of such a size, in relation to it.  That is the
 *	  ink on evenly lit paper, whatever shadows, gradients and broad dark or light areas there are.  Light ink: how
 *	  much lighter than the opening.
 * 3. Lines along the edges and ruled and dotted lines are taken off (ruling.h, dots.h).
 * 4. Where no ink is left above the grain of the paper and of the file's compression, or what there is is not a line
 *	  of text, the picture is empty.  Faint ink on coarse grain may be a photograph's texture, and counts only in a line
 *	  that was found on a page.
 */
#ifndef HWR_PAPER_H
#define HWR_PAPER_H

#include "image.h"

/* ink(g) = clamp(offset + slope * g, 0, 255) for the grey values of pixels. */
typedef struct HwrPaper
{
	bool		empty;			/* nothing to be read; the rest is not filled in */
	float		offset;
	float		slope;
	const uint8_t *pixels;		/* [height][width], the picture's own, or made */
	uint8_t    *made;			/* malloc'd or NULL; hwr_paper_free */
} HwrPaper;

/* Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_paper_judge(const HwrImage *img, HwrPaper *out, HwrStatus *st);
extern void hwr_paper_free(HwrPaper *paper);

#endif							/* HWR_PAPER_H */
