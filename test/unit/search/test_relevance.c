/*
 * test_relevance.c
 *	  Words in lines against an enumeration of all alignments; folding; what is no word.
 */
#include "search_cases.h"

#include "core/search/relevance.h"

static HwrStatus st;

static const uint32_t letters[] = {' ', 'A', 'a', 'b', 0xE9};
static const uint32_t others[] = {'\'', 'a', 'e', 'o', 0x153, 0x301};

/* Does the pattern (symbols, ? and *, space for a separator) match text[n] from its beginning, all of it or, open, a part? */
static bool
glob(const char *pattern, const uint32_t *text, int n, bool open)
{
	if (*pattern == '\0')
		return open || n == 0;
	if (*pattern == '*')
		return glob(pattern + 1, text, n, open) || (n > 0 && *text != HWR_SEPARATOR && glob(pattern, text + 1, n - 1, open));
	if (n == 0)
		return false;
	if (*pattern == '?' ? *text != HWR_SEPARATOR : *text == (uint32_t) *pattern)
		return glob(pattern + 1, text + 1, n - 1, open);
	return false;
}

static bool
occurs(const char *pattern, HwrWordKind kind, const uint32_t *text, int n)
{
	char		whole[64];
	char		filled[32];

	/* A star alone is a word, not nothing. */
	if (strncmp(pattern, "* ", 2) == 0 || strcmp(pattern, "*") == 0)
	{
		filled[0] = '?';
		strcpy(filled + 1, pattern);
		pattern = filled;
	}
	snprintf(whole, sizeof(whole), " %s ", pattern);
	for (int i = 0; i < n; i++)
	{
		if (kind == HWR_WORD_WHOLE ? glob(whole, text + i, n - i, true) : glob(pattern, text + i, n - i, true))
			return true;
	}
	return false;
}

static HwrWord *
compile(const char *text, HwrWordKind kind)
{
	HwrWord    *word;

	if (!hwr_word_compile(text, strlen(text), kind, &word, &st))
		fail_msg("%s: %s", text, st.message);
	return word;
}

static void
check(const HwrSparse *s, const char *pattern, HwrWordKind kind, HwrSearch *search)
{
	HwrWord    *word = compile(pattern, kind);
	int			choice[16] = {0};
	bool		more = true;
	double		truth = 0;
	double		p;
	Path		path;

	while (next_path(s, choice, &more, &path))
	{
		uint32_t	folded[80];
		int			n = fold_path(&path, folded);

		if (occurs(pattern, kind, folded, n))
			truth += path.p;
	}
	assert_true(hwr_word_relevance(search, word, s, &p, &st));
	if (fabs(p - truth) > 1e-6)
		fail_msg("\"%s\", kind %d: %.9f instead of %.9f", pattern, kind, p, truth);
	hwr_word_free(word);
}

static void
test_enumeration(void **state)
{
	static const char *const patterns[] = {"a", "b", "e", "ab", "aa", "ba", "aba", "aab", "a b", "b a", "?", "??", "a?", "?a",
		"a*", "*a",
	"*", "a*b", "*ab*", "?b?", "a ?", "* b", "ea", "e*e"};
	HwrSearch  *search;

	(void) state;
	assert_true(hwr_search_create(&search, &st));
	for (uint32_t stream = 0; stream < 12; stream++)
	{
		HwrSparse  *s = random_sparse(stream, 2 + (int) stream % 5, letters, 5, 3, 0.02);

		for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		{
			check(s, patterns[i], HWR_WORD_WHOLE, search);
			check(s, patterns[i], HWR_WORD_PART, search);
		}
		hwr_sparse_free(s);
	}
	for (uint32_t stream = 0; stream < 8; stream++)
	{
		static const char *const ligatures[] = {"oe", "oeo", "e", "o", "ae", "eoe", "o?", "?e", "a oe"};
		HwrSparse  *s = random_sparse(100 + stream, 2 + (int) stream % 4, others, 6, 3, 0.02);

		for (size_t i = 0; i < sizeof(ligatures) / sizeof(ligatures[0]); i++)
		{
			check(s, ligatures[i], HWR_WORD_WHOLE, search);
			check(s, ligatures[i], HWR_WORD_PART, search);
		}
		hwr_sparse_free(s);
	}
	hwr_search_free(search);
}

