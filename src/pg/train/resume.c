/*
 * resume.c
 *	  hwr_resume: go on with a training that was stopped; hwr_drop_job.
 *
 * The job keeps its number, its history and its options.  Its tables are read again, with the
 * caller's privileges; the checkpoint tells whether they hold the same rows.
 */
#include "postgres.h"

#include <math.h>

#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "core/base/status.h"
#include "core/options/options.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "pg/catalog/checkpoint.h"
#include "job.h"
#include "train.h"

PG_FUNCTION_INFO_V1(hwr_resume);
PG_FUNCTION_INFO_V1(hwr_drop_job);
PG_FUNCTION_INFO_V1(hwr_drop_checkpoint);

/* Column of the only row of the last catalog statement as text, NULL for null. */
static char *
text_column(int number)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number);
}

/* So often, 10 ms apart, a worker that is about to exit is looked for. */
#define EXIT_TRIES 500

#define JOB_COLUMNS "owner, model, training, validation, image_column, label_column, activate, options::text, checkpoint " \
					"IS NOT NULL, " \
	"state = 'done', message LIKE 'time limit reached%', place, training_id, validation_id, training_kind, validation_kind"

/*
 * A worker writes its job's end, tells the client, and only then is gone: who has heard of the end is not to hear that the
 * job is running.
 */
static void
await_exit(int64 job)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(job)};

	if (!hwr_job_is_alive(job) ||
		hwr_catalog_query_now("SELECT FROM hwr.job WHERE id = $1 AND state NOT IN ('queued', 'starting', 'running')",
							  1, types, values) == 0)
		return;
	for (int i = 0; i < EXIT_TRIES && hwr_job_is_alive(job); i++)
	{
		CHECK_FOR_INTERRUPTS();
		pg_usleep(10000L);
	}
}

/*
 * Select a job's row, which the current user must be allowed to change and no worker works on.  It
 * is locked where this process changes it, not where a worker is to.  SPI is connected.
 */
static void
select_job(int64 job, const char *what, bool lock)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(job)};
	uint64		n;
	bool		isnull;

	await_exit(job);
	if (lock)
		n = hwr_catalog_execute("SELECT " JOB_COLUMNS " FROM hwr.job WHERE id = $1 FOR UPDATE", 1, types, values, NULL);
	else
		n = hwr_catalog_query_now("SELECT " JOB_COLUMNS " FROM hwr.job WHERE id = $1", 1, types, values);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("training job %lld does not exist", (long long) job)));
	hwr_check_job_owner(job, GetUserId(), DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
																		 &isnull)), what);
	if (hwr_job_is_alive(job))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("training job %lld is running", (long long) job)));
}

/*
 * A table of the job: by its OID, which a new name does not change, in the database where the job began; by its name
 * where the rows came by a dump, or where the table has been made anew.  A view that was made anew is another one, whose
 * functions nobody has asked for.  *kind is what the relation has to be, 0 where the job does not tell.
 */
static Oid
job_relation(int name_column, int id_column, int kind_column, char *kind)
{
	const char *place = text_column(12);
	bool		isnull;
	Oid			id = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, id_column, &isnull));
	bool		here = !isnull && place != NULL && strcmp(place, hwr_job_place()) == 0;

	*kind = DatumGetChar(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, kind_column, &isnull));
	if (here && get_rel_name(id) != NULL)
		return id;
	if (here && *kind == RELKIND_VIEW)
		hwr_raise_other_relation(text_column(name_column));
	return DatumGetObjectId(DirectFunctionCall1(regclassin, CStringGetDatum(text_column(name_column))));
}

/* A training that its time limit ended has nothing to do within the same limit. */
static void
check_more_time(int64 job, double old_minutes, double minutes)
{
	if (minutes == 0 || minutes > old_minutes)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("training job %lld has nothing to go on with", (long long) job),
			 errdetail("It has used up its \"max_minutes\", %g, and stored what it had learned. The limit is of its whole time, "
					   "before and after.",
					   old_minutes),
			 errhint("Give it more: SELECT * FROM hwr_resume(%lld, max_minutes => %g);", (long long) job, old_minutes * 2)));
}

