/*
 * kraken_codec.c
 *	  kraken's codecs as alphabets.
 *
 * A codec maps texts to sequences of labels, of which none begins another.  A label that is one character by itself, or one
 * that Unicode composes (NFC), becomes a class of that character; any other gets a sign, and what they stand for becomes the
 * alphabet's spellings (core/text/spelling.h).  Classes are in the order of the code points, those of signs in the order of
 * their labels.  Labels without a text, which kraken leaves out of what it reads, are none.
 */
#include "kraken_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/text/spelling.h"

/* A text of the codec. */
typedef struct Entry
{
	const char *raw;			/* as the file has it */
	int			ntext;
	int			nlabels;
	uint32_t	text[HWR_SPELLING_LENGTH];	/* composed */
	int			labels[HWR_SPELLING_LENGTH];
	bool		composed;		/* not as the file has it */
} Entry;

/* What the labels are. */
typedef struct Codec
{
	Entry	   *entries;
	int			n;
	int			K;
	uint32_t   *signs;			/* [K] code point of each label, 0: it has none */
	int			plane;			/* of the signs; 0: there are none */
} Codec;

static int
compare_texts(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	for (int i = 0; i < x->ntext && i < y->ntext; i++)
		if (x->text[i] != y->text[i])
			return x->text[i] < y->text[i] ? -1 : 1;
	if (x->ntext != y->ntext)
		return x->ntext - y->ntext;
	return x->composed != y->composed ? x->composed - y->composed : strcmp(x->raw, y->raw);
}

static bool
set_text(Entry *entry, const char *text, size_t len, HwrStatus *st)
{
	char		quoted[HWR_KRAKEN_QUOTE];
	uint32_t   *codepoints = NULL;
	bool		fits;

	if (!hwr_text_decode(text, len, &codepoints, &entry->ntext, st))
		return false;
	fits = entry->ntext >= 1 && entry->ntext <= HWR_SPELLING_LENGTH;
	if (fits)
		memcpy(entry->text, codepoints, (size_t) entry->ntext * sizeof(uint32_t));
	free(codepoints);
	if (entry->ntext == 0)
		return hwr_kraken_damaged(st, "A text of its codec is empty.");
	return fits || hwr_kraken_unsupported(st, "A text of its codec, \"%s\", has more than %d characters.",
										  hwr_text_quote(entry->raw, quoted, sizeof(quoted)), HWR_SPELLING_LENGTH);
}

/* A lone character stays what it is, though Unicode may have another for it. */
static bool
get_text(Entry *entry, HwrStatus *st)
{
	char	   *composed = NULL;
	size_t		len = strlen(entry->raw);
	bool		ok = set_text(entry, entry->raw, len, st);

	if (!ok || entry->ntext == 1)
		return ok;
	ok = hwr_text_compose(entry->raw, len, &composed, &len, st);
	entry->composed = ok && composed != NULL && strcmp(composed, entry->raw) != 0;
	if (entry->composed)
		ok = set_text(entry, composed, len, st);
	free(composed);
	return ok;
}

static bool
get_labels(Entry *entry, const json_t *value, int K, HwrStatus *st)
{
	char		quoted[HWR_KRAKEN_QUOTE];
	const json_t *label;
	size_t		i;

	hwr_text_quote(entry->raw, quoted, sizeof(quoted));
	if (!json_is_array(value) || json_array_size(value) == 0)
		return hwr_kraken_damaged(st, "The labels of \"%s\" in its codec are no numbers in brackets.", quoted);
	if (json_array_size(value) > HWR_SPELLING_LENGTH)
		return hwr_kraken_unsupported(st, "A text of its codec, \"%s\", has more than %d labels.", quoted, HWR_SPELLING_LENGTH);
	json_array_foreach((json_t *) value, i, label)
	{
		if (!json_is_integer(label))
			return hwr_kraken_damaged(st, "The labels of \"%s\" in its codec are no numbers in brackets.", quoted);
		if (json_integer_value(label) < 1 || json_integer_value(label) >= K)
			return hwr_kraken_damaged(st, "A label of \"%s\" in its codec is not between 1 and %d.", quoted, K - 1);
		entry->labels[entry->nlabels++] = (int) json_integer_value(label);
	}
	return true;
}

/* The entries; of texts that Unicode composes to the same one has it, and the others stay as the file has them. */
static bool
get_entries(const json_t *texts, Codec *codec, HwrStatus *st)
{
	const char *text;
	json_t	   *labels;
	int			n = 0;

	json_object_foreach((json_t *) texts, text, labels)
	{
		Entry	   *entry = &codec->entries[n++];

		entry->raw = text;
		if (!get_text(entry, st) || !get_labels(entry, labels, codec->K, st))
			return false;
	}
	qsort(codec->entries, (size_t) n, sizeof(Entry), compare_texts);
	for (int i = n - 1; i > 0; i--)
	{
		Entry	   *entry = &codec->entries[i];
		const Entry *before = entry - 1;

		if (entry->composed && entry->ntext == before->ntext &&
			memcmp(entry->text, before->text, (size_t) entry->ntext * sizeof(uint32_t)) == 0 &&
			!set_text(entry, entry->raw, strlen(entry->raw), st))
			return false;
	}
	return true;
}

/* Whether an entry is a class by itself. */
static bool
is_plain(const Entry *entry)
{
	return entry->ntext == 1 && entry->nlabels == 1;
}

