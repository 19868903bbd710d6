/*
 * test_kraken_codec.c
 *	  Codecs of kraken's as alphabets that spell: texts become the same labels, and labels the same texts, as there.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/decode/beam.h"
#include "core/decode/decode.h"
#include "core/model/kraken_internal.h"
#include "core/text/spelling.h"
#include "data/kraken_codec_values.h"

#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

typedef struct Codec
{
	HwrAlphabet alphabet;
	int		   *labels;			/* of the classes */
} Codec;

static bool
make_codec(const char *json, int K, Codec *out, HwrStatus *st)
{
	json_t	   *texts = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	bool		ok;

	assert_non_null(texts);
	*out = (Codec) {.labels = NULL};
	ok = hwr_kraken_alphabet(texts, K, &out->alphabet, &out->labels, st);
	json_decref(texts);
	return ok;
}

static void
free_codec(Codec *codec)
{
	hwr_alphabet_free(&codec->alphabet);
	free(codec->labels);
}

static void
load_codecs(Codec *codecs)
{
	HwrStatus	st = {0};

	for (int i = 0; i < COUNT(codec_cases); i++)
		if (!make_codec(codec_cases[i].json, codec_cases[i].classes, &codecs[i], &st))
			fail_msg("%s: %s", codec_cases[i].json, st.detail);
}

static int
class_of(const Codec *codec, int label)
{
	for (int k = 1; k <= codec->alphabet.n; k++)
		if (codec->labels[k] == label)
			return k;
	fail_msg("label %d has no class", label);
	return 0;
}

static void
test_encode(void **state)
{
	Codec		codecs[COUNT(codec_cases)];

	(void) state;
	load_codecs(codecs);
	for (int i = 0; i < COUNT(encode_cases); i++)
	{
		const Codec *codec = &codecs[encode_cases[i].codec];
		const char *text = encode_cases[i].text;
		int		   *classes;
		int			n;
		int			written = 0;
		bool		writable;
		HwrStatus	st;

		assert_true(hwr_text_classes(text, strlen(text), HWR_CASE_KEEP, &codec->alphabet, &classes, &n, &writable, &st));
		assert_true(!writable || strchr(text, 'Q') == NULL);
		for (int k = 0; k < n; k++)
		{
			/* what kraken cannot write it leaves out */
			if (classes[k] == 0)
				continue;
			if (codec->labels[classes[k]] != encode_cases[i].labels[written])
				fail_msg("\"%s\", codec %d: label %d is %d", text, encode_cases[i].codec, written, codec->labels[classes[k]]);
			written++;
		}
		assert_int_equal(written, encode_cases[i].n);
		free(classes);
	}
	for (int i = 0; i < COUNT(codec_cases); i++)
		free_codec(&codecs[i]);
}

static void
check_decoded(const Codec *codec, int i)
{
	int			classes[48];
	HwrSpan		spans[48];
	HwrChar    *chars;
	char	   *text;
	int			n;
	HwrStatus	st;

	for (int k = 0; k < decode_cases[i].n; k++)
	{
		classes[k] = class_of(codec, decode_cases[i].labels[k]);
		spans[k] = (HwrSpan) {.first_step = 10 * k,.last_step = 10 * k + 5,.confidence = (float) (k % 4 + 1) / 8};
	}
	assert_true(hwr_text_of_classes(&codec->alphabet, classes, spans, decode_cases[i].n, &chars, &n, &text, &st));
	if (strcmp(text, decode_cases[i].text) != 0)
		fail_msg("decoding %d of codec %d: \"%s\" instead of \"%s\"", i, decode_cases[i].codec, text, decode_cases[i].text);
	assert_int_equal(n, decode_cases[i].nchars);
	for (int c = 0; c < n; c++)
	{
		assert_int_equal(chars[c].first_step, decode_cases[i].chars[c].first);
		assert_int_equal(chars[c].last_step, decode_cases[i].chars[c].last);
		assert_true(fabs(chars[c].confidence - decode_cases[i].chars[c].confidence) < 1e-6);
	}
	free(chars);
	free(text);
}

static void
test_decode(void **state)
{
	Codec		codecs[COUNT(codec_cases)];

	(void) state;
	load_codecs(codecs);
	for (int i = 0; i < COUNT(decode_cases); i++)
		check_decoded(&codecs[decode_cases[i].codec], i);
	for (int i = 0; i < COUNT(codec_cases); i++)
		free_codec(&codecs[i]);
}

