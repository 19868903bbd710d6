/*
 * test_ensemble.c
 *	  Ensembles: their files, whole and damaged, and that they read what their members' posteriors combine to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/decode/combine.h"
#include "core/image/image_write.h"
#include "core/model/ensemble.h"
#include "core/model/onnx.h"

#define NARROW "[1,16,0,1 Cr3,3,4 Mp2,2 S1(1x0)1,3 Lbx3"
#define TALL "[1,24,0,1 Cr3,3,4 Mp2,4 S1(1x0)1,3 Lbx3"

typedef struct File
{
	uint8_t    *bytes;
	size_t		len;
} File;

static File
make_file(const char *architecture, const char *letters, HwrCase mapping, uint64_t seed)
{
	HwrModel	model = {.mapping = mapping};
	HwrStatus	st = {0};
	File		file;

	assert_true(hwr_alphabet_from_utf8(letters, strlen(letters), &model.alphabet, &st));
	assert_true(hwr_vgsl_parse(architecture, model.alphabet.n + 1, &model.net, &st));
	model.values = calloc(model.net.nvalues, sizeof(float));
	assert_true(hwr_net_init(&model.net, seed, model.values, &st));
	for (size_t i = 0; i < model.net.nvalues; i++)
		model.values[i] *= 2;
	assert_true(hwr_model_save(&model, &file.bytes, &file.len, &st));
	hwr_alphabet_free(&model.alphabet);
	free(model.values);
	return file;
}

static bool
make(HwrEnsembleMethod method, int n, const File *files, File *out, HwrStatus *st)
{
	const uint8_t *bytes[HWR_MAX_MEMBERS + 1];
	size_t		lens[HWR_MAX_MEMBERS + 1];

	for (int i = 0; i < n; i++)
	{
		bytes[i] = files[i].bytes;
		lens[i] = files[i].len;
	}
	return hwr_ensemble_make(method, n, bytes, lens, "{\"of\": 3}", &out->bytes, &out->len, st);
}

/* A picture with some strokes. */
static void
draw(uint8_t **png, size_t *len)
{
	uint8_t		grey[40][150];
	HwrStatus	st = {0};

	memset(grey, 230, sizeof(grey));
	for (int stroke = 0; stroke < 6; stroke++)
		for (int y = 6 + stroke; y < 34; y++)
			memset(&grey[y][12 + 22 * stroke + y / 4], 20, 4);
	assert_true(hwr_image_write_png(&grey[0][0], 150, 40, 150, png, len, &st));
}

/* The posterior of one image. */
static HwrPosterior
read_image(const File *file, HwrCanvas *canvas)
{
	static const HwrImageLimits limits = {1 << 20, 1 << 20};
	HwrModel   *model;
	HwrRecognizer *rec;
	HwrPosterior out;
	HwrStatus	st = {0};
	uint8_t    *png;
	size_t		len;

	draw(&png, &len);
	assert_true(hwr_model_load(file->bytes, file->len, &model, &st));
	assert_true(hwr_model_recognizer(model, hwr_cpu_backend(), 1, HWR_FLOAT32, &rec, &st));
	if (!hwr_recognizer_prepare(rec, png, len, &limits, canvas, &st))
		fail_msg("%s %s", st.message, st.detail);
	assert_true(hwr_recognizer_run(rec, 1, canvas, &out, &st));
	assert_true(hwr_recognizer_memory(rec) > 0 && hwr_model_memory(model) > 0);
	hwr_recognizer_free(rec);
	hwr_model_free(model);
	free(png);
	return out;
}

static void
check_equal(const HwrPosterior *a, const HwrPosterior *b)
{
	assert_int_equal(a->steps, b->steps);
	assert_int_equal(a->classes, b->classes);
	for (int i = 0; i < a->steps * a->classes; i++)
		assert_true(fabsf(a->logp[i] - b->logp[i]) < 1e-5f);
}

