/*
 * corrections_of.c
 *	  An attached table, read as whom it concerns by who looks at hwr_corrections.
 *
 * Who looks at hwr_corrections has not named the tables that it reads, of which a superuser sees all.  What a table's owner has
 * put on it, policies, and expressions of indexes and constraints, which are computed where a query is planned, must not run as
 * who looks.  So the table is read as its owner, or as the role that attached it, where the user may do what that role may; else
 * as the user, who has corrected rows of it himself.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "pg/base/compat.h"
#include "pg/base/identity.h"
#include "pipeline.h"

PG_FUNCTION_INFO_V1(hwr_corrections_of);
PG_FUNCTION_INFO_V1(hwr_role_sees_row);

/* Rows that are fetched at once. */
#define CHUNK 1000

static Oid
reader_of(const HwrAttachment *a)
{
	Oid			owner = hwr_table_owner(a->data);

	if (has_privs_of_role(GetUserId(), owner))
		return owner;
	return OidIsValid(a->role) && has_privs_of_role(GetUserId(), a->role) ? a->role : GetUserId();
}

static Datum
name_array(char **names, int n)
{
	Datum	   *elements = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = DirectFunctionCall1(namein, CStringGetDatum(names[i]));
	return PointerGetDatum(construct_array(elements, n, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
}

/* As a->role; images stay in TOAST. */
static void
fetch_rows(const HwrAttachment *a, Tuplestorestate *rows)
{
	Oid			types[4] = {INT4OID, REGCLASSOID, NAMEOID, NAMEARRAYOID};
	Datum		values[4] = {Int32GetDatum(a->id), ObjectIdGetDatum(a->data)};
	HwrIdentity save;
	Portal		portal;

	values[2] = DirectFunctionCall1(namein, CStringGetDatum(a->image));
	values[3] = name_array(a->keys, a->nkeys);
	hwr_become_user(a->role, &save);
	portal = SPI_cursor_open_with_args(NULL, "SELECT * FROM hwr.table_corrections($1, $2, $3, $4)", 4, types, values, NULL,
									   true, 0);
	do
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, CHUNK);
		for (uint64 i = 0; i < SPI_processed; i++)
			tuplestore_puttuple(rows, SPI_tuptable->vals[i]);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed == CHUNK);
	SPI_cursor_close(portal);
	hwr_restore_identity(&save);
}

/*
 * hwr.corrections_of(number integer) returns table (...): none of a table of which the user may read nothing, or which has
 * come to belong to another who would have his code run as somebody else.
 */
Datum
hwr_corrections_of(PG_FUNCTION_ARGS)
{
	HwrAttachment a;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	if (hwr_attachment_load(PG_GETARG_INT32(0), false, &a) && hwr_may_see_table(a.data))
	{
		a.role = reader_of(&a);
		if (hwr_is_table_owners(&a, AccessShareLock))
			fetch_rows(&a, ((ReturnSetInfo *) fcinfo->resultinfo)->setResult);
	}
	SPI_finish();
	return (Datum) 0;
}

/*
 * hwr.role_sees_row(number integer, key text[]) returns boolean: for members of the role that attached the table
 */
Datum
hwr_role_sees_row(PG_FUNCTION_ARGS)
{
	Oid			types[4] = {REGCLASSOID, NAMEOID, NAMEARRAYOID, TEXTARRAYOID};
	Datum		values[4];
	HwrAttachment a;
	HwrIdentity save;
	bool		sees = false;

	SPI_connect();
	if (hwr_attachment_load(PG_GETARG_INT32(0), false, &a) && OidIsValid(a.role) && has_privs_of_role(GetUserId(), a.role) &&
		hwr_is_table_owners(&a, AccessShareLock))
	{
		bool		isnull;

		values[0] = ObjectIdGetDatum(a.data);
		values[1] = DirectFunctionCall1(namein, CStringGetDatum(a.image));
		values[2] = name_array(a.keys, a.nkeys);
		values[3] = PG_GETARG_DATUM(1);
		hwr_become_user(a.role, &save);
		if (SPI_execute_with_args("SELECT hwr.sees_row($1, $2, $3, $4)", 4, types, values, NULL, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not look for a row");
		hwr_restore_identity(&save);
		sees = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)) && !isnull;
	}
	SPI_finish();
	PG_RETURN_BOOL(sees);
}
