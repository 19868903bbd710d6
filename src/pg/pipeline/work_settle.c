/*
 * work_settle.c
 *	  What becomes of a batch's entries, and what is kept of it.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "pg/base/identity.h"
#include "pg/reader/features.h"
#include "work_internal.h"

/*
 * Rows that others had locked, or had changed, are due again after this, in ms, and after a tenth of the time
 * that they have waited, up to a minute.
 */
#define PASSED_OVER_WAIT 200

/* Channel of mode notify. */
#define CHANNEL "hwr_read"

/* A payload is shorter than this: async.c. */
#define MAX_PAYLOAD 7999

static void
drop_entries(HwrWork *b, const int *chosen, int n)
{
	Oid			types[1] = {TEXTARRAYOID};
	Datum		values[1];

	FIELD_ARRAY(b, chosen, n, place, values[0]);
	if (n > 0)
		hwr_catalog_execute_now("DELETE FROM hwr.queue WHERE ctid = ANY ($1::tid[])", 1, types, values);
}

/*
 * Is the version that has read the batch still the active one, and will be until the batch is committed?
 * Activation queues rows that another version has read, and cannot see ours.  So it has to wait for this
 * transaction's end, which is near, once its lock is ours; where it was faster it is not waited for.
 */
static bool
is_active_still(const HwrWork *b)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(b->a.model)};
	bool		isnull;
	int32		active = 0;

	if (!ConditionalLockRelationOid(get_relname_relid("model", get_namespace_oid("hwr", false)), ShareLock))
		return false;
	if (hwr_catalog_query_now("SELECT coalesce(active, 0) FROM hwr.model WHERE name = $1", 1, types, values) > 0)
		active = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	return active == b->versions[0].version;
}

/*
 * Entries of rows that have been read go, unless another version is activated meanwhile with which they may
 * have to be read again.
 */
static void
drop_written(HwrWork *b, const int *chosen, int n, const double *confidences)
{
	Oid			types[4] = {TEXTARRAYOID, FLOAT8ARRAYOID, INT4OID, INT4OID};
	Datum		values[4];

	if (b->changing)
	{
		FIELD_ARRAY(b, chosen, n, place, values[0]);
		values[1] = hwr_work_float8_array(confidences, n);
		values[2] = Int32GetDatum(b->a.id);
		values[3] = Int32GetDatum(PASSED_OVER_WAIT);
		hwr_catalog_execute_now("UPDATE hwr.queue q SET lane = CASE q.lane WHEN 0 THEN 2 "
								"ELSE q.lane END, attempts = 0, sqlstate = NULL, message = NULL, "
								"due = clock_timestamp() + $4 * '1 ms'::interval "
								"FROM unnest($1::tid[], $2) w (place, confidence), hwr.attachment a "
								"WHERE q.ctid = w.place AND a.id = $3 AND (a.reread = 'all' OR (a.reread = 'doubtful' "
								"AND w.confidence < a.doubtful)) "
								"AND NOT (q.lane = 0 AND EXISTS (SELECT FROM hwr.queue o WHERE o.attachment = q.attachment "
								"AND o.key = q.key AND o.lane = 2))",
								4, types, values);
	}
	drop_entries(b, chosen, n); /* those that have not moved */
}

static void
settle_gone(HwrWork *b)
{
	Oid			types[2] = {INT4OID, TEXTARRAYOID};
	Datum		values[2] = {Int32GetDatum(b->a.id)};
	int			n;
	int		   *chosen = hwr_work_choose(b, 0, b->n, ENTRY_GONE, &n);

	if (n == 0)
		return;
	drop_entries(b, chosen, n);
	FIELD_ARRAY(b, chosen, n, key, values[1]);
	/* a row that the role does not see may be another session's, who waits for the entry */
	hwr_catalog_execute_now("DELETE FROM hwr.read_row WHERE ctid = ANY (ARRAY(SELECT r.ctid FROM hwr.read_row r "
							"JOIN unnest($2) k ON r.key = k::text[] "
							"WHERE r.attachment = $1 FOR UPDATE OF r SKIP LOCKED))", 2, types, values);
}

