/*
 * test_dataset.c
 *	  A data set filled by several threads is the one that one thread fills, row by row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "words.h"
#include "core/text/spelling.h"

/* An address sanitizer needs more room than a limit leaves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#define MANY 400
#define LARGEST (48 * 1000)

static HwrDatasetRow rows[MANY];

/* The words again and again, with labels of all kinds and rows that cannot be used: fewer than a tenth. */
static void
make_rows(void)
{
	for (int i = 0; i < MANY; i++)
	{
		int			word = i % ROWS;

		rows[i] = (HwrDatasetRow) {i + 1, words.bytes[word], words.len[word], words.label[word], strlen(words.label[word])};
		if (i % 23 == 7)
			rows[i].image_len /= 2;
		else if (i % 61 == 8)
		{
			rows[i].image = (const uint8_t *) "GIF89a";
			rows[i].image_len = 6;
		}
		else if (i % 53 == 9)
			rows[i].image = NULL;
		else if (i % 67 == 10)
			rows[i].label = NULL;
		else if (i % 71 == 11)
			rows[i].label_len = 0;
		else if (i % 73 == 12)
		{
			rows[i].label = "a label that needs more steps than there are in ninety-six columns";
			rows[i].label_len = strlen(rows[i].label);
		}
		else if (i % 5 == 0)
		{
			rows[i].label = "\303\211t\303\251 \316\251";
			rows[i].label_len = 8;
		}
	}
}

static HwrDataset *
fill(const HwrTrainOptions *o, size_t memory, const HwrAlphabet *alphabet, int threads, int batch, HwrSkip *skips)
{
	HwrDataset *ds = dataset(o, memory);
	HwrStatus	st;

	hwr_dataset_set_rival(ds, HWR_FIT_STRETCH, 16, 40);
	assert_true(hwr_dataset_set_threads(ds, threads, &st));
	if (alphabet != NULL)
		assert_true(hwr_dataset_set_alphabet(ds, alphabet, true, &st));
	for (int i = 0; i < MANY; i += batch)
	{
		int			n = i + batch < MANY ? batch : MANY - i;

		assert_true(hwr_dataset_add(ds, HWR_SPLIT_AUTO, rows + i, n, skips + i, &st));
	}
	if (!hwr_dataset_finish(ds, &st))
		fail_msg("%s: %s", st.message, st.detail);
	return ds;
}

static void
compare_rows(const HwrDataset *a, const HwrDataset *b, HwrSplit split, int i)
{
	static uint8_t ink_a[LARGEST];
	static uint8_t ink_b[LARGEST];
	HwrSample	sa;
	HwrSample	sb;
	HwrStatus	st;

	hwr_dataset_sample(a, split, i, &sa);
	hwr_dataset_sample(b, split, i, &sb);
	assert_string_equal(sa.label, sb.label);
	assert_int_equal(sa.nclasses, sb.nclasses);
	assert_memory_equal(sa.classes, sb.classes, (size_t) sa.nclasses * sizeof(int));
	assert_int_equal(sa.width, sb.width);
	assert_true(hwr_dataset_read(a, split, i, ink_a, sa.width, &st));
	assert_true(hwr_dataset_read(b, split, i, ink_b, sb.width, &st));
	assert_memory_equal(ink_a, ink_b, (size_t) (32 * sa.width));
	if (split == HWR_SPLIT_TRAIN)
		return;
	assert_int_equal(hwr_dataset_rival_width(a, i), hwr_dataset_rival_width(b, i));
	assert_true(hwr_dataset_read_rival(a, i, ink_a, &st));
	assert_true(hwr_dataset_read_rival(b, i, ink_b, &st));
	assert_memory_equal(ink_a, ink_b, (size_t) (16 * hwr_dataset_rival_width(a, i)));
}

