/*
 * orphans.c
 *	  Large objects that hold a model or a checkpoint but belong to no version or job, and taking models back.
 *
 * DROP EXTENSION removes the tables of schema hwr but, as PostgreSQL has no dependency of large objects on
 * anything, not the weights.  So does TRUNCATE or a restore of the large objects alone.  What remains can be told
 * by its content.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "catalog/pg_largeobject.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/be-fsstubs.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "core/base/status.h"
#include "core/model/model.h"
#include "core/model/safetensors.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "catalog.h"

/* A file begins with the length of its header and the brace that opens it. */
#define PREFIX_LENGTH 9

PG_FUNCTION_INFO_V1(hwr_orphans);
PG_FUNCTION_INFO_V1(hwr_adopt);

static bytea *
read_part(Oid loid, int64 offset, int32 len)
{
	return DatumGetByteaPP(DirectFunctionCall3(be_lo_get_fragment, ObjectIdGetDatum(loid),
											   Int64GetDatum(offset), Int32GetDatum(len)));
}

/*
 * May it be a model?  Most large objects of a database are something else, and this looks at one
 * page of them.
 */
static bool
looks_like_model(Oid loid)
{
	bytea	   *prefix = read_part(loid, 0, PREFIX_LENGTH);
	const uint8 *bytes = (const uint8 *) VARDATA_ANY(prefix);

	if (VARSIZE_ANY_EXHDR(prefix) != PREFIX_LENGTH || bytes[PREFIX_LENGTH - 1] != '{')
		return false;
	/* headers are below 4 GB, files below 1 GB */
	if (bytes[4] != 0 || bytes[5] != 0 || bytes[6] != 0 || bytes[7] != 0)
		return false;
	return VARSIZE_ANY_EXHDR(read_part(loid, MaxAllocSize - 1024, 1)) == 0;
}

static bool
is_ascii(const char *s)
{
	while ((signed char) *s > 0)
		s++;
	return *s == '\0';
}

/* The architecture if these are the bytes of a model file or of a training's checkpoint, else NULL. */
static char *
architecture_of(const uint8 *bytes, Size len, const char **kind)
{
	HwrSafeTensors *file;
	HwrStatus	st;
	char	   *volatile result = NULL;

	if (!hwr_safetensors_open(bytes, len, &file, &st))
	{
		if (st.code == HWR_OUT_OF_MEMORY)
			hwr_raise(&st);
		return NULL;
	}
	PG_TRY();
	{
		const char *format = hwr_safetensors_metadata(file, "format");
		const char *architecture = hwr_safetensors_metadata(file, "architecture");

		/* others than hwr can write anything there, also what this database's encoding cannot say */
		if (format != NULL && (strcmp(format, "hwr") == 0 || strcmp(format, "hwr-checkpoint") == 0) &&
			(architecture == NULL || is_ascii(architecture)))
		{
			result = pstrdup(architecture != NULL ? architecture : "");
			*kind = strcmp(format, "hwr") == 0 ? "model" : "checkpoint";
		}
	}
	PG_FINALLY();
	{
		hwr_safetensors_close(file);
	}
	PG_END_TRY();
	return result;
}

