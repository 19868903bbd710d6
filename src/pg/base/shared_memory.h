/*
 * shared_memory.h
 *	  Areas of the server's shared memory, for a library that shared_preload_libraries names.
 */
#ifndef HWR_SHARED_MEMORY_H
#define HWR_SHARED_MEMORY_H

#include "storage/lwlock.h"

/* An area with a lock of its own, whose tranche has the area's name. */
typedef struct HwrSharedArea
{
	const char *name;
	Size		(*size) (void);
	void		(*init) (void *area, LWLock *lock); /* once, of zeroed memory */
	void		(*attach) (void *area); /* in the postmaster, and in each process that has its memory from it */
} HwrSharedArea;

/* Have the area, from _PG_init while the postmaster loads the library; else it does nothing and returns false. */
extern bool hwr_shared_memory_add(const HwrSharedArea *area);

#endif							/* HWR_SHARED_MEMORY_H */
