/*
 * line_trainer.c
 *	  Training of the network that finds lines.  See line_trainer.h.
 */
#include "line_trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "line_loss.h"
#include "line_sample.h"

/* Streams of the seed. */
#define STREAM_STEP UINT64_C(0x100000000)
#define STREAM_MEASURE UINT64_C(0x200000000)
#define STREAM_VALIDATION UINT64_C(0x300000000)

/* Batches that the means of batch normalisation are over, and crops of a page that is measured. */
#define MEASURED_BATCHES 40
#define CROPS_A_PAGE 2

#define CLIP_NORM 2.0
#define WARMUP 60
#define LEAST_RATE 0.02

struct HwrLineTrainer
{
	const HwrNet *net;
	HwrLineOptions options;
	HwrStepOptions step_options;
	const HwrBackend *backend;
	HwrBackendContext *ctx;
	size_t		memory_limit;
	size_t		memory;
	HwrSamplePage *pages[2];	/* to learn from, to measure */
	int			npages[2];
	int			room[2];
	int			seen;
	int64_t		lines;
	int			cells_w;
	int			cells_h;
	int			cell_x;
	int			cell_y;
	uint8_t    *ink;			/* [batch][height][width] */
	uint8_t    *turned;			/* [height][width] */
	float	   *targets;		/* [batch][cells][HWR_LINE_TARGETS] */
	float	   *nearest;		/* [cells] */
	float	   *out;			/* [cells][HWR_LINE_MAPS], of validation */
	hwr_real   *logits;			/* the same as logits, and their gradient */
	float	   *values;
	float	   *best;
	int			step;
	int			best_step;
	double		best_loss;
	int			measured;		/* of this measurement: batches, crops, sum of losses */
	int			validated;
	double		validation_sum;
	double		validation_loss;
	HwrBackendContext *judge;	/* infers, for validation */
};

void
hwr_line_options_default(HwrLineOptions *options)
{
	*options = (HwrLineOptions){
		.steps = 4000,
		.batch = 2,
		.width = 512,
		.validation = 8,
		.measure_every = 500,
		.learning_rate = 4e-3,
		.weight_decay = 1e-3,
		.threads = 1,
		.seed = 1,
	};
}

static bool
check_range(const char *name, double value, double low, double high, HwrStatus *st)
{
	if (value >= low && value <= high)
		return true;
	hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" is out of range", name);
	return hwr_fail_detail(st, "It must be between %g and %g.", low, high);
}

bool
hwr_line_options_check(const HwrLineOptions *options, HwrStatus *st)
{
	if (!check_range("steps", options->steps, 1, 10000000, st) ||
		!check_range("batch", options->batch, 1, 64, st) ||
		!check_range("width", options->width, 64, 4096, st) ||
		!check_range("validation", options->validation, 0, 1000000, st) ||
		!check_range("measure_every", options->measure_every, 1, 10000000, st) ||
		!check_range("learning_rate", options->learning_rate, 1e-9, 1, st) ||
		!check_range("weight_decay", options->weight_decay, 0, 1, st) ||
		!check_range("parts", options->parts, 0, 1, st) ||
		!check_range("threads", options->threads, 1, 256, st))
		return false;
	if (options->validation != 1 && options->width % 64 == 0)
		return true;
	hwr_fail(st, HWR_BAD_OPTION, "training option \"%s\" is out of range", options->validation == 1 ? "validation" : "width");
	return hwr_fail_detail(st, options->validation == 1 ? "With 1, every page would be put aside to measure, and none left to "
														  "learn from." :
						   "It must be a multiple of 64.");
}

