/*
 * ensemble.c
 *	  Several models that read an image together, as one model.
 */
#include "ensemble.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/decode/combine.h"
#include "core/network/recognizer.h"
#include "core/text/spelling.h"
#include "model_lm.h"

const char *const hwr_ensemble_words[] = {"average", "vote", NULL};

static bool
unsuitable(HwrStatus *st, const char *detail, const char *hint)
{
	hwr_fail(st, HWR_BAD_OPTION, "models cannot be an ensemble");
	hwr_fail_detail(st, "%s", detail);
	return hint == NULL ? false : hwr_fail_hint(st, "%s", hint);
}

static bool
corrupted(HwrStatus *st, const char *detail)
{
	hwr_fail(st, HWR_BAD_MODEL, "model is corrupted");
	return hwr_fail_detail(st, "%s", detail);
}

bool
hwr_ensemble_may_average(int n, HwrModel *const *models)
{
	const HwrNet *first = &models[0]->net;

	for (int m = 1; m < n; m++)
	{
		const HwrNet *net = &models[m]->net;

		if (models[m]->fit != models[0]->fit || net->height != first->height || net->width != first->width)
			return false;
		/* in a network of any width kraken's lines have every width, others the multiples of a step */
		for (int width = net->width > 0 ? net->width : 1; width <= (net->width > 0 ? net->width : HWR_MAX_WIDTH); width++)
			if (hwr_net_steps(net, width) != hwr_net_steps(first, width))
				return false;
	}
	return true;
}

/* What a set of models must be to read together. */
static bool
check_members(HwrEnsembleMethod method, int n, HwrModel *const *models, HwrStatus *st)
{
	for (int m = 0; m < n; m++)
	{
		if (!hwr_net_reads(&models[m]->net, st))
			return false;
		if (models[m]->ensemble != NULL)
			return unsuitable(st, "One of them is an ensemble.", "Name its members instead.");
		if (models[m]->mapping != models[0]->mapping)
			return unsuitable(st, "They were trained on labels in different letter case.", NULL);
		if (!hwr_same_spellings(&models[m]->alphabet, &models[0]->alphabet))
			return unsuitable(st, "Classes of one stand for several characters, or several for one, and not alike in others.",
							  NULL);
	}
	if (method == HWR_ENSEMBLE_AVERAGE && !hwr_ensemble_may_average(n, models))
		return unsuitable(st, "Their networks give different steps, which cannot be averaged.",
						  "Let them vote: method \"vote\".");
	return true;
}

/*
 * The file
 */

static bool
write_file(HwrEnsembleMethod method, int n, const uint8_t *const *files, const size_t *lens, const char *options,
		   const HwrLmOut *lm, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	bool		has_lm = lm->bytes != NULL;
	const char *const metadata[][2] = {
		{"format", HWR_ENSEMBLE_FORMAT},
		{"format_version", "1"},
		{"method", hwr_ensemble_words[method]},
		{"options", options},
		{"version", HWR_VERSION},
		{HWR_LM_TENSOR, lm->metadata},
	};
	int			nmetadata = (int) (sizeof(metadata) / sizeof(metadata[0])) - !has_lm;
	HwrSafeTensorOut members[HWR_MAX_MEMBERS + 1];
	char		names[HWR_MAX_MEMBERS][32];

	for (int m = 0; m < n; m++)
	{
		if (lens[m] > INT_MAX)
			return unsuitable(st, "One of them is too large.", NULL);
		snprintf(names[m], sizeof(names[m]), "member.%d", m);
		members[m] = (HwrSafeTensorOut) {.name = names[m],.ndim = 1,.shape = {(int) lens[m]},.bytes = files[m]};
	}
	members[n] = lm->tensor;
	return hwr_safetensors_write(members, n + has_lm, metadata, nmetadata, bytes, len, st);
}

/* The language model of the first member that has one, as it is there. */
static bool
inherit_lm(int n, HwrModel *const *models, HwrLmOut *lm, HwrStatus *st)
{
	for (int m = 0; m < n; m++)
		if (models[m]->own.lm != NULL)
			return hwr_model_describe_lm(models[m], lm, st);
	return true;
}

