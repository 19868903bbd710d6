/*
 * batch_plan.c
 *	  Putting HwrBatch nodes into a finished plan.
 *
 * After a statement has been planned, by PostgreSQL and whatever other hooks there are, its plan is
 * searched for calls that batch_calls.c knows.  A node goes where the function will find what it
 * has read:
 *
 * - Above a scan or a join that evaluates a call in its target list or filter.  The scan then gives out the columns that
 *	 are needed, and target list and filter, from the first condition with a call on, move up.
 * - Below a Result, as above a sort, or an Agg (in the arguments of its aggregates), whose expressions stay where they are.
 *
 * In both cases the parent sees the same columns at the same places.  Costs are copied: there was
 * nothing to choose.
 *
 * The plan is left alone where reading ahead could be noticed: see batch_safe.c, and
 * statement_is_fit and is_fit below.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "utils/syscache.h"

#include "pg/base/settings.h"
#include "batch.h"

static planner_hook_type previous_hook = NULL;

/* The statement at hand */
typedef struct Rewriter
{
	PlannedStmt *stmt;
	bool		cursor;			/* UPDATE ... WHERE CURRENT OF may come */
	bool		changes;		/* the statement may change the role or settings between two rows */
	bool		parallel;		/* below a Gather: what is put in runs in parallel workers */
	int			next_id;		/* plan_node_id of the next node put in */
	List	   *init_plans;		/* SubPlans of all nodes */
} Rewriter;

/* What is above a plan */
typedef struct Place
{
	Limit	   *limit;			/* every row taken from here is one of its rows; NULL: no such */
	bool		gathered;		/* there is a Gather between it and here */
	bool		current;		/* UPDATE ... WHERE CURRENT OF may ask for the scan's present row */
	bool		marked;			/* MergeJoin marks and restores a position */
} Place;

static Plan *rewrite(Rewriter *r, Plan *plan, Place place);

/*
 * Rewriting expressions: each distinct Var becomes a column of the child's.
 */

/* context: List ** of Vars */
static bool
collect_vars(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
	{
		*(List **) context = list_append_unique(*(List **) context, node);
		return false;
	}
	return expression_tree_walker(node, collect_vars, context);
}

static Var *
make_var_like(Expr *expr, int varno, AttrNumber attno)
{
	return makeVar(varno, attno, exprType((Node *) expr), exprTypmod((Node *) expr), exprCollation((Node *) expr), 0);
}

/* context: List of Vars, whose positions are the columns */
static Node *
replace_vars(Node *node, void *context)
{
	List	   *vars = context;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
	{
		foreach(lc, vars)
		{
			if (equal(lfirst(lc), node))
				return (Node *) make_var_like((Expr *) node, INDEX_VAR, foreach_current_index(lc) + 1);
		}
	}
	return expression_tree_mutator(node, replace_vars, context);
}

/* A target list of these Vars */
static List *
make_tlist(List *vars)
{
	List	   *tlist = NIL;
	ListCell   *lc;

	foreach(lc, vars)
	{
		tlist = lappend(tlist, makeTargetEntry(copyObject(lfirst(lc)), foreach_current_index(lc) + 1, NULL, false));
	}
	return tlist;
}

/*
 * The node
 */

/* As wide and as dear as another plan */
static void
copy_estimates(Plan *to, const Plan *from)
{
	to->startup_cost = from->startup_cost;
	to->total_cost = from->total_cost;
	to->plan_rows = from->plan_rows;
	to->plan_width = from->plan_width;
#if PG_VERSION_NUM >= 180000
	to->disabled_nodes = from->disabled_nodes;
#endif
	to->parallel_safe = from->parallel_safe;
	to->extParam = bms_copy(from->extParam);
	to->allParam = bms_copy(from->allParam);
}

/* Whether the node can evaluate this expression of a LIMIT itself. */
static bool
is_plain_bound(Node *expr, const Place *place)
{
	if (contain_volatile_functions(expr) || contain_subplans(expr))
		return false;
	/* Values of the statement's own subqueries do not all get to parallel workers. */
	return IsA(expr, Const) || !place->gathered;
}

