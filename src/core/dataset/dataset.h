/*
 * dataset.h
 *	  Labelled images, preprocessed once and kept as 8-bit ink canvases.
 *
 * Canvases stay in memory up to a limit and go to an unlinked temporary file beyond it.
 * Life: create, add rows, finish, then read-only.
 */
#ifndef HWR_DATASET_H
#define HWR_DATASET_H

#include "core/image/image.h"
#include "core/network/vgsl.h"
#include "core/options/options.h"

typedef struct HwrDataset HwrDataset;

/* Why a row was left out. */
typedef enum HwrSkip
{
	HWR_SKIP_NONE = 0,
	HWR_SKIP_NULL,				/* image or label NULL */
	HWR_SKIP_IMAGE,				/* does not decode, too large */
	HWR_SKIP_LABEL,				/* empty after normalisation, not text */
	HWR_SKIP_TOO_LONG,			/* needs more steps than the network has */
	HWR_NSKIPS
} HwrSkip;

/* Where a row goes. */
typedef enum HwrSplit
{
	HWR_SPLIT_TRAIN,
	HWR_SPLIT_VALIDATION,
	HWR_SPLIT_AUTO				/* by hash of the image bytes and validation_fraction */
} HwrSplit;

/* A hash of an image's bytes: the same for the same file, and no cryptographic one. */
extern uint64_t hwr_image_hash(const void *bytes, size_t len);

/*
 * options gives fit, case, validation_fraction and, through its architecture, the canvas size and the steps.
 * memory_limit: bytes of canvases kept in memory; tmpdir: where the temporary file goes.
 */
extern bool hwr_dataset_create(const HwrTrainOptions *options, const HwrImageLimits *limits,
							   size_t memory_limit, const char *tmpdir,
							   HwrDataset **out, HwrStatus *st);
extern void hwr_dataset_free(HwrDataset *ds);

/*
 * Keep the validation images also as the canvases of another network, which is to be measured on
 * the same rows.  Before the first row is added.
 */
extern void hwr_dataset_set_rival(HwrDataset *ds, HwrFit fit, int height, int width);

/*
 * An alphabet to begin with, instead of an empty one; the training rows add theirs unless it is
 * fixed: then training rows with a character outside it are left out, as HWR_SKIP_LABEL.  Before
 * the first row is added.
 */
extern bool hwr_dataset_set_alphabet(HwrDataset *ds, const HwrAlphabet *alphabet, bool fixed, HwrStatus *st);

/*
 * Images are decoded and preprocessed by so many threads, 1 unless set; they live until the set is
 * closed.  The set does not depend on how many.  Before the first row is added.
 */
extern bool hwr_dataset_set_threads(HwrDataset *ds, int threads, HwrStatus *st);

/* Asked by the calling thread, between images, whether to leave hwr_dataset_add with HWR_CANCELLED. */
extern void hwr_dataset_set_stop(HwrDataset *ds, HwrStopFn stop, void *arg);

typedef struct HwrDatasetRow
{
	int64_t		number;			/* the caller's, from 1, for messages */
	const uint8_t *image;		/* JPEG or PNG; NULL: HWR_SKIP_NULL */
	size_t		image_len;
	const char *label;			/* UTF-8; likewise */
	size_t		label_len;
} HwrDatasetRow;

/*
 * Add n rows, in order.  A bad row is not an error: it is counted, and skips[i] (if skips is not
 * NULL) says why. Errors: memory, temporary file, HWR_CANCELLED; some of the rows may then have
 * been added.
 */
extern bool hwr_dataset_add(HwrDataset *ds, HwrSplit split, const HwrDatasetRow *rows, int n,
							HwrSkip *skips, HwrStatus *st);

/*
 * Close the set: build the alphabet from the training rows, encode labels.  Rows
 * whose validation label has characters outside the alphabet stay (they count as errors in CER).
 * Errors, HWR_BAD_DATA: "no usable training images", "too few training images" (fewer than 2),
 * "too many unusable rows: %d of %d" when skipped rows other than NULL ones pass 10 % (detail names
 * the first few with reasons).
 */
extern bool hwr_dataset_finish(HwrDataset *ds, HwrStatus *st);

extern int	hwr_dataset_count(const HwrDataset *ds, HwrSplit split);	/* TRAIN or VALIDATION */
extern int64_t hwr_dataset_skipped(const HwrDataset *ds, HwrSkip reason);

/* Images kept, of both splits, that are wider than the canvas and stand on it less high than others. */
extern int64_t hwr_dataset_squeezed(const HwrDataset *ds);

/* Of the canvas; 0: as wide as the image, but no wider than HWR_MAX_WIDTH. */
extern int	hwr_dataset_width(const HwrDataset *ds);

/*
 * Rows for validation come by themselves: that none of them is usable is an error then.  Before
 * hwr_dataset_finish.
 */
extern void hwr_dataset_expect_validation(HwrDataset *ds);

/* Labels kept that had something remarkable: see HwrTextTraits. */
typedef struct HwrLabelTraits
{
	int64_t		invisible;
	int64_t		right_to_left;
} HwrLabelTraits;
extern HwrLabelTraits hwr_dataset_traits(const HwrDataset *ds);

/* One line naming the first few skipped rows and why, or an empty string. */
extern const char *hwr_dataset_skipped_text(const HwrDataset *ds);
extern const HwrAlphabet *hwr_dataset_alphabet(const HwrDataset *ds);

/* hwr_image_hash of row i's image. */
extern uint64_t hwr_dataset_image_hash(const HwrDataset *ds, HwrSplit split, int i);

/* Equal only for equal rows (images, labels, splits) in the same order, as far as 64 bits can tell. */
extern uint64_t hwr_dataset_fingerprint(const HwrDataset *ds);

/* Row i of a split: normalised label, its classes, canvas width. */
typedef struct HwrSample
{
	const char *label;			/* UTF-8 */
	const int  *classes;		/* [nclasses]; characters outside the alphabet are left out */
	int			nclasses;
	bool		complete;		/* no character was left out: classes are the label, and a loss means something */
	int			width;
} HwrSample;

extern void hwr_dataset_sample(const HwrDataset *ds, HwrSplit split, int i, HwrSample *out);

/* Copy the canvas into ink[H][stride], columns past its width set to paper.  Thread-safe. */
extern bool hwr_dataset_read(const HwrDataset *ds, HwrSplit split, int i,
							 uint8_t *ink, int stride, HwrStatus *st);

/* Validation row i as that other network's canvas: its width, and the ink as [H][width]. */
extern int	hwr_dataset_rival_width(const HwrDataset *ds, int i);
extern bool hwr_dataset_read_rival(const HwrDataset *ds, int i, uint8_t *ink, HwrStatus *st);

#endif							/* HWR_DATASET_H */
