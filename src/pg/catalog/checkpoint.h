/*
 * checkpoint.h
 *	  The state of a stopped training, as a large object of its job.
 *
 * Include after postgres.h.
 */
#ifndef HWR_CHECKPOINT_H
#define HWR_CHECKPOINT_H

#include "pg/base/compat.h"

/*
 * The state from which a stopped job can go on.  store is for this process's job, and replaces an
 * earlier one; read returns a palloc'd copy and raises an error where there is none.  drop_of_model
 * is for the ended jobs of a model that was this owner's, as far as they are the current user's,
 * SPI being connected.
 */
extern void hwr_checkpoint_store(int64 job, const uint8 *bytes, Size len);
extern void hwr_checkpoint_drop(int64 job);
extern bytea *hwr_checkpoint_read(int64 job);
extern void hwr_checkpoint_drop_of_model(const char *model, Oid owner);

/* An error: the row of this process's job is gone, or another job's. */
pg_noreturn extern void hwr_raise_job_removed(int64 job);

#endif							/* HWR_CHECKPOINT_H */
