/*
 * constraint.c
 *	  What a CHECK says of its column: the list to which it binds it, and which of some values it allows.
 *
 * The stored expression is looked at and computed, not its text, which would be understood anew, perhaps otherwise.  It is
 * computed by whoever asks, so of functions that are not PostgreSQL's own nothing is said: they may be anyone's.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "pg/base/compat.h"

PG_FUNCTION_INFO_V1(hwr_check_list);
PG_FUNCTION_INFO_V1(hwr_check_allows);

static bool
is_strange(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

static bool
has_strange(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_strange, context) || IsA(node, CoerceToDomain) ||
		expression_tree_walker(node, has_strange, context);
}

pg_noreturn static void
fail_to_tell(Oid check)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cannot tell what constraint \"%s\" allows", get_constraint_name(check)),
			 errdetail("It has functions that are not PostgreSQL's own, or not immutable."),
			 errhint("Give the list yourself.")));
}

static Node *
stored_expression(Oid check)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(check));
	Datum		stored;
	bool		isnull = true;
	Node	   *node;

	if (HeapTupleIsValid(tuple))
		stored = SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_conbin, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("constraint %u is no CHECK", check)));
	node = stringToNode(TextDatumGetCString(stored));
	ReleaseSysCache(tuple);
	if (has_strange(node, NULL) || contain_mutable_functions(node))
		fail_to_tell(check);
	return node;
}

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
 * hwr.check_list("check" oid) returns text[]: each value once or more, as the types of the constants show it; NULL:
 * there is no list
 */
Datum
hwr_check_list(PG_FUNCTION_ARGS)
{
	List	   *values = NIL;
	Datum	   *texts;

	if (!find_list(eval_const_expressions(NULL, stored_expression(PG_GETARG_OID(0))), &values))
		PG_RETURN_NULL();
	texts = palloc((list_length(values) + 1) * sizeof(Datum));
	for (int i = 0; i < list_length(values); i++)
		texts[i] = CStringGetTextDatum(list_nth(values, i));
	PG_RETURN_ARRAYTYPE_P(construct_array(texts, list_length(values), TEXTOID, -1, false, TYPALIGN_INT));
}

/* A constant in the subject's place, of its type, but that a domain's values are not checked. */
static Node *
put_value(Node *node, void *text)
{
	Oid			type;
	int32		typmod = -1;
	Oid			input;
	Oid			param;
	int16		len;
	bool		byval;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var) && !IsA(node, CoerceToDomainValue))
		return expression_tree_mutator(node, put_value, text);
	type = getBaseTypeAndTypmod(exprType(node), &typmod);
	getTypeInputInfo(type, &input, &param);
	get_typlenbyval(type, &len, &byval);
	return (Node *) makeConst(exprType(node), exprTypmod(node), exprCollation(node), len,
							  OidInputFunctionCall(input, text, param, -1), false, byval);
}

/* With all its parts constant, the expression is. */
static bool
allows(Oid check, Node *node, char *text)
{
	Const	   *result = (Const *) eval_const_expressions(NULL, put_value(node, text));

	if (!IsA(result, Const))
		fail_to_tell(check);
	return result->constisnull || DatumGetBool(result->constvalue);
}

/*
 * hwr.check_allows("check" oid, texts text[]) returns text[]: those of the texts that are values that it allows
 */
Datum
hwr_check_allows(PG_FUNCTION_ARGS)
{
	Oid			check = PG_GETARG_OID(0);
	Node	   *node = stored_expression(check);
	MemoryContext once = AllocSetContextCreate(CurrentMemoryContext, "hwr value", ALLOCSET_DEFAULT_SIZES);
	Datum	   *texts;
	bool	   *nulls;
	int			n;
	int			left = 0;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(once);

		CHECK_FOR_INTERRUPTS();
		if (!nulls[i] && allows(check, node, TextDatumGetCString(texts[i])))
			texts[left++] = texts[i];
		MemoryContextSwitchTo(old);
		MemoryContextReset(once);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(texts, left, TEXTOID, -1, false, TYPALIGN_INT));
}
