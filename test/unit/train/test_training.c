/*
 * test_training.c
 *	  The data set and the training run on the sample words.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/train/calibrate_model.h"
#include "words.h"

/* Memory and file hold the same canvases, and a wider row is padded with paper. */
static void
test_spill(void **state)
{
	HwrTrainOptions o = options("{\"validation_fraction\": 0.3, \"architecture\": \"[1,32,0,1 Cr3,3,4 Mp4,4 Mp8,1\"}");
	HwrDataset *kept = all_words(&o, 1 << 30);
	HwrDataset *spilled = all_words(&o, 10000);	/* a few rows fit */
	HwrStatus	st;

	(void) state;
	assert_int_equal(hwr_dataset_count(kept, HWR_SPLIT_TRAIN) + hwr_dataset_count(kept, HWR_SPLIT_VALIDATION), ROWS);
	for (HwrSplit s = HWR_SPLIT_TRAIN; s <= HWR_SPLIT_VALIDATION; s++)
	{
		int			n = hwr_dataset_count(kept, s);

		assert_true(n > 0);
		assert_int_equal(n, hwr_dataset_count(spilled, s));
		for (int i = 0; i < n; i++)
		{
			static uint8_t a[32 * 4200];
			static uint8_t b[32 * 4200];
			HwrSample	sample;
			int			stride;

			hwr_dataset_sample(kept, s, i, &sample);
			stride = sample.width + 7;
			memset(a, 1, sizeof(a));
			memset(b, 2, sizeof(b));
			assert_true(hwr_dataset_read(kept, s, i, a, stride, &st));
			assert_true(hwr_dataset_read(spilled, s, i, b, stride, &st));
			assert_memory_equal(a, b, (size_t) (32 * stride));
			for (int y = 0; y < 32; y++)
				for (int x = sample.width; x < stride; x++)
					assert_int_equal(a[y * stride + x], 0);
		}
	}
	hwr_dataset_free(kept);
	hwr_dataset_free(spilled);
}

static void
test_spill_failure(void **state)
{
	HwrTrainOptions o = options("{" TINY "}");
	HwrDatasetRow row = {1, words.bytes[0], words.len[0], "A", 1};
	HwrDataset *ds;
	HwrSkip		skip;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_dataset_create(&o, &limits, 0, "/nowhere/at/all", &ds, &st));
	assert_false(hwr_dataset_add(ds, HWR_SPLIT_TRAIN, &row, 1, &skip, &st));
	assert_int_equal(st.code, HWR_IO);
	assert_string_equal(st.message, "could not create a temporary file for training images");
	hwr_dataset_free(ds);
}

static void
test_skips(void **state)
{
	HwrTrainOptions o = options("{" TINY "}");
	HwrDataset *ds = dataset(&o, 1 << 30);
	HwrDatasetRow useless[] = {{99, (const uint8_t *) "GIF89a", 6, "A", 1}, {100, NULL, 0, "A", 1}};
	HwrSkip		skips[2];
	HwrStatus	st;

	(void) state;
	for (int i = 0; i < 50; i++)
		assert_int_equal(add(ds, HWR_SPLIT_TRAIN, i, words.label[i]), HWR_SKIP_NONE);
	assert_int_equal(add(ds, HWR_SPLIT_TRAIN, 50, " \t "), HWR_SKIP_LABEL);
	assert_int_equal(add(ds, HWR_SPLIT_TRAIN, 51, "bad \xff"), HWR_SKIP_LABEL);
	assert_int_equal(add(ds, HWR_SPLIT_TRAIN, 52, "a label that needs more steps than twenty-four"), HWR_SKIP_TOO_LONG);
	/* 24 steps: a repeated letter needs a blank between */
	assert_int_equal(add(ds, HWR_SPLIT_TRAIN, 53, "abababababababababababab"), HWR_SKIP_NONE);
	assert_int_equal(add(ds, HWR_SPLIT_TRAIN, 54, "abababababababababababaa"), HWR_SKIP_TOO_LONG);
	assert_true(hwr_dataset_add(ds, HWR_SPLIT_TRAIN, useless, 2, skips, &st));
	assert_int_equal(skips[0], HWR_SKIP_IMAGE);
	assert_int_equal(skips[1], HWR_SKIP_NULL);
	assert_int_equal(hwr_dataset_skipped(ds, HWR_SKIP_LABEL), 2);
	assert_int_equal(hwr_dataset_skipped(ds, HWR_SKIP_TOO_LONG), 2);
	assert_int_equal(hwr_dataset_skipped(ds, HWR_SKIP_IMAGE), 1);
	assert_int_equal(hwr_dataset_skipped(ds, HWR_SKIP_NULL), 1);
	assert_non_null(strstr(hwr_dataset_skipped_text(ds), "row 53: label needs"));
	assert_true(hwr_dataset_finish(ds, &st));	/* 5 of 56 */

	/* the sixth is more than a tenth */
	hwr_dataset_free(ds);
	ds = dataset(&o, 1 << 30);
	for (int i = 0; i < 50; i++)
		add(ds, HWR_SPLIT_TRAIN, i, i < 44 ? words.label[i] : "");
	assert_false(hwr_dataset_finish(ds, &st));
	assert_int_equal(st.code, HWR_BAD_DATA);
	assert_string_equal(st.message, "too many unusable rows: 6 of 50");
	hwr_dataset_free(ds);
}

