/*
 * pipeline_worker.c
 *	  A background worker that reads what is queued in one database, and goes when there is nothing.
 *
 * It runs as the server's first superuser, and each batch as the role of its attachment (work.c).  What
 * fails as a whole is said in hwr_attachments, and tried again after a while.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "pg/base/compat.h"
#include "pg/base/identity.h"
#include "pg/base/settings.h"
#include "pg/base/wait.h"
#include "pipeline.h"
#include "pipeline_worker.h"

/* How long it stays when there is nothing to read, in ms: while it is there, the database cannot be dropped. */
#define IDLE_TIME 1000

/* An attachment whose batch failed as a whole is tried again after this. */
#define PROBLEM_INTERVAL "1 minute"

/* A batch of so many rows or more shows that there is work for another worker. */
#define HWR_HELP_BATCH 16

/*
 * For so long another transaction may hold a lock on a table; then other tables are read, and this one is
 * tried again like after a problem.
 */
#define LOCK_TIMEOUT "10s"

/*
 * What has been cancelled may go on, if a function of the table's owner catches that: after so much longer
 * the worker ends itself, which nobody catches.
 */
#define PATIENCE 10000

static HwrPipelineDatabase *mine;
static TimeoutId patience_timeout;

/* After a worker that was terminated, or failed, another one looks at what it has left: in ms. */
#define AGAIN_INTERVAL 5000

static bool connected = false;

/* The attachment whose batch has not ended when it was cancelled, 0: none. */
static volatile sig_atomic_t reading = 0;
static volatile sig_atomic_t stuck = 0;

static void
leave(int code, Datum arg)
{
	LWLockReleaseAll();
	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	mine->workers--;
	if (stuck != 0)				/* the next worker tells it */
	{
		mine->stuck = stuck;
		mine->due = true;
	}
	else if (code != 0 && connected)	/* not where the database is gone */
		mine->next = GetCurrentTimestamp() + AGAIN_INTERVAL * INT64CONST(1000);
	if (mine->idle == MyLatch)
		mine->idle = NULL;
	if (hwr_pipeline->launcher != NULL)
		SetLatch(hwr_pipeline->launcher);
	LWLockRelease(hwr_pipeline->lock);
}

/* False: so many databases have work that this one is not remembered, or the launcher has given it up. */
static bool
enter(Oid database)
{
	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	mine = hwr_pipeline_database(database);
	if (mine != NULL)
	{
		mine->workers++;
		mine->next = 0;
	}
	LWLockRelease(hwr_pipeline->lock);
	if (mine != NULL)
		before_shmem_exit(leave, (Datum) 0);
	return mine != NULL;
}

static void
begin(const char *activity)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, activity);
}

