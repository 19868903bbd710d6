/*
 * work.c
 *	  Reading what is queued: hwr_work, and one batch of it.
 *
 * A batch is a transaction.
 *
 *	 claim	entries of the queue that are due, FOR NO KEY UPDATE SKIP LOCKED, as the extension's owner
 *	 read	the rows' images and texts, as the attachment's role, without a lock on the rows; recognise
 *	 write	lock the rows that still have the same image and text, passing over those that others have locked; write their
 *			readings, as the role
 *	 check	rows that are not written, because they are gone, need no reading or cannot be read: are they still as they were?
 *	 settle	entries of rows that were written, or need not be, go; those that failed say why and when they are tried again;
 *			the others are due again at once
 *
 * So a session that changes a row waits for a worker for the moment of writing, not of reading, and a
 * worker waits for nobody but for the table's lock, which it takes first, while it holds nothing
 * else: no deadlock can have a worker in it but through a trigger of the user's.
 *
 * A reading is written only to the image that it is of: so each image that a row comes to have is
 * read once, or not at all where the next one comes before.
 *
 * Whose code runs: what the table's owner has put on the table (triggers, policies, functions behind types and
 * domains) runs as the attachment's role in a security-restricted operation with search_path pg_catalog, as in
 * maintenance commands, with constraints immediate, so that nothing of it is left to run as
 * somebody else at commit.
 *
 * An error in one row's writing would take the batch along.  So each batch is a subtransaction; after an
 * error its rows are done one by one, each in a subtransaction of its own.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/base/status.h"
#include "pg/base/columns.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "pg/base/process_lock.h"
#include "pg/base/settings.h"
#include "pg/catalog/cache.h"
#include "pg/recognize/features.h"
#include "pg/recognize/label.h"
#include "pg/recognize/reader.h"
#include "pipeline.h"

PG_FUNCTION_INFO_V1(hwr_work);

/* Rows that others had locked, or had changed, are due again after this, in ms, and after a tenth of the time that they have waited, up to a minute. */
#define PASSED_OVER_WAIT 200

/* Channel of mode notify. */
#define CHANNEL "hwr_read"

/* A payload is shorter than this: async.c. */
#define MAX_PAYLOAD 7999

typedef enum EntryState
{
	ENTRY_TAKEN,				/* nothing has happened yet */
	ENTRY_GONE,					/* no such row for the role: nothing is to be done, nor known */
	ENTRY_NEEDLESS,				/* no image, a text that is not to be read again, or read by this version already */
	ENTRY_READABLE,				/* read, and not written */
	ENTRY_WRITTEN,
	ENTRY_FAILED				/* sqlstate and message say why */
} EntryState;

typedef struct Entry
{
	char	   *place;			/* ctid in hwr.queue */
	char	   *key;			/* as text[] is written */
	char	  **values;			/* [nkeys] */
	int			lane;
	bool		found;			/* its row has been seen */
	bool		corrected;
	char	   *known_hash;		/* of hwr.read_row, as bytea is written; NULL: no row */
	char	   *known_model;
	int			known_version;
	bool		other_key;		/* of another number of columns than the primary key has */
	EntryState	state;
	char	   *old_text;		/* when the image was read; NULL: SQL NULL */
	bytea	   *hash;
	bool		tried;			/* read with the version that is tried, in the place of the attachment's */
	char	   *text;
	double		confidence;
	int			version;
	double		ink;			/* share of the canvas */
	int			width;			/* of the image */
	char	   *shadow_text;	/* NULL: no shadow has read it */
	double		shadow_confidence;
	char	   *sqlstate;
	char	   *message;
} Entry;

/* One of the two versions that a batch is read with, and the images for it. */
typedef struct Lane
{
	HwrVersionInfo version;
	HwrBatchReader *reader;		/* NULL: this version reads nothing */
	Entry	   *at[HWR_RECOGNIZE_BATCH];	/* whose image each canvas is */
} Lane;

typedef struct Batch
{
	HwrAttachment a;
	HwrKeyColumn *keys;
	char	   *relation;
	Entry	   *entries;
	int			n;
	HwrVersionInfo versions[2]; /* the attachment's, and the one that is tried */
	MemoryContext context;		/* of the batch, beyond its subtransactions */
} Batch;

/*
 * Arrays for unnest
 */

