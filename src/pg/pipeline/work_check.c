/*
 * work_check.c
 *	  Rows that are not written: are they still as they were?
 *
 * A session that gives a row another image, or inserts one, leaves an entry alone that is there.  What this worker makes of an
 * entry holds for the row that it has seen.  So an entry is locked FOR UPDATE before it is dropped, or put off: sessions
 * that have left it alone and not ended yet hold it FOR KEY SHARE, and it is passed over; what those have
 * done that have ended is seen now; and those that come later wait for this worker's end, which is near, and
 * then make another entry.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/resowner.h"

#include "pg/base/identity.h"
#include "pg/base/settings.h"
#include "work_internal.h"

/* Of the chosen entries, those that no session has left alone in a transaction that has not ended; the others are due again. */
static int *
lock_entries(HwrWork *b, const int *chosen, int n, int *nlocked)
{
	Oid			types[1] = {TEXTARRAYOID};
	Datum		values[1];
	int		   *locked = palloc(Max(n, 1) * sizeof(int));

	FIELD_ARRAY(b, chosen, n, place, values[0]);
	hwr_catalog_execute_now("SELECT q.ctid FROM hwr.queue q WHERE q.ctid = ANY ($1::tid[]) FOR UPDATE SKIP LOCKED", 1, types,
							values);
	*nlocked = 0;
	for (int i = 0; i < n; i++)
	{
		HwrWorkEntry *e = &b->entries[chosen[i]];
		bool		found = false;

		for (uint64 r = 0; r < SPI_processed && !found; r++)
			found = strcmp(SPI_getvalue(SPI_tuptable->vals[r], SPI_tuptable->tupdesc, 1), e->place) == 0;
		if (found)
			locked[(*nlocked)++] = chosen[i];
		else
			e->state = ENTRY_TAKEN;
	}
	return locked;
}

/* Rows of the chosen entries that are not as they were when they were read are due again.  As the role. */
static void
look_again(HwrWork *b, const int *chosen, int n)
{
	StringInfoData sql;
	Oid			types[MAX_PARAMETERS];
	Datum		values[MAX_PARAMETERS];
	int			nargs = hwr_work_add_keys(b, chosen, n, types, values);
	bool	   *there = palloc0(Max(n, 1) * sizeof(bool));

	initStringInfo(&sql);
	/* an image that is too long has not been hashed */
	appendStringInfo(&sql, "SELECT k.n, CASE WHEN pg_catalog.octet_length(t.%s) OPERATOR(pg_catalog.<=) " INT64_FORMAT,
					 quote_identifier(b->a.image),
					 (int64) hwr_image_limits().max_bytes);
	appendStringInfo(&sql, " THEN pg_catalog.sha256(t.%s) END", quote_identifier(b->a.image));
	appendStringInfo(&sql, ", t.%s::pg_catalog.text", quote_identifier(b->a.text));
	hwr_work_append_join(b, &sql);
	if (SPI_execute_with_args(sql.data, nargs, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look at rows: %s", sql.data);
	for (uint64 r = 0; r < SPI_processed; r++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[r];
		bool		isnull;
		int			i = (int) DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull)) - 1;
		HwrWorkEntry *e = &b->entries[chosen[i]];
		Datum		hash = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull);
		char	   *text = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 3);
		bool		same = isnull ? e->hash == NULL :
			e->hash != NULL && DatumGetBool(DirectFunctionCall2(byteaeq, hash, PointerGetDatum(e->hash)));

		same = same && (text == NULL ? e->old_text == NULL : e->old_text != NULL && strcmp(text, e->old_text) == 0);
		there[i] = true;
		if (!same || !e->found)
			e->state = ENTRY_TAKEN;
	}
	for (int i = 0; i < n; i++)
		if (!there[i] && b->entries[chosen[i]].found)
			b->entries[chosen[i]].state = ENTRY_TAKEN;
	SPI_freetuptable(SPI_tuptable);
}

/* Entries that are to be dropped or put off, and were compared with a row, or with none that was there. */
static int *
choose_unwritten(HwrWork *b, int *n)
{
	int		   *chosen = palloc(Max(b->n, 1) * sizeof(int));

	*n = 0;
	for (int i = 0; i < b->n; i++)
	{
		const HwrWorkEntry *e = &b->entries[i];

		if ((e->state == ENTRY_GONE && !e->other_key) || e->state == ENTRY_NEEDLESS || (e->state == ENTRY_FAILED && e->found))
			chosen[(*n)++] = i;
	}
	return chosen;
}

void
hwr_work_check_unwritten(HwrWork *b)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	int			n;
	int		   *const unwritten = choose_unwritten(b, &n);
	int		   *const chosen = lock_entries(b, unwritten, n, &n);

	if (n == 0)
		return;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		HwrIdentity save;
		int			level;

		hwr_become_user(b->a.role, &save);
		level = hwr_key_settings();
		look_again(b, chosen, n);
		AtEOXact_GUC(false, level);
		hwr_restore_identity(&save);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(b->context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		for (int i = 0; i < n; i++) /* what they are is not known: they wait */
			b->entries[chosen[i]].state = ENTRY_TAKEN;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && hwr_work_is_interruption(error))
		ReThrowError(error);
}
