/*
 * corrections.c
 *	  hwr_confirm: a person says that a reading is right as it is; hwr_undo_correction: that he has not said it.
 *
 * Whoever may correct a row may confirm it.  So the row is locked as for an UPDATE of its text, as the
 * current user, with his privileges and the policies that hold for him; what he does not see he
 * cannot confirm, and the text is the row's, not one that he names.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/base/compat.h"
#include "pg/base/identity.h"
#include "pipeline.h"

PG_FUNCTION_INFO_V1(hwr_confirm_row);
PG_FUNCTION_INFO_V1(hwr_undo_correction);
PG_FUNCTION_INFO_V1(hwr_lock_table);
PG_FUNCTION_INFO_V1(hwr_key_matches);

static void
check_may_write(const HwrAttachment *a)
{
	AttrNumber	attno = get_attnum(a->data, a->text);

	if (pg_class_aclcheck(a->data, GetUserId(), ACL_UPDATE) == ACLCHECK_OK ||
		(attno != InvalidAttrNumber && pg_attribute_aclcheck(a->data, attno, GetUserId(), ACL_UPDATE) == ACLCHECK_OK))
		return;
	hwr_check_see_attachment(a);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for table %s", get_rel_name(a->data)),
			 errdetail("To confirm a text is for those who may change it.")));
}

/*
 * The row's image's hash, its text and its key as hwr.queue has it; false: there is none that the user may change, or it has no
 * text.
 */
static bool
lock_row(const HwrAttachment *a, ArrayType *key, Datum *hash, Datum *text, Datum *own_key)
{
	HwrKeyColumn *columns = hwr_key_columns(a);
	StringInfoData sql;
	Oid			types[1] = {TEXTARRAYOID};
	Datum		values[1] = {PointerGetDatum(key)};
	bool		null_hash = true;
	bool		null_text = true;
	AttrNumber	numbers[INDEX_MAX_KEYS];
	int			level = hwr_key_settings();

	RestrictSearchPath();
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT pg_catalog.sha256(t.%s)", quote_identifier(a->image));
	appendStringInfo(&sql, ", t.%s::pg_catalog.text", quote_identifier(a->text));
	for (int i = 0; i < a->nkeys; i++)
	{
		appendStringInfo(&sql, ", t.%s", columns[i].quoted);
		numbers[i] = i + 3;
	}
	appendStringInfo(&sql, " FROM %s AS t WHERE ", hwr_own_rows(a->data));
	hwr_append_key_match(&sql, columns, a->nkeys, "($1)[", "]");
	appendStringInfoString(&sql, " FOR NO KEY UPDATE OF t");
	if (SPI_execute_with_args(sql.data, 1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not lock row: %s", sql.data);
	if (SPI_processed > 0)
	{
		*hash = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null_hash);
		*text = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &null_text);
		*own_key = hwr_key_of_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, numbers, a->nkeys);
	}
	AtEOXact_GUC(false, level);
	return !null_hash && !null_text;
}

/* The attachment, whose text the user may change, and of whose keys key is one. */
static void
load_for_writer(int32 id, ArrayType *key, HwrAttachment *a)
{
	if (!hwr_attachment_load(id, false, a))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("attachment %d does not exist", id)));
	check_may_write(a);
	if (ARR_NDIM(key) != 1 || ARR_DIMS(key)[0] != a->nkeys || array_contains_nulls(key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a key of table \"%s\" has %d columns, none of them null", get_rel_name(a->data), a->nkeys)));
}

/*
 * hwr.confirm_row(attachment integer, key text[]) returns boolean
 */
Datum
hwr_confirm_row(PG_FUNCTION_ARGS)
{
	HwrAttachment a;
	ArrayType  *key = PG_GETARG_ARRAYTYPE_P(1);
	Datum		hash = 0;
	Datum		text = 0;
	Datum		own_key = 0;
	bool		found;

	PreventCommandIfReadOnly("hwr_confirm()");
	SPI_connect();
	load_for_writer(PG_GETARG_INT32(0), key, &a);
	found = lock_row(&a, key, &hash, &text, &own_key);
	if (found)
		hwr_keep_correction(a.id, own_key, hash, text, text);
	SPI_finish();
	PG_RETURN_BOOL(found);
}

