/*
 * enqueue.c
 *	  The triggers of an attached table: what is to be read is queued, what a person says is kept.
 *
 * They run in the session that changes the table, in its transaction, and write the tables of schema
 * hwr as the extension's owner.  Their argument is the number of an attachment, and anyone can make a
 * trigger with any argument on a table of his own: so an attachment counts only for its own table and
 * the partitions of it.
 *
 * Nobody waits for a reader.  A worker holds its entries of the queue locked while it reads; so an
 * entry that is there is left alone, or passed over where it is locked, and the worker sees by the
 * image's hash that its reading is of an image that is no more (work.c).  What may be left over is an
 * entry whose row is gone or has been read: the worker drops it.  It must not drop one that this row needs:
 * an entry that is left alone is locked FOR KEY SHARE, which a worker's lock allows while it reads, and
 * which keeps it from dropping the entry until the transaction ends and the row can be seen.
 *
 *	 INSERT			an image without text is queued
 *	 UPDATE			of the image: the text goes (before_row), and the row is queued
 *					of the text: a correction, unless a worker writes; to NULL: queued again
 *					of the key: what is known of the row moves along
 *	 DELETE, TRUNCATE	what is known of the rows goes
 *
 * In mode now, before_row reads the image.  The row may not come to be (ON CONFLICT DO NOTHING), so what
 * it has read is kept in memory until after_row sees the row.  What could not be read is queued.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/toast_internals.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/base/status.h"
#include "pg/base/columns.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "pg/base/wait.h"
#include "pg/catalog/cache.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"
#include "pipeline.h"

PG_FUNCTION_INFO_V1(hwr_before_row);
PG_FUNCTION_INFO_V1(hwr_after_row);
PG_FUNCTION_INFO_V1(hwr_after_truncate);

/* How long a full queue is waited for, and between two looks at it, in ms. */
#define FULL_WAIT (10 * 60 * 1000)
#define FULL_LOOK 50

/* For so long, in ms, a session believes what it has seen of the queue's length. */
#define ROOM_FRESH 100

int32		hwr_writing = 0;

/* A trigger's attachment and its columns in the table at hand, for as long as the statement. */
typedef struct Target
{
	HwrAttachment a;
	Oid			relid;			/* of the table or partition */
	AttrNumber	image;
	AttrNumber	text;
	AttrNumber	confidence;		/* 0: none */
	AttrNumber	keys[INDEX_MAX_KEYS];
} Target;

/* What mode now has read and no row has taken yet; in TopTransactionContext, in the order in which rows will ask. */
typedef struct Fresh
{
	struct Fresh *next;
	int32		attachment;
	char	   *model;
	int32		version;
	double		confidence;
	char		hash[PG_SHA256_DIGEST_LENGTH];
} Fresh;
static Fresh *fresh = NULL;
static Fresh *fresh_last = NULL;

/* Of this transaction: entries made, which it does not wait for itself. */
static int64 queued_here = 0;
static bool callback_registered = false;

/* Room in an attachment's queue when it was last looked at. */
static struct
{
	int32		attachment;
	TimestampTz at;
	int64		room;
}			seen;

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (event == XACT_EVENT_COMMIT && queued_here > 0)
		hwr_pipeline_wake();
	queued_here = 0;
	fresh = NULL;				/* its memory goes with the transaction */
	hwr_writing = 0;
}

static void
watch_transaction(void)
{
	if (callback_registered)
		return;
	RegisterXactCallback(at_transaction_end, NULL);
	callback_registered = true;
}

/* Is rel the attachment's table, or a partition of it? */
static bool
is_own(const HwrAttachment *a, Relation rel)
{
	return RelationGetRelid(rel) == a->data ||
		(rel->rd_rel->relispartition && list_member_oid(get_partition_ancestors(RelationGetRelid(rel)), a->data));
}

static AttrNumber
find_column(Relation rel, const char *name)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(rel), name);

	if (attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name, RelationGetRelationName(rel)),
				 errdetail("It was there when the table was attached."),
				 errhint("hwr_detach, then hwr_attach again.")));
	return attno;
}

