/*
 * cache.c
 *	  Models loaded in this process.
 *
 * Keyed by the file's SHA-256 and the precision: a version never changes, so an entry is never
 * stale, and names, transactions and privileges stay the business of the catalog.  The least
 * recently used entries go when the sum passes hwr.model_cache_size; the one just asked for stays
 * however large it is. Entries are the core's objects and live in malloc'd memory.
 */
#include "postgres.h"

#include "lib/ilist.h"

#include "core/base/status.h"
#include "core/model/ensemble.h"
#include "core/model/model.h"
#include "core/network/backend.h"
#include "core/network/recognizer.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "cache.h"
#include "catalog.h"

typedef struct CachedModel
{
	dlist_node	node;
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	HwrPrecision precision;
	HwrModel   *model;
	HwrRecognizer *recognizer;
	HwrBeam    *beam;			/* NULL for a model without a language model */
} CachedModel;

/* Most recently used first. */
static dlist_head cached_models = DLIST_STATIC_INIT(cached_models);

static void
free_entry(CachedModel *entry)
{
	if (entry->recognizer != NULL)
		hwr_recognizer_free(entry->recognizer);
	if (entry->beam != NULL)
		hwr_beam_free(entry->beam);
	if (entry->model != NULL)
		hwr_model_free(entry->model);
	free(entry);
}

static HwrPrecision
wanted_precision(void)
{
	switch (hwr_precision)
	{
		case HWR_PRECISION_FLOAT32:
			return HWR_FLOAT32;
		case HWR_PRECISION_BFLOAT16:
			return HWR_BFLOAT16;
		default:
			return HWR_INT8;
	}
}

static CachedModel *
find_entry(const uint8 *hash)
{
	dlist_iter	iter;

	dlist_foreach(iter, &cached_models)
	{
		CachedModel *entry = dlist_container(CachedModel, node, iter.cur);

		if (entry->precision == wanted_precision() && memcmp(entry->hash, hash, sizeof(entry->hash)) == 0)
			return entry;
	}
	return NULL;
}

static Size
entry_memory(const CachedModel *entry)
{
	return hwr_model_memory(entry->model) + hwr_recognizer_memory(entry->recognizer);
}

/* Drop entries from the end of the list until the sum fits, the first one excepted. */
static void
shrink_cache(void)
{
	Size		limit = (Size) hwr_model_cache_size * 1024;
	Size		sum = 0;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &cached_models)
	{
		CachedModel *entry = dlist_container(CachedModel, node, iter.cur);

		sum += entry_memory(entry);
		if (sum > limit && entry != dlist_head_element(CachedModel, node, &cached_models))
		{
			sum -= entry_memory(entry);
			dlist_delete(iter.cur);
			free_entry(entry);
		}
	}
}

/* From file bytes to an entry, without any PostgreSQL call that could leave it behind. */
static CachedModel *
make_entry(const uint8 *bytes, Size len, const uint8 *hash, HwrStatus *st)
{
	CachedModel *entry = hwr_alloc_zero(1, sizeof(CachedModel), st);

	if (entry == NULL)
		return NULL;
	memcpy(entry->hash, hash, sizeof(entry->hash));
	entry->precision = wanted_precision();
	if (hwr_model_load(bytes, len, &entry->model, st) &&
		hwr_model_recognizer(entry->model, hwr_cpu_backend(), 1, entry->precision, &entry->recognizer, st) &&
		(entry->model->own.lm == NULL || hwr_beam_create(&entry->beam, st)))
		return entry;
	free_entry(entry);
	return NULL;
}

static CachedModel *
load_entry(const HwrVersionInfo *version)
{
	bytea	   *bytes = hwr_catalog_read_weights(version);
	CachedModel *entry;
	HwrStatus	st;

	entry = make_entry((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, version->hash, &st);
	pfree(bytes);
	if (entry == NULL)
		hwr_raise_for_model(&st, NameStr(version->name));
	dlist_push_head(&cached_models, &entry->node);
	shrink_cache();
	return entry;
}

static HwrLoaded
loaded_entry(const CachedModel *entry, const HwrVersionInfo *version)
{
	HwrLoaded	result;

	result.model = entry->model;
	result.recognizer = entry->recognizer;
	result.beam = entry->beam;
	result.hash = entry->hash;
	result.precision = entry->precision;
	result.version = version;
	return result;
}

bool
hwr_cache_find(const HwrVersionInfo *version, HwrLoaded *out)
{
	CachedModel *entry = find_entry(version->hash);

	if (entry != NULL)
		*out = loaded_entry(entry, version);
	return entry != NULL;
}

HwrLoaded
hwr_cache_get_again(const HwrVersionInfo *version)
{
	CachedModel *entry = find_entry(version->hash);

	if (entry == NULL)
		entry = load_entry(version);
	else
		dlist_move_head(&cached_models, &entry->node);
	return loaded_entry(entry, version);
}

HwrLoaded
hwr_cache_get(const HwrVersionInfo *version)
{
	hwr_catalog_check_read(version);
	return hwr_cache_get_again(version);
}