/* What the written rows look like, as hwr.batch keeps it. */
static char *
features_of(HwrWork *b, const int *chosen, int n)
{
	HwrFeatures *f = palloc0(sizeof(HwrFeatures));

	for (int i = 0; i < n; i++)
	{
		const HwrWorkEntry *e = &b->entries[chosen[i]];

		hwr_features_add(f, e->ink, e->width, pg_server_to_any(e->text, strlen(e->text), PG_UTF8), e->confidence);
	}
	return hwr_features_json(f);
}

static void
keep_shadows(HwrWork *b, const int *written, int nwritten)
{
	Oid			types[8] = {INT4OID, INT4OID, TEXTOID, INT4OID, TEXTARRAYOID, BYTEAARRAYOID, TEXTARRAYOID, FLOAT8ARRAYOID};
	Datum		values[8] = {Int32GetDatum(b->a.id), Int32GetDatum(b->a.trial), 0, Int32GetDatum(b->versions[1].version)};
	int		   *chosen = palloc(Max(nwritten, 1) * sizeof(int));
	double	   *confidences = palloc(Max(nwritten, 1) * sizeof(double));
	int			n = 0;

	for (int i = 0; i < nwritten; i++)
	{
		if (b->entries[written[i]].shadow_text == NULL)
			continue;
		confidences[n] = b->entries[written[i]].shadow_confidence;
		chosen[n++] = written[i];
	}
	if (n == 0)
		return;
	values[2] = CStringGetTextDatum(b->a.trial_model);
	FIELD_ARRAY(b, chosen, n, key, values[4]);
	values[5] = hwr_work_bytea_array(b, chosen, n);
	FIELD_ARRAY(b, chosen, n, shadow_text, values[6]);
	values[7] = hwr_work_float8_array(confidences, n);
	hwr_catalog_execute_now("INSERT INTO hwr.shadow (attachment, trial, model, version, key, hash, text, confidence) "
							"SELECT $1, $2, $3, $4, s.key::text[], s.hash, s.text, s.confidence "
							"FROM unnest($5, $6, $7, $8) s (key, hash, text, confidence) "
							"ON CONFLICT (attachment, key, trial) DO UPDATE SET hash = excluded.hash, model = excluded.model, "
							"version = excluded.version, "
							"text = excluded.text, confidence = excluded.confidence", 8, types, values);
}

static void
settle_written(HwrWork *b, int *nread, char **features)
{
	Oid			types[8] = {INT4OID, TEXTARRAYOID, TEXTARRAYOID, BYTEAARRAYOID, INT4ARRAYOID, FLOAT8ARRAYOID, INT4OID,
		TEXTARRAYOID};
	Datum		values[8] = {Int32GetDatum(b->a.id)};
	int			n;
	int		   *chosen = hwr_work_choose(b, 0, b->n, ENTRY_WRITTEN, &n);
	int		   *versions = palloc(Max(n, 1) * sizeof(int));
	double	   *confidences = palloc(Max(n, 1) * sizeof(double));
	char	  **models = palloc(Max(n, 1) * sizeof(char *));
	char	  **arms = palloc(Max(n, 1) * sizeof(char *));

	*nread = n;
	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
	{
		const HwrWorkEntry *e = &b->entries[chosen[i]];

		versions[i] = e->version;
		confidences[i] = e->confidence;
		models[i] = (char *) hwr_work_model_of(b, e);
		arms[i] = b->a.trial == 0 ? NULL : e->tried ? "b" : "a";
	}
	drop_written(b, chosen, n, confidences);
	values[1] = hwr_work_text_array(models, n);
	FIELD_ARRAY(b, chosen, n, key, values[2]);
	values[3] = hwr_work_bytea_array(b, chosen, n);
	values[4] = hwr_work_int4_array(versions, n);
	values[5] = hwr_work_float8_array(confidences, n);
	values[6] = Int32GetDatum(b->a.trial);
	values[7] = hwr_work_text_array(arms, n);
	hwr_catalog_execute_now("INSERT INTO hwr.read_row (attachment, key, hash, model, version, confidence, trial, arm) "
							"SELECT $1, r.key::text[], r.hash, r.model, r.version, r.confidence, nullif($7, 0), r.arm "
							"FROM unnest($2, $3, $4, $5, $6, $8) r (model, key, hash, version, confidence, arm) "
							"ON CONFLICT (attachment, key) DO UPDATE SET hash = excluded.hash, model = excluded.model, version "
							"= excluded.version, "
							"confidence = excluded.confidence, read = clock_timestamp(), corrected = false, trial = "
							"excluded.trial, arm = excluded.arm", 8, types, values);
	keep_shadows(b, chosen, n);
	*features = features_of(b, chosen, n);
}

