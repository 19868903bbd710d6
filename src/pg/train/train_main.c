/*
 * train_main.c
 *	  The background worker behind hwr_train.
 *
 * Life of a worker: attach to the client's segment, connect, take over the session's settings,
 * insert the job's row and tell its id; read the tables in one transaction with the caller's
 * privileges; train outside any transaction, with short ones for progress; store model, metrics and
 * the job's end in one transaction.  So a job that does not reach its end leaves no model, and what
 * it leaves in hwr.job is true: 'failed' or 'cancelled' if the worker could still write it, else
 * the lock that it no longer holds tells (job.c).
 *
 * The core's objects live outside PostgreSQL's memory, and the trainer has threads.  They are freed when the
 * process exits, whichever way: hwr_trainer_free joins the threads.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "storage/shm_toc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/base/status.h"
#include "core/model/model.h"
#include "core/network/backend.h"
#include "core/network/device.h"
#include "core/train/calibrate_model.h"
#include "core/dataset/dataset.h"
#include "core/options/options.h"
#include "core/train/rival.h"
#include "core/train/trainer.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "pg/base/process_lock.h"
#include "pg/base/settings.h"
#include "pg/catalog/checkpoint.h"
#include "pg/service/device.h"
#include "job.h"
#include "train.h"
#include "train_worker.h"

/*
 * Start and end of the process
 */

static void
free_core_objects(HwrTrainWorker *w)
{
	hwr_calibrator_free(w->calibrator);
	w->calibrator = NULL;
	hwr_own_lm_fitter_free(w->lm_fitter);
	w->lm_fitter = NULL;
	hwr_rival_free(w->rival_reader);
	w->rival_reader = NULL;
	hwr_rival_free(w->reader);
	w->reader = NULL;
	hwr_model_free(w->rival);
	w->rival = NULL;
	hwr_model_free(w->base);
	w->base = NULL;
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
	HwrTrainWorker *w = (HwrTrainWorker *) DatumGetPointer(arg);

	if (w->shared != NULL)
		pg_atomic_write_u32(&w->shared->worker, 0);
	free_core_objects(w);
	hwr_process_unlock_all();
}

/* Attach to the client's segment and send errors there.  NULL if the client has gone meanwhile. */
static shm_toc *
attach(HwrTrainWorker *w, dsm_handle handle)
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
 * policies look up with current_setting(); and its libraries, which may watch what its user's
 * functions do.  What is the administrator's is as it is for this process, which no client started:
 * a session that has loaded hwr late may have it wrong.
 */
