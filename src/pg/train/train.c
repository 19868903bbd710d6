/*
 * train.c
 *	  hwr_train: check a request, have a worker do it, wait for the result.
 *
 * Everything that can be known without reading the table is checked here, where an error costs
 * nothing.  The worker is another transaction: it cannot see what this one has not committed, and
 * it would wait for this one's locks while this one waits for it, which the deadlock detector could
 * not see.  So a caller whose transaction has created, changed or locked a table in question, or
 * changed models, gets an error.
 */
#include "postgres.h"

#include <math.h>
#include <signal.h>

#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqmq.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/shm_toc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/base/status.h"
#include "core/options/options.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/wait.h"
#include "pg/catalog/catalog.h"
#include "train.h"

#define QUEUE_SIZE (16 * 1024)
#define NRESULTS 15

/* The waiting side of a job. */
typedef struct TrainClient
{
	dsm_segment *segment;
	HwrTrainShared *shared;
	shm_mq_handle *queue;
	BackgroundWorkerHandle *worker;
	MemoryContext message_context;
	int64		job;			/* 0: not told yet */
	bool		done;
	HwrTrainResult result;
} TrainClient;

PG_FUNCTION_INFO_V1(hwr_train);

/*
 * Checks
 */

void
hwr_check_training_allowed(const char *function)
{
	PreventCommandDuringRecovery(function);
	PreventCommandIfReadOnly(function);
	PreventCommandIfParallelMode(function);
}

/* Does this transaction hold a lock on the relation that a writer takes, or a stronger one? */
static bool
locked_by_me(Oid relid)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);
	bool		locked;

	if (rel == NULL)
		return false;
	locked = CheckRelationLockedByMe(rel, RowExclusiveLock, true);
	relation_close(rel, AccessShareLock);
	return locked;
}

static void
check_table(Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	char	   *name = pstrdup(RelationGetRelationName(rel));
	bool		temporary = rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP;
	bool		created = rel->rd_createSubid != InvalidSubTransactionId;
	ListCell   *lc;

	relation_close(rel, AccessShareLock);
	if (temporary)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot train on temporary table \"%s\"", name),
				 errhint("Training runs in another process, which cannot see it. Use an unlogged table.")));
	if (created)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" was created in this transaction", name),
				 errhint("Commit first: training runs in another process, which cannot see it yet.")));
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (locked_by_me(lfirst_oid(lc)))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("table \"%s\" has been changed or locked by this transaction", name),
					 errhint("Commit first: training runs in another process, which cannot see the changes.")));
	}
}

/* The worker writes these; a new extension is as unknown to it as a new table. */
static void
check_catalog(void)
{
	const char *tables[] = {"model", "version", "job"};
	Oid			schema = get_namespace_oid("hwr", false);

	for (int i = 0; i < lengthof(tables); i++)
	{
		Oid			relid = get_relname_relid(tables[i], schema);

		if (OidIsValid(relid) && locked_by_me(relid))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("models have been changed or locked by this transaction"),
					 errhint("Commit first: training stores its model from another process.")));
	}
}

static const char *
column_or_null(const NameData *name)
{
	return NameStr(*name)[0] != '\0' ? NameStr(*name) : NULL;
}

static void
check_data(Oid relid, const HwrTrainRequest *request, HwrRelationForm *form)
{
	HwrColumns	columns;

	check_table(relid);
	hwr_find_columns(relid, column_or_null(&request->image_column),
					 column_or_null(&request->label_column), &columns);
	if (form->kind != 0 && form->kind != columns.form.kind)
		hwr_raise_other_relation(columns.relation);
	*form = columns.form;
	/* Its lock would keep others from altering the table until the training ends. */
	UnlockRelationOid(relid, AccessShareLock);
}

void
hwr_check_training_request(HwrTrainRequest *request)
{
	check_data(request->training, request, &request->training_form);
	if (OidIsValid(request->validation))
		check_data(request->validation, request, &request->validation_form);
	check_catalog();
	(void) hwr_catalog_check_owner(NameStr(request->model), request->user, request->resume);
}

/*
 * The request
 */

static void
not_null(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" of %s must not be null", name, "hwr_train")));
}