static void
test_too_few(void **state)
{
	HwrTrainOptions o = options("{" TINY "}");
	HwrDataset *ds = dataset(&o, 1 << 30);
	HwrStatus	st;

	(void) state;
	assert_false(hwr_dataset_finish(ds, &st));
	assert_string_equal(st.message, "no usable training images");
	add(ds, HWR_SPLIT_TRAIN, 0, "A");
	assert_false(hwr_dataset_finish(ds, &st));
	assert_string_equal(st.message, "too few training images");
	hwr_dataset_free(ds);
}

/* Validation labels may have characters that the alphabet lacks. */
static void
test_alphabet(void **state)
{
	HwrTrainOptions o = options("{" TINY ", \"case\": \"upper\"}");
	HwrDataset *ds = dataset(&o, 1 << 30);
	HwrTrainer *t;
	HwrTrainEvent event;
	HwrSample	sample;
	HwrStatus	st;

	(void) state;
	add(ds, HWR_SPLIT_TRAIN, 0, "cab");
	add(ds, HWR_SPLIT_TRAIN, 1, "A");
	add(ds, HWR_SPLIT_VALIDATION, 2, "abxc");
	add(ds, HWR_SPLIT_VALIDATION, 3, "ba");
	assert_true(hwr_dataset_finish(ds, &st));
	assert_int_equal(hwr_dataset_alphabet(ds)->n, 3);
	hwr_dataset_sample(ds, HWR_SPLIT_VALIDATION, 0, &sample);
	assert_string_equal(sample.label, "ABXC");
	assert_int_equal(sample.nclasses, 3);
	assert_int_equal(sample.classes[2], 3);
	assert_false(sample.complete);
	hwr_dataset_sample(ds, HWR_SPLIT_VALIDATION, 1, &sample);
	assert_true(sample.complete);

	/* they count as errors, but have no loss */
	assert_true(hwr_trainer_create(&o, ds, hwr_cpu_backend(), 0, &t, &st));
	do
		assert_true(hwr_trainer_step(t, &event, &st));
	while (event != HWR_TRAIN_EPOCH);
	assert_int_equal(hwr_trainer_epoch(t)->valid.images, 2);
	assert_int_equal(hwr_trainer_epoch(t)->valid.chars, 6);
	assert_int_equal(hwr_trainer_epoch(t)->valid.loss_count, 1);
	hwr_trainer_free(t);
	hwr_dataset_free(ds);
}

typedef struct Run
{
	int			epochs;
	int			steps;
	double		first_loss;
	double		last_loss;
	char		reason[64];
	uint8_t    *model;
	size_t		len;
} Run;

/* The temperature that is noted in the model's result; 0 if none is. */
static double
calibrate(const HwrDataset *ds, HwrModel *model)
{
	static const char key[] = "\"temperature\": ";
	HwrCalibrator *c;
	HwrStatus	st;
	bool		done = false;
	const char *noted;

	assert_true(hwr_calibrator_create(model, ds, hwr_cpu_backend(), 1, &c, &st));
	while (!done)
		assert_true(hwr_calibrator_step(c, &done, &st));
	assert_true(hwr_calibrator_apply(c, model, &st));
	hwr_calibrator_free(c);
	noted = strstr(model->result, key);
	return noted != NULL ? strtod(noted + strlen(key), NULL) : 0;
}

