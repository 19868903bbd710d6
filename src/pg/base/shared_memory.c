/*
 * shared_memory.c
 *	  Asking for shared memory and setting it up: the hooks of PostgreSQL 15 and of those before.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "compat.h"
#include "shared_memory.h"

#define MAX_AREAS 8

static const HwrSharedArea *areas[MAX_AREAS];
static int	nareas = 0;

static shmem_startup_hook_type previous_startup_hook = NULL;

static void
request(const HwrSharedArea *area)
{
	RequestAddinShmemSpace(area->size());
	RequestNamedLWLockTranche(area->name, 1);
}

#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type previous_request_hook = NULL;

static void
request_all(void)
{
	if (previous_request_hook != NULL)
		previous_request_hook();
	for (int i = 0; i < nareas; i++)
		request(areas[i]);
}
#endif

static void
startup(void)
{
	if (previous_startup_hook != NULL)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < nareas; i++)
	{
		bool		found;
		void	   *memory = ShmemInitStruct(areas[i]->name, areas[i]->size(), &found);

		if (!found)
		{
			memset(memory, 0, areas[i]->size());
			areas[i]->init(memory, &GetNamedLWLockTranche(areas[i]->name)->lock);
		}
		areas[i]->attach(memory);
	}
	LWLockRelease(AddinShmemInitLock);
}

bool
hwr_shared_memory_add(const HwrSharedArea *area)
{
	if (!process_shared_preload_libraries_in_progress)
		return false;
	if (nareas == MAX_AREAS)
		elog(ERROR, "too many areas of shared memory");
	if (nareas == 0)
	{
		previous_startup_hook = shmem_startup_hook;
		shmem_startup_hook = startup;
#if PG_VERSION_NUM >= 150000
		previous_request_hook = shmem_request_hook;
		shmem_request_hook = request_all;
#endif
	}
	areas[nareas++] = area;
#if PG_VERSION_NUM < 150000
	request(area);
#endif
	return true;
}