/* NULL: a trigger whose attachment is gone, or is another table's. */
static Target *
find_target(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation	rel = trigger->tg_relation;
	Target	   *target = fcinfo->flinfo->fn_extra;
	MemoryContext caller;

	if (target == NULL || target->relid != RelationGetRelid(rel))
	{
		caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		target = palloc0(sizeof(Target));
		target->relid = RelationGetRelid(rel);
		if (trigger->tg_trigger->tgnargs == 1 &&
			hwr_attachment_load(pg_strtoint32(trigger->tg_trigger->tgargs[0]), false, &target->a) && is_own(&target->a, rel))
		{
			if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
			{
				target->image = find_column(rel, target->a.image);
				hwr_check_image_type(RelationGetRelid(rel), target->a.image, get_atttype(RelationGetRelid(rel), target->image));
				target->text = find_column(rel, target->a.text);
				target->confidence = target->a.confidence != NULL ? find_column(rel, target->a.confidence) : InvalidAttrNumber;
				for (int i = 0; i < target->a.nkeys; i++)
					target->keys[i] = find_column(rel, target->a.keys[i]);
			}
		}
		else
			target->a.id = 0;
		fcinfo->flinfo->fn_extra = target;
		MemoryContextSwitchTo(caller);
	}
	return target->a.id != 0 ? target : NULL;
}

static void
check_trigger(FunctionCallInfo fcinfo, const char *function)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", function)));
}

/*
 * Values
 */

static bool
is_null(HeapTuple tuple, TupleDesc desc, AttrNumber attno)
{
	return heap_attisnull(tuple, attno, desc);
}

/* Are two values of a column the same bytes?  Where both are in the same place of TOAST, nothing is read. */
static bool
same_value(HeapTuple a, HeapTuple b, TupleDesc desc, AttrNumber attno)
{
	bool		null_a;
	bool		null_b;
	Datum		va = heap_getattr(a, attno, desc, &null_a);
	Datum		vb = heap_getattr(b, attno, desc, &null_b);
	Form_pg_attribute att = TupleDescAttr(desc, attno - 1);

	if (null_a || null_b)
		return null_a && null_b;
	if (att->attlen == -1 && VARATT_IS_EXTERNAL(DatumGetPointer(va)) && VARATT_IS_EXTERNAL(DatumGetPointer(vb)) &&
		datumIsEqual(va, vb, att->attbyval, att->attlen))
		return true;
	return att->attlen == -1 ? datum_image_eq(va, vb, att->attbyval, att->attlen) : datumIsEqual(va, vb, att->attbyval, att->attlen);
}

static Datum
key_of(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	return hwr_key_of_tuple(tuple, desc, t->keys, t->a.nkeys);
}

static bool
same_key(const Target *t, HeapTuple a, HeapTuple b, TupleDesc desc)
{
	for (int i = 0; i < t->a.nkeys; i++)
		if (!same_value(a, b, desc, t->keys[i]))
			return false;
	return true;
}

bytea *
hwr_pipeline_hash(const uint8 *bytes, Size len)
{
	bytea	   *hash = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);

	SET_VARSIZE(hash, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (!hwr_sha256(bytes, len, (uint8 *) VARDATA(hash)))
		elog(ERROR, "could not compute a hash");
	return hash;
}

static bytea *
image_hash(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, t->image, desc, &isnull);
	bytea	   *image = isnull ? NULL : DatumGetByteaPP(value);

	return isnull ? NULL : hwr_pipeline_hash((const uint8 *) VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image));
}

/* The row's text as text, whatever its column's type; 0: null. */
static Datum
text_of(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	char	   *text = SPI_getvalue(tuple, desc, t->text);

	return text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

/*
 * The queue
 */

/* Entries of an attachment that others have made, up to its limit and one. */
static int64
others_waiting(const HwrAttachment *a)
{
	static HwrCatalogPlan plan = {"SELECT count(*) FROM (SELECT FROM hwr.queue WHERE attachment = $1 AND NOT failed LIMIT $2) q", 2, {INT4OID, INT8OID}};
	Datum		values[2] = {Int32GetDatum(a->id), Int64GetDatum(a->queue_limit + queued_here + 1)};
	bool		isnull;

	(void) hwr_catalog_plan_execute(&plan, values, NULL);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)) - queued_here;
}

