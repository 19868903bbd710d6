/*
 * catalog.c
 *	  Reading models and versions.
 *
 * Recognition must resolve a model for users who have no privilege on the catalog's tables, on a
 * standby, and in parallel workers, at little cost per statement.  So these are plain scans under
 * the active snapshot, which also makes them follow MVCC: a transaction sees the version that its
 * snapshot says is active.
 *
 * A model has no owner column.  It belongs to the owner of its newest version's large
 * object, which ALTER LARGE OBJECT, REASSIGN OWNED, pg_dump and pg_upgrade take care of.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_largeobject_metadata.h"
#include "libpq/be-fsstubs.h"
#include "miscadmin.h"
#include "storage/large_object.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "pg/base/compat.h"
#include "catalog.h"

/* Columns of hwr.model and hwr.version, in the order of the extension script. */
enum
{
	Anum_model_id = 1,
	Anum_model_name,
	Anum_model_active
};

enum
{
	Anum_version_id = 1,
	Anum_version_model_id,
	Anum_version_version,
	Anum_version_weights,
	Anum_version_hash,
	Anum_version_bytes
};

/* Longer strings are not compared by varstr_levenshtein. */
#define MAX_LEVENSHTEIN_STRLEN 255

/* A scan of a catalog table by one of its indexes. */
typedef struct CatalogScan
{
	Relation	rel;
	SysScanDesc scan;
} CatalogScan;

static void
begin_scan(CatalogScan *cs, const char *table, const char *index, int nkeys, ScanKey keys)
{
	Oid			schema = get_namespace_oid("hwr", false);
	Oid			relid = get_relname_relid(table, schema);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"hwr.%s\" does not exist", table),
				 errhint("Create the extension hwr in this database.")));
	cs->rel = table_open(relid, AccessShareLock);
	cs->scan = systable_beginscan(cs->rel, get_relname_relid(index, schema), true,
								  GetActiveSnapshot(), nkeys, keys);
}

static void
end_scan(CatalogScan *cs)
{
	systable_endscan(cs->scan);
	table_close(cs->rel, AccessShareLock);
}

static Datum
column(CatalogScan *cs, HeapTuple tuple, int attnum, bool *isnull)
{
	return heap_getattr(tuple, attnum, RelationGetDescr(cs->rel), isnull);
}

