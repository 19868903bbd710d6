/*
 * columns.c
 *	  Tables of labelled images: which columns they are in, and reading the rows.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "columns.h"
#include "compat.h"
#include "settings.h"

/* Rows fetched from the cursor the first time. */
#define FIRST_FETCH 64

struct HwrRows
{
	Portal		portal;
	SPITupleTable *batch;
	uint64		batch_rows;
	uint64		next;
	int64		number;
	uint64		bytes;			/* of the images so far */
	MemoryContext row_context;
};

/* What a column is wanted for. */
typedef struct Role
{
	const char *argument;		/* argument of hwr_train and hwr_evaluate */
	const char *kind;			/* as messages call the type */
	bool		(*accepts) (Oid type);
} Role;

static bool
is_bytea(Oid type)
{
	return getBaseType(type) == BYTEAOID;
}

/* text, varchar, char(n), name, citext, and domains over them; not the one-byte "char". */
static bool
is_text(Oid type)
{
	Oid			base = getBaseType(type);

	return base != CHAROID && TypeCategory(base) == TYPCATEGORY_STRING;
}

static const Role image_role = {"image_column", "bytea", is_bytea};
static const Role label_role = {"label_column", "text", is_text};

static void
check_relation_kind(Relation rel)
{
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_PARTITIONED_TABLE:
			return;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is not a table or view", RelationGetRelationName(rel))));
	}
}

static void
check_type(const Role *role, const char *name, Oid type)
{
	if (!role->accepts(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, not %s", name, format_type_be(type), role->kind)));
}

static Form_pg_attribute
named_column(Relation rel, const Role *role, const char *name)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || strcmp(NameStr(att->attname), name) != 0)
			continue;
		check_type(role, name, att->atttypid);
		return att;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of relation \"%s\" does not exist",
					name, RelationGetRelationName(rel))));
}

static Form_pg_attribute
only_column(Relation rel, const Role *role)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Form_pg_attribute found = NULL;
	int			nfound = 0;
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || !role->accepts(att->atttypid))
			continue;
		found = att;
		appendStringInfo(&names, "%s\"%s\"", nfound++ > 0 ? ", " : "", NameStr(att->attname));
	}
	if (nfound == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" has no %s column", RelationGetRelationName(rel), role->kind),
				 errdetail("Labelled images need a bytea column for the images and a text column for the labels.")));
	if (nfound > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("relation \"%s\" has more than one %s column", RelationGetRelationName(rel), role->kind),
				 errdetail("The columns are %s.", names.data),
				 errhint("Choose one with %s => 'name'.", role->argument)));
	pfree(names.data);
	return found;
}

pg_noreturn static void
raise_no_relation(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("relation with OID %u does not exist", relid)));
}

/*
 * As PostgreSQL does when a table is named in a query: who may read nothing of it does not get a
 * lock on it.  Which columns may be read is seen when they are.
 */
static void
check_may_read(Oid relid)
{
	char	   *name = get_rel_name(relid);
	Oid			schema = get_rel_namespace(relid);

	if (name == NULL)
		raise_no_relation(relid);
	if (hwr_schema_aclcheck(schema, GetUserId(), ACL_USAGE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, get_namespace_name(schema));
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)), name);
}

static Relation
open_labelled(Oid relid)
{
	Relation	rel;

	check_may_read(relid);
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		raise_no_relation(relid);
	check_relation_kind(rel);
	return rel;
}

/* The column as named, or the only one there is; quoted. */
static char *
find_column(Relation rel, const Role *role, const char *name, AttrNumber *number)
{
	Form_pg_attribute att = name != NULL ? named_column(rel, role, name) : only_column(rel, role);

	*number = att->attnum;
	return pstrdup(quote_identifier(NameStr(att->attname)));
}

/*
 * A column to be shown.  A cast of a type that is not PostgreSQL's own may be a function of anyone's, and would run as the
 * caller: the type's output function has its values as text (read_row).
 */