/*
 * Back-pressure.  The queue is counted, which costs as much as it is long; so what was seen is
 * believed for a moment, and for as many rows as use up a sixteenth of the room that there was.
 */
static void
wait_for_room(const HwrAttachment *a)
{
	TimestampTz began = GetCurrentTimestamp();

	if (seen.attachment == a->id && seen.room > 0 && began - seen.at < ROOM_FRESH * INT64CONST(1000))
	{
		seen.room--;
		return;
	}
	for (;;)
	{
		int64		waiting = others_waiting(a);

		if (waiting < a->queue_limit)
		{
			seen.attachment = a->id;
			seen.at = GetCurrentTimestamp();
			seen.room = (a->queue_limit - waiting) / 16;
			return;
		}
		if (a->fail_when_full || TimestampDifferenceExceeds(began, GetCurrentTimestamp(), FULL_WAIT))
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("the queue of table \"%s\" is full", get_rel_name(a->data)),
					 errdetail("%lld rows wait to be read, and queue_limit is %lld.", (long long) waiting, (long long) a->queue_limit),
					 errhint("Try again when some have been read: CALL hwr_work(), or a server that preloads hwr.")));
		hwr_pipeline_wake();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, FULL_LOOK, hwr_wait_event(HWR_WAIT_QUEUE));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* An entry that is there stays as it is, but for one that has failed: that was another image. */
static void
enqueue(const Target *t, Datum key)
{
	static HwrCatalogPlan insert = {"INSERT INTO hwr.queue (attachment, key) VALUES ($1, $2) ON CONFLICT DO NOTHING", 2, {INT4OID, TEXTARRAYOID}};
	static HwrCatalogPlan keep = {"SELECT FROM hwr.queue WHERE attachment = $1 AND key = $2 AND lane = 0 FOR KEY SHARE", 2, {INT4OID, TEXTARRAYOID}};
	static HwrCatalogPlan renew = {"UPDATE hwr.queue SET attempts = 0, failed = false, sqlstate = NULL, message = NULL, due = clock_timestamp() "
		"WHERE ctid = ANY (ARRAY(SELECT q.ctid FROM hwr.queue q WHERE q.attachment = $1 AND q.key = $2 AND q.lane = 0 AND q.attempts > 0 "
	"FOR NO KEY UPDATE SKIP LOCKED))", 2, {INT4OID, TEXTARRAYOID}};
	Datum		values[2] = {Int32GetDatum(t->a.id), key};

	if (t->a.queue_limit > 0)
		wait_for_room(&t->a);
	watch_transaction();
	while (hwr_catalog_plan_execute(&insert, values, NULL) == 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (hwr_catalog_plan_execute(&keep, values, NULL) == 0)
			continue;			/* a worker has just dropped it */
		if (hwr_catalog_plan_execute(&renew, values, NULL) > 0)
			queued_here++;
		return;
	}
	queued_here++;
}

/* Entries of a key, from a lane on.  One that a worker has is the worker's to drop. */
static void
dequeue(const Target *t, Datum key, int lane)
{
	static HwrCatalogPlan plan = {"DELETE FROM hwr.queue WHERE ctid = ANY (ARRAY(SELECT q.ctid FROM hwr.queue q WHERE q.attachment = $1 AND q.key = $2 AND q.lane >= $3 "
	"FOR UPDATE SKIP LOCKED))", 3, {INT4OID, TEXTARRAYOID, INT4OID}};
	Datum		values[3] = {Int32GetDatum(t->a.id), key, Int32GetDatum(lane)};

	(void) hwr_catalog_plan_execute(&plan, values, NULL);
}

/*
 * What is known of rows
 */

