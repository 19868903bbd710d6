/*
 * calibrate_model.h
 *	  A model calibrated on a data set's validation rows.
 */
#ifndef HWR_CALIBRATE_MODEL_H
#define HWR_CALIBRATE_MODEL_H

#include "core/model/model.h"
#include "core/network/backend.h"
#include "core/dataset/dataset.h"

typedef struct HwrCalibrator HwrCalibrator;

/* Model and data set outlive it.  The model's alphabet is the data set's. */
extern bool hwr_calibrator_create(const HwrModel *model, const HwrDataset *ds, const HwrBackend *backend, int threads,
								  HwrCalibrator **out, HwrStatus *st);
extern void hwr_calibrator_free(HwrCalibrator *c);

/* Read a batch of rows, or try a temperature; *done after the last. */
extern bool hwr_calibrator_step(HwrCalibrator *c, bool *done, HwrStatus *st);

/*
 * Change the model's values by what was found, and note it as "temperature" in its result.  Without
 * validation rows the model stays as it is.
 */
extern bool hwr_calibrator_apply(HwrCalibrator *c, HwrModel *model, HwrStatus *st);

#endif							/* HWR_CALIBRATE_MODEL_H */
