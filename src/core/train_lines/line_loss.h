/*
 * line_loss.h
 *	  What the network that finds lines minimises.
 *
 * Cross entropy of baselines and of ends, weighted towards where they are, Dice's coefficient of the baselines
 * (Milletari and others 2016), and the distance of heights where a baseline is.
 */
#ifndef HWR_TRAIN_LINE_LOSS_H
#define HWR_TRAIN_LINE_LOSS_H

#include "core/network/backend.h"

/* For HwrBatch.map_loss; its maps are those of hwr_line_targets. */
extern const HwrMapLoss hwr_line_loss;

#endif							/* HWR_TRAIN_LINE_LOSS_H */
