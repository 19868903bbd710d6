/*
 * service_client.c
 *	  A session's side of the service: queue a batch, wait, take the posteriors.  See service.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "core/base/status.h"
#include "core/model/model.h"
#include "core/network/recognizer.h"
#include "core/network/vgsl.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/wait.h"
#include "pg/catalog/cache.h"
#include "service.h"

/* Alignment of what follows the header in a segment. */
#define ALIGN(size) TYPEALIGN(64, size)

/* Smallest segment: what a session needs grows with its images. */
#define MIN_SEGMENT (64 * 1024)

/* This session's segment, kept until a larger one is needed or the session ends. */
static dsm_segment *data_segment = NULL;

/*
 * The segment
 */

/* The segment goes; the worker is told to let go of it too. */
static void
segment_detached(dsm_segment *segment, Datum arg)
{
	HwrServiceData *data = dsm_segment_address(segment);

	pg_atomic_write_u32(&data->closed, 1);
	LWLockAcquire(hwr_service->lock, LW_SHARED);
	if (hwr_service->latch != NULL)
		SetLatch(hwr_service->latch);
	LWLockRelease(hwr_service->lock);
	data_segment = NULL;
}

static HwrServiceData *
reserve_segment(Size size)
{
	HwrServiceData *data;
	dsm_segment *segment;

	if (data_segment != NULL && dsm_segment_map_length(data_segment) >= size)
		return dsm_segment_address(data_segment);
	if (data_segment != NULL)
	{
		size = Max(size, 2 * dsm_segment_map_length(data_segment));
		dsm_detach(data_segment);
	}
	segment = dsm_create(Max(size, MIN_SEGMENT), 0);
	data = dsm_segment_address(segment);
	pg_atomic_init_u32(&data->closed, 0);
	on_dsm_detach(segment, segment_detached, (Datum) 0);
	dsm_pin_mapping(segment);
	data_segment = segment;
	return data;
}

/* Header, canvases and room for posteriors. */
static HwrServiceData *
fill_segment(int n, const HwrCanvas *canvases, const HwrNet *net)
{
	HwrServiceData *data;
	HwrServiceItem items[HWR_RECOGNIZE_BATCH];
	Size		size = ALIGN(sizeof(HwrServiceData));

	for (int i = 0; i < n; i++)
	{
		int			width = canvases[i].width;

		items[i].width = width;
		items[i].ink = size;
		size += ALIGN((Size) net->height * width);
		items[i].logp = size;
		size += ALIGN((Size) hwr_net_steps(net, width) * net->classes * sizeof(float));
	}
	data = reserve_segment(size);
	memcpy(data->items, items, n * sizeof(items[0]));
	for (int i = 0; i < n; i++)
		memcpy((char *) data + items[i].ink, canvases[i].ink, (Size) net->height * items[i].width);
	return data;
}

/* The network for a worker that does not know it.  The segment ends with the statement, or by us. */
static dsm_segment *
make_model_segment(const HwrModel *model)
{
	Size		size = offsetof(HwrServiceModel, values) + model->net.nvalues * sizeof(float);
	dsm_segment *segment = dsm_create(size, 0);
	HwrServiceModel *out = dsm_segment_address(segment);

	out->classes = model->net.classes;
	memcpy(out->vgsl, model->net.vgsl, sizeof(out->vgsl));
	out->nvalues = model->net.nvalues;
	memcpy(out->values, model->values, out->nvalues * sizeof(float));
	return segment;
}

/*
 * The queue
 */

/* The lock is held. */
static void
enqueue(HwrServiceSlot *slot)
{
	slot->state = HWR_SLOT_QUEUED;
	dlist_push_tail(&hwr_service->queue, &slot->node);
	SetLatch(hwr_service->latch);
}

/*
 * Take a free slot, waiting for one if need be, and queue the request.  NULL: there is no worker
 * (any more).
 */
static HwrServiceSlot *
submit(const HwrServiceSlot *request)
{
	HwrServiceSlot *slot = NULL;

	for (;;)
	{
		bool		ready;

		LWLockAcquire(hwr_service->lock, LW_EXCLUSIVE);
		ready = hwr_service->ready;
		if (ready && hwr_service->nfree > 0)
		{
			slot = dlist_container(HwrServiceSlot, node, dlist_pop_head_node(&hwr_service->free));
			hwr_service->nfree--;
			*slot = *request;
			enqueue(slot);
		}
		LWLockRelease(hwr_service->lock);
		if (slot != NULL || !ready)
			break;
		ConditionVariableSleep(&hwr_service->slot_freed, hwr_wait_event(HWR_WAIT_SLOT));
	}
	ConditionVariableCancelSleep();
	return slot;
}

