/*
 * reading.h
 *	  What a model reads in posteriors: with its own language model where it has one.
 */
#ifndef HWR_MODEL_READING_H
#define HWR_MODEL_READING_H

#include "core/decode/beam.h"
#include "core/decode/decode.h"
#include "model.h"

/* Prefixes that the search with a language model keeps at each step. */
#define HWR_READING_BEAM 32

/* A character whose log posterior at a step is lower does not begin there.  -10 costs a fifth more and reads the same. */
#define HWR_READING_CLASS_CUT (-8.0)

/*
 * The text of log posteriors logp[T][K]: the most probable path, or, where the model has a language
 * model, the best text of a beam search with it, then with its confidence.  beam is the search's
 * memory; NULL will do for a model that has none.
 */
extern bool hwr_model_decode(const HwrModel *model, HwrBeam *beam, const float *logp, int T, int K, HwrReading *out,
							 HwrStatus *st);

/* The same with another weight and bonus than the model's. */
extern bool hwr_model_decode_with(const HwrModel *model, const HwrOwnLm *own, HwrBeam *beam, const float *logp, int T, int K,
								  HwrReading *out, HwrStatus *st);

/* Texts that are mixed, by the search above. */
#define HWR_MIX_TEXTS 16

/* The share unless the caller says otherwise.  doc/search.md has the measurement that chose it. */
#define HWR_MIX_SHARE 0.7

/*
 * mixed[T][K]: log posteriors with a share, 0 .. 1, of what the model's language model makes of them (core/decode/mix.h);
 * of a model that has none, logp.
 */
extern bool hwr_model_mix(const HwrModel *model, HwrBeam *beam, const float *logp, int T, int K, double share, float *mixed,
						  HwrStatus *st);

#endif							/* HWR_MODEL_READING_H */
