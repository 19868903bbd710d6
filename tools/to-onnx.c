/*
 * to-onnx.c
 *	  Turn a model file into an ONNX file outside the database.
 *
 * usage: to-onnx MODEL.safetensors MODEL.onnx [half]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/onnx.h"
#include "read_model.h"

int
main(int argc, char **argv)
{
	HwrStatus	st = {0};
	HwrModel   *model;
	uint8_t    *bytes;
	size_t		len;
	FILE	   *f;

	if (argc < 3 || argc > 4 || (argc == 4 && strcmp(argv[3], "half") != 0))
	{
		fprintf(stderr, "usage: to-onnx MODEL.safetensors MODEL.onnx [half]\n");
		return 2;
	}
	model = read_model(argv[1]);
	if (!hwr_model_export_onnx(model, argc == 4, &bytes, &len, &st))
	{
		fprintf(stderr, "to-onnx: %s: %s %s\n", argv[1], st.message, st.detail);
		return 1;
	}
	f = fopen(argv[2], "wb");
	if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
	{
		perror(argv[2]);
		return 1;
	}
	free(bytes);
	hwr_model_free(model);
	return 0;
}