static bool
make_room(HwrLineTrainer *t, HwrStatus *st)
{
	const HwrNet *net = t->net;
	size_t		batch = (size_t) t->options.batch;
	size_t		cells;

	if (!hwr_line_net_check(net, st))
		return false;
	hwr_line_net_cell(net, &t->cell_x, &t->cell_y);
	t->cells_w = t->options.width / t->cell_x;
	t->cells_h = net->height / t->cell_y;
	cells = (size_t) t->cells_w * (size_t) t->cells_h;
	t->ink = hwr_alloc(batch * (size_t) net->height, (size_t) t->options.width, st);
	t->turned = t->ink == NULL ? NULL : hwr_alloc((size_t) net->height, (size_t) t->options.width, st);
	t->targets = t->turned == NULL ? NULL : hwr_alloc(batch * cells, HWR_LINE_TARGETS * sizeof(float), st);
	t->nearest = t->targets == NULL ? NULL : hwr_alloc(cells, sizeof(float), st);
	t->out = t->nearest == NULL ? NULL : hwr_alloc(cells, HWR_LINE_MAPS * sizeof(float), st);
	t->logits = t->out == NULL ? NULL : hwr_alloc(cells, 2 * HWR_LINE_MAPS * sizeof(hwr_real), st);
	t->values = t->logits == NULL ? NULL : hwr_alloc(net->nvalues, sizeof(float), st);
	t->best = t->values == NULL ? NULL : hwr_alloc(net->nvalues, sizeof(float), st);
	return t->best != NULL;
}

/* Outputs begin at what is usual: few cells are baselines or ends, and lines have a usual height. */
static void
set_usual(const HwrNet *net, float *values)
{
	const HwrLayer *output = &net->layers[net->nlayers - 1];
	const float usual[HWR_LINE_MAPS] = {-2, -2, -0.8F, -1.8F};

	memcpy(values + net->tensors[output->first_tensor + 1].offset, usual, sizeof(usual));
}

bool
hwr_line_trainer_create(const HwrNet *net, const float *values, const HwrLineOptions *options,
						const HwrBackend *backend, size_t memory_limit, HwrLineTrainer **out, HwrStatus *st)
{
	HwrLineTrainer *t = hwr_alloc_zero(1, sizeof(HwrLineTrainer), st);
	HwrBackendConfig config = {.net = net,.threads = options->threads,.training = true};
	bool		ok;

	if (t == NULL)
		return false;
	t->net = net;
	t->options = *options;
	t->backend = backend;
	t->memory_limit = memory_limit;
	t->best_loss = t->validation_loss = NAN;
	t->step_options = (HwrStepOptions){.optimizer = HWR_ADAMW,.weight_decay = options->weight_decay,.clip_norm = CLIP_NORM};
	config.step = &t->step_options;
	ok = hwr_line_options_check(options, st) && make_room(t, st) && backend->create(&config, &t->ctx, st);
	if (ok && values != NULL)
		ok = backend->set_values(t->ctx, values, st);
	else if (ok)
	{
		ok = hwr_net_init(net, options->seed, t->values, st);
		set_usual(net, t->values);
		ok = ok && backend->set_values(t->ctx, t->values, st);
	}
	if (!ok)
	{
		hwr_line_trainer_free(t);
		return false;
	}
	*out = t;
	return true;
}

void
hwr_line_trainer_free(HwrLineTrainer *t)
{
	if (t == NULL)
		return;
	for (int part = 0; part < 2; part++)
	{
		for (int i = 0; i < t->npages[part]; i++)
			hwr_sample_page_free(&t->pages[part][i]);
		free(t->pages[part]);
	}
	if (t->ctx != NULL)
		t->backend->destroy(t->ctx);
	if (t->judge != NULL)
		t->backend->destroy(t->judge);
	free(t->ink);
	free(t->turned);
	free(t->targets);
	free(t->nearest);
	free(t->out);
	free(t->logits);
	free(t->values);
	free(t->best);
	free(t);
}

static bool
keep_page(HwrLineTrainer *t, const HwrSamplePage *page, HwrStatus *st)
{
	int			part = t->options.validation > 0 && t->seen % t->options.validation == t->options.validation - 1;

	t->memory += (size_t) page->canvas.ink.width * (size_t) page->canvas.ink.height;
	for (int i = 0; i < page->n; i++)
		t->memory += 4 * (size_t) page->lines[i].n * sizeof(float) + sizeof(HwrTrueLine);
	if (t->memory > t->memory_limit)
	{
		hwr_fail(st, HWR_BAD_DATA, "pages take more memory than they may");
		return hwr_fail_detail(st, "%d pages fit.", t->npages[0] + t->npages[1]);
	}
	if (t->npages[part] == t->room[part])
	{
		int			room = t->room[part] > 0 ? 2 * t->room[part] : 64;
		HwrSamplePage *pages = hwr_realloc(t->pages[part], (size_t) room, sizeof(HwrSamplePage), st);

		if (pages == NULL)
			return false;
		t->pages[part] = pages;
		t->room[part] = room;
	}
	t->pages[part][t->npages[part]++] = *page;
	t->lines += page->n;
	t->seen++;
	return true;
}