static void
compare(const HwrDataset *a, const HwrDataset *b)
{
	char	   *alphabet_a;
	char	   *alphabet_b;
	HwrStatus	st;

	assert_true(hwr_dataset_fingerprint(a) == hwr_dataset_fingerprint(b));
	assert_string_equal(hwr_dataset_skipped_text(a), hwr_dataset_skipped_text(b));
	for (int reason = HWR_SKIP_NULL; reason < HWR_NSKIPS; reason++)
		assert_int_equal(hwr_dataset_skipped(a, reason), hwr_dataset_skipped(b, reason));
	assert_true(hwr_alphabet_to_utf8(hwr_dataset_alphabet(a), &alphabet_a, &st));
	assert_true(hwr_alphabet_to_utf8(hwr_dataset_alphabet(b), &alphabet_b, &st));
	assert_string_equal(alphabet_a, alphabet_b);
	free(alphabet_a);
	free(alphabet_b);
	for (HwrSplit s = HWR_SPLIT_TRAIN; s <= HWR_SPLIT_VALIDATION; s++)
	{
		assert_true(hwr_dataset_count(a, s) > 0);
		assert_int_equal(hwr_dataset_count(a, s), hwr_dataset_count(b, s));
		for (int i = 0; i < hwr_dataset_count(a, s); i++)
			compare_rows(a, b, s, i);
	}
}

static void
check_threads(const HwrTrainOptions *o, size_t memory, const HwrAlphabet *alphabet)
{
	static const struct
	{
		int			threads;
		int			batch;
	}			ways[] = {{1, 64}, {2, 1}, {2, 7}, {3, MANY}, {16, 64}};
	HwrSkip		expected[MANY];
	HwrSkip		skips[MANY];
	HwrDataset *serial = fill(o, memory, alphabet, 1, 1, expected);

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
	{
		HwrDataset *parallel = fill(o, memory, alphabet, ways[i].threads, ways[i].batch, skips);

		assert_memory_equal(expected, skips, sizeof(skips));
		compare(serial, parallel);
		hwr_dataset_free(parallel);
	}
	hwr_dataset_free(serial);
}

static void
test_threads(void **state)
{
	HwrTrainOptions fixed = options("{" TINY ", \"validation_fraction\": 0.3}");
	HwrTrainOptions any = options("{\"validation_fraction\": 0.3, \"case\": \"upper\", "
								  "\"architecture\": \"[1,32,0,1 Cr3,3,4 Mp4,4 Mp8,1\"}");

	(void) state;
	check_threads(&fixed, 1 << 30, NULL);
	check_threads(&any, 30000, NULL);	/* most canvases go to the file */
}

/* Images wider than the canvas are counted, so that nobody is surprised. */
static void
test_squeezed(void **state)
{
	static const struct
	{
		const char *json;
		int64_t		squeezed;
	}			cases[] = {
		{"{\"architecture\": \"[1,32,0,1 Cr3,3,4 Mp4,4 Mp8,1\"}", 0},
		{"{\"architecture\": \"[1,32,2000,1 Cr3,3,4 Mp4,4 Mp8,1\"}", 0},
		{"{\"architecture\": \"[1,32,48,1 Cr3,3,4 Mp4,1 Mp8,1\"}", ROWS - 5},	/* five short words fit */
		{"{\"architecture\": \"[1,32,48,1 Cr3,3,4 Mp4,1 Mp8,1\", \"fit\": \"stretch\"}", 0}
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HwrTrainOptions o = options(cases[i].json);
		HwrDataset *ds = all_words(&o, 1 << 30);

		assert_int_equal(hwr_dataset_squeezed(ds), cases[i].squeezed);
		hwr_dataset_free(ds);
	}
}

/* With characters that may not be added, in training rows only. */
static void
test_fixed_alphabet(void **state)
{
	HwrTrainOptions o = options("{" TINY ", \"validation_fraction\": 0.9}");
	HwrAlphabet alphabet = {0};
	HwrStatus	st;

	(void) state;
	for (int i = 0; i < ROWS; i++)
		assert_true(hwr_alphabet_add(&alphabet, words.label[i], strlen(words.label[i]), &st));
	check_threads(&o, 1 << 30, &alphabet);
	hwr_alphabet_free(&alphabet);
}

