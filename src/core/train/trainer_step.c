/*
 * trainer_step.c
 *	  One minibatch of training, one batch of measuring, one of validation.
 */
#include "trainer_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/decode/ctc.h"
#include "core/decode/decode.h"
#include "core/network/recognizer.h"
#include "schedule.h"

/* Streams of the seed. */
#define STREAM_STEP UINT64_C(0x200000000)
#define STREAM_MEASURE UINT64_C(0x300000000)

/* Smoothing of the displayed speed: share of the newest step. */
#define SPEED_SMOOTHING 0.1

/* At most so many snapshots make up the average of the last steps. */
#define AVERAGE_SNAPSHOTS 100

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

/* Load rows [first, first + n) of a split's order as one batch, as wide as its widest canvas. */
static bool
load_batch(HwrTrainer *t, HwrSplit split, int first, int n, HwrBatch *batch, HwrStatus *st)
{
	const int  *rows = split == HWR_SPLIT_TRAIN ? t->order : t->valid_order;
	size_t		size;

	*batch = (HwrBatch) {.n = n,.labels = t->labels,.label_lengths = t->label_lengths};
	for (int i = 0; i < n; i++)
	{
		HwrSample	sample;

		hwr_dataset_sample(t->ds, split, rows[first + i], &sample);
		t->labels[i] = sample.classes;
		t->label_lengths[i] = sample.nclasses;
		if (sample.width > batch->width)
			batch->width = sample.width;
	}
	size = (size_t) t->net.height * (size_t) batch->width;
	if (!reserve((void **) &t->ink, &t->ink_size, (size_t) n * size, 1, st))
		return false;
	for (int i = 0; i < n; i++)
		if (!hwr_dataset_read(t->ds, split, rows[first + i], t->ink + (size_t) i * size, batch->width, st))
			return false;
	batch->ink = t->ink;
	return true;
}

/* Rows of a step: the batch size, fewer in the last. */
static int
batch_rows(const HwrTrainer *t, HwrSplit split, int step)
{
	int			left = hwr_dataset_count(t->ds, split) - step * t->options->batch_size;

	return left < t->options->batch_size ? left : t->options->batch_size;
}

static int64_t
total_steps(const HwrTrainer *t)
{
	return (int64_t) t->options->epochs * t->train_steps;
}

/*
 * The step by which the learning rate and the average go.  Where a time limit would end the run
 * before its epochs do, they go by the clock instead, so that the rate still comes down to its end.
 */
static int64_t
schedule_step(const HwrTrainer *t)
{
	int64_t		total = total_steps(t);
	int64_t		step = t->global_step;

	if (t->options->max_minutes > 0)
	{
		double		share = (hwr_clock_seconds() - t->started) / (60 * t->options->max_minutes);
		int64_t		by_clock = (int64_t) (share * (double) total);

		if (by_clock > step)
			step = by_clock < total ? by_clock : total - 1;
	}
	return step;
}

/* Steps at the end whose values are averaged. */
static int64_t
averaged_steps(const HwrTrainer *t)
{
	return (int64_t) (t->options->average * (double) total_steps(t));
}

bool
hwr_trainer_is_averaged(const HwrTrainer *t)
{
	return t->options->average > 0 && schedule_step(t) >= total_steps(t) - averaged_steps(t);
}

/* After a step: keep the values for the average where it is time to. */
static bool
follow_average(HwrTrainer *t, HwrStatus *st)
{
	int64_t		every = averaged_steps(t) / AVERAGE_SNAPSHOTS + 1;

	if (!hwr_trainer_is_averaged(t) || t->global_step % every != 0)
		return true;
	return hwr_average_add(&t->average, t->backend, t->ctx, t->net.nvalues, st);
}

bool
hwr_trainer_out_of_time(const HwrTrainer *t)
{
	return t->options->max_minutes > 0 && hwr_clock_seconds() - t->started >= 60 * t->options->max_minutes;
}

static void
smooth(double *average, double value)
{
	*average = *average > 0 ? (1 - SPEED_SMOOTHING) * *average + SPEED_SMOOTHING * value : value;
}

static uint64_t
step_key(const HwrTrainer *t, uint64_t stream)
{
	return hwr_mix64(t->options->seed ^ hwr_mix64(stream));
}

