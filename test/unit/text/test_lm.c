/*
 * test_lm.c
 *	  Language models: against the definition of their probabilities computed by counting in the texts
 *	  themselves, as distributions, as bytes, and as damaged bytes.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/text/lm.h"
#include "lms.h"
#include "reference.h"

static HwrStatus st;

static const char *const words[] = {
	"ANNA", "HANNAH", "ANNE", "JOANNA", "JEAN", "JEANNE", "NADA", "HANS", "ANA", "ANNA", "A", "NANA", "DANA",
	"JEAN-ANNE", "EDNA", "HEDDA", NULL
};

static HwrLm *
build(int order, const char *const *texts)
{
	return lm_of(order, 0, HWR_CASE_KEEP, texts);
}

/*
 * The definition, by brute force.  Texts are framed as #text#; an n-gram is a string of characters.
 */
static char framed[64][32];
static int	nframed;

static void
frame(const char *const *texts)
{
	for (nframed = 0; texts[nframed] != NULL; nframed++)
	{
		framed[nframed][0] = '#';
		strcpy(framed[nframed] + 1, texts[nframed]);
		strcat(framed[nframed], "#");
	}
}

/* How often the n-gram is seen, the beginning by itself not counted. */
static int
seen(const char *gram, int m)
{
	int			n = 0;

	for (int i = 0; i < nframed; i++)
		for (int at = m == 1 ? 1 : 0; at + m <= (int) strlen(framed[i]); at++)
			n += strncmp(framed[i] + at, gram, (size_t) m) == 0;
	return n;
}

/* After how many different characters it is seen. */
static int
contexts(const char *gram, int m)
{
	int			n = 0;

	for (int c = 1; c < 128; c++)
	{
		char		longer[16];

		longer[0] = (char) c;
		memcpy(longer + 1, gram, (size_t) m);
		n += seen(longer, m + 1) > 0;
	}
	return n;
}

static int
adjusted(const char *gram, int m, int order)
{
	return m == order || (gram[0] == '#' && m > 1) ? seen(gram, m) : contexts(gram, m);
}

/* Discount of a count at n-gram length m. */
static double
discount(int count, int m, int order)
{
	double		n[5] = {0};
	double		D[4] = {0, 0, 0, 0};
	bool		usable = true;
	char		done[2048][16];
	int			ndone = 0;

	if (count == 0)
		return 0;
	for (int i = 0; i < nframed; i++)
		for (int at = m == 1 ? 1 : 0; at + m <= (int) strlen(framed[i]); at++)
		{
			int			a;
			int			j;

			for (j = 0; j < ndone; j++)
				if (strncmp(done[j], framed[i] + at, (size_t) m) == 0)
					break;
			if (j < ndone)
				continue;
			strncpy(done[ndone++], framed[i] + at, (size_t) m);
			a = adjusted(framed[i] + at, m, order);
			if (a >= 1 && a <= 4)
				n[a]++;
		}
	for (int i = 1; i <= 3; i++)
	{
		D[i] = i - (i + 1) * (n[1] / (n[1] + 2 * n[2])) * n[i + 1] / n[i];
		usable = usable && n[1] > 0 && n[i] > 0 && n[i + 1] > 0 && D[i] > 0 && D[i] < i;
	}
	if (!usable)
		return count >= 3 ? 1.5 : 0.5 * count;
	return D[count > 3 ? 3 : count];
}

static double
probability(const char *history, int m, char w, const char *symbols, int order)
{
	char		gram[16];
	double		total = 0;
	double		taken = 0;
	double		shorter;

	if (m < 0)
		return 1.0 / ((double) strlen(symbols) + 1);	/* and the unknown character */
	shorter = probability(history + 1, m - 1, w, symbols, order);
	memcpy(gram, history, (size_t) m);
	for (const char *s = symbols; *s; s++)
	{
		int			a;

		gram[m] = *s;
		a = adjusted(gram, m + 1, order);
		total += a;
		taken += discount(a, m + 1, order);
	}
	if (total == 0)
		return shorter;
	gram[m] = w;
	return (adjusted(gram, m + 1, order) - discount(adjusted(gram, m + 1, order), m + 1, order)) / total +
		taken / total * shorter;
}

