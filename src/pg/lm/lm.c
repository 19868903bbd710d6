/*
 * lm.c
 *	  Language models: built from texts, stored in hwr.lm, loaded for decoding.
 *
 * What may come next says something about the texts that a model was built from.  So a language
 * model is for its owner and the members of the owning role.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/base/status.h"
#include "core/text/bidi.h"
#include "core/text/lm.h"
#include "core/text/text.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/hold.h"
#include "pg/base/interrupt.h"
#include "pg/base/identity.h"
#include "lm.h"

PG_FUNCTION_INFO_V1(hwr_train_lm_texts);
PG_FUNCTION_INFO_V1(hwr_train_lm);
PG_FUNCTION_INFO_V1(hwr_drop_lm);
PG_FUNCTION_INFO_V1(hwr_lm_perplexity_of_texts);

/* Columns of hwr.lm, in the order of the extension script. */
enum
{
	Anum_lm_id = 1,
	Anum_lm_name,
	Anum_lm_owner,
	Anum_lm_model
};

/* Rows fetched from the cursor at a time. */
#define ROWS_FETCHED 256

/* Characters of a text that are looked up without a look for interrupts. */
#define TEXT_PART 8192

/* A model being built. */
typedef struct Training
{
	char	   *name;
	int			ngram;
	HwrHold    *builder;
	int64		skipped;
	MemoryContext row_context;
} Training;

static void
release_builder(void *builder)
{
	hwr_lm_builder_free(builder);
}

void
hwr_release_lm(void *lm)
{
	hwr_lm_free(lm);
}

static void
release_bytes(void *bytes)
{
	free(bytes);
}

static char *
name_argument(FunctionCallInfo fcinfo, int argno)
{
	char	   *name;

	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("language model name must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("language model name must not be empty")));
	return name;
}

static HwrCase
letter_case_of(const char *name)
{
	if (strcmp(name, "keep") == 0)
		return HWR_CASE_KEEP;
	if (strcmp(name, "upper") == 0)
		return HWR_CASE_UPPER;
	if (strcmp(name, "lower") == 0)
		return HWR_CASE_LOWER;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid letter case \"%s\"", name),
			 errhint("Valid values are \"keep\", \"upper\" and \"lower\".")));
}

/*
 * The row of a language model: its id and owner, and its bytes if wanted (palloc'd).  False if there is none.
 */
static bool
find_lm(const char *name, int64 *id, Oid *owner, bytea **bytes)
{
	Oid			schema = get_namespace_oid("hwr", false);
	Oid			relid = get_relname_relid("lm", schema);
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	bool		isnull;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"hwr.%s\" does not exist", "lm"),
				 errhint("Create the extension hwr in this database.")));
	rel = table_open(relid, AccessShareLock);
	ScanKeyEntryInitialize(&key, 0, Anum_lm_name, BTEqualStrategyNumber, InvalidOid,
						   DEFAULT_COLLATION_OID, F_TEXTEQ, CStringGetTextDatum(name));
	scan = systable_beginscan(rel, get_relname_relid("lm_name_key", schema), true,
							  GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		*id = DatumGetInt64(heap_getattr(tuple, Anum_lm_id, RelationGetDescr(rel), &isnull));
		*owner = DatumGetObjectId(heap_getattr(tuple, Anum_lm_owner, RelationGetDescr(rel), &isnull));
		if (bytes != NULL)
			*bytes = DatumGetByteaPCopy(heap_getattr(tuple, Anum_lm_model, RelationGetDescr(rel), &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

pg_noreturn static void
raise_no_lm(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("language model \"%s\" does not exist", name),
			 errhint("Build it with hwr_train_lm.")));
}

static void
check_owner(const char *name, Oid owner)
{
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of language model \"%s\"", name)));
}

