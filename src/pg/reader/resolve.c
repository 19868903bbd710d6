/*
 * resolve.c
 *	  Names looked up once a statement.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/base/compat.h"
#include "pg/catalog/cache.h"
#include "pg/catalog/catalog.h"
#include "pg/monitor/stat.h"
#include "resolve.h"

HwrMoment
hwr_moment(void)
{
	Snapshot	snapshot = GetActiveSnapshot();
	HwrMoment	now;

	now.userid = GetUserId();
	now.subxact = GetCurrentSubTransactionId();
	now.xmin = snapshot->xmin;
	now.xmax = snapshot->xmax;
	now.xcnt = snapshot->xcnt;
	now.subxcnt = snapshot->subxcnt;
	now.curcid = snapshot->curcid;
	return now;
}

bool
hwr_same_moment(const HwrMoment *a, const HwrMoment *b)
{
	return a->userid == b->userid &&
		a->subxact == b->subxact &&
		a->xmin == b->xmin &&
		a->xmax == b->xmax &&
		a->xcnt == b->xcnt &&
		a->subxcnt == b->subxcnt &&
		a->curcid == b->curcid;
}

HwrLoaded
hwr_resolve_version(HwrResolved *r, const char *model, int32 wanted)
{
	HwrMoment	now = hwr_moment();
	HwrVersionInfo version;
	HwrLoaded	loaded;

	if (model == NULL)
		model = HWR_DEFAULT_MODEL;
	if (strcmp(NameStr(r->version.name), model) == 0 && r->wanted == wanted && hwr_same_moment(&r->moment, &now))
		loaded = hwr_cache_get_again(&r->version);
	else
	{
		hwr_catalog_find(model, wanted, &version);
		loaded = hwr_cache_get(&version);
		r->moment = now;
		r->version = version;
		r->wanted = wanted;
		loaded.version = &r->version;
	}
	hwr_stat_counts(loaded.version)->calls++;
	return loaded;
}

HwrLoaded
hwr_resolve_model(HwrResolved *r, const char *model)
{
	return hwr_resolve_version(r, model, 0);
}

HwrLoaded
hwr_resolve_arguments(HwrResolved *r, FunctionCallInfo fcinfo, int model_argno, int version_argno)
{
	const char *model = PG_ARGISNULL(model_argno) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(model_argno));
	int32		version = version_argno < 0 || PG_ARGISNULL(version_argno) ? 0 : PG_GETARG_INT32(version_argno);

	if (version <= 0 && version_argno >= 0 && !PG_ARGISNULL(version_argno))
		hwr_raise_no_version(model != NULL ? model : HWR_DEFAULT_MODEL, version);
	return hwr_resolve_version(r, model, version);
}
