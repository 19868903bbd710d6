/*
 * models.c
 *	  Managing models from SQL: activate, drop, export, import, grant; and what the views need.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "libpq/be-fsstubs.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "core/base/status.h"
#include "core/model/kraken.h"
#include "core/model/model.h"
#include "core/model/onnx.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "catalog.h"
#include "checkpoint.h"

PG_FUNCTION_INFO_V1(hwr_activate_model);
PG_FUNCTION_INFO_V1(hwr_drop_model);
PG_FUNCTION_INFO_V1(hwr_export_model);
PG_FUNCTION_INFO_V1(hwr_import_model);
PG_FUNCTION_INFO_V1(hwr_grant_model);
PG_FUNCTION_INFO_V1(hwr_revoke_model);
PG_FUNCTION_INFO_V1(hwr_may_see_weights);
PG_FUNCTION_INFO_V1(hwr_check_model);
PG_FUNCTION_INFO_V1(hwr_check_import);

static char *
required_name(FunctionCallInfo fcinfo, int argno)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model name must not be null")));
	return text_to_cstring(PG_GETARG_TEXT_PP(argno));
}

static uint64
count_versions(int32 model_id, int32 version)
{
	Oid			types[2] = {INT4OID, INT4OID};
	Datum		values[2] = {Int32GetDatum(model_id), Int32GetDatum(version)};

	return hwr_catalog_execute("SELECT FROM hwr.version WHERE model_id = $1 AND ($2 = 0 OR version = $2)",
							   2, types, values, NULL);
}

/* What readers of a model get, in words. */
static const char *
what_is_active(const char *model, int32 active)
{
	HwrVersionInfo bundled;

	if (active > 0)
		return psprintf("version %d", active);
	return hwr_bundled_find(model, &bundled) ? "the bundled version" : "none";
}

/* hwr_activate_model's version: a stored one, or 0 for the bundled model. */
static int32
version_to_activate(FunctionCallInfo fcinfo, const char *model, int32 model_id)
{
	HwrVersionInfo bundled;
	int32		version = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);

	if (PG_ARGISNULL(1))
	{
		if (!hwr_bundled_find(model, &bundled))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("version must not be null"),
					 errdetail("No model of the name \"%s\" comes with hwr.", model)));
	}
	else if (version <= 0 || count_versions(model_id, version) == 0)
		hwr_raise_no_version(model, version);
	return version;
}

/* A bundled model of which the database has no versions is active without being chosen, and has none to choose. */
static void
check_stored(FunctionCallInfo fcinfo, const char *model)
{
	HwrVersionInfo bundled;
	int32		id;
	int32		active;

	hwr_check_model_name(model);
	if (hwr_catalog_model(model, &id, &active) || !hwr_bundled_find(model, &bundled))
		return;
	if (!PG_ARGISNULL(1))
		hwr_raise_no_version(model, PG_GETARG_INT32(1));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the bundled model \"%s\" is what readers get already", model),
			 errdetail("There is no version of that name in this database to choose instead."),
			 errhint("A training takes its place only where it reads better. To keep it in any case, train with activate => "
					 "'never', or under another name.")));
}

/*
 * hwr_activate_model(model text, version integer, keep boolean) returns void
 */
Datum
hwr_activate_model(PG_FUNCTION_ARGS)
{
	char	   *model = required_name(fcinfo, 0);
	bool		keep = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
	Oid			types[3] = {INT4OID, INT4OID, BOOLOID};
	Datum		values[3];
	int32		active;
	Oid			owner;
	int32		version;

	PreventCommandIfReadOnly("hwr_activate_model()");

	check_stored(fcinfo, model);
	SPI_connect();
	values[0] = Int32GetDatum(hwr_catalog_lock_own(model, &active, &owner));
	version = version_to_activate(fcinfo, model, DatumGetInt32(values[0]));
	values[1] = Int32GetDatum(version);
	values[2] = BoolGetDatum(keep);
	hwr_catalog_execute("UPDATE hwr.model SET active = nullif($2, 0), chosen = $3 WHERE id = $1", 3, types, values, NULL);
	SPI_finish();
	ereport(NOTICE,
			(errmsg("%s of model \"%s\" is active%s", what_is_active(model, version), model,
					keep ? " and stays so until another is chosen" : " until a training does better"),
			 active == version ? 0 : errdetail("Before, it was %s.", what_is_active(model, active))));
	PG_RETURN_VOID();
}

