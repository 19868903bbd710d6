/*
 * train_worker.c
 *	  The background worker behind hwr_train.
 *
 * Life of a worker: attach to the client's segment, connect, take over the session's settings, insert the job's row
 * and tell its id; read the tables in one transaction with the caller's privileges; train outside any transaction,
 * with short ones for progress; store model, metrics and the job's end in one transaction.  So a
 * job that does not reach its end leaves no model, and what it leaves in hwr.job is true: 'failed' or 'cancelled' if
 * the worker could still write it, else the lock that it no longer holds tells (job.c).
 *
 * The core's objects live outside PostgreSQL's memory, and the trainer has threads.  They are freed when the
 * process exits, whichever way: hwr_trainer_free joins the threads.
 */
#include "postgres.h"

#include <math.h>
#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_tablespace_d.h"
#include "commands/tablespace.h"
#include "executor/spi.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "storage/shm_toc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/ps_status.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "hwr.h"
#include "job.h"
#include "train.h"
#include "train_report.h"

/* Another transaction may hold a lock on the tables this long.  The caller cannot: see train.c. */
#define READ_LOCK_TIMEOUT "10s"

/* Least time between updates of the job's row, in milliseconds. */
#define PROGRESS_INTERVAL 1000

typedef struct TrainWorker
{
	HwrTrainRequest request;
	dsm_segment *segment;		/* NULL once nobody waits */
	HwrTrainShared *shared;		/* likewise */
	MemoryContext context;		/* of the whole job */

	int64		job;			/* 0: no row yet */
	HwrTrainOptions options;
	HwrColumns	training;
	HwrColumns	validation;
	bool		reading;
	bool		stored;			/* the model is there, the row says 'done' */
	char	   *synchronous_commit; /* the session's */
	TimestampTz started;
	TimestampTz reported;
	HwrJobCounts counts;

	/* the core's */
	HwrDataset *dataset;
	HwrTrainer *trainer;
	HwrModel   *model;
	uint8_t    *bytes;
	size_t		nbytes;
} TrainWorker;

/*
 * Transactions
 */

static void
begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
commit(TrainWorker *w)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(w->context);
}

static void
set(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_SESSION);
}

/*
 * Start and end of the process
 */

static void
free_core_objects(TrainWorker *w)
{
	hwr_trainer_free(w->trainer);
	w->trainer = NULL;
	hwr_dataset_free(w->dataset);
	w->dataset = NULL;
	hwr_model_free(w->model);
	w->model = NULL;
	free(w->bytes);
	w->bytes = NULL;
}

static void
on_worker_exit(int code, Datum arg)
{
	TrainWorker *w = (TrainWorker *) DatumGetPointer(arg);

	if (w->shared != NULL)
		pg_atomic_write_u32(&w->shared->worker, 0);
	free_core_objects(w);
}

/* Attach to the client's segment and send errors there.  NULL if the client has gone meanwhile. */
static shm_toc *
attach(TrainWorker *w, dsm_handle handle)
{
	shm_toc    *toc;
	shm_mq	   *queue;

	w->segment = dsm_attach(handle);
	if (w->segment == NULL)
		return NULL;
	toc = shm_toc_attach(HWR_TRAIN_MAGIC, dsm_segment_address(w->segment));
	if (toc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the session has loaded another version of hwr"),
				 errhint("Start a new session.")));
	queue = shm_toc_lookup(toc, HWR_KEY_QUEUE, false);
	shm_mq_set_sender(queue, MyProc);
	pq_redirect_to_shm_mq(w->segment, shm_mq_attach(queue, w->segment, NULL));

	w->shared = shm_toc_lookup(toc, HWR_KEY_SHARED, false);
	w->request = w->shared->request;
	pg_atomic_write_u32(&w->shared->worker, MyProcPid);
	pg_memory_barrier();
	if (pg_atomic_read_u32(&w->shared->client) != HWR_CLIENT_WAITING)
		return NULL;
	return toc;
}

/*
 * The session's settings hold here as well, as far as they are about data: limits, time zone, what
 * policies look up with current_setting().
 */
