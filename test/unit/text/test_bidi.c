/*
 * test_bidi.c
 *	  The order of ink on a line, as kraken has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/decode/decode.h"
#include "core/text/bidi.h"
#include "core/text/text.h"
#include "data/bidi_values.h"

static void
test_kraken(void **state)
{
	HwrStatus	st;

	(void) state;
	for (int i = 0; i < BIDI_CASES; i++)
	{
		const BidiCase *c = &bidi_cases[i];
		uint32_t   *codepoints;
		char	   *shown;
		int			order[64];
		int			n;

		assert_true(hwr_text_decode(c->text, strlen(c->text), &codepoints, &n, &st));
		assert_int_equal(n, c->n);
		assert_true(hwr_bidi_reorder(codepoints, n, order, &st));
		assert_true(hwr_text_encode(codepoints, n, &shown, &st));
		assert_string_equal(shown, c->shown);
		for (int k = 0; k < n; k++)
			assert_int_equal(order[k], c->order[k]);
		free(shown);
		free(codepoints);
	}
}

static void
test_none(void **state)
{
	uint32_t	one = 0x5D0;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_bidi_reorder(NULL, 0, NULL, &st));
	assert_true(hwr_bidi_reorder(&one, 1, NULL, &st));
	assert_int_equal(one, 0x5D0);
	assert_false(hwr_any_right_to_left((const uint32_t[]) {'a', 0x661, 0x4E00, 0x10FFFF}, 4));
	assert_true(hwr_any_right_to_left((const uint32_t[]) {'a', 0x627}, 2));
}

/* What is longer than a line is taken in parts. */
static void
test_parts(void **state)
{
	enum
	{
		N = 20000, PART = 8192
	};
	static uint32_t codepoints[N];
	static int	order[N];
	HwrStatus	st;

	(void) state;
	for (int i = 0; i < N; i++)
		codepoints[i] = 0x5D0 + (uint32_t) i % 27;
	assert_true(hwr_bidi_reorder(codepoints, N, order, &st));
	for (int i = 0; i < N; i++)
	{
		int			part = i / PART * PART;
		int			end = part + PART < N ? part + PART : N;

		assert_int_equal(order[i], part + end - 1 - i);
		assert_int_equal(codepoints[i], 0x5D0 + (uint32_t) order[i] % 27);
	}
}

/* Alef, bracket, "ab", bracket, bet from right to left: what is read, with its places, and the classes of either. */
static void
test_reading(void **state)
{
	/* in the order of the ink, each at a step with a blank behind: bet ( a b ) alef, and mirrored in the text */
	static const char shown[] = "\xd7\x91(ab)\xd7\x90";
	HwrAlphabet alphabet;
	HwrReading	reading;
	HwrStatus	st;
	int		   *classes;
	int			back[6];
	int			n;
	bool		writable;
	float		logp[12 * 8];

	(void) state;
	assert_true(hwr_alphabet_from_utf8(shown, strlen(shown), &alphabet, &st));
	assert_int_equal(alphabet.n, 6);
	for (int i = 0; i < 12 * 7; i++)
		logp[i] = -9;
	{
		uint32_t   *ink;

		assert_true(hwr_text_decode(shown, strlen(shown), &ink, &n, &st));
		for (int i = 0; i < 6; i++)
		{
			logp[2 * i * 7 + hwr_alphabet_class(&alphabet, ink[i])] = -0.01f;
			logp[(2 * i + 1) * 7] = -0.01f;
		}
		free(ink);
	}
	assert_true(hwr_decode_greedy(logp, 12, 7, &alphabet, &reading, &st));
	assert_string_equal(reading.text, "\xd7\x90(ab)\xd7\x91");
	assert_int_equal(reading.n, 6);
	assert_int_equal(reading.chars[0].codepoint, 0x5D0);
	assert_int_equal(reading.chars[0].first_step, 10);
	assert_int_equal(reading.chars[1].codepoint, '(');
	assert_int_equal(reading.chars[1].ink, ')');
	assert_int_equal(reading.chars[1].first_step, 8);
	assert_int_equal(reading.chars[2].codepoint, 'a');
	assert_int_equal(reading.chars[2].first_step, 4);
	assert_int_equal(reading.chars[5].first_step, 0);
	/* what it was read from, and what a label of that text is to be learnt as */
	assert_int_equal(reading.nclasses, 6);
	memcpy(back, reading.classes, sizeof(back));
	assert_true(hwr_text_classes(reading.text, strlen(reading.text), HWR_CASE_KEEP, &alphabet, &classes, &n, &writable, &st));
	assert_int_equal(n, 6);
	assert_true(writable);
	assert_memory_equal(classes, back, sizeof(back));
	assert_int_equal(back[0], hwr_alphabet_class(&alphabet, 0x5D1));
	free(classes);
	hwr_reading_free(&reading);
	hwr_alphabet_free(&alphabet);
	/* a lone bracket in such a text is the other one on the line */
	alphabet = (HwrAlphabet) {0};
	assert_true(hwr_alphabet_add_label(&alphabet, "\xd7\x90(\xd7\x91", 5, &st));
	assert_int_equal(alphabet.n, 3);
	assert_int_equal(alphabet.codepoints[0], ')');
	hwr_alphabet_free(&alphabet);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kraken),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
