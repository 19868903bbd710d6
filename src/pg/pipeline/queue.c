/*
 * queue.c
 *	  The queue as the triggers see it: entries made and dropped, and how long a full one is waited for.
 *
 * A worker holds its entries locked while it reads.  So nobody waits for one: an entry that is there is
 * left alone, or passed over where it is locked (enqueue.c says why nothing is lost).
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "enqueue.h"
#include "pg/base/wait.h"

PG_FUNCTION_INFO_V1(hwr_wake_workers);

/* How long a full queue is waited for, and between two looks at it, in ms. */
#define FULL_WAIT (10 * 60 * 1000)
#define FULL_LOOK 50

/* For so long, in ms, a session believes what it has seen of the queue's length. */
#define ROOM_FRESH 100

/*
 * Entries that this transaction has made, which it does not wait for itself; with none, it has something else to wake a
 * worker for.  In TopTransactionContext.
 */
typedef struct Queued
{
	struct Queued *next;
	int			level;			/* of the subtransaction, descending along the list */
	int32		attachment;
	int64		n;
} Queued;
static Queued *queued = NULL;

/* Room in an attachment's queue when it was last looked at. */
static struct
{
	int32		attachment;
	int64		limit;
	TimestampTz at;
	int64		room;
}			seen;

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (event == XACT_EVENT_COMMIT && queued != NULL)
		hwr_pipeline_wake();
	queued = NULL;				/* its memory goes with the transaction */
}

static Queued *
find_queued(int32 attachment, int level)
{
	for (Queued *q = queued; q != NULL && q->level >= level; q = q->next)
		if (q->level == level && q->attachment == attachment)
			return q;
	return NULL;
}

/* Entries of a subtransaction go with it, or are its parent's. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	Queued	   *own = queued;
	Queued	   *next;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (queued != NULL && queued->level >= level)
		queued = queued->next;
	for (; own != NULL && own->level >= level; own = next)
	{
		Queued	   *above = find_queued(own->attachment, level - 1);

		next = own->next;
		if (event == SUBXACT_EVENT_ABORT_SUB)
			pfree(own);
		else if (above != NULL)
		{
			above->n += own->n;
			pfree(own);
		}
		else
		{
			own->level = level - 1;
			own->next = queued;
			queued = own;
		}
	}
}

static void
watch_transaction(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	registered = true;
}

void
hwr_note_queued(int32 attachment, int64 entries)
{
	int			level = GetCurrentTransactionNestLevel();
	Queued	   *q = find_queued(attachment, level);

	if (q == NULL)
	{
		watch_transaction();
		q = MemoryContextAllocZero(TopTransactionContext, sizeof(Queued));
		q->level = level;
		q->attachment = attachment;
		q->next = queued;
		queued = q;
	}
	q->n += entries;
}

/*
 * hwr.wake_workers() returns void: for what has queued rows in SQL
 */
Datum
hwr_wake_workers(PG_FUNCTION_ARGS)
{
	hwr_note_queued(0, 0);
	PG_RETURN_VOID();
}

/* Entries of an attachment that others have made, up to its limit and one. */
static int64
others_waiting(const HwrAttachment *a)
{
	static HwrCatalogPlan plan = {"SELECT count(*) FROM (SELECT FROM hwr.queue WHERE attachment = $1 AND NOT failed "
								  "LIMIT $2) q", 2, {INT4OID, INT8OID}};
	int64		mine = 0;
	Datum		values[2];
	bool		isnull;

	for (const Queued *q = queued; q != NULL; q = q->next)
		mine += q->attachment == a->id ? q->n : 0;
	values[0] = Int32GetDatum(a->id);
	values[1] = Int64GetDatum(a->queue_limit + mine + 1);
	(void) hwr_catalog_plan_execute(&plan, values, NULL);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)) - mine;
}

/*
 * Back-pressure.  The queue is counted, which costs as much as it is long; so what was seen is
 * believed for a moment, and for as many rows as use up a sixteenth of the room that there was.
 */
static void
wait_for_room(const HwrAttachment *a)
{
	TimestampTz began = GetCurrentTimestamp();

	if (seen.attachment == a->id && seen.limit == a->queue_limit && seen.room > 0 &&
		began - seen.at < ROOM_FRESH * INT64CONST(1000))
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
			seen.limit = a->queue_limit;
			seen.at = GetCurrentTimestamp();
			seen.room = (a->queue_limit - waiting) / 16;
			return;
		}
		if (a->fail_when_full || TimestampDifferenceExceeds(began, GetCurrentTimestamp(), FULL_WAIT))
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("the queue of table \"%s\" is full", get_rel_name(a->data)),
					 errdetail("%lld rows wait to be read, and queue_limit is %lld.", (long long) waiting,
							   (long long) a->queue_limit),
					 errhint("Try again when some have been read: CALL hwr_work(), or a server that preloads hwr.")));
		hwr_pipeline_wake();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, FULL_LOOK, hwr_wait_event(HWR_WAIT_QUEUE));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
hwr_enqueue(const HwrAttachment *a, Datum key, int lane)
{
	static HwrCatalogPlan insert = {"INSERT INTO hwr.queue (attachment, key, lane) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", 3,
		{INT4OID, TEXTARRAYOID, INT4OID}};
	static HwrCatalogPlan keep = {"SELECT FROM hwr.queue WHERE attachment = $1 AND key = $2 AND lane = $3 FOR KEY SHARE", 3,
		{INT4OID, TEXTARRAYOID, INT4OID}};
	static HwrCatalogPlan renew = {"UPDATE hwr.queue SET attempts = 0, failed = false, sqlstate = NULL, message = NULL, due = "
								   "clock_timestamp() "
		"WHERE ctid = ANY (ARRAY(SELECT q.ctid FROM hwr.queue q WHERE q.attachment = $1 AND q.key = $2 AND q.lane = $3 "
		"AND q.attempts > 0 "
	"FOR NO KEY UPDATE SKIP LOCKED))", 3, {INT4OID, TEXTARRAYOID, INT4OID}};
	Datum		values[3] = {Int32GetDatum(a->id), key, Int32GetDatum(lane)};

	if (a->queue_limit > 0)
		wait_for_room(a);
	while (hwr_catalog_plan_execute(&insert, values, NULL) == 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (hwr_catalog_plan_execute(&keep, values, NULL) == 0)
			continue;			/* a worker has just dropped it */
		hwr_note_queued(a->id, (int64) hwr_catalog_plan_execute(&renew, values, NULL));
		return;
	}
	hwr_note_queued(a->id, 1);
}

void
hwr_dequeue(const HwrAttachment *a, Datum key, int lane)
{
	static HwrCatalogPlan plan = {"DELETE FROM hwr.queue WHERE ctid = ANY (ARRAY(SELECT q.ctid FROM hwr.queue q "
								  "WHERE q.attachment = $1 AND q.key = $2 AND q.lane >= $3 "
	"FOR UPDATE SKIP LOCKED))", 3, {INT4OID, TEXTARRAYOID, INT4OID}};
	Datum		values[3] = {Int32GetDatum(a->id), key, Int32GetDatum(lane)};

	(void) hwr_catalog_plan_execute(&plan, values, NULL);
}