bool
hwr_trainer_train(HwrTrainer *t, HwrStatus *st)
{
	HwrBatch	batch;
	HwrStepResult result;
	double		begun = hwr_clock_seconds();
	int			n = batch_rows(t, HWR_SPLIT_TRAIN, t->step);

	if (!load_batch(t, HWR_SPLIT_TRAIN, t->step * t->options->batch_size, n, &batch, st))
		return false;
	t->learning_rate = hwr_schedule_rate(t->options, schedule_step(t), total_steps(t), t->plateau_factor);
	if (!t->backend->train_step(t->ctx, &batch, t->learning_rate, step_key(t, STREAM_STEP + (uint64_t) t->global_step), &result,
								st))
		return false;
	t->loss_sum += result.loss * (n - result.infeasible);
	t->loss_images += n - result.infeasible;
	t->grad_norm_sum += result.grad_norm;
	t->clipped += t->options->step.clip_norm > 0 && result.grad_norm > t->options->step.clip_norm;
	t->step++;
	t->steps_done = t->step;
	t->global_step++;
	t->train_seconds += hwr_clock_seconds() - begun;
	smooth(&t->step_seconds, hwr_clock_seconds() - begun);
	return follow_average(t, st);
}

/* The epoch's first batches once more; each counts as much as any other. */
bool
hwr_trainer_measure(HwrTrainer *t, HwrStatus *st)
{
	int			first = t->measured * t->options->batch_size;
	uint64_t	number = (uint64_t) t->epoch * (uint64_t) t->measure_steps + (uint64_t) t->measured;
	HwrBatch	batch;

	if (!load_batch(t, HWR_SPLIT_TRAIN, first, batch_rows(t, HWR_SPLIT_TRAIN, t->measured), &batch, st))
		return false;
	t->measured++;
	return t->backend->measure(t->ctx, &batch, 1.0 / t->measured, step_key(t, STREAM_MEASURE + number), st);
}

/* Loss and reading of a validated row; an empty canvas is read as nothing, as in recognition. */
static bool
validate_row(HwrTrainer *t, int row, const float *logp, int steps, bool empty, HwrStatus *st)
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
	/*
	 * what cannot be written has no finite loss, and that of the rest of it would mean nothing: as
	 * in evaluation
	 */
	if (sample.complete && hwr_ctc_loss(t->row_logp, steps, t->net.classes, sample.classes, sample.nclasses, &loss, NULL, 1,
										t->ctc))
	{
		t->current.valid.loss_sum += loss;
		t->current.valid.loss_count++;
	}
	if (!hwr_decode_greedy(logp, steps, t->net.classes, hwr_dataset_alphabet(t->ds), &reading, st))
		return false;
	ok = hwr_metrics_add(&t->current.valid, &t->confusions, sample.label, strlen(sample.label),
						 reading.text, empty ? 0 : strlen(reading.text), st);
	t->blank += reading.n == 0;
	hwr_reading_free(&reading);
	return ok;
}

/*
 * Validation rows from first on, at most n of them, that are as wide as the first: none is padded
 * to its neighbours.
 */
static int
equally_wide(const HwrTrainer *t, int first, int n)
{
	HwrSample	sample;
	int			width;
	int			count = 1;

	hwr_dataset_sample(t->ds, HWR_SPLIT_VALIDATION, t->valid_order[first], &sample);
	for (width = sample.width; count < n; count++)
	{
		hwr_dataset_sample(t->ds, HWR_SPLIT_VALIDATION, t->valid_order[first + count], &sample);
		if (sample.width != width)
			break;
	}
	return count;
}

static bool
validate_rows(HwrTrainer *t, int first, int n, HwrStatus *st)
{
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
	{
		HwrCanvas	canvas = {.width = batch.width,.ink = t->ink + (size_t) i * (size_t) t->net.height * (size_t) batch.width};

		if (!validate_row(t, t->valid_order[first + i], t->logp + (size_t) i * size, steps,
						  hwr_canvas_is_empty(&canvas, t->net.height), st))
			return false;
	}
	return true;
}

bool
hwr_trainer_validate(HwrTrainer *t, HwrStatus *st)
{
	int			first = t->step * t->options->batch_size;
	int			end = first + batch_rows(t, HWR_SPLIT_VALIDATION, t->step);
	double		begun = hwr_clock_seconds();

	while (first < end)
	{
		int			n = equally_wide(t, first, end - first);

		if (!validate_rows(t, first, n, st))
			return false;
		first += n;
	}
	t->step++;
	smooth(&t->valid_step_seconds, hwr_clock_seconds() - begun);
	return true;
}
