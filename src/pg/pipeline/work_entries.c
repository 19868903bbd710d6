/*
 * work_entries.c
 *	  Entries of a batch as parameters of statements; how an entry fails.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "work_internal.h"

Datum
hwr_work_text_array(char **strings, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));
	bool	   *nulls = palloc(Max(n, 1) * sizeof(bool));
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		nulls[i] = strings[i] == NULL;
		elements[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(strings[i]);
	}
	if (n == 0)
		return PointerGetDatum(construct_empty_array(TEXTOID));
	return PointerGetDatum(construct_md_array(elements, nulls, 1, &n, &lower, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
hwr_work_bytea_array(HwrWork *b, const int *chosen, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = PointerGetDatum(b->entries[chosen[i]].hash);
	return PointerGetDatum(construct_array(elements, n, BYTEAOID, -1, false, TYPALIGN_INT));
}

Datum
hwr_work_float8_array(const double *numbers, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(elements, n, FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

Datum
hwr_work_int4_array(const int *numbers, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Int32GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(elements, n, INT4OID, 4, true, TYPALIGN_INT));
}

/* The entries of batch[from, to) in a state. */
int *
hwr_work_choose(HwrWork *b, int from, int to, HwrWorkState state, int *n)
{
	int		   *chosen = palloc(Max(to - from, 1) * sizeof(int));

	*n = 0;
	for (int i = from; i < to; i++)
		if (b->entries[i].state == state)
			chosen[(*n)++] = i;
	return chosen;
}

void
hwr_work_append_keys(const HwrWork *b, StringInfo sql)
{
	appendStringInfoString(sql, "ROWS FROM (");
	for (int i = 0; i < b->a.nkeys; i++)
		appendStringInfo(sql, "%spg_catalog.unnest($%d::pg_catalog.text[])", i > 0 ? ", " : "", i + 1);
	appendStringInfoString(sql, ") WITH ORDINALITY AS k(");
	for (int i = 0; i < b->a.nkeys; i++)
		appendStringInfo(sql, "k%d, ", i + 1);
	appendStringInfoString(sql, "n)");
}

void
hwr_work_append_match(const HwrWork *b, StringInfo sql)
{
	hwr_append_key_match(sql, b->keys, b->a.nkeys, "k.k", "");
	if (b->partitions != NULL)
		appendStringInfo(sql, " AND t.tableoid OPERATOR(pg_catalog.=) ANY ('{%s}'::pg_catalog.oid[])", b->partitions);
}

void
hwr_work_append_join(const HwrWork *b, StringInfo sql)
{
	appendStringInfo(sql, " FROM %s AS t JOIN ", b->own_rows);
	hwr_work_append_keys(b, sql);
	appendStringInfoString(sql, " ON ");
	hwr_work_append_match(b, sql);
}

/* Values of key column i of chosen entries for it. */
int
hwr_work_add_keys(HwrWork *b, const int *chosen, int n, Oid *types, Datum *values)
{
	for (int i = 0; i < b->a.nkeys; i++)
	{
		types[i] = TEXTARRAYOID;
		FIELD_ARRAY(b, chosen, n, values[i], values[i]);
	}
	return b->a.nkeys;
}

void
hwr_work_fail_entry(HwrWork *b, HwrWorkEntry *e, int sqlerrcode, const char *message)
{
	e->state = ENTRY_FAILED;
	e->sqlstate = MemoryContextStrdup(b->context, unpack_sql_state(sqlerrcode));
	e->message = MemoryContextStrdup(b->context, message);
}

const char *
hwr_work_model_of(const HwrWork *b, const HwrWorkEntry *e)
{
	return e->tried ? b->a.trial_model : b->a.model;
}

/* Not the row's fault, nor to be outlived: the session is to end, or the statement. */
bool
hwr_work_is_interruption(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION || error->sqlerrcode == ERRCODE_OUT_OF_MEMORY;
}
