/*
 * test_options.c
 *	  Presets, every option's type and range, and the way back to JSON.
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

#include "core/options/presets.h"
#include "core/network/vgsl.h"

static void
parse(const char *json, HwrTrainOptions *out)
{
	HwrStatus	st = {0};

	if (!hwr_options_parse(json, strlen(json), out, &st))
		fail_msg("%s: %s (%s)", json, st.message, st.detail);
}

static void
expect_error(const char *json, HwrCode code, const char *message, const char *hint)
{
	HwrStatus	st = {0};
	HwrTrainOptions o;

	if (hwr_options_parse(json, strlen(json), &o, &st))
		fail_msg("%s was accepted", json);
	assert_string_equal(st.message, message);
	assert_int_equal(st.code, code);
	if (hint != NULL)
		assert_string_equal(st.hint, hint);
}

static void
expect_round_trip(const HwrTrainOptions *o)
{
	HwrStatus	st = {0};
	HwrTrainOptions back;
	char	   *json;
	char	   *again;

	assert_true(hwr_options_to_json(o, &json, &st));
	parse(json, &back);
	assert_string_equal(back.preset, o->preset);
	assert_string_equal(back.architecture, o->architecture);
	assert_int_equal(back.epochs, o->epochs);
	assert_int_equal(back.batch_size, o->batch_size);
	assert_int_equal(back.step.optimizer, o->step.optimizer);
	assert_true(back.learning_rate == o->learning_rate);
	assert_true(back.step.momentum == o->step.momentum);
	assert_true(back.step.weight_decay == o->step.weight_decay);
	assert_int_equal(back.schedule, o->schedule);
	assert_true(back.warmup == o->warmup);
	assert_true(back.step.clip_norm == o->step.clip_norm);
	assert_true(back.dropout == o->dropout);
	assert_int_equal(back.patience, o->patience);
	assert_true(back.validation_fraction == o->validation_fraction);
	assert_string_equal(back.validation, o->validation);
	assert_true(back.seed == o->seed);
	assert_int_equal(back.threads, o->threads);
	assert_int_equal(back.device, o->device);
	assert_int_equal(back.step.precision, o->step.precision);
	assert_int_equal(back.mapping, o->mapping);
	assert_int_equal(back.fit, o->fit);
	assert_memory_equal(&back.step.augment, &o->step.augment, sizeof(o->step.augment));
	assert_string_equal(back.base, o->base);
	assert_int_equal(back.base_version, o->base_version);
	assert_int_equal(back.alphabet, o->alphabet);
	assert_true(back.shortcut == o->shortcut);
	assert_true(back.average == o->average);
	assert_true(back.checkpoint_minutes == o->checkpoint_minutes);
	assert_true(back.max_minutes == o->max_minutes);
	assert_true(hwr_options_to_json(&back, &again, &st));
	assert_string_equal(json, again);
	free(again);
	free(json);
}

static void
test_presets(void **state)
{
	HwrTrainOptions o;
	const HwrTrainOptions *preset;
	static HwrNet net;
	char		json[64];

	(void) state;
	for (int i = 0; (preset = hwr_preset(i)) != NULL; i++)
	{
		HwrStatus	st = {0};

		snprintf(json, sizeof(json), "{\"preset\": \"%s\"}", preset->preset);
		parse(json, &o);
		assert_memory_equal(&o, preset, sizeof(o));
		expect_round_trip(&o);
		assert_true(hwr_vgsl_parse(preset->architecture, 79, &net, &st));
		assert_int_equal(net.classes, 79);
	}
	assert_null(hwr_preset(-1));
	assert_null(hwr_preset_find("none"));
	parse("{}", &o);
	assert_string_equal(o.preset, "default");
	assert_int_equal(o.epochs, hwr_preset_find("default")->epochs);
	assert_true(o.learning_rate == 0.0015);
	assert_true(o.dropout == -1);
}

/* The published network and recipe. */
static void
test_keras(void **state)
{
	HwrStatus	st = {0};
	HwrTrainOptions o;
	static HwrNet net;

	(void) state;
	parse("{\"preset\": \"keras\"}", &o);
	assert_int_equal(o.step.optimizer, HWR_SGD);
	assert_true(o.learning_rate == 0.002 && o.step.momentum == 0.9 && o.step.clip_norm == 5);
	assert_int_equal(o.batch_size, 32);
	assert_int_equal(o.epochs, 6);
	assert_int_equal(o.fit, HWR_FIT_STRETCH);
	assert_int_equal(o.schedule, HWR_SCHEDULE_CONSTANT);
	assert_true(o.step.augment.affine == 0 && o.step.weight_decay == 0 && o.warmup == 0);
	assert_true(hwr_vgsl_parse(o.architecture, 78 + 1, &net, &st));
	assert_int_equal(net.nvalues, 2399247);
	assert_int_equal(hwr_net_steps(&net, 256), 64);
}

