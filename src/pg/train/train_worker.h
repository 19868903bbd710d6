/*
 * train_worker.h
 *	  The state of a training worker, for the files that make it up.
 *
 * Include after hwr.h.
 */
#ifndef HWR_TRAIN_WORKER_H
#define HWR_TRAIN_WORKER_H

#include "datatype/timestamp.h"

#include "core/model/model.h"
#include "core/network/backend.h"
#include "core/text/metrics.h"
#include "core/train/calibrate_model.h"
#include "core/train/own_lm.h"
#include "core/dataset/dataset.h"
#include "core/options/options.h"
#include "core/train/rival.h"
#include "core/train/trainer.h"
#include "pg/base/columns.h"
#include "pg/catalog/catalog.h"
#include "job.h"
#include "train.h"

/* Another transaction may hold a lock on the tables this long.  The caller cannot: see train.c. */
#define HWR_READ_LOCK_TIMEOUT "10s"

typedef struct HwrTrainWorker
{
	HwrTrainRequest request;
	dsm_segment *segment;		/* NULL once nobody waits */
	HwrTrainShared *shared;		/* likewise */
	MemoryContext context;		/* of the whole job */

	int64		job;			/* 0: no row yet */
	char	   *json;			/* the options as they were given, UTF-8 */
	HwrTrainOptions options;
	const HwrBackend *backend;
	HwrColumns	training;
	HwrColumns	validation;
	bool		reading;
	bool		epoch_done;		/* the trainer's, and its row is not committed yet */
	bool		trained;		/* nothing left but to store the model */
	bool		stored;			/* it is there, the row says 'done' */
	char	   *synchronous_commit; /* the session's */
	double		started;		/* hwr_worker_seconds() */
	double		reported;
	double		noticed;
	double		checkpointed;
	double		training_since;
	bool		estimated;		/* how long it will take */
	bytea	   *checkpoint;		/* to go on from; NULL: a new job */
	HwrJobCounts counts;

	/* what readers got when the job began: a version, 0: the bundled model, or nothing where rival is NULL */
	int32		rival_version;
	HwrDuel		duel;			/* the new model against it */
	bool		measured;		/* there were rows to compare on */
	bool		replaces_bundled;	/* the new version the bundled model */

	/* the core's */
	HwrModel   *base;			/* NULL: none */
	HwrModel   *rival;
	HwrRival   *rival_reader;
	HwrRival   *reader;			/* of the new model */
	HwrDataset *dataset;
	HwrTrainer *trainer;
	HwrModel   *model;
	HwrCalibrator *calibrator;
	HwrOwnLmFitter *lm_fitter;
	uint8_t    *bytes;
	size_t		nbytes;
} HwrTrainWorker;

/* train_worker.c: end the job here if something has happened that ends it */
extern void hwr_worker_check(HwrTrainWorker *w);

/* Handler of the signal by which hwr_finish asks for the end; and whether it has. */
extern void hwr_worker_finish_handler(int signal);
extern bool hwr_worker_must_finish(void);

/* The job is over, what is left is to say so: cancellations come too late. */
extern void hwr_worker_ignore_cancellation(void);

/* Set a configuration parameter. */
extern void hwr_worker_set(const char *name, const char *value);

/* A clock that nobody sets. */
extern double hwr_worker_seconds(void);

/* A transaction with a snapshot; the worker's memory context is current after it. */
extern void hwr_worker_begin(void);
extern void hwr_worker_commit(HwrTrainWorker *w);

/* What pg_stat_activity and ps show. */
extern void hwr_report_activity(const HwrTrainWorker *w, const char *what);

/*
 * place.c: a place among hwr.max_jobs, until this process exits.  try, in a transaction, does not
 * wait, and fails if someone does; wait is called outside of one.
 */
extern bool hwr_place_try(void);
extern void hwr_place_wait(HwrTrainWorker *w);

/*
 * train_features.c: what the validation images look like, kept with the version, after it is stored; fails
 * with a message to the log.
 */
extern void hwr_worker_measure_features(HwrTrainWorker *w, const HwrVersionInfo *version);

/* train_base.c: in a transaction; options are parsed again with what the base decides */
extern void hwr_worker_load_base(HwrTrainWorker *w, const char *json);

/* For a training that goes on, once its options are known; a WARNING where it cannot be had any more. */
extern void hwr_worker_load_base_again(HwrTrainWorker *w);

/*
 * train_survey.c: choose what the options leave open by a look at the training table, and say so.
 * In a transaction, before anything is made from the options.
 */
extern void hwr_worker_survey(HwrTrainWorker *w);

/* train_job.c: the job itself.  store fills in all but the counts and the time. */
extern void hwr_worker_read_tables(HwrTrainWorker *w);
extern void hwr_worker_train(HwrTrainWorker *w);
extern void hwr_worker_store(HwrTrainWorker *w, HwrTrainResult *result);

/* Keep the state of the training, if there is one and checkpoints are wanted.  In a transaction. */
extern void hwr_worker_checkpoint(HwrTrainWorker *w);

/* train_own_lm.c: put a language model into the new model, as the options say, and tell what it brings */
extern void hwr_worker_fit_lm(HwrTrainWorker *w);

/*
 * train_gate.c: may the new version take the place of what readers get?  load in a transaction,
 * before the rows are read; measure outside one, when the new model is ready.  decide makes the
 * version the active one if it may and returns the sentence that says why, or why not; tell is the
 * NOTICE, after the commit.
 */
extern void hwr_gate_load(HwrTrainWorker *w);
extern void hwr_gate_measure(HwrTrainWorker *w);
extern char *hwr_gate_decide(HwrTrainWorker *w, const HwrVersionInfo *version, bool *activated);
extern void hwr_gate_tell(const HwrTrainWorker *w, const HwrVersionInfo *version, bool activated, const char *verdict);

#endif							/* HWR_TRAIN_WORKER_H */
