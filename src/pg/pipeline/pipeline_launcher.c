/*
 * pipeline_launcher.c
 *	  The launcher: starts workers in the databases where there is something to read.
 *
 * It is connected to no database, so that none is kept from being dropped, and sleeps on its latch.  hwr.pipeline_workers limits
 * the workers of the server.  Databases are served in turn; where one waits and all workers are taken, one of them
 * makes room after its batch.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/compat.h"
#include "pg/base/settings.h"
#include "pg/base/wait.h"
#include "pipeline.h"
#include "pipeline_worker.h"

/*
 * After this, in ms, all databases are looked at, whether they have said something or not: a prepared
 * transaction says nothing.
 */
#define LOOK_INTERVAL (5 * 60 * 1000)

/* After a worker could not be started, in ms */
#define RETRY_INTERVAL 1000

static BackgroundWorkerHandle *handles[HWR_MAX_PIPELINE_WORKERS];
static int	nhandles;

static void
leave(int code, Datum arg)
{
	LWLockReleaseAll();
	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	hwr_pipeline->launcher = NULL;
	LWLockRelease(hwr_pipeline->lock);
}

static void
forget_ended(void)
{
	int			kept = 0;

	for (int i = 0; i < nhandles; i++)
	{
		pid_t		pid;

		if (GetBackgroundWorkerPid(handles[i], &pid) != BGWH_STOPPED)
			handles[kept++] = handles[i];
		else
			pfree(handles[i]);
	}
	nhandles = kept;
}

/* All databases that can be connected to may have something to read. */
static void
look_everywhere(void)
{
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;
	Oid			databases[HWR_PIPELINE_DATABASES];
	int			n = 0;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		if (database->datallowconn && !database->datistemplate && n < lengthof(databases))
			databases[n++] = database->oid;
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();

	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	hwr_pipeline->look_everywhere = false;
	for (int i = 0; i < HWR_PIPELINE_DATABASES; i++)	/* those that are idle may have been dropped */
		if (hwr_pipeline->databases[i].workers == 0 && !hwr_pipeline->databases[i].due)
			hwr_pipeline->databases[i].database = InvalidOid;
	for (int i = 0; i < n; i++)
	{
		HwrPipelineDatabase *d = hwr_pipeline_database(databases[i]);

		if (d != NULL)
			d->due = true;
	}
	LWLockRelease(hwr_pipeline->lock);
}

/* The next database in turn that wants a worker, InvalidOid: none; *wait: ms until one will, at most. */
static Oid
next_database(long *wait)
{
	static int	turn = 0;
	TimestampTz now = GetCurrentTimestamp();
	Oid			found = InvalidOid;

	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HWR_PIPELINE_DATABASES; i++)
	{
		HwrPipelineDatabase *d = &hwr_pipeline->databases[(turn + i) % HWR_PIPELINE_DATABASES];

		if (d->database == InvalidOid)
			continue;
		if (d->next != 0 && d->next <= now)
		{
			d->due = true;
			d->next = 0;
		}
		else if (d->next != 0)
			*wait = Min(*wait, Max(1, TimestampDifferenceMilliseconds(now, d->next)));
		if (found == InvalidOid && ((d->due && d->workers == 0) || d->more))
		{
			turn = (turn + i + 1) % HWR_PIPELINE_DATABASES;
			found = d->database;
		}
	}
	LWLockRelease(hwr_pipeline->lock);
	return found;
}

static bool
start_worker(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "hwr");
	snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "hwr_pipeline_worker_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "hwr pipeline worker");
	snprintf(worker.bgw_type, BGW_MAXLEN, "hwr pipeline worker");
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		return false;
	handles[nhandles++] = handle;

	/* it is there as of now: no second one is started while it comes up */
	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HWR_PIPELINE_DATABASES; i++)
		if (hwr_pipeline->databases[i].database == database)
			hwr_pipeline->databases[i].due = hwr_pipeline->databases[i].more = false;
	LWLockRelease(hwr_pipeline->lock);
	return true;
}

/* Start what is wanted, as far as there is room; returns how long there is nothing to do, in ms. */
static long
serve(void)
{
	long		wait = LOOK_INTERVAL;
	Oid			database;

	forget_ended();
	while ((database = next_database(&wait)) != InvalidOid)
	{
		bool		room = nhandles < hwr_pipeline_workers;

		LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
		hwr_pipeline->wanted = !room;
		LWLockRelease(hwr_pipeline->lock);
		if (!room)				/* the end of a worker sets our latch */
			return hwr_pipeline_workers == 0 ? LOOK_INTERVAL : wait;
		if (!start_worker(database))
			return RETRY_INTERVAL;
	}
	return wait;
}

void
hwr_pipeline_launcher_main(Datum main_arg)
{
	TimestampTz looked = 0;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	before_shmem_exit(leave, (Datum) 0);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	MemoryContextSwitchTo(TopMemoryContext);

	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	hwr_pipeline->launcher = MyLatch;
	hwr_pipeline->look_everywhere = true;
	LWLockRelease(hwr_pipeline->lock);
	for (;;)
	{
		bool		everywhere;
		long		wait;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		LWLockAcquire(hwr_pipeline->lock, LW_SHARED);
		everywhere = hwr_pipeline->look_everywhere;
		LWLockRelease(hwr_pipeline->lock);
		if (everywhere || TimestampDifferenceExceeds(looked, GetCurrentTimestamp(), LOOK_INTERVAL))
		{
			look_everywhere();
			looked = GetCurrentTimestamp();
		}
		wait = serve();
		pgstat_report_activity(STATE_IDLE, NULL);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait, hwr_wait_event(HWR_WAIT_WORK));
		ResetLatch(MyLatch);
	}
}