/* The preset's warm-up goes with the preset's schedule; of the others only one_cycle has one of its own. */
static void
test_warmup(void **state)
{
	static const struct
	{
		const char *json;
		double		warmup;
	}			cases[] = {
		{"{}", 0.15},
		{"{\"schedule\": \"one_cycle\"}", 0.15},
		{"{\"schedule\": \"cosine\"}", 0},
		{"{\"schedule\": \"constant\"}", 0},
		{"{\"schedule\": \"plateau\"}", 0},
		{"{\"schedule\": \"cosine\", \"warmup\": 0.3}", 0.3},
		{"{\"warmup\": 0.3, \"schedule\": \"cosine\"}", 0.3},
		{"{\"schedule\": \"one_cycle\", \"warmup\": 0}", 0},
		{"{\"warmup\": 0.2}", 0.2},
		{"{\"preset\": \"keras\", \"schedule\": \"one_cycle\"}", 0.15},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HwrTrainOptions o;

		parse(cases[i].json, &o);
		assert_true(o.warmup == cases[i].warmup);
		expect_round_trip(&o);
	}
}

static void
test_to_json(void **state)
{
	HwrStatus	st = {0};
	HwrTrainOptions o;
	char	   *json;

	(void) state;
	parse("{\"preset\": \"small\", \"validation\": \"public.\\\"held out\\\"\", \"case\": \"upper\"}", &o);
	assert_true(hwr_options_to_json(&o, &json, &st));
	assert_string_equal(json, "{\"preset\": \"small\", \"architecture\": \"[1,32,160,1 Cr3,3,16 Bn"
						" Mp2,2 Cr3,3,32 Bn Mp2,2 Cr3,3,48 Bn Mp8,1 Lbx64 Do0.1\", \"epochs\": 20,"
						" \"batch_size\": 16, \"optimizer\": \"adamw\", \"learning_rate\": 0.004,"
						" \"momentum\": 0.9, \"weight_decay\": 0.01, \"schedule\": \"one_cycle\","
						" \"warmup\": 0.15, \"clip_norm\": 5, \"dropout\": null, \"patience\": 0,"
						" \"validation_fraction\": 0.1, \"validation\": \"public.\\\"held out\\\"\","
						" \"seed\": 1, \"threads\": 0, \"device\": \"auto\", \"precision\": \"auto\", \"case\": \"upper\", "
						"\"empty_labels\": \"skip\", \"fit\": \"pad\","
						" \"augment\": 0.5, \"elastic\": 0, \"morphology\": 0, \"strokes\": 0, \"downscale\": 0, \"mask\": 0,"
						" \"base\": \"\", "
						"\"base_version\": 0, \"alphabet\": \"union\", \"language_model\": \"base\", \"shortcut\": 0, "
						"\"average\": 0, \"checkpoint_minutes\": 10, \"max_minutes\": 0,"
						" \"description\": \"\", \"licence\": \"\", \"credits\": \"\", \"language\": \"\"}");
	free(json);
}

