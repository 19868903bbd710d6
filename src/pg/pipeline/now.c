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
#include "utils/datum.h"
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
	char	   *text;			/* as the row had it */
	Datum		key;			/* of the row; 0: not all of it was known yet */
	char	   *model;
	int32		version;
	double		confidence;
	char		hash[PG_SHA256_DIGEST_LENGTH];
} Fresh;
static Fresh *fresh = NULL;
static Fresh **fresh_end = &fresh;
static int	fresh_level = 0;	/* none is of a deeper subtransaction */

static void
free_fresh(Fresh *f)
{
	pfree(f->text);
	pfree(f->model);
	if (f->key != (Datum) 0)
		pfree(DatumGetPointer(f->key));
	pfree(f);
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	fresh = NULL;				/* its memory goes with the transaction */
	fresh_end = &fresh;
	fresh_level = 0;
}

/* What a subtransaction has read goes with it, or is its parent's. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	Fresh	  **at = &fresh;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	if (fresh_level < level)	/* as at each row's own: hwr_before_row */
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
	fresh_level = level - 1;
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

void
hwr_remember_now(const HwrAttachment *a, const HwrNow *now, const char *text, Datum key)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	Fresh	   *f = palloc(sizeof(Fresh));

	watch_transaction();
	f->next = NULL;
	f->command = GetCurrentCommandId(true);	/* used: the next command has another */
	f->level = GetCurrentTransactionNestLevel();
	f->attachment = a->id;
	f->text = pstrdup(text);
	f->key = key != (Datum) 0 ? datumCopy(key, false, -1) : key;
	f->model = pstrdup(a->model);
	f->version = now->version;
	f->confidence = now->confidence;
	memcpy(f->hash, VARDATA(now->hash), sizeof(f->hash));
	*fresh_end = f;
	fresh_end = &f->next;
	fresh_level = Max(fresh_level, f->level);
	MemoryContextSwitchTo(caller);
}

bool
hwr_read_now(const HwrAttachment *a, Datum image, MemoryContext context, HwrNow *out)
{
	HwrVersionInfo version;
	HwrLoaded	loaded;
	HwrBatchReader *batch;
	HwrIdentity save;
	HwrStatus	st;
	MemoryContext caller;
	const uint8 *bytes;
	Size		len;
	bool		readable;

	hwr_become_user(a->role, &save);
	hwr_catalog_find(a->model, 0, &version);
	loaded = hwr_cache_get(&version);
	batch = hwr_batch_create();
	caller = MemoryContextSwitchTo(batch->context);
	bytes = hwr_image_bytes(image, &len);
	readable = hwr_batch_add(batch, loaded, bytes, len, &st);
	if (readable)
	{
		hwr_batch_run(batch, loaded);
		out->confidence = hwr_reading_confidence(&batch->readings[0], loaded.model, &batch->posteriors[0], batch->context);
		out->text = MemoryContextStrdup(context, hwr_from_utf8(batch->readings[0].text));
		out->version = version.version;
		MemoryContextSwitchTo(context);
		out->hash = hwr_pipeline_hash(bytes, len);
	}
	MemoryContextSwitchTo(caller);
	hwr_batch_free(batch);
	hwr_restore_identity(&save);
	return readable;
}

static bool
is_of_image(const Fresh *f, const bytea *hash)
{
	return memcmp(f->hash, VARDATA(hash), sizeof(f->hash)) == 0;
}

/* Keys are made alike: hwr_key_of_tuple. */
static bool
is_of_key(const Fresh *f, Datum key)
{
	return f->key != (Datum) 0 && datumIsEqual(f->key, key, false, -1);
}

/*
 * The reading that before_row has made for a row with this key, image and text that command has written; NULL: it has
 * made none.  What an earlier command has read and no row has taken was of rows that did not come to be.  Another trigger may
 * have given the row a key afterwards, or another image; and another text, but one that has it is the row's.
 */
static Fresh **
find_fresh(const HwrAttachment *a, Datum key, const bytea *hash, const char *text, CommandId command)
{
	Fresh	  **found = NULL;
	int			best = 0;

	for (Fresh **at = &fresh; *at != NULL && best < 7; at = &(*at)->next)
	{
		const Fresh *f = *at;
		bool		image = is_of_image(f, hash);
		bool		same = strcmp(f->text, text) == 0;
		int			rank = (is_of_key(f, key) ? 4 : 0) + (image ? 2 : 0) + (same ? 1 : 0);

		if (f->attachment != a->id || f->command < command || (rank < 2 && !(same && f->key == (Datum) 0)))
			continue;
		if (rank > best)
		{
			found = at;
			best = rank;
		}
	}
	return found;
}

static Fresh *
take_fresh(Fresh **at)
{
	Fresh	   *taken = *at;

	*at = taken->next;
	if (fresh_end == &taken->next)
		fresh_end = at;
	return taken;
}

bool
hwr_have_now(void)
{
	return fresh != NULL;
}

HwrReadNow
hwr_keep_now(const HwrAttachment *a, Datum key, bytea *hash, const char *text, CommandId command)
{
	static HwrCatalogPlan plan = {"INSERT INTO hwr.read_row (attachment, key, hash, model, version, confidence) "
								  "VALUES ($1, $2, $3, $4, $5, $6) "
		"ON CONFLICT (attachment, key) DO UPDATE SET hash = excluded.hash, model = excluded.model, version = excluded.version, "
	"confidence = excluded.confidence, read = clock_timestamp(), corrected = false", 6, {INT4OID, TEXTARRAYOID, BYTEAOID,
		TEXTOID, INT4OID, FLOAT8OID}};
	Fresh	  **at = find_fresh(a, key, hash, text, command);
	Fresh	   *f = at != NULL ? take_fresh(at) : NULL;
	bool		stale = f != NULL && !is_of_image(f, hash);
	Datum		values[6];

	if (f == NULL)
		return HWR_NOT_READ;
	values[0] = Int32GetDatum(a->id);
	values[1] = key;
	values[2] = PointerGetDatum(hash);
	values[3] = CStringGetTextDatum(f->model);
	values[4] = Int32GetDatum(stale ? HWR_VERSION_OF_ANOTHER : f->version);
	values[5] = Float8GetDatum(stale ? 0 : f->confidence);
	if (stale && strcmp(f->text, text) != 0)	/* nor is the text what was read */
	{
		free_fresh(f);
		return HWR_NOT_READ;
	}
	free_fresh(f);
	(void) hwr_catalog_plan_execute(&plan, values, NULL);
	return stale ? HWR_READ_ANOTHER : HWR_READ;
}
