/*
 * fold.c
 *	  Folding of characters, over utf8proc.
 */
#include "fold.h"

#include <stdlib.h>

#include <utf8proc.h>

#include "bidi.h"
#include "text.h"

/* Letters that Unicode does not take apart, though readers do. */
static const struct
{
	uint32_t	letter;
	const char *base;
}			apart[] = {
	{0xE6, "ae"}, {0xF0, "d"}, {0xF8, "o"}, {0xFE, "th"}, {0x111, "d"}, {0x127, "h"}, {0x131, "i"},
	{0x142, "l"}, {0x153, "oe"}, {0x167, "t"}
};

/*
 * Accents that stand over, under or through a letter, and the points of Hebrew and Arabic.  Marks of
 * other combining classes are letters of their scripts.
 */
static bool
is_accent(const utf8proc_property_t *p)
{
	return p->category == UTF8PROC_CATEGORY_ME ||
		(p->category == UTF8PROC_CATEGORY_MN &&
		 (p->combining_class >= 200 || p->combining_class == 1 ||
		  (p->combining_class >= 10 && p->combining_class <= 35)));
}

static bool
is_word(const utf8proc_property_t *p)
{
	switch (p->category)
	{
		case UTF8PROC_CATEGORY_LU:
		case UTF8PROC_CATEGORY_LL:
		case UTF8PROC_CATEGORY_LT:
		case UTF8PROC_CATEGORY_LM:
		case UTF8PROC_CATEGORY_LO:
		case UTF8PROC_CATEGORY_MN:
		case UTF8PROC_CATEGORY_MC:
		case UTF8PROC_CATEGORY_ND:
		case UTF8PROC_CATEGORY_NL:
		case UTF8PROC_CATEGORY_NO:
		case UTF8PROC_CATEGORY_CO:
			return true;
		default:
			return false;
	}
}

/* Spacing accents count as accents: transcriptions mark raised letters with them. */
static bool
is_nothing(const utf8proc_property_t *p)
{
	return is_accent(p) || p->category == UTF8PROC_CATEGORY_SK || p->category == UTF8PROC_CATEGORY_CF;
}

static bool
add(HwrFold *fold, uint32_t c)
{
	const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t) c);

	if (is_nothing(p))
		return true;
	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++)
	{
		if (apart[i].letter != c)
			continue;
		for (const char *base = apart[i].base; *base; base++)
		{
			if (fold->n == HWR_FOLD_MAX)
				return false;
			fold->symbols[fold->n++] = (uint32_t) *base;
		}
		return true;
	}
	if (!is_word(p))
		c = HWR_SEPARATOR;
	if (fold->n == HWR_FOLD_MAX)
		return false;
	fold->symbols[fold->n++] = c;
	return true;
}

HwrFold
hwr_fold(uint32_t codepoint)
{
	HwrFold		fold = {0};
	utf8proc_int32_t parts[32];
	int			boundary = 0;
	const utf8proc_property_t *p;
	utf8proc_ssize_t n;

	if (codepoint > 0x10FFFF || !utf8proc_codepoint_valid((utf8proc_int32_t) codepoint))
		return (HwrFold) {1, {HWR_SEPARATOR}};
	p = utf8proc_get_property((utf8proc_int32_t) codepoint);
	if (is_nothing(p))
		return fold;
	if (!is_word(p))
		return (HwrFold) {1, {HWR_SEPARATOR}};
	n = utf8proc_decompose_char((utf8proc_int32_t) codepoint, parts, 32,
								UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD, &boundary);
	for (utf8proc_ssize_t i = 0; i < n && n <= 32; i++)
		if (!add(&fold, (uint32_t) parts[i]))
			return (HwrFold) {1, {codepoint}};
	if (fold.n == 0)
		return (HwrFold) {1, {codepoint}};
	return fold;
}

const HwrFold *
hwr_fold_cached(HwrFoldCache *cache, uint32_t codepoint)
{
	uint32_t	at = (codepoint * UINT32_C(0x9e3779b1)) >> 22;

	/* One that meets another in its place takes it. */
	if (cache->codepoints[at] != codepoint)
	{
		cache->folds[at] = hwr_fold(codepoint);
		cache->codepoints[at] = codepoint;
	}
	return &cache->folds[at];
}

bool
hwr_fold_text(const char *utf8, size_t len, bool ink, uint32_t **symbols, int *n, HwrStatus *st)
{
	uint32_t   *codepoints = NULL;
	uint32_t   *out;
	int			count = 0;
	int			used = 0;

	if (!(ink ? hwr_text_decode_ink : hwr_text_decode) (utf8, len, &codepoints, &count, st))
		return false;
	out = hwr_alloc((size_t) count * HWR_FOLD_MAX, sizeof(uint32_t), st);
	for (int i = 0; out != NULL && i < count; i++)
	{
		HwrFold		fold = hwr_fold(codepoints[i]);

		for (int j = 0; j < fold.n; j++)
			if (fold.symbols[j] != HWR_SEPARATOR || (used > 0 && out[used - 1] != HWR_SEPARATOR))
				out[used++] = fold.symbols[j];
	}
	free(codepoints);
	if (out == NULL)
		return false;
	while (used > 0 && out[used - 1] == HWR_SEPARATOR)
		used--;
	*symbols = out;
	*n = used;
	return true;
}