static void
commit(void)
{
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* Is the extension, with these tables, in this database? */
static bool
has_extension(void)
{
	bool		there;

	StartTransactionCommand();
	there = OidIsValid(get_extension_oid("hwr", true)) &&
		OidIsValid(get_relname_relid("attachment", get_namespace_oid("hwr", true)));
	CommitTransactionCommand();
	return there;
}

static void
record_problem(int32 attachment, int sqlerrcode, const char *message)
{
	Oid			types[3] = {INT4OID, TEXTOID, TEXTOID};
	Datum		values[3] = {Int32GetDatum(attachment)};

	begin("recording a problem");
	values[1] = CStringGetTextDatum(unpack_sql_state(sqlerrcode));
	values[2] = CStringGetTextDatum(message);
	hwr_catalog_execute("UPDATE hwr.attachment "
						"SET sqlstate = $2, problem = $3, next_try = clock_timestamp() + '" PROBLEM_INTERVAL "' WHERE id = $1",
						3, types, values, NULL);
	commit();
}

/* Attachments a that can be read, with the time q.due when the first row of each lane of the queue is due. */
#define READABLE_ATTACHMENTS "hwr.attachment a CROSS JOIN generate_series(0, 2) l(lane) " \
	"CROSS JOIN LATERAL (SELECT e.due FROM hwr.queue e WHERE e.attachment = a.id AND e.lane = l.lane AND NOT e.failed " \
	"ORDER BY e.due LIMIT 1) q " \
	"WHERE NOT a.paused AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = a.role::oid) AND EXISTS (SELECT FROM pg_class c " \
	"WHERE c.oid = a.data::oid)"

/* Attachments that have something due, and, where there are none, when there will be, 0: never. */
static int32 *
find_work(int *n, TimestampTz *next)
{
	uint64		found;
	int32	   *list;
	bool		isnull;
	int			level;

	begin("looking for rows to read");
	level = hwr_prefer_indexes();
	found = hwr_catalog_query("SELECT DISTINCT a.id FROM " READABLE_ATTACHMENTS " AND coalesce(a.next_try <= clock_timestamp(), "
							  "true) AND q.due <= clock_timestamp() ORDER BY a.id",
							  0, NULL, NULL);
	list = MemoryContextAlloc(TopMemoryContext, Max(found, 1) * sizeof(int32));
	for (uint64 i = 0; i < found; i++)
		list[i] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	*n = (int) found;
	*next = 0;
	if (found == 0)
	{
		Datum		value;

		hwr_catalog_query("SELECT min(greatest(a.next_try, q.due)) FROM " READABLE_ATTACHMENTS, 0, NULL, NULL);
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		if (!isnull)
			*next = DatumGetTimestampTz(value);
	}
	AtEOXact_GUC(false, level);
	commit();
	return list;
}

static void
end_worker(void)
{
	stuck = reading;
	InterruptPending = true;
	ProcDiePending = true;
	SetLatch(MyLatch);
}

/* A worker before this one was not able to end a batch. */
static void
record_stuck(void)
{
	int32		attachment;

	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	attachment = mine->stuck;
	mine->stuck = 0;
	LWLockRelease(hwr_pipeline->lock);
	if (attachment != 0)
		record_problem(attachment, ERRCODE_QUERY_CANCELED, "a batch went on when it was cancelled, and its worker was ended");
}

static void
start_timeouts(int32 attachment)
{
	reading = attachment;
	if (hwr_pipeline_timeout == 0)
		return;
	enable_timeout_after(STATEMENT_TIMEOUT, hwr_pipeline_timeout);
	enable_timeout_after(patience_timeout, hwr_pipeline_timeout > INT_MAX - PATIENCE ? INT_MAX : hwr_pipeline_timeout + PATIENCE);
}

/* A batch that was committed or rolled back meanwhile is not cancelled any more, and nothing that comes after it must be. */
static void
stop_timeouts(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	disable_timeout(patience_timeout, false);
	QueryCancelPending = false;
	reading = 0;
}

/* Rows taken; an error is recorded, and not passed on. */
static int
do_batch(int32 attachment)
{
	HwrBatchResult result = {0};
	ErrorData  *volatile error = NULL;
	TimestampTz began = GetCurrentTimestamp();

	start_timeouts(attachment);
	PG_TRY();
	{
		begin("reading attached tables");
		hwr_work_batch(attachment, 0, &result);
		commit();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(TopMemoryContext);
		error = CopyErrorData();
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		result.taken = 0;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(TopMemoryContext);
	if (error != NULL)
	{
		bool		late = error->sqlerrcode == ERRCODE_QUERY_CANCELED && hwr_pipeline_timeout > 0 &&
			TimestampDifferenceExceeds(began, GetCurrentTimestamp(), hwr_pipeline_timeout);

		stop_timeouts();
		record_problem(attachment, error->sqlerrcode, late ? "a batch took longer than hwr.pipeline_timeout" : error->message);
		FreeErrorData(error);
	}
	stop_timeouts();
	return result.taken;
}

/* A batch was full: there may be work for one more. */
static void
ask_for_help(void)
{
	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	if (!mine->more && mine->workers < hwr_pipeline_workers)
	{
		mine->more = true;
		if (hwr_pipeline->launcher != NULL)
			SetLatch(hwr_pipeline->launcher);
	}
	LWLockRelease(hwr_pipeline->lock);
}

/* Another database waits for a worker: this one's turn will come again. */
static bool
make_room(void)
{
	bool		wanted;

	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	wanted = hwr_pipeline->wanted && !mine->more;
	if (wanted)
	{
		hwr_pipeline->wanted = false;
		mine->due = true;
	}
	LWLockRelease(hwr_pipeline->lock);
	return wanted;
}

/* Nothing to read: wait a little.  False: nothing has come. */
static bool
wait_for_work(TimestampTz next)
{
	TimestampTz now = GetCurrentTimestamp();
	long		wait = next != 0 ? Min(Max(1, TimestampDifferenceMilliseconds(now, next)), IDLE_TIME) : IDLE_TIME;
	bool		due;

	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	due = mine->due;
	mine->due = mine->more = false;
	mine->next = next;
	if (!due && mine->idle == NULL)
		mine->idle = MyLatch;
	LWLockRelease(hwr_pipeline->lock);
	if (due)
		return true;
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait, hwr_wait_event(HWR_WAIT_WORK));
	ResetLatch(MyLatch);
	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	if (mine->idle == MyLatch)
		mine->idle = NULL;
	due = mine->due || (next != 0 && next <= GetCurrentTimestamp());
	mine->due = false;
	LWLockRelease(hwr_pipeline->lock);
	return due;
}

/* All attachments in turn, a batch each, for as long as there is something. */
static void
work(void)
{
	record_stuck();
	for (;;)
	{
		TimestampTz next;
		int			n;
		int32	   *attachments;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		attachments = find_work(&n, &next);
		for (int i = 0; i < n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (do_batch(attachments[i]) >= HWR_HELP_BATCH)
				ask_for_help();
		}
		pfree(attachments);
		if (n > 0 ? make_room() : !wait_for_work(next))
			return;
	}
}

void
hwr_pipeline_worker_main(Datum main_arg)
{
	Oid			database = DatumGetObjectId(main_arg);

	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, StatementCancelHandler);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	if (!enter(database))
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	connected = true;
	MemoryContextSwitchTo(TopMemoryContext);
	patience_timeout = RegisterTimeout(USER_TIMEOUT, end_worker);
	SetConfigOption("application_name", "hwr", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("statement_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION);
	if (has_extension())
		work();
	proc_exit(0);
}