/* An HwrBatch above child, that looks after these columns of the child's. */
static CustomScan *
make_batch(Rewriter *r, Plan *child, bool session, List *columns, const Place *place)
{
	CustomScan *batch = makeNode(CustomScan);
	Plan	   *plan = &batch->scan.plan;
	Limit	   *limit = place->limit;
	ListCell   *lc;

	copy_estimates(plan, child);
	plan->plan_node_id = r->next_id++;
	/* Only then is it given shared memory, where workers put what EXPLAIN shows. */
	plan->parallel_aware = r->parallel;
	plan->lefttree = child;
	batch->methods = &hwr_batch_scan_methods;
	batch->flags = ExecSupportsBackwardScan(child) ? CUSTOMPATH_SUPPORT_BACKWARD_SCAN : 0;
	foreach(lc, child->targetlist)
	{
		TargetEntry *entry = lfirst(lc);
		Expr	   *var = (Expr *) make_var_like(entry->expr, OUTER_VAR, entry->resno);

		batch->custom_scan_tlist = lappend(batch->custom_scan_tlist, makeTargetEntry(var, entry->resno, NULL, false));
	}
	if (limit != NULL && !(is_plain_bound(limit->limitCount, place) &&
						   (limit->limitOffset == NULL || is_plain_bound(limit->limitOffset, place))))
		limit = NULL;
	if (limit != NULL)
		batch->custom_exprs = list_make2(copyObject(limit->limitCount), copyObject(limit->limitOffset));
	batch->custom_private = lcons_int(limit != NULL, lcons_int(session, columns));
	return batch;
}

/*
 * Whether reading ahead of this plan is not noticed.  *session: only where the statement runs to its end.
 */
static bool
is_fit(Rewriter *r, Plan *plan, bool *session)
{
	return hwr_batch_may_run_ahead(r->stmt, r->init_plans, plan, session) && !(*session && r->changes);
}

/* Conditions of the filter up to the first that makes a call, and those from there on. */
static void
split_filter(List *qual, List **before, List **from, List **images)
{
	ListCell   *lc;

	*before = NIL;
	*from = NIL;
	foreach(lc, qual)
	{
		List	   *found = *from == NIL ? hwr_batch_calls(lfirst(lc), NIL) : NIL;

		if (*from != NIL || found != NIL)
			*from = lappend(*from, lfirst(lc));
		else
			*before = lappend(*before, lfirst(lc));
		*images = list_concat_unique(*images, found);
	}
}

/* Positions of these Vars in a list of Vars */
static List *
positions(List *images, List *vars)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, vars)
	{
		if (list_member(images, lfirst(lc)) && list_length(result) < HWR_BATCH_COLUMNS)
			result = lappend_int(result, foreach_current_index(lc) + 1);
	}
	return result;
}

/* A scan or a join */
static Plan *
put_above(Rewriter *r, Plan *plan, Place place)
{
	List	   *tlist = plan->targetlist;
	List	   *qual = plan->qual;
	List	   *images = hwr_batch_calls((Node *) tlist, NIL);
	List	   *vars = NIL;
	List	   *before;
	List	   *from;
	bool		session;
	CustomScan *batch;

	split_filter(qual, &before, &from, &images);
	if (images == NIL)
		return plan;
	(void) collect_vars((Node *) tlist, &vars);
	(void) collect_vars((Node *) from, &vars);
	plan->targetlist = make_tlist(vars);
	plan->qual = before;
	if (!is_fit(r, plan, &session))
	{
		plan->targetlist = tlist;
		plan->qual = qual;
		return plan;
	}
	if (from != NIL)
		place.limit = NULL;
	batch = make_batch(r, plan, session, positions(images, vars), &place);
	batch->scan.plan.targetlist = (List *) replace_vars((Node *) tlist, vars);
	batch->scan.plan.qual = (List *) replace_vars((Node *) from, vars);
	batch->scan.plan.initPlan = plan->initPlan;
	plan->initPlan = NIL;
	return &batch->scan.plan;
}

/*
 * The child, *link, of a node that evaluates calls with these images; the child's columns are its
 * Vars' attribute numbers.
 */
static void
put_below(Rewriter *r, Plan **link, List *images, const Place *place)
{
	Plan	   *child = *link;
	CustomScan *batch;
	List	   *columns = NIL;
	bool		session;
	ListCell   *lc;

	if (images == NIL || !is_fit(r, child, &session))
		return;
	foreach(lc, images)
	{
		if (list_length(columns) < HWR_BATCH_COLUMNS)
			columns = list_append_unique_int(columns, ((Var *) lfirst(lc))->varattno);
	}
	batch = make_batch(r, child, session, columns, place);
	foreach(lc, child->targetlist)
	{
		TargetEntry *entry = flatCopyTargetEntry(lfirst(lc));

		entry->expr = (Expr *) make_var_like(entry->expr, INDEX_VAR, entry->resno);
		batch->scan.plan.targetlist = lappend(batch->scan.plan.targetlist, entry);
	}
	*link = &batch->scan.plan;
}

