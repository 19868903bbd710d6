/*
 * trainer.c
 *	  The training run: epochs of shuffled minibatches, validation, the best epoch kept.
 *
 * A state machine.  TRAINING: one minibatch a step; when the epoch's batches are done, VALIDATING:
 * one batch a step, first of training rows, to measure the statistics that inference normalises
 * with, as they are with these values, then of validation rows; when those are done, the epoch is
 * recorded (EPOCH_DONE), and the next step begins another or says that the run is finished.  Before
 * it says so, the average of the last steps' values, if there is one, is validated like an epoch.
 *
 * Every random choice (first values, order, augmentation, dropout) is a function of the seed and of
 * the epoch or step number, so a run is reproducible for a given number of threads.
 */
#include "trainer_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "result.h"
#include "transfer.h"

/* plateau: epochs without a better validation loss, and what the rate is then multiplied by */
#define PLATEAU_EPOCHS 2
#define PLATEAU_FACTOR 0.5

/* Batches that the statistics of batch normalisation are measured on */
#define MEASURE_BATCHES 16

#define OUT_OF_TIME "time limit reached"
#define FINISHED "finished on request"

int
hwr_trainer_threads(const HwrTrainOptions *options)
{
	long		n = options->threads > 0 ? options->threads : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 256 ? 256 : (int) n;
}

/* Before an epoch, or the average, is validated. */
static void
begin_validation(HwrTrainer *t)
{
	t->step = 0;
	t->phase = HWR_PHASE_VALIDATING;
	t->measured = 0;
	t->blank = 0;
	memset(&t->current, 0, sizeof(t->current));
	hwr_confusions_free(&t->confusions);
	memset(&t->confusions, 0, sizeof(t->confusions));
}

static void
begin_epoch(HwrTrainer *t)
{
	t->epoch++;
	t->step = 0;
	t->steps_done = 0;
	t->phase = HWR_PHASE_TRAINING;
	t->loss_sum = 0;
	t->loss_images = 0;
	t->grad_norm_sum = 0;
	t->clipped = 0;
	t->train_seconds = 0;
	t->epoch_started = hwr_clock_seconds();
	hwr_trainer_order(t);
}

static bool
make_net(HwrTrainer *t, HwrStatus *st)
{
	int			classes = hwr_dataset_alphabet(t->ds)->n + 1;

	if (!hwr_vgsl_parse(t->options->architecture, classes, &t->net, st))
		return false;
	if (t->options->dropout >= 0 && !hwr_net_set_dropout(&t->net, t->options->dropout, st))
		return false;
	return t->options->shortcut == 0 || hwr_net_add_shortcut(&t->net, t->options->shortcut, st);
}

static bool
has_statistics(const HwrNet *net)
{
	for (int i = 0; i < net->nlayers; i++)
		if (net->layers[i].kind == HWR_LAYER_BATCH_NORM)
			return true;
	return false;
}

static bool
start(HwrTrainer *t, size_t memory_limit, HwrStatus *st)
{
	int			ntrain = hwr_dataset_count(t->ds, HWR_SPLIT_TRAIN);
	int			nvalid = hwr_dataset_count(t->ds, HWR_SPLIT_VALIDATION);
	int			batch = t->options->batch_size;
	HwrBackendConfig config = {.net = &t->net,.training = true,.step = &t->options->step,.memory_limit = memory_limit};

	config.threads = hwr_trainer_threads(t->options);
	if (!make_net(t, st) || !t->backend->create(&config, &t->ctx, st))
		return false;
	t->best_values = hwr_alloc(t->net.nvalues, sizeof(float), st);
	t->order = hwr_alloc((size_t) ntrain, sizeof(int), st);
	t->valid_order = hwr_alloc((size_t) nvalid, sizeof(int), st);
	t->labels = hwr_alloc((size_t) batch, sizeof(int *), st);
	t->label_lengths = hwr_alloc((size_t) batch, sizeof(int), st);
	if (t->best_values == NULL || t->order == NULL || t->valid_order == NULL || t->labels == NULL || t->label_lengths == NULL)
		return false;
	if (!hwr_net_init(&t->net, t->options->seed, t->best_values, st) ||
		!t->backend->set_values(t->ctx, t->best_values, st))
		return false;
	t->train_steps = (ntrain + batch - 1) / batch;
	t->valid_steps = (nvalid + batch - 1) / batch;
	if (has_statistics(&t->net))
		t->measure_steps = t->train_steps < MEASURE_BATCHES ? t->train_steps : MEASURE_BATCHES;
	t->plateau_factor = 1;
	t->plateau_best = DBL_MAX;
	t->started = hwr_clock_seconds();
	hwr_trainer_order_validation(t);
	begin_epoch(t);
	return true;
}

