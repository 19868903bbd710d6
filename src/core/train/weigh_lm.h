/*
 * weigh_lm.h
 *	  How much a model's language model should weigh, and how far readings with it can be believed: tried on labelled images.
 */
#ifndef HWR_TRAIN_WEIGH_LM_H
#define HWR_TRAIN_WEIGH_LM_H

#include "core/model/model.h"

typedef struct HwrLmWeigher HwrLmWeigher;

/* A weight to try, and a bonus for each character. */
typedef struct HwrLmWeight
{
	double		weight;			/* 0: without the language model */
	double		length_bonus;
} HwrLmWeight;

/*
 * Try the usual weights, or, where only is not NULL, this one beside none.  Model and language model
 * outlive it; what language model the model has now does not matter.
 */
extern bool hwr_lm_weigher_create(const HwrModel *model, const HwrLm *lm, const HwrLmWeight *only, HwrLmWeigher **out,
								  HwrStatus *st);
extern void hwr_lm_weigher_free(HwrLmWeigher *w);

/* Read log posteriors logp[T][K], of an image with this label, with every weight: some milliseconds each. */
extern bool hwr_lm_weigher_add(HwrLmWeigher *w, const float *logp, int T, int K, const char *label, size_t len, HwrStatus *st);

/* What came of it. */
typedef struct HwrOwnLmResult
{
	int			images;			/* read; 0 too where none of them has a text */
	double		cer_without;	/* on them */
	double		cer_with;		/* with the best weight */
	HwrLmWeight best;			/* weight 0: it does not help */
	HwrConfidence confidence;	/* of readings with that */
	size_t		bytes;			/* of the n-grams in the file */
	double		labels_share;	/* of a mixture, that of the training labels; 0: it is none */
	bool		no_labels;		/* there is no text in the training labels to build one from */
} HwrOwnLmResult;

/* What the weigher does not know is left as it is.  Without images: weight 0. */
extern void hwr_lm_weigher_result(const HwrLmWeigher *w, HwrOwnLmResult *result);

/* Note that as "language_model" in the model's result. */
extern bool hwr_lm_note_result(HwrModel *model, const HwrOwnLmResult *result, HwrStatus *st);

#endif							/* HWR_TRAIN_WEIGH_LM_H */
