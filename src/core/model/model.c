/*
 * model.c
 *	  Model files: a network's values with all that reading an image needs.
 *
 * Loading checks the small before the large: metadata, then architecture and alphabet, then every
 * tensor's type and shape, and only then allocates values, so that a file of a few
 * bytes cannot ask for gigabytes.
 */
#include "model.h"

#include "core/text/spelling.h"
#include "ensemble.h"
#include "model_lm.h"
#include "safetensors.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Longest text of a file that a message repeats. */
#define QUOTE_SIZE 80

static bool fail_model(HwrStatus *st, const char *fmt,...)
			__attribute__((format(printf, 2, 3)));

static bool
fail_model(HwrStatus *st, const char *fmt,...)
{
	char		detail[sizeof(st->detail)];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	hwr_fail(st, HWR_BAD_MODEL, "model is corrupted");
	return hwr_fail_detail(st, "%s", detail);
}

/*
 * Loading
 */

static bool
get_metadata(const HwrSafeTensors *file, const char *key, const char **out, HwrStatus *st)
{
	*out = hwr_safetensors_metadata(file, key);
	if (*out == NULL)
		return fail_model(st, "Metadata \"%s\" is missing.", key);
	return true;
}

/* The position of a metadata word in a list. */
static bool
get_word(const HwrSafeTensors *file, const char *key, const char *const *words, int *out,
		 HwrStatus *st)
{
	const char *value;
	char		quoted[QUOTE_SIZE];

	if (!get_metadata(file, key, &value, st))
		return false;
	for (int i = 0; words[i] != NULL; i++)
	{
		if (strcmp(words[i], value) == 0)
		{
			*out = i;
			return true;
		}
	}
	return fail_model(st, "Metadata \"%s\" is \"%s\".", key,
					  hwr_text_quote(value, quoted, sizeof(quoted)));
}

static bool
is_json_object(const char *text)
{
	json_t	   *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	bool		is_object = json_is_object(object);

	json_decref(object);
	return is_object;
}

/* A copy of a metadata string that must be a JSON object; NULL where it may be missing and is. */
static bool
get_object(const HwrSafeTensors *file, const char *key, bool needed, char **out, HwrStatus *st)
{
	const char *value = hwr_safetensors_metadata(file, key);
	size_t		size;

	if (value == NULL && !needed)
		return true;
	if (!get_metadata(file, key, &value, st))
		return false;
	if (!is_json_object(value))
		return fail_model(st, "Metadata \"%s\" is not a JSON object.", key);
	size = strlen(value) + 1;
	*out = hwr_alloc(size, 1, st);
	if (*out == NULL)
		return false;
	memcpy(*out, value, size);
	return true;
}

static bool
check_format(const HwrSafeTensors *file, HwrStatus *st)
{
	const char *format;
	const char *text;
	char	   *end;
	long		version;

	if (!get_metadata(file, "format", &format, st))
		return hwr_fail_hint(st, "Files that hwr has written can be read, and models of kraken (safetensors).");
	if (strcmp(format, "hwr") != 0)
	{
		fail_model(st, "Metadata \"format\" is not \"hwr\".");
		return hwr_fail_hint(st, "Files that hwr has written can be read, and models of kraken (safetensors).");
	}
	if (!get_metadata(file, "format_version", &text, st))
		return false;
	errno = 0;
	version = strtol(text, &end, 10);
	if (text[0] < '1' || text[0] > '9' || *end != '\0' || errno != 0 || version > INT_MAX)
		return fail_model(st, "Metadata \"format_version\" is not a version number.");
	if (version > HWR_FORMAT_VERSION)
	{
		hwr_fail(st, HWR_MODEL_TOO_NEW, "model format version %d is not supported", (int) version);
		return hwr_fail_hint(st, "The newest format version that this hwr reads is %d.",
							 HWR_FORMAT_VERSION);
	}
	return true;
}

