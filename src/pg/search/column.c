/*
 * column.c
 *	  hwr_column_field: a window function that reads the fields of a partition together.
 *
 * At the first row of a partition all its posteriors are searched for values of the kind, and the rows joined
 * (core/decode/column.h).  Then values that the column leads to and that a row's search has not found get the
 * probability that its ink gives their text, in the form of their neighbours, and the rows are joined once more.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "windowapi.h"

#include "core/decode/column.h"
#include "kept.h"
#include "pg/base/error.h"
#include "pg/reader/kinds.h"

PG_FUNCTION_INFO_V1(hwr_column_field);

enum
{
	ARG_POSTERIOR,
	ARG_KIND
};

/* A row of the partition. */
typedef struct Row
{
	int			column_row;		/* -1: it has no posterior */
	HwrKindReading *readings;	/* [n]: the values of the column's row, in its order */
	int			n;
	HwrKindReading other;		/* where the most probable has no place in the order: that one; NULL: there are none */
	double		total;			/* log weight of all texts: exp(score - total) is a probability */
} Row;

/* Kept as long as the partition. */
typedef struct Partition
{
	bool		read;
	MemoryContext context;
	HwrKind		kind;
	Row		   *rows;
	Row		  **column_rows;	/* those that are in the column */
	HwrHold    *column;			/* HwrColumn */
} Partition;

static void
release_column(void *column)
{
	hwr_column_free(column);
}

/* The kind of field in the current row. */
static HwrKind
current_kind(WindowObject window)
{
	bool		isnull;
	Datum		word = WinGetFuncArgCurrent(window, ARG_KIND, &isnull);
	HwrKind		kind;

	if (isnull)
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the kind of field must not be null"));
	kind = hwr_kind_argument(DatumGetTextPP(word));
	if (kind != HWR_KIND_DATE && kind != HWR_KIND_INTEGER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fields of kind \"%s\" have no order in a column", hwr_kind_words[kind]),
				 errhint("Read them with hwr_field; \"date\" and \"integer\" have one.")));
	return kind;
}

/* The posterior of a row of the partition; NULL: it has none. */
static HwrSparse *
get_posterior(WindowObject window, HwrKept *site, int64 row)
{
	bool		isnull;
	bool		isout;
	Datum		value = WinGetFuncArgInPartition(window, ARG_POSTERIOR, (int) row, WINDOW_SEEK_HEAD, false, &isnull, &isout);

	return isnull ? NULL : hwr_ink_read_plain(site->ink, value, "hwr_column_field");
}

static HwrKindReading
copy_reading(const Partition *p, const HwrKindReading *reading)
{
	HwrKindReading copy = *reading;

	copy.text = MemoryContextStrdup(p->context, reading->text);
	return copy;
}

/* What a row may say, in memory of the partition. */
static void
search_row(Partition *p, HwrKept *site, const HwrSparse *sparse, int64 row)
{
	Row		   *r = &p->rows[row];
	HwrWriter	writer = hwr_kept_writer(site, sparse, NULL, NULL, cstring_to_text(hwr_kind_pattern(p->kind)));
	HwrBeamQuery query = hwr_kept_query(site, sparse, &writer);
	int			n;
	HwrKindReading *readings = hwr_kind_readings(site->decoder, &query, &writer, p->kind, &n);
	HwrColumnValue *values = palloc0(Max(n, 1) * sizeof(HwrColumnValue));
	int			placed = 0;
	HwrStatus	st;

	for (int i = 0; i < n; i++)
	{
		if (!hwr_kind_place(p->kind, readings[i].value, &values[placed].place, &values[placed].kind, &values[placed].chance))
		{
			/* the column can say nothing of a row that has most likely no place in it */
			if (i == 0)
			{
				r->other = copy_reading(p, &readings[0]);
				break;
			}
			continue;
		}
		values[placed].ink = readings[i].confidence;
		readings[placed++] = readings[i];
	}
	r->n = placed;
	r->total = n > 0 ? readings[0].score - log(Max(readings[0].confidence, 1e-300)) : 0;
	r->readings = MemoryContextAlloc(p->context, Max(r->n, 1) * sizeof(HwrKindReading));
	for (int i = 0; i < r->n; i++)
		r->readings[i] = copy_reading(p, &readings[i]);
	r->column_row = hwr_column_rows(p->column->object);
	p->column_rows[r->column_row] = r;
	if (!hwr_column_add(p->column->object, values, placed, &st))
		hwr_raise(&st);
	pfree(values);
}

static void
join_rows(Partition *p)
{
	HwrStatus	st;

	if (!hwr_column_begin(p->column->object, &st))
		hwr_raise(&st);
	while (hwr_column_step(p->column->object))
		CHECK_FOR_INTERRUPTS();
}

/* The most probable reading of a row; NULL: none. */
static const HwrKindReading *
best_reading(const Partition *p, const Row *r, double *confidence)
{
	const HwrColumnValue *values;
	int			best = 0;
	int			n;

	if (r->n == 0)
	{
		*confidence = r->other.confidence;
		return r->other.text == NULL ? NULL : &r->other;
	}
	values = hwr_column_values(p->column->object, r->column_row, &n);
	for (int i = 1; i < n; i++)
		if (values[i].share > values[best].share)
			best = i;
	*confidence = values[best].share;
	return &r->readings[best];
}

/* How the number of a row of the column is written; empty: not known. */
static const char *
form_of(const Partition *p, int column_row)
{
	double		confidence;
	const HwrKindReading *reading;

	if (column_row < 0 || column_row >= hwr_column_rows(p->column->object))
		return "";
	reading = best_reading(p, p->column_rows[column_row], &confidence);
	return reading == NULL ? "" : reading->text;
}