static void
forget_row(const Target *t, Datum key, bool corrections)
{
	static HwrCatalogPlan rows = {"DELETE FROM hwr.read_row WHERE attachment = $1 AND key = $2", 2, {INT4OID, TEXTARRAYOID}};
	static HwrCatalogPlan labels = {"DELETE FROM hwr.correction WHERE attachment = $1 AND key = $2", 2, {INT4OID, TEXTARRAYOID}};
	static HwrCatalogPlan shadows = {"DELETE FROM hwr.shadow WHERE attachment = $1 AND key = $2", 2, {INT4OID, TEXTARRAYOID}};
	Datum		values[2] = {Int32GetDatum(t->a.id), key};

	(void) hwr_catalog_plan_execute(&rows, values, NULL);
	(void) hwr_catalog_plan_execute(&shadows, values, NULL);
	if (corrections)
		(void) hwr_catalog_plan_execute(&labels, values, NULL);
}

/*
 * Keys may change places in one statement, where the primary key is deferrable.  What is known of a row whose key another one comes to have gets a
 * key that no row has, until its own turn comes: with the image's hash as a further element.
 */
static void
step_aside(const Target *t, Datum key)
{
	static HwrCatalogPlan plan = {"WITH r AS (UPDATE hwr.read_row SET key = key || encode(hash, 'hex') WHERE attachment = $1 AND key = $2 RETURNING hash) "
		"UPDATE hwr.correction c SET key = c.key || encode(c.hash, 'hex') FROM r WHERE c.attachment = $1 AND c.key = $2 AND c.hash = r.hash", 2,
	{INT4OID, TEXTARRAYOID}};
	static HwrCatalogPlan stale = {"DELETE FROM hwr.read_row s USING hwr.read_row r WHERE r.attachment = $1 AND r.key = $2 AND s.attachment = $1 "
	"AND s.key = r.key || encode(r.hash, 'hex')", 2, {INT4OID, TEXTARRAYOID}};
	Datum		values[2] = {Int32GetDatum(t->a.id), key};

	(void) hwr_catalog_plan_execute(&stale, values, NULL);
	(void) hwr_catalog_plan_execute(&plan, values, NULL);
}

/* The key under which a row is known that has had this one, and whose image has this hash. */
static Datum
former_key(const Target *t, Datum key, bytea *hash)
{
	static HwrCatalogPlan plan = {"SELECT key FROM hwr.read_row WHERE attachment = $1 AND key = $2 || encode($3, 'hex')", 3, {INT4OID, TEXTARRAYOID, BYTEAOID}};
	Datum		values[3] = {Int32GetDatum(t->a.id), key, PointerGetDatum(hash)};
	bool		isnull;

	if (hwr_catalog_plan_execute(&plan, values, NULL) == 0)
		return key;
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
}

/* What moves is told by the image too. */
static void
move_row(const Target *t, Datum from, Datum to, bytea *hash)
{
	static HwrCatalogPlan rows = {"INSERT INTO hwr.read_row (attachment, key, hash, model, version, confidence, read, corrected) "
		"SELECT attachment, $3, hash, model, version, confidence, read, corrected FROM hwr.read_row WHERE attachment = $1 AND key = $2 AND hash = $4 "
		"ON CONFLICT (attachment, key) DO UPDATE SET hash = excluded.hash, model = excluded.model, version = excluded.version, "
	"confidence = excluded.confidence, read = excluded.read, corrected = excluded.corrected", 4, {INT4OID, TEXTARRAYOID, TEXTARRAYOID, BYTEAOID}};
	static HwrCatalogPlan labels = {"UPDATE hwr.correction SET key = $3 WHERE attachment = $1 AND key = $2 AND hash = $4", 4,
	{INT4OID, TEXTARRAYOID, TEXTARRAYOID, BYTEAOID}};
	static HwrCatalogPlan former = {"DELETE FROM hwr.read_row WHERE attachment = $1 AND key = $2 AND hash = $4", 4, {INT4OID, TEXTARRAYOID, TEXTARRAYOID, BYTEAOID}};
	Datum		values[4] = {Int32GetDatum(t->a.id), from, to, PointerGetDatum(hash)};

	values[1] = former_key(t, from, hash);
	step_aside(t, to);
	(void) hwr_catalog_plan_execute(&rows, values, NULL);
	(void) hwr_catalog_plan_execute(&former, values, NULL);
	(void) hwr_catalog_plan_execute(&labels, values, NULL);
}