static bool
load_network(const HwrSafeTensors *file, HwrNet *net, HwrStatus *st)
{
	const char *architecture;
	HwrStatus	reason = {0};

	if (!get_metadata(file, "architecture", &architecture, st))
		return false;
	if (hwr_vgsl_parse(architecture, 0, net, &reason))
		return true;
	if (reason.code == HWR_OUT_OF_MEMORY)
		return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	return fail_model(st, "Metadata \"architecture\" is not a network: %.300s", reason.detail);
}

static bool
is_ascending(const HwrAlphabet *alphabet)
{
	for (int i = 1; i < alphabet->n; i++)
	{
		if (alphabet->codepoints[i] <= alphabet->codepoints[i - 1])
			return false;
	}
	return true;
}

/* classes: 0 where the network's output is maps */
static bool
load_alphabet(const HwrSafeTensors *file, int classes, HwrAlphabet *out, HwrStatus *st)
{
	const char *text;
	HwrStatus	reason = {0};

	if (!get_metadata(file, "alphabet", &text, st))
		return false;
	if (classes == 0)
		return text[0] == '\0' || fail_model(st, "Metadata \"alphabet\" is not empty where the network's output is maps.");
	if (!hwr_text_decode(text, strlen(text), &out->codepoints, &out->n, &reason))
	{
		if (reason.code == HWR_OUT_OF_MEMORY)
			return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
		return fail_model(st, "Metadata \"alphabet\" is not valid UTF-8.");
	}
	if (!is_ascending(out))
		return fail_model(st, "Metadata \"alphabet\" is not sorted and distinct.");
	if (out->n != classes - 1)
		return fail_model(st, "Metadata \"alphabet\" has %d characters where the network has %d classes.",
						  out->n, classes);
	return true;
}

/* What classes stand for that are not single characters; files without such classes have none. */
static bool
load_spellings(const HwrSafeTensors *file, HwrAlphabet *alphabet, HwrStatus *st)
{
	const char *json = hwr_safetensors_metadata(file, "spellings");
	HwrStatus	reason = {0};

	if (json == NULL || hwr_spellings_from_json(json, alphabet, &reason))
		return true;
	if (reason.code == HWR_OUT_OF_MEMORY)
		return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	return fail_model(st, "Metadata \"spellings\" does not fit: %.400s", reason.detail);
}

/* The tensor of the file that holds a tensor of the network. */
static bool
match_tensor(const HwrSafeTensors *file, const HwrTensor *want, const HwrSafeTensor **out,
			 HwrStatus *st)
{
	const HwrSafeTensor *t = hwr_safetensors_find(file, want->name);
	bool		fits;

	if (t == NULL)
		return fail_model(st, "Tensor \"%s\" is missing.", want->name);
	fits = t->ndim == want->ndim;
	for (int i = 0; fits && i < want->ndim; i++)
		fits = t->shape[i] == want->shape[i];
	if (!fits)
		return fail_model(st, "Tensor \"%s\" has the wrong shape.", want->name);
	*out = t;
	return true;
}

static bool
is_variance(const HwrTensor *tensor)
{
	const char *part = strrchr(tensor->name, '.');

	return !tensor->trainable && part != NULL && strcmp(part, ".variance") == 0;
}

static bool
load_values(const HwrSafeTensors *file, HwrModel *model, HwrStatus *st)
{
	const HwrNet *net = &model->net;
	const HwrSafeTensor *t;

	for (int i = 0; i < net->ntensors; i++)
	{
		if (!match_tensor(file, &net->tensors[i], &t, st))
			return false;
	}
	/* names are distinct on both sides, so that the count shows what does not belong */
	if (hwr_safetensors_count(file) != net->ntensors + (hwr_safetensors_find(file, HWR_LM_TENSOR) != NULL))
		return fail_model(st, "There are %d tensors where the network has %d.",
						  hwr_safetensors_count(file), net->ntensors);

	model->values = hwr_alloc_zero(net->nvalues, sizeof(float), st);
	if (model->values == NULL)
		return false;
	for (int i = 0; i < net->ntensors; i++)
	{
		const HwrTensor *want = &net->tensors[i];
		float	   *values = model->values + want->offset;

		if (!match_tensor(file, want, &t, st) ||
			!hwr_safetensors_read(t, values, want->count, st))
			return false;
		for (size_t k = 0; is_variance(want) && k < want->count; k++)
		{
			if (values[k] < 0)
				return fail_model(st, "Tensor \"%s\" has a negative variance.", want->name);
		}
	}
	return true;
}