static void
column_argument(FunctionCallInfo fcinfo, int arg, NameData *out)
{
	memset(out, 0, sizeof(NameData));
	if (!PG_ARGISNULL(arg))
		namestrcpy(out, NameStr(*PG_GETARG_NAME(arg)));
}

/* The options as UTF-8 JSON, checked; *validation is the table they name, if any. */
static char *
read_options(Jsonb *options, Oid *validation)
{
	char	   *json = JsonbToCString(NULL, &options->root, VARSIZE(options));
	HwrTrainOptions *parsed = palloc(sizeof(HwrTrainOptions));
	HwrStatus	st;

	json = pg_server_to_any(json, strlen(json), PG_UTF8);
	if (!hwr_options_parse(json, strlen(json), parsed, &st))
		hwr_raise(&st);
	if (parsed->base[0] != '\0')
		hwr_check_base(json, parsed);
	*validation = InvalidOid;
	if (parsed->validation[0] != '\0')
		*validation = DatumGetObjectId(DirectFunctionCall1(regclassin,
														   CStringGetDatum(hwr_from_utf8(parsed->validation))));
	pfree(parsed);
	return json;
}

static const char *const activate_words[] = {"auto", "always", "never"};

const char *
hwr_activate_word(HwrActivate activate)
{
	return activate_words[activate];
}

HwrActivate
hwr_activate_from_word(const char *word, const char *function)
{
	for (int i = 0; i < lengthof(activate_words); i++)
		if (strcmp(word, activate_words[i]) == 0)
			return (HwrActivate) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for argument \"%s\" of %s: \"%s\"", "activate", function, word),
			 errhint("Valid values are: auto, always, never.")));
}

static char *
read_arguments(FunctionCallInfo fcinfo, HwrTrainRequest *request)
{
	char	   *model;
	char	   *options;

	not_null(fcinfo, 0, "training");
	not_null(fcinfo, 1, "model");
	not_null(fcinfo, 4, "options");
	not_null(fcinfo, 5, "wait");
	not_null(fcinfo, 6, "activate");

	model = text_to_cstring(PG_GETARG_TEXT_PP(1));
	hwr_check_model_name(model);

	memset(request, 0, sizeof(HwrTrainRequest));
	request->database = MyDatabaseId;
	request->user = GetUserId();
	request->training = PG_GETARG_OID(0);
	request->wait = PG_GETARG_BOOL(5);
	request->activate = hwr_activate_from_word(text_to_cstring(PG_GETARG_TEXT_PP(6)), "hwr_train");
	namestrcpy(&request->model, model);
	column_argument(fcinfo, 2, &request->image_column);
	column_argument(fcinfo, 3, &request->label_column);
	options = read_options(PG_GETARG_JSONB_P(4), &request->validation);

	hwr_check_training_request(request);
	return options;
}

/*
 * The worker
 */

/*
 * The segment goes: at the end of a wait, on an error, with the session.  Unless
 * the job is known to be over or was not to be waited for, it is no longer wanted.
 */
static void
client_detached(dsm_segment *segment, Datum arg)
{
	HwrTrainShared *shared = (HwrTrainShared *) DatumGetPointer(arg);
	uint32		pid;

	pg_atomic_write_u32(&shared->client,
						proc_exit_inprogress ? HWR_CLIENT_LEFT : HWR_CLIENT_CANCELLED);
	pg_memory_barrier();
	pid = pg_atomic_read_u32(&shared->worker);
	if (pid != 0)
		kill((pid_t) pid, SIGINT);
}

