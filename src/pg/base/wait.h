/*
 * wait.h
 *	  What a process waits for, by name.
 *
 * Include after postgres.h.
 */
#ifndef HWR_WAIT_H
#define HWR_WAIT_H

typedef enum HwrWait
{
	HWR_WAIT_MAIN,				/* the service worker: for requests, or for more to fill a batch */
	HWR_WAIT_SLOT,				/* a session: for a free slot of the service's */
	HWR_WAIT_ANSWER,			/* a session: for the service's answer */
	HWR_WAIT_PLACE,				/* a training worker, the next in the queue: for a place among hwr.max_jobs */
	HWR_WAIT_TRAINING,			/* a session: for its training */
	HWR_WAIT_QUEUE,				/* a session: for room in an attached table's queue */
	HWR_WAIT_WORK				/* the background workers of attached tables: for work */
} HwrWait;
extern uint32 hwr_wait_event(HwrWait wait);

#endif							/* HWR_WAIT_H */
