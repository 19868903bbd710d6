/*
 * test_own_lm.c
 *	  A language model inside a model: there and back, damaged, and in reading.
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
#include "core/model/model.h"
#include "core/model/reading.h"

#define ARCHITECTURE "[1,16,0,1 Mp16,4 O1c4]"
#define STEPS 12
#define CLASSES 4

/* "ab" again and again. */
static HwrLm *
make_lm(void)
{
	HwrLmBuilder *builder;
	HwrLm	   *lm;
	HwrStatus	st;

	assert_true(hwr_lm_builder_create(3, HWR_CASE_KEEP, &builder, &st));
	for (int i = 0; i < 20; i++)
		assert_true(hwr_lm_builder_add(builder, "ababababab", 2 + 2 * (size_t) (i % 5), &st));
	assert_true(hwr_lm_builder_finish(builder, &lm, &st));
	hwr_lm_builder_free(builder);
	return lm;
}

static HwrModel *
make_model(void)
{
	HwrModel   *model = calloc(1, sizeof(HwrModel));
	HwrStatus	st;

	assert_true(hwr_vgsl_parse(ARCHITECTURE, 0, &model->net, &st));
	assert_true(hwr_alphabet_add(&model->alphabet, "abc", 3, &st));
	model->values = calloc(model->net.nvalues, sizeof(float));
	assert_true(hwr_model_set_lm(model, make_lm(), 1.5, 0.25, &st));
	model->own.confidence = (HwrConfidence) {1.75, 0.125, 0.9375};
	return model;
}

/* Steps at which "a", or now and then "c", is a little more probable than "b". */
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
			sum += p[k] = 0.05f + (float) hwr_rng_uniform(&rng) * (k == 0 && t % 2 == 1 ? 8.0f : 1.0f);
		for (int k = 0; k < CLASSES; k++)
			logp[t * CLASSES + k] = logf(p[k] / sum);
	}
}

static void
test_there_and_back(void **state)
{
	HwrModel   *model = make_model();
	HwrModel   *again;
	uint8_t    *bytes;
	uint8_t    *bytes_again;
	size_t		len;
	size_t		len_again;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_model_save(model, &bytes, &len, &st));
	assert_true(hwr_model_load(bytes, len, &again, &st));
	assert_non_null(again->own.lm);
	assert_true(again->own.weight == 1.5 && again->own.length_bonus == 0.25);
	assert_memory_equal(&again->own.confidence, &model->own.confidence, sizeof(HwrConfidence));
	assert_memory_equal(again->own.symbols, model->own.symbols, CLASSES * sizeof(int));
	assert_int_equal(hwr_lm_ngrams(again->own.lm), hwr_lm_ngrams(model->own.lm));
	assert_true(hwr_model_memory(again) > hwr_lm_memory(again->own.lm));
	assert_true(hwr_model_save(again, &bytes_again, &len_again, &st));
	assert_int_equal(len, len_again);
	assert_memory_equal(bytes, bytes_again, len);
	free(bytes_again);

	/* without it the file is that of a model that never had one */
	assert_true(hwr_model_set_lm(again, NULL, 0, 0, &st));
	assert_true(hwr_model_save(again, &bytes_again, &len_again, &st));
	assert_true(len_again < len);
	free(bytes_again);
	hwr_model_free(again);
	free(bytes);
	hwr_model_free(model);
}

/* Where a file has this text; NULL: nowhere. */
static uint8_t *
find(uint8_t *bytes, size_t len, const char *text)
{
	size_t		n = strlen(text);

	for (size_t i = 0; i + n <= len; i++)
		if (memcmp(bytes + i, text, n) == 0)
			return bytes + i;
	return NULL;
}