bool
hwr_ensemble_make(HwrEnsembleMethod method, int n, const uint8_t *const *files, const size_t *lens,
				  const char *options, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	HwrModel   *models[HWR_MAX_MEMBERS] = {0};
	HwrLmOut	lm = {0};
	bool		ok = true;

	if (n < 2 || n > HWR_MAX_MEMBERS)
	{
		char		detail[80];

		snprintf(detail, sizeof(detail), "An ensemble has 2 to %d members, not %d.", HWR_MAX_MEMBERS, n);
		return unsuitable(st, detail, NULL);
	}
	for (int m = 0; m < n && ok; m++)
	{
		for (int other = 0; other < m && ok; other++)
			if (lens[other] == lens[m] && memcmp(files[other], files[m], lens[m]) == 0)
				ok = unsuitable(st, "Two of them are the same.", NULL);
		ok = ok && hwr_model_load(files[m], lens[m], &models[m], st);
	}
	ok = ok && check_members(method, n, models, st) && inherit_lm(n, models, &lm, st) &&
		write_file(method, n, files, lens, options, &lm, bytes, len, st);
	free(lm.bytes);
	for (int m = 0; m < n; m++)
		hwr_model_free(models[m]);
	return ok;
}

bool
hwr_ensemble_save(const HwrModel *model, bool half, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	const struct HwrEnsemble *e = model->ensemble;
	uint8_t    *files[HWR_MAX_MEMBERS] = {0};
	size_t		lens[HWR_MAX_MEMBERS];
	HwrLmOut	lm;
	bool		ok = hwr_model_describe_lm(model, &lm, st);

	for (int m = 0; m < e->n && ok; m++)
		ok = half ? hwr_model_save_half(e->members[m], &files[m], &lens[m], st) :
			hwr_model_save(e->members[m], &files[m], &lens[m], st);
	ok = ok && write_file(e->method, e->n, (const uint8_t *const *) files, lens, model->options, &lm, bytes, len, st);
	for (int m = 0; m < e->n; m++)
		free(files[m]);
	free(lm.bytes);
	return ok;
}

/*
 * Loading
 */

static bool
load_members(const HwrSafeTensors *file, struct HwrEnsemble *e, HwrStatus *st)
{
	int			n = hwr_safetensors_count(file) - (hwr_safetensors_find(file, HWR_LM_TENSOR) != NULL);

	if (n < 2 || n > HWR_MAX_MEMBERS)
		return corrupted(st, "An ensemble has too few or too many members.");
	for (; e->n < n; e->n++)
	{
		char		name[32];
		const HwrSafeTensor *member;
		const char *format;
		HwrSafeTensors *inner;
		bool		ensemble;

		snprintf(name, sizeof(name), "member.%d", e->n);
		member = hwr_safetensors_find(file, name);
		if (member == NULL || strcmp(member->dtype, "U8") != 0)
			return corrupted(st, "A member of the ensemble is missing.");
		/* looked at before it is loaded, so that no file has ensembles within ensembles for ever */
		if (!hwr_safetensors_open(member->data, member->nbytes, &inner, st))
			return false;
		format = hwr_safetensors_metadata(inner, "format");
		ensemble = format != NULL && strcmp(format, HWR_ENSEMBLE_FORMAT) == 0;
		hwr_safetensors_close(inner);
		if (ensemble)
			return corrupted(st, "A member of the ensemble is an ensemble.");
		if (!hwr_model_load(member->data, member->nbytes, &e->members[e->n], st))
			return false;
	}
	return true;
}

/* The union of the members' alphabets, and each member's classes in it. */
static bool
join_alphabets(struct HwrEnsemble *e, HwrAlphabet *out, HwrStatus *st)
{
	if (!hwr_alphabet_copy(&e->members[0]->alphabet, out, st))
		return false;
	for (int m = 1; m < e->n; m++)
	{
		char	   *text;
		bool		ok;

		if (!hwr_alphabet_to_utf8(&e->members[m]->alphabet, &text, st))
			return false;
		ok = hwr_alphabet_add(out, text, strlen(text), st);
		free(text);
		if (!ok)
			return false;
	}
	for (int m = 0; m < e->n; m++)
	{
		const HwrAlphabet *own = &e->members[m]->alphabet;

		e->classes[m] = hwr_alloc_zero((size_t) own->n + 1, sizeof(int), st);
		if (e->classes[m] == NULL)
			return false;
		for (int k = 0; k < own->n; k++)
			e->classes[m][k + 1] = hwr_alphabet_class(out, own->codepoints[k]);
	}
	return true;
}

/* "average [...] [...]", as far as there is room. */
static void
describe(const struct HwrEnsemble *e, HwrNet *net)
{
	size_t		used = (size_t) snprintf(net->vgsl, sizeof(net->vgsl), "%s", hwr_ensemble_words[e->method]);

	for (int m = 0; m < e->n && used < sizeof(net->vgsl); m++)
		used += (size_t) snprintf(net->vgsl + used, sizeof(net->vgsl) - used, " %s", e->members[m]->net.vgsl);
}