bool
hwr_trainer_create(const HwrTrainOptions *options, const HwrDataset *ds,
				   const HwrBackend *backend, size_t memory_limit, HwrTrainer **out, HwrStatus *st)
{
	HwrTrainer *t = hwr_alloc_zero(1, sizeof(HwrTrainer), st);

	if (t == NULL)
		return false;
	t->options = options;
	t->ds = ds;
	t->backend = backend;
	if (!start(t, memory_limit, st))
	{
		hwr_trainer_free(t);
		return false;
	}
	*out = t;
	return true;
}

bool
hwr_trainer_set_base(HwrTrainer *t, const HwrModel *base, HwrStatus *st)
{
	/* best_values still are the first values */
	return hwr_transfer_values(base, &t->net, hwr_dataset_alphabet(t->ds), t->best_values, st) &&
		t->backend->set_values(t->ctx, t->best_values, st);
}

void
hwr_trainer_free(HwrTrainer *t)
{
	if (t == NULL)
		return;
	if (t->ctx != NULL)
		t->backend->destroy(t->ctx);
	hwr_confusions_free(&t->confusions);
	hwr_confusions_free(&t->best_confusions);
	free(t->best_values);
	hwr_average_free(&t->average);
	free(t->stopped);
	free(t->order);
	free(t->valid_order);
	free(t->ink);
	free(t->labels);
	free(t->label_lengths);
	free(t->logp);
	free(t->row_logp);
	free(t->ctc);
	free(t);
}

/* What an epoch is judged by: validation loss, or training loss where there are no such rows. */
static double
judged_loss(const HwrEpoch *epoch)
{
	return epoch->valid.loss_count > 0 ? hwr_metrics_loss(&epoch->valid) : epoch->train_loss;
}

static bool
keep_best(HwrTrainer *t, HwrStatus *st)
{
	if (!t->backend->get_values(t->ctx, t->best_values, st))
		return false;
	t->current.best = true;
	t->best = t->current;
	t->have_best = true;
	hwr_confusions_free(&t->best_confusions);
	t->best_confusions = t->confusions;
	memset(&t->confusions, 0, sizeof(t->confusions));
	return true;
}

static void
follow_plateau(HwrTrainer *t)
{
	if (judged_loss(&t->current) < t->plateau_best)
	{
		t->plateau_best = judged_loss(&t->current);
		t->plateau_bad = 0;
	}
	else if (++t->plateau_bad >= PLATEAU_EPOCHS)
	{
		t->plateau_factor *= PLATEAU_FACTOR;
		t->plateau_bad = 0;
	}
}

static void
diagnose(HwrTrainer *t)
{
	const HwrMetrics *m = &t->current.valid;
	HwrEvidence evidence = {
		.epoch = t->epoch,
		.epochs = t->options->epochs,
		.train_loss = t->current.train_loss,
		.cer = hwr_metrics_cer(m),
		.blank = m->images > 0 ? (double) t->blank / (double) m->images : NAN,
		.clipped = (double) t->clipped / t->steps_done
	};

	t->trouble = hwr_diagnose(&t->diagnosis, &evidence);
}

/* After a whole epoch: is it the last one? */
static void
settle_reason(HwrTrainer *t)
{
	if (t->epoch >= t->options->epochs)
		t->reason = "all epochs done";
	else if (t->finish)
		t->reason = FINISHED;
	else if (hwr_trainer_out_of_time(t))
		t->reason = OUT_OF_TIME;
	else if (t->options->patience > 0 && t->epoch - t->best.epoch >= t->options->patience)
		t->reason = "validation loss stopped improving";
}

