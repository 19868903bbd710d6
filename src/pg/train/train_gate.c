/*
 * train_gate.c
 *	  May a newly trained version take the place of what readers get?
 *
 * What readers get, the active version or else the bundled model of that name, is read when the job
 * begins, so that the validation images can be kept as its canvases too.  When the training is
 * over, both are measured on the very rows that the new one was validated on, and compared row by
 * row: a gain must be beyond what chance gives.  A version that a person has chosen stays.  The
 * model's row is locked only when the new version is stored: if another version has become active
 * meanwhile, nothing is known about that one, and it stays too.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/base/status.h"
#include "core/model/model.h"
#include "core/text/metrics.h"
#include "core/dataset/dataset.h"
#include "core/train/rival.h"
#include "core/train/trainer.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/interrupt.h"
#include "pg/base/identity.h"
#include "pg/catalog/catalog.h"
#include "train.h"
#include "train_worker.h"

void
hwr_gate_load(HwrTrainWorker *w)
{
	HwrVersionInfo active;
	HwrIdentity save;
	bytea	   *bytes;
	HwrStatus	st;

	if (w->request.activate != HWR_ACTIVATE_AUTO ||
		!hwr_catalog_find_active(NameStr(w->request.model), &active))
		return;
	hwr_become_user(w->request.user, &save);
	bytes = hwr_catalog_read_weights(&active);
	hwr_restore_identity(&save);
	if (!hwr_model_load((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, &w->rival, &st))
		hwr_raise_for_model(&st, NameStr(w->request.model));
	pfree(bytes);
	if (w->rival->ensemble != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a training cannot be compared with an ensemble, which version %d of model \"%s\" is", active.version,
						NameStr(w->request.model)),
				 errhint("Train under another name, or say with activate => 'always' or 'never' what becomes of the new "
						 "version.")));
	w->rival_version = active.version;
	hwr_dataset_set_rival(w->dataset, w->rival->fit, w->rival->net.height, w->rival->net.width);
}

static void
read_rows(HwrTrainWorker *w, const HwrModel *model, bool own, HwrRival **reader)
{
	HwrStatus	st;
	bool		done = false;

	if (!hwr_rival_create(model, w->dataset, own, w->backend, hwr_trainer_threads(&w->options), reader, &st))
		hwr_raise(&st);
	while (!done)
	{
		if (!hwr_rival_step(*reader, &done, &st))
			hwr_raise(&st);
		hwr_worker_check(w);
	}
}

void
hwr_gate_measure(HwrTrainWorker *w)
{
	HwrStatus	st;

	if (w->rival == NULL || hwr_dataset_count(w->dataset, HWR_SPLIT_VALIDATION) == 0)
		return;
	read_rows(w, w->rival, false, &w->rival_reader);
	read_rows(w, w->model, true, &w->reader);
	if (!hwr_rival_compare(w->reader, w->rival_reader, hwr_interrupt_pending, NULL, &w->duel, &st))
	{
		hwr_worker_check(w);
		hwr_raise(&st);
	}
	w->measured = true;
}

/* What readers got, in words. */
static const char *
rival_name(const HwrTrainWorker *w)
{
	return w->rival_version > 0 ? psprintf("version %d", w->rival_version) : "the bundled model";
}

/* The comparison in words, with the digits that tell the two apart. */
static char *
compare(const HwrTrainWorker *w)
{
	const HwrMetrics *ours = hwr_rival_metrics(w->reader);
	const HwrMetrics *theirs = hwr_rival_metrics(w->rival_reader);

	return psprintf("CER %.2f %% against %.2f %% of %s on the same %lld images, %lld read better and %lld worse, "
					"difference between %.2f and %.2f %% (95 %%)%s",
					100 * hwr_metrics_cer(ours), 100 * hwr_metrics_cer(theirs), rival_name(w), (long long) ours->images,
					(long long) w->duel.better, (long long) w->duel.worse, 100 * w->duel.low, 100 * w->duel.high,
					w->duel.won || hwr_metrics_cer(ours) > hwr_metrics_cer(theirs) ? "" : ", which can be chance");
}

/* Against what readers have got since the job began. */
static char *
decide_automatically(const HwrTrainWorker *w, const HwrVersionInfo *version, bool *activated)
{
	HwrVersionInfo bundled;
	const char *meanwhile = "";

	*activated = version->active == 0 && !hwr_bundled_find(NameStr(version->name), &bundled);
	if (*activated)				/* also where the model was dropped meanwhile */
		return psprintf("it is the first of model \"%s\" to be used", NameStr(version->name));
	if (version->chosen)
		meanwhile = version->active > 0 ? psprintf("version %d has been chosen and stays", version->active) :
			"the bundled model has been chosen and stays";
	else if (version->active != w->rival_version)
		return version->active > 0 ? psprintf("version %d became active meanwhile", version->active) :
			psprintf("version %d is no longer active", w->rival_version);
	if (!w->measured)
		return meanwhile[0] != '\0' ? pstrdup(meanwhile) :
			psprintf("there are no validation images on which to compare it with %s", rival_name(w));
	*activated = w->duel.won && !version->chosen;
	return psprintf("%s%s%s", meanwhile, meanwhile[0] != '\0' ? "; " : "", compare(w));
}

char *
hwr_gate_decide(HwrTrainWorker *w, const HwrVersionInfo *version, bool *activated)
{
	HwrVersionInfo bundled;
	char	   *why;

	if (w->request.activate == HWR_ACTIVATE_AUTO)
		why = decide_automatically(w, version, activated);
	else
	{
		*activated = w->request.activate == HWR_ACTIVATE_ALWAYS;
		why = pstrdup("as asked");
	}
	if (*activated)
		hwr_catalog_activate(version);
	w->replaces_bundled = *activated && version->active == 0 && hwr_bundled_find(NameStr(version->name), &bundled);
	return psprintf("version %d is %s: %s", version->version, *activated ? "activated" : "not activated", why);
}

void
hwr_gate_tell(const HwrTrainWorker *w, const HwrVersionInfo *version, bool activated, const char *verdict)
{
	const char *model = quote_literal_cstr(NameStr(version->name));

	if (!activated)
		ereport(NOTICE,
				(errmsg_internal("%s", verdict),
				 errhint("To have it used all the same: SELECT hwr_activate_model(%s, %d);", model, version->version)));
	else if (w->replaces_bundled)
		ereport(NOTICE,
				(errmsg_internal("%s", verdict),
				 errdetail("It takes the place of the bundled model, which everyone may use."),
				 errhint("To let others use it: SELECT hwr_grant_model(%s, 'public'); to go back to the bundled one: "
						 "SELECT hwr_activate_model(%s, NULL);", model, model)));
	else
		ereport(NOTICE, (errmsg_internal("%s", verdict)));
}
