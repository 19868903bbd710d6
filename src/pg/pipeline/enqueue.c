/*
 * enqueue.c
 *	  The triggers of an attached table: what is to be read is queued, what a person says is kept.
 *
 * They run in the session that changes the table, in its transaction, and write the tables of schema
 * hwr as the extension's owner.  Their argument is the number of an attachment, and anyone can make a
 * trigger with any argument on a table of his own: so an attachment counts only for its own table and
 * the partitions of it.
 *
 * Nobody waits for a reader.  A worker holds its entries of the queue locked while it reads; so an
 * entry that is there is left alone, or passed over where it is locked, and the worker sees by the
 * image's hash that its reading is of an image that is no more (work.c).  What may be left over is an
 * entry whose row is gone or has been read: the worker drops it.  It must not drop one that this row needs:
 * an entry that is left alone is locked FOR KEY SHARE, which a worker's lock allows while it reads, and
 * which keeps it from dropping the entry until the transaction ends and the row can be seen.
 *
 *	 INSERT			an image without text is queued
 *	 UPDATE			of the image: the text goes (before_row), and the row is queued
 *					of the text: a correction, unless a worker writes; to NULL: queued again
 *					of the key: what is known of the row moves along
 *	 DELETE, TRUNCATE	what is known of the rows goes
 *
 * In mode now, before_row reads the image (now.c).  What could not be read is queued, and so is a row that another trigger has
 * given another image afterwards.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/partition.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "enqueue.h"
#include "pg/base/attempt.h"
#include "pg/base/identity.h"

PG_FUNCTION_INFO_V1(hwr_before_row);
PG_FUNCTION_INFO_V1(hwr_after_row);
PG_FUNCTION_INFO_V1(hwr_after_truncate);

int32		hwr_writing = 0;

/* A trigger's attachment and its columns in the table at hand, for as long as the statement. */
typedef struct Target
{
	HwrAttachment a;
	Oid			relid;			/* of the table or partition */
	AttrNumber	image;
	AttrNumber	text;
	AttrNumber	confidence;		/* 0: none */
	AttrNumber	keys[INDEX_MAX_KEYS];
} Target;

/* Is rel the attachment's table, or a partition of it? */
static bool
is_own(const HwrAttachment *a, Relation rel)
{
	return RelationGetRelid(rel) == a->data ||
		(rel->rd_rel->relispartition && list_member_oid(get_partition_ancestors(RelationGetRelid(rel)), a->data));
}

static AttrNumber
find_column(Relation rel, const char *name)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(rel), name);

	if (attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name, RelationGetRelationName(rel)),
				 errdetail("It was there when the table was attached."),
				 errhint("hwr_detach, then hwr_attach again.")));
	return attno;
}

/* NULL: a trigger whose attachment is gone, or is another table's. */
static Target *
find_target(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation	rel = trigger->tg_relation;
	Target	   *target = fcinfo->flinfo->fn_extra;
	MemoryContext caller;

	if (target == NULL || target->relid != RelationGetRelid(rel))
	{
		caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		target = palloc0(sizeof(Target));
		target->relid = RelationGetRelid(rel);
		if (trigger->tg_trigger->tgnargs == 1 &&
			hwr_attachment_load(pg_strtoint32(trigger->tg_trigger->tgargs[0]), false, &target->a) && is_own(&target->a, rel))
		{
			if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
			{
				target->image = find_column(rel, target->a.image);
				hwr_check_image_type(RelationGetRelid(rel), target->a.image, get_atttype(RelationGetRelid(rel), target->image));
				target->text = find_column(rel, target->a.text);
				target->confidence = target->a.confidence != NULL ? find_column(rel, target->a.confidence) : InvalidAttrNumber;
				for (int i = 0; i < target->a.nkeys; i++)
					target->keys[i] = find_column(rel, target->a.keys[i]);
			}
		}
		else
			target->a.id = 0;
		fcinfo->flinfo->fn_extra = target;
		MemoryContextSwitchTo(caller);
	}
	return target->a.id != 0 ? target : NULL;
}

static void
check_trigger(FunctionCallInfo fcinfo, const char *function)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", function)));
}

/*
 * Values
 */

static bool
is_null(HeapTuple tuple, TupleDesc desc, AttrNumber attno)
{
	return heap_attisnull(tuple, attno, desc);
}

/* Are two values of a column the same bytes?  Where both are in the same place of TOAST, nothing is read. */
static bool
same_value(HeapTuple a, HeapTuple b, TupleDesc desc, AttrNumber attno)
{
	bool		null_a;
	bool		null_b;
	Datum		va = heap_getattr(a, attno, desc, &null_a);
	Datum		vb = heap_getattr(b, attno, desc, &null_b);
	Form_pg_attribute att = TupleDescAttr(desc, attno - 1);

	if (null_a || null_b)
		return null_a && null_b;
	if (att->attlen == -1 && VARATT_IS_EXTERNAL(DatumGetPointer(va)) && VARATT_IS_EXTERNAL(DatumGetPointer(vb)) &&
		datumIsEqual(va, vb, att->attbyval, att->attlen))
		return true;
	return att->attlen == -1 ? datum_image_eq(va, vb, att->attbyval, att->attlen) :
		datumIsEqual(va, vb, att->attbyval, att->attlen);
}