static Datum
text_array(char **strings, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));
	bool	   *nulls = palloc(Max(n, 1) * sizeof(bool));
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		nulls[i] = strings[i] == NULL;
		elements[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(strings[i]);
	}
	if (n == 0)
		return PointerGetDatum(construct_empty_array(TEXTOID));
	return PointerGetDatum(construct_md_array(elements, nulls, 1, &n, &lower, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The values of a field of chosen entries, as text[]. */
#define FIELD_ARRAY(b, chosen, nchosen, field, out) \
	do { \
		char	  **strings_ = palloc(Max(nchosen, 1) * sizeof(char *)); \
		for (int i_ = 0; i_ < (nchosen); i_++) \
			strings_[i_] = (b)->entries[(chosen)[i_]].field; \
		(out) = text_array(strings_, nchosen); \
	} while (0)

static Datum
bytea_array(Batch *b, const int *chosen, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = PointerGetDatum(b->entries[chosen[i]].hash);
	return PointerGetDatum(construct_array(elements, n, BYTEAOID, -1, false, TYPALIGN_INT));
}

static Datum
float8_array(const double *numbers, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(elements, n, FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
int4_array(const int *numbers, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Int32GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(elements, n, INT4OID, 4, true, TYPALIGN_INT));
}

/* The entries of batch[from, to) in a state. */
static int *
choose(Batch *b, int from, int to, EntryState state, int *n)
{
	int		   *chosen = palloc(Max(to - from, 1) * sizeof(int));

	*n = 0;
	for (int i = from; i < to; i++)
		if (b->entries[i].state == state)
			chosen[(*n)++] = i;
	return chosen;
}

/*
 * Claim
 */

static char *
value_or_null(HeapTuple tuple, int column)
{
	return SPI_getvalue(tuple, SPI_tuptable->tupdesc, column);
}

static void
fill_entry(Batch *b, Entry *e, HeapTuple tuple, int lane)
{
	Datum	   *values;
	bool		isnull;
	int			n;
	char	   *shown;

	memset(e, 0, sizeof(*e));
	e->place = value_or_null(tuple, 1);
	e->key = value_or_null(tuple, 2);
	deconstruct_array(DatumGetArrayTypeP(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull)), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, NULL, &n);
	e->other_key = n != b->a.nkeys;
	if (e->other_key)			/* nothing has this one */
		e->state = ENTRY_GONE;
	e->values = palloc0(b->a.nkeys * sizeof(char *));
	for (int i = 0; i < Min(n, b->a.nkeys); i++)
		e->values[i] = TextDatumGetCString(values[i]);
	e->lane = lane;
	shown = value_or_null(tuple, 3);
	e->corrected = shown != NULL && shown[0] == 't';
	e->known_hash = value_or_null(tuple, 4);
	e->known_model = value_or_null(tuple, 5);
	shown = value_or_null(tuple, 6);
	e->known_version = shown != NULL ? pg_strtoint32(shown) : -1;
}

/* Entries of a lane that are due. */
static void
claim_lane(Batch *b, int lane, int limit)
{
	Oid			types[3] = {INT4OID, INT4OID, INT8OID};
	Datum		values[3] = {Int32GetDatum(b->a.id), Int32GetDatum(lane), Int64GetDatum(limit - b->n)};
	int			level = NewGUCNestLevel();

	/* The queue's statistics are of another moment; whatever they say, the index has the next ones first. */
	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("enable_bitmapscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("bytea_output", "hex", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	hwr_catalog_execute("SELECT q.ctid, q.key, r.corrected, r.hash, r.model, r.version FROM hwr.queue q "
						"LEFT JOIN hwr.read_row r ON r.attachment = q.attachment AND r.key = q.key "
						"WHERE q.attachment = $1 AND q.lane = $2 AND NOT q.failed AND q.due <= clock_timestamp() "
						"ORDER BY q.due LIMIT $3 FOR NO KEY UPDATE OF q SKIP LOCKED", 3, types, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
		fill_entry(b, &b->entries[b->n++], SPI_tuptable->vals[i], lane);
	AtEOXact_GUC(false, level);
}

static void
claim(Batch *b, int limit)
{
	b->entries = palloc(limit * sizeof(Entry));
	b->n = 0;
	for (int lane = 0; lane <= 1 && b->n < limit; lane++)
		claim_lane(b, lane, limit);
	/* seen in hwr.running, until the transaction ends */
	if (b->n > 0)
		(void) hwr_transaction_lock(HWR_LOCK_BATCH, (uint64) b->a.id << 32 | (uint64) MyProcPid << 10 | Min(b->n, 1023), false);
}

/*
 * Read
 */

/* FROM the table t, WITH the keys in parameters $1 .. $nkeys as k, numbered from 1 by n. */
static void
append_join(const Batch *b, StringInfo sql)
{
	appendStringInfo(sql, " FROM %s AS t JOIN ROWS FROM (", b->relation);
	for (int i = 0; i < b->a.nkeys; i++)
		appendStringInfo(sql, "%spg_catalog.unnest($%d::pg_catalog.text[]::%s[])", i > 0 ? ", " : "", i + 1, b->keys[i].type);
	appendStringInfoString(sql, ") WITH ORDINALITY AS k(");
	for (int i = 0; i < b->a.nkeys; i++)
		appendStringInfo(sql, "k%d, ", i + 1);
	appendStringInfoString(sql, "n) ON ");
	for (int i = 0; i < b->a.nkeys; i++)
		appendStringInfo(sql, "%st.%s %s k.k%d", i > 0 ? " AND " : "", b->keys[i].quoted, b->keys[i].equals, i + 1);
}

/* Values of key column i of chosen entries for it. */
static int
add_keys(Batch *b, const int *chosen, int n, Oid *types, Datum *values)
{
	for (int i = 0; i < b->a.nkeys; i++)
	{
		types[i] = TEXTARRAYOID;
		FIELD_ARRAY(b, chosen, n, values[i], values[i]);
	}
	return b->a.nkeys;
}

#define MAX_PARAMETERS (INDEX_MAX_KEYS + 4)

static void
fail_entry(Batch *b, Entry *e, int sqlerrcode, const char *message)
{
	e->state = ENTRY_FAILED;
	e->sqlstate = MemoryContextStrdup(b->context, unpack_sql_state(sqlerrcode));
	e->message = MemoryContextStrdup(b->context, message);
}

static int
sqlstate_of(const HwrStatus *st)
{
	return st->code == HWR_IMAGE_TOO_LARGE ? ERRCODE_PROGRAM_LIMIT_EXCEEDED : ERRCODE_INVALID_BINARY_REPRESENTATION;
}

static const char *
model_of(const Batch *b, const Entry *e)
{
	return e->tried ? b->a.trial_model : b->a.model;
}

/*
 * Is a row among the share that is tried?  By its key and the trial, and so the same for as long as the
 * trial lasts: FNV-1a, whose high bits a multiplication mixes.
 */
static bool
is_among_share(const Batch *b, const Entry *e)
{
	uint64		hash = UINT64CONST(0xcbf29ce484222325) ^ (uint64) b->a.trial;

	if (b->a.trial == 0)
		return false;
	for (const char *p = e->key; *p != '\0'; p++)
		hash = (hash ^ (unsigned char) *p) * UINT64CONST(0x100000001b3);
	hash = (hash ^ hash >> 32) * UINT64CONST(0x9e3779b97f4a7c15);
	return (double) (hash >> 11) / (double) (UINT64CONST(1) << 53) < b->a.trial_share;
}

/* Does this row need a reading?  Its text is that of now, its image of this hash. */
static bool
needs_reading(Batch *b, const Entry *e)
{
	bool		same = e->known_hash != NULL &&
		strcmp(e->known_hash, DatumGetCString(DirectFunctionCall1(byteaout, PointerGetDatum(e->hash)))) == 0;

	if (e->old_text == NULL)
		return true;
	/* a text that is no reading of this image is a person's; so is one that he has settled */
	if (e->lane == 0 || !same || e->corrected || e->known_model == NULL)
		return false;
	return strcmp(e->known_model, model_of(b, e)) != 0 || e->known_version != b->versions[e->tried].version;
}

/* Read the canvases so far, and begin anew. */
static void
run_lane(Batch *b, Lane *lane, bool shadow)
{
	HwrBatchReader *reader = lane->reader;
	HwrLoaded	loaded;

	if (reader == NULL || reader->n == 0)
		return;
	loaded = hwr_cache_get_again(&lane->version);
	hwr_batch_run(reader, loaded);
	for (int i = 0; i < reader->n; i++)
	{
		Entry	   *e = lane->at[i];
		char	   *text = MemoryContextStrdup(b->context, hwr_from_utf8(reader->readings[i].text));
		double		confidence = hwr_reading_confidence(&reader->readings[i], loaded.model, &reader->posteriors[i], reader->context);

		if (shadow)
		{
			e->shadow_text = text;
			e->shadow_confidence = confidence;
			continue;
		}
		e->text = text;
		e->confidence = confidence;
		e->version = lane->version.version;
		e->width = reader->canvases[i].source_width;
		e->ink = hwr_ink_share(&reader->canvases[i], loaded.model->net.height);
		e->state = ENTRY_READABLE;
	}
	hwr_batch_free(reader);
	lane->reader = hwr_batch_create();
}

/* An image for a version; false: it cannot be read, and the entry says why, unless it is for a shadow. */
static void
add_image(Batch *b, Entry *e, Lane *lane, bool shadow, Datum image)
{
	MemoryContext caller = MemoryContextSwitchTo(lane->reader->context);
	const uint8 *bytes;
	Size		len;
	HwrStatus	st;

	bytes = hwr_image_bytes(image, &len);
	if (hwr_batch_add(lane->reader, hwr_cache_get_again(&lane->version), bytes, len, &st))
		lane->at[lane->reader->n - 1] = e;
	else if (st.code != HWR_BAD_IMAGE && st.code != HWR_IMAGE_TOO_LARGE)
		hwr_raise(&st);
	else if (!shadow)
		fail_entry(b, e, sqlstate_of(&st), hwr_status_text(&st));
	MemoryContextSwitchTo(caller);
	if (lane->reader->n == HWR_RECOGNIZE_BATCH)
		run_lane(b, lane, shadow);
}

/* One row's image to those that are to read it, or why not. */
static void
prepare(Batch *b, Entry *e, HeapTuple tuple, TupleDesc desc, Lane *lanes)
{
	Datum		image;
	const uint8 *bytes;
	Size		len;
	bool		isnull;
	bool		among = is_among_share(b, e);
	char	   *text;

	image = SPI_getbinval(tuple, desc, 2, &isnull);
	text = SPI_getvalue(tuple, desc, 3);
	e->old_text = text != NULL ? MemoryContextStrdup(b->context, text) : NULL;
	e->hash = NULL;
	e->found = true;
	if (isnull)
	{
		e->state = ENTRY_NEEDLESS;
		return;
	}
	e->tried = among && !b->a.shadow;
	bytes = hwr_image_bytes(image, &len);
	if (len <= hwr_image_limits().max_bytes)
	{
		bytea	   *hash = hwr_pipeline_hash(bytes, len);

		e->hash = MemoryContextAlloc(b->context, VARSIZE(hash));
		memcpy(e->hash, hash, VARSIZE(hash));
		if ((const void *) bytes != VARDATA_ANY(DatumGetPointer(image)))
			pfree((char *) bytes - VARHDRSZ);	/* out of TOAST */
		if (!needs_reading(b, e))
		{
			e->state = ENTRY_NEEDLESS;
			return;
		}
	}
	add_image(b, e, &lanes[e->tried], false, image);
	if (among && b->a.shadow && e->state != ENTRY_FAILED)
		add_image(b, e, &lanes[1], true, image);
}

static void
begin_lane(Batch *b, Lane *lane, int number, const char *model, int32 version)
{
	hwr_catalog_find(model, version, &lane->version);
	(void) hwr_cache_get(&lane->version);
	b->versions[number] = lane->version;
	lane->reader = hwr_batch_create();
}

/* Rows of entries [from, to) that are there, read.  As the role. */
static void
read_entries(Batch *b, int from, int to)
{
	StringInfoData sql;
	Oid			types[MAX_PARAMETERS];
	Datum		values[MAX_PARAMETERS];
	Lane		lanes[2] = {0};
	SPITupleTable *rows;
	uint64		nrows;
	int			n;
	int		   *chosen = choose(b, from, to, ENTRY_TAKEN, &n);
	int			nargs = add_keys(b, chosen, n, types, values);

	begin_lane(b, &lanes[0], 0, b->a.model, 0);
	if (b->a.trial != 0)
		begin_lane(b, &lanes[1], 1, b->a.trial_model, b->a.trial_version);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT k.n, t.%s", quote_identifier(b->a.image));
	appendStringInfo(&sql, ", t.%s::pg_catalog.text", quote_identifier(b->a.text));
	append_join(b, &sql);
	if (SPI_execute_with_args(sql.data, nargs, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read rows: %s", sql.data);
	rows = SPI_tuptable;
	nrows = SPI_processed;
	hwr_check_image_type(b->a.data, b->a.image, SPI_gettypeid(rows->tupdesc, 2));
	for (int i = 0; i < n; i++)
		b->entries[chosen[i]].state = ENTRY_GONE;
	for (uint64 i = 0; i < nrows; i++)
	{
		bool		isnull;
		Entry	   *e = &b->entries[chosen[DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull)) - 1]];

		CHECK_FOR_INTERRUPTS();
		if (e->state != ENTRY_GONE)		/* a table that others inherit from has the key twice: which one is meant, nobody knows */
			continue;
		e->state = ENTRY_TAKEN;
		prepare(b, e, rows->vals[i], rows->tupdesc, lanes);
	}
	for (int i = 0; i < 2; i++)
	{
		run_lane(b, &lanes[i], i == 1 && b->a.shadow);
		if (lanes[i].reader != NULL)
			hwr_batch_free(lanes[i].reader);
	}
	SPI_freetuptable(rows);
}

/*
 * Write
 */

/* Of the chosen entries, those whose rows could be locked and are as they were. */
static int *
lock_rows(Batch *b, const int *chosen, int n, int *nlocked)
{
	StringInfoData sql;
	Oid			types[MAX_PARAMETERS];
	Datum		values[MAX_PARAMETERS];
	int			nargs = add_keys(b, chosen, n, types, values);
	int		   *locked = palloc(Max(n, 1) * sizeof(int));

	types[nargs] = BYTEAARRAYOID;
	values[nargs++] = bytea_array(b, chosen, n);
	types[nargs] = TEXTARRAYOID;
	FIELD_ARRAY(b, chosen, n, old_text, values[nargs]);
	nargs++;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT k.n");
	append_join(b, &sql);
	appendStringInfo(&sql, " WHERE pg_catalog.sha256(t.%s) OPERATOR(pg_catalog.=) ($%d::pg_catalog.bytea[])[k.n]", quote_identifier(b->a.image), nargs - 1);
	appendStringInfo(&sql, " AND t.%s::pg_catalog.text IS NOT DISTINCT FROM ($%d::pg_catalog.text[])[k.n] FOR NO KEY UPDATE OF t SKIP LOCKED",
					 quote_identifier(b->a.text), nargs);
	if (SPI_execute_with_args(sql.data, nargs, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not lock rows: %s", sql.data);
	*nlocked = 0;
	for (uint64 i = 0; i < SPI_processed && *nlocked < n; i++)
	{
		bool		isnull;

		locked[(*nlocked)++] = chosen[DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)) - 1];
	}
	SPI_freetuptable(SPI_tuptable);
	return locked;
}

static void
update_rows(Batch *b, const int *locked, int n)
{
	StringInfoData sql;
	Oid			types[MAX_PARAMETERS];
	Datum		values[MAX_PARAMETERS];
	double	   *confidences = palloc(Max(n, 1) * sizeof(double));
	int			nargs = add_keys(b, locked, n, types, values);

	types[nargs] = TEXTARRAYOID;
	FIELD_ARRAY(b, locked, n, text, values[nargs]);
	nargs++;
	for (int i = 0; i < n; i++)
		confidences[i] = b->entries[locked[i]].confidence;
	types[nargs] = FLOAT8ARRAYOID;
	values[nargs++] = float8_array(confidences, n);
	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s AS t SET %s = ($%d::pg_catalog.text[])[k.n]", b->relation, quote_identifier(b->a.text), nargs - 1);
	if (b->a.confidence != NULL)
		appendStringInfo(&sql, ", %s = ($%d::pg_catalog.float8[])[k.n]", quote_identifier(b->a.confidence), nargs);
	appendStringInfoString(&sql, " FROM ROWS FROM (");
	for (int i = 0; i < b->a.nkeys; i++)
		appendStringInfo(&sql, "%spg_catalog.unnest($%d::pg_catalog.text[]::%s[])", i > 0 ? ", " : "", i + 1, b->keys[i].type);
	appendStringInfoString(&sql, ") WITH ORDINALITY AS k(");
	for (int i = 0; i < b->a.nkeys; i++)
		appendStringInfo(&sql, "k%d, ", i + 1);
	appendStringInfoString(&sql, "n) WHERE ");
	for (int i = 0; i < b->a.nkeys; i++)
		appendStringInfo(&sql, "%st.%s %s k.k%d", i > 0 ? " AND " : "", b->keys[i].quoted, b->keys[i].equals, i + 1);
	appendStringInfoString(&sql, " RETURNING k.n");
	hwr_writing = b->a.id;
	if (SPI_execute_with_args(sql.data, nargs, types, values, NULL, false, 0) != SPI_OK_UPDATE_RETURNING)
		elog(ERROR, "could not write readings: %s", sql.data);
	hwr_writing = 0;
	for (int i = 0; i < n; i++)
		fail_entry(b, &b->entries[locked[i]], ERRCODE_TRIGGERED_ACTION_EXCEPTION, "the reading was not written: a trigger or a policy of the table kept the row as it was");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		b->entries[locked[DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)) - 1]].state = ENTRY_WRITTEN;
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
write_entries(Batch *b, int from, int to)
{
	int			n;
	int			nlocked;
	int		   *chosen = choose(b, from, to, ENTRY_READABLE, &n);
	int		   *locked;

	if (n == 0)
		return;
	locked = lock_rows(b, chosen, n, &nlocked);
	if (nlocked > 0)
		update_rows(b, locked, nlocked);
}

static void
as_role(Batch *b, int from, int to)
{
	HwrIdentity save;
	int			level;

	hwr_become_user(b->a.role, &save);
	level = hwr_key_settings();
	read_entries(b, from, to);
	write_entries(b, from, to);
	AtEOXact_GUC(false, level);
	hwr_restore_identity(&save);
}

/*
 * Errors
 */

/* Not the row's fault, nor to be outlived: the session is to end, or the statement. */
static bool
is_interruption(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION || error->sqlerrcode == ERRCODE_OUT_OF_MEMORY;
}

/* Another transaction was in the way: the row is tried again, and nothing is counted. */
static bool
is_contention(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK || error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

/* Entries [from, to) in a subtransaction; NULL, or the error, with the entries as they were. */
static ErrorData *
try_entries(Batch *b, int from, int to)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	EntryState *before = palloc((to - from) * sizeof(EntryState));
	ErrorData  *error = NULL;

	for (int i = from; i < to; i++)
		before[i - from] = b->entries[i].state;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		as_role(b, from, to);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(b->context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		hwr_writing = 0;
		for (int i = from; i < to; i++)
			b->entries[i].state = before[i - from];
	}
	PG_END_TRY();
	if (error != NULL && is_interruption(error))
		ReThrowError(error);
	return error;
}

/* Where no row at all can be read for want of a right, a table or a model, that is not the rows' fault. */
static bool
is_general(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES || ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_SYSTEM_ERROR ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTERNAL_ERROR || ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;
}

static void
do_entries(Batch *b)
{
	ErrorData  *error = try_entries(b, 0, b->n);
	ErrorData  *first = NULL;
	bool		general = true;

	if (error == NULL)
		return;
	for (int i = 0; i < b->n; i++)
	{
		Entry	   *e = &b->entries[i];

		CHECK_FOR_INTERRUPTS();
		error = try_entries(b, i, i + 1);
		if (error == NULL)
			general = general && e->state == ENTRY_GONE;
		else if (is_contention(error))
			general = false;
		else
		{
			if (first == NULL)
				first = error;
			general = general && is_general(error);
			fail_entry(b, e, error->sqlerrcode, error->message);
		}
	}
	if (general && first != NULL)
		ReThrowError(first);
}

/*
 * Check
 *
 * A session that gives a row another image, or inserts one, leaves an entry alone that is there.  What this worker makes of an
 * entry holds for the row that it has seen.  So an entry is locked FOR UPDATE before it is dropped, or put off: sessions
 * that have left it alone and not ended yet hold it FOR KEY SHARE, and it is passed over; what those have done that have ended is seen
 * now; and those that come later wait for this worker's end, which is near, and then make another entry.
 */

/* Of the chosen entries, those that no session has left alone in a transaction that has not ended; the others are due again. */
static int *
lock_entries(Batch *b, const int *chosen, int n, int *nlocked)
{
	Oid			types[1] = {TEXTARRAYOID};
	Datum		values[1];
	int		   *locked = palloc(Max(n, 1) * sizeof(int));

	FIELD_ARRAY(b, chosen, n, place, values[0]);
	hwr_catalog_execute_now("SELECT q.ctid FROM hwr.queue q WHERE q.ctid = ANY ($1::tid[]) FOR UPDATE SKIP LOCKED", 1, types, values);
	*nlocked = 0;
	for (int i = 0; i < n; i++)
	{
		Entry	   *e = &b->entries[chosen[i]];
		bool		found = false;

		for (uint64 r = 0; r < SPI_processed && !found; r++)
			found = strcmp(SPI_getvalue(SPI_tuptable->vals[r], SPI_tuptable->tupdesc, 1), e->place) == 0;
		if (found)
			locked[(*nlocked)++] = chosen[i];
		else
			e->state = ENTRY_TAKEN;
	}
	return locked;
}

/* Rows of the chosen entries that are not as they were when they were read are due again.  As the role. */
static void
look_again(Batch *b, const int *chosen, int n)
{
	StringInfoData sql;
	Oid			types[MAX_PARAMETERS];
	Datum		values[MAX_PARAMETERS];
	int			nargs = add_keys(b, chosen, n, types, values);
	bool	   *there = palloc0(Max(n, 1) * sizeof(bool));

	initStringInfo(&sql);
	/* an image that is too long has not been hashed */
	appendStringInfo(&sql, "SELECT k.n, CASE WHEN pg_catalog.octet_length(t.%s) OPERATOR(pg_catalog.<=) " INT64_FORMAT, quote_identifier(b->a.image),
					 (int64) hwr_image_limits().max_bytes);
	appendStringInfo(&sql, " THEN pg_catalog.sha256(t.%s) END", quote_identifier(b->a.image));
	appendStringInfo(&sql, ", t.%s::pg_catalog.text", quote_identifier(b->a.text));
	append_join(b, &sql);
	if (SPI_execute_with_args(sql.data, nargs, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look at rows: %s", sql.data);
	for (uint64 r = 0; r < SPI_processed; r++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[r];
		bool		isnull;
		int			i = (int) DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull)) - 1;
		Entry	   *e = &b->entries[chosen[i]];
		Datum		hash = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull);
		char	   *text = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 3);
		bool		same = isnull ? e->hash == NULL :
			e->hash != NULL && DatumGetBool(DirectFunctionCall2(byteaeq, hash, PointerGetDatum(e->hash)));

		same = same && (text == NULL ? e->old_text == NULL : e->old_text != NULL && strcmp(text, e->old_text) == 0);
		there[i] = true;
		if (!same || !e->found)
			e->state = ENTRY_TAKEN;
	}
	for (int i = 0; i < n; i++)
		if (!there[i] && b->entries[chosen[i]].found)
			b->entries[chosen[i]].state = ENTRY_TAKEN;
	SPI_freetuptable(SPI_tuptable);
}

