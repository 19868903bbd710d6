/*
 * catalog_write.c
 *	  Storing versions and measurements.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "core/base/status.h"
#include "core/model/model.h"
#include "core/text/metrics.h"
#include "core/text/spelling.h"
#include "core/text/text.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "catalog.h"

/* Column of the only row of the last catalog statement. */
static Datum
result_column(int row, int number, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, isnull);
}

/*
 * Row of hwr.model, made if need be, and the number of its next version.  The row stays locked, so
 * that versions of one model are stored one after the other.
 */
static void
lock_model(const char *model, HwrVersionInfo *out)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(model)};
	bool		isnull;

	hwr_catalog_execute("INSERT INTO hwr.model (name) VALUES ($1) ON CONFLICT (name) DO NOTHING",
						1, types, values, NULL);
	if (hwr_catalog_execute("UPDATE hwr.model SET last_version = last_version + 1 WHERE name = $1 "
							"RETURNING id, last_version, coalesce(active, 0), chosen", 1, types, values, NULL) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("model \"%s\" was dropped concurrently", model)));
	out->model_id = DatumGetInt32(result_column(0, 1, &isnull));
	out->version = DatumGetInt32(result_column(0, 2, &isnull));
	out->active = DatumGetInt32(result_column(0, 3, &isnull));
	out->chosen = DatumGetBool(result_column(0, 4, &isnull));
}

/* A new large object of this role. */
static Oid
store_bytes(Oid owner, const uint8 *bytes, Size len)
{
	bytea	   *value = MemoryContextAllocHuge(CurrentMemoryContext, len + VARHDRSZ);
	HwrIdentity save;
	Oid			loid;

	SET_VARSIZE(value, len + VARHDRSZ);
	memcpy(VARDATA(value), bytes, len);
	hwr_become_user(owner, &save);
	loid = DatumGetObjectId(DirectFunctionCall2(be_lo_from_bytea, ObjectIdGetDatum(InvalidOid),
												PointerGetDatum(value)));
	hwr_restore_identity(&save);
	pfree(value);
	return loid;
}

/* What \dl+ shows, and hwr_orphans after DROP EXTENSION. */
static void
describe(const HwrVersionInfo *version)
{
	CreateComments(version->weights, LargeObjectRelationId, 0, psprintf(HWR_DESCRIPTION, version->version,
																		NameStr(version->name)));
}

/*
 * Whoever was granted the active version, or the newest where none is active, may read the new one
 * too, or retraining would lock readers out.
 */
static void
copy_grants(int32 model_id, int32 active, Oid weights, Oid owner)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1];
	HwrVersionInfo source;
	StringInfoData sql;
	HwrIdentity save;
	uint64		n;
	SPITupleTable *grants;

	if (!hwr_catalog_version_now(model_id, active, &source) || !hwr_catalog_is_intact(&source))
		return;
	values[0] = ObjectIdGetDatum(source.weights);
	n = hwr_catalog_execute("SELECT a.grantee, a.is_grantable FROM pg_largeobject_metadata l, aclexplode(l.lomacl) a "
							"WHERE l.oid = $1 AND a.privilege_type = 'SELECT' AND a.grantee <> l.lomowner",
							1, types, values, NULL);
	grants = SPI_tuptable;
	initStringInfo(&sql);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Oid			grantee = DatumGetObjectId(SPI_getbinval(grants->vals[i], grants->tupdesc, 1, &isnull));
		bool		grantable = DatumGetBool(SPI_getbinval(grants->vals[i], grants->tupdesc, 2, &isnull));

		resetStringInfo(&sql);
		appendStringInfo(&sql, "GRANT SELECT ON LARGE OBJECT %u TO %s%s", weights,
						 OidIsValid(grantee) ? quote_identifier(GetUserNameFromId(grantee, false)) : "PUBLIC",
						 grantable ? " WITH GRANT OPTION" : "");
		hwr_become_user(owner, &save);
		if (SPI_execute(sql.data, false, 0) < 0)
			elog(ERROR, "could not grant model");
		hwr_restore_identity(&save);
	}
}

/* A core string as a text datum in the server's encoding. */
static Datum
utf8_datum(const char *utf8)
{
	return CStringGetTextDatum(hwr_from_utf8(utf8));
}