/* Owner of a large object, InvalidOid if there is none. */
static Oid
large_object_owner(Oid loid)
{
	Relation	rel = table_open(LargeObjectMetadataRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			owner = InvalidOid;

	ScanKeyInit(&key, Anum_pg_largeobject_metadata_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(loid));
	scan = systable_beginscan(rel, LargeObjectMetadataOidIndexId, true, GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		owner = ((Form_pg_largeobject_metadata) GETSTRUCT(tuple))->lomowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}

void
hwr_check_model_name(const char *model)
{
	if (model[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model name must not be empty")));
	if (strlen(model) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("model name is too long"),
				 errdetail("Model names must be less than %d bytes.", NAMEDATALEN)));
}

bool
hwr_catalog_model(const char *model, int32 *id, int32 *active)
{
	ScanKeyData key;
	CatalogScan cs;
	HeapTuple	tuple;
	bool		isnull;

	ScanKeyEntryInitialize(&key, 0, Anum_model_name, BTEqualStrategyNumber, InvalidOid,
						   DEFAULT_COLLATION_OID, F_TEXTEQ, CStringGetTextDatum(model));
	begin_scan(&cs, "model", "model_name_key", 1, &key);
	tuple = systable_getnext(cs.scan);
	if (HeapTupleIsValid(tuple))
	{
		*id = DatumGetInt32(column(&cs, tuple, Anum_model_id, &isnull));
		*active = DatumGetInt32(column(&cs, tuple, Anum_model_active, &isnull));
		if (isnull)
			*active = 0;
	}
	end_scan(&cs);
	return HeapTupleIsValid(tuple);
}

bool
hwr_catalog_version(int32 model_id, int32 version, HwrVersionInfo *out)
{
	ScanKeyData keys[2];
	CatalogScan cs;
	HeapTuple	tuple;
	bool		isnull;
	bool		found = false;

	ScanKeyInit(&keys[0], Anum_version_model_id, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(model_id));
	ScanKeyInit(&keys[1], Anum_version_version, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(version));
	begin_scan(&cs, "version", "version_model_id_version_key", version == 0 ? 1 : 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(cs.scan)))
	{
		int32		number = DatumGetInt32(column(&cs, tuple, Anum_version_version, &isnull));
		bytea	   *hash;

		if (found && number < out->version)
			continue;
		found = true;
		out->version = number;
		out->model_id = model_id;
		out->id = DatumGetInt64(column(&cs, tuple, Anum_version_id, &isnull));
		out->weights = DatumGetObjectId(column(&cs, tuple, Anum_version_weights, &isnull));
		hash = DatumGetByteaPP(column(&cs, tuple, Anum_version_hash, &isnull));
		if (VARSIZE_ANY_EXHDR(hash) != sizeof(out->hash))
			elog(ERROR, "unexpected length of a hash in hwr.version");
		memcpy(out->hash, VARDATA_ANY(hash), sizeof(out->hash));
		out->bytes = DatumGetInt64(column(&cs, tuple, Anum_version_bytes, &isnull));
	}
	end_scan(&cs);
	if (found)
		out->owner = large_object_owner(out->weights);
	return found;
}

/* May the current user see some version of the model? */
static bool
may_see_any(int32 model_id)
{
	ScanKeyData key;
	CatalogScan cs;
	HeapTuple	tuple;
	bool		isnull;
	bool		may_see = false;

	ScanKeyInit(&key, Anum_version_model_id, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(model_id));
	begin_scan(&cs, "version", "version_model_id_version_key", 1, &key);
	while (!may_see && HeapTupleIsValid(tuple = systable_getnext(cs.scan)))
		may_see = hwr_may_see(DatumGetObjectId(column(&cs, tuple, Anum_version_weights, &isnull)));
	end_scan(&cs);
	return may_see;
}

/* The best guess so far at what a wrong name was meant to be. */
typedef struct NearName
{
	const char *wanted;
	int			distance;		/* of the best, one more than is looked for at first */
	char	   *best;
} NearName;

static void
try_name(NearName *near, const char *name)
{
	int			distance;

	if (strlen(near->wanted) > MAX_LEVENSHTEIN_STRLEN || strlen(name) > MAX_LEVENSHTEIN_STRLEN)
		return;
	distance = varstr_levenshtein_less_equal(near->wanted, strlen(near->wanted), name, strlen(name), 1, 1, 1,
											 near->distance, true);
	if (distance < near->distance)
	{
		near->distance = distance;
		near->best = pstrdup(name);
	}
}

/* The nearest name of a model that the current user may see or that is bundled; NULL: none is near. */
static char *
nearest_model(const char *wanted)
{
	NearName	near = {wanted, Min(4, strlen(wanted) / 2 + 1), NULL};
	CatalogScan cs;
	HeapTuple	tuple;
	bool		isnull;

	begin_scan(&cs, "model", "model_name_key", 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(cs.scan)))
	{
		char	   *name = TextDatumGetCString(column(&cs, tuple, Anum_model_name, &isnull));

		if (may_see_any(DatumGetInt32(column(&cs, tuple, Anum_model_id, &isnull))))
			try_name(&near, name);
	}
	end_scan(&cs);
	try_name(&near, HWR_BUNDLED_DEFAULT);
	try_name(&near, HWR_BUNDLED_OTHER);
	return near.best;
}

void
hwr_raise_no_model(const char *model)
{
	char	   *near = nearest_model(model);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", model),
			 near != NULL ? errhint("Perhaps you meant the model \"%s\".", near) :
			 errhint("Train it with hwr_train, or load it with hwr_import_model.")));
}

/* Which versions a model has is nobody's business who may use none of them. */
static void
check_see(const char *model, int32 model_id)
{
	if (!may_see_any(model_id))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", model)));
}

