/*
 * train.h
 *	  What hwr_train and its worker say to each other.
 *
 * hwr_train fills a dynamic shared memory segment with its request, starts a worker and reads a
 * message queue in the same segment.  The worker sends PostgreSQL's own error and notice messages
 * and two of ours:
 *
 *	 'j'	int64: the job's id, once its row can be seen by others
 *	 'r'	HwrTrainResult: the job is done
 *
 * Whoever only wanted the job's id detaches then; so does the worker.  Otherwise a detached
 * client is a client that no longer wants the job: see HwrClientState.
 */
#ifndef HWR_TRAIN_H
#define HWR_TRAIN_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "port/atomics.h"
#include "storage/dsm.h"
#include "storage/shm_mq.h"

#include "core/options/options.h"
#include "pg/base/columns.h"

/* To be changed with anything below: a session may have loaded an older library than its worker. */
#define HWR_TRAIN_MAGIC UINT64CONST(0x6877720100000005)

/* Keys of the segment's table of contents */
#define HWR_KEY_SHARED 1		/* HwrTrainShared */
#define HWR_KEY_OPTIONS 2		/* string: options as JSON in UTF-8 */
#define HWR_KEY_SETTINGS 3		/* the session's configuration parameters */
#define HWR_KEY_QUEUE 4			/* shm_mq, worker to client */
#define HWR_KEY_LIBRARIES 5		/* the libraries that the session has loaded */

#define HWR_MESSAGE_JOB 'j'
#define HWR_MESSAGE_RESULT 'r'

/* When the new version becomes the active one. */
typedef enum HwrActivate
{
	HWR_ACTIVATE_AUTO,			/* where it is better on the validation rows than the one that is */
	HWR_ACTIVATE_ALWAYS,
	HWR_ACTIVATE_NEVER
} HwrActivate;

/* Column names are empty where they are to be found. */
typedef struct HwrTrainRequest
{
	Oid			database;
	Oid			user;			/* whose privileges hold */
	Oid			training;
	Oid			validation;		/* InvalidOid: a share of the training rows */
	HwrRelationForm training_form;	/* as it was when the training was asked for */
	HwrRelationForm validation_form;
	NameData	model;
	NameData	image_column;
	NameData	label_column;
	HwrActivate activate;
	int64		resume;			/* job to go on with; 0: a new one */
	bool		wait;
} HwrTrainRequest;

typedef enum HwrClientState
{
	HWR_CLIENT_WAITING,
	HWR_CLIENT_CANCELLED,		/* Ctrl-C, a timeout or another error ended its statement */
	HWR_CLIENT_LEFT				/* its session ended */
} HwrClientState;

typedef struct HwrTrainShared
{
	HwrTrainRequest request;
	pg_atomic_uint32 client;	/* HwrClientState */
	pg_atomic_uint32 worker;	/* the worker's pid while it can take a signal, else 0 */
} HwrTrainShared;

typedef struct HwrTrainResult
{
	int32		version;
	bool		activated;
	int32		epochs;			/* that were run */
	int32		best_epoch;
	double		train_loss;		/* figures of the best epoch, NaN where there is none */
	double		validation_loss;
	double		cer;
	double		wer;
	double		exact_match;
	int64		images;
	int64		validation_images;
	int64		skipped;
	double		seconds;
} HwrTrainResult;

/*
 * train_base.c: check that the current user may begin with the model that options name, and that
 * the options agree with it; they are parsed again.  json: in UTF-8.
 */
extern void hwr_check_base(const char *json, HwrTrainOptions *options);

/*
 * train.c: the client's side.  check_allowed is about the transaction, check_request about the
 * tables and the model: it notes what the tables are, or compares where that is noted already.  run
 * starts a worker, waits if that was asked for, and returns the row.  init_result describes the row,
 * in the first call of a function that returns it.
 */
extern void hwr_check_training_allowed(const char *function);
extern void hwr_check_training_request(HwrTrainRequest *request);
extern void hwr_init_training_result(FunctionCallInfo fcinfo);
extern HeapTuple hwr_run_training(TupleDesc desc, const HwrTrainRequest *request, const char *options);

/* The words of HwrActivate; an error names the function. */
extern const char *hwr_activate_word(HwrActivate activate);
extern HwrActivate hwr_activate_from_word(const char *word, const char *function);

/* The worker's entry point, called by name. */
extern PGDLLEXPORT void hwr_train_worker_main(Datum main_arg);

#endif							/* HWR_TRAIN_H */
