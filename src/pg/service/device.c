/*
 * device.c
 *	  Which device computes, and what there is.
 *
 * A GPU's driver is initialised in the service worker and in training workers, never in the
 * postmaster or in a session. So a session knows of a GPU what the service worker has put into
 * shared memory.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/base/status.h"
#include "core/network/backend.h"
#include "core/network/device.h"
#include "core/network/vgsl.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "device.h"
#include "service.h"

PG_FUNCTION_INFO_V1(hwr_devices);
PG_FUNCTION_INFO_V1(hwr_service_status);

/* Columns of their results */
#define NDEVICE_COLUMNS 7
#define NSERVICE_COLUMNS 13

char *
hwr_cuda_path(void)
{
	const char *prefix = "$libdir/";

	if (strncmp(hwr_cuda_library, prefix, strlen(prefix)) == 0)
		return psprintf("%s/%s", pkglib_path, hwr_cuda_library + strlen(prefix));
	return pstrdup(hwr_cuda_library);
}

/* All but the slots, as it is now.  There is a service. */
static HwrService *
copy_service(void)
{
	HwrService *copy = palloc(sizeof(HwrService));

	LWLockAcquire(hwr_service->lock, LW_SHARED);
	memcpy(copy, hwr_service, sizeof(HwrService));
	LWLockRelease(hwr_service->lock);
	return copy;
}

/* Why no session can use a GPU, as a sentence. */
static const char *
why_no_gpu(void)
{
	const HwrService *service;

	if (hwr_service == NULL)
		return "There is no service worker: \"shared_preload_libraries\" does not name \"hwr\".";
	if (hwr_service_device == HWR_SERVICE_NONE || hwr_service_device == HWR_SERVICE_CPU)
		return psprintf("The configuration parameter \"hwr.service_device\" is \"%s\".",
						hwr_service_device == HWR_SERVICE_NONE ? "none" : "cpu");
	service = copy_service();
	return service->reason[0] != '\0' ? service->reason : "The service worker does not run at present.";
}

pg_noreturn static void
raise_no_gpu(const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("GPU is not available"),
			 errdetail("%s", reason),
			 errhint("View \"hwr_devices\" shows what there is. With \"hwr.device\" set to \"auto\", the CPU is used instead.")));
}

bool
hwr_use_service(void)
{
	bool		is_gpu = false;
	bool		ready;

	if (hwr_device == HWR_USE_CPU)
		return false;
	ready = hwr_service_ready(&is_gpu);
	if (hwr_device == HWR_USE_CUDA && !is_gpu)
		raise_no_gpu(why_no_gpu());
	return ready;
}

/* What of an architecture that has been parsed before a GPU does not compute, or NULL. */
static const char *
cpu_only(const char *architecture)
{
	HwrNet	   *net = palloc(sizeof(HwrNet));
	const char *what = NULL;
	HwrStatus	st;

	/* any number of classes will do where the alphabet is to give it */
	if (hwr_vgsl_parse(architecture, strstr(architecture, "O1c") != NULL ? 0 : 2, net, &st))
		for (int i = 0; what == NULL && i < net->nlayers; i++)
			what = hwr_layer_cpu_only(&net->layers[i], true);
	pfree(net);
	return what;
}

const HwrBackend *
hwr_training_backend(HwrDeviceKind wanted, const char *architecture)
{
	const HwrBackend *backend;
	const char *what;
	HwrStatus	st;

	if (wanted == HWR_USE_AUTO)
		wanted = hwr_device;
	if (wanted == HWR_USE_CPU)
		return hwr_cpu_backend();
	if (hwr_device_load(hwr_cuda_path(), &backend, &st))
	{
		what = wanted == HWR_USE_AUTO ? cpu_only(architecture) : NULL;
		if (what == NULL)
			return backend;
		ereport(LOG,
				(errmsg("training runs on the CPU: the GPU does not compute this network"),
				 errdetail("It has %s.", what)));
		return hwr_cpu_backend();
	}
	if (wanted == HWR_USE_CUDA)
		raise_no_gpu(pstrdup(st.detail));
	ereport(LOG,
			(errmsg("training runs on the CPU: %s", st.message),
			 errdetail("%s", st.detail)));
	return hwr_cpu_backend();
}

/*
 * What there is
 */

static void
put_device(ReturnSetInfo *rsinfo, const char *backend, const HwrDeviceInfo *info, const HwrService *service,
		   const char *state, const char *reason)
{
	Datum		values[NDEVICE_COLUMNS] = {0};
	bool		nulls[NDEVICE_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[0] = CStringGetTextDatum(backend);
	values[5] = CStringGetTextDatum(state);
	nulls[0] = nulls[5] = false;
	if (info != NULL)
	{
		values[1] = CStringGetTextDatum(info->name);
		values[2] = Int64GetDatum(info->memory);
		values[4] = CStringGetTextDatum(info->driver);
		nulls[1] = nulls[4] = false;
		nulls[2] = info->memory == 0;
	}
	if (service != NULL)
	{
		values[3] = Int64GetDatum(service->model_bytes);
		nulls[3] = false;
	}
	if (reason != NULL)
	{
		values[6] = CStringGetTextDatum(reason);
		nulls[6] = false;
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * hwr.devices() returns table (backend, name, memory, memory_used, driver, state, reason): a row
 * for each backend
 */
Datum
hwr_devices(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const HwrService *service = hwr_service != NULL ? copy_service() : NULL;
	bool		on_cpu = service != NULL && service->ready && !service->is_gpu;
	HwrDeviceInfo cpu;
	HwrStatus	st;

	InitMaterializedSRF(fcinfo, 0);
	if (!hwr_cpu_backend()->describe(&cpu, &st))
		hwr_raise(&st);
	put_device(rsinfo, "cpu", &cpu, on_cpu ? service : NULL, on_cpu ? "service" : "in backend", NULL);
	if (service != NULL && service->ready && service->is_gpu)
		put_device(rsinfo, "cuda", &service->device, service, "service", NULL);
	else
		put_device(rsinfo, "cuda", NULL, NULL, "not available", why_no_gpu());
	return (Datum) 0;
}

/*
 * hwr.service() returns table (pid, started, device, queue_slots, in_use, requests, images,
 * batches, mean_fill, models, model_bytes, dropped, errors): one row, none where there is no
 * service; pid to device are NULL while it does not run
 */
Datum
hwr_service_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		values[NSERVICE_COLUMNS] = {0};
	bool		nulls[NSERVICE_COLUMNS] = {false};
	const HwrService *service;
	const HwrServiceCounts *counts;

	InitMaterializedSRF(fcinfo, 0);
	if (hwr_service == NULL)
		return (Datum) 0;
	service = copy_service();
	counts = &service->counts;
	nulls[0] = nulls[1] = nulls[2] = !service->ready;
	values[0] = Int32GetDatum(service->pid);
	values[1] = TimestampTzGetDatum(service->started);
	values[2] = CStringGetTextDatum(service->is_gpu ? "cuda" : "cpu");
	values[3] = Int32GetDatum(service->nslots);
	values[4] = Int32GetDatum(service->nslots - service->nfree);
	values[5] = Int64GetDatum(counts->requests);
	values[6] = Int64GetDatum(counts->images);
	values[7] = Int64GetDatum(counts->batches);
	nulls[8] = counts->batches == 0;
	values[8] = Float8GetDatum((double) counts->batch_images / counts->batches);
	values[9] = Int32GetDatum(service->models);
	values[10] = Int64GetDatum(service->model_bytes);
	values[11] = Int64GetDatum(counts->dropped);
	values[12] = Int64GetDatum(counts->errors);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}