/* Entries that are to be dropped or put off, and were compared with a row, or with none that was there. */
static int *
choose_unwritten(Batch *b, int *n)
{
	int		   *chosen = palloc(Max(b->n, 1) * sizeof(int));

	*n = 0;
	for (int i = 0; i < b->n; i++)
	{
		const Entry *e = &b->entries[i];

		if ((e->state == ENTRY_GONE && !e->other_key) || e->state == ENTRY_NEEDLESS || (e->state == ENTRY_FAILED && e->found))
			chosen[(*n)++] = i;
	}
	return chosen;
}

static void
check_unwritten(Batch *b)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	int			n;
	int		   *const unwritten = choose_unwritten(b, &n);
	int		   *const chosen = lock_entries(b, unwritten, n, &n);

	if (n == 0)
		return;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		HwrIdentity save;
		int			level;

		hwr_become_user(b->a.role, &save);
		level = hwr_key_settings();
		look_again(b, chosen, n);
		AtEOXact_GUC(false, level);
		hwr_restore_identity(&save);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(b->context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		for (int i = 0; i < n; i++) /* what they are is not known: they wait */
			b->entries[chosen[i]].state = ENTRY_TAKEN;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && is_interruption(error))
		ReThrowError(error);
}

/*
 * Settle
 */

