/*
 * trainer_state.c
 *	  A training run as a file, from which it goes on as if it had not been interrupted.
 *
 * The file is in the safetensors format: the network's values, the optimiser's moments, the best
 * epoch's values and the average are tensors of one dimension; everything else is metadata, numbers
 * as text that reads back to the same bits.  Random numbers need no state: they follow from the
 * seed, the epoch and the step.  A validation that was begun is begun again.
 */
#include "trainer_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/safetensors.h"
#include "core/text/spelling.h"

#define FORMAT "hwr-checkpoint"
#define FORMAT_VERSION "1"

typedef enum FieldKind
{
	FIELD_BOOL,
	FIELD_INT,
	FIELD_INT64,
	FIELD_DOUBLE
} FieldKind;

typedef struct Field
{
	const char *name;
	size_t		offset;
	FieldKind	kind;
} Field;

#define FIELD(field, kind) {#field, offsetof(HwrTrainer, field), kind}

#define EPOCH_FIELDS(e) \
	FIELD(e.epoch, FIELD_INT), \
	FIELD(e.learning_rate, FIELD_DOUBLE), \
	FIELD(e.train_loss, FIELD_DOUBLE), \
	FIELD(e.valid.images, FIELD_INT64), \
	FIELD(e.valid.exact, FIELD_INT64), \
	FIELD(e.valid.chars, FIELD_INT64), \
	FIELD(e.valid.hits, FIELD_INT64), \
	FIELD(e.valid.substitutions, FIELD_INT64), \
	FIELD(e.valid.insertions, FIELD_INT64), \
	FIELD(e.valid.deletions, FIELD_INT64), \
	FIELD(e.valid.words, FIELD_INT64), \
	FIELD(e.valid.word_edits, FIELD_INT64), \
	FIELD(e.valid.loss_sum, FIELD_DOUBLE), \
	FIELD(e.valid.loss_count, FIELD_INT64), \
	FIELD(e.seconds, FIELD_DOUBLE), \
	FIELD(e.images_per_second, FIELD_DOUBLE), \
	FIELD(e.best, FIELD_BOOL), \
	FIELD(e.grad_norm, FIELD_DOUBLE), \
	FIELD(e.averaged, FIELD_INT)

static const Field fields[] = {
	FIELD(phase, FIELD_INT),
	FIELD(epoch, FIELD_INT),
	FIELD(step, FIELD_INT),
	FIELD(steps_done, FIELD_INT),
	FIELD(global_step, FIELD_INT64),
	FIELD(loss_sum, FIELD_DOUBLE),
	FIELD(loss_images, FIELD_INT64),
	FIELD(grad_norm_sum, FIELD_DOUBLE),
	FIELD(clipped, FIELD_INT),
	FIELD(train_seconds, FIELD_DOUBLE),
	FIELD(learning_rate, FIELD_DOUBLE),
	EPOCH_FIELDS(current),
	FIELD(have_best, FIELD_BOOL),
	EPOCH_FIELDS(best),
	FIELD(average.count, FIELD_INT),
	FIELD(averaging, FIELD_BOOL),
	FIELD(plateau_factor, FIELD_DOUBLE),
	FIELD(plateau_best, FIELD_DOUBLE),
	FIELD(plateau_bad, FIELD_INT),
	FIELD(diagnosis.told, FIELD_INT),
	FIELD(diagnosis.lowest, FIELD_DOUBLE),
	FIELD(diagnosis.last, FIELD_DOUBLE),
	FIELD(diagnosis.stale, FIELD_INT),
	FIELD(diagnosis.blank, FIELD_INT),
	FIELD(diagnosis.clipped, FIELD_INT),
	FIELD(step_seconds, FIELD_DOUBLE),
	FIELD(valid_step_seconds, FIELD_DOUBLE),
	/* while saved: seconds ago; see hwr_trainer_save */
	FIELD(started, FIELD_DOUBLE),
	FIELD(epoch_started, FIELD_DOUBLE),
};

#define NFIELDS ((int) (sizeof(fields) / sizeof(fields[0])))
#define NTEXTS 8				/* metadata beside the fields */

_Static_assert(sizeof(HwrTrainPhase) == sizeof(int), "an enumeration is not an int");

/*
 * Saving
 */

