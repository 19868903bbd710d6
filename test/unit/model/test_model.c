/*
 * test_model.c
 *	  Model files: there and back, every field damaged, random mutations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "between.h"
#include "core/model/model.h"
#include "core/base/rng.h"
#include "core/model/safetensors.h"

#define ARCHITECTURE "[1,16,0,1 Cr3,3,4 Bn Mp2,2 S1(1x0)1,3 Lbx3 Do0.5 O1c4]"
#define LETTERS "AB\xC3\xA9"

enum
{
	FORMAT, FORMAT_VERSION, ARCH, ALPHABET, FIT, CASE, OPTIONS, RESULT, VERSION, NFIELDS
};

static const char *const right[NFIELDS][2] = {
	{"format", "hwr"},
	{"format_version", "1"},
	{"architecture", ARCHITECTURE},
	{"alphabet", LETTERS},
	{"fit", "stretch"},
	{"case", "upper"},
	{"options", "{\"epochs\": 3}"},
	{"result", "{\"cer\": 0.5}"},
	{"version", HWR_VERSION},
};

static HwrNet net;
static float *values;
static HwrSafeTensorOut tensors[HWR_MAX_TENSORS + 1];

static int
setup(void **state)
{
	HwrStatus	st = {0};

	(void) state;
	if (!hwr_vgsl_parse(ARCHITECTURE, 0, &net, &st))
		return -1;
	values = calloc(net.nvalues, sizeof(float));
	if (!hwr_net_init(&net, 3, values, &st))
		return -1;
	for (int i = 0; i < net.ntensors; i++)
	{
		tensors[i].name = net.tensors[i].name;
		tensors[i].ndim = net.tensors[i].ndim;
		memcpy(tensors[i].shape, net.tensors[i].shape, sizeof(tensors[i].shape));
		tensors[i].data = values + net.tensors[i].offset;
	}
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	free(values);
	return 0;
}

/* Write ntensors of tensors[] with metadata, load that, and hand back what came of it. */
static bool
load_written(const char *const (*metadata)[2], int nmeta, int ntensors, HwrStatus *st)
{
	uint8_t    *bytes;
	size_t		len;
	HwrModel   *model = NULL;
	bool		ok;

	if (!hwr_safetensors_write(tensors, ntensors, metadata, nmeta, &bytes, &len, st))
		fail_msg("%s", st->message);
	ok = hwr_model_load(bytes, len, &model, st);
	assert_true(ok == (model != NULL));
	hwr_model_free(model);
	free(bytes);
	return ok;
}

static void
expect_corrupted(const HwrStatus *st, const char *detail)
{
	assert_int_equal(st->code, HWR_BAD_MODEL);
	assert_string_equal(st->message, "model is corrupted");
	if (strncmp(st->detail, detail, strlen(detail)) != 0)
		fail_msg("\"%s\" where \"%s\" was expected", st->detail, detail);
}

/* One metadata field set to value; NULL: left out. */
static void
expect_bad_field(int field, const char *value, const char *detail)
{
	HwrStatus	st = {0};
	const char *metadata[NFIELDS][2];
	int			n = 0;

	for (int i = 0; i < NFIELDS; i++)
	{
		metadata[n][0] = right[i][0];
		metadata[n][1] = i == field ? value : right[i][1];
		n += i != field || value != NULL;
	}
	if (load_written((const char *const (*)[2]) metadata, n, net.ntensors, &st))
		fail_msg("%s \"%s\" was accepted", right[field][0], value != NULL ? value : "(none)");
	expect_corrupted(&st, detail);
}

static void
make_model(HwrModel *model)
{
	HwrStatus	st = {0};

	memset(model, 0, sizeof(*model));
	model->net = net;
	assert_true(hwr_alphabet_from_utf8(LETTERS, strlen(LETTERS), &model->alphabet, &st));
	model->fit = HWR_FIT_STRETCH;
	model->mapping = HWR_CASE_UPPER;
	model->values = values;
}