static void
drop_entries(Batch *b, const int *chosen, int n)
{
	Oid			types[1] = {TEXTARRAYOID};
	Datum		values[1];

	FIELD_ARRAY(b, chosen, n, place, values[0]);
	if (n > 0)
		hwr_catalog_execute_now("DELETE FROM hwr.queue WHERE ctid = ANY ($1::tid[])", 1, types, values);
}

static void
settle_gone(Batch *b)
{
	Oid			types[2] = {INT4OID, TEXTARRAYOID};
	Datum		values[2] = {Int32GetDatum(b->a.id)};
	int			n;
	int		   *chosen = choose(b, 0, b->n, ENTRY_GONE, &n);

	if (n == 0)
		return;
	drop_entries(b, chosen, n);
	FIELD_ARRAY(b, chosen, n, key, values[1]);
	/* a row that the role does not see may be another session's, who waits for the entry */
	hwr_catalog_execute_now("DELETE FROM hwr.read_row WHERE ctid = ANY (ARRAY(SELECT r.ctid FROM hwr.read_row r JOIN unnest($2) k ON r.key = k::text[] "
							"WHERE r.attachment = $1 FOR UPDATE OF r SKIP LOCKED))", 2, types, values);
}

/* What the written rows look like, as hwr.batch keeps it. */
static char *
features_of(Batch *b, const int *chosen, int n)
{
	HwrFeatures *f = palloc0(sizeof(HwrFeatures));

	for (int i = 0; i < n; i++)
	{
		const Entry *e = &b->entries[chosen[i]];

		hwr_features_add(f, e->ink, e->width, pg_server_to_any(e->text, strlen(e->text), PG_UTF8), e->confidence);
	}
	return hwr_features_json(f);
}

