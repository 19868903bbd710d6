/*
 * batch_explain.c
 *	  What EXPLAIN says about an HwrBatch node.
 *
 * Without ANALYZE, the columns that it reads; with it, what it has read ahead, parallel workers
 * included.  Images that the functions read themselves, as those of the first row, are not among
 * them.
 */
#include "postgres.h"

#include "commands/explain.h"
#include "utils/ruleutils.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

#include "batch.h"

static void
show_columns(HwrBatchScan *s, List *ancestors, ExplainState *es)
{
	CustomScan *plan = (CustomScan *) s->css.ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, ancestors);
	bool		prefix = es->verbose || list_length(es->rtable) > 1;
	List	   *names = NIL;

	for (int i = 0; i < s->ncolumns; i++)
	{
		TargetEntry *entry = list_nth(plan->custom_scan_tlist, s->columns[i] - 1);

		names = lappend(names, deparse_expression((Node *) entry->expr, context, prefix, false));
	}
	ExplainPropertyList("Images", names, es);
}

void
hwr_batch_explain(CustomScanState *css, List *ancestors, ExplainState *es)
{
	HwrBatchScan *s = (HwrBatchScan *) css;
	HwrBatchStats stats = hwr_batch_stats(s);
	int64		batches = stats.batches + s->workers.batches;
	int64		images = stats.images + s->workers.images;

	show_columns(s, ancestors, es);
	if (!es->analyze)
		return;
	ExplainPropertyInteger("Batches", NULL, batches, es);
	ExplainPropertyInteger("Images Read Ahead", NULL, images, es);
	ExplainPropertyFloat("Mean Fill", NULL, batches > 0 ? (double) images / batches : 0, 1, es);
	ExplainPropertyInteger("Unused Readings", NULL, stats.unused + s->workers.unused, es);
	if (es->timing)
	{
		ExplainPropertyFloat("Prepare Time", "ms", stats.prepare_time + s->workers.prepare_time, 3, es);
		ExplainPropertyFloat("Network Time", "ms", stats.network_time + s->workers.network_time, 3, es);
	}
}
