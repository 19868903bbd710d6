/*
 * interrupt.h
 *	  Long work of the core's and the end of a statement.
 *
 * Include after postgres.h.
 */
#ifndef HWR_INTERRUPT_H
#define HWR_INTERRUPT_H

#include "core/base/status.h"

/*
 * A HwrStopFn: whether the statement is to end.  The core then lets go of what it holds and fails with HWR_CANCELLED.
 */
extern bool hwr_interrupt_pending(void *arg);

/* hwr_raise for work that was given hwr_interrupt_pending: what ends the statement is told in its own words. */
pg_noreturn extern void hwr_raise_interrupted(const HwrStatus *st);

#endif							/* HWR_INTERRUPT_H */
