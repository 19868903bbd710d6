/*
 * train_job.c
 *	  What a training worker does: read the tables, train, store the model.
 *
 * Every loop is here; the core does one batch of rows or one minibatch at a time, so that between
 * them the worker can be cancelled and can say how far it is.
 */
#include "postgres.h"

#include "catalog/pg_tablespace_d.h"
#include "commands/tablespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "utils/ps_status.h"

#include "core/base/status.h"
#include "core/image/image.h"
#include "core/model/model.h"
#include "core/network/backend.h"
#include "core/text/metrics.h"
#include "core/text/text.h"
#include "core/train/calibrate_model.h"
#include "core/train/card.h"
#include "core/dataset/dataset.h"
#include "core/options/options.h"
#include "core/train/trainer.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "pg/base/settings.h"
#include "pg/catalog/catalog.h"
#include "pg/catalog/checkpoint.h"
#include "pg/catalog/overlap.h"
#include "job.h"
#include "train.h"
#include "train_report.h"
#include "train_worker.h"

/* Least time between updates of the job's row, in seconds. */
#define PROGRESS_INTERVAL 1.0

/* Time between notices while a table is read, in seconds. */
#define NOTICE_INTERVAL 10.0

/* Time after which a training's speed is known well enough, in seconds. */
#define ESTIMATE_AFTER 5.0

/*
 * Reading
 */

