/*
 * text.c
 *	  Labels as Unicode, over utf8proc.
 *
 * Case is mapped between two normalisations: the text is decomposed, mapped code point by code point and
 * composed again.  So canonically equal inputs give equal outputs, and most letters without a
 * single-character counterpart (a j with caron, say) still get theirs.  The sixteen that
 * Unicode maps to several letters stay one character: sharp s becomes the capital sharp s, ligatures
 * stay as they are.
 */
#include "text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "spelling.h"

const char *const hwr_case_words[] = {"keep", "upper", "lower", NULL};

bool
hwr_text_is_space(uint32_t c)
{
	switch (c)
	{
		case ' ':
		case 0x85:
		case 0xA0:
		case 0x1680:
		case 0x2028:
		case 0x2029:
		case 0x202F:
		case 0x205F:
		case 0x3000:
			return true;
		default:
			return (c >= '\t' && c <= '\r') || (c >= 0x2000 && c <= 0x200A);
	}
}

static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

/* Default_Ignorable_Code_Point of Unicode, without the two joiners. */
static bool
is_invisible(uint32_t c)
{
	static const uint32_t ranges[][2] = {
		{0xAD, 0xAD}, {0x34F, 0x34F}, {0x61C, 0x61C}, {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F},
		{0x200B, 0x200B}, {0x200E, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x206F}, {0x3164, 0x3164}, {0xFE00, 0xFE0F},
		{0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFF8}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && ranges[i][0] <= c; i++)
		if (c <= ranges[i][1])
			return true;
	return false;
}

/* Whether c is to be left out behind the character before it. */
static bool
leave_out(uint32_t c, uint32_t before)
{
	bool		joiner = c == 0x200C || c == 0x200D;

	return is_invisible(c) || (joiner && (before < 0x590 || (before >= 0x2000 && before <= 0x206F)));
}

static bool
is_right_to_left(uint32_t c)
{
	utf8proc_bidi_class_t class = (utf8proc_bidi_class_t) utf8proc_get_property((utf8proc_int32_t) c)->bidi_class;

	return class == UTF8PROC_BIDI_CLASS_R || class == UTF8PROC_BIDI_CLASS_AL;
}

static bool
fail_utf8(HwrStatus *st, size_t offset)
{
	hwr_fail(st, HWR_BAD_LABEL, "label is not valid UTF-8");
	return hwr_fail_detail(st, "The bytes from number %zu on are not a character.", offset + 1);
}

/* One code point at *pos; false where the bytes are not a character. */
static bool
next_codepoint(const char *utf8, size_t len, size_t *pos, uint32_t *out)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t used;

	used = utf8proc_iterate((const utf8proc_uint8_t *) utf8 + *pos,
							(utf8proc_ssize_t) (len - *pos), &c);
	if (used <= 0 || c < 0)
		return false;
	*pos += (size_t) used;
	*out = (uint32_t) c;
	return true;
}

HwrTextTraits
hwr_text_traits(const char *utf8, size_t len)
{
	HwrTextTraits traits = {0, false};
	size_t		pos = 0;
	uint32_t	before = 0;
	uint32_t	c;

	while (pos < len && next_codepoint(utf8, len, &pos, &c))
	{
		if (leave_out(c, before))
		{
			traits.invisible++;
			continue;
		}
		traits.right_to_left = traits.right_to_left || (c >= 0x590 && is_right_to_left(c));
		before = c;
	}
	return traits;
}

/* Refuse what utf8proc would stumble over, before it allocates. */
static bool
check_label(const char *utf8, size_t len, HwrStatus *st)
{
	size_t		pos = 0;
	int			position = 0;
	uint32_t	c;

	if (len > INT_MAX)
		return hwr_fail(st, HWR_BAD_LABEL, "label is too long");
	while (pos < len)
	{
		if (!next_codepoint(utf8, len, &pos, &c))
			return fail_utf8(st, pos);
		position++;
		if (is_control(c) && !hwr_text_is_space(c))
		{
			hwr_fail(st, HWR_BAD_LABEL, "label contains a control character");
			return hwr_fail_detail(st, "Character %d is U+%04X.", position, (unsigned) c);
		}
	}
	return true;
}

