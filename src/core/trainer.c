/*
 * trainer.c
 *	  The training run: epochs of shuffled minibatches, validation, the best epoch kept.
 *
 * A state machine.  TRAINING: one minibatch a step; when the epoch's batches are
 * done, VALIDATING: one batch of validation rows a step; when those are done, the epoch is
 * recorded (EPOCH_DONE), and the next step begins another or says that the run is finished.
 *
 * Every random choice (first values, order, augmentation, dropout) is a function of the seed and of the epoch or
 * step number, so a run is reproducible for a given number of threads.
 */
#include "trainer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctc.h"
#include "decode.h"
#include "optimizer.h"
#include "result.h"
#include "rng.h"
#include "transfer.h"

/* Streams of the seed. */
#define STREAM_ORDER UINT64_C(0x100000000)
#define STREAM_STEP UINT64_C(0x200000000)

/* plateau: epochs without a better validation loss, and what the rate is then multiplied by */
#define PLATEAU_EPOCHS 2
#define PLATEAU_FACTOR 0.5

/* Smoothing of the displayed speed: share of the newest step. */
#define SPEED_SMOOTHING 0.1

typedef enum Phase
{
	TRAINING,
	VALIDATING,
	EPOCH_DONE					/* the next step begins another or reports the end */
} Phase;

struct HwrTrainer
{
	const HwrTrainOptions *options;
	const HwrDataset *ds;
	const HwrBackend *backend;
	HwrBackendContext *ctx;
	HwrNet		net;

	Phase		phase;
	int			epoch;			/* from 1 */
	int			step;			/* within the epoch's phase */
	int			train_steps;	/* an epoch */
	int			steps_done;		/* of them, in the epoch in hand */
	int			valid_steps;
	int64_t		global_step;
	int		   *order;			/* [training rows] */

	/* one minibatch */
	uint8_t    *ink;
	size_t		ink_size;
	const int **labels;
	int		   *label_lengths;
	float	   *logp;
	size_t		logp_size;		/* values */
	hwr_real   *row_logp;		/* one row's, as hwr_real */
	size_t		row_logp_size;
	void	   *ctc;
	size_t		ctc_size;

	/* running sums of the epoch in hand */
	double		loss_sum;
	int64_t		loss_images;
	double		grad_norm_sum;
	double		train_seconds;
	double		epoch_started;
	double		learning_rate;
	HwrEpoch	current;
	HwrConfusions confusions;

	/* the best epoch */
	bool		have_best;
	HwrEpoch	best;
	float	   *best_values;
	HwrConfusions best_confusions;

	double		plateau_factor;
	double		plateau_best;
	int			plateau_bad;	/* epochs since */
	double		started;
	double		step_seconds;	/* smoothed */
	double		valid_step_seconds;
	const char *reason;
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double) ts.tv_sec + (double) ts.tv_nsec * 1e-9;
}

int
hwr_trainer_threads(const HwrTrainOptions *options)
{
	long		n = options->threads > 0 ? options->threads : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 256 ? 256 : (int) n;
}

/* Grow *buffer to count items of size bytes; contents undefined. */
static bool
reserve(void **buffer, size_t *have, size_t count, size_t size, HwrStatus *st)
{
	if (count <= *have)
		return true;
	free(*buffer);
	*have = 0;
	*buffer = hwr_alloc(count, size, st);
	if (*buffer == NULL)
		return false;
	*have = count;
	return true;
}

static void
shuffle(HwrTrainer *t)
{
	HwrRng		rng;
	int			n = hwr_dataset_count(t->ds, HWR_SPLIT_TRAIN);

	hwr_rng_seed(&rng, t->options->seed, STREAM_ORDER + (uint64_t) t->epoch);
	for (int i = 0; i < n; i++)
		t->order[i] = i;
	for (int i = n - 1; i > 0; i--)
	{
		int			j = (int) hwr_rng_below(&rng, (uint64_t) i + 1);
		int			swap = t->order[i];

		t->order[i] = t->order[j];
		t->order[j] = swap;
	}
}