static void
restore_settings(TrainWorker *w, void *settings)
{
	StartTransactionCommand();
	RestoreGUCState(settings);
	set("client_encoding", GetDatabaseEncodingName());	/* the client converts */
	CommitTransactionCommand();
	MemoryContextSwitchTo(w->context);

	set("application_name", "hwr");
	set("default_transaction_isolation", "read committed");
	set("default_transaction_read_only", "off");
	set("default_transaction_deferrable", "off");
#if PG_VERSION_NUM >= 170000
	set("transaction_timeout", "0");
#endif
	set("lock_timeout", READ_LOCK_TIMEOUT);
	/* the same rows in the same order, whoever else reads the table */
	set("synchronize_seqscans", "off");
	set("max_parallel_workers_per_gather", "0");
	/* progress that a crash takes along is no loss */
	w->synchronous_commit = pstrdup(GetConfigOption("synchronous_commit", false, false));
	set("synchronous_commit", "off");
}

/* A message of our own, see train.h. */
static void
send_message(char type, const void *data, int len)
{
	StringInfoData message;

	pq_beginmessage(&message, type);
	pq_sendbytes(&message, data, len);
	pq_endmessage(&message);
}

/* Nobody waits: from here on messages go to the server log only. */
static void
leave_client(TrainWorker *w)
{
	pg_atomic_write_u32(&w->shared->worker, 0);
	w->shared = NULL;
	dsm_detach(w->segment);
	w->segment = NULL;
}

/* Whatever has happened meanwhile that ends the job. */
static void
check_for_end(TrainWorker *w)
{
	CHECK_FOR_INTERRUPTS();
	if (w->shared != NULL && pg_atomic_read_u32(&w->shared->client) != HWR_CLIENT_WAITING)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("the client no longer waits")));
	if (!PostmasterIsAlive())
		proc_exit(1);
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/* The job is over: what is left is to say so. */
static void
ignore_cancellation(void)
{
	pqsignal(SIGINT, SIG_IGN);
	QueryCancelPending = false;
}

static const char *
column_or_null(const NameData *name)
{
	return NameStr(*name)[0] != '\0' ? NameStr(*name) : NULL;
}

static void
find_columns(TrainWorker *w, Oid relid, HwrColumns *out)
{
	hwr_find_columns(relid, column_or_null(&w->request.image_column),
					 column_or_null(&w->request.label_column), out);
}

static void
announce(TrainWorker *w, const char *options)
{
	HwrStatus	st;
	char	   *json;
	MemoryContext transaction_context;

	if (!hwr_options_parse(options, strlen(options), &w->options, &st) ||
		!hwr_options_to_json(&w->options, &json, &st))
		hwr_raise(&st);
	options = pstrdup(json);
	free(json);

	begin();
	transaction_context = MemoryContextSwitchTo(w->context);
	find_columns(w, w->request.training, &w->training);
	if (OidIsValid(w->request.validation))
		find_columns(w, w->request.validation, &w->validation);
	MemoryContextSwitchTo(transaction_context);
	w->job = hwr_job_insert(NameStr(w->request.model), w->training.relation, w->request.user, options);
	commit(w);

	send_message(HWR_MESSAGE_JOB, &w->job, sizeof(w->job));
	if (!w->request.wait)
		leave_client(w);
}

/*
 * Reading
 */

static void
report_phase(TrainWorker *w, const char *phase)
{
	char		activity[128];

	snprintf(activity, sizeof(activity), "training job %lld: %s", (long long) w->job, phase);
	pgstat_report_activity(STATE_RUNNING, activity);
	set_ps_display(activity);
	begin();
	hwr_job_phase(w->job, phase);
	commit(w);
}

