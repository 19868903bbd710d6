/*
 * service.h
 *	  The service worker: one process that owns the device, for all sessions.
 *
 * With shared_preload_libraries = 'hwr' the postmaster starts one background worker.  It has shared
 * memory only: no database, no catalog, no privileges to get wrong.  A session sends it prepared
 * canvases and gets log posteriors.
 *
 * What is where
 *	 Main shared memory: HwrService with a fixed number of slots.  A slot is one request: a few dozen bytes that say
 *	 whose it is, which model, how many canvases.
 *	 A segment of dynamic shared memory a session, kept and grown as needed: HwrServiceData, the canvases, and room
 *	 for the posteriors.  The session writes the canvases before it queues the slot and reads the posteriors
 *	 after the answer; between these the segment is the worker's.
 *	 Another segment for a model that the worker does not know: HwrServiceModel.  It lives for one request.
 *
 * A slot's life
 *	 FREE -> QUEUED		the session took it from the list of free slots and put it at the end of the queue
 *	 QUEUED -> TAKEN	the worker took it out of the queue
 *	 TAKEN -> ANSWERED	posteriors, "unknown model" or an error are there; the session's latch is set
 *	 ANSWERED -> QUEUED	again, now with the model
 *	 ANSWERED -> FREE	by the session
 *	 QUEUED -> FREE		by the session, when it is cancelled or ends
 *	 TAKEN -> ABANDONED -> FREE		the same while the worker has it: the worker frees it, and the session
 *						never uses that segment again, because the worker may still write to it
 *	 QUEUED, TAKEN -> ANSWERED "lost"	by the worker when it exits, whichever way
 *
 * Locking: HwrService.lock guards everything in HwrService but the condition variable.  It is held
 * for a few assignments, never across an error, an interrupt or a system call but SetLatch.  Nobody
 * polls: the worker sleeps on its latch, a session with a request on its own, a session without a
 * free slot on the condition variable.
 *
 * The worker's death: before_shmem_exit answers everybody.  It runs on SIGTERM, on errors and on
 * exit() in a driver's code.  Where it does not (SIGKILL, a crash), the postmaster ends all
 * sessions and starts afresh, as it does for any process that is attached to shared memory.
 *
 * Include after hwr.h.
 */
#ifndef HWR_SERVICE_H
#define HWR_SERVICE_H

#include "datatype/timestamp.h"
#include "lib/ilist.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/dsm.h"
#include "storage/lwlock.h"
#include "storage/proc.h"

#include "core/base/status.h"
#include "core/network/backend.h"
#include "core/network/recognizer.h"
#include "core/network/vgsl.h"
#include "pg/catalog/cache.h"

typedef enum HwrSlotState
{
	HWR_SLOT_FREE,
	HWR_SLOT_QUEUED,
	HWR_SLOT_TAKEN,
	HWR_SLOT_ABANDONED,
	HWR_SLOT_ANSWERED
} HwrSlotState;

typedef enum HwrAnswer
{
	HWR_ANSWER_DONE,			/* the posteriors are there */
	HWR_ANSWER_UNKNOWN_MODEL,	/* send the model too */
	HWR_ANSWER_FAILED,			/* HwrServiceData.status says why */
	HWR_ANSWER_LOST				/* the worker has gone */
} HwrAnswer;

/* What makes two contexts of the device differ. */
typedef struct HwrModelKey
{
	uint8		hash[PG_SHA256_DIGEST_LENGTH];	/* of the model's file */
	int32		precision;		/* HwrPrecision */
} HwrModelKey;

typedef struct HwrServiceSlot
{
	dlist_node	node;			/* in HwrService.free or .queue */
	HwrSlotState state;
	HwrAnswer	answer;
	PGPROC	   *client;
	dsm_handle	data;			/* HwrServiceData */
	dsm_handle	model;			/* HwrServiceModel, or DSM_HANDLE_INVALID */
	int			n;				/* canvases */
	HwrModelKey key;
	TimestampTz taken;			/* when the worker did */
} HwrServiceSlot;

