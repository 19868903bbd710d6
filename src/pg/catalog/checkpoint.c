/*
 * checkpoint.c
 *	  The state of an interrupted training, kept as a large object of its job.
 *
 * It belongs to the extension's owner, because nobody is to read it but this code: it is no model, but what a model
 * could be made from.  Its OID is in hwr.job.checkpoint, so that vacuumlo leaves it alone and dumps carry it along.
 * A newer one replaces it in one transaction.
 */
#include "postgres.h"

#include "catalog/pg_largeobject.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "pg/base/compat.h"
#include "pg/base/identity.h"
#include "pg/base/process_lock.h"
#include "checkpoint.h"

void
hwr_raise_job_removed(int64 job)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("the row of training job %lld has been removed", (long long) job)));
}

/* The checkpoint of a job; InvalidOid: none.  SPI is connected. */
static Oid
find_checkpoint(int64 job)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(job)};
	Datum		loid;
	bool		isnull;

	if (hwr_catalog_execute("SELECT checkpoint FROM hwr.job WHERE id = $1", 1, types, values, NULL) == 0)
		return InvalidOid;
	loid = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? InvalidOid : DatumGetObjectId(loid);
}

/*
 * Is the object there, and the extension owner's as all checkpoints are?  Where it is gone, as
 * after a restore without large objects, anybody can make one of that number.
 */
static bool
is_checkpoint(Oid loid)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(loid)};

	return OidIsValid(loid) &&
		hwr_catalog_query_now("SELECT FROM pg_largeobject_metadata WHERE oid = $1 "
							  "AND pg_has_role(lomowner, current_user, 'USAGE')",
							  1, types, values) > 0;
}

/*
 * Put another checkpoint of this process's job, or none of any job, in the place of the last one.
 * SPI is connected.
 */
static void
replace_checkpoint(int64 job, Oid next, Size len)
{
	Oid			types[3] = {INT8OID, OIDOID, INT8OID};
	Datum		values[3] = {Int64GetDatum(job), ObjectIdGetDatum(next), Int64GetDatum((int64) len)};
	Oid			last = find_checkpoint(job);

	if (is_checkpoint(last))
	{
		HwrIdentity save;

		hwr_become_owner(&save);
		DirectFunctionCall1(be_lo_unlink, ObjectIdGetDatum(last));
		hwr_restore_identity(&save);
	}
	if (hwr_catalog_execute("UPDATE hwr.job SET checkpoint = nullif($2, '0'::oid), "
							"checkpointed = CASE WHEN $2 <> '0'::oid THEN clock_timestamp() END, "
							"checkpoint_bytes = CASE WHEN $2 <> '0'::oid THEN $3 END "
							"WHERE id = $1 AND ($2 = '0'::oid OR pid = pg_backend_pid())",
							3, types, values, NULL) == 0)
		hwr_raise_job_removed(job);
}

void
hwr_checkpoint_store(int64 job, const uint8 *bytes, Size len)
{
	bytea	   *value = MemoryContextAllocHuge(CurrentMemoryContext, len + VARHDRSZ);
	HwrIdentity save;
	Oid			loid;

	SET_VARSIZE(value, len + VARHDRSZ);
	memcpy(VARDATA(value), bytes, len);
	SPI_connect();
	hwr_become_owner(&save);
	loid = DatumGetObjectId(DirectFunctionCall2(be_lo_from_bytea, ObjectIdGetDatum(InvalidOid), PointerGetDatum(value)));
	hwr_restore_identity(&save);
	pfree(value);
	CreateComments(loid, LargeObjectRelationId, 0, psprintf("hwr: checkpoint of training job %lld", (long long) job));
	replace_checkpoint(job, loid, len);
	SPI_finish();
}

void
hwr_checkpoint_drop(int64 job)
{
	SPI_connect();
	replace_checkpoint(job, InvalidOid, 0);
	SPI_finish();
}

bytea *
hwr_checkpoint_read(int64 job)
{
	MemoryContext context = CurrentMemoryContext;
	HwrIdentity save;
	bytea	   *bytes;
	Oid			loid;

	SPI_connect();
	loid = find_checkpoint(job);
	if (!is_checkpoint(loid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("training job %lld has no checkpoint", (long long) job),
				 errhint("Start another training, with option \"base\" to begin with a model.")));
	hwr_become_owner(&save);
	bytes = DatumGetByteaP(DirectFunctionCall1(be_lo_get, ObjectIdGetDatum(loid)));
	hwr_restore_identity(&save);
	bytes = (bytea *) memcpy(MemoryContextAllocHuge(context, VARSIZE(bytes)), bytes, VARSIZE(bytes));
	SPI_finish();
	return bytes;
}

void
hwr_checkpoint_drop_of_model(const char *model, Oid owner)
{
	Oid			types[3] = {TEXTOID, OIDOID, OIDOID};
	Datum		values[3] = {CStringGetTextDatum(model), ObjectIdGetDatum(owner), ObjectIdGetDatum(GetUserId())};
	uint64		n;
	SPITupleTable *jobs;

	n = hwr_catalog_execute("SELECT j.id FROM hwr.job j JOIN pg_roles r ON r.oid = j.owner::oid WHERE j.model = $1 "
							"AND j.checkpoint IS NOT NULL "
							"AND pg_has_role(r.oid, $2, 'USAGE') AND pg_has_role($3, r.oid, 'USAGE') FOR UPDATE OF j",
							3, types, values, NULL);
	jobs = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		int64		job = DatumGetInt64(SPI_getbinval(jobs->vals[i], jobs->tupdesc, 1, &isnull));

		if (!hwr_process_lock_is_held(HWR_LOCK_JOB, (uint64) job))
			replace_checkpoint(job, InvalidOid, 0);
	}
}