static utf8proc_int32_t
map_upper(utf8proc_int32_t c, void *unused)
{
	(void) unused;
	return utf8proc_toupper(c);
}

static utf8proc_int32_t
map_lower(utf8proc_int32_t c, void *unused)
{
	(void) unused;
	return utf8proc_tolower(c);
}

/* utf8proc's map with its errors in ours: malloc'd and NUL-terminated text, or NULL. */
static char *
map_text(const char *utf8, size_t len, int options, utf8proc_custom_func custom,
		 size_t *out_len, HwrStatus *st)
{
	utf8proc_uint8_t *mapped = NULL;
	utf8proc_ssize_t n;

	n = utf8proc_map_custom((const utf8proc_uint8_t *) utf8, (utf8proc_ssize_t) len, &mapped,
							(utf8proc_option_t) (UTF8PROC_STABLE | options), custom, NULL);
	if (n == UTF8PROC_ERROR_NOMEM)
	{
		hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
		return NULL;
	}
	if (n < 0)
	{
		hwr_fail(st, HWR_BAD_LABEL, "label cannot be normalized");
		hwr_fail_detail(st, "%s.", utf8proc_errmsg(n));
		return NULL;
	}
	*out_len = (size_t) n;
	return (char *) mapped;
}

bool
hwr_text_compose(const char *utf8, size_t len, char **out, size_t *out_len, HwrStatus *st)
{
	size_t		i = 0;

	*out = NULL;
	/* below U+0300, where byte CC begins, nothing is composed or decomposed */
	while (i < len && (uint8_t) utf8[i] < 0xCC)
		i++;
	if (i == len)
		return true;
	*out = map_text(utf8, len, UTF8PROC_COMPOSE, NULL, out_len, st);
	return *out != NULL;
}

/* Invisible characters left out, in place; s is valid UTF-8.  Returns the length. */
static size_t
drop_invisible(char *s, size_t len)
{
	size_t		from = 0;
	size_t		to = 0;
	uint32_t	before = 0;
	uint32_t	c;

	while (from < len)
	{
		size_t		start = from;

		if (!next_codepoint(s, len, &from, &c))
			break;
		if (leave_out(c, before))
			continue;
		before = c;
		memmove(s + to, s + start, from - start);
		to += from - start;
	}
	s[to] = '\0';
	return to;
}

/* White space runs to one space and ends trimmed, in place; s is valid UTF-8. */
static void
squeeze_spaces(char *s, size_t len)
{
	size_t		from = 0;
	size_t		to = 0;
	bool		pending = false;
	uint32_t	c;

	while (from < len)
	{
		size_t		start = from;

		if (!next_codepoint(s, len, &from, &c))
			break;
		if (hwr_text_is_space(c))
		{
			pending = to > 0;
			continue;
		}
		if (pending)
			s[to++] = ' ';
		pending = false;
		memmove(s + to, s + start, from - start);
		to += from - start;
	}
	s[to] = '\0';
}

/* NFC and case of a checked text without invisible characters. */
static char *
compose(const char *utf8, size_t len, HwrCase mapping, size_t *text_len, HwrStatus *st)
{
	char	   *apart;
	char	   *text;
	size_t		apart_len;

	if (mapping == HWR_CASE_KEEP)
		return map_text(utf8, len, UTF8PROC_COMPOSE, NULL, text_len, st);
	apart = map_text(utf8, len, UTF8PROC_DECOMPOSE, NULL, &apart_len, st);
	if (apart == NULL)
		return NULL;
	text = map_text(apart, apart_len, UTF8PROC_COMPOSE, mapping == HWR_CASE_UPPER ? map_upper : map_lower, text_len, st);
	free(apart);
	return text;
}

bool
hwr_text_normalize(const char *utf8, size_t len, HwrCase mapping, char **out, HwrStatus *st)
{
	char	   *seen;
	char	   *text;
	size_t		text_len;

	if (!check_label(utf8, len, st))
		return false;
	seen = hwr_alloc(len + 1, 1, st);
	if (seen == NULL)
		return false;
	memcpy(seen, utf8, len);
	seen[len] = '\0';
	/* before they are composed: an invisible character may part a letter from its accent */
	len = drop_invisible(seen, len);
	text = compose(seen, len, mapping, &text_len, st);
	free(seen);
	if (text == NULL)
		return false;
	squeeze_spaces(text, text_len);
	*out = text;
	return true;
}