static char *
shown_column(Form_pg_attribute att)
{
	return psprintf("%s%s", quote_identifier(NameStr(att->attname)),
					getBaseType(att->atttypid) < FirstNormalObjectId ? "::pg_catalog.text" : "");
}

/* The relation's name as it is now. */
static char *
relation_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name_or_temp(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

static HwrRelationForm
relation_form(Relation rel)
{
	return (HwrRelationForm) {
		.kind = rel->rd_rel->relkind,
		.policies = check_enable_rls(RelationGetRelid(rel), InvalidOid, true) == RLS_ENABLED
	};
}

static void
find_relation(Relation rel, HwrColumns *out)
{
	out->relation = relation_name(rel);
	out->relid = RelationGetRelid(rel);
	out->form = relation_form(rel);
}

void
hwr_raise_other_relation(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("relation %s is not the one that the training began with", relation),
			 errdetail("It was dropped, became a view, or got row-level security."),
			 errhint("Look at what it is now before you start another training.")));
}

/* Under the name that it has now.  A number stays a column's own: there is no other under it. */
static char *
find_column_again(Relation rel, const Role *role, AttrNumber number, const char *name)
{
	Form_pg_attribute att = number <= RelationGetNumberOfAttributes(rel) ?
		TupleDescAttr(RelationGetDescr(rel), number - 1) : NULL;

	if (att == NULL || att->attisdropped)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column %s of relation \"%s\" does not exist", name, RelationGetRelationName(rel))));
	check_type(role, NameStr(att->attname), att->atttypid);
	return pstrdup(quote_identifier(NameStr(att->attname)));
}

/*
 * Columns that may have been found in an earlier transaction.  Meanwhile the relation's owner can have put a view with
 * functions of his own in the place of a table, which would run as the current user, or have changed a column's type.
 */
static HwrColumns
find_again(const HwrColumns *found)
{
	HwrColumns	now = *found;
	Relation	rel;
	HwrRelationForm form;

	if (get_rel_name(found->relid) == NULL)
		hwr_raise_other_relation(found->relation);
	rel = open_labelled(found->relid);
	form = relation_form(rel);
	if (form.kind != found->form.kind || (form.policies && !found->form.policies))
		hwr_raise_other_relation(found->relation);
	now.image = find_column_again(rel, &image_role, found->image_number, found->image);
	if (found->label_number != 0)
		now.label = find_column_again(rel, &label_role, found->label_number, found->label);
	now.relation = relation_name(rel);
	relation_close(rel, NoLock);
	return now;
}

void
hwr_find_columns(Oid relid, const char *image_column, const char *label_column, HwrColumns *out)
{
	Relation	rel = open_labelled(relid);

	memset(out, 0, sizeof(*out));
	out->image = find_column(rel, &image_role, image_column, &out->image_number);
	out->label = find_column(rel, &label_role, label_column, &out->label_number);
	find_relation(rel, out);

	/* The lock is kept: the table must not change before it is read. */
	relation_close(rel, NoLock);
}

char *
hwr_find_label_column(Oid relid, const char *label_column)
{
	Relation	rel = open_labelled(relid);
	AttrNumber	number;
	char	   *label = find_column(rel, &label_role, label_column, &number);

	relation_close(rel, NoLock);
	return label;
}

static bool
has_column(Relation rel, const Role *role)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped && role->accepts(TupleDescAttr(desc, i)->atttypid))
			return true;
	return false;
}

static bool
may_select(Relation rel, AttrNumber attno)
{
	return pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		(attno > 0 && pg_attribute_aclcheck(RelationGetRelid(rel), attno, GetUserId(), ACL_SELECT) == ACLCHECK_OK);
}

/*
 * What tells rows apart, as far as the caller may read it: the primary key, a row of its columns
 * where there are several, else the place in a table.  NULL where there is neither.
 */