static void
keep_shadows(Batch *b, const int *written, int nwritten)
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
	values[5] = bytea_array(b, chosen, n);
	FIELD_ARRAY(b, chosen, n, shadow_text, values[6]);
	values[7] = float8_array(confidences, n);
	hwr_catalog_execute_now("INSERT INTO hwr.shadow (attachment, trial, model, version, key, hash, text, confidence) "
							"SELECT $1, $2, $3, $4, s.key::text[], s.hash, s.text, s.confidence FROM unnest($5, $6, $7, $8) s (key, hash, text, confidence) "
							"ON CONFLICT (attachment, key, trial) DO UPDATE SET hash = excluded.hash, model = excluded.model, version = excluded.version, "
							"text = excluded.text, confidence = excluded.confidence", 8, types, values);
}

static void
settle_written(Batch *b, int *nread, char **features)
{
	Oid			types[8] = {INT4OID, TEXTARRAYOID, TEXTARRAYOID, BYTEAARRAYOID, INT4ARRAYOID, FLOAT8ARRAYOID, INT4OID, TEXTARRAYOID};
	Datum		values[8] = {Int32GetDatum(b->a.id)};
	int			n;
	int		   *chosen = choose(b, 0, b->n, ENTRY_WRITTEN, &n);
	int		   *versions = palloc(Max(n, 1) * sizeof(int));
	double	   *confidences = palloc(Max(n, 1) * sizeof(double));
	char	  **models = palloc(Max(n, 1) * sizeof(char *));
	char	  **arms = palloc(Max(n, 1) * sizeof(char *));

	*nread = n;
	if (n == 0)
		return;
	drop_entries(b, chosen, n);
	for (int i = 0; i < n; i++)
	{
		const Entry *e = &b->entries[chosen[i]];

		versions[i] = e->version;
		confidences[i] = e->confidence;
		models[i] = (char *) model_of(b, e);
		arms[i] = b->a.trial == 0 ? NULL : e->tried ? "b" : "a";
	}
	values[1] = text_array(models, n);
	FIELD_ARRAY(b, chosen, n, key, values[2]);
	values[3] = bytea_array(b, chosen, n);
	values[4] = int4_array(versions, n);
	values[5] = float8_array(confidences, n);
	values[6] = Int32GetDatum(b->a.trial);
	values[7] = text_array(arms, n);
	hwr_catalog_execute_now("INSERT INTO hwr.read_row (attachment, key, hash, model, version, confidence, trial, arm) "
							"SELECT $1, r.key::text[], r.hash, r.model, r.version, r.confidence, nullif($7, 0), r.arm "
							"FROM unnest($2, $3, $4, $5, $6, $8) r (model, key, hash, version, confidence, arm) "
							"ON CONFLICT (attachment, key) DO UPDATE SET hash = excluded.hash, model = excluded.model, version = excluded.version, "
							"confidence = excluded.confidence, read = clock_timestamp(), corrected = false, trial = excluded.trial, arm = excluded.arm", 8, types, values);
	keep_shadows(b, chosen, n);
	*features = features_of(b, chosen, n);
}