static void
test_round_trip(void **state)
{
	HwrStatus	st = {0};
	HwrModel	model;
	HwrModel   *back;
	uint8_t    *bytes;
	uint8_t    *again;
	size_t		len;
	size_t		len_again;

	(void) state;
	make_model(&model);
	model.options = "{\"epochs\": 3}";
	model.result = "{\"cer\": 0.5}";
	assert_true(hwr_model_save(&model, &bytes, &len, &st));
	if (!hwr_model_load(bytes, len, &back, &st))
		fail_msg("%s", st.detail);
	assert_string_equal(back->net.vgsl, net.vgsl);
	assert_int_equal(back->net.classes, 4);
	assert_int_equal(back->alphabet.n, 3);
	assert_int_equal(back->alphabet.codepoints[2], 0xE9);
	assert_int_equal(back->fit, HWR_FIT_STRETCH);
	assert_int_equal(back->mapping, HWR_CASE_UPPER);
	assert_string_equal(back->options, "{\"epochs\": 3}");
	assert_string_equal(back->result, "{\"cer\": 0.5}");
	assert_memory_equal(back->values, values, net.nvalues * sizeof(float));
	assert_true(hwr_model_memory(back) >= net.nvalues * sizeof(float) + sizeof(HwrModel));

	/* the same model makes the same bytes, loaded or not */
	assert_true(hwr_model_save(back, &again, &len_again, &st));
	assert_int_equal(len, len_again);
	assert_memory_equal(bytes, again, len);
	free(again);
	hwr_model_free(back);
	free(bytes);

	/* no options, no result */
	model.options = NULL;
	model.result = NULL;
	assert_true(hwr_model_save(&model, &bytes, &len, &st));
	assert_true(hwr_model_load(bytes, len, &back, &st));
	assert_string_equal(back->options, "{}");
	assert_true(hwr_model_memory(back) > 0);
	hwr_model_free(back);
	free(bytes);
	hwr_alphabet_free(&model.alphabet);
	hwr_model_free(NULL);
}

static void
test_save_errors(void **state)
{
	HwrStatus	st = {0};
	HwrModel	model;
	uint8_t    *bytes = NULL;
	size_t		len;
	float		kept = values[0];

	(void) state;
	make_model(&model);
	values[0] = NAN;
	assert_false(hwr_model_save(&model, &bytes, &len, &st));
	assert_int_equal(st.code, HWR_BAD_MODEL);
	assert_string_equal(st.message, "model has values that are not numbers");
	assert_string_equal(st.detail, "The first is in tensor \"0.conv.kernel\".");
	values[0] = kept;

	model.options = "[1]";
	assert_false(hwr_model_save(&model, &bytes, &len, &st));
	assert_int_equal(st.code, HWR_INTERNAL);
	model.options = NULL;

	model.alphabet.n--;
	assert_false(hwr_model_save(&model, &bytes, &len, &st));
	assert_int_equal(st.code, HWR_INTERNAL);
	model.alphabet.n++;

	model.alphabet.codepoints[0] = 'Z';
	assert_false(hwr_model_save(&model, &bytes, &len, &st));
	assert_int_equal(st.code, HWR_INTERNAL);
	assert_null(bytes);
	hwr_alphabet_free(&model.alphabet);
}

