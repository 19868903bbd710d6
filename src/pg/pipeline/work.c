/*
 * work.c
 *	  Reading what is queued: hwr_work, and one batch of it.
 *
 * A batch is a transaction.
 *
 *	 claim	entries of the queue that are due, FOR NO KEY UPDATE SKIP LOCKED, as the extension's owner
 *	 read	the rows' images and texts, as the attachment's role, without a lock on the rows; recognise
 *	 write	lock the rows that still have the same image and text, passing over those that others have locked; write their
 *			readings, as the role
 *	 check	rows that are not written, because they are gone, need no reading or cannot be read: are they still as they were?
 *	 settle	entries of rows that were written, or need not be, go; those that failed say why and when they are tried again;
 *			the others are due again at once
 *
 * So a session that changes a row waits for a worker for the moment of writing, not of reading, and a
 * worker waits for nobody but for the table's lock, which it takes first, while it holds nothing
 * else: no deadlock can have a worker in it but through a trigger of the user's.
 *
 * A reading is written only to the image that it is of: so each image that a row comes to have is
 * read once, or not at all where the next one comes before.
 *
 * Whose code runs: what the table's owner has put on the table (triggers, policies, functions behind types and
 * domains) runs as the attachment's role in a security-restricted operation with search_path pg_catalog, as in
 * maintenance commands, with constraints immediate, so that nothing of it is left to run as
 * somebody else at commit.
 *
 * An error in one row's writing would take the batch along.  So each batch is a subtransaction; after an
 * error its rows are done one by one, each in a subtransaction of its own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "pg/base/identity.h"
#include "work_internal.h"

PG_FUNCTION_INFO_V1(hwr_work);

/*
 * Errors
 */

static void
as_role(HwrWork *b, int from, int to)
{
	HwrIdentity save;
	int			level;

	hwr_become_user(b->a.role, &save);
	level = hwr_key_settings();
	hwr_work_read_entries(b, from, to);
	hwr_work_write_entries(b, from, to);
	AtEOXact_GUC(false, level);
	hwr_restore_identity(&save);
}

/* Another transaction was in the way: the row is tried again, and nothing is counted. */
static bool
is_contention(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK ||
		error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

/* Entries [from, to) in a subtransaction; NULL, or the error, with the entries as they were. */
static ErrorData *
try_entries(HwrWork *b, int from, int to)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	HwrWorkState *before = palloc((to - from) * sizeof(HwrWorkState));
	ErrorData  *error = NULL;

	for (int i = from; i < to; i++)
		before[i - from] = b->entries[i].state;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		as_role(b, from, to);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(b->context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		hwr_writing = 0;
		for (int i = from; i < to; i++)
			b->entries[i].state = before[i - from];
	}
	PG_END_TRY();
	if (error != NULL && hwr_work_is_interruption(error))
		ReThrowError(error);
	return error;
}

/* Where no row at all can be read for want of a right, a table or a model, that is not the rows' fault. */
static bool
is_general(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES ||
			ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_SYSTEM_ERROR ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTERNAL_ERROR ||
			ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;
}

static void
do_entries(HwrWork *b)
{
	ErrorData  *error = try_entries(b, 0, b->n);
	ErrorData  *first = NULL;
	bool		general = true;

	if (error == NULL)
		return;
	for (int i = 0; i < b->n; i++)
	{
		HwrWorkEntry *e = &b->entries[i];

		CHECK_FOR_INTERRUPTS();
		error = try_entries(b, i, i + 1);
		if (error == NULL)
			general = general && e->state == ENTRY_GONE;
		else if (is_contention(error))
			general = false;
		else
		{
			if (first == NULL)
				first = error;
			general = general && is_general(error);
			hwr_work_fail_entry(b, e, error->sqlerrcode, error->message);
		}
	}
	if (general && first != NULL)
		ReThrowError(first);
}

/*
 * The batch
 */

static void
check_role(const HwrAttachment *a)
{
	if (!OidIsValid(a->role) || !has_privs_of_role(GetUserId(), a->role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read table \"%s\" as the role that attached it", get_rel_name(a->data))));
}