/* A number written like another, with the log weight that the ink gives its text; false: it cannot be written. */
static bool
score_number(const HwrAlphabet *alphabet, const HwrBeamQuery *query, int64 number, const char *like, HwrKindReading *reading)
{
	char		text[HWR_KIND_VALUE];
	uint32_t	codepoints[HWR_KIND_VALUE];
	int			classes[HWR_KIND_VALUE];
	int			n;

	hwr_kind_number_like(number, like, text);
	n = (int) strlen(text);
	for (int i = 0; i < n; i++)
	{
		codepoints[i] = (unsigned char) text[i];
		classes[i] = codepoints[i] < 0x80 ? hwr_alphabet_class(alphabet, codepoints[i]) : 0;
		if (classes[i] == 0)
			return false;
	}
	reading->text = pstrdup(text);
	reading->score = hwr_score_label(query->logp, query->T, query->K, classes, n, palloc(hwr_score_workspace(query->T, n)));
	return hwr_kind_value(HWR_KIND_INTEGER, codepoints, n, reading->value);
}

/*
 * Give a row a number that it is expected to have, with the probability that its ink gives its text, by itself or in the form
 * of those above and below, whichever is the most probable; false: it has none.
 */
static bool
add_number(Partition *p, const HwrAlphabet *alphabet, const HwrBeamQuery *query, Row *r, int64 number)
{
	const char *likes[] = {"", form_of(p, r->column_row - 1), form_of(p, r->column_row + 1)};
	HwrKindReading reading = {.score = -INFINITY};
	HwrColumnValue value = {0};
	HwrStatus	st;

	for (int i = 0; number >= 0 && i < lengthof(likes); i++)
	{
		HwrKindReading one = {0};

		if (score_number(alphabet, query, number, likes[i], &one) && one.score > reading.score)
			reading = one;
	}
	if (!hwr_kind_place(p->kind, reading.value, &value.place, &value.kind, &value.chance))
		return false;
	value.ink = exp(Min(reading.score - r->total, 0));
	if (!(value.ink > 0))
		return false;
	if (!hwr_column_add_value(p->column->object, r->column_row, &value, &st))
		hwr_raise(&st);
	r->readings = repalloc(r->readings, (r->n + 1) * sizeof(HwrKindReading));
	r->readings[r->n++] = copy_reading(p, &reading);
	return true;
}

/* Numbers that the column leads to: whether there are any. */
static bool
add_expected(WindowObject window, Partition *p, HwrKept *site, MemoryContext work, int64 nrows)
{
	bool		added = false;

	for (int64 i = 0; i < nrows; i++)
	{
		Row		   *r = &p->rows[i];
		int64_t		places[HWR_COLUMN_EXPECTED];
		bool		placed = r->column_row >= 0 && r->other.text == NULL;
		int			n = placed ? hwr_column_expected(p->column->object, r->column_row, places) : 0;
		HwrSparse  *sparse;
		HwrWriter	writer;
		HwrBeamQuery query;

		if (n == 0 || (sparse = get_posterior(window, site, i)) == NULL)
			continue;
		CHECK_FOR_INTERRUPTS();
		writer = hwr_kept_writer(site, sparse, NULL, NULL, cstring_to_text(hwr_kind_pattern(p->kind)));
		query = hwr_kept_query(site, sparse, &writer);
		for (int j = 0; j < n; j++)
			added |= add_number(p, writer.alphabet, &query, r, places[j]);
		MemoryContextReset(work);
	}
	return added;
}

static void
read_partition(WindowObject window, Partition *p, HwrKept *site)
{
	int64		nrows = WinGetPartitionRowCount(window);
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "hwr column", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	HwrColumn  *column;
	HwrStatus	st;

	if (nrows > INT_MAX / 2)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("a column has too many rows"));
	p->context = GetMemoryChunkContext(p);
	p->kind = current_kind(window);
	p->rows = MemoryContextAllocExtended(p->context, nrows * sizeof(Row), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	p->column_rows = MemoryContextAllocExtended(p->context, nrows * sizeof(Row *), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	p->column = hwr_hold_create(p->context, release_column);
	if (!hwr_column_create(&column, &st))
		hwr_raise(&st);
	hwr_hold_replace(p->column, column);
	for (int64 i = 0; i < nrows; i++)
	{
		HwrSparse  *sparse = get_posterior(window, site, i);

		CHECK_FOR_INTERRUPTS();
		p->rows[i].column_row = -1;
		if (sparse != NULL)
			search_row(p, site, sparse, i);
		MemoryContextReset(work);
	}
	join_rows(p);
	if (p->kind == HWR_KIND_INTEGER && add_expected(window, p, site, work, nrows))
		join_rows(p);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	p->read = true;
}

/*
 * hwr_column_field(posterior hwr_posterior, kind text) returns hwr_column_value
 */
Datum
hwr_column_field(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	Partition  *p = WinGetPartitionLocalMemory(window, sizeof(Partition));
	const HwrKindReading *reading;
	double		confidence = 0;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!p->read)
		read_partition(window, p, hwr_kept_of(fcinfo));
	else if (current_kind(window) != p->kind)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("all rows of a column must have the same kind of field"));
	reading = best_reading(p, &p->rows[WinGetCurrentPosition(window)], &confidence);
	if (reading == NULL)
		PG_RETURN_NULL();
	nulls[1] = reading->value[0] == '\0';
	values[0] = CStringGetTextDatum(reading->text);
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(reading->value);
	values[2] = Float8GetDatum(confidence);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
