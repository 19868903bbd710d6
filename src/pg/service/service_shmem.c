/*
 * service_shmem.c
 *	  The service's shared memory and its worker's registration.
 */
#include "postgres.h"

#include "postmaster/bgworker.h"
#include "storage/shmem.h"

#include "pg/base/compat.h"
#include "pg/base/settings.h"
#include "pg/base/shared_memory.h"
#include "service.h"

/* Between a worker's end and the next one, in seconds. */
#define RESTART_INTERVAL 5

HwrService *hwr_service = NULL;

static Size
service_size(void)
{
	return add_size(offsetof(HwrService, slots), mul_size(hwr_queue_slots, sizeof(HwrServiceSlot)));
}

static void
init_service(void *area, LWLock *lock)
{
	HwrService *service = area;

	service->lock = lock;
	ConditionVariableInit(&service->slot_freed);
	dlist_init(&service->free);
	dlist_init(&service->queue);
	service->nslots = service->nfree = hwr_queue_slots;
	for (int i = 0; i < service->nslots; i++)
		dlist_push_tail(&service->free, &service->slots[i].node);
}

static void
attach_service(void *area)
{
	hwr_service = area;
}

static void
register_worker(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_PostmasterStart;	/* a standby reads too */
	worker.bgw_restart_time = RESTART_INTERVAL;
	snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "hwr");
	snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "hwr_service_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "hwr service");
	snprintf(worker.bgw_type, BGW_MAXLEN, "hwr service");
	RegisterBackgroundWorker(&worker);
}

void
hwr_service_request_start(void)
{
	static const HwrSharedArea area = {"hwr", service_size, init_service, attach_service};

	if (hwr_shared_memory_add(&area) && hwr_service_device != HWR_SERVICE_NONE)
		register_worker();
}

bool
hwr_service_ready(bool *is_gpu)
{
	bool		ready;

	if (hwr_service == NULL)
		return false;
	LWLockAcquire(hwr_service->lock, LW_SHARED);
	ready = hwr_service->ready;
	*is_gpu = ready && hwr_service->is_gpu;
	LWLockRelease(hwr_service->lock);
	return ready;
}

void
hwr_service_free_slot(HwrServiceSlot *slot)
{
	slot->state = HWR_SLOT_FREE;
	slot->client = NULL;
	dlist_push_head(&hwr_service->free, &slot->node);
	hwr_service->nfree++;
}

void
hwr_service_answer_slot(HwrServiceSlot *slot, HwrAnswer answer)
{
	slot->answer = answer;
	slot->state = HWR_SLOT_ANSWERED;
	SetLatch(&slot->client->procLatch);
}
