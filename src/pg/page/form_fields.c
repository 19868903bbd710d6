/*
 * form_fields.c
 *	  The fields of a form, as a table or a query says them.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/geo_decls.h"
#include "utils/lsyscache.h"

#include "form.h"
#include "pg/base/compat.h"

/* Columns that a table of fields may have; the first two it must. */
enum
{
	COL_NAME, COL_AREA, COL_KIND, COL_MODEL, COL_ALLOW, COL_LEXICON, COL_PATTERN, COL_CELLS, N_COLUMNS
};

static const char *const column_names[N_COLUMNS] = {
	"name", "area", "kind", "model", "allow", "lexicon", "pattern", "cells"
};

static const char *const field_kinds[] = {"text", "comb", "tick"};

char *
hwr_form_table_query(Oid relation)
{
	char	   *name = get_rel_name(relation);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
	return psprintf("SELECT * FROM %s", quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), name));
}

/* Whether a text begins with this word. */
static bool
begins_with(const char *text, const char *word)
{
	size_t		len = strlen(word);

	return pg_strncasecmp(text, word, len) == 0 && (text[len] == '\0' || strchr(" \t\r\n(", text[len]) != NULL);
}

char *
hwr_form_fields_query(text *value)
{
	char	   *query = text_to_cstring(value);
	const char *start = query + strspn(query, " \t\r\n(");

	if (begins_with(start, "SELECT") || begins_with(start, "VALUES") || begins_with(start, "WITH") ||
		begins_with(start, "TABLE"))
		return query;
	return hwr_form_table_query(DatumGetObjectId(DirectFunctionCall1(regclassin, CStringGetDatum(query))));
}

/* The number of each column, 0: there is none; their types are checked. */
static void
find_columns(TupleDesc desc, int column[N_COLUMNS])
{
	for (int k = 0; k < N_COLUMNS; k++)
	{
		int			found = SPI_fnumber(desc, column_names[k]);
		Oid			type;
		bool		ok;

		column[k] = found > 0 ? found : 0;
		if (found <= 0)
		{
			if (k > COL_AREA)
				continue;
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("fields of a form have no column \"%s\"", column_names[k]),
					 errhint("The columns are name, area and, where wanted, kind, model, allow, lexicon, pattern and cells.")));
		}
		type = getBaseType(SPI_gettypeid(desc, found));
		if (k == COL_AREA)
			ok = type == BOXOID || type == POLYGONOID;
		else if (k == COL_LEXICON)
			ok = type == TEXTARRAYOID;
		else if (k == COL_CELLS)
			ok = type == INT4OID;
		else
			ok = type == TEXTOID || type == VARCHAROID || type == BPCHAROID || type == NAMEOID || type == UNKNOWNOID;
		if (!ok)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of the fields of a form is of type %s", column_names[k],
							SPI_gettype(desc, found)),
					 errhint("It must be %s.", k == COL_AREA ? "box or polygon" : k == COL_LEXICON ? "text[]" :
							 k == COL_CELLS ? "integer" : "text")));
	}
}

static char *
get_text(HeapTuple tuple, TupleDesc desc, int column)
{
	return column == 0 ? NULL : SPI_getvalue(tuple, desc, column);
}

static void
set_kind(HwrFormField *field, const char *kind)
{
	StringInfoData hint;

	if (kind == NULL)
		return;
	for (int i = 0; i < (int) lengthof(field_kinds); i++)
		if (strcmp(kind, field_kinds[i]) == 0)
		{
			field->kind = (HwrFieldKind) i;
			field->boxes = field->kind == HWR_FIELD_COMB;
			return;
		}
	field->kind = HWR_FIELD_KNOWN;
	for (int i = 0; hwr_kind_words[i] != NULL; i++)
		if (strcmp(kind, hwr_kind_words[i]) == 0)
		{
			field->known = (HwrKind) i;
			return;
		}
	initStringInfo(&hint);
	for (int i = 0; i < (int) lengthof(field_kinds); i++)
		appendStringInfo(&hint, "\"%s\", ", field_kinds[i]);
	for (int i = 0; hwr_kind_words[i] != NULL; i++)
		appendStringInfo(&hint, "%s\"%s\"", i > 0 ? ", " : "", hwr_kind_words[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("field \"%s\" is of an unrecognized kind \"%s\"", field->name, kind),
			 errhint("The kinds are %s.", hint.data)));
}

