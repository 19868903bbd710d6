/*
 * resolve.h
 *	  Names looked up once a statement.
 *
 * Include after postgres.h.
 */
#ifndef HWR_RESOLVE_H
#define HWR_RESOLVE_H

#include "fmgr.h"

#include "pg/catalog/cache.h"
#include "pg/catalog/catalog.h"

/*
 * Who asks and what they can see: two moments that agree see the same rows of the catalog.  A call
 * site can outlive a statement (PL/pgSQL keeps simple expressions), so what it has looked up is
 * good only in the same moment.
 */
typedef struct HwrMoment
{
	Oid			userid;
	SubTransactionId subxact;
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
} HwrMoment;

extern HwrMoment hwr_moment(void);
extern bool hwr_same_moment(const HwrMoment *a, const HwrMoment *b);

/* What a model argument meant when it was last looked up; all zero at first. */
typedef struct HwrResolved
{
	HwrMoment	moment;
	HwrVersionInfo version;
	int32		wanted;			/* number that was asked for, 0: the active one */
} HwrResolved;

/* The model, loaded; NULL: the default one.  As hwr_cache_get. */
extern HwrLoaded hwr_resolve_model(HwrResolved *r, const char *model);

/* The same of a version that need not be active; 0: the active one. */
extern HwrLoaded hwr_resolve_version(HwrResolved *r, const char *model, int32 version);

/* By the arguments of a function: a model's name, and a version or -1 for none. */
extern HwrLoaded hwr_resolve_arguments(HwrResolved *r, FunctionCallInfo fcinfo, int model_argno, int version_argno);

#endif							/* HWR_RESOLVE_H */
