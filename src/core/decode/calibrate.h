/*
 * calibrate.h
 *	  The temperature at which a network's probabilities mean what they say.
 *
 * A trained network is too sure of itself: texts to which it gives 95 % are right less often.
 * Dividing its logits by a temperature above 1, before the softmax, mends most of that and leaves
 * every best path as it was (Guo et al., "On Calibration of Modern Neural Networks", 2017).  The
 * temperature here makes the labels of images that the network did not learn from most probable: it
 * minimises their mean CTC loss.
 */
#ifndef HWR_CALIBRATE_H
#define HWR_CALIBRATE_H

#include <stdbool.h>

#include "core/base/status.h"
#include "core/network/vgsl.h"

/* One number is fitted: more images than this would cost time and change little. */
#define HWR_CALIBRATION_IMAGES 500

/* The temperature found lies between these. */
#define HWR_TEMPERATURE_MIN 0.5
#define HWR_TEMPERATURE_MAX 4.0

typedef struct HwrCalibration HwrCalibration;

/* For posteriors of K classes. */
extern bool hwr_calibration_create(int K, HwrCalibration **out, HwrStatus *st);
extern void hwr_calibration_free(HwrCalibration *c);

/*
 * Take in (copy) an image's log posteriors logp[T][K] and the classes of its label.  Left out:
 * labels that do not fit in the steps, and whatever comes after the first HWR_CALIBRATION_IMAGES.
 */
extern bool hwr_calibration_add(HwrCalibration *c, const float *logp, int T, const int *label, int L,
								HwrStatus *st);

/* One evaluation of the loss, some ten milliseconds.  *done: hwr_calibration_temperature has the answer. */
extern bool hwr_calibration_step(HwrCalibration *c, bool *done, HwrStatus *st);

/* 1 where no image was taken in. */
extern double hwr_calibration_temperature(const HwrCalibration *c);

/* Mean CTC loss of the images at a temperature, in nats an image. */
extern bool hwr_calibration_loss(HwrCalibration *c, double temperature, double *loss, HwrStatus *st);

/* Divide the output layer's values[net->nvalues] by the temperature: then the logits are. */
extern void hwr_apply_temperature(const HwrNet *net, double temperature, float *values);

#endif							/* HWR_CALIBRATE_H */