static void
test_metadata(void **state)
{
	HwrStatus	st = {0};
	char		missing[64];

	(void) state;
	assert_true(load_written(right, NFIELDS, net.ntensors, &st));
	for (int i = 0; i < NFIELDS; i++)
	{
		snprintf(missing, sizeof(missing), "Metadata \"%s\" is missing.", right[i][0]);
		expect_bad_field(i, NULL, missing);
	}
	expect_bad_field(FORMAT, "pt", "Metadata \"format\" is not \"hwr\".");
	expect_bad_field(FORMAT_VERSION, "", "Metadata \"format_version\" is not a version number.");
	expect_bad_field(FORMAT_VERSION, "0", "Metadata \"format_version\" is not a version number.");
	expect_bad_field(FORMAT_VERSION, "-1", "Metadata \"format_version\" is not a version number.");
	expect_bad_field(FORMAT_VERSION, " 1", "Metadata \"format_version\" is not a version number.");
	expect_bad_field(FORMAT_VERSION, "1x", "Metadata \"format_version\" is not a version number.");
	expect_bad_field(FORMAT_VERSION, "99999999999999999999",
					 "Metadata \"format_version\" is not a version number.");
	expect_bad_field(ARCH, "", "Metadata \"architecture\" is not a network: ");
	expect_bad_field(ARCH, "[1,16,0,1 Cr3,x", "Metadata \"architecture\" is not a network: ");
	/* without an output layer the number of classes is unknown */
	expect_bad_field(ARCH, "[1,16,0,1 Cr3,3,4 S1(1x0)1,3", "Metadata \"architecture\" is not a network: ");
	expect_bad_field(ARCH, "[1,16,0,1 Cr3,3,4 Bn Mp2,2 S1(1x0)1,3 Lbx3 Do0.5 O1c5]",
					 "Metadata \"alphabet\" has 3 characters where the network has 5 classes.");
	expect_bad_field(ARCH, "[1,16,0,1 Cr3,3,4 Bn Mp2,2 S1(1x0)1,3 Lbx4 Do0.5 O1c4]",
					 "Tensor \"4.lstm.forward.kernel\" has the wrong shape.");
	expect_bad_field(ARCH, "[1,16,0,1 Cr3,3,4 Mp2,2 S1(1x0)1,3 Lbx3 Do0.5 O1c4]",
					 "Tensor \"3.lstm.forward.kernel\" is missing.");
	expect_bad_field(ALPHABET, "", "Metadata \"alphabet\" has 0 characters");
	expect_bad_field(ALPHABET, "AB", "Metadata \"alphabet\" has 2 characters");
	expect_bad_field(ALPHABET, "ABCD", "Metadata \"alphabet\" has 4 characters");
	expect_bad_field(ALPHABET, "BAC", "Metadata \"alphabet\" is not sorted and distinct.");
	expect_bad_field(ALPHABET, "AAB", "Metadata \"alphabet\" is not sorted and distinct.");
	expect_bad_field(FIT, "crop", "Metadata \"fit\" is \"crop\".");
	expect_bad_field(FIT, "", "Metadata \"fit\" is \"\".");
	expect_bad_field(CASE, "Upper", "Metadata \"case\" is \"Upper\".");
	expect_bad_field(OPTIONS, "", "Metadata \"options\" is not a JSON object.");
	expect_bad_field(OPTIONS, "[]", "Metadata \"options\" is not a JSON object.");
	expect_bad_field(RESULT, "{\"cer\": }", "Metadata \"result\" is not a JSON object.");
	expect_bad_field(RESULT, "{\"a\":1,\"a\":2}", "Metadata \"result\" is not a JSON object.");
}

static void
test_newer_format(void **state)
{
	HwrStatus	st = {0};
	const char *const metadata[][2] = {{"format", "hwr"}, {"format_version", "3"}};

	(void) state;
	/* said before anything else of an unknown format is looked at */
	assert_false(load_written(metadata, 2, 0, &st));
	assert_int_equal(st.code, HWR_MODEL_TOO_NEW);
	assert_string_equal(st.message, "model format version 3 is not supported");
	assert_string_equal(st.hint, "The newest format version that this hwr reads is 2.");
}

static void
test_foreign_file(void **state)
{
	HwrStatus	st = {0};
	HwrModel   *model = NULL;

	(void) state;
	assert_false(load_written(NULL, 0, net.ntensors, &st));
	expect_corrupted(&st, "Metadata \"format\" is missing.");
	assert_string_equal(st.hint, "Files that hwr has written can be read, and models of kraken (safetensors).");
	assert_false(hwr_model_load((const uint8_t *) "", 0, &model, &st));
	expect_corrupted(&st, "The file is shorter than its header.");
	assert_false(hwr_model_load((const uint8_t *) "not a model at all", 18, &model, &st));
	expect_corrupted(&st, "The header is longer than the file.");
}

static int
find_tensor(const char *name)
{
	for (int i = 0; i < net.ntensors; i++)
	{
		if (strcmp(tensors[i].name, name) == 0)
			return i;
	}
	fail_msg("no tensor \"%s\"", name);
	return -1;
}

