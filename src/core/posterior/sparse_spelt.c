/*
 * sparse_spelt.c
 *	  Reading the spellings in the head of format 4.
 */
#include <stdlib.h>

#include "sparse_internal.h"

/* With classes of the value as its signs: the characters come later. */
static bool
read_spelling(HwrSparseReader *r, int nclasses, HwrSpelling *item)
{
	unsigned	n;

	if (!hwr_sparse_number(r, HWR_SPELLING_LENGTH, &n))
		return false;
	for (item->nsigns = 0; item->nsigns < (int) n; item->nsigns++)
	{
		unsigned	class;

		if (!hwr_sparse_number(r, (unsigned) nclasses, &class))
			return false;
		if (class == 0)
			return hwr_sparse_fail(r->st, "A class is out of range.");
		item->signs[item->nsigns] = class;
	}
	if (!hwr_sparse_number(r, HWR_SPELLING_LENGTH, &n))
		return false;
	for (item->ntext = 0; item->ntext < (int) n; item->ntext++)
	{
		unsigned	c;

		if (!hwr_sparse_number(r, 0x10FFFF, &c))
			return false;
		if (c >= 0xD800 && c < 0xE000)
			return hwr_sparse_fail(r->st, "A character is not one of Unicode.");
		item->text[item->ntext] = c;
	}
	return item->ntext > 0 || hwr_sparse_fail(r->st, "A text is empty.");
}

/* By classes, and so by signs, for these ascend as their classes do. */
static bool
is_above(const HwrSpelling *a, const HwrSpelling *b)
{
	for (int i = 0; i < a->nsigns && i < b->nsigns; i++)
		if (a->signs[i] != b->signs[i])
			return a->signs[i] > b->signs[i];
	return a->nsigns > b->nsigns;
}

bool
hwr_sparse_read_spellings(HwrSparseSpellings *out, HwrSparseReader *r, int nclasses)
{
	HwrSpelling *items;
	unsigned	plane;
	unsigned	n;
	bool		ok = true;

	if (!hwr_sparse_byte(r, &plane) || !hwr_sparse_number(r, HWR_SPELLINGS, &n))
		return false;
	if (plane < HWR_SPELLING_FIRST_PLANE || plane > HWR_SPELLING_LAST_PLANE)
		return hwr_sparse_fail(r->st, "The plane of its signs is out of range.");
	/* each takes four bytes at least */
	if (n > (size_t) (r->end - r->at) / 4)
		return hwr_sparse_fail(r->st, "The bytes end too early.");
	items = hwr_alloc_zero(n, sizeof(HwrSpelling), r->st);
	if (items == NULL)
		return false;
	for (unsigned i = 0; ok && i < n; i++)
	{
		ok = read_spelling(r, nclasses, &items[i]);
		if (ok && i > 0 && !is_above(&items[i], &items[i - 1]))
			ok = hwr_sparse_fail(r->st, "Its spellings are not in order.");
	}
	if (!ok)
	{
		free(items);
		return false;
	}
	*out = (HwrSparseSpellings) {(int) plane, (int) n, items};
	return true;
}

bool
hwr_sparse_spell(HwrSparse *s, const HwrSparseSpellings *spellings, HwrStatus *st)
{
	HwrStatus	reason = {0};

	for (int i = 0; i < spellings->n; i++)
	{
		HwrSpelling *item = &spellings->items[i];

		for (int k = 0; k < item->nsigns; k++)
			item->signs[k] = s->alphabet.codepoints[item->signs[k] - 1];
	}
	if (hwr_alphabet_set_spellings(&s->alphabet, spellings->plane, spellings->items, spellings->n, &reason))
		return true;
	if (reason.code == HWR_BAD_DATA)
		return hwr_sparse_fail(st, reason.detail);
	*st = reason;
	return false;
}
