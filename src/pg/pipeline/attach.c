/*
 * attach.c
 *	  hwr_attach and what undoes, pauses and repeats it: the parts that write the catalog.
 *
 * Whose an attachment is: the role that made it, whose privileges hold when its rows are read and
 * written.  A superuser who attaches another's table does so for the table's owner: a worker runs
 * triggers, defaults and policies that the owner of the table has made, and these must not run with
 * more privileges than he has.
 *
 * Every function here is called by the SQL functions of attach.sql, but can be called by anyone, and
 * trusts nothing that it is told.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/base/compat.h"
#include "pg/base/identity.h"
#include "pg/catalog/cache.h"
#include "pg/catalog/catalog.h"
#include "pipeline.h"

PG_FUNCTION_INFO_V1(hwr_store_attachment);
PG_FUNCTION_INFO_V1(hwr_delete_attachment);
PG_FUNCTION_INFO_V1(hwr_pause_attachment);
PG_FUNCTION_INFO_V1(hwr_queue_rows);
PG_FUNCTION_INFO_V1(hwr_set_trial);
PG_FUNCTION_INFO_V1(hwr_set_baseline);

/* Rows queued by one statement. */
#define CHUNK 1000

/* Who may execute hwr_attach may do what it does. */
static void
check_may_attach(void)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(GetUserId())};

	if (hwr_catalog_query("SELECT FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid "
						  "AND d.deptype = 'e' "
						  "JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid "
						  "AND e.extname = 'hwr' "
						  "WHERE p.proname = 'hwr_attach' AND has_function_privilege($1, p.oid, 'EXECUTE')", 1, types,
							  values) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s", "hwr_attach")));
}

/* The role must be able to do what it will have to; which rows it sees is seen then. */
static void
check_privileges(Oid relid, Oid role, FunctionCallInfo fcinfo)
{
	static const struct
	{
		int			argument;
		AclMode		mode;
	}			needs[] = {{1, ACL_SELECT}, {2, ACL_SELECT}, {2, ACL_UPDATE}, {3, ACL_UPDATE}};

	for (int i = 0; i < lengthof(needs); i++)
	{
		AttrNumber	attno;

		if (PG_ARGISNULL(needs[i].argument))
			continue;
		attno = get_attnum(relid, NameStr(*PG_GETARG_NAME(needs[i].argument)));
		if (pg_class_aclcheck(relid, role, needs[i].mode) != ACLCHECK_OK &&
			(attno == InvalidAttrNumber || pg_attribute_aclcheck(relid, attno, role, needs[i].mode) != ACLCHECK_OK))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for table %s", get_rel_name(relid)),
					 errdetail("Role \"%s\" needs SELECT on key, image and text, and UPDATE on text and confidence.",
							   GetUserNameFromId(role, false))));
	}
}

/*
 * The column of the images, and the key, which is the primary key: no more columns than an index can have,
 * and one row for each value.
 */
static void
check_columns(Oid relid, FunctionCallInfo fcinfo)
{
	const char *image = NameStr(*PG_GETARG_NAME(1));
	AttrNumber	attno = get_attnum(relid, image);
	Oid			types[2] = {OIDOID, NAMEARRAYOID};
	Datum		values[2] = {ObjectIdGetDatum(relid), PG_GETARG_DATUM(4)};
	bool		isnull;

	if (attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", image, get_rel_name(relid))));
	hwr_check_image_type(relid, image, get_atttype(relid, attno));
	if (hwr_catalog_query_now("SELECT a.attname::text, format_type(a.atttypid, NULL), hwr.is_plain_key(a.atttypid) "
							  "FROM pg_index i "
							  "CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, n) JOIN pg_attribute a "
							  "ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
							  "WHERE i.indrelid = $1 AND i.indisprimary AND k.n <= i.indnkeyatts AND "
							  "$2 = ARRAY(SELECT x.attname FROM unnest(i.indkey::int2[]) WITH ORDINALITY y (attnum, n) "
							  "JOIN pg_attribute x ON x.attrelid = i.indrelid AND x.attnum = y.attnum "
							  "WHERE y.n <= i.indnkeyatts ORDER BY y.n) ORDER BY 3", 2, types, values) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("key of table \"%s\" is not its primary key", get_rel_name(relid))));
	if (!DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot attach table \"%s\" by a key of type %s", get_rel_name(relid),
						SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2)),
				 errdetail("Keys are kept as text, and checks of the type would run as whoever looks at them."),
				 errhint("Composite types, and arrays and ranges of domains, can be no key.")));
}