/* Files from before it was fitted read as the default has it, and are written as they were; what cannot be is refused. */
static void
test_confidence(void **state)
{
	const HwrConfidence start = HWR_CONFIDENCE_DEFAULT;
	HwrModel   *model = make_model();
	HwrModel   *again;
	uint8_t    *bytes;
	uint8_t    *at;
	size_t		len;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_model_save(model, &bytes, &len, &st));
	at = find(bytes, len, "1.75");
	assert_non_null(at);
	memcpy(at, "0.75", 4);
	assert_false(hwr_model_load(bytes, len, &again, &st));
	assert_int_equal(st.code, HWR_BAD_MODEL);
	assert_non_null(strstr(st.detail, "confidence"));
	memcpy(at, "1.75", 4);
	at = find(bytes, len, "found");
	assert_non_null(at);
	memcpy(at, "lost_", 5);
	assert_false(hwr_model_load(bytes, len, &again, &st));
	assert_non_null(strstr(st.detail, "found"));
	free(bytes);

	model->own.confidence = start;
	assert_true(hwr_model_save(model, &bytes, &len, &st));
	assert_null(find(bytes, len, "confidence"));
	assert_true(hwr_model_load(bytes, len, &again, &st));
	assert_memory_equal(&again->own.confidence, &start, sizeof(start));
	hwr_model_free(again);
	free(bytes);
	hwr_model_free(model);
}

/* A damaged file is refused, or is a model that can be used. */
static void
test_damage(void **state)
{
	HwrModel   *model = make_model();
	HwrModel   *again;
	HwrReading	reading;
	HwrBeam    *beam;
	float		logp[STEPS * CLASSES];
	uint8_t    *bytes;
	size_t		len;
	int			refused = 0;
	HwrRng		rng;
	HwrStatus	st;

	(void) state;
	hwr_rng_seed(&rng, 7, 0);
	make_posteriors(logp, 3);
	assert_true(hwr_beam_create(&beam, &st));
	assert_true(hwr_model_save(model, &bytes, &len, &st));
	for (int i = 0; i < 2000; i++)
	{
		size_t		at = (size_t) (hwr_rng_uniform(&rng) * (double) len);
		uint8_t		old = bytes[at];

		bytes[at] ^= (uint8_t) (1 + hwr_rng_uniform(&rng) * 254);
		if (hwr_model_load(bytes, len, &again, &st))
		{
			if (again->net.classes == CLASSES && again->alphabet.n == CLASSES - 1)
			{
				assert_true(hwr_model_decode(again, beam, logp, STEPS, CLASSES, &reading, &st));
				hwr_reading_free(&reading);
			}
			hwr_model_free(again);
		}
		else
			refused++;
		bytes[at] = old;
	}
	assert_true(refused > 500);
	free(bytes);
	hwr_beam_free(beam);
	hwr_model_free(model);
}

/* What is read is the best text of the search, and never less probable, all things weighed, than the greedy one. */
static void
test_reading(void **state)
{
	HwrModel   *model = make_model();
	HwrBeam    *beam;
	float		logp[STEPS * CLASSES];
	int			different = 0;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_beam_create(&beam, &st));
	for (uint64_t key = 1; key <= 50; key++)
	{
		HwrBeamQuery query = {.logp = logp,.T = STEPS,.K = CLASSES,.width = HWR_READING_BEAM,.class_cut = HWR_READING_CLASS_CUT,
			.lm = model->own.lm,.lm_symbols = model->own.symbols,.lm_weight = 1.5,
			.length_bonus = 0.25,.confidence = &model->own.confidence};
		HwrReading	reading;
		HwrReading	greedy;
		HwrNbest	nbest;

		make_posteriors(logp, key);
		assert_true(hwr_model_decode(model, beam, logp, STEPS, CLASSES, &reading, &st));
		assert_true(hwr_decode_greedy(logp, STEPS, CLASSES, &model->alphabet, &greedy, &st));
		assert_true(hwr_beam_search(beam, &query, 1, &nbest, &st));
		assert_int_equal(reading.n, nbest.hypotheses[0].n);
		for (int i = 0; i < reading.n; i++)
		{
			assert_int_equal(reading.chars[i].codepoint, model->alphabet.codepoints[nbest.hypotheses[0].classes[i] - 1]);
			assert_int_equal(reading.chars[i].first_step, nbest.hypotheses[0].spans[i].first_step);
		}
		assert_true(reading.confidence == nbest.hypotheses[0].confidence);
		assert_true(reading.confidence == hwr_confidence_of(&model->own.confidence, reading.log_share, reading.log_found));
		assert_true(reading.sharpness == greedy.sharpness);
		assert_true(greedy.confidence < 0);
		different += strcmp(reading.text, greedy.text) != 0;
		hwr_nbest_free(&nbest);
		hwr_reading_free(&greedy);
		hwr_reading_free(&reading);
	}
	assert_true(different > 10);
	hwr_beam_free(beam);
	hwr_model_free(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_confidence),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
