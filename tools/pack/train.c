/*
 * train.c
 *	  Train on a packed file, without a database: on a machine that is lent for some minutes, say.
 *
 * usage: train-pack PACK OUT.safetensors OPTIONS [BASE.safetensors|-] [hwr_cuda.so]
 *
 * OPTIONS is the JSON object of hwr_train.  Validated is on the pack's rows for validation; those for testing
 * are passed over.  After every epoch that is the best so far, OUT gets the weights in 16 bits, and at the
 * end, calibrated, once more.  What is printed is a line an epoch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/image/image_write.h"
#include "core/network/device.h"
#include "core/train/calibrate_model.h"
#include "core/options/options.h"
#include "core/train/trainer.h"
#include "cpu/backend_cpu.h"
#include "../read_file.h"
#include "pack.h"

static const HwrImageLimits limits = {(int64_t) 1 << 28, (int64_t) 1 << 28};

static void
fail(const HwrStatus *st)
{
	fprintf(stderr, "train-pack: %s %s\n", st->message, st->detail);
	exit(1);
}

static void
fail_pack(void)
{
	fputs("train-pack: the packed file is damaged\n", stderr);
	exit(1);
}

/* A record as a row of a data set; the PNG is the caller's to free. */
static uint8_t *
read_record(PackModel *model, const uint8_t *at, const PackRecord *record, HwrDatasetRow *row)
{
	size_t		n = (size_t) record->width * record->height;
	uint8_t    *levels = malloc(n);
	uint8_t    *png;
	HwrStatus	st;

	if (levels == NULL || !pack_decode(model, at + record->label_len, record->picture_len, levels, record->width, record->height))
		fail_pack();
	for (size_t i = 0; i < n; i++)
		levels[i] = (uint8_t) (255 - levels[i] * 255 / (PACK_LEVELS - 1));
	if (!hwr_image_write_png(levels, record->width, record->height, record->width, &png, &row->image_len, &st))
		fail(&st);
	row->image = png;
	row->label = (const char *) at;
	row->label_len = record->label_len;
	free(levels);
	return png;
}

static void
read_pack(const char *path, HwrDataset *ds)
{
	size_t		len;
	uint8_t    *bytes = read_file(path, &len);
	size_t		at = strlen(PACK_MAGIC);
	int64_t		number = 0;
	PackModel	model;
	HwrStatus	st;

	pack_start(&model);
	if (len < at || memcmp(bytes, PACK_MAGIC, at) != 0)
		fail_pack();
	while (at < len)
	{
		PackRecord	record;
		HwrDatasetRow row = {.number = ++number};
		uint8_t    *png;

		if (len - at < sizeof(record))
			fail_pack();
		memcpy(&record, bytes + at, sizeof(record));
		at += sizeof(record);
		if (len - at < (size_t) record.label_len + record.picture_len || record.width == 0 || record.height == 0)
			fail_pack();
		png = read_record(&model, bytes + at, &record, &row);
		if (record.part != PACK_TEST &&
			!hwr_dataset_add(ds, record.part == PACK_TRAIN ? HWR_SPLIT_TRAIN : HWR_SPLIT_VALIDATION, &row, 1, NULL, &st))
			fail(&st);
		free(png);
		at += (size_t) record.label_len + record.picture_len;
	}
	free(bytes);
	if (!hwr_dataset_finish(ds, &st))
		fail(&st);
	printf("%d rows to train on, %d to validate on; %s\n", hwr_dataset_count(ds, HWR_SPLIT_TRAIN),
		   hwr_dataset_count(ds, HWR_SPLIT_VALIDATION), hwr_dataset_skipped_text(ds));
}

static void
save(const HwrModel *model, const char *path)
{
	HwrStatus	st;
	uint8_t    *bytes;
	size_t		len;
	FILE	   *f;

	if (!hwr_model_save_half(model, &bytes, &len, &st))
		fail(&st);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
	{
		perror(path);
		exit(1);
	}
	free(bytes);
}

static void
report(HwrTrainer *t, const char *out)
{
	const HwrEpoch *e = hwr_trainer_epoch(t);
	HwrModel   *model;
	HwrStatus	st;

	printf("epoch %d: rate %.6f, training loss %.3f, validation loss %.3f, CER %.2f %%, exact %.1f %%, %.0f images/s, %.0f "
		   "s%s\n", e->epoch,
		   e->learning_rate, e->train_loss, hwr_metrics_loss(&e->valid), 100 * hwr_metrics_cer(&e->valid),
		   100 * hwr_metrics_exact(&e->valid), e->images_per_second, e->seconds, e->best ? ", best" : "");
	fflush(stdout);
	if (!e->best)
		return;
	if (!hwr_trainer_model(t, &model, &st))
		fail(&st);
	save(model, out);
	hwr_model_free(model);
}

static void
calibrate(HwrModel *model, const HwrDataset *ds, int threads)
{
	HwrCalibrator *c;
	HwrStatus	st;
	bool		done = false;

	if (!hwr_calibrator_create(model, ds, hwr_cpu_backend(), threads, &c, &st))
		fail(&st);
	while (!done)
		if (!hwr_calibrator_step(c, &done, &st))
			fail(&st);
	if (!hwr_calibrator_apply(c, model, &st))
		fail(&st);
	hwr_calibrator_free(c);
}

int
main(int argc, char **argv)
{
	HwrTrainOptions options;
	const HwrBackend *backend = hwr_cpu_backend();
	HwrModel   *base = NULL;
	HwrModel   *model;
	HwrDataset *ds;
	HwrTrainer *trainer;
	HwrTrainEvent event;
	HwrStatus	st;

	if (argc < 4 || argc > 6)
	{
		fputs("usage: train-pack PACK OUT.safetensors OPTIONS [BASE.safetensors|-] [hwr_cuda.so]\n", stderr);
		return 2;
	}
	if (argc > 4 && strcmp(argv[4], "-") != 0)
	{
		size_t		len;
		uint8_t    *bytes = read_file(argv[4], &len);

		if (!hwr_model_load(bytes, len, &base, &st))
			fail(&st);
		free(bytes);
	}
	if (argc > 5 && !hwr_device_load(argv[5], &backend, &st))
		fail(&st);
	if (!(base != NULL ? hwr_options_parse_with_base(argv[3], strlen(argv[3]), base, &options, &st) :
		  hwr_options_parse(argv[3], strlen(argv[3]), &options, &st)) ||
		!hwr_dataset_create(&options, &limits, (size_t) 1 << 36, "/tmp", &ds, &st) ||
		(base != NULL && !hwr_dataset_set_alphabet(ds, &base->alphabet, options.alphabet == HWR_ALPHABET_KEEP, &st)))
		fail(&st);
	read_pack(argv[1], ds);
	if (!hwr_trainer_create(&options, ds, backend, 0, &trainer, &st) ||
		(base != NULL && !hwr_trainer_set_base(trainer, base, &st)))
		fail(&st);
	do
	{
		if (!hwr_trainer_step(trainer, &event, &st))
			fail(&st);
		if (event == HWR_TRAIN_EPOCH || event == HWR_TRAIN_AVERAGED)
			report(trainer, argv[2]);
	} while (event != HWR_TRAIN_FINISHED);
	puts(hwr_trainer_reason(trainer));
	if (!hwr_trainer_model(trainer, &model, &st))
		fail(&st);
	calibrate(model, ds, hwr_trainer_threads(&options));
	save(model, argv[2]);
	return 0;
}
