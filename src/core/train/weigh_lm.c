/*
 * weigh_lm.c
 *	  How much a model's language model should weigh, and how far readings with it can be believed: tried on labelled images.
 */
#include "weigh_lm.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/model/reading.h"
#include "core/text/metrics.h"

/* Weights to try, each with a bonus per weight: what a character costs differs between names and prose. */
static const double weights[] = {0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0};
static const double bonuses[] = {HWR_LM_BONUS_PER_WEIGHT, 2.2};

#define NBONUSES ((int) (sizeof(bonuses) / sizeof(bonuses[0])))
#define NTRIALS (1 + (int) (sizeof(weights) / sizeof(weights[0])) * NBONUSES)

typedef struct Trial
{
	HwrLmWeight setting;
	HwrMetrics	metrics;
	HwrJudged  *judged;			/* [room] of the images so far */
} Trial;

struct HwrLmWeigher
{
	const HwrModel *model;
	HwrOwnLm	own;			/* lm is somebody else's */
	HwrBeam    *beam;
	int			ntrials;
	Trial		trials[NTRIALS];	/* the first without the language model */
	size_t		images;
	size_t		room;
};

static void
set_trials(HwrLmWeigher *w, const HwrLmWeight *only)
{
	w->ntrials = only != NULL ? 2 : NTRIALS;
	for (int i = 1; i < w->ntrials; i++)
	{
		double		weight = weights[(i - 1) / NBONUSES];

		w->trials[i].setting = only != NULL ? *only : (HwrLmWeight) {weight, bonuses[(i - 1) % NBONUSES] * weight};
	}
}

bool
hwr_lm_weigher_create(const HwrModel *model, const HwrLm *lm, const HwrLmWeight *only, HwrLmWeigher **out, HwrStatus *st)
{
	HwrLmWeigher *w = hwr_alloc_zero(1, sizeof(HwrLmWeigher), st);

	if (w == NULL)
		return false;
	w->model = model;
	w->own.lm = (HwrLm *) lm;
	w->own.confidence = HWR_CONFIDENCE_DEFAULT;
	w->own.symbols = hwr_alloc((size_t) model->alphabet.n + 1, sizeof(int), st);
	set_trials(w, only);
	if (w->own.symbols == NULL || !hwr_lm_class_symbols(lm, &model->alphabet, w->own.symbols, st) ||
		!hwr_beam_create(&w->beam, st))
	{
		hwr_lm_weigher_free(w);
		return false;
	}
	*out = w;
	return true;
}

void
hwr_lm_weigher_free(HwrLmWeigher *w)
{
	if (w == NULL)
		return;
	for (int i = 0; i < w->ntrials; i++)
		free(w->trials[i].judged);
	free(w->own.symbols);
	hwr_beam_free(w->beam);
	free(w);
}

static bool
make_room(HwrLmWeigher *w, HwrStatus *st)
{
	size_t		room = w->room > 0 ? 2 * w->room : 256;

	if (w->images < w->room)
		return true;
	for (int i = 0; i < w->ntrials; i++)
	{
		HwrJudged  *grown = hwr_realloc(w->trials[i].judged, room, sizeof(HwrJudged), st);

		if (grown == NULL)
			return false;
		w->trials[i].judged = grown;
	}
	w->room = room;
	return true;
}

bool
hwr_lm_weigher_add(HwrLmWeigher *w, const float *logp, int T, int K, const char *label, size_t len, HwrStatus *st)
{
	const HwrOwnLm none = {0};

	if (!make_room(w, st))
		return false;
	for (int i = 0; i < w->ntrials; i++)
	{
		Trial	   *trial = &w->trials[i];
		HwrReading	reading;
		size_t		n;
		bool		ok;

		w->own.weight = trial->setting.weight;
		w->own.length_bonus = trial->setting.length_bonus;
		if (!hwr_model_decode_with(w->model, w->own.weight > 0 ? &w->own : &none, w->beam, logp, T, K, &reading, st))
			return false;
		n = strlen(reading.text);
		trial->judged[w->images] = (HwrJudged) {reading.log_share, reading.log_found,
												n == len && memcmp(reading.text, label, len) == 0};
		ok = hwr_metrics_add(&trial->metrics, NULL, label, len, reading.text, n, st);
		hwr_reading_free(&reading);
		if (!ok)
			return false;
	}
	w->images++;
	return true;
}

void
hwr_lm_weigher_result(const HwrLmWeigher *w, HwrOwnLmResult *result)
{
	const Trial *best = &w->trials[0];
	bool		measured = w->images > 0 && best->metrics.chars > 0;

	result->images = measured ? (int) w->images : 0;
	if (measured)
		for (int i = 1; i < w->ntrials; i++)
			if (hwr_metrics_cer(&w->trials[i].metrics) < hwr_metrics_cer(&best->metrics))
				best = &w->trials[i];
	result->best = best->setting;
	result->cer_without = measured ? hwr_metrics_cer(&w->trials[0].metrics) : 0;
	result->cer_with = measured ? hwr_metrics_cer(&best->metrics) : 0;
	result->confidence = HWR_CONFIDENCE_DEFAULT;
	if (best->setting.weight > 0)
		result->confidence = hwr_confidence_fit(best->judged, w->images);
}

bool
hwr_lm_note_result(HwrModel *model, const HwrOwnLmResult *r, HwrStatus *st)
{
	json_t	   *result = model->result != NULL ? json_loads(model->result, 0, NULL) : json_object();
	json_t	   *note = json_pack("{s:i, s:f, s:f, s:f}", "images", r->images, "cer_without", r->cer_without,
								 "cer_with", r->cer_with, "weight", r->best.weight);
	char	   *text = NULL;

	if (note != NULL && r->labels_share > 0 && json_object_set_new(note, "labels_share", json_real(r->labels_share)) != 0)
	{
		json_decref(note);
		note = NULL;
	}
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
