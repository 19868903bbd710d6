/*
 * test_word_keys.c
 *	  What the index says of whole words, against an enumeration and against the search.
 */
#include "search_cases.h"

#include "core/search/word_keys.h"
#include "core/search/word_sum.h"

static HwrStatus st;

/* A space, cases, a digit; ligatures, a combining accent, a letter without a code; so few letters that words come twice. */
static const uint32_t letters[3][5] = {{' ', '7', 'A', 'a', 'b'}, {'-', 'e', 0x153, 0x301, 0x3B1}, {' ', ',', 'a', 0x1F1, 0x301}};
static const uint32_t wide[] = {' ', '-', '1', 'A', 'E', 'N', 'O', 'a', 'b', 'c', 'd', 'e', 'n', 'o', 0xE9, 0x153};

static void
extract(HwrWordKeys *w, const HwrSparse *s, double bound, const HwrTrigram **keys, int *n)
{
	bool		done = false;

	assert_true(hwr_word_keys_begin(w, s, bound, &st));
	while (!done)
		hwr_word_keys_step(w, &done);
	assert_true(hwr_word_keys_get(w, keys, n, &st));
}

/* What the keys say of a word's probability p, which is at least bound: it is known (1), may be (0), or is wrong (-1). */
static int
check_spelt(const HwrTrigram *keys, int n, HwrWordCode code, HwrWordCode two, double p, double bound)
{
	bool		unlisted = false;

	for (int i = 0; i < n; i++)
	{
		unlisted = unlisted || keys[i] == hwr_word_key(two, HWR_WORDS_UNLISTED) ||
			keys[i] == hwr_word_key(two >= 37 ? two / 37 : two, HWR_WORDS_UNLISTED);
		for (int level = 0; level < HWR_WORD_LEVELS; level++)
		{
			bool		below = level + 1 < HWR_WORD_LEVELS && p >= hwr_word_levels[level + 1];

			if (keys[i] == hwr_word_key(code, level) && code >= HWR_WORD_LONG)
				return below ? -1 : 0;
			if (keys[i] == hwr_word_key(code, level))
				return p >= hwr_word_levels[level] && !below ? 1 : -1;
			if (keys[i] == hwr_word_key(code, level + HWR_WORD_AT_LEAST))
				return p >= hwr_word_levels[level] ? 0 : -1;
		}
	}
	return p < bound ? 1 : unlisted ? 0 : -1;
}

static int
check_word(const HwrTrigram *keys, int n, HwrWordCode code, double p, double bound)
{
	HwrWordCode two = code;

	while (two >= 37 * 37)
		two /= 37;
	return check_spelt(keys, n, code, two, p, bound);
}

static HwrWord *
word_of(HwrWordCode code)
{
	char		text[16];
	int			n = 0;
	HwrWord    *word;

	for (; code > 0; code /= 37)
		text[n++] = (char) (code % 37 < 27 ? 'a' + code % 37 - 1 : '0' + code % 37 - 27);
	for (int i = 0; i < n / 2; i++)
	{
		char		c = text[i];

		text[i] = text[n - 1 - i];
		text[n - 1 - i] = c;
	}
	assert_true(hwr_word_compile(text, (size_t) n, HWR_WORD_WHOLE, &word, &st));
	return word;
}

static bool
code_of(const uint32_t *text, int n, HwrWordCode *code)
{
	*code = 0;
	for (int i = 0; i < n; i++)
	{
		uint32_t	c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
			return false;
		*code = *code * 37 + (c >= 'a' ? c - 'a' + 1 : c - '0' + 27);
	}
	return n <= 11;
}

