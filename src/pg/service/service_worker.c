/*
 * service_worker.c
 *	  The service worker: requests of all sessions become batches for one device.
 *
 * service.h describes the protocol.  Here is what happens to a request that has been taken out of the queue.
 *
 * A request holds canvases of any widths; the device runs canvases of one width through one model.
 * So the unit of batching is the canvas: the oldest request decides model and width, and canvases
 * of the same kind are collected from all requests, in the order of their arrival, up to
 * hwr.max_batch.  A request is answered when its last canvas has been through.  The oldest canvas
 * is always in the next batch, so nobody starves.
 *
 * When to wait for more: sessions come in rounds, each sends its next request soon after the last
 * answer.  A batch that is not full waits until as many requests are there as were in flight when
 * the last batch ended, but not longer than hwr.batch_wait after the oldest arrived.  A session
 * alone never waits.
 *
 * A device that fails (HWR_DEVICE) is not trusted again in this process: everybody is answered, and the
 * process exits to be started afresh.
 */
#include "postgres.h"

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/base/status.h"
#include "core/network/backend.h"
#include "core/network/device.h"
#include "core/network/recognizer.h"
#include "core/network/vgsl.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/base/wait.h"
#include "device.h"
#include "service.h"

/* A session's segment.  The worker stays attached until the session closes it. */
typedef struct Attachment
{
	dlist_node	node;
	dsm_handle	handle;
	dsm_segment *segment;
} Attachment;

/* A request out of the queue, its slot TAKEN or ABANDONED. */
typedef struct Request
{
	HwrServiceSlot *slot;
	HwrServiceData *data;
	TimestampTz arrived;
	int			n;
	int			left;			/* canvases that have not been through */
	bool		done[HWR_RECOGNIZE_BATCH];
} Request;

/* A canvas in a batch. */
typedef struct Member
{
	Request    *request;
	int			item;
} Member;

static const HwrBackend *backend;
static dlist_head attachments = DLIST_STATIC_INIT(attachments);
static Request *requests;		/* [nrequests], in the order of arrival */
static int	nrequests;
static int	expected;			/* slots in use when the last batch ended */
static Member members[HWR_MAX_BATCH];	/* of the batch */
static uint8_t *ink;			/* [N][H][W] of the batch */
static size_t ink_size;
static float *logp;				/* [N][T][K] */
static size_t logp_size;

/*
 * The sessions' segments
 */

static dsm_segment *
attach_data(dsm_handle handle)
{
	dlist_iter	iter;
	Attachment *a;
	dsm_segment *segment;

	dlist_foreach(iter, &attachments)
	{
		a = dlist_container(Attachment, node, iter.cur);
		if (a->handle == handle)
			return a->segment;
	}
	segment = dsm_attach(handle);
	if (segment == NULL)
		return NULL;
	a = MemoryContextAlloc(TopMemoryContext, sizeof(Attachment));
	a->handle = handle;
	a->segment = segment;
	dlist_push_head(&attachments, &a->node);
	return segment;
}

static bool
is_used(const HwrServiceData *data)
{
	for (int i = 0; i < nrequests; i++)
		if (requests[i].data == data)
			return true;
	return false;
}

/* Let go of the segments that their sessions have closed. */
static void
detach_closed(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &attachments)
	{
		Attachment *a = dlist_container(Attachment, node, iter.cur);
		HwrServiceData *data = dsm_segment_address(a->segment);

		if (pg_atomic_read_u32(&data->closed) != 0 && !is_used(data))
		{
			dlist_delete(&a->node);
			dsm_detach(a->segment);
			pfree(a);
		}
	}
}

/*
 * Requests
 */

