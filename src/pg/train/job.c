/*
 * job.c
 *	  Rows of hwr.job and hwr.history, hwr_cancel, and whether a job's worker lives.
 *
 * A worker that is killed, or whose server stops, cannot say so in its row.  So the row's state is
 * believed only as far as the worker lives, which a lock tells: the worker holds one that is keyed
 * by the job's id, from before its row can be seen until it exits, however it exits, and whatever
 * its user's functions do (process_lock.c).
 *
 * While the lock is held, the pid in the row is that of the holder: both come from the same process.  So a
 * signal after a look at the lock cannot meet a process that was given an old number.
 */
#include "postgres.h"

#include <math.h>
#include <signal.h>

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/text/metrics.h"
#include "core/train/trainer.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "pg/base/process_lock.h"
#include "pg/catalog/checkpoint.h"
#include "job.h"

PG_FUNCTION_INFO_V1(hwr_job_interrupted);
PG_FUNCTION_INFO_V1(hwr_cancel);
PG_FUNCTION_INFO_V1(hwr_finish);

bool
hwr_job_is_alive(int64 job)
{
	return hwr_process_lock_is_held(HWR_LOCK_JOB, (uint64) job);
}

static void
hold(int64 job)
{
	if (!hwr_process_lock(HWR_LOCK_JOB, (uint64) job))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("training job %lld is running", (long long) job)));
}

/* One statement on the catalog; the first column of its first row, or null. */
static Datum
job_execute(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls, bool *isnull)
{
	Datum		result = (Datum) 0;

	*isnull = true;
	SPI_connect();
	hwr_catalog_execute(sql, nargs, types, values, nulls);
	if (SPI_processed > 0 && SPI_tuptable != NULL)
		result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	SPI_finish();
	return result;				/* pass-by-value types only */
}

/*
 * A statement on this process's job.  Those of a running one name the row by id and pid: where the
 * extension was dropped and created again, ids begin anew, and the row is another job's.
 */
static void
job_update(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	uint64		n;

	SPI_connect();
	n = hwr_catalog_execute(sql, nargs, types, values, nulls);
	SPI_finish();
	if (n == 0)
		hwr_raise_job_removed(DatumGetInt64(values[0]));
}

/* Text in the server's encoding, or null. */
static Datum
text_or_null(const char *text, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

char *
hwr_job_place(void)
{
	return psprintf("%llu/%u", (unsigned long long) GetSystemIdentifier(), MyDatabaseId);
}

int64
hwr_job_insert(const HwrJobRequest *r)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, OIDOID, TEXTOID, INT4OID, TEXTOID, OIDOID,
		OIDOID, CHAROID, CHAROID};
	char		nulls[] = "              ";
	Datum		values[] = {
		CStringGetTextDatum(r->model),
		CStringGetTextDatum(r->training),
		text_or_null(r->validation, &nulls[2]),
		CStringGetTextDatum(r->image_column),
		CStringGetTextDatum(r->label_column),
		CStringGetTextDatum(r->activate),
		ObjectIdGetDatum(r->owner),
		CStringGetTextDatum(hwr_from_utf8(r->options)),
		Int32GetDatum(MyProcPid),
		CStringGetTextDatum(hwr_job_place()),
		ObjectIdGetDatum(r->training_id),
		ObjectIdGetDatum(r->validation_id),
		CharGetDatum(r->training_kind),
		CharGetDatum(r->validation_kind)
	};
	bool		isnull;
	int64		job;

	job = DatumGetInt64(job_execute("INSERT INTO hwr.job (model, training, validation, image_column, label_column, "
									"activate, owner, options, state, pid, place, training_id, validation_id, training_kind, "
									"validation_kind) "
									"VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, 'starting', $9, $10, $11, $12, $13, $14) "
									"RETURNING id",
									lengthof(values), types, values, nulls, &isnull));
	hold(job);
	return job;
}

void
hwr_job_restart(int64 job, Oid role, double max_minutes)
{
	Oid			types[] = {INT8OID, INT4OID, FLOAT8OID};
	Datum		values[] = {Int64GetDatum(job), Int32GetDatum(MyProcPid), Float8GetDatum(max_minutes)};
	Oid			owner;
	bool		isnull;

	hold(job);
	owner = DatumGetObjectId(job_execute("SELECT owner FROM hwr.job WHERE id = $1 FOR UPDATE", 1, types, values, NULL, &isnull));
	if (isnull)
		hwr_raise_job_removed(job);
	hwr_check_job_owner(job, role, owner, "resume");
	job_update("UPDATE hwr.job SET state = 'starting', phase = NULL, pid = $2, finished = NULL, sqlstate = NULL, message = NULL, "
			   "options = jsonb_set(options, '{max_minutes}', to_jsonb($3)) WHERE id = $1", lengthof(values), types, values,
				   NULL);
}

