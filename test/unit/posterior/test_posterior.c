/*
 * test_posterior.c
 *	  The kept posterior: what packing keeps and loses, and that no bytes but packed ones are taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decode_cases.h"
#include "core/base/rng.h"
#include "core/decode/decode.h"
#include "core/posterior/posterior.h"
#include "core/posterior/posterior_codes.h"
#include "core/decode/score.h"
#include "core/text/spelling.h"

#define T_STEPS 40
#define CLASSES 12

static HwrStatus st;

/* Characters of one to three bytes of UTF-8. */
static uint32_t codepoints[CLASSES - 1] = {' ', '-', 'A', 'B', 'e', 'z', 0xE9, 0x153, 0x5D0, 0x2019, 0x1F600};
static const HwrAlphabet alphabet = {CLASSES - 1, codepoints, NULL};
static const HwrPosteriorOrigin origin = {{1, 2, 3, 4, 5, 6, 7, 200}, HWR_CASE_KEEP, CLASSES, 160, 16, 120, 300};

/* Posteriors as networks give them: blank for certain, but for some steps. */
static void
line_posteriors(uint32_t stream, float *logp)
{
	random_posteriors(stream, T_STEPS, CLASSES, 8, logp);
	for (int t = 0; t < T_STEPS; t++)
	{
		if (t % 4 == 0)
			continue;
		for (int k = 0; k < CLASSES; k++)
			logp[t * CLASSES + k] = k == 0 ? (float) log(1 - 1e-5 * (CLASSES - 1)) : logf(1e-5f);
	}
}

static HwrSparse *
unpack(const uint8_t *bytes, size_t len)
{
	HwrSparse  *s;

	assert_true(hwr_sparse_create(&s, &st));
	if (!hwr_sparse_read(s, bytes, len, &st))
		fail_msg("%s %s", st.message, st.detail);
	return s;
}

/* What must hold of whatever is accepted. */
static void
check_sparse(const HwrSparse *s)
{
	int			next = 0;

	assert_true(s->steps >= 1 && s->steps <= HWR_POSTERIOR_MAX_STEPS);
	for (int i = 0; i < s->alphabet.n; i++)
		assert_true(s->alphabet.codepoints[i] > (i == 0 ? 0 : s->alphabet.codepoints[i - 1]) &&
					s->alphabet.codepoints[i] <= 0x10FFFF);
	for (int i = 0; i < s->nsteps; i++)
	{
		const HwrSparseStep *step = &s->at[i];
		double		sum = 0;
		int			last = -1;

		assert_int_equal(step->step, next);
		assert_true(step->run >= 1 && step->n >= 1);
		for (int e = 0; e < step->n; e++)
		{
			const HwrEntry *entry = &s->entries[step->entry + e];

			assert_true(entry->class > last && entry->class <= s->alphabet.n && entry->p > 0);
			last = entry->class;
			sum += entry->p;
		}
		assert_true(fabs(sum - 1) < 1e-5);
		assert_true(step->run == 1 || (step->n == 1 && last == 0));
		next += step->run;
	}
	assert_int_equal(next, s->steps);
	assert_true(hwr_sparse_pixel(s, 0) == 0 && hwr_sparse_pixel(s, s->steps) <= s->origin.source_width);
}

static int
best_of(const float *y)
{
	int			best = 0;

	for (int k = 1; k < CLASSES; k++)
		if (y[k] > y[best])
			best = k;
	return best;
}