static Datum
key_of(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	return hwr_key_of_tuple(tuple, desc, t->keys, t->a.nkeys);
}

static bool
same_key(const Target *t, HeapTuple a, HeapTuple b, TupleDesc desc)
{
	for (int i = 0; i < t->a.nkeys; i++)
		if (!same_value(a, b, desc, t->keys[i]))
			return false;
	return true;
}

bytea *
hwr_pipeline_hash(const uint8 *bytes, Size len)
{
	bytea	   *hash = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);

	SET_VARSIZE(hash, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (!hwr_sha256(bytes, len, (uint8 *) VARDATA(hash)))
		elog(ERROR, "could not compute a hash");
	return hash;
}

static bytea *
image_hash(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, t->image, desc, &isnull);
	bytea	   *image = isnull ? NULL : DatumGetByteaPP(value);

	return isnull ? NULL : hwr_pipeline_hash((const uint8 *) VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image));
}

/* The row's text as text, whatever its column's type; 0: null. */
static Datum
text_of(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	char	   *text = SPI_getvalue(tuple, desc, t->text);

	return text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

/* The row with what was read, as the columns' types take it. */
static HeapTuple
with_reading(const Target *t, Relation rel, HeapTuple tuple, const char *text, double confidence)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			columns[2] = {t->text, t->confidence};
	int			n = t->confidence != InvalidAttrNumber ? 2 : 1;
	const char *strings[2] = {text, text != NULL ? psprintf("%.*g", 15, confidence) : NULL};
	Datum		values[2] = {0};
	bool		nulls[2] = {text == NULL, text == NULL};

	for (int i = 0; i < n && text != NULL; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, columns[i] - 1);
		Oid			input;
		Oid			param;

		getTypeInputInfo(att->atttypid, &input, &param);
		values[i] = OidInputFunctionCall(input, (char *) strings[i], param, att->atttypmod);
	}
	return heap_modify_tuple_by_cols(tuple, desc, n, columns, values, nulls);
}

/*
 * Mode now
 */

/* A row that is read before it is there. */
typedef struct NowRow
{
	const Target *t;
	Relation	rel;
	HeapTuple	tuple;
	HwrNow		now;
	HeapTuple	read;			/* with what was read; NULL: it cannot be read */
} NowRow;

static void
read_row(void *arg)
{
	NowRow	   *row = arg;
	MemoryContext context = CurrentMemoryContext;
	TupleDesc	desc = RelationGetDescr(row->rel);
	bool		isnull;
	bool		readable;

	SPI_connect();
	readable = hwr_read_now(&row->t->a, heap_getattr(row->tuple, row->t->image, desc, &isnull), context, &row->now);
	SPI_finish();
	if (readable)
		row->read = with_reading(row->t, row->rel, row->tuple, row->now.text, row->now.confidence);
}

/* Not the row's fault, nor the model's: the statement fails. */
static bool
is_serious(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return true;
		default:
			return error->sqlerrcode == ERRCODE_INTERNAL_ERROR;
	}
}

/* The row's key as far as it has one: triggers that come later may fill it. */
static Datum
early_key(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	for (int i = 0; i < t->a.nkeys; i++)
		if (is_null(tuple, desc, t->keys[i]))
			return (Datum) 0;
	return key_of(t, tuple, desc);
}

/*
 * The row with its reading; NULL: what is in the way of that, a model that is gone, a type that does not take the text, is no
 * reason for the row not to come to be, and is said of the queue.  A subtransaction for a row: it costs about a microsecond
 * beside the reading's milliseconds, and takes no number of a transaction, since nothing is written.
 */
static HeapTuple
read_early(const Target *t, Relation rel, HeapTuple tuple)
{
	NowRow		row = {.t = t,.rel = rel,.tuple = tuple};
	TupleDesc	desc = RelationGetDescr(rel);
	ErrorData  *error = hwr_attempt(read_row, &row);

	if (error != NULL && is_serious(error))
		ReThrowError(error);
	if (error != NULL || row.read == NULL)
		return NULL;
	hwr_remember_now(&t->a, &row.now, SPI_getvalue(row.read, desc, t->text), early_key(t, row.read, desc));
	return row.read;
}

/*
 * hwr.before_row() returns trigger: of INSERT in mode now, and of UPDATE
 */
Datum
hwr_before_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		update;
	HeapTuple	tuple;
	HeapTuple	read = NULL;
	TupleDesc	desc;
	Target	   *t;

	check_trigger(fcinfo, "hwr.before_row");
	if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired before INSERT or UPDATE for each row", "hwr.before_row")));
	update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	tuple = update ? trigger->tg_newtuple : trigger->tg_trigtuple;
	desc = RelationGetDescr(trigger->tg_relation);
	t = find_target(fcinfo);
	if (t == NULL || hwr_writing == t->a.id ||
		(update && (same_value(trigger->tg_trigtuple, tuple, desc, t->image) ||
					!same_value(trigger->tg_trigtuple, tuple, desc, t->text))) ||
		(!update && !is_null(tuple, desc, t->text)))
		return PointerGetDatum(tuple);
	if (t->a.now && !t->a.paused && OidIsValid(t->a.role) && !is_null(tuple, desc, t->image))
		read = read_early(t, trigger->tg_relation, tuple);
	if (read == NULL && update)
		read = with_reading(t, trigger->tg_relation, tuple, NULL, 0);
	return PointerGetDatum(read != NULL ? read : tuple);
}