static void
test_all_given(void **state)
{
	HwrTrainOptions o;

	(void) state;
	parse("{\"max_minutes\": 1e-7, \"shortcut\": 0.3, \"augment\": 3, \"elastic\": 1, \"morphology\": 0.5, \"strokes\": 2, "
		  "\"downscale\": 0.7, \"mask\": 1.5, "
		  "\"fit\": \"stretch\", \"case\": \"lower\","
		  " \"device\": \"cuda\", \"precision\": \"float32\", \"threads\": 256, \"seed\": 9007199254740992, \"validation\": \"\","
		  " \"validation_fraction\": 0.9, \"patience\": 3, \"dropout\": 0, \"clip_norm\": 0,"
		  " \"warmup\": 0.1, \"schedule\": \"plateau\", \"weight_decay\": 1.2345678901234567e-5,"
		  " \"momentum\": 0.99999999999999989, \"learning_rate\": 10, \"optimizer\": \"adam\","
		  " \"batch_size\": 1024, \"epochs\": 10000, \"preset\": \"pytorch\","
		  " \"architecture\": \"[1,32,0,1 Cr3,3,8 Mp2,2 S1(1x0)1,3 Lbx8 O1c10]\"}", &o);
	assert_string_equal(o.preset, "pytorch");
	assert_string_equal(o.architecture, "[1,32,0,1 Cr3,3,8 Mp2,2 S1(1x0)1,3 Lbx8 O1c10]");
	assert_int_equal(o.epochs, 10000);
	assert_int_equal(o.batch_size, 1024);
	assert_int_equal(o.step.optimizer, HWR_ADAM);
	assert_true(o.learning_rate == 10);
	assert_true(o.step.momentum == 0.99999999999999989);
	assert_true(o.step.weight_decay == 1.2345678901234567e-5);
	assert_int_equal(o.schedule, HWR_SCHEDULE_PLATEAU);
	assert_true(o.warmup == 0.1);
	assert_true(o.step.clip_norm == 0);
	assert_true(o.dropout == 0);
	assert_int_equal(o.patience, 3);
	assert_true(o.validation_fraction == 0.9);
	assert_true(o.seed == UINT64_C(9007199254740992));
	assert_int_equal(o.threads, 256);
	assert_int_equal(o.device, HWR_USE_CUDA);
	assert_int_equal(o.step.precision, HWR_TRAIN_FLOAT32);
	assert_int_equal(o.mapping, HWR_CASE_LOWER);
	assert_int_equal(o.fit, HWR_FIT_STRETCH);
	assert_true(o.step.augment.affine == 3 && o.step.augment.elastic == 1 && o.step.augment.morphology == 0.5 &&
				o.step.augment.strokes == 2 && o.step.augment.downscale == 0.7 && o.step.augment.mask == 1.5);
	assert_true(o.shortcut == 0.3);
	assert_true(o.max_minutes == 1e-7);
	expect_round_trip(&o);

	parse("{\"dropout\": 0.5, \"weight_decay\": -0.0, \"augment\": 0.3333333333333333}", &o);
	assert_true(o.dropout == 0.5);
	assert_false(signbit(o.step.weight_decay));
	expect_round_trip(&o);
}

static void
test_architecture(void **state)
{
	HwrTrainOptions o;
	char		json[1300];
	char		message[128];

	(void) state;
	/* a preset's name gives its network, not its recipe */
	parse("{\"architecture\": \"keras\"}", &o);
	assert_string_equal(o.preset, "default");
	assert_string_equal(o.architecture, hwr_preset_find("keras")->architecture);
	assert_int_equal(o.fit, HWR_FIT_PAD);
	assert_int_equal(o.epochs, hwr_preset_find("default")->epochs);

	expect_error("{\"architecture\": \"[1,48,320,1 Cr3,x,32\"}", HWR_BAD_ARCHITECTURE,
				 "invalid network architecture", NULL);
	expect_error("{\"architecture\": \"\"}", HWR_BAD_ARCHITECTURE,
				 "invalid network architecture", NULL);
	expect_error("{\"architecture\": null}", HWR_BAD_OPTION,
				 "training option \"architecture\" must be a string", NULL);

	snprintf(json, sizeof(json), "{\"architecture\": \"%*s\"}", 1024, "x");
	snprintf(message, sizeof(message),
			 "training option \"architecture\" must be at most 1023 bytes long");
	expect_error(json, HWR_BAD_OPTION, message, NULL);
	snprintf(json, sizeof(json), "{\"validation\": \"%*s\"}", 256, "x");
	expect_error(json, HWR_BAD_OPTION,
				 "training option \"validation\" must be at most 255 bytes long", NULL);
	snprintf(json, sizeof(json), "{\"validation\": \"%*s\"}", 255, "x");
	parse(json, &o);
	assert_int_equal(strlen(o.validation), 255);
}

