/*
 * role.c
 *	  The type hwr.role: who started a job.
 *
 * Stored is an OID, which ALTER ROLE ... RENAME does not touch and pg_upgrade keeps.  Dumped is a
 * name, because in another cluster the OID is someone else's.  Unlike regrole, a name that is not
 * there is not an error: a dump must be restorable without the roles, as tables are with pg_restore
 * --no-owner.  Such a row then belongs to nobody, and superusers and monitors see it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "compat.h"

PG_FUNCTION_INFO_V1(hwr_role_in);
PG_FUNCTION_INFO_V1(hwr_role_out);

/*
 * hwr.role_in(cstring) returns hwr.role: a role's name, quoted where an identifier would be; "-" is none
 */
Datum
hwr_role_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	List	   *names;

	if (strcmp(text, "-") == 0)
		PG_RETURN_OID(InvalidOid);
	if (!SplitIdentifierString(pstrdup(text), '.', &names) || list_length(names) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid role name: \"%s\"", text)));
	PG_RETURN_OID(get_role_oid((const char *) linitial(names), true));
}

/*
 * hwr.role_out(hwr.role) returns cstring.  A role that has been dropped is none: as a number it
 * could become another.
 */
Datum
hwr_role_out(PG_FUNCTION_ARGS)
{
	char	   *name = OidIsValid(PG_GETARG_OID(0)) ? GetUserNameFromId(PG_GETARG_OID(0), true) : NULL;

	PG_RETURN_CSTRING(name != NULL ? pstrdup(quote_identifier(name)) : pstrdup("-"));
}