/* An error is that of the first row that has one, and what the others have is freed (a leak checker would tell). */
static void
test_error(void **state)
{
	HwrTrainOptions o = options("{" TINY "}");
	HwrDataset *ds;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_dataset_create(&o, &limits, 5 * 32 * 96, "/nowhere/at/all", &ds, &st));
	assert_true(hwr_dataset_set_threads(ds, 4, &st));
	assert_false(hwr_dataset_add(ds, HWR_SPLIT_TRAIN, rows, 64, NULL, &st));
	assert_int_equal(st.code, HWR_IO);
	assert_int_equal(hwr_dataset_count(ds, HWR_SPLIT_TRAIN), 6);	/* the sixth has no canvas */
	hwr_dataset_free(ds);
}

typedef struct Stopper
{
	pthread_t	thread;
	int			asked;
} Stopper;

static bool
stop_at_third(void *arg)
{
	Stopper    *s = arg;

	assert_true(pthread_equal(s->thread, pthread_self()));
	return ++s->asked == 3;
}

static void
test_stop(void **state)
{
	HwrTrainOptions o = options("{" TINY "}");

	(void) state;
	for (int threads = 1; threads <= 3; threads += 2)
	{
		HwrDataset *ds = dataset(&o, 1 << 30);
		Stopper		stopper = {.thread = pthread_self()};
		HwrStatus	st;

		assert_true(hwr_dataset_set_threads(ds, threads, &st));
		hwr_dataset_set_stop(ds, stop_at_third, &stopper);
		assert_false(hwr_dataset_add(ds, HWR_SPLIT_TRAIN, rows, MANY, NULL, &st));
		assert_int_equal(st.code, HWR_CANCELLED);
		assert_int_equal(stopper.asked, 3);
		/* another call begins anew */
		assert_true(hwr_dataset_add(ds, HWR_SPLIT_TRAIN, rows, 7, NULL, &st));
		assert_int_equal(hwr_dataset_count(ds, HWR_SPLIT_TRAIN), 7);
		hwr_dataset_free(ds);
	}
}

#ifndef SANITIZED

/* A JPEG file that says it is 65,500 pixels wide and high: at an eighth of that, 67 MB. */
static size_t
make_huge(uint8_t *out)
{
	size_t		len = words.len[0];

	memcpy(out, words.bytes[0], len);
	for (size_t i = 0; i + 8 < len; i++)
		if (out[i] == 0xFF && out[i + 1] == 0xC0)
		{
			out[i + 5] = out[i + 7] = 65500 >> 8;
			out[i + 6] = out[i + 8] = 65500 & 255;
			return len;
		}
	fail_msg("no frame header");
	return 0;
}

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