/* One that finds lines has no text to write: loading it says so. */
static void
check_model(const char *model, int32 number, Oid role)
{
	HwrIdentity save;
	HwrVersionInfo version;

	hwr_check_model_name(model);
	hwr_become_user(role, &save);
	hwr_catalog_find(model, number, &version);
	(void) hwr_cache_get(&version);
	hwr_restore_identity(&save);
}

static char *
relation_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

/* Triggers are the table's owner's to drop, and are dropped in his name. */
static void
drop_trigger(Oid relid, const char *name)
{
	char	   *sql = psprintf("DROP TRIGGER IF EXISTS %s ON %s", quote_identifier(name), relation_name(relid));
	HwrIdentity save;

	hwr_become_user(hwr_table_owner(relid), &save);
	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not drop trigger: %s", sql);
	hwr_restore_identity(&save);
}

/*
 * A dump of the table alone brings triggers without the attachment that they are of.  They do nothing, but have names that
 * another attachment will want.
 */
static void
drop_stale_triggers(Oid relid)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(relid)};
	uint64		n;
	SPITupleTable *found;

	n = hwr_catalog_query_now("SELECT t.tgrelid, t.tgname::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
							  "WHERE t.tgrelid IN (SELECT $1 UNION SELECT relid FROM pg_partition_tree($1)) "
							  "AND t.tgparentid = '0'::oid AND p.pronamespace = 'hwr'::regnamespace "
							  "AND t.tgname::text ~ '^hwr_(before|after|truncate)_[0-9]+$' "
							  "AND NOT EXISTS (SELECT FROM hwr.attachment a WHERE a.data::oid = t.tgrelid "
							  "AND a.id::text = regexp_replace(t.tgname::text, '^.*_', ''))", 1, types, values);
	found = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;

		drop_trigger(DatumGetObjectId(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull)),
					 SPI_getvalue(found->vals[i], found->tupdesc, 2));
	}
}

/* Until the transaction's end, by when the triggers are there and rows have been queued. */
static void
check_partitions(Oid relid, Oid role)
{
	HwrAttachment a = {.data = relid,.role = role,.owner = hwr_table_owner(relid)};

	(void) hwr_check_table_owner(&a, AccessShareLock);
}

/*
 * hwr.store_attachment(data regclass, image_column name, text_column name, confidence_column name,
 * key_columns name[], model text, mode text,
 *		reread text, doubtful float8, retries integer, retry_after interval, queue_limit bigint, on_full text,
 *		batch integer) returns integer
 */
Datum
hwr_store_attachment(PG_FUNCTION_ARGS)
{
	Oid			types[] = {OIDOID, NAMEOID, NAMEOID, NAMEOID, NAMEARRAYOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, INT4OID,
		INTERVALOID, INT8OID,
		TEXTOID, INT4OID, OIDOID, OIDOID};
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types) + 1];
	Oid			relid;
	Oid			role = GetUserId();
	int32		id;
	bool		isnull;

	PreventCommandIfReadOnly("hwr_attach()");
	for (int i = 0; i < lengthof(types) - 2; i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		values[i] = fcinfo->args[i].value;
	}
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(4) || PG_ARGISNULL(5))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table, columns, key and model must not be null")));
	relid = PG_GETARG_OID(0);
	SPI_connect();
	check_may_attach();
	if (pg_class_aclcheck(relid, GetUserId(), ACL_TRIGGER) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table %s", get_rel_name(relid))));
	if (superuser())
		role = hwr_table_owner(relid);
	check_privileges(relid, role, fcinfo);
	check_columns(relid, fcinfo);
	check_model(text_to_cstring(PG_GETARG_TEXT_PP(5)), 0, role);
	check_partitions(relid, role);
	drop_stale_triggers(relid);
	values[lengthof(types) - 2] = ObjectIdGetDatum(role);
	values[lengthof(types) - 1] = ObjectIdGetDatum(hwr_table_owner(relid));
	nulls[lengthof(types) - 2] = nulls[lengthof(types) - 1] = ' ';
	nulls[lengthof(types)] = '\0';
	/* what a dropped table has left */
	hwr_catalog_execute("WITH gone AS (DELETE FROM hwr.attachment a WHERE NOT EXISTS (SELECT FROM pg_class c "
						"WHERE c.oid = a.data::oid) RETURNING id), "
						"q AS (DELETE FROM hwr.queue WHERE attachment IN (SELECT id FROM gone)), r AS (DELETE FROM hwr.read_row "
						"WHERE attachment IN (SELECT id FROM gone)), "
						"c AS (DELETE FROM hwr.correction WHERE attachment IN (SELECT id FROM gone)), s AS (DELETE "
						"FROM hwr.shadow WHERE attachment IN (SELECT id FROM gone)), "
						"w AS (DELETE FROM hwr.drift_window WHERE attachment IN (SELECT id FROM gone)), t AS (DELETE "
						"FROM hwr.trial WHERE attachment IN (SELECT id FROM gone)) DELETE FROM hwr.batch "
						"WHERE attachment IN (SELECT id FROM gone)",
						0, NULL, NULL, NULL);
	if (hwr_catalog_execute("SELECT a.data::text, a.data::oid = $1, CASE WHEN a.text_column = $3 THEN $3 ELSE $4 END "
							"FROM hwr.attachment a WHERE (a.text_column = $3 OR a.confidence_column = $4) "
							"AND (a.data::oid = $1 OR a.data::oid IN (SELECT relid FROM pg_partition_ancestors($1)) "
							"OR a.data::oid IN (SELECT relid FROM pg_partition_tree($1))) LIMIT 1",
							lengthof(types), types, values, nulls) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("column \"%s\" of table \"%s\" is attached already",
						SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3), get_rel_name(relid)),
				 DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull)) ? 0 :
				 errdetail("It is attached with table %s.", SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
				 errhint("hwr_detach ends that.")));
	hwr_catalog_execute("INSERT INTO hwr.attachment (data, image_column, text_column, confidence_column, key_columns, model, "
						"mode, reread, doubtful, retries, "
						"retry_after, queue_limit, on_full, batch, role, owner) "
						"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id",
						lengthof(types), types, values, nulls);
	id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	PG_RETURN_INT32(id);
}

