/*
 * train_features.c
 *	  What the images look like that a version was validated on, as it reads them: kept with the version, to
 *	  tell later images from.
 *
 * The validation images are read once more from their table, by the version that has just been stored, in
 * the way in which it will read others: the canvases that the training has kept do not tell
 * the size of an image.  The version is there already, so what fails here is told to the log alone.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/base/status.h"
#include "core/image/image.h"
#include "core/dataset/dataset.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "pg/catalog/cache.h"
#include "pg/catalog/overlap.h"
#include "pg/reader/features.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"
#include "train_worker.h"

/* Images that are enough; and rows that are looked at for them. */
#define ENOUGH 1000
#define MOST_ROWS 50000

typedef struct Measure
{
	const HwrVersionInfo *version;
	uint64	   *hashes;			/* [n], sorted: of the validation images */
	int			n;
	HwrBatchReader *batch;
	HwrFeatures *features;
} Measure;

static int
compare_hashes(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

static void
collect_hashes(const HwrTrainWorker *w, Measure *m)
{
	m->n = hwr_dataset_count(w->dataset, HWR_SPLIT_VALIDATION);
	m->hashes = palloc(Max(m->n, 1) * sizeof(uint64));
	for (int i = 0; i < m->n; i++)
		m->hashes[i] = hwr_dataset_image_hash(w->dataset, HWR_SPLIT_VALIDATION, i);
	qsort(m->hashes, m->n, sizeof(uint64), compare_hashes);
}

static void
run(Measure *m)
{
	HwrLoaded	loaded;

	if (m->batch->n > 0)
	{
		loaded = hwr_cache_get_again(m->version);
		hwr_batch_run(m->batch, loaded);
		for (int i = 0; i < m->batch->n; i++)
			hwr_features_add(m->features, hwr_ink_share(&m->batch->canvases[i], loaded.model->net.height),
							 m->batch->canvases[i].source_width,
							 m->batch->readings[i].text,
							 hwr_reading_confidence(&m->batch->readings[i], loaded.model, &m->batch->posteriors[i],
													m->batch->context));
	}
	hwr_batch_free(m->batch);
	m->batch = hwr_batch_create();
}

static void
read_rows(HwrTrainWorker *w, Measure *m, const HwrColumns *columns)
{
	HwrRows    *rows = hwr_rows_open(columns);
	HwrRow		row;

	m->batch = hwr_batch_create();
	while (m->features->n + m->batch->n < ENOUGH && hwr_rows_next(rows, &row) && row.number <= MOST_ROWS)
	{
		uint64		hash;
		HwrStatus	st;

		hwr_worker_check(w);
		if (row.image == NULL || row.label == NULL)
			continue;
		hash = hwr_image_hash(row.image, row.image_len);
		if (bsearch(&hash, m->hashes, m->n, sizeof(uint64), compare_hashes) == NULL)
			continue;
		(void) hwr_batch_add(m->batch, hwr_cache_get_again(m->version), row.image, row.image_len, &st);
		if (m->batch->n == HWR_RECOGNIZE_BATCH)
			run(m);
	}
	run(m);
	hwr_batch_free(m->batch);
	hwr_rows_close(rows);
}

static void
measure(HwrTrainWorker *w, const HwrVersionInfo *version)
{
	Measure		m = {.version = version, .features = palloc0(sizeof(HwrFeatures))};
	Oid			types[2] = {INT8OID, TEXTOID};
	Datum		values[2] = {Int64GetDatum(version->id)};
	HwrIdentity save;

	collect_hashes(w, &m);
	if (m.n == 0)
		return;
	SPI_connect();
	hwr_become_user(w->request.user, &save);
	(void) hwr_cache_get(version);
	read_rows(w, &m, OidIsValid(w->request.validation) ? &w->validation : &w->training);
	hwr_restore_identity(&save);
	values[1] = CStringGetTextDatum(hwr_features_json(m.features));
	if (m.features->n > 0)
		hwr_catalog_execute_now("UPDATE hwr.version SET features = $2::jsonb WHERE id = $1", 2, types, values);
	SPI_finish();
}

void
hwr_worker_measure_features(HwrTrainWorker *w, const HwrVersionInfo *version)
{
	PG_TRY();
	{
		hwr_worker_begin();
		measure(w, version);
		hwr_worker_commit(w);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(w->context);
		if (ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_OPERATOR_INTERVENTION && ProcDiePending)
			PG_RE_THROW();
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(w->context);
}