static int64
insert_version(const HwrVersionInfo *info, Size len, const HwrModel *meta, int64 job)
{
	Oid			types[] = {INT4OID, INT4OID, OIDOID, BYTEAOID, INT8OID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, INT8OID,
	TEXTOID};
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types) + 1] = "            ";
	bytea	   *hash = palloc(VARHDRSZ + sizeof(info->hash));
	char	   *alphabet;
	char	   *spellings = NULL;
	HwrStatus	st;
	bool		isnull;

	SET_VARSIZE(hash, VARHDRSZ + sizeof(info->hash));
	memcpy(VARDATA(hash), info->hash, sizeof(info->hash));
	values[0] = Int32GetDatum(info->model_id);
	values[1] = Int32GetDatum(info->version);
	values[2] = ObjectIdGetDatum(info->weights);
	values[3] = PointerGetDatum(hash);
	values[4] = Int64GetDatum(len);
	values[5] = CStringGetTextDatum(meta->net.vgsl);
	values[7] = Int64GetDatum(meta->net.nvalues);
	values[8] = utf8_datum(meta->options != NULL && meta->options[0] != '\0' ? meta->options : "{}");
	values[9] = utf8_datum(meta->card != NULL ? meta->card : "{}");
	values[10] = Int64GetDatum(job);
	if (job == 0)
		nulls[10] = 'n';
	if (!hwr_alphabet_characters(&meta->alphabet, &alphabet, &st))
		hwr_raise(&st);
	if (!hwr_spellings_to_json(&meta->alphabet, &spellings, &st))
	{
		free(alphabet);
		hwr_raise(&st);
	}
	PG_TRY();
	{
		values[6] = utf8_datum(alphabet);
		values[11] = spellings != NULL ? utf8_datum(spellings) : (Datum) 0;
		nulls[11] = spellings != NULL ? ' ' : 'n';
	}
	PG_FINALLY();
	{
		free(alphabet);
		free(spellings);
	}
	PG_END_TRY();

	hwr_catalog_execute("INSERT INTO hwr.version (model_id, version, weights, hash, bytes, architecture, alphabet, "
						"parameters, options, card, job, spellings) "
						"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::jsonb, $11, $12::jsonb -> 'texts') RETURNING id",
						lengthof(types), types, values, nulls);
	return DatumGetInt64(result_column(0, 1, &isnull));
}

/*
 * Whose the next version is, of a model whose row is locked: the owner's of those before, or role's
 * if there are none.
 */
static void
settle_owner(const char *model, Oid role, int64 job, HwrVersionInfo *out)
{
	out->owner = hwr_catalog_owner(model, out->model_id, role);
	if (OidIsValid(out->owner))
		return;
	hwr_catalog_check_reserved(model, role, job);
	out->owner = role;
}

void
hwr_catalog_store(const char *model, Oid owner, const uint8 *bytes, Size len,
				  const HwrModel *meta, int64 job, HwrVersionInfo *out)
{
	hwr_check_model_name(model);
	memset(out, 0, sizeof(*out));
	namestrcpy(&out->name, model);
	if (!hwr_sha256(bytes, len, out->hash))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256 hash")));

	SPI_connect();
	hwr_catalog_lock_name(model);
	lock_model(model, out);
	settle_owner(model, owner, job, out);
	out->weights = store_bytes(out->owner, bytes, len);
	describe(out);
	CommandCounterIncrement();	/* the large object must be visible to GRANT */
	copy_grants(out->model_id, out->active, out->weights, out->owner);
	out->id = insert_version(out, len, meta, job);
	SPI_finish();
}

/* Give a version back the number it had, unless that is in use; lock_model has given it the next one. */
static void
renumber(HwrVersionInfo *version, int32 number)
{
	Oid			types[2] = {INT4OID, INT4OID};
	Datum		values[2] = {Int32GetDatum(version->model_id), Int32GetDatum(number)};

	if (number <= 0 || number == version->version ||
		hwr_catalog_execute("SELECT FROM hwr.version WHERE model_id = $1 AND version = $2", 2, types, values, NULL) > 0)
		return;
	hwr_catalog_execute("UPDATE hwr.model SET last_version = greatest(last_version - 1, $2) WHERE id = $1", 2, types, values,
						NULL);
	version->version = number;
}