/* Remove the large object of a version that has been deleted, unless it is none of ours. */
static void
unlink_weights(const HwrVersionInfo *version)
{
	HwrIdentity save;

	if (!hwr_catalog_is_intact(version))
		return;
	hwr_become_owner(&save);
	DirectFunctionCall1(be_lo_unlink, ObjectIdGetDatum(version->weights));
	hwr_restore_identity(&save);
}

/*
 * Delete one version, or all for 0, with their large objects; they are the extension's to remove.
 * Their measurements may be newer than the transaction's snapshot, which is why the triggers that
 * would delete them are not left to do it.
 */
static void
delete_versions(int32 model_id, int32 version)
{
	Oid			types[2] = {INT4OID, INT4OID};
	Datum		values[2] = {Int32GetDatum(model_id), Int32GetDatum(version)};
	uint64		n;
	SPITupleTable *deleted;

	hwr_catalog_execute("SELECT FROM hwr.version WHERE model_id = $1 AND ($2 = 0 OR version = $2) FOR UPDATE", 2, types, values,
						NULL);
	hwr_catalog_execute_now("DELETE FROM hwr.confusion c USING hwr.metric x, hwr.version v "
							"WHERE v.model_id = $1 AND ($2 = 0 OR v.version = $2) AND x.version_id = v.id AND c.metric_id = x.id",
							2, types, values);
	hwr_catalog_execute_now("DELETE FROM hwr.metric x USING hwr.version v "
							"WHERE v.model_id = $1 AND ($2 = 0 OR v.version = $2) AND x.version_id = v.id", 2, types, values);
	n = hwr_catalog_execute("DELETE FROM hwr.version WHERE model_id = $1 AND ($2 = 0 OR version = $2) "
							"RETURNING weights, hash, bytes", 2, types, values, NULL);
	deleted = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		HwrVersionInfo info = {0};
		bool		isnull;
		bytea	   *hash = DatumGetByteaPP(SPI_getbinval(deleted->vals[i], deleted->tupdesc, 2, &isnull));

		CHECK_FOR_INTERRUPTS();
		info.weights = DatumGetObjectId(SPI_getbinval(deleted->vals[i], deleted->tupdesc, 1, &isnull));
		info.bytes = DatumGetInt64(SPI_getbinval(deleted->vals[i], deleted->tupdesc, 3, &isnull));
		memcpy(info.hash, VARDATA_ANY(hash), Min(sizeof(info.hash), VARSIZE_ANY_EXHDR(hash)));
		unlink_weights(&info);
	}
	if (version == 0)
		hwr_catalog_execute("DELETE FROM hwr.model WHERE id = $1", 1, types, values, NULL);
}

/*
 * hwr_drop_model(model text, version integer) returns void
 */
Datum
hwr_drop_model(PG_FUNCTION_ARGS)
{
	char	   *model = required_name(fcinfo, 0);
	int32		version = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	int32		model_id;
	int32		active;
	Oid			owner;

	PreventCommandIfReadOnly("hwr_drop_model()");
	SPI_connect();
	model_id = hwr_catalog_lock_own(model, &active, &owner);
	if (!PG_ARGISNULL(1))
	{
		if (version <= 0 || count_versions(model_id, version) == 0)
			hwr_raise_no_version(model, version);
		if (count_versions(model_id, 0) == 1)
			version = 0;
		else if (version == active)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("cannot drop version %d of model \"%s\" because it is active", version, model),
					 errhint("Activate another version with hwr_activate_model first, or drop the whole model.")));
	}
	delete_versions(model_id, version);
	if (version == 0)
		hwr_checkpoint_drop_of_model(model, owner);
	SPI_finish();
	PG_RETURN_VOID();
}

/* What hwr_export_model makes of a stored file. */
typedef bool (*Conversion) (const HwrModel *model, bool half, uint8_t **bytes, size_t *len, HwrStatus *st);

/* The same model with 16-bit weights. */
static bool
to_half(const HwrModel *model, bool half, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	return hwr_model_save_half(model, bytes, len, st);
}

