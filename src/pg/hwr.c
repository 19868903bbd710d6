/*
 * hwr.c
 *	  Loading the library.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "fmgr.h"

#include "core/network/backend.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/catalog/catalog.h"
#include "pg/monitor/stat.h"
#include "pg/pipeline/pipeline.h"
#include "pg/reader/bad_image.h"
#include "pg/batch/batch.h"
#include "pg/service/service.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/* Once in the log where the server loads the library, else to the session that does; workers of a query say it no second time. */
static void
check_processor(void)
{
	HwrStatus	st;

	if (!IsParallelWorker() && !hwr_cpu_check(&st))
		hwr_report(WARNING, &st);
}

void
_PG_init(void)
{
	hwr_define_settings();
	check_processor();
	hwr_service_request_start();
	hwr_pipeline_request_start();
	hwr_stat_request_memory();
	hwr_explain_install();
	hwr_drop_install();
	hwr_bad_image_install();
	hwr_batch_install();
}
