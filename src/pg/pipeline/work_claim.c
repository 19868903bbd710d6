/*
 * work_claim.c
 *	  Taking entries of the queue that are due.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "pg/base/identity.h"
#include "pg/base/process_lock.h"
#include "work_internal.h"

static char *
value_or_null(HeapTuple tuple, int column)
{
	return SPI_getvalue(tuple, SPI_tuptable->tupdesc, column);
}

static void
fill_entry(HwrWork *b, HwrWorkEntry *e, HeapTuple tuple, int lane)
{
	Datum	   *values;
	bool		isnull;
	int			n;
	char	   *shown;

	memset(e, 0, sizeof(*e));
	e->place = value_or_null(tuple, 1);
	e->key = value_or_null(tuple, 2);
	deconstruct_array(DatumGetArrayTypeP(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull)), TEXTOID, -1, false,
					  TYPALIGN_INT,
					  &values, NULL, &n);
	e->other_key = n != b->a.nkeys;
	if (e->other_key)			/* nothing has this one */
		e->state = ENTRY_GONE;
	e->values = palloc0(b->a.nkeys * sizeof(char *));
	for (int i = 0; i < Min(n, b->a.nkeys); i++)
		e->values[i] = TextDatumGetCString(values[i]);
	e->lane = lane;
	shown = value_or_null(tuple, 3);
	e->corrected = shown != NULL && shown[0] == 't';
	e->known_hash = value_or_null(tuple, 4);
	e->known_model = value_or_null(tuple, 5);
	shown = value_or_null(tuple, 6);
	e->known_version = shown != NULL ? pg_strtoint32(shown) : -1;
}

/* Entries of a lane that are due, and whose row has none in a lane before it. */
static void
claim_lane(HwrWork *b, int lane, int limit)
{
	Oid			types[3] = {INT4OID, INT4OID, INT8OID};
	Datum		values[3] = {Int32GetDatum(b->a.id), Int32GetDatum(lane), Int64GetDatum(limit - b->n)};
	int			level = hwr_prefer_indexes();

	(void) set_config_option("bytea_output", "hex", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	hwr_catalog_execute("SELECT q.ctid, q.key, r.corrected, r.hash, r.model, r.version FROM hwr.queue q "
						"LEFT JOIN hwr.read_row r ON r.attachment = q.attachment AND r.key = q.key "
						"WHERE q.attachment = $1 AND q.lane = $2 AND NOT q.failed AND q.due <= clock_timestamp() "
						"AND NOT EXISTS (SELECT FROM hwr.queue o WHERE o.attachment = q.attachment AND o.key = q.key "
						"AND o.lane < q.lane AND NOT o.failed) "
						"ORDER BY q.due LIMIT $3 FOR NO KEY UPDATE OF q SKIP LOCKED", 3, types, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
		fill_entry(b, &b->entries[b->n++], SPI_tuptable->vals[i], lane);
	AtEOXact_GUC(false, level);
}

void
hwr_work_claim(HwrWork *b, int limit)
{
	b->entries = palloc(limit * sizeof(HwrWorkEntry));
	b->n = 0;
	for (int lane = 0; lane <= 2 && b->n < limit; lane++)
		claim_lane(b, lane, limit);
	/* seen in hwr.running, until the transaction ends */
	if (b->n > 0)
		(void) hwr_transaction_lock(HWR_LOCK_BATCH, (uint64) b->a.id << 32 | (uint64) MyProcPid << 10 | Min(b->n, 1023), false);
}