/* A column that has another name now is not to be guessed. */
static void
check_columns(const HwrAttachment *a)
{
	const char *names[] = {a->image, a->text, a->confidence};
	AttrNumber	image = get_attnum(a->data, a->image);

	for (int i = 0; i < lengthof(names); i++)
		if (names[i] != NULL && get_attnum(a->data, names[i]) == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist", names[i], get_rel_name(a->data)),
					 errdetail("It was there when the table was attached."),
					 errhint("hwr_detach, then hwr_attach again.")));
	hwr_check_image_type(a->data, a->image, get_atttype(a->data, image));
}

/* Its lock, before anything else is locked, for a role that may write it: UPDATE on the text's column is enough. */
static void
lock_table(const HwrAttachment *a)
{
	AttrNumber	text = get_attnum(a->data, a->text);

	if (text != InvalidAttrNumber && pg_class_aclcheck(a->data, a->role, ACL_UPDATE) != ACLCHECK_OK &&
		pg_attribute_aclcheck(a->data, text, a->role, ACL_UPDATE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table %s", get_rel_name(a->data))));
	LockRelationOid(a->data, RowExclusiveLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(a->data)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("an attached table has just been dropped")));
}

/* The table as statements name it, and the partitions whose rows they take. */
static void
name_table(HwrWork *b)
{
	List	   *tables = hwr_check_table_owner(&b->a, RowExclusiveLock);
	StringInfoData sql;
	ListCell   *cell;

	b->relation = quote_qualified_identifier(get_namespace_name(get_rel_namespace(b->a.data)), get_rel_name(b->a.data));
	b->own_rows = hwr_own_rows(b->a.data);
	if (tables == NIL)
		return;
	initStringInfo(&sql);
	foreach(cell, tables)
		appendStringInfo(&sql, "%s%u", sql.len > 0 ? "," : "", lfirst_oid(cell));
	b->partitions = sql.data;
}

/*
 * In a restore, triggers come after all rows, and the queue before those of the table: what is not there yet
 * must not be taken for gone.
 */
static void
check_triggers(const HwrAttachment *a)
{
	if (!OidIsValid(get_trigger_oid(a->data, psprintf("hwr_after_%d", a->id), true)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" lacks the triggers of its attachment", get_rel_name(a->data)),
				 errdetail("A restore makes them last."),
				 errhint("If they have been dropped: hwr_detach, then hwr_attach again.")));
}

/* Constraints are checked by each statement, so that no trigger is left for later. */
static void
set_constraints_immediate(Oid role)
{
	HwrIdentity save;

	hwr_become_user(role, &save);
	if (SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not set constraints");
	hwr_restore_identity(&save);
}

void
hwr_work_batch(int32 attachment, int limit, HwrBatchResult *out)
{
	HwrWork    *b = palloc0(sizeof(HwrWork));
	double		began = (double) GetCurrentTimestamp() / 1e6;
	MemoryContext caller;

	memset(out, 0, sizeof(*out));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("hwr_work reads in transactions that are READ COMMITTED"),
				 errhint("SET default_transaction_isolation = 'read committed'.")));
	b->context = AllocSetContextCreate(CurrentMemoryContext, "hwr batch", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(b->context);
	if (hwr_attachment_load(attachment, true, &b->a) && !b->a.paused)
	{
		b->trial = b->a.trial;
		check_role(&b->a);
		lock_table(&b->a);
		name_table(b);
		check_triggers(&b->a);
		check_columns(&b->a);
		b->keys = hwr_key_columns(&b->a);
		set_constraints_immediate(b->a.role);
		hwr_work_claim(b, limit > 0 ? Min(limit, b->a.batch) : b->a.batch);
		out->taken = b->n;
		if (b->n > 0)
		{
			do_entries(b);
			hwr_work_check_unwritten(b);
			hwr_work_settle(b, began, out);
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(b->context);
}

int32 *
hwr_work_list(Oid data, int *n)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(data)};
	uint64		found = hwr_catalog_query_now("SELECT a.id, a.role::oid FROM hwr.attachment a JOIN pg_roles r "
											  "ON r.oid = a.role::oid WHERE NOT a.paused "
											  "AND EXISTS (SELECT FROM pg_class c WHERE c.oid = a.data::oid) AND ($1 = '0'::oid "
											  "OR a.data::oid = $1) ORDER BY a.id", 1, types, values);
	int32	   *list = palloc(Max(found, 1) * sizeof(int32));

	*n = 0;
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		Oid			role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));

		if (has_privs_of_role(GetUserId(), role))
			list[(*n)++] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	return list;
}

