/*
 * train_report.h
 *	  What a training tells the one who waits for it.
 *
 * Include after hwr.h.
 */
#ifndef HWR_TRAIN_REPORT_H
#define HWR_TRAIN_REPORT_H

#include "core/dataset/dataset.h"
#include "core/train/diagnose.h"
#include "core/train/trainer.h"
#include "job.h"

/* Messages at level NOTICE. */
extern void hwr_report_data(const HwrJobCounts *counts, const HwrDataset *dataset, double validation_fraction);
extern void hwr_report_epoch(const HwrEpoch *epoch, const HwrTrainProgress *progress);
extern void hwr_report_estimate(const HwrTrainProgress *progress, double max_minutes, double elapsed);
extern void hwr_report_average(const HwrEpoch *average);
extern void hwr_report_trouble(HwrTrouble trouble);

#endif							/* HWR_TRAIN_REPORT_H */
