/*
 * explain.c
 *	  EXPLAIN (ANALYZE, VERBOSE) says which models read how many images, and where.
 *
 * What the statement adds to the figures of hwr_stat is collected while it runs.  Only in this
 * process: parallel workers add theirs to hwr_stat alone.  The lines come after PostgreSQL's own,
 * because until 17 an extension has no place within them; in the structured formats they are an
 * element of their own.
 */
#include "postgres.h"

#include "commands/explain.h"
#include "executor/instrument.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

#include "pg/base/compat.h"
#include "pg/service/service.h"
#include "stat.h"

static ExplainOneQuery_hook_type previous_hook = NULL;

/* Plan and explain as PostgreSQL does without a hook; a function to call since 17. */
static void
explain_query(Query *query, int options, IntoClause *into, ExplainState *es, const char *text,
			  ParamListInfo params, QueryEnvironment *environment)
{
#if PG_VERSION_NUM >= 170000
	standard_ExplainOneQuery(query, options, into, es, text, params, environment);
#else
	PlannedStmt *plan;
	instr_time	start;
	instr_time	duration;
	BufferUsage before = pgBufferUsage;
	BufferUsage usage = {0};

	INSTR_TIME_SET_CURRENT(start);
	plan = pg_plan_query(query, text, options, params);
	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	if (es->buffers)
		BufferUsageAccumDiff(&usage, &pgBufferUsage, &before);
	ExplainOnePlan(plan, into, es, text, params, environment, &duration, es->buffers ? &usage : NULL);
#endif
}

/* Where images were read. */
static const char *
device_name(const HwrStatCounts *c)
{
	bool		is_gpu = false;

	if (c->service_images == 0)
		return "cpu";
	(void) hwr_service_ready(&is_gpu);
	if (c->service_images < c->images)
		return is_gpu ? "cuda (service) and cpu" : "cpu (service) and cpu";
	return is_gpu ? "cuda (service)" : "cpu (service)";
}

static void
show_text(const HwrStatEntry *entry, ExplainState *es)
{
	const HwrStatCounts *c = &entry->counts;
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfo(&line, "%s, ", quote_literal_cstr(NameStr(entry->key.name)));
	if (entry->key.version == 0)
		appendStringInfoString(&line, "bundled");
	else
		appendStringInfo(&line, "version %d", entry->key.version);
	appendStringInfo(&line, ", %s: images=%lld batches=%lld", device_name(c), (long long) c->images, (long long) c->batches);
	if (c->errors > 0)
		appendStringInfo(&line, " errors=%lld", (long long) c->errors);
	if (es->timing)
	{
		appendStringInfo(&line, " prepare=%.3f", c->prepare_time);
		if (c->service_images > 0)
			appendStringInfo(&line, " queue=%.3f", c->queue_time);
		appendStringInfo(&line, " network=%.3f decode=%.3f", c->network_time, c->decode_time);
	}
	ExplainPropertyText("Handwriting Model", line.data, es);
	pfree(line.data);
}

static void
show_structured(const HwrStatEntry *entry, ExplainState *es)
{
	const HwrStatCounts *c = &entry->counts;

	ExplainOpenGroup("Handwriting Model", NULL, true, es);
	ExplainPropertyText("Handwriting Model", NameStr(entry->key.name), es);
	if (entry->key.version != 0)
		ExplainPropertyInteger("Version", NULL, entry->key.version, es);
	ExplainPropertyBool("Bundled", entry->key.version == 0, es);
	ExplainPropertyText("Device", device_name(c), es);
	ExplainPropertyInteger("Images", NULL, c->images, es);
	ExplainPropertyInteger("Batches", NULL, c->batches, es);
	ExplainPropertyInteger("Errors", NULL, c->errors, es);
	if (es->timing)
	{
		ExplainPropertyFloat("Prepare Time", "ms", c->prepare_time, 3, es);
		ExplainPropertyFloat("Queue Time", "ms", c->queue_time, 3, es);
		ExplainPropertyFloat("Network Time", "ms", c->network_time, 3, es);
		ExplainPropertyFloat("Decode Time", "ms", c->decode_time, 3, es);
	}
	ExplainCloseGroup("Handwriting Model", NULL, true, es);
}

static void
explain_next(Query *query, int options, IntoClause *into, ExplainState *es, const char *text,
			 ParamListInfo params, QueryEnvironment *environment)
{
	ExplainOneQuery_hook_type next = previous_hook != NULL ? previous_hook : explain_query;

	next(query, options, into, es, text, params, environment);
}

static void
explain_one_query(Query *query, int options, IntoClause *into, ExplainState *es, const char *text,
				  ParamListInfo params, QueryEnvironment *environment)
{
	HwrStatTable *table;
	HwrStatTable *before;

	if (!es->analyze || !es->verbose)
	{
		explain_next(query, options, into, es, text, params, environment);
		return;
	}
	table = palloc0(sizeof(HwrStatTable));
	before = hwr_stat_follow(table);
	PG_TRY();
	{
		explain_next(query, options, into, es, text, params, environment);
	}
	PG_FINALLY();
	{
		(void) hwr_stat_follow(before);
	}
	PG_END_TRY();
	for (int i = 0; i < table->n; i++)
	{
		if (es->format == EXPLAIN_FORMAT_TEXT)
			show_text(&table->entries[i], es);
		else
			show_structured(&table->entries[i], es);
	}
	pfree(table);
}

void
hwr_explain_install(void)
{
	previous_hook = ExplainOneQuery_hook;
	ExplainOneQuery_hook = explain_one_query;
}
