/*
 * wait.c
 *	  What hwr's processes wait for, as pg_stat_activity names it since PostgreSQL 17.
 */
#include "postgres.h"

#include "compat.h"
#include "wait.h"

uint32
hwr_wait_event(HwrWait wait)
{
	static const char *const names[] = {
		[HWR_WAIT_MAIN] = "HwrServiceMain",
		[HWR_WAIT_SLOT] = "HwrServiceSlot",
		[HWR_WAIT_ANSWER] = "HwrServiceAnswer",
		[HWR_WAIT_PLACE] = "HwrTrainPlace",
		[HWR_WAIT_TRAINING] = "HwrTrainResult",
		[HWR_WAIT_QUEUE] = "HwrQueueFull",
		[HWR_WAIT_WORK] = "HwrPipelineMain"
	};
	static uint32 events[lengthof(names)];

	if (events[wait] == 0)
		events[wait] = WaitEventExtensionNew(names[wait]);
	return events[wait];
}
