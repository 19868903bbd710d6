/*
 * line_sample.h
 *	  Crops of pages to train the network that finds lines with.
 */
#ifndef HWR_TRAIN_LINE_SAMPLE_H
#define HWR_TRAIN_LINE_SAMPLE_H

#include "core/base/rng.h"
#include "line_targets.h"

typedef struct HwrSamplePage
{
	HwrPageCanvas canvas;
	HwrTrueLine *lines;			/* malloc'd */
	int			n;
} HwrSamplePage;

/* Also of a zeroed page. */
extern void hwr_sample_page_free(HwrSamplePage *page);

/* Size, slant and place of a crop by chance; choose: the place alone, for the size and slant that *place has. */
extern void hwr_sample_place(const HwrSamplePage *page, int width, int height, HwrRng *rng, HwrPlacement *place);
extern void hwr_sample_choose(const HwrSamplePage *page, int width, int height, HwrRng *rng, HwrPlacement *place);

/*
 * What a crop is put together of: parts side by side, most often one.  Between two is a gap, often with a rule: they
 * are pieces of the same lines, as cells of a table are, or of other pages.
 */
#define HWR_CROP_PARTS 3

typedef struct HwrCropPart
{
	const HwrSamplePage *page;
	HwrPlacement place;
	int			gap;			/* columns before it that are paper */
	int			rule;			/* darkness of a rule there; 0: none */
} HwrCropPart;

/* Returns how many parts there are; several: the share of crops of more than one. */
extern int	hwr_sample_parts(const HwrSamplePage *pages, int n, double several, int width, int height, HwrRng *rng,
							 HwrCropPart parts[HWR_CROP_PARTS]);

/* The crop [height][width] of the parts. */
extern void hwr_sample_draw_parts(const HwrCropPart *parts, int n, int width, int height, HwrRng *rng, uint8_t *out);

/* Quarters clockwise by which a crop is to lie, 0 for nearly all: in the others there is no line. */
extern int	hwr_sample_turn(HwrRng *rng);

/* Turn a crop so, by one or three quarters only a square one; scratch[height][width]. */
extern void hwr_sample_turn_crop(int turn, int width, int height, uint8_t *crop, uint8_t *scratch);

/* The columns of a placement of the crop [height][width]; paper where the canvas ends. */
extern void hwr_sample_draw(const HwrMap *ink, const HwrPlacement *place, int width, int height, uint8_t *out);

/* Fainter or darker, out of focus, with grain, with writing of the other side that shows through.  Error: HWR_OUT_OF_MEMORY. */
extern bool hwr_sample_soil(int width, int height, HwrRng *rng, uint8_t *crop, HwrStatus *st);

#endif							/* HWR_TRAIN_LINE_SAMPLE_H */
