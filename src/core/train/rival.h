/*
 * rival.h
 *	  Models measured on a data set's validation rows, and compared: what a newly trained one has to beat.
 */
#ifndef HWR_RIVAL_H
#define HWR_RIVAL_H

#include "core/model/model.h"
#include "core/network/backend.h"
#include "core/text/metrics.h"
#include "core/dataset/dataset.h"

typedef struct HwrRival HwrRival;

/*
 * Model and data set outlive it.  own: the model reads the data set's own canvases, because it was
 * trained on them; else the data set knows the model's canvases by hwr_dataset_set_rival.  A
 * character that the model's alphabet lacks counts as an error, as does any other that it reads
 * wrongly.
 */
extern bool hwr_rival_create(const HwrModel *model, const HwrDataset *ds, bool own, const HwrBackend *backend, int threads,
							 HwrRival **out, HwrStatus *st);
extern void hwr_rival_free(HwrRival *rival);

/* Read the next batch of rows; *done after the last. */
extern bool hwr_rival_step(HwrRival *rival, bool *done, HwrStatus *st);

/* Figures so far, without loss. */
extern const HwrMetrics *hwr_rival_metrics(const HwrRival *rival);

/* Two models on the same rows, row by row. */
typedef struct HwrDuel
{
	int64_t		better;			/* rows that the first reads with fewer errors than the second */
	int64_t		worse;
	double		low;			/* 95 % bootstrap interval of the first's CER less the second's; NaN: no rows */
	double		high;
	double		p;				/* of the exact sign test (McNemar's) on better and worse */
	bool		won;			/* by more than chance: the interval is below zero, and p below 0.05 */
} HwrDuel;

/*
 * Compare two that have read all rows.  The interval is that of hwr_compare (stats.h); the test is for
 * few rows, on which a bootstrap is too sure.  check: as for hwr_bootstrap_ratio.  Errors: HWR_OUT_OF_MEMORY, HWR_CANCELLED.
 */
extern bool hwr_rival_compare(const HwrRival *first, const HwrRival *second, bool (*check) (void *), void *arg,
							  HwrDuel *out, HwrStatus *st);

#endif							/* HWR_RIVAL_H */
