/*
 * identity.c
 *	  Whose privileges hold, and statements on the catalog.
 *
 * Users have no privileges on the tables of schema hwr.  What is read there for them is read by table scans
 * (catalog.c) or through views; what is written is written by SPI statements that run as the
 * extension's owner.  Such a statement must not meet the caller's search_path, or
 * an operator of the caller's could run as a superuser.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "identity.h"

/* The owner of hwr.model, who is the owner of the extension. */
static Oid
extension_owner(void)
{
	Oid			relid = get_relname_relid("model", get_namespace_oid("hwr", false));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" does not exist", "hwr.model"),
				 errhint("Create the extension hwr in this database.")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static void
switch_identity(Oid userid, int flags, HwrIdentity *save)
{
	GetUserIdAndSecContext(&save->userid, &save->sec_context);
	SetUserIdAndSecContext(userid, save->sec_context | flags);
	save->guc_nestlevel = NewGUCNestLevel();
	RestrictSearchPath();
}

void
hwr_become_owner(HwrIdentity *save)
{
	switch_identity(extension_owner(), SECURITY_LOCAL_USERID_CHANGE, save);
}

void
hwr_become_user(Oid userid, HwrIdentity *save)
{
	switch_identity(userid, SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION, save);
}

void
hwr_restore_identity(const HwrIdentity *save)
{
	AtEOXact_GUC(false, save->guc_nestlevel);
	SetUserIdAndSecContext(save->userid, save->sec_context);
}

uint64
hwr_catalog_execute(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	HwrIdentity save;
	int			result;

	hwr_become_owner(&save);
	result = SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "catalog statement failed: %s: %s", SPI_result_code_string(result), sql);
	hwr_restore_identity(&save);
	return SPI_processed;
}

uint64
hwr_catalog_query(const char *sql, int nargs, Oid *types, Datum *values)
{
	HwrIdentity save;
	int			result;

	hwr_become_owner(&save);
	result = SPI_execute_with_args(sql, nargs, types, values, NULL, true, 0);
	if (result < 0)
		elog(ERROR, "catalog query failed: %s: %s", SPI_result_code_string(result), sql);
	hwr_restore_identity(&save);
	return SPI_processed;
}

uint64
hwr_catalog_query_now(const char *sql, int nargs, Oid *types, Datum *values)
{
	uint64		n;

	PushActiveSnapshot(GetLatestSnapshot());
	n = hwr_catalog_query(sql, nargs, types, values);
	PopActiveSnapshot();
	return n;
}

uint64
hwr_catalog_execute_now(const char *sql, int nargs, Oid *types, Datum *values)
{
	HwrIdentity save;
	SPIPlanPtr	plan;
	int			result;

	hwr_become_owner(&save);
	plan = SPI_prepare(sql, nargs, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare catalog statement: %s", SPI_result_code_string(SPI_result));
	result = SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(), InvalidSnapshot, false, true, 0);
	if (result < 0)
		elog(ERROR, "catalog statement failed: %s: %s", SPI_result_code_string(result), sql);
	hwr_restore_identity(&save);
	return SPI_processed;
}
