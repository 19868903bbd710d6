/*
 * threads.h
 *	  A small fork-join pool of threads.
 *
 * The threads decode images and compute, with every signal blocked: signals stay the business
 * of the thread that created the pool.
 */
#ifndef HWR_THREADS_H
#define HWR_THREADS_H

#include "status.h"

typedef struct HwrPool HwrPool;

/* part is 0 .. parts - 1; part 0 runs on the calling thread. */
typedef void (*HwrPoolFn) (void *arg, int part, int parts);

/* threads >= 1; 1 creates no thread. */
extern bool hwr_pool_create(int threads, HwrPool **out, HwrStatus *st);
extern void hwr_pool_free(HwrPool *pool);
extern int	hwr_pool_threads(const HwrPool *pool);

/* Run fn once for each part and wait for all of them. */
extern void hwr_pool_run(HwrPool *pool, HwrPoolFn fn, void *arg);

/* The share [*lo, *hi) of n items that belongs to a part: contiguous, sizes differing by at most one. */
static inline void
hwr_pool_share(size_t n, int part, int parts, size_t *lo, size_t *hi)
{
	*lo = n * (size_t) part / (size_t) parts;
	*hi = n * (size_t) (part + 1) / (size_t) parts;
}

#endif							/* HWR_THREADS_H */
