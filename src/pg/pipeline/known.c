/*
 * known.c
 *	  What is known of an attached table's rows by their keys: by which version each was read, what persons have corrected.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"

#include "enqueue.h"

void
hwr_forget_row(const HwrAttachment *a, Datum key, bool corrections)
{
	static HwrCatalogPlan rows = {"DELETE FROM hwr.read_row WHERE attachment = $1 AND key = $2", 2, {INT4OID, TEXTARRAYOID}};
	static HwrCatalogPlan labels = {"DELETE FROM hwr.correction WHERE attachment = $1 AND key = $2", 2, {INT4OID, TEXTARRAYOID}};
	static HwrCatalogPlan shadows = {"DELETE FROM hwr.shadow WHERE attachment = $1 AND key = $2", 2, {INT4OID, TEXTARRAYOID}};
	Datum		values[2] = {Int32GetDatum(a->id), key};

	(void) hwr_catalog_plan_execute(&rows, values, NULL);
	(void) hwr_catalog_plan_execute(&shadows, values, NULL);
	if (corrections)
		(void) hwr_catalog_plan_execute(&labels, values, NULL);
}

/*
 * Keys may change places in one statement, where the primary key is deferrable.  What is known of a row whose
 * key another one comes to have gets a key that no row has, until its own turn comes: with the image's hash
 * as a further element.
 */
static void
step_aside(const HwrAttachment *a, Datum key)
{
	static HwrCatalogPlan plan = {"WITH r AS (UPDATE hwr.read_row SET key = key || encode(hash, 'hex') WHERE attachment = $1 "
								  "AND key = $2 RETURNING hash) "
		"UPDATE hwr.correction c SET key = c.key || encode(c.hash, 'hex') FROM r WHERE c.attachment = $1 AND c.key = $2 "
		"AND c.hash = r.hash", 2,
	{INT4OID, TEXTARRAYOID}};
	static HwrCatalogPlan stale = {"DELETE FROM hwr.read_row s USING hwr.read_row r WHERE r.attachment = $1 AND r.key = $2 "
								   "AND s.attachment = $1 "
	"AND s.key = r.key || encode(r.hash, 'hex')", 2, {INT4OID, TEXTARRAYOID}};
	Datum		values[2] = {Int32GetDatum(a->id), key};

	(void) hwr_catalog_plan_execute(&stale, values, NULL);
	(void) hwr_catalog_plan_execute(&plan, values, NULL);
}

/* The key under which a row is known that has had this one, and whose image has this hash. */
static Datum
former_key(const HwrAttachment *a, Datum key, bytea *hash)
{
	static HwrCatalogPlan plan = {"SELECT key FROM hwr.read_row WHERE attachment = $1 AND key = $2 || encode($3, 'hex')", 3,
		{INT4OID, TEXTARRAYOID, BYTEAOID}};
	Datum		values[3] = {Int32GetDatum(a->id), key, PointerGetDatum(hash)};
	bool		isnull;

	if (hwr_catalog_plan_execute(&plan, values, NULL) == 0)
		return key;
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
}

void
hwr_move_row(const HwrAttachment *a, Datum from, Datum to, bytea *hash)
{
	static HwrCatalogPlan rows = {"INSERT INTO hwr.read_row (attachment, key, hash, model, version, confidence, read, corrected) "
		"SELECT attachment, $3, hash, model, version, confidence, read, corrected FROM hwr.read_row WHERE attachment = $1 "
		"AND key = $2 AND hash = $4 "
		"ON CONFLICT (attachment, key) DO UPDATE SET hash = excluded.hash, model = excluded.model, version = excluded.version, "
	"confidence = excluded.confidence, read = excluded.read, corrected = excluded.corrected", 4, {INT4OID, TEXTARRAYOID,
		TEXTARRAYOID, BYTEAOID}};
	static HwrCatalogPlan labels = {"UPDATE hwr.correction SET key = $3 WHERE attachment = $1 AND key = $2 AND hash = $4", 4,
	{INT4OID, TEXTARRAYOID, TEXTARRAYOID, BYTEAOID}};
	static HwrCatalogPlan former = {"DELETE FROM hwr.read_row WHERE attachment = $1 AND key = $2 AND hash = $4", 4,
		{INT4OID, TEXTARRAYOID, TEXTARRAYOID, BYTEAOID}};
	Datum		values[4] = {Int32GetDatum(a->id), from, to, PointerGetDatum(hash)};

	values[1] = former_key(a, from, hash);
	step_aside(a, to);
	(void) hwr_catalog_plan_execute(&rows, values, NULL);
	(void) hwr_catalog_plan_execute(&former, values, NULL);
	(void) hwr_catalog_plan_execute(&labels, values, NULL);
}

void
hwr_keep_correction(int32 attachment, Datum key, Datum hash, Datum was, Datum label)
{
	static HwrCatalogPlan mark = {"INSERT INTO hwr.read_row (attachment, key, hash, corrected) VALUES ($1, $2, $3, true) "
		"ON CONFLICT (attachment, key) DO UPDATE SET corrected = true, hash = excluded.hash, "
		"model = CASE WHEN read_row.hash = excluded.hash AND read_row.version >= 0 THEN read_row.model END, version = CASE "
		"WHEN read_row.hash = excluded.hash AND read_row.version >= 0 THEN read_row.version END, "
	"confidence = CASE WHEN read_row.hash = excluded.hash AND read_row.version >= 0 THEN read_row.confidence END, "
	"trial = CASE WHEN read_row.hash = excluded.hash THEN read_row.trial END", 3, {INT4OID, TEXTARRAYOID, BYTEAOID}};
	static HwrCatalogPlan keep = {"INSERT INTO hwr.correction (attachment, key, hash, who, was, label, reading, model, version, "
								  "confidence, trial, arm) "
		"SELECT $1, $2, $3, $4, $5, $6, CASE WHEN c.id IS NOT NULL THEN c.reading "
		"WHEN r.model IS NOT NULL THEN $5 END, r.model, r.version, r.confidence, r.trial, r.arm "
		"FROM hwr.read_row r LEFT JOIN LATERAL (SELECT x.id, x.reading FROM hwr.correction x WHERE x.attachment = $1 "
		"AND x.key = $2 AND x.hash = $3 "
		"AND x.model IS NOT DISTINCT FROM r.model AND x.version IS NOT DISTINCT FROM r.version ORDER BY x.id LIMIT 1) c ON true "
		"WHERE r.attachment = $1 AND r.key = $2",
	6, {INT4OID, TEXTARRAYOID, BYTEAOID, OIDOID, TEXTOID, TEXTOID}};
	Datum		values[6] = {Int32GetDatum(attachment), key, hash, ObjectIdGetDatum(GetUserId()), was, label};

	(void) hwr_catalog_plan_execute(&mark, values, NULL);
	(void) hwr_catalog_plan_execute(&keep, values, was != (Datum) 0 ? NULL : "    n ");
}