static void
test_round_trip(void **state)
{
	float		logp[T_STEPS * CLASSES];
	float		dense[T_STEPS * CLASSES];
	static const double bounds[] = {0, 1e-6, 1e-3, 0.1};

	(void) state;
	for (uint32_t stream = 0; stream < 40; stream++)
		for (int b = 0; b < 4; b++)
		{
			uint8_t    *bytes;
			size_t		len;
			HwrSparse  *s;

			line_posteriors(stream, logp);
			assert_true(hwr_posterior_pack(logp, T_STEPS, &alphabet, &origin, bounds[b], &bytes, &len, &st));
			s = unpack(bytes, len);
			check_sparse(s);
			assert_memory_equal(s->origin.hash, origin.hash, HWR_POSTERIOR_HASH);
			assert_int_equal(s->origin.classes, CLASSES);
			assert_int_equal(s->steps, T_STEPS);
			assert_int_equal(s->origin.source_width, 300);
			hwr_sparse_dense(s, &alphabet, dense);
			for (int t = 0; t < T_STEPS; t++)
			{
				double		sum = 0;

				for (int k = 0; k < CLASSES; k++)
				{
					int			i = t * CLASSES + k;

					sum += exp(dense[i]);
					/* The most probable class has what the others leave, which have what the levels leave them. */
					if (k == best_of(logp + t * CLASSES))
						assert_true(dense[i] > logp[i] - 0.01 - bounds[b] * CLASSES);
					else if (logp[i] >= log(bounds[b]) && logp[i] > -15.9)
						assert_true(dense[i] < logp[i] + 1e-4 && dense[i] > logp[i] - (logp[i] > -8.1 ? 1.1 :
																					   0.07) - bounds[b] * CLASSES);
					else
						assert_true(dense[i] < log(fmax(bounds[b], 1.3e-7) * 1.07));
				}
				assert_true(fabs(sum - 1) < 1e-4);
			}
			hwr_sparse_free(s);
			free(bytes);
		}
}

/* Nothing is lost of what a line reads as, and little of how probable it is. */
static void
test_reading(void **state)
{
	float		logp[T_STEPS * CLASSES];
	float		dense[T_STEPS * CLASSES];

	(void) state;
	for (uint32_t stream = 0; stream < 40; stream++)
	{
		HwrReading	before;
		HwrReading	after;
		uint8_t    *bytes;
		size_t		len;
		HwrSparse  *s;
		size_t		cells;

		line_posteriors(stream, logp);
		assert_true(hwr_posterior_pack(logp, T_STEPS, &alphabet, &origin, HWR_POSTERIOR_BOUND, &bytes, &len, &st));
		s = unpack(bytes, len);
		assert_true(hwr_sparse_cells(s, &s->alphabet, &cells, &st));
		assert_true(cells <= T_STEPS * CLASSES);
		hwr_sparse_dense(s, &s->alphabet, dense);
		assert_true(hwr_decode_greedy(logp, T_STEPS, CLASSES, &alphabet, &before, &st));
		assert_true(hwr_decode_greedy(dense, T_STEPS, s->alphabet.n + 1, &s->alphabet, &after, &st));
		assert_string_equal(before.text, after.text);
		hwr_reading_free(&before);
		hwr_reading_free(&after);
		hwr_sparse_free(s);
		free(bytes);
	}
}

/* Classes of a step may be more than its count holds, numbers more than a byte, and runs longer than an item. */
static void
test_large(void **state)
{
	enum
	{
		T = 300, K = 300
	};
	static float logp[T * K];
	static float dense[T * K];
	uint32_t	many[K - 1];
	const HwrAlphabet wide = {K - 1, many, NULL};
	HwrPosteriorOrigin from = origin;
	uint8_t    *bytes;
	size_t		len;
	HwrSparse  *s;

	(void) state;
	from.classes = K;
	for (int k = 1; k < K; k++)
		many[k - 1] = (uint32_t) (0x4E00 + k * 37);
	for (int t = 0; t < T; t++)
		for (int k = 0; k < K; k++)
			logp[t * K + k] = t == 7 ? -logf(K) : k == 0 ? 0 : -INFINITY;
	assert_true(hwr_posterior_pack(logp, T, &wide, &from, 0, &bytes, &len, &st));
	s = unpack(bytes, len);
	check_sparse(s);
	assert_int_equal(s->nsteps, 3);
	assert_int_equal(s->alphabet.n, K - 1);
	assert_int_equal(s->at[2].run, T - 8);
	assert_true(s->floor < 1e-13f);
	hwr_sparse_dense(s, &wide, dense);
	for (int k = 0; k < K; k++)
		assert_true(exp(dense[7 * K + k]) < 0.4 && exp(dense[7 * K + k]) > 0.002);
	assert_true(dense[8 * K] > -1e-6f && dense[8 * K + 1] < -30);
	hwr_sparse_free(s);
	free(bytes);

	assert_false(hwr_posterior_pack(logp, HWR_POSTERIOR_MAX_STEPS + 1, &wide, &from, 0, &bytes, &len, &st));
	assert_int_equal(st.code, HWR_BAD_POSTERIOR);
}