bool
hwr_line_trainer_add(HwrLineTrainer *t, const HwrImage *page, const HwrTruthLine *lines, int n, bool *used, HwrStatus *st)
{
	HwrSamplePage sample = {0};
	bool		ok = hwr_page_canvas_of(page, 0, &sample.canvas, st);

	*used = false;
	if (ok && sample.canvas.ink.v != NULL && n > 0)
	{
		sample.lines = hwr_alloc_zero((size_t) n, sizeof(HwrTrueLine), st);
		ok = sample.lines != NULL;
		for (int i = 0; ok && i < n; i++)
		{
			ok = hwr_true_line(&sample.canvas, lines[i].baseline, lines[i].baseline_n, lines[i].outline,
							   lines[i].outline_n, &sample.lines[sample.n], st);
			sample.n += ok && sample.lines[sample.n].n > 0;
		}
		if (ok && sample.n > 0)
		{
			ok = keep_page(t, &sample, st);
			*used = ok;
		}
	}
	if (!*used)
		hwr_sample_page_free(&sample);
	return ok;
}

int
hwr_line_trainer_pages(const HwrLineTrainer *t, bool validation)
{
	return t->npages[validation];
}

int64_t
hwr_line_trainer_lines(const HwrLineTrainer *t)
{
	return t->lines;
}

bool
hwr_line_trainer_start(HwrLineTrainer *t, HwrStatus *st)
{
	if (t->npages[0] > 0)
		return true;
	return hwr_fail(st, HWR_BAD_DATA, "no page has lines to learn from");
}

/* Crops of pages drawn by a stream of the seed. */
static bool
load_batch(HwrLineTrainer *t, uint64_t stream, HwrBatch *batch, HwrStatus *st)
{
	size_t		pixels = (size_t) t->net->height * (size_t) t->options.width;
	size_t		cells = (size_t) t->cells_w * (size_t) t->cells_h;

	for (int i = 0; i < t->options.batch; i++)
	{
		HwrRng		rng;
		HwrCropPart parts[HWR_CROP_PARTS];
		uint8_t    *crop = t->ink + (size_t) i * pixels;
		float	   *targets = t->targets + (size_t) i * cells * HWR_LINE_TARGETS;
		int			n;
		int			turn;

		hwr_rng_seed(&rng, t->options.seed, stream * 64 + (uint64_t) i);
		n = hwr_sample_parts(t->pages[0], t->npages[0], t->options.parts, t->options.width, t->net->height, &rng, parts);
		hwr_sample_draw_parts(parts, n, t->options.width, t->net->height, &rng, crop);
		if (!hwr_sample_soil(t->options.width, t->net->height, &rng, crop, st))
			return false;
		turn = hwr_sample_turn(&rng);
		if (turn % 2 == 1 && t->options.width != t->net->height)
			turn = 0;
		if (turn != 0)
			hwr_sample_turn_crop(turn, t->options.width, t->net->height, crop, t->turned);
		hwr_line_targets_clear(t->cells_w, t->cells_h, t->nearest, targets);
		for (int k = 0; k < n && turn == 0; k++)
			hwr_line_targets_add(parts[k].page->lines, parts[k].page->n, &parts[k].place, t->cells_w, t->cells_h, t->cell_x,
								 t->cell_y, t->nearest, targets);
	}
	*batch = (HwrBatch){.n = t->options.batch,.width = t->options.width,.ink = t->ink,.maps = t->targets,
		.map_loss = &hwr_line_loss};
	return true;
}

bool
hwr_line_trainer_step(HwrLineTrainer *t, double *loss, HwrStatus *st)
{
	double		done = (double) t->step / t->options.steps;
	double		rate = t->options.learning_rate * (LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + cos(3.14159265358979 * done)));
	HwrStepResult result;
	HwrBatch	batch;

	if (t->step < WARMUP)
		rate *= (t->step + 1.0) / WARMUP;
	if (!load_batch(t, STREAM_STEP + (uint64_t) t->step, &batch, st) ||
		!t->backend->train_step(t->ctx, &batch, rate, hwr_mix64(t->options.seed + (uint64_t) t->step), &result, st))
		return false;
	*loss = result.loss;
	t->step++;
	return true;
}

