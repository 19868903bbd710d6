/*
 * test_text.c
 *	  UTF-8, normalisation, case, quoting, alphabets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/text/text.h"

static void
expect_text(const char *in, HwrCase mapping, const char *expected)
{
	HwrStatus	st = {0};
	char	   *out = NULL;

	if (!hwr_text_normalize(in, strlen(in), mapping, &out, &st))
		fail_msg("\"%s\": %s (%s)", in, st.message, st.detail);
	assert_string_equal(out, expected);
	free(out);
}

static void
expect_bad(const char *in, size_t len, const char *message)
{
	HwrStatus	st = {0};
	char	   *out = NULL;

	assert_false(hwr_text_normalize(in, len, HWR_CASE_KEEP, &out, &st));
	assert_int_equal(st.code, HWR_BAD_LABEL);
	assert_string_equal(st.message, message);
	assert_null(out);
}

static void
test_nfc(void **state)
{
	(void) state;
	expect_text("", HWR_CASE_KEEP, "");
	expect_text("BALTHAZAR", HWR_CASE_KEEP, "BALTHAZAR");
	expect_text("e\xCC\x81t\xC3\xA9", HWR_CASE_KEEP, "\xC3\xA9t\xC3\xA9");
	/* marks of different classes in either order: a + dot below + circumflex */
	expect_text("a\xCC\xA3\xCC\x82", HWR_CASE_KEEP, "\xE1\xBA\xAD");
	expect_text("a\xCC\x82\xCC\xA3", HWR_CASE_KEEP, "\xE1\xBA\xAD");
	/* singletons: Angstrom sign, Ohm sign */
	expect_text("\xE2\x84\xAB\xE2\x84\xA6", HWR_CASE_KEEP, "\xC3\x85\xCE\xA9");
	/* Hangul jamo */
	expect_text("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", HWR_CASE_KEEP, "\xED\x95\x9C");
	/* a mark without a composed form stays */
	expect_text("x\xCC\x81", HWR_CASE_KEEP, "x\xCC\x81");
	/* compatibility characters are not folded: fi ligature, superscript two */
	expect_text("\xEF\xAC\x81\xC2\xB2", HWR_CASE_KEEP, "\xEF\xAC\x81\xC2\xB2");
	/* astral planes: an emoji, a decomposed Kaithi letter */
	expect_text("\xF0\x9F\x99\x82", HWR_CASE_KEEP, "\xF0\x9F\x99\x82");
	expect_text("\xF0\x91\x82\x99\xF0\x91\x82\xBA", HWR_CASE_KEEP, "\xF0\x91\x82\x9A");
	/* a joiner is a format character, not a control character */
	expect_text("\xD9\x85\xE2\x80\x8C\xD9\x86", HWR_CASE_KEEP, "\xD9\x85\xE2\x80\x8C\xD9\x86");
}

static void
test_spaces(void **state)
{
	(void) state;
	expect_text("  a \t\r\n b  ", HWR_CASE_KEEP, "a b");
	expect_text(" \t\n\v\f\r ", HWR_CASE_KEEP, "");
	expect_text("a\xC2\xA0\xE3\x80\x80" "b\xE2\x80\xA8", HWR_CASE_KEEP, "a b");
	expect_text("\xC2\x85x\xC2\x85", HWR_CASE_KEEP, "x");
	expect_text("a b", HWR_CASE_KEEP, "a b");
	/* zero-width space is not white space */
	expect_text("a\xE2\x80\x8B", HWR_CASE_KEEP, "a");
	/* a mark after a space does not compose with the letter before it */
	expect_text("e \xCC\x81", HWR_CASE_KEEP, "e \xCC\x81");
}