/* The same slot again, now with the model.  False: the worker has gone meanwhile. */
static bool
resubmit(HwrServiceSlot *slot, dsm_handle model)
{
	bool		ready;

	LWLockAcquire(hwr_service->lock, LW_EXCLUSIVE);
	ready = hwr_service->ready;
	if (ready)
	{
		slot->model = model;
		enqueue(slot);
	}
	LWLockRelease(hwr_service->lock);
	return ready;
}

static HwrAnswer
wait_for_answer(HwrServiceSlot *slot)
{
	for (;;)
	{
		HwrSlotState state;
		HwrAnswer	answer;

		LWLockAcquire(hwr_service->lock, LW_SHARED);
		state = slot->state;
		answer = slot->answer;
		LWLockRelease(hwr_service->lock);
		if (state == HWR_SLOT_ANSWERED)
			return answer;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1L, hwr_wait_event(HWR_WAIT_ANSWER));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Give the slot back, whatever has become of it: after the answer, on an error, on the way out of the
 * process.
 */
static void
release_slot(int code, Datum arg)
{
	HwrServiceSlot *slot = (HwrServiceSlot *) DatumGetPointer(arg);
	bool		abandoned = false;

	LWLockAcquire(hwr_service->lock, LW_EXCLUSIVE);
	if (slot->state == HWR_SLOT_TAKEN)
	{
		slot->state = HWR_SLOT_ABANDONED;
		abandoned = true;
	}
	else
	{
		if (slot->state == HWR_SLOT_QUEUED)
		{
			dlist_delete(&slot->node);
			hwr_service->counts.dropped++;
		}
		hwr_service_free_slot(slot);
	}
	LWLockRelease(hwr_service->lock);
	if (abandoned)
		dsm_detach(data_segment);	/* the worker may still write to it */
	else						/* all who wait: one alone may be cancelled just now and lose the signal */
		ConditionVariableBroadcast(&hwr_service->slot_freed);
}

/* From the first submission to the final answer. */
static HwrAnswer
converse(HwrServiceSlot *slot, const HwrModel *model)
{
	HwrAnswer	answer = wait_for_answer(slot);

	/* a second time where other models have pushed this one out meanwhile */
	while (answer == HWR_ANSWER_UNKNOWN_MODEL)
	{
		dsm_segment *segment = make_model_segment(model);

		answer = resubmit(slot, dsm_segment_handle(segment)) ? wait_for_answer(slot) : HWR_ANSWER_LOST;
		dsm_detach(segment);
	}
	return answer;
}

/* The answer to a request that has been submitted; the slot is free again after it. */
static HwrAnswer
finish(HwrServiceSlot *slot, const HwrModel *model, const HwrServiceData *data, TimestampTz *taken, HwrStatus *st)
{
	volatile HwrAnswer answer = HWR_ANSWER_LOST;

	PG_ENSURE_ERROR_CLEANUP(release_slot, PointerGetDatum(slot));
	{
		answer = converse(slot, model);
	}
	PG_END_ENSURE_ERROR_CLEANUP(release_slot, PointerGetDatum(slot));
	if (answer == HWR_ANSWER_FAILED)
		*st = data->status;
	*taken = slot->taken;
	release_slot(0, PointerGetDatum(slot));
	return answer;
}

bool
hwr_service_run(HwrLoaded loaded, int n, const HwrCanvas *canvases, HwrPosterior *posteriors, double *queue_time,
				HwrStatus *st)
{
	const HwrNet *net = &loaded.model->net;
	const HwrServiceData *data = fill_segment(n, canvases, net);
	HwrAnswer	answer = HWR_ANSWER_LOST;
	TimestampTz submitted = GetCurrentTimestamp();
	TimestampTz taken = submitted;
	HwrServiceSlot *slot;
	HwrServiceSlot request = {
		.client = MyProc,
		.data = dsm_segment_handle(data_segment),
		.model = DSM_HANDLE_INVALID,
		.n = n,
		.key.precision = loaded.precision,
	};

	memcpy(request.key.hash, loaded.hash, sizeof(request.key.hash));
	slot = submit(&request);
	if (slot != NULL)
		answer = finish(slot, loaded.model, data, &taken, st);
	if (answer == HWR_ANSWER_LOST)
	{
		hwr_fail(st, HWR_DEVICE, "connection to the service worker was lost");
		hwr_fail_hint(st, "It starts again by itself. The server log may say more.");
	}
	if (answer != HWR_ANSWER_DONE)
		return false;
	*queue_time = Max(taken - submitted, 0) / 1000.0;
	for (int i = 0; i < n; i++)
	{
		HwrPosterior *p = &posteriors[i];

		p->steps = hwr_net_steps(net, data->items[i].width);
		p->classes = net->classes;
		p->logp = hwr_alloc((size_t) p->steps * p->classes, sizeof(float), st);
		if (p->logp == NULL)
			hwr_raise(st);
		memcpy(p->logp, (const char *) data + data->items[i].logp,
			   (Size) p->steps * p->classes * sizeof(float));
	}
	return true;
}