/* Lock the attachment for a change by its role, the table's owner, or a superuser. */
static void
lock_own(int32 id, HwrAttachment *out)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(id)};
	bool		found;

	found = hwr_catalog_execute_now("SELECT FROM hwr.attachment WHERE id = $1 FOR UPDATE", 1, types, values) > 0 &&
		hwr_attachment_load(id, false, out);
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("attachment %d does not exist", id)));
	if ((OidIsValid(out->role) && has_privs_of_role(GetUserId(), out->role)) ||
		has_privs_of_role(GetUserId(), hwr_table_owner(out->data)))
		return;
	hwr_check_see_attachment(out);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for attachment of table \"%s\"", get_rel_name(out->data))));
}

/* Whoever may end the attachment ends its triggers. */
static void
drop_triggers(const HwrAttachment *a)
{
	static const char *const names[] = {"hwr_before", "hwr_after", "hwr_truncate"};

	for (int i = 0; i < lengthof(names); i++)
		drop_trigger(a->data, psprintf("%s_%d", names[i], a->id));
}

/*
 * hwr.delete_attachment(attachment integer, forget boolean) returns void
 */
Datum
hwr_delete_attachment(PG_FUNCTION_ARGS)
{
	static const char *const statements[] = {
		"DELETE FROM hwr.queue WHERE attachment = $1", "DELETE FROM hwr.read_row WHERE attachment = $1",
		"DELETE FROM hwr.batch WHERE attachment = $1",
		"DELETE FROM hwr.shadow WHERE attachment = $1", "DELETE FROM hwr.drift_window WHERE attachment = $1",
			"DELETE FROM hwr.trial WHERE attachment = $1",
		"DELETE FROM hwr.attachment WHERE id = $1", "DELETE FROM hwr.correction WHERE attachment = $1"
	};
	HwrAttachment a;
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {PG_GETARG_DATUM(0)};

	PreventCommandIfReadOnly("hwr_detach()");
	SPI_connect();
	lock_own(PG_GETARG_INT32(0), &a);
	drop_triggers(&a);
	for (int i = 0; i < lengthof(statements) - !PG_GETARG_BOOL(1); i++)
		hwr_catalog_execute_now(statements[i], 1, types, values);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hwr.pause_attachment(attachment integer, pause boolean) returns void
 */
Datum
hwr_pause_attachment(PG_FUNCTION_ARGS)
{
	HwrAttachment a;
	Oid			types[2] = {INT4OID, BOOLOID};
	Datum		values[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};

	PreventCommandIfReadOnly(PG_GETARG_BOOL(1) ? "hwr_pause()" : "hwr_unpause()");
	SPI_connect();
	lock_own(PG_GETARG_INT32(0), &a);
	hwr_catalog_execute_now("UPDATE hwr.attachment SET paused = $2, next_try = NULL WHERE id = $1", 2, types, values);
	SPI_finish();
	if (!PG_GETARG_BOOL(1))
		hwr_note_queued(a.id, 0);
	PG_RETURN_VOID();
}

/*
 * hwr.set_trial(attachment integer, model text, version integer, share float8, shadow boolean) returns integer
 */
Datum
hwr_set_trial(PG_FUNCTION_ARGS)
{
	HwrAttachment a;
	Oid			types[5] = {INT4OID, TEXTOID, INT4OID, FLOAT8OID, BOOLOID};
	Datum		values[5];
	char		nulls[6] = "     ";
	bool		ends = PG_ARGISNULL(1);
	uint64		n;
	int32		trial = 0;
	bool		isnull;

	PreventCommandIfReadOnly("hwr_try()");
	for (int i = 0; i < 5; i++)
	{
		values[i] = fcinfo->args[i].value;
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	if (PG_ARGISNULL(0) || (!ends && (PG_ARGISNULL(3) || PG_ARGISNULL(4) || !(PG_GETARG_FLOAT8(3) > 0 &&
																			  PG_GETARG_FLOAT8(3) <= 1))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the share of the rows must be above 0 and at most 1")));
	SPI_connect();
	lock_own(PG_GETARG_INT32(0), &a);
	if (!ends)
	{
		if (!PG_ARGISNULL(2) && PG_GETARG_INT32(2) <= 0)
			hwr_raise_no_version(text_to_cstring(PG_GETARG_TEXT_PP(1)), PG_GETARG_INT32(2));
		check_model(text_to_cstring(PG_GETARG_TEXT_PP(1)), PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2), a.role);
		/* who begins it sees what it reads: the table's owner may be no member of that role */
		check_model(text_to_cstring(PG_GETARG_TEXT_PP(1)), PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2), GetUserId());
	}
	n = hwr_catalog_execute_now("UPDATE hwr.trial SET ended = clock_timestamp() WHERE attachment = $1 AND ended IS NULL "
								"RETURNING id", 1, types, values);
	if (n > 0)
		trial = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (!ends)
	{
		hwr_catalog_execute("INSERT INTO hwr.trial (attachment, model, version, share, shadow) VALUES ($1, $2, $3, $4, $5) "
							"RETURNING id", 5, types, values, nulls);
		trial = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	if (trial == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(trial);
}

/*
 * hwr.set_baseline(attachment integer, keep boolean) returns bigint
 */
Datum
hwr_set_baseline(PG_FUNCTION_ARGS)
{
	HwrAttachment a;
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {PG_GETARG_DATUM(0)};
	Datum		rows = Int64GetDatum(0);
	bool		isnull = true;

	PreventCommandIfReadOnly("hwr_set_baseline()");
	SPI_connect();
	lock_own(PG_GETARG_INT32(0), &a);
	if (!PG_GETARG_BOOL(1))
	{
		hwr_catalog_execute_now("UPDATE hwr.attachment SET baseline = NULL, baseline_source = NULL, drift = NULL WHERE id = $1",
								1, types, values);
		hwr_catalog_execute_now("DELETE FROM hwr.drift_window WHERE attachment = $1 AND baseline IS NULL", 1, types, values);
	}
	else if (hwr_catalog_execute_now("UPDATE hwr.attachment a SET baseline = s.features, baseline_source = 'hwr_set_baseline', "
									 "drift = NULL "
									 "FROM (SELECT hwr.features_sum(l.features) AS features FROM (SELECT w.features "
									 "FROM hwr.drift_window w WHERE w.attachment = $1 "
									 "ORDER BY w.id DESC LIMIT 5) l) s WHERE a.id = $1 AND s.features IS NOT NULL "
									 "RETURNING (s.features->>'n')::bigint", 1, types, values) > 0)
		rows = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	else
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no window of table \"%s\" is full yet", get_rel_name(a.data)),
				 errhint("hwr_drift_windows lists those that are.")));
	SPI_finish();
	PG_RETURN_INT64(DatumGetInt64(rows));
}

/*
 * Queueing what is in the table
 */

/* keys[n], text[] each, as the elements of a text[]. */
static uint64
queue_keys(int32 id, Datum *keys, int n)
{
	Oid			types[2] = {INT4OID, TEXTARRAYOID};
	Datum		values[2] = {Int32GetDatum(id), PointerGetDatum(construct_array(keys, n, TEXTOID, -1, false, TYPALIGN_INT))};

	return n == 0 ? 0 : hwr_catalog_execute_now("INSERT INTO hwr.queue (attachment, key) SELECT $1, k::text[] FROM unnest($2) k "
												"ORDER BY 2 ON CONFLICT DO NOTHING",
												2, types, values);
}

/* Rows that have an image and no text, as far as the role sees them. */
static uint64
queue_missing(const HwrAttachment *a)
{
	MemoryContext chunk = AllocSetContextCreate(CurrentMemoryContext, "hwr keys", ALLOCSET_DEFAULT_SIZES);
	AttrNumber	columns[INDEX_MAX_KEYS];
	StringInfoData sql;
	HwrIdentity save;
	Portal		portal;
	uint64		queued = 0;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < a->nkeys; i++)
	{
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", quote_identifier(a->keys[i]));
		columns[i] = i + 1;
	}
	appendStringInfo(&sql, " FROM %s WHERE %s IS NOT NULL", hwr_own_rows(a->data), quote_identifier(a->image));
	appendStringInfo(&sql, " AND %s IS NULL", quote_identifier(a->text));
	hwr_become_user(a->role, &save);
	portal = SPI_cursor_open_with_args(NULL, sql.data, 0, NULL, NULL, NULL, true, 0);
	hwr_restore_identity(&save);
	for (;;)
	{
		Datum		keys[CHUNK];
		MemoryContext caller;
		int			n;

		CHECK_FOR_INTERRUPTS();
		hwr_become_user(a->role, &save);
		SPI_cursor_fetch(portal, true, CHUNK);
		hwr_restore_identity(&save);
		n = (int) SPI_processed;
		caller = MemoryContextSwitchTo(chunk);
		for (int i = 0; i < n; i++)
		{
			Datum		key = hwr_key_of_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, columns, a->nkeys);

			keys[i] = CStringGetTextDatum(OidOutputFunctionCall(F_ARRAY_OUT, key));
		}
		SPI_freetuptable(SPI_tuptable);
		queued += queue_keys(a->id, keys, n);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(chunk);
		if (n < CHUNK)
			break;
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(chunk);
	return queued;
}