/* Every text that a short line can have. */
static void
test_enumeration(void **state)
{
	HwrWordKeys *w;
	int			known = 0;
	int			open = 0;

	(void) state;
	assert_true(hwr_word_keys_create(&w, &st));
	for (uint32_t stream = 0; stream < 60; stream++)
	{
		HwrSparse  *s = random_sparse(stream, 2 + (int) stream % 4, letters[stream % 3], 5, 3, 0.02);
		HwrWordCode seen[2000];
		double		p[2000];
		int			nseen = 0;
		int			choice[16] = {0};
		bool		more = true;
		const HwrTrigram *keys;
		int			n;
		Path		path;

		while (next_path(s, choice, &more, &path))
		{
			uint32_t	text[80];
			int			length = fold_path(&path, text);
			bool		had[2000] = {false};

			for (int from = 1, to = 1; to < length; to++)
			{
				HwrWordCode code;
				int			at;

				if (text[to] != HWR_SEPARATOR)
					continue;
				if (to > from && code_of(text + from, to - from, &code))
				{
					for (at = 0; at < nseen && seen[at] != code; at++)
						;
					if (at == nseen)
					{
						seen[nseen] = code;
						p[nseen++] = 0;
					}
					if (!had[at])
						p[at] += path.p;
					had[at] = true;
				}
				from = to + 1;
			}
		}
		for (int b = 0; b < 2; b++)
		{
			double		bound = b == 0 ? HWR_WORD_LOWEST : 0.6;

			extract(w, s, bound, &keys, &n);
			for (int i = 0; i < nseen; i++)
			{
				int			says;

				/* Sums in another order */
				for (int level = 1; level < HWR_WORD_LEVELS; level++)
					assert_true(p[i] < hwr_word_levels[level] - 1e-6 || p[i] > hwr_word_levels[level] + 1e-6);
				says = check_word(keys, n, seen[i], p[i], bound);
				if (says < 0)
					fail_msg("line %u: a word of probability %g has a wrong key, or none", stream, p[i]);
				known += says;
				open += says == 0;
			}
		}
		hwr_sparse_free(s);
	}
	assert_true(known > 1000 && open < known / 20);
	hwr_word_keys_free(w);
}

/* Longer lines, and what a search finds in them. */
static void
test_search(void **state)
{
	static const char *const words[] = {"a", "e", "o", "n", "1", "ab", "an", "ne", "oe", "ea", "ane", "noe", "bad", "anon"};
	HwrWordKeys *w;
	HwrSearch  *search;
	int			listed = 0;
	int			open = 0;

	(void) state;
	assert_true(hwr_word_keys_create(&w, &st));
	assert_true(hwr_search_create(&search, &st));
	for (uint32_t stream = 0; stream < 300; stream++)
	{
		HwrSparse  *s = random_sparse(2000 + stream, 4 + (int) stream % 60, wide, 16, 5 + 5 * (stream % 16),
									  stream % 2 ? 1e-3 : 0.02);
		double		bound = stream % 3 == 0 ? 0.4 : 0.1;
		double		lowest = bound > HWR_WORD_LOWEST ? bound : HWR_WORD_LOWEST;
		const HwrTrigram *keys;
		int			n;
		double		p;

		extract(w, s, bound, &keys, &n);
		for (int i = 0; i < n; i++)
		{
			HwrWordCode code = (HwrWordCode) (-1 - keys[i]) / 32;
			HwrWord    *word;
			int			says;

			if (code >= HWR_WORD_LONG)
				continue;
			word = word_of(code);
			assert_true(hwr_word_relevance(search, word, s, &p, &st));
			says = check_word(keys, n, code, p, 0);
			if ((-1 - keys[i]) % 32 != HWR_WORDS_UNLISTED && says < 0)
				fail_msg("line %u: a word of probability %g has a wrong key", stream, p);
			listed += says > 0;
			open += says == 0;
			hwr_word_free(word);
		}
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		{
			HwrWord    *word;
			HwrWordCode code;
			HwrWordCode beginnings[2];

			assert_true(hwr_word_compile(words[i], strlen(words[i]), HWR_WORD_WHOLE, &word, &st));
			assert_true(hwr_word_code(word, &code, beginnings));
			assert_true(hwr_word_relevance(search, word, s, &p, &st));
			if (check_word(keys, n, code, p, lowest) < 0)
				fail_msg("line %u: \"%s\" of probability %g is lost at %g", stream, words[i], p, lowest);
			hwr_word_free(word);
		}
		hwr_sparse_free(s);
	}
	if (listed <= 400 || open <= 100)
		fail_msg("%d are listed, %d are open", listed, open);
	hwr_search_free(search);
	hwr_word_keys_free(w);
}