static void
settle_failed(HwrWork *b, int *nfailed)
{
	Oid			types[4] = {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4OID};
	Datum		values[4];
	int			n;
	int		   *chosen = hwr_work_choose(b, 0, b->n, ENTRY_FAILED, &n);
	Oid			all_types[5] = {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4OID, INT4OID};
	Datum		all[5];

	*nfailed = n;
	if (n == 0)
		return;
	FIELD_ARRAY(b, chosen, n, place, values[0]);
	FIELD_ARRAY(b, chosen, n, sqlstate, values[1]);
	FIELD_ARRAY(b, chosen, n, message, values[2]);
	values[3] = Int32GetDatum(b->a.retries);
	memcpy(all, values, sizeof(values));
	memcpy(all_types, types, sizeof(types));
	all[4] = Int32GetDatum(b->a.id);
	hwr_catalog_execute_now("UPDATE hwr.queue q SET attempts = q.attempts + 1, failed = q.attempts >= $4, sqlstate = "
							"f.sqlstate, message = f.message, "
							"due = clock_timestamp() + a.retry_after * power(2, least(q.attempts, 16)) "
							"FROM unnest($1::tid[], $2, $3) f (place, sqlstate, message), hwr.attachment a "
							"WHERE q.ctid = f.place AND a.id = $5", 5, all_types, all);
}

/* Others have them locked, or have changed them meanwhile; or the role may see them and not change them, which will last. */
static void
settle_passed_over(HwrWork *b)
{
	Oid			types[2] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];
	int			n;
	int			more;
	int		   *chosen = hwr_work_choose(b, 0, b->n, ENTRY_READABLE, &n);
	int		   *taken = hwr_work_choose(b, 0, b->n, ENTRY_TAKEN, &more);
	int		   *both = palloc(Max(n + more, 1) * sizeof(int));

	if (n + more == 0)
		return;
	memcpy(both, chosen, n * sizeof(int));
	memcpy(both + n, taken, more * sizeof(int));
	FIELD_ARRAY(b, both, n + more, place, values[0]);
	values[1] = Int32GetDatum(PASSED_OVER_WAIT);
	hwr_catalog_execute_now("UPDATE hwr.queue SET due = clock_timestamp() + greatest($2 * '1 ms'::interval, "
							"least((clock_timestamp() - queued) / 10, '1 minute'::interval)) "
							"WHERE ctid = ANY ($1::tid[])", 2, types, values);
}

static void
settle_needless(HwrWork *b)
{
	int			n;
	int		   *chosen;

	for (int i = 0; i < b->n && b->changing; i++)	/* it may be needed in a moment */
		if (b->entries[i].state == ENTRY_NEEDLESS && b->entries[i].lane > 0)
			b->entries[i].state = ENTRY_TAKEN;
	chosen = hwr_work_choose(b, 0, b->n, ENTRY_NEEDLESS, &n);

	drop_entries(b, chosen, n);
}