/* One canvas in a session's segment, offsets from its start. */
typedef struct HwrServiceItem
{
	int			width;			/* W */
	Size		ink;			/* [H][W] */
	Size		logp;			/* float [T][K] */
} HwrServiceItem;

typedef struct HwrServiceData
{
	pg_atomic_uint32 closed;	/* the session has gone on: the worker is to detach */
	HwrStatus	status;			/* of HWR_ANSWER_FAILED */
	HwrServiceItem items[HWR_RECOGNIZE_BATCH];
} HwrServiceData;

/* A network and its values, as the session read them under its own snapshot and privileges. */
typedef struct HwrServiceModel
{
	int			classes;
	char		vgsl[sizeof(((HwrNet *) NULL)->vgsl)];
	Size		nvalues;
	float		values[FLEXIBLE_ARRAY_MEMBER];
} HwrServiceModel;

/* Counts since the server's start. */
typedef struct HwrServiceCounts
{
	int64		requests;		/* answered with posteriors */
	int64		images;			/* in them */
	int64		batches;		/* runs of the device */
	int64		batch_images;	/* images in those, abandoned ones included */
	int64		dropped;		/* requests that nobody waited for any more */
	int64		errors;			/* requests answered with an error, or lost */
} HwrServiceCounts;

typedef struct HwrService
{
	LWLock	   *lock;
	ConditionVariable slot_freed;

	pid_t		pid;			/* of the worker, 0: there is none */
	Latch	   *latch;			/* the worker's, set while it is ready */
	TimestampTz started;		/* this worker */
	bool		ready;			/* it takes requests */
	bool		is_gpu;			/* of the device, while ready */
	HwrDeviceInfo device;		/* while ready */
	char		reason[512];	/* why there is no GPU, a sentence; empty: there is, or nobody has looked */
	Size		model_bytes;	/* of the models on the device */
	int			models;
	HwrServiceCounts counts;

	int			nslots;
	int			nfree;
	dlist_head	free;
	dlist_head	queue;			/* oldest first */
	HwrServiceSlot slots[FLEXIBLE_ARRAY_MEMBER];
} HwrService;

/* service_shmem.c: NULL where hwr is not in shared_preload_libraries */
extern HwrService *hwr_service;

extern void hwr_service_request_start(void);	/* from _PG_init: ask for shared memory and the worker */
extern bool hwr_service_ready(bool *is_gpu);

/* Put a slot into the state FREE.  The lock is held. */
extern void hwr_service_free_slot(HwrServiceSlot *slot);

/* Make it ANSWERED and wake its client.  The lock is held. */
extern void hwr_service_answer_slot(HwrServiceSlot *slot, HwrAnswer answer);

/*
 * service_client.c: run n canvases on the service's device; posteriors[n] as from
 * hwr_recognizer_run, queue_time in ms.  False: the service has failed or has gone, *st says why,
 * and nothing is filled in.
 */
extern bool hwr_service_run(HwrLoaded loaded, int n, const HwrCanvas *canvases, HwrPosterior *posteriors,
							double *queue_time, HwrStatus *st);

/* service_worker.c: the entry point, called by name */
extern PGDLLEXPORT void hwr_service_main(Datum main_arg);

/*
 * service_models.c: the worker's models, by key.  A result is valid until the next load.
 */
typedef struct HwrServiceContext
{
	HwrModelKey key;
	HwrNet		net;
	HwrBackendContext *context;
	dlist_node	node;
} HwrServiceContext;

extern HwrServiceContext *hwr_service_find_model(const HwrModelKey *key);
extern HwrServiceContext *hwr_service_load_model(const HwrBackend *backend, const HwrModelKey *key,
												 const HwrServiceModel *model, HwrStatus *st);

/* Free the least recently used model, but not keep.  False: there is none. */
extern bool hwr_service_drop_model(const HwrBackend *backend, const HwrServiceContext *keep);

/* Free such models until the others keep to the limit: how many these are, and their memory. */
extern void hwr_service_fit_models(const HwrBackend *backend, const HwrServiceContext *keep, int *count, Size *bytes);

#endif							/* HWR_SERVICE_H */