/* Where temporary files of this database go.  In a transaction. */
static void
find_temporary_directory(char *path)
{
	Oid			tablespace;

	PrepareTempTablespaces();
	tablespace = GetNextTempTableSpace();
	if (!OidIsValid(tablespace))
		tablespace = OidIsValid(MyDatabaseTableSpace) ? MyDatabaseTableSpace : DEFAULTTABLESPACE_OID;
	TempTablespacePath(path, tablespace);
	if (MakePGDirectory(path) != 0 && errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", path)));
}

static void
read_table(TrainWorker *w, const HwrColumns *columns, HwrSplit split)
{
	HwrRows    *rows = hwr_rows_open(columns);
	HwrRow		row;
	HwrStatus	st;

	while (hwr_rows_next(rows, &row))
	{
		if (!hwr_dataset_add(w->dataset, split, row.number, row.image, row.image_len,
							 row.label, row.label_len, NULL, &st))
			hwr_raise(&st);
		check_for_end(w);
	}
	hwr_rows_close(rows);
}

static void
read_tables(TrainWorker *w)
{
	bool		separate = OidIsValid(w->request.validation);
	HwrImageLimits limits = hwr_image_limits();
	char		directory[MAXPGPATH];
	HwrIdentity save;
	HwrStatus	st;

	report_phase(w, "reading");
	w->reading = true;
	begin();
	find_temporary_directory(directory);
	if (!hwr_dataset_create(&w->options, &limits, (size_t) hwr_training_memory * 1024, directory,
							&w->dataset, &st))
		hwr_raise(&st);
	SPI_connect();
	hwr_become_user(w->request.user, &save);
	read_table(w, &w->training, separate ? HWR_SPLIT_TRAIN : HWR_SPLIT_AUTO);
	if (separate)
		read_table(w, &w->validation, HWR_SPLIT_VALIDATION);
	hwr_restore_identity(&save);
	SPI_finish();
	commit(w);
	w->reading = false;
	set("lock_timeout", "0");	/* hours of training must not be lost to a lock on a model's row */
}

static void
finish_reading(TrainWorker *w)
{
	HwrStatus	st;
	bool		usable = hwr_dataset_finish(w->dataset, &st);

	w->counts.images = hwr_dataset_count(w->dataset, HWR_SPLIT_TRAIN);
	w->counts.validation_images = hwr_dataset_count(w->dataset, HWR_SPLIT_VALIDATION);
	for (int reason = HWR_SKIP_NONE + 1; reason < HWR_NSKIPS; reason++)
		w->counts.skipped += hwr_dataset_skipped(w->dataset, reason);
	begin();
	hwr_job_counts(w->job, &w->counts);
	commit(w);
	if (!usable)
		hwr_raise(&st);
	hwr_report_data(&w->counts, w->dataset);
}

/*
 * Training
 */

static void
report_step(TrainWorker *w)
{
	TimestampTz now = GetCurrentTimestamp();
	HwrTrainProgress progress;

	if (!TimestampDifferenceExceeds(w->reported, now, PROGRESS_INTERVAL))
		return;
	w->reported = now;
	hwr_trainer_progress(w->trainer, &progress);
	begin();
	hwr_job_progress(w->job, &progress);
	commit(w);
}

static void
report_epoch(TrainWorker *w)
{
	const HwrEpoch *epoch = hwr_trainer_epoch(w->trainer);
	HwrTrainProgress progress;

	hwr_trainer_progress(w->trainer, &progress);
	begin();
	hwr_job_add_epoch(w->job, epoch);
	hwr_job_progress(w->job, &progress);
	commit(w);
	w->reported = GetCurrentTimestamp();
	hwr_report_epoch(epoch, &progress);
}

static void
train(TrainWorker *w)
{
	HwrTrainEvent event;
	HwrStatus	st;

	report_phase(w, "training");
	if (!hwr_trainer_create(&w->options, w->dataset, hwr_cpu_backend(), &w->trainer, &st))
		hwr_raise(&st);
	do
	{
		if (!hwr_trainer_step(w->trainer, &event, &st))
			hwr_raise(&st);
		check_for_end(w);
		if (event == HWR_TRAIN_EPOCH)
			report_epoch(w);
		else
			report_step(w);
	} while (event != HWR_TRAIN_FINISHED);
}

/*
 * The end
 */

static void
store(TrainWorker *w, HwrTrainResult *result)
{
	const HwrEpoch *best = hwr_trainer_best(w->trainer);
	const HwrColumns *data = OidIsValid(w->request.validation) ? &w->validation : &w->training;
	HwrVersionInfo version;
	HwrStatus	st;

	report_phase(w, "saving");
	if (!hwr_trainer_model(w->trainer, &w->model, &st) ||
		!hwr_model_save(w->model, &w->bytes, &w->nbytes, &st))
		hwr_raise(&st);

	begin();
	set("synchronous_commit", w->synchronous_commit);
	hwr_catalog_store(NameStr(w->request.model), w->request.user, w->bytes, w->nbytes, w->model,
					  w->job, true, &version);
	if (best->valid.images > 0)
		hwr_catalog_add_metric(version.id, "validation", data->relation, w->counts.skipped,
							   &best->valid, hwr_trainer_confusions(w->trainer));
	hwr_job_end(w->job, "done", version.version, NULL, hwr_trainer_reason(w->trainer));
	commit(w);
	ignore_cancellation();
	w->stored = true;

	result->version = version.version;
	result->epochs = hwr_trainer_epoch(w->trainer)->epoch;
	result->best_epoch = best->epoch;
	result->train_loss = best->train_loss;
	result->validation_loss = hwr_metrics_loss(&best->valid);
	result->cer = hwr_metrics_cer(&best->valid);
	result->wer = hwr_metrics_wer(&best->valid);
	result->exact_match = hwr_metrics_exact(&best->valid);
}

static void
run_job(TrainWorker *w, shm_toc *toc)
{
	HwrTrainResult result;

	memset(&result, 0, sizeof(result));
	w->started = GetCurrentTimestamp();
	restore_settings(w, shm_toc_lookup(toc, HWR_KEY_SETTINGS, false));
	announce(w, shm_toc_lookup(toc, HWR_KEY_OPTIONS, false));
	read_tables(w);
	finish_reading(w);
	train(w);
	store(w, &result);

	result.images = w->counts.images;
	result.validation_images = w->counts.validation_images;
	result.skipped = w->counts.skipped;
	result.seconds = TimestampDifferenceMilliseconds(w->started, GetCurrentTimestamp()) / 1000.0;
	if (w->shared != NULL)
		send_message(HWR_MESSAGE_RESULT, &result, sizeof(result));
	else
		ereport(LOG,
				(errmsg("training job %lld stored version %d of model \"%s\"", (long long) w->job,
						result.version, NameStr(w->request.model))));
}

/* Who is to blame for a cancellation? */
static const char *
cancellation(const TrainWorker *w)
{
	uint32		client = w->shared != NULL ? pg_atomic_read_u32(&w->shared->client) : HWR_CLIENT_WAITING;

	if (client == HWR_CLIENT_CANCELLED)
		return "cancelled by the waiting client";
	if (client == HWR_CLIENT_LEFT)
		return "the waiting client disconnected";
	return "cancelled on request";
}

/* An error in the words of the job. */
static void
explain(const TrainWorker *w, ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && w->job != 0)
		error->message = psprintf("training job %lld was cancelled", (long long) w->job);
	else if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE && w->reading)
	{
		error->message = psprintf("could not lock table %s within %s", w->training.relation, READ_LOCK_TIMEOUT);
		error->hint = pstrdup("The calling transaction or another one holds a lock on it, or on a table behind it.");
	}
	/* the waiting client's error goes to the server log */
	if (w->shared != NULL)
		error->output_to_server = false;
}

