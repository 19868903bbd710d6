/*
 * batch_functions.c
 *	  Which functions, operators and aggregates return, and raise no error, for all values of their arguments.
 *
 * Known to do so are leakproof functions, comparisons of built-in types, and a few that are named here.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "regex/regex.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "pg/base/compat.h"
#include "batch.h"

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

/* A constant pattern that is a regular expression. */
static bool
is_regular(Node *node, Oid collation)
{
	Const	   *value = (Const *) node;
	text	   *pattern;
	pg_wchar   *wide;
	regex_t		regex;
	int			len;
	bool		regular;

	if (!IsA(node, Const) || value->consttype != TEXTOID)
		return false;
	if (value->constisnull)
		return true;
	pattern = DatumGetTextPP(value->constvalue);
	wide = palloc((VARSIZE_ANY_EXHDR(pattern) + 1) * sizeof(pg_wchar));
	len = pg_mb2wchar_with_len(VARDATA_ANY(pattern), wide, VARSIZE_ANY_EXHDR(pattern));
	regular = pg_regcomp(&regex, wide, len, REG_ADVANCED, collation) == REG_OKAY;
	if (regular)
		pg_regfree(&regex);
	pfree(wide);
	return regular;
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

/* Texts of two collations cannot be compared, which is found out when they are. */
static bool
lacks_collation(List *args, Oid collation)
{
	ListCell   *lc;

	foreach(lc, args)
	{
		if (!OidIsValid(collation) && type_is_collatable(exprType(lfirst(lc))))
			return true;
	}
	return false;
}

/* A function that is not volatile and returns for all values of its arguments. */
bool
hwr_batch_function_is_safe(Oid function, List *args, Oid collation)
{
	if (lacks_collation(args, collation))
		return false;
	if (func_volatile(function) == PROVOLATILE_VOLATILE)
		return false;
	/* Where a collation says that different texts are equal, some raise an error. */
	if (get_func_leakproof(function))
		return !OidIsValid(collation) || get_collation_isdeterministic(collation);
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
			return get_collation_isdeterministic(collation) && is_whole_pattern(lsecond(args));
		case F_TEXTREGEXEQ:
		case F_TEXTREGEXNE:
		case F_TEXTICREGEXEQ:
		case F_TEXTICREGEXNE:
			return get_collation_isdeterministic(collation) && is_regular(lsecond(args), collation);
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

/* A type whose order takes all values: not one made of others, some of which cannot be compared, or a user's function does so. */
bool
hwr_batch_is_comparable(Oid type)
{
	bool		is_range = strchr("rm", get_typtype(type)) != NULL;

	return !type_is_rowtype(type) && !OidIsValid(get_base_element_type(type)) && !(is_range && type >= FirstNormalObjectId);
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

/* The operators of the built-in types' orders, and their <>, compare all values. */
bool
hwr_batch_operator_is_safe(Oid operator, Oid function, List *args, Oid collation)
{
	if (hwr_batch_function_is_safe(function, args, collation))
		return true;
	return operator < FirstNormalObjectId && func_volatile(function) != PROVOLATILE_VOLATILE &&
		!lacks_collation(args, collation) && hwr_batch_is_comparable(exprType(linitial(args))) &&
		(is_in_an_order(operator) || (OidIsValid(get_negator(operator)) && is_in_an_order(get_negator(operator))));
}

/* Aggregates that take all values of their arguments, in groups of less than 2^31 rows. */
bool
hwr_batch_aggregate_is_safe(const Aggref *aggregate)
{
	static const char *const names[] = {"count", "min", "max", "bool_and", "bool_or", "every", "string_agg"};
	Oid			type = aggregate->aggargtypes == NIL ? INT4OID : linitial_oid(aggregate->aggargtypes);
	const char *name;

	ListCell   *lc;

	if (aggregate->aggfnoid >= FirstNormalObjectId || !hwr_batch_is_comparable(type))
		return false;
	/* These sort, by operators that may be anyone's. */
	if (aggregate->aggorder != NIL || aggregate->aggdistinct != NIL)
		return false;
	foreach(lc, aggregate->aggargtypes)
	{
		if (!OidIsValid(aggregate->inputcollid) && type_is_collatable(lfirst_oid(lc)))
			return false;
	}
	name = get_func_name(aggregate->aggfnoid);
	if (strcmp(name, "sum") == 0 || strcmp(name, "avg") == 0)
		return type == INT2OID || type == INT4OID || type == INT8OID;
	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}
