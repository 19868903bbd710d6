/*
 * hwr.c
 *	  Loading the library.
 */
#include "postgres.h"

#include "fmgr.h"

#include "hwr.h"

PG_MODULE_MAGIC;

/*
 * OpenBLAS has it; another BLAS that the core may be linked with need not.
 */
extern void openblas_set_num_threads(int n) __attribute__((weak));

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	/*
	 * A backend computes in its own thread.  OpenBLAS would otherwise spread each product over a pool of
	 * threads that every session of the server has of its own.
	 */
	if (openblas_set_num_threads != NULL)
		openblas_set_num_threads(1);

	hwr_define_settings();
}
