/*
 * decode.h
 *	  What the files for decoding share: names looked up once a statement, core objects that
 *	  memory contexts own, and language models.
 *
 * Include after postgres.h.
 */
#ifndef HWR_DECODE_GLUE_H
#define HWR_DECODE_GLUE_H

#include "core/lm.h"
#include "hwr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"

/*
 * resolve.c
 *
 * Who asks and what they can see: two moments that agree see the same rows of the catalog.  A call site can outlive
 * a statement (PL/pgSQL keeps simple expressions), so what it has looked up is good only in the same moment.
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
} HwrResolved;

/* The model, loaded; NULL: the default one.  As hwr_cache_get. */
extern HwrLoaded hwr_resolve_model(HwrResolved *r, const char *model);

/*
 * hold.c: an object of the core that goes when a memory context does, or is replaced
 */
typedef struct HwrHold
{
	MemoryContextCallback callback;
	void		(*release) (void *object);
	void	   *object;			/* NULL: none yet */
} HwrHold;

/* Nothing in the hold can be lost: it is made before the object, and the object is put in without an allocation. */
extern HwrHold *hwr_hold_create(MemoryContext context, void (*release) (void *object));
extern void hwr_hold_replace(HwrHold *hold, void *object);

/* A text value as UTF-8, valid or not, in the current memory context. */
extern const char *hwr_utf8_of(Datum value, Size *len);

/* The elements of a one-dimensional text array. */
extern void hwr_text_elements(ArrayType *array, const char *what, Datum **elements, bool **nulls, int *n);

/*
 * lm.c: stored language models
 */

/* Id of the language model, which changes whenever it is replaced; *hold's object becomes it, an HwrLm, unless it is known_id. */
extern int64 hwr_lm_fetch(const char *name, int64 known_id, HwrHold *hold);
extern void hwr_release_lm(void *lm);

#endif							/* HWR_DECODE_GLUE_H */