/* The job's options in UTF-8, with another time limit if there is one. */
static char *
options_of_job(int64 job, const char *json, double max_minutes, bool out_of_time)
{
	HwrTrainOptions *options = palloc(sizeof(HwrTrainOptions));
	HwrStatus	st;
	char	   *text;
	char	   *copy;

	json = pg_server_to_any(json, strlen(json), PG_UTF8);
	if (!hwr_options_parse(json, strlen(json), options, &st))
		hwr_raise(&st);
	if (isnan(max_minutes))
		max_minutes = options->max_minutes;
	if (out_of_time)
		check_more_time(job, options->max_minutes, max_minutes);
	options->max_minutes = max_minutes;
	if (!hwr_options_to_json(options, &text, &st))
		hwr_raise(&st);
	copy = pstrdup(text);
	free(text);
	pfree(options);
	return copy;
}

static char *
make_request(int64 job, double max_minutes, bool wait, HwrTrainRequest *request)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	char	   *options;
	bool		isnull;

	memset(request, 0, sizeof(*request));
	SPI_connect();
	select_job(job, "resume", false);
	if (!DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 9, &isnull)))
	{
		bool		done = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 10, &isnull));

		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 done ? errmsg("training job %lld has nothing to go on with", (long long) job) :
				 errmsg("training job %lld has no checkpoint", (long long) job),
				 done ? errdetail("It has done all its epochs.") : 0,
				 errhint("Start another training, with option \"base\" to begin with a model.")));
	}
	request->database = MyDatabaseId;
	request->user = GetUserId();
	request->wait = wait;
	request->resume = job;
	request->training = job_relation(3, 13, 15, &request->training_form.kind);
	if (text_column(4) != NULL)
		request->validation = job_relation(4, 14, 16, &request->validation_form.kind);
	namestrcpy(&request->model, text_column(2));
	namestrcpy(&request->image_column, text_column(5));
	namestrcpy(&request->label_column, text_column(6));
	request->activate = hwr_activate_from_word(text_column(7), "hwr_train");
	old = MemoryContextSwitchTo(context);
	options = options_of_job(job, text_column(8), max_minutes,
							 DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 11, &isnull)));
	MemoryContextSwitchTo(old);
	SPI_finish();
	return options;
}

/*
 * hwr_resume(job bigint, max_minutes double precision, wait boolean) returns table (...): the row
 * of hwr_train
 */
Datum
hwr_resume(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;

	if (SRF_IS_FIRSTCALL())
		hwr_init_training_result(fcinfo);
	funcctx = SRF_PERCALL_SETUP();
	if (funcctx->call_cntr == 0)
	{
		HwrTrainRequest request;
		char	   *options;

		if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" of %s must not be null", PG_ARGISNULL(0) ? "job" : "wait", "hwr_resume")));
		if (!PG_ARGISNULL(1) && !(PG_GETARG_FLOAT8(1) >= 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" of %s must not be negative", "max_minutes", "hwr_resume")));
		hwr_check_training_allowed("hwr_resume()");
		options = make_request(PG_GETARG_INT64(0), PG_ARGISNULL(1) ? NAN : PG_GETARG_FLOAT8(1),
							   PG_GETARG_BOOL(2), &request);
		hwr_check_training_request(&request);
		SRF_RETURN_NEXT(funcctx, HeapTupleGetDatum(hwr_run_training(funcctx->tuple_desc, &request, options)));
	}
	SRF_RETURN_DONE(funcctx);
}

/*
 * hwr_drop_job(job bigint) returns void: its row, history and checkpoint
 */
Datum
hwr_drop_job(PG_FUNCTION_ARGS)
{
	int64		job = PG_GETARG_INT64(0);
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(job)};

	PreventCommandIfReadOnly("hwr_drop_job()");
	PreventCommandDuringRecovery("hwr_drop_job()");
	SPI_connect();
	select_job(job, "drop", true);
	hwr_checkpoint_drop(job);
	hwr_catalog_execute("DELETE FROM hwr.job WHERE id = $1", 1, types, values, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hwr_drop_checkpoint(job bigint) returns void: the job stays, and cannot go on any more
 */
Datum
hwr_drop_checkpoint(PG_FUNCTION_ARGS)
{
	int64		job = PG_GETARG_INT64(0);

	PreventCommandIfReadOnly("hwr_drop_checkpoint()");
	PreventCommandDuringRecovery("hwr_drop_checkpoint()");
	SPI_connect();
	select_job(job, "drop the checkpoint of", true);
	hwr_checkpoint_drop(job);
	SPI_finish();
	PG_RETURN_VOID();
}