/* A stored file in another form. */
static bytea *
convert_file(bytea *file, const char *name, Conversion conversion, bool half)
{
	HwrStatus	st;
	HwrModel   *model;
	uint8	   *bytes = NULL;
	size_t		len = 0;
	bool		ok;
	bytea	   *result;

	if (!hwr_model_load((const uint8 *) VARDATA(file), VARSIZE(file) - VARHDRSZ, &model, &st))
		hwr_raise_for_model(&st, name);
	ok = conversion(model, half, &bytes, &len, &st);
	hwr_model_free(model);
	if (!ok)
		hwr_raise(&st);			/* the model is sound; the other form cannot hold it */
	if (len > MaxAllocSize - VARHDRSZ)
	{
		free(bytes);
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("file of model \"%s\" is too long", name)));
	}

	/* an error raised in between would leave the core's bytes behind */
	result = palloc_extended(len + VARHDRSZ, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (result != NULL)
	{
		SET_VARSIZE(result, len + VARHDRSZ);
		memcpy(VARDATA(result), bytes, len);
	}
	free(bytes);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return result;
}

/* Whether the format asked for is ONNX; else it is our own. */
static bool
wants_onnx(FunctionCallInfo fcinfo, int argno)
{
	char	   *format = PG_ARGISNULL(argno) ? "safetensors" : text_to_cstring(PG_GETARG_TEXT_PP(argno));

	if (strcmp(format, "onnx") == 0)
		return true;
	if (strcmp(format, "safetensors") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized model format \"%s\"", format),
				 errhint("The formats are \"safetensors\" and \"onnx\".")));
	return false;
}

/*
 * hwr_export_model(model text, version integer, half boolean, format text) returns bytea
 */
Datum
hwr_export_model(PG_FUNCTION_ARGS)
{
	char	   *model = PG_ARGISNULL(0) ? HWR_DEFAULT_MODEL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		half = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	bool		onnx = wants_onnx(fcinfo, 3);
	HwrVersionInfo version;
	bytea	   *weights;

	if (!PG_ARGISNULL(1) && PG_GETARG_INT32(1) <= 0)
		hwr_raise_no_version(model, PG_GETARG_INT32(1));
	hwr_catalog_find(model, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1), &version);
	weights = hwr_catalog_read_weights(&version);
	if (onnx)
		weights = convert_file(weights, model, hwr_model_export_onnx, half);
	else if (half)
		weights = convert_file(weights, model, to_half, true);
	PG_RETURN_BYTEA_P(weights);
}

void
hwr_catalog_settle_active(const HwrVersionInfo *version, bool activate)
{
	const char *name = NameStr(version->name);
	const char *chosen = version->chosen ? what_is_active(name, version->active) : NULL;

	if (activate)
		hwr_catalog_activate(version);
	if (chosen == NULL)
		return;
	if (activate)
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" is active instead of %s, which had been chosen", version->version, name,
						chosen)));
	else
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" is stored, and readers still get %s, which had been chosen",
						version->version, name, chosen),
				 errhint("To have them get this one: SELECT hwr_activate_model('%s', %d).", name, version->version)));
}