static void
begin_epoch(HwrTrainer *t)
{
	t->epoch++;
	t->step = 0;
	t->phase = TRAINING;
	t->loss_sum = 0;
	t->loss_images = 0;
	t->grad_norm_sum = 0;
	t->train_seconds = 0;
	t->epoch_started = now();
	memset(&t->current, 0, sizeof(t->current));
	hwr_confusions_free(&t->confusions);
	memset(&t->confusions, 0, sizeof(t->confusions));
	shuffle(t);
}

static bool
make_net(HwrTrainer *t, HwrStatus *st)
{
	int			classes = hwr_dataset_alphabet(t->ds)->n + 1;

	if (!hwr_vgsl_parse(t->options->architecture, classes, &t->net, st))
		return false;
	return t->options->dropout < 0 || hwr_net_set_dropout(&t->net, t->options->dropout, st);
}

static bool
start(HwrTrainer *t, HwrStatus *st)
{
	int			ntrain = hwr_dataset_count(t->ds, HWR_SPLIT_TRAIN);
	int			nvalid = hwr_dataset_count(t->ds, HWR_SPLIT_VALIDATION);
	int			batch = t->options->batch_size;
	HwrBackendConfig config = {.net = &t->net,.training = true,.options = t->options};

	config.threads = hwr_trainer_threads(t->options);
	if (!make_net(t, st) || !t->backend->create(&config, &t->ctx, st))
		return false;
	t->best_values = hwr_alloc(t->net.nvalues, sizeof(float), st);
	t->order = hwr_alloc((size_t) ntrain, sizeof(int), st);
	t->labels = hwr_alloc((size_t) batch, sizeof(int *), st);
	t->label_lengths = hwr_alloc((size_t) batch, sizeof(int), st);
	if (t->best_values == NULL || t->order == NULL || t->labels == NULL || t->label_lengths == NULL)
		return false;
	if (!hwr_net_init(&t->net, t->options->seed, t->best_values, st) ||
		!t->backend->set_values(t->ctx, t->best_values, st))
		return false;
	t->train_steps = (ntrain + batch - 1) / batch;
	t->valid_steps = (nvalid + batch - 1) / batch;
	t->plateau_factor = 1;
	t->plateau_best = DBL_MAX;
	t->started = now();
	begin_epoch(t);
	return true;
}

bool
hwr_trainer_create(const HwrTrainOptions *options, const HwrDataset *ds,
				   const HwrBackend *backend, HwrTrainer **out, HwrStatus *st)
{
	HwrTrainer *t = hwr_alloc_zero(1, sizeof(HwrTrainer), st);

	if (t == NULL)
		return false;
	t->options = options;
	t->ds = ds;
	t->backend = backend;
	if (!start(t, st))
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
	free(t->order);
	free(t->ink);
	free(t->labels);
	free(t->label_lengths);
	free(t->logp);
	free(t->row_logp);
	free(t->ctc);
	free(t);
}

/*
 * Load rows [first, first + n) of a split (training rows in this epoch's order) as one batch, as
 * wide as its widest canvas.
 */
static bool
load_batch(HwrTrainer *t, HwrSplit split, int first, int n, HwrBatch *batch, HwrStatus *st)
{
	size_t		size;

	*batch = (HwrBatch) {.n = n,.labels = t->labels,.label_lengths = t->label_lengths};
	for (int i = 0; i < n; i++)
	{
		HwrSample	sample;

		hwr_dataset_sample(t->ds, split, split == HWR_SPLIT_TRAIN ? t->order[first + i] : first + i, &sample);
		t->labels[i] = sample.classes;
		t->label_lengths[i] = sample.nclasses;
		if (sample.width > batch->width)
			batch->width = sample.width;
	}
	size = (size_t) t->net.height * (size_t) batch->width;
	if (!reserve((void **) &t->ink, &t->ink_size, (size_t) n * size, 1, st))
		return false;
	for (int i = 0; i < n; i++)
		if (!hwr_dataset_read(t->ds, split, split == HWR_SPLIT_TRAIN ? t->order[first + i] : first + i,
							  t->ink + (size_t) i * size, batch->width, st))
			return false;
	batch->ink = t->ink;
	return true;
}

/* Rows of a step: the batch size, fewer in the last. */
static int
batch_rows(const HwrTrainer *t, HwrSplit split)
{
	int			left = hwr_dataset_count(t->ds, split) - t->step * t->options->batch_size;

	return left < t->options->batch_size ? left : t->options->batch_size;
}

