/*
 * bind_lm.c
 *	  hwr_bind_lm: a version of a model with a language model inside.
 *
 * Whoever may use the model then reads with the language model too, and an export shows its
 * n-grams.  So only who may use the language model by its name can bind it.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/base/status.h"
#include "core/decode/beam.h"
#include "core/model/model.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/hold.h"
#include "pg/catalog/catalog.h"
#include "pg/catalog/overlap.h"
#include "lm.h"

PG_FUNCTION_INFO_V1(hwr_bind_lm);

enum
{
	ARG_MODEL, ARG_LM, ARG_LM_WEIGHT, ARG_LENGTH_BONUS, ARG_VERSION, ARG_ACTIVATE
};

static void
release_model(void *model)
{
	hwr_model_free(model);
}

static void
release_bytes(void *bytes)
{
	free(bytes);
}

/* An argument that must be finite; NULL is otherwise. */
static double
number_argument(FunctionCallInfo fcinfo, int argno, const char *name, double otherwise, bool negative)
{
	double		value = PG_ARGISNULL(argno) ? otherwise : PG_GETARG_FLOAT8(argno);

	if (!isfinite(value) || (value < 0 && !negative))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 negative ? errmsg("\"%s\" must be finite", name) : errmsg("\"%s\" must be finite and not negative", name)));
	return value;
}

/* A copy of the named language model, NULL for none, into the model. */
static void
set_lm(FunctionCallInfo fcinfo, HwrModel *model)
{
	double		weight = number_argument(fcinfo, ARG_LM_WEIGHT, "lm_weight", HWR_LM_WEIGHT, false);
	double		bonus = number_argument(fcinfo, ARG_LENGTH_BONUS, "length_bonus", HWR_LM_BONUS_PER_WEIGHT * weight, true);
	HwrHold    *stored = hwr_hold_create(CurrentMemoryContext, hwr_release_lm);
	HwrHold    *bytes = hwr_hold_create(CurrentMemoryContext, release_bytes);
	HwrLm	   *copy = NULL;
	uint8_t    *saved = NULL;
	size_t		len;
	HwrStatus	st;

	if (!PG_ARGISNULL(ARG_LM))
	{
		(void) hwr_lm_fetch(text_to_cstring(PG_GETARG_TEXT_PP(ARG_LM)), 0, stored);
		if (!hwr_lm_save(stored->object, &saved, &len, &st))
			hwr_raise(&st);
		hwr_hold_replace(bytes, saved);
		if (!hwr_lm_load(saved, len, &copy, &st))
			hwr_raise(&st);
	}
	if (!hwr_model_set_lm(model, copy, weight, bonus, &st))
		hwr_raise(&st);
}

/*
 * hwr_bind_lm(model text, lm text, lm_weight float8, length_bonus float8, version integer, activate boolean) returns integer
 */
Datum
hwr_bind_lm(PG_FUNCTION_ARGS)
{
	HwrHold    *loaded = hwr_hold_create(CurrentMemoryContext, release_model);
	HwrHold    *file = hwr_hold_create(CurrentMemoryContext, release_bytes);
	HwrVersionInfo from;
	HwrVersionInfo version;
	HwrModel   *model;
	char	   *name;
	bytea	   *bytes;
	uint8_t    *saved;
	size_t		len;
	HwrStatus	st;

	if (PG_ARGISNULL(ARG_MODEL))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model name must not be null")));
	PreventCommandIfReadOnly("hwr_bind_lm()");
	name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	if (!PG_ARGISNULL(ARG_VERSION) && PG_GETARG_INT32(ARG_VERSION) <= 0)
		hwr_raise_no_version(name, PG_GETARG_INT32(ARG_VERSION));
	hwr_catalog_find(name, PG_ARGISNULL(ARG_VERSION) ? 0 : PG_GETARG_INT32(ARG_VERSION), &from);
	hwr_catalog_check_owner(name, GetUserId(), 0);

	bytes = hwr_catalog_read_weights(&from);
	if (!hwr_model_load((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, &model, &st))
		hwr_raise_for_model(&st, name);
	hwr_hold_replace(loaded, model);
	pfree(bytes);
	set_lm(fcinfo, model);
	if (!hwr_model_save(model, &saved, &len, &st))
		hwr_raise_for_model(&st, name);
	hwr_hold_replace(file, saved);
	hwr_catalog_store(name, GetUserId(), saved, len, model, 0, &version);
	hwr_overlap_copy(version.id, &from);
	hwr_catalog_settle_active(&version, PG_ARGISNULL(ARG_ACTIVATE) ? !version.chosen : PG_GETARG_BOOL(ARG_ACTIVATE));
	PG_RETURN_INT32(version.version);
}
