/*
 * settings.c
 *	  Configuration parameters.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "core/image/image.h"
#include "core/network/device.h"
#include "compat.h"
#include "settings.h"

/* As much as a bytea can hold. */
#define MAX_BYTEA_KB (1024 * 1024)

int			hwr_max_image_bytes = 32 * 1024;
int			hwr_max_image_pixels = 100 * 1000 * 1000;
int			hwr_model_cache_size = 64 * 1024;
int			hwr_training_memory = 512 * 1024;

int			hwr_precision = HWR_PRECISION_AUTO;
int			hwr_on_bad_image = HWR_BAD_IMAGE_ERROR;
int			hwr_batch = HWR_BATCH_AUTO;

int			hwr_device = HWR_USE_AUTO;
int			hwr_service_device = HWR_SERVICE_AUTO;
int			hwr_service_threads = 1;
int			hwr_queue_slots = 64;
int			hwr_max_batch = 64;
int			hwr_batch_wait = 2;
int			hwr_max_jobs = 0;
int			hwr_pipeline_workers = 1;
int			hwr_pipeline_timeout = 600 * 1000;
int			hwr_gpu_memory_limit = 0;
char	   *hwr_cuda_library = NULL;
static char *improvement = NULL;	/* read by current_setting alone */
double		hwr_search_threshold = 0.3;
char	   *hwr_line_model_name;

static const struct config_enum_entry device_options[] = {
	{"auto", HWR_USE_AUTO, false},
	{"cpu", HWR_USE_CPU, false},
	{"cuda", HWR_USE_CUDA, false},
	{NULL, 0, false}
};

static const struct config_enum_entry service_device_options[] = {
	{"auto", HWR_SERVICE_AUTO, false},
	{"cpu", HWR_SERVICE_CPU, false},
	{"cuda", HWR_SERVICE_CUDA, false},
	{"none", HWR_SERVICE_NONE, false},
	{NULL, 0, false}
};

static const struct config_enum_entry precision_options[] = {
	{"auto", HWR_PRECISION_AUTO, false},
	{"float32", HWR_PRECISION_FLOAT32, false},
	{"bfloat16", HWR_PRECISION_BFLOAT16, false},
	{"int8", HWR_PRECISION_INT8, false},
	{NULL, 0, false}
};

static const struct config_enum_entry bad_image_options[] = {
	{"error", HWR_BAD_IMAGE_ERROR, false},
	{"null", HWR_BAD_IMAGE_NULL, false},
	{NULL, 0, false}
};

/* What a boolean would take is understood as well, and not shown. */
static const struct config_enum_entry batch_options[] = {
	{"auto", HWR_BATCH_AUTO, false},
	{"off", HWR_BATCH_OFF, false},
	{"on", HWR_BATCH_AUTO, true},
	{"true", HWR_BATCH_AUTO, true},
	{"yes", HWR_BATCH_AUTO, true},
	{"1", HWR_BATCH_AUTO, true},
	{"false", HWR_BATCH_OFF, true},
	{"no", HWR_BATCH_OFF, true},
	{"0", HWR_BATCH_OFF, true},
	{NULL, 0, false}
};

