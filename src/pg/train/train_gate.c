/*
 * train_gate.c
 *	  May a newly trained version take the active one's place?
 *
 * The active version is read when the job begins, so that the validation images can be kept as its canvases too, and
 * measured when the training is over, on the very rows that the new one was validated on.  Its model's row
 * is locked only when the new version is stored: if another version has become active meanwhile, nothing is known about
 * that one, and it stays.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "core/base/status.h"
#include "core/model/model.h"
#include "core/text/metrics.h"
#include "core/train/dataset.h"
#include "core/train/rival.h"
#include "core/train/trainer.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/catalog/catalog.h"
#include "train.h"
#include "train_worker.h"

void
hwr_gate_load(HwrTrainWorker *w)
{
	HwrVersionInfo active;
	bytea	   *bytes;
	HwrStatus	st;

	if (w->request.activate != HWR_ACTIVATE_AUTO ||
		!hwr_catalog_find_active(NameStr(w->request.model), &active))
		return;
	bytes = hwr_catalog_read_weights(&active);
	if (!hwr_model_load((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, &w->rival, &st))
		hwr_raise_for_model(&st, NameStr(w->request.model));
	pfree(bytes);
	w->rival_version = active.version;
	hwr_dataset_set_rival(w->dataset, w->rival->fit, w->rival->net.height, w->rival->net.width);
}

void
hwr_gate_measure(HwrTrainWorker *w)
{
	HwrStatus	st;
	bool		done = false;

	if (w->rival == NULL || hwr_dataset_count(w->dataset, HWR_SPLIT_VALIDATION) == 0)
		return;
	if (!hwr_rival_create(w->rival, w->dataset, w->backend, hwr_trainer_threads(&w->options),
						  &w->rival_reader, &st))
		hwr_raise(&st);
	while (!done)
	{
		if (!hwr_rival_step(w->rival_reader, &done, &st))
			hwr_raise(&st);
		hwr_worker_check(w);
	}
	w->rival_metrics = *hwr_rival_metrics(w->rival_reader);
}

/* The comparison in words; the share of exact readings decides, and is told, where the error rates are equal. */
static char *
compare(const HwrMetrics *ours, const HwrMetrics *theirs, int32 their_version)
{
	const char *figure = "CER";
	double		our_figure = hwr_metrics_cer(ours);
	double		their_figure = hwr_metrics_cer(theirs);

	if (our_figure == their_figure)
	{
		figure = "exact match";
		our_figure = hwr_metrics_exact(ours);
		their_figure = hwr_metrics_exact(theirs);
	}
	return psprintf("%s %.1f %% against %.1f %% of version %d on the same %lld images", figure,
					100 * our_figure, 100 * their_figure, their_version, (long long) ours->images);
}

char *
hwr_gate_decide(HwrTrainWorker *w, const HwrVersionInfo *version, const HwrMetrics *metrics, bool *activated)
{
	char	   *why = NULL;

	*activated = w->request.activate != HWR_ACTIVATE_NEVER;
	if (w->request.activate == HWR_ACTIVATE_AUTO && version->active != 0)
	{
		if (w->rival == NULL || version->active != w->rival_version)
		{
			*activated = false;
			why = psprintf("version %d became active meanwhile", version->active);
		}
		else if (w->rival_metrics.images > 0)
		{
			*activated = hwr_metrics_better(metrics, &w->rival_metrics);
			why = compare(metrics, &w->rival_metrics, w->rival_version);
		}
	}
	if (*activated)
		hwr_catalog_activate(version);
	else if (why == NULL)
		why = pstrdup("as asked");
	return why != NULL ? psprintf("version %d is %s: %s", version->version, *activated ? "activated" : "not activated", why) :
		NULL;
}
