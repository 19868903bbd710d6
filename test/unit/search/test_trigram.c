/*
 * test_trigram.c
 *	  Trigrams of lines against an enumeration; that no line is lost which has a word; queries.
 */
#include "search_cases.h"

#include <stdio.h>
#include <sys/resource.h>

#include "core/search/trigram.h"

static HwrStatus st;

/* A space, cases and accents; a ligature, a combining accent, two separators. */
static const uint32_t letters[2][5] = {{' ', 'A', 'a', 'b', 0xE9}, {' ', '-', 'e', 0x153, 0x301}};
static const uint32_t wide[] = {' ', '-', 'A', 'E', 'N', 'O', 'a', 'b', 'c', 'd', 'e', 'n', 'o', 0xE9, 0x153};

/* Returns the number of steps that it took. */
static int
extract(HwrTrigrams *t, const HwrSparse *s, double bound, const HwrTrigram **keys, int *n)
{
	bool		done = false;
	int			steps = 0;

	assert_true(hwr_trigrams_begin(t, s, bound, &st));
	for (; !done; steps++)
		assert_true(hwr_trigrams_step(t, &done, &st));
	assert_true(hwr_trigrams_get(t, keys, n, &st));
	return steps;
}

static bool
has_key(const HwrTrigram *keys, int n, HwrTrigram key)
{
	for (int i = 0; i < n; i++)
		if (keys[i] == HWR_TRIGRAM_ANY || keys[i] == key)
			return true;
	return false;
}

/* Every trigram whose probability reaches the bound is there, and none whose expected number is below half of it. */
static void
test_enumeration(void **state)
{
	HwrTrigrams *t;

	(void) state;
	assert_true(hwr_trigrams_create(&t, &st));
	for (uint32_t stream = 0; stream < 60; stream++)
	{
		HwrSparse  *s = random_sparse(stream, 2 + (int) stream % 6, letters[stream % 2], 5, 3, 0.02);
		HwrTrigram	seen[2000];
		double		p[2000];
		double		expected[2000];
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

			for (int i = 0; i + 2 < length; i++)
			{
				HwrTrigram	trigram = hwr_trigram(text[i], text[i + 1], text[i + 2]);
				int			at;

				if (text[i + 1] == HWR_SEPARATOR)
					continue;
				for (at = 0; at < nseen && seen[at] != trigram; at++)
					;
				if (at == nseen)
				{
					seen[nseen] = trigram;
					p[nseen] = expected[nseen] = 0;
					nseen++;
				}
				expected[at] += path.p;
				if (!had[at])
					p[at] += path.p;
				had[at] = true;
			}
		}
		for (int b = 0; b < 3; b++)
		{
			double		bound = b == 0 ? 0.01 : b == 1 ? 0.1 : 0.4;

			extract(t, s, bound, &keys, &n);
			for (int i = 0; i < nseen; i++)
			{
				bool		there = has_key(keys, n, seen[i]);

				if (p[i] >= bound * 1.000001)
					assert_true(there);
				if (expected[i] < bound / 2)
					assert_false(there);
			}
			for (int i = 1; i < n; i++)
				assert_true(keys[i] > keys[i - 1]);
		}
		hwr_sparse_free(s);
	}
	hwr_trigrams_free(t);
}