/* Labels that are characters. */
static bool
assign_characters(Codec *codec, HwrStatus *st)
{
	for (int i = 0; i < codec->n; i++)
	{
		const Entry *entry = &codec->entries[i];

		if (!is_plain(entry))
			continue;
		if (codec->signs[entry->labels[0]] != 0)
			return hwr_kraken_damaged(st, "Label %d of its codec has two texts.", entry->labels[0]);
		codec->signs[entry->labels[0]] = entry->text[0];
	}
	return true;
}

/* The first plane for private use of which the codec has no character. */
static bool
choose_plane(Codec *codec, HwrStatus *st)
{
	for (codec->plane = HWR_SPELLING_FIRST_PLANE; codec->plane <= HWR_SPELLING_LAST_PLANE; codec->plane++)
	{
		bool		taken = false;

		for (int i = 0; i < codec->n && !taken; i++)
			for (int c = 0; c < codec->entries[i].ntext; c++)
				taken = taken || (int) (codec->entries[i].text[c] >> 16) == codec->plane;
		if (!taken)
			return true;
	}
	return hwr_kraken_unsupported(st, "Its codec has characters of both planes for private use, and labels that are not one "
								  "character.");
}

/* Signs for the other labels that texts have. */
static bool
assign_signs(Codec *codec, HwrStatus *st)
{
	uint32_t	next;
	bool		any = false;

	for (int i = 0; i < codec->n; i++)
	{
		any = any || !is_plain(&codec->entries[i]);
		for (int l = 0; l < codec->entries[i].nlabels; l++)
			if (codec->signs[codec->entries[i].labels[l]] == 0)
				codec->signs[codec->entries[i].labels[l]] = UINT32_MAX;
	}
	if (!any || !choose_plane(codec, st))
		return !any;
	next = (uint32_t) codec->plane << 16;
	for (int k = 1; k < codec->K; k++)
	{
		if (codec->signs[k] != UINT32_MAX)
			continue;
		if (next - ((uint32_t) codec->plane << 16) >= HWR_SPELLING_SIGNS)
			return hwr_kraken_unsupported(st, "Its codec has more than %d labels that are not one character.",
										  HWR_SPELLING_SIGNS);
		codec->signs[k] = next++;
	}
	return true;
}

/* The alphabet of the labels that have a code point, and which label is which class. */
static bool
make_alphabet(const Codec *codec, HwrAlphabet *alphabet, int *labels, HwrStatus *st)
{
	uint32_t   *all = hwr_alloc((size_t) codec->K, sizeof(uint32_t), st);
	bool		ok;

	if (all == NULL)
		return false;
	memcpy(all, codec->signs, (size_t) codec->K * sizeof(uint32_t));
	ok = hwr_alphabet_add_codepoints(alphabet, all, codec->K, st);
	free(all);
	if (!ok)
		return false;
	for (int k = 1; k < codec->K; k++)
		if (codec->signs[k] != 0)
			labels[hwr_alphabet_class(alphabet, codec->signs[k])] = k;
	return true;
}

/* What is no class by itself. */
static bool
make_spellings(const Codec *codec, HwrAlphabet *alphabet, HwrStatus *st)
{
	HwrSpelling *items = hwr_alloc_zero((size_t) codec->n, sizeof(HwrSpelling), st);
	HwrStatus	reason = {0};
	int			n = 0;

	if (items == NULL)
		return false;
	for (int i = 0; i < codec->n && codec->plane != 0; i++)
	{
		const Entry *entry = &codec->entries[i];
		HwrSpelling *item = &items[n];

		if (is_plain(entry))
			continue;
		item->ntext = entry->ntext;
		item->nsigns = entry->nlabels;
		memcpy(item->text, entry->text, sizeof(item->text));
		for (int l = 0; l < entry->nlabels; l++)
			item->signs[l] = codec->signs[entry->labels[l]];
		n++;
	}
	if (n == 0)
	{
		free(items);
		return true;
	}
	if (hwr_alphabet_set_spellings(alphabet, codec->plane, items, n, &reason))
		return true;
	if (reason.code == HWR_BAD_DATA)
		return hwr_kraken_damaged(st, "Its codec cannot be read back: %.400s", reason.detail);
	*st = reason;
	return false;
}

bool
hwr_kraken_alphabet(const json_t *texts, int K, HwrAlphabet *alphabet, int **labels, HwrStatus *st)
{
	Codec		codec = {.n = (int) json_object_size(texts),.K = K};
	bool		ok;

	if (codec.n == 0)
		return hwr_kraken_damaged(st, "Its codec is empty.");
	if (codec.n > HWR_SPELLINGS + K)
		return hwr_kraken_unsupported(st, "Its codec has %d texts, more than %d.", codec.n, HWR_SPELLINGS + K);
	codec.entries = hwr_alloc_zero((size_t) codec.n, sizeof(Entry), st);
	codec.signs = hwr_alloc_zero((size_t) K, sizeof(uint32_t), st);
	*labels = hwr_alloc_zero((size_t) K, sizeof(int), st);
	ok = codec.entries != NULL && codec.signs != NULL && *labels != NULL &&
		get_entries(texts, &codec, st) && assign_characters(&codec, st) && assign_signs(&codec, st) &&
		make_alphabet(&codec, alphabet, *labels, st) && make_spellings(&codec, alphabet, st);
	free(codec.entries);
	free(codec.signs);
	return ok;					/* alphabet and labels are the caller's either way */
}