/* Answer a request, or free its slot if nobody waits. */
static void
answer(Request *r, HwrAnswer how)
{
	HwrServiceCounts *counts = &hwr_service->counts;
	bool		freed = false;

	LWLockAcquire(hwr_service->lock, LW_EXCLUSIVE);
	if (r->slot->state == HWR_SLOT_ABANDONED)
	{
		counts->dropped++;
		hwr_service_free_slot(r->slot);
		freed = true;
	}
	else
	{
		if (how == HWR_ANSWER_DONE)
		{
			counts->requests++;
			counts->images += r->n;
		}
		else if (how == HWR_ANSWER_FAILED)
			counts->errors++;
		hwr_service_answer_slot(r->slot, how);
	}
	LWLockRelease(hwr_service->lock);
	if (freed)
		ConditionVariableBroadcast(&hwr_service->slot_freed);
	r->slot = NULL;
}

static void
answer_failure(Request *r, const HwrStatus *st)
{
	r->data->status = *st;
	answer(r, HWR_ANSWER_FAILED);
}

/* Whoever is cancelled while the worker has his request costs the device no more time. */
static void
drop_abandoned(void)
{
	for (int i = 0; i < nrequests; i++)
	{
		bool		abandoned;

		LWLockAcquire(hwr_service->lock, LW_SHARED);
		abandoned = requests[i].slot->state == HWR_SLOT_ABANDONED;
		LWLockRelease(hwr_service->lock);
		if (abandoned)
			answer(&requests[i], HWR_ANSWER_LOST);
	}
}

/* Close the gaps that answered requests have left. */
static void
compact(void)
{
	int			kept = 0;

	for (int i = 0; i < nrequests; i++)
		if (requests[i].slot != NULL)
			requests[kept++] = requests[i];
	nrequests = kept;
}

/* After a model has been loaded or may have grown: keep to the limit, and tell what there is. */
static void
fit_models(const HwrServiceContext *model)
{
	int			count;
	Size		bytes;

	hwr_service_fit_models(backend, model, &count, &bytes);
	LWLockAcquire(hwr_service->lock, LW_EXCLUSIVE);
	hwr_service->models = count;
	hwr_service->model_bytes = bytes;
	LWLockRelease(hwr_service->lock);
}

/*
 * Log an error.  A device that has failed is not to be had again in this process: leave() answers
 * those who wait.
 */
static void
report_failure(const HwrStatus *st)
{
	hwr_report(LOG, st);
	if (st->code == HWR_DEVICE)
		proc_exit(1);
}

/* The model that came with the request.  False: the request has been answered. */
static bool
load_model(Request *r)
{
	dsm_segment *segment = dsm_attach(r->slot->model);
	HwrServiceContext *model;
	HwrStatus	st;

	if (segment == NULL)		/* the client has gone */
	{
		answer(r, HWR_ANSWER_LOST);
		return false;
	}
	model = hwr_service_load_model(backend, &r->slot->key, dsm_segment_address(segment), &st);
	dsm_detach(segment);
	fit_models(model);
	if (model != NULL)
		return true;
	answer_failure(r, &st);
	report_failure(&st);
	return false;
}

/* A slot just taken becomes a request, unless it can be answered at once. */
static void
add_request(HwrServiceSlot *slot)
{
	Request    *r = &requests[nrequests];
	dsm_segment *segment = attach_data(slot->data);

	memset(r, 0, sizeof(*r));
	r->slot = slot;
	r->n = r->left = slot->n;
	r->arrived = GetCurrentTimestamp();
	if (segment == NULL)		/* the client has gone */
	{
		answer(r, HWR_ANSWER_LOST);
		return;
	}
	r->data = dsm_segment_address(segment);
	if (hwr_service_find_model(&slot->key) == NULL)
	{
		if (slot->model == DSM_HANDLE_INVALID)
		{
			answer(r, HWR_ANSWER_UNKNOWN_MODEL);
			return;
		}
		if (!load_model(r))
			return;
	}
	nrequests++;
}

static void
take_requests(void)
{
	for (;;)
	{
		HwrServiceSlot *slot = NULL;

		LWLockAcquire(hwr_service->lock, LW_EXCLUSIVE);
		if (!dlist_is_empty(&hwr_service->queue))
		{
			slot = dlist_container(HwrServiceSlot, node, dlist_pop_head_node(&hwr_service->queue));
			slot->state = HWR_SLOT_TAKEN;
			slot->taken = GetCurrentTimestamp();
		}
		LWLockRelease(hwr_service->lock);
		if (slot == NULL)
			break;
		add_request(slot);
	}
}