/*
 * After a row has changed
 */

/* Whether a row's text is what was read of its image just now, which is noted; if of another image, it is queued. */
static HwrReadNow
take_reading(const Target *t, Datum key, HeapTuple tuple, TupleDesc desc)
{
	HwrReadNow	result;

	if (!hwr_have_now())
		return HWR_NOT_READ;
	result = hwr_keep_now(&t->a, key, image_hash(t, tuple, desc), SPI_getvalue(tuple, desc, t->text),
						  HeapTupleHeaderGetCmin(tuple->t_data));
	if (result == HWR_READ_ANOTHER)
		hwr_enqueue(&t->a, key, 1);
	return result;
}

static void
inserted(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	if (is_null(tuple, desc, t->image))
		return;
	if (is_null(tuple, desc, t->text))
		hwr_enqueue(&t->a, key_of(t, tuple, desc), 0);
	else
		(void) take_reading(t, key_of(t, tuple, desc), tuple, desc);
}

static void
deleted(const Target *t, HeapTuple tuple, TupleDesc desc)
{
	Datum		key = key_of(t, tuple, desc);

	hwr_dequeue(&t->a, key, 0);
	hwr_forget_row(&t->a, key, true);
}

static void
updated(const Target *t, HeapTuple old, HeapTuple new, TupleDesc desc)
{
	bool		new_image = !same_value(old, new, desc, t->image);
	bool		new_text = !same_value(old, new, desc, t->text);
	bool		new_key = !same_key(t, old, new, desc);
	Datum		key;

	if (hwr_writing == t->a.id || !(new_image || new_text || new_key))
		return;
	key = key_of(t, new, desc);
	if (new_key && !is_null(old, desc, t->image))
		hwr_move_row(&t->a, key_of(t, old, desc), key, image_hash(t, old, desc));
	if (is_null(new, desc, t->image))
	{
		hwr_dequeue(&t->a, key, 0);
		hwr_forget_row(&t->a, key, false);
	}
	else if (is_null(new, desc, t->text))
	{
		if (new_image || new_text)
			hwr_forget_row(&t->a, key, false);
		hwr_enqueue(&t->a, key, 0);
		hwr_dequeue(&t->a, key, 1);		/* it will be read in any case */
	}
	else if (hwr_writing != 0)		/* by another attachment, of the table that this is a partition of: no person's either */
		return;
	else if (take_reading(t, key, new, desc) == HWR_NOT_READ && new_text)
		hwr_keep_correction(t->a.id, key, PointerGetDatum(image_hash(t, new, desc)),
							new_image ? (Datum) 0 : text_of(t, old, desc), text_of(t, new, desc));
}

/*
 * hwr.after_row() returns trigger
 */
Datum
hwr_after_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	Target	   *t;

	check_trigger(fcinfo, "hwr.after_row");
	if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired after a change for each row", "hwr.after_row")));
	desc = RelationGetDescr(trigger->tg_relation);
	t = find_target(fcinfo);
	if (t == NULL)
		return PointerGetDatum(NULL);
	SPI_connect();
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		inserted(t, trigger->tg_trigtuple, desc);
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		deleted(t, trigger->tg_trigtuple, desc);
	else
		updated(t, trigger->tg_trigtuple, trigger->tg_newtuple, desc);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/*
 * hwr.after_truncate() returns trigger.  Of a partition alone nothing is known: the worker finds that its rows are gone.
 */
Datum
hwr_after_truncate(PG_FUNCTION_ARGS)
{
	static HwrCatalogPlan plans[] = {
		{"DELETE FROM hwr.queue WHERE attachment = $1", 1, {INT4OID}},
		{"DELETE FROM hwr.read_row WHERE attachment = $1", 1, {INT4OID}},
		{"DELETE FROM hwr.correction WHERE attachment = $1", 1, {INT4OID}},
		{"DELETE FROM hwr.shadow WHERE attachment = $1", 1, {INT4OID}}
	};
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Target	   *t;
	Datum		value;

	check_trigger(fcinfo, "hwr.after_truncate");
	if (!TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired after TRUNCATE", "hwr.after_truncate")));
	t = find_target(fcinfo);
	if (t == NULL || t->relid != t->a.data)
		return PointerGetDatum(NULL);
	SPI_connect();
	value = Int32GetDatum(t->a.id);
	for (int i = 0; i < lengthof(plans); i++)
		(void) hwr_catalog_plan_execute(&plans[i], &value, NULL);
	SPI_finish();
	return PointerGetDatum(NULL);
}
