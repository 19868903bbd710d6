/*
 * ensemble.c
 *	  hwr_make_ensemble: several models that read an image together, as a version of a model.
 *
 * The version holds its members' files, copies that whoever may read a model could make as well: so
 * versions stay immutable, and dropping a member, or revoking it, does not touch the ensemble.  Where
 * each came from is in the version's options.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "core/base/status.h"
#include "core/model/ensemble.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "catalog.h"

PG_FUNCTION_INFO_V1(hwr_make_ensemble);

/* What an ensemble is made of. */
typedef struct Members
{
	int			n;
	char	   *names[HWR_MAX_MEMBERS];
	HwrVersionInfo versions[HWR_MAX_MEMBERS];
	const uint8_t *files[HWR_MAX_MEMBERS];
	size_t		lens[HWR_MAX_MEMBERS];
} Members;

/* The array's elements; all arrays must be of one dimension. */
static int
elements(FunctionCallInfo fcinfo, int argno, Oid type, const char *what, Datum **values, bool **nulls)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(argno);
	int			n;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s must be a one-dimensional array", what)));
	if (type == TEXTOID)
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, values, nulls, &n);
	else
		deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, values, nulls, &n);
	return n;
}

/* Names and versions as asked for. */
static void
read_arguments(FunctionCallInfo fcinfo, Members *members)
{
	Datum	   *names;
	bool	   *null_names;
	Datum	   *versions = NULL;
	bool	   *null_versions = NULL;
	int			n = elements(fcinfo, 1, TEXTOID, "members", &names, &null_names);

	if (n < 2 || n > HWR_MAX_MEMBERS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an ensemble has 2 to %d members, not %d", HWR_MAX_MEMBERS, n)));
	if (!PG_ARGISNULL(2) && elements(fcinfo, 2, INT4OID, "versions", &versions, &null_versions) != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("versions must name one version for each member"),
				 errhint("NULL in the place of a version means the active one.")));
	members->n = n;
	for (int i = 0; i < n; i++)
	{
		int32		version = versions == NULL || null_versions[i] ? 0 : DatumGetInt32(versions[i]);

		if (null_names[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("name of a member must not be null")));
		members->names[i] = TextDatumGetCString(names[i]);
		if (versions != NULL && !null_versions[i] && version <= 0)
			hwr_raise_no_version(members->names[i], version);
		hwr_catalog_find(members->names[i], version, &members->versions[i]);
	}
}

/* Every member's file, which its reader must be allowed to read. */
static void
read_members(Members *members)
{
	Size		total = 0;

	for (int i = 0; i < members->n; i++)
	{
		bytea	   *file;

		CHECK_FOR_INTERRUPTS();
		file = hwr_catalog_read_weights(&members->versions[i]);
		members->files[i] = (const uint8_t *) VARDATA_ANY(file);
		members->lens[i] = VARSIZE_ANY_EXHDR(file);
		total += members->lens[i];
		if (total > (Size) 1 << 29)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("members of an ensemble are too large together")));
	}
}

/* {"ensemble": {"method": ..., "members": [{"model": ..., "version": ..., "hash": ...}, ...]}}, in UTF-8 */
static char *
describe_members(const Members *members, HwrEnsembleMethod method)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"ensemble\": {\"method\": \"%s\", \"members\": [", hwr_ensemble_words[method]);
	for (int i = 0; i < members->n; i++)
	{
		const HwrVersionInfo *version = &members->versions[i];

		appendStringInfoString(&json, i > 0 ? ", {\"model\": " : "{\"model\": ");
		escape_json(&json, members->names[i]);
		if (version->bundled)
			appendStringInfoString(&json, ", \"version\": null, \"hash\": \"");
		else
			appendStringInfo(&json, ", \"version\": %d, \"hash\": \"", version->version);
		for (size_t b = 0; b < sizeof(version->hash); b++)
			appendStringInfo(&json, "%02x", version->hash[b]);
		appendStringInfoString(&json, "\"}");
	}
	appendStringInfoString(&json, "]}}");
	return pg_server_to_any(json.data, json.len, PG_UTF8);
}

static HwrEnsembleMethod
wanted_method(FunctionCallInfo fcinfo, const Members *members)
{
	char	   *word = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	HwrModel   *models[HWR_MAX_MEMBERS] = {0};
	HwrStatus	st;
	bool		ok = true;
	bool		average = true;

	for (int i = 0; word != NULL && hwr_ensemble_words[i] != NULL; i++)
		if (strcmp(hwr_ensemble_words[i], word) == 0)
			return (HwrEnsembleMethod) i;
	if (word != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized method of an ensemble \"%s\"", word),
				 errhint("The methods are \"average\" and \"vote\".")));
	for (int i = 0; i < members->n && ok; i++)
		ok = hwr_model_load(members->files[i], members->lens[i], &models[i], &st);
	if (ok)
		average = hwr_ensemble_may_average(members->n, models);
	for (int i = 0; i < members->n; i++)
		hwr_model_free(models[i]);
	if (!ok)
		hwr_raise(&st);
	return average ? HWR_ENSEMBLE_AVERAGE : HWR_ENSEMBLE_VOTE;
}

/* The core's bytes as a palloc'd copy. */
static const uint8 *
ensemble_file(const Members *members, HwrEnsembleMethod method, Size *len)
{
	char	   *options = describe_members(members, method);
	uint8_t    *bytes;
	uint8	   *copy;
	HwrStatus	st;

	if (!hwr_ensemble_make(method, members->n, members->files, members->lens, options, &bytes, len, &st))
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
 * hwr_make_ensemble(model text, members text[], versions integer[], method text, activate boolean) returns integer
 */
Datum
hwr_make_ensemble(PG_FUNCTION_ARGS)
{
	Members    *members = palloc0(sizeof(Members));
	HwrEnsembleMethod method;
	HwrVersionInfo version;
	HwrModel   *meta;
	HwrStatus	st;
	const uint8 *file;
	char	   *name;
	Size		len;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model name and members must not be null")));
	PreventCommandIfReadOnly("hwr_make_ensemble()");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	hwr_check_model_name(name);
	hwr_catalog_check_owner(name, GetUserId(), 0);
	read_arguments(fcinfo, members);
	read_members(members);
	method = wanted_method(fcinfo, members);
	file = ensemble_file(members, method, &len);
	if (!hwr_model_load(file, len, &meta, &st))
		hwr_raise(&st);
	PG_TRY();
	{
		hwr_catalog_store(name, GetUserId(), file, len, meta, 0, &version);
		if (PG_ARGISNULL(4) || PG_GETARG_BOOL(4))
			hwr_catalog_activate(&version);
	}
	PG_FINALLY();
	{
		hwr_model_free(meta);
	}
	PG_END_TRY();
	PG_RETURN_INT32(version.version);
}