/*
 * Batches
 */

static int
first_undone(const Request *r)
{
	int			item = 0;

	while (r->done[item])
		item++;
	return item;
}

/* Collect canvases like the oldest one into members; returns how many. */
static int
collect(void)
{
	const HwrModelKey *key = &requests[0].slot->key;
	int			width = requests[0].data->items[first_undone(&requests[0])].width;
	int			n = 0;

	for (int i = 0; i < nrequests; i++)
	{
		Request    *r = &requests[i];

		if (memcmp(&r->slot->key, key, sizeof(*key)) != 0)
			continue;
		for (int item = 0; item < r->n && n < hwr_max_batch; item++)
			if (!r->done[item] && r->data->items[item].width == width)
			{
				members[n].request = r;
				members[n].item = item;
				n++;
			}
	}
	return n;
}

/* Milliseconds that a batch of n should wait for more, 0: run it. */
static long
time_to_wait(int n)
{
	long		waited;

	if (n >= hwr_max_batch || nrequests >= expected)
		return 0;
	waited = TimestampDifferenceMilliseconds(requests[0].arrived, GetCurrentTimestamp());
	return Max(hwr_batch_wait - waited, 0);
}

static bool
reserve(int n, Size canvas_size, Size posterior_size, HwrStatus *st)
{
	if (n * canvas_size > ink_size)
	{
		free(ink);
		ink_size = 0;
		ink = hwr_alloc(n, canvas_size, st);
		if (ink == NULL)
			return false;
		ink_size = n * canvas_size;
	}
	if (n * posterior_size > logp_size)
	{
		free(logp);
		logp_size = 0;
		logp = hwr_alloc(n * posterior_size, sizeof(float), st);
		if (logp == NULL)
			return false;
		logp_size = n * posterior_size;
	}
	return true;
}

/* members[n] through the device, and their posteriors to where their sessions look. */
static bool
infer(HwrServiceContext *model, int n, HwrStatus *st)
{
	int			width = members[0].request->data->items[members[0].item].width;
	Size		canvas_size = (Size) model->net.height * width;
	Size		posterior_size = (Size) hwr_net_steps(&model->net, width) * model->net.classes;

	if (!reserve(n, canvas_size, posterior_size, st))
		return false;
	for (int i = 0; i < n; i++)
	{
		HwrServiceData *data = members[i].request->data;

		memcpy(ink + i * canvas_size, (char *) data + data->items[members[i].item].ink, canvas_size);
	}
	while (!backend->infer(model->context, n, width, ink, logp, st))
		if (st->code != HWR_OUT_OF_MEMORY || !hwr_service_drop_model(backend, model))
			return false;
	for (int i = 0; i < n; i++)
	{
		HwrServiceData *data = members[i].request->data;

		memcpy((char *) data + data->items[members[i].item].logp, logp + i * posterior_size,
			   posterior_size * sizeof(float));
	}
	return true;
}

/* The requests of members[n] get the error; each has several members perhaps. */
static void
fail_batch(int n, const HwrStatus *st)
{
	for (int i = 0; i < n; i++)
		if (members[i].request->slot != NULL)
			answer_failure(members[i].request, st);
	report_failure(st);
}

static void
run_batch(int n)
{
	HwrServiceContext *model = hwr_service_find_model(&requests[0].slot->key);
	HwrStatus	st;

	if (model == NULL)			/* a model that came later has pushed it out */
	{
		answer(&requests[0], HWR_ANSWER_UNKNOWN_MODEL);
		return;
	}
	if (!infer(model, n, &st))
	{
		fail_batch(n, &st);
		return;
	}
	fit_models(model);

	LWLockAcquire(hwr_service->lock, LW_EXCLUSIVE);
	hwr_service->counts.batches++;
	hwr_service->counts.batch_images += n;
	expected = hwr_service->nslots - hwr_service->nfree;
	LWLockRelease(hwr_service->lock);
	for (int i = 0; i < n; i++)
	{
		Request    *r = members[i].request;

		r->done[members[i].item] = true;
		if (--r->left == 0)
			answer(r, HWR_ANSWER_DONE);
	}
}