/* The text that the row had before, by an UPDATE of the current user's that is no correction. */
static void
write_former(const HwrAttachment *a, Datum key, const char *was)
{
	HwrKeyColumn *columns = hwr_key_columns(a);
	StringInfoData sql;
	Oid			types[2] = {TEXTARRAYOID, TEXTOID};
	Datum		values[2] = {key, was != NULL ? CStringGetTextDatum(was) : (Datum) 0};
	int32		writing = hwr_writing;	/* a trigger of the table may have called us */
	int			level = hwr_key_settings();

	RestrictSearchPath();
	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s AS t SET %s = $2 WHERE ", hwr_own_rows(a->data), quote_identifier(a->text));
	hwr_append_key_match(&sql, columns, a->nkeys, "($1)[", "]");
	PG_TRY();
	{
		hwr_writing = was != NULL ? a->id : 0;	/* a row without a text is queued */
		if (SPI_execute_with_args(sql.data, 2, types, values, was != NULL ? NULL : " n", false, 0) != SPI_OK_UPDATE)
			elog(ERROR, "could not write text: %s", sql.data);
	}
	PG_FINALLY();
	{
		hwr_writing = writing;
	}
	PG_END_TRY();
	if (SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("the former text was not written: a trigger or a policy of the table kept the row as it was")));
	AtEOXact_GUC(false, level);
}

/*
 * hwr.undo_correction(attachment integer, key text[]) returns boolean
 */
Datum
hwr_undo_correction(PG_FUNCTION_ARGS)
{
	HwrAttachment a;
	ArrayType  *key = PG_GETARG_ARRAYTYPE_P(1);
	Datum		hash = 0;
	Datum		text = 0;
	Datum		own_key = 0;
	Oid			types[5] = {INT4OID, TEXTARRAYOID, BYTEAOID, TEXTOID, OIDOID};
	Datum		values[5];
	char	   *was;
	bool		same;
	bool		isnull;

	PreventCommandIfReadOnly("hwr_undo_correction()");
	SPI_connect();
	load_for_writer(PG_GETARG_INT32(0), key, &a);
	if (!lock_row(&a, key, &hash, &text, &own_key))
	{
		SPI_finish();
		PG_RETURN_BOOL(false);
	}
	values[0] = Int32GetDatum(a.id);
	values[1] = own_key;
	values[2] = hash;
	values[3] = text;
	values[4] = ObjectIdGetDatum(GetUserId());
	/* the newest one of this image, if it is the user's, and the text still what he made of it */
	if (hwr_catalog_execute_now("DELETE FROM hwr.correction c WHERE c.id = (SELECT max(x.id) FROM hwr.correction x "
								"WHERE x.attachment = $1 AND x.key = $2 AND x.hash = $3) "
								"AND c.who::oid = $5 AND c.label = $4 RETURNING c.was, coalesce(c.was = c.label, false)", 5,
									types, values) == 0)
	{
		SPI_finish();
		PG_RETURN_BOOL(false);
	}
	was = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	same = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	hwr_catalog_execute_now("UPDATE hwr.read_row r SET corrected = EXISTS (SELECT FROM hwr.correction c WHERE c.attachment = $1 "
							"AND c.key = $2 AND c.hash = $3) "
							"WHERE r.attachment = $1 AND r.key = $2 AND r.hash = $3", 3, types, values);
	hwr_catalog_execute_now("DELETE FROM hwr.read_row r WHERE r.attachment = $1 AND r.key = $2 AND r.hash = $3 "
							"AND NOT r.corrected AND r.model IS NULL", 3, types, values);
	if (!same)
		write_former(&a, own_key, was);
	SPI_finish();
	PG_RETURN_BOOL(true);
}

/*
 * hwr.lock_table(data regclass) returns boolean: its lock, until the transaction ends, for who may read of it
 */
Datum
hwr_lock_table(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Relation	rel;
	char		kind;

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		PG_RETURN_BOOL(false);
	if (!hwr_may_see_table(relid))
		PG_RETURN_BOOL(false);
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		PG_RETURN_BOOL(false);
	kind = rel->rd_rel->relkind;
	relation_close(rel, NoLock);
	PG_RETURN_BOOL(kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE);
}

/*
 * hwr.key_matches(data regclass, key_columns name[]) returns text
 */
Datum
hwr_key_matches(PG_FUNCTION_ARGS)
{
	HwrAttachment a = {.data = PG_GETARG_OID(0)};
	StringInfoData sql;
	Datum	   *names;
	bool	   *nulls;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &names, &nulls, &a.nkeys);
	a.keys = palloc0(a.nkeys * sizeof(char *));
	for (int i = 0; i < a.nkeys; i++)
		a.keys[i] = nulls[i] ? "" : NameStr(*DatumGetName(names[i]));
	initStringInfo(&sql);
	hwr_append_key_match(&sql, hwr_key_columns(&a), a.nkeys, "k.key[", "]");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(sql.data, sql.len));
}
