/*
 * drop.c
 *	  DROP EXTENSION says which large objects it leaves behind.
 *
 * Large objects are members of no extension, so weights and checkpoints outlive the tables that
 * name them; and weeks of training should not vanish by a CASCADE.  The rows are counted while they
 * are still there: just before their table is dropped, which only happens with the extension.
 *
 * A hook works where the library is loaded: preloaded, or after the session's first use of hwr.
 * Elsewhere an event trigger in PL/pgSQL warns (orphans.sql), which sees DROP EXTENSION hwr, but
 * not every other way to the same end; in C it would make every DROP EXTENSION fail once hwr's
 * library has been removed from the server.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "executor/tuptable.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "pg/base/compat.h"
#include "catalog.h"

static object_access_hook_type previous_hook = NULL;

/* Rows that name a large object. */
static int64
count_references(Oid table, const char *column)
{
	Relation	rel = table_open(table, NoLock);	/* DROP has locked it */
	AttrNumber	attnum = get_attnum(table, column);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);
	int64		n = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		Oid			loid = DatumGetObjectId(slot_getattr(slot, attnum, &isnull));

		if (!isnull && OidIsValid(loid))
			n++;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	return n;
}

static void
report_rest(Oid table)
{
	const char *name = get_rel_name(table);
	bool		versions = name != NULL && strcmp(name, "version") == 0;
	bool		jobs = name != NULL && strcmp(name, "job") == 0;
	Oid			extension;
	int64		n;

	if (!versions && !jobs)
		return;
	extension = getExtensionOfObject(RelationRelationId, table);
	if (!OidIsValid(extension) || extension != get_extension_oid("hwr", true))
		return;
	n = count_references(table, versions ? "weights" : "checkpoint");
	if (n > 0)
		ereport(NOTICE,
				(versions ?
				 errmsg_plural("the weights of " INT64_FORMAT " model version remain, as a large object",
							   "the weights of " INT64_FORMAT " model versions remain, as large objects", n, n) :
				 errmsg_plural(INT64_FORMAT " checkpoint of a training remains, as a large object",
							   INT64_FORMAT " checkpoints of trainings remain, as large objects", n, n),
				 errhint("After CREATE EXTENSION hwr, hwr_rescue() takes models back; to leave nothing, roll back and call "
						 "hwr_uninstall() first.")));
}

static void
object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (previous_hook != NULL)
		previous_hook(access, class_id, object_id, sub_id, arg);
	if (access == OAT_DROP && class_id == RelationRelationId && sub_id == 0)
		report_rest(object_id);
}

void
hwr_drop_install(void)
{
	previous_hook = object_access_hook;
	object_access_hook = object_access;
}