static void
print_field(const HwrTrainer *t, const Field *f, double clock, char *out, size_t size)
{
	const char *at = (const char *) t + f->offset;

	switch (f->kind)
	{
		case FIELD_BOOL:
			snprintf(out, size, "%d", *(const bool *) at);
			break;
		case FIELD_INT:
			snprintf(out, size, "%d", *(const int *) at);
			break;
		case FIELD_INT64:
			snprintf(out, size, "%" PRId64, *(const int64_t *) at);
			break;
		case FIELD_DOUBLE:
			if (at == (const char *) &t->started || at == (const char *) &t->epoch_started)
				snprintf(out, size, "%a", clock - *(const double *) at);
			else
				snprintf(out, size, "%a", *(const double *) at);
			break;
	}
}

/* "truth guess count" a pair, a blank between. */
static char *
print_confusions(const HwrConfusions *c, HwrStatus *st)
{
	size_t		size = (size_t) c->n * 48 + 1;
	char	   *text = hwr_alloc(size, 1, st);
	size_t		used = 0;

	if (text == NULL)
		return NULL;
	text[0] = '\0';
	for (int i = 0; i < c->n; i++)
		used += (size_t) snprintf(text + used, size - used, "%s%" PRIu32 " %" PRIu32 " %" PRId64, i > 0 ? " " : "",
								  c->pairs[i].truth, c->pairs[i].guess, c->pairs[i].count);
	return text;
}

/* moments: room for [2][nvalues]; values: for [nvalues]. */
static bool
write_state(const HwrTrainer *t, float *values, float *moments, const char *alphabet, const char *spellings,
			const char *confusions, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	int			n = (int) t->net.nvalues;
	const float *data[] = {values, moments, moments + n, t->best_values, t->average.mean};
	const char *const names[] = {"values", "m", "v", "best", "average"};
	HwrSafeTensorOut tensors[5];
	const char *metadata[NFIELDS + NTEXTS][2];
	char		numbers[NFIELDS + 2][32];
	int64_t		steps;
	double		clock = hwr_clock_seconds();

	if (!t->backend->get_values(t->ctx, values, st) ||
		!t->backend->get_moments(t->ctx, moments, moments + n, &steps, st))
		return false;
	for (int i = 0; i < 5; i++)
		tensors[i] = (HwrSafeTensorOut) {.name = names[i],.ndim = 1,.shape = {n},.data = data[i]};
	for (int i = 0; i < NFIELDS; i++)
	{
		print_field(t, &fields[i], clock, numbers[i], sizeof(numbers[0]));
		metadata[i][0] = fields[i].name;
		metadata[i][1] = numbers[i];
	}
	snprintf(numbers[NFIELDS], sizeof(numbers[0]), "%" PRId64, steps);
	snprintf(numbers[NFIELDS + 1], sizeof(numbers[0]), "%" PRIx64, hwr_dataset_fingerprint(t->ds));
	{
		const char *const texts[NTEXTS][2] = {
			{"format", FORMAT}, {"format_version", FORMAT_VERSION}, {"architecture", t->net.vgsl},
			{"alphabet", alphabet}, {"spellings", spellings}, {"confusions", confusions}, {"optimizer_steps", numbers[NFIELDS]},
			{"data", numbers[NFIELDS + 1]},
		};

		memcpy(&metadata[NFIELDS], texts, sizeof(texts));
	}
	return hwr_safetensors_write(tensors, t->average.mean != NULL ? 5 : 4, (const char *const (*)[2]) metadata,
								 NFIELDS + NTEXTS, bytes, len, st);
}

bool
hwr_trainer_save(const HwrTrainer *t, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	if (t->stopped == NULL)
		return hwr_trainer_write_state(t, bytes, len, st);
	if ((*bytes = hwr_alloc(t->stopped_len, 1, st)) == NULL)
		return false;
	memcpy(*bytes, t->stopped, t->stopped_len);
	*len = t->stopped_len;
	return true;
}

bool
hwr_trainer_write_state(const HwrTrainer *t, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	float	   *values = hwr_alloc(t->net.nvalues, 3 * sizeof(float), st);
	char	   *alphabet = NULL;
	char	   *spellings = NULL;
	char	   *confusions = NULL;
	bool		ok = values != NULL &&
		hwr_alphabet_to_utf8(hwr_dataset_alphabet(t->ds), &alphabet, st) &&
		hwr_spellings_to_json(hwr_dataset_alphabet(t->ds), &spellings, st) &&
		(confusions = print_confusions(&t->best_confusions, st)) != NULL &&
		write_state(t, values, values + t->net.nvalues, alphabet, spellings != NULL ? spellings : "", confusions, bytes, len, st);

	free(confusions);
	free(spellings);
	free(alphabet);
	free(values);
	return ok;
}

/*
 * Restoring
 */

