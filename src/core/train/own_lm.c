/*
 * own_lm.c
 *	  A language model for a model that has been trained: of the labels, the base's or both, weighed on the validation rows.
 */
#include "own_lm.h"

#include <stdlib.h>
#include <string.h>

#include "core/network/recognizer.h"
#include "core/text/lm_mix.h"
#include "core/text/spelling.h"

/* Labels that a step adds. */
#define LABELS_A_STEP 2000

struct HwrOwnLmFitter
{
	const HwrModel *model;
	const HwrDataset *ds;
	HwrLmBuilder *builder;		/* NULL: lm is complete */
	double		labels_share;	/* of two that were mixed, that of the labels */
	bool		no_labels;		/* all are empty, and no other language model was given */
	int			next_label;
	HwrLm	   *lm;
	HwrLmWeigher *weigher;		/* once there is a language model */
	HwrRecognizer *recognizer;

	int			rows;			/* validation rows to read */
	int			next_row;
	int			first;			/* row of posteriors[0] */
	int			n;				/* posteriors */
	HwrPosterior posteriors[HWR_RECOGNIZE_BATCH];
};

static void
free_posteriors(HwrOwnLmFitter *f)
{
	for (int i = 0; i < f->n; i++)
		hwr_posterior_free(&f->posteriors[i]);
	f->n = 0;
}

void
hwr_own_lm_fitter_free(HwrOwnLmFitter *f)
{
	if (f == NULL)
		return;
	free_posteriors(f);
	if (f->builder != NULL)
		hwr_lm_builder_free(f->builder);
	hwr_lm_weigher_free(f->weigher);
	hwr_lm_free(f->lm);
	if (f->recognizer != NULL)
		hwr_recognizer_free(f->recognizer);
	free(f);
}

bool
hwr_own_lm_fitter_create(const HwrModel *model, const HwrDataset *ds, HwrLm *lm, bool of_labels, const HwrBackend *backend,
						 int threads, HwrOwnLmFitter **out, HwrStatus *st)
{
	HwrOwnLmFitter *f = hwr_alloc_zero(1, sizeof(HwrOwnLmFitter), st);
	int			rows = hwr_dataset_count(ds, HWR_SPLIT_VALIDATION);

	if (f == NULL)
	{
		hwr_lm_free(lm);
		return false;
	}
	f->model = model;
	f->ds = ds;
	f->lm = lm;
	f->rows = rows < HWR_OWN_LM_IMAGES ? rows : HWR_OWN_LM_IMAGES;
	if ((!of_labels && !hwr_lm_weigher_create(model, lm, NULL, &f->weigher, st)) ||
		(of_labels && !hwr_lm_builder_create(HWR_OWN_LM_ORDER, lm != NULL ? lm->mapping : model->mapping, &f->builder, st)) ||
		!hwr_recognizer_create(&model->net, model->values, model->fit, backend, threads, HWR_FLOAT32, &f->recognizer, st))
	{
		hwr_own_lm_fitter_free(f);
		return false;
	}
	if (f->builder != NULL)
		hwr_lm_builder_set_alphabet(f->builder, &model->alphabet);
	*out = f;
	return true;
}

void
hwr_own_lm_fitter_set_stop(HwrOwnLmFitter *f, HwrStopFn stop, void *arg)
{
	if (f->builder != NULL)
		hwr_lm_builder_set_stop(f->builder, stop, arg);
}

/* The share of the labels' language model under which the validation rows' labels are most probable. */
static bool
choose_share(HwrOwnLmFitter *f, HwrLmMixer *mixer, HwrStatus *st)
{
	for (int i = 0; i < f->rows; i++)
	{
		HwrSample	sample;
		char	   *text;
		uint32_t   *codepoints = NULL;
		int			n = 0;
		bool		ok;

		hwr_dataset_sample(f->ds, HWR_SPLIT_VALIDATION, i, &sample);
		if (!hwr_text_normalize(sample.label, strlen(sample.label), f->lm->mapping, &text, st))
			return false;
		ok = hwr_text_decode_signs(&f->model->alphabet, text, strlen(text), &codepoints, &n, st) &&
			hwr_lm_mixer_add(mixer, codepoints, n, st);
		free(text);
		free(codepoints);
		if (!ok)
			return false;
	}
	f->labels_share = hwr_lm_mixer_share(mixer);
	return true;
}

/* The language model that was given, and that of the labels, in its place. */
static bool
mix(HwrOwnLmFitter *f, HwrLm *labels, HwrStatus *st)
{
	HwrLmMixer *mixer = NULL;
	HwrLm	   *mixed = NULL;
	bool		ok = hwr_lm_mixer_create(f->lm, labels, &mixer, st) && choose_share(f, mixer, st) &&
		hwr_lm_mixer_finish(mixer, f->labels_share, &mixed, st);

	hwr_lm_mixer_free(mixer);
	hwr_lm_free(labels);
	if (!ok)
		return false;
	hwr_lm_free(f->lm);
	f->lm = mixed;
	return true;
}