static bool
load_all(const HwrSafeTensors *file, HwrModel *model, HwrStatus *st)
{
	const char *version;
	int			fit;
	int			mapping;

	if (!check_format(file, st) ||
		!get_metadata(file, "version", &version, st) ||
		!get_word(file, "fit", hwr_fit_words, &fit, st) ||
		!get_word(file, "case", hwr_case_words, &mapping, st) ||
		!get_object(file, "options", true, &model->options, st) ||
		!get_object(file, "result", true, &model->result, st) ||
		!get_object(file, "card", false, &model->card, st) ||
		!load_network(file, &model->net, st) ||
		!load_alphabet(file, model->net.maps ? 0 : model->net.classes, &model->alphabet, st) ||
		!load_spellings(file, &model->alphabet, st))
		return false;
	model->fit = (HwrFit) fit;
	model->mapping = (HwrCase) mapping;
	return load_values(file, model, st) && hwr_model_load_lm(file, model, st);
}

bool
hwr_model_load(const uint8_t *bytes, size_t len, HwrModel **out, HwrStatus *st)
{
	HwrSafeTensors *file;
	HwrModel   *model;
	const char *format;
	bool		ok;

	if (!hwr_safetensors_open(bytes, len, &file, st))
		return false;
	model = hwr_alloc_zero(1, sizeof(HwrModel), st);
	format = hwr_safetensors_metadata(file, "format");
	if (format != NULL && strcmp(format, HWR_ENSEMBLE_FORMAT) == 0)
		ok = model != NULL && hwr_ensemble_load(file, model, st);
	else
		ok = model != NULL && load_all(file, model, st);
	hwr_safetensors_close(file);
	if (!ok)
	{
		hwr_model_free(model);
		return false;
	}
	*out = model;
	return true;
}

/*
 * Saving
 */

/* What would be refused on loading is not written. */
static bool
check_model(const HwrModel *model, HwrStatus *st)
{
	const HwrNet *net = &model->net;

	if (model->alphabet.n != (net->maps ? 0 : net->classes - 1))
		return hwr_fail(st, HWR_INTERNAL, "alphabet of %d characters does not fit a network of %d classes",
						model->alphabet.n, net->classes);
	if (!is_ascending(&model->alphabet))
		return hwr_fail(st, HWR_INTERNAL, "alphabet is not sorted");
	if ((model->options != NULL && !is_json_object(model->options)) ||
		(model->result != NULL && !is_json_object(model->result)) ||
		(model->card != NULL && !is_json_object(model->card)))
		return hwr_fail(st, HWR_INTERNAL, "options, result or card of a model are not JSON objects");
	for (int i = 0; i < net->ntensors; i++)
	{
		const HwrTensor *t = &net->tensors[i];

		for (size_t k = 0; k < t->count; k++)
		{
			float		value = model->values[t->offset + k];

			if (!isfinite(value) || (is_variance(t) && value < 0))
			{
				hwr_fail(st, HWR_BAD_MODEL, "model has values that are not numbers");
				return hwr_fail_detail(st, "The first is in tensor \"%s\".", t->name);
			}
		}
	}
	return true;
}

/* The network's values, as tensors to write. */
static void
describe_values(const HwrModel *model, bool half, HwrSafeTensorOut *tensors)
{
	for (int i = 0; i < model->net.ntensors; i++)
	{
		const HwrTensor *t = &model->net.tensors[i];

		tensors[i] = (HwrSafeTensorOut) {.name = t->name,.ndim = t->ndim,.data = model->values + t->offset,.half = half};
		memcpy(tensors[i].shape, t->shape, sizeof(tensors[i].shape));
	}
}

int
hwr_model_format(const HwrModel *model)
{
	return model->alphabet.spellings != NULL ? HWR_FORMAT_VERSION : HWR_FORMAT_PLAIN;
}