/* An ensemble's posterior is what combine.h makes of its members'. */
static void
check_reading(HwrEnsembleMethod method, int n, const File *files, const int *const *classes, int K)
{
	HwrCanvas	canvases[HWR_MAX_MEMBERS];
	const HwrCanvas *list[HWR_MAX_MEMBERS];
	HwrPosterior members[HWR_MAX_MEMBERS];
	HwrCanvas	canvas;
	HwrPosterior wanted;
	HwrPosterior got;
	HwrStatus	st = {0};
	File		file;

	for (int m = 0; m < n; m++)
	{
		members[m] = read_image(&files[m], &canvases[m]);
		list[m] = &canvases[m];
	}
	if (method == HWR_ENSEMBLE_AVERAGE)
		assert_true(hwr_combine_average(n, members, classes, K, &wanted, &st));
	else
		assert_true(hwr_combine_vote(n, list, members, classes, K, &wanted, &st));
	if (!make(method, n, files, &file, &st))
		fail_msg("%s %s", st.message, st.detail);
	got = read_image(&file, &canvas);
	check_equal(&got, &wanted);
	hwr_canvas_free(&canvas);
	hwr_posterior_free(&got);
	hwr_posterior_free(&wanted);
	for (int m = 0; m < n; m++)
	{
		hwr_posterior_free(&members[m]);
		hwr_canvas_free(&canvases[m]);
	}
	free(file.bytes);
}

static void
test_reading(void **state)
{
	File		files[] = {make_file(NARROW, "abc", HWR_CASE_KEEP, 1), make_file(NARROW, "bcd", HWR_CASE_KEEP, 2),
		make_file(TALL, "ac", HWR_CASE_KEEP, 3)};
	static const int first[] = {0, 1, 2, 3};
	static const int second[] = {0, 2, 3, 4};
	static const int third[] = {0, 1, 3};
	const int  *const classes[] = {first, second, third};

	(void) state;
	check_reading(HWR_ENSEMBLE_AVERAGE, 2, files, classes, 5);
	check_reading(HWR_ENSEMBLE_VOTE, 2, files, classes, 5);
	/* with a canvas of its own */
	check_reading(HWR_ENSEMBLE_VOTE, 3, files, classes, 5);
	for (int i = 0; i < 3; i++)
		free(files[i].bytes);
}

static void
test_file(void **state)
{
	File		files[] = {make_file(NARROW, "abc", HWR_CASE_UPPER, 1), make_file(TALL, "bcd", HWR_CASE_UPPER, 2)};
	HwrStatus	st = {0};
	File		file;
	File		again;
	HwrModel   *model;
	char	   *text;

	(void) state;
	assert_true(make(HWR_ENSEMBLE_VOTE, 2, files, &file, &st));
	assert_true(hwr_model_load(file.bytes, file.len, &model, &st));
	assert_non_null(model->ensemble);
	assert_int_equal(model->ensemble->n, 2);
	assert_int_equal(model->mapping, HWR_CASE_UPPER);
	assert_int_equal(model->net.classes, 5);
	assert_string_equal(model->options, "{\"of\": 3}");
	assert_true(strncmp(model->net.vgsl, "vote [1,16,0,1 ", 15) == 0);
	assert_true(hwr_alphabet_to_utf8(&model->alphabet, &text, &st));
	assert_string_equal(text, "abcd");
	free(text);

	/* saved as it is, and with 16-bit weights */
	assert_true(hwr_model_save(model, &again.bytes, &again.len, &st));
	assert_int_equal(again.len, file.len);
	assert_memory_equal(again.bytes, file.bytes, file.len);
	free(again.bytes);
	assert_true(hwr_model_save_half(model, &again.bytes, &again.len, &st));
	assert_true(again.len < file.len);
	free(again.bytes);
	assert_false(hwr_model_export_onnx(model, false, &again.bytes, &again.len, &st));
	assert_int_equal(st.code, HWR_UNSUPPORTED);
	hwr_model_free(model);
	free(file.bytes);
	free(files[0].bytes);
	free(files[1].bytes);
}