/* The promise of the index: a line that has a word with a probability of at least the bound has all keys of the word. */
static void
test_promise(void **state)
{
	static const char *const words[] = {"a", "e", "ab", "an", "ane", "noe", "oe", "ea", "bad", "no n", "a-b", "a*", "*a",
		"*an*", "ab*", "b?d", "?",
	"an?e*", "e a", "anon", "coe", "o*o", "*e a*", "de*"};
	static const double bounds[] = {0.3, 0.05, 0.002};
	HwrTrigrams *t;
	HwrSearch  *search;
	int			held = 0;
	int			excluded = 0;

	(void) state;
	assert_true(hwr_trigrams_create(&t, &st));
	assert_true(hwr_search_create(&search, &st));
	for (uint32_t stream = 0; stream < 200; stream++)
	{
		HwrSparse  *s = random_sparse(1000 + stream, 4 + (int) stream % 40, wide, 15, 3 + stream % 9, stream % 2 ? 1e-3 : 0.02);

		for (int b = 0; b < 3; b++)
		{
			const HwrTrigram *keys;
			int			n;

			extract(t, s, bounds[b], &keys, &n);
			for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
				for (int kind = HWR_WORD_WHOLE; kind <= HWR_WORD_PART; kind++)
				{
					HwrWord    *word;
					HwrTrigram *wanted;
					int			nwanted;
					bool		all = true;
					double		p;

					assert_true(hwr_word_compile(words[w], strlen(words[w]), kind, &word, &st));
					assert_true(hwr_word_trigrams(word, &wanted, &nwanted, &st));
					assert_true(hwr_word_relevance(search, word, s, &p, &st));
					for (int i = 0; i < nwanted; i++)
						all = all && has_key(keys, n, wanted[i]);
					if (p >= bounds[b])
					{
						held++;
						if (!all)
							fail_msg("\"%s\" of probability %g is lost at %g", words[w], p, bounds[b]);
					}
					excluded += !all;
					free(wanted);
					hwr_word_free(word);
				}
		}
		hwr_sparse_free(s);
	}
	assert_true(held > 1000 && excluded > 1000);
	hwr_search_free(search);
	hwr_trigrams_free(t);
}

/* What a line of nothing certain costs is bounded, and it is found by everything. */
static void
test_vague(void **state)
{
	enum
	{
		N = 400, T = 200
	};
	uint32_t	many[N];
	HwrSparse  *s;
	HwrTrigrams *t;
	const HwrTrigram *keys;
	int			n;

	(void) state;
	for (int i = 0; i < N; i++)
		many[i] = (uint32_t) (0x4E00 + i);
	s = random_sparse(5, T, many, N, 0.5, 0);
	assert_true(hwr_trigrams_create(&t, &st));
	extract(t, s, 0.05, &keys, &n);
	assert_int_equal(n, 1);
	assert_true(keys[0] == HWR_TRIGRAM_ANY);
	hwr_trigrams_free(t);
	hwr_sparse_free(s);
}

/* Any character thrice is millions of trigrams: they are not the work of one step. */
static void
test_short_steps(void **state)
{
	enum
	{
		N = 200, T = 3
	};
	uint32_t	many[N];
	HwrSparse  *s;
	HwrTrigrams *t;
	const HwrTrigram *keys;
	int			n;

	(void) state;
	for (int i = 0; i < N; i++)
		many[i] = (uint32_t) (0x4E00 + i);
	s = random_sparse(6, T, many, N, 0.1, 0);
	assert_true(hwr_trigrams_create(&t, &st));
	assert_true(extract(t, s, 0.001, &keys, &n) > 10 * T);
	assert_int_equal(n, 1);
	assert_true(keys[0] == HWR_TRIGRAM_ANY);
	hwr_trigrams_free(t);
	hwr_sparse_free(s);
}

#if !defined(__SANITIZE_ADDRESS__)

/* Address space in use. */
static rlim_t
address_space(void)
{
	FILE	   *file = fopen("/proc/self/statm", "r");
	long		pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &pages), 1);
	fclose(file);
	return (rlim_t) pages * 4096;
}

