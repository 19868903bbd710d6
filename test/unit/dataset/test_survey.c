/*
 * test_survey.c
 *	  What is chosen for a table, from a look at its rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/image/image_write.h"
#include "core/network/vgsl.h"
#include "core/options/presets.h"
#include "core/dataset/survey.h"

static const HwrImageLimits limits = {1 << 20, 1 << 24};

/* Look at rows like this one. */
static void
add(HwrSurvey *survey, int rows, int width, int height, const char *label)
{
	HwrStatus	st = {0};
	uint8_t    *pixels = malloc((size_t) (width * height));
	HwrDatasetRow row = {.label = label,.label_len = strlen(label)};
	uint8_t    *png;

	memset(pixels, 255, (size_t) (width * height));
	assert_true(hwr_image_write_png(pixels, width, height, width, &png, &row.image_len, &st));
	row.image = png;
	for (int i = 0; i < rows; i++)
		hwr_survey_add(survey, &limits, &row);
	free(png);
	free(pixels);
}

static HwrSurvey *
new_survey(int64_t rows)
{
	HwrSurvey  *survey = calloc(1, sizeof(HwrSurvey));

	survey->table_rows = rows;
	return survey;
}

static void
parse(const char *json, HwrTrainOptions *options, HwrGiven *given)
{
	HwrStatus	st = {0};

	assert_true(hwr_options_parse(json, strlen(json), options, &st));
	hwr_options_given(json, strlen(json), given);
}

/* What is chosen with these options; frees the survey. */
static HwrChoice
choose(HwrSurvey *survey, const char *json)
{
	HwrTrainOptions options;
	HwrGiven	given;
	HwrChoice	choice;
	HwrStatus	st = {0};
	HwrNet		net;

	parse(json, &options, &given);
	assert_true(hwr_survey_choose(survey, &given, &options, &choice));
	assert_true(hwr_vgsl_parse(choice.architecture, 50, &net, &st));
	free(survey);
	return choice;
}

static void
test_words(void **state)
{
	HwrSurvey  *survey = new_survey(8400);
	HwrChoice	c;

	(void) state;
	add(survey, 30, 300, 40, "MARTIN");
	c = choose(survey, "{}");
	assert_string_equal(c.preset, "default");
	assert_string_equal(c.chosen, "preset \"default\", height 48, any width, 16 epochs");
	assert_ptr_equal(strstr(c.architecture, "[1,48,0,1 "), c.architecture);
	assert_non_null(strstr(c.reason, "300 x 40 pixels and a label 6 characters"));
}

static void
test_lines(void **state)
{
	HwrSurvey  *survey = new_survey(25000);
	HwrChoice	c;

	(void) state;
	add(survey, 20, 700, 48, "a line of words, as long as lines are");
	add(survey, 9, 300, 40, "MARTIN");
	c = choose(survey, "{}");
	assert_string_equal(c.preset, "lines");
	assert_string_equal(c.chosen, "preset \"lines\", height 48, any width, 10 epochs");
	assert_string_equal(c.architecture, hwr_preset_find("lines")->architecture);
}

/* 37 characters on 200 x 40 pixels: on 48 rows 240 columns, which are 60 steps of four columns. */
static void
test_dense(void **state)
{
	const char *text = "a line of words, as long as lines are";
	HwrSurvey  *survey = new_survey(1000);
	HwrChoice	c;
	HwrStatus	st = {0};
	HwrNet		net;

	(void) state;
	add(survey, 20, 220, 40, text);
	c = choose(survey, "{}");
	assert_string_equal(c.chosen, "preset \"lines\", height 48, any width, 100 epochs");
	survey = new_survey(1000);
	add(survey, 20, 150, 40, text);
	c = choose(survey, "{}");
	assert_string_equal(c.chosen, "preset \"lines\", height 48, any width, pooled less along the width, 100 epochs");
	assert_true(hwr_vgsl_parse(c.architecture, 50, &net, &st));
	assert_int_equal(hwr_net_steps(&net, 256), 128);
	/* with more pixels a higher canvas does */
	survey = new_survey(1000);
	add(survey, 20, 300, 75, text);
	c = choose(survey, "{}");
	assert_string_equal(c.chosen, "preset \"lines\", height 64, any width, 100 epochs");
	assert_true(hwr_vgsl_parse(c.architecture, 50, &net, &st));
	assert_int_equal(net.height, 64);
	assert_int_equal(hwr_net_steps(&net, 256), 64);
	/* and where nothing is enough, the most there is */
	survey = new_survey(1000);
	add(survey, 20, 60, 60, text);
	c = choose(survey, "{}");
	assert_string_equal(c.chosen, "preset \"lines\", height 64, any width, pooled less along the width, 100 epochs");
}