/* In memory of its exact size, so that a sanitizer sees its end. */
static bool
accepted(HwrSparse *s, const uint8_t *bytes, size_t len)
{
	uint8_t    *exact = malloc(len > 0 ? len : 1);
	bool		ok;

	memcpy(exact, bytes, len);
	st = (HwrStatus) {0};
	ok = hwr_sparse_read(s, exact, len, &st);
	free(exact);
	if (ok)
		check_sparse(s);
	else
	{
		assert_int_equal(st.code, HWR_BAD_POSTERIOR);
		assert_true(st.detail[0] != '\0');
		assert_int_equal(s->steps + s->nsteps + s->nentries + s->alphabet.n, 0);
	}
	return ok;
}

/*
 * Every byte to every value, every end: refused by the checksum; with a new checksum refused, or a value that keeps its
 * promises.  Returns how many were refused with a new checksum.
 */
static int
damage(HwrSparse *s, uint8_t *bytes, size_t len)
{
	int			refused = 0;

	for (size_t end = 0; end < len; end++)
	{
		uint8_t    *cut = malloc(end + 1);

		assert_false(accepted(s, bytes, end));
		memcpy(cut, bytes, end);
		hwr_posterior_seal(cut, end);
		(void) accepted(s, cut, end);
		free(cut);
	}
	for (size_t i = 0; i < len; i++)
	{
		uint8_t		was = bytes[i];

		for (int value = 0; value < 256; value++)
		{
			bytes[i] = (uint8_t) value;
			/* A plain value has no checksum. */
			if (value != was && !(i == 0 && value == HWR_POSTERIOR_PLAIN))
				assert_false(accepted(s, bytes, len));
			hwr_posterior_seal(bytes, len);
			refused += !accepted(s, bytes, len);
			bytes[i] = was;
			hwr_posterior_seal(bytes, len);
		}
	}
	return refused;
}

/* Of classes that are not single characters, what they stand for is kept with them. */
static void
test_spelt(void **state)
{
	enum
	{
		T = 4, K = 5
	};
	static const uint32_t signs[K - 1] = {'a', 0xF0000, 0xF0001, 0xF0002};
	/* a, then the two signs of one text; the last class nowhere */
	static const int path[T] = {1, 2, 0, 3};
	HwrAlphabet spelt = {K - 1, (uint32_t *) signs, NULL};
	HwrPosteriorOrigin from = origin;
	float		logp[T * K];
	float		dense[T * K];
	HwrReading	reading;
	uint8_t    *bytes;
	size_t		len;
	HwrSparse  *s;

	(void) state;
	from.classes = K;
	for (int i = 0; i < T * K; i++)
		logp[i] = i % K == path[i / K] ? -0.001f : -30;
	assert_true(hwr_spellings_from_json("{\"plane\": 15, \"texts\": {\"bc\": [2, 3], \"d\": [4], \"e\": [2, 1]}}", &spelt, &st));
	assert_true(hwr_posterior_pack(logp, T, &spelt, &from, HWR_POSTERIOR_BOUND, &bytes, &len, &st));
	assert_int_equal(bytes[0], HWR_POSTERIOR_FORMAT_SPELT);
	s = unpack(bytes, len);
	assert_int_equal(s->alphabet.n, 3);
	assert_int_equal(s->alphabet.spellings->n, 2);
	hwr_sparse_dense(s, &s->alphabet, dense);
	assert_true(hwr_decode_greedy(dense, T, 4, &s->alphabet, &reading, &st));
	assert_string_equal(reading.text, "abc");
	assert_int_equal(reading.nclasses, 3);
	assert_int_equal(reading.chars[1].first_step, 1);
	assert_int_equal(reading.chars[2].last_step, 3);
	hwr_reading_free(&reading);
	/* whatever is done to it, it reads again as what it is */
	assert_true(damage(s, bytes, len) > (int) len * 100);
	assert_true(accepted(s, bytes, len));
	assert_int_equal(s->alphabet.spellings->n, 2);
	/* and leaves none to a value that has none */
	assert_true(accepted(s, (const uint8_t[]) {2, 1, 2, 3, 4, 5, 6, 7, 8, 0, 255, 5, 3, 9, 8, 7, 0, 0x82}, 18));
	assert_null(s->alphabet.spellings);
	free(bytes);
	hwr_sparse_free(s);
	hwr_alphabet_drop_spellings(&spelt);
}