void
hwr_keep_correction(int32 attachment, Datum key, Datum hash, Datum was, Datum label)
{
	static HwrCatalogPlan mark = {"INSERT INTO hwr.read_row (attachment, key, hash, corrected) VALUES ($1, $2, $3, true) "
		"ON CONFLICT (attachment, key) DO UPDATE SET corrected = true, hash = excluded.hash, "
		"model = CASE WHEN read_row.hash = excluded.hash THEN read_row.model END, version = CASE WHEN read_row.hash = excluded.hash THEN read_row.version END, "
	"confidence = CASE WHEN read_row.hash = excluded.hash THEN read_row.confidence END, "
	"trial = CASE WHEN read_row.hash = excluded.hash THEN read_row.trial END", 3, {INT4OID, TEXTARRAYOID, BYTEAOID}};
	static HwrCatalogPlan keep = {"INSERT INTO hwr.correction (attachment, key, hash, who, was, label, reading, model, version, confidence, trial, arm) "
		"SELECT $1, $2, $3, $4, $5, $6, CASE WHEN c.id IS NOT NULL THEN c.reading WHEN r.model IS NOT NULL THEN $5 END, r.model, r.version, r.confidence, r.trial, r.arm "
		"FROM hwr.read_row r LEFT JOIN LATERAL (SELECT x.id, x.reading FROM hwr.correction x WHERE x.attachment = $1 AND x.key = $2 AND x.hash = $3 "
		"AND x.model IS NOT DISTINCT FROM r.model AND x.version IS NOT DISTINCT FROM r.version ORDER BY x.id LIMIT 1) c ON true "
		"WHERE r.attachment = $1 AND r.key = $2",
	6, {INT4OID, TEXTARRAYOID, BYTEAOID, OIDOID, TEXTOID, TEXTOID}};
	Datum		values[6] = {Int32GetDatum(attachment), key, hash, ObjectIdGetDatum(GetUserId()), was, label};

	(void) hwr_catalog_plan_execute(&mark, values, NULL);
	(void) hwr_catalog_plan_execute(&keep, values, was != (Datum) 0 ? NULL : "    n ");
}

/*
 * Mode now
 */

static void
remember(const HwrAttachment *a, HwrLoaded loaded, double confidence, const bytea *hash)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	Fresh	   *f = palloc(sizeof(Fresh));

	watch_transaction();
	f->next = NULL;
	f->attachment = a->id;
	f->model = pstrdup(a->model);
	f->version = loaded.version->version;
	f->confidence = confidence;
	memcpy(f->hash, VARDATA(hash), sizeof(f->hash));
	if (fresh == NULL)
		fresh = f;
	else
		fresh_last->next = f;
	fresh_last = f;
	MemoryContextSwitchTo(caller);
}

/* The reading of an image, and how sure it is; NULL: it cannot be read.  As the attachment's role. */
static char *
read_now(const HwrAttachment *a, Datum image, double *confidence)
{
	HwrVersionInfo version;
	HwrLoaded	loaded;
	HwrBatchReader *batch;
	HwrIdentity save;
	HwrStatus	st;
	MemoryContext caller;
	const uint8 *bytes;
	Size		len;
	char	   *text = NULL;

	hwr_become_user(a->role, &save);
	hwr_catalog_find(a->model, 0, &version);
	loaded = hwr_cache_get(&version);
	batch = hwr_batch_create();
	caller = MemoryContextSwitchTo(batch->context);
	bytes = hwr_image_bytes(image, &len);
	if (hwr_batch_add(batch, loaded, bytes, len, &st))
	{
		bytea	   *hash = hwr_pipeline_hash(bytes, len);

		hwr_batch_run(batch, loaded);
		*confidence = hwr_reading_confidence(&batch->readings[0], loaded.model, &batch->posteriors[0], batch->context);
		text = MemoryContextStrdup(caller, hwr_from_utf8(batch->readings[0].text));
		remember(a, loaded, *confidence, hash);
	}
	MemoryContextSwitchTo(caller);
	hwr_batch_free(batch);
	hwr_restore_identity(&save);
	return text;
}