/* Calibrated again and again, a model settles: what was fitted has been applied.  Barely trained ones need a few rounds. */
static void
check_calibration(const HwrDataset *ds, HwrModel *model)
{
	double		temperature = calibrate(ds, model);

	if (hwr_dataset_count(ds, HWR_SPLIT_VALIDATION) == 0)
	{
		assert_true(temperature == 0);
		return;
	}
	for (int i = 0; i < 12 && fabs(temperature - 1) > 0.01; i++)
		temperature = calibrate(ds, model);
	assert_true(fabs(temperature - 1) <= 0.01);
}

/* Labels from which characters were cut say nothing about how sure a model may be. */
static void
test_calibration_of_cut_labels(void **state)
{
	HwrTrainOptions o = options("{" TINY ", \"epochs\": 40, \"learning_rate\": 0.01, \"patience\": 0}");
	HwrDataset *ds[2];
	HwrTrainer *t;
	HwrTrainEvent event;
	HwrStatus	st;
	double		temperature[2];

	(void) state;
	for (int k = 0; k < 2; k++)
	{
		ds[k] = dataset(&o, 1 << 30);
		for (int i = 0; i < 40; i++)
			add(ds[k], i < 30 ? HWR_SPLIT_TRAIN : HWR_SPLIT_VALIDATION, i, words.label[i]);
		for (int i = 40; k == 1 && i < ROWS; i++)
			add(ds[k], HWR_SPLIT_VALIDATION, i, "a\xC2\xA7\xC2\xA7\xC2\xA7\xC2\xA7\xC2\xA7");
		assert_true(hwr_dataset_finish(ds[k], &st));
	}
	assert_true(hwr_trainer_create(&o, ds[0], hwr_cpu_backend(), 0, &t, &st));
	do
		assert_true(hwr_trainer_step(t, &event, &st));
	while (event != HWR_TRAIN_FINISHED);
	for (int k = 0; k < 2; k++)
	{
		HwrModel   *model;

		assert_true(hwr_trainer_model(t, &model, &st));
		temperature[k] = calibrate(ds[k], model);
		hwr_model_free(model);
	}
	assert_true(temperature[0] > 0);
	assert_true(fabs(temperature[0] - temperature[1]) < 1e-3 * temperature[0]);
	hwr_trainer_free(t);
	hwr_dataset_free(ds[0]);
	hwr_dataset_free(ds[1]);
}

/* The validation loss, summed over rows first .. last, after an epoch on other rows. */
static double
loss_of_rows(const HwrTrainOptions *o, int first, int last)
{
	HwrDataset *ds = dataset(o, 1 << 30);
	HwrTrainer *t;
	HwrTrainEvent event;
	HwrStatus	st;
	double		loss;

	for (int i = 0; i < 30; i++)
		add(ds, HWR_SPLIT_TRAIN, i, words.label[i]);
	for (int i = first; i <= last; i++)
		add(ds, HWR_SPLIT_VALIDATION, i, words.label[i % 30]);
	assert_true(hwr_dataset_finish(ds, &st));
	assert_true(hwr_trainer_create(o, ds, hwr_cpu_backend(), 0, &t, &st));
	do
		assert_true(hwr_trainer_step(t, &event, &st));
	while (event != HWR_TRAIN_EPOCH);
	loss = hwr_trainer_epoch(t)->valid.loss_sum;
	assert_int_equal(hwr_trainer_epoch(t)->valid.loss_count, last - first + 1);
	hwr_trainer_free(t);
	hwr_dataset_free(ds);
	return loss;
}

