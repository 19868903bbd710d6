/*
 * batch_safe.c
 *	  Which plans can run ahead of the statement without anybody noticing.
 *
 * A node that takes 16 rows at once has its child do things earlier than the statement would have done them, or
 * things that it would never have done.  That must make no difference: to the rows, to which error comes, and after
 * which row.  So the child must not be volatile, must not lock or write, and must not fail on a row.  Failing is the
 * hard part.  Known not to fail are leakproof functions, comparisons of built-in types, and a few functions named
 * below; whatever else looks at a row's values is taken to fail.  An expression that looks at no column fails on the
 * first row or never, and is no obstacle.
 *
 * Below a node that reads all its input before it gives out its first row, nothing can come too early.
 *
 * Not counted as failures are those of the server's own: memory, disk, damaged data, a cancelled query.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "pg/base/compat.h"
#include "batch.h"

typedef struct Check
{
	const PlannedStmt *stmt;
	bool		session;		/* see hwr_batch_may_run_ahead */
	bool		aggregates;		/* aggregates were computed before the first row */
} Check;

static bool plan_is_safe(Plan *plan, Check *check);

/* Not one value of a row, nor anything that may differ from row to row. */
static bool
has_variables(Node *node, void *context)
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
		case T_CoerceToDomainValue:
		case T_CurrentOfExpr:
		case T_NextValueExpr:
			return true;
		case T_Param:
			return ((Param *) node)->paramkind != PARAM_EXTERN;
		default:
			return expression_tree_walker(node, has_variables, context);
	}
}

static bool
is_about_time(Oid type)
{
	char		category;
	bool		preferred;

	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_DATETIME || category == TYPCATEGORY_TIMESPAN;
}

/*
 * Stable functions see settings and the present role, which other statements of this transaction
 * may change.  Built-in ones about time see the time zone alone.
 */
static bool
function_sees_session(Oid function, void *context)
{
	Oid		   *types;
	int			n;
	bool		about_time;

	if (func_volatile(function) == PROVOLATILE_IMMUTABLE)
		return false;
	if (function >= FirstNormalObjectId)
		return true;
	about_time = is_about_time(get_func_signature(function, &types, &n));
	for (int i = 0; i < n; i++)
		about_time |= is_about_time(types[i]);
	return !about_time;
}

static bool
sees_session(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SQLValueFunction))
		return !is_about_time(((SQLValueFunction *) node)->type);
	if (check_functions_in_node(node, function_sees_session, NULL))
		return true;
	return expression_tree_walker(node, sees_session, context);
}

/* A constant pattern of LIKE that does not end within an escape. */
static bool
is_whole_pattern(Node *node)
{
	const char *pattern;
	int			escapes = 0;
	bool		whole;
	char	   *copy;

	if (!IsA(node, Const) || ((Const *) node)->constisnull || ((Const *) node)->consttype != TEXTOID)
		return false;
	copy = TextDatumGetCString(((Const *) node)->constvalue);
	for (pattern = copy + strlen(copy); pattern > copy && pattern[-1] == '\\'; pattern--)
		escapes++;
	whole = escapes % 2 == 0;
	pfree(copy);
	return whole;
}

/* Neither 0 nor -1, with which the least integer cannot be divided. */
static bool
is_plain_divisor(Node *node)
{
	Const	   *value = (Const *) node;

	if (!IsA(node, Const) || value->constisnull)
		return false;
	switch (value->consttype)
	{
		case INT2OID:
			return DatumGetInt16(value->constvalue) != 0 && DatumGetInt16(value->constvalue) != -1;
		case INT4OID:
			return DatumGetInt32(value->constvalue) != 0 && DatumGetInt32(value->constvalue) != -1;
		case INT8OID:
			return DatumGetInt64(value->constvalue) != 0 && DatumGetInt64(value->constvalue) != -1;
		default:
			return false;
	}
}