/*
 * A run that ends early.  What it has become is validated and may be averaged, which a run that is
 * not ended would not do here; so the state to go on from is put aside first.
 */
static bool
put_aside(HwrTrainer *t, HwrStatus *st)
{
	return !hwr_trainer_can_go_on(t) || t->stopped != NULL || hwr_trainer_write_state(t, &t->stopped, &t->stopped_len, st);
}

/* It ends within an epoch: what that has done so far is judged as an epoch is. */
static bool
break_off(HwrTrainer *t, HwrStatus *st)
{
	t->reason = t->finish ? FINISHED : OUT_OF_TIME;
	if (!put_aside(t, st))
		return false;
	begin_validation(t);
	return true;
}

static bool
end_epoch(HwrTrainer *t, HwrStatus *st)
{
	HwrEpoch   *e = &t->current;

	e->epoch = t->epoch;
	e->learning_rate = t->learning_rate;
	e->train_loss = t->loss_images > 0 ? t->loss_sum / (double) t->loss_images : NAN;
	e->grad_norm = t->grad_norm_sum / t->steps_done;
	e->images_per_second = t->train_seconds > 0 ? (double) t->loss_images / t->train_seconds : 0;
	e->seconds = hwr_clock_seconds() - t->epoch_started;
	if ((!t->have_best || judged_loss(e) < judged_loss(&t->best)) && !keep_best(t, st))
		return false;
	follow_plateau(t);
	diagnose(t);

	t->phase = HWR_PHASE_EPOCH_DONE;
	if (t->reason == NULL)
		settle_reason(t);
	return put_aside(t, st);
}

/* All epochs are done: let the average of the last steps compete with the best of them. */
static bool
begin_average(HwrTrainer *t, HwrStatus *st)
{
	t->averaging = true;
	begin_validation(t);
	t->epoch_started = hwr_clock_seconds();
	return t->backend->set_values(t->ctx, t->average.mean, st);
}

/* Without validation rows it is the run's last word. */
static bool
end_average(HwrTrainer *t, HwrStatus *st)
{
	HwrEpoch   *e = &t->current;

	e->epoch = t->epoch;
	e->averaged = t->average.count;
	e->train_loss = NAN;
	e->seconds = hwr_clock_seconds() - t->epoch_started;
	t->phase = HWR_PHASE_EPOCH_DONE;
	return (e->valid.images > 0 && !(judged_loss(e) < judged_loss(&t->best))) || keep_best(t, st);
}

static bool
next_epoch(HwrTrainer *t, HwrTrainEvent *event, HwrStatus *st)
{
	if (t->reason == NULL)
		begin_epoch(t);
	else if (t->average.count > 1 && !t->averaging)
		return begin_average(t, st);
	else
		*event = HWR_TRAIN_FINISHED;
	return true;
}

bool
hwr_trainer_step(HwrTrainer *t, HwrTrainEvent *event, HwrStatus *st)
{
	*event = HWR_TRAIN_STEP;
	if (t->phase == HWR_PHASE_EPOCH_DONE && (!next_epoch(t, event, st) || *event == HWR_TRAIN_FINISHED))
		return *event == HWR_TRAIN_FINISHED;
	if (t->phase == HWR_PHASE_TRAINING)
	{
		if (!hwr_trainer_train(t, st))
			return false;
		if (t->step >= t->train_steps)
			begin_validation(t);
		else if (t->finish || hwr_trainer_out_of_time(t))
			return break_off(t, st);
		return true;
	}
	if (t->measured < t->measure_steps || t->step < t->valid_steps)
	{
		*event = HWR_TRAIN_VALIDATED;
		return t->measured < t->measure_steps ? hwr_trainer_measure(t, st) : hwr_trainer_validate(t, st);
	}
	*event = t->averaging ? HWR_TRAIN_AVERAGED : HWR_TRAIN_EPOCH;
	return t->averaging ? end_average(t, st) : end_epoch(t, st);
}

