/*
 * batch_calls.c
 *	  Finding the calls that are worth a batch.
 *
 * A function is worth it if it reads one image of its row through reader.c and asks hwr_ahead_find
 * first.  To add one, add a line to the table.  Finding too few calls costs time, finding too many
 * costs time too: what is returned does not depend on it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "batch.h"

/* C functions, by what they are called in the library: names and schemas in SQL are the user's. */
static const struct
{
	const char *symbol;
	int			image;			/* number of the argument */
} functions[] = {
	{"hwr_recognize", 0},
	{"hwr_recognize_version", 0},
	{"hwr_score", 0},
	{"hwr_score_version", 0},
	{"hwr_posterior_of_image", 0},
};

/* Whether this is a library of hwr's: MODULE_PATHNAME is "$libdir/hwr". */
static bool
is_our_library(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash != NULL ? slash + 1 : path, "hwr") == 0;
}

/* The argument of the function that is an image to read; -1: it is not in the table. */
static int
image_argument(Oid function)
{
	HeapTuple	tuple;
	Datum		symbol;
	Datum		library;
	bool		no_symbol;
	bool		no_library;
	int			result = -1;

	if (function < FirstNormalObjectId)
		return -1;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return -1;
	symbol = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &no_symbol);
	library = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &no_library);
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId && !no_symbol && !no_library &&
		is_our_library(TextDatumGetCString(library)))
		for (int i = 0; i < lengthof(functions); i++)
			if (strcmp(TextDatumGetCString(symbol), functions[i].symbol) == 0)
				result = functions[i].image;
	ReleaseSysCache(tuple);
	return result;
}

static List *
add_image(const FuncExpr *call, List *images)
{
	int			argument = image_argument(call->funcid);
	Node	   *image;

	if (argument < 0 || argument >= list_length(call->args))
		return images;
	image = list_nth(call->args, argument);
	while (IsA(image, RelabelType))
		image = (Node *) ((RelabelType *) image)->arg;
	if (IsA(image, Var) && ((Var *) image)->varattno > 0 && ((Var *) image)->varlevelsup == 0)
		return list_append_unique(images, image);
	return images;
}

/* context: List **.  Goes down only where all arguments are evaluated whatever their values. */
static bool
find_calls(Node *node, void *context)
{
	List	  **images = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcretset)
				return false;
			*images = add_image((FuncExpr *) node, *images);
			break;
		case T_BoolExpr:
			if (((BoolExpr *) node)->boolop != NOT_EXPR)
				return false;
			break;
		case T_List:
		case T_TargetEntry:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_ScalarArrayOpExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_CoerceToDomain:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_MinMaxExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_FieldSelect:
			break;
		default:
			return false;
	}
	return expression_tree_walker(node, find_calls, context);
}

/* Likewise; goes into the arguments of aggregates only. */
static bool
find_aggregates(Node *node, void *context)
{
	Aggref	   *aggregate = (Aggref *) node;

	if (node == NULL)
		return false;
	if (!IsA(node, Aggref))
		return expression_tree_walker(node, find_aggregates, context);
	if (DO_AGGSPLIT_COMBINE(aggregate->aggsplit))
		return false;
	if (aggregate->aggfilter != NULL)
		return find_calls((Node *) aggregate->aggfilter, context);
	return find_calls((Node *) aggregate->args, context);
}

List *
hwr_batch_calls(Node *expr, List *images)
{
	(void) find_calls(expr, &images);
	return images;
}

List *
hwr_batch_calls_in_aggregates(Node *expr, List *images)
{
	(void) find_aggregates(expr, &images);
	return images;
}
