/*
 * pipeline_worker.h
 *	  The background workers of attached tables: what launcher, workers and sessions share.
 *
 * Include after postgres.h.
 */
#ifndef HWR_PIPELINE_WORKER_H
#define HWR_PIPELINE_WORKER_H

#include "datatype/timestamp.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

/* Databases that are remembered by name; where there are more with work, all are looked at. */
#define HWR_PIPELINE_DATABASES 64

typedef struct HwrPipelineDatabase
{
	Oid			database;		/* InvalidOid: unused */
	bool		due;			/* there is, or may be, something to read */
	bool		more;			/* a worker has more than it can do at once: another one is welcome */
	int			workers;		/* that are in its database */
	Latch	   *idle;			/* of one that waits, NULL: none */
	int32		stuck;			/* the attachment whose batch a worker could not end but by ending itself, 0: none */
	TimestampTz next;			/* when something will be due, 0: nothing is known of */
} HwrPipelineDatabase;

typedef struct HwrPipeline
{
	LWLock	   *lock;
	Latch	   *launcher;		/* NULL: there is none now */
	bool		look_everywhere;
	bool		wanted;			/* a database waits for a worker, and all are taken */
	HwrPipelineDatabase databases[HWR_PIPELINE_DATABASES];
} HwrPipeline;
extern HwrPipeline *hwr_pipeline;	/* NULL: hwr is not preloaded */

/* The entry of a database, new if need be; NULL: all are taken.  With the lock held. */
extern HwrPipelineDatabase *hwr_pipeline_database(Oid database);

extern PGDLLEXPORT void hwr_pipeline_launcher_main(Datum main_arg);
extern PGDLLEXPORT void hwr_pipeline_worker_main(Datum main_arg);

#endif							/* HWR_PIPELINE_WORKER_H */
