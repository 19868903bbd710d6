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
#include "core/network/recognizer.h"
#include "core/text/spelling.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/hold.h"
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

double
hwr_lm_number_argument(FunctionCallInfo fcinfo, int argno, const char *name, double otherwise, bool negative)
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
	double		weight = hwr_lm_number_argument(fcinfo, ARG_LM_WEIGHT, "lm_weight", HWR_LM_WEIGHT, false);
	double		bonus = hwr_lm_number_argument(fcinfo, ARG_LENGTH_BONUS, "length_bonus", HWR_LM_BONUS_PER_WEIGHT * weight, true);
	HwrHold    *stored = hwr_hold_create(CurrentMemoryContext, hwr_release_lm);
	HwrHold    *bytes = hwr_hold_create(CurrentMemoryContext, release_bytes);
	HwrLm	   *copy = NULL;
	uint8_t    *saved = NULL;
	size_t		len;
	HwrStatus	st;

	if (!PG_ARGISNULL(ARG_LM))
	{
		(void) hwr_lm_fetch(text_to_cstring(PG_GETARG_TEXT_PP(ARG_LM)), 0, stored);
		if (!hwr_refuse_spelt(&model->alphabet, "a language model of characters", &st))
			hwr_raise(&st);
		if (!hwr_lm_save(stored->object, &saved, &len, &st))
			hwr_raise(&st);
		hwr_hold_replace(bytes, saved);
		if (!hwr_lm_load(saved, len, &copy, &st))
			hwr_raise(&st);
	}
	if (!hwr_model_set_lm(model, copy, weight, bonus, &st))
		hwr_raise(&st);
}

void
hwr_lm_open_model(const char *name, int version, HwrLmModel *out)
{
	bytea	   *bytes;
	HwrStatus	st;

	out->hold = hwr_hold_create(CurrentMemoryContext, release_model);
	hwr_catalog_find(name, version, &out->from);
	hwr_catalog_check_owner(name, GetUserId(), 0);
	bytes = hwr_catalog_read_weights(&out->from);
	if (!hwr_model_load((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, &out->model, &st))
		hwr_raise_for_model(&st, name);
	hwr_hold_replace(out->hold, out->model);
	pfree(bytes);
	if (!hwr_net_reads(&out->model->net, &st))
		hwr_raise_for_model(&st, name);
}

int
hwr_lm_store_model(const char *name, const HwrLmModel *model, bool activate_given, bool activate)
{
	HwrHold    *file = hwr_hold_create(CurrentMemoryContext, release_bytes);
	HwrVersionInfo version;
	uint8_t    *saved;
	size_t		len;
	HwrStatus	st;

	if (!hwr_model_save(model->model, &saved, &len, &st))
		hwr_raise_for_model(&st, name);
	hwr_hold_replace(file, saved);
	hwr_catalog_store(name, GetUserId(), saved, len, model->model, 0, &version);
	hwr_overlap_copy(version.id, &model->from);
	hwr_catalog_settle_active(&version, activate_given ? activate : !version.chosen);
	return version.version;
}

/* The arguments that name a version: its model's name, and its number or 0 for the active one. */
char *
hwr_lm_model_argument(FunctionCallInfo fcinfo, int model, int version, int *number)
{
	char	   *name;

	if (PG_ARGISNULL(model))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model name must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(model));
	*number = PG_ARGISNULL(version) ? 0 : PG_GETARG_INT32(version);
	if (!PG_ARGISNULL(version) && *number <= 0)
		hwr_raise_no_version(name, *number);
	return name;
}

/*
 * hwr_bind_lm(model text, lm text, lm_weight float8, length_bonus float8, version integer, activate boolean) returns integer
 */
Datum
hwr_bind_lm(PG_FUNCTION_ARGS)
{
	HwrLmModel	model;
	int			number;
	char	   *name = hwr_lm_model_argument(fcinfo, ARG_MODEL, ARG_VERSION, &number);

	PreventCommandIfReadOnly("hwr_bind_lm()");
	hwr_lm_open_model(name, number, &model);
	set_lm(fcinfo, model.model);
	PG_RETURN_INT32(hwr_lm_store_model(name, &model, !PG_ARGISNULL(ARG_ACTIVATE), !PG_ARGISNULL(ARG_ACTIVATE) &&
									   PG_GETARG_BOOL(ARG_ACTIVATE)));
}
