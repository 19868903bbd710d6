/*
 * train_own_lm.c
 *	  The language model inside the model that a training stores: of its labels, the base's, or both.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "core/base/status.h"
#include "core/network/backend.h"
#include "core/train/own_lm.h"
#include "core/train/trainer.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/interrupt.h"
#include "train_worker.h"

/* A copy of the base's, NULL where it has none. */
static HwrLm *
lm_of_base(const HwrTrainWorker *w)
{
	HwrLm	   *copy = NULL;
	uint8_t    *bytes;
	size_t		len;
	bool		ok;
	HwrStatus	st;

	if (w->base == NULL || w->base->own.lm == NULL)
		return NULL;
	ok = hwr_lm_save(w->base->own.lm, &bytes, &len, &st);
	if (ok)
	{
		ok = hwr_lm_load(bytes, len, &copy, &st);
		free(bytes);
	}
	if (!ok)
		hwr_raise(&st);
	return copy;
}

static void
report_lm(const HwrTrainWorker *w, const HwrOwnLmResult *r)
{
	const char *which = r->labels_share > 0 ? psprintf("of the base model and, by %.0f %%, the labels", 100 * r->labels_share) :
		w->options.language_model == HWR_OWN_LM_BASE ? "of the base model" : "of the labels";

	if (r->no_labels)
		ereport(NOTICE,
				(errmsg("the language model %s is left out: all training labels are empty", which)));
	else if (r->images == 0)
		ereport(NOTICE,
				(errmsg("the language model %s is left out: there are no validation images with text to weigh it on", which)));
	else if (r->best.weight == 0)
		ereport(NOTICE,
				(errmsg("the language model %s is left out: it does not lower the CER of %.1f %% on %d validation images", which,
						100 * r->cer_without, r->images)));
	else
		ereport(NOTICE,
				(errmsg("with a language model %s, weight %.1f, the CER is %.1f %% instead of %.1f %% on %d validation images",
						which,
						r->best.weight, 100 * r->cer_with, 100 * r->cer_without, r->images),
				 errdetail("The model reads with it from now on. Its n-grams, %.1f MB, are in the model's file, for all who may "
						   "use the model.",
						   r->bytes / 1e6)));
}

void
hwr_worker_fit_lm(HwrTrainWorker *w)
{
	HwrOwnLmRule rule = w->options.language_model;
	HwrOwnLmResult result;
	HwrLm	   *lm = NULL;
	HwrStatus	st;
	bool		done = false;

	if (rule == HWR_OWN_LM_BASE || rule == HWR_OWN_LM_BOTH)
		lm = lm_of_base(w);
	if (rule == HWR_OWN_LM_NONE || (rule == HWR_OWN_LM_BASE && lm == NULL))
		return;
	if (!hwr_own_lm_fitter_create(w->model, w->dataset, lm, rule != HWR_OWN_LM_BASE, hwr_cpu_backend(),
								  hwr_trainer_threads(&w->options), &w->lm_fitter, &st))
		hwr_raise(&st);
	hwr_own_lm_fitter_set_stop(w->lm_fitter, hwr_interrupt_pending, NULL);
	while (!done)
	{
		bool		ok = hwr_own_lm_fitter_step(w->lm_fitter, &done, &st);

		hwr_worker_check(w);
		if (!ok)
			hwr_raise(&st);
	}
	if (!hwr_own_lm_fitter_apply(w->lm_fitter, w->model, &result, &st))
		hwr_raise(&st);
	report_lm(w, &result);
}
