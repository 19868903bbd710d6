/*
 * batch_session.c
 *	  Whether the role and the settings stay what they are while a statement runs.
 *
 * A condition such as owner = current_user, or one that compares by the time zone, is another one once the role or the
 * setting has changed.  Rows that such a condition has chosen may be taken ahead only where nothing can change them before
 * the last row is handed on: neither a function of the statement itself, nor what runs between two calls of the executor.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "pg/base/compat.h"
#include "batch.h"

/* Calls of the executor in progress, the innermost first */
typedef struct Run
{
	const EState *estate;
	bool		to_end;			/* no call for the same statement follows */
	struct Run *outer;
} Run;

static Run *runs = NULL;
static ExecutorRun_hook_type previous_run = NULL;

/*
 * Volatile functions may do so, but for some that often stand in a column's DEFAULT; and a user's aggregate, of which it is not
 * known whether its functions are volatile.
 */
static bool
function_changes_session(Oid function, void *context)
{
	switch (function)
	{
		case F_NEXTVAL:
		case F_CLOCK_TIMESTAMP:
		case F_GEN_RANDOM_UUID:
			return false;
		default:
			return func_volatile(function) == PROVOLATILE_VOLATILE ||
				(function >= FirstNormalObjectId && get_func_prokind(function) == PROKIND_AGGREGATE);
	}
}

/* Whether a value of a user's type is made here, whose input function or domain may do so. */
static bool
makes_users_type(Node *node)
{
	Oid			type;
	Oid			element;

	if (IsA(node, CoerceViaIO))
		type = ((CoerceViaIO *) node)->resulttype;
	else if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid < FirstNormalObjectId)
		type = ((FuncExpr *) node)->funcresulttype;
	else
		return false;
	element = get_base_element_type(type);
	return type == RECORDOID || (OidIsValid(element) ? element : type) >= FirstNormalObjectId;
}

static bool
changes_session(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, changes_session, context, 0);
	/* What a domain's CHECK constraints call is not looked at. */
	return IsA(node, CoerceToDomain) || makes_users_type(node) || check_functions_in_node(node, function_changes_session, NULL) ||
		expression_tree_walker(node, changes_session, context);
}

bool
hwr_batch_changes_session(Query *query)
{
	return changes_session((Node *) query, NULL);
}

/* A parallel worker's leader calls for all rows at once, or there would be no worker. */
bool
hwr_batch_runs_to_end(const EState *estate)
{
	for (const Run *run = runs; run != NULL; run = run->outer)
		if (run->estate == estate)
			return run->to_end || IsParallelWorker();
	return false;
}

static void
executor_run(HWR_RUN_PARAMETERS)
{
	Run			run = {query->estate, HWR_RUNS_TO_END, runs};

	runs = &run;
	PG_TRY();
	{
		if (previous_run != NULL)
			previous_run(HWR_RUN_ARGUMENTS);
		else
			standard_ExecutorRun(HWR_RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		runs = run.outer;
	}
	PG_END_TRY();
}

void
hwr_batch_session_install(void)
{
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
}