static void
test_damage(void **state)
{
	float		logp[T_STEPS * CLASSES];
	uint8_t    *bytes;
	size_t		len;
	HwrSparse  *s;

	(void) state;
	line_posteriors(3, logp);
	assert_true(hwr_posterior_pack(logp, T_STEPS, &alphabet, &origin, 1e-3, &bytes, &len, &st));
	assert_true(hwr_sparse_create(&s, &st));
	assert_true(damage(s, bytes, len) > (int) len * 100);
	assert_true(accepted(s, bytes, len));

	bytes = realloc(bytes, len + 6);
	memset(bytes + len, 0, 6);
	for (int more = 1; more <= 6; more++)
	{
		bytes[len + (size_t) more - 1] = 0;
		hwr_posterior_seal(bytes, len + (size_t) more);
		assert_false(accepted(s, bytes, len + (size_t) more));
	}
	/* So far beyond the last choice that it is not even looked at. */
	bytes[len + 5] = 1;
	hwr_posterior_seal(bytes, len + 6);
	assert_false(accepted(s, bytes, len + 6));
	hwr_sparse_free(s);
	free(bytes);
}

static bool
same_meaning(const HwrSparse *a, const HwrSparse *b)
{
	if (a->steps != b->steps || a->nsteps != b->nsteps || a->nentries != b->nentries || a->alphabet.n != b->alphabet.n ||
		a->floor != b->floor || memcmp(&a->origin, &b->origin, sizeof(a->origin)) != 0 ||
		memcmp(a->alphabet.codepoints, b->alphabet.codepoints, (size_t) a->alphabet.n * sizeof(uint32_t)) != 0)
		return false;
	for (int i = 0; i < a->nentries; i++)
		if (a->entries[i].class != b->entries[i].class || a->entries[i].p != b->entries[i].p)
			return false;
	for (int i = 0; i < a->nsteps; i++)
		if (a->at[i].run != b->at[i].run || a->at[i].n != b->at[i].n)
			return false;
	return true;
}

/* There is one way to write a value: other bytes are refused, or mean something else. */
static void
test_one_way(void **state)
{
	float		logp[T_STEPS * CLASSES];
	HwrRng		rng;
	int			other = 0;

	(void) state;
	hwr_rng_seed(&rng, 5, 0);
	for (uint32_t stream = 0; stream < 60; stream++)
	{
		uint8_t    *bytes;
		size_t		len;
		HwrSparse  *s;
		HwrSparse  *damaged;

		line_posteriors(stream, logp);
		assert_true(hwr_posterior_pack(logp, T_STEPS, &alphabet, &origin, 1e-3, &bytes, &len, &st));
		s = unpack(bytes, len);
		assert_true(hwr_sparse_create(&damaged, &st));
		for (int i = 0; i < 3000; i++)
		{
			/* Mostly at the end, where a fraction can be another one within the last choice's share. */
			size_t		at = len - 1 - (size_t) hwr_rng_below(&rng, i % 3 == 0 ? len - 11 : 4);
			uint8_t		was = bytes[at];

			bytes[at] ^= (uint8_t) (1 + hwr_rng_below(&rng, 255));
			hwr_posterior_seal(bytes, len);
			if (hwr_sparse_read(damaged, bytes, len, &st))
			{
				assert_false(same_meaning(s, damaged));
				other++;
			}
			bytes[at] = was;
		}
		hwr_sparse_free(s);
		hwr_sparse_free(damaged);
		free(bytes);
	}
	assert_true(other > 100);
}

