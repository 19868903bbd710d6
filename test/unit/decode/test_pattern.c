/*
 * test_pattern.c
 *	  Patterns against texts that they should and should not match, and as the beam search keeps to them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/decode/beam.h"
#include "core/text/pattern.h"
#include "decode_cases.h"

static HwrStatus st;
static Truth truths[MAX_TEXTS];

static HwrAlphabet
alphabet_of(const char *characters)
{
	HwrAlphabet alphabet;

	assert_true(hwr_alphabet_from_utf8(characters, strlen(characters), &alphabet, &st));
	return alphabet;
}

static HwrAutomaton *
bind(const char *pattern, const HwrAlphabet *alphabet)
{
	HwrPattern *compiled;
	HwrAutomaton *automaton;

	if (!hwr_pattern_compile(pattern, strlen(pattern), false, &compiled, &st))
		fail_msg("%s: %s", pattern, st.detail);
	assert_true(hwr_pattern_bind(compiled, alphabet, NULL, NULL, &automaton, &st));
	hwr_pattern_free(compiled);
	return automaton;
}

static bool
accepts(const HwrAutomaton *a, const int *classes, int n)
{
	int			state = 0;

	for (int i = 0; i < n && state >= 0; i++)
		state = a->next[state * a->classes + classes[i]];
	return state >= 0 && a->whole[state];
}

static bool
matches(const char *pattern, const char *text)
{
	HwrAlphabet alphabet = alphabet_of("0123456789 abcdefxyzABC-./,\xc3\xa9()*]\\");
	HwrAutomaton *a = bind(pattern, &alphabet);
	int		   *classes;
	int			n;
	bool		writable;
	bool		ok;

	assert_true(hwr_text_classes(text, strlen(text), HWR_CASE_KEEP, &alphabet, &classes, &n, &writable, &st));
	assert_true(writable);
	ok = accepts(a, classes, n);
	free(classes);
	hwr_automaton_free(a);
	hwr_alphabet_free(&alphabet);
	return ok;
}

static void
test_matching(void **state)
{
	static const struct
	{
		const char *pattern;
		const char *yes[5];
		const char *no[5];
	}			cases[] = {
		{"", {""}, {"a"}},
		{"abc", {"abc"}, {"ab", "abcd", "xabc", ""}},
		{"a|bc|", {"a", "bc", ""}, {"abc", "b"}},
		{"a*", {"", "a", "aaaa"}, {"b", "ab"}},
		{"(ab)+c?", {"ab", "ababc"}, {"", "c", "aba"}},
		{"a{2}", {"aa"}, {"a", "aaa"}},
		{"a{2,4}", {"aa", "aaa", "aaaa"}, {"a", "aaaaa"}},
		{"a{2,}b", {"aab", "aaaaab"}, {"ab", "b"}},
		{"a{0}b", {"b"}, {"ab"}},
		{"a{0,2}", {"", "a", "aa"}, {"aaa"}},
		{"(a|b){1,2}c", {"ac", "bac"}, {"c", "aabc"}},
		{"(a?b){2}", {"bb", "abb", "abab"}, {"b", "aab", "aabb"}},
		{"\\d{1,2}[/.-]\\d{1,2}", {"1/2", "31.12", "3-11"}, {"1 2", "123/4", "/1"}},
		{"[a-c]+", {"abc", "ccc"}, {"d", ""}},
		{"[^a-c ]", {"d", "1", "\xc3\xa9"}, {"a", " ", "dd"}},
		{"[a\\-\\]x-]", {"a", "-", "x"}, {"]a", "b"}},
		{"\\w+\\s\\w+", {"ab c1", "\xc3\xa9 x"}, {"a-b c", " a"}},
		{".\\.", {"a.", ".."}, {"a", "ab"}},
		{"\\(a\\)\\*", {"(a)*"}, {"a", "(a)"}},
		{"(?i)aBc\xc3\xa9", {"abc\xc3\xa9", "ABC\xc3\xa9"}, {"ab"}},
		{"A", {"A"}, {"a"}},
		/* composed, but for the letter of an escape, which d and a dot above would be one with */
		{"e\xcc\x81[de\xcc\x81]x", {"\xc3\xa9" "dx", "\xc3\xa9\xc3\xa9x"}, {"edx"}},
		{"\\e\xcc\x81\\\\d", {"\xc3\xa9\\" "d"}, {"\xc3\xa9\\" "1"}},
		{"\\d\xcc\x87?", {"1"}, {"", "d"}},
		{"((a|b)*c)*x", {"x", "cx", "abcx", "acbcx"}, {"ax", "abx"}},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		for (int j = 0; j < 5 && cases[i].yes[j] != NULL; j++)
			if (!matches(cases[i].pattern, cases[i].yes[j]))
				fail_msg("%s does not match %s", cases[i].pattern, cases[i].yes[j]);
		for (int j = 0; j < 5 && cases[i].no[j] != NULL; j++)
			if (matches(cases[i].pattern, cases[i].no[j]))
				fail_msg("%s matches %s", cases[i].pattern, cases[i].no[j]);
	}
}

