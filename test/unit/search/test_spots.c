/*
 * test_spots.c
 *	  Places of words, and the words of a line, against an enumeration of all alignments.
 */
#include "search_cases.h"

#include "core/search/hypotheses.h"
#include "core/search/spots.h"

static HwrStatus st;

static const uint32_t letters[] = {' ', 'A', 'a', 'b', 0xE9};

#define MOST 12

/* Is text[i .. j] the word, folded, and, if whole, between separators? */
static bool
is_at(const Path *path, int i, int j, const char *word, bool whole)
{
	int			n = 0;

	for (int k = i; k <= j; k++)
	{
		HwrFold		fold = hwr_fold(path->text[k]);

		for (int f = 0; f < fold.n; f++, n++)
			if (word[n] == '\0' || fold.symbols[f] != (uint32_t) word[n])
				return false;
	}
	if (word[n] != '\0')
		return false;
	return !whole || ((i == 0 || path->text[i - 1] == ' ') && (j == path->n - 1 || path->text[j + 1] == ' '));
}

/* Every place is a cell of the matrix of expected occurrences with what overlaps it, none of which lies in two places. */
static void
check_spots(HwrSpots *spots, const HwrSparse *s, const char *text, bool whole)
{
	double		truth[MOST][MOST] = {{0}};
	double		sum = 0;
	double		found = 0;
	int			choice[16] = {0};
	bool		more = true;
	bool		done = false;
	const HwrSpot *out;
	HwrWord    *word;
	int			n;
	Path		path;

	while (next_path(s, choice, &more, &path))
		for (int i = 0; i < path.n; i++)
			for (int j = i; j < path.n; j++)
				if (is_at(&path, i, j, text, whole))
					truth[path.first[i]][path.last[j]] += path.p;
	assert_true(hwr_word_compile(text, strlen(text), whole ? HWR_WORD_HERE : HWR_WORD_PART_HERE, &word, &st));
	assert_true(hwr_spots_begin(spots, word, s, 1e-9, &st));
	while (!done)
		assert_true(hwr_spots_step(spots, &done, &st));
	hwr_spots_get(spots, &out, &n);
	for (int i = 0; i < MOST; i++)
		for (int j = 0; j < MOST; j++)
			sum += truth[i][j];
	for (int k = 0; k < n; k++)
	{
		/* The cell that gave the place its ends is the largest of those that overlap it. */
		double		top = truth[out[k].first_step][out[k].last_step];

		assert_true(top > 0 && out[k].p >= top - 1e-7);
		found += out[k].p;
	}
	if (fabs(found - sum) > 1e-6 && !(found < sum && n > 0 && sum > 0.9))
		fail_msg("\"%s\": %g expected, %g found at %d places", text, sum, found, n);
	hwr_word_free(word);
}

static void
test_spots(void **state)
{
	static const char *const words[] = {"a", "b", "e", "ab", "ba", "aa", "abe"};
	HwrSpots   *spots;

	(void) state;
	assert_true(hwr_spots_create(&spots, &st));
	for (uint32_t stream = 0; stream < 12; stream++)
	{
		HwrSparse  *s = random_sparse(stream, 2 + (int) stream % 5, letters, 5, 3, 0.02);

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		{
			check_spots(spots, s, words[i], true);
			check_spots(spots, s, words[i], false);
		}
		hwr_sparse_free(s);
	}
	hwr_spots_free(spots);
}

/* The expected number of each word, as split_path says it. */
static void
test_hypotheses(void **state)
{
	HwrHypotheses *h;
	int			compared = 0;

	(void) state;
	assert_true(hwr_hypotheses_create(&h, &st));
	for (uint32_t stream = 0; stream < 20; stream++)
	{
		HwrSparse  *s = random_sparse(300 + stream, 2 + (int) stream % 5, letters, 5, 3, 0.02);
		uint32_t	symbols[HWR_HYPOTHESIS_MAX];
		double		expected;
		bool		done = false;
		int			n;

		assert_true(hwr_hypotheses_begin(h, s, 1e-7, &st));
		while (!done)
			assert_true(hwr_hypotheses_step(h, &done, &st));
		for (int w = 0; (n = hwr_hypotheses_get(h, w, symbols, &expected)) > 0; w++)
		{
			int			choice[16] = {0};
			bool		more = true;
			double		truth = 0;
			Path		path;

			while (next_path(s, choice, &more, &path))
			{
				uint32_t	text[80];
				int			length = fold_path(&path, text);

				for (int i = 0; i + n + 1 < length; i++)
					if (text[i] == ' ' && text[i + n + 1] == ' ' && memcmp(text + i + 1, symbols,
																		   (size_t) n * sizeof(uint32_t)) == 0)
						truth += path.p;
			}
			assert_true(fabs(truth - expected) < 1e-6);
			compared++;
		}
		hwr_sparse_free(s);
	}
	assert_true(compared > 200);
	hwr_hypotheses_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spots),
		cmocka_unit_test(test_hypotheses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