/* Rows of several widths are validated as if each were alone: none is padded to the widest of a batch. */
static void
test_validated_alone(void **state)
{
	HwrTrainOptions o = options("{\"architecture\": \"[1,32,0,1 Cr3,3,8 Mp4,4 Cr3,3,12 Mp8,1 Lbx12\", \"epochs\": 2, "
								"\"threads\": 1}");
	double		together = loss_of_rows(&o, 30, 35);
	double		alone = 0;

	(void) state;
	for (int i = 30; i <= 35; i++)
		alone += loss_of_rows(&o, i, i);
	assert_true(fabs(together - alone) < 1e-4 * alone);
}

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
	int			best = 0;
	double		best_loss = 0;

	if (!hwr_trainer_create(&o, ds, hwr_cpu_backend(), 0, &t, &st))
		fail_msg("%s: %s", st.message, st.detail);
	do
	{
		HwrTrainProgress p;

		if (!hwr_trainer_step(t, &event, &st))
			fail_msg("%s: %s", st.message, st.detail);
		hwr_trainer_progress(t, &p);
		assert_true(p.epoch >= 1 && p.epoch <= p.epochs && p.step >= 0 && p.step <= p.steps);
		assert_true(p.eta_seconds >= 0);
		r.steps += event == HWR_TRAIN_STEP;
		if (event == HWR_TRAIN_EPOCH)
		{
			const HwrEpoch *e = hwr_trainer_epoch(t);
			double		loss = e->valid.images > 0 ? hwr_metrics_loss(&e->valid) : e->train_loss;

			assert_int_equal(e->epoch, ++r.epochs);
			assert_int_equal(e->valid.images, hwr_dataset_count(ds, HWR_SPLIT_VALIDATION));
			assert_int_equal(e->best, best == 0 || loss < best_loss);
			if (e->best)
			{
				best = e->epoch;
				best_loss = loss;
			}
			assert_int_equal(hwr_trainer_best(t)->epoch, best);
			r.first_loss = r.epochs == 1 ? e->train_loss : r.first_loss;
			r.last_loss = e->train_loss;
		}
	} while (event != HWR_TRAIN_FINISHED);
	snprintf(r.reason, sizeof(r.reason), "%s", hwr_trainer_reason(t));
	assert_true(hwr_trainer_model(t, &model, &st));
	assert_true(hwr_model_save(model, &r.model, &r.len, &st));
	/* how much a run whose time is over has learned is the machine's doing, and nothing settles where that is nothing */
	if (strcmp(r.reason, "time limit reached") != 0)
		check_calibration(ds, model);
	hwr_model_free(model);
	hwr_trainer_free(t);
	hwr_dataset_free(ds);
	return r;
}

static void
test_run(void **state)
{
	Run			r = train("{" TINY ", \"epochs\": 4, \"threads\": 2, \"learning_rate\": 0.01}");

	(void) state;
	assert_int_equal(r.epochs, 4);
	assert_string_equal(r.reason, "all epochs done");
	assert_true(r.last_loss < r.first_loss);
	free(r.model);
}

static void
test_reproducible(void **state)
{
	const char *json = "{" TINY ", \"epochs\": 2, \"threads\": 3, \"seed\": 7}";
	const char *other = "{" TINY ", \"epochs\": 2, \"threads\": 3, \"seed\": 8}";
	Run			a = train(json);
	Run			b = train(json);
	Run			c = train(other);

	(void) state;
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.model, b.model, a.len);
	assert_true(c.len != a.len || memcmp(a.model, c.model, a.len) != 0);
	free(a.model);
	free(b.model);
	free(c.model);
}

/* A rate so high that validation loss soon stops improving. */
static void
test_patience(void **state)
{
	Run			r = train("{" TINY ", \"epochs\": 200, \"patience\": 2, \"learning_rate\": 5, \"clip_norm\": 1, "
						  "\"schedule\": \"constant\", \"warmup\": 0, \"threads\": 1, \"optimizer\": \"adam\"}");

	(void) state;
	assert_true(r.epochs < 200);
	assert_string_equal(r.reason, "validation loss stopped improving");
	free(r.model);
}

static void
test_time_limit(void **state)
{
	Run			r = train("{" TINY ", \"epochs\": 10000, \"max_minutes\": 0.005, \"threads\": 1}");

	(void) state;
	assert_true(r.epochs < 10000);
	assert_string_equal(r.reason, "time limit reached");
	free(r.model);
}