/* A function that is not volatile and returns for all values of its arguments. */
static bool
function_is_safe(Oid function, List *args)
{
	if (func_volatile(function) == PROVOLATILE_VOLATILE)
		return false;
	if (get_func_leakproof(function))
		return true;
	switch (function)
	{
		case F_TEXTLIKE:
		case F_TEXTNLIKE:
		case F_TEXTICLIKE:
		case F_TEXTICNLIKE:
		case F_BPCHARLIKE:
		case F_BPCHARNLIKE:
		case F_NAMELIKE:
		case F_NAMENLIKE:
			return is_whole_pattern(lsecond(args));
		case F_TEXTREGEXEQ:
		case F_TEXTREGEXNE:
		case F_TEXTICREGEXEQ:
		case F_TEXTICREGEXNE:
			return IsA(lsecond(args), Const);
		case F_INT2MOD:
		case F_INT4MOD:
		case F_INT8MOD:
		case F_INT2DIV:
		case F_INT4DIV:
		case F_INT8DIV:
			return is_plain_divisor(lsecond(args));
		case F_JSONB_CONTAINS:
		case F_JSONB_EXISTS:
		case F_JSONB_OBJECT_FIELD:
		case F_JSONB_OBJECT_FIELD_TEXT:
			return true;
		default:
			return false;
	}
}

/* Whether it is one of <, <=, =, >=, > of a btree operator class. */
static bool
is_in_an_order(Oid operator)
{
	CatCList   *list = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(operator));
	bool		found = false;

	for (int i = 0; i < list->n_members; i++)
		found |= ((Form_pg_amop) GETSTRUCT(&list->members[i]->tuple))->amopmethod == BTREE_AM_OID;
	ReleaseSysCacheList(list);
	return found;
}

/*
 * The operators of the built-in types' orders, and their <>, compare all values; only rows and
 * arrays may hold what cannot be compared.
 */
static bool
operator_is_safe(Oid operator, Oid function, List *args)
{
	Oid			type = exprType(linitial(args));

	if (function_is_safe(function, args))
		return true;
	return operator < FirstNormalObjectId && func_volatile(function) != PROVOLATILE_VOLATILE &&
		!type_is_rowtype(type) && !OidIsValid(get_element_type(type)) &&
		(is_in_an_order(operator) || (OidIsValid(get_negator(operator)) && is_in_an_order(get_negator(operator))));
}

static bool
subplan_is_safe(SubPlan *subplan, Check *check)
{
	return plan_is_safe(list_nth(check->stmt->subplans, subplan->plan_id - 1), check);
}

/* Whether evaluating the expression early could be noticed. */
static bool
is_unsafe(Node *node, void *context)
{
	Check	   *check = context;

	if (node == NULL)
		return false;
	if (!IsA(node, List) && !has_variables(node, NULL) && !contain_volatile_functions(node))
	{
		check->session |= sees_session(node, NULL);
		return false;
	}
	check->session |= check_functions_in_node(node, function_sees_session, NULL);
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcretset || !function_is_safe(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args))
				return true;
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			if (!operator_is_safe(((OpExpr *) node)->opno, ((OpExpr *) node)->opfuncid, ((OpExpr *) node)->args))
				return true;
			break;
		case T_ScalarArrayOpExpr:
			if (!operator_is_safe(((ScalarArrayOpExpr *) node)->opno, ((ScalarArrayOpExpr *) node)->opfuncid,
								  ((ScalarArrayOpExpr *) node)->args))
				return true;
			break;
		case T_SubPlan:
			if (!subplan_is_safe((SubPlan *) node, check))
				return true;
			break;
		case T_Aggref:
			return !check->aggregates || ((Aggref *) node)->aggfnoid >= FirstNormalObjectId;
		case T_List:
		case T_TargetEntry:
		case T_Var:
		case T_Param:
		case T_CaseTestExpr:
		case T_RelabelType:
		case T_NullTest:
		case T_BooleanTest:
		case T_BoolExpr:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CoalesceExpr:
		case T_ArrayExpr:
		case T_FieldSelect:
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, is_unsafe, context);
}