static bool
fail_checkpoint(HwrStatus *st, const char *what)
{
	hwr_fail(st, HWR_BAD_MODEL, "checkpoint is corrupted");
	return hwr_fail_detail(st, "Entry \"%s\" is missing or wrong.", what);
}

static bool
scan_field(HwrTrainer *t, const Field *f, const char *text)
{
	char	   *at = (char *) t + f->offset;
	char	   *end;

	if (text == NULL || text[0] == '\0')
		return false;
	if (f->kind == FIELD_DOUBLE)
		*(double *) at = strtod(text, &end);
	else
	{
		int64_t		number;

		errno = 0;
		number = strtoll(text, &end, 10);
		if (errno != 0 || (f->kind == FIELD_INT && number != (int) number))
			return false;
		if (f->kind == FIELD_BOOL)
			*(bool *) at = number != 0;
		else if (f->kind == FIELD_INT)
			*(int *) at = (int) number;
		else
			*(int64_t *) at = number;
	}
	return *end == '\0';
}

static bool
scan_confusions(HwrConfusions *c, const char *text, HwrStatus *st)
{
	uint32_t	truth;
	uint32_t	guess;
	int64_t		count;
	int			used;

	while (sscanf(text, "%" SCNu32 " %" SCNu32 " %" SCNd64 "%n", &truth, &guess, &count, &used) == 3)
	{
		if (!hwr_confusions_count(c, truth, guess, count, st))
			return false;
		text += used;
	}
	return *text == '\0' || fail_checkpoint(st, "confusions");
}

static bool
check_state(const HwrTrainer *t, const HwrSafeTensors *file, HwrStatus *st)
{
	const char *architecture = hwr_safetensors_metadata(file, "architecture");
	const char *data = hwr_safetensors_metadata(file, "data");
	char		fingerprint[32];

	if (architecture == NULL || strcmp(architecture, t->net.vgsl) != 0)
		return fail_checkpoint(st, "architecture");
	snprintf(fingerprint, sizeof(fingerprint), "%" PRIx64, hwr_dataset_fingerprint(t->ds));
	if (data != NULL && strcmp(data, fingerprint) == 0)
		return true;
	hwr_fail(st, HWR_BAD_DATA, "the training data has changed since the checkpoint");
	return hwr_fail_hint(st, "A training can be resumed on the same rows only. Train with option \"base\" to go on with others.");
}

static bool
read_tensor(const HwrSafeTensors *file, const char *name, size_t n, float *out, HwrStatus *st)
{
	const HwrSafeTensor *tensor = hwr_safetensors_find(file, name);

	return tensor != NULL ? hwr_safetensors_read(tensor, out, n, st) : fail_checkpoint(st, name);
}

/* scratch: room for [3][nvalues]. */
static bool
read_tensors(HwrTrainer *t, const HwrSafeTensors *file, float *scratch, HwrStatus *st)
{
	size_t		n = t->net.nvalues;
	const char *steps = hwr_safetensors_metadata(file, "optimizer_steps");

	if (steps == NULL)
		return fail_checkpoint(st, "optimizer_steps");
	if (!read_tensor(file, "values", n, scratch, st) ||
		!read_tensor(file, "m", n, scratch + n, st) ||
		!read_tensor(file, "v", n, scratch + 2 * n, st) ||
		!read_tensor(file, "best", n, t->best_values, st) ||
		!t->backend->set_values(t->ctx, scratch, st) ||
		!t->backend->set_moments(t->ctx, scratch + n, scratch + 2 * n, strtoll(steps, NULL, 10), st))
		return false;
	return t->average.count == 0 ||
		(hwr_average_reserve(&t->average, n, st) && read_tensor(file, "average", n, t->average.mean, st));
}

static bool
between(int64_t low, int64_t number, int64_t high)
{
	return low <= number && number <= high;
}

/* What a record of an epoch may say. */
static bool
check_epoch(const HwrTrainer *t, const HwrEpoch *e)
{
	const HwrMetrics *m = &e->valid;
	const int64_t counts[] = {m->images, m->exact, m->chars, m->hits, m->substitutions, m->insertions, m->deletions,
	m->words, m->word_edits, m->loss_count, e->averaged};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i] < 0)
			return false;
	return between(0, e->epoch, t->epoch) && !isnan(m->loss_sum) && m->loss_count <= m->images && m->exact <= m->images;
}

