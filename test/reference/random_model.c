/*
 * random_model.c
 *	  Write a model file with random values, for comparing with other software.
 *
 * usage: random_model PRESET|VGSL FILE
 *
 * The values are those of test/unit/nets.h, with larger kernels.  Biases and running statistics are not neutral
 * either, so that nothing can be left out or exchanged unseen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "core/options/presets.h"
#include "nets.h"

/* Kernels are as much larger than those of the unit tests: the posteriors become as uneven as a trained model's. */
#define GAIN 1.5
#define OUTPUT_GAIN 8.0

/* One character of two, three and four bytes each, so that the order is seen to be that of code points. */
static const char alphabet[] =
	"!#&'()*+,-./0123456789:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\u00e9\u20ac\U0001d538";

static double
value(const HwrTensor *t, int index, size_t i)
{
	double		x = nets_value(t, (uint32_t) index, (uint32_t) i);

	if (t->ndim == 1)
		return x;
	return x * (strstr(t->name, ".output.") != NULL ? OUTPUT_GAIN : GAIN);
}

static int
fail(const char *what, const HwrStatus *st)
{
	fprintf(stderr, "random_model: %s: %s %s\n", what, st->message, st->detail);
	return 1;
}

static int
write_file(const char *path, const uint8_t *bytes, size_t len)
{
	FILE	   *f = fopen(path, "wb");

	if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
	{
		perror(path);
		return 1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static HwrModel model;
	const HwrTrainOptions *preset;
	HwrStatus	st = {0};
	uint8_t    *bytes;
	size_t		len;
	int			rc;

	if (argc != 3)
	{
		fprintf(stderr, "usage: random_model PRESET|VGSL FILE\n");
		return 2;
	}
	preset = hwr_preset_find(argv[1]);
	if (preset != NULL)
		model.fit = preset->fit;
	if (!hwr_alphabet_from_utf8(alphabet, strlen(alphabet), &model.alphabet, &st) ||
		!hwr_vgsl_parse(preset != NULL ? preset->architecture : argv[1], model.alphabet.n + 1, &model.net, &st) ||
		(model.values = hwr_alloc(model.net.nvalues, sizeof(float), &st)) == NULL)
		return fail(argv[1], &st);
	for (int i = 0; i < model.net.ntensors; i++)
	{
		const HwrTensor *t = &model.net.tensors[i];

		for (size_t k = 0; k < t->count; k++)
			model.values[t->offset + k] = (float) value(t, i, k);
	}
	if (!hwr_model_save(&model, &bytes, &len, &st))
		return fail(argv[2], &st);
	rc = write_file(argv[2], bytes, len);
	free(bytes);
	free(model.values);
	hwr_alphabet_free(&model.alphabet);
	return rc;
}