#define SAFE(expr) (!is_unsafe((Node *) (expr), check))

/*
 * Whether the node, run anew for each change of nothing, has read its whole input when it gives out
 * the first row.
 */
static bool
reads_all_first(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_Sort:
		case T_Hash:
		case T_FunctionScan:
			return bms_is_empty(plan->extParam);
		case T_Agg:
			return ((Agg *) plan)->aggstrategy == AGG_PLAIN && bms_is_empty(plan->extParam);
		default:
			return false;
	}
}

static bool
plans_are_safe(List *plans, Check *check)
{
	ListCell   *lc;

	foreach(lc, plans)
	{
		if (!plan_is_safe(lfirst(lc), check))
			return false;
	}
	return true;
}

/* What is particular to a kind of scan. */
static bool
scan_is_safe(Plan *plan, Check *check)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_NamedTuplestoreScan:
			return true;
		case T_SampleScan:
			return SAFE(((SampleScan *) plan)->tablesample->args) && SAFE(((SampleScan *) plan)->tablesample->repeatable);
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
			return SAFE(((ValuesScan *) plan)->values_lists);
		case T_CteScan:
			return plan_is_safe(list_nth(check->stmt->subplans, ((CteScan *) plan)->ctePlanId - 1), check);
		default:
			return false;
	}
}

/* What is particular to the other nodes.  Those that are not named are not safe. */
static bool
node_is_safe(Plan *plan, Check *check)
{
	switch (nodeTag(plan))
	{
		case T_NestLoop:
			return SAFE(((Join *) plan)->joinqual);
		case T_MergeJoin:
			return SAFE(((Join *) plan)->joinqual) && SAFE(((MergeJoin *) plan)->mergeclauses);
		case T_HashJoin:
			return SAFE(((Join *) plan)->joinqual) && SAFE(((HashJoin *) plan)->hashclauses) &&
				SAFE(((HashJoin *) plan)->hashkeys);
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
			return SAFE(((Limit *) plan)->limitOffset) && SAFE(((Limit *) plan)->limitCount);
#if PG_VERSION_NUM >= 140000
		case T_Memoize:
			return SAFE(((Memoize *) plan)->param_exprs);
#endif
		case T_Material:
		case T_Sort:
		case T_IncrementalSort:
		case T_Group:
		case T_Agg:
		case T_Unique:
		case T_SetOp:
		case T_Gather:
		case T_GatherMerge:
			return true;
		default:
			return scan_is_safe(plan, check);
	}
}

/*
 * An Agg that has all its groups before it gives out the first: only what it computes of a group
 * can come too early.
 */
static bool
hashed_groups_are_safe(Plan *plan, Check *check)
{
	bool		safe;

	check->aggregates = true;
	safe = SAFE(plan->targetlist) && SAFE(plan->qual);
	check->aggregates = false;
	return safe;
}

static bool
plan_is_safe(Plan *plan, Check *check)
{
	ListCell   *lc;

	if (plan == NULL || reads_all_first(plan))
		return true;
	check_stack_depth();
	foreach(lc, plan->initPlan)
	{
		if (!subplan_is_safe(lfirst(lc), check))
			return false;
	}
	if (IsA(plan, Agg) && ((Agg *) plan)->aggstrategy == AGG_HASHED && bms_is_empty(plan->extParam))
		return hashed_groups_are_safe(plan, check);
	return SAFE(plan->targetlist) && SAFE(plan->qual) && node_is_safe(plan, check) &&
		plan_is_safe(outerPlan(plan), check) && plan_is_safe(innerPlan(plan), check);
}

bool
hwr_batch_may_run_ahead(const PlannedStmt *stmt, Plan *plan, bool *session)
{
	Check		check = {stmt, false, false};
	bool		safe = plan_is_safe(plan, &check);

	*session = check.session;
	return safe;
}
