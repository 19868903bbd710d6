/*
 * attachment.c
 *	  Rows of hwr.attachment, and keys of the rows that are read.
 *
 * A row that waits is known by its primary key, whose values are kept as text: as the types' output
 * functions write them, in settings that are the same in every session, so that one row has one
 * entry and text becomes the same value again.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "pg/base/compat.h"
#include "pg/base/identity.h"
#include "pipeline.h"

int
hwr_prefer_indexes(void)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("enable_bitmapscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	/* a table that is scanned after all has a cost beyond all bounds, and compiling such a plan takes longer than running it */
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

uint64
hwr_catalog_plan_execute(HwrCatalogPlan *plan, Datum *values, const char *nulls)
{
	HwrIdentity save;
	int			result;
	int			level;

	hwr_become_owner(&save);
	level = hwr_prefer_indexes();
	if (plan->plan == NULL)
	{
		SPIPlanPtr	prepared = SPI_prepare(plan->sql, plan->nargs, plan->types);

		if (prepared == NULL)
			elog(ERROR, "could not prepare catalog statement: %s", SPI_result_code_string(SPI_result));
		SPI_keepplan(prepared);
		plan->plan = prepared;
	}
	result = SPI_execute_snapshot(plan->plan, values, nulls, GetLatestSnapshot(), InvalidSnapshot, false, true, 0);
	if (result < 0)
		elog(ERROR, "catalog statement failed: %s: %s", SPI_result_code_string(result), plan->sql);
	AtEOXact_GUC(false, level);
	hwr_restore_identity(&save);
	return SPI_processed;
}

static char *
text_column(int column, MemoryContext context)
{
	char	   *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	return value != NULL ? MemoryContextStrdup(context, value) : NULL;
}

static Datum
column(int number, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number, isnull);
}

static void
read_keys(HwrAttachment *out, MemoryContext context)
{
	Datum	   *elements;
	bool		isnull;

	deconstruct_array(DatumGetArrayTypeP(column(6, &isnull)), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &out->nkeys);
	out->keys = MemoryContextAlloc(context, Max(out->nkeys, 1) * sizeof(char *));
	for (int i = 0; i < out->nkeys; i++)
		out->keys[i] = MemoryContextStrdup(context, TextDatumGetCString(elements[i]));
}

bool
hwr_attachment_load(int32 id, bool lock, HwrAttachment *out)
{
#define COLUMNS "SELECT a.data::oid, coalesce((SELECT r.oid FROM pg_roles r " \
				"WHERE r.oid = a.role::oid), '0'::oid), a.image_column::text, a.text_column::text, a.confidence_column::text, " \
				"a.key_columns::text[], " \
	"a.model, a.mode = 'now', a.mode = 'notify', a.doubtful, a.retries, coalesce(a.queue_limit, 0), a.on_full = 'fail', " \
	"a.batch, a.paused, " \
	"coalesce(t.id, 0), t.model, coalesce(t.version, 0), coalesce(t.share, 0), coalesce(t.shadow, false), a.owner::oid, " \
	"t.problem IS NOT NULL " \
	"FROM hwr.attachment a LEFT JOIN hwr.trial t ON t.attachment = a.id AND t.ended IS NULL WHERE a.id = $1 AND EXISTS (SELECT " \
	"FROM pg_class c WHERE c.oid = a.data::oid)"
	static HwrCatalogPlan plans[2] = {{COLUMNS, 1, {INT4OID}}, {COLUMNS " FOR KEY SHARE OF a", 1, {INT4OID}}};
	MemoryContext context = CurrentMemoryContext;
	Datum		value = Int32GetDatum(id);
	bool		found;
	bool		isnull;

	memset(out, 0, sizeof(*out));
	out->id = id;
	SPI_connect();
	found = hwr_catalog_plan_execute(&plans[lock], &value, NULL) > 0;
	if (found)
	{
		out->data = DatumGetObjectId(column(1, &isnull));
		out->role = DatumGetObjectId(column(2, &isnull));
		out->image = text_column(3, context);
		out->text = text_column(4, context);
		out->confidence = text_column(5, context);
		read_keys(out, context);
		out->model = text_column(7, context);
		out->now = DatumGetBool(column(8, &isnull));
		out->notify = DatumGetBool(column(9, &isnull));
		out->doubtful = DatumGetFloat8(column(10, &isnull));
		out->retries = DatumGetInt32(column(11, &isnull));
		out->queue_limit = DatumGetInt64(column(12, &isnull));
		out->fail_when_full = DatumGetBool(column(13, &isnull));
		out->batch = DatumGetInt32(column(14, &isnull));
		out->paused = DatumGetBool(column(15, &isnull));
		out->trial = DatumGetInt32(column(16, &isnull));
		out->trial_model = text_column(17, context);
		out->trial_version = DatumGetInt32(column(18, &isnull));
		out->trial_share = DatumGetFloat8(column(19, &isnull));
		out->shadow = DatumGetBool(column(20, &isnull));
		out->owner = DatumGetObjectId(column(21, &isnull));
		out->trial_fails = DatumGetBool(column(22, &isnull));
	}
	SPI_finish();
	return found;
}

