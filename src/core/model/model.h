/*
 * model.h
 *	  A trained network with everything that reading an image needs, and its file form.
 *
 * File: safetensors with metadata
 *	 format           "hwr"
 *	 format_version   "1"
 *	 architecture     canonical VGSL string
 *	 alphabet         UTF-8, the characters of classes 1 .. K-1 in order; empty where the network's output is maps
 *	 fit              "pad" | "stretch"
 *	 case             "keep" | "upper" | "lower" (mapping applied to labels)
 *	 options          JSON object: the training options in full
 *	 result           JSON object: what training reached (metrics)
 *	 version          of the hwr that wrote it
 * and one F32 tensor per HwrNet tensor, same names and shapes (F16 and BF16 are accepted on reading).
 */
#ifndef HWR_MODEL_H
#define HWR_MODEL_H

#include "core/image/preprocess.h"
#include "core/network/vgsl.h"
#include "core/text/text.h"

#define HWR_FORMAT_VERSION 1
#define HWR_VERSION "1.0"

typedef struct HwrModel
{
	HwrNet		net;
	HwrAlphabet alphabet;
	HwrFit		fit;
	HwrCase		mapping;
	char	   *options;		/* JSON text, malloc'd */
	char	   *result;			/* JSON text, malloc'd */
	float	   *values;			/* [net.nvalues], malloc'd */
} HwrModel;

/*
 * Read and check a model file: format, version, VGSL, alphabet against the classes, each tensor's
 * name, dtype, shape, finite values, no tensor too many.  Errors: HWR_BAD_MODEL "model is
 * corrupted" with a detail naming the field, HWR_MODEL_TOO_NEW "model format version %d is not
 * supported".
 */
extern bool hwr_model_load(const uint8_t *bytes, size_t len, HwrModel **out, HwrStatus *st);
extern bool hwr_model_save(const HwrModel *model, uint8_t **bytes, size_t *len, HwrStatus *st);

/* The same with F16 weights: half the size.  HWR_BAD_MODEL where a value is beyond their range. */
extern bool hwr_model_save_half(const HwrModel *model, uint8_t **bytes, size_t *len, HwrStatus *st);
extern void hwr_model_free(HwrModel *model);

/* Approximate bytes of memory the loaded model holds. */
extern size_t hwr_model_memory(const HwrModel *model);

#endif							/* HWR_MODEL_H */
