/*
 * test_resume.c
 *	  A training that is interrupted anywhere and goes on from its saved state ends as one that is not.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/rng.h"
#include "words.h"
#include "core/text/spelling.h"

typedef struct End
{
	HwrEpoch	epochs[20];
	int			nepochs;
	HwrEpoch	best;
	char		reason[64];
	uint8_t    *model;
	size_t		len;
	int			nconfusions;
	int			steps;			/* of all kinds */
} End;

static HwrTrainer *
create(const HwrTrainOptions *o, const HwrDataset *ds)
{
	HwrTrainer *t;
	HwrStatus	st;

	if (!hwr_trainer_create(o, ds, hwr_cpu_backend(), 0, &t, &st))
		fail_msg("%s: %s", st.message, st.detail);
	return t;
}

/* Save, throw away, begin anew, restore. */
static HwrTrainer *
interrupt(HwrTrainer *t, const HwrTrainOptions *o, const HwrDataset *ds)
{
	uint8_t    *bytes;
	size_t		len;
	HwrStatus	st;

	if (!hwr_trainer_save(t, &bytes, &len, &st))
		fail_msg("%s: %s", st.message, st.detail);
	hwr_trainer_free(t);
	t = create(o, ds);
	if (!hwr_trainer_restore(t, bytes, len, &st))
		fail_msg("%s: %s", st.message, st.detail);
	free(bytes);
	return t;
}

/* Train, interrupted after each of these many steps; 0: not at all. */
static End
train(const HwrTrainOptions *o, const HwrDataset *ds, int every)
{
	HwrTrainer *t = create(o, ds);
	HwrTrainEvent event;
	HwrModel   *model;
	HwrStatus	st;
	End			end = {0};

	do
	{
		if (every > 0 && end.steps % every == 0)
			t = interrupt(t, o, ds);
		if (!hwr_trainer_step(t, &event, &st))
			fail_msg("%s: %s", st.message, st.detail);
		if (event == HWR_TRAIN_EPOCH)
			end.epochs[end.nepochs++] = *hwr_trainer_epoch(t);
		assert_int_equal(hwr_trainer_epochs_done(t), end.nepochs);
		/* a validation that was interrupted is done again: more than every - 1 steps make no difference */
		end.steps += event != HWR_TRAIN_VALIDATED;
		if (event == HWR_TRAIN_VALIDATED && every > 0)
			while (event == HWR_TRAIN_VALIDATED)
			{
				assert_true(hwr_trainer_step(t, &event, &st));
				if (event == HWR_TRAIN_EPOCH)
				{
					end.epochs[end.nepochs++] = *hwr_trainer_epoch(t);
					end.steps++;
				}
			}
	} while (event != HWR_TRAIN_FINISHED);
	end.best = *hwr_trainer_best(t);
	end.nconfusions = hwr_trainer_confusions(t)->n;
	snprintf(end.reason, sizeof(end.reason), "%s", hwr_trainer_reason(t));
	assert_true(hwr_trainer_model(t, &model, &st));
	assert_true(hwr_model_save(model, &end.model, &end.len, &st));
	hwr_model_free(model);
	hwr_trainer_free(t);
	return end;
}

static void
assert_same_end(const End *a, const End *b)
{
	assert_int_equal(a->nepochs, b->nepochs);
	for (int i = 0; i < a->nepochs; i++)
	{
		assert_true(a->epochs[i].train_loss == b->epochs[i].train_loss);
		assert_true(a->epochs[i].grad_norm == b->epochs[i].grad_norm);
		assert_true(a->epochs[i].learning_rate == b->epochs[i].learning_rate);
		assert_true(a->epochs[i].valid.loss_sum == b->epochs[i].valid.loss_sum);
		assert_int_equal(a->epochs[i].valid.hits, b->epochs[i].valid.hits);
		assert_int_equal(a->epochs[i].best, b->epochs[i].best);
	}
	assert_int_equal(a->best.epoch, b->best.epoch);
	assert_int_equal(a->best.averaged, b->best.averaged);
	assert_int_equal(a->nconfusions, b->nconfusions);
	assert_string_equal(a->reason, b->reason);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->model, b->model, a->len);
}