/* A few dense rows are left to be told of when they are read. */
static void
test_few_dense(void **state)
{
	HwrSurvey  *survey = new_survey(200);

	(void) state;
	add(survey, 99, 700, 48, "a line of words, as long as lines are");
	add(survey, 1, 50, 48, "a line of words, as long as lines are");
	assert_string_equal(choose(survey, "{}").chosen, "preset \"lines\", height 48, any width, 100 epochs");
}

static void
test_epochs(void **state)
{
	static const struct
	{
		int64_t		rows;
		int			epochs;
	}			cases[] = {{100, 100}, {1350, 100}, {5400, 25}, {8415, 16}, {100000, 8}, {1000000000000, 8}};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HwrSurvey  *survey = new_survey(cases[i].rows);

		add(survey, 5, 300, 40, "MARTIN");
		assert_int_equal(choose(survey, "{}").epochs, cases[i].epochs);
	}
}

/* After a base, epochs alone are chosen: no fewer than its recipe has. */
static void
test_after_base(void **state)
{
	HwrSurvey  *survey = new_survey(400);
	HwrTrainOptions options;
	HwrGiven	given;
	HwrChoice	c;

	(void) state;
	parse("{\"base\": \"latin\"}", &options, &given);
	add(survey, 5, 700, 40, "a line of words, as long as lines are");
	assert_true(hwr_survey_choose(survey, &given, &options, &c));
	assert_string_equal(c.chosen, "50 epochs");
	assert_string_equal(c.architecture, options.architecture);
	assert_non_null(strstr(c.reason, "400 rows"));
	survey->table_rows = 20;
	assert_true(hwr_survey_choose(survey, &given, &options, &c));
	assert_int_equal(c.epochs, 100);
	survey->table_rows = 9000;
	assert_true(hwr_survey_choose(survey, &given, &options, &c));
	assert_int_equal(c.epochs, options.epochs);
	free(survey);
}

/* What is given stays. */
static void
test_given(void **state)
{
	HwrSurvey  *survey = new_survey(8400);
	HwrChoice	c;

	(void) state;
	add(survey, 5, 300, 40, "MARTIN");
	c = choose(survey, "{\"epochs\": 3}");
	assert_string_equal(c.chosen, "preset \"default\", height 48, any width");
	assert_int_equal(c.epochs, 3);
	survey = new_survey(8400);
	add(survey, 5, 700, 40, "a line of words, as long as lines are");
	c = choose(survey, "{\"architecture\": \"[1,32,0,1 Cr3,3,8 Mp32,2 Lbx16\"}");
	assert_string_equal(c.chosen, "preset \"lines\", 30 epochs");
	assert_string_equal(c.architecture, "[1,32,0,1 Cr3,3,8 Mp32,2 Lbx16");
}

static void
test_wanted(void **state)
{
	static const struct
	{
		const char *json;
		bool		wanted;
	}			cases[] = {
		{"{}", true}, {"{\"seed\": 2}", true}, {"{\"epochs\": 2}", true}, {"{\"preset\": \"small\"}", false},
		{"{\"preset\": \"default\"}", false}, {"{\"base\": \"names\"}", true},
		{"{\"base\": \"names\", \"epochs\": 2}", false}, {"{\"architecture\": \"keras\"}", true},
		{"{\"architecture\": \"keras\", \"epochs\": 1}", false}
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HwrTrainOptions options;
		HwrGiven	given;

		parse(cases[i].json, &options, &given);
		if (hwr_survey_wanted(&given) != cases[i].wanted)
			fail_msg("%s", cases[i].json);
	}
}

static void
test_unusable_rows(void **state)
{
	HwrSurvey  *survey = new_survey(10);
	HwrTrainOptions options;
	HwrGiven	given;
	HwrChoice	choice;
	const uint8_t junk[] = "junk";

	(void) state;
	hwr_survey_add(survey, &limits, &(HwrDatasetRow) {.image = NULL,.label = "a",.label_len = 1});
	hwr_survey_add(survey, &limits, &(HwrDatasetRow) {.image = junk,.image_len = 4,.label = "a",.label_len = 1});
	hwr_survey_add(survey, &limits, &(HwrDatasetRow) {.image = junk,.image_len = 4,.label = NULL});
	add(survey, 1, 20, 20, "  ");
	add(survey, 1, 20, 20, "\xff");
	assert_int_equal(survey->n, 0);
	parse("{}", &options, &given);
	assert_false(hwr_survey_choose(survey, &given, &options, &choice));
	add(survey, HWR_SURVEY_ROWS + 5, 20, 20, "a");
	assert_int_equal(survey->n, HWR_SURVEY_ROWS);
	free(survey);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_dense),
		cmocka_unit_test(test_few_dense),
		cmocka_unit_test(test_epochs),
		cmocka_unit_test(test_after_base),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_unusable_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
