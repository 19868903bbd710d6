/*
 * hwr.c
 *	  Loading the library.
 */
#include "postgres.h"

#include "fmgr.h"

#include "hwr.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	hwr_define_settings();
}
