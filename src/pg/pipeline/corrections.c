/*
 * corrections.c
 *	  hwr_confirm: a person says that a reading is right as it is.
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

#include "pg/base/compat.h"
#include "pg/base/identity.h"
#include "pipeline.h"

PG_FUNCTION_INFO_V1(hwr_confirm_row);
PG_FUNCTION_INFO_V1(hwr_lock_table);

static void
check_may_write(const HwrAttachment *a)
{
	AttrNumber	attno = get_attnum(a->data, a->text);

	if (pg_class_aclcheck(a->data, GetUserId(), ACL_UPDATE) != ACLCHECK_OK &&
		(attno == InvalidAttrNumber || pg_attribute_aclcheck(a->data, attno, GetUserId(), ACL_UPDATE) != ACLCHECK_OK))
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
	appendStringInfoString(&sql, " FROM ");
	appendStringInfo(&sql, "%s AS t WHERE ", quote_qualified_identifier(get_namespace_name(get_rel_namespace(a->data)), get_rel_name(a->data)));
	for (int i = 0; i < a->nkeys; i++)
		appendStringInfo(&sql, "%st.%s %s ($1)[%d]::%s", i > 0 ? " AND " : "", columns[i].quoted, columns[i].equals, i + 1, columns[i].type);
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
	if (!hwr_attachment_load(PG_GETARG_INT32(0), false, &a))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("attachment %d does not exist", PG_GETARG_INT32(0))));
	check_may_write(&a);
	if (ARR_NDIM(key) != 1 || ARR_DIMS(key)[0] != a.nkeys || array_contains_nulls(key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a key of table \"%s\" has %d columns, none of them null", get_rel_name(a.data), a.nkeys)));
	found = lock_row(&a, key, &hash, &text, &own_key);
	if (found)
		hwr_keep_correction(a.id, own_key, hash, text, text);
	SPI_finish();
	PG_RETURN_BOOL(found);
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

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
		PG_RETURN_BOOL(false);
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		PG_RETURN_BOOL(false);
	kind = rel->rd_rel->relkind;
	relation_close(rel, NoLock);
	PG_RETURN_BOOL(kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE);
}
