/*
 * batch_safe.c
 *	  Which plans can run ahead of the statement without anybody noticing.
 *
 * A node that takes 16 rows at once has its child do things earlier than the statement would have done them, or
 * things that it would never have done.  That must make no difference: to the rows, to which error comes, and after
 * which row.  So the child must not be volatile, must not lock or write, and must not fail on a row.  Failing is the
 * hard part.  Known not to fail are the functions of batch_functions.c; whatever else looks at a row's values is taken to fail.
 *
 * The first row is never taken early, so that whatever has certainly been done by then is no obstacle, be it what it may:
 *
 * - What a node does before it gives out its first row, as a sort does with all its input, if that node is certain to
 *	 start by then and not to start again (Check.first).
 * - An expression that looks at no column and that is certain to be evaluated for the first row: it fails then or never
 *	 (Check.sure).  It is not certain in an arm of OR or CASE, in a subquery, nor where an outer join does without.
 *
 * Not counted as failures are those of the server's own: memory, disk, damaged data, a cancelled query.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "batch.h"

typedef struct Check
{
	const PlannedStmt *stmt;
	List	   *init_plans;		/* of the whole statement, SubPlans */
	bool		session;		/* see hwr_batch_may_run_ahead */
	bool		sure;			/* what is at hand is evaluated for, or before, the first row that is handed out */
	bool		first;			/* the plan at hand starts before that row, and once */
} Check;

static bool plan_is_safe(Plan *plan, Check *check);

static bool
function_may_differ(Oid function, void *context)
{
	return function >= FirstNormalObjectId || func_volatile(function) == PROVOLATILE_VOLATILE;
}

/* Whether it may be another thing from row to row, or say something whenever it is evaluated, as a user's function may. */
static bool
may_differ(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Aggref:
		case T_WindowFunc:
		case T_GroupingFunc:
		case T_SubPlan:
		case T_AlternativeSubPlan:
		case T_CaseTestExpr:
		case T_CoerceToDomain:
		case T_CoerceToDomainValue:
		case T_CurrentOfExpr:
		case T_NextValueExpr:
			return true;
		case T_Param:
			return ((Param *) node)->paramkind != PARAM_EXTERN;
		default:
			return check_functions_in_node(node, function_may_differ, NULL) ||
				expression_tree_walker(node, may_differ, context);
	}
}

/* Whether a plan starts before the first row is handed out, and, unless its parameters change, never again. */
static bool
runs_once(const Plan *plan, const Check *check)
{
	return check->sure && (check->first || bms_is_empty(plan->extParam));
}

static bool
gives_one_row(const Plan *plan)
{
	const Agg  *agg = (const Agg *) plan;
	const Const *count = IsA(plan, Limit) ? (const Const *) ((const Limit *) plan)->limitCount : NULL;

	if (IsA(plan, Limit))
		return count != NULL && IsA(count, Const) && !count->constisnull && DatumGetInt64(count->constvalue) == 1;
	if (IsA(plan, Agg))
		return agg->aggstrategy == AGG_PLAIN && agg->chain == NIL && list_length(agg->groupingSets) <= 1;
	return IsA(plan, Result) && outerPlan(plan) == NULL;
}

/* A subquery of which nothing is certain but that it may run.  One that stands for a value must not give two. */
static bool
subplan_is_safe(const SubPlan *subplan, Check *check)
{
	Plan	   *plan = list_nth(check->stmt->subplans, subplan->plan_id - 1);
	bool		is_value = subplan->subLinkType == EXPR_SUBLINK || subplan->subLinkType == ROWCOMPARE_SUBLINK;
	Check		at_times = *check;
	bool		safe;

	if (is_value && !gives_one_row(plan))
		return false;
	at_times.sure = false;
	at_times.first = false;
	safe = plan_is_safe(plan, &at_times);
	check->session |= at_times.session;
	return safe;
}

/* A value is there, but that of a subquery may have to be found first. */
static bool
param_is_safe(const Param *param, Check *check)
{
	ListCell   *lc;

	if (param->paramkind != PARAM_EXEC)
		return param->paramkind == PARAM_EXTERN;
	foreach(lc, check->init_plans)
	{
		const SubPlan *subplan = lfirst(lc);

		if (list_member_int(subplan->setParam, param->paramid))
			return runs_once(list_nth(check->stmt->subplans, subplan->plan_id - 1), check) ||
				subplan_is_safe(subplan, check);
	}
	return true;
}

