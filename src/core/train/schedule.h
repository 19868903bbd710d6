/*
 * schedule.h
 *	  The learning rate over a run.
 */
#ifndef HWR_SCHEDULE_H
#define HWR_SCHEDULE_H

#include "core/options/options.h"

/*
 * Learning rate at step (from 0) of total: a linear rise over warmup x total steps, then what
 * HwrScheduleKind says.  plateau_factor is for plateau, and 1 for the others.
 */
extern double hwr_schedule_rate(const HwrTrainOptions *options, int64_t step, int64_t total,
								double plateau_factor);

#endif							/* HWR_SCHEDULE_H */