static void
set_area(HwrFormField *field, Datum value, Oid type)
{
	BOX		   *box = type == BOXOID ? DatumGetBoxP(value) : &DatumGetPolygonP(value)->boundbox;

	field->x0 = Min(box->low.x, box->high.x);
	field->y0 = Min(box->low.y, box->high.y);
	field->x1 = Max(box->low.x, box->high.x);
	field->y1 = Max(box->low.y, box->high.y);
}

static void
set_field(HwrFormField *field, HeapTuple tuple, TupleDesc desc, const int column[N_COLUMNS])
{
	char	   *texts[N_COLUMNS] = {0};
	bool		null;
	Datum		value;

	for (int k = 0; k < N_COLUMNS; k++)
		if (k != COL_AREA && k != COL_LEXICON && k != COL_CELLS)
			texts[k] = get_text(tuple, desc, column[k]);
	field->name = texts[COL_NAME];
	if (field->name == NULL)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a field of a form has no name")));
	value = SPI_getbinval(tuple, desc, column[COL_AREA], &null);
	if (null)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("field \"%s\" has no area", field->name)));
	set_area(field, value, getBaseType(SPI_gettypeid(desc, column[COL_AREA])));
	set_kind(field, texts[COL_KIND]);
	field->model = texts[COL_MODEL];
	field->allow = texts[COL_ALLOW] == NULL ? NULL : cstring_to_text(texts[COL_ALLOW]);
	field->pattern = texts[COL_PATTERN] == NULL ? NULL : cstring_to_text(texts[COL_PATTERN]);
	if (column[COL_LEXICON] > 0)
	{
		value = SPI_getbinval(tuple, desc, column[COL_LEXICON], &null);
		field->lexicon = null ? NULL : (ArrayType *) PG_DETOAST_DATUM_COPY(value);
	}
	if (column[COL_CELLS] > 0)
	{
		value = SPI_getbinval(tuple, desc, column[COL_CELLS], &null);
		field->cells = null ? 0 : DatumGetInt32(value);
		if (!null && (field->cells < 1 || field->cells > HWR_COMB_CELLS))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"cells\" of field \"%s\" must be between 1 and %d", field->name, HWR_COMB_CELLS)));
		field->boxes = field->boxes || (!null && field->kind != HWR_FIELD_TICK);
	}
	if (field->kind == HWR_FIELD_KNOWN && (field->pattern != NULL || field->lexicon != NULL || field->allow != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("field \"%s\" has a kind that says what may be written in it", field->name),
				 errhint("Leave allow, lexicon and pattern NULL, or make it of kind \"text\".")));
}

HwrFormField *
hwr_form_fields(const char *query, int *n)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	HwrFormField *fields;
	int			column[N_COLUMNS];
	int			result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	result = SPI_execute(query, true, HWR_FORM_MAX_FIELDS + 1);
	if (result != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query for the fields of a form gives no rows")));
	if (SPI_processed > HWR_FORM_MAX_FIELDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a form has at most %d fields", HWR_FORM_MAX_FIELDS)));
	*n = (int) SPI_processed;
	find_columns(SPI_tuptable->tupdesc, column);
	spi = MemoryContextSwitchTo(caller);
	fields = palloc0(Max(*n, 1) * sizeof(HwrFormField));
	for (int i = 0; i < *n; i++)
		set_field(&fields[i], SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column);
	MemoryContextSwitchTo(spi);
	SPI_finish();
	return fields;
}