static bool is_unsafe_below(Node *node, Check *check, bool sure);

/* Whether evaluating the expression early could be noticed. */
static bool
is_unsafe(Node *node, void *context)
{
	Check	   *check = context;
	bool		sure = true;

	if (node == NULL || (check->sure && !IsA(node, List) && !may_differ(node, NULL)))
		return false;
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcretset ||
				!hwr_batch_function_is_safe(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args,
								  ((FuncExpr *) node)->inputcollid))
				return true;
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			if (!hwr_batch_operator_is_safe(((OpExpr *) node)->opno, ((OpExpr *) node)->opfuncid, ((OpExpr *) node)->args,
								  ((OpExpr *) node)->inputcollid))
				return true;
			break;
		case T_ScalarArrayOpExpr:
			if (!hwr_batch_operator_is_safe(((ScalarArrayOpExpr *) node)->opno, ((ScalarArrayOpExpr *) node)->opfuncid,
								  ((ScalarArrayOpExpr *) node)->args, ((ScalarArrayOpExpr *) node)->inputcollid))
				return true;
			break;
		case T_SubPlan:
			if (!subplan_is_safe((SubPlan *) node, check))
				return true;
			sure = false;
			break;
		case T_Aggref:
			if (!hwr_batch_aggregate_is_safe((Aggref *) node))
				return true;
			sure = false;
			break;
		case T_Param:
			return !param_is_safe((Param *) node, check);
		case T_BoolExpr:
			sure = ((BoolExpr *) node)->boolop == NOT_EXPR;
			break;
		case T_CaseExpr:
		case T_CoalesceExpr:
			sure = false;
			break;
		case T_ArrayExpr:
			if (((ArrayExpr *) node)->multidims)
				return true;
			break;
		case T_List:
		case T_TargetEntry:
		case T_Var:
		case T_Const:
		case T_SQLValueFunction:
		case T_CaseTestExpr:
		case T_CaseWhen:
		case T_RelabelType:
		case T_NullTest:
		case T_BooleanTest:
		case T_FieldSelect:
			break;
		default:
			return true;
	}
	return is_unsafe_below(node, check, sure);
}

/* Of the expression's arguments.  sure: they are evaluated whenever it is. */
static bool
is_unsafe_below(Node *node, Check *check, bool sure)
{
	bool		before = check->sure;
	bool		unsafe;

	check->sure = before && sure;
	unsafe = expression_tree_walker(node, is_unsafe, check);
	check->sure = before;
	return unsafe;
}

/*
 * What is not immutable depends on settings, among them the time zone, or on the present role, which other statements and
 * functions may change.
 */
static bool
expression_is_safe(Node *expr, Check *check, bool sure)
{
	bool		before = check->sure;
	bool		safe;

	check->sure = before && sure;
	check->session |= contain_mutable_functions(expr);
	safe = !is_unsafe(expr, check);
	check->sure = before;
	return safe;
}

#define SAFE(expr) expression_is_safe((Node *) (expr), check, true)
#define SAFE_AT_TIMES(expr) expression_is_safe((Node *) (expr), check, false)
#define SAFE_IF(sure, expr) expression_is_safe((Node *) (expr), check, sure)

/* Whether the node has read its whole input, and computed all that may fail, when it gives out the first row. */
static bool
reads_all_first(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_Sort:
		case T_Hash:
			return true;
		case T_Agg:
			return gives_one_row(plan);
		default:
			return false;
	}
}

/* What the node's child does may come earlier or later than this node's first row. */
static bool
plan_is_safe_if(bool sure, bool first, Plan *plan, Check *check)
{
	Check		before = *check;
	bool		safe;

	check->sure &= sure;
	check->first &= first;
	safe = plan_is_safe(plan, check);
	check->sure = before.sure;
	check->first = before.first;
	return safe;
}

/* The arms of an Append start one after the other. */
static bool
plans_are_safe(List *plans, Check *check)
{
	ListCell   *lc;

	foreach(lc, plans)
	{
		if (!plan_is_safe_if(false, false, lfirst(lc), check))
			return false;
	}
	return true;
}

/* Not so texts of which two collations leave open how. */
static bool
is_comparable(Node *value)
{
	return hwr_batch_is_comparable(exprType(value)) &&
		(OidIsValid(exprCollation(value)) || !type_is_collatable(exprType(value)));
}

