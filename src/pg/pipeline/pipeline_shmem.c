/*
 * pipeline_shmem.c
 *	  Which databases have rows to read, in shared memory, and the launcher's registration.
 *
 * With shared_preload_libraries = 'hwr' a session that commits rows to be read says so here, and wakes
 * the launcher, or a worker of its database that has nothing to do.  That is a signal and no more: what is to be
 * read is in hwr.queue, and after a start of the server all databases are looked at.
 *
 * Locking: HwrPipeline.lock guards everything; it is held for a few assignments and SetLatch.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"

#include "pg/base/compat.h"
#include "pg/base/shared_memory.h"
#include "pipeline.h"
#include "pipeline_worker.h"

/* Between a launcher's end and the next one, in seconds. */
#define RESTART_INTERVAL 5

HwrPipeline *hwr_pipeline = NULL;

static Size
pipeline_size(void)
{
	return sizeof(HwrPipeline);
}

static void
init_pipeline(void *area, LWLock *lock)
{
	((HwrPipeline *) area)->lock = lock;
}

static void
attach_pipeline(void *area)
{
	hwr_pipeline = area;
}

static void
register_launcher(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_INTERVAL;
	snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "hwr");
	snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "hwr_pipeline_launcher_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "hwr pipeline launcher");
	snprintf(worker.bgw_type, BGW_MAXLEN, "hwr pipeline launcher");
	RegisterBackgroundWorker(&worker);
}

void
hwr_pipeline_request_start(void)
{
	static const HwrSharedArea area = {"hwr pipeline", pipeline_size, init_pipeline, attach_pipeline};

	if (hwr_shared_memory_add(&area))
		register_launcher();
}

HwrPipelineDatabase *
hwr_pipeline_database(Oid database)
{
	HwrPipelineDatabase *unused = NULL;

	for (int i = 0; i < HWR_PIPELINE_DATABASES; i++)
	{
		HwrPipelineDatabase *d = &hwr_pipeline->databases[i];

		if (d->database == database)
			return d;
		if (d->database == InvalidOid && unused == NULL)
			unused = d;
	}
	if (unused != NULL)
	{
		memset(unused, 0, sizeof(*unused));
		unused->database = database;
	}
	return unused;
}

/* Only what has nothing to do is woken; who works looks again before it sleeps. */
void
hwr_pipeline_wake(void)
{
	HwrPipelineDatabase *d;

	if (hwr_pipeline == NULL)
		return;
	LWLockAcquire(hwr_pipeline->lock, LW_EXCLUSIVE);
	d = hwr_pipeline_database(MyDatabaseId);
	if (d == NULL)
		hwr_pipeline->look_everywhere = true;
	else if (!d->due)
	{
		d->due = true;
		if (d->idle != NULL)
			SetLatch(d->idle);
		else if (d->workers == 0 && hwr_pipeline->launcher != NULL)
			SetLatch(hwr_pipeline->launcher);
	}
	if (d == NULL && hwr_pipeline->launcher != NULL)
		SetLatch(hwr_pipeline->launcher);
	LWLockRelease(hwr_pipeline->lock);
}