/*
 * The learning rate now.  Where a time limit would end the run before its epochs do, the
 * schedule runs by the clock instead, so that it still comes down to its end.
 */
static double
learning_rate(const HwrTrainer *t)
{
	int64_t		total = (int64_t) t->options->epochs * t->train_steps;
	int64_t		step = t->global_step;

	if (t->options->max_minutes > 0)
	{
		double		share = (now() - t->started) / (60 * t->options->max_minutes);
		int64_t		by_clock = (int64_t) (share * (double) total);

		if (by_clock > step)
			step = by_clock < total ? by_clock : total - 1;
	}
	return hwr_schedule_rate(t->options, step, total, t->plateau_factor);
}

static bool
out_of_time(const HwrTrainer *t)
{
	return t->options->max_minutes > 0 && now() - t->started >= 60 * t->options->max_minutes;
}

static void
smooth(double *average, double value)
{
	*average = *average > 0 ? (1 - SPEED_SMOOTHING) * *average + SPEED_SMOOTHING * value : value;
}

static bool
train_step(HwrTrainer *t, HwrStatus *st)
{
	HwrBatch	batch;
	HwrStepResult result;
	double		begun = now();
	int			n = batch_rows(t, HWR_SPLIT_TRAIN);
	uint64_t	key = hwr_mix64(t->options->seed ^ hwr_mix64(STREAM_STEP + (uint64_t) t->global_step));

	if (!load_batch(t, HWR_SPLIT_TRAIN, t->step * t->options->batch_size, n, &batch, st))
		return false;
	t->learning_rate = learning_rate(t);
	if (!t->backend->train_step(t->ctx, &batch, t->learning_rate, key, &result, st))
		return false;
	t->loss_sum += result.loss * (n - result.infeasible);
	t->loss_images += n - result.infeasible;
	t->grad_norm_sum += result.grad_norm;
	t->step++;
	t->steps_done = t->step;
	t->global_step++;
	t->train_seconds += now() - begun;
	smooth(&t->step_seconds, now() - begun);
	return true;
}

/* Loss and reading of row i of a validated batch. */
static bool
validate_row(HwrTrainer *t, int row, const float *logp, int steps, HwrStatus *st)
{
	size_t		size = (size_t) steps * (size_t) t->net.classes;
	HwrSample	sample;
	HwrReading	reading;
	double		loss;
	bool		ok;

	hwr_dataset_sample(t->ds, HWR_SPLIT_VALIDATION, row, &sample);
	if (!reserve((void **) &t->row_logp, &t->row_logp_size, size, sizeof(hwr_real), st) ||
		!reserve(&t->ctc, &t->ctc_size, hwr_ctc_workspace(steps, sample.nclasses), 1, st))
		return false;
	for (size_t i = 0; i < size; i++)
		t->row_logp[i] = (hwr_real) logp[i];
	if (hwr_ctc_loss(t->row_logp, steps, t->net.classes, sample.classes, sample.nclasses, &loss, NULL, 1, t->ctc))
	{
		t->current.valid.loss_sum += loss;
		t->current.valid.loss_count++;
	}
	if (!hwr_decode_greedy(logp, steps, t->net.classes, hwr_dataset_alphabet(t->ds), &reading, st))
		return false;
	ok = hwr_metrics_add(&t->current.valid, &t->confusions, sample.label, strlen(sample.label),
						 reading.text, strlen(reading.text), st);
	hwr_reading_free(&reading);
	return ok;
}

