/*
 * job.h
 *	  Rows of hwr.job and hwr.history, and whether a job's worker lives.
 *
 * Include after hwr.h.
 */
#ifndef HWR_JOB_H
#define HWR_JOB_H

#include "core/train/trainer.h"

/* What a training worker read, for the job's row. */
typedef struct HwrJobCounts
{
	int64		images;			/* usable training rows */
	int64		validation_images;
	int64		skipped;		/* rows left out */
} HwrJobCounts;

/*
 * All of these run one statement as the extension's owner in the current transaction.
 */

/* What a job is to do, as its row says it. */
typedef struct HwrJobRequest
{
	const char *model;
	const char *training;		/* qualified and quoted */
	const char *validation;		/* likewise, or NULL */
	Oid			training_id;
	Oid			validation_id;	/* InvalidOid: none */
	char		training_kind;	/* pg_class.relkind */
	char		validation_kind;	/* 0: none */
	const char *image_column;	/* empty: to be found */
	const char *label_column;
	const char *activate;
	Oid			owner;
	const char *options;		/* JSON in UTF-8 */
} HwrJobRequest;

/* Insert a job in state 'starting' and take the lock that says that its worker, this process, lives. */
extern int64 hwr_job_insert(const HwrJobRequest *request);

/* What tells this database from all others, also from a copy of it that was restored: palloced. */
extern char *hwr_job_place(void);

/*
 * Take that lock for a job that was stopped and that this role may go on with; an error if another
 * worker has it.  Its row becomes that of a starting job with this limit.
 */
extern void hwr_job_restart(int64 job, Oid role, double max_minutes);

/* An error unless role may do what is named ("cancel") with a job of this owner. */
extern void hwr_check_job_owner(int64 job, Oid role, Oid owner, const char *what);

/* Forget the epochs after this one: they will be done again. */
extern void hwr_job_forget_epochs(int64 job, int epochs);

/* Does a worker work on it? */
extern bool hwr_job_is_alive(int64 job);

/* The job waits for a place among hwr.max_jobs. */
extern void hwr_job_queue(int64 job);

/* The job runs, and is in this phase. */
extern void hwr_job_phase(int64 job, const char *phase);

/* Its options, JSON in UTF-8, once all of them are known. */
extern void hwr_job_options(int64 job, const char *options);
extern void hwr_job_counts(int64 job, const HwrJobCounts *counts);
extern void hwr_job_progress(int64 job, const HwrTrainProgress *progress);
extern void hwr_job_add_epoch(int64 job, const HwrEpoch *epoch);

/* Whether the job's version was made the active one. */
extern void hwr_job_activated(int64 job, bool activated);

/* The end: state is 'done', 'failed' or 'cancelled'; version 0 and sqlstate NULL where there is none. */
extern void hwr_job_end(int64 job, const char *state, int32 version, const char *sqlstate,
						const char *message);

#endif							/* HWR_JOB_H */