/* Values that are wrong in one way each, with what is said of them. */
static void
test_refusals(void **state)
{
#define HEAD 2, 1, 2, 3, 4, 5, 6, 7, 8, 0, 255
	/* K 5, T 3, widths 9 8 7, characters A and C */
#define SMALL HEAD, 5, 3, 9, 8, 7, 2, 'A', 1
	static const struct
	{
		const char *detail;
		uint8_t		bytes[40];
		size_t		len;
	}			cases[] = {
		{NULL, {SMALL, 0x80, 0x01, 1, 0x22, 0x80}, 24},
		{NULL, {SMALL, 0x80, 0x01, 1, 0x2F, 131, 0x80}, 25},
		{"The bytes end too early.", {0}, 0},
		{"Its format is 1; this version reads formats 2, 3 and 4.", {1, 1, 2}, 3},
		{"The letter case is out of range.", {2, 1, 2, 3, 4, 5, 6, 7, 8, 3, 255}, 11},
		{"The floor is too high.", {2, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 5, 3, 9, 8, 7, 0, 0x82}, 18},
		{"A number is out of range.", {HEAD, 0}, 12},
		{"A number is out of range.", {HEAD, 0x85, 0}, 13},
		{"A number is out of range.", {HEAD, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 16},
		{"A number is out of range.", {HEAD, 5, 0x81, 0x40}, 14},
		{"The image is wider than its canvas.", {HEAD, 5, 3, 7, 8, 9, 0, 0x82}, 18},
		{"A number is out of range.", {HEAD, 5, 3, 9, 8, 7, 5}, 17},
		{"The bytes end too early.", {HEAD, 5, 3, 9, 8, 7, 3, 'A'}, 18},
		{"A character is not one of Unicode.", {HEAD, 5, 3, 9, 8, 7, 2, 0, 1, 0x82}, 20},
		{"A character is not one of Unicode.", {HEAD, 5, 3, 9, 8, 7, 2, 0x80, 0xB0, 3, 1, 0x82}, 22},
		{"There are more steps than it says.", {SMALL, 0x83}, 20},
		{"There are bytes after the last step.", {SMALL, 0x80, 0x01, 1, 0x22, 0x80, 0x80}, 25},
		{"A step of nothing but blank is not written as one.", {SMALL, 0x40, 0x81}, 21},
		{"A class is out of range.", {SMALL, 0x00, 0, 0x81}, 22},
		{"A number is out of range.", {SMALL, 0x00, 3, 0x81}, 22},
		{"A step has more classes than there are.", {SMALL, 0x43, 0x12, 0x02, 0x02}, 23},
		{"A class of a step is written twice.", {SMALL, 0x01, 1, 0x12, 0x81}, 23},
		{"A class is out of range.", {SMALL, 0x41, 0x32, 0x81}, 22},
		{"A number is out of range.", {SMALL, 0x41, 0xF2, 3, 0x81}, 23},
		{"A probability is not written as a level.", {SMALL, 0x41, 0x1F, 130, 0x81}, 23},
		{"The probabilities of a step sum to more than one.", {HEAD, 5, 3, 9, 8, 7, 3, 'A', 1, 1, 0x43, 0x10, 0x00, 0x00, 0x81},
		25},
		{"A character is in no step.", {SMALL, 0x41, 0x12, 0x81}, 22},
		{"A run of blank is written in parts.", {SMALL, 0x80, 0x80, 0x42, 0x12, 0x02}, 24},
	};
	HwrSparse  *s;

	(void) state;
	assert_true(hwr_sparse_create(&s, &st));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		bool		ok = accepted(s, cases[i].bytes, cases[i].len);

		if (ok != (cases[i].detail == NULL) || (!ok && strcmp(cases[i].detail, st.detail) != 0))
			fail_msg("case %zu: %s", i, ok ? "accepted" : st.detail);
	}
	hwr_sparse_free(s);
}

/* A value of format 3 or 4 that is being written choice by choice, to be wrong in one of them. */
typedef struct Writing
{
	HwrRangeWriter w;
	HwrStepCodes codes;
} Writing;

static void
write_head(Writing *x, int format, int T, int n)
{
	const uint8_t head[] = {(uint8_t) format, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 255, 5, (uint8_t) T, 9, 8, 7, (uint8_t) n};

	*x = (Writing) {.w = {.st = &st}};
	for (size_t i = 0; i < sizeof(head); i++)
		hwr_range_put_byte(&x->w, head[i]);
}