static bool
read_head(const HwrSafeTensors *file, struct HwrEnsemble *e, HwrModel *model, HwrStatus *st)
{
	const char *version = hwr_safetensors_metadata(file, "format_version");
	const char *method = hwr_safetensors_metadata(file, "method");
	const char *options = hwr_safetensors_metadata(file, "options");
	json_t	   *object;
	bool		is_object;

	if (version == NULL || strcmp(version, "1") != 0)
		return hwr_fail(st, HWR_MODEL_TOO_NEW, "ensemble format version %.20s is not supported", version != NULL ? version :
						"(none)");
	if (method == NULL || (strcmp(method, "average") != 0 && strcmp(method, "vote") != 0))
		return corrupted(st, "Metadata \"method\" is neither \"average\" nor \"vote\".");
	e->method = strcmp(method, "vote") == 0 ? HWR_ENSEMBLE_VOTE : HWR_ENSEMBLE_AVERAGE;
	object = options != NULL ? json_loads(options, JSON_REJECT_DUPLICATES, NULL) : NULL;
	is_object = json_is_object(object);
	json_decref(object);
	if (!is_object)
		return corrupted(st, "Metadata \"options\" is not a JSON object.");
	model->options = hwr_alloc(strlen(options) + 1, 1, st);
	model->result = hwr_alloc(3, 1, st);
	if (model->options == NULL || model->result == NULL)
		return false;
	memcpy(model->options, options, strlen(options) + 1);
	memcpy(model->result, "{}", 3);
	return true;
}

bool
hwr_ensemble_load(const HwrSafeTensors *file, HwrModel *model, HwrStatus *st)
{
	struct HwrEnsemble *e = hwr_alloc_zero(1, sizeof(*e), st);
	HwrStatus	problem = {0};

	if (e == NULL)
		return false;
	model->ensemble = e;
	if (!read_head(file, e, model, st) || !load_members(file, e, st))
		return false;
	if (!check_members(e->method, e->n, e->members, &problem))
		return corrupted(st, problem.detail);
	if (!join_alphabets(e, &model->alphabet, st))
		return false;
	model->net = e->members[0]->net;
	model->net.classes = model->alphabet.n + 1;
	model->net.ntensors = 0;
	model->net.nvalues = 0;
	for (int m = 0; m < e->n; m++)
		model->net.nvalues += e->members[m]->net.nvalues;
	describe(e, &model->net);
	model->fit = e->members[0]->fit;
	model->mapping = e->members[0]->mapping;
	return hwr_model_load_lm(file, model, st);
}

void
hwr_ensemble_free(struct HwrEnsemble *ensemble)
{
	if (ensemble == NULL)
		return;
	for (int m = 0; m < HWR_MAX_MEMBERS; m++)
	{
		hwr_model_free(ensemble->members[m]);
		free(ensemble->classes[m]);
	}
	free(ensemble);
}

/*
 * Reading
 */

static bool
combine(const void *arg, int n, const struct HwrCanvas *const *canvases, const HwrPosterior *posteriors,
		HwrPosterior *out, HwrStatus *st)
{
	const HwrModel *model = arg;
	const int  *const *classes = (const int *const *) model->ensemble->classes;

	if (model->ensemble->method == HWR_ENSEMBLE_AVERAGE)
		return hwr_combine_average(n, posteriors, classes, model->net.classes, out, st);
	return hwr_combine_vote(n, canvases, posteriors, classes, model->net.classes, out, st);
}

bool
hwr_model_recognizer(const HwrModel *model, const HwrBackend *backend, int threads, HwrPrecision precision,
					 HwrRecognizer **out, HwrStatus *st)
{
	const struct HwrEnsemble *e = model->ensemble;
	HwrRecognizer *members[HWR_MAX_MEMBERS];

	if (e == NULL)
		return hwr_recognizer_create(&model->net, model->values, model->fit, backend, threads, precision, out, st);
	for (int m = 0; m < e->n; m++)
		if (!hwr_recognizer_create(&e->members[m]->net, e->members[m]->values, e->members[m]->fit, backend, threads, precision,
								   &members[m], st))
		{
			while (m-- > 0)
				hwr_recognizer_free(members[m]);
			return false;
		}
	return hwr_recognizer_create_joint(&model->net, e->n, members, combine, model, out, st);
}