static void
report_phase(HwrTrainWorker *w, const char *phase)
{
	hwr_report_activity(w, phase);
	hwr_worker_begin();
	hwr_job_phase(w->job, phase);
	hwr_worker_commit(w);
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

/* Between two images: has something happened for which hwr_worker_check will end the job? */
static bool
should_stop(void *arg)
{
	HwrTrainWorker *w = arg;

	return QueryCancelPending || ProcDiePending ||
		(w->shared != NULL && pg_atomic_read_u32(&w->shared->client) != HWR_CLIENT_WAITING);
}

/* The table is read in one transaction, so the job's row cannot tell how far it is. */
static void
report_rows(HwrTrainWorker *w, int64 rows)
{
	double		now = hwr_worker_seconds();
	char		what[64];

	if (now - w->reported >= PROGRESS_INTERVAL)
	{
		snprintf(what, sizeof(what), "reading, %lld rows so far", (long long) rows);
		hwr_report_activity(w, what);
		w->reported = now;
	}
	if (now - w->noticed >= NOTICE_INTERVAL)
	{
		ereport(NOTICE, (errmsg("%lld rows read", (long long) rows)));
		w->noticed = now;
	}
}

static void
read_table(HwrTrainWorker *w, const HwrColumns *columns, HwrSplit split)
{
	HwrRows    *rows = hwr_rows_open(columns);
	HwrRow	   *batch = palloc(HWR_ROWS_BATCH * sizeof(HwrRow));
	HwrDatasetRow *added = palloc(HWR_ROWS_BATCH * sizeof(HwrDatasetRow));
	HwrStatus	st;
	int			n;

	while ((n = hwr_rows_next_batch(rows, HWR_ROWS_BATCH, batch)) > 0)
	{
		bool		ok;

		for (int i = 0; i < n; i++)
			added[i] = (HwrDatasetRow) {batch[i].number, batch[i].image, batch[i].image_len, batch[i].label, batch[i].label_len};
		ok = hwr_dataset_add(w->dataset, split, added, n, NULL, &st);
		hwr_worker_check(w);
		if (!ok)
			hwr_raise(&st);
		report_rows(w, batch[n - 1].number);
	}
	hwr_rows_close(rows);
	pfree(batch);
	pfree(added);
}

/* A base, and a job that is gone on with, bring characters along. */
static void
begin_alphabet(HwrTrainWorker *w)
{
	bool		fixed = w->options.alphabet == HWR_ALPHABET_KEEP;
	HwrAlphabet alphabet = {0};
	HwrStatus	st;
	bool		ok = true;

	if (w->checkpoint != NULL)
	{
		ok = hwr_checkpoint_alphabet((const uint8 *) VARDATA(w->checkpoint), VARSIZE(w->checkpoint) - VARHDRSZ,
									 &alphabet, &st) &&
			hwr_dataset_set_alphabet(w->dataset, &alphabet, fixed, &st);
		hwr_alphabet_free(&alphabet);
	}
	else if (w->base != NULL && w->options.alphabet != HWR_ALPHABET_NEW)
		ok = hwr_dataset_set_alphabet(w->dataset, &w->base->alphabet, fixed, &st);
	if (!ok)
		hwr_raise(&st);
}

static void
read_rows(HwrTrainWorker *w)
{
	bool		separate = OidIsValid(w->request.validation);
	HwrImageLimits limits = hwr_image_limits();
	char		directory[MAXPGPATH];
	HwrIdentity save;
	HwrStatus	st;

	w->reading = true;
	hwr_worker_begin();
	hwr_worker_survey(w);
	/* temp_tablespaces names those that the caller may use */
	hwr_become_user(w->request.user, &save);
	find_temporary_directory(directory);
	hwr_restore_identity(&save);
	if (!hwr_dataset_create(&w->options, &limits, (size_t) hwr_training_memory * 1024, directory,
							&w->dataset, &st) ||
		!hwr_dataset_set_threads(w->dataset, hwr_trainer_threads(&w->options), &st))
		hwr_raise(&st);
	hwr_dataset_set_stop(w->dataset, should_stop, w);
	begin_alphabet(w);
	hwr_gate_load(w);
	w->noticed = w->reported = hwr_worker_seconds();
	SPI_connect();
	hwr_become_user(w->request.user, &save);
	read_table(w, &w->training, separate ? HWR_SPLIT_TRAIN : HWR_SPLIT_AUTO);
	if (separate)
	{
		hwr_dataset_expect_validation(w->dataset);
		read_table(w, &w->validation, HWR_SPLIT_VALIDATION);
	}
	hwr_restore_identity(&save);
	SPI_finish();
	hwr_worker_commit(w);
	w->reading = false;
	hwr_worker_set("lock_timeout", "0");	/* hours of training must not be lost to a lock on a model's row */
}

static void
finish_reading(HwrTrainWorker *w)
{
	HwrStatus	st;
	bool		usable = hwr_dataset_finish(w->dataset, &st);

	w->counts.images = hwr_dataset_count(w->dataset, HWR_SPLIT_TRAIN);
	w->counts.validation_images = hwr_dataset_count(w->dataset, HWR_SPLIT_VALIDATION);
	for (int reason = HWR_SKIP_NONE + 1; reason < HWR_NSKIPS; reason++)
		w->counts.skipped += hwr_dataset_skipped(w->dataset, reason);
	hwr_worker_begin();
	hwr_job_counts(w->job, &w->counts);
	hwr_worker_commit(w);
	if (!usable)
		hwr_raise(&st);
	hwr_report_data(&w->counts, w->dataset, w->options.validation_fraction);
}

void
hwr_worker_read_tables(HwrTrainWorker *w)
{
	report_phase(w, "reading");
	read_rows(w);
	finish_reading(w);
}

/*
 * Training
 */

static void
report_step(HwrTrainWorker *w)
{
	double		now = hwr_worker_seconds();
	HwrTrainProgress progress;

	if (now - w->reported < PROGRESS_INTERVAL)
		return;
	w->reported = now;
	hwr_trainer_progress(w->trainer, &progress);
	hwr_worker_begin();
	hwr_job_progress(w->job, &progress);
	hwr_worker_commit(w);
}

/*
 * Once, when some steps have shown how fast it is: how long it will take, and whether that is more
 * than it may.
 */
static void
report_estimate(HwrTrainWorker *w)
{
	double		elapsed = hwr_worker_seconds() - w->training_since;
	HwrTrainProgress progress;

	if (w->estimated || elapsed < ESTIMATE_AFTER)
		return;
	w->estimated = true;
	hwr_trainer_progress(w->trainer, &progress);
	hwr_report_estimate(&progress, w->options.max_minutes, elapsed);
}

static void
report_epoch(HwrTrainWorker *w)
{
	const HwrEpoch *epoch = hwr_trainer_epoch(w->trainer);
	HwrTrainProgress progress;

	hwr_trainer_progress(w->trainer, &progress);
	hwr_worker_begin();
	hwr_job_add_epoch(w->job, epoch);
	hwr_job_progress(w->job, &progress);
	hwr_worker_commit(w);
	w->epoch_done = false;
	w->reported = hwr_worker_seconds();
	hwr_report_epoch(epoch, &progress);
	hwr_report_trouble(hwr_trainer_trouble(w->trainer));
}

/* An epoch that the checkpoint says is done has its row with it: what goes on from there makes none. */
void
hwr_worker_checkpoint(HwrTrainWorker *w)
{
	uint8_t    *bytes;
	size_t		len;
	HwrStatus	st;

	if (w->trainer == NULL || w->options.checkpoint_minutes == 0)
		return;
	if (w->epoch_done)
		hwr_job_add_epoch(w->job, hwr_trainer_epoch(w->trainer));
	if (!hwr_trainer_save(w->trainer, &bytes, &len, &st))
		hwr_raise(&st);
	PG_TRY();
	{
		hwr_checkpoint_store(w->job, bytes, len);
	}
	PG_FINALLY();
	{
		free(bytes);
	}
	PG_END_TRY();
}

static void
checkpoint_if_due(HwrTrainWorker *w)
{
	double		now = hwr_worker_seconds();

	if (w->options.checkpoint_minutes == 0 ||
		now - w->checkpointed < w->options.checkpoint_minutes * 60)
		return;
	hwr_worker_set("synchronous_commit", w->synchronous_commit);	/* a crash is what it is for */
	hwr_worker_begin();
	hwr_worker_checkpoint(w);
	hwr_worker_commit(w);
	hwr_worker_set("synchronous_commit", "off");
	w->checkpointed = hwr_worker_seconds();
}

/* Go on from the checkpoint; epochs that were done after it are done again. */
static void
restore(HwrTrainWorker *w)
{
	HwrStatus	st;

	if (!hwr_trainer_restore(w->trainer, (const uint8 *) VARDATA(w->checkpoint), VARSIZE(w->checkpoint) - VARHDRSZ, &st))
		hwr_raise(&st);
	hwr_worker_begin();
	hwr_job_forget_epochs(w->job, hwr_trainer_epochs_done(w->trainer));
	hwr_worker_commit(w);
}

void
hwr_worker_train(HwrTrainWorker *w)
{
	HwrTrainEvent event;
	HwrStatus	st;

	report_phase(w, "training");
	w->checkpointed = w->training_since = hwr_worker_seconds();
	if (!hwr_trainer_create(&w->options, w->dataset, w->backend, (size_t) hwr_gpu_memory_limit * 1024,
							&w->trainer, &st))
		hwr_raise(&st);
	if (w->base != NULL && w->checkpoint == NULL && !hwr_trainer_set_base(w->trainer, w->base, &st))
		hwr_raise(&st);
	if (w->checkpoint != NULL)
		restore(w);
	do
	{
		if (!hwr_trainer_step(w->trainer, &event, &st))
			hwr_raise(&st);
		w->epoch_done = event == HWR_TRAIN_EPOCH;
		hwr_worker_check(w);
		if (hwr_worker_must_finish())
			hwr_trainer_finish(w->trainer);
		report_estimate(w);
		if (event == HWR_TRAIN_EPOCH)
			report_epoch(w);
		else if (event == HWR_TRAIN_AVERAGED)
			hwr_report_average(hwr_trainer_epoch(w->trainer));
		else
			report_step(w);
		checkpoint_if_due(w);
	} while (event != HWR_TRAIN_FINISHED);
	w->trained = true;
}

/*
 * The end
 */

/* Have the model's probabilities mean what they say. */
static void
calibrate(HwrTrainWorker *w)
{
	HwrStatus	st;
	bool		done = false;

	if (!hwr_calibrator_create(w->model, w->dataset, hwr_cpu_backend(), hwr_trainer_threads(&w->options),
							   &w->calibrator, &st))
		hwr_raise(&st);
	while (!done)
	{
		if (!hwr_calibrator_step(w->calibrator, &done, &st))
			hwr_raise(&st);
		hwr_worker_check(w);
	}
	if (!hwr_calibrator_apply(w->calibrator, w->model, &st))
		hwr_raise(&st);
}

void
hwr_worker_store(HwrTrainWorker *w, HwrTrainResult *result)
{
	const HwrEpoch *best = hwr_trainer_best(w->trainer);
	const HwrColumns *data = OidIsValid(w->request.validation) ? &w->validation : &w->training;
	HwrVersionInfo version;
	HwrStatus	st;
	char	   *message;
	char	   *verdict;

	report_phase(w, "saving");
	if (!hwr_trainer_model(w->trainer, &w->model, &st))
		hwr_raise(&st);
	if (!hwr_card_of_training(&w->options, w->base, hwr_dataset_count(w->dataset, HWR_SPLIT_TRAIN),
							  hwr_dataset_count(w->dataset, HWR_SPLIT_VALIDATION), &w->model->card, &st))
		hwr_raise(&st);
	calibrate(w);
	hwr_worker_fit_lm(w);
	hwr_gate_measure(w);
	if (!hwr_model_save(w->model, &w->bytes, &w->nbytes, &st))
		hwr_raise(&st);

	hwr_worker_begin();
	hwr_worker_set("synchronous_commit", w->synchronous_commit);
	hwr_catalog_store(NameStr(w->request.model), w->request.user, w->bytes, w->nbytes, w->model,
					  w->job, &version);
	hwr_overlap_store(version.id, w->dataset);
	verdict = hwr_gate_decide(w, &version, &result->activated);
	if (best->valid.images > 0)
		hwr_catalog_add_metric(version.id, w->request.user, "validation", data->relation, w->counts.skipped, best->valid.images,
							   &best->valid, hwr_trainer_confusions(w->trainer));
	verdict = MemoryContextStrdup(w->context, verdict);
	message = psprintf("%s; %s", hwr_trainer_reason(w->trainer), verdict);
	if (hwr_trainer_can_go_on(w->trainer))
		hwr_worker_checkpoint(w);	/* more time may be given to it */
	else
		hwr_checkpoint_drop(w->job);
	hwr_job_activated(w->job, result->activated);
	hwr_job_end(w->job, "done", version.version, NULL, message);
	hwr_worker_commit(w);
	hwr_worker_ignore_cancellation();
	w->stored = true;
	hwr_worker_measure_features(w, &version);
	hwr_gate_tell(w, &version, result->activated, verdict);

	result->version = version.version;
	result->epochs = hwr_trainer_epoch(w->trainer)->epoch;
	result->best_epoch = best->epoch;
	result->train_loss = best->train_loss;
	result->validation_loss = hwr_metrics_loss(&best->valid);
	result->cer = hwr_metrics_cer(&best->valid);
	result->wer = hwr_metrics_wer(&best->valid);
	result->exact_match = hwr_metrics_exact(&best->valid);
}