static void
begin_choices(Writing *x, int n, const char *listed)
{
	hwr_range_begin(&x->w);
	hwr_range_put_bit(&x->w, HWR_ODDS_EVEN, listed != NULL);
	for (int c = CODES_FIRST; listed != NULL && c <= CODES_LAST; c++)
		hwr_range_put_bit(&x->w, hwr_posterior_odds[ODDS_CHARACTER + c - CODES_FIRST], c < 128 && strchr(listed, c) != NULL);
	assert_true(hwr_codes_begin(&x->codes, n + 1, &st));
}

static void
begin_writing(Writing *x, int T, int n, const char *listed)
{
	write_head(x, HWR_POSTERIOR_FORMAT, T, n);
	begin_choices(x, n, listed);
}

static void
choose(Writing *x, int odds, bool bit)
{
	hwr_range_put_bit(&x->w, hwr_posterior_odds[odds], bit);
}

static void
write_distance(Writing *x, uint32_t value)
{
	int			bits = 31;

	while (value >> bits == 0)
		bits--;
	for (int i = 0; i < bits; i++)
		hwr_range_put_bit(&x->w, HWR_ODDS_EVEN, false);
	for (int i = bits; i >= 0; i--)
		hwr_range_put_bit(&x->w, HWR_ODDS_EVEN, value >> i & 1);
}

/* Another class with level number, q after LESS; written without a look at whether it may be. */
static void
write_new(Writing *x, int more, int before, int number, int q, int class)
{
	int			odds = hwr_odds_new(&x->codes, before);
	uint32_t	from = hwr_posterior_odds[odds + number];

	choose(x, hwr_odds_more(&x->codes, more, before), true);
	hwr_range_put_share(&x->w, from, (number < LESS ? hwr_posterior_odds[odds + number + 1] : 4096) - from, 4096);
	if (number == LESS)
		hwr_range_put_share(&x->w, (uint32_t) q, 1, 256);
	if (class == 0)
		return;
	hwr_range_put_share(&x->w, hwr_codes_before(&x->codes, class), x->codes.shares[class], x->codes.all);
	hwr_codes_count(&x->codes, class);
}

/* The blank is the most probable class, as before. */
static void
write_blank(Writing *x)
{
	choose(x, hwr_odds_same(&x->codes.last), true);
	x->codes.same = true;
	hwr_codes_add(&x->codes, 0, 0, 0, 0);
}

static void
assert_written(Writing *x, const char *detail)
{
	HwrSparse  *s;
	bool		ok;

	hwr_range_end(&x->w);
	assert_false(x->w.failed);
	while (x->w.data[x->w.len - 1] == 0)
		x->w.len--;
	hwr_posterior_seal(x->w.data, x->w.len);
	assert_true(hwr_sparse_create(&s, &st));
	ok = accepted(s, x->w.data, x->w.len);
	if (ok != (detail == NULL) || (!ok && strcmp(detail, st.detail) != 0))
		fail_msg("%s: %s", detail == NULL ? "none" : detail, ok ? "accepted" : st.detail);
	hwr_sparse_free(s);
	hwr_codes_free(&x->codes);
	free(x->w.data);
}

