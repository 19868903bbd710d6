/*
 * stat.h
 *	  What recognition has done, per model: view hwr_stat and EXPLAIN.
 *
 * A process adds up what it does in a few pending entries (stat.c) and adds these to a table at the
 * end of each transaction, within one at most once a second.  The table is in shared memory where
 * hwr is in shared_preload_libraries (stat_shmem.c), else this process's own.
 *
 * Locking: HwrStatTable.lock guards all of a shared table.  It is held for one addition, or for a copy.
 *
 * Include after hwr.h.
 */
#ifndef HWR_STAT_H
#define HWR_STAT_H

#include "datatype/timestamp.h"
#include "storage/lwlock.h"

#include "pg/catalog/catalog.h"

/* A version of a model, whatever its name means later.  All bytes count: it is compared with memcmp. */
typedef struct HwrStatKey
{
	uint8		hash[PG_SHA256_DIGEST_LENGTH];	/* of its file; first, because it tells keys apart soonest */
	Oid			database;
	int32		version;		/* 0: bundled */
	NameData	name;
} HwrStatKey;

/* Times in milliseconds */
typedef struct HwrStatCounts
{
	int64		calls;			/* of SQL functions */
	int64		images;			/* that went through the network */
	int64		batches;
	int64		service_images; /* of the images, those that the service worker ran */
	int64		errors;			/* images that could not be decoded, batches that failed */
	double		prepare_time;	/* decoding of images, preprocessing */
	double		queue_time;		/* until the service worker took a batch */
	double		network_time;
	double		decode_time;	/* posteriors to text */
} HwrStatCounts;

typedef struct HwrStatEntry
{
	HwrStatKey	key;
	HwrStatCounts counts;
	uint64		used;			/* HwrStatTable.clock when something was last added */
	TimestampTz since;			/* what the counts count from */
} HwrStatEntry;

/* The least recently used entry makes room for another. */
#define HWR_STAT_ENTRIES 256

typedef struct HwrStatTable
{
	LWLock	   *lock;			/* NULL: of this process alone */
	uint64		clock;			/* additions so far */
	int			n;
	HwrStatEntry entries[HWR_STAT_ENTRIES];
} HwrStatTable;

/* stat_shmem.c */
extern void hwr_stat_request_memory(void);	/* from _PG_init */
extern HwrStatTable *hwr_stat_shared_table(void);	/* NULL: there is none */
extern void hwr_stat_lock(HwrStatTable *table, LWLockMode mode);
extern void hwr_stat_unlock(HwrStatTable *table);
extern void hwr_stat_add(HwrStatTable *table, const HwrStatKey *key, const HwrStatCounts *counts, TimestampTz now);

/* stat.c */

/* Pending counts of the model, to be added to.  Valid until the next call. */
extern HwrStatCounts *hwr_stat_counts(const HwrVersionInfo *version);

/* After a batch: make pending counts visible if they have not been for a second. */
extern void hwr_stat_flush_if_due(void);

/* From here on what is flushed is added to table too; NULL: no more.  Returns the one before. */
extern HwrStatTable *hwr_stat_follow(HwrStatTable *table);

/* explain.c: from _PG_init */
extern void hwr_explain_install(void);

#endif							/* HWR_STAT_H */