int64
hwr_lm_fetch(const char *name, int64 known_id, HwrHold *hold)
{
	int64		id;
	Oid			owner;
	bytea	   *bytes;
	HwrLm	   *lm;
	HwrStatus	st;

	if (!find_lm(name, &id, &owner, NULL))
		raise_no_lm(name);
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for language model \"%s\"", name)));
	if (id == known_id)
		return id;

	find_lm(name, &id, &owner, &bytes);
	if (!hwr_lm_load((uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, &lm, &st))
	{
		if (st.code == HWR_BAD_MODEL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("language model \"%s\" is corrupted", name),
					 errdetail("%s", st.detail)));
		hwr_raise(&st);
	}
	hwr_hold_replace(hold, lm);
	pfree(bytes);
	return id;
}

static Training *
begin_training(char *name, char *letter_case, int ngram, int max_ngrams)
{
	Training   *training = palloc0(sizeof(Training));
	HwrLmBuilder *builder;
	HwrStatus	st;
	HwrCase		mapping = letter_case_of(letter_case);
	int64		id;
	Oid			owner;

	PreventCommandIfReadOnly("hwr_train_lm()");
	training->name = name;
	training->ngram = ngram;
	training->row_context = AllocSetContextCreate(CurrentMemoryContext, "hwr text", ALLOCSET_DEFAULT_SIZES);
	training->builder = hwr_hold_create(CurrentMemoryContext, release_builder);
	if (!hwr_lm_builder_create(ngram, mapping, &builder, &st))
		hwr_raise(&st);
	hwr_hold_replace(training->builder, builder);
	hwr_lm_builder_set_stop(builder, hwr_interrupt_pending, NULL);
	hwr_lm_builder_set_limit(builder, max_ngrams);

	/* Before all the work; what else happens to the name meanwhile is found when the row is written. */
	if (find_lm(name, &id, &owner, NULL))
		check_owner(name, owner);
	return training;
}

static void
add_text(Training *training, Datum value, bool isnull)
{
	MemoryContext old;
	const char *utf8;
	Size		len;
	HwrStatus	st;

	CHECK_FOR_INTERRUPTS();
	if (isnull)
	{
		training->skipped++;
		return;
	}
	MemoryContextReset(training->row_context);
	old = MemoryContextSwitchTo(training->row_context);
	utf8 = hwr_utf8_of(value, &len);
	MemoryContextSwitchTo(old);
	if (!hwr_lm_builder_add(training->builder->object, utf8, len, &st))
	{
		CHECK_FOR_INTERRUPTS();
		if (st.code != HWR_BAD_LABEL)
			hwr_raise(&st);
		training->skipped++;
	}
}

/* Insert the row, or replace the model in the caller's own. */
static void
store(const Training *training, const char *letter_case, const HwrLm *lm, bytea *bytes)
{
	const HwrLmBuilder *builder = training->builder->object;
	Oid			types[] = {TEXTOID, OIDOID, BYTEAOID, INT4OID, TEXTOID, INT8OID, INT8OID, INT8OID};
	Datum		values[lengthof(types)];
	bool		isnull;

	values[0] = CStringGetTextDatum(training->name);
	values[1] = ObjectIdGetDatum(GetUserId());
	values[2] = PointerGetDatum(bytes);
	values[3] = Int32GetDatum(training->ngram);
	values[4] = CStringGetTextDatum(letter_case);
	values[5] = Int64GetDatum(hwr_lm_builder_texts(builder));
	values[6] = Int64GetDatum(hwr_lm_builder_characters(builder));
	values[7] = Int64GetDatum(hwr_lm_ngrams(lm));
	if (hwr_catalog_execute("INSERT INTO hwr.lm (name, owner, model, ngram, letter_case, texts, characters, ngrams) "
							"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING",
							lengthof(types), types, values, NULL) == 1)
		return;
	if (hwr_catalog_execute("SELECT owner FROM hwr.lm WHERE name = $1 FOR UPDATE", 1, types, values, NULL) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("language model \"%s\" was changed concurrently", training->name)));
	check_owner(training->name, DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
															   1, &isnull)));
	hwr_catalog_execute("UPDATE hwr.lm SET id = DEFAULT, model = $3, ngram = $4, letter_case = $5, texts = $6, "
						"characters = $7, ngrams = $8, created = pg_catalog.clock_timestamp() "
						"WHERE name = $1",
						lengthof(types), types, values, NULL);
}