bool
hwr_may_see_table(Oid relid)
{
	return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK;
}

void
hwr_check_see_attachment(const HwrAttachment *a)
{
	if (!hwr_may_see_table(a->data))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for attachment %d", a->id)));
}

/*
 * A column can have been given another's name, and the bytes of a value of another type are not those of an image, if they are a
 * pointer to bytes at all.
 */
void
hwr_check_image_type(Oid relid, const char *name, Oid type)
{
	if (getBaseType(type) != BYTEAOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" is of type %s, not bytea", name, get_rel_name(relid),
						format_type_be(type)),
				 errhint("hwr_detach, then hwr_attach with the column that has the images.")));
}

int
hwr_key_settings(void)
{
	static const char *const settings[][2] = {
		{"datestyle", "ISO, YMD"}, {"intervalstyle", "postgres"}, {"timezone", "UTC"},
		{"extra_float_digits", "1"}, {"bytea_output", "hex"}
	};
	int			level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* Types whose text is the same whatever the settings are: for them a session need not change any. */
static bool
is_plain(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case UUIDOID:
		case NUMERICOID:
		case BOOLOID:
		case OIDOID:
			return true;
		default:
			return false;
	}
}

Datum
hwr_key_of_tuple(HeapTuple tuple, TupleDesc desc, const AttrNumber *columns, int nkeys)
{
	Datum	   *elements = palloc(nkeys * sizeof(Datum));
	int			level = -1;

	for (int i = 0; i < nkeys && level < 0; i++)
		if (!is_plain(getBaseType(SPI_gettypeid(desc, columns[i]))))
			level = hwr_key_settings();
	for (int i = 0; i < nkeys; i++)
	{
		char	   *value = SPI_getvalue(tuple, desc, columns[i]);

		if (value == NULL)
			elog(ERROR, "null in a primary key");
		elements[i] = CStringGetTextDatum(value);
	}
	if (level >= 0)
		AtEOXact_GUC(false, level);
	return PointerGetDatum(construct_array(elements, nkeys, TEXTOID, -1, false, TYPALIGN_INT));
}

static char *
equality(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR);
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(entry->eq_opr));
	Form_pg_operator operator;
	char	   *result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "no equality for type %u", type);
	operator = (Form_pg_operator) GETSTRUCT(tuple);
	result = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(operator->oprnamespace)),
					  NameStr(operator->oprname));
	ReleaseSysCache(tuple);
	return result;
}

/* Key columns have their own collation, which a text from elsewhere must not contradict; "" where the type has none. */
static char *
collate(Oid relid, AttrNumber attno)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attno));
	Form_pg_collation form;
	Oid			collation;
	char	   *result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for attribute %d of relation %u", attno, relid);
	collation = ((Form_pg_attribute) GETSTRUCT(tuple))->attcollation;
	ReleaseSysCache(tuple);
	if (!OidIsValid(collation))
		return "";
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	result = psprintf(" COLLATE %s",
					  quote_qualified_identifier(get_namespace_name(form->collnamespace), NameStr(form->collname)));
	ReleaseSysCache(tuple);
	return result;
}

HwrKeyColumn *
hwr_key_columns(const HwrAttachment *a)
{
	HwrKeyColumn *columns = palloc0(a->nkeys * sizeof(HwrKeyColumn));

	for (int i = 0; i < a->nkeys; i++)
	{
		AttrNumber	attno = get_attnum(a->data, a->keys[i]);
		Oid			type;

		if (attno == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist", a->keys[i], get_rel_name(a->data)),
					 errhint("After a change of the table's primary key: hwr_detach, then hwr_attach again.")));
		type = get_atttype(a->data, attno);
		columns[i].name = a->keys[i];
		columns[i].quoted = pstrdup(quote_identifier(a->keys[i]));
		columns[i].equals = equality(getBaseType(type));
		columns[i].cast = psprintf("::%s%s",
								   format_type_extended(getBaseType(type), -1,
														FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY),
								   collate(a->data, attno));
	}
	return columns;
}

void
hwr_append_key_match(StringInfo sql, const HwrKeyColumn *columns, int n, const char *before, const char *after)
{
	for (int i = 0; i < n; i++)
		appendStringInfo(sql, "%st.%s %s %s%d%s%s", i > 0 ? " AND " : "", columns[i].quoted, columns[i].equals, before, i + 1,
						 after, columns[i].cast);
}