static void
compare(const char *json)
{
	HwrTrainOptions o = options(json);
	HwrDataset *ds = all_words(&o, 1 << 30);
	End			whole = train(&o, ds, 0);

	for (int every = 1; every <= 7; every += 2)
	{
		End			parts = train(&o, ds, every);

		assert_same_end(&whole, &parts);
		free(parts.model);
	}
	free(whole.model);
	hwr_dataset_free(ds);
}

static void
test_resume(void **state)
{
	(void) state;
	compare("{" TINY ", \"epochs\": 4, \"threads\": 2, \"average\": 0.5, \"validation_fraction\": 0.4, \"dropout\": 0.3}");
	compare("{" TINY ", \"epochs\": 9, \"threads\": 1, \"optimizer\": \"sgd\", \"schedule\": \"plateau\", \"learning_rate\": "
					 "1e-6,"
			" \"patience\": 3, \"augment\": 0, \"validation_fraction\": 0.2}");
	compare("{" TINY ", \"epochs\": 3, \"threads\": 2, \"average\": 0.5, \"validation_fraction\": 0.3, \"shortcut\": 0.3}");
	compare("{\"architecture\": \"[1,32,0,1 Cr3,3,8 Bn Mp4,4 Cr3,3,12 Mp8,1 Lbx12\", \"batch_size\": 8, \"optimizer\": \"adam\","
			" \"epochs\": 3, \"threads\": 2, \"average\": 0.9, \"validation_fraction\": 0}");
}

/*
 * The rate at a step, slowly: what a schedule falls by is summed up in small steps, as the area under a half wave.
 */
static double
slow_rate(const HwrTrainOptions *o, int step, int total, double factor)
{
	const double pi = 3.14159265358979323846;
	double		rise = o->warmup * total;
	double		area = 0;
	int			parts = 20000;

	if (step < rise)
		return o->learning_rate * factor * fmin(1, (step + 1) / rise);
	if (o->schedule == HWR_SCHEDULE_CONSTANT || o->schedule == HWR_SCHEDULE_PLATEAU)
		return o->learning_rate * factor;
	for (int i = 0; i < parts; i++)
		area += sin(pi * (i + 0.5) / parts * (step - rise) / (total - rise)) / parts;
	return o->learning_rate * (1 - pi / 2 * area * (step - rise) / (total - rise));
}

/* What a run's rates, its best epoch and its end must have been, from its losses alone. */
static void
check_course(const char *json, const HwrTrainOptions *o, const HwrDataset *ds, const End *end)
{
	int			batches = (hwr_dataset_count(ds, HWR_SPLIT_TRAIN) + o->batch_size - 1) / o->batch_size;
	bool		validated = hwr_dataset_count(ds, HWR_SPLIT_VALIDATION) > 0;
	double		factor = 1;
	double		lowest = INFINITY;
	int			bad = 0;
	int			best = 0;
	int			last = 0;

	for (int i = 0; i < end->nepochs; i++)
	{
		const HwrEpoch *e = &end->epochs[i];
		double		loss = validated ? e->valid.loss_sum / e->valid.images : e->train_loss;
		double		rate = slow_rate(o, (i + 1) * batches - 1, o->epochs * batches, factor);

		assert_int_equal(e->epoch, i + 1);
		if (fabs(e->learning_rate - rate) > 1e-6 * o->learning_rate)
			fail_msg("%s: epoch %d has rate %.9g, not %.9g", json, i + 1, e->learning_rate, rate);
		last = i + 1;
		if (loss < lowest)
		{
			lowest = loss;
			best = i + 1;
			bad = 0;
		}
		else if (++bad == 2)
		{
			factor *= o->schedule == HWR_SCHEDULE_PLATEAU ? 0.5 : 1;
			bad = 0;
		}
		if (i + 1 < end->nepochs)
			assert_true(o->patience == 0 || i + 1 - best < o->patience);
	}
	assert_string_equal(end->reason, last == o->epochs ? "all epochs done" : "validation loss stopped improving");
	assert_true(last == o->epochs || last - best == o->patience);
	if (end->best.averaged == 0)
		assert_int_equal(end->best.epoch, best);
}

