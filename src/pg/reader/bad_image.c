/*
 * bad_image.c
 *	  hwr.on_bad_image: one row's image does not end the statement that reads the others.
 *
 * What became NULL is told once, when the outermost statement ends: a function that is called for
 * each row cannot know which call is the last.  Where no executor ends it (COPY with a trigger, a
 * worker), the end of the transaction does.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"

#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "bad_image.h"

static ExecutorRun_hook_type previous_run = NULL;
static ExecutorFinish_hook_type previous_finish = NULL;
static ExecutorEnd_hook_type previous_end = NULL;

static int	depth = 0;			/* of executors that run */
static int64 bad_images = 0;
static char first_reason[256];

void
hwr_bad_image(const HwrStatus *st, Datum image)
{
	if (hwr_on_bad_image != HWR_BAD_IMAGE_NULL || (st->code != HWR_BAD_IMAGE && st->code != HWR_IMAGE_TOO_LARGE))
		hwr_raise_for_image(st, image);
	if (bad_images++ == 0)
	{
		char	   *reason = hwr_status_text(st);

		strlcpy(first_reason, reason, sizeof(first_reason));
		pfree(reason);
	}
}

static void
tell(void)
{
	int64		n = bad_images;

	bad_images = 0;
	if (n > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld image could not be read and gave NULL", "%lld images could not be read and gave NULL",
							   (unsigned long) n, (long long) n),
				 errdetail_internal("%s%s", n > 1 ? "The first: " : "", first_reason)));
}

static void
executor_run(HWR_RUN_PARAMETERS)
{
	depth++;
	PG_TRY();
	{
		if (previous_run != NULL)
			previous_run(HWR_RUN_ARGUMENTS);
		else
			standard_ExecutorRun(HWR_RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		depth--;
	}
	PG_END_TRY();
}

static void
executor_finish(QueryDesc *query)
{
	depth++;
	PG_TRY();
	{
		if (previous_finish != NULL)
			previous_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		depth--;
	}
	PG_END_TRY();
}

static void
executor_end(QueryDesc *query)
{
	if (previous_end != NULL)
		previous_end(query);
	else
		standard_ExecutorEnd(query);
	if (depth == 0)
		tell();
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PARALLEL_PRE_COMMIT)
		tell();
	else
		bad_images = 0;
}

void
hwr_bad_image_install(void)
{
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	previous_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = executor_finish;
	previous_end = ExecutorEnd_hook;
	ExecutorEnd_hook = executor_end;
	RegisterXactCallback(at_transaction_end, NULL);
}