void
hwr_job_forget_epochs(int64 job, int epochs)
{
	Oid			types[] = {INT8OID, INT4OID};
	Datum		values[] = {Int64GetDatum(job), Int32GetDatum(epochs)};
	bool		isnull;

	(void) job_execute("DELETE FROM hwr.history h USING hwr.job j WHERE j.id = $1 AND j.pid = pg_backend_pid() "
					   "AND h.job = j.id AND h.epoch > $2", lengthof(values), types, values, NULL, &isnull);
}

void
hwr_job_queue(int64 job)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(job)};

	job_update("UPDATE hwr.job SET state = 'queued', message = 'waits for other trainings: hwr.max_jobs' "
			   "WHERE id = $1 AND pid = pg_backend_pid()",
			   lengthof(values), types, values, NULL);
}

void
hwr_job_phase(int64 job, const char *phase)
{
	Oid			types[] = {INT8OID, TEXTOID};
	Datum		values[] = {Int64GetDatum(job), CStringGetTextDatum(phase)};

	job_update("UPDATE hwr.job SET state = 'running', phase = $2, message = NULL, updated = clock_timestamp(), "
			   "started = coalesce(started, clock_timestamp()) WHERE id = $1 AND pid = pg_backend_pid()",
			   lengthof(values), types, values, NULL);
}

void
hwr_job_counts(int64 job, const HwrJobCounts *counts)
{
	Oid			types[] = {INT8OID, INT8OID, INT8OID, INT8OID};
	Datum		values[] = {
		Int64GetDatum(job),
		Int64GetDatum(counts->images),
		Int64GetDatum(counts->validation_images),
		Int64GetDatum(counts->skipped)
	};

	job_update("UPDATE hwr.job SET images = $2, validation_images = $3, skipped = $4 WHERE id = $1 AND pid = pg_backend_pid()",
			   lengthof(values), types, values, NULL);
}

void
hwr_job_options(int64 job, const char *options)
{
	Oid			types[] = {INT8OID, TEXTOID};
	Datum		values[] = {Int64GetDatum(job), CStringGetTextDatum(hwr_from_utf8(options))};

	job_update("UPDATE hwr.job SET options = $2::jsonb WHERE id = $1 AND pid = pg_backend_pid()",
			   lengthof(values), types, values, NULL);
}

/* A figure, or NULL where there is none. */
static Datum
figure(double value, char *null)
{
	*null = isnan(value) ? 'n' : ' ';
	return Float8GetDatum(value);
}

void
hwr_job_progress(int64 job, const HwrTrainProgress *p)
{
	Oid			types[] = {INT8OID, TEXTOID, INT4OID, INT4OID, INT4OID, INT4OID, FLOAT8OID, FLOAT8OID,
	FLOAT8OID};
	char		nulls[] = "         ";
	Datum		values[] = {
		Int64GetDatum(job),
		CStringGetTextDatum(p->phase),
		Int32GetDatum(p->epochs),
		Int32GetDatum(p->epoch),
		Int32GetDatum(p->steps),
		Int32GetDatum(p->step),
		figure(p->loss, &nulls[6]),
		figure(p->images_per_second, &nulls[7]),
		figure(p->eta_seconds, &nulls[8])
	};

	job_update("UPDATE hwr.job SET phase = $2, epochs = $3, epoch = $4, steps = $5, step = $6, loss = $7, "
			   "images_per_second = $8, eta = make_interval(secs => $9), updated = clock_timestamp() "
			   "WHERE id = $1 AND pid = pg_backend_pid()",
			   lengthof(values), types, values, nulls);
}

void
hwr_job_add_epoch(int64 job, const HwrEpoch *e)
{
	Oid			types[] = {INT8OID, INT4OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID,
	FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, BOOLOID};
	char		nulls[] = "            ";
	Datum		values[] = {
		Int64GetDatum(job),
		Int32GetDatum(e->epoch),
		Float8GetDatum(e->learning_rate),
		Float8GetDatum(e->train_loss),
		figure(hwr_metrics_loss(&e->valid), &nulls[4]),
		figure(hwr_metrics_cer(&e->valid), &nulls[5]),
		figure(hwr_metrics_wer(&e->valid), &nulls[6]),
		figure(hwr_metrics_exact(&e->valid), &nulls[7]),
		figure(e->grad_norm, &nulls[8]),
		figure(e->images_per_second, &nulls[9]),
		figure(e->seconds, &nulls[10]),
		BoolGetDatum(e->best)
	};

	job_update("INSERT INTO hwr.history (job, epoch, learning_rate, train_loss, validation_loss, cer, wer, "
			   "exact_match, grad_norm, images_per_second, seconds, best) "
			   "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 "
			   "FROM hwr.job WHERE id = $1 AND pid = pg_backend_pid() FOR KEY SHARE",
			   lengthof(values), types, values, nulls);
}

