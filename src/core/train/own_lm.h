/*
 * own_lm.h
 *	  A language model for a model that has been trained: of the labels, the base's or both, weighed on the validation rows.
 */
#ifndef HWR_TRAIN_OWN_LM_H
#define HWR_TRAIN_OWN_LM_H

#include "core/model/model.h"
#include "core/network/backend.h"
#include "core/dataset/dataset.h"
#include "weigh_lm.h"

/* Validation rows that the weight is chosen on, at most. */
#define HWR_OWN_LM_IMAGES 300

/* Characters in an n-gram. */
#define HWR_OWN_LM_ORDER 6

typedef struct HwrOwnLmFitter HwrOwnLmFitter;

/*
 * lm: the fitter's from here on, or NULL.  of_labels: build one from the labels of the training rows, and mix it with lm in
 * the shares that the labels of the validation rows ask for; else lm as it is.  Model and data set outlive it; the model's
 * alphabet is the data set's.
 */
extern bool hwr_own_lm_fitter_create(const HwrModel *model, const HwrDataset *ds, HwrLm *lm, bool of_labels,
									 const HwrBackend *backend, int threads, HwrOwnLmFitter **out, HwrStatus *st);
extern void hwr_own_lm_fitter_free(HwrOwnLmFitter *f);

/* Asked while the n-grams of the labels are put together, which may take seconds. */
extern void hwr_own_lm_fitter_set_stop(HwrOwnLmFitter *f, HwrStopFn stop, void *arg);

/* Add some labels, or read a row with every weight; *done after the last. */
extern bool hwr_own_lm_fitter_step(HwrOwnLmFitter *f, bool *done, HwrStatus *st);

/*
 * Put the language model with the best weight into the model, or none where each makes more errors
 * or there are no validation rows; and note that as "language_model" in its result.
 */
extern bool hwr_own_lm_fitter_apply(HwrOwnLmFitter *f, HwrModel *model, HwrOwnLmResult *result, HwrStatus *st);

#endif							/* HWR_TRAIN_OWN_LM_H */