/* Columns 2 to 4 of the query below: what is known of the large object. */
static void
add_if_model(ReturnSetInfo *rsinfo, Oid loid, HeapTuple object, TupleDesc desc)
{
	bytea	   *file;
	char	   *architecture;
	const char *kind = NULL;
	Datum		values[7];
	bool		nulls[7] = {0};

	if (!looks_like_model(loid))
		return;
	file = DatumGetByteaPP(DirectFunctionCall1(be_lo_get, ObjectIdGetDatum(loid)));
	architecture = architecture_of((const uint8 *) VARDATA_ANY(file), VARSIZE_ANY_EXHDR(file), &kind);
	if (architecture == NULL)
		return;
	values[0] = ObjectIdGetDatum(loid);
	values[1] = SPI_getbinval(object, desc, 2, &nulls[1]);
	values[2] = CStringGetTextDatum(kind);
	values[3] = SPI_getbinval(object, desc, 3, &nulls[3]);
	values[4] = SPI_getbinval(object, desc, 4, &nulls[4]);
	values[5] = Int64GetDatum(VARSIZE_ANY_EXHDR(file));
	values[6] = CStringGetTextDatum(architecture);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * hwr_orphans() returns setof record (weights oid, owner name, kind text, model text, version
 * integer, bytes bigint,
 *		architecture text)
 */
Datum
hwr_orphans(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	MemoryContext old;
	uint64		n;
	SPITupleTable *objects;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	/* objects that come and go meanwhile are the same to the query and to what reads them */
	PushActiveSnapshot(GetLatestSnapshot());
	n = hwr_catalog_query("SELECT l.oid, pg_get_userbyid(l.lomowner), substring(d.description FROM '" HWR_DESCRIPTION_NAME "'), "
						  "substring(d.description FROM '" HWR_DESCRIPTION_NUMBER "')::integer FROM pg_largeobject_metadata l "
						  "LEFT JOIN pg_description d ON d.objoid = l.oid AND d.classoid = 'pg_largeobject'::regclass "
						  "AND d.objsubid = 0 "
						  "WHERE NOT EXISTS (SELECT FROM hwr.version v WHERE v.weights = l.oid) "
						  "AND NOT EXISTS (SELECT FROM hwr.job j WHERE j.checkpoint = l.oid) ORDER BY l.oid",
						  0, NULL, NULL);
	objects = SPI_tuptable;
	context = AllocSetContextCreate(CurrentMemoryContext, "hwr orphans", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Oid			loid = DatumGetObjectId(SPI_getbinval(objects->vals[i], objects->tupdesc, 1, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (hwr_may_read(loid))
			add_if_model(rsinfo, loid, objects->vals[i], objects->tupdesc);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	PopActiveSnapshot();
	SPI_finish();
	return (Datum) 0;
}

/* The bytes of a large object that the current user owns and no version names. */
static bytea *
read_own_orphan(Oid loid)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(loid)};
	Oid			owner;
	bool		isnull;
	bool		named;

	/* until the end of the transaction it neither changes hands nor is adopted by another session */
	LockDatabaseObject(LargeObjectRelationId, loid, 0, ShareUpdateExclusiveLock);
	SPI_connect();
	if (hwr_catalog_query_now("SELECT lomowner, EXISTS (SELECT FROM hwr.version WHERE weights = $1) "
							  "FROM pg_largeobject_metadata WHERE oid = $1",
							  1, types, values) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("large object %u does not exist", loid)));
	owner = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	named = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	SPI_finish();
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of large object %u", loid)));
	if (named)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("large object %u belongs to a model version already", loid)));
	return DatumGetByteaPP(DirectFunctionCall1(be_lo_get, ObjectIdGetDatum(loid)));
}

/*
 * hwr.adopt(weights oid, model text, version integer) returns integer
 */
Datum
hwr_adopt(PG_FUNCTION_ARGS)
{
	Oid			loid = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	char	   *name;
	bytea	   *file;
	HwrModel   *model;
	HwrVersionInfo version;
	HwrStatus	st;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("large object and model name must not be null")));
	PreventCommandIfReadOnly("hwr_rescue()");
	name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	hwr_catalog_check_owner(name, GetUserId(), 0);
	file = read_own_orphan(loid);
	if (!hwr_model_load((const uint8 *) VARDATA_ANY(file), VARSIZE_ANY_EXHDR(file), &model, &st))
		hwr_raise(&st);
	PG_TRY();
	{
		hwr_catalog_adopt(name, loid, PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2), (const uint8 *) VARDATA_ANY(file),
						  VARSIZE_ANY_EXHDR(file), model, &version);
	}
	PG_FINALLY();
	{
		hwr_model_free(model);
	}
	PG_END_TRY();
	PG_RETURN_INT32(version.version);
}