static void
test_case(void **state)
{
	(void) state;
	expect_text("Jean-Luc 7", HWR_CASE_UPPER, "JEAN-LUC 7");
	expect_text("Jean-Luc 7", HWR_CASE_LOWER, "jean-luc 7");
	expect_text("\xC3\xA9\xC3\x9F", HWR_CASE_LOWER, "\xC3\xA9\xC3\x9F");
	expect_text("e\xCC\x81", HWR_CASE_UPPER, "\xC3\x89");
	expect_text("\xC3\xA9", HWR_CASE_UPPER, "\xC3\x89");
	/* no composed capital: j with caron, composed or not */
	expect_text("\xC7\xB0", HWR_CASE_UPPER, "J\xCC\x8C");
	expect_text("j\xCC\x8C", HWR_CASE_UPPER, "J\xCC\x8C");
	/* Greek, Cyrillic, Deseret (astral) */
	expect_text("\xCE\xA3\xD0\x96", HWR_CASE_LOWER, "\xCF\x83\xD0\xB6");
	expect_text("\xF0\x90\x90\xA8", HWR_CASE_UPPER, "\xF0\x90\x90\x80");
	expect_text("\xF0\x90\x90\x80", HWR_CASE_LOWER, "\xF0\x90\x90\xA8");
}

static void
test_bad_labels(void **state)
{
	static const char *const broken[] = {
		"\x80", "a\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
		"\xF8\x88\x80\x80\x80", "\xFF", "ab\xE2\x82"
	};

	(void) state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		expect_bad(broken[i], strlen(broken[i]), "label is not valid UTF-8");
	expect_bad("a\0b", 3, "label contains a control character");
	expect_bad("a\x1b[0m", 5, "label contains a control character");
	expect_bad("\x7f", 1, "label contains a control character");
	expect_bad("\xC2\x9B", 2, "label contains a control character");
}

/* Every code point alone: accepted or refused as its class says, stable under a second pass. */
static void
test_all_codepoints(void **state)
{
	(void) state;
	for (uint32_t c = 1; c <= 0x10FFFF; c++)
	{
		HwrStatus	st = {0};
		char	   *one;

		if (c >= 0xD800 && c < 0xE000)
		{
			assert_false(hwr_text_encode(&c, 1, &one, &st));
			assert_int_equal(st.code, HWR_BAD_LABEL);
			continue;
		}
		assert_true(hwr_text_encode(&c, 1, &one, &st));
		for (int mapping = HWR_CASE_KEEP; mapping <= HWR_CASE_LOWER; mapping++)
		{
			bool		control = (c < 0x20 || (c >= 0x7F && c < 0xA0)) && !hwr_text_is_space(c);
			char	   *once;
			char	   *twice;

			if (!hwr_text_normalize(one, strlen(one), (HwrCase) mapping, &once, &st))
			{
				assert_true(control);
				assert_int_equal(st.code, HWR_BAD_LABEL);
				continue;
			}
			assert_false(control);
			assert_true(hwr_text_normalize(once, strlen(once), (HwrCase) mapping, &twice, &st));
			if (strcmp(once, twice) != 0)
				fail_msg("U+%04X is not stable under mapping %d", (unsigned) c, mapping);
			if (hwr_text_is_space(c))
				assert_string_equal(once, "");
			free(once);
			free(twice);
		}
		free(one);
	}
}

static void
test_decode_encode(void **state)
{
	HwrStatus	st = {0};
	uint32_t   *codepoints;
	char	   *back;
	int			n;
	const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x99\x82";
	const uint32_t beyond = 0x110000;
	const uint32_t zero = 0;

	(void) state;
	assert_true(hwr_text_decode(text, strlen(text), &codepoints, &n, &st));
	assert_int_equal(n, 4);
	assert_int_equal(codepoints[0], 'a');
	assert_int_equal(codepoints[1], 0xE9);
	assert_int_equal(codepoints[2], 0x20AC);
	assert_int_equal(codepoints[3], 0x1F642);
	assert_true(hwr_text_encode(codepoints, n, &back, &st));
	assert_string_equal(back, text);
	free(back);
	free(codepoints);

	assert_true(hwr_text_decode("", 0, &codepoints, &n, &st));
	assert_int_equal(n, 0);
	free(codepoints);
	assert_true(hwr_text_encode(NULL, 0, &back, &st));
	assert_string_equal(back, "");
	free(back);

	assert_false(hwr_text_decode("ab\xC3(", 4, &codepoints, &n, &st));
	assert_int_equal(st.code, HWR_BAD_LABEL);
	assert_string_equal(st.detail, "The bytes from number 3 on are not a character.");
	assert_false(hwr_text_decode("a\0", 2, &codepoints, &n, &st));
	assert_false(hwr_text_encode(&beyond, 1, &back, &st));
	assert_false(hwr_text_encode(&zero, 1, &back, &st));
}