/* Whatever may be written, an extraction takes no more memory than this. */
static void
test_memory(void **state)
{
	enum
	{
		MB = 64
	};
	static const struct
	{
		int			classes;
		int			steps;
		double		size;
	}			lines[] = {{200, 3, 0.1}, {200, 60, 0.1}, {1000, 20, 0.1}, {2000, 4, 0.1}, {400, 200, 0.5}, {60, 2000, 2}};
	static uint32_t many[2000];

	(void) state;
	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		many[i] = (uint32_t) (0x4E00 + i);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
	{
		HwrSparse  *s = random_sparse(7, lines[i].steps, many, lines[i].classes, lines[i].size, 0);
		HwrTrigrams *t;
		bool		done = false;
		bool		ok;
		const HwrTrigram *keys;
		int			n;
		struct rlimit old;
		struct rlimit tight;

		assert_true(hwr_trigrams_create(&t, &st));
		assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
		tight = (struct rlimit) {address_space() + (MB << 20), old.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
		ok = hwr_trigrams_begin(t, s, 0.001, &st);
		while (ok && !done)
			ok = hwr_trigrams_step(t, &done, &st);
		ok = ok && hwr_trigrams_get(t, &keys, &n, &st);
		assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
		if (!ok)
			fail_msg("%d classes, %d steps: %s", lines[i].classes, lines[i].steps, st.message);
		hwr_trigrams_free(t);
		hwr_sparse_free(s);
	}
}

#endif

static void
check_keys(const char *text, HwrWordKind kind, int n)
{
	HwrWord    *word;
	HwrTrigram *keys;
	int			found;

	assert_true(hwr_word_compile(text, strlen(text), kind, &word, &st));
	assert_true(hwr_word_trigrams(word, &keys, &found, &st));
	assert_int_equal(found, n);
	free(keys);
	hwr_word_free(word);
}

static void
test_word_keys(void **state)
{
	(void) state;
	check_keys("a", HWR_WORD_WHOLE, 1);
	check_keys("de", HWR_WORD_WHOLE, 2);
	check_keys("anna", HWR_WORD_WHOLE, 4);
	check_keys("aaaa", HWR_WORD_WHOLE, 3);	/* "aaa" once */
	check_keys("a b", HWR_WORD_WHOLE, 2);
	check_keys("a*", HWR_WORD_WHOLE, 0);
	check_keys("ab", HWR_WORD_PART, 0);
	check_keys("a b", HWR_WORD_PART, 0);
	check_keys("a", HWR_WORD_PART, 0);
	check_keys("*", HWR_WORD_WHOLE, 0);
	check_keys("?a", HWR_WORD_WHOLE, 0);
}

static double
value(const char *text)
{
	HwrQuery   *query;
	double		words[4] = {0.9, 0.5, 0.2, 0.05};
	double		p;

	if (!hwr_query_parse(text, strlen(text), &query, &st))
		fail_msg("%s: %s %s", text, st.message, st.detail);
	p = hwr_query_combine(query, words);
	hwr_query_free(query);
	return p;
}

static void
test_query(void **state)
{
	static const struct
	{
		const char *text;
		const char *detail;
	}			bad[] = {
		{"", "It is empty."}, {"  ", "It is empty."}, {"a &", "A word is missing at its end."}, {"a | | b", "A word is missing."},
		{"& a", "A word is missing."}, {"(a", "A parenthesis is not closed."},
			{"a)", "A parenthesis is closed that was not opened."},
		{"\"a b", "A quote is not closed."}, {"a ()", "A word is missing."}, {"a !", "A word is missing at its end."},
	};
	HwrQuery   *query;
	char		deep[300];

	(void) state;
	assert_true(value("a") == 0.9);
	assert_true(value("a b c") == 0.2);
	assert_true(value("a & b | c & d") == 0.5);
	assert_true(value("a & (b | c) & d") == 0.05);
	assert_true(value("!a") == 1 - 0.9);
	assert_true(value("!(a | b) c") == 1 - 0.9);
	assert_true(value("\"a b\" c") == 0.5);
	assert_true(value("!!a|b") == 1 - (1 - 0.9));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		assert_false(hwr_query_parse(bad[i].text, strlen(bad[i].text), &query, &st));
		assert_int_equal(st.code, HWR_BAD_QUERY);
		assert_string_equal(st.detail, bad[i].detail);
	}
	assert_false(hwr_query_parse("a & -", 5, &query, &st));
	assert_string_equal(st.message, "search word is empty");
	memset(deep, '(', sizeof(deep));
	assert_false(hwr_query_parse(deep, sizeof(deep), &query, &st));
	assert_string_equal(st.detail, "It is nested too deeply.");
	memset(deep, '!', sizeof(deep));
	assert_false(hwr_query_parse(deep, sizeof(deep), &query, &st));
	/* What parsing means to others is a letter after a backslash, or in quotes. */
	assert_true(hwr_query_parse("a\\&b \"(c\"", 9, &query, &st));
	assert_int_equal(query->nwords, 2);
	hwr_query_free(query);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enumeration),
		cmocka_unit_test(test_promise),
		cmocka_unit_test(test_vague),
		cmocka_unit_test(test_short_steps),
#if !defined(__SANITIZE_ADDRESS__)
		cmocka_unit_test(test_memory),
#endif
		cmocka_unit_test(test_word_keys),
		cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