static char *
key_expression(Relation rel)
{
	Oid			constraint;
	Bitmapset  *key = get_primary_key_attnos(RelationGetRelid(rel), false, &constraint);
	StringInfoData sql;
	char	   *shown = NULL;
	int			member = -1;
	int			n = 0;

	if (key == NULL)
	{
		bool		placed = rel->rd_rel->relkind == RELKIND_RELATION || rel->rd_rel->relkind == RELKIND_MATVIEW;

		return placed && may_select(rel, SelfItemPointerAttributeNumber) ? "ctid::pg_catalog.text" : NULL;
	}
	initStringInfo(&sql);
	while ((member = bms_next_member(key, member)) >= 0)
	{
		AttrNumber	attno = member + FirstLowInvalidHeapAttributeNumber;
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attno - 1);

		if (!may_select(rel, attno))
			return NULL;
		appendStringInfo(&sql, "%s%s", n++ > 0 ? ", " : "", quote_identifier(NameStr(att->attname)));
		shown = shown_column(att);
	}
	return n == 1 ? shown : psprintf("ROW(%s)::pg_catalog.text", sql.data);
}

/* Any column will do as one to group by, as long as it can be shown. */
static bool
is_anything(Oid type)
{
	return true;
}

static const Role by_role = {"by", "any", is_anything};

void
hwr_find_columns_to_read(Oid relid, const char *image_column, const char *label_column,
						 const char *by_column, HwrColumns *out)
{
	Relation	rel = open_labelled(relid);

	memset(out, 0, sizeof(*out));
	out->image = find_column(rel, &image_role, image_column, &out->image_number);
	out->label = label_column != NULL || has_column(rel, &label_role) ?
		find_column(rel, &label_role, label_column, &out->label_number) : "NULL";
	out->by = by_column != NULL ? shown_column(named_column(rel, &by_role, by_column)) : NULL;
	out->key = key_expression(rel);
	find_relation(rel, out);
	relation_close(rel, NoLock);
}

static HwrRows *
open_query(const char *sql)
{
	HwrRows    *rows = palloc0(sizeof(HwrRows));

	rows->portal = SPI_cursor_open_with_args(NULL, sql, 0, NULL, NULL, NULL, false, 0);
	/* what is fetched is taken for bytea */
	check_type(&image_role, NameStr(TupleDescAttr(rows->portal->tupDesc, 0)->attname),
			   TupleDescAttr(rows->portal->tupDesc, 0)->atttypid);
	rows->row_context = AllocSetContextCreate(CurrentMemoryContext, "hwr labelled row",
											  ALLOCSET_DEFAULT_SIZES);
	return rows;
}

