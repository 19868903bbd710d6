/*
 * model_lm.h
 *	  The language model inside a model, in its file: a U8 tensor, and its weights as metadata of the same name.
 */
#ifndef HWR_MODEL_LM_H
#define HWR_MODEL_LM_H

#include "model.h"
#include "safetensors.h"

#define HWR_LM_TENSOR "language_model"

/* What a file has of it. */
typedef struct HwrLmOut
{
	uint8_t    *bytes;			/* malloc'd; NULL: there is none */
	char		metadata[240];
	HwrSafeTensorOut tensor;
} HwrLmOut;

/* Give the model, whose alphabet is there, what the file has; HWR_BAD_MODEL. */
extern bool hwr_model_load_lm(const HwrSafeTensors *file, HwrModel *model, HwrStatus *st);

extern bool hwr_model_describe_lm(const HwrModel *model, HwrLmOut *out, HwrStatus *st);

#endif							/* HWR_MODEL_LM_H */