/* What another version than the active one has read. */
static uint64
queue_read(const HwrAttachment *a, bool all)
{
	Oid			types[5] = {INT4OID, TEXTOID, INT4OID, FLOAT8OID, BOOLOID};
	Datum		values[5];
	HwrIdentity save;
	HwrVersionInfo version;

	hwr_become_user(a->role, &save);
	hwr_catalog_find(a->model, 0, &version);
	hwr_restore_identity(&save);
	values[0] = Int32GetDatum(a->id);
	values[1] = CStringGetTextDatum(a->model);
	values[2] = Int32GetDatum(version.version);
	values[3] = Float8GetDatum(a->doubtful);
	values[4] = BoolGetDatum(all);
	return hwr_catalog_execute_now("INSERT INTO hwr.queue (attachment, key, lane) SELECT r.attachment, r.key, 1 "
								   "FROM hwr.read_row r "
								   "WHERE r.attachment = $1 AND NOT r.corrected AND r.model IS NOT NULL "
								   "AND (r.model, r.version) IS DISTINCT FROM ($2, $3) AND ($5 OR r.confidence < $4) "
								   "AND NOT EXISTS (SELECT FROM hwr.queue q WHERE q.attachment = $1 AND q.key = r.key "
								   "AND q.lane = 0 AND NOT q.failed) "
								   "ORDER BY r.key ON CONFLICT DO NOTHING",
								   5, types, values);
}