static void
main_loop(void)
{
	for (;;)
	{
		long		timeout = -1;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		take_requests();
		drop_abandoned();
		compact();
		detach_closed();
		if (nrequests > 0)
		{
			int			n = collect();

			timeout = time_to_wait(n);
			if (timeout == 0)
			{
				run_batch(n);
				compact();
				continue;
			}
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (timeout > 0 ? WL_TIMEOUT : 0), timeout,
						 hwr_wait_event(HWR_WAIT_MAIN));
		ResetLatch(MyLatch);
	}
}

/*
 * Start and end of the process
 */

/* No more requests; answers for those that are there. */
static void
leave(int code, Datum arg)
{
	HwrService *service = hwr_service;

	LWLockReleaseAll();
	LWLockAcquire(service->lock, LW_EXCLUSIVE);
	service->ready = false;
	service->latch = NULL;
	service->pid = 0;
	service->models = 0;
	service->model_bytes = 0;
	for (int i = 0; i < service->nslots; i++)
	{
		HwrServiceSlot *slot = &service->slots[i];

		if (slot->state == HWR_SLOT_QUEUED)
			dlist_delete(&slot->node);
		if (slot->state == HWR_SLOT_QUEUED || slot->state == HWR_SLOT_TAKEN)
		{
			hwr_service_answer_slot(slot, HWR_ANSWER_LOST);
			service->counts.errors++;
		}
		else if (slot->state == HWR_SLOT_ABANDONED)
		{
			hwr_service_free_slot(slot);
			service->counts.dropped++;
		}
	}
	LWLockRelease(service->lock);
	ConditionVariableBroadcast(&service->slot_freed);
}

/* The device that hwr.service_device asks for; NULL: there is none. */
static const HwrBackend *
open_device(HwrDeviceInfo *info, HwrStatus *st)
{
	const HwrBackend *device = hwr_cpu_backend();

	if (hwr_service_device != HWR_SERVICE_CPU && !hwr_device_load(hwr_cuda_path(), &device, st))
		return NULL;
	return device->describe(info, st) ? device : NULL;
}

/* No device, no service: sessions compute by themselves. */
static void
end_without_device(const HwrStatus *st)
{
	LWLockAcquire(hwr_service->lock, LW_EXCLUSIVE);
	strlcpy(hwr_service->reason, st->detail, sizeof(hwr_service->reason));
	LWLockRelease(hwr_service->lock);
	ereport(LOG,
			(errmsg("hwr service is not started: %s", st->message),
			 errdetail("%s", st->detail)));
	proc_exit(0);
}

static void
become_ready(const HwrDeviceInfo *info)
{
	HwrService *service = hwr_service;

	LWLockAcquire(service->lock, LW_EXCLUSIVE);
	service->pid = MyProcPid;
	service->latch = MyLatch;
	service->started = GetCurrentTimestamp();
	service->is_gpu = backend != hwr_cpu_backend();
	service->device = *info;
	service->reason[0] = '\0';
	service->ready = true;
	LWLockRelease(service->lock);
	ereport(LOG,
			(errmsg("hwr service started on %s: %s", backend->name, info->name)));
}

void
hwr_service_main(Datum main_arg)
{
	HwrDeviceInfo info;
	HwrStatus	st;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	before_shmem_exit(leave, (Datum) 0);
	BackgroundWorkerUnblockSignals();

	requests = MemoryContextAllocZero(TopMemoryContext, hwr_queue_slots * sizeof(Request));
	backend = open_device(&info, &st);
	if (backend == NULL)
		end_without_device(&st);
	become_ready(&info);
	main_loop();
}
