/*
 * line_model.c
 *	  The network that finds the lines of pages, loaded in this process.
 *
 * One is kept, the last one used, by the hash of its file: a version never changes.  It is the core's and lives in
 * malloc'd memory.  It is small, and computes in this process whatever hwr.device says.
 */
#include "postgres.h"

#include "core/model/model.h"
#include "line_model.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/catalog/catalog.h"

static struct
{
	HwrModel   *model;
	HwrLineNet *net;
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
}			loaded;

static void
forget(void)
{
	hwr_line_net_free(loaded.net);
	hwr_model_free(loaded.model);
	loaded.net = NULL;
	loaded.model = NULL;
}

HwrLineNet *
hwr_line_model(void)
{
	HwrVersionInfo version;
	bytea	   *bytes;
	bool		ok;
	HwrStatus	st;

	if (hwr_line_model_name == NULL || hwr_line_model_name[0] == '\0')
		return NULL;
	hwr_check_model_name(hwr_line_model_name);
	if (!hwr_catalog_find_active(hwr_line_model_name, &version))
	{
		if (strcmp(hwr_line_model_name, HWR_LINE_MODEL) == 0)
			return NULL;
		hwr_catalog_find(hwr_line_model_name, 0, &version);
	}
	hwr_catalog_check_read(&version);
	if (loaded.net != NULL && memcmp(loaded.hash, version.hash, sizeof(loaded.hash)) == 0)
		return loaded.net;

	bytes = hwr_catalog_read_weights(&version);
	forget();
	ok = hwr_model_load((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, &loaded.model, &st) &&
		hwr_line_net_create(&loaded.model->net, loaded.model->values, hwr_cpu_backend(), &loaded.net, &st);
	pfree(bytes);
	if (!ok)
	{
		forget();
		hwr_raise_for_model(&st, hwr_line_model_name);
	}
	memcpy(loaded.hash, version.hash, sizeof(loaded.hash));
	return loaded.net;
}