/* NULL, or the first entry that no run could have. */
static const char *
wrong_entry(const HwrTrainer *t)
{
	if (!between(HWR_PHASE_TRAINING, t->phase, HWR_PHASE_EPOCH_DONE))
		return "phase";
	if (!between(1, t->epoch, t->options->epochs))
		return "epoch";
	if (!between(0, t->steps_done, t->train_steps))
		return "steps_done";
	if (t->phase == HWR_PHASE_TRAINING ? t->step != t->steps_done || t->step >= t->train_steps :
		t->steps_done == 0 || !between(0, t->step, t->valid_steps))
		return "step";
	/* a run that an older version stopped by its time limit within an epoch has left the rest of that out */
	if (!between(t->steps_done, t->global_step, (int64_t) (t->epoch - 1) * t->train_steps + t->steps_done))
		return "global_step";
	if (t->loss_images < 0 || t->clipped < 0 || t->plateau_bad < 0)
		return "loss_images";
	if (t->average.count < 0 || t->average.count > t->global_step)
		return "average.count";
	if (!(t->plateau_factor > 0 && t->plateau_factor <= 1))
		return "plateau_factor";
	if (!isfinite(t->started) || !isfinite(t->epoch_started) || !isfinite(t->learning_rate) || !(t->step_seconds >= 0) ||
		!(t->valid_step_seconds >= 0))
		return "started";
	if (!check_epoch(t, &t->current))
		return "current.epoch";
	if (t->have_best && (t->best.epoch < 1 || !check_epoch(t, &t->best)))
		return "best.epoch";
	if (!t->have_best && (t->epoch > 1 || t->phase == HWR_PHASE_EPOCH_DONE || t->averaging))
		return "have_best";
	return NULL;
}

static bool
restore(HwrTrainer *t, const HwrSafeTensors *file, HwrStatus *st)
{
	const char *confusions = hwr_safetensors_metadata(file, "confusions");
	const char *wrong;
	double		clock = hwr_clock_seconds();
	float	   *scratch;
	bool		ok;

	if (!check_state(t, file, st))
		return false;
	for (int i = 0; i < NFIELDS; i++)
		if (!scan_field(t, &fields[i], hwr_safetensors_metadata(file, fields[i].name)))
			return fail_checkpoint(st, fields[i].name);
	t->started = clock - t->started;
	t->epoch_started = clock - t->epoch_started;
	if ((wrong = wrong_entry(t)) != NULL)
		return fail_checkpoint(st, wrong);
	if (confusions == NULL || !scan_confusions(&t->best_confusions, confusions, st))
		return fail_checkpoint(st, "confusions");
	scratch = hwr_alloc(t->net.nvalues, 3 * sizeof(float), st);
	ok = scratch != NULL && read_tensors(t, file, scratch, st);
	free(scratch);
	return ok;
}

static bool
open_checkpoint(const uint8_t *bytes, size_t len, HwrSafeTensors **file, HwrStatus *st)
{
	const char *format;
	const char *version;

	if (!hwr_safetensors_open(bytes, len, file, st))
		return false;
	format = hwr_safetensors_metadata(*file, "format");
	version = hwr_safetensors_metadata(*file, "format_version");
	if (format != NULL && strcmp(format, FORMAT) == 0 && version != NULL && strcmp(version, FORMAT_VERSION) == 0)
		return true;
	hwr_safetensors_close(*file);
	return fail_checkpoint(st, "format");
}

bool
hwr_trainer_restore(HwrTrainer *t, const uint8_t *bytes, size_t len, HwrStatus *st)
{
	HwrSafeTensors *file;
	bool		ok;

	if (!open_checkpoint(bytes, len, &file, st))
		return false;
	ok = restore(t, file, st);
	hwr_safetensors_close(file);
	return ok && hwr_trainer_continue(t, st);
}

bool
hwr_checkpoint_alphabet(const uint8_t *bytes, size_t len, HwrAlphabet *out, HwrStatus *st)
{
	HwrSafeTensors *file;
	const char *alphabet;
	const char *spellings;
	bool		ok;

	if (!open_checkpoint(bytes, len, &file, st))
		return false;
	alphabet = hwr_safetensors_metadata(file, "alphabet");
	spellings = hwr_safetensors_metadata(file, "spellings");
	ok = alphabet != NULL ? hwr_alphabet_from_utf8(alphabet, strlen(alphabet), out, st) : fail_checkpoint(st, "alphabet");
	if (ok && spellings != NULL && spellings[0] != '\0' && !hwr_spellings_from_json(spellings, out, st))
	{
		hwr_alphabet_free(out);
		ok = fail_checkpoint(st, "spellings");
	}
	hwr_safetensors_close(file);
	return ok;
}
