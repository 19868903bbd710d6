/*
 * kraken_codec.c
 *	  kraken's codecs as alphabets.
 *
 * A codec maps texts to sequences of labels.  Here a class is one character: a codec is taken where each
 * of its texts is one code point, or is composed to one (NFC), and has a label of its own, and the labels become classes in the
 * order of the code points.  Labels without a text, which kraken leaves out of what it reads, are none.
 */
#include "kraken_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct Entry
{
	uint32_t	codepoint;
	int			label;
} Entry;

static int
compare_entries(const void *a, const void *b)
{
	uint32_t	x = ((const Entry *) a)->codepoint;
	uint32_t	y = ((const Entry *) b)->codepoint;

	return (x > y) - (x < y);
}

static bool
get_codepoint(const char *text, uint32_t *out, HwrStatus *st)
{
	char		quoted[HWR_KRAKEN_QUOTE];
	char	   *composed = NULL;
	size_t		len = strlen(text);
	uint32_t   *codepoints = NULL;
	int			n;
	bool		ok;

	/* a lone character stays what it is, though Unicode may have another for it */
	ok = hwr_text_decode(text, len, &codepoints, &n, st);
	if (ok && n > 1 && hwr_text_compose(text, len, &composed, &len, st) && composed != NULL)
	{
		free(codepoints);
		codepoints = NULL;
		ok = hwr_text_decode(composed, len, &codepoints, &n, st);
		free(composed);
	}
	*out = ok && n == 1 ? codepoints[0] : 0;
	free(codepoints);
	if (!ok)
		return false;
	if (n == 0)
		return hwr_kraken_damaged(st, "A text of its codec is empty.");
	return n == 1 || hwr_kraken_unsupported(st, "Its codec has a label for several characters, \"%s\".",
											hwr_text_quote(text, quoted, sizeof(quoted)));
}

static bool
get_label(const char *text, const json_t *value, int K, int *out, HwrStatus *st)
{
	char		quoted[HWR_KRAKEN_QUOTE];
	const json_t *label = json_array_get(value, 0);

	hwr_text_quote(text, quoted, sizeof(quoted));
	if (!json_is_integer(label))
		return hwr_kraken_damaged(st, "The label of \"%s\" in its codec is not a number in brackets.", quoted);
	if (json_array_size(value) != 1)
		return hwr_kraken_unsupported(st, "Its codec has several labels for one text, \"%s\".", quoted);
	if (json_integer_value(label) < 1 || json_integer_value(label) >= K)
		return hwr_kraken_damaged(st, "The label of \"%s\" in its codec is not between 1 and %d.", quoted, K - 1);
	*out = (int) json_integer_value(label);
	return true;
}

static bool
get_entries(const json_t *codec, int K, Entry *entries, HwrStatus *st)
{
	const char *text;
	json_t	   *value;
	int			n = 0;

	json_object_foreach((json_t *) codec, text, value)
	{
		if (!get_codepoint(text, &entries[n].codepoint, st) || !get_label(text, value, K, &entries[n].label, st))
			return false;
		n++;
	}
	qsort(entries, (size_t) n, sizeof(Entry), compare_entries);
	return true;
}

/* labels[1 .. n] from the entries; each label and each character once. */
static bool
assign_labels(const Entry *entries, int n, HwrAlphabet *alphabet, int *labels, bool *taken, HwrStatus *st)
{
	for (int i = 0; i < n; i++)
	{
		if (taken[entries[i].label])
			return hwr_kraken_damaged(st, "Label %d of its codec has two texts.", entries[i].label);
		if (i > 0 && entries[i].codepoint == entries[i - 1].codepoint)
			return hwr_kraken_unsupported(st, "Its codec has two labels for one character, U+%04X, composed and decomposed.",
										  (unsigned) entries[i].codepoint);
		taken[entries[i].label] = true;
		alphabet->codepoints[i] = entries[i].codepoint;
		labels[i + 1] = entries[i].label;
	}
	return true;
}

bool
hwr_kraken_alphabet(const json_t *codec, int K, HwrAlphabet *alphabet, int **labels, HwrStatus *st)
{
	size_t		n = json_object_size(codec);
	Entry	   *entries;
	bool	   *taken;
	bool		ok;

	if (n >= (size_t) K)
		return hwr_kraken_damaged(st, "Its codec has %zu texts, but its network %d classes with the blank.", n, K);
	if (n == 0)
		return hwr_kraken_damaged(st, "Its codec is empty.");
	entries = hwr_alloc(n, sizeof(Entry), st);
	taken = hwr_alloc_zero((size_t) K, sizeof(bool), st);
	*labels = hwr_alloc_zero((size_t) K, sizeof(int), st);
	alphabet->codepoints = hwr_alloc(n, sizeof(uint32_t), st);
	alphabet->n = (int) n;
	ok = entries != NULL && taken != NULL && *labels != NULL && alphabet->codepoints != NULL &&
		get_entries(codec, K, entries, st) &&
		assign_labels(entries, (int) n, alphabet, *labels, taken, st);
	free(entries);
	free(taken);
	return ok;					/* alphabet and labels are the caller's either way */
}