/* Who listens is told which rows have been read: not more, since anyone may listen. */
static void
notify(HwrWork *b)
{
	int			n;
	int		   *chosen = hwr_work_choose(b, 0, b->n, ENTRY_WRITTEN, &n);

	for (int i = 0; i < n; i++)
	{
		HwrWorkEntry *e = &b->entries[chosen[i]];
		StringInfoData payload;

		initStringInfo(&payload);
		appendStringInfoString(&payload, "{\"data\": ");
		escape_json(&payload, b->relation);
		appendStringInfoString(&payload, ", \"column\": ");
		escape_json(&payload, b->a.text);
		appendStringInfoString(&payload, ", \"key\": [");
		for (int k = 0; k < b->a.nkeys; k++)
		{
			if (k > 0)
				appendStringInfoString(&payload, ", ");
			escape_json(&payload, e->values[k]);
		}
		appendStringInfoString(&payload, "]}");
		if (payload.len < MAX_PAYLOAD)
			Async_Notify(CHANNEL, payload.data);
	}
}

/* Whether the version that is tried could read; another worker may be writing the same. */
static void
note_trial(HwrWork *b)
{
	Oid			types[2] = {INT4OID, TEXTOID};
	Datum		values[2] = {Int32GetDatum(b->trial)};

	if (b->trial == 0 || (b->trial_problem == NULL && !b->a.trial_fails))
		return;
	if (b->trial_problem != NULL)
		values[1] = CStringGetTextDatum(b->trial_problem);
	hwr_catalog_execute("UPDATE hwr.trial SET problem = $2 WHERE ctid = ANY (ARRAY(SELECT t.ctid FROM hwr.trial t "
						"WHERE t.id = $1 AND t.problem IS DISTINCT FROM $2 FOR UPDATE SKIP LOCKED))", 2, types, values,
						b->trial_problem != NULL ? NULL : " n");
}

void
hwr_work_settle(HwrWork *b, double began, HwrBatchResult *out)
{
	Oid			types[5] = {INT4OID, INT4OID, INT4OID, FLOAT8OID, TEXTOID};
	Datum		values[5];
	char	   *features = NULL;

	b->changing = !is_active_still(b);
	settle_gone(b);
	settle_needless(b);
	settle_passed_over(b);
	settle_written(b, &out->read, &features);
	settle_failed(b, &out->failed);
	values[0] = Int32GetDatum(b->a.id);
	values[1] = Int32GetDatum(out->read);
	values[2] = Int32GetDatum(out->failed);
	values[3] = Float8GetDatum((double) GetCurrentTimestamp() / 1e6 - began);
	values[4] = features != NULL ? CStringGetTextDatum(features) : (Datum) 0;
	if (out->read + out->failed > 0)
		hwr_catalog_execute("INSERT INTO hwr.batch (attachment, read, failed, seconds, features) "
							"VALUES ($1, $2, $3, $4, $5::jsonb)", 5, types, values,
							features != NULL ? NULL : "    n");
	if (out->read > 0)
		hwr_catalog_execute_now("SELECT hwr.check_drift($1)", 1, types, values);
	hwr_catalog_execute_now("DELETE FROM hwr.batch WHERE ctid = ANY (ARRAY(SELECT b.ctid FROM hwr.batch b "
							"WHERE b.attachment = $1 "
							"AND b.done < clock_timestamp() - '30 days'::interval ORDER BY b.done LIMIT 100 "
							"FOR UPDATE SKIP LOCKED))", 1, types, values);
	hwr_catalog_execute_now("UPDATE hwr.attachment SET problem = NULL, sqlstate = NULL, next_try = NULL WHERE id = $1 "
							"AND problem IS NOT NULL", 1, types, values);
	note_trial(b);
	if (b->a.notify)
		notify(b);
}
