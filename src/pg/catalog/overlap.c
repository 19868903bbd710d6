/*
 * overlap.c
 *	  Which images a version was trained or validated on: so that figures measured on them are told from others.
 *
 * A version keeps the first HWR_SHORT_HASH bytes of each image's hash, in ascending order.  They
 * say of an image whether it was used, to those who have the image, and nothing else.  Bundled
 * models have them in a file NAME.images.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/memutils.h"

#include "core/dataset/dataset.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/identity.h"
#include "overlap.h"

PG_FUNCTION_INFO_V1(hwr_image_hash_of);

static void
short_hash(uint64 hash, uint8 *out)
{
	for (int i = 0; i < HWR_SHORT_HASH; i++)
		out[i] = (uint8) (hash >> (56 - 8 * i));
}

static int
compare_hashes(const void *a, const void *b)
{
	return memcmp(a, b, HWR_SHORT_HASH);
}

static void
keep_hashes(int64 version_id, bytea *hashes)
{
	Oid			types[2] = {INT8OID, BYTEAOID};
	Datum		values[2] = {Int64GetDatum(version_id), PointerGetDatum(hashes)};

	SPI_connect();
	hwr_catalog_execute("UPDATE hwr.version SET used_images = $2 WHERE id = $1", 2, types, values, NULL);
	SPI_finish();
}

void
hwr_overlap_store(int64 version_id, const HwrDataset *dataset)
{
	Size		n = (Size) hwr_dataset_count(dataset, HWR_SPLIT_TRAIN) + hwr_dataset_count(dataset, HWR_SPLIT_VALIDATION);
	bytea	   *hashes = MemoryContextAllocHuge(CurrentMemoryContext, VARHDRSZ + n * HWR_SHORT_HASH);
	uint8	   *at = (uint8 *) VARDATA(hashes);

	if (n * HWR_SHORT_HASH > MaxAllocSize / 2)
		return;
	SET_VARSIZE(hashes, VARHDRSZ + n * HWR_SHORT_HASH);
	for (int split = HWR_SPLIT_TRAIN; split <= HWR_SPLIT_VALIDATION; split++)
		for (int i = 0; i < hwr_dataset_count(dataset, split); i++, at += HWR_SHORT_HASH)
			short_hash(hwr_dataset_image_hash(dataset, split, i), at);
	qsort(VARDATA(hashes), n, HWR_SHORT_HASH, compare_hashes);
	keep_hashes(version_id, hashes);
	pfree(hashes);
}

static int
compare_whole_hashes(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return (x > y) - (x < y);
}

int64
hwr_overlap_within(const HwrDataset *dataset)
{
	Size		n = hwr_dataset_count(dataset, HWR_SPLIT_TRAIN);
	uint64	   *trained = MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * sizeof(uint64));
	int64		both = 0;

	for (Size i = 0; i < n; i++)
		trained[i] = hwr_dataset_image_hash(dataset, HWR_SPLIT_TRAIN, i);
	qsort(trained, n, sizeof(uint64), compare_whole_hashes);
	for (int i = 0; i < hwr_dataset_count(dataset, HWR_SPLIT_VALIDATION); i++)
	{
		uint64		hash = hwr_dataset_image_hash(dataset, HWR_SPLIT_VALIDATION, i);

		both += bsearch(&hash, trained, n, sizeof(uint64), compare_whole_hashes) != NULL;
	}
	pfree(trained);
	return both;
}

void
hwr_overlap_copy(int64 version_id, const HwrVersionInfo *from)
{
	bytea	   *hashes = hwr_overlap_read(from);

	if (hashes != NULL)
		keep_hashes(version_id, hashes);
}

bytea *
hwr_overlap_read(const HwrVersionInfo *version)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(version->id)};
	bytea	   *hashes = NULL;

	if (version->bundled)
		return hwr_bundled_read_beside(NameStr(version->name), ".images");
	SPI_connect();
	if (hwr_catalog_execute("SELECT used_images FROM hwr.version WHERE id = $1", 1, types, values, NULL) == 1)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			hashes = DatumGetByteaPCopy(value);
			MemoryContextSwitchTo(old);
		}
	}
	SPI_finish();
	return hashes;
}

bool
hwr_overlap_has(const bytea *hashes, const uint8 *image, Size len)
{
	uint8		wanted[HWR_SHORT_HASH];

	short_hash(hwr_image_hash(image, len), wanted);
	return bsearch(wanted, VARDATA(hashes), (VARSIZE(hashes) - VARHDRSZ) / HWR_SHORT_HASH, HWR_SHORT_HASH,
				   compare_hashes) != NULL;
}

/*
 * hwr.image_hash(image bytea) returns bytea
 */
Datum
hwr_image_hash_of(PG_FUNCTION_ARGS)
{
	Size		len;
	const uint8 *image = hwr_image_bytes(PG_GETARG_DATUM(0), &len);
	bytea	   *result = palloc(VARHDRSZ + HWR_SHORT_HASH);

	SET_VARSIZE(result, VARHDRSZ + HWR_SHORT_HASH);
	short_hash(hwr_image_hash(image, len), (uint8 *) VARDATA(result));
	PG_RETURN_BYTEA_P(result);
}