static void
test_definition(void **state)
{
	static const char symbols[] = "#-ADEHJNOS";
	static const char *const readings[] = {"", "A", "ANNA", "HANNE", "DSO", "JJJJ", "HANS-JEAN", "-"};

	(void) state;
	frame(words);
	for (int order = 1; order <= 4; order++)
	{
		HwrLm	   *lm = build(order, words);

		assert_int_equal(lm->vocabulary.n, 9);
		for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++)
		{
			char		history[32] = "#";
			int			node = hwr_lm_start(lm);

			for (const char *w = readings[i];; w++)
			{
				char		c = *w != '\0' ? *w : '#';
				int			length = (int) strlen(history);
				int			m = length < order - 1 ? length : order - 1;
				double		expected = log(probability(history + length - m, m, c, symbols, order));
				int			symbol = *w != '\0' ? hwr_lm_symbol(lm, (uint32_t) c) : HWR_LM_BOUNDARY;

				/* each of up to order logarithms is rounded to 1/1024 */
				assert_true(fabs(hwr_lm_next(lm, node, symbol, &node) - expected) < 0.0005 * order + 1e-9);
				if (*w == '\0')
					break;
				history[length] = c;
				history[length + 1] = '\0';
			}
		}
		hwr_lm_free(lm);
	}
}

/* In each state the probabilities of all that may follow add up to one. */
static void
test_distribution(void **state)
{
	(void) state;
	for (int order = 1; order <= HWR_LM_MAX_ORDER; order++)
	{
		HwrLm	   *lm = build(order, words);

		for (int node = 0; node < lm->level[order]; node++)
		{
			double		sum = 0;

			for (int symbol = 0; symbol <= lm->vocabulary.n + 1; symbol++)
			{
				int			next = -1;

				sum += exp(hwr_lm_next(lm, node, symbol, &next));
				assert_true(next >= 0 && next < lm->level[order]);
			}
			assert_true(fabs(sum - 1) < 0.003);
		}
		hwr_lm_free(lm);
	}
}

static double
perplexity(const HwrLm *lm, const char *const *texts)
{
	double		logp = 0;
	long long	characters = 0;
	long long	n = 0;

	for (; *texts != NULL; texts++, n++)
	{
		uint32_t   *codepoints;
		int			length;

		assert_true(hwr_text_decode(*texts, strlen(*texts), &codepoints, &length, &st));
		logp += hwr_lm_log_probability(lm, codepoints, length);
		characters += length;
		free(codepoints);
	}
	return hwr_lm_perplexity(logp, characters, n);
}

/* The node of an n-gram, 0: there is none. */
static int
find(const HwrLm *lm, const int *gram, int n)
{
	int			node = 0;

	for (int i = 0; i < n; i++)
	{
		int			child = lm->children[node];

		if (node >= lm->level[lm->order])
			return 0;
		while (child < lm->children[node + 1] && lm->symbol[child] != gram[i])
			child++;
		if (child == lm->children[node + 1])
			return 0;
		node = child;
	}
	return node;
}

/*
 * The n-grams of lm that begin with one, against the whole model: where they are in both, they have the same probability, and
 * their tails are there.  Returns how many there are; *lost: and how many of the whole model are not.
 */
static int
compare_with_whole(const HwrLm *lm, const HwrLm *whole, int *gram, int n, int *lost)
{
	int			node = find(lm, gram, n);
	int			count = 0;

	if (n > 0 && node == 0)
	{
		(*lost)++;
	}
	else if (n > 0)
	{
		assert_true(lm->logp[node] == whole->logp[find(whole, gram, n)]);
		assert_true(n == 1 || find(lm, gram + 1, n - 1) != 0);
		count = 1;
	}
	for (gram[n] = 0; n < whole->order && gram[n] <= whole->vocabulary.n + 1; gram[n]++)
		if (find(whole, gram, n + 1) != 0)
		{
			int			next = compare_with_whole(lm, whole, gram, n + 1, lost);

			assert_true(n == 0 || node != 0 || next == 0);
			count += next;
		}
	return count;
}

static void
check_sums(const HwrLm *lm)
{
	for (int node = 0; node < lm->level[lm->order]; node++)
	{
		double		sum = 0;

		for (int symbol = 0; symbol <= lm->vocabulary.n + 1; symbol++)
			sum += exp(hwr_lm_next(lm, node, symbol, NULL));
		assert_true(sum < 1.004 && sum > 0.98);
	}
}