void
hwr_raise_no_version(const char *model, int version)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("version %d of model \"%s\" does not exist", version, model)));
}

void
hwr_catalog_find(const char *model, int version, HwrVersionInfo *out)
{
	int32		id;
	int32		active;

	hwr_check_model_name(model);
	memset(out, 0, sizeof(*out));
	namestrcpy(&out->name, model);
	if (!hwr_catalog_model(model, &id, &active))
	{
		bool		bundled = hwr_bundled_find(model, out);

		if (bundled && version == 0)
			return;
		if (bundled)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("version %d of model \"%s\" does not exist", version, model),
					 errdetail("The model comes with hwr and has no versions.")));
		hwr_raise_no_model(model);
	}
	out->active = active;
	if (version == 0)
		version = active;
	if (version == 0 && hwr_bundled_find(model, out))
		return;
	if (version > 0 && hwr_catalog_version(id, version, out))
		return;
	check_see(model, id);
	if (version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no active version", model),
				 errhint("Choose one with hwr_activate_model.")));
	hwr_raise_no_version(model, version);
}

bool
hwr_catalog_find_active(const char *model, HwrVersionInfo *out)
{
	int32		id;

	memset(out, 0, sizeof(*out));
	namestrcpy(&out->name, model);
	if (hwr_catalog_model(model, &id, &out->active) && out->active > 0)
		return hwr_catalog_version(id, out->active, out);
	return hwr_bundled_find(model, out);
}

void
hwr_catalog_check_see(const char *model)
{
	HwrVersionInfo bundled;
	int32		id;
	int32		active;

	hwr_check_model_name(model);
	bool		stored = hwr_catalog_model(model, &id, &active);

	if ((!stored || active == 0) && hwr_bundled_find(model, &bundled))
		return;
	if (!stored)
		hwr_raise_no_model(model);
	check_see(model, id);
}

bool
hwr_may_see(Oid weights)
{
	Oid			owner = large_object_owner(weights);

	return (OidIsValid(owner) && has_privs_of_role(GetUserId(), owner)) || hwr_may_read(weights);
}

bool
hwr_may_read(Oid weights)
{
	/* For a large object that is gone, the check itself would fail. */
	if (!OidIsValid(large_object_owner(weights)))
		return superuser();

	return lo_compat_privileges ||
		pg_largeobject_aclcheck_snapshot(weights, GetUserId(), ACL_SELECT,
										 GetActiveSnapshot()) == ACLCHECK_OK;
}

/* Its number is not told: whoever knows it could make one in its place. */
pg_noreturn static void
raise_missing(const HwrVersionInfo *version, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the weights of model \"%s\" are missing", NameStr(version->name)),
			 errdetail("The large object of version %d %s.", version->version, why),
			 errhint("Large objects are restored after the rows of tables, and not at all from some kinds of dumps.")));
}

void
hwr_catalog_check_read(const HwrVersionInfo *version)
{
	if (version->bundled)
		return;
	if (!OidIsValid(version->owner))
		raise_missing(version, "does not exist");
	if (!hwr_may_read(version->weights))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", NameStr(version->name))));
}

bytea *
hwr_catalog_read_weights(const HwrVersionInfo *version)
{
	bytea	   *bytes;
	uint8		hash[PG_SHA256_DIGEST_LENGTH];

	if (version->bundled)
		return hwr_bundled_read(version);
	hwr_catalog_check_read(version);

	/*
	 * By the function that SQL calls, not by inv_open: only it registers the end-of-transaction
	 * clean-up of the large objects' relations.
	 */
	bytes = DatumGetByteaP(DirectFunctionCall1(be_lo_get, ObjectIdGetDatum(version->weights)));
	if (VARSIZE(bytes) == VARHDRSZ)
		raise_missing(version, "is empty");
	if (!hwr_sha256((uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, hash))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256 hash")));
	if (memcmp(hash, version->hash, sizeof(hash)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model \"%s\" is corrupted", NameStr(version->name)),
				 errdetail("Its large object is not what was stored as version %d.", version->version)));
	return bytes;
}
