/*
 * constraint.c
 *	  The list to which a CHECK binds its column.
 *
 * The stored expression is looked at, not its text.  Whatever else the CHECK says makes the list no longer: who wants to know
 * exactly has each of its values checked.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "pg/base/compat.h"

PG_FUNCTION_INFO_V1(hwr_check_list);

/* The column, which is the only one, or the domain's VALUE, perhaps as another type with the same bytes. */
static bool
is_subject(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return (IsA(node, Var) && ((Var *) node)->varattno > 0) || IsA(node, CoerceToDomainValue);
}

/* Of PostgreSQL's own, and so that what is equal has the same characters: texts of some collations do not. */
static bool
is_equality(Oid operator, Oid collation)
{
	const char *name = operator < FirstGenbkiObjectId ? get_opname(operator) : NULL;

	return name != NULL && strcmp(name, "=") == 0 && (!OidIsValid(collation) || get_collation_isdeterministic(collation));
}

static List *
add_value(List *values, Datum value, Oid type)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(type, &output, &varlena);
	return lappend(values, OidOutputFunctionCall(output, value));
}

/* subject = constant, or constant = subject */
static bool
list_of_one(const OpExpr *op, List **values)
{
	Node	   *left = get_leftop(op);
	Node	   *right = get_rightop(op);
	Const	   *constant = (Const *) (is_subject(left) ? right : left);

	if (right == NULL || !is_equality(op->opno, op->inputcollid) || !is_subject(is_subject(left) ? left : right) ||
		!IsA(constant, Const) || constant->constisnull)
		return false;
	*values = add_value(*values, constant->constvalue, constant->consttype);
	return true;
}

/* subject = ANY (constant).  With a NULL in it, it refuses nothing. */
static bool
list_of_array(const ScalarArrayOpExpr *op, List **values)
{
	Const	   *constant = lsecond(op->args);
	Oid			type;
	int16		len;
	bool		byval;
	char		align;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (!op->useOr || !is_equality(op->opno, op->inputcollid) || !is_subject(linitial(op->args)) ||
		!IsA(constant, Const) || constant->constisnull)
		return false;
	type = get_element_type(constant->consttype);
	get_typlenbyvalalign(type, &len, &byval, &align);
	deconstruct_array(DatumGetArrayTypeP(constant->constvalue), type, len, byval, align, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			return false;
		*values = add_value(*values, elements[i], type);
	}
	return true;
}

/* Add the values to which a condition binds the subject; false: to none, and what has been added is void. */
static bool
find_list(Node *node, List **values)
{
	BoolExpr   *expr = (BoolExpr *) node;
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, OpExpr))
		return list_of_one((OpExpr *) node, values);
	if (IsA(node, ScalarArrayOpExpr))
		return list_of_array((ScalarArrayOpExpr *) node, values);
	if (IsA(node, NullTest))
		return ((NullTest *) node)->nulltesttype == IS_NULL && is_subject((Node *) ((NullTest *) node)->arg);
	if (!IsA(node, BoolExpr) || expr->boolop == NOT_EXPR)
		return false;
	foreach(lc, expr->args)
	{
		List	   *of = NIL;
		bool		bound = find_list(lfirst(lc), &of);

		if (bound)
			*values = list_concat(*values, of);
		/* One of an AND does it, all of an OR are needed. */
		if (bound != (expr->boolop == OR_EXPR))
			return bound;
	}
	return expr->boolop == OR_EXPR;
}

/*
 * hwr.check_list("check" oid) returns text[]: each value once or more, of the types of the constants; NULL: there is no list
 */
Datum
hwr_check_list(PG_FUNCTION_ARGS)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, PG_GETARG_DATUM(0));
	List	   *values = NIL;
	bool		bound = false;
	Datum	   *texts;

	if (!HeapTupleIsValid(tuple))
		PG_RETURN_NULL();
	if (((Form_pg_constraint) GETSTRUCT(tuple))->contype == CONSTRAINT_CHECK)
	{
		bool		isnull;
		Datum		stored = SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_conbin, &isnull);

		bound = !isnull && find_list(eval_const_expressions(NULL, stringToNode(TextDatumGetCString(stored))), &values);
	}
	ReleaseSysCache(tuple);
	if (!bound)
		PG_RETURN_NULL();
	texts = palloc((list_length(values) + 1) * sizeof(Datum));
	for (int i = 0; i < list_length(values); i++)
		texts[i] = CStringGetTextDatum(list_nth(values, i));
	PG_RETURN_ARRAYTYPE_P(construct_array(texts, list_length(values), TEXTOID, -1, false, TYPALIGN_INT));
}
