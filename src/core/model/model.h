/*
 * model.h
 *	  A trained network with everything that reading an image needs, and its file form.
 *
 * File: safetensors with metadata
 *	 format           "hwr"
 *	 format_version   "1"; "2" where there are spellings
 *	 architecture     canonical VGSL string
 *	 alphabet         UTF-8, the characters of classes 1 .. K-1 in order; empty where the network's output is maps
 *	 spellings        JSON object, may be missing: what classes stand for that are not single characters (core/text/spelling.h)
 *	 fit              "pad" | "stretch" | "kraken" | "kraken-box" | "line" (preprocess.h)
 *	 case             "keep" | "upper" | "lower" (mapping applied to labels)
 *	 options          JSON object: the training options in full
 *	 result           JSON object: what training reached (metrics)
 *	 card             JSON object, may be missing: what a person should know of the model (description, licence, credits,
 *	                  language, data, and whatever else came with it)
 *	 version          of the hwr that wrote it
 *	 language_model   JSON object: weight, length_bonus; only with a tensor of that name; confidence, an object of share, found
 *	                  and most (confidence.h), where that was fitted
 * and one F32 tensor per HwrNet tensor, same names and shapes (F16 and BF16 are accepted on reading).
 * A U8 tensor "language_model" holds the model's own language model, as hwr_lm_save writes it.
 */
#ifndef HWR_MODEL_H
#define HWR_MODEL_H

#include "core/decode/confidence.h"
#include "core/image/preprocess.h"
#include "core/network/vgsl.h"
#include "core/text/lm.h"
#include "core/text/text.h"

/* The newest that is read, and the one of files without spellings. */
#define HWR_FORMAT_VERSION 2
#define HWR_FORMAT_PLAIN 1
#define HWR_VERSION "1.0"

/* A language model that is a part of the model, with what it counts in the search. */
typedef struct HwrOwnLm
{
	HwrLm	   *lm;				/* NULL: there is none */
	int		   *symbols;		/* [classes] its symbol of each class */
	double		weight;			/* of log P(text | language model), not negative */
	double		length_bonus;	/* for each character */
	HwrConfidence confidence;	/* of what is read with it */
} HwrOwnLm;

typedef struct HwrModel
{
	HwrNet		net;
	HwrAlphabet alphabet;
	HwrFit		fit;
	HwrCase		mapping;
	char	   *options;		/* JSON text, malloc'd */
	char	   *result;			/* JSON text, malloc'd */
	char	   *card;			/* JSON text, malloc'd, or NULL */
	float	   *values;			/* [net.nvalues], malloc'd; NULL of an ensemble */
	HwrOwnLm	own;
	struct HwrEnsemble *ensemble;	/* several models that read together: ensemble.h; NULL: one network */
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

/* The format version that its file has. */
extern int	hwr_model_format(const HwrModel *model);

/* Give the model a language model, which becomes its own to free, with HWR_CONFIDENCE_DEFAULT; NULL: none any more. */
extern bool hwr_model_set_lm(HwrModel *model, HwrLm *lm, double weight, double length_bonus, HwrStatus *st);

/* Approximate bytes of memory the loaded model holds. */
extern size_t hwr_model_memory(const HwrModel *model);

#endif							/* HWR_MODEL_H */