/* Options of all kinds, drawn at random: the course is what it should be, and the same with an interruption at every step. */
static void
test_random_options(void **state)
{
	static const char *const optimizers[] = {"sgd", "adam", "adamw"};
	static const char *const schedules[] = {"constant", "cosine", "one_cycle", "plateau"};
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 20, 1);
	for (int round = 0; round < 24; round++)
	{
		char		json[700];
		bool		high = hwr_rng_below(&rng, 3) == 0;	/* a rate at which the loss does not fall */
		int			len = snprintf(json, sizeof(json), "{%s, \"epochs\": %d, \"threads\": %d, \"optimizer\": \"%s\", "
													   "\"schedule\": \"%s\", "
								   "\"seed\": %d, \"validation_fraction\": 0.%d, \"average\": 0.%d, \"augment\": %d, "
								   "\"patience\": %d, \"learning_rate\": %s",
								   TINY, 1 + (int) hwr_rng_below(&rng, high ? 8 : 4), 1 + (int) hwr_rng_below(&rng, 2),
								   optimizers[hwr_rng_below(&rng, 3)], schedules[round % 4], (int) hwr_rng_below(&rng, 1000),
								   (int) hwr_rng_below(&rng, 5), (int) hwr_rng_below(&rng, 9), (int) hwr_rng_below(&rng, 2),
								   (int) hwr_rng_below(&rng, 4), high ? "1e-9" : "2e-3");
		HwrTrainOptions o;
		HwrDataset *ds;
		End			whole;
		End			parts;

		if (hwr_rng_below(&rng, 2))
			len += snprintf(json + len, sizeof(json) - (size_t) len, ", \"warmup\": 0.%d", (int) hwr_rng_below(&rng, 9));
		if (hwr_rng_below(&rng, 2))
			len += snprintf(json + len, sizeof(json) - (size_t) len, ", \"shortcut\": 0.3, \"weight_decay\": 0.01, "
							"\"clip_norm\": 1");
		snprintf(json + len, sizeof(json) - (size_t) len, "}");
		o = options(json);
		ds = all_words(&o, 1 << 30);
		whole = train(&o, ds, 0);
		check_course(json, &o, ds, &whole);
		parts = train(&o, ds, 1);
		assert_same_end(&whole, &parts);
		free(parts.model);
		free(whole.model);
		hwr_dataset_free(ds);
	}
}

/* Time that was limited goes on where the limit is raised. */
static void
test_time_limit(void **state)
{
	HwrTrainOptions o = options("{" TINY ", \"epochs\": 3, \"max_minutes\": 1e-7}");
	HwrDataset *ds = all_words(&o, 1 << 30);
	HwrTrainer *t = create(&o, ds);
	HwrTrainEvent event;
	HwrStatus	st;

	(void) state;
	do
		assert_true(hwr_trainer_step(t, &event, &st));
	while (event != HWR_TRAIN_FINISHED);
	assert_true(hwr_trainer_can_go_on(t));
	t = interrupt(t, &o, ds);
	assert_true(hwr_trainer_can_go_on(t));
	o.max_minutes = 60;
	t = interrupt(t, &o, ds);
	assert_false(hwr_trainer_can_go_on(t));
	do
		assert_true(hwr_trainer_step(t, &event, &st));
	while (event != HWR_TRAIN_FINISHED);
	assert_int_equal(hwr_trainer_epochs_done(t), 3);
	assert_string_equal(hwr_trainer_reason(t), "all epochs done");
	hwr_trainer_free(t);
	hwr_dataset_free(ds);
}