/* The row with what was read, as the columns' types take it. */
static HeapTuple
with_reading(const Target *t, Relation rel, HeapTuple tuple, const char *text, double confidence)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			columns[2] = {t->text, t->confidence};
	int			n = t->confidence != InvalidAttrNumber ? 2 : 1;
	const char *strings[2] = {text, text != NULL ? psprintf("%.*g", 15, confidence) : NULL};
	Datum		values[2] = {0};
	bool		nulls[2] = {text == NULL, text == NULL};

	for (int i = 0; i < n && text != NULL; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, columns[i] - 1);
		Oid			input;
		Oid			param;

		getTypeInputInfo(att->atttypid, &input, &param);
		values[i] = OidInputFunctionCall(input, (char *) strings[i], param, att->atttypmod);
	}
	return heap_modify_tuple_by_cols(tuple, desc, n, columns, values, nulls);
}

/*
 * hwr.before_row() returns trigger: of INSERT in mode now, and of UPDATE
 */
Datum
hwr_before_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		update;
	HeapTuple	tuple;
	TupleDesc	desc;
	Target	   *t;
	char	   *text = NULL;
	double		confidence = 0;

	check_trigger(fcinfo, "hwr.before_row");
	if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired before INSERT or UPDATE for each row", "hwr.before_row")));
	update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	tuple = update ? trigger->tg_newtuple : trigger->tg_trigtuple;
	desc = RelationGetDescr(trigger->tg_relation);
	t = find_target(fcinfo);
	if (t == NULL || hwr_writing == t->a.id ||
		(update && (same_value(trigger->tg_trigtuple, tuple, desc, t->image) || !same_value(trigger->tg_trigtuple, tuple, desc, t->text))) ||
		(!update && !is_null(tuple, desc, t->text)))
		return PointerGetDatum(tuple);
	if (t->a.now && !t->a.paused && OidIsValid(t->a.role) && !is_null(tuple, desc, t->image))
	{
		bool		isnull;

		SPI_connect();
		text = read_now(&t->a, heap_getattr(tuple, t->image, desc, &isnull), &confidence);
		if (text != NULL)
			text = strcpy(SPI_palloc(strlen(text) + 1), text);
		SPI_finish();
	}
	return update || text != NULL ? PointerGetDatum(with_reading(t, trigger->tg_relation, tuple, text, confidence)) : PointerGetDatum(tuple);
}

/* Take the reading that before_row has made for this image; NULL: it has made none. */
static const Fresh *
take_fresh(const Target *t, const bytea *hash)
{
	Fresh	   *before = NULL;

	for (Fresh *f = fresh; f != NULL; before = f, f = f->next)
	{
		if (f->attachment != t->a.id || memcmp(f->hash, VARDATA(hash), sizeof(f->hash)) != 0)
			continue;
		if (before == NULL)
			fresh = f->next;
		else
			before->next = f->next;
		if (fresh_last == f)
			fresh_last = before;
		return f;
	}
	return NULL;
}

/* A row that came with a text: read by before_row, or labelled already. */
static bool
keep_fresh(const Target *t, Datum key, HeapTuple tuple, TupleDesc desc)
{
	static HwrCatalogPlan plan = {"INSERT INTO hwr.read_row (attachment, key, hash, model, version, confidence) VALUES ($1, $2, $3, $4, $5, $6) "
		"ON CONFLICT (attachment, key) DO UPDATE SET hash = excluded.hash, model = excluded.model, version = excluded.version, "
	"confidence = excluded.confidence, read = clock_timestamp(), corrected = false", 6, {INT4OID, TEXTARRAYOID, BYTEAOID, TEXTOID, INT4OID, FLOAT8OID}};
	bytea	   *hash;
	const Fresh *f;
	Datum		values[6];

	if (fresh == NULL)
		return false;
	hash = image_hash(t, tuple, desc);
	f = hash != NULL ? take_fresh(t, hash) : NULL;
	if (f == NULL)
		return false;
	values[0] = Int32GetDatum(t->a.id);
	values[1] = key;
	values[2] = PointerGetDatum(hash);
	values[3] = CStringGetTextDatum(f->model);
	values[4] = Int32GetDatum(f->version);
	values[5] = Float8GetDatum(f->confidence);
	(void) hwr_catalog_plan_execute(&plan, values, NULL);
	return true;
}