void
hwr_trainer_progress(const HwrTrainer *t, HwrTrainProgress *out)
{
	double		epochs_left = t->options->epochs - t->epoch;
	double		epoch_seconds = t->train_steps * t->step_seconds + t->valid_steps * t->valid_step_seconds;
	int			steps_left = t->phase == HWR_PHASE_TRAINING ? t->train_steps - t->step : 0;
	int			valid_left = t->phase == HWR_PHASE_TRAINING ? t->valid_steps :
		t->phase == HWR_PHASE_VALIDATING ? t->valid_steps - t->step : 0;

	memset(out, 0, sizeof(*out));
	out->phase = t->phase == HWR_PHASE_TRAINING ? "training" : "validating";
	out->epoch = t->epoch;
	out->epochs = t->options->epochs;
	out->step = t->step;
	out->steps = t->phase == HWR_PHASE_TRAINING ? t->train_steps : t->valid_steps;
	out->loss = t->loss_images > 0 ? t->loss_sum / (double) t->loss_images : NAN;
	if (t->step_seconds > 0)
		out->images_per_second = t->options->batch_size / t->step_seconds;
	if (t->reason != NULL)
		return;
	out->eta_seconds = epochs_left * epoch_seconds + steps_left * t->step_seconds + valid_left * t->valid_step_seconds;
	out->whole_seconds = out->eta_seconds;
	if (t->options->max_minutes > 0)
	{
		double		limit = 60 * t->options->max_minutes - (hwr_clock_seconds() - t->started);

		if (out->eta_seconds > limit)
			out->eta_seconds = limit > 0 ? limit : 0;
	}
}

const HwrEpoch *
hwr_trainer_epoch(const HwrTrainer *t)
{
	return &t->current;
}

const HwrEpoch *
hwr_trainer_best(const HwrTrainer *t)
{
	return t->have_best ? &t->best : NULL;
}

bool
hwr_trainer_continue(HwrTrainer *t, HwrStatus *st)
{
	hwr_trainer_order(t);
	/* snapshots of a run that was to end sooner, before its time limit was raised */
	if (!t->averaging && !hwr_trainer_is_averaged(t))
		hwr_average_clear(&t->average, t->net.nvalues);
	if (t->phase == HWR_PHASE_VALIDATING)
		begin_validation(t);
	if (t->phase == HWR_PHASE_EPOCH_DONE || t->averaging)
	{
		settle_reason(t);
		return put_aside(t, st);
	}
	return t->phase != HWR_PHASE_TRAINING || t->step == 0 || !hwr_trainer_out_of_time(t) || break_off(t, st);
}

int
hwr_trainer_epochs_done(const HwrTrainer *t)
{
	return t->phase == HWR_PHASE_EPOCH_DONE || t->averaging ? t->epoch : t->epoch - 1;
}

void
hwr_trainer_finish(HwrTrainer *t)
{
	t->finish = true;
}

bool
hwr_trainer_can_go_on(const HwrTrainer *t)
{
	return t->reason != NULL && (strcmp(t->reason, OUT_OF_TIME) == 0 || strcmp(t->reason, FINISHED) == 0);
}

HwrTrouble
hwr_trainer_trouble(const HwrTrainer *t)
{
	return t->trouble;
}

const char *
hwr_trainer_reason(const HwrTrainer *t)
{
	return t->reason;
}

const HwrConfusions *
hwr_trainer_confusions(const HwrTrainer *t)
{
	return &t->best_confusions;
}

bool
hwr_trainer_model(const HwrTrainer *t, HwrModel **out, HwrStatus *st)
{
	HwrModel   *model = hwr_alloc_zero(1, sizeof(HwrModel), st);

	if (model == NULL)
		return false;
	model->net = t->net;
	hwr_net_remove_heads(&model->net);
	model->fit = t->options->fit;
	model->mapping = t->options->mapping;
	model->values = hwr_alloc(model->net.nvalues, sizeof(float), st);
	if (model->values == NULL ||
		!hwr_result_json(&t->best, hwr_dataset_count(t->ds, HWR_SPLIT_TRAIN),
						 hwr_dataset_count(t->ds, HWR_SPLIT_VALIDATION), &model->result, st) ||
		!hwr_options_to_json(t->options, &model->options, st) ||
		!hwr_alphabet_copy(hwr_dataset_alphabet(t->ds), &model->alphabet, st))
	{
		hwr_model_free(model);
		return false;
	}
	memcpy(model->values, t->best_values, model->net.nvalues * sizeof(float));
	*out = model;
	return true;
}