/* Build, store, and the result's row; SPI is connected. */
static void
end_training(Training *training, const char *letter_case, Datum *values)
{
	HwrHold    *lm_hold = hwr_hold_create(CurrentMemoryContext, hwr_release_lm);
	HwrHold    *bytes_hold = hwr_hold_create(CurrentMemoryContext, release_bytes);
	HwrLmBuilder *builder = training->builder->object;
	HwrLm	   *lm;
	uint8	   *bytes;
	size_t		len;
	bytea	   *value;
	HwrStatus	st;

	if (!hwr_lm_builder_finish(builder, &lm, &st))
	{
		CHECK_FOR_INTERRUPTS();
		if (st.code == HWR_BAD_DATA && hwr_lm_builder_texts(builder) == 0 && training->skipped > 0)
			hwr_fail_detail(&st, "All %lld are null, empty or no text.", (long long) training->skipped);
		else
			st.detail[0] = '\0';
		st.hint[0] = '\0';
		hwr_raise(&st);
	}
	hwr_hold_replace(lm_hold, lm);
	if (!hwr_lm_save(lm, &bytes, &len, &st))
		hwr_raise(&st);
	hwr_hold_replace(bytes_hold, bytes);
	if (!AllocSizeIsValid(len + VARHDRSZ))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("language model is too large"),
				 errhint("Use fewer texts or shorter n-grams.")));
	value = palloc(len + VARHDRSZ);
	SET_VARSIZE(value, len + VARHDRSZ);
	memcpy(VARDATA(value), bytes, len);
	store(training, letter_case, lm, value);

	values[0] = Int64GetDatum(hwr_lm_builder_texts(builder));
	values[1] = Int64GetDatum(training->skipped);
	values[2] = Int64GetDatum(hwr_lm_builder_characters(builder));
	values[3] = Int64GetDatum(hwr_lm_ngrams(lm));
	values[4] = Int64GetDatum(len);
	hwr_hold_replace(lm_hold, NULL);
	hwr_hold_replace(bytes_hold, NULL);
	hwr_hold_replace(training->builder, NULL);
}

static Datum
result_row(FunctionCallInfo fcinfo, Datum *values)
{
	TupleDesc	desc;
	bool		nulls[5] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Arguments letter_case, ngram and max_ngrams, with their defaults for NULL. */
static Training *
training_of_arguments(FunctionCallInfo fcinfo, int argno, char **letter_case)
{
	char	   *name = name_argument(fcinfo, 0);
	int			ngram = PG_ARGISNULL(argno + 1) ? 6 : PG_GETARG_INT32(argno + 1);
	int			max_ngrams = PG_ARGISNULL(argno + 2) ? 0 : PG_GETARG_INT32(argno + 2);

	*letter_case = PG_ARGISNULL(argno) ? "keep" : text_to_cstring(PG_GETARG_TEXT_PP(argno));
	if (!PG_ARGISNULL(argno + 2) && max_ngrams < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"max_ngrams\" must be at least 1")));
	return begin_training(name, *letter_case, ngram, max_ngrams);
}

/*
 * hwr_train_lm_texts(name text, texts text[], letter_case text, ngram integer, max_ngrams integer) returns record
 */
Datum
hwr_train_lm_texts(PG_FUNCTION_ARGS)
{
	Training   *training;
	char	   *letter_case;
	Datum	   *texts;
	bool	   *nulls;
	int			n;
	Datum		values[5];

	training = training_of_arguments(fcinfo, 2, &letter_case);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("texts must not be null")));
	hwr_text_elements(PG_GETARG_ARRAYTYPE_P(1), "text", &texts, &nulls, &n);
	for (int i = 0; i < n; i++)
		add_text(training, texts[i], nulls[i]);
	SPI_connect();
	end_training(training, letter_case, values);
	SPI_finish();
	PG_RETURN_DATUM(result_row(fcinfo, values));
}

