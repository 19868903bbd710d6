/*
 * stat_shmem.c
 *	  The table of what recognition has done, in shared memory or not.  See stat.h.
 */
#include "postgres.h"

#include "storage/lwlock.h"

#include "pg/base/shared_memory.h"
#include "stat.h"

static HwrStatTable *shared_table = NULL;

static Size
table_size(void)
{
	return sizeof(HwrStatTable);
}

static void
init_table(void *area, LWLock *lock)
{
	((HwrStatTable *) area)->lock = lock;
}

static void
attach_table(void *area)
{
	shared_table = area;
}

void
hwr_stat_request_memory(void)
{
	static const HwrSharedArea area = {"hwr_stat", table_size, init_table, attach_table};

	(void) hwr_shared_memory_add(&area);
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
