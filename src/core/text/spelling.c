/*
 * spelling.c
 *	  Alphabets whose classes are not all one character: what classes stand for in a text.
 */
#include "spelling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "bidi.h"

/* Longest text of a file that a message repeats. */
#define QUOTE_SIZE 80

static int
compare_sequences(const uint32_t *a, int na, const uint32_t *b, int nb)
{
	for (int i = 0; i < na && i < nb; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return (na > nb) - (na < nb);
}

static int
compare_signs(const void *a, const void *b)
{
	const HwrSpelling *x = a;
	const HwrSpelling *y = b;

	return compare_sequences(x->signs, x->nsigns, y->signs, y->nsigns);
}

static const HwrSpelling *
by_text(const HwrSpellings *s, int i)
{
	return &s->items[s->by_text[i]];
}

/* Of pointers, so that qsort knows the items. */
static int
compare_texts(const void *a, const void *b)
{
	const HwrSpelling *x = *(const HwrSpelling *const *) a;
	const HwrSpelling *y = *(const HwrSpelling *const *) b;

	return compare_sequences(x->text, x->ntext, y->text, y->ntext);
}

/* The item with this text, or NULL. */
static const HwrSpelling *
find_text(const HwrSpellings *s, const uint32_t *text, int n)
{
	int			lo = 0;
	int			hi = s->n;

	while (lo < hi)
	{
		int			mid = lo + (hi - lo) / 2;
		const HwrSpelling *item = by_text(s, mid);
		int			order = compare_sequences(item->text, item->ntext, text, n);

		if (order == 0)
			return item;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/*
 * The item whose signs these begin with, or NULL: as none begins another, that is the last one that is not above them, if any.
 */
static const HwrSpelling *
find_signs(const HwrSpellings *s, const uint32_t *signs, int n)
{
	int			lo = 0;
	int			hi = s->n;
	const HwrSpelling *item;

	n = n < s->longest_signs ? n : s->longest_signs;
	while (lo < hi)
	{
		int			mid = lo + (hi - lo) / 2;

		if (compare_sequences(s->items[mid].signs, s->items[mid].nsigns, signs, n) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return NULL;
	item = &s->items[lo - 1];
	return item->nsigns <= n && memcmp(item->signs, signs, (size_t) item->nsigns * sizeof(uint32_t)) == 0 ? item : NULL;
}

bool
hwr_is_sign(const HwrAlphabet *alphabet, uint32_t codepoint)
{
	return alphabet->spellings != NULL && (int) (codepoint >> 16) == alphabet->spellings->plane;
}

bool
hwr_alphabet_characters(const HwrAlphabet *alphabet, char **utf8, HwrStatus *st)
{
	uint32_t   *characters = hwr_alloc((size_t) alphabet->n, sizeof(uint32_t), st);
	int			n = 0;
	bool		ok;

	if (characters == NULL)
		return false;
	for (int i = 0; i < alphabet->n; i++)
		if (!hwr_is_sign(alphabet, alphabet->codepoints[i]))
			characters[n++] = alphabet->codepoints[i];
	ok = hwr_text_encode(characters, n, utf8, st);
	free(characters);
	return ok;
}

/* The text of a spelling for a message. */
static const char *
quote(const HwrSpelling *item, char *buf, size_t size)
{
	char	   *utf8;
	HwrStatus	st;

	buf[0] = '\0';
	if (hwr_text_encode(item->text, item->ntext, &utf8, &st))
	{
		hwr_text_quote(utf8, buf, size);
		free(utf8);
	}
	return buf;
}

static bool
fail_plainly(HwrStatus *st, const char *detail)
{
	hwr_fail(st, HWR_BAD_DATA, "spellings do not fit the alphabet");
	return hwr_fail_detail(st, "%s", detail);
}

static bool
fail_spelling(HwrStatus *st, const char *fmt, const HwrSpelling *item, const HwrSpelling *other)
{
	char		one[QUOTE_SIZE];
	char		two[QUOTE_SIZE];

	hwr_fail(st, HWR_BAD_DATA, "spellings do not fit the alphabet");
	return hwr_fail_detail(st, fmt, quote(item, one, sizeof(one)), other != NULL ? quote(other, two, sizeof(two)) : "");
}

/* One by itself. */
static bool
check_item(const HwrAlphabet *alphabet, const HwrSpelling *item, HwrStatus *st)
{
	for (int i = 0; i < item->ntext; i++)
		if (item->text[i] == 0 || hwr_is_sign(alphabet, item->text[i]))
			return fail_spelling(st, "The text \"%s\" has a character of the plane of the signs.", item, NULL);
	if (item->nsigns < 1)
		return fail_spelling(st, "The text \"%s\" has no class.", item, NULL);
	for (int i = 0; i < item->nsigns; i++)
		if (hwr_alphabet_class(alphabet, item->signs[i]) == 0)
			return fail_spelling(st, "The text \"%s\" has a class that there is not.", item, NULL);
	if (!hwr_is_sign(alphabet, item->signs[0]))
		return fail_spelling(st, "The classes of \"%s\" begin with that of a character.", item, NULL);
	if (item->ntext == 1 && hwr_alphabet_class(alphabet, item->text[0]) != 0)
		return fail_spelling(st, "The character \"%s\" has a class besides.", item, NULL);
	return true;
}

/* Each text once, and of no two sequences of signs one begins the other, which neighbours show. */
static bool
check_neighbours(const HwrSpellings *s, HwrStatus *st)
{
	for (int i = 1; i < s->n; i++)
	{
		const HwrSpelling *item = &s->items[i];
		const HwrSpelling *before = &s->items[i - 1];

		if (compare_texts(&(const HwrSpelling *) {by_text(s, i - 1)}, &(const HwrSpelling *) {by_text(s, i)}) == 0)
			return fail_spelling(st, "The text \"%s\" is spelt twice.", by_text(s, i), NULL);
		if (before->nsigns <= item->nsigns &&
			memcmp(before->signs, item->signs, (size_t) before->nsigns * sizeof(uint32_t)) == 0)
			return fail_spelling(st, "The classes of \"%s\" begin with those of \"%s\".", item, before);
	}
	return true;
}

static bool
sort_by_text(HwrSpellings *s, HwrStatus *st)
{
	const HwrSpelling **pointers = hwr_alloc((size_t) s->n, sizeof(HwrSpelling *), st);

	if (pointers == NULL)
		return false;
	for (int i = 0; i < s->n; i++)
		pointers[i] = &s->items[i];
	qsort(pointers, (size_t) s->n, sizeof(HwrSpelling *), compare_texts);
	for (int i = 0; i < s->n; i++)
		s->by_text[i] = (int) (pointers[i] - s->items);
	free(pointers);
	return true;
}

static void
free_spellings(HwrSpellings *s)
{
	if (s == NULL)
		return;
	free(s->items);
	free(s->by_text);
	free(s);
}

void
hwr_alphabet_drop_spellings(HwrAlphabet *alphabet)
{
	free_spellings(alphabet->spellings);
	alphabet->spellings = NULL;
}

bool
hwr_alphabet_set_spellings(HwrAlphabet *alphabet, int plane, HwrSpelling *items, int n, HwrStatus *st)
{
	HwrSpellings *s = n <= HWR_SPELLINGS ? hwr_alloc_zero(1, sizeof(HwrSpellings), st) : NULL;
	bool		ok = true;

	if (n > HWR_SPELLINGS)
		fail_plainly(st, "There are too many texts.");
	if (s == NULL)
	{
		free(items);
		return false;
	}
	*s = (HwrSpellings) {.plane = plane,.n = n,.items = items,.by_text = hwr_alloc((size_t) n, sizeof(int), st)};
	alphabet->spellings = s;
	for (int i = 0; ok && i < n; i++)
	{
		ok = check_item(alphabet, &items[i], st);
		s->longest_text = items[i].ntext > s->longest_text ? items[i].ntext : s->longest_text;
		s->longest_signs = items[i].nsigns > s->longest_signs ? items[i].nsigns : s->longest_signs;
	}
	qsort(items, (size_t) n, sizeof(HwrSpelling), compare_signs);
	ok = ok && s->by_text != NULL && sort_by_text(s, st) && check_neighbours(s, st);
	if (!ok)
		hwr_alphabet_drop_spellings(alphabet);
	return ok;
}

bool
hwr_alphabet_copy_spellings(const HwrAlphabet *from, HwrAlphabet *to, HwrStatus *st)
{
	const HwrSpellings *s = from->spellings;
	HwrSpelling *items;

	to->spellings = NULL;
	if (s == NULL)
		return true;
	items = hwr_alloc((size_t) s->n, sizeof(HwrSpelling), st);
	if (items == NULL)
		return false;
	memcpy(items, s->items, (size_t) s->n * sizeof(HwrSpelling));
	return hwr_alphabet_set_spellings(to, s->plane, items, s->n, st);
}

bool
hwr_same_spellings(const HwrAlphabet *a, const HwrAlphabet *b)
{
	const HwrSpellings *x = a->spellings;
	const HwrSpellings *y = b->spellings;

	if (x == NULL || y == NULL)
		return x == y;
	if (x->plane != y->plane || x->n != y->n)
		return false;
	for (int i = 0; i < x->n; i++)
		if (compare_signs(&x->items[i], &y->items[i]) != 0 ||
			compare_texts(&(const HwrSpelling *) {&x->items[i]}, &(const HwrSpelling *) {&y->items[i]}) != 0)
			return false;
	return true;
}

/* The spelling of the longest text that codepoints begin with, or NULL. */
static const HwrSpelling *
longest_at(const HwrSpellings *s, const uint32_t *codepoints, int n)
{
	const HwrSpelling *item = NULL;

	for (int length = n < s->longest_text ? n : s->longest_text; length > 0 && item == NULL; length--)
		item = find_text(s, codepoints, length);
	return item;
}

/* The signs of codepoints[n] to out, NULL: nowhere; returns how many. */
static size_t
spell(const HwrAlphabet *alphabet, const uint32_t *codepoints, int n, uint32_t *out)
{
	size_t		count = 0;

	for (int i = 0; i < n;)
	{
		const HwrSpelling *item = longest_at(alphabet->spellings, codepoints + i, n - i);

		if (out != NULL && item != NULL)
			memcpy(out + count, item->signs, (size_t) item->nsigns * sizeof(uint32_t));
		else if (out != NULL)
			out[count] = hwr_is_sign(alphabet, codepoints[i]) ? 0 : codepoints[i];
		count += item != NULL ? (size_t) item->nsigns : 1;
		i += item != NULL ? item->ntext : 1;
	}
	return count;
}

bool
hwr_spell(const HwrAlphabet *alphabet, uint32_t **codepoints, int *n, HwrStatus *st)
{
	uint32_t   *signs;
	size_t		count;

	if (alphabet == NULL || alphabet->spellings == NULL)
		return true;
	count = spell(alphabet, *codepoints, *n, NULL);
	if (count > INT32_MAX)
		return hwr_fail(st, HWR_BAD_LABEL, "label is too long");
	signs = hwr_alloc(count, sizeof(uint32_t), st);
	if (signs == NULL)
		return false;
	(void) spell(alphabet, *codepoints, *n, signs);
	free(*codepoints);
	*codepoints = signs;
	*n = (int) count;
	return true;
}

bool
hwr_text_decode_signs(const HwrAlphabet *alphabet, const char *utf8, size_t len, uint32_t **signs, int *n, HwrStatus *st)
{
	if (!hwr_text_decode_ink(utf8, len, signs, n, st))
		return false;
	if (hwr_spell(alphabet, signs, n, st))
		return true;
	free(*signs);
	*signs = NULL;
	return false;
}

int
hwr_read_signs(const HwrAlphabet *alphabet, const uint32_t *signs, int n, const uint32_t **text, int *ntext)
{
	const HwrSpelling *item;

	*text = signs;
	*ntext = 1;
	if (!hwr_is_sign(alphabet, signs[0]))
		return 1;
	item = find_signs(alphabet->spellings, signs, n);
	*ntext = item != NULL ? item->ntext : 0;
	if (item == NULL)
		return 1;
	*text = item->text;
	return item->nsigns;
}

static bool
is_allowed(const HwrSpelling *item, const uint32_t *codepoints, int n, bool space)
{
	for (int c = 0; c < item->ntext; c++)
	{
		bool		found = item->text[c] == ' ' && space;

		for (int i = 0; i < n && !found; i++)
			found = codepoints[i] == item->text[c];
		if (!found)
			return false;
	}
	return true;
}

bool
hwr_allow_spelt(const HwrAlphabet *alphabet, const uint32_t *codepoints, int n, bool space, bool *allow, HwrStatus *st)
{
	const HwrSpellings *s = alphabet->spellings;
	const HwrSpelling *other = NULL;
	bool	   *characters;		/* classes of allowed ones */

	if (s == NULL)
		return true;
	characters = hwr_alloc((size_t) alphabet->n + 1, sizeof(bool), st);
	if (characters == NULL)
		return false;
	memcpy(characters, allow, ((size_t) alphabet->n + 1) * sizeof(bool));
	for (int i = 0; i < s->n; i++)
		for (int k = 0; k < s->items[i].nsigns && is_allowed(&s->items[i], codepoints, n, space); k++)
			allow[hwr_alphabet_class(alphabet, s->items[i].signs[k])] = true;
	for (int i = 0; i < s->n && other == NULL; i++)
	{
		const HwrSpelling *item = &s->items[i];
		bool		readable = !is_allowed(item, codepoints, n, space);

		/* its classes are others' too, or a character that is not allowed is a class of it */
		for (int k = 0; k < item->nsigns && readable; k++)
			readable = allow[hwr_alphabet_class(alphabet, item->signs[k])];
		if (readable)
			other = item;
		for (int k = 1; k < item->nsigns && other == NULL; k++)
		{
			int			class = hwr_alphabet_class(alphabet, item->signs[k]);

			if (!hwr_is_sign(alphabet, item->signs[k]) && allow[class] && !characters[class])
				other = item;
		}
	}
	free(characters);
	if (other == NULL)
		return true;
	fail_spelling(st, "\"%s\" shares classes of the network with others, which could be read as well.", other, NULL);
	st->code = HWR_UNSUPPORTED;
	snprintf(st->message, sizeof(st->message), "these allowed characters cannot be told from others by the model");
	return false;
}

/*
 * As JSON
 */

static bool
put_item(json_t *texts, const HwrAlphabet *alphabet, const HwrSpelling *item, HwrStatus *st)
{
	char	   *utf8;
	json_t	   *classes;
	bool		ok;

	if (!hwr_text_encode(item->text, item->ntext, &utf8, st))
		return false;
	classes = json_pack("[]");
	ok = classes != NULL;
	for (int i = 0; ok && i < item->nsigns; i++)
		ok = json_array_append_new(classes, json_integer(hwr_alphabet_class(alphabet, item->signs[i]))) == 0;
	ok = ok && json_object_set(texts, utf8, classes) == 0;
	json_decref(classes);
	free(utf8);
	return ok || hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
}

bool
hwr_spellings_to_json(const HwrAlphabet *alphabet, char **json, HwrStatus *st)
{
	const HwrSpellings *s = alphabet->spellings;
	json_t	   *texts;
	json_t	   *object;
	bool		ok;

	*json = NULL;
	if (s == NULL)
		return true;
	texts = json_pack("{}");	/* json_object() is PostgreSQL's in a server */
	object = json_pack("{s:i, s:O}", "plane", s->plane, "texts", texts);
	ok = object != NULL || hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	for (int i = 0; ok && i < s->n; i++)
		ok = put_item(texts, alphabet, &s->items[i], st);
	if (ok && (*json = json_dumps(object, JSON_COMPACT)) == NULL)
		ok = hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	json_decref(object);
	json_decref(texts);
	return ok;
}

static bool
get_item(const char *text, const json_t *classes, const HwrAlphabet *alphabet, HwrSpelling *out, HwrStatus *st)
{
	uint32_t   *codepoints = NULL;
	const json_t *class;
	size_t		i;
	bool		fits;

	if (!json_is_array(classes))
		return fail_plainly(st, "The classes of a text are no list.");
	if (!hwr_text_decode(text, strlen(text), &codepoints, &out->ntext, st))
		return false;
	fits = out->ntext >= 1 && out->ntext <= HWR_SPELLING_LENGTH;
	if (fits)
		memcpy(out->text, codepoints, (size_t) out->ntext * sizeof(uint32_t));
	free(codepoints);
	if (!fits)
		return fail_plainly(st, "A text is empty or too long.");
	if (json_array_size(classes) > HWR_SPELLING_LENGTH)
		return fail_spelling(st, "The text \"%s\" has too many classes.", out, NULL);
	out->nsigns = (int) json_array_size(classes);
	json_array_foreach((json_t *) classes, i, class)
	{
		json_int_t	k = json_is_integer(class) ? json_integer_value(class) : 0;

		if (k < 1 || k > alphabet->n)
			return fail_spelling(st, "The text \"%s\" has a class that there is not.", out, NULL);
		out->signs[i] = alphabet->codepoints[k - 1];
	}
	return true;
}

/* The members of the object, as they are. */
static bool
get_items(const json_t *texts, const HwrAlphabet *alphabet, HwrSpelling *items, HwrStatus *st)
{
	const char *text;
	json_t	   *classes;
	int			n = 0;

	json_object_foreach((json_t *) texts, text, classes)
	{
		if (!get_item(text, classes, alphabet, &items[n++], st))
			return false;
	}
	return true;
}

bool
hwr_spellings_from_json(const char *json, HwrAlphabet *alphabet, HwrStatus *st)
{
	json_t	   *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	const json_t *plane = json_object_get(object, "plane");
	const json_t *texts = json_object_get(object, "texts");
	size_t		n = json_object_size(texts);
	HwrSpelling *items = NULL;
	bool		ok;

	ok = json_is_object(texts) || fail_plainly(st, "There are no texts.");
	ok = ok && (n <= HWR_SPELLINGS || fail_plainly(st, "There are too many texts."));
	if (ok && !(json_is_integer(plane) && json_integer_value(plane) >= HWR_SPELLING_FIRST_PLANE &&
				json_integer_value(plane) <= HWR_SPELLING_LAST_PLANE))
		ok = fail_plainly(st, "The plane of the signs is neither 15 nor 16.");
	ok = ok && (items = hwr_alloc_zero(n, sizeof(HwrSpelling), st)) != NULL && get_items(texts, alphabet, items, st);
	if (ok)
		ok = hwr_alphabet_set_spellings(alphabet, (int) json_integer_value(plane), items, (int) n, st);
	else
		free(items);
	json_decref(object);
	return ok;
}

bool
hwr_refuse_spelt(const HwrAlphabet *alphabet, const char *what, HwrStatus *st)
{
	if (alphabet->spellings == NULL)
		return true;
	hwr_fail(st, HWR_UNSUPPORTED, "%s cannot be used with a model whose classes are not single characters", what);
	return hwr_fail_detail(st, "A class of its network stands for several characters, or several classes for one.");
}
