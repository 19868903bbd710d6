/*
 * rival.c
 *	  A model measured on a data set's validation rows.
 */
#include "rival.h"

#include <stdlib.h>
#include <string.h>

#include "core/decode/decode.h"
#include "core/network/recognizer.h"

struct HwrRival
{
	const HwrModel *model;
	const HwrDataset *ds;
	HwrRecognizer *recognizer;
	int			next;			/* row */
	HwrMetrics	metrics;
};

bool
hwr_rival_create(const HwrModel *model, const HwrDataset *ds, const HwrBackend *backend, int threads,
				 HwrRival **out, HwrStatus *st)
{
	HwrRival   *rival = hwr_alloc_zero(1, sizeof(HwrRival), st);

	if (rival == NULL)
		return false;
	rival->model = model;
	rival->ds = ds;
	if (!hwr_recognizer_create(&model->net, model->values, model->fit, backend, threads, HWR_FLOAT32, &rival->recognizer, st))
	{
		free(rival);
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
	free(rival);
}

static bool
load_canvas(HwrRival *rival, int row, HwrCanvas *out, HwrStatus *st)
{
	int			width = hwr_dataset_rival_width(rival->ds, row);

	*out = (HwrCanvas) {.width = width,.content_width = width,.source_width = width};
	out->ink = hwr_alloc((size_t) rival->model->net.height, (size_t) width, st);
	return out->ink != NULL && hwr_dataset_read_rival(rival->ds, row, out->ink, st);
}

static bool
count_reading(HwrRival *rival, int row, const HwrPosterior *p, HwrStatus *st)
{
	HwrSample	sample;
	HwrReading	reading;
	bool		ok;

	if (!hwr_decode_greedy(p->logp, p->steps, p->classes, &rival->model->alphabet, &reading, st))
		return false;
	hwr_dataset_sample(rival->ds, HWR_SPLIT_VALIDATION, row, &sample);
	ok = hwr_metrics_add(&rival->metrics, NULL, sample.label, strlen(sample.label),
						 reading.text, strlen(reading.text), st);
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
hwr_metrics_better(const HwrMetrics *a, const HwrMetrics *b)
{
	int64_t		a_edits = a->substitutions + a->insertions + a->deletions;
	int64_t		b_edits = b->substitutions + b->insertions + b->deletions;

	return a_edits != b_edits ? a_edits < b_edits : a->exact > b->exact;
}