static void
settle_failed(Batch *b, int *nfailed)
{
	Oid			types[4] = {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4OID};
	Datum		values[4];
	int			n;
	int		   *chosen = choose(b, 0, b->n, ENTRY_FAILED, &n);
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
	hwr_catalog_execute_now("UPDATE hwr.queue q SET attempts = q.attempts + 1, failed = q.attempts >= $4, sqlstate = f.sqlstate, message = f.message, "
							"due = clock_timestamp() + a.retry_after * power(2, least(q.attempts, 16)) "
							"FROM unnest($1::tid[], $2, $3) f (place, sqlstate, message), hwr.attachment a WHERE q.ctid = f.place AND a.id = $5", 5, all_types, all);
}

/* Others have them locked, or have changed them meanwhile; or the role may see them and not change them, which will last. */
static void
settle_passed_over(Batch *b)
{
	Oid			types[2] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];
	int			n;
	int			more;
	int		   *chosen = choose(b, 0, b->n, ENTRY_READABLE, &n);
	int		   *taken = choose(b, 0, b->n, ENTRY_TAKEN, &more);
	int		   *both = palloc(Max(n + more, 1) * sizeof(int));

	if (n + more == 0)
		return;
	memcpy(both, chosen, n * sizeof(int));
	memcpy(both + n, taken, more * sizeof(int));
	FIELD_ARRAY(b, both, n + more, place, values[0]);
	values[1] = Int32GetDatum(PASSED_OVER_WAIT);
	hwr_catalog_execute_now("UPDATE hwr.queue SET due = clock_timestamp() + greatest($2 * '1 ms'::interval, least((clock_timestamp() - queued) / 10, '1 minute'::interval)) "
							"WHERE ctid = ANY ($1::tid[])", 2, types, values);
}