static void
restore_settings(HwrTrainWorker *w, void *settings, void *libraries)
{
	HwrServerSettings *server = hwr_server_settings();

	StartTransactionCommand();
	RestoreLibraryState(libraries);
	RestoreGUCState(settings);
	hwr_keep_server_settings(server);
	hwr_worker_set("client_encoding", GetDatabaseEncodingName());	/* the client converts */
	CommitTransactionCommand();
	MemoryContextSwitchTo(w->context);

	hwr_worker_set("application_name", "hwr");
	hwr_worker_set("default_transaction_isolation", "read committed");
	hwr_worker_set("default_transaction_read_only", "off");
	hwr_worker_set("default_transaction_deferrable", "off");
#if PG_VERSION_NUM >= 170000
	hwr_worker_set("transaction_timeout", "0");
#endif
	hwr_worker_set("lock_timeout", HWR_READ_LOCK_TIMEOUT);
	/* the same rows in the same order, whoever else reads the table */
	hwr_worker_set("synchronize_seqscans", "off");
	hwr_worker_set("max_parallel_workers_per_gather", "0");
	w->synchronous_commit = pstrdup(GetConfigOption("synchronous_commit", false, false));
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
leave_client(HwrTrainWorker *w)
{
	pg_atomic_write_u32(&w->shared->worker, 0);
	w->shared = NULL;
	dsm_detach(w->segment);
	w->segment = NULL;
}

static const char *
column_or_null(const NameData *name)
{
	return NameStr(*name)[0] != '\0' ? NameStr(*name) : NULL;
}

/* The relation is to be read as what it was when the caller asked, whatever it has become. */
static void
find_columns(HwrTrainWorker *w, Oid relid, const HwrRelationForm *form, HwrColumns *out)
{
	hwr_find_columns(relid, column_or_null(&w->request.image_column),
					 column_or_null(&w->request.label_column), out);
	out->form = *form;
}

/*
 * A column's name out of its quoted form, where it is that of both tables: a job that is gone on
 * with reads what it began with, whatever columns the tables have got since.
 */
static const char *
column_to_keep(const NameData *given, const char *training, const char *validation)
{
	StringInfoData name;

	if (NameStr(*given)[0] != '\0' || (validation != NULL && strcmp(training, validation) != 0))
		return NameStr(*given);
	if (training[0] != '"')
		return training;
	initStringInfo(&name);
	for (const char *p = training + 1; p[0] != '\0' && p[1] != '\0'; p++)
	{
		appendStringInfoChar(&name, *p);
		if (*p == '"')
			p++;
	}
	return name.data;
}

/* Insert the job's row, with all options as they are in the end; its number.  In a transaction. */
static int64
insert_job(HwrTrainWorker *w)
{
	HwrJobRequest request = {
		.model = NameStr(w->request.model),
		.training = w->training.relation,
		.validation = OidIsValid(w->request.validation) ? w->validation.relation : NULL,
		.image_column = column_to_keep(&w->request.image_column, w->training.image, w->validation.image),
		.label_column = column_to_keep(&w->request.label_column, w->training.label, w->validation.label),
		.activate = hwr_activate_word(w->request.activate),
		.training_id = w->request.training,
		.validation_id = w->request.validation,
		.training_kind = w->request.training_form.kind,
		.validation_kind = w->request.validation_form.kind,
		.owner = w->request.user
	};
	HwrStatus	st;
	char	   *json;

	if (!hwr_options_to_json(&w->options, &json, &st))
		hwr_raise(&st);
	request.options = pstrdup(json);
	free(json);
	return hwr_job_insert(&request);
}

/*
 * The job's row: a new one, or that of the job to go on with, and its checkpoint.  The model's name
 * is its from here on.  In a transaction.
 */
static int64
begin_job(HwrTrainWorker *w)
{
	hwr_catalog_lock_name(NameStr(w->request.model));
	(void) hwr_catalog_check_owner(NameStr(w->request.model), w->request.user, w->request.resume);
	if (w->request.resume == 0)
		return insert_job(w);
	hwr_job_restart(w->request.resume, w->request.user, w->options.max_minutes);
	w->checkpoint = hwr_checkpoint_read(w->request.resume);
	return w->request.resume;
}

/* Returns whether the job has a place already. */
static bool
announce(HwrTrainWorker *w, const char *options)
{
	bool		queued;
	int64		job;
	HwrIdentity save;
	HwrStatus	st;
	MemoryContext transaction_context;

	if (!hwr_options_parse(options, strlen(options), &w->options, &st))
		hwr_raise(&st);
	w->json = MemoryContextStrdup(w->context, options);
	hwr_worker_begin();
	if (w->options.base[0] != '\0' && w->request.resume == 0)
		hwr_worker_load_base(w, options);
	else if (w->options.base[0] != '\0')
		hwr_worker_load_base_again(w);
	/* job and model tell the device that it became */
	w->backend = hwr_training_backend(w->options.device, w->options.architecture);
	w->options.device = w->backend == hwr_cpu_backend() ? HWR_USE_CPU : HWR_USE_CUDA;
	transaction_context = MemoryContextSwitchTo(w->context);
	hwr_become_user(w->request.user, &save);
	find_columns(w, w->request.training, &w->request.training_form, &w->training);
	if (OidIsValid(w->request.validation))
		find_columns(w, w->request.validation, &w->request.validation_form, &w->validation);
	hwr_restore_identity(&save);
	job = begin_job(w);
	MemoryContextSwitchTo(transaction_context);
	queued = !hwr_place_try();
	if (queued)
		hwr_job_queue(job);
	hwr_worker_commit(w);
	w->job = job;
	/* Progress that a crash takes along is no loss; the job, of which a client is told now, would be. */
	hwr_worker_set("synchronous_commit", "off");

	send_message(HWR_MESSAGE_JOB, &w->job, sizeof(w->job));
	if (!w->request.wait)
		leave_client(w);
	return !queued;
}

static void
wait_for_place(HwrTrainWorker *w)
{
	hwr_report_activity(w, "queued");
	ereport(w->shared != NULL ? NOTICE : LOG,
			(errmsg("training job %lld waits for other trainings", (long long) w->job),
			 errhint("The configuration parameter \"hwr.max_jobs\" limits how many run at the same time.")));
	hwr_place_wait(w);
}

static void
run_job(HwrTrainWorker *w, shm_toc *toc)
{
	HwrTrainResult result;

	memset(&result, 0, sizeof(result));
	restore_settings(w, shm_toc_lookup(toc, HWR_KEY_SETTINGS, false), shm_toc_lookup(toc, HWR_KEY_LIBRARIES, false));
	if (!announce(w, shm_toc_lookup(toc, HWR_KEY_OPTIONS, false)))
		wait_for_place(w);
	w->started = hwr_worker_seconds();
	ereport(LOG,
			(errmsg("training job %lld of model \"%s\" from table %s started", (long long) w->job,
					NameStr(w->request.model), w->training.relation)));
	hwr_worker_read_tables(w);
	hwr_worker_train(w);
	hwr_worker_store(w, &result);

	result.images = w->counts.images;
	result.validation_images = w->counts.validation_images;
	result.skipped = w->counts.skipped;
	result.seconds = hwr_worker_seconds() - w->started;
	if (w->shared != NULL)
		send_message(HWR_MESSAGE_RESULT, &result, sizeof(result));
	else
		ereport(LOG,
				(errmsg("training job %lld stored version %d of model \"%s\"", (long long) w->job,
						result.version, NameStr(w->request.model))));
}

/* Who is to blame for a cancellation? */
static const char *
cancellation(const HwrTrainWorker *w)
{
	uint32		client = w->shared != NULL ? pg_atomic_read_u32(&w->shared->client) : HWR_CLIENT_WAITING;

	if (client == HWR_CLIENT_CANCELLED)
		return "cancelled by the waiting client";
	if (client == HWR_CLIENT_LEFT)
		return "the waiting client disconnected";
	return "cancelled on request, by hwr_cancel or pg_cancel_backend";
}

/* An error in the words of the job. */
static void
explain(const HwrTrainWorker *w, ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && w->job != 0)
	{
		error->message = psprintf("training job %lld was cancelled", (long long) w->job);
		error->detail = psprintf("Reason: %s.", cancellation(w));
		if (w->trainer != NULL && w->options.checkpoint_minutes > 0)
			error->hint = psprintf("What it has learned is kept. To go on: SELECT * FROM hwr_resume(%lld);", (long long) w->job);
	}
	else if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE && w->reading)
	{
		error->message = psprintf("could not lock table %s within %s", w->training.relation, HWR_READ_LOCK_TIMEOUT);
		error->hint = pstrdup("The calling transaction or another one holds a lock on it, or on a table behind it.");
	}
	/* the waiting client's error goes to the server log */
	if (w->shared != NULL)
		error->output_to_server = false;
	else if (w->job != 0)
		error->context = psprintf("%s%straining job %lld of model \"%s\"", error->context != NULL ? error->context : "",
								  error->context != NULL ? "\n" : "", (long long) w->job, NameStr(w->request.model));
}

