/*
 * settings.c
 *	  Configuration parameters.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "hwr.h"

/* As much as a bytea can hold. */
#define MAX_BYTEA_KB (1024 * 1024)

int			hwr_max_image_bytes = 32 * 1024;
int			hwr_max_image_pixels = 100 * 1000 * 1000;
int			hwr_model_cache_size = 64 * 1024;
int			hwr_training_memory = 512 * 1024;

int			hwr_precision = HWR_PRECISION_AUTO;

static const struct config_enum_entry precision_options[] = {
	{"auto", HWR_PRECISION_AUTO, false},
	{"float32", HWR_PRECISION_FLOAT32, false},
	{"bfloat16", HWR_PRECISION_BFLOAT16, false},
	{NULL, 0, false}
};

void
hwr_define_settings(void)
{
	DefineCustomIntVariable("hwr.max_image_bytes",
							"Sets the largest encoded image that is accepted.",
							"A longer image is refused before it is read into memory.",
							&hwr_max_image_bytes, 32 * 1024, 1, MAX_BYTEA_KB,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("hwr.max_image_pixels",
							"Sets the largest image, width times height in pixels, that is accepted.",
							"The size is taken from the image's header, before any pixel is decoded.",
							&hwr_max_image_pixels, 100 * 1000 * 1000, 1, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hwr.model_cache_size",
							"Sets the memory a session may use to keep models loaded.",
							"The model in use stays loaded even if it is larger; the least recently used others go first.",
							&hwr_model_cache_size, 64 * 1024, 0, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("hwr.training_memory",
							"Sets the memory a training job may use for its images.",
							"Further images go to a temporary file.",
							&hwr_training_memory, 512 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomEnumVariable("hwr.precision",
							 "Sets the numbers that recognition computes with.",
							 "With \"auto\" or \"bfloat16\", bfloat16 where the processor has instructions for it, else float32.",
							 &hwr_precision, HWR_PRECISION_AUTO, precision_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("hwr");
}

HwrImageLimits
hwr_image_limits(void)
{
	HwrImageLimits limits;

	limits.max_bytes = (int64_t) hwr_max_image_bytes * 1024;
	limits.max_pixels = hwr_max_image_pixels;
	return limits;
}