static void
refused(HwrEnsembleMethod method, int n, const File *files, const char *detail)
{
	HwrStatus	st = {0};
	File		out;

	assert_false(make(method, n, files, &out, &st));
	assert_int_equal(st.code, HWR_BAD_OPTION);
	assert_string_equal(st.message, "models cannot be an ensemble");
	assert_string_equal(st.detail, detail);
}

static void
test_errors(void **state)
{
	File		narrow = make_file(NARROW, "abc", HWR_CASE_KEEP, 1);
	File		other = make_file(NARROW, "abc", HWR_CASE_KEEP, 2);
	File		tall = make_file(TALL, "abc", HWR_CASE_KEEP, 1);
	File		upper = make_file(NARROW, "abc", HWR_CASE_UPPER, 1);
	File		pair;
	File		many[HWR_MAX_MEMBERS + 1] = {0};
	HwrStatus	st = {0};

	(void) state;
	assert_true(make(HWR_ENSEMBLE_AVERAGE, 2, (File[]) {narrow, other}, &pair, &st));
	refused(HWR_ENSEMBLE_AVERAGE, 1, (File[]) {narrow}, "An ensemble has 2 to 16 members, not 1.");
	refused(HWR_ENSEMBLE_AVERAGE, HWR_MAX_MEMBERS + 1, many, "An ensemble has 2 to 16 members, not 17.");
	refused(HWR_ENSEMBLE_AVERAGE, 3, (File[]) {narrow, other, narrow}, "Two of them are the same.");
	refused(HWR_ENSEMBLE_AVERAGE, 2, (File[]) {narrow, tall}, "Their networks give different steps, which cannot be averaged.");
	refused(HWR_ENSEMBLE_VOTE, 2, (File[]) {narrow, upper}, "They were trained on labels in different letter case.");
	refused(HWR_ENSEMBLE_VOTE, 2, (File[]) {narrow, pair}, "One of them is an ensemble.");
	other.bytes[other.len / 2] ^= 0xff;
	other.bytes[3] ^= 0xff;
	assert_false(make(HWR_ENSEMBLE_VOTE, 2, (File[]) {narrow, other}, &pair, &st));
	assert_int_equal(st.code, HWR_BAD_MODEL);
	free(narrow.bytes);
	free(other.bytes);
	free(tall.bytes);
	free(upper.bytes);
	free(pair.bytes);
}

/* Bytes changed at random: refused, or read as something that can be saved. */
static void
test_mutations(void **state)
{
	File		files[] = {make_file(NARROW, "abc", HWR_CASE_KEEP, 1), make_file(NARROW, "bcd", HWR_CASE_KEEP, 2)};
	HwrStatus	st = {0};
	HwrRng		rng;
	File		file;
	int			loaded = 0;

	(void) state;
	assert_true(make(HWR_ENSEMBLE_AVERAGE, 2, files, &file, &st));
	hwr_rng_seed(&rng, 7, 0);
	for (int i = 0; i < 2000; i++)
	{
		uint8_t    *bytes = malloc(file.len);
		size_t		len = i % 5 == 0 ? hwr_rng_below(&rng, file.len) : file.len;
		HwrModel   *model;

		memcpy(bytes, file.bytes, file.len);
		for (int k = 0; k < 1 + i % 4; k++)
			bytes[hwr_rng_below(&rng, file.len)] = (uint8_t) hwr_rng_below(&rng, 256);
		if (hwr_model_load(bytes, len, &model, &st))
		{
			loaded++;
			hwr_model_free(model);
		}
		free(bytes);
	}
	assert_true(loaded > 0);
	free(file.bytes);
	free(files[0].bytes);
	free(files[1].bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