int64
hwr_rows_count(const HwrColumns *columns)
{
	char	   *sql = psprintf("SELECT pg_catalog.count(*) FROM %s", find_again(columns).relation);
	bool		isnull;

	if (SPI_execute(sql, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not count the rows of %s", columns->relation);
	pfree(sql);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

HwrRows *
hwr_rows_open(const HwrColumns *columns)
{
	HwrColumns	now = find_again(columns);
	HwrRows    *rows;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s, %s::pg_catalog.text", now.image, now.label);
	if (now.key != NULL || now.by != NULL)
		appendStringInfo(&sql, ", %s, %s", now.key != NULL ? now.key : "NULL", now.by != NULL ? now.by : "NULL");
	appendStringInfo(&sql, " FROM %s", now.relation);

	rows = open_query(sql.data);
	pfree(sql.data);
	return rows;
}

HwrRows *
hwr_rows_open_spread(const HwrColumns *columns, int64 every)
{
	HwrColumns	now = find_again(columns);
	char	   *sql = psprintf("SELECT i, l FROM (SELECT %s AS i, %s::pg_catalog.text AS l, pg_catalog.row_number() OVER () AS "
							   "n FROM %s) AS r "
							   "WHERE n %% " INT64_FORMAT " = 0",
							   now.image, now.label, now.relation, Max(every, 1));
	HwrRows    *rows = open_query(sql);

	pfree(sql);
	return rows;
}

const uint8 *
hwr_image_bytes(Datum image, Size *len)
{
	static const uint8 unread = 0;
	bytea	   *bytes;

	*len = toast_raw_datum_size(image) - VARHDRSZ;
	if (*len > (Size) hwr_max_image_bytes * 1024)
		return &unread;
	bytes = DatumGetByteaPP(image);
	return (const uint8 *) VARDATA_ANY(bytes);
}

/* Decode the tuple's columns; what they need is allocated in the current context. */
static void
read_row(HeapTuple tuple, TupleDesc desc, HwrRow *row)
{
	Datum		value;
	bool		isnull;

	value = SPI_getbinval(tuple, desc, 1, &isnull);
	if (!isnull)
		row->image = hwr_image_bytes(value, &row->image_len);
	value = SPI_getbinval(tuple, desc, 2, &isnull);
	if (!isnull)
	{
		text	   *label = DatumGetTextPP(value);
		int			len = VARSIZE_ANY_EXHDR(label);

		/* In SQL_ASCII anything goes, so the core is left to say what is not UTF-8, row by row. */
		row->label = VARDATA_ANY(label);
		if (GetDatabaseEncoding() != PG_SQL_ASCII)
			row->label = pg_server_to_any(VARDATA_ANY(label), len, PG_UTF8);
		row->label_len = row->label == VARDATA_ANY(label) ? (Size) len : strlen(row->label);
	}
	if (desc->natts > 2)
	{
		row->key = SPI_getvalue(tuple, desc, 3);
		row->by = SPI_getvalue(tuple, desc, 4);
	}
}

/*
 * The next rows from the cursor.  Values in a table's TOAST stay there until they are read, but a view's or a
 * foreign table's come along: so as many rows as would fill a batch if their images were like those before.
 */
static bool
fetch(HwrRows *rows)
{
	uint64		count = rows->number == 0 ? FIRST_FETCH :
		HWR_ROWS_BATCH_BYTES / (rows->bytes / rows->number + 1);

	if (rows->batch != NULL)
		SPI_freetuptable(rows->batch);
	SPI_cursor_fetch(rows->portal, true, Max(1, Min(count, HWR_ROWS_BATCH)));
	rows->batch = SPI_tuptable;
	rows->batch_rows = SPI_processed;
	rows->next = 0;
	return rows->batch_rows > 0;
}

int
hwr_rows_next_batch(HwrRows *rows, int limit, HwrRow *batch)
{
	MemoryContext old;
	Size		bytes = 0;
	int			n = 0;

	if (rows->next == rows->batch_rows && !fetch(rows))
		return 0;
	MemoryContextReset(rows->row_context);
	old = MemoryContextSwitchTo(rows->row_context);
	/* not beyond what was fetched: images that are not in TOAST are there, and stay for as long as it does */
	while (n < limit && bytes < HWR_ROWS_BATCH_BYTES && rows->next < rows->batch_rows)
	{
		HwrRow	   *row = &batch[n++];

		memset(row, 0, sizeof(*row));
		row->number = ++rows->number;
		read_row(rows->batch->vals[rows->next++], rows->batch->tupdesc, row);
		bytes += row->image_len;
	}
	MemoryContextSwitchTo(old);
	rows->bytes += bytes;
	return n;
}

bool
hwr_rows_next(HwrRows *rows, HwrRow *row)
{
	return hwr_rows_next_batch(rows, 1, row) > 0;
}

void
hwr_rows_close(HwrRows *rows)
{
	if (rows->batch != NULL)
		SPI_freetuptable(rows->batch);
	SPI_cursor_close(rows->portal);
	MemoryContextDelete(rows->row_context);
	pfree(rows);
}
