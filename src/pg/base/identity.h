/*
 * identity.h
 *	  Whose privileges hold, and catalog writes.
 *
 * Include after postgres.h.
 */
#ifndef HWR_IDENTITY_H
#define HWR_IDENTITY_H

typedef struct HwrIdentity
{
	Oid			userid;
	int			sec_context;
	int			guc_nestlevel;
} HwrIdentity;

/* Become the owner of the extension, for catalog writes: search_path is pg_catalog meanwhile. */
extern void hwr_become_owner(HwrIdentity *save);

/* Become userid, in a security-restricted operation. */
extern void hwr_become_user(Oid userid, HwrIdentity *save);

/* Back.  Not needed on errors: the (sub)transaction's end does it. */
extern void hwr_restore_identity(const HwrIdentity *save);

/*
 * Run one statement as the extension's owner with search_path pg_catalog, SPI being connected.
 * nulls as in SPI ('n' or ' ' each), or NULL.  Returns the rows processed; results are in
 * SPI_tuptable.
 */
extern uint64 hwr_catalog_execute(const char *sql, int nargs, Oid *types, Datum *values,
								  const char *nulls);

/* A query under the active snapshot. */
extern uint64 hwr_catalog_query(const char *sql, int nargs, Oid *types, Datum *values);

/*
 * The same under a snapshot of this moment, whatever the transaction's isolation level: a query,
 * and a statement that changes rows which the transaction's own snapshot may not show.
 */
extern uint64 hwr_catalog_query_now(const char *sql, int nargs, Oid *types, Datum *values);
extern uint64 hwr_catalog_execute_now(const char *sql, int nargs, Oid *types, Datum *values);

#endif							/* HWR_IDENTITY_H */