/*
 * The walk
 */

static void
rewrite_list(Rewriter *r, List *plans, Place place)
{
	ListCell   *lc;

	foreach(lc, plans)
	{
		lfirst(lc) = rewrite(r, lfirst(lc), place);
	}
}

/*
 * Whether the present row of a scan below plan is plan's present row, for UPDATE ... WHERE CURRENT
 * OF to find.
 */
static bool
shows_current_row(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_Sort:
		case T_IncrementalSort:
		case T_Material:
		case T_Agg:
		case T_Group:
		case T_WindowAgg:
		case T_Unique:
		case T_SetOp:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
		case T_Gather:
		case T_GatherMerge:
			return false;
		default:
			return true;
	}
}

static Plan *
rewrite_result(Rewriter *r, Plan *plan, Place place)
{
	if (plan->lefttree == NULL)
		return plan;
	if (plan->qual != NIL)
		place.limit = NULL;
	plan->lefttree = rewrite(r, plan->lefttree, place);
	if (!place.marked && !(r->cursor && place.current && shows_current_row(plan->lefttree)))
		put_below(r, &plan->lefttree, hwr_batch_calls((Node *) plan->targetlist, NIL), &place);
	return plan;
}

static Plan *
rewrite_scan(Rewriter *r, Plan *plan, Place place)
{
	if (IsA(plan, SubqueryScan))
	{
		SubqueryScan *scan = (SubqueryScan *) plan;
		Place		below = place;

		if (plan->qual != NIL)
			below.limit = NULL;
		scan->subplan = rewrite(r, scan->subplan, below);
	}
	if (place.marked || (r->cursor && place.current))
		return plan;
	return put_above(r, plan, place);
}

static Plan *
rewrite_limit(Rewriter *r, Plan *plan, Place place)
{
	Limit	   *limit = (Limit *) plan;

	place.limit = limit->limitOption == LIMIT_OPTION_COUNT && limit->limitCount != NULL ? limit : NULL;
	place.gathered = false;
	plan->lefttree = rewrite(r, plan->lefttree, place);
	return plan;
}

/* A node whose children stand for themselves */
static void
rewrite_children(Rewriter *r, Plan *plan)
{
	Place		nowhere = {0};
	Place		inner = {0};

	inner.marked = IsA(plan, MergeJoin);
	if (plan->lefttree != NULL)
		plan->lefttree = rewrite(r, plan->lefttree, nowhere);
	if (plan->righttree != NULL)
		plan->righttree = rewrite(r, plan->righttree, inner);
#if PG_VERSION_NUM < 140000
	if (IsA(plan, ModifyTable))
		rewrite_list(r, ((ModifyTable *) plan)->plans, nowhere);
#endif
}

static Plan *
rewrite(Rewriter *r, Plan *plan, Place place)
{
	Place		nowhere = {0};

	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_Limit:
			return rewrite_limit(r, plan, place);
		case T_Result:
			return rewrite_result(r, plan, place);
		case T_Append:
			rewrite_list(r, ((Append *) plan)->appendplans, place);
			return plan;
		case T_MergeAppend:
			rewrite_list(r, ((MergeAppend *) plan)->mergeplans, place);
			return plan;
		case T_Gather:
		case T_GatherMerge:
			place.gathered = true;
			place.current = false;
			r->parallel = true;
			plan->lefttree = rewrite(r, plan->lefttree, place);
			r->parallel = false;
			return plan;
		case T_Agg:
			rewrite_children(r, plan);
			put_below(r, &plan->lefttree, hwr_batch_calls_in_aggregates((Node *) list_make2(plan->targetlist, plan->qual), NIL),
					  &nowhere);
			return plan;
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_BitmapHeapScan:
		case T_TidScan:
#if PG_VERSION_NUM >= 140000
		case T_TidRangeScan:
#endif
			/* The node shows a table's present row itself. */
			place.current = false;
			return rewrite_scan(r, plan, place);
		case T_SubqueryScan:
		case T_FunctionScan:
		case T_ValuesScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
			return rewrite_scan(r, plan, place);
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			rewrite_children(r, plan);
			return put_above(r, plan, place);
		case T_RecursiveUnion:
		case T_ForeignScan:
		case T_CustomScan:
		case T_LockRows:
			return plan;
		default:
			rewrite_children(r, plan);
			return plan;
	}
}

