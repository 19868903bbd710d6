/*
 * test_average.c
 *	  The average of the last steps' values, and the diagnosis of stuck trainings.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/train/average.h"
#include "words.h"

#define N 5

static int	calls;

static float
value(int call, int i)
{
	return sinf((float) (call * 7 + i)) * (float) (i + 1);
}

static bool
get_values(HwrBackendContext *ctx, float *values, HwrStatus *st)
{
	(void) ctx;
	(void) st;
	for (int i = 0; i < N; i++)
		values[i] = value(calls, i);
	calls++;
	return true;
}

static void
test_mean(void **state)
{
	const HwrBackend backend = {.get_values = get_values};
	HwrAverage	average = {0};
	HwrStatus	st;

	(void) state;
	for (int n = 1; n <= 40; n++)
	{
		assert_true(hwr_average_add(&average, &backend, NULL, N, &st));
		assert_int_equal(average.count, n);
		for (int i = 0; i < N; i++)
		{
			double		sum = 0;

			for (int call = 0; call < n; call++)
				sum += value(call, i);
			assert_true(fabs(sum / n - average.mean[i]) < 1e-5);
		}
	}
	hwr_average_free(&average);
}

typedef struct Run
{
	int			averages;		/* events */
	int			epochs;
	HwrEpoch	best;
	HwrEpoch	average;
	char		result[1024];
	uint8_t    *model;
	size_t		len;
	HwrTrouble	troubles[20];	/* in the order told */
	int			told;
} Run;

static Run
train(const char *json)
{
	HwrTrainOptions o = options(json);
	HwrDataset *ds = all_words(&o, 1 << 30);
	HwrTrainer *t;
	HwrTrainEvent event;
	HwrModel   *model;
	HwrStatus	st;
	Run			r = {0};

	assert_true(hwr_trainer_create(&o, ds, hwr_cpu_backend(), 0, &t, &st));
	do
	{
		if (!hwr_trainer_step(t, &event, &st))
			fail_msg("%s: %s", st.message, st.detail);
		r.epochs += event == HWR_TRAIN_EPOCH;
		if (event == HWR_TRAIN_EPOCH && hwr_trainer_trouble(t) != HWR_TROUBLE_NONE)
			r.troubles[r.told++] = hwr_trainer_trouble(t);
		if (event == HWR_TRAIN_AVERAGED)
		{
			r.average = *hwr_trainer_epoch(t);
			r.averages++;
		}
	} while (event != HWR_TRAIN_FINISHED);
	r.best = *hwr_trainer_best(t);
	assert_true(hwr_trainer_model(t, &model, &st));
	assert_true(hwr_model_save(model, &r.model, &r.len, &st));
	snprintf(r.result, sizeof(r.result), "%s", model->result);
	hwr_model_free(model);
	hwr_trainer_free(t);
	hwr_dataset_free(ds);
	return r;
}

/* Without validation rows the average is the result; it is the same every time. */
static void
test_unvalidated(void **state)
{
	const char *json = "{" TINY ", \"epochs\": 6, \"threads\": 2, \"validation_fraction\": 0, \"average\": 0.5}";
	Run			a = train(json);
	Run			b = train(json);
	Run			plain = train("{" TINY ", \"epochs\": 6, \"threads\": 2, \"validation_fraction\": 0}");

	(void) state;
	assert_int_equal(a.epochs, 6);
	assert_int_equal(a.averages, 1);
	assert_int_equal(a.best.averaged, 13);	/* after each of the last 12 of 24 steps, and the one before */
	assert_non_null(strstr(a.result, "\"averaged\": 13"));
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.model, b.model, a.len);
	assert_int_equal(plain.averages, 0);
	assert_null(strstr(plain.result, "averaged"));
	free(a.model);
	free(b.model);
	free(plain.model);
}

