/*
 * selectivity.c
 *	  How many lines a query finds, as the planner is told.
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/primnodes.h"

#include "query.h"

PG_FUNCTION_INFO_V1(hwr_finds_selectivity);

/*
 * Of a word that nothing is known of: a word of a language of which a line has ten, seen once in a
 * hundred lines.
 */
#define WORD_SELECTIVITY 0.001

/*
 * hwr_finds_selectivity(internal, oid, internal, integer) returns double precision
 */
Datum
hwr_finds_selectivity(PG_FUNCTION_ARGS)
{
	List	   *args = (List *) PG_GETARG_POINTER(2);
	Node	   *right = list_length(args) == 2 ? lsecond(args) : NULL;
	HwrAsked   *asked;
	HwrQuery   *query;
	double	   *words;
	double		result;

	if (right == NULL || !IsA(right, Const) || ((Const *) right)->constisnull)
		PG_RETURN_FLOAT8(WORD_SELECTIVITY);
	asked = hwr_asked_create(CurrentMemoryContext);
	query = hwr_asked_get(asked, ((Const *) right)->constvalue, HWR_ASKED_QUERY);
	words = palloc(query->nwords * sizeof(double));
	for (int i = 0; i < query->nwords; i++)
		words[i] = WORD_SELECTIVITY;
	result = hwr_query_combine(query, words);
	hwr_hold_replace(asked->query, NULL);
	PG_RETURN_FLOAT8(result);
}