/* The loss of one crop of a page put aside, not distorted. */
static bool
validate_crop(HwrLineTrainer *t, int crop, HwrStatus *st)
{
	const HwrSamplePage *page = &t->pages[1][crop / CROPS_A_PAGE];
	size_t		n = (size_t) t->cells_w * (size_t) t->cells_h * HWR_LINE_MAPS;
	HwrPlacement place = {.sx = 1,.s = 1};
	HwrRng		rng;

	hwr_rng_seed(&rng, t->options.seed, STREAM_VALIDATION + (uint64_t) crop);
	hwr_sample_choose(page, t->options.width, t->net->height, &rng, &place);
	hwr_sample_draw(&page->canvas.ink, &place, t->options.width, t->net->height, t->ink);
	hwr_line_targets_clear(t->cells_w, t->cells_h, t->nearest, t->targets);
	hwr_line_targets_add(page->lines, page->n, &place, t->cells_w, t->cells_h, t->cell_x, t->cell_y, t->nearest, t->targets);
	if (!t->backend->infer(t->judge, 1, t->options.width, t->ink, t->out, st))
		return false;
	for (size_t i = 0; i < n; i++)
	{
		double		p = fmin(fmax((double) t->out[i], 1e-6), 1 - 1e-6);

		t->logits[i] = (hwr_real) log(p / (1 - p));
	}
	t->validation_sum += hwr_line_loss.compute(1, t->cells_h, t->cells_w, HWR_LINE_MAPS, t->logits, t->targets, t->logits + n);
	return true;
}

bool
hwr_line_trainer_due(const HwrLineTrainer *t)
{
	return t->step > 0 && (t->step % t->options.measure_every == 0 || t->step == t->options.steps);
}

/* Keep these values where they are the best. */
static void
end_measurement(HwrLineTrainer *t)
{
	t->validation_loss = t->validated > 0 ? t->validation_sum / t->validated : NAN;
	if (t->best_step == 0 || !(t->validation_loss >= t->best_loss))
	{
		memcpy(t->best, t->values, t->net->nvalues * sizeof(float));
		t->best_step = t->step;
		t->best_loss = t->validation_loss;
	}
	t->measured = t->validated = 0;
	t->validation_sum = 0;
}

bool
hwr_line_trainer_measure(HwrLineTrainer *t, bool *done, HwrStatus *st)
{
	HwrBackendConfig config = {.net = t->net,.threads = t->options.threads,.precision = HWR_FLOAT32};
	int			crops = CROPS_A_PAGE * t->npages[1];
	HwrBatch	batch;

	*done = false;
	if (t->measured < MEASURED_BATCHES)
	{
		/* the same batches each time */
		if (!load_batch(t, STREAM_MEASURE + (uint64_t) t->measured, &batch, st))
			return false;
		t->measured++;
		return t->backend->measure(t->ctx, &batch, 1.0 / t->measured, 0, st);
	}
	if (t->validated == 0)
	{
		if (t->judge == NULL && !t->backend->create(&config, &t->judge, st))
			return false;
		if (!t->backend->get_values(t->ctx, t->values, st) || !t->backend->set_values(t->judge, t->values, st))
			return false;
	}
	if (t->validated < crops && !validate_crop(t, t->validated, st))
		return false;
	t->validated += t->validated < crops;
	*done = t->validated >= crops;
	if (*done)
		end_measurement(t);
	return true;
}

double
hwr_line_trainer_validation_loss(const HwrLineTrainer *t)
{
	return t->validation_loss;
}

double
hwr_line_trainer_best_loss(const HwrLineTrainer *t)
{
	return t->best_loss;
}

int
hwr_line_trainer_best_step(const HwrLineTrainer *t)
{
	return t->best_step;
}

const float *
hwr_line_trainer_values(const HwrLineTrainer *t)
{
	return t->best;
}

const float *
hwr_line_trainer_latest(const HwrLineTrainer *t)
{
	return t->values;
}
