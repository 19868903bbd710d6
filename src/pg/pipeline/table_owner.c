/*
 * table_owner.c
 *	  Whose code runs when an attached table's rows are read and written: its owner's, and those of its partitions.
 *
 * A partition has an owner of its own, who may give it triggers, and expressions of indexes and constraints that are
 * computed where a statement on the whole table is planned.  So what holds for the table's owner holds for those of
 * all partitions, whatever is below whatever.
 *
 * That must be so when the statement runs.  A partition that is locked keeps its owner.  One that is attached later,
 * which a lock on the table that lets others write does not forbid, is none of those that were looked at, and a
 * statement takes rows of these only.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "pg/base/compat.h"
#include "pipeline.h"

Oid
hwr_table_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * May what this role has put on the table run as the attachment's?  It is the same role, or the owner whose table that has
 * attached, unless the attachment's has become a superuser since.
 */
static bool
may_run(const HwrAttachment *a, Oid owner)
{
	return owner == a->role || (owner == a->owner && (superuser_arg(owner) || !superuser_arg(a->role)));
}

static char *
describe(const HwrAttachment *a, Oid owner)
{
	return psprintf("Triggers and policies of role \"%s\" would run as role \"%s\".", GetUserNameFromId(owner, false),
					GetUserNameFromId(a->role, true));
}

/* The table or partition that has an owner whose code may not run so, InvalidOid: none has; all are locked. */
static Oid
find_stranger(const HwrAttachment *a, LOCKMODE lock, List **partitions)
{
	ListCell   *cell;

	*partitions = NIL;
	LockRelationOid(a->data, lock);
	if (!may_run(a, hwr_table_owner(a->data)))
		return a->data;
	if (get_rel_relkind(a->data) != RELKIND_PARTITIONED_TABLE)
		return InvalidOid;
	*partitions = find_all_inheritors(a->data, lock, NULL);
	foreach(cell, *partitions)
		if (!may_run(a, hwr_table_owner(lfirst_oid(cell))))
			return lfirst_oid(cell);
	return InvalidOid;
}

bool
hwr_is_table_owners(const HwrAttachment *a, LOCKMODE lock)
{
	List	   *partitions;

	return !OidIsValid(find_stranger(a, lock, &partitions));
}

List *
hwr_check_table_owner(const HwrAttachment *a, LOCKMODE lock)
{
	List	   *partitions;
	Oid			stranger = find_stranger(a, lock, &partitions);

	if (!OidIsValid(stranger))
		return partitions;
	if (stranger == a->data)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s\" has another owner than when it was attached", get_rel_name(a->data)),
				 errdetail_internal("%s", describe(a, hwr_table_owner(stranger))),
				 errhint("hwr_detach, then hwr_attach again.")));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("partition \"%s\" of table \"%s\" has another owner than the table", get_rel_name(stranger),
					get_rel_name(a->data)),
			 errdetail_internal("%s", describe(a, hwr_table_owner(stranger))),
			 errhint("Give it to the table's owner with ALTER TABLE ... OWNER TO, or detach it from the table.")));
	return NIL;					/* keep compiler quiet */
}

char *
hwr_own_rows(Oid relid)
{
	return psprintf("%s%s", get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)));
}