static void
create_segment(TrainClient *client, const HwrTrainRequest *request, const char *options)
{
	shm_toc_estimator e;
	shm_toc    *toc;
	Size		options_size = strlen(options) + 1;
	Size		settings_size = EstimateGUCStateSpace();
	Size		libraries_size = EstimateLibraryStateSpace();
	Size		size;
	char	   *space;
	shm_mq	   *queue;

	shm_toc_initialize_estimator(&e);
	shm_toc_estimate_chunk(&e, sizeof(HwrTrainShared));
	shm_toc_estimate_chunk(&e, options_size);
	shm_toc_estimate_chunk(&e, settings_size);
	shm_toc_estimate_chunk(&e, libraries_size);
	shm_toc_estimate_chunk(&e, QUEUE_SIZE);
	shm_toc_estimate_keys(&e, 5);
	size = shm_toc_estimate(&e);

	client->segment = dsm_create(size, 0);
	toc = shm_toc_create(HWR_TRAIN_MAGIC, dsm_segment_address(client->segment), size);

	client->shared = shm_toc_allocate(toc, sizeof(HwrTrainShared));
	client->shared->request = *request;
	pg_atomic_init_u32(&client->shared->client, HWR_CLIENT_WAITING);
	pg_atomic_init_u32(&client->shared->worker, 0);
	shm_toc_insert(toc, HWR_KEY_SHARED, client->shared);

	space = shm_toc_allocate(toc, options_size);
	memcpy(space, options, options_size);
	shm_toc_insert(toc, HWR_KEY_OPTIONS, space);

	space = shm_toc_allocate(toc, settings_size);
	SerializeGUCState(settings_size, space);
	shm_toc_insert(toc, HWR_KEY_SETTINGS, space);

	space = shm_toc_allocate(toc, libraries_size);
	SerializeLibraryState(libraries_size, space);
	shm_toc_insert(toc, HWR_KEY_LIBRARIES, space);

	queue = shm_mq_create(shm_toc_allocate(toc, QUEUE_SIZE), QUEUE_SIZE);
	shm_mq_set_receiver(queue, MyProc);
	shm_toc_insert(toc, HWR_KEY_QUEUE, queue);
	client->queue = shm_mq_attach(queue, client->segment, NULL);

	on_dsm_detach(client->segment, client_detached, PointerGetDatum(client->shared));
}

static void
start_worker(TrainClient *client)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "$libdir/hwr");
	snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "hwr_train_worker_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "hwr training worker for PID %d", MyProcPid);
	snprintf(worker.bgw_type, BGW_MAXLEN, "hwr training worker");
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(client->segment));
	worker.bgw_notify_pid = MyProcPid;

	if (!RegisterDynamicBackgroundWorker(&worker, &client->worker))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("could not start a training worker"),
				 errdetail("No background worker process is free."),
				 errhint("Try again later, or increase the configuration parameter \"max_worker_processes\".")));
	shm_mq_set_handle(client->queue, client->worker);
}

/*
 * Waiting
 */

/* An error or a notice of the worker's becomes ours. */
static void
pass_on(TrainClient *client, StringInfo message)
{
	ErrorData	error;

	pq_parse_errornotice(message, &error);
	if (error.elevel < ERROR)
	{
		ThrowErrorData(&error);
		return;
	}
	cancel_on_dsm_detach(client->segment, client_detached, PointerGetDatum(client->shared));
	if (error.elevel > ERROR && client->job != 0)	/* the worker's death is not ours */
		ereport(ERROR,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 errmsg("training worker of job %lld stopped", (long long) client->job),
				 errdetail("The worker said: %s.", error.message)));
	error.elevel = ERROR;
	ThrowErrorData(&error);
}

static void
handle_message(TrainClient *client, const char *data, Size len)
{
	StringInfoData message;
	MemoryContext old = MemoryContextSwitchTo(client->message_context);
	int			type;

	initStringInfo(&message);
	appendBinaryStringInfo(&message, data, len);
	type = message.data[message.cursor++];
	len--;
	if (type == 'E' || type == 'N')
		pass_on(client, &message);
	else if (type == HWR_MESSAGE_JOB && len == sizeof(client->job))
		memcpy(&client->job, message.data + 1, len);
	else if (type == HWR_MESSAGE_RESULT && len == sizeof(client->result))
	{
		memcpy(&client->result, message.data + 1, len);
		client->done = true;
	}
	else
		elog(ERROR, "unexpected message of type %d and length %zu from training worker", type, len);
	MemoryContextSwitchTo(old);
	MemoryContextReset(client->message_context);
}

static void
check_connection(void)
{
	if (MyProcPort != NULL && whereToSendOutput == DestRemote && !pq_check_connection())
		ereport(FATAL,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("connection to client lost")));
}