/*
 * The procedure
 */

static HeapTuple
result_row(FunctionCallInfo fcinfo, int64 read, int64 failed)
{
	TupleDesc	desc;
	Datum		values[2] = {Int64GetDatum(read), Int64GetDatum(failed)};
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return heap_form_tuple(BlessTupleDesc(desc), values, nulls);
}

/*
 * A batch, committed; what is wrong with the attachment as a whole is returned, and the batch undone.  In a
 * subtransaction, which an error can be caught in.
 */
static ErrorData *
batch_or_error(int32 attachment, int limit, HwrBatchResult *result)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	PushActiveSnapshot(GetTransactionSnapshot());
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		hwr_work_batch(attachment, limit, result);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(PortalContext);	/* beyond the transaction */
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		memset(result, 0, sizeof(*result));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	PopActiveSnapshot();
	if (error != NULL && hwr_work_is_interruption(error))
		ReThrowError(error);
	SPI_commit();
	return error;
}

/*
 * Attachments in turn, each until nothing of it is due, and all again as long as there was something.  One
 * that cannot be read at all is not in the way of the others.
 */
static void
work(int32 *attachments, int n, int64 limit, int64 *read, int64 *failed)
{
	ErrorData  *first = NULL;
	bool		again = true;

	while (again && limit != 0)
	{
		again = false;
		for (int i = 0; i < n; i++)
		{
			HwrBatchResult result = {0};

			do
			{
				ErrorData  *error;

				if (limit == 0 || attachments[i] == 0)
					break;
				CHECK_FOR_INTERRUPTS();
				error = batch_or_error(attachments[i], limit < 0 ? 0 : (int) Min(limit, 1000), &result);
				if (error != NULL)
				{
					attachments[i] = 0;
					if (first == NULL)
						first = error;
					else
						FreeErrorData(error);
				}
				*read += result.read;
				*failed += result.failed;
				if (limit > 0)
					limit -= result.taken;
				again = again || result.taken > 0;
			} while (result.taken > 0);
		}
	}
	if (first != NULL)
		ReThrowError(first);
}

/*
 * hwr_work(data regclass, limit bigint, INOUT read bigint, INOUT failed bigint)
 */
Datum
hwr_work(PG_FUNCTION_ARGS)
{
	Oid			data = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	int64		limit = PG_ARGISNULL(1) ? -1 : PG_GETARG_INT64(1);
	int64		read = 0;
	int64		failed = 0;
	int32	   *attachments;
	int			n;

	PreventCommandIfReadOnly("hwr_work()");
	if (limit < 0 && !PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"limit\" must not be negative")));
	if (!IsA(fcinfo->context, CallContext) || ((CallContext *) fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("hwr_work cannot run inside a transaction block"),
				 errhint("It commits each batch: CALL it by itself.")));
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PushActiveSnapshot(GetTransactionSnapshot());
	attachments = hwr_work_list(data, &n);
	PopActiveSnapshot();
	if (n == 0 && OidIsValid(data))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" has nothing attached that you may read, or is paused", get_rel_name(data)),
				 errhint("hwr_attachments lists what is attached.")));
	work(attachments, n, limit, &read, &failed);
	SPI_finish();
	return HeapTupleGetDatum(result_row(fcinfo, read, failed));
}