static void
settle_needless(Batch *b)
{
	int			n;
	int		   *chosen = choose(b, 0, b->n, ENTRY_NEEDLESS, &n);

	drop_entries(b, chosen, n);
}

/* Who listens is told which rows have been read: not more, since anyone may listen. */
static void
notify(Batch *b)
{
	int			n;
	int		   *chosen = choose(b, 0, b->n, ENTRY_WRITTEN, &n);

	for (int i = 0; i < n; i++)
	{
		Entry	   *e = &b->entries[chosen[i]];
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

static void
settle(Batch *b, double began, HwrBatchResult *out)
{
	Oid			types[5] = {INT4OID, INT4OID, INT4OID, FLOAT8OID, TEXTOID};
	Datum		values[5];
	char	   *features = NULL;

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
		hwr_catalog_execute("INSERT INTO hwr.batch (attachment, read, failed, seconds, features) VALUES ($1, $2, $3, $4, $5::jsonb)", 5, types, values,
							features != NULL ? NULL : "    n");
	if (out->read > 0)
		hwr_catalog_execute_now("SELECT hwr.check_drift($1)", 1, types, values);
	hwr_catalog_execute_now("DELETE FROM hwr.batch WHERE ctid = ANY (ARRAY(SELECT b.ctid FROM hwr.batch b WHERE b.attachment = $1 "
							"AND b.done < clock_timestamp() - '30 days'::interval ORDER BY b.done LIMIT 100 FOR UPDATE SKIP LOCKED))", 1, types, values);
	hwr_catalog_execute_now("UPDATE hwr.attachment SET problem = NULL, sqlstate = NULL, next_try = NULL WHERE id = $1 AND problem IS NOT NULL", 1, types, values);
	if (b->a.notify)
		notify(b);
}

/*
 * The batch
 */

static void
check_role(const HwrAttachment *a)
{
	if (!OidIsValid(a->role) || !has_privs_of_role(GetUserId(), a->role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read table \"%s\" as the role that attached it", get_rel_name(a->data))));
}

/* A column that has another name now is not to be guessed. */
static void
check_columns(const HwrAttachment *a)
{
	const char *names[] = {a->image, a->text, a->confidence};
	AttrNumber	image = get_attnum(a->data, a->image);

	for (int i = 0; i < lengthof(names); i++)
		if (names[i] != NULL && get_attnum(a->data, names[i]) == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist", names[i], get_rel_name(a->data)),
					 errdetail("It was there when the table was attached."),
					 errhint("hwr_detach, then hwr_attach again.")));
	hwr_check_image_type(a->data, a->image, get_atttype(a->data, image));
}