/* With fewer n-grams: as many as may be, each as it was, and distributions still. */
static void
test_limit(void **state)
{
	(void) state;
	for (int order = 1; order <= 5; order++)
	{
		HwrLm	   *whole = build(order, words);
		int			all = hwr_lm_ngrams(whole);

		for (int limit = 1; limit <= all + 1; limit++)
		{
			HwrLm	   *lm = lm_of(order, limit, HWR_CASE_KEEP, words);
			HwrLm	   *again;
			int			gram[HWR_LM_MAX_ORDER + 1];
			int			lost = 0;
			int			n = compare_with_whole(lm, whole, gram, 0, &lost);
			uint8_t    *bytes;
			size_t		len;

			assert_int_equal(n, hwr_lm_ngrams(lm));
			assert_int_equal(n + lost, all);
			assert_true(n <= limit || lm->order == 1);
			assert_true(limit <= all || lost == 0);
			check_sums(lm);

			/* as bytes, which are read with the tails looked up anew */
			assert_true(hwr_lm_save(lm, &bytes, &len, &st));
			assert_true(hwr_lm_load(bytes, len, &again, &st));
			for (int i = 0; words[i] != NULL; i++)
			{
				const char *const one[] = {words[i], NULL};

				assert_true(perplexity(lm, one) == perplexity(again, one));
			}
			hwr_lm_free(again);
			free(bytes);
			hwr_lm_free(lm);
		}
		hwr_lm_free(whole);
	}
}

/* Texts shorter than the n-grams may be leave the last levels empty: the single characters stay all the same. */
static void
test_limit_of_short(void **state)
{
	static const char *const short_texts[] = {"xyz", "no", NULL};
	const int	characters = 7;	/* x, y, z, n, o, the boundary and the unknown */

	(void) state;
	for (int order = 1; order <= HWR_LM_MAX_ORDER; order++)
		for (int limit = 1; limit <= 2 * characters; limit++)
		{
			HwrLm	   *lm = lm_of(order, limit, HWR_CASE_KEEP, short_texts);
			HwrLm	   *again;
			uint8_t    *bytes;
			size_t		len;

			assert_in_range(hwr_lm_ngrams(lm), characters, limit > characters ? limit : characters);
			check_sums(lm);
			assert_true(hwr_lm_save(lm, &bytes, &len, &st));
			assert_true(hwr_lm_load(bytes, len, &again, &st));
			assert_true(perplexity(lm, short_texts) == perplexity(again, short_texts));
			hwr_lm_free(again);
			free(bytes);
			hwr_lm_free(lm);
		}
}

/* Of the n-grams that no other needs, the one goes first that tells least. */
static void
test_least(void **state)
{
	HwrLm	   *whole = build(2, words);
	HwrLm	   *lm = lm_of(2, hwr_lm_ngrams(whole) - 1, HWR_CASE_KEEP, words);
	int			least[2] = {-1, -1};
	double		least_worth = INFINITY;

	(void) state;
	frame(words);
	for (int h = 0; h <= whole->vocabulary.n; h++)
		for (int w = 0; w <= whole->vocabulary.n; w++)
		{
			const int	gram[2] = {h, w};
			const char	text[2] = {(char) (h == 0 ? '#' : (int) whole->vocabulary.codepoints[h - 1]),
				(char) (w == 0 ? '#' : (int) whole->vocabulary.codepoints[w - 1])};
			int			node = find(whole, gram, 2);
			double		worth;

			if (node == 0)
				continue;
			worth = seen(text, 2) * (whole->logp[node] - whole->backoff[find(whole, gram, 1)] -
									 whole->logp[find(whole, gram + 1, 1)]);
			if (worth < least_worth)
			{
				least_worth = worth;
				memcpy(least, gram, sizeof(least));
			}
		}
	assert_int_equal(find(lm, least, 2), 0);
	hwr_lm_free(whole);
	hwr_lm_free(lm);
}

