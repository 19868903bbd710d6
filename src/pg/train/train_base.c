/*
 * train_base.c
 *	  The model that a training begins with, where option "base" names one.
 *
 * It is looked for twice: in the calling session, where a wrong name, a missing privilege or
 * options that do not agree with it cost nothing, and in the worker, which uses it.  A training that goes on has
 * its values, and needs the base for its language model and card.
 */
#include "postgres.h"

#include "core/base/status.h"
#include "core/model/model.h"
#include "core/options/options.h"
#include "pg/base/attempt.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "pg/catalog/cache.h"
#include "pg/catalog/catalog.h"
#include "train.h"
#include "train_worker.h"

static void
find_base(const HwrTrainOptions *options, HwrVersionInfo *out)
{
	hwr_catalog_find(hwr_from_utf8(options->base), options->base_version, out);
}

static void
check_one_network(const HwrModel *model, const char *name)
{
	if (model->ensemble != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" is an ensemble and cannot be the base of a training", name),
				 errhint("Begin with one of its members.")));
}

void
hwr_check_base(const char *json, HwrTrainOptions *options)
{
	HwrVersionInfo version;
	const HwrModel *base;
	HwrStatus	st;

	find_base(options, &version);
	base = hwr_cache_get(&version).model;
	check_one_network(base, NameStr(version.name));
	if (!hwr_options_parse_with_base(json, strlen(json), base, options, &st))
		hwr_raise(&st);
}

static void
load_base(HwrTrainWorker *w, HwrVersionInfo *version)
{
	HwrIdentity save;
	bytea	   *bytes;
	HwrStatus	st;

	hwr_become_user(w->request.user, &save);
	find_base(&w->options, version);
	bytes = hwr_catalog_read_weights(version);
	hwr_restore_identity(&save);
	if (!hwr_model_load((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, &w->base, &st))
		hwr_raise_for_model(&st, NameStr(version->name));
	pfree(bytes);
}

static void
load_base_again(void *arg)
{
	HwrVersionInfo version;

	load_base(arg, &version);
}

void
hwr_worker_load_base_again(HwrTrainWorker *w)
{
	ErrorData  *error = hwr_attempt(load_base_again, w);

	if (error != NULL)
		ereport(WARNING,
				(errmsg("training job %lld goes on without its base model", (long long) w->request.resume),
				 errdetail("%s", error->message),
				 errhint("The base's language model and card are not part of the new version.")));
}

void
hwr_worker_load_base(HwrTrainWorker *w, const char *json)
{
	HwrVersionInfo version;
	HwrStatus	st;

	load_base(w, &version);
	check_one_network(w->base, NameStr(version.name));
	if (!hwr_options_parse_with_base(json, strlen(json), w->base, &w->options, &st))
		hwr_raise(&st);
	w->options.base_version = version.version;	/* the job's row says which one was active */
}