static bool
are_comparable(List *values)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		if (!is_comparable(lfirst(lc)))
			return false;
	}
	return true;
}

/* n of a plan's columns by these operators, none of them a user's; NULL: the first ones, by those of their types */
static bool
columns_are_comparable(const Plan *plan, int n, const AttrNumber *columns, const Oid *operators)
{
	for (int i = 0; i < n; i++)
	{
		const TargetEntry *entry = list_nth(plan->targetlist, columns != NULL ? columns[i] - 1 : i);

		if (!is_comparable((Node *) entry->expr) || (operators != NULL && operators[i] >= FirstNormalObjectId))
			return false;
	}
	return true;
}

/* Whether the node, which compares rows, can compare all of them. */
static bool
compares_safely(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_MergeAppend:
			return columns_are_comparable(plan, ((MergeAppend *) plan)->numCols, ((MergeAppend *) plan)->sortColIdx,
										  ((MergeAppend *) plan)->sortOperators);
		case T_Sort:
		case T_IncrementalSort:
			return columns_are_comparable(plan, ((Sort *) plan)->numCols, ((Sort *) plan)->sortColIdx,
										  ((Sort *) plan)->sortOperators);
		case T_Group:
			return columns_are_comparable(outerPlan(plan), ((Group *) plan)->numCols, ((Group *) plan)->grpColIdx,
										  ((Group *) plan)->grpOperators);
		case T_Agg:
			return columns_are_comparable(outerPlan(plan), ((Agg *) plan)->numCols, ((Agg *) plan)->grpColIdx,
										  ((Agg *) plan)->grpOperators);
		case T_Unique:
			return columns_are_comparable(plan, ((Unique *) plan)->numCols, ((Unique *) plan)->uniqColIdx,
										  ((Unique *) plan)->uniqOperators);
		case T_SetOp:
			return columns_are_comparable(plan, list_length(plan->targetlist), NULL, NULL);
#if PG_VERSION_NUM >= 140000
		case T_Memoize:
			return are_comparable(((Memoize *) plan)->param_exprs);
#endif
		default:
			return true;
	}
}

/* A number of rows that LIMIT takes. */
static bool
is_count(Node *node)
{
	Const	   *count = (Const *) node;

	return count == NULL || (IsA(count, Const) && (count->constisnull || DatumGetInt64(count->constvalue) >= 0));
}

/* A sequence is changed in its place. */
static bool
is_sequence(const SeqScan *plan, const Check *check)
{
	return rt_fetch(((const Scan *) plan)->scanrelid, check->stmt->rtable)->relkind == RELKIND_SEQUENCE;
}

/* What is particular to a kind of scan. */
static bool
scan_is_safe(Plan *plan, Check *check)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
			return !is_sequence((SeqScan *) plan, check);
		case T_NamedTuplestoreScan:
			return true;
		case T_FunctionScan:
			return runs_once(plan, check);
		case T_SampleScan:
			return check->first && ((SampleScan *) plan)->tablesample->tsmhandler < FirstNormalObjectId &&
				SAFE(((SampleScan *) plan)->tablesample->args) && SAFE(((SampleScan *) plan)->tablesample->repeatable);
		case T_IndexScan:
			return SAFE(((IndexScan *) plan)->indexqualorig) && SAFE(((IndexScan *) plan)->indexorderbyorig);
		case T_IndexOnlyScan:
			return SAFE(((IndexOnlyScan *) plan)->indexqual) && SAFE(((IndexOnlyScan *) plan)->indexorderby);
		case T_BitmapIndexScan:
			return SAFE(((BitmapIndexScan *) plan)->indexqualorig);
		case T_BitmapHeapScan:
			return SAFE(((BitmapHeapScan *) plan)->bitmapqualorig);
		case T_TidScan:
			return SAFE(((TidScan *) plan)->tidquals);
#if PG_VERSION_NUM >= 140000
		case T_TidRangeScan:
			return SAFE(((TidRangeScan *) plan)->tidrangequals);
#endif
		case T_SubqueryScan:
			return plan_is_safe(((SubqueryScan *) plan)->subplan, check);
		case T_ValuesScan:
			return SAFE_AT_TIMES(((ValuesScan *) plan)->values_lists);
		case T_CteScan:
			return plan_is_safe(list_nth(check->stmt->subplans, ((CteScan *) plan)->ctePlanId - 1), check);
		default:
			return false;
	}
}

