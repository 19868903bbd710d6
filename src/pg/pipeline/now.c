/*
 * now.c
 *	  Mode now: an image is read before its row is there.
 *
 * The row may not come to be (ON CONFLICT DO NOTHING), so what has been read is kept in memory until the row is seen.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/base/status.h"
#include "enqueue.h"
#include "pg/base/columns.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "pg/catalog/cache.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"

/* What mode now has read and no row has taken yet; in TopTransactionContext, in the order in which rows will ask. */
typedef struct Fresh
{
	struct Fresh *next;
	CommandId	command;		/* when it was read */
	int			level;			/* of the subtransaction that read */
	int32		attachment;
	char	   *text;
	char	   *model;
	int32		version;
	double		confidence;
	char		hash[PG_SHA256_DIGEST_LENGTH];
} Fresh;
static Fresh *fresh = NULL;
static Fresh **fresh_end = &fresh;

static void
free_fresh(Fresh *f)
{
	pfree(f->text);
	pfree(f->model);
	pfree(f);
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	fresh = NULL;				/* its memory goes with the transaction */
	fresh_end = &fresh;
}

/* What a subtransaction has read goes with it, or is its parent's. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	Fresh	  **at = &fresh;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (*at != NULL)
	{
		Fresh	   *f = *at;

		if (f->level >= level && event == SUBXACT_EVENT_ABORT_SUB)
		{
			*at = f->next;
			free_fresh(f);
			continue;
		}
		if (f->level >= level)
			f->level = level - 1;
		at = &f->next;
	}
	fresh_end = at;
}

static void
watch_transaction(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	registered = true;
}

static void
remember(const HwrAttachment *a, HwrLoaded loaded, const char *text, double confidence, const bytea *hash)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	Fresh	   *f = palloc(sizeof(Fresh));

	watch_transaction();
	f->next = NULL;
	f->command = GetCurrentCommandId(true);	/* used: the next command has another */
	f->level = GetCurrentTransactionNestLevel();
	f->attachment = a->id;
	f->text = pstrdup(text);
	f->model = pstrdup(a->model);
	f->version = loaded.version->version;
	f->confidence = confidence;
	memcpy(f->hash, VARDATA(hash), sizeof(f->hash));
	*fresh_end = f;
	fresh_end = &f->next;
	MemoryContextSwitchTo(caller);
}

char *
hwr_read_now(const HwrAttachment *a, Datum image, double *confidence)
{
	HwrVersionInfo version;
	HwrLoaded	loaded;
	HwrBatchReader *batch;
	HwrIdentity save;
	HwrStatus	st;
	MemoryContext caller;
	const uint8 *bytes;
	Size		len;
	char	   *text = NULL;

	hwr_become_user(a->role, &save);
	hwr_catalog_find(a->model, 0, &version);
	loaded = hwr_cache_get(&version);
	batch = hwr_batch_create();
	caller = MemoryContextSwitchTo(batch->context);
	bytes = hwr_image_bytes(image, &len);
	if (hwr_batch_add(batch, loaded, bytes, len, &st))
	{
		bytea	   *hash = hwr_pipeline_hash(bytes, len);

		hwr_batch_run(batch, loaded);
		*confidence = hwr_reading_confidence(&batch->readings[0], loaded.model, &batch->posteriors[0], batch->context);
		text = MemoryContextStrdup(caller, hwr_from_utf8(batch->readings[0].text));
		remember(a, loaded, text, *confidence, hash);
	}
	MemoryContextSwitchTo(caller);
	hwr_batch_free(batch);
	hwr_restore_identity(&save);
	return text;
}

/*
 * Take the reading that before_row has made for a row with this image and text that command has written; NULL: it has
 * made none.  What an earlier command has read and no row has taken was of rows that did not come to be.
 * The column's type or another trigger may have changed the text, but one that has it is the row's.
 */
static Fresh *
take_fresh(const HwrAttachment *a, const bytea *hash, const char *text, CommandId command)
{
	Fresh	  **found = NULL;
	Fresh	   *taken;

	for (Fresh **at = &fresh; *at != NULL; at = &(*at)->next)
	{
		const Fresh *f = *at;
		bool		same = strcmp(f->text, text) == 0;

		if (f->attachment != a->id || f->command < command || memcmp(f->hash, VARDATA(hash), sizeof(f->hash)) != 0)
			continue;
		if (found == NULL || same)
			found = at;
		if (same)
			break;
	}
	if (found == NULL)
		return NULL;
	taken = *found;
	*found = taken->next;
	if (fresh_end == &taken->next)
		fresh_end = found;
	return taken;
}

bool
hwr_have_now(void)
{
	return fresh != NULL;
}

bool
hwr_keep_now(const HwrAttachment *a, Datum key, bytea *hash, const char *text, CommandId command)
{
	static HwrCatalogPlan plan = {"INSERT INTO hwr.read_row (attachment, key, hash, model, version, confidence) "
								  "VALUES ($1, $2, $3, $4, $5, $6) "
		"ON CONFLICT (attachment, key) DO UPDATE SET hash = excluded.hash, model = excluded.model, version = excluded.version, "
	"confidence = excluded.confidence, read = clock_timestamp(), corrected = false", 6, {INT4OID, TEXTARRAYOID, BYTEAOID,
		TEXTOID, INT4OID, FLOAT8OID}};
	Fresh	   *f = take_fresh(a, hash, text, command);
	Datum		values[6];

	if (f == NULL)
		return false;
	values[0] = Int32GetDatum(a->id);
	values[1] = key;
	values[2] = PointerGetDatum(hash);
	values[3] = CStringGetTextDatum(f->model);
	values[4] = Int32GetDatum(f->version);
	values[5] = Float8GetDatum(f->confidence);
	free_fresh(f);
	(void) hwr_catalog_plan_execute(&plan, values, NULL);
	return true;
}