static bool
write_all(const HwrModel *model, const HwrSafeTensorOut *tensors, const char *alphabet, const char *spellings,
		  const HwrLmOut *lm, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	bool		has_lm = lm->bytes != NULL;
	char		format_version[16];
	const char *metadata[12][2] = {
		{"format", "hwr"},
		{"format_version", format_version},
		{"architecture", model->net.vgsl},
		{"alphabet", alphabet},
		{"fit", hwr_fit_words[model->fit]},
		{"case", hwr_case_words[model->mapping]},
		{"options", model->options != NULL ? model->options : "{}"},
		{"result", model->result != NULL ? model->result : "{}"},
		{"version", HWR_VERSION},
	};
	int			n = 9;

	snprintf(format_version, sizeof(format_version), "%d", hwr_model_format(model));
	if (model->card != NULL)
	{
		metadata[n][0] = "card";
		metadata[n++][1] = model->card;
	}
	if (spellings != NULL)
	{
		metadata[n][0] = "spellings";
		metadata[n++][1] = spellings;
	}
	if (has_lm)
	{
		metadata[n][0] = HWR_LM_TENSOR;
		metadata[n++][1] = lm->metadata;
	}
	return hwr_safetensors_write(tensors, model->net.ntensors + has_lm, (const char *const (*)[2]) metadata, n, bytes, len, st);
}

static bool
save(const HwrModel *model, bool half, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	HwrSafeTensorOut *tensors;
	char	   *alphabet = NULL;
	char	   *spellings = NULL;
	HwrLmOut	lm = {0};
	bool		ok;

	if (model->ensemble != NULL)
		return hwr_ensemble_save(model, half, bytes, len, st);
	if (!check_model(model, st) ||
		!hwr_alphabet_to_utf8(&model->alphabet, &alphabet, st))
		return false;
	ok = hwr_spellings_to_json(&model->alphabet, &spellings, st);
	tensors = hwr_alloc((size_t) model->net.ntensors + 1, sizeof(HwrSafeTensorOut), st);
	ok = ok && tensors != NULL;
	if (ok)
		describe_values(model, half, tensors);
	ok = ok && hwr_model_describe_lm(model, &lm, st);
	if (ok)
		tensors[model->net.ntensors] = lm.tensor;
	ok = ok && write_all(model, tensors, alphabet, spellings, &lm, bytes, len, st);
	free(lm.bytes);
	free(tensors);
	free(spellings);
	free(alphabet);
	return ok;
}

bool
hwr_model_save(const HwrModel *model, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	return save(model, false, bytes, len, st);
}

bool
hwr_model_save_half(const HwrModel *model, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	return save(model, true, bytes, len, st);
}

void
hwr_model_free(HwrModel *model)
{
	if (model == NULL)
		return;
	hwr_ensemble_free(model->ensemble);
	hwr_alphabet_free(&model->alphabet);
	free(model->options);
	free(model->result);
	free(model->card);
	free(model->values);
	(void) hwr_model_set_lm(model, NULL, 0, 0, NULL);
	free(model);
}

size_t
hwr_model_memory(const HwrModel *model)
{
	size_t		bytes = sizeof(HwrModel);

	if (model->ensemble == NULL)
		bytes += model->net.nvalues * sizeof(float);
	else
		for (int m = 0; m < model->ensemble->n; m++)
			bytes += hwr_model_memory(model->ensemble->members[m]);
	bytes += (size_t) model->alphabet.n * sizeof(uint32_t);
	if (model->alphabet.spellings != NULL)
		bytes += (size_t) model->alphabet.spellings->n * (sizeof(HwrSpelling) + sizeof(int));
	if (model->own.lm != NULL)
		bytes += hwr_lm_memory(model->own.lm);
	if (model->options != NULL)
		bytes += strlen(model->options) + 1;
	if (model->result != NULL)
		bytes += strlen(model->result) + 1;
	if (model->card != NULL)
		bytes += strlen(model->card) + 1;
	return bytes;
}