/* Through JSON, as a model's file has it, and through a copy. */
static void
test_json(void **state)
{
	Codec		codecs[COUNT(codec_cases)];

	(void) state;
	load_codecs(codecs);
	for (int i = 0; i < COUNT(codec_cases); i++)
	{
		const HwrAlphabet *alphabet = &codecs[i].alphabet;
		HwrAlphabet copy;
		HwrAlphabet again;
		char	   *utf8;
		char	   *json;
		char	   *twice;
		HwrStatus	st = {0};

		assert_non_null(alphabet->spellings);
		assert_true(hwr_alphabet_copy(alphabet, &copy, &st));
		assert_true(hwr_same_spellings(alphabet, &copy));
		assert_true(hwr_alphabet_to_utf8(alphabet, &utf8, &st));
		assert_true(hwr_alphabet_from_utf8(utf8, strlen(utf8), &again, &st));
		assert_false(hwr_same_spellings(alphabet, &again));
		assert_true(hwr_spellings_to_json(alphabet, &json, &st));
		if (!hwr_spellings_from_json(json, &again, &st))
			fail_msg("%s: %s", json, st.detail);
		assert_true(hwr_same_spellings(alphabet, &again));
		assert_true(hwr_spellings_to_json(&again, &twice, &st));
		assert_string_equal(json, twice);
		free(twice);
		free(json);
		free(utf8);
		hwr_alphabet_free(&copy);
		hwr_alphabet_free(&again);
	}
	for (int i = 0; i < COUNT(codec_cases); i++)
		free_codec(&codecs[i]);
}

/* The private plane that the codec has no character of; characters of it cannot be written. */
static void
test_planes(void **state)
{
	Codec		codec;
	int		   *classes;
	int			n;
	bool		writable;
	char	   *characters;
	HwrStatus	st = {0};

	(void) state;
	assert_true(make_codec("{\"a\": [1], \"bc\": [2]}", 3, &codec, &st));
	assert_int_equal(codec.alphabet.codepoints[1], 0xF0000);
	assert_true(hwr_text_classes("a\xf3\xb0\x80\x80", 5, HWR_CASE_KEEP, &codec.alphabet, &classes, &n, &writable, &st));
	assert_false(writable);
	assert_int_equal(n, 2);
	assert_int_equal(classes[0], 1);
	assert_int_equal(classes[1], 0);
	free(classes);
	assert_true(hwr_alphabet_characters(&codec.alphabet, &characters, &st));
	assert_string_equal(characters, "a");
	free(characters);
	/* more characters join, but no sign */
	assert_true(hwr_alphabet_add_label(&codec.alphabet, "cbc\xf3\xb0\x80\x81", 7, &st));
	assert_int_equal(codec.alphabet.n, 3);
	assert_int_equal(codec.alphabet.codepoints[1], 'c');
	free_codec(&codec);

	assert_true(make_codec("{\"\xf3\xb0\x80\x80\": [1], \"bc\": [2]}", 3, &codec, &st));
	assert_int_equal(codec.alphabet.codepoints[0], 0xF0000);
	assert_int_equal(codec.alphabet.codepoints[1], 0x100000);
	free_codec(&codec);

	assert_false(make_codec("{\"\xf3\xb0\x80\x80\": [1], \"b\xf4\x80\x80\x80\": [2]}", 3, &codec, &st));
	assert_int_equal(st.code, HWR_UNSUPPORTED);
	free_codec(&codec);
	/* a codec of characters may have both */
	assert_true(make_codec("{\"\xf3\xb0\x80\x80\": [1], \"\xf4\x80\x80\x80\": [2]}", 3, &codec, &st));
	assert_null(codec.alphabet.spellings);
	free_codec(&codec);
}

typedef struct Bad
{
	const char *json;
	HwrCode		code;
	const char *detail;
} Bad;

#define TEN "[1,1,1,1,1,1,1,1,1,1,"

