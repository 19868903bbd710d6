/*
 * process_lock.h
 *	  Locks that say that a process lives, and locks on names, which SQL can neither take nor release.
 *
 * Include after postgres.h.
 */
#ifndef HWR_PROCESS_LOCK_H
#define HWR_PROCESS_LOCK_H

/* What a number stands for. */
typedef enum HwrLockSpace
{
	HWR_LOCK_JOB = 0x6877,		/* "hw": the worker of a job lives */
	HWR_LOCK_PLACE = 0x6878,	/* a place among hwr.max_jobs; of the whole server */
	HWR_LOCK_NAME = 0x6879,		/* a model's name, hashed */
	HWR_LOCK_BATCH = 0x687a		/* a batch of an attached table: pipeline/work.c; view hwr.running knows the number */
} HwrLockSpace;

/*
 * Hold a lock until this process exits; at once or not at all, false.  Holding it already is no harm.  The end of a
 * transaction that fails leaves the process's locks of space HWR_LOCK_JOB alone, and takes the others.
 */
extern bool hwr_process_lock(HwrLockSpace space, uint64 number);
extern void hwr_process_unlock(HwrLockSpace space, uint64 number);

/* Does another process hold it? */
extern bool hwr_process_lock_is_held(HwrLockSpace space, uint64 number);

/* Let go of all, before the process exits. */
extern void hwr_process_unlock_all(void);

/* Until the transaction ends; false: not waited for and not got. */
extern bool hwr_transaction_lock(HwrLockSpace space, uint64 number, bool wait);
extern void hwr_transaction_unlock(HwrLockSpace space, uint64 number);

#endif							/* HWR_PROCESS_LOCK_H */