static void
check_fold(const char *utf8, const char *expected)
{
	uint32_t   *symbols;
	int			n;
	char	   *back;

	assert_true(hwr_fold_text(utf8, strlen(utf8), false, &symbols, &n, &st));
	assert_true(hwr_text_encode(symbols, n, &back, &st));
	assert_string_equal(back, expected);
	free(symbols);
	free(back);
}

static void
test_fold(void **state)
{
	(void) state;
	check_fold("\xc3\x89t\xc3\xa9", "ete");
	check_fold("E\xcc\x81LE\xcc\x80VE", "eleve");	/* combining accents */
	check_fold("C\xc5\x93ur, \xc5\x92uvre", "coeur oeuvre");
	check_fold("Stra\xc3\x9f" "e", "strasse");
	check_fold("\xef\xac\x81lles", "filles");
	check_fold("  l'eau -- d\xe2\x80\x99" "or. ", "l eau d or");
	check_fold("M^e 3\xc2\xb0 n\xc2\xba", "me 3 no");
	check_fold("\xd7\xa9\xd6\xb8\xd7\x9c\xd7\x95\xd7\x9d", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d");	/* Hebrew without points */
	check_fold("\xe0\xb8\x81\xe0\xb8\xb4", "\xe0\xb8\x81\xe0\xb8\xb4"); /* a Thai vowel above is a letter */
	check_fold("", "");
	check_fold("-.-", "");
}

static double
relevance(const HwrSparse *s, const char *text, HwrWordKind kind)
{
	HwrWord    *word = compile(text, kind);
	HwrSearch  *search;
	double		p;

	assert_true(hwr_search_create(&search, &st));
	assert_true(hwr_word_relevance(search, word, s, &p, &st));
	hwr_search_free(search);
	hwr_word_free(word);
	return p;
}

/* Another spelling of the same folded word is the same word. */
static void
test_same(void **state)
{
	HwrSparse  *s = random_sparse(7, 30, letters, 5, 5, 1e-3);

	(void) state;
	assert_true(relevance(s, "ab", HWR_WORD_WHOLE) > 0);
	assert_true(relevance(s, "ab", HWR_WORD_WHOLE) == relevance(s, "\xc3\x80" "B", HWR_WORD_WHOLE));
	assert_true(relevance(s, "a-b", HWR_WORD_WHOLE) == relevance(s, " A ,.  b\\*", HWR_WORD_WHOLE));
	assert_true(relevance(s, "a", HWR_WORD_PART) >= relevance(s, "a", HWR_WORD_WHOLE));
	assert_true(relevance(s, "ab?", HWR_WORD_WHOLE) <= relevance(s, "ab*", HWR_WORD_WHOLE) + 1e-12);
	assert_true(relevance(s, "zoo", HWR_WORD_WHOLE) == 0);
	hwr_sparse_free(s);
}

static void
test_refusals(void **state)
{
	char		longest[4096];
	HwrWord    *word;
	HwrSparse  *s = random_sparse(8, 30, letters, 5, 2, 1e-3);

	(void) state;
	assert_false(hwr_word_compile("", 0, HWR_WORD_WHOLE, &word, &st));
	assert_int_equal(st.code, HWR_BAD_QUERY);
	assert_false(hwr_word_compile(" ,- ", 4, HWR_WORD_PART, &word, &st));
	assert_string_equal(st.message, "search word is empty");
	assert_false(hwr_word_compile("\xcc\x81", 2, HWR_WORD_WHOLE, &word, &st));	/* an accent alone */
	assert_false(hwr_word_compile("a\xff", 2, HWR_WORD_WHOLE, &word, &st));
	assert_int_equal(st.code, HWR_BAD_LABEL);

	memset(longest, 'a', sizeof(longest));
	assert_true(hwr_word_compile(longest, 1000, HWR_WORD_WHOLE, &word, &st));
	hwr_word_free(word);
	assert_false(hwr_word_compile(longest, 1023, HWR_WORD_WHOLE, &word, &st));
	assert_string_equal(st.message, "search word is too long");

	/* Every question mark after a letter that may be anywhere doubles the states. */
	assert_false(hwr_word_compile("a????????????????????b", 22, HWR_WORD_PART, &word, &st));
	assert_string_equal(st.message, "search word is too complicated");
	assert_true(hwr_word_compile("a????????????????????b", 22, HWR_WORD_WHOLE, &word, &st));
	hwr_word_free(word);
	longest[1000] = '\0';
	assert_true(relevance(s, longest, HWR_WORD_WHOLE) < 1e-9);
	hwr_sparse_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enumeration),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