#define NAMES "preset, architecture, epochs, batch_size, optimizer, learning_rate, momentum," \
	" weight_decay, schedule, warmup, clip_norm, dropout, patience, validation_fraction," \
	" validation, seed, threads, device, precision, case, empty_labels, fit, augment, elastic, morphology, " \
	"strokes, downscale, mask, base, " \
	"base_version, alphabet, language_model, shortcut, average, checkpoint_minutes, max_minutes," \
	" description, licence, credits, language"

static void
test_unknown(void **state)
{
	(void) state;
	expect_error("{\"foo\": 1}", HWR_BAD_OPTION, "unrecognized training option \"foo\"",
				 "Valid options are: " NAMES ".");
	expect_error("{\"epohcs\": 1}", HWR_BAD_OPTION, "unrecognized training option \"epohcs\"",
				 "Perhaps you meant \"epochs\".  Valid options are: " NAMES ".");
	expect_error("{\"Seed\": 1}", HWR_BAD_OPTION, "unrecognized training option \"Seed\"",
				 "Perhaps you meant \"seed\".  Valid options are: " NAMES ".");
	expect_error("{\"\": 1}", HWR_BAD_OPTION, "unrecognized training option \"\"",
				 "Valid options are: " NAMES ".");
	/* a long key is quoted in part, whole characters only */
	expect_error("{\"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
				 "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
				 "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
				 "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\": 1}", HWR_BAD_OPTION,
				 "unrecognized training option \""
				 "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
				 "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
				 "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
				 "...\"", NULL);
}