static void
test_tensors(void **state)
{
	static const float extra[1] = {0};
	HwrStatus	st = {0};
	HwrSafeTensorOut kept;
	char		expected[128];
	float		value;

	(void) state;
	/* each one missing, wrong by one dimension, transposed, not finite */
	for (int i = 0; i < net.ntensors; i++)
	{
		size_t		at = net.tensors[i].offset + net.tensors[i].count - 1;

		kept = tensors[i];
		tensors[i].name = "other";
		assert_false(load_written(right, NFIELDS, net.ntensors, &st));
		snprintf(expected, sizeof(expected), "Tensor \"%s\" is missing.", kept.name);
		expect_corrupted(&st, expected);
		tensors[i] = kept;

		tensors[i].shape[0]--;
		assert_false(load_written(right, NFIELDS, net.ntensors, &st));
		snprintf(expected, sizeof(expected), "Tensor \"%s\" has the wrong shape.", kept.name);
		expect_corrupted(&st, expected);
		tensors[i] = kept;

		if (kept.ndim < 4)
		{
			tensors[i].shape[tensors[i].ndim++] = 1;
			assert_false(load_written(right, NFIELDS, net.ntensors, &st));
			expect_corrupted(&st, expected);
			tensors[i] = kept;
		}

		value = values[at];
		values[at] = INFINITY;
		assert_false(load_written(right, NFIELDS, net.ntensors, &st));
		snprintf(expected, sizeof(expected), "Tensor \"%s\" has a value that is not finite.",
				 kept.name);
		expect_corrupted(&st, expected);
		values[at] = value;
	}

	/* one too many */
	tensors[net.ntensors] = (HwrSafeTensorOut) {.name = "extra",.ndim = 1,.shape = {1},.data = extra};
	assert_false(load_written(right, NFIELDS, net.ntensors + 1, &st));
	snprintf(expected, sizeof(expected), "There are %d tensors where the network has %d.",
			 net.ntensors + 1, net.ntensors);
	expect_corrupted(&st, expected);

	/* a variance below zero; the means may be */
	value = values[net.tensors[find_tensor("1.norm.variance")].offset];
	values[net.tensors[find_tensor("1.norm.variance")].offset] = -1e-6f;
	assert_false(load_written(right, NFIELDS, net.ntensors, &st));
	expect_corrupted(&st, "Tensor \"1.norm.variance\" has a negative variance.");
	values[net.tensors[find_tensor("1.norm.variance")].offset] = value;
	values[net.tensors[find_tensor("1.norm.mean")].offset] = -1;
	assert_true(load_written(right, NFIELDS, net.ntensors, &st));
	values[net.tensors[find_tensor("1.norm.mean")].offset] = 0;
}

/* A file of a few hundred bytes that describes a network of gigabytes. */
static void
test_promises(void **state)
{
	HwrStatus	st = {0};
	const char *metadata[NFIELDS][2];

	(void) state;
	memcpy(metadata, right, sizeof(metadata));
	metadata[ARCH][1] = "[1,16,0,1 Cr3,3,4 S1(1x0)1,3 Lbx8000 Lbx8000 O1c4]";
	assert_false(load_written((const char *const (*)[2]) metadata, NFIELDS, net.ntensors, &st));
	assert_int_equal(st.code, HWR_BAD_MODEL);
}

static void
test_mutations(void **state)
{
	HwrStatus	st = {0};
	HwrModel	model;
	HwrRng		rng;
	uint8_t    *bytes;
	size_t		len;
	size_t		header;
	int			loaded = 0;

	(void) state;
	make_model(&model);
	assert_true(hwr_model_save(&model, &bytes, &len, &st));
	hwr_alphabet_free(&model.alphabet);
	header = 8 + (size_t) (bytes[0] | bytes[1] << 8);
	hwr_rng_seed(&rng, 12, 0);
	for (int round = 0; round < 5000; round++)
	{
		size_t		size = hwr_rng_below(&rng, 20) ? len : hwr_rng_below(&rng, len);
		uint8_t    *mutant = malloc(size > 0 ? size : 1);
		HwrModel   *out;

		memcpy(mutant, bytes, size);
		for (uint64_t k = 0, n = 1 + hwr_rng_below(&rng, 3); k < n && size > 0; k++)
		{
			size_t		range = size > header && hwr_rng_below(&rng, 4) ? header : size;
			size_t		at = hwr_rng_below(&rng, range);

			/* mostly another printable character, else any byte */
			mutant[at] = (uint8_t) (hwr_rng_below(&rng, 4) ? 0x20 + hwr_rng_below(&rng, 95)
									: hwr_rng_below(&rng, 256));
		}
		if (hwr_model_load(mutant, size, &out, &st))
		{
			loaded++;
			hwr_model_free(out);
		}
		else
			assert_true(st.code == HWR_BAD_MODEL || st.code == HWR_MODEL_TOO_NEW);
		free(mutant);
	}
	/* other values, or another word in options, make a model still */
	assert_between(loaded, 50, 4000);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_save_errors),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_newer_format),
		cmocka_unit_test(test_foreign_file),
		cmocka_unit_test(test_tensors),
		cmocka_unit_test(test_promises),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