static void expect_refused(const HwrTrainOptions *o, const HwrDataset *ds, const uint8_t *bytes, size_t len, HwrCode code,
						   const char *message);

/* What a run shows of its schedule. */
typedef struct Course
{
	int			steps;			/* minibatches */
	double		rates[20];		/* at the end of each epoch */
	int			averaged;
	uint8_t    *model;
	size_t		len;
} Course;

/* Train; after so many minibatches the time is over, and later there is time again.  stop 0: never. */
static Course
train_with_stop(HwrTrainOptions *o, const HwrDataset *ds, int stop)
{
	HwrTrainer *t = create(o, ds);
	HwrTrainEvent event;
	HwrModel   *model;
	HwrStatus	st;
	Course		course = {0};

	do
	{
		if (stop > 0 && course.steps == stop - 1)
			o->max_minutes = 1e-9;
		assert_true(hwr_trainer_step(t, &event, &st));
		course.steps += event == HWR_TRAIN_STEP;
		if (o->max_minutes > 0)
		{
			do
			{
				if (event == HWR_TRAIN_EPOCH)
					course.rates[hwr_trainer_epoch(t)->epoch] = hwr_trainer_epoch(t)->learning_rate;
				assert_true(hwr_trainer_step(t, &event, &st));
			} while (event != HWR_TRAIN_FINISHED);
			assert_string_equal(hwr_trainer_reason(t), stop % 3 == 0 && stop / 3 == o->epochs ? "all epochs done" :
								"time limit reached");
			assert_non_null(hwr_trainer_best(t));
			o->max_minutes = 0;
			stop = 0;
			t = interrupt(t, o, ds);
			assert_false(hwr_trainer_can_go_on(t));
			event = HWR_TRAIN_STEP;
		}
		if (event == HWR_TRAIN_EPOCH)
			course.rates[hwr_trainer_epoch(t)->epoch] = hwr_trainer_epoch(t)->learning_rate;
		if (event == HWR_TRAIN_AVERAGED)
			course.averaged = hwr_trainer_epoch(t)->averaged;
	} while (event != HWR_TRAIN_FINISHED);
	assert_int_equal(hwr_trainer_epochs_done(t), o->epochs);
	assert_string_equal(hwr_trainer_reason(t), "all epochs done");
	assert_true(hwr_trainer_model(t, &model, &st));
	assert_true(hwr_model_save(model, &course.model, &course.len, &st));
	hwr_model_free(model);
	hwr_trainer_free(t);
	return course;
}

/* Whenever the time is over, what goes on later does the steps, and has the rates, of a run that had the time at once. */
static void
test_time_limit_within_epoch(void **state)
{
	static const char *const schedules[] = {"constant", "cosine", "one_cycle", "plateau"};

	(void) state;
	for (size_t s = 0; s < sizeof(schedules) / sizeof(schedules[0]); s++)
	{
		char		json[300];
		HwrTrainOptions o;
		HwrDataset *ds;
		Course		whole;

		snprintf(json, sizeof(json), "{" TINY ", \"epochs\": 3, \"threads\": 1, \"average\": %s, \"validation_fraction\": 0.3, "
											  "\"schedule\": \"%s\"}",
				 s > 0 ? "0.6" : "0", schedules[s]);
		o = options(json);
		ds = all_words(&o, 1 << 30);
		assert_int_equal((hwr_dataset_count(ds, HWR_SPLIT_TRAIN) + 15) / 16, 3);
		whole = train_with_stop(&o, ds, 0);
		assert_int_equal(whole.steps, 9);
		for (int stop = 1; stop < 9; stop++)
		{
			Course		parts = train_with_stop(&o, ds, stop);

			assert_int_equal(parts.steps, whole.steps);
			assert_int_equal(parts.averaged, whole.averaged);
			for (int e = 1; e <= 3; e++)
				if (parts.rates[e] != whole.rates[e] && stop != 3 * e)	/* that step's rate goes by the clock */
					fail_msg("%s, stopped at %d, epoch %d: %g %g", schedules[s], stop, e, parts.rates[e], whole.rates[e]);
			/* where no rate went by the clock, everything is equal */
			if (s == 0)
				assert_memory_equal(parts.model, whole.model, whole.len);
			free(parts.model);
		}
		free(whole.model);
		hwr_dataset_free(ds);
	}
}

