/*
 * field.h
 *	  A field of a filled form: cut out, without what is printed, and what can be said of it before it is read.
 */
#ifndef HWR_PAGE_FIELD_H
#define HWR_PAGE_FIELD_H

#include "form.h"

#define HWR_COMB_CELLS 200

typedef struct HwrFieldCut
{
	HwrImage	image;			/* upright, as large as it is on the page; print is gone */
	HwrMap		writing;		/* of the same size: how dark what is written is, 255ths of the paper */
	HwrMap		print;			/* the same of what is printed on the blank */
	double		outside;		/* share of it that is not on the page's picture */
	double		amount;			/* of ink: pixels of writing a square of the field's height (or of some lines, if it is high) */
	double		cover;			/* of ink: share of the field's pixels that are not print */
} HwrFieldCut;

/*
 * Cut a rectangle of the blank out of the page.  What is printed there is painted over with what is beside it, across the
 * shorter way, so that strokes which cross a line stay whole.
 *
 * hwr_field_free.  Errors: HWR_BAD_OPTION where the rectangle is empty or not on the blank, HWR_OUT_OF_MEMORY.
 */
extern bool hwr_field_cut(const HwrForm *form, const HwrFormFit *fit, const HwrImage *page,
						  double x0, double y0, double x1, double y1, HwrFieldCut *out, HwrStatus *st);
extern void hwr_field_free(HwrFieldCut *cut);

/* Whether nothing is written in it. */
extern bool hwr_field_is_empty(const HwrFieldCut *cut);

/* The probability, as measured on drawn forms, that a box is ticked. */
extern double hwr_field_tick(const HwrFieldCut *cut);

/*
 * A box a character: what is in the boxes set together as a word is, group after group of boxes without an
 * empty one between them.
 */
typedef struct HwrComb
{
	HwrImage	image;			/* pixels NULL: all are empty */
	int			cells;
	int			group[HWR_COMB_CELLS];	/* [groups]: how many boxes each has */
	int			groups;
} HwrComb;

/*
 * cells: how many boxes; 0: as the lines that are printed say.  hwr_image_free the result's image.  Errors:
 * HWR_BAD_OPTION where they do not say it, HWR_OUT_OF_MEMORY.
 */
extern bool hwr_field_comb(const HwrFieldCut *cut, int cells, HwrComb *out, HwrStatus *st);

#endif							/* HWR_PAGE_FIELD_H */
