/*
 * rival.h
 *	  A model measured on a data set's validation rows: what a newly trained one has to beat.
 */
#ifndef HWR_RIVAL_H
#define HWR_RIVAL_H

#include "core/model/model.h"
#include "core/network/backend.h"
#include "core/text/metrics.h"
#include "dataset.h"

typedef struct HwrRival HwrRival;

/*
 * Model and data set outlive it; the data set knows the model's canvases by hwr_dataset_set_rival.  A character that the
 * model's alphabet lacks counts as an error, as does any other that it reads wrongly.
 */
extern bool hwr_rival_create(const HwrModel *model, const HwrDataset *ds, const HwrBackend *backend, int threads,
							 HwrRival **out, HwrStatus *st);
extern void hwr_rival_free(HwrRival *rival);

/* Read the next batch of rows; *done after the last. */
extern bool hwr_rival_step(HwrRival *rival, bool *done, HwrStatus *st);

/* Figures so far, without loss. */
extern const HwrMetrics *hwr_rival_metrics(const HwrRival *rival);

/* Is a better than b on the same rows?  By the edit distance, where it is equal by the exact readings. */
extern bool hwr_metrics_better(const HwrMetrics *a, const HwrMetrics *b);

#endif							/* HWR_RIVAL_H */