/* Time that ends in the last epoch is a time limit, unless that epoch was done. */
static void
test_time_limit_in_last_epoch(void **state)
{
	HwrTrainOptions o = options("{" TINY ", \"epochs\": 1, \"max_minutes\": 1e-9, \"checkpoint_minutes\": 0}");
	HwrDataset *ds = all_words(&o, 1 << 30);
	HwrTrainer *t = create(&o, ds);
	HwrTrainEvent event;
	HwrStatus	st;

	(void) state;
	do
		assert_true(hwr_trainer_step(t, &event, &st));
	while (event != HWR_TRAIN_FINISHED);
	assert_string_equal(hwr_trainer_reason(t), "time limit reached");
	assert_true(hwr_trainer_can_go_on(t));
	hwr_trainer_free(t);
	hwr_dataset_free(ds);
}

/* Replace the number of an entry in the header, which keeps its length. */
static bool
change_entry(uint8_t *bytes, size_t len, const char *name, const char *number)
{
	char		key[80];
	size_t		size = (size_t) snprintf(key, sizeof(key), "\"%s\":\"", name);

	for (size_t i = 0; i + size + 40 < len && i < 20000; i++)
	{
		char	   *value = (char *) bytes + i + size;
		char	   *end;
		size_t		width;

		if (memcmp(bytes + i, key, size) != 0)
			continue;
		end = memchr(value, '"', 40);
		width = (size_t) (end - value);
		if (width < strlen(number))
			return false;
		for (size_t at = 0; at < width; at++)	/* leading zeros */
			value[at] = at < width - strlen(number) ? '0' : number[at - (width - strlen(number))];
		return true;
	}
	return false;
}

/* Entries that no run could have written. */
static void
test_damaged(void **state)
{
	static const char *const cases[][2] = {
		{"step", "9"}, {"steps_done", "9"}, {"epoch", "0"}, {"epoch", "9"}, {"global_step", "9"},
		{"phase", "3"}, {"average.count", "8"}, {"have_best", "0"}, {"best.epoch", "9"}, {"best.epoch", "0"},
	};
	HwrTrainOptions o = options("{" TINY ", \"epochs\": 3, \"validation_fraction\": 0.3}");
	HwrDataset *ds = all_words(&o, 1 << 30);
	HwrTrainer *t = create(&o, ds);
	HwrTrainEvent event;
	HwrStatus	st;
	uint8_t    *bytes;
	size_t		len;

	(void) state;
	do
		assert_true(hwr_trainer_step(t, &event, &st));
	while (event != HWR_TRAIN_EPOCH);
	assert_true(hwr_trainer_step(t, &event, &st));
	assert_int_equal(event, HWR_TRAIN_STEP);
	assert_true(hwr_trainer_save(t, &bytes, &len, &st));
	hwr_trainer_free(t);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint8_t    *copy = malloc(len);

		memcpy(copy, bytes, len);
		if (!change_entry(copy, len, cases[i][0], cases[i][1]))
			fail_msg("no entry %s", cases[i][0]);
		expect_refused(&o, ds, copy, len, HWR_BAD_MODEL, "checkpoint is corrupted");
		free(copy);
	}
	free(bytes);
	hwr_dataset_free(ds);
}