/* Read the column through a cursor, as the caller. */
static void
add_column(Training *training, Oid relid, const char *label_column)
{
	char	   *label = hwr_find_label_column(relid, label_column);
	char	   *relation = quote_qualified_identifier(get_namespace_name_or_temp(get_rel_namespace(relid)),
													  get_rel_name(relid));
	char	   *sql = psprintf("SELECT %s::pg_catalog.text FROM %s", label, relation);
	Portal		portal = SPI_cursor_open_with_args(NULL, sql, 0, NULL, NULL, NULL, false, 0);

	for (;;)
	{
		SPI_cursor_fetch(portal, true, ROWS_FETCHED);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool		isnull;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

			add_text(training, value, isnull);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_close(portal);
}

/*
 * hwr_train_lm(name text, data regclass, label_column name, letter_case text, ngram integer, max_ngrams integer) returns record
 */
Datum
hwr_train_lm(PG_FUNCTION_ARGS)
{
	Training   *training;
	char	   *letter_case;
	Datum		values[5];

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table must not be null")));
	training = training_of_arguments(fcinfo, 3, &letter_case);
	SPI_connect();
	add_column(training, PG_GETARG_OID(1), PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2)));
	end_training(training, letter_case, values);
	SPI_finish();
	PG_RETURN_DATUM(result_row(fcinfo, values));
}

/*
 * hwr_drop_lm(name text) returns void
 */
Datum
hwr_drop_lm(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0);
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};
	bool		isnull;

	PreventCommandIfReadOnly("hwr_drop_lm()");
	SPI_connect();
	/* the row first: of the name alone, another role's may have become */
	if (hwr_catalog_execute("SELECT id, owner FROM hwr.lm WHERE name = $1 FOR UPDATE", 1, types, values, NULL) == 0)
		raise_no_lm(name);
	values[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	types[0] = INT8OID;
	check_owner(name, DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull)));
	hwr_catalog_execute("DELETE FROM hwr.lm WHERE id = $1", 1, types, values, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* hwr_lm_log_probability; what it is after an interrupt, which the caller looks for, does not matter. */
static double
log_probability(const HwrLm *lm, const uint32_t *codepoints, int n)
{
	int			state = hwr_lm_start(lm);
	double		logp = 0;

	for (int i = 0; i < n && !hwr_interrupt_pending(NULL); i += TEXT_PART)
		logp += hwr_lm_log_probability_of_part(lm, &state, codepoints + i, Min(n - i, TEXT_PART));
	return logp + hwr_lm_next(lm, state, HWR_LM_BOUNDARY, NULL);
}

/*
 * hwr_lm_perplexity(name text, texts text[]) returns double precision: NULL where no text can be measured
 */
Datum
hwr_lm_perplexity_of_texts(PG_FUNCTION_ARGS)
{
	HwrHold    *hold = hwr_hold_create(CurrentMemoryContext, hwr_release_lm);
	const HwrLm *lm;
	Datum	   *texts;
	bool	   *nulls;
	int			n;
	double		logp = 0;
	int64		characters = 0;
	int64		measured = 0;

	hwr_lm_fetch(name_argument(fcinfo, 0), 0, hold);
	lm = hold->object;
	hwr_text_elements(PG_GETARG_ARRAYTYPE_P(1), "text", &texts, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		const char *utf8;
		Size		len;
		char	   *text;
		uint32_t   *codepoints;
		int			length;
		HwrStatus	st;

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			continue;
		utf8 = hwr_utf8_of(texts[i], &len);
		if (!hwr_text_normalize(utf8, len, lm->mapping, &text, &st))
			continue;
		if (hwr_text_decode_ink(text, strlen(text), &codepoints, &length, &st))
		{
			logp += log_probability(lm, codepoints, length);
			characters += length;
			measured++;
			free(codepoints);
		}
		free(text);
		CHECK_FOR_INTERRUPTS();
	}
	hwr_hold_replace(hold, NULL);
	if (measured == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(hwr_lm_perplexity(logp, characters, measured));
}