/* Whether each row of the join has one of both sides, for which all conditions were evaluated. */
static bool
joins_both(Plan *plan)
{
	JoinType	type = ((Join *) plan)->jointype;

	return type == JOIN_INNER || type == JOIN_SEMI;
}

/* What is particular to the other nodes.  Those that are not named are not safe. */
static bool
node_is_safe(Plan *plan, Check *check)
{
	switch (nodeTag(plan))
	{
		case T_NestLoop:
			return SAFE_IF(joins_both(plan), ((Join *) plan)->joinqual);
		case T_MergeJoin:
			return SAFE_IF(joins_both(plan), ((Join *) plan)->joinqual) &&
				SAFE_IF(joins_both(plan), ((MergeJoin *) plan)->mergeclauses);
		case T_HashJoin:
			return SAFE_IF(joins_both(plan), ((Join *) plan)->joinqual) &&
				SAFE_IF(joins_both(plan), ((HashJoin *) plan)->hashclauses) &&
				SAFE_IF(joins_both(plan), ((HashJoin *) plan)->hashkeys);
		case T_Hash:
			return SAFE(((Hash *) plan)->hashkeys);
		case T_Append:
			return plans_are_safe(((Append *) plan)->appendplans, check);
		case T_MergeAppend:
			return plans_are_safe(((MergeAppend *) plan)->mergeplans, check);
		case T_BitmapAnd:
			return plans_are_safe(((BitmapAnd *) plan)->bitmapplans, check);
		case T_BitmapOr:
			return plans_are_safe(((BitmapOr *) plan)->bitmapplans, check);
		case T_Result:
			return SAFE(((Result *) plan)->resconstantqual);
		case T_Limit:
			if (!check->first)
				return is_count(((Limit *) plan)->limitOffset) && is_count(((Limit *) plan)->limitCount);
			return SAFE(((Limit *) plan)->limitOffset) && SAFE(((Limit *) plan)->limitCount);
#if PG_VERSION_NUM >= 140000
		case T_Memoize:
			return SAFE(((Memoize *) plan)->param_exprs);
#endif
		case T_Sort:
		case T_IncrementalSort:
		case T_Group:
		case T_Unique:
		case T_SetOp:
		case T_Agg:
		case T_Material:
		case T_Gather:
		case T_GatherMerge:
			return true;
		default:
			return scan_is_safe(plan, check);
	}
}

static bool
children_are_safe(Plan *plan, Check *check)
{
	switch (nodeTag(plan))
	{
		case T_Agg:
			/* All input has been read before the first group comes.  Its arguments may not have been: it may go to disk. */
			if (check->first && ((Agg *) plan)->aggstrategy == AGG_HASHED)
				return true;
			/* Without groups there is a row, whether there is input or not. */
			return plan_is_safe_if(check->first || (((Agg *) plan)->numCols > 0 && ((Agg *) plan)->groupingSets == NIL), true,
								   outerPlan(plan), check);
		case T_Gather:
		case T_GatherMerge:
			/* Workers start when they like. */
			return plan_is_safe_if(true, false, outerPlan(plan), check);
		case T_NestLoop:
		case T_MergeJoin:
			/* The inner side may start late, and again. */
			return plan_is_safe(outerPlan(plan), check) &&
				plan_is_safe_if(joins_both(plan), false, innerPlan(plan), check);
		case T_HashJoin:
			/* The table is there before the first row, if it is needed at all. */
			return plan_is_safe(outerPlan(plan), check) &&
				plan_is_safe_if(check->first || joins_both(plan), true, innerPlan(plan), check);
		default:
			return plan_is_safe(outerPlan(plan), check) && plan_is_safe(innerPlan(plan), check);
	}
}

static bool
plan_is_safe(Plan *plan, Check *check)
{
	if (plan == NULL)
		return true;
	check_stack_depth();
	if (check->first && reads_all_first(plan))
		return true;
	return SAFE(plan->targetlist) && SAFE(plan->qual) && node_is_safe(plan, check) && compares_safely(plan) &&
		children_are_safe(plan, check);
}

bool
hwr_batch_may_run_ahead(const PlannedStmt *stmt, List *init_plans, Plan *plan, bool *session)
{
	Check		check = {stmt, init_plans, false, true, true};
	bool		safe = plan_is_safe(plan, &check);

	*session = check.session;
	return safe;
}