static uint64
queue_failed(const HwrAttachment *a)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(a->id)};

	return hwr_catalog_execute_now("UPDATE hwr.queue SET failed = false, attempts = 0, due = clock_timestamp() "
								   "WHERE attachment = $1 AND sqlstate IS NOT NULL",
								   1, types, values);
}

/*
 * hwr.queue_rows(attachment integer, which text) returns bigint
 */
Datum
hwr_queue_rows(PG_FUNCTION_ARGS)
{
	char	   *which = text_to_cstring(PG_GETARG_TEXT_PP(1));
	HwrAttachment a;
	uint64		n = 0;

	PreventCommandIfReadOnly("hwr_reread()");
	SPI_connect();
	lock_own(PG_GETARG_INT32(0), &a);
	if (!OidIsValid(a.role))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the role that attached table \"%s\" does not exist", get_rel_name(a.data)),
				 errhint("hwr_detach, then hwr_attach again.")));
	(void) hwr_check_table_owner(&a, AccessShareLock);
	if (strcmp(which, "missing") == 0)
		n = queue_missing(&a);
	else if (strcmp(which, "failed") == 0)
		n = queue_failed(&a);
	else
		n = queue_read(&a, strcmp(which, "all") == 0);
	SPI_finish();
	if (n > 0)
		hwr_note_queued(a.id, (int64) n);
	PG_RETURN_INT64((int64) n);
}
