/*
 * test_weigh_lm.c
 *	  How much a language model weighs: the choice among the weights, against reading with each by itself.
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
#include "core/model/reading.h"
#include "core/text/metrics.h"
#include "core/train/weigh_lm.h"

#define STEPS 12
#define CLASSES 4
#define IMAGES 60
#define LABEL "ababab"

static HwrModel *
make_model(void)
{
	HwrModel   *model = calloc(1, sizeof(HwrModel));
	HwrStatus	st;

	assert_true(hwr_vgsl_parse("[1,16,0,1 Mp16,4 O1c4]", 0, &model->net, &st));
	assert_true(hwr_alphabet_add(&model->alphabet, "abc", 3, &st));
	return model;
}

static HwrLm *
make_lm(const char *text)
{
	HwrLmBuilder *builder;
	HwrLm	   *lm;
	HwrStatus	st;

	assert_true(hwr_lm_builder_create(3, HWR_CASE_KEEP, &builder, &st));
	for (int i = 0; i < 20; i++)
		assert_true(hwr_lm_builder_add(builder, text, strlen(text), &st));
	assert_true(hwr_lm_builder_finish(builder, &lm, &st));
	hwr_lm_builder_free(builder);
	return lm;
}

/* Steps of LABEL, in turns with blanks, in which the character is doubtful: one of the others often looks better. */
static void
make_posteriors(float *logp, uint64_t key)
{
	HwrRng		rng;

	hwr_rng_seed(&rng, key, 0);
	for (int t = 0; t < STEPS; t++)
	{
		float		p[CLASSES];
		float		sum = 0;

		for (int k = 0; k < CLASSES; k++)
			sum += p[k] = 0.02f + (t % 2 == 0 && k > 0 ? (float) hwr_rng_uniform(&rng) : 0);
		if (t % 2 == 1)
			sum += p[0] += 4;
		else
			sum += p[1 + t / 2 % 2] += 0.4f;
		for (int k = 0; k < CLASSES; k++)
			logp[t * CLASSES + k] = logf(p[k] / sum);
	}
}

/* CER of all images with this weight, and how many are right. */
static double
cer_with(HwrModel *model, const HwrLmWeight *setting, int *right)
{
	HwrOwnLm	own = model->own;
	HwrMetrics	metrics = {0};
	HwrBeam    *beam;
	float		logp[STEPS * CLASSES];
	HwrStatus	st;

	*right = 0;
	own.weight = setting->weight;
	own.length_bonus = setting->length_bonus;
	if (own.weight == 0)
		own = (HwrOwnLm) {0};
	assert_true(hwr_beam_create(&beam, &st));
	for (uint64_t key = 1; key <= IMAGES; key++)
	{
		HwrReading	reading;

		make_posteriors(logp, key);
		assert_true(hwr_model_decode_with(model, &own, beam, logp, STEPS, CLASSES, &reading, &st));
		assert_true(hwr_metrics_add(&metrics, NULL, LABEL, strlen(LABEL), reading.text, strlen(reading.text), &st));
		*right += strcmp(reading.text, LABEL) == 0;
		hwr_reading_free(&reading);
	}
	hwr_beam_free(beam);
	return hwr_metrics_cer(&metrics);
}

static void
weigh(const HwrModel *model, const HwrLm *lm, const HwrLmWeight *only, HwrOwnLmResult *result)
{
	HwrLmWeigher *w;
	float		logp[STEPS * CLASSES];
	HwrStatus	st;

	assert_true(hwr_lm_weigher_create(model, lm, only, &w, &st));
	for (uint64_t key = 1; key <= IMAGES; key++)
	{
		make_posteriors(logp, key);
		assert_true(hwr_lm_weigher_add(w, logp, STEPS, CLASSES, LABEL, strlen(LABEL), &st));
	}
	hwr_lm_weigher_result(w, result);
	hwr_lm_weigher_free(w);
}

static void
test_choice(void **state)
{
	HwrModel   *model = make_model();
	HwrOwnLmResult result = {0};
	HwrOwnLmResult one = {0};
	int			right;
	int			right_without;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_model_set_lm(model, make_lm(LABEL), 0.7, 0, &st));
	weigh(model, model->own.lm, NULL, &result);
	assert_int_equal(result.images, IMAGES);
	assert_true(result.best.weight > 0 && result.cer_with < result.cer_without);
	assert_true(cer_with(model, &(HwrLmWeight) {0, 0}, &right_without) == result.cer_without);
	assert_true(cer_with(model, &result.best, &right) == result.cer_with);
	assert_true(right > right_without);
	assert_true(hwr_confidence_is_valid(&result.confidence));

	/* no other weight is better, and one that is given is taken as it is */
	for (double weight = 0.2; weight < 1.05; weight += 0.2)
	{
		HwrLmWeight setting = {weight, 1.6 * weight};

		weigh(model, model->own.lm, &setting, &one);
		assert_true(one.cer_with >= result.cer_with);
		assert_true(one.best.weight == 0 || (one.best.weight == weight && one.best.length_bonus == 1.6 * weight));
	}
	assert_true(hwr_lm_note_result(model, &result, &st));
	assert_non_null(strstr(model->result, "\"language_model\""));
	hwr_model_free(model);
}

/* A language model of other texts is left out. */
static void
test_useless(void **state)
{
	HwrModel   *model = make_model();
	HwrLm	   *lm = make_lm("ccccccccc");
	HwrOwnLmResult result = {0};

	(void) state;
	weigh(model, lm, NULL, &result);
	assert_true(result.best.weight == 0 && result.cer_with == result.cer_without);
	hwr_lm_free(lm);
	hwr_model_free(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_useless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
