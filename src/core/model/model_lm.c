/*
 * model_lm.c
 *	  The language model inside a model.
 */
#include "model_lm.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static bool
corrupted(HwrStatus *st, const char *detail)
{
	hwr_fail(st, HWR_BAD_MODEL, "model is corrupted");
	return hwr_fail_detail(st, "%s", detail);
}

/* A number of a JSON object. */
static bool
get_number(const json_t *object, const char *key, double *out, HwrStatus *st)
{
	const json_t *value = json_object_get(object, key);
	char		detail[80];

	if (json_is_number(value) && isfinite(json_number_value(value)))
	{
		*out = json_number_value(value);
		return true;
	}
	snprintf(detail, sizeof(detail), "Metadata \"" HWR_LM_TENSOR "\" has no number \"%s\".", key);
	return corrupted(st, detail);
}

/* Files from before it was fitted have none. */
static bool
get_confidence(const json_t *object, HwrConfidence *out, HwrStatus *st)
{
	*out = HWR_CONFIDENCE_DEFAULT;
	if (object == NULL)
		return true;
	return get_number(object, "share", &out->share, st) && get_number(object, "found", &out->found, st) &&
		get_number(object, "most", &out->most, st) &&
		(hwr_confidence_is_valid(out) || corrupted(st, "The \"confidence\" of the language model is out of range."));
}

static bool
load_weights(const HwrSafeTensors *file, HwrOwnLm *out, HwrStatus *st)
{
	const char *text = hwr_safetensors_metadata(file, HWR_LM_TENSOR);
	json_t	   *object;
	bool		ok;

	if (text == NULL)
		return corrupted(st, "Metadata \"" HWR_LM_TENSOR "\" is missing.");
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	ok = get_number(object, "weight", &out->weight, st) && get_number(object, "length_bonus", &out->length_bonus, st) &&
		(out->weight >= 0 || corrupted(st, "The weight of the language model is negative.")) &&
		get_confidence(json_object_get(object, "confidence"), &out->confidence, st);
	json_decref(object);
	return ok;
}

bool
hwr_model_load_lm(const HwrSafeTensors *file, HwrModel *model, HwrStatus *st)
{
	const HwrSafeTensor *t = hwr_safetensors_find(file, HWR_LM_TENSOR);
	HwrOwnLm	own;
	HwrStatus	reason;

	if (t == NULL)
		return true;
	if (strcmp(t->dtype, "U8") != 0 || t->ndim != 1)
		return corrupted(st, "Tensor \"" HWR_LM_TENSOR "\" is not an array of bytes.");
	if (!load_weights(file, &own, st))
		return false;
	if (!hwr_lm_load(t->data, t->nbytes, &own.lm, &reason))
	{
		char		detail[400];

		if (reason.code == HWR_OUT_OF_MEMORY)
			return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
		snprintf(detail, sizeof(detail), "Tensor \"" HWR_LM_TENSOR "\": %.300s", reason.detail);
		return corrupted(st, detail);
	}
	if (!hwr_model_set_lm(model, own.lm, own.weight, own.length_bonus, st))
		return false;
	model->own.confidence = own.confidence;
	return true;
}

static bool
is_default(const HwrConfidence *c)
{
	const HwrConfidence start = HWR_CONFIDENCE_DEFAULT;

	return c->share == start.share && c->found == start.found && c->most == start.most;
}

bool
hwr_model_describe_lm(const HwrModel *model, HwrLmOut *out, HwrStatus *st)
{
	const HwrConfidence *c = &model->own.confidence;
	size_t		size = sizeof(out->metadata);
	size_t		len;
	int			n;

	*out = (HwrLmOut) {0};
	if (model->own.lm == NULL)
		return true;
	if (!hwr_lm_save(model->own.lm, &out->bytes, &len, st))
		return false;
	n = snprintf(out->metadata, size, "{\"weight\": %.9g, \"length_bonus\": %.9g", model->own.weight, model->own.length_bonus);
	if (!is_default(c))
		n += snprintf(out->metadata + n, size - (size_t) n, ", \"confidence\": {\"share\": %.9g, \"found\": %.9g, \"most\": "
															"%.9g}",
					  c->share, c->found, c->most);
	snprintf(out->metadata + n, size - (size_t) n, "}");
	out->tensor = (HwrSafeTensorOut) {.name = HWR_LM_TENSOR,.ndim = 1,.shape = {(int) len},.bytes = out->bytes};
	return len <= INT_MAX || hwr_fail(st, HWR_BAD_MODEL, "language model is too large");
}

bool
hwr_model_set_lm(HwrModel *model, HwrLm *lm, double weight, double length_bonus, HwrStatus *st)
{
	int		   *symbols;

	hwr_lm_free(model->own.lm);
	free(model->own.symbols);
	model->own = (HwrOwnLm) {0};
	if (lm == NULL)
		return true;
	symbols = hwr_alloc((size_t) model->alphabet.n + 1, sizeof(int), st);
	model->own = (HwrOwnLm) {.lm = lm,.symbols = symbols,.weight = weight,.length_bonus = length_bonus,
		.confidence = HWR_CONFIDENCE_DEFAULT};
	return symbols != NULL && hwr_lm_class_symbols(lm, &model->alphabet, symbols, st);
}