/* What is to be known of all nodes of the finished plan */
static void look_through(Rewriter *r, Plan *plan);

static void
look_through_list(Rewriter *r, List *plans)
{
	ListCell   *lc;

	foreach(lc, plans)
	{
		look_through(r, lfirst(lc));
	}
}

static void
look_through(Rewriter *r, Plan *plan)
{
	if (plan == NULL)
		return;
	check_stack_depth();
	r->next_id = Max(r->next_id, plan->plan_node_id + 1);
	r->init_plans = list_concat(r->init_plans, plan->initPlan);
	look_through(r, plan->lefttree);
	look_through(r, plan->righttree);
	switch (nodeTag(plan))
	{
		case T_Append:
			look_through_list(r, ((Append *) plan)->appendplans);
			break;
		case T_MergeAppend:
			look_through_list(r, ((MergeAppend *) plan)->mergeplans);
			break;
		case T_BitmapAnd:
			look_through_list(r, ((BitmapAnd *) plan)->bitmapplans);
			break;
		case T_BitmapOr:
			look_through_list(r, ((BitmapOr *) plan)->bitmapplans);
			break;
		case T_SubqueryScan:
			look_through(r, ((SubqueryScan *) plan)->subplan);
			break;
		case T_CustomScan:
			look_through_list(r, ((CustomScan *) plan)->custom_plans);
			break;
#if PG_VERSION_NUM < 140000
		case T_ModifyTable:
			look_through_list(r, ((ModifyTable *) plan)->plans);
			break;
#endif
		default:
			break;
	}
}

/*
 * The statement
 */

/*
 * Statements that call no function of an extension or a user are the most; the planner has noted
 * the others.
 */
static bool
calls_functions(const PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->invalItems)
	{
		if (((PlanInvalItem *) lfirst(lc))->cacheId == PROCOID)
			return true;
	}
	return false;
}

/* Locked or changed rows may have to be found again, and a statement that writes may read what it wrote. */
static bool
statement_is_fit(const PlannedStmt *stmt, int cursor_options)
{
	return hwr_batch == HWR_BATCH_AUTO &&
		(stmt->commandType == CMD_SELECT || stmt->commandType == CMD_INSERT) &&
		stmt->rowMarks == NIL && !stmt->hasModifyingCTE && (cursor_options & CURSOR_OPT_SCROLL) == 0 &&
		calls_functions(stmt);
}

/* Triggers, and CHECK constraints, may call anything. */
static bool
target_calls_functions(const PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->resultRelations)
	{
		Oid			relation = rt_fetch(lfirst_int(lc), stmt->rtable)->relid;
		HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
		Form_pg_class class = HeapTupleIsValid(tuple) ? (Form_pg_class) GETSTRUCT(tuple) : NULL;
		bool		has = class == NULL || class->relhastriggers || class->relchecks > 0 ||
			class->relkind == RELKIND_PARTITIONED_TABLE;

		if (HeapTupleIsValid(tuple))
			ReleaseSysCache(tuple);
		if (has)
			return true;
	}
	return false;
}

static PlannedStmt *
plan_statement(Query *parse, const char *text, int cursor_options, ParamListInfo params)
{
	planner_hook_type next = previous_hook != NULL ? previous_hook : standard_planner;
	bool		changes = hwr_batch == HWR_BATCH_AUTO && hwr_batch_changes_session(parse);
	PlannedStmt *stmt = next(parse, text, cursor_options, params);
	Rewriter	r = {0};
	Place		top = {0};
	Place		nowhere = {0};
	ListCell   *lc;

	if (!statement_is_fit(stmt, cursor_options))
		return stmt;
	r.stmt = stmt;
	/* Which DECLARE CURSOR, and PL/pgSQL's OPEN, ask for */
	r.cursor = (cursor_options & CURSOR_OPT_FAST_PLAN) != 0;
	r.changes = changes || target_calls_functions(stmt);
	look_through(&r, stmt->planTree);
	look_through_list(&r, stmt->subplans);
	top.current = true;
	stmt->planTree = rewrite(&r, stmt->planTree, top);
	foreach(lc, stmt->subplans)
	{
		if (lfirst(lc) != NULL)
			lfirst(lc) = rewrite(&r, lfirst(lc), nowhere);
	}
	return stmt;
}

void
hwr_batch_install(void)
{
	RegisterCustomScanMethods(&hwr_batch_scan_methods);
	previous_hook = planner_hook;
	planner_hook = plan_statement;
	hwr_batch_session_install();
}
