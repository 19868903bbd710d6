/*
 * attempt.h
 *	  Work that may fail without the transaction's failing.
 *
 * Include after postgres.h.
 */
#ifndef HWR_ATTEMPT_H
#define HWR_ATTEMPT_H

/*
 * work(arg) in a subtransaction, in the current memory context; NULL, or the error, palloc'd there, after which nothing has
 * happened but in memory.
 */
extern ErrorData *hwr_attempt(void (*work) (void *arg), void *arg);

#endif							/* HWR_ATTEMPT_H */
