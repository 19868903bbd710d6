/*
 * reading.c
 *	  What a model reads in posteriors: with its own language model where it has one.
 */
#include "reading.h"

#include <stdlib.h>
#include <string.h>

#include "core/decode/mix.h"

/* The best text that was found, in place of the path's. */
static bool
take_best(const HwrNbest *nbest, const HwrAlphabet *alphabet, HwrReading *out, HwrStatus *st)
{
	const HwrHypothesis *best = &nbest->hypotheses[0];
	HwrReading	reading = *out;

	reading.nclasses = best->n;
	reading.classes = hwr_alloc((size_t) best->n, sizeof(int), st);
	if (reading.classes == NULL)
		return false;
	memcpy(reading.classes, best->classes, (size_t) best->n * sizeof(int));
	if (!hwr_text_of_classes(alphabet, best->classes, best->spans, best->n, &reading.chars, &reading.n, &reading.text, st))
	{
		free(reading.classes);
		return false;
	}
	hwr_reading_free(out);
	*out = reading;
	out->confidence = best->confidence;
	out->log_share = best->score - nbest->log_weight;
	out->log_found = nbest->log_found;
	return true;
}

/* The search with a language model for the n best texts; confidence as in HwrBeamQuery. */
static bool
find_texts(const HwrOwnLm *own, const HwrConfidence *confidence, HwrBeam *beam, const float *logp, int T, int K, int n,
		   HwrNbest *nbest, HwrStatus *st)
{
	const HwrBeamQuery query = {.logp = logp,.T = T,.K = K,.width = HWR_READING_BEAM,.class_cut = HWR_READING_CLASS_CUT,
		.lm = own->lm,.lm_symbols = own->symbols,.lm_weight = own->weight,
			.length_bonus = own->length_bonus,.confidence = confidence};

	return hwr_beam_search(beam, &query, n, nbest, st);
}

bool
hwr_model_decode_with(const HwrModel *model, const HwrOwnLm *own, HwrBeam *beam, const float *logp, int T, int K,
					  HwrReading *out, HwrStatus *st)
{
	HwrNbest	nbest = {0};
	bool		ok;

	if (!hwr_decode_greedy(logp, T, K, &model->alphabet, out, st))
		return false;
	if (own->lm == NULL)
		return true;
	ok = find_texts(own, &own->confidence, beam, logp, T, K, 1, &nbest, st) &&
		(nbest.n == 0 || take_best(&nbest, &model->alphabet, out, st));
	hwr_nbest_free(&nbest);
	if (!ok)
		hwr_reading_free(out);
	return ok;
}

bool
hwr_model_decode(const HwrModel *model, HwrBeam *beam, const float *logp, int T, int K, HwrReading *out, HwrStatus *st)
{
	return hwr_model_decode_with(model, &model->own, beam, logp, T, K, out, st);
}

bool
hwr_model_mix(const HwrModel *model, HwrBeam *beam, const float *logp, int T, int K, double share, float *mixed, HwrStatus *st)
{
	HwrNbest	nbest = {0};
	bool		ok;

	if (model->own.lm == NULL || share <= 0)
	{
		memcpy(mixed, logp, (size_t) T * (size_t) K * sizeof(float));
		return true;
	}
	ok = find_texts(&model->own, NULL, beam, logp, T, K, HWR_MIX_TEXTS, &nbest, st) &&
		hwr_mix_nbest(logp, T, K, &nbest, share, mixed, st);
	hwr_nbest_free(&nbest);
	return ok;
}
