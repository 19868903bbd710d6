/*
 * test_match.c
 *	  Names in lines: probabilities against an enumeration, and the pruned search against scoring all.
 */
#include "search_cases.h"

#include "core/base/rng.h"
#include "core/search/match.h"

static HwrStatus st;

static const uint32_t letters[] = {' ', 'A', 'a', 'b', 0xE9};
static const uint32_t alphabet[] = {' ', '-', 'A', 'B', 'C', 'D', 'E', 'L', 'N', 'O', 'R', 'S', 'a', 'e', 0x301};

static HwrNames *
make_names(const char *const *texts, int n)
{
	HwrNames   *names;

	assert_true(hwr_names_create(&names, &st));
	for (int i = 0; i < n; i++)
		assert_true(hwr_names_add(names, texts[i], strlen(texts[i]), i, &st));
	assert_true(hwr_names_finish(names, &st));
	return names;
}

static int
match(HwrMatcher *m, HwrNames *names, const HwrSparse *s, int n, bool prune, HwrMatch *out, double *seen)
{
	const HwrMatch *best;
	bool		done = false;
	int			nbest;

	assert_true(hwr_match_begin(m, names, s, n, prune, &st));
	while (!done)
		assert_true(hwr_match_step(m, &done, &st));
	hwr_match_get(m, &best, &nbest, seen);
	memcpy(out, best, (size_t) nbest * sizeof(HwrMatch));
	return nbest;
}