static bool
validate_step(HwrTrainer *t, HwrStatus *st)
{
	int			first = t->step * t->options->batch_size;
	int			n = batch_rows(t, HWR_SPLIT_VALIDATION);
	double		begun = now();
	HwrBatch	batch;
	int			steps;
	size_t		size;

	if (!load_batch(t, HWR_SPLIT_VALIDATION, first, n, &batch, st))
		return false;
	steps = hwr_net_steps(&t->net, batch.width);
	size = (size_t) steps * (size_t) t->net.classes;
	if (!reserve((void **) &t->logp, &t->logp_size, (size_t) n * size, sizeof(float), st) ||
		!t->backend->infer(t->ctx, n, batch.width, batch.ink, t->logp, st))
		return false;
	for (int i = 0; i < n; i++)
		if (!validate_row(t, first + i, t->logp + (size_t) i * size, steps, st))
			return false;
	t->step++;
	smooth(&t->valid_step_seconds, now() - begun);
	return true;
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

static bool
end_epoch(HwrTrainer *t, HwrStatus *st)
{
	HwrEpoch   *e = &t->current;

	e->epoch = t->epoch;
	e->learning_rate = t->learning_rate;
	e->train_loss = t->loss_images > 0 ? t->loss_sum / (double) t->loss_images : NAN;
	e->grad_norm = t->grad_norm_sum / t->steps_done;
	e->images_per_second = t->train_seconds > 0 ? (double) t->loss_images / t->train_seconds : 0;
	e->seconds = now() - t->epoch_started;
	if ((!t->have_best || judged_loss(e) < judged_loss(&t->best)) && !keep_best(t, st))
		return false;
	follow_plateau(t);

	if (t->epoch >= t->options->epochs)
		t->reason = "all epochs done";
	else if (out_of_time(t))
		t->reason = "time limit reached";
	else if (t->options->patience > 0 && t->epoch - t->best.epoch >= t->options->patience)
		t->reason = "validation loss stopped improving";
	t->phase = EPOCH_DONE;
	return true;
}

bool
hwr_trainer_step(HwrTrainer *t, HwrTrainEvent *event, HwrStatus *st)
{
	if (t->phase == EPOCH_DONE)
	{
		if (t->reason != NULL)
		{
			*event = HWR_TRAIN_FINISHED;
			return true;
		}
		begin_epoch(t);
	}
	if (t->phase == TRAINING)
	{
		if (!train_step(t, st))
			return false;
		*event = HWR_TRAIN_STEP;
		if (t->step >= t->train_steps || out_of_time(t))
		{
			t->phase = VALIDATING;
			t->step = 0;
		}
		return true;
	}
	if (t->step < t->valid_steps)
	{
		*event = HWR_TRAIN_VALIDATED;
		return validate_step(t, st);
	}
	*event = HWR_TRAIN_EPOCH;
	return end_epoch(t, st);
}

void
hwr_trainer_progress(const HwrTrainer *t, HwrTrainProgress *out)
{
	double		epochs_left = t->options->epochs - t->epoch;
	double		epoch_seconds = t->train_steps * t->step_seconds + t->valid_steps * t->valid_step_seconds;
	int			steps_left = t->phase == TRAINING ? t->train_steps - t->step : 0;
	int			valid_left = t->phase == TRAINING ? t->valid_steps :
		t->phase == VALIDATING ? t->valid_steps - t->step : 0;

	memset(out, 0, sizeof(*out));
	out->phase = t->phase == TRAINING ? "training" : "validating";
	out->epoch = t->epoch;
	out->epochs = t->options->epochs;
	out->step = t->step;
	out->steps = t->phase == TRAINING ? t->train_steps : t->valid_steps;
	out->loss = t->loss_images > 0 ? t->loss_sum / (double) t->loss_images : NAN;
	if (t->step_seconds > 0)
		out->images_per_second = t->options->batch_size / t->step_seconds;
	if (t->reason != NULL)
		return;
	out->eta_seconds = epochs_left * epoch_seconds + steps_left * t->step_seconds + valid_left * t->valid_step_seconds;
	if (t->options->max_minutes > 0)
	{
		double		limit = 60 * t->options->max_minutes - (now() - t->started);

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
	model->fit = t->options->fit;
	model->mapping = t->options->mapping;
	model->values = hwr_alloc(t->net.nvalues, sizeof(float), st);
	if (model->values == NULL ||
		!hwr_result_json(&t->best, hwr_dataset_count(t->ds, HWR_SPLIT_TRAIN),
						 hwr_dataset_count(t->ds, HWR_SPLIT_VALIDATION), &model->result, st) ||
		!hwr_options_to_json(t->options, &model->options, st) ||
		!hwr_alphabet_copy(hwr_dataset_alphabet(t->ds), &model->alphabet, st))
	{
		hwr_model_free(model);
		return false;
	}
	memcpy(model->values, t->best_values, t->net.nvalues * sizeof(float));
	*out = model;
	return true;
}