static void
test_wrong_choices(void **state)
{
	Writing		x;

	(void) state;
	/* Right */
	begin_writing(&x, 1, 2, "AC");
	write_blank(&x);
	write_new(&x, 0, 0, 2, 0, 1);
	write_new(&x, 1, 3, LESS, 131, 2);
	choose(&x, hwr_odds_more(&x.codes, 2, LESS), false);
	assert_written(&x, NULL);

	begin_writing(&x, 1, 2, "ACE");
	assert_written(&x, "There are more characters than it says.");

	begin_writing(&x, 1, 2, "A");
	write_distance(&x, 'B');
	assert_written(&x, "A character is written twice.");

	begin_writing(&x, 1, 1, NULL);
	write_distance(&x, 0xD800);
	assert_written(&x, "A character is not one of Unicode.");

	begin_writing(&x, 1, 1, NULL);
	write_distance(&x, 0x110000);
	assert_written(&x, "A character is not one of Unicode.");

	begin_writing(&x, 1, 2, "AC");
	write_blank(&x);
	write_new(&x, 0, 0, 2, 0, 1);
	write_new(&x, 1, 3, 2, 0, 1);
	assert_written(&x, "A class of a step is written twice.");

	begin_writing(&x, 1, 0, NULL);
	write_blank(&x);
	write_new(&x, 0, 0, 2, 0, 0);
	assert_written(&x, "A class is out of range.");

	begin_writing(&x, 1, 1, "A");
	write_blank(&x);
	write_new(&x, 0, 0, LESS, 130, 1);
	assert_written(&x, "A probability is not written as a level.");

	begin_writing(&x, 1, 3, "ACE");
	write_blank(&x);
	write_new(&x, 0, 0, 0, 0, 1);
	write_new(&x, 1, 1, 0, 0, 2);
	write_new(&x, 2, 1, 0, 0, 3);
	choose(&x, hwr_odds_more(&x.codes, 3, 1), false);
	assert_written(&x, "The probabilities of a step sum to more than one.");

	begin_writing(&x, 1, 2, "AC");
	write_blank(&x);
	write_new(&x, 0, 0, 2, 0, 1);
	choose(&x, hwr_odds_more(&x.codes, 1, 3), false);
	assert_written(&x, "A character is in no step.");

	/* In other ways than packing does. */
	begin_writing(&x, 1, 1, NULL);
	write_distance(&x, 'A');
	write_blank(&x);
	write_new(&x, 0, 0, 2, 0, 1);
	choose(&x, hwr_odds_more(&x.codes, 1, 3), false);
	assert_written(&x, "The characters are written the other way.");

	begin_writing(&x, 1, 2, "A");
	write_distance(&x, 0x5D0);
	write_blank(&x);
	write_new(&x, 0, 0, 2, 0, 1);
	write_new(&x, 1, 3, 2, 0, 2);
	choose(&x, hwr_odds_more(&x.codes, 2, 3), false);
	assert_written(&x, "The characters are written the other way.");

	begin_writing(&x, 1, 2, "AC");
	write_blank(&x);
	write_new(&x, 0, 0, 3, 0, 1);
	write_new(&x, 1, 4, 2, 0, 2);
	assert_written(&x, "The classes of a step are not in order.");

	begin_writing(&x, 1, 2, "AC");
	write_blank(&x);
	write_new(&x, 0, 0, 3, 0, 2);
	write_new(&x, 1, 4, 3, 0, 1);
	assert_written(&x, "The classes of a step are not in order.");

	begin_writing(&x, 2, 1, "A");
	write_blank(&x);
	write_new(&x, 0, 0, 2, 0, 1);
	choose(&x, hwr_odds_more(&x.codes, 1, 3), false);
	hwr_codes_next(&x.codes);
	choose(&x, hwr_odds_same(&x.codes.last), false);
	choose(&x, ODDS_BEFORE + x.codes.last.second, false);
	hwr_range_put_share(&x.w, 0, x.codes.shares[1], x.codes.all);
	assert_written(&x, "A class of the step before is written as another.");

	/* The most probable class is one of the step before, which had the blank alone. */
	begin_writing(&x, 1, 1, "A");
	choose(&x, hwr_odds_same(&x.codes.last), false);
	choose(&x, ODDS_BEFORE + x.codes.last.second, true);
	assert_written(&x, "A class is out of range.");
}

