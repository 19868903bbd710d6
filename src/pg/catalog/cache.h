/*
 * cache.h
 *	  Models loaded in this process.
 *
 * Include after postgres.h.
 */
#ifndef HWR_CACHE_H
#define HWR_CACHE_H

#include "core/decode/beam.h"
#include "core/model/model.h"
#include "core/network/backend.h"
#include "core/network/recognizer.h"
#include "catalog.h"

/*
 * Keyed by content hash.  The result is valid until the next
 * call: use it without letting any other SQL run in between, and ask again.
 */
typedef struct HwrLoaded
{
	const HwrModel *model;
	HwrRecognizer *recognizer;
	HwrBeam    *beam;			/* to decode with, for a model that has a language model; else NULL */
	const uint8 *hash;			/* of its file, SHA-256 */
	HwrPrecision precision;
	const HwrVersionInfo *version;	/* the caller's */
} HwrLoaded;
extern HwrLoaded hwr_cache_get(const HwrVersionInfo *version);	/* checks the privilege to use it */
extern bool hwr_cache_find(const HwrVersionInfo *version, HwrLoaded *out);	/* only if it is loaded; checks nothing */
extern HwrLoaded hwr_cache_get_again(const HwrVersionInfo *version);	/* after a hwr_cache_get in this statement */

#endif							/* HWR_CACHE_H */