/*
 * What a cancelled training has learned is kept, to go on from, and what one has that was done but
 * could not be stored; not being able to is no reason to fail otherwise.
 */
static void
keep_checkpoint(HwrTrainWorker *w)
{
	PG_TRY();
	{
		hwr_worker_begin();
		hwr_worker_checkpoint(w);
		hwr_worker_commit(w);
	}
	PG_CATCH();
	{
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		(void) hwr_process_lock(HWR_LOCK_JOB, (uint64) w->job);
	}
	PG_END_TRY();
}

static void
record_failure(HwrTrainWorker *w, const ErrorData *error)
{
	bool		cancelled = error->sqlerrcode == ERRCODE_QUERY_CANCELED;

	if (cancelled || w->trained)
		keep_checkpoint(w);
	PG_TRY();
	{
		hwr_worker_begin();
		hwr_job_end(w->job, cancelled ? "cancelled" : "failed", 0, unpack_sql_state(error->sqlerrcode),
					cancelled ? cancellation(w) : error->message);
		hwr_worker_commit(w);
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
fail(HwrTrainWorker *w)
{
	ErrorData  *error;

	hwr_worker_ignore_cancellation();
	MemoryContextSwitchTo(w->context);
	error = CopyErrorData();
	FlushErrorState();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(w->context);
	if (w->job != 0)
		(void) hwr_process_lock(HWR_LOCK_JOB, (uint64) w->job);
	hwr_worker_set("lock_timeout", "0");
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
	HwrTrainWorker *w = MemoryContextAllocZero(TopMemoryContext, sizeof(HwrTrainWorker));
	shm_toc    *toc;

	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, StatementCancelHandler);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGUSR2, hwr_worker_finish_handler);
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