bool
hwr_text_decode(const char *utf8, size_t len, uint32_t **codepoints, int *n, HwrStatus *st)
{
	uint32_t   *out;
	size_t		pos = 0;
	int			count = 0;

	if (len > INT_MAX)
		return hwr_fail(st, HWR_BAD_LABEL, "label is too long");
	out = hwr_alloc(len, sizeof(uint32_t), st);
	if (out == NULL)
		return false;
	while (pos < len)
	{
		size_t		start = pos;

		/* U+0000 cannot be told from the end of a string, and 0 means "none" in alignments */
		if (!next_codepoint(utf8, len, &pos, &out[count]) || out[count] == 0)
		{
			free(out);
			return fail_utf8(st, start);
		}
		count++;
	}
	*codepoints = out;
	*n = count;
	return true;
}

bool
hwr_text_encode(const uint32_t *codepoints, int n, char **utf8, HwrStatus *st)
{
	utf8proc_uint8_t *out;
	size_t		len = 0;

	out = hwr_alloc((size_t) n * 4 + 1, 1, st);
	if (out == NULL)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (codepoints[i] == 0 || codepoints[i] > 0x10FFFF ||
			!utf8proc_codepoint_valid((utf8proc_int32_t) codepoints[i]))
		{
			free(out);
			return hwr_fail(st, HWR_BAD_LABEL, "invalid character U+%04X",
							(unsigned) codepoints[i]);
		}
		len += (size_t) utf8proc_encode_char((utf8proc_int32_t) codepoints[i], out + len);
	}
	out[len] = '\0';
	*utf8 = (char *) out;
	return true;
}

char *
hwr_text_quote(const char *s, char *buf, size_t size)
{
	size_t		len = strlen(s);
	size_t		pos = 0;
	size_t		to = 0;
	size_t		mark = 0;		/* where "..." would still fit */

	while (pos < len)
	{
		size_t		start = pos;
		size_t		need;
		uint32_t	c;
		bool		plain = next_codepoint(s, len, &pos, &c) && !is_control(c);

		if (pos == start)
			pos++;				/* not a character: one byte */
		need = plain ? pos - start : 1;
		if (to + need >= size)
		{
			to = mark;
			if (to + 3 < size)
			{
				memcpy(buf + to, "...", 3);
				to += 3;
			}
			break;
		}
		if (plain)
			memcpy(buf + to, s + start, need);
		else
			buf[to] = '?';
		to += need;
		if (to + 3 < size)
			mark = to;
	}
	buf[to] = '\0';
	return buf;
}