/*
 * After a row has changed
 */

static void
inserted(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	if (is_null(tuple, desc, t->image))
		return;
	if (is_null(tuple, desc, t->text))
		enqueue(t, key_of(t, tuple, desc));
	else if (fresh != NULL)
		(void) keep_fresh(t, key_of(t, tuple, desc), tuple, desc);
}

static void
deleted(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	Datum		key = key_of(t, tuple, desc);

	dequeue(t, key, 0);
	forget_row(t, key, true);
}

static void
updated(const Target *t, HeapTuple old, HeapTuple new, TupleDesc desc)
{
	bool		new_image = !same_value(old, new, desc, t->image);
	bool		new_text = !same_value(old, new, desc, t->text);
	bool		new_key = !same_key(t, old, new, desc);
	Datum		key;

	if (hwr_writing == t->a.id || !(new_image || new_text || new_key))
		return;
	key = key_of(t, new, desc);
	if (new_key && !is_null(old, desc, t->image))
		move_row(t, key_of(t, old, desc), key, image_hash(t, old, desc));
	if (is_null(new, desc, t->image))
	{
		dequeue(t, key, 0);
		forget_row(t, key, false);
	}
	else if (is_null(new, desc, t->text))
	{
		if (new_image || new_text)
			forget_row(t, key, false);
		enqueue(t, key);
		dequeue(t, key, 1);		/* it will be read in any case */
	}
	else if (new_text && !(new_image && keep_fresh(t, key, new, desc)))
		hwr_keep_correction(t->a.id, key, PointerGetDatum(image_hash(t, new, desc)), new_image ? (Datum) 0 : text_of(t, old, desc), text_of(t, new, desc));
}

/*
 * hwr.after_row() returns trigger
 */
Datum
hwr_after_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	Target	   *t;

	check_trigger(fcinfo, "hwr.after_row");
	if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired after a change for each row", "hwr.after_row")));
	desc = RelationGetDescr(trigger->tg_relation);
	t = find_target(fcinfo);
	if (t == NULL)
		return PointerGetDatum(NULL);
	SPI_connect();
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		inserted(t, trigger->tg_trigtuple, desc);
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		deleted(t, trigger->tg_trigtuple, desc);
	else
		updated(t, trigger->tg_trigtuple, trigger->tg_newtuple, desc);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/*
 * hwr.after_truncate() returns trigger.  Of a partition alone nothing is known: the worker finds that its rows are gone.
 */
Datum
hwr_after_truncate(PG_FUNCTION_ARGS)
{
	static HwrCatalogPlan plans[] = {
		{"DELETE FROM hwr.queue WHERE attachment = $1", 1, {INT4OID}},
		{"DELETE FROM hwr.read_row WHERE attachment = $1", 1, {INT4OID}},
		{"DELETE FROM hwr.correction WHERE attachment = $1", 1, {INT4OID}},
		{"DELETE FROM hwr.shadow WHERE attachment = $1", 1, {INT4OID}}
	};
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Target	   *t;
	Datum		value;

	check_trigger(fcinfo, "hwr.after_truncate");
	if (!TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired after TRUNCATE", "hwr.after_truncate")));
	t = find_target(fcinfo);
	if (t == NULL || t->relid != t->a.data)
		return PointerGetDatum(NULL);
	SPI_connect();
	value = Int32GetDatum(t->a.id);
	for (int i = 0; i < lengthof(plans); i++)
		(void) hwr_catalog_plan_execute(&plans[i], &value, NULL);
	SPI_finish();
	return PointerGetDatum(NULL);
}
