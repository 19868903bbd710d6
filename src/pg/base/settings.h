/*
 * settings.h
 *	  The configuration parameters hwr.*.
 *
 * Include after postgres.h.
 */
#ifndef HWR_SETTINGS_H
#define HWR_SETTINGS_H

#include "core/image/image.h"

typedef enum HwrPrecisionSetting
{
	HWR_PRECISION_AUTO,
	HWR_PRECISION_FLOAT32,
	HWR_PRECISION_BFLOAT16,
	HWR_PRECISION_INT8
} HwrPrecisionSetting;

/* What an image that cannot be read makes of hwr_recognize. */
typedef enum HwrBadImageSetting
{
	HWR_BAD_IMAGE_ERROR,
	HWR_BAD_IMAGE_NULL
} HwrBadImageSetting;

typedef enum HwrBatchSetting
{
	HWR_BATCH_AUTO,
	HWR_BATCH_OFF
} HwrBatchSetting;

extern int	hwr_on_bad_image;	/* HwrBadImageSetting */
extern int	hwr_batch;			/* HwrBatchSetting */
extern int	hwr_max_image_bytes;	/* kB */
extern int	hwr_max_image_pixels;	/* pixels */
extern int	hwr_model_cache_size;	/* kB, this backend */
extern int	hwr_training_memory;	/* kB of canvases in memory */
extern int	hwr_precision;		/* HwrPrecisionSetting */
typedef enum HwrServiceSetting
{
	HWR_SERVICE_AUTO,
	HWR_SERVICE_CPU,
	HWR_SERVICE_CUDA,
	HWR_SERVICE_NONE
} HwrServiceSetting;

/* Upper limits of hwr.max_batch, hwr.max_jobs and hwr.pipeline_workers. */
#define HWR_MAX_BATCH 1024
#define HWR_MAX_MAX_JOBS 1024
#define HWR_MAX_PIPELINE_WORKERS 256

extern int	hwr_device;			/* HwrDeviceKind */
extern int	hwr_service_device; /* HwrServiceSetting */
extern int	hwr_service_threads;	/* of the service on the CPU */
extern int	hwr_queue_slots;	/* requests in flight at most */
extern int	hwr_max_batch;		/* canvases the service runs at once */
extern int	hwr_batch_wait;		/* ms, for a batch to fill */
extern int	hwr_max_jobs;		/* trainings at the same time, 0: any number */
extern int	hwr_pipeline_workers;	/* that read attached tables, of the server */
extern int	hwr_pipeline_timeout;	/* ms, of a batch in a background worker, 0: none */
extern int	hwr_gpu_memory_limit;	/* kB, 0: none */
extern char *hwr_cuda_library;
extern double hwr_search_threshold; /* of the operator @~ */
extern char *hwr_line_model_name;	/* finds the lines of pages; empty: no model does */
extern void hwr_define_settings(void);

/*
 * What only the server's configuration sets, as this process has it, palloc'd; and back again,
 * after the settings of another process, in which a client may have clouded them.
 */
typedef struct HwrServerSettings HwrServerSettings;
extern HwrServerSettings *hwr_server_settings(void);
extern void hwr_keep_server_settings(const HwrServerSettings *settings);
extern HwrImageLimits hwr_image_limits(void);

#endif							/* HWR_SETTINGS_H */