static void
test_out_of_memory(void **state)
{
	static uint8_t huge[1 << 16];
	HwrImageLimits wide = {1 << 20, INT64_C(1) << 33};
	HwrTrainOptions o = options("{" TINY "}");
	HwrDatasetRow many[32];
	struct rlimit old;
	struct rlimit tight;
	HwrDataset *ds;
	HwrStatus	st;
	bool		ok;

	(void) state;
	if (getenv("HWR_EMULATED") != NULL)
		skip();					/* qemu holds a process to no limit of its addresses */
	memcpy(many, rows, sizeof(many));
	many[20].image_len = make_huge(huge);
	many[20].image = huge;
	assert_true(hwr_dataset_create(&o, &wide, 1 << 30, "/tmp", &ds, &st));
	assert_true(hwr_dataset_set_threads(ds, 2, &st));
	assert_true(hwr_dataset_add(ds, HWR_SPLIT_TRAIN, rows, 32, NULL, &st));

	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	tight = (struct rlimit) {address_space() + (32 << 20), old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
	ok = hwr_dataset_add(ds, HWR_SPLIT_TRAIN, many, 32, NULL, &st);
	assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
	assert_false(ok);
	assert_int_equal(st.code, HWR_OUT_OF_MEMORY);
	hwr_dataset_free(ds);
}

#endif

static int
set_up(void **state)
{
	if (load_words(state) != 0)
		return -1;
	make_rows();
	mallopt(M_ARENA_MAX, 1);	/* no address space set aside for each thread, which test_out_of_memory could find */
	return 0;
}

/* Rows number first to end of the words, with this label where it is not NULL. */
static void
add_words(HwrDataset *ds, HwrSplit split, int first, int end, const char *label)
{
	HwrStatus	st;

	for (int i = first; i < end; i++)
	{
		const char *text = label != NULL ? label : words.label[i % ROWS];
		HwrDatasetRow row = {i + 1, words.bytes[i % ROWS], words.len[i % ROWS], text, strlen(text)};

		assert_true(hwr_dataset_add(ds, split, &row, 1, NULL, &st));
	}
}

/* Labels are spelt with a base's classes, and their characters join the alphabet only where they have none. */
static void
test_spelt(void **state)
{
	HwrTrainOptions o = options("{" TINY ", \"validation_fraction\": 0}");
	HwrDataset *ds = dataset(&o, 1 << 24);
	HwrAlphabet alphabet;
	HwrStatus	st;
	HwrSample	sample;

	(void) state;
	assert_true(hwr_alphabet_from_utf8("E\xf3\xb0\x80\x80\xf3\xb0\x80\x81", 9, &alphabet, &st));
	assert_true(hwr_spellings_from_json("{\"plane\": 15, \"texts\": {\"AN\": [2], \"B\": [3, 2], \"ANN\": [3, 3]}}", &alphabet,
										&st));
	assert_true(hwr_dataset_set_alphabet(ds, &alphabet, false, &st));
	add_words(ds, HWR_SPLIT_TRAIN, 0, 1, "ANE");
	add_words(ds, HWR_SPLIT_TRAIN, 1, 2, "BANNE");
	add_words(ds, HWR_SPLIT_TRAIN, 2, 3, "NAN");
	/* classes need the steps: of characters it would be too many */
	add_words(ds, HWR_SPLIT_TRAIN, 3, 4, "ANEANEANEANEANEANEANEANEANEANE");
	/* a character that would be taken for a class's sign cannot join; where nothing is learnt, it is read wrong */
	add_words(ds, HWR_SPLIT_TRAIN, 4, 5, "NA\xf3\xb0\x80\x81");
	assert_int_equal(hwr_dataset_skipped(ds, HWR_SKIP_LABEL), 1);
	assert_non_null(strstr(hwr_dataset_skipped_text(ds), "character U+F0001 is of the private use plane"));
	add_words(ds, HWR_SPLIT_VALIDATION, 5, 6, "NA\xf3\xb0\x80\x81");
	assert_int_equal(hwr_dataset_skipped(ds, HWR_SKIP_LABEL), 1);
	for (int i = 6; i < 12; i++)	/* of too many that are left out, a training says no */
		add_words(ds, HWR_SPLIT_TRAIN, i, i + 1, "NAN");
	assert_true(hwr_dataset_finish(ds, &st));
	assert_int_equal(hwr_dataset_count(ds, HWR_SPLIT_TRAIN), 10);
	assert_int_equal(hwr_dataset_alphabet(ds)->n, 4);
	assert_int_equal(hwr_dataset_alphabet(ds)->codepoints[1], 'N');
	assert_true(hwr_same_spellings(hwr_dataset_alphabet(ds), &alphabet));
	hwr_dataset_sample(ds, HWR_SPLIT_TRAIN, 0, &sample);
	assert_true(sample.complete);
	assert_int_equal(sample.nclasses, 2);
	assert_memory_equal(sample.classes, ((int[]) {3, 1}), 2 * sizeof(int));
	hwr_dataset_sample(ds, HWR_SPLIT_TRAIN, 1, &sample);
	assert_int_equal(sample.nclasses, 5);
	assert_memory_equal(sample.classes, ((int[]) {4, 3, 4, 4, 1}), 5 * sizeof(int));
	hwr_dataset_sample(ds, HWR_SPLIT_TRAIN, 2, &sample);
	assert_int_equal(sample.nclasses, 2);
	assert_memory_equal(sample.classes, ((int[]) {2, 3}), 2 * sizeof(int));
	hwr_alphabet_free(&alphabet);
	hwr_dataset_free(ds);
}

/* Labels with a byte-order mark are those without; letters from right to left are counted. */
static void
test_label_traits(void **state)
{
	HwrTrainOptions o = options("{" TINY ", \"validation_fraction\": 0.3}");
	HwrDataset *ds = dataset(&o, 1 << 24);
	HwrStatus	st;
	HwrSample	sample;

	(void) state;
	add_words(ds, HWR_SPLIT_TRAIN, 0, 1, "\xEF\xBB\xBF" "AB");
	add_words(ds, HWR_SPLIT_TRAIN, 1, 3, "BA");
	add_words(ds, HWR_SPLIT_TRAIN, 3, 4, "\xD7\xA9");
	assert_true(hwr_dataset_finish(ds, &st));
	assert_int_equal(hwr_dataset_traits(ds).invisible, 1);
	assert_int_equal(hwr_dataset_traits(ds).right_to_left, 1);
	assert_int_equal(hwr_dataset_alphabet(ds)->n, 3);
	hwr_dataset_sample(ds, HWR_SPLIT_TRAIN, 0, &sample);
	assert_string_equal(sample.label, "AB");
	hwr_dataset_free(ds);
}

/* Nothing to train on, or to validate on: why, and what to do. */
static void
test_reasons(void **state)
{
	HwrTrainOptions o = options("{" TINY ", \"validation_fraction\": 0.3}");
	HwrDataset *ds;
	HwrAlphabet alphabet;
	HwrStatus	st;
	int			word = 0;

	(void) state;
	/* an image that falls to validation, again and again */
	for (;; word++)
	{
		ds = dataset(&o, 1 << 24);
		add_words(ds, HWR_SPLIT_AUTO, word, word + 1, NULL);
		if (hwr_dataset_count(ds, HWR_SPLIT_VALIDATION) == 1)
			break;
		hwr_dataset_free(ds);
		assert_true(word < ROWS);
	}
	add_words(ds, HWR_SPLIT_AUTO, word, word + 1, "OTHER");
	assert_false(hwr_dataset_finish(ds, &st));
	assert_string_equal(st.message, "no usable training images");
	assert_non_null(strstr(st.detail, "All 2 usable rows fell to validation"));
	assert_non_null(strstr(st.hint, "validation_fraction"));
	hwr_dataset_free(ds);

	/* a table for validation without rows */
	ds = dataset(&o, 1 << 24);
	hwr_dataset_expect_validation(ds);
	add_words(ds, HWR_SPLIT_TRAIN, 0, 5, NULL);
	assert_false(hwr_dataset_finish(ds, &st));
	assert_string_equal(st.message, "no usable images for validation");
	hwr_dataset_free(ds);

	/* new characters where the base's alphabet is kept */
	ds = dataset(&o, 1 << 24);
	assert_true(hwr_alphabet_from_utf8("A", 1, &alphabet, &st));
	assert_true(hwr_dataset_set_alphabet(ds, &alphabet, true, &st));
	add_words(ds, HWR_SPLIT_TRAIN, 0, 5, "AZ");
	add_words(ds, HWR_SPLIT_TRAIN, 5, 8, "A");
	assert_false(hwr_dataset_finish(ds, &st));
	assert_non_null(strstr(st.message, "too many unusable rows"));
	assert_non_null(strstr(st.hint, "\"union\""));
	hwr_alphabet_free(&alphabet);
	hwr_dataset_free(ds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_label_traits),
		cmocka_unit_test(test_spelt),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_squeezed),
		cmocka_unit_test(test_fixed_alphabet),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_stop),
#ifndef SANITIZED
		cmocka_unit_test(test_out_of_memory),
#endif
	};

	return cmocka_run_group_tests(tests, set_up, free_words);
}
