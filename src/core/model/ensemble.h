/*
 * ensemble.h
 *	  Several models that read an image together, as one model.
 *
 * File: safetensors with metadata
 *	 format           "hwr-ensemble"
 *	 format_version   "1"
 *	 method           "average" | "vote" (combine.h)
 *	 options          JSON object: of what it was made
 *	 version          of the hwr that wrote it
 *	 language_model   as in a model's file (model.h), with the tensor of that name
 * and a U8 tensor "member.0", "member.1", ... for each member: its whole model file.  Members read without
 * the language models inside them; the ensemble's own reads what all of them see.  So an ensemble is complete
 * in itself, and what becomes of the models it was made of does not touch it.
 *
 * As a model it has no values and no tensors of its own; net says the first member's height, width and
 * layers, and the classes of all: the alphabet is the union of theirs.
 */
#ifndef HWR_ENSEMBLE_H
#define HWR_ENSEMBLE_H

#include "core/network/recognizer.h"
#include "model.h"
#include "safetensors.h"

typedef enum HwrEnsembleMethod
{
	HWR_ENSEMBLE_AVERAGE,
	HWR_ENSEMBLE_VOTE
} HwrEnsembleMethod;

/* Their words, by value, NULL-terminated. */
extern const char *const hwr_ensemble_words[];

struct HwrEnsemble
{
	HwrEnsembleMethod method;
	int			n;
	HwrModel   *members[HWR_MAX_MEMBERS];
	int		   *classes[HWR_MAX_MEMBERS];	/* [classes of the member] to classes of the ensemble */
};

/*
 * The file of an ensemble of n model files, 2 to HWR_MAX_MEMBERS, malloc'd.  Its language model is that of
 * the first member that has one.  Errors: those of hwr_model_load; HWR_BAD_OPTION 'models cannot be an
 * ensemble' where one of them is one, letter cases differ, or HWR_ENSEMBLE_AVERAGE is wanted of networks
 * whose steps differ.
 */
extern bool hwr_ensemble_make(HwrEnsembleMethod method, int n, const uint8_t *const *files, const size_t *lens,
							  const char *options, uint8_t **bytes, size_t *len, HwrStatus *st);

/* Whether an average of n model files can be had: all give the same steps for any image. */
extern bool hwr_ensemble_may_average(int n, HwrModel *const *models);

/* Called by hwr_model_load, hwr_model_save and hwr_model_free. */
#define HWR_ENSEMBLE_FORMAT "hwr-ensemble"
extern bool hwr_ensemble_load(const HwrSafeTensors *file, HwrModel *model, HwrStatus *st);
extern bool hwr_ensemble_save(const HwrModel *model, bool half, uint8_t **bytes, size_t *len, HwrStatus *st);
extern void hwr_ensemble_free(struct HwrEnsemble *ensemble);

/* A recognizer of a model, be it one network or several.  The model must outlive it. */
extern bool hwr_model_recognizer(const HwrModel *model, const HwrBackend *backend, int threads, HwrPrecision precision,
								 HwrRecognizer **out, HwrStatus *st);

#endif							/* HWR_ENSEMBLE_H */
