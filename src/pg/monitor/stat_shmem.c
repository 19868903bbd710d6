/*
 * stat_shmem.c
 *	  The table of what recognition has done, in shared memory or not.  See stat.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "pg/base/compat.h"
#include "stat.h"

static HwrStatTable *shared_table = NULL;

static shmem_startup_hook_type previous_startup_hook = NULL;
#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type previous_request_hook = NULL;
#endif

static void
request_memory(void)
{
#if PG_VERSION_NUM >= 150000
	if (previous_request_hook != NULL)
		previous_request_hook();
#endif
	RequestAddinShmemSpace(sizeof(HwrStatTable));
	RequestNamedLWLockTranche("hwr_stat", 1);
}

static void
startup(void)
{
	HwrStatTable *table;
	bool		found;

	if (previous_startup_hook != NULL)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	table = ShmemInitStruct("hwr_stat", sizeof(HwrStatTable), &found);
	if (!found)
	{
		memset(table, 0, sizeof(HwrStatTable));
		table->lock = &GetNamedLWLockTranche("hwr_stat")->lock;
	}
	LWLockRelease(AddinShmemInitLock);
	shared_table = table;
}

void
hwr_stat_request_memory(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup;
#if PG_VERSION_NUM >= 150000
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
#else
	request_memory();
#endif
}

HwrStatTable *
hwr_stat_shared_table(void)
{
	return shared_table;
}

void
hwr_stat_lock(HwrStatTable *table, LWLockMode mode)
{
	if (table->lock != NULL)
		LWLockAcquire(table->lock, mode);
}

void
hwr_stat_unlock(HwrStatTable *table)
{
	if (table->lock != NULL)
		LWLockRelease(table->lock);
}

/* The key's entry, or a new one, in the place of the least recently used where the table is full. */
static HwrStatEntry *
find_entry(HwrStatTable *table, const HwrStatKey *key, TimestampTz now)
{
	HwrStatEntry *entry = &table->entries[0];

	for (int i = 0; i < table->n; i++)
	{
		if (memcmp(&table->entries[i].key, key, sizeof(*key)) == 0)
			return &table->entries[i];
		if (table->entries[i].used < entry->used)
			entry = &table->entries[i];
	}
	if (table->n < HWR_STAT_ENTRIES)
		entry = &table->entries[table->n++];
	memset(entry, 0, sizeof(*entry));
	entry->key = *key;
	entry->since = now;
	return entry;
}

void
hwr_stat_add(HwrStatTable *table, const HwrStatKey *key, const HwrStatCounts *counts, TimestampTz now)
{
	HwrStatCounts *sum;
	HwrStatEntry *entry;

	hwr_stat_lock(table, LW_EXCLUSIVE);
	entry = find_entry(table, key, now);
	entry->used = ++table->clock;
	sum = &entry->counts;
	sum->calls += counts->calls;
	sum->images += counts->images;
	sum->batches += counts->batches;
	sum->service_images += counts->service_images;
	sum->errors += counts->errors;
	sum->prepare_time += counts->prepare_time;
	sum->queue_time += counts->queue_time;
	sum->network_time += counts->network_time;
	sum->decode_time += counts->decode_time;
	hwr_stat_unlock(table);
}