/* For five labels. */
static const Bad bad_codecs[] = {
	{"{\"ab\": [1], \"cd\": [1]}", HWR_BAD_MODEL,
	"Its codec cannot be read back: The classes of \"cd\" begin with those of \"ab\"."},
	{"{\"ab\": [1], \"c\": [1, 2]}", HWR_BAD_MODEL,
	"Its codec cannot be read back: The classes of \"c\" begin with those of \"ab\"."},
	{"{\"a\": [1, 2], \"bcd\": [1, 2, 3]}", HWR_BAD_MODEL,
	"Its codec cannot be read back: The classes of \"bcd\" begin with those of \"a\"."},
	{"{\"a\": [1], \"b\": [1, 2]}", HWR_BAD_MODEL,
	"Its codec cannot be read back: The classes of \"b\" begin with that of a character."},
	{"{\"a\": [1], \"bc\": [1]}", HWR_BAD_MODEL,
	"Its codec cannot be read back: The classes of \"bc\" begin with that of a character."},
	{"{\"a\": [1], \"b\": [1]}", HWR_BAD_MODEL, "Label 1 of its codec has two texts."},
	{"{\"ab\": [5]}", HWR_BAD_MODEL, "A label of \"ab\" in its codec is not between 1 and 4."},
	{"{\"ab\": [1, 0]}", HWR_BAD_MODEL, "A label of \"ab\" in its codec is not between 1 and 4."},
	{"{\"ab\": [1, -3]}", HWR_BAD_MODEL, "A label of \"ab\" in its codec is not between 1 and 4."},
	{"{\"ab\": [1, 4294967298]}", HWR_BAD_MODEL, "A label of \"ab\" in its codec is not between 1 and 4."},
	{"{\"ab\": [1, \"2\"]}", HWR_BAD_MODEL, "The labels of \"ab\" in its codec are no numbers in brackets."},
	{"{\"ab\": [1, 2.5]}", HWR_BAD_MODEL, "The labels of \"ab\" in its codec are no numbers in brackets."},
	{"{\"ab\": []}", HWR_BAD_MODEL, "The labels of \"ab\" in its codec are no numbers in brackets."},
	{"{\"ab\": null}", HWR_BAD_MODEL, "The labels of \"ab\" in its codec are no numbers in brackets."},
	{"{\"ab\": 1}", HWR_BAD_MODEL, "The labels of \"ab\" in its codec are no numbers in brackets."},
	{"{\"\": [1, 2]}", HWR_BAD_MODEL, "A text of its codec is empty."},
	{"{}", HWR_BAD_MODEL, "Its codec is empty."},
	{"{\"ab\": " TEN "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]}", HWR_UNSUPPORTED,
	"A text of its codec, \"ab\", has more than 32 labels."},
	{"{\"123456789012345678901234567890123\": [1]}", HWR_UNSUPPORTED,
	"A text of its codec, \"123456789012345678901234567890123\", has more than 32 characters."},
};

static void
test_bad_codecs(void **state)
{
	(void) state;
	for (int i = 0; i < COUNT(bad_codecs); i++)
	{
		Codec		codec;
		HwrStatus	st = {0};

		if (make_codec(bad_codecs[i].json, 5, &codec, &st))
			fail_msg("%s was taken", bad_codecs[i].json);
		if (st.code != bad_codecs[i].code || strcmp(st.detail, bad_codecs[i].detail) != 0)
			fail_msg("%s: %d %s", bad_codecs[i].json, st.code, st.detail);
		free_codec(&codec);
	}
}