/* Bytes at random: never a crash, and what is accepted is valid and stable. */
static void
test_random_bytes(void **state)
{
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 7, 0);
	for (int round = 0; round < 20000; round++)
	{
		HwrStatus	st = {0};
		size_t		len = hwr_rng_below(&rng, 12);
		char	   *bytes = malloc(len > 0 ? len : 1);	/* exact: an overread is an error */
		char	   *out;
		char	   *again;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char) (hwr_rng_below(&rng, 3) ? 0x80 + hwr_rng_below(&rng, 128)
							   : 0x20 + hwr_rng_below(&rng, 96));
		if (hwr_text_normalize(bytes, len, (HwrCase) (round % 3), &out, &st))
		{
			assert_true(hwr_text_normalize(out, strlen(out), (HwrCase) (round % 3), &again, &st));
			assert_string_equal(out, again);
			free(again);
			free(out);
		}
		else
			assert_int_equal(st.code, HWR_BAD_LABEL);
		free(bytes);
	}
}

static void
test_quote(void **state)
{
	char		buf[8];
	char		tiny[2];

	(void) state;
	assert_string_equal(hwr_text_quote("", buf, sizeof(buf)), "");
	assert_string_equal(hwr_text_quote("1234567", buf, sizeof(buf)), "1234567");
	assert_string_equal(hwr_text_quote("12345678", buf, sizeof(buf)), "1234...");
	assert_string_equal(hwr_text_quote("a\n\x1b\xFF", buf, sizeof(buf)), "a???");
	/* a character is never cut in two */
	assert_string_equal(hwr_text_quote("abc\xF0\x9F\x99\x82z", buf, sizeof(buf)), "abc...");
	assert_string_equal(hwr_text_quote("abcdef\xC3\xA9", buf, sizeof(buf)), "abcd...");
	assert_string_equal(hwr_text_quote("abc", tiny, sizeof(tiny)), "");
	assert_string_equal(hwr_text_quote("a", tiny, sizeof(tiny)), "a");
}

static void
test_alphabet(void **state)
{
	HwrStatus	st = {0};
	HwrAlphabet a = {0};
	HwrAlphabet b;
	char	   *text;

	(void) state;
	assert_int_equal(hwr_alphabet_class(&a, 'x'), 0);
	assert_true(hwr_alphabet_add(&a, "SIMON", 5, &st));
	assert_true(hwr_alphabet_add(&a, "", 0, &st));
	assert_true(hwr_alphabet_add(&a, "\xF0\x9F\x99\x82MIA\xC3\x89", 9, &st));
	assert_true(hwr_alphabet_to_utf8(&a, &text, &st));
	assert_string_equal(text, "AIMNOS\xC3\x89\xF0\x9F\x99\x82");
	assert_int_equal(hwr_alphabet_class(&a, 'A'), 1);
	assert_int_equal(hwr_alphabet_class(&a, 'S'), 6);
	assert_int_equal(hwr_alphabet_class(&a, 0xC9), 7);
	assert_int_equal(hwr_alphabet_class(&a, 0x1F642), 8);
	assert_int_equal(hwr_alphabet_class(&a, 'B'), 0);
	assert_int_equal(hwr_alphabet_class(&a, 0), 0);
	assert_int_equal(hwr_alphabet_class(&a, 0x1F643), 0);

	assert_true(hwr_alphabet_from_utf8(text, strlen(text), &b, &st));
	assert_int_equal(b.n, a.n);
	assert_memory_equal(a.codepoints, b.codepoints, sizeof(uint32_t) * (size_t) a.n);
	free(text);
	hwr_alphabet_free(&b);

	assert_false(hwr_alphabet_add(&a, "Z\xFF", 2, &st));
	assert_int_equal(st.code, HWR_BAD_LABEL);
	assert_int_equal(a.n, 8);
	hwr_alphabet_free(&a);
	assert_int_equal(a.n, 0);

	assert_true(hwr_alphabet_from_utf8("zzyyxxzyx", 9, &b, &st));
	assert_int_equal(b.n, 3);
	assert_true(hwr_alphabet_to_utf8(&b, &text, &st));
	assert_string_equal(text, "xyz");
	free(text);
	hwr_alphabet_free(&b);
}

