/*
 * reader.c
 *	  A batch of images on its way from bytes to posteriors to text.
 *
 * Every recognition goes through here.  The core's results are malloc'd; a callback on the batch's
 * memory context frees them whichever way the context ends.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "core/base/status.h"
#include "core/image/image.h"
#include "core/model/reading.h"
#include "core/network/device.h"
#include "core/network/recognizer.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/catalog/cache.h"
#include "pg/monitor/stat.h"
#include "pg/service/device.h"
#include "pg/service/service.h"
#include "reader.h"

static void
free_results(void *arg)
{
	HwrBatchReader *batch = arg;

	for (int i = 0; i < batch->n; i++)
	{
		hwr_canvas_free(&batch->canvases[i]);
		hwr_posterior_free(&batch->posteriors[i]);
		hwr_reading_free(&batch->readings[i]);
	}
	batch->n = 0;
}

HwrBatchReader *
hwr_batch_create(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hwr batch",
												  ALLOCSET_DEFAULT_SIZES);
	HwrBatchReader *batch = MemoryContextAllocZero(context, sizeof(HwrBatchReader));
	MemoryContextCallback *callback = MemoryContextAlloc(context, sizeof(MemoryContextCallback));

	batch->context = context;
	callback->func = free_results;
	callback->arg = batch;
	MemoryContextRegisterResetCallback(context, callback);
	return batch;
}

static double
milliseconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_MILLISEC(now);
}

static bool
add_image(HwrBatchReader *batch, HwrLoaded loaded, const uint8 *bytes, Size len, HwrStatus *st)
{
	HwrImageLimits limits = hwr_image_limits();
	instr_time	start;

	Assert(batch->n < HWR_RECOGNIZE_BATCH);
	CHECK_FOR_INTERRUPTS();
	INSTR_TIME_SET_CURRENT(start);
	if (!hwr_recognizer_prepare(loaded.recognizer, bytes, len, &limits, &batch->canvases[batch->n], st))
		return false;
	hwr_stat_counts(loaded.version)->prepare_time += milliseconds_since(start);
	batch->n++;
	return true;
}

bool
hwr_batch_add(HwrBatchReader *batch, HwrLoaded loaded, const uint8 *bytes, Size len, HwrStatus *st)
{
	if (add_image(batch, loaded, bytes, len, st))
		return true;
	hwr_stat_counts(loaded.version)->errors++;
	return false;
}

bool
hwr_batch_add_image(HwrBatchReader *batch, HwrLoaded loaded, const HwrImage *image, bool area, HwrStatus *st)
{
	HwrStatCounts *counts = hwr_stat_counts(loaded.version);
	instr_time	start;

	Assert(batch->n < HWR_RECOGNIZE_BATCH);
	INSTR_TIME_SET_CURRENT(start);
	if (!(area ? hwr_recognizer_prepare_area : hwr_recognizer_prepare_image) (loaded.recognizer, image,
																			 &batch->canvases[batch->n], st))
	{
		counts->errors++;
		return false;
	}
	counts->prepare_time += milliseconds_since(start);
	batch->n++;
	return true;
}

bool
hwr_batch_try(HwrBatchReader *batch, HwrLoaded loaded, const uint8 *bytes, Size len)
{
	HwrStatus	st;

	return add_image(batch, loaded, bytes, len, &st);
}

/* The service computes every canvas; of an empty one its network's opinion does not count. */
static bool
judge_empty(HwrBatchReader *batch, const HwrNet *net, HwrStatus *st)
{
	for (int i = 0; i < batch->n; i++)
	{
		if (!hwr_canvas_is_empty(&batch->canvases[i], net->height))
			continue;
		hwr_posterior_free(&batch->posteriors[i]);
		if (!hwr_posterior_of_nothing(net, &batch->canvases[i], &batch->posteriors[i], st))
			return false;
	}
	return true;
}

/* The service knows networks, one for a request. */
static bool
refuse_ensemble(HwrStatus *st)
{
	hwr_fail(st, HWR_DEVICE, "an ensemble cannot be computed on a GPU");
	return hwr_fail_hint(st, "SET hwr.device = auto, or read with one of its members.");
}

/* On the service's device or here; without a wish for a GPU, here too where the service fails. */
static bool
compute_posteriors(HwrBatchReader *batch, HwrLoaded loaded, HwrStatCounts *counts, HwrStatus *st)
{
	if (loaded.model->ensemble != NULL && hwr_device == HWR_USE_CUDA)
	{
		counts->errors++;
		return refuse_ensemble(st);
	}
	if (loaded.model->ensemble == NULL && hwr_use_service())
	{
		if (hwr_service_run(loaded, batch->n, batch->canvases, batch->posteriors, &batch->queue_time, st))
		{
			counts->service_images += batch->n;
			return judge_empty(batch, &loaded.model->net, st);
		}
		counts->errors++;
		if (hwr_device == HWR_USE_CUDA)
			return false;
	}
	if (hwr_recognizer_run(loaded.recognizer, batch->n, batch->canvases, batch->posteriors, st))
		return true;
	counts->errors++;
	return false;
}

bool
hwr_batch_try_run(HwrBatchReader *batch, HwrLoaded loaded, HwrStatus *st)
{
	HwrStatCounts *counts = hwr_stat_counts(loaded.version);
	instr_time	start;

	CHECK_FOR_INTERRUPTS();
	INSTR_TIME_SET_CURRENT(start);
	if (!compute_posteriors(batch, loaded, counts, st))
		return false;
	counts->images += batch->n;
	counts->batches++;
	counts->queue_time += batch->queue_time;
	counts->network_time += milliseconds_since(start) - batch->queue_time;
	INSTR_TIME_SET_CURRENT(start);
	for (int i = 0; i < batch->n; i++)
	{
		const HwrPosterior *p = &batch->posteriors[i];

		CHECK_FOR_INTERRUPTS();	/* with a language model a line takes some milliseconds */
		if (!hwr_model_decode(loaded.model, loaded.beam, p->logp, p->steps, p->classes, &batch->readings[i], st))
			return false;
	}
	counts->decode_time += milliseconds_since(start);
	hwr_stat_flush_if_due();
	return true;
}

void
hwr_batch_run(HwrBatchReader *batch, HwrLoaded loaded)
{
	HwrStatus	st;

	if (!hwr_batch_try_run(batch, loaded, &st))
		hwr_raise(&st);
}

void
hwr_batch_free(HwrBatchReader *batch)
{
	MemoryContextDelete(batch->context);
}