void
hwr_job_activated(int64 job, bool activated)
{
	Oid			types[] = {INT8OID, BOOLOID};
	Datum		values[] = {Int64GetDatum(job), BoolGetDatum(activated)};

	job_update("UPDATE hwr.job SET activated = $2 WHERE id = $1 AND pid = pg_backend_pid()",
			   lengthof(values), types, values, NULL);
}

void
hwr_job_end(int64 job, const char *state, int32 version, const char *sqlstate, const char *message)
{
	Oid			types[] = {INT8OID, TEXTOID, INT4OID, TEXTOID, TEXTOID};
	char		nulls[] = "     ";
	Datum		values[] = {
		Int64GetDatum(job),
		CStringGetTextDatum(state),
		Int32GetDatum(version),
		sqlstate != NULL ? CStringGetTextDatum(sqlstate) : (Datum) 0,
		CStringGetTextDatum(message)
	};

	if (version == 0)
		nulls[2] = 'n';
	if (sqlstate == NULL)
		nulls[3] = 'n';
	job_update("UPDATE hwr.job SET state = $2, version = $3, sqlstate = $4, message = $5, eta = NULL, "
			   "phase = CASE WHEN $2 <> 'done' THEN phase END, "
			   "started = coalesce(started, requested), finished = clock_timestamp(), "
			   "updated = clock_timestamp() WHERE id = $1 AND pid = pg_backend_pid()",
			   lengthof(values), types, values, nulls);
}

/*
 * Does the row, as it is now, say that the job has not ended?  The caller's snapshot may be
 * older than the job's end, and must not make a job look interrupted that ended well since.  Of a
 * job that the views do not show to the caller nothing is said.
 */
static bool
row_says_running(int64 job)
{
	Oid			types[] = {INT8OID, OIDOID};
	Datum		values[] = {Int64GetDatum(job), ObjectIdGetDatum(GetUserId())};
	bool		running;

	SPI_connect();
	running = hwr_catalog_query_now("SELECT FROM hwr.job WHERE id = $1 AND state IN ('queued', 'starting', 'running') AND "
									"(pg_has_role($2, owner, 'USAGE') OR pg_has_role($2, 'pg_read_all_stats', 'USAGE'))",
									lengthof(types), types, values) > 0;
	SPI_finish();
	return running;
}

/*
 * hwr.job_interrupted(job bigint) returns boolean: has the worker gone without an end in the job's row?  The
 * worker writes that before it lets go of its lock, so the lock is looked at first.  On a
 * standby no worker can be seen, and the row is believed.
 */
Datum
hwr_job_interrupted(PG_FUNCTION_ARGS)
{
	int64		job = PG_GETARG_INT64(0);

	PG_RETURN_BOOL(!RecoveryInProgress() && !hwr_job_is_alive(job) && row_says_running(job));
}

void
hwr_check_job_owner(int64 job, Oid role, Oid owner, const char *what)
{
	if (!has_privs_of_role(role, owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to %s training job %lld", what, (long long) job),
				 errdetail("Only members of the role that started it can.")));
}

/* The owner and the pid of a job that has not ended by its row, as that is now; pid 0: it has. */
static Oid
find_job(int64 job, int *pid)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(job)};
	Oid			owner;
	bool		isnull;

	SPI_connect();
	if (hwr_catalog_query_now("SELECT owner, CASE WHEN state IN ('queued', 'starting', 'running') THEN pid END "
							  "FROM hwr.job WHERE id = $1", 1, types, values) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("training job %lld does not exist", (long long) job)));
	owner = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	*pid = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	if (isnull)
		*pid = 0;
	SPI_finish();
	return owner;
}

/* Send a signal to a job's worker; false if it has none. */
static bool
signal_job(int64 job, int signal, const char *what)
{
	int			pid;
	Oid			owner = find_job(job, &pid);

	hwr_check_job_owner(job, GetUserId(), owner, what);
	if (pid == 0 || !hwr_job_is_alive(job) || BackendPidGetProc(pid) == NULL)
		return false;
	ereport(LOG,
			(errmsg("role \"%s\" asks to %s training job %lld", GetUserNameFromId(GetUserId(), false), what, (long long) job)));
	if (kill(pid, signal) != 0)
	{
		ereport(WARNING,
				(errmsg("could not send signal to process %d: %m", pid)));
		return false;
	}
	return true;
}

/* hwr_cancel(job bigint) returns boolean: whether there was something to cancel */
Datum
hwr_cancel(PG_FUNCTION_ARGS)
{
	PreventCommandDuringRecovery("hwr_cancel()");
	PG_RETURN_BOOL(signal_job(PG_GETARG_INT64(0), SIGINT, "cancel"));
}

/* hwr_finish(job bigint) returns boolean: whether there was something to finish */
Datum
hwr_finish(PG_FUNCTION_ARGS)
{
	PreventCommandDuringRecovery("hwr_finish()");
	PG_RETURN_BOOL(signal_job(PG_GETARG_INT64(0), SIGUSR2, "finish"));
}
