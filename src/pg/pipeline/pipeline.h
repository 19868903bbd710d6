/*
 * pipeline.h
 *	  Attached tables: what the trigger functions, the batches and the background worker share.
 *
 * Include after postgres.h.
 */
#ifndef HWR_PIPELINE_H
#define HWR_PIPELINE_H

#include "access/tupdesc.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

#include "pg/base/compat.h"

/* A column of an attached table's primary key. */
typedef struct HwrKeyColumn
{
	char	   *name;
	char	   *quoted;
	char	   *equals;			/* OPERATOR(schema.=) */
	char	   *cast;			/* from text: ::type COLLATE collation; without modifier, the domain's type where it is of one */
} HwrKeyColumn;

/* A row of hwr.attachment. */
typedef struct HwrAttachment
{
	int32		id;
	Oid			data;
	Oid			role;			/* InvalidOid: it has been dropped, and nobody reads */
	Oid			owner;			/* the table's, when it was attached */
	char	   *image;			/* names of columns; confidence NULL: none */
	char	   *text;
	char	   *confidence;
	char	  **keys;			/* [nkeys] */
	int			nkeys;
	char	   *model;
	bool		now;			/* mode */
	bool		notify;
	double		doubtful;
	int			retries;
	int64		queue_limit;	/* 0: none */
	bool		fail_when_full;
	int			batch;
	bool		paused;
	int32		trial;			/* hwr.trial, 0: nothing is tried */
	char	   *trial_model;
	int32		trial_version;	/* 0: the active one */
	bool		trial_fails;	/* it could not be read with the last time */
	double		trial_share;
	bool		shadow;
} HwrAttachment;

/*
 * The row, in the current memory context; false: there is none, or its table is gone.  With a snapshot of this moment; lock: keep
 * others from removing it until the transaction's end.
 */
extern bool hwr_attachment_load(int32 id, bool lock, HwrAttachment *out);

/*
 * table_owner.c: the triggers and policies of the table's owner run as the attachment's role, who has attached that owner's
 * table.  Locks the table and its partitions, and raises insufficient_privilege where one of them is another's by now, who is not
 * that role.  What is named in a statement after that: the table, and where it has partitions, those that are returned.
 */
extern List *hwr_check_table_owner(const HwrAttachment *a, LOCKMODE lock);
extern bool hwr_is_table_owners(const HwrAttachment *a, LOCKMODE lock); /* the same, without raising */
extern Oid	hwr_table_owner(Oid relid);

/*
 * The table as FROM and UPDATE name it: without tables that inherit from it, whose keys may be the same as its own; but with its
 * partitions.
 */
extern char *hwr_own_rows(Oid relid);

/* Raises insufficient_privilege to whom may read nothing of the table; he is told the number, which he knows, not its name. */
extern void hwr_check_see_attachment(const HwrAttachment *a);
extern bool hwr_may_see_table(Oid relid);

/* Raises datatype_mismatch where an image column of this type holds no bytes. */
extern void hwr_check_image_type(Oid relid, const char *name, Oid type);

/*
 * The settings in which a key's values are text, the same in all sessions; until AtEOXact_GUC(false,
 * result).
 */
extern int	hwr_key_settings(void);

/* What row n's key is: columns of the primary key as text[].  A NULL among them is an error. */
extern Datum hwr_key_of_tuple(HeapTuple tuple, TupleDesc desc, const AttrNumber *columns, int nkeys);

/* Key columns of an attached table with what a query needs of them, in the current memory context. */
extern HwrKeyColumn *hwr_key_columns(const HwrAttachment *a);

/* The condition under which row t has a key whose value i, a text, is before i after: k.key[i]. */
extern void hwr_append_key_match(StringInfo sql, const HwrKeyColumn *columns, int n, const char *before, const char *after);

/* A statement on the catalog as the extension's owner, planned once a session; snapshot of this moment. */
typedef struct HwrCatalogPlan
{
	const char *sql;
	int			nargs;
	Oid			types[8];
	SPIPlanPtr	plan;			/* NULL: not yet */
} HwrCatalogPlan;
extern uint64 hwr_catalog_plan_execute(HwrCatalogPlan *plan, Datum *values, const char *nulls);

/*
 * Have plans take indexes, until AtEOXact_GUC(false, result): statistics of the queue are of another moment, when it
 * was empty, say.
 */
extern int	hwr_prefer_indexes(void);

/* The attachment whose readings this process is writing, 0: none.  Its updates are no person's. */
extern int32 hwr_writing;

/*
 * A person, the current user, says that this row's image, of this hash, reads label; was: the text before, 0: none.  SPI is
 * connected.
 */
extern void hwr_keep_correction(int32 attachment, Datum key, Datum hash, Datum was, Datum label);

/* SHA-256 of an image, as sha256(bytea). */
extern bytea *hwr_pipeline_hash(const uint8 *bytes, Size len);

/*
 * work.c: one batch of an attachment, in a transaction, with SPI connected and an active snapshot.  limit:
 * rows at most, 0: as the attachment says.  taken 0: nothing is due.  Raises insufficient_privilege where the
 * current user has not the role's privileges.
 */
typedef struct HwrBatchResult
{
	int			taken;
	int			read;
	int			failed;
} HwrBatchResult;
extern void hwr_work_batch(int32 attachment, int limit, HwrBatchResult *out);

/* Attachments of the current user's roles that are not paused, of one table or all; their numbers, palloc'd. */
extern int32 *hwr_work_list(Oid data, int *n);

/* pipeline_shmem.c: this database has work, or may have; a signal, no promise. */
extern void hwr_pipeline_request_start(void);
extern void hwr_pipeline_wake(void);

/*
 * queue.c: the same when the transaction is committed, by when others see what it has done; it has made so many entries of the
 * attachment's queue.
 */
extern void hwr_note_queued(int32 attachment, int64 entries);

#endif							/* HWR_PIPELINE_H */
