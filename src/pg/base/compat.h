/*
 * compat.h
 *	  What differs between PostgreSQL 13 and 18, presented as the newest API.
 *
 * Include after postgres.h.
 */
#ifndef HWR_COMPAT_H
#define HWR_COMPAT_H

#include "utils/guc.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM >= 140000
#include "common/cryptohash.h"
#endif
#include "common/sha2.h"

/* 18 spells it as a prefix that C11 and C23 both understand. */
#if PG_VERSION_NUM < 180000 && !defined(pg_noreturn)
#define pg_noreturn __attribute__((noreturn))
#endif

#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

#if PG_VERSION_NUM < 140000
#define ROLE_PG_READ_ALL_STATS DEFAULT_ROLE_READ_ALL_STATS
#endif

#include "catalog/pg_namespace.h"
#include "utils/acl.h"
#if PG_VERSION_NUM >= 160000
#define hwr_schema_aclcheck(schema, role, mode) object_aclcheck(NamespaceRelationId, schema, role, mode)
#else
#define hwr_schema_aclcheck(schema, role, mode) pg_namespace_aclcheck(schema, role, mode)
#endif

/* Functions that have had names of their own among the OIDs since 14. */
#if PG_VERSION_NUM < 140000
#define F_BPCHARLIKE 1631
#define F_BPCHARNLIKE 1632
#define F_NEXTVAL 1574
#endif

/* The parameters of an ExecutorRun hook, and whether that call is the statement's last.  18 has no execute_once. */
#if PG_VERSION_NUM >= 180000
#define HWR_RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count
#define HWR_RUN_ARGUMENTS query, direction, count
#define HWR_RUNS_TO_END (count == 0)
#else
#define HWR_RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define HWR_RUN_ARGUMENTS query, direction, count, execute_once
#define HWR_RUNS_TO_END (count == 0 || execute_once)
#endif

/* Has become a function in 17. */
#if PG_VERSION_NUM < 170000
static inline void
RestrictSearchPath(void)
{
	set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
					  GUC_ACTION_SAVE, true, 0, false);
}
#endif

/* Wait events of an extension have names since 17. */
#include "pgstat.h"
#if PG_VERSION_NUM < 170000
#define WaitEventExtensionNew(name) ((void) (name), PG_WAIT_EXTENSION)
#endif

/* The result of a set-returning function as a tuplestore.  Has come with 15. */
#if PG_VERSION_NUM < 150000
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, int flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || !(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &rsinfo->setDesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	rsinfo->returnMode = SFRM_Materialize;
	MemoryContextSwitchTo(old);
}
#endif

/*
 * Is the client still there?  Before 14 that shows when something is sent to it.  The header that
 * declares this wants the headers of Kerberos too.
 */
#if PG_VERSION_NUM >= 140000
extern bool pq_check_connection(void);
#else
#define pq_check_connection() true
#endif

/* SHA-256 of data[len]; false if the library behind it failed. */
static inline bool
hwr_sha256(const uint8 *data, Size len, uint8 *digest)
{
#if PG_VERSION_NUM >= 140000
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);
	bool		ok;

	if (ctx == NULL)
		return false;
	ok = pg_cryptohash_init(ctx) >= 0 &&
		pg_cryptohash_update(ctx, data, len) >= 0 &&
		pg_cryptohash_final(ctx, digest, PG_SHA256_DIGEST_LENGTH) >= 0;
	pg_cryptohash_free(ctx);
	return ok;
#else
	pg_sha256_ctx ctx;

	pg_sha256_init(&ctx);
	pg_sha256_update(&ctx, data, len);
	pg_sha256_final(&ctx, digest);
	return true;
#endif
}

#endif							/* HWR_COMPAT_H */
