/*
 * train_base.c
 *	  The model that a training begins with, where option "base" names one.
 *
 * It is looked for twice: in the calling session, where a wrong name, a missing privilege or
 * options that do not agree with it cost nothing, and in the worker, which uses it.
 */
#include "postgres.h"

#include "core/base/status.h"
#include "core/model/model.h"
#include "core/train/options.h"
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

void
hwr_check_base(const char *json, HwrTrainOptions *options)
{
	HwrVersionInfo version;
	HwrStatus	st;

	find_base(options, &version);
	if (!hwr_options_parse_with_base(json, strlen(json), hwr_cache_get(&version).model, options, &st))
		hwr_raise(&st);
}

void
hwr_worker_load_base(HwrTrainWorker *w, const char *json)
{
	HwrVersionInfo version;
	HwrIdentity save;
	bytea	   *bytes;
	HwrStatus	st;

	hwr_become_user(w->request.user, &save);
	find_base(&w->options, &version);
	bytes = hwr_catalog_read_weights(&version);
	hwr_restore_identity(&save);
	if (!hwr_model_load((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, &w->base, &st))
		hwr_raise_for_model(&st, NameStr(version.name));
	pfree(bytes);
	if (!hwr_options_parse_with_base(json, strlen(json), w->base, &w->options, &st))
		hwr_raise(&st);
	w->options.base_version = version.version;	/* the job's row says which one was active */
}
