/*
 * kraken.h
 *	  Models of kraken, as its safetensors files hold them, made into models of hwr.
 *
 * Such a file has metadata "kraken_meta": a JSON object with a member a model, named as the prefix of its tensors, that
 * holds its VGSL string with a name for each layer, its codec and what else kraken knows of it.  The first model for
 * recognition is taken.  It becomes a network of the same layers with the same values, whose logits are the same
 * numbers, its classes in the order of an alphabet; lines are prepared as kraken does (HWR_FIT_KRAKEN).
 */
#ifndef HWR_KRAKEN_H
#define HWR_KRAKEN_H

#include "model.h"
#include "safetensors.h"

/* Whether bytes are such a file, whatever else may be wrong with it. */
extern bool hwr_is_kraken(const uint8_t *bytes, size_t len);

/*
 * Errors: HWR_BAD_MODEL "kraken model is corrupted" with the field, HWR_UNSUPPORTED "kraken model cannot be
 * imported" with what it has that there is nothing for here.
 */
extern bool hwr_kraken_load(const uint8_t *bytes, size_t len, HwrModel **out, HwrStatus *st);

#endif							/* HWR_KRAKEN_H */