/* For the alphabet a b F0000 F0001. */
static const Bad bad_json[] = {
	{"", HWR_BAD_DATA, "There are no texts."},
	{"[]", HWR_BAD_DATA, "There are no texts."},
	{"{\"plane\": 15}", HWR_BAD_DATA, "There are no texts."},
	{"{\"plane\": 15, \"texts\": {\"cd\": [3], \"cd\": [4]}}", HWR_BAD_DATA, "There are no texts."},
	{"{\"plane\": 14, \"texts\": {}}", HWR_BAD_DATA, "The plane of the signs is neither 15 nor 16."},
	{"{\"plane\": \"15\", \"texts\": {}}", HWR_BAD_DATA, "The plane of the signs is neither 15 nor 16."},
	{"{\"plane\": 17, \"texts\": {}}", HWR_BAD_DATA, "The plane of the signs is neither 15 nor 16."},
	{"{\"plane\": 15, \"texts\": {\"cd\": 3}}", HWR_BAD_DATA, "The classes of a text are no list."},
	{"{\"plane\": 15, \"texts\": {\"cd\": []}}", HWR_BAD_DATA, "The text \"cd\" has no class."},
	{"{\"plane\": 15, \"texts\": {\"\": [3]}}", HWR_BAD_DATA, "A text is empty or too long."},
	{"{\"plane\": 15, \"texts\": {\"cd\": [0]}}", HWR_BAD_DATA, "The text \"cd\" has a class that there is not."},
	{"{\"plane\": 15, \"texts\": {\"cd\": [5]}}", HWR_BAD_DATA, "The text \"cd\" has a class that there is not."},
	{"{\"plane\": 15, \"texts\": {\"cd\": [\"3\"]}}", HWR_BAD_DATA, "The text \"cd\" has a class that there is not."},
	{"{\"plane\": 15, \"texts\": {\"cd\": [1]}}", HWR_BAD_DATA, "The classes of \"cd\" begin with that of a character."},
	{"{\"plane\": 16, \"texts\": {\"cd\": [3]}}", HWR_BAD_DATA, "The classes of \"cd\" begin with that of a character."},
	{"{\"plane\": 15, \"texts\": {\"a\": [3]}}", HWR_BAD_DATA, "The character \"a\" has a class besides."},
	{"{\"plane\": 15, \"texts\": {\"c\\udb80\\udc01\": [3]}}", HWR_BAD_DATA,
	"The text \"c\xf3\xb0\x80\x81\" has a character of the plane of the signs."},
	{"{\"plane\": 15, \"texts\": {\"cd\": [3], \"ef\": [3]}}", HWR_BAD_DATA, "The classes of \"ef\" begin with those of \"cd\"."},
	{"{\"plane\": 15, \"texts\": {\"cd\": [3, 1], \"ef\": [3]}}", HWR_BAD_DATA,
	"The classes of \"cd\" begin with those of \"ef\"."},
};

static void
test_bad_json(void **state)
{
	(void) state;
	for (int i = 0; i < COUNT(bad_json); i++)
	{
		HwrAlphabet alphabet;
		HwrStatus	st = {0};

		assert_true(hwr_alphabet_from_utf8("ab\xf3\xb0\x80\x80\xf3\xb0\x80\x81", 10, &alphabet, &st));
		if (hwr_spellings_from_json(bad_json[i].json, &alphabet, &st))
			fail_msg("%s was taken", bad_json[i].json);
		if (st.code != bad_json[i].code || strcmp(st.detail, bad_json[i].detail) != 0)
			fail_msg("%s: %d %s", bad_json[i].json, st.code, st.detail);
		assert_null(alphabet.spellings);
		hwr_alphabet_free(&alphabet);
	}
}

/* Classes of the characters "ab", where allowed; what could let others in. */
static void
test_allow(void **state)
{
	static const uint32_t ab[] = {'a', 'b'};
	Codec		codec;
	bool		allow[8] = {false};
	HwrStatus	st = {0};

	(void) state;
	/* classes: a, c, then the signs of labels 3 to 6 */
	assert_true(make_codec("{\"a\": [1], \"c\": [2], \"ba\": [3], \"bc\": [4], \"b\": [5, 6]}", 7, &codec, &st));
	allow[1] = true;
	assert_true(hwr_allow_spelt(&codec.alphabet, ab, 2, false, allow, &st));
	assert_memory_equal(allow, ((bool[]) {false, true, false, true, false, true, true, false}), sizeof(allow));
	free_codec(&codec);
	/* c is written with the classes of a and b */
	assert_true(make_codec("{\"a\": [1, 2], \"b\": [3, 4], \"c\": [1, 4]}", 5, &codec, &st));
	memset(allow, 0, sizeof(allow));
	assert_false(hwr_allow_spelt(&codec.alphabet, ab, 2, false, allow, &st));
	assert_int_equal(st.code, HWR_UNSUPPORTED);
	assert_non_null(strstr(st.detail, "\"c\""));
	free_codec(&codec);
	/* b ends with the class of c */
	assert_true(make_codec("{\"a\": [1], \"b\": [3, 2], \"c\": [2]}", 4, &codec, &st));
	memset(allow, 0, sizeof(allow));
	allow[1] = true;
	assert_false(hwr_allow_spelt(&codec.alphabet, ab, 2, false, allow, &st));
	assert_int_equal(st.code, HWR_UNSUPPORTED);
	free_codec(&codec);
}

