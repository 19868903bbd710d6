/*
 * reader.c
 *	  A batch of images on its way from bytes to posteriors to text.
 *
 * Every recognition goes through here.  The core's results are malloc'd; a callback on the batch's
 * memory context frees them whichever way the context ends.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "hwr.h"
#include "service.h"

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

bool
hwr_batch_add(HwrBatchReader *batch, HwrLoaded loaded, const uint8 *bytes, Size len, HwrStatus *st)
{
	HwrImageLimits limits = hwr_image_limits();

	Assert(batch->n < HWR_RECOGNIZE_BATCH);
	CHECK_FOR_INTERRUPTS();
	if (!hwr_recognizer_prepare(loaded.recognizer, bytes, len, &limits,
								&batch->canvases[batch->n], st))
		return false;
	batch->n++;
	return true;
}

/* On the service's device or here; without a wish for a GPU, here too where the service fails. */
static void
compute_posteriors(HwrBatchReader *batch, HwrLoaded loaded)
{
	HwrStatus	st;

	if (hwr_use_service())
	{
		if (hwr_service_run(batch, loaded, &st))
			return;
		if (hwr_device == HWR_USE_CUDA)
			hwr_raise(&st);
	}
	if (!hwr_recognizer_run(loaded.recognizer, batch->n, batch->canvases, batch->posteriors, &st))
		hwr_raise(&st);
}

void
hwr_batch_run(HwrBatchReader *batch, HwrLoaded loaded)
{
	HwrStatus	st;

	CHECK_FOR_INTERRUPTS();
	compute_posteriors(batch, loaded);
	for (int i = 0; i < batch->n; i++)
	{
		const HwrPosterior *p = &batch->posteriors[i];

		if (!hwr_decode_greedy(p->logp, p->steps, p->classes, &loaded.model->alphabet,
							   &batch->readings[i], &st))
			hwr_raise(&st);
	}
}

void
hwr_batch_free(HwrBatchReader *batch)
{
	MemoryContextDelete(batch->context);
}
