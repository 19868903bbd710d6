/*
 * interrupt.c
 *	  Long work of the core's and the end of a statement.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "error.h"
#include "interrupt.h"

bool
hwr_interrupt_pending(void *arg)
{
	return InterruptPending && (QueryCancelPending || ProcDiePending);
}

void
hwr_raise_interrupted(const HwrStatus *st)
{
	CHECK_FOR_INTERRUPTS();
	hwr_raise(st);
}
