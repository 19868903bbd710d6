/*
 * test_rival.c
 *	  A model measured on the validation rows of another one's training.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/train/rival.h"
#include "words.h"

/* 24 words to train on and to validate on: a tiny network learns these by heart. */
static HwrDataset *
twice(HwrDataset *ds)
{
	HwrStatus	st;

	for (int i = 0; i < 24; i++)
	{
		add(ds, HWR_SPLIT_TRAIN, i, words.label[i]);
		add(ds, HWR_SPLIT_VALIDATION, i, words.label[i]);
	}
	assert_true(hwr_dataset_finish(ds, &st));
	return ds;
}

static HwrModel *
train(HwrDataset *ds, const HwrTrainOptions *o, HwrMetrics *metrics)
{
	HwrTrainer *t;
	HwrTrainEvent event;
	HwrModel   *model;
	HwrStatus	st;

	if (!hwr_trainer_create(o, ds, hwr_cpu_backend(), 0, &t, &st))
		fail_msg("%s: %s", st.message, st.detail);
	do
		assert_true(hwr_trainer_step(t, &event, &st));
	while (event != HWR_TRAIN_FINISHED);
	assert_true(hwr_trainer_model(t, &model, &st));
	*metrics = hwr_trainer_best(t)->valid;
	hwr_trainer_free(t);
	return model;
}

static HwrRival *
read_all(const HwrModel *model, const HwrDataset *ds, bool own)
{
	HwrRival   *rival;
	HwrStatus	st;
	bool		done = false;

	assert_true(hwr_rival_create(model, ds, own, hwr_cpu_backend(), 2, &rival, &st));
	while (!done)
		assert_true(hwr_rival_step(rival, &done, &st));
	return rival;
}

static HwrMetrics
measure(const HwrModel *model, const HwrDataset *ds, bool own)
{
	HwrRival   *rival = read_all(model, ds, own);
	HwrMetrics	metrics = *hwr_rival_metrics(rival);

	hwr_rival_free(rival);
	return metrics;
}

static void
assert_same(const HwrMetrics *a, const HwrMetrics *b)
{
	assert_int_equal(a->images, b->images);
	assert_int_equal(a->exact, b->exact);
	assert_int_equal(a->chars, b->chars);
	assert_int_equal(a->hits, b->hits);
	assert_int_equal(a->substitutions, b->substitutions);
	assert_int_equal(a->insertions, b->insertions);
	assert_int_equal(a->deletions, b->deletions);
}

/* A model has the figures that its own training found, also when the canvases of the data set are another network's. */
static void
test_measure(void **state)
{
	HwrTrainOptions o = options("{\"architecture\": \"[1,32,96,1 Cr3,3,8 Bn Mp4,4 Cr3,3,16 Bn Mp8,1 Lbx16\", \"augment\": 0,"
								" \"batch_size\": 4, \"epochs\": 20, \"learning_rate\": 0.02}");
	HwrTrainOptions other = options("{\"architecture\": \"[1,16,0,1 Cr3,3,4 Mp4,4 Mp4,1\", \"fit\": \"stretch\"}");
	HwrDataset *ds = twice(dataset(&o, 1 << 30));
	HwrDataset *foreign = dataset(&other, 10000);
	HwrMetrics	trained;
	HwrMetrics	measured;
	HwrModel   *model = train(ds, &o, &trained);

	(void) state;
	assert_true(trained.hits > 0);
	measured = measure(model, ds, false);
	assert_same(&trained, &measured);
	measured = measure(model, ds, true);
	assert_same(&trained, &measured);

	hwr_dataset_set_rival(foreign, model->fit, model->net.height, model->net.width);
	measured = measure(model, twice(foreign), false);
	assert_same(&trained, &measured);

	hwr_model_free(model);
	hwr_dataset_free(ds);
	hwr_dataset_free(foreign);
}

static bool
stop(void *arg)
{
	return ++*(int *) arg > 3;
}

/* Who reads wins against who has learned nothing; nobody wins against a twin. */
static void
test_compare(void **state)
{
	HwrTrainOptions o = options("{\"architecture\": \"[1,32,96,1 Cr3,3,8 Bn Mp4,4 Cr3,3,16 Bn Mp8,1 Lbx16\", \"augment\": 0,"
								" \"batch_size\": 4, \"epochs\": 20, \"learning_rate\": 0.02}");
	HwrTrainOptions little = o;
	HwrDataset *ds = twice(dataset(&o, 1 << 30));
	HwrMetrics	metrics;
	HwrModel   *models[2];
	HwrRival   *rivals[3];
	HwrDuel		duel;
	HwrStatus	st;
	int			calls = 0;

	(void) state;
	little.epochs = 1;
	little.learning_rate = 1e-6;
	models[0] = train(ds, &o, &metrics);
	models[1] = train(ds, &little, &metrics);
	rivals[0] = read_all(models[0], ds, true);
	rivals[1] = read_all(models[1], ds, true);
	rivals[2] = read_all(models[0], ds, false);

	assert_true(hwr_rival_compare(rivals[0], rivals[1], NULL, NULL, &duel, &st));
	assert_true(duel.won && duel.high < 0 && duel.low < duel.high && duel.p < 0.05 && duel.better > 10);
	assert_true(hwr_rival_compare(rivals[1], rivals[0], NULL, NULL, &duel, &st));
	assert_true(!duel.won && duel.low > 0 && duel.worse > 10);
	assert_true(hwr_rival_compare(rivals[0], rivals[2], NULL, NULL, &duel, &st));
	assert_true(!duel.won && duel.low == 0 && duel.high == 0 && duel.p == 1 && duel.better == 0 && duel.worse == 0);
	assert_false(hwr_rival_compare(rivals[0], rivals[1], stop, &calls, &duel, &st));
	assert_int_equal(st.code, HWR_CANCELLED);

	for (int i = 0; i < 3; i++)
		hwr_rival_free(rivals[i]);
	hwr_model_free(models[0]);
	hwr_model_free(models[1]);
	hwr_dataset_free(ds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_measure),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, load_words, free_words);
}
