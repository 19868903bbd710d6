/*
 * sparse_internal.h
 *	  What reading the formats of a kept posterior shares.
 */
#ifndef HWR_SPARSE_INTERNAL_H
#define HWR_SPARSE_INTERNAL_H

#include "core/text/spelling.h"
#include "posterior_internal.h"

/* What is being read. */
typedef struct HwrSparseReader
{
	const uint8_t *at;
	const uint8_t *end;
	HwrStatus  *st;
} HwrSparseReader;

/* HWR_BAD_POSTERIOR, with a detail.  Returns false. */
extern bool hwr_sparse_fail(HwrStatus *st, const char *detail);

/* A byte; a number of at most max in its shortest form. */
extern bool hwr_sparse_byte(HwrSparseReader *r, unsigned *value);
extern bool hwr_sparse_number(HwrSparseReader *r, unsigned max, unsigned *value);

/* What follows the number of characters n, and spellings, up to the end. */
extern bool hwr_sparse_read_plain(HwrSparse *s, HwrSparseReader *r, int n);
extern bool hwr_sparse_read_coded(HwrSparse *s, const HwrSparseReader *r, int n);

/* Spellings, whose signs are classes as long as the characters have not been read. */
typedef struct HwrSparseSpellings
{
	int			plane;
	int			n;
	HwrSpelling *items;			/* malloc'd */
} HwrSparseSpellings;

/* Those in the head of format 4, of a value of so many classes. */
extern bool hwr_sparse_read_spellings(HwrSparseSpellings *out, HwrSparseReader *r, int nclasses);

/* Give them to the value's characters.  The items are the value's then, or freed. */
extern bool hwr_sparse_spell(HwrSparse *s, const HwrSparseSpellings *spellings, HwrStatus *st);

/* Every character of the alphabet is somewhere. */
extern bool hwr_sparse_check_used(HwrSparse *s, HwrStatus *st);

#endif							/* HWR_SPARSE_INTERNAL_H */