void
hwr_catalog_adopt(const char *model, Oid weights, int32 version, const uint8 *bytes, Size len,
				  const HwrModel *meta, HwrVersionInfo *out)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(weights)};
	Oid			owner;
	bool		isnull;

	hwr_check_model_name(model);
	memset(out, 0, sizeof(*out));
	namestrcpy(&out->name, model);
	out->weights = weights;
	if (!hwr_sha256(bytes, len, out->hash))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256 hash")));

	SPI_connect();
	hwr_catalog_query_now("SELECT lomowner FROM pg_largeobject_metadata WHERE oid = $1", 1, types, values);
	out->owner = DatumGetObjectId(result_column(0, 1, &isnull));
	owner = out->owner;
	hwr_catalog_lock_name(model);
	lock_model(model, out);
	settle_owner(model, owner, 0, out);
	if (out->owner != owner)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("model \"%s\" belongs to another role", model)));
	renumber(out, version);
	out->id = insert_version(out, len, meta, 0);
	describe(out);
	SPI_finish();
}

void
hwr_catalog_activate(const HwrVersionInfo *version)
{
	Oid			types[2] = {INT4OID, INT4OID};
	Datum		values[2] = {Int32GetDatum(version->model_id), Int32GetDatum(version->version)};

	SPI_connect();
	hwr_catalog_execute("UPDATE hwr.model SET active = $2, chosen = false WHERE id = $1", 2, types, values, NULL);
	SPI_finish();
}

/* A figure, NULL where it is undefined. */
static Datum
figure(double value, char *null)
{
	*null = isnan(value) ? 'n' : ' ';
	return Float8GetDatum(value);
}

static void
add_confusions(int64 metric_id, const HwrConfusions *confusions)
{
	Oid			types[4] = {INT8OID, TEXTOID, TEXTOID, INT8OID};
	SPIPlanPtr	plan;
	HwrIdentity save;

	hwr_become_owner(&save);
	/* Characters that the database's encoding lacks are all question marks. */
	plan = SPI_prepare("INSERT INTO hwr.confusion AS c (metric_id, truth, guess, count) VALUES ($1, $2, $3, $4) "
					   "ON CONFLICT (metric_id, truth, guess) DO UPDATE SET count = c.count + EXCLUDED.count", 4, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare catalog statement: %s", SPI_result_code_string(SPI_result));
	for (int i = 0; i < confusions->n; i++)
	{
		const HwrConfusion *pair = &confusions->pairs[i];
		Datum		values[4];

		values[0] = Int64GetDatum(metric_id);
		values[1] = CStringGetTextDatum(hwr_from_codepoint(pair->truth));
		values[2] = CStringGetTextDatum(hwr_from_codepoint(pair->guess));
		values[3] = Int64GetDatum(pair->count);
		if (SPI_execute_plan(plan, values, NULL, false, 0) < 0)
			elog(ERROR, "could not store confusions");
		pfree(DatumGetPointer(values[1]));
		pfree(DatumGetPointer(values[2]));
	}
	hwr_restore_identity(&save);
}

int64
hwr_catalog_add_metric(int64 version_id, Oid owner, const char *split, const char *data, int64 skipped, int64 overlap,
					   const HwrMetrics *metrics, const HwrConfusions *confusions)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, INT8OID, INT8OID,
		FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, INT8OID, OIDOID};
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types) + 1] = "              ";
	int64		id;
	bool		isnull;

	values[0] = Int64GetDatum(version_id);
	values[1] = CStringGetTextDatum(split);
	values[2] = CStringGetTextDatum(data);
	values[3] = Int64GetDatum(metrics->images);
	values[4] = Int64GetDatum(skipped);
	values[5] = figure(hwr_metrics_loss(metrics), &nulls[5]);
	values[6] = figure(hwr_metrics_cer(metrics), &nulls[6]);
	values[7] = figure(hwr_metrics_wer(metrics), &nulls[7]);
	values[8] = figure(hwr_metrics_exact(metrics), &nulls[8]);
	values[9] = figure(hwr_metrics_precision(metrics), &nulls[9]);
	values[10] = figure(hwr_metrics_recall(metrics), &nulls[10]);
	values[11] = figure(hwr_metrics_f1(metrics), &nulls[11]);
	values[12] = Int64GetDatum(overlap);
	nulls[12] = overlap < 0 ? 'n' : ' ';
	values[13] = ObjectIdGetDatum(owner);

	SPI_connect();
	if (hwr_catalog_execute("INSERT INTO hwr.metric (version_id, split, data, images, skipped, loss, cer, wer, "
							"exact_match, \"precision\", recall, f1, overlap, owner) "
							"SELECT id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 "
							"FROM hwr.version WHERE id = $1 FOR KEY SHARE RETURNING id",
							lengthof(types), types, values, nulls) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the measured model version was dropped concurrently")));
	id = DatumGetInt64(result_column(0, 1, &isnull));
	if (confusions != NULL)
		add_confusions(id, confusions);
	SPI_finish();
	return id;
}
