/*
 * own_lm.c
 *	  A language model for a model that has been trained: built from the labels, weighed on the validation rows.
 */
#include "own_lm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/model/reading.h"
#include "core/network/recognizer.h"
#include "core/text/metrics.h"

/* What the language model may weigh; with 0 it is left out. */
static const double weights[] = {0, 0.2, 0.4, 0.6, 0.8, 1.0};

#define NWEIGHTS ((int) (sizeof(weights) / sizeof(weights[0])))

/* Labels that a step adds. */
#define LABELS_A_STEP 2000

struct HwrOwnLmFitter
{
	const HwrModel *model;
	const HwrDataset *ds;
	HwrLmBuilder *builder;		/* NULL: lm was given, or is built */
	int			next_label;
	HwrOwnLm	own;			/* weight and bonus are those being tried */
	HwrRecognizer *recognizer;
	HwrBeam    *beam;

	int			rows;			/* validation rows to read */
	int			next_row;
	int			first;			/* row of posteriors[0] */
	int			n;				/* posteriors */
	HwrPosterior posteriors[HWR_RECOGNIZE_BATCH];
	HwrMetrics	metrics[NWEIGHTS];
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
	hwr_lm_free(f->own.lm);
	free(f->own.symbols);
	if (f->recognizer != NULL)
		hwr_recognizer_free(f->recognizer);
	if (f->beam != NULL)
		hwr_beam_free(f->beam);
	free(f);
}

bool
hwr_own_lm_fitter_create(const HwrModel *model, const HwrDataset *ds, HwrLm *lm, const HwrBackend *backend, int threads,
						 HwrOwnLmFitter **out, HwrStatus *st)
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
	f->own.lm = lm;
	f->rows = rows < HWR_OWN_LM_IMAGES ? rows : HWR_OWN_LM_IMAGES;
	f->own.symbols = hwr_alloc((size_t) model->alphabet.n + 1, sizeof(int), st);
	if (f->own.symbols == NULL ||
		(lm != NULL && !hwr_lm_class_symbols(lm, &model->alphabet, f->own.symbols, st)) ||
		(lm == NULL && !hwr_lm_builder_create(HWR_OWN_LM_ORDER, model->mapping, &f->builder, st)) ||
		!hwr_recognizer_create(&model->net, model->values, model->fit, backend, threads, HWR_FLOAT32, &f->recognizer, st) ||
		!hwr_beam_create(&f->beam, st))
	{
		hwr_own_lm_fitter_free(f);
		return false;
	}
	*out = f;
	return true;
}

void
hwr_own_lm_fitter_set_stop(HwrOwnLmFitter *f, HwrStopFn stop, void *arg)
{
	if (f->builder != NULL)
		hwr_lm_builder_set_stop(f->builder, stop, arg);
}

/* Empty labels say nothing. */
static bool
add_labels(HwrOwnLmFitter *f, HwrStatus *st)
{
	int			n = hwr_dataset_count(f->ds, HWR_SPLIT_TRAIN);
	int			end = n - f->next_label < LABELS_A_STEP ? n : f->next_label + LABELS_A_STEP;

	for (; f->next_label < end; f->next_label++)
	{
		HwrSample	sample;

		hwr_dataset_sample(f->ds, HWR_SPLIT_TRAIN, f->next_label, &sample);
		if (sample.label[0] != '\0' && !hwr_lm_builder_add(f->builder, sample.label, strlen(sample.label), st))
			return false;
	}
	if (end < n)
		return true;
	if (!hwr_lm_builder_finish(f->builder, &f->own.lm, st))
		return false;
	hwr_lm_builder_free(f->builder);
	f->builder = NULL;
	return hwr_lm_class_symbols(f->own.lm, &f->model->alphabet, f->own.symbols, st);
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

static void
try_weight(HwrOwnLmFitter *f, int i)
{
	f->own.weight = weights[i];
	f->own.length_bonus = HWR_LM_BONUS_PER_WEIGHT * weights[i];
}

static bool
read_row(HwrOwnLmFitter *f, HwrStatus *st)
{
	const HwrPosterior *p = &f->posteriors[f->next_row - f->first];
	const HwrOwnLm none = {0};
	HwrSample	sample;

	hwr_dataset_sample(f->ds, HWR_SPLIT_VALIDATION, f->next_row, &sample);
	for (int i = 0; i < NWEIGHTS; i++)
	{
		HwrReading	reading;
		bool		ok;

		try_weight(f, i);
		if (!hwr_model_decode_with(f->model, weights[i] > 0 ? &f->own : &none, f->beam, p->logp, p->steps, p->classes, &reading, st))
			return false;
		ok = hwr_metrics_add(&f->metrics[i], NULL, sample.label, strlen(sample.label), reading.text, strlen(reading.text), st);
		hwr_reading_free(&reading);
		if (!ok)
			return false;
	}
	f->next_row++;
	return true;
}

bool
hwr_own_lm_fitter_step(HwrOwnLmFitter *f, bool *done, HwrStatus *st)
{
	*done = f->builder == NULL && f->next_row == f->rows;
	if (*done)
		return true;
	if (f->builder != NULL)
		return add_labels(f, st);
	if (f->next_row == f->first + f->n && !run_network(f, st))
		return false;
	return read_row(f, st);
}

static bool
note_result(HwrModel *model, const HwrOwnLmResult *r, HwrStatus *st)
{
	json_t	   *result = json_loads(model->result, 0, NULL);
	json_t	   *note = json_pack("{s:i, s:f, s:f, s:f}", "images", r->images, "cer_without", r->cer_without,
								 "cer_with", r->cer_with, "weight", r->weight);
	char	   *text = NULL;

	if (result != NULL && note != NULL && json_object_set(result, "language_model", note) == 0)
		text = json_dumps(result, JSON_REAL_PRECISION(9));
	json_decref(note);
	json_decref(result);
	if (text == NULL)
		return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	free(model->result);
	model->result = text;
	return true;
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
	int			best = 0;
	HwrLm	   *lm = f->own.lm;

	*result = (HwrOwnLmResult) {.images = f->rows};
	if (f->rows == 0)
		return true;
	for (int i = 1; i < NWEIGHTS; i++)
	{
		if (hwr_metrics_cer(&f->metrics[i]) < hwr_metrics_cer(&f->metrics[best]))
			best = i;
	}
	result->weight = weights[best];
	result->cer_without = hwr_metrics_cer(&f->metrics[0]);
	result->cer_with = hwr_metrics_cer(&f->metrics[best]);
	if (!saved_size(lm, &result->bytes, st) || !note_result(model, result, st))
		return false;
	if (best == 0)
		return true;
	try_weight(f, best);
	f->own.lm = NULL;			/* it is the model's now */
	return hwr_model_set_lm(model, lm, f->own.weight, f->own.length_bonus, st);
}
