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

/* Quarters clockwise by which a crop is to lie, 0 for nearly all: in the others there is no line. */
extern int	hwr_sample_turn(HwrRng *rng);

/* Turn a crop so, by one or three quarters only a square one; scratch[height][width]. */
extern void hwr_sample_turn_crop(int turn, int width, int height, uint8_t *crop, uint8_t *scratch);

/* The crop [height][width] of a canvas; paper where the canvas ends. */
extern void hwr_sample_draw(const HwrMap *ink, const HwrPlacement *place, int width, int height, uint8_t *out);

/* Fainter or darker, with grain, with writing of the other side that shows through. */
extern void hwr_sample_soil(int width, int height, HwrRng *rng, uint8_t *crop);

#endif							/* HWR_TRAIN_LINE_SAMPLE_H */
