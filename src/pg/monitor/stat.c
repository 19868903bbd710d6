/*
 * stat.c
 *	  Counting what recognition does, and view hwr_stat.  See stat.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "pg/base/compat.h"
#include "pg/catalog/catalog.h"
#include "stat.h"

PG_FUNCTION_INFO_V1(hwr_stat);
PG_FUNCTION_INFO_V1(hwr_stat_reset);

#define NCOLUMNS 14

/* Between two flushes within a transaction, in milliseconds. */
#define FLUSH_INTERVAL 1000

/* What has not been flushed yet; one entry is the rule. */
typedef struct Pending
{
	HwrStatKey	key;
	HwrStatCounts counts;
} Pending;

static Pending pending[4];
static int	npending = 0;
static TimestampTz flushed = 0;

static HwrStatTable *own_table = NULL;	/* NULL: the shared one, or nothing counted yet */
static HwrStatTable *following = NULL;

static HwrStatTable *
get_table(void)
{
	HwrStatTable *shared = hwr_stat_shared_table();

	return shared != NULL ? shared : own_table;
}

/* Allocates nothing and raises nothing: it runs while transactions end. */
static void
flush(void)
{
	flushed = GetCurrentTimestamp();
	for (int i = 0; i < npending; i++)
	{
		hwr_stat_add(get_table(), &pending[i].key, &pending[i].counts, flushed);
		if (following != NULL)
			hwr_stat_add(following, &pending[i].key, &pending[i].counts, flushed);
	}
	npending = 0;
}

/* Also of aborted transactions and in parallel workers: the work was done. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			if (npending > 0)
				flush();
			break;
		default:
			break;
	}
}

static void
begin_counting(void)
{
	static bool begun = false;

	if (begun)
		return;
	if (hwr_stat_shared_table() == NULL && own_table == NULL)
		own_table = MemoryContextAllocZero(TopMemoryContext, sizeof(HwrStatTable));
	RegisterXactCallback(at_transaction_end, NULL);
	begun = true;
}

HwrStatCounts *
hwr_stat_counts(const HwrVersionInfo *version)
{
	HwrStatKey	key;

	memset(&key, 0, sizeof(key));
	memcpy(key.hash, version->hash, sizeof(key.hash));
	key.database = MyDatabaseId;
	key.version = version->bundled ? 0 : version->version;
	namestrcpy(&key.name, NameStr(version->name));
	for (int i = 0; i < npending; i++)
		if (memcmp(&pending[i].key, &key, sizeof(key)) == 0)
			return &pending[i].counts;

	begin_counting();
	if (npending == lengthof(pending))
		flush();
	memset(&pending[npending], 0, sizeof(Pending));
	pending[npending].key = key;
	return &pending[npending++].counts;
}

void
hwr_stat_flush_if_due(void)
{
	if (npending > 0 && TimestampDifferenceExceeds(flushed, GetCurrentTimestamp(), FLUSH_INTERVAL))
		flush();
}

HwrStatTable *
hwr_stat_follow(HwrStatTable *table)
{
	HwrStatTable *before = following;

	if (npending > 0)
		flush();
	following = table;
	return before;
}

/*
 * The view
 */

static void
put_entry(ReturnSetInfo *rsinfo, const HwrStatEntry *entry, bool named, bool shared)
{
	const HwrStatCounts *c = &entry->counts;
	const double times[] = {c->prepare_time, c->queue_time, c->network_time, c->decode_time};
	Datum		values[NCOLUMNS] = {0};
	bool		nulls[NCOLUMNS] = {false};
	char	   *database = get_database_name(entry->key.database);

	nulls[0] = !named || database == NULL;
	if (!nulls[0])
		values[0] = CStringGetTextDatum(database);
	nulls[1] = !named;
	if (named)
		values[1] = CStringGetTextDatum(NameStr(entry->key.name));
	nulls[2] = !named || entry->key.version == 0;
	values[2] = Int32GetDatum(entry->key.version);
	values[3] = Int64GetDatum(c->calls);
	values[4] = Int64GetDatum(c->images);
	values[5] = Int64GetDatum(c->batches);
	values[6] = Int64GetDatum(c->service_images);
	values[7] = Int64GetDatum(c->errors);
	for (int i = 0; i < lengthof(times); i++)
		values[8 + i] = Float8GetDatum(times[i]);
	values[12] = TimestampTzGetDatum(entry->since);
	values[13] = CStringGetTextDatum(shared ? "server" : "session");
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * hwr.stat() returns table (database, model, version, calls, images, batches, service_images,
 * errors, prepare_time, queue_time, network_time, decode_time, since, scope)
 *
 * What other sessions have used is for members of pg_read_all_stats: others get the figures without names, as in
 * pg_stat_statements.  The own figures without shared memory hide nothing.
 */
Datum
hwr_stat(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HwrStatTable *table;
	HwrStatTable *copy;
	bool		named;

	InitMaterializedSRF(fcinfo, 0);
	if (npending > 0)
		flush();
	table = get_table();
	if (table == NULL)
		return (Datum) 0;
	named = table->lock == NULL || has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	copy = palloc(sizeof(HwrStatTable));
	hwr_stat_lock(table, LW_SHARED);
	memcpy(copy, table, offsetof(HwrStatTable, entries) + table->n * sizeof(HwrStatEntry));
	hwr_stat_unlock(table);
	for (int i = 0; i < copy->n; i++)
		put_entry(rsinfo, &copy->entries[i], named, table->lock != NULL);
	pfree(copy);
	return (Datum) 0;
}

/* hwr_stat_reset() returns void: of all databases; who may is a matter of EXECUTE */
Datum
hwr_stat_reset(PG_FUNCTION_ARGS)
{
	HwrStatTable *table = get_table();

	npending = 0;
	if (table != NULL)
	{
		hwr_stat_lock(table, LW_EXCLUSIVE);
		table->n = 0;
		hwr_stat_unlock(table);
	}
	PG_RETURN_VOID();
}
