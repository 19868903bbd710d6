/*
 * test_edges.c
 *	  Words and trigrams that are just about as probable as a level or a bound, and words that share a code.
 */
#include <math.h>

#include "search_cases.h"

#include "core/search/trigram.h"
#include "core/search/word_keys.h"

static HwrStatus st;

#define STEPS 300
#define CLASSES 8

/* A line made by hand, without the rounding of a kept value. */
typedef struct Line
{
	HwrSparse	s;
	HwrSparseStep at[STEPS];
	HwrEntry	entries[STEPS * CLASSES];
} Line;

static Line *
new_line(const uint32_t *codepoints, int n)
{
	Line	   *l = calloc(1, sizeof(Line));

	l->s.alphabet = (HwrAlphabet) {n, (uint32_t *) codepoints, NULL};
	l->s.at = l->at;
	l->s.entries = l->entries;
	return l;
}

/* A step of two classes, the first of which may be the blank, or of one where p is 1. */
static void
add_step(Line *l, int class, float p, int other, float rest)
{
	HwrSparse  *s = &l->s;

	s->at[s->nsteps] = (HwrSparseStep) {s->nsteps, 1, s->nentries, rest > 0 ? 2 : 1};
	s->nsteps = s->steps = s->nsteps + 1;
	s->entries[s->nentries++] = (HwrEntry) {class, p};
	if (rest > 0)
		s->entries[s->nentries++] = (HwrEntry) {other, rest};
}

static double
search(const Line *l, const char *text)
{
	HwrSearch  *search;
	HwrWord    *word;
	double		p;

	assert_true(hwr_search_create(&search, &st));
	assert_true(hwr_word_compile(text, strlen(text), HWR_WORD_WHOLE, &word, &st));
	assert_true(hwr_word_relevance(search, word, &l->s, &p, &st));
	hwr_word_free(word);
	hwr_search_free(search);
	return p;
}

/* Nothing is said of a word that is not so, however near its probability is to a level. */
static void
test_levels(void **state)
{
	static const uint32_t a[] = {'a'};
	HwrWordKeys *w;

	(void) state;
	assert_true(hwr_word_keys_create(&w, &st));
	for (int level = 1; level < HWR_WORD_LEVELS; level++)
		for (int off = -2; off <= 2; off++)
		{
			Line	   *l = new_line(a, 1);
			float		p = (float) hwr_word_levels[level];
			bool		done = false;
			const HwrTrigram *keys;
			int			n;

			for (int i = 0; i < abs(off); i++)
				p = nextafterf(p, off < 0 ? 0 : 1);
			add_step(l, 0, 1 - p, 1, p);
			assert_true(hwr_word_keys_begin(w, &l->s, 0.1, &st));
			while (!done)
				hwr_word_keys_step(w, &done);
			assert_true(hwr_word_keys_get(w, &keys, &n, &st));
			assert_int_equal(n, p >= HWR_WORD_LOWEST - 1e-6);
			for (int i = 0; i < n; i++)
			{
				int			known = (int) ((-1 - keys[i]) % 32);

				assert_true(search(l, "a") >= hwr_word_levels[known % HWR_WORD_AT_LEAST]);
				if (known + 1 < HWR_WORD_LEVELS)
					assert_true(search(l, "a") < hwr_word_levels[known + 1]);
			}
			free(l);
		}
	hwr_word_keys_free(w);
}

/* The steps of a line may sum to a little more than 1: a word may be as probable as the bound, and none of its trigrams. */
static void
test_bound(void **state)
{
	static const uint32_t letters[] = {'a', 'b', 0x301};
	Line	   *l = new_line(letters, 3);
	HwrTrigrams *t;
	HwrWord    *word;
	const HwrTrigram *keys;
	HwrTrigram *wanted;
	bool		done = false;
	int			n;
	int			nwanted;

	(void) state;
	add_step(l, 0, 0.9F, 1, nextafterf(0.1F, 0));
	add_step(l, 2, 1, 0, 0);
	/* an accent, or nothing */
	while (l->s.nsteps < STEPS)
		add_step(l, 0, nextafterf(0.7F, 1), 3, 0.3F);
	assert_true(search(l, "ab") >= 0.1);
	assert_true(hwr_trigrams_create(&t, &st));
	assert_true(hwr_trigrams_begin(t, &l->s, 0.1, &st));
	while (!done)
		assert_true(hwr_trigrams_step(t, &done, &st));
	assert_true(hwr_trigrams_get(t, &keys, &n, &st));
	assert_true(hwr_word_compile("ab", 2, HWR_WORD_WHOLE, &word, &st));
	assert_true(hwr_word_trigrams(word, &wanted, &nwanted, &st));
	for (int i = 0; i < nwanted; i++)
		assert_non_null(bsearch(&wanted[i], keys, (size_t) n, sizeof(HwrTrigram), hwr_trigram_compare));
	free(wanted);
	hwr_word_free(word);
	hwr_trigrams_free(t);
	free(l);
}

/* Two words that share a code. */
static const char *const twins[2] = {"uncharacteristically", "zyywtnjdrhenikfqyezetf"};

static HwrWordCode
code_of(const char *text)
{
	HwrWord    *word;
	HwrWordCode code;
	HwrWordCode beginnings[2];

	assert_true(hwr_word_compile(text, strlen(text), HWR_WORD_WHOLE, &word, &st));
	assert_true(hwr_word_code(word, &code, beginnings));
	hwr_word_free(word);
	return code;
}

/*
 * A key of a word says nothing of it that is not so, whatever the threshold; and one of a long word neither that it is there
 * nor that it is not, for the other may be.
 */
static void
test_says(void **state)
{
	const HwrWordCode twin = code_of(twins[0]);

	(void) state;
	assert_true(twin >= HWR_WORD_LONG && code_of(twins[1]) == twin);
	for (int known = 0; known < 32; known++)
		for (int threshold = 20; threshold <= 100; threshold++)
		{
			bool		at_least = known >= HWR_WORD_AT_LEAST;
			int			level = known % HWR_WORD_AT_LEAST;
			bool		there = known < HWR_WORD_KNOWN && level < HWR_WORD_LEVELS;
			double		least = there ? hwr_word_levels[level] : 0;
			bool		open = at_least || level + 1 >= HWR_WORD_LEVELS;
			double		next = open ? 2 : hwr_word_levels[level + 1];
			HwrWordSays says = hwr_word_says(code_of("any"), known, threshold / 100.0);
			HwrWordSays of_twin = hwr_word_says(twin, known, threshold / 100.0);

			if (!there)
				assert_true(says == HWR_WORD_SAYS_NOTHING && of_twin == says);
			else
			{
				assert_int_equal(says == HWR_WORD_REACHES, least >= threshold / 100.0);
				assert_int_equal(says == HWR_WORD_BELOW, next <= threshold / 100.0);
				assert_int_equal(of_twin, !at_least && next > threshold / 100.0 ? HWR_WORD_MAYBE : HWR_WORD_SAYS_NOTHING);
			}
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