static void
worker_is_gone(TrainClient *client)
{
	cancel_on_dsm_detach(client->segment, client_detached, PointerGetDatum(client->shared));
	if (client->job != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 errmsg("training worker of job %lld stopped", (long long) client->job),
				 errhint("The server log may say more.")));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("could not start a training worker"),
			 errhint("The server log may say more.")));
}

/* Until the job's id is known, or all the way to the result. */
static void
wait_for_worker(TrainClient *client, bool to_the_end)
{
	while (to_the_end ? !client->done : client->job == 0)
	{
		Size		len;
		void	   *data;
		shm_mq_result result;

		CHECK_FOR_INTERRUPTS();
		check_connection();		/* before the queue: it may reset our latch */

		result = shm_mq_receive(client->queue, &len, &data, true);
		if (result == SHM_MQ_SUCCESS)
			handle_message(client, data, len);
		else if (result == SHM_MQ_DETACHED)
			worker_is_gone(client);
		else
		{
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1000L,
							 hwr_wait_event(HWR_WAIT_TRAINING));
			ResetLatch(MyLatch);
		}
	}
}

static void
run_worker(TrainClient *client, const HwrTrainRequest *request, const char *options)
{
	memset(client, 0, sizeof(TrainClient));
	client->message_context = AllocSetContextCreate(CurrentMemoryContext, "hwr training messages",
													ALLOCSET_DEFAULT_SIZES);
	create_segment(client, request, options);
	start_worker(client);
	wait_for_worker(client, request->wait);
	cancel_on_dsm_detach(client->segment, client_detached, PointerGetDatum(client->shared));
	dsm_detach(client->segment);
	MemoryContextDelete(client->message_context);
}

/*
 * The result
 */

static HeapTuple
form_result(TupleDesc desc, const TrainClient *client, const char *model)
{
	const HwrTrainResult *r = &client->result;
	Datum		values[NRESULTS] = {0};
	bool		nulls[NRESULTS];
	const double figures[] = {r->train_loss, r->validation_loss, r->cer, r->wer, r->exact_match};

	memset(nulls, !client->done, sizeof(nulls));
	values[0] = Int64GetDatum(client->job);
	values[1] = CStringGetTextDatum(model);
	nulls[0] = nulls[1] = false;
	values[2] = Int32GetDatum(r->version);
	values[3] = BoolGetDatum(r->activated);
	values[4] = Int32GetDatum(r->epochs);
	values[5] = Int32GetDatum(r->best_epoch);
	for (int i = 0; i < lengthof(figures); i++)
	{
		values[6 + i] = Float8GetDatum(rint(figures[i] * 1e4) / 1e4);
		nulls[6 + i] |= isnan(figures[i]);
	}
	values[11] = Int64GetDatum(r->images);
	values[12] = Int64GetDatum(r->validation_images);
	values[13] = Int64GetDatum(r->skipped);
	values[14] = Float8GetDatum(rint(r->seconds * 10) / 10);
	return heap_form_tuple(desc, values, nulls);
}

HeapTuple
hwr_run_training(TupleDesc desc, const HwrTrainRequest *request, const char *options)
{
	TrainClient client;

	run_worker(&client, request, options);
	return form_result(desc, &client, NameStr(request->model));
}

void
hwr_init_training_result(FunctionCallInfo fcinfo)
{
	FuncCallContext *funcctx = SRF_FIRSTCALL_INIT();
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != NRESULTS)
		elog(ERROR, "unexpected result type of a training function");
	funcctx->tuple_desc = BlessTupleDesc(CreateTupleDescCopy(desc));
}

/*
 * hwr_train(training regclass, model text, image_column name, label_column name, options jsonb, wait boolean,
 *			 activate text)
 * returns table (...): one row
 */
Datum
hwr_train(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;

	if (SRF_IS_FIRSTCALL())
		hwr_init_training_result(fcinfo);
	funcctx = SRF_PERCALL_SETUP();
	if (funcctx->call_cntr == 0)
	{
		HwrTrainRequest request;
		char	   *options;

		hwr_check_training_allowed("hwr_train()");
		options = read_arguments(fcinfo, &request);
		SRF_RETURN_NEXT(funcctx, HeapTupleGetDatum(hwr_run_training(funcctx->tuple_desc, &request, options)));
	}
	SRF_RETURN_DONE(funcctx);
}