/* Its lock, before anything else is locked, for a role that may write it: UPDATE on the text's column is enough. */
static void
lock_table(const HwrAttachment *a)
{
	AttrNumber	text = get_attnum(a->data, a->text);

	if (text != InvalidAttrNumber && pg_class_aclcheck(a->data, a->role, ACL_UPDATE) != ACLCHECK_OK &&
		pg_attribute_aclcheck(a->data, text, a->role, ACL_UPDATE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table %s", get_rel_name(a->data))));
	LockRelationOid(a->data, RowExclusiveLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(a->data)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("an attached table has just been dropped")));
}

/*
 * The owner's triggers and policies run as the role.  A superuser attaches in the owner's name, but the table may have been his own
 * and have got another owner since.
 */
static void
check_owner(const HwrAttachment *a)
{
	HeapTuple	tuple;
	Oid			owner;

	if (!superuser_arg(a->role))
		return;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(a->data));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", a->data);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	if (!superuser_arg(owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s\" was attached by a superuser, and is another role's now", get_rel_name(a->data)),
				 errdetail("Its triggers and policies would run as the superuser."),
				 errhint("hwr_detach, then hwr_attach again.")));
}

/*
 * In a restore, triggers come after all rows, and the queue before those of the table: what is not there yet must not be taken for
 * gone.
 */
static void
check_triggers(const HwrAttachment *a)
{
	if (!OidIsValid(get_trigger_oid(a->data, psprintf("hwr_after_%d", a->id), true)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" lacks the triggers of its attachment", get_rel_name(a->data)),
				 errdetail("A restore makes them last."),
				 errhint("If they have been dropped: hwr_detach, then hwr_attach again.")));
}

/* Constraints are checked by each statement, so that no trigger is left for later. */
static void
set_constraints_immediate(Oid role)
{
	HwrIdentity save;

	hwr_become_user(role, &save);
	if (SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not set constraints");
	hwr_restore_identity(&save);
}

void
hwr_work_batch(int32 attachment, int limit, HwrBatchResult *out)
{
	Batch	   *b = palloc0(sizeof(Batch));
	double		began = (double) GetCurrentTimestamp() / 1e6;
	MemoryContext caller;

	memset(out, 0, sizeof(*out));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("hwr_work reads in transactions that are READ COMMITTED"),
				 errhint("SET default_transaction_isolation = 'read committed'.")));
	b->context = AllocSetContextCreate(CurrentMemoryContext, "hwr batch", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(b->context);
	if (hwr_attachment_load(attachment, true, &b->a) && !b->a.paused)
	{
		check_role(&b->a);
		lock_table(&b->a);
		check_owner(&b->a);
		check_triggers(&b->a);
		check_columns(&b->a);
		b->keys = hwr_key_columns(&b->a);
		b->relation = quote_qualified_identifier(get_namespace_name(get_rel_namespace(b->a.data)), get_rel_name(b->a.data));
		set_constraints_immediate(b->a.role);
		claim(b, limit > 0 ? Min(limit, b->a.batch) : b->a.batch);
		out->taken = b->n;
		if (b->n > 0)
		{
			do_entries(b);
			check_unwritten(b);
			settle(b, began, out);
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(b->context);
}

int32 *
hwr_work_list(Oid data, int *n)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(data)};
	uint64		found = hwr_catalog_query_now("SELECT a.id, a.role::oid FROM hwr.attachment a JOIN pg_roles r ON r.oid = a.role::oid WHERE NOT a.paused "
											  "AND EXISTS (SELECT FROM pg_class c WHERE c.oid = a.data::oid) AND ($1 = '0'::oid OR a.data::oid = $1) ORDER BY a.id", 1, types, values);
	int32	   *list = palloc(Max(found, 1) * sizeof(int32));

	*n = 0;
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		Oid			role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));

		if (has_privs_of_role(GetUserId(), role))
			list[(*n)++] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	return list;
}

/*
 * The procedure
 */

static HeapTuple
result_row(FunctionCallInfo fcinfo, int64 read, int64 failed)
{
	TupleDesc	desc;
	Datum		values[2] = {Int64GetDatum(read), Int64GetDatum(failed)};
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return heap_form_tuple(BlessTupleDesc(desc), values, nulls);
}

/* Attachments in turn, each until nothing of it is due, and all again as long as there was something. */
static void
work(const int32 *attachments, int n, int64 limit, int64 *read, int64 *failed)
{
	bool		again = true;

	while (again)
	{
		again = false;
		for (int i = 0; i < n; i++)
		{
			HwrBatchResult result;

			do
			{
				if (limit == 0)
					return;
				CHECK_FOR_INTERRUPTS();
				PushActiveSnapshot(GetTransactionSnapshot());
				hwr_work_batch(attachments[i], limit < 0 ? 0 : (int) Min(limit, 1000), &result);
				PopActiveSnapshot();
				SPI_commit();
				*read += result.read;
				*failed += result.failed;
				if (limit > 0)
					limit -= result.taken;
				again = again || result.taken > 0;
			} while (result.taken > 0);
		}
	}
}

/*
 * hwr_work(data regclass, limit bigint, INOUT read bigint, INOUT failed bigint)
 */
Datum
hwr_work(PG_FUNCTION_ARGS)
{
	Oid			data = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	int64		limit = PG_ARGISNULL(1) ? -1 : PG_GETARG_INT64(1);
	int64		read = 0;
	int64		failed = 0;
	int32	   *attachments;
	int			n;

	PreventCommandIfReadOnly("hwr_work()");
	if (limit < 0 && !PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"limit\" must not be negative")));
	if (!IsA(fcinfo->context, CallContext) || ((CallContext *) fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("hwr_work cannot run inside a transaction block"),
				 errhint("It commits each batch: CALL it by itself.")));
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PushActiveSnapshot(GetTransactionSnapshot());
	attachments = hwr_work_list(data, &n);
	PopActiveSnapshot();
	if (n == 0 && OidIsValid(data))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" has nothing attached that you may read, or is paused", get_rel_name(data)),
				 errhint("hwr_attachments lists what is attached.")));
	work(attachments, n, limit, &read, &failed);
	SPI_finish();
	return HeapTupleGetDatum(result_row(fcinfo, read, failed));
}
