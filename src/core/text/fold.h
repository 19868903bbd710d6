/*
 * fold.h
 *	  Characters as a search sees them: without case, accents and kinds of punctuation.
 *
 * A character folds to a few symbols, code points all: letters and digits to their small base
 * letters (compatibility decomposition and full case folding, so that a ligature or a sharp s is
 * two), accents and invisible characters to none, everything else, white space and punctuation, to
 * HWR_SEPARATOR.
 */
#ifndef HWR_FOLD_H
#define HWR_FOLD_H

#include <stdint.h>

#include "core/base/status.h"

#define HWR_SEPARATOR ((uint32_t) ' ')

/* A character that would fold to more symbols stays itself. */
#define HWR_FOLD_MAX 4

typedef struct HwrFold
{
	int			n;
	uint32_t	symbols[HWR_FOLD_MAX];
} HwrFold;

extern HwrFold hwr_fold(uint32_t codepoint);

/* Folds looked up before: who folds line after line meets the same characters. */
typedef struct HwrFoldCache
{
	uint32_t	codepoints[1024];	/* 0: free */
	HwrFold		folds[1024];
} HwrFoldCache;

extern const HwrFold *hwr_fold_cached(HwrFoldCache *cache, uint32_t codepoint);

/*
 * A text as a search sees it, in its own order or in that of its ink (bidi.h): symbols[*n], malloc'd, runs of
 * separators as one, none at the ends.  HWR_BAD_LABEL if not UTF-8.
 */
extern bool hwr_fold_text(const char *utf8, size_t len, bool ink, uint32_t **symbols, int *n, HwrStatus *st);

#endif							/* HWR_FOLD_H */