/* Every schedule and optimiser, no validation rows, any width. */
static void
test_variants(void **state)
{
	static const char *const variants[] = {
		"{" TINY ", \"epochs\": 2, \"schedule\": \"plateau\", \"optimizer\": \"sgd\", \"learning_rate\": 0.01}",
		"{" TINY ", \"epochs\": 2, \"schedule\": \"cosine\", \"optimizer\": \"adam\", \"augment\": 0}",
		"{" TINY ", \"epochs\": 2, \"validation_fraction\": 0}",
		"{\"architecture\": \"[1,32,0,1 Cr3,3,8 Mp4,4 Cr3,3,12 Mp8,1 Lbx12\", \"epochs\": 2, \"fit\": \"stretch\"}",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
	{
		Run			r = train(variants[i]);

		assert_int_equal(r.epochs, 2);
		free(r.model);
	}
}

static void
test_dropout(void **state)
{
	Run			r = train("{" TINY ", \"epochs\": 1, \"dropout\": 0.125}");
	HwrModel   *model;
	HwrStatus	st;

	(void) state;
	assert_true(hwr_model_load(r.model, r.len, &model, &st));
	assert_non_null(strstr(model->net.vgsl, "Do0.125"));
	hwr_model_free(model);
	free(r.model);
}

/* Mean and variance over all training rows, with a model's values, of what its batch normalisation sees. */
static void
measure(const HwrTrainOptions *o, const HwrDataset *ds, const HwrModel *model, float *values)
{
	enum { WIDTH = 96, HEIGHT = 32 };
	HwrBackendConfig config = {.net = &model->net,.threads = 2,.training = true,.step = &o->step};
	HwrBackendContext *ctx;
	uint8_t    *ink = malloc((size_t) ROWS * HEIGHT * WIDTH);
	const int  *labels[ROWS];
	int			lengths[ROWS];
	HwrBatch	batch = {.n = hwr_dataset_count(ds, HWR_SPLIT_TRAIN),
		.width = WIDTH,.ink = ink,.labels = labels,.label_lengths = lengths};
	HwrStatus	st;

	for (int i = 0; i < batch.n; i++)
	{
		HwrSample	sample;

		hwr_dataset_sample(ds, HWR_SPLIT_TRAIN, i, &sample);
		labels[i] = sample.classes;
		lengths[i] = sample.nclasses;
		assert_true(hwr_dataset_read(ds, HWR_SPLIT_TRAIN, i, ink + (size_t) i * HEIGHT * WIDTH, WIDTH, &st));
	}
	assert_true(hwr_cpu_backend()->create(&config, &ctx, &st));
	assert_true(hwr_cpu_backend()->set_values(ctx, model->values, &st));
	assert_true(hwr_cpu_backend()->measure(ctx, &batch, 1, 0, &st));
	assert_true(hwr_cpu_backend()->get_values(ctx, values, &st));
	hwr_cpu_backend()->destroy(ctx);
	free(ink);
}

/*
 * A model normalises with the statistics of its own values, not with those of earlier steps; the average of
 * the last steps too.
 */
static void
test_statistics(void **state)
{
	HwrTrainOptions o = options("{\"architecture\": \"[1,32,96,1 Cr3,3,8 Bn Mp4,4 Cr3,3,12 Bn Mp8,1 Lbx12\", \"epochs\": 6, "
								"\"batch_size\": 64, "
								"\"augment\": 0, \"learning_rate\": 0.1, \"average\": 0.5, \"validation_fraction\": 0, "
								"\"precision\": \"float32\"}");
	HwrDataset *ds = all_words(&o, 1 << 30);
	HwrTrainer *t;
	HwrTrainEvent event;
	HwrModel   *model;
	HwrStatus	st;
	float	   *values;

	(void) state;
	assert_true(hwr_trainer_create(&o, ds, hwr_cpu_backend(), 0, &t, &st));
	do
		assert_true(hwr_trainer_step(t, &event, &st));
	while (event != HWR_TRAIN_FINISHED);
	assert_true(hwr_trainer_best(t)->averaged > 1);
	assert_true(hwr_trainer_model(t, &model, &st));
	values = malloc(model->net.nvalues * sizeof(float));
	measure(&o, ds, model, values);
	for (size_t i = 0; i < model->net.nvalues; i++)
		assert_true(fabsf(values[i] - model->values[i]) <= 1e-5f * (1 + fabsf(values[i])));
	free(values);
	hwr_model_free(model);
	hwr_trainer_free(t);
	hwr_dataset_free(ds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spill),
		cmocka_unit_test(test_spill_failure),
		cmocka_unit_test(test_skips),
		cmocka_unit_test(test_too_few),
		cmocka_unit_test(test_alphabet),
		cmocka_unit_test(test_calibration_of_cut_labels),
		cmocka_unit_test(test_validated_alone),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_reproducible),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_dropout),
		cmocka_unit_test(test_statistics),
	};

	return cmocka_run_group_tests(tests, load_words, free_words);
}