static void
test_refusals(void **state)
{
	static const char *const bad[] = {"(a", "a)", "[a", "[]", "*a", "a**", "a{", "a{2", "a{3,2}", "a{101}", "a{x}", "[c-a]",
		"a\\", "^a", "a$", "a}",
	"(((((((((a{50}){50}){50}){50}){50}){50}){50}){50}){50})", "?",
	/* nothing, written out often */
	"(((((((((){100}){100}){100}){100}){100}){100}){100}){100})", "((((((a|){0}){100}){100}){100}){100})",
		"(((()*){100}){100}){100}"};
	HwrPattern *pattern;
	HwrAutomaton *a;
	HwrAlphabet alphabet = alphabet_of("ab");
	char		deep[200];

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		st = (HwrStatus) {0};
		if (hwr_pattern_compile(bad[i], strlen(bad[i]), false, &pattern, &st))
			fail_msg("%s parses", bad[i]);
		assert_int_equal(st.code, HWR_BAD_QUERY);
		assert_true(st.detail[0] != '\0');
	}
	for (int i = 0; i < 2; i++)	/* a long one, and one with many characters in brackets, often */
	{
		char	   *text = malloc(HWR_PATTERN_MAX_BYTES + 20);

		strcpy(text, "[");
		for (int k = 0; k < HWR_PATTERN_MAX_BYTES / (1 + i); k++)
			text[1 + k] = "abcd"[k % 4];
		strcpy(text + 1 + HWR_PATTERN_MAX_BYTES / (1 + i), "]{100}");
		assert_false(hwr_pattern_compile(text, strlen(text), false, &pattern, &st));
		assert_int_equal(st.code, HWR_BAD_QUERY);
		free(text);
	}
	memset(deep, '(', sizeof(deep));
	assert_false(hwr_pattern_compile(deep, sizeof(deep), false, &pattern, &st));
	assert_false(hwr_pattern_compile("a\xff", 2, false, &pattern, &st));
	assert_int_equal(st.code, HWR_BAD_LABEL);
	assert_true(hwr_pattern_compile("(a|b)*a(a|b){15}", 16, false, &pattern, &st));
	assert_false(hwr_pattern_bind(pattern, &alphabet, NULL, NULL, &a, &st));
	assert_string_equal(st.message, "pattern is too complicated");
	hwr_pattern_free(pattern);
	hwr_alphabet_free(&alphabet);
}

static bool
at_once(void *arg)
{
	++*(int *) arg;
	return true;
}

/* What takes long can be stopped, and what would take much memory is refused. */
static void
test_stopped(void **state)
{
	HwrAlphabet many = {0};
	HwrPattern *pattern;
	HwrAutomaton *a;
	uint32_t   *codepoints = malloc(sizeof(uint32_t) * 40000);
	int			asked = 0;

	(void) state;
	for (int i = 0; i < 40000; i++)
		codepoints[i] = (uint32_t) (50000 - i);
	assert_true(hwr_alphabet_add_codepoints(&many, codepoints, 40000, &st));
	assert_int_equal(many.n, 40000);
	assert_true(hwr_pattern_compile(".*\xe4\xb8\x80.{11}", 10, false, &pattern, &st));
	assert_false(hwr_pattern_bind(pattern, &many, at_once, &asked, &a, &st));
	assert_int_equal(st.code, HWR_CANCELLED);
	assert_int_equal(asked, 1);
	hwr_pattern_free(pattern);
	assert_true(hwr_pattern_compile("((.{100}){10}){2}", 17, false, &pattern, &st));
	assert_false(hwr_pattern_bind(pattern, &many, NULL, NULL, &a, &st));
	assert_string_equal(st.message, "pattern is too complicated");
	hwr_pattern_free(pattern);
	hwr_alphabet_free(&many);
	free(codepoints);
}

static void
test_characters(void **state)
{
	HwrPattern *pattern;
	HwrAlphabet alphabet = alphabet_of("ab");
	char	   *all;

	(void) state;
	assert_true(hwr_pattern_compile("[x-z]|\\d?|[^q]|.|\\w", 19, false, &pattern, &st));
	assert_true(hwr_pattern_add_characters(pattern, &alphabet, &st));
	assert_true(hwr_alphabet_to_utf8(&alphabet, &all, &st));
	assert_string_equal(all, "0123456789abxyz");
	free(all);
	hwr_pattern_free(pattern);
	hwr_alphabet_free(&alphabet);
}

/* The best text of a wide beam is the most probable one that the pattern allows, of all there are. */
static void
test_beam(void **state)
{
	static const char *const patterns[] = {"a+", "(ab)*", "b?a{1,2}", "c|ca", "[^c]*", "a.b?"};
	HwrAlphabet alphabet = alphabet_of("abc");
	HwrBeam    *beam;
	float		logp[64];
	int			compared = 0;

	(void) state;
	assert_true(hwr_beam_create(&beam, &st));
	for (uint32_t stream = 0; stream < 20; stream++)
		for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		{
			HwrAutomaton *a = bind(patterns[i], &alphabet);
			int			T = 2 + (int) stream % 5;
			HwrBeamQuery query = {.logp = logp,.T = T,.K = 4,.width = 2000,.class_cut = -INFINITY,.pattern = a};
			HwrNbest	found;
			double		best = 0;
			int			n;

			random_posteriors(stream, T, 4, 3, logp);
			n = enumerate_texts(logp, T, 4, truths);
			for (int j = 0; j < n; j++)
				if (accepts(a, truths[j].classes, truths[j].n) && truths[j].p > best)
					best = truths[j].p;
			assert_true(hwr_beam_search(beam, &query, 3, &found, &st));
			assert_int_equal(found.n > 0, best > 0);
			for (int j = 0; j < found.n; j++)
				assert_true(accepts(a, found.hypotheses[j].classes, found.hypotheses[j].n));
			if (found.n > 0)
			{
				assert_true(fabs(exp(found.hypotheses[0].logp) - best) < 1e-6);
				assert_true(found.hypotheses[0].confidence > 0 && found.hypotheses[0].confidence <= 1);
				compared++;
			}
			hwr_nbest_free(&found);
			hwr_automaton_free(a);
		}
	assert_true(compared > 80);
	hwr_beam_free(beam);
	hwr_alphabet_free(&alphabet);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matching),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_beam),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