/* Empty labels say nothing. */
static bool
add_labels(HwrOwnLmFitter *f, HwrStatus *st)
{
	int			n = hwr_dataset_count(f->ds, HWR_SPLIT_TRAIN);
	int			end = n - f->next_label < LABELS_A_STEP ? n : f->next_label + LABELS_A_STEP;
	HwrLm	   *labels = NULL;

	for (; f->next_label < end; f->next_label++)
	{
		HwrSample	sample;

		hwr_dataset_sample(f->ds, HWR_SPLIT_TRAIN, f->next_label, &sample);
		if (sample.label[0] != '\0' && !hwr_lm_builder_add(f->builder, sample.label, strlen(sample.label), st))
			return false;
	}
	if (end < n)
		return true;
	if (hwr_lm_builder_texts(f->builder) > 0 && !hwr_lm_builder_finish(f->builder, &labels, st))
		return false;
	hwr_lm_builder_free(f->builder);
	f->builder = NULL;
	if (f->lm == NULL)
		f->lm = labels;
	else if (labels != NULL && !mix(f, labels, st))
		return false;
	f->no_labels = f->lm == NULL;
	return f->no_labels || hwr_lm_weigher_create(f->model, f->lm, NULL, &f->weigher, st);
}

static bool
load_canvas(const HwrOwnLmFitter *f, int row, HwrCanvas *out, HwrStatus *st)
{
	HwrSample	sample;

	hwr_dataset_sample(f->ds, HWR_SPLIT_VALIDATION, row, &sample);
	*out = (HwrCanvas) {.width = sample.width,.content_width = sample.width,.source_width = sample.width};
	out->ink = hwr_alloc((size_t) f->model->net.height, (size_t) sample.width, st);
	return out->ink != NULL && hwr_dataset_read(f->ds, HWR_SPLIT_VALIDATION, row, out->ink, sample.width, st);
}

/* Posteriors of the next rows. */
static bool
run_network(HwrOwnLmFitter *f, HwrStatus *st)
{
	int			left = f->rows - f->next_row;
	int			n = left < HWR_RECOGNIZE_BATCH ? left : HWR_RECOGNIZE_BATCH;
	HwrCanvas	canvases[HWR_RECOGNIZE_BATCH] = {0};
	bool		ok = true;

	free_posteriors(f);
	f->first = f->next_row;
	for (int i = 0; ok && i < n; i++)
		ok = load_canvas(f, f->first + i, &canvases[i], st);
	ok = ok && hwr_recognizer_run(f->recognizer, n, canvases, f->posteriors, st);
	if (ok)
		f->n = n;
	for (int i = 0; i < n; i++)
		hwr_canvas_free(&canvases[i]);
	return ok;
}

static bool
read_row(HwrOwnLmFitter *f, HwrStatus *st)
{
	const HwrPosterior *p = &f->posteriors[f->next_row - f->first];
	HwrSample	sample;

	hwr_dataset_sample(f->ds, HWR_SPLIT_VALIDATION, f->next_row, &sample);
	f->next_row++;
	return hwr_lm_weigher_add(f->weigher, p->logp, p->steps, p->classes, sample.label, strlen(sample.label), st);
}

bool
hwr_own_lm_fitter_step(HwrOwnLmFitter *f, bool *done, HwrStatus *st)
{
	*done = f->builder == NULL && (f->no_labels || f->next_row == f->rows);
	if (*done)
		return true;
	if (f->builder != NULL)
		return add_labels(f, st);
	if (f->next_row == f->first + f->n && !run_network(f, st))
		return false;
	return read_row(f, st);
}

/* Bytes of the language model in a file. */
static bool
saved_size(const HwrLm *lm, size_t *size, HwrStatus *st)
{
	uint8_t    *bytes;

	if (!hwr_lm_save(lm, &bytes, size, st))
		return false;
	free(bytes);
	return true;
}

bool
hwr_own_lm_fitter_apply(HwrOwnLmFitter *f, HwrModel *model, HwrOwnLmResult *result, HwrStatus *st)
{
	HwrLm	   *lm = f->lm;

	*result = (HwrOwnLmResult) {.labels_share = f->labels_share,.no_labels = f->no_labels};
	if (f->rows == 0 || f->no_labels)
		return true;
	hwr_lm_weigher_result(f->weigher, result);
	if (result->images == 0)
		return true;
	if (!saved_size(lm, &result->bytes, st) || !hwr_lm_note_result(model, result, st))
		return false;
	if (result->best.weight == 0)
		return true;
	f->lm = NULL;				/* it is the model's now */
	if (!hwr_model_set_lm(model, lm, result->best.weight, result->best.length_bonus, st))
		return false;
	model->own.confidence = result->confidence;
	return true;
}