/* Words with a code that others may share: what is less probable than a level is told, and none is lost. */
static void
test_long(void **state)
{
	static const uint32_t few[] = {' ', 'A', 'a', 0xE0};
	HwrWordKeys *w;
	HwrSearch  *search;
	int			held = 0;
	int			told = 0;

	(void) state;
	assert_true(hwr_word_keys_create(&w, &st));
	assert_true(hwr_search_create(&search, &st));
	for (uint32_t stream = 0; stream < 400; stream++)
	{
		HwrSparse  *s = random_sparse(7000 + stream, 14 + (int) stream % 20, few, 4, 20 + 10 * (stream % 8), 1e-3);
		const HwrTrigram *keys;
		int			n;

		extract(w, s, 0.1, &keys, &n);
		for (int letters = 10; letters < 24; letters++)
		{
			char		text[25] = "aaaaaaaaaaaaaaaaaaaaaaaa";
			HwrWord    *word;
			HwrWordCode code;
			HwrWordCode beginnings[2];
			double		p;
			int			says;

			assert_true(hwr_word_compile(text, (size_t) letters, HWR_WORD_WHOLE, &word, &st));
			assert_true(hwr_word_relevance(search, word, s, &p, &st));
			assert_int_equal(hwr_word_code(word, &code, beginnings), letters <= HWR_WORD_LONGEST);
			hwr_word_free(word);
			if (letters > HWR_WORD_LONGEST)
				continue;
			assert_int_equal(code >= HWR_WORD_LONG, letters > HWR_WORD_LETTERS);
			says = check_spelt(keys, n, code, beginnings[1], p, HWR_WORD_LOWEST);
			if (says < 0)
				fail_msg("line %u: %d letters of probability %g are lost", stream, letters, p);
			held += letters > HWR_WORD_LETTERS && p > HWR_WORD_LOWEST;
			told += letters > HWR_WORD_LETTERS && says == 0;
		}
		hwr_sparse_free(s);
	}
	if (held < 10 || told < held)
		fail_msg("%d are probable, %d are told", held, told);
	hwr_search_free(search);
	hwr_word_keys_free(w);
}

/* What a word sums to is no less than what a search finds, and the most of places that exclude each other no more. */
static void
test_sum(void **state)
{
	static const char *const words[] = {"a", "e", "n", "1", "an", "oe", "aa", "ane", "noe", "anon", "aaa"};
	HwrFoldCache *cache = calloc(1, sizeof(HwrFoldCache));
	HwrClassDigits digits[17];
	HwrWordSum	sum = {0};
	HwrSearch  *search;
	int			known = 0;
	int			exact = 0;

	(void) state;
	assert_true(hwr_search_create(&search, &st));
	for (uint32_t stream = 0; stream < 300; stream++)
	{
		HwrSparse  *s = random_sparse(4000 + stream, 2 + (int) stream % 40, wide, 16, 3 + 5 * (stream % 16), 0.01);
		double		separator = 1;	/* probability that it is the last symbol */

		digits[0].n = 0;
		for (int k = 1; k <= s->alphabet.n; k++)
		{
			const HwrFold *fold = hwr_fold_cached(cache, s->alphabet.codepoints[k - 1]);

			digits[k].n = fold->n;
			for (int i = 0; i < fold->n; i++)
				digits[k].digits[i] = (uint8_t) hwr_word_digit(fold->symbols[i]);
		}
		assert_true(hwr_word_sum_begin(&sum, s, digits, &st));
		/* Words begin after a separator, which is the last symbol where a class of it is, or was before a blank. */
		for (int t = 0; t < s->nsteps; t++)
		{
			double		next = 0;

			for (int i = s->at[t].entry; i < s->at[t].entry + s->at[t].n; i++)
			{
				const HwrEntry *e = &s->entries[i];

				sum.begins[i] = e->p * separator;
				if (e->class == 0)
					next += e->p * separator;
				else if (digits[e->class].n == 1 && digits[e->class].digits[0] == 0)
					next += e->p;
			}
			separator = next;
		}
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		{
			HwrSpelt	spelt = {0, 0};
			HwrWord    *word;
			double		p;
			double		exclusive;
			double		expected;

			for (const char *c = words[i]; *c; c++)
				hwr_word_append(&spelt, (unsigned) hwr_word_digit((uint32_t) *c));
			if (!hwr_word_sum_knows(&sum, spelt))
				continue;
			assert_true(hwr_word_compile(words[i], strlen(words[i]), HWR_WORD_WHOLE, &word, &st));
			assert_true(hwr_word_relevance(search, word, s, &p, &st));
			hwr_word_sum(&sum, spelt, &exclusive, &expected);
			if (p > expected + 1e-6 || p < exclusive - 1e-6)
				fail_msg("line %u: \"%s\" of probability %g is between %g and %g", stream, words[i], p, exclusive, expected);
			known += p > 0.01;
			exact += p > 0.01 && expected - exclusive < 1e-6;
			hwr_word_free(word);
		}
		hwr_sparse_free(s);
	}
	if (known < 300 || exact < known / 4)
		fail_msg("%d are known, %d exactly", known, exact);
	hwr_word_sum_free(&sum);
	hwr_search_free(search);
	free(cache);
}