static void
test_ranges(void **state)
{
	static const struct
	{
		const char *json;
		const char *message;
	}			cases[] = {
		{"{\"epochs\": 0}", "training option \"epochs\" must be between 1 and 10000"},
		{"{\"epochs\": 10001}", "training option \"epochs\" must be between 1 and 10000"},
		{"{\"epochs\": -1}", "training option \"epochs\" must be between 1 and 10000"},
		{"{\"epochs\": 4294967297}", "training option \"epochs\" must be between 1 and 10000"},
		{"{\"epochs\": 99999999999999999999}", "training option \"epochs\" must be between 1 and 10000"},
		{"{\"batch_size\": 0}", "training option \"batch_size\" must be between 1 and 1024"},
		{"{\"batch_size\": 1025}", "training option \"batch_size\" must be between 1 and 1024"},
		{"{\"learning_rate\": 0}", "training option \"learning_rate\" must be greater than 0 and at most 10"},
		{"{\"learning_rate\": 10.5}", "training option \"learning_rate\" must be greater than 0 and at most 10"},
		{"{\"momentum\": 1}", "training option \"momentum\" must be at least 0 and less than 1"},
		{"{\"momentum\": -0.1}", "training option \"momentum\" must be at least 0 and less than 1"},
		{"{\"weight_decay\": -1}", "training option \"weight_decay\" must not be negative"},
		{"{\"warmup\": 0.91}", "training option \"warmup\" must be between 0 and 0.9"},
		{"{\"clip_norm\": -1}", "training option \"clip_norm\" must not be negative"},
		{"{\"dropout\": 1}", "training option \"dropout\" must be at least 0 and less than 1, or null"},
		{"{\"dropout\": -1}", "training option \"dropout\" must be at least 0 and less than 1, or null"},
		{"{\"patience\": -1}", "training option \"patience\" must be between 0 and 10000"},
		{"{\"validation_fraction\": 0.95}", "training option \"validation_fraction\" must be between 0 and 0.9"},
		{"{\"seed\": -1}", "training option \"seed\" must be between 0 and 9007199254740992"},
		{"{\"seed\": 9007199254740993}", "training option \"seed\" must be between 0 and 9007199254740992"},
		{"{\"threads\": 257}", "training option \"threads\" must be between 0 and 256"},
		{"{\"augment\": 3.01}", "training option \"augment\" must be between 0 and 3"},
		{"{\"elastic\": -0.1}", "training option \"elastic\" must be between 0 and 3"},
		{"{\"morphology\": 4}", "training option \"morphology\" must be between 0 and 3"},
		{"{\"downscale\": -1}", "training option \"downscale\" must be between 0 and 3"},
		{"{\"mask\": 3.1}", "training option \"mask\" must be between 0 and 3"},
		{"{\"strokes\": 3.5}", "training option \"strokes\" must be between 0 and 3"},
		{"{\"shortcut\": -0.1}", "training option \"shortcut\" must be between 0 and 1"},
		{"{\"shortcut\": 1.1}", "training option \"shortcut\" must be between 0 and 1"},
		{"{\"max_minutes\": -5}", "training option \"max_minutes\" must not be negative"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_error(cases[i].json, HWR_BAD_OPTION, cases[i].message, NULL);
}

/* Each option refuses every JSON type that is not its own. */
static void
test_types(void **state)
{
	static const struct
	{
		const char *name;
		const char *type;
	}			options[] = {
		{"preset", "a string"}, {"architecture", "a string"}, {"epochs", "an integer"},
		{"batch_size", "an integer"}, {"optimizer", "a string"}, {"learning_rate", "a number"},
		{"momentum", "a number"}, {"weight_decay", "a number"}, {"schedule", "a string"},
		{"warmup", "a number"}, {"clip_norm", "a number"}, {"dropout", "a number or null"},
		{"patience", "an integer"}, {"validation_fraction", "a number"},
		{"validation", "a string"}, {"seed", "an integer"}, {"threads", "an integer"},
		{"case", "a string"}, {"fit", "a string"}, {"augment", "a number"}, {"elastic", "a number"},
		{"morphology", "a number"}, {"strokes", "a number"}, {"downscale", "a number"}, {"mask", "a number"},
		{"shortcut", "a number"}, {"max_minutes", "a number"},
	};
	static const char *const values[] = {"null", "true", "\"1\"", "1", "1.0", "[1]", "{}"};

	(void) state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
	{
		for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++)
		{
			const char *v = values[k];
			const char *type = options[i].type;
			char		json[128];
			char		message[128];

			if ((v[0] == '"' && strcmp(type, "a string") == 0) ||
				(v[0] == '1' && strstr(type, "a number") != NULL) ||
				(strcmp(v, "1") == 0 && strcmp(type, "an integer") == 0) ||
				(v[0] == 'n' && strstr(type, "null") != NULL))
				continue;
			snprintf(json, sizeof(json), "{\"%s\": %s}", options[i].name, v);
			snprintf(message, sizeof(message), "training option \"%s\" must be %s",
					 options[i].name, type);
			expect_error(json, HWR_BAD_OPTION, message, NULL);
		}
	}
}

static void
test_words(void **state)
{
	(void) state;
	expect_error("{\"preset\": \"x\"}", HWR_BAD_OPTION,
				 "invalid value for training option \"preset\": \"x\"",
				 "Valid values are: default, lines, small, keras, pytorch.");
	expect_error("{\"optimizer\": \"SGD\"}", HWR_BAD_OPTION,
				 "invalid value for training option \"optimizer\": \"SGD\"",
				 "Valid values are: sgd, adam, adamw.");
	expect_error("{\"schedule\": \"x\\u001b\"}", HWR_BAD_OPTION,
				 "invalid value for training option \"schedule\": \"x?\"",
				 "Valid values are: constant, cosine, one_cycle, plateau.");
	expect_error("{\"case\": \"\"}", HWR_BAD_OPTION,
				 "invalid value for training option \"case\": \"\"",
				 "Valid values are: keep, upper, lower.");
	expect_error("{\"fit\": \"crop\"}", HWR_BAD_OPTION,
				 "invalid value for training option \"fit\": \"crop\"",
				 "Valid values are: pad, stretch, kraken, kraken-box, line.");
}

static void
test_not_an_object(void **state)
{
	static const char *const broken[] = {
		"", "{", "{\"epochs\": 1,}", "{\"epochs\": 1, \"epochs\": 2}", "{\"learning_rate\": 1e999}",
		"{\"a\": \"\xFF\"}", "{} x", "{\"epochs\": NaN}"
	};
	static const char *const others[] = {"[]", "1", "\"x\"", "null", "[{}]"};

	(void) state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		expect_error(broken[i], HWR_BAD_OPTION, "training options are not valid JSON", NULL);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		expect_error(others[i], HWR_BAD_OPTION, "training options must be a JSON object", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_keras),
		cmocka_unit_test(test_warmup),
		cmocka_unit_test(test_to_json),
		cmocka_unit_test(test_all_given),
		cmocka_unit_test(test_architecture),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_not_an_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
