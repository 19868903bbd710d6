/*
 * owner.c
 *	  Whose a model is, for those who change it.
 *
 * A model belongs to the owner of its newest version's large object.  Who changes a model locks its
 * row first, and the owner of that very row, by its id, is judged with a snapshot of this moment:
 * the active snapshot of a cursor, or of a transaction that is repeatable read, may show a model,
 * or an owner, that no longer is.  The large object is locked too, as ALTER LARGE OBJECT does, so
 * that it does not change hands between the judgement and the change.
 *
 * A large object's number can be taken by anybody where the object is gone, as after a restore
 * without large objects.  So an object whose bytes have not the hash that the row tells gives no
 * rights, is not removed, and passes on no grants.
 *
 * A name that has no model yet is reserved for the training that will store one.
 */
#include "postgres.h"

#include "catalog/pg_largeobject.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "pg/base/compat.h"
#include "pg/base/identity.h"
#include "pg/base/process_lock.h"
#include "catalog.h"

/* A foreign object may be of any length: no more is read than the row says there are. */
static bool
has_hash(const HwrVersionInfo *version)
{
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	bytea	   *bytes;
	HwrIdentity save;
	bool		same;

	hwr_become_owner(&save);
	bytes = DatumGetByteaP(DirectFunctionCall3(be_lo_get_fragment, ObjectIdGetDatum(version->weights),
											   Int64GetDatum(0), Int32GetDatum((int32) Min(version->bytes + 1, INT_MAX))));
	hwr_restore_identity(&save);
	same = VARSIZE(bytes) - VARHDRSZ == version->bytes &&
		hwr_sha256((uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, hash) &&
		memcmp(hash, version->hash, sizeof(hash)) == 0;
	pfree(bytes);
	return same;
}

bool
hwr_catalog_is_intact(const HwrVersionInfo *version)
{
	bool		intact;

	PushActiveSnapshot(GetLatestSnapshot());
	intact = LargeObjectExists(version->weights) && has_hash(version);
	PopActiveSnapshot();
	return intact;
}

/* A version whose object is gone, or none of ours, is nobody's: a matter for superusers. */
static bool
has_owner(const HwrVersionInfo *version)
{
	return OidIsValid(version->owner) && hwr_catalog_is_intact(version);
}

pg_noreturn static void
raise_not_owner(const char *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of model \"%s\"", model)));
}

bool
hwr_catalog_version_now(int32 model_id, int32 version, HwrVersionInfo *out)
{
	bool		found;

	memset(out, 0, sizeof(*out));
	PushActiveSnapshot(GetLatestSnapshot());
	found = hwr_catalog_version(model_id, version, out);
	PopActiveSnapshot();
	return found;
}

Oid
hwr_catalog_owner(const char *model, int32 model_id, Oid role)
{
	HwrVersionInfo newest;
	bool		owned;

	if (!hwr_catalog_version_now(model_id, 0, &newest))
		return InvalidOid;
	if (OidIsValid(newest.owner))
	{
		LockDatabaseObject(LargeObjectRelationId, newest.weights, 0, AccessShareLock);
		(void) hwr_catalog_version_now(model_id, 0, &newest);	/* the lock may have been waited for */
	}
	owned = has_owner(&newest);
	if (owned ? !has_privs_of_role(role, newest.owner) : !superuser_arg(role))
		raise_not_owner(model);
	return owned ? newest.owner : role;
}

int32
hwr_catalog_lock_own(const char *model, int32 *active, Oid *owner)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(model)};
	int32		id;
	bool		isnull;

	hwr_check_model_name(model);
	if (hwr_catalog_execute("SELECT id, active FROM hwr.model WHERE name = $1 FOR UPDATE", 1, types, values, NULL) == 0)
	{
		HwrVersionInfo bundled;

		if (hwr_bundled_find(model, &bundled))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" does not exist in this database", model),
					 errdetail("It comes with hwr, and has no owner, no versions and no grants.")));
		hwr_raise_no_model(model);
	}
	id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	*active = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	if (isnull)
		*active = 0;
	*owner = hwr_catalog_owner(model, id, GetUserId());
	if (!OidIsValid(*owner) && !superuser())	/* a row without versions, which a superuser may have left */
		raise_not_owner(model);
	return id;
}

/*
 * Names
 */

void
hwr_catalog_lock_name(const char *model)
{
	uint64		number = DatumGetUInt64(hash_any_extended((const unsigned char *) model, strlen(model), 0));

	(void) hwr_transaction_lock(HWR_LOCK_NAME, number, true);
}

void
hwr_catalog_check_reserved(const char *model, Oid role, int64 job)
{
	Oid			types[2] = {TEXTOID, INT8OID};
	Datum		values[2] = {CStringGetTextDatum(model), Int64GetDatum(job)};
	uint64		n;
	SPITupleTable *jobs;

	SPI_connect();
	n = hwr_catalog_query_now("SELECT id, owner::oid FROM hwr.job WHERE model = $1 AND id <> $2 "
							  "AND state IN ('queued', 'starting', 'running')", 2, types, values);
	jobs = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		int64		other = DatumGetInt64(SPI_getbinval(jobs->vals[i], jobs->tupdesc, 1, &isnull));
		Oid			owner = DatumGetObjectId(SPI_getbinval(jobs->vals[i], jobs->tupdesc, 2, &isnull));

		/* a job that could store its version in this role's model is not hindered */
		if (!has_privs_of_role(owner, role) && hwr_process_lock_is_held(HWR_LOCK_JOB, (uint64) other))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("model name \"%s\" is reserved", model),
					 errdetail("A training of another role is to store a model of this name."),
					 errhint("Choose another name, or wait until it has ended.")));
	}
	SPI_finish();
}

bool
hwr_catalog_check_owner(const char *model, Oid role, int64 job)
{
	HwrVersionInfo newest;
	int32		id;
	int32		active;
	bool		found;

	hwr_check_model_name(model);
	PushActiveSnapshot(GetLatestSnapshot());
	found = hwr_catalog_model(model, &id, &active);
	PopActiveSnapshot();
	if (!found)
		hwr_catalog_check_reserved(model, role, job);
	else if (!superuser_arg(role) && hwr_catalog_version_now(id, 0, &newest) &&
			 !(OidIsValid(newest.owner) && has_privs_of_role(role, newest.owner) && has_owner(&newest)))
		raise_not_owner(model);
	return found;
}
