/*
 * rival.c
 *	  Models measured on a data set's validation rows, and compared.
 */
#include "rival.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/stats.h"
#include "core/model/reading.h"
#include "core/network/recognizer.h"

struct HwrRival
{
	const HwrModel *model;
	const HwrDataset *ds;
	bool		own;
	HwrRecognizer *recognizer;
	HwrBeam    *beam;
	int			next;			/* row */
	HwrMetrics	metrics;
	double	   *edits;			/* [rows] errors in each */
	double	   *chars;			/* [rows] characters of its label */
};

/* As many as hwr_compare draws. */
#define REPLICATES 1000
#define LEVEL 0.05

bool
hwr_rival_create(const HwrModel *model, const HwrDataset *ds, bool own, const HwrBackend *backend, int threads,
				 HwrRival **out, HwrStatus *st)
{
	HwrRival   *rival = hwr_alloc_zero(1, sizeof(HwrRival), st);
	size_t		rows = (size_t) hwr_dataset_count(ds, HWR_SPLIT_VALIDATION);

	if (rival == NULL)
		return false;
	rival->model = model;
	rival->ds = ds;
	rival->own = own;
	if ((rival->edits = hwr_alloc(rows, sizeof(double), st)) == NULL ||
		(rival->chars = hwr_alloc(rows, sizeof(double), st)) == NULL ||
		!hwr_beam_create(&rival->beam, st) ||
		!hwr_recognizer_create(&model->net, model->values, model->fit, backend, threads, HWR_FLOAT32, &rival->recognizer, st))
	{
		hwr_rival_free(rival);
		return false;
	}
	*out = rival;
	return true;
}

void
hwr_rival_free(HwrRival *rival)
{
	if (rival == NULL)
		return;
	hwr_recognizer_free(rival->recognizer);
	hwr_beam_free(rival->beam);
	free(rival->edits);
	free(rival->chars);
	free(rival);
}

/* The stored canvas, with paper behind it where this network needs more columns than the new one. */
static bool
load_canvas(HwrRival *rival, int row, HwrCanvas *out, HwrStatus *st)
{
	const HwrNet *net = &rival->model->net;
	int			stored = hwr_dataset_rival_width(rival->ds, row);
	int			width;
	HwrSample	sample;

	if (rival->own)
	{
		hwr_dataset_sample(rival->ds, HWR_SPLIT_VALIDATION, row, &sample);
		stored = sample.width;
	}
	width = hwr_net_least_width(net, stored);
	*out = (HwrCanvas) {.width = width,.content_width = stored,.source_width = stored};
	out->ink = hwr_alloc_zero((size_t) net->height, (size_t) width, st);
	if (out->ink == NULL)
		return false;
	if (rival->own)
		return hwr_dataset_read(rival->ds, HWR_SPLIT_VALIDATION, row, out->ink, width, st);
	if (!hwr_dataset_read_rival(rival->ds, row, out->ink, st))
		return false;
	for (int y = net->height - 1; y > 0 && stored < width; y--)
	{
		memmove(out->ink + (size_t) y * (size_t) width, out->ink + (size_t) y * (size_t) stored, (size_t) stored);
		memset(out->ink + (size_t) y * (size_t) width + stored, 0, (size_t) (width - stored));
	}
	if (stored < width)
		memset(out->ink + stored, 0, (size_t) (width - stored));
	return true;
}

static bool
count_reading(HwrRival *rival, int row, const HwrPosterior *p, HwrStatus *st)
{
	HwrSample	sample;
	HwrReading	reading;
	HwrMetrics	one = {0};
	bool		ok;

	if (!hwr_model_decode(rival->model, rival->beam, p->logp, p->steps, p->classes, &reading, st))
		return false;
	hwr_dataset_sample(rival->ds, HWR_SPLIT_VALIDATION, row, &sample);
	ok = hwr_metrics_add(&rival->metrics, NULL, sample.label, strlen(sample.label),
						 reading.text, strlen(reading.text), st);
	ok = ok && hwr_metrics_add(&one, NULL, sample.label, strlen(sample.label), reading.text, strlen(reading.text), st);
	rival->edits[row] = (double) (one.substitutions + one.insertions + one.deletions);
	rival->chars[row] = (double) one.chars;
	hwr_reading_free(&reading);
	return ok;
}

bool
hwr_rival_step(HwrRival *rival, bool *done, HwrStatus *st)
{
	int			left = hwr_dataset_count(rival->ds, HWR_SPLIT_VALIDATION) - rival->next;
	int			n = left < HWR_RECOGNIZE_BATCH ? left : HWR_RECOGNIZE_BATCH;
	HwrCanvas	canvases[HWR_RECOGNIZE_BATCH] = {0};
	HwrPosterior posteriors[HWR_RECOGNIZE_BATCH] = {0};
	bool		ok = true;

	for (int i = 0; ok && i < n; i++)
		ok = load_canvas(rival, rival->next + i, &canvases[i], st);
	ok = ok && (n == 0 || hwr_recognizer_run(rival->recognizer, n, canvases, posteriors, st));
	for (int i = 0; ok && i < n; i++)
		ok = count_reading(rival, rival->next + i, &posteriors[i], st);
	for (int i = 0; i < n; i++)
	{
		hwr_canvas_free(&canvases[i]);
		hwr_posterior_free(&posteriors[i]);
	}
	rival->next += n;
	*done = rival->next >= hwr_dataset_count(rival->ds, HWR_SPLIT_VALIDATION);
	return ok;
}

const HwrMetrics *
hwr_rival_metrics(const HwrRival *rival)
{
	return &rival->metrics;
}

bool
hwr_rival_compare(const HwrRival *first, const HwrRival *second, bool (*check) (void *), void *arg,
				  HwrDuel *out, HwrStatus *st)
{
	int			n = (int) first->metrics.images;
	double	   *difference = hwr_alloc((size_t) n, sizeof(double), st);
	bool		ok;

	if (difference == NULL)
		return false;
	*out = (HwrDuel) {0};
	for (int i = 0; i < n; i++)
	{
		difference[i] = first->edits[i] - second->edits[i];
		out->better += difference[i] < 0;
		out->worse += difference[i] > 0;
	}
	ok = hwr_bootstrap_ratio(difference, first->chars, n, REPLICATES, check, arg, &out->low, &out->high, st);
	free(difference);
	out->p = hwr_mcnemar(out->better, out->worse);
	out->won = out->high < 0 && out->better > out->worse && out->p < LEVEL;
	return ok;
}