static void
check_visible(const char *text, const char *expected, int invisible, bool right_to_left)
{
	HwrTextTraits traits = hwr_text_traits(text, strlen(text));
	HwrStatus	st = {0};
	char	   *out;

	assert_true(hwr_text_normalize(text, strlen(text), HWR_CASE_KEEP, &out, &st));
	assert_string_equal(out, expected);
	assert_int_equal(traits.invisible, invisible);
	assert_int_equal(traits.right_to_left, right_to_left);
	free(out);
}

/* Byte-order marks, zero-width spaces and their like are nothing to be read. */
static void
test_invisible(void **state)
{
	(void) state;
	check_visible("\xEF\xBB\xBF" "ANNA", "ANNA", 1, false);
	check_visible("AN\xE2\x80\x8BNA\xE2\x81\xA0", "ANNA", 2, false);
	check_visible("e\xE2\x80\x8B\xCC\x81", "\xC3\xA9", 1, false);	/* between letter and accent */
	check_visible("\xE2\x80\xAA" "A\xE2\x80\xAC \xC2\xAD", "A", 3, false);
	check_visible("\xEF\xBB\xBF", "", 1, false);
	check_visible("A\xE2\x80\x8D" "B\xE2\x80\x8C", "AB", 2, false);	/* joiners that join nothing */
	check_visible("\xE2\x80\x8D", "", 1, false);
	/* Persian and Malayalam need theirs */
	check_visible("\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xAE", "\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xAE", 0, true);
	check_visible("\xE0\xB4\xA8\xE0\xB5\x8D\xE2\x80\x8D", "\xE0\xB4\xA8\xE0\xB5\x8D\xE2\x80\x8D", 0, false);
	check_visible("\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D 12", "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D 12", 0, true);
}

/* Characters added in any order, some of them twice or there already, as one by one. */
static void
test_add(void **state)
{
	HwrAlphabet one_by_one = {0};
	HwrAlphabet at_once = {0};
	uint32_t	seed = 1;
	HwrStatus	st;

	(void) state;
	for (int round = 0; round < 200; round++)
	{
		uint32_t	codepoints[40];
		int			n = round % 40;

		for (int i = 0; i < n; i++)
		{
			char	   *utf8;

			seed = seed * 1664525 + 1013904223;
			codepoints[i] = 0x20 + (seed >> 8) % 3000;
			assert_true(hwr_text_encode(&codepoints[i], 1, &utf8, &st));
			assert_true(hwr_alphabet_add(&one_by_one, utf8, strlen(utf8), &st));
			free(utf8);
		}
		assert_true(hwr_alphabet_add_codepoints(&at_once, codepoints, n, &st));
		assert_int_equal(at_once.n, one_by_one.n);
		for (int i = 0; i < at_once.n; i++)
		{
			assert_int_equal(at_once.codepoints[i], one_by_one.codepoints[i]);
			assert_true(i == 0 || at_once.codepoints[i - 1] < at_once.codepoints[i]);
		}
	}
	hwr_alphabet_free(&one_by_one);
	hwr_alphabet_free(&at_once);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invisible),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_nfc),
		cmocka_unit_test(test_spaces),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_bad_labels),
		cmocka_unit_test(test_all_codepoints),
		cmocka_unit_test(test_decode_encode),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_alphabet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