/* A line of nothing certain says so, in little memory and time. */
static void
test_vague(void **state)
{
	enum
	{
		N = 26, T = 600
	};
	uint32_t	many[N + 1] = {' '};
	HwrSparse  *s;
	HwrWordKeys *w;
	const HwrTrigram *keys;
	int			n;
	bool		unlisted = false;

	(void) state;
	for (int i = 0; i < N; i++)
		many[i + 1] = (uint32_t) ('a' + i);
	s = random_sparse(5, T, many, N + 1, 0.5, 0);
	assert_true(hwr_word_keys_create(&w, &st));
	extract(w, s, 0.1, &keys, &n);
	for (int i = 0; i < n; i++)
		unlisted = unlisted || (-1 - keys[i]) % 32 == HWR_WORDS_UNLISTED;
	assert_true(unlisted);
	hwr_word_keys_free(w);
	hwr_sparse_free(s);
}

static bool
has_code(const char *text, HwrWordKind kind)
{
	HwrWord    *word;
	HwrWordCode code;
	HwrWordCode beginnings[2];
	bool		has;

	assert_true(hwr_word_compile(text, strlen(text), kind, &word, &st));
	has = hwr_word_code(word, &code, beginnings);
	if (has)
		assert_true(beginnings[0] >= 1 && beginnings[0] <= 36 &&
					(beginnings[1] == beginnings[0] || beginnings[1] / 37 == beginnings[0]));
	hwr_word_free(word);
	return has;
}

static void
test_codes(void **state)
{
	(void) state;
	assert_true(has_code("a", HWR_WORD_WHOLE));
	assert_true(has_code("\xC3\x89t\xC3\xA9 ", HWR_WORD_WHOLE));
	assert_true(has_code("zzzzz999999", HWR_WORD_WHOLE));
	assert_true(has_code("zzzzz9999999", HWR_WORD_WHOLE));
	assert_true(has_code("abcdefghijklmnopqrstuv", HWR_WORD_WHOLE));
	assert_false(has_code("abcdefghijklmnopqrstuvw", HWR_WORD_WHOLE));
	assert_false(has_code("a", HWR_WORD_PART));
	assert_false(has_code("a", HWR_WORD_HERE));
	assert_false(has_code("a b", HWR_WORD_WHOLE));
	assert_false(has_code("a?", HWR_WORD_WHOLE));
	assert_false(has_code("a*", HWR_WORD_WHOLE));
	assert_false(has_code("\xCE\xB1", HWR_WORD_WHOLE));
	/* Below all trigrams, and all different. */
	assert_true(hwr_word_key(HWR_WORD_LONG - 1, 31) < 0 && hwr_word_key(HWR_WORD_CODES - 1, 31) < hwr_word_key(HWR_WORD_LONG, 0));
	assert_true(hwr_word_key(1, 0) < 0 && hwr_word_key(1, 31) > hwr_word_key(2, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enumeration),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_vague),
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