static void
define_device_settings(void)
{
	DefineCustomEnumVariable("hwr.device",
							 "Sets where recognition and training compute.",
							 "With \"auto\", recognition uses the service worker where it runs, and training a GPU where there "
							 "is one.",
							 &hwr_device, HWR_USE_AUTO, device_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hwr.max_batch",
							"Sets how many images the service worker runs at once.",
							NULL,
							&hwr_max_batch, 64, 1, HWR_MAX_BATCH,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hwr.batch_wait",
							"Sets how long the service worker waits for other sessions to fill a batch.",
							"It only waits while several sessions send images.",
							&hwr_batch_wait, 2, 0, 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("hwr.gpu_memory_limit",
							"Sets how much memory of the GPU a process of hwr's may use.",
							"Zero means no limit.",
							&hwr_gpu_memory_limit, 0, 0, MAX_KILOBYTES,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomStringVariable("hwr.cuda_library",
							   "Sets the file of the CUDA backend.",
							   "\"$libdir\" stands for the directory of PostgreSQL's libraries.",
							   &hwr_cuda_library, "$libdir/" HWR_CUDA_LIBRARY,
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
}

/* Those that count when the server starts exist only where it starts the service. */
static void
define_service_settings(void)
{
	DefineCustomEnumVariable("hwr.service_device",
							 "Sets the device that the service worker owns.",
							 "With \"auto\", a GPU where there is a usable one, else there is no service.",
							 &hwr_service_device, HWR_SERVICE_AUTO, service_device_options,
							 PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hwr.service_threads",
							"Sets the threads of a service worker on the CPU.",
							NULL,
							&hwr_service_threads, 1, 1, 256,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hwr.queue_slots",
							"Sets how many requests the service worker may have at once.",
							"A session that finds all taken waits.",
							&hwr_queue_slots, 64, 1, 65536,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
}

/* Those of this file that neither a client nor a role's or a database's settings change. */
static const char *const server_names[] = {"hwr.max_jobs", "hwr.max_batch", "hwr.batch_wait", "hwr.gpu_memory_limit",
	"hwr.cuda_library",
"hwr.pipeline_workers", "hwr.pipeline_timeout"};

struct HwrServerSettings
{
	char	   *values[lengthof(server_names)];
};

static void
set_as_server(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SIGHUP, PGC_S_FILE, GUC_ACTION_SET, true, WARNING, false);
}

/*
 * Before the library is loaded anybody may set a parameter of this prefix, in the connection's
 * options for example.  When it is defined, PostgreSQL refuses such a value, but the server's, in
 * whose place it was, is gone.  So it is read once more.
 */
static void
read_server_settings(void)
{
	ConfigVariable *head = NULL;
	ConfigVariable *tail = NULL;

	if (ConfigFileName == NULL ||
		!ParseConfigFile(ConfigFileName, true, NULL, 0, 0, DEBUG1, &head, &tail) ||
		!ParseConfigFile(PG_AUTOCONF_FILENAME, false, NULL, 0, 0, DEBUG1, &head, &tail))
		return;
	for (ConfigVariable *item = head; item != NULL; item = item->next)
		for (int i = 0; i < lengthof(server_names); i++)
			if (pg_strcasecmp(item->name, server_names[i]) == 0)
				set_as_server(server_names[i], item->value);
	FreeConfigVariables(head);
}

HwrServerSettings *
hwr_server_settings(void)
{
	HwrServerSettings *settings = palloc(sizeof(HwrServerSettings));

	for (int i = 0; i < lengthof(server_names); i++)
		settings->values[i] = pstrdup(GetConfigOption(server_names[i], false, false));
	return settings;
}

void
hwr_keep_server_settings(const HwrServerSettings *settings)
{
	for (int i = 0; i < lengthof(server_names); i++)
		set_as_server(server_names[i], settings->values[i]);
}

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
	DefineCustomIntVariable("hwr.max_jobs",
							"Sets how many training jobs of the server run at the same time.",
							"Further jobs wait in the order of request. Zero means no limit.",
							&hwr_max_jobs, 0, 0, HWR_MAX_MAX_JOBS,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hwr.pipeline_workers",
							"Sets how many background workers of the server read attached tables.",
							"They are started where there is work, if hwr is among shared_preload_libraries. Zero means none.",
							&hwr_pipeline_workers, 1, 0, HWR_MAX_PIPELINE_WORKERS,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hwr.pipeline_timeout",
							"Sets how long a background worker may take for a batch of an attached table.",
							"Then the batch is cancelled, and other tables are read. Zero means no limit.",
							&hwr_pipeline_timeout, 600 * 1000, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomEnumVariable("hwr.precision",
							 "Sets the numbers that recognition computes with.",
							 "With \"bfloat16\", and \"int8\" for what LSTMs give out, where the processor has instructions for "
							 "it; else the next wider. \"auto\" is \"int8\".",
							 &hwr_precision, HWR_PRECISION_AUTO, precision_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("hwr.improvement",
							   "What hwr_improve tells the views that its training reads.",
							   NULL,
							   &improvement, "",
							   PGC_USERSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, NULL, NULL, NULL);
	DefineCustomRealVariable("hwr.search_threshold",
							 "Sets how probable what is looked for has to be for the operator @~ to find it.",
							 "An index with a higher bound of its own is of no help.",
							 &hwr_search_threshold, 0.3, 0, 1,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("hwr.line_model",
							   "Sets the model that finds the lines of pages.",
							   "Empty: they are found without a model, as they are where there is no model of the default's "
							   "name.",
							   &hwr_line_model_name, "lines",
							   PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("hwr.on_bad_image",
							 "Sets what an image that cannot be read makes of hwr_recognize and hwr_recognize_batch.",
							 "With \"null\" it gives NULL instead of an error; a notice at the end of the statement says how "
							 "often.",
							 &hwr_on_bad_image, HWR_BAD_IMAGE_ERROR, bad_image_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("hwr.batch",
							 "Sets whether plain SQL reads images in batches.",
							 "With \"auto\", wherever that makes no difference to rows, order and errors.",
							 &hwr_batch, HWR_BATCH_AUTO, batch_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	define_device_settings();
	if (process_shared_preload_libraries_in_progress)
		define_service_settings();
	MarkGUCPrefixReserved("hwr");
	if (!process_shared_preload_libraries_in_progress)
		read_server_settings();
}

HwrImageLimits
hwr_image_limits(void)
{
	HwrImageLimits limits;

	limits.max_bytes = (int64_t) hwr_max_image_bytes * 1024;
	limits.max_pixels = hwr_max_image_pixels;
	return limits;
}
