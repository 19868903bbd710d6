/*
 * kept.h
 *	  Beam searches in kept posteriors at a call site.
 *
 * Include after postgres.h.
 */
#ifndef HWR_KEPT_H
#define HWR_KEPT_H

#include "fmgr.h"

#include "ink.h"
#include "pg/reader/decoder.h"

typedef struct HwrKept
{
	MemoryContext context;
	HwrInk	   *ink;
	HwrDecoder *decoder;
	HwrHold    *alphabet;		/* HwrAlphabet */
	uint8		key[PG_SHA256_DIGEST_LENGTH];	/* another one whenever it grows, and for each letter case */
	ArrayType  *lexicon;		/* whose characters it has */
	HwrCase		mapping;		/* by which they were mapped */
} HwrKept;

/* The call site's, in fn_extra. */
extern HwrKept *hwr_kept_of(FunctionCallInfo fcinfo);

/*
 * Whose classes a search in this value has, once its alphabet has the characters of all these (each may be NULL); valid until the
 * next call.
 */
extern HwrWriter hwr_kept_writer(HwrKept *site, const HwrSparse *sparse, ArrayType *lexicon, text *allow, text *pattern);

/* A search of the value that was read last, over the writer's classes. */
extern HwrBeamQuery hwr_kept_query(HwrKept *site, const HwrSparse *sparse, const HwrWriter *writer);

#endif							/* HWR_KEPT_H */
