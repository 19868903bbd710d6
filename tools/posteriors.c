/*
 * posteriors.c
 *	  Run a model file on images outside the database, for comparing with other software.
 *
 * usage: posteriors MODEL.safetensors IMAGE CANVAS.npy LOGP.npy [IMAGE CANVAS.npy LOGP.npy]...
 *
 * The model is hwr's or, imported as hwr_import_model does it, kraken's.
 * Writes the ink canvas (uint8 [H][W]) and the log posteriors (float32 [T][K]) as NumPy
 * arrays and prints the greedy reading.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/decode/decode.h"
#include "core/image/preprocess.h"
#include "core/model/ensemble.h"
#include "core/model/model.h"
#include "core/network/recognizer.h"
#include "read_model.h"

static void
fail(const char *what, const HwrStatus *st)
{
	fprintf(stderr, "posteriors: %s: %s %s\n", what, st->message, st->detail);
	exit(1);
}

/* NumPy's .npy format 1.0: magic, header length, a dictionary padded to 64 bytes, the values. */
static void
write_npy(const char *path, const char *descr, int rows, int cols, const void *data, size_t size)
{
	char		header[118];
	FILE	   *f = fopen(path, "wb");
	int			n = snprintf(header, sizeof(header), "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }",
							 descr, rows, cols);

	memset(header + n, ' ', sizeof(header) - (size_t) n);
	header[sizeof(header) - 1] = '\n';
	if (f == NULL || fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, f) != 10 ||
		fwrite(header, 1, sizeof(header), f) != sizeof(header) ||
		fwrite(data, size, (size_t) rows * (size_t) cols, f) != (size_t) rows * (size_t) cols ||
		fclose(f) != 0)
	{
		perror(path);
		exit(1);
	}
}

/* files: IMAGE CANVAS.npy LOGP.npy */
static void
run(const HwrModel *model, HwrRecognizer *rec, char **files)
{
	const HwrImageLimits limits = {(int64_t) 1 << 30, (int64_t) 1 << 30};
	HwrStatus	st = {0};
	HwrCanvas	canvas;
	HwrPosterior posterior;
	HwrReading	reading;
	size_t		len;
	uint8_t    *bytes = read_file(files[0], &len);

	if (!hwr_recognizer_prepare(rec, bytes, len, &limits, &canvas, &st) ||
		!hwr_recognizer_run(rec, 1, &canvas, &posterior, &st) ||
		!hwr_decode_greedy(posterior.logp, posterior.steps, posterior.classes, &model->alphabet, &reading, &st))
		fail(files[0], &st);
	free(bytes);

	write_npy(files[1], "|u1", model->net.height, canvas.width, canvas.ink, 1);
	write_npy(files[2], "<f4", posterior.steps, posterior.classes, posterior.logp, sizeof(float));
	puts(reading.text);
	hwr_reading_free(&reading);
	hwr_posterior_free(&posterior);
	hwr_canvas_free(&canvas);
}

int
main(int argc, char **argv)
{
	HwrStatus	st = {0};
	HwrModel   *model;
	HwrRecognizer *rec;

	if (argc < 5 || argc % 3 != 2)
	{
		fprintf(stderr, "usage: posteriors MODEL.safetensors IMAGE CANVAS.npy LOGP.npy [IMAGE CANVAS.npy LOGP.npy]...\n");
		return 2;
	}
	model = read_model(argv[1]);
	if (!hwr_model_recognizer(model, hwr_cpu_backend(), 1, HWR_FLOAT32, &rec, &st))
		fail(argv[1], &st);
	for (int i = 2; i < argc; i += 3)
		run(model, rec, argv + i);
	hwr_recognizer_free(rec);
	hwr_model_free(model);
	return 0;
}
