/*
 * work_write.c
 *	  Writing readings to rows that are still as they were when their images were read.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "work_internal.h"

/* Of the chosen entries, those whose rows could be locked and are as they were. */
static int *
lock_rows(HwrWork *b, const int *chosen, int n, int *nlocked)
{
	StringInfoData sql;
	Oid			types[MAX_PARAMETERS];
	Datum		values[MAX_PARAMETERS];
	int			nargs = hwr_work_add_keys(b, chosen, n, types, values);
	int		   *locked = palloc(Max(n, 1) * sizeof(int));

	types[nargs] = BYTEAARRAYOID;
	values[nargs++] = hwr_work_bytea_array(b, chosen, n);
	types[nargs] = TEXTARRAYOID;
	FIELD_ARRAY(b, chosen, n, old_text, values[nargs]);
	nargs++;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT k.n");
	hwr_work_append_join(b, &sql);
	appendStringInfo(&sql, " WHERE pg_catalog.sha256(t.%s) OPERATOR(pg_catalog.=) ($%d::pg_catalog.bytea[])[k.n]",
					 quote_identifier(b->a.image), nargs - 1);
	appendStringInfo(&sql, " AND t.%s::pg_catalog.text IS NOT DISTINCT FROM ($%d::pg_catalog.text[])[k.n] FOR NO KEY UPDATE OF "
						   "t SKIP LOCKED",
					 quote_identifier(b->a.text), nargs);
	if (SPI_execute_with_args(sql.data, nargs, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not lock rows: %s", sql.data);
	*nlocked = 0;
	for (uint64 i = 0; i < SPI_processed && *nlocked < n; i++)
	{
		bool		isnull;

		locked[(*nlocked)++] = chosen[DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)) - 1];
	}
	SPI_freetuptable(SPI_tuptable);
	return locked;
}

static void
update_rows(HwrWork *b, const int *locked, int n)
{
	StringInfoData sql;
	Oid			types[MAX_PARAMETERS];
	Datum		values[MAX_PARAMETERS];
	double	   *confidences = palloc(Max(n, 1) * sizeof(double));
	int			nargs = hwr_work_add_keys(b, locked, n, types, values);

	types[nargs] = TEXTARRAYOID;
	FIELD_ARRAY(b, locked, n, text, values[nargs]);
	nargs++;
	for (int i = 0; i < n; i++)
		confidences[i] = b->entries[locked[i]].confidence;
	types[nargs] = FLOAT8ARRAYOID;
	values[nargs++] = hwr_work_float8_array(confidences, n);
	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s AS t SET %s = ($%d::pg_catalog.text[])[k.n]", b->own_rows, quote_identifier(b->a.text),
					 nargs - 1);
	if (b->a.confidence != NULL)
		appendStringInfo(&sql, ", %s = ($%d::pg_catalog.float8[])[k.n]", quote_identifier(b->a.confidence), nargs);
	appendStringInfoString(&sql, " FROM ");
	hwr_work_append_keys(b, &sql);
	appendStringInfoString(&sql, " WHERE ");
	hwr_work_append_match(b, &sql);
	appendStringInfoString(&sql, " RETURNING k.n");
	hwr_writing = b->a.id;
	if (SPI_execute_with_args(sql.data, nargs, types, values, NULL, false, 0) != SPI_OK_UPDATE_RETURNING)
		elog(ERROR, "could not write readings: %s", sql.data);
	hwr_writing = 0;
	for (int i = 0; i < n; i++)
		hwr_work_fail_entry(b, &b->entries[locked[i]], ERRCODE_TRIGGERED_ACTION_EXCEPTION,
							"the reading was not written: a trigger or a policy of the table kept the row as it was");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		b->entries[locked[DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1,
													  &isnull)) - 1]].state = ENTRY_WRITTEN;
	}
	SPI_freetuptable(SPI_tuptable);
}

void
hwr_work_write_entries(HwrWork *b, int from, int to)
{
	int			n;
	int			nlocked;
	int		   *chosen = hwr_work_choose(b, from, to, ENTRY_READABLE, &n);
	int		   *locked;

	if (n == 0)
		return;
	locked = lock_rows(b, chosen, n, &nlocked);
	if (nlocked > 0)
		update_rows(b, locked, nlocked);
}
