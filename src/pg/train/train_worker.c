/*
 * train_worker.c
 *	  What the parts of a training worker share: its transactions, its clock, the look for a reason to end.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/pmsignal.h"
#include "utils/guc.h"
#include "utils/ps_status.h"
#include "utils/snapmgr.h"

#include "pg/base/compat.h"
#include "train.h"
#include "train_worker.h"

void
hwr_worker_begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
hwr_worker_commit(HwrTrainWorker *w)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(w->context);
}

void
hwr_worker_set(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_SESSION);
}

double
hwr_worker_seconds(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return INSTR_TIME_GET_DOUBLE(now);
}

void
hwr_worker_check(HwrTrainWorker *w)
{
	CHECK_FOR_INTERRUPTS();
	if (w->shared != NULL && pg_atomic_read_u32(&w->shared->client) != HWR_CLIENT_WAITING)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("the client no longer waits")));
	if (!PostmasterIsAlive())
		proc_exit(1);
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

static volatile sig_atomic_t finish_requested = false;

void
hwr_worker_finish_handler(int signal)
{
	finish_requested = true;
	SetLatch(MyLatch);
}

bool
hwr_worker_must_finish(void)
{
	return finish_requested;
}

void
hwr_worker_ignore_cancellation(void)
{
	pqsignal(SIGINT, SIG_IGN);
	QueryCancelPending = false;
}

void
hwr_report_activity(const HwrTrainWorker *w, const char *what)
{
	char		activity[128];

	snprintf(activity, sizeof(activity), "training job %lld: %s", (long long) w->job, what);
	pgstat_report_activity(STATE_RUNNING, activity);
	set_ps_display(activity);
}