/* The text of an alignment as match.h defines it: symbols of equal fold in a row are one, unless a blank is between. */
static int
folded_text(const HwrSparse *s, const int *path, char *out)
{
	uint32_t	last = 0;
	int			n = 0;

	for (int i = 0; i < s->nsteps; i++)
	{
		int			k = s->entries[s->at[i].entry + path[i]].class;
		HwrFold		fold = {0};
		uint32_t	symbol;

		if (k != 0)
			fold = hwr_fold(s->alphabet.codepoints[k - 1]);
		symbol = fold.n == 0 ? 0 : fold.symbols[0];
		if (symbol != 0 && symbol != last && !(symbol == ' ' && (n == 0 || out[n - 1] == ' ')))
			out[n++] = (char) symbol;
		last = symbol;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	return n;
}

static void
test_enumeration(void **state)
{
	static const char *const texts[] = {"a", "A b", "ab", "ba", "bb", "e", "ea", "a a", "aaa", "b-e", "abab", "\xc3\xa9" "b"};
	static const char *const folded[] = {"a", "a b", "ab", "ba", "bb", "e", "ea", "a a", "aaa", "b e", "abab", "eb"};
	enum
	{
		N = sizeof(texts) / sizeof(texts[0])
	};
	HwrNames   *names = make_names(texts, N);
	HwrMatcher *m;
	int			compared = 0;

	(void) state;
	assert_int_equal(hwr_names_count(names), N);
	assert_true(hwr_matcher_create(&m, &st));
	for (uint32_t stream = 0; stream < 20; stream++)
	{
		HwrSparse  *s = random_sparse(stream, 2 + (int) stream % 5, letters, 5, 3, 0.02);
		double		truth[N] = {0};
		int			path[16] = {0};
		HwrMatch	best[N];
		double		seen;
		double		sum = 0;
		int			n;
		int			i;

		s->floor = 0;			/* an enumeration of everything would be long */
		do
		{
			char		text[20];
			double		p = 1;

			for (i = 0; i < s->nsteps; i++)
				p *= s->entries[s->at[i].entry + path[i]].p;
			folded_text(s, path, text);
			for (i = 0; i < N; i++)
				if (strcmp(text, folded[i]) == 0)
					truth[i] += p;
			for (i = 0; i < s->nsteps && ++path[i] == s->at[i].n; i++)
				path[i] = 0;
		} while (i < s->nsteps);
		n = match(m, names, s, N, false, best, &seen);
		for (i = 0; i < n; i++)
		{
			double		p = exp(best[i].logp);

			assert_true(fabs(p - truth[best[i].number]) < 1e-6);
			assert_true(i == 0 || best[i].logp <= best[i - 1].logp);
			sum += p;
			compared++;
		}
		assert_true(fabs(sum - seen) < 1e-9 && sum <= 1.00001);
		hwr_sparse_free(s);
	}
	assert_true(compared > 100);
	hwr_matcher_free(m);
	hwr_names_free(names);
}

static bool
count_down(void *arg)
{
	return --*(int *) arg <= 0;
}

/* Many names with much in common: putting them in order, and a match, can be stopped; and there can be too many. */
static void
test_stopped(void **state)
{
	HwrNames   *names;
	HwrMatcher *m;
	HwrSparse  *s = random_sparse(5, 40, alphabet, 15, 3, 1e-3);
	char		text[3000];
	int			left = 3;

	(void) state;
	assert_true(hwr_matcher_create(&m, &st));
	assert_true(hwr_names_create(&names, &st));
	memset(text, 'A', sizeof(text));
	for (int i = 0; i < 1000; i++)
	{
		for (int digit = 0, rest = i; digit < 3; digit++, rest /= 10)
			text[sizeof(text) - 1 - digit] = "ABCDELNORS"[rest % 10];
		assert_true(hwr_names_add(names, text, sizeof(text), i, &st));
	}
	hwr_names_set_stop(names, count_down, &left);
	assert_false(hwr_names_finish(names, &st));
	assert_int_equal(st.code, HWR_CANCELLED);
	left = 1000000;
	assert_true(hwr_names_finish(names, &st));
	assert_int_equal(hwr_names_count(names), 1000);
	assert_true(hwr_match_begin(m, names, s, 1, true, &st));
	hwr_names_free(names);

	/* refused before it is looked at */
	assert_true(hwr_names_create(&names, &st));
	assert_false(hwr_names_add(names, text, 4 * (size_t) HWR_NAMES_MAX_SYMBOLS + 1, 0, &st));
	assert_int_equal(st.code, HWR_BAD_QUERY);
	assert_string_equal(st.message, "there are too many candidates");
	hwr_names_free(names);
	hwr_matcher_free(m);
	hwr_sparse_free(s);
}

/* Random names of a small alphabet, many of them prefixes of others. */
static HwrNames *
random_names(int n)
{
	HwrNames   *names;
	HwrRng		rng;

	hwr_rng_seed(&rng, 3, 7);
	assert_true(hwr_names_create(&names, &st));
	for (int i = 0; i < n; i++)
	{
		char		text[32];
		int			length = 1 + (int) hwr_rng_below(&rng, 8);

		for (int j = 0; j < length; j++)
			text[j] = "ABCDELNORS -zq"[hwr_rng_below(&rng, 14)];
		assert_true(hwr_names_add(names, text, (size_t) length, i, &st));
	}
	assert_true(hwr_names_finish(names, &st));
	return names;
}

/* Leaving out what cannot be among the best changes nothing. */
static void
test_pruned(void **state)
{
	HwrNames   *names = random_names(3000);
	HwrMatcher *m;

	(void) state;
	assert_true(hwr_matcher_create(&m, &st));
	for (uint32_t stream = 0; stream < 30; stream++)
	{
		HwrSparse  *s = random_sparse(50 + stream, 3 + (int) stream, alphabet, 15, 2 + stream % 8, stream % 3 ? 1e-3 : 0.03);

		for (int n = 1; n <= 20; n += 19)
		{
			HwrMatch	all[20];
			HwrMatch	pruned[20];
			double		seen_all;
			double		seen;
			int			count = match(m, names, s, n, false, all, &seen_all);

			assert_int_equal(match(m, names, s, n, true, pruned, &seen), count);
			for (int i = 0; i < count; i++)
				assert_true(pruned[i].number == all[i].number && pruned[i].logp == all[i].logp);
			assert_true(seen <= seen_all + 1e-12);
		}
		hwr_sparse_free(s);
	}
	hwr_matcher_free(m);
	hwr_names_free(names);
}

static void
test_edges(void **state)
{
	static const char *const texts[] = {"Dupont", "DUPONT", " dupont.", "", "-", "\xff", "Durand"};
	HwrNames   *names = make_names(texts, 7);
	HwrNames   *none = make_names(texts, 0);
	HwrMatcher *m;
	HwrMatch	best[4];
	double		seen;
	HwrSparse  *s = random_sparse(1, 2, letters, 5, 3, 0.02);

	(void) state;
	assert_int_equal(hwr_names_count(names), 2);
	assert_true(hwr_matcher_create(&m, &st));
	/* Two steps hold no name of six letters. */
	assert_int_equal(match(m, names, s, 4, true, best, &seen), 0);
	assert_int_equal(match(m, none, s, 1, true, best, &seen), 0);
	hwr_sparse_free(s);
	s = random_sparse(1, 12, letters, 5, 3, 0.02);
	assert_true(s->floor > 0);
	/* None of its letters was kept, but for the floor. */
	assert_int_equal(match(m, names, s, 4, true, best, &seen), 2);
	assert_true(best[0].number == 0 || best[0].number == 6);
	hwr_sparse_free(s);
	hwr_matcher_free(m);
	hwr_names_free(names);
	hwr_names_free(none);
}

/* Numbers of texts that are the same folded follow each other. */
static void
test_same(void **state)
{
	static const char *const texts[] = {"Anna", "Otto", "ANNA", "", "\xc3\x84nna", "Ott", "anna"};
	HwrNames   *names = make_names(texts, 7);

	(void) state;
	assert_int_equal(hwr_names_count(names), 3);
	assert_int_equal(hwr_names_same(names, 0), 2);
	assert_int_equal(hwr_names_same(names, 2), 4);
	assert_int_equal(hwr_names_same(names, 4), 6);
	assert_int_equal(hwr_names_same(names, 6), -1);
	assert_int_equal(hwr_names_same(names, 1), -1);
	assert_int_equal(hwr_names_same(names, 5), -1);
	hwr_names_free(names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enumeration),
		cmocka_unit_test(test_pruned),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