/* The text "ch" from its own class, and from c and h: one of the best texts, with the sum of both. */
static void
test_nbest(void **state)
{
	Codec		codec;
	HwrBeam    *beam;
	HwrNbest	nbest;
	float		logp[2 * 4];
	HwrBeamQuery query = {.logp = logp,.T = 2,.K = 4,.width = 32,.class_cut = -INFINITY,.outside_penalty = INFINITY};
	double		c = 0.3;
	double		h = 0.4;
	double		ch = 0.1;
	double		blank = 1 - c - h - ch;
	double		expected = c * h + ch * ch + 2 * blank * ch;
	HwrChar    *chars;
	char	   *text;
	int			n;
	bool		found = false;
	HwrStatus	st = {0};

	(void) state;
	assert_true(make_codec("{\"c\": [1], \"h\": [2], \"ch\": [3]}", 4, &codec, &st));
	for (int t = 0; t < 2; t++)
	{
		logp[4 * t] = (float) log(blank);
		logp[4 * t + 1] = (float) log(c);
		logp[4 * t + 2] = (float) log(h);
		logp[4 * t + 3] = (float) log(ch);
	}
	assert_true(hwr_beam_create(&beam, &st));
	assert_true(hwr_beam_search(beam, &query, 32, &nbest, &st));
	n = nbest.n;
	assert_true(hwr_nbest_join_texts(&nbest, &codec.alphabet, 32, &st));
	assert_int_equal(nbest.n, n - 1);
	for (int i = 0; i < nbest.n; i++)
	{
		const HwrHypothesis *x = &nbest.hypotheses[i];

		assert_true(i == 0 || x->score <= nbest.hypotheses[i - 1].score);
		assert_true(hwr_text_of_classes(&codec.alphabet, x->classes, x->spans, x->n, &chars, &n, &text, &st));
		if (strcmp(text, "ch") == 0)
		{
			assert_false(found);
			found = true;
			assert_true(fabs(exp(x->logp) - expected) < 1e-6);
			assert_true(fabs(x->confidence - expected) < 1e-6);
		}
		free(text);
		free(chars);
	}
	assert_true(found);
	hwr_nbest_free(&nbest);
	assert_true(hwr_beam_search(beam, &query, 32, &nbest, &st));
	assert_true(hwr_nbest_join_texts(&nbest, &codec.alphabet, 2, &st));
	assert_int_equal(nbest.n, 2);
	hwr_nbest_free(&nbest);
	hwr_beam_free(beam);
	free_codec(&codec);
}

/* A language model of labels as they are spelt: its symbols are the classes. */
static void
test_lm(void **state)
{
	Codec		codec;
	HwrLmBuilder *builder;
	HwrLm	   *lm;
	int			symbols[4];
	HwrStatus	st = {0};

	(void) state;
	assert_true(make_codec("{\"h\": [1], \"ch\": [2], \"sch\": [3]}", 4, &codec, &st));
	assert_true(hwr_lm_builder_create(3, HWR_CASE_KEEP, &builder, &st));
	hwr_lm_builder_set_alphabet(builder, &codec.alphabet);
	for (int i = 0; i < 8; i++)
		assert_true(hwr_lm_builder_add(builder, i % 2 ? "chh" : "schch", i % 2 ? 3 : 5, &st));
	assert_int_equal(hwr_lm_builder_characters(builder), 16);
	/* what would be taken for a sign is no character */
	assert_false(hwr_lm_builder_add(builder, "\xf3\xb0\x80\x80", 4, &st));
	assert_int_equal(st.code, HWR_BAD_LABEL);
	assert_true(hwr_lm_builder_finish(builder, &lm, &st));
	assert_int_equal(lm->vocabulary.n, 3);
	assert_true(hwr_lm_class_symbols(lm, &codec.alphabet, symbols, &st));
	for (int k = 1; k < 4; k++)
		assert_int_equal(symbols[k], k);
	hwr_lm_builder_free(builder);
	hwr_lm_free(lm);
	free_codec(&codec);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_planes),
		cmocka_unit_test(test_bad_codecs),
		cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_allow),
		cmocka_unit_test(test_nbest),
		cmocka_unit_test(test_lm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