static void
record_failure(TrainWorker *w, const ErrorData *error)
{
	bool		cancelled = error->sqlerrcode == ERRCODE_QUERY_CANCELED;

	PG_TRY();
	{
		begin();
		hwr_job_end(w->job, cancelled ? "cancelled" : "failed", 0, unpack_sql_state(error->sqlerrcode),
					cancelled ? cancellation(w) : error->message);
		commit(w);
	}
	PG_CATCH();
	{
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
}

/* After an error: write the job's end, then tell the client, who may look at the job at once. */
static void
fail(TrainWorker *w)
{
	ErrorData  *error;

	ignore_cancellation();
	MemoryContextSwitchTo(w->context);
	error = CopyErrorData();
	FlushErrorState();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(w->context);
	set("lock_timeout", "0");
	explain(w, error);
	if (w->job != 0 && !w->stored)
		record_failure(w, error);

	PG_TRY();
	{
		ReThrowError(error);
	}
	PG_CATCH();
	{
		EmitErrorReport();
		FlushErrorState();
	}
	PG_END_TRY();
}

void
hwr_train_worker_main(Datum main_arg)
{
	TrainWorker *w = MemoryContextAllocZero(TopMemoryContext, sizeof(TrainWorker));
	shm_toc    *toc;

	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, StatementCancelHandler);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	before_shmem_exit(on_worker_exit, PointerGetDatum(w));
	BackgroundWorkerUnblockSignals();

	w->context = AllocSetContextCreate(TopMemoryContext, "hwr training", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(w->context);
	toc = attach(w, DatumGetUInt32(main_arg));
	if (toc == NULL)
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(w->request.database, InvalidOid, 0);
	MemoryContextSwitchTo(w->context);

	PG_TRY();
	{
		run_job(w, toc);
	}
	PG_CATCH();
	{
		fail(w);
	}
	PG_END_TRY();
	proc_exit(0);
}
