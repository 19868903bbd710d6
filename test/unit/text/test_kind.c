/*
 * test_kind.c
 *	  Values of fields.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/text/kind.h"
#include "core/text/pattern.h"

static HwrStatus st;

/* Does the text follow the kind's pattern? */
static bool
follows(HwrKind kind, const uint32_t *codepoints, int n, const char *text)
{
	const char *pattern = hwr_kind_pattern(kind);
	HwrPattern *compiled;
	HwrAutomaton *a;
	HwrAlphabet alphabet;
	int			state = 0;
	bool		ok;

	if (!hwr_pattern_compile(pattern, strlen(pattern), false, &compiled, &st))
		fail_msg("%s: %s", hwr_kind_words[kind], st.detail);
	assert_true(hwr_alphabet_from_utf8(text, strlen(text), &alphabet, &st));
	assert_true(hwr_pattern_bind(compiled, &alphabet, NULL, NULL, &a, &st));
	for (int i = 0; i < n && state >= 0; i++)
		state = a->next[state * a->classes + hwr_alphabet_class(&alphabet, codepoints[i])];
	ok = state >= 0 && a->whole[state];
	hwr_automaton_free(a);
	hwr_pattern_free(compiled);
	hwr_alphabet_free(&alphabet);
	return ok;
}

static void
test_values(void **state)
{
	static const struct
	{
		HwrKind		kind;
		const char *text;
		const char *value;		/* NULL: none */
	}			cases[] = {
		{HWR_KIND_DATE, "3 Aout 1914", "1914-08-03"},
		{HWR_KIND_DATE, "3 ao\u00fbt 1914", "1914-08-03"},
		{HWR_KIND_DATE, "03/08/1914", "1914-08-03"},
		{HWR_KIND_DATE, "3.8.1914", "1914-08-03"},
		{HWR_KIND_DATE, "3 8 1914", "1914-08-03"},
		{HWR_KIND_DATE, "1914-08-03", "1914-08-03"},
		{HWR_KIND_DATE, "1er janvier 1900", "1900-01-01"},
		{HWR_KIND_DATE, "30. M\u00e4rz 1848", "1848-03-30"},
		{HWR_KIND_DATE, "August 3rd, 1914", "1914-08-03"},
		{HWR_KIND_DATE, "12 7bre 1790", "1790-09-12"},
		{HWR_KIND_DATE, "29 f\u00e9vrier 2000", "2000-02-29"},
		{HWR_KIND_DATE, "29 f\u00e9vrier 1900", NULL},
		{HWR_KIND_DATE, "31.04.1914", NULL},
		{HWR_KIND_DATE, "10 juin 1914", "1914-06-10"},
		{HWR_KIND_DATE, "10 juillet 1914", "1914-07-10"},
		{HWR_KIND_INTEGER, "0042", "0042"},
		{HWR_KIND_INTEGER, "12 345 678", "12345678"},
		{HWR_KIND_AMOUNT, "1.234,50 F", "1234.50"},
		{HWR_KIND_AMOUNT, "\u20ac 12,5", "12.5"},
		{HWR_KIND_AMOUNT, "1,234", "1234"},
		{HWR_KIND_AMOUNT, "12.-", "12"},
		{HWR_KIND_AMOUNT, "150 francs", "150"},
		{HWR_KIND_POSTCODE, "75 001", "75001"},
		{HWR_KIND_YES_NO, "Oui", "true"},
		{HWR_KIND_YES_NO, "NEIN", "false"},
		{HWR_KIND_YES_NO, "s\u00ed", "true"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint32_t   *codepoints;
		int			n;
		char		value[HWR_KIND_VALUE];
		bool		ok;

		assert_true(hwr_text_decode(cases[i].text, strlen(cases[i].text), &codepoints, &n, &st));
		if (!follows(cases[i].kind, codepoints, n, cases[i].text))
			fail_msg("\"%s\" does not follow the pattern", cases[i].text);
		ok = hwr_kind_value(cases[i].kind, codepoints, n, value);
		assert_int_equal(ok, cases[i].value != NULL);
		if (ok)
			assert_string_equal(value, cases[i].value);
		free(codepoints);
	}
}

static void
test_long(void **state)
{
	uint32_t	digits[500];
	char		value[HWR_KIND_VALUE];

	(void) state;
	for (int i = 0; i < 500; i++)
		digits[i] = '7';
	assert_false(hwr_kind_value(HWR_KIND_INTEGER, digits, 500, value));
	assert_false(hwr_kind_value(HWR_KIND_AMOUNT, digits, 100, value));
	assert_true(hwr_kind_value(HWR_KIND_INTEGER, digits, 30, value));
	assert_false(hwr_kind_value(HWR_KIND_INTEGER, digits, 0, value));
}

/* Places of numbers and days, and their groups, whose values are equally probable; other kinds have no order. */
static void
test_places(void **state)
{
	int64_t		place;
	int64_t		other;
	int			group;
	double		chance;

	(void) state;
	assert_true(hwr_kind_place(HWR_KIND_INTEGER, "007", &place, &group, &chance));
	assert_true(place == 7 && group == 3 && fabs(chance - 1e-3) < 1e-12);
	assert_true(hwr_kind_place(HWR_KIND_INTEGER, "999999999999999999", &place, &group, &chance));
	assert_true(place == INT64_C(999999999999999999) && group == 18);
	assert_false(hwr_kind_place(HWR_KIND_INTEGER, "1000000000000000000", &place, &group, &chance));
	assert_false(hwr_kind_place(HWR_KIND_INTEGER, "", &place, &group, &chance));
	assert_true(hwr_kind_place(HWR_KIND_DATE, "1914-08-03", &place, &group, &chance));
	assert_true(group == 191 % 32 && chance > 0 && chance < 1e-3);
	assert_true(hwr_kind_place(HWR_KIND_DATE, "1970-01-01", &other, &group, &chance));
	assert_true(other - place == 20240);
	assert_true(hwr_kind_place(HWR_KIND_DATE, "1900-02-28", &place, &group, &chance));
	assert_true(hwr_kind_place(HWR_KIND_DATE, "2000-03-01", &other, &group, &chance));
	assert_true(other - place == 36526);
	assert_true(hwr_kind_place(HWR_KIND_DATE, "9999-12-31", &place, &group, &chance));
	assert_true(group >= 0 && group < 32);
	assert_false(hwr_kind_place(HWR_KIND_DATE, "", &place, &group, &chance));
	assert_false(hwr_kind_place(HWR_KIND_AMOUNT, "12.50", &place, &group, &chance));
	assert_false(hwr_kind_place(HWR_KIND_YES_NO, "true", &place, &group, &chance));
}

/* Numbers in the form of their neighbours. */
static void
test_number_like(void **state)
{
	static const struct
	{
		int64_t		number;
		const char *like;
		const char *text;
	}			numbers[] = {
		{1106, "", "1106"}, {0, "", "0"}, {1106, "0001105", "0001106"}, {1106, "4711", "1106"}, {999, "1000", "999"},
		{1000, "0999", "1000"}, {1000, "999", "1000"}, {4321106, "4.321.105", "4.321.106"}, {999, "1'000", "999"},
		{1106, "0.001.105", "0.001.106"}, {1000000, "999 999", "1 000 000"}, {12345, "007", "12345"}, {7, "0", "7"},
		{999999999999999999, "", "999999999999999999"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		char		text[HWR_KIND_VALUE];

		hwr_kind_number_like(numbers[i].number, numbers[i].like, text);
		assert_string_equal(text, numbers[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_number_like),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
