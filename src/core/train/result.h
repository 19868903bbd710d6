/*
 * result.h
 *	  What a training reached, as the "result" of a model file.
 */
#ifndef HWR_RESULT_H
#define HWR_RESULT_H

#include "trainer.h"

/*
 * The epoch's figures as a JSON object (malloc'd), null for what is not a number.  No timings: equal runs
 * give equal files.
 */
extern bool hwr_result_json(const HwrEpoch *epoch, int training_images, int validation_images,
							char **json, HwrStatus *st);

#endif							/* HWR_RESULT_H */