static void
test_perplexity(void **state)
{
	static const char *const like[] = {"JOHANNA", "HANNA", "NAN", "JEANNA", NULL};
	static const char *const unlike[] = {"SHJD", "OOO", "xyz", NULL};
	HwrLm	   *single = build(1, words);
	HwrLm	   *triple = build(3, words);

	(void) state;
	assert_true(perplexity(triple, like) < perplexity(single, like));
	assert_true(perplexity(triple, words) < perplexity(triple, like));
	assert_true(perplexity(triple, like) < perplexity(triple, unlike));
	assert_true(fabs(hwr_lm_perplexity(-10 * log(7), 8, 2) - 7) < 1e-9);
	hwr_lm_free(single);
	hwr_lm_free(triple);
}

static void
test_texts(void **state)
{
	HwrLmBuilder *builder;
	HwrLm	   *lm;

	(void) state;
	assert_false(hwr_lm_builder_create(0, HWR_CASE_KEEP, &builder, &st));
	assert_int_equal(st.code, HWR_BAD_OPTION);
	assert_false(hwr_lm_builder_create(HWR_LM_MAX_ORDER + 1, HWR_CASE_KEEP, &builder, &st));
	assert_true(hwr_lm_builder_create(3, HWR_CASE_UPPER, &builder, &st));
	assert_false(hwr_lm_builder_finish(builder, &lm, &st));
	assert_int_equal(st.code, HWR_BAD_DATA);
	assert_false(hwr_lm_builder_add(builder, "  ", 2, &st));
	assert_int_equal(st.code, HWR_BAD_LABEL);
	assert_false(hwr_lm_builder_add(builder, "\xff", 1, &st));
	assert_int_equal(st.code, HWR_BAD_LABEL);
	assert_true(hwr_lm_builder_add(builder, "e\xcc\x81t\xc3\xa9", 6, &st));	/* twice the same letter, apart and composed */
	assert_int_equal(hwr_lm_builder_texts(builder), 1);
	assert_int_equal(hwr_lm_builder_characters(builder), 3);
	assert_true(hwr_lm_builder_finish(builder, &lm, &st));
	assert_int_equal(lm->vocabulary.n, 2);
	assert_int_equal(lm->vocabulary.codepoints[0], 'T');
	assert_int_equal(lm->vocabulary.codepoints[1], 0xc9);
	assert_int_equal(hwr_lm_symbol(lm, 0xc9), 2);
	assert_int_equal(hwr_lm_symbol(lm, 't'), 3);
	assert_int_equal(hwr_lm_symbol(lm, 0x0132), 3);
	assert_true(hwr_lm_next(lm, 0, 3, NULL) < hwr_lm_next(lm, 0, 1, NULL));
	/* boundary, T, E', unknown; #E E'T TE' E'#; #E'T E'TE' TE'# */
	assert_int_equal(hwr_lm_ngrams(lm), 4 + 4 + 3);
	hwr_lm_free(lm);
	hwr_lm_builder_free(builder);
	hwr_lm_builder_free(NULL);
	hwr_lm_free(NULL);
}

static void
assert_same(const HwrLm *a, const HwrLm *b)
{
	int			nodes = a->level[a->order + 1];
	int			inner = a->level[a->order];

	assert_int_equal(a->order, b->order);
	assert_int_equal(a->mapping, b->mapping);
	assert_memory_equal(a->level, b->level, ((size_t) a->order + 2) * sizeof(int));
	assert_int_equal(a->vocabulary.n, b->vocabulary.n);
	assert_memory_equal(a->vocabulary.codepoints, b->vocabulary.codepoints,
						(size_t) a->vocabulary.n * sizeof(uint32_t));
	assert_memory_equal(a->symbol, b->symbol, (size_t) nodes * sizeof(int));
	assert_memory_equal(a->logp, b->logp, (size_t) nodes * sizeof(float));
	assert_memory_equal(a->link, b->link, (size_t) nodes * sizeof(int));
	assert_memory_equal(a->backoff, b->backoff, (size_t) inner * sizeof(float));
	assert_memory_equal(a->children, b->children, ((size_t) inner + 1) * sizeof(int));
}

static void
test_bytes(void **state)
{
	static const char *const far[] = {"\xf0\x9f\x98\x80\xe4\xb8\x80", "\xc3\xa9", "a b", NULL};

	(void) state;
	for (int order = 1; order <= 6; order++)
	{
		HwrLm	   *lm = build(order, order % 2 ? words : far);
		HwrLm	   *copy;
		uint8_t    *bytes;
		uint8_t    *again;
		size_t		len;
		size_t		len2;

		assert_true(hwr_lm_save(lm, &bytes, &len, &st));
		assert_true(hwr_lm_load(bytes, len, &copy, &st));
		assert_same(lm, copy);
		assert_true(hwr_lm_save(copy, &again, &len2, &st));
		assert_int_equal(len, len2);
		assert_memory_equal(bytes, again, len);
		free(bytes);
		free(again);
		hwr_lm_free(lm);
		hwr_lm_free(copy);
	}
}

