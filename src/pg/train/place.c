/*
 * place.c
 *	  hwr.max_jobs: how many trainings of a server compute at the same time.
 *
 * A job needs a place.  Places are numbered locks of the whole server, held by the worker's process
 * until it exits, however it exits; so none is ever lost, and no shared memory is needed.  Who
 * finds none free waits for another lock, the gate, whose queue is in the order of request as those
 * of all locks are.  Its holder is the next to get a place, and looks for one once a second,
 * because a process can wait for one lock but not for any of several.
 *
 * A queued job keeps its worker process, and with it the order, its client and the ways to cancel it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"

#include "pg/base/compat.h"
#include "pg/base/process_lock.h"
#include "pg/base/settings.h"
#include "pg/base/wait.h"
#include "train_worker.h"

#define GATE 0					/* places are 1, 2, ... */

/* Between two looks for a free place, in milliseconds. */
#define LOOK_INTERVAL 1000

/*
 * A free place for as long as this process lives.  Without a limit a place is taken as well, for
 * when there will be one.
 */
static bool
take_place(void)
{
	int			limit = hwr_max_jobs > 0 ? hwr_max_jobs : HWR_MAX_MAX_JOBS;

	for (int i = 1; i <= limit; i++)
		if (hwr_process_lock(HWR_LOCK_PLACE, i))
			return true;
	return hwr_max_jobs == 0;
}

bool
hwr_place_try(void)
{
	bool		taken;

	if (!hwr_transaction_lock(HWR_LOCK_PLACE, GATE, false))
		return false;			/* someone waits already */
	taken = take_place();
	hwr_transaction_unlock(HWR_LOCK_PLACE, GATE);
	return taken;
}

/* The transaction has no snapshot: it holds back no vacuum, however long it lasts. */
void
hwr_place_wait(HwrTrainWorker *w)
{
	hwr_worker_set("lock_timeout", "0");
	StartTransactionCommand();
	(void) hwr_transaction_lock(HWR_LOCK_PLACE, GATE, true);
	while (!take_place())
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_INTERVAL,
						 hwr_wait_event(HWR_WAIT_PLACE));
		ResetLatch(MyLatch);
		hwr_worker_check(w);
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(w->context);
	hwr_worker_set("lock_timeout", HWR_READ_LOCK_TIMEOUT);
}