/* Index of the first code point >= c. */
static int
lower_bound(const HwrAlphabet *alphabet, uint32_t c)
{
	int			lo = 0;
	int			hi = alphabet->n;

	while (lo < hi)
	{
		int			mid = lo + (hi - lo) / 2;

		if (alphabet->codepoints[mid] < c)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int
compare_codepoints(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

bool
hwr_alphabet_from_utf8(const char *utf8, size_t len, HwrAlphabet *out, HwrStatus *st)
{
	uint32_t   *all = NULL;
	int			n = 0;
	int			distinct = 0;

	if (!hwr_text_decode(utf8, len, &all, &n, st))
		return false;
	qsort(all, (size_t) n, sizeof(uint32_t), compare_codepoints);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || all[i] != all[i - 1])
			all[distinct++] = all[i];
	}
	*out = (HwrAlphabet) {.n = distinct,.codepoints = all};
	return true;
}

bool
hwr_alphabet_add(HwrAlphabet *alphabet, const char *utf8, size_t len, HwrStatus *st)
{
	uint32_t   *codepoints = NULL;
	int			n = 0;
	bool		ok = hwr_text_decode(utf8, len, &codepoints, &n, st) &&
		hwr_alphabet_add_codepoints(alphabet, codepoints, n, st);

	free(codepoints);
	return ok;
}

bool
hwr_alphabet_add_label(HwrAlphabet *alphabet, const char *utf8, size_t len, HwrStatus *st)
{
	uint32_t   *codepoints = NULL;
	int			n = 0;
	bool		ok = hwr_text_decode_signs(alphabet, utf8, len, &codepoints, &n, st) &&
		hwr_alphabet_add_codepoints(alphabet, codepoints, n, st);

	free(codepoints);
	return ok;
}

bool
hwr_alphabet_add_codepoints(HwrAlphabet *alphabet, uint32_t *codepoints, int n, HwrStatus *st)
{
	uint32_t   *grown;
	int			added = 0;
	int			old = alphabet->n;

	for (int i = 0; i < n; i++)
		if (codepoints[i] != 0 && hwr_alphabet_class(alphabet, codepoints[i]) == 0)
			codepoints[added++] = codepoints[i];
	if (added == 0)
		return true;
	qsort(codepoints, (size_t) added, sizeof(uint32_t), compare_codepoints);
	n = added;
	added = 0;
	for (int i = 0; i < n; i++)
		if (i == 0 || codepoints[i] != codepoints[i - 1])
			codepoints[added++] = codepoints[i];
	grown = hwr_realloc(alphabet->codepoints, (size_t) old + (size_t) added, sizeof(uint32_t), st);
	if (grown == NULL)
		return false;
	alphabet->codepoints = grown;
	alphabet->n += added;
	/* From the greatest on, into the room behind the old ones. */
	for (int to = old + added - 1; added > 0; to--)
		grown[to] = old > 0 && grown[old - 1] > codepoints[added - 1] ? grown[--old] : codepoints[--added];
	return true;
}

int
hwr_alphabet_class(const HwrAlphabet *alphabet, uint32_t codepoint)
{
	int			at = lower_bound(alphabet, codepoint);

	if (at < alphabet->n && alphabet->codepoints[at] == codepoint)
		return at + 1;
	return 0;
}

bool
hwr_alphabet_to_utf8(const HwrAlphabet *alphabet, char **utf8, HwrStatus *st)
{
	return hwr_text_encode(alphabet->codepoints, alphabet->n, utf8, st);
}

bool
hwr_alphabet_copy(const HwrAlphabet *from, HwrAlphabet *to, HwrStatus *st)
{
	to->codepoints = hwr_alloc((size_t) from->n, sizeof(uint32_t), st);
	if (to->codepoints == NULL)
		return false;
	memcpy(to->codepoints, from->codepoints, (size_t) from->n * sizeof(uint32_t));
	to->n = from->n;
	return hwr_alphabet_copy_spellings(from, to, st);
}

void
hwr_alphabet_free(HwrAlphabet *alphabet)
{
	free(alphabet->codepoints);
	hwr_alphabet_drop_spellings(alphabet);
	alphabet->codepoints = NULL;
	alphabet->n = 0;
}

bool
hwr_text_classes(const char *utf8, size_t len, HwrCase mapping, const HwrAlphabet *alphabet,
				 int **classes, int *n, bool *writable, HwrStatus *st)
{
	char	   *text = NULL;
	uint32_t   *codepoints = NULL;
	int		   *out = NULL;
	bool		ok;

	if (!hwr_text_normalize(utf8, len, mapping, &text, st))
		return false;
	for (len = 0; text[len] != '\0'; len++)
		;
	ok = hwr_text_decode_signs(alphabet, text, len, &codepoints, n, st);
	free(text);
	if (!ok)
		return false;
	out = hwr_alloc((size_t) *n, sizeof(int), st);
	if (out != NULL)
	{
		*writable = true;
		for (int i = 0; i < *n; i++)
		{
			out[i] = hwr_alphabet_class(alphabet, codepoints[i]);
			*writable = *writable && out[i] != 0;
		}
		*classes = out;
	}
	free(codepoints);
	return out != NULL;
}

bool
hwr_is_right_to_left(uint32_t codepoint)
{
	const utf8proc_property_t *property = utf8proc_get_property((utf8proc_int32_t) codepoint);

	return property->bidi_class == UTF8PROC_BIDI_CLASS_R || property->bidi_class == UTF8PROC_BIDI_CLASS_AL;
}