/* With validation rows the better of the average and the best epoch wins. */
static void
test_competes(void **state)
{
	static const double averages[] = {0.1, 0.9};

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		char		json[300];
		Run			r;
		Run			plain = train("{" TINY ", \"epochs\": 8, \"learning_rate\": 0.01, \"validation_fraction\": 0.3}");
		bool		won;

		snprintf(json, sizeof(json), "{" TINY ", \"epochs\": 8, \"learning_rate\": 0.01, \"validation_fraction\": 0.3,"
				 " \"average\": %g}", averages[i]);
		r = train(json);
		assert_int_equal(r.averages, 1);
		assert_int_equal(r.average.valid.images, plain.best.valid.images);
		won = hwr_metrics_loss(&r.average.valid) < hwr_metrics_loss(&plain.best.valid);
		assert_int_equal(r.average.best, won);
		assert_int_equal(r.best.averaged > 0, won);
		if (!won)
			assert_int_equal(r.best.epoch, plain.best.epoch);
		free(r.model);
		free(plain.model);
	}
}

/* All that a training is told in these epochs. */
static int
diagnose(const HwrEvidence *epochs, int n, HwrTrouble *first, int *when)
{
	HwrDiagnosis d = {0};
	int			told = 0;

	*first = HWR_TROUBLE_NONE;
	for (int i = 0; i < n; i++)
	{
		HwrEvidence e = epochs[i];
		HwrTrouble	trouble;

		e.epoch = i + 1;
		e.epochs = n;
		trouble = hwr_diagnose(&d, &e);
		if (trouble != HWR_TROUBLE_NONE && told++ == 0)
		{
			*first = trouble;
			*when = i + 1;
		}
	}
	return told;
}

static void
test_diagnosis(void **state)
{
	HwrEvidence e[20] = {0};
	HwrTrouble	trouble;
	int			when = 0;

	(void) state;
	/* falls, begins to read in the fifth of 20 epochs: nothing to say, also not when it has converged */
	for (int i = 0; i < 20; i++)
		e[i] = (HwrEvidence) {.train_loss = i < 10 ? 20 - i : 11,.cer = i < 4 ? 1 : 0.1,.blank = i < 4,.clipped = 1};
	assert_int_equal(diagnose(e, 20, &trouble, &when), 0);

	/* never begins to read: told once, after a quarter */
	for (int i = 0; i < 20; i++)
		e[i] = (HwrEvidence) {.train_loss = 20 - i,.cer = 1,.blank = 1};
	assert_int_equal(diagnose(e, 20, &trouble, &when), 1);
	assert_int_equal(trouble, HWR_TROUBLE_BLANK);
	assert_int_equal(when, 5);

	/* stays; without validation rows nobody knows what it reads */
	for (int i = 0; i < 20; i++)
		e[i] = (HwrEvidence) {.train_loss = 20 + sin(i) / 100,.cer = 0.9};
	assert_int_equal(diagnose(e, 20, &trouble, &when), 1);
	assert_int_equal(trouble, HWR_TROUBLE_LOSS);
	assert_int_equal(when, 6);
	for (int i = 0; i < 20; i++)
		e[i].cer = e[i].blank = NAN;
	assert_int_equal(diagnose(e, 20, &trouble, &when), 0);

	/* rises with every gradient cut */
	for (int i = 0; i < 20; i++)
		e[i] = (HwrEvidence) {.train_loss = 20 + i,.cer = 0.2,.clipped = 1};
	assert_int_equal(diagnose(e, 20, &trouble, &when), 1);
	assert_int_equal(trouble, HWR_TROUBLE_GRADIENT);
	assert_int_equal(when, 3);
}

/* A learning rate that moves nothing, and a network that has too few steps to learn. */
static void
test_stuck(void **state)
{
	Run			slow = train("{" TINY ", \"epochs\": 12, \"learning_rate\": 1e-9, \"validation_fraction\": 0.3, \"augment\": 0}");
	Run			brief = train("{" TINY ", \"epochs\": 8, \"learning_rate\": 0.01, \"validation_fraction\": 0.3}");

	(void) state;
	assert_true(slow.told >= 1);
	assert_int_equal(slow.troubles[slow.told - 1], HWR_TROUBLE_LOSS);
	assert_int_equal(brief.told, 1);
	assert_int_equal(brief.troubles[0], HWR_TROUBLE_BLANK);
	free(slow.model);
	free(brief.model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mean),
		cmocka_unit_test(test_unvalidated),
		cmocka_unit_test(test_competes),
		cmocka_unit_test(test_diagnosis),
		cmocka_unit_test(test_stuck),
	};

	return cmocka_run_group_tests(tests, load_words, free_words);
}
