/*
 * orphans.c
 *	  Large objects that hold a model or a checkpoint but belong to no version or job.
 *
 * DROP EXTENSION removes the tables of schema hwr but, as PostgreSQL has no dependency of large objects on
 * anything, not the weights.  So does TRUNCATE or a restore of the large objects alone.  What remains can be told
 * by its content.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/be-fsstubs.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/base/status.h"
#include "core/model/safetensors.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/identity.h"
#include "catalog.h"

/* A file begins with the length of its header and the brace that opens it. */
#define PREFIX_LENGTH 9

PG_FUNCTION_INFO_V1(hwr_orphans);

static bytea *
read_part(Oid loid, int64 offset, int32 len)
{
	return DatumGetByteaPP(DirectFunctionCall3(be_lo_get_fragment, ObjectIdGetDatum(loid),
											   Int64GetDatum(offset), Int32GetDatum(len)));
}

/* May it be a model?  Most large objects of a database are something else, and this looks at one page of them. */
static bool
looks_like_model(Oid loid)
{
	bytea	   *prefix = read_part(loid, 0, PREFIX_LENGTH);
	const uint8 *bytes = (const uint8 *) VARDATA_ANY(prefix);

	if (VARSIZE_ANY_EXHDR(prefix) != PREFIX_LENGTH || bytes[PREFIX_LENGTH - 1] != '{')
		return false;
	/* headers are below 4 GB, files below 1 GB */
	if (bytes[4] != 0 || bytes[5] != 0 || bytes[6] != 0 || bytes[7] != 0)
		return false;
	return VARSIZE_ANY_EXHDR(read_part(loid, MaxAllocSize - 1024, 1)) == 0;
}

/* The architecture if these are the bytes of a model file or of a training's checkpoint, else NULL. */
static char *
architecture_of(const uint8 *bytes, Size len)
{
	HwrSafeTensors *file;
	HwrStatus	st;
	char	   *volatile result = NULL;

	if (!hwr_safetensors_open(bytes, len, &file, &st))
	{
		if (st.code == HWR_OUT_OF_MEMORY)
			hwr_raise(&st);
		return NULL;
	}
	PG_TRY();
	{
		const char *format = hwr_safetensors_metadata(file, "format");
		const char *architecture = hwr_safetensors_metadata(file, "architecture");

		if (format != NULL && (strcmp(format, "hwr") == 0 || strcmp(format, "hwr-checkpoint") == 0))
			result = hwr_from_utf8(architecture != NULL ? architecture : "");
	}
	PG_FINALLY();
	{
		hwr_safetensors_close(file);
	}
	PG_END_TRY();
	return result;
}

static void
add_if_model(ReturnSetInfo *rsinfo, Oid loid, Datum owner)
{
	bytea	   *file;
	char	   *architecture;
	Datum		values[4];
	bool		nulls[4] = {0};

	if (!looks_like_model(loid))
		return;
	file = DatumGetByteaPP(DirectFunctionCall1(be_lo_get, ObjectIdGetDatum(loid)));
	architecture = architecture_of((const uint8 *) VARDATA_ANY(file), VARSIZE_ANY_EXHDR(file));
	if (architecture == NULL)
		return;
	values[0] = ObjectIdGetDatum(loid);
	values[1] = owner;
	values[2] = Int64GetDatum(VARSIZE_ANY_EXHDR(file));
	values[3] = CStringGetTextDatum(architecture);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * hwr_orphans() returns setof record (weights oid, owner name, bytes bigint, architecture text)
 */
Datum
hwr_orphans(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	MemoryContext old;
	uint64		n;
	SPITupleTable *objects;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	n = hwr_catalog_execute("SELECT l.oid, pg_get_userbyid(l.lomowner) FROM pg_largeobject_metadata l "
							"WHERE NOT EXISTS (SELECT FROM hwr.version v WHERE v.weights = l.oid) "
							"AND NOT EXISTS (SELECT FROM hwr.job j WHERE j.checkpoint = l.oid) ORDER BY l.oid",
							0, NULL, NULL, NULL);
	objects = SPI_tuptable;
	context = AllocSetContextCreate(CurrentMemoryContext, "hwr orphans", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Oid			loid = DatumGetObjectId(SPI_getbinval(objects->vals[i], objects->tupdesc, 1, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (hwr_may_read(loid))
			add_if_model(rsinfo, loid, SPI_getbinval(objects->vals[i], objects->tupdesc, 2, &isnull));
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	SPI_finish();
	return (Datum) 0;
}