static void
expect_refused(const HwrTrainOptions *o, const HwrDataset *ds, const uint8_t *bytes, size_t len, HwrCode code,
			   const char *message)
{
	HwrTrainer *t = create(o, ds);
	HwrStatus	st = {0};

	assert_false(hwr_trainer_restore(t, bytes, len, &st));
	assert_string_equal(st.message, message);
	assert_int_equal(st.code, code);
	hwr_trainer_free(t);
}

static void
test_refused(void **state)
{
	HwrTrainOptions o = options("{" TINY "}");
	HwrTrainOptions other = options("{\"architecture\": \"[1,32,96,1 Mp4,4 Mp8,1 Lbx12\"}");
	HwrDataset *ds = all_words(&o, 1 << 30);
	HwrDataset *changed = dataset(&o, 1 << 30);
	HwrTrainer *t = create(&o, ds);
	HwrAlphabet alphabet;
	HwrStatus	st;
	uint8_t    *bytes;
	size_t		len;

	(void) state;
	assert_true(hwr_trainer_save(t, &bytes, &len, &st));
	hwr_trainer_free(t);
	assert_true(hwr_checkpoint_alphabet(bytes, len, &alphabet, &st));
	assert_int_equal(alphabet.n, hwr_dataset_alphabet(ds)->n);
	assert_null(alphabet.spellings);

	/* one label is another one, of the same characters */
	for (int i = 0; i < words.n; i++)
		add(changed, HWR_SPLIT_AUTO, i, words.label[i == 17 ? 16 : i]);
	assert_true(hwr_dataset_set_alphabet(changed, &alphabet, false, &st));
	assert_true(hwr_dataset_finish(changed, &st));
	expect_refused(&o, changed, bytes, len, HWR_BAD_DATA, "the training data has changed since the checkpoint");
	expect_refused(&other, ds, bytes, len, HWR_BAD_MODEL, "checkpoint is corrupted");
	expect_refused(&o, ds, bytes, len - 1, HWR_BAD_MODEL, "model is corrupted");
	hwr_alphabet_free(&alphabet);
	free(bytes);
	hwr_dataset_free(ds);
	hwr_dataset_free(changed);
}

/* What classes stand for is in a checkpoint, as their characters are. */
static void
test_spelt(void **state)
{
	HwrTrainOptions o = options("{" TINY "}");
	HwrDataset *ds = dataset(&o, 1 << 30);
	HwrTrainer *t;
	HwrAlphabet alphabet;
	HwrAlphabet again;
	HwrStatus	st;
	uint8_t    *bytes;
	size_t		len;

	(void) state;
	assert_true(hwr_alphabet_from_utf8("A\xf3\xb0\x80\x80", 5, &alphabet, &st));
	assert_true(hwr_spellings_from_json("{\"plane\": 15, \"texts\": {\"NN\": [2]}}", &alphabet, &st));
	assert_true(hwr_dataset_set_alphabet(ds, &alphabet, false, &st));
	for (int i = 0; i < words.n; i++)
		add(ds, HWR_SPLIT_AUTO, i, words.label[i]);
	assert_true(hwr_dataset_finish(ds, &st));
	t = create(&o, ds);
	assert_true(hwr_trainer_save(t, &bytes, &len, &st));
	assert_true(hwr_checkpoint_alphabet(bytes, len, &again, &st));
	assert_int_equal(again.n, hwr_dataset_alphabet(ds)->n);
	assert_true(hwr_same_spellings(&again, &alphabet));
	assert_true(hwr_trainer_restore(t, bytes, len, &st));
	hwr_trainer_free(t);
	hwr_alphabet_free(&alphabet);
	hwr_alphabet_free(&again);
	free(bytes);
	hwr_dataset_free(ds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_random_options),
		cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_time_limit_within_epoch),
		cmocka_unit_test(test_time_limit_in_last_epoch),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_spelt),
	};

	return cmocka_run_group_tests(tests, load_words, free_words);
}
