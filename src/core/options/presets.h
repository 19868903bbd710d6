/*
 * presets.h
 *	  Named sets of training options.
 */
#ifndef HWR_PRESETS_H
#define HWR_PRESETS_H

#include "options.h"

/* Preset i, in the order of listings, or NULL past the last. */
extern const HwrTrainOptions *hwr_preset(int i);

/* By name, or NULL. */
extern const HwrTrainOptions *hwr_preset_find(const char *name);

#endif							/* HWR_PRESETS_H */
