/*
 * onnx.h
 *	  A model as an ONNX file, for ONNX Runtime and what else reads that format.
 *
 * Input "canvas": uint8 [batch][H][width], 0 paper .. 255 ink; width is fixed where the network's is.
 * Output "log_posteriors": float32 [batch][steps][K], class 0 the CTC blank.  Metadata: format "hwr",
 * format_version, architecture, alphabet, blank, fit, case, height, width, width_step, max_width,
 * margin, preprocessing (in words), card (where there is one), version; keys that a model file has too mean the same
 * there (model.h).
 *
 * Source: the Open Neural Network Exchange's onnx.proto and its operators of opset 13.
 */
#ifndef HWR_ONNX_H
#define HWR_ONNX_H

#include "model.h"

/* The oldest versions that have all that is used, so that old readers read it. */
#define HWR_ONNX_IR_VERSION 7
#define HWR_ONNX_OPSET 13

/*
 * Write the file; *bytes is malloc'd.  half: weights are stored as float16 and computed with as
 * float32.  Equal models give equal bytes.  Errors: HWR_OUT_OF_MEMORY; HWR_BAD_MODEL where a value is
 * beyond float16's range; HWR_BAD_ARCHITECTURE 'cannot export the network to ONNX' with the item that
 * ONNX lacks; HWR_UNSUPPORTED for an ensemble.
 */
extern bool hwr_model_export_onnx(const HwrModel *model, bool half, uint8_t **bytes, size_t *len, HwrStatus *st);

#endif							/* HWR_ONNX_H */