static void
test_class_symbols(void **state)
{
	HwrLmBuilder *builder;
	HwrLm	   *lm;
	HwrLm	   *copy;
	HwrAlphabet alphabet;
	uint8_t    *bytes;
	size_t		len;
	int			symbols[6];

	(void) state;
	assert_true(hwr_lm_builder_create(2, HWR_CASE_UPPER, &builder, &st));
	assert_true(hwr_lm_builder_add(builder, "b ac", 4, &st));
	assert_true(hwr_lm_builder_finish(builder, &lm, &st));
	assert_true(hwr_lm_save(lm, &bytes, &len, &st));
	assert_true(hwr_lm_load(bytes, len, &copy, &st));
	assert_int_equal(copy->mapping, HWR_CASE_UPPER);
	assert_true(hwr_alphabet_from_utf8(" Aabx", 5, &alphabet, &st));
	assert_true(hwr_lm_class_symbols(copy, &alphabet, symbols, &st));
	assert_memory_equal(symbols, ((int[]) {0, 1, 2, 2, 3, 5}), sizeof(symbols));	/* of " ABC" */
	hwr_alphabet_free(&alphabet);
	hwr_lm_free(lm);
	hwr_lm_free(copy);
	hwr_lm_builder_free(builder);
	free(bytes);
}

/* Whatever the bytes: an error, or a model whose every state works. */
static bool
try_bytes(const uint8_t *bytes, size_t len)
{
	uint8_t    *copy = malloc(len > 0 ? len : 1);	/* so that reading past its end is seen */
	HwrLm	   *lm;
	bool		ok;

	memcpy(copy, bytes, len);
	ok = hwr_lm_load(copy, len, &lm, &st);
	free(copy);
	if (!ok)
	{
		assert_true(st.code == HWR_BAD_MODEL || st.code == HWR_MODEL_TOO_NEW);
		return false;
	}
	for (int node = 0; node < lm->level[lm->order]; node++)
		for (int symbol = 0; symbol <= lm->vocabulary.n + 1; symbol++)
		{
			int			next;

			assert_true(hwr_lm_next(lm, node, symbol, &next) <= 0);
			assert_true(next >= 0 && next < lm->level[lm->order]);
		}
	hwr_lm_free(lm);
	return true;
}

static void
test_damage(void **state)
{
	HwrLm	   *lm = build(3, words);
	uint8_t    *bytes;
	uint8_t    *bad;
	size_t		len;
	int			refused = 0;

	(void) state;
	assert_true(hwr_lm_save(lm, &bytes, &len, &st));
	bad = malloc(len + 1);
	for (size_t n = 0; n < len; n++)
		assert_false(try_bytes(bytes, n));
	memcpy(bad, bytes, len);
	bad[len] = 0;
	assert_false(try_bytes(bad, len + 1));
	bad[4] = 3;
	assert_false(try_bytes(bad, len));
	assert_int_equal(st.code, HWR_MODEL_TOO_NEW);
	assert_string_equal(st.message, "language model format version 3 is not supported");
	for (size_t i = 0; i < len; i++)
	{
		for (int bit = 0; bit < 8; bit++)
		{
			memcpy(bad, bytes, len);
			bad[i] ^= (uint8_t) (1 << bit);
			refused += !try_bytes(bad, len);
		}
	}
	assert_true(refused > (int) len);
	for (uint32_t round = 0; round < 3000; round++)
	{
		memcpy(bad, bytes, len);
		for (uint32_t i = 0; i < 1 + round % 4; i++)
			bad[6 + reference_bits(round, 2 * i) % (len - 6)] = (uint8_t) reference_bits(round, 2 * i + 1);
		try_bytes(bad, len);
	}
	free(bad);
	free(bytes);
	hwr_lm_free(lm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_definition),
		cmocka_unit_test(test_distribution),
		cmocka_unit_test(test_perplexity),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_limit_of_short),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_class_symbols),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
