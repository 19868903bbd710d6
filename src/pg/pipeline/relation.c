/*
 * relation.c
 *	  The type hwr.relation: which table is attached.
 *
 * As role.c, for tables: an OID that is dumped as a name, and a name that is not there is none.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/varlena.h"

#include "pg/base/compat.h"

PG_FUNCTION_INFO_V1(hwr_relation_in);
PG_FUNCTION_INFO_V1(hwr_relation_out);

/*
 * hwr.relation_in(cstring) returns hwr.relation: a table's name, as in a query; "-" is none
 */
Datum
hwr_relation_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	List	   *names;

	if (strcmp(text, "-") == 0)
		PG_RETURN_OID(InvalidOid);
	if (!SplitIdentifierString(pstrdup(text), '.', &names) || names == NIL || list_length(names) > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid table name: \"%s\"", text)));
	PG_RETURN_OID(RangeVarGetRelid(makeRangeVar(list_length(names) == 2 ? linitial(names) : NULL, llast(names), -1), NoLock,
								   true));
}

/*
 * hwr.relation_out(hwr.relation) returns cstring: always qualified.  A table that is gone is none.
 */
Datum
hwr_relation_out(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *name = get_rel_name(relid);
	char	   *schema = name != NULL ? get_namespace_name(get_rel_namespace(relid)) : NULL;

	PG_RETURN_CSTRING(schema != NULL ? quote_qualified_identifier(schema, name) : pstrdup("-"));
}