/* The file of a model that came in another form, in the current memory context. */
static const uint8 *
saved_model(const HwrModel *model, Size *len)
{
	HwrStatus	st;
	uint8	   *bytes;
	uint8	   *copy;

	if (!hwr_model_save(model, &bytes, len, &st))
		hwr_raise(&st);
	copy = palloc_extended(*len, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (copy != NULL)
		memcpy(copy, bytes, *len);
	free(bytes);
	if (copy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return copy;
}

/*
 * hwr_import_model(file bytea, model text, activate boolean) returns integer
 *
 * activate NULL: unless a person has chosen what is active.
 */
Datum
hwr_import_model(PG_FUNCTION_ARGS)
{
	char	   *name = required_name(fcinfo, 1);
	HwrVersionInfo version;
	HwrModel   *model;
	HwrStatus	st;
	bytea	   *file;
	const uint8 *bytes;
	Size		len;
	bool		foreign;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model file must not be null")));
	PreventCommandIfReadOnly("hwr_import_model()");
	hwr_catalog_check_owner(name, GetUserId(), 0);

	file = PG_GETARG_BYTEA_PP(0);
	bytes = (const uint8 *) VARDATA_ANY(file);
	len = VARSIZE_ANY_EXHDR(file);
	foreign = hwr_is_kraken(bytes, len);
	if (!(foreign ? hwr_kraken_load(bytes, len, &model, &st) : hwr_model_load(bytes, len, &model, &st)))
		hwr_raise(&st);
	PG_TRY();
	{
		if (foreign)
			bytes = saved_model(model, &len);
		hwr_catalog_store(name, GetUserId(), bytes, len, model, 0, &version);
		hwr_catalog_settle_active(&version, PG_ARGISNULL(2) ? !version.chosen : PG_GETARG_BOOL(2));
	}
	PG_FINALLY();
	{
		hwr_model_free(model);
	}
	PG_END_TRY();
	PG_RETURN_INT32(version.version);
}

/* GRANT or REVOKE on a version's large object, as its owner: so it is that owner's grant, whoever asked. */
static void
execute_as(Oid owner, const char *sql)
{
	HwrIdentity save;

	hwr_become_user(owner, &save);
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "could not change privileges of a model");
	hwr_restore_identity(&save);
}

/*
 * Let a role, or PUBLIC, use all versions of a model, or no longer.  Later versions follow suit:
 * hwr_catalog_store.
 */
static void
change_grants(FunctionCallInfo fcinfo, bool grant)
{
	char	   *model = required_name(fcinfo, 0);
	Oid			types[1] = {INT4OID};
	Datum		values[1];
	Oid			role;
	const char *grantee;
	int32		model_id;
	int32		active;
	Oid			owner;
	uint64		n;
	SPITupleTable *versions;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("role must not be null")));
	PreventCommandIfReadOnly(grant ? "hwr_grant_model()" : "hwr_revoke_model()");

	SPI_connect();
	model_id = hwr_catalog_lock_own(model, &active, &owner);
	values[0] = Int32GetDatum(model_id);
	role = get_role_oid_or_public(NameStr(*PG_GETARG_NAME(1)));
	grantee = OidIsValid(role) ? quote_identifier(GetUserNameFromId(role, false)) : "PUBLIC";

	/* A version that is being stored under an older snapshot must fail rather than copy the older grants. */
	hwr_catalog_execute("UPDATE hwr.model SET active = active WHERE id = $1", 1, types, values, NULL);
	n = hwr_catalog_execute("SELECT v.version FROM hwr.version v WHERE v.model_id = $1 ORDER BY v.version", 1, types, values,
							NULL);
	versions = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		HwrVersionInfo version;

		if (!hwr_catalog_version_now(model_id, DatumGetInt32(SPI_getbinval(versions->vals[i], versions->tupdesc, 1, &isnull)),
									 &version) ||
			!hwr_catalog_is_intact(&version))
			continue;
		execute_as(version.owner, grant ? psprintf("GRANT SELECT ON LARGE OBJECT %u TO %s", version.weights, grantee) :
				   psprintf("REVOKE SELECT ON LARGE OBJECT %u FROM %s CASCADE", version.weights, grantee));
	}
	SPI_finish();
}

/*
 * hwr_grant_model(model text, role name) returns void
 */
Datum
hwr_grant_model(PG_FUNCTION_ARGS)
{
	change_grants(fcinfo, true);
	PG_RETURN_VOID();
}

/*
 * hwr_revoke_model(model text, role name) returns void
 */
Datum
hwr_revoke_model(PG_FUNCTION_ARGS)
{
	change_grants(fcinfo, false);
	PG_RETURN_VOID();
}

/*
 * hwr.may_see(weights oid) returns boolean: whether the views show a version to the current user
 */
Datum
hwr_may_see_weights(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(hwr_may_see(PG_GETARG_OID(0)));
}

/*
 * hwr.check_model(model text) returns void: raises an error if there is no such model for the current user
 */
Datum
hwr_check_model(PG_FUNCTION_ARGS)
{
	hwr_catalog_check_see(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/*
 * hwr.check_import(model text) returns void: raises the error that hwr_import_model would, whatever the file
 */
Datum
hwr_check_import(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("hwr_import_model()");
	hwr_catalog_check_owner(text_to_cstring(PG_GETARG_TEXT_PP(0)), GetUserId(), 0);
	PG_RETURN_VOID();
}