/* Values whose spellings are wrong in one way each; A and one sign are kept. */
static void
test_wrong_spellings(void **state)
{
	static const struct
	{
		const char *detail;
		uint8_t		bytes[16];
		size_t		len;
	}			cases[] = {
		{NULL, {15, 0}, 2},
		{NULL, {15, 1, 1, 2, 2, 'b', 'c'}, 7},
		{NULL, {15, 1, 2, 2, 1, 1, 'b'}, 7},
		{"The plane of its signs is out of range.", {14, 0}, 2},
		{"The plane of its signs is out of range.", {17, 0}, 2},
		{"The bytes end too early.", {15, 9, 1, 2, 2, 'b', 'c'}, 7},
		{"A class is out of range.", {15, 1, 1, 0, 2, 'b', 'c'}, 7},
		{"A number is out of range.", {15, 1, 1, 3, 2, 'b', 'c'}, 7},
		{"A number is out of range.", {15, 1, 33, 2, 2, 'b', 'c'}, 7},
		{"A number is out of range.", {15, 1, 1, 2, 33, 'b', 'c'}, 7},
		{"A number is out of range.", {15, 0x81, 0x80, 0x04, 1, 2, 1, 'b'}, 8},
		{"A text is empty.", {15, 1, 1, 2, 0}, 5},
		{"A character is not one of Unicode.", {15, 1, 1, 2, 1, 0x80, 0xB0, 3}, 8},
		{"The text \"bc\" has no class.", {15, 1, 0, 2, 'b', 'c'}, 6},
		{"The classes of \"bc\" begin with that of a character.", {15, 1, 1, 1, 2, 'b', 'c'}, 7},
		{"The character \"A\" has a class besides.", {15, 1, 1, 2, 1, 'A'}, 6},
		{"Its spellings are not in order.", {15, 2, 1, 2, 1, 'b', 1, 2, 1, 'c'}, 10},
		{"Its spellings are not in order.", {15, 2, 2, 2, 1, 1, 'b', 1, 2, 1, 'c'}, 11},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Writing		x;

		write_head(&x, HWR_POSTERIOR_FORMAT_SPELT, 1, 2);
		for (size_t k = 0; k < cases[i].len; k++)
			hwr_range_put_byte(&x.w, cases[i].bytes[k]);
		begin_choices(&x, 2, NULL);
		write_distance(&x, 'A');
		write_distance(&x, 0xF0000 - 'A');
		write_blank(&x);
		write_new(&x, 0, 0, 2, 0, 1);
		write_new(&x, 1, 3, 2, 0, 2);
		choose(&x, hwr_odds_more(&x.codes, 2, 3), false);
		assert_written(&x, cases[i].detail);
	}
}

/* Any choices, and what the reader makes of a fraction that ends anywhere. */
static void
test_range_coder(void **state)
{
	(void) state;
	for (uint32_t stream = 0; stream < 300; stream++)
	{
		HwrRangeWriter w = {.st = &st};
		HwrRangeReader r;
		HwrRng		rng;
		int			n = (int) stream * 3;

		hwr_rng_seed(&rng, stream, 5);
		hwr_range_begin(&w);
		for (int i = 0; i < n; i++)
		{
			unsigned	odds = stream % 3 == 0 ? 4095 : 1 + (unsigned) hwr_rng_below(&rng, 4095);
			uint32_t	all = 1 + (uint32_t) hwr_rng_below(&rng, HWR_SHARES_MAX);

			hwr_range_put_bit(&w, odds, hwr_rng_below(&rng, 4096) < odds);
			hwr_range_put_share(&w, (uint32_t) hwr_rng_below(&rng, all), 1, all);
		}
		hwr_range_end(&w);
		assert_false(w.failed);
		while (w.len > 0 && w.data[w.len - 1] == 0)
			w.len--;
		hwr_rng_seed(&rng, stream, 5);
		hwr_range_open(&r, w.data, w.len);
		for (int i = 0; i < n; i++)
		{
			unsigned	odds = stream % 3 == 0 ? 4095 : 1 + (unsigned) hwr_rng_below(&rng, 4095);
			uint32_t	all = 1 + (uint32_t) hwr_rng_below(&rng, HWR_SHARES_MAX);
			uint32_t	unit;

			assert_int_equal(hwr_range_get_bit(&r, odds), hwr_rng_below(&rng, 4096) < odds);
			unit = hwr_range_get_unit(&r, all);
			assert_int_equal(unit, hwr_rng_below(&rng, all));
			hwr_range_take_share(&r, unit, 1);
		}
		assert_ptr_equal(r.at, r.end);
		free(w.data);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_spelt),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_one_way),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_wrong_choices),
		cmocka_unit_test(test_wrong_spellings),
		cmocka_unit_test(test_range_coder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
