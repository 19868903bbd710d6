/*
 * dataset_row.h
 *	  One row of a data set made ready: its label normalised, its image decoded and drawn on canvases.
 *
 * For dataset.c.  Rows do not depend on each other: threads may make several ready at the same time.
 */
#ifndef HWR_DATASET_ROW_H
#define HWR_DATASET_ROW_H

#include "dataset.h"

/* How an image becomes a canvas. */
typedef struct HwrGeometry
{
	HwrFit		fit;
	int			height;
	int			width;			/* 0: any */
} HwrGeometry;

/* What rows are made ready for. */
typedef struct HwrRowRules
{
	HwrGeometry geometry;
	HwrGeometry rival;			/* of validation rows, too; height 0: none, or the same */
	HwrCase		mapping;
	bool		learn_empty;	/* rows with an empty label are used too */
	double		validation_fraction;
	HwrNet		net;			/* for the steps only */
	HwrImageLimits limits;
	const HwrAlphabet *alphabet;	/* training rows with other characters are left out; NULL: none is */
	const HwrAlphabet *spelt;	/* how labels are; NULL: each character as a class */
} HwrRowRules;

/* A row made ready.  Zero before. */
typedef struct HwrReadyRow
{
	bool		ok;				/* else st says why: an error of the whole set */
	HwrStatus	st;
	HwrSkip		skip;
	char		why[160];		/* it is skipped; empty for NULL */
	bool		foreign;		/* for a character outside the alphabet that is kept */

	/* where it is neither */
	HwrSplit	split;			/* TRAIN or VALIDATION */
	uint64_t	hash;			/* of the image's bytes */
	HwrTextTraits traits;		/* of the label as it was given */
	char	   *label;			/* the rest is malloc'd, NULL where there is none */
	uint8_t    *ink;
	int			width;
	bool		squeezed;		/* the image is wider than the canvas: less high on it than others */
	uint8_t    *rival_ink;
	int			rival_width;
} HwrReadyRow;

extern void hwr_row_make_ready(const HwrRowRules *rules, HwrSplit split, const HwrDatasetRow *from, HwrReadyRow *row);
extern void hwr_ready_row_free(HwrReadyRow *row);

/* A hash of bytes. */
extern uint64_t hwr_row_hash(const void *bytes, size_t len);

#endif							/* HWR_DATASET_ROW_H */
