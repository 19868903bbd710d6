/*
 * batch.h
 *	  Batches behind plain SQL: what the files batch_*.c share, and what a function that reads an image asks of them.
 *
 * SELECT hwr_recognize(img) FROM forms reads its images in batches.  A plan node, HwrBatch, takes
 * some rows of the node below at once, runs the network over their images, and hands the rows on
 * one by one.  The expressions of the statement stay what they were: hwr_recognize is called for
 * each row as ever, looks up its model, checks privileges, and only then asks whether its image has
 * been read ahead (hwr_ahead_find).  If not it reads the image itself.
 *
 *	  batch_calls.c		which functions, and where in an expression a call is sure to be made
 *	  batch_functions.c	which functions never fail
 *	  batch_safe.c		which plans can run ahead without anybody noticing
 *	  batch_session.c	whether the role and settings stay what they are while a statement runs
 *	  batch_plan.c		putting the nodes in, once a statement is planned
 *	  batch_scan.c		the node
 *	  batch_ahead.c		reading ahead, and who asks for it
 *	  batch_explain.c	what EXPLAIN says about it
 *
 * Hence the invariants.  Nothing that is read ahead is used but for the same bytes, model version, precision and
 * limits.  What is read ahead and not asked for can have no effect but time: an image that cannot be decoded is left
 * to the function, which then raises its error at the place where it always did.  Which model is read with the node
 * learns from the function, after the function has been allowed to use it: the first row is never read ahead.
 *
 * Include after postgres.h.
 */
#ifndef HWR_BATCH_H
#define HWR_BATCH_H

#include "fmgr.h"
#include "lib/ilist.h"
#include "nodes/execnodes.h"
#include "nodes/extensible.h"
#include "nodes/plannodes.h"

#include "core/decode/decode.h"
#include "core/image/image.h"
#include "core/network/recognizer.h"
#include "pg/catalog/cache.h"
#include "pg/reader/reader.h"

/* Columns with images that one node looks after; further ones are read one by one. */
#define HWR_BATCH_COLUMNS 8

/* Pairs of a column and a model version that it reads ahead. */
#define HWR_BATCH_USES 4

/*
 * batch_calls.c
 */

/*
 * The Vars that are images of calls in expr that are made whenever expr is evaluated, added to
 * images, each once.  What is in an arm of CASE, COALESCE, AND, OR, in a subquery or in an argument
 * of an aggregate with FILTER is not sure.
 */
extern List *hwr_batch_calls(Node *expr, List *images);

/* The same for the arguments of the aggregates in expr, which see each row. */
extern List *hwr_batch_calls_in_aggregates(Node *expr, List *images);

/*
 * batch_functions.c: what takes all values of these arguments, raises no error and is not volatile
 */
extern bool hwr_batch_function_is_safe(Oid function, List *args, Oid collation);
extern bool hwr_batch_operator_is_safe(Oid operator, Oid function, List *args, Oid collation);
extern bool hwr_batch_aggregate_is_safe(const Aggref *aggregate);

/* Whether all values of a type can be compared. */
extern bool hwr_batch_is_comparable(Oid type);

/*
 * batch_safe.c
 */

/*
 * Whether taking rows from plan before they are needed, but for the first one, is not noticed: nothing in it is volatile,
 * locks, writes or fails on a row.  init_plans are those of the whole statement.  *session becomes true where it depends on
 * what other statements and functions can change while this one runs, as the present role or a setting.
 */
extern bool hwr_batch_may_run_ahead(const PlannedStmt *stmt, List *init_plans, Plan *plan, bool *session);

/*
 * batch_session.c
 */

/* Whether something in the query may change a setting or the role while it runs.  To be asked before it is planned. */
extern bool hwr_batch_changes_session(Query *query);

/* Whether the statement runs now to its end, so that no other one comes between two rows of it. */
extern bool hwr_batch_runs_to_end(const EState *estate);

extern void hwr_batch_session_install(void);	/* from hwr_batch_install */

/*
 * batch_plan.c
 */
extern void hwr_batch_install(void);	/* from _PG_init */

/*
 * custom_private of the node is this list of integers; custom_exprs are the LIMIT's count and
 * offset, or NULL.
 */
typedef enum HwrBatchPrivate
{
	HWR_BATCH_LIMITED,			/* whether custom_exprs hold */
	HWR_BATCH_SESSION,			/* whether what is below depends on the role and settings */
	HWR_BATCH_FIRST_COLUMN		/* attribute numbers of images in custom_scan_tlist, to the list's end */
} HwrBatchPrivate;

/*
 * batch_scan.c
 */
extern const CustomScanMethods hwr_batch_scan_methods;

/* What one process's node has done; of parallel workers, added up. */
typedef struct HwrBatchStats
{
	int64		batches;
	int64		images;			/* read ahead */
	int64		unused;			/* of them, not asked for */
	double		prepare_time;	/* ms, decoding and preprocessing */
	double		network_time;	/* ms, with decoding to text */
} HwrBatchStats;

/* In shared memory, one for each worker of a parallel query. */
typedef struct HwrBatchShared
{
	int			n;
	HwrBatchStats stats[FLEXIBLE_ARRAY_MEMBER];
} HwrBatchShared;

/*
 * A model version that a column is read with, and what has been read of the present rows.  Equal
 * images are read once, also where a join hands one of them on for hundreds of rows: the last
 * reading of a batch is carried over to the next.
 */
typedef struct HwrBatchUse
{
	int			column;			/* index into HwrBatchScan.columns */
	HwrVersionInfo version;
	HwrPrecision precision;
	HwrBatchReader *reader;		/* NULL: nothing was read of this batch */
	int			where[HWR_RECOGNIZE_BATCH]; /* of each row in reader, or: */
#define HWR_BATCH_NOT_READ (-1)
#define HWR_BATCH_CARRIED (-2)
	uint32		asked;			/* bit for each row whose reading was asked for */
	int64		used;			/* readings asked for, and not, so far */
	int64		wasted;

	HwrBatchReader *carried;	/* a batch before, NULL: none, */
	int			carried_where;	/* the place in it, */
	Datum		carried_image;	/* and the image, in its memory */
} HwrBatchUse;

typedef struct HwrBatchScan
{
	CustomScanState css;
	dlist_node	node;			/* in the list of nodes that are open */
	bool		open;
	MemoryContextCallback closing;

	/* LIMIT above: no more rows than bound are taken from the child */
	ExprState  *limit_count;
	ExprState  *limit_offset;
	bool		bound_known;
	int64		bound;			/* -1: none */
	int64		taken;

	/* rows taken and not all handed on */
	MemoryContext context;		/* reset with each batch */
	MinimalTuple rows[HWR_RECOGNIZE_BATCH];
	ScanState  *source;			/* the child if it scans a table, else NULL */
	ItemPointerData places[HWR_RECOGNIZE_BATCH];	/* of the rows in that table */
	int			n;
	int			next;			/* rows[next - 1] was handed on last */
	int			size;			/* wanted of them; 0: before the first */
	bool		done;			/* the child has no more */
	bool		past_end;		/* and so we have said */
	bool		session;		/* rows are taken ahead only if the statement runs to its end */

	int			ncolumns;
	AttrNumber	columns[HWR_BATCH_COLUMNS];
	Datum		images[HWR_BATCH_COLUMNS][HWR_RECOGNIZE_BATCH];	/* within rows; 0: NULL */

	/* what the functions asked for */
	int			nuses;
	HwrBatchUse uses[HWR_BATCH_USES];
	MemoryContext readers;		/* what has been read; outlives a batch */
	HwrImageLimits limits;		/* when that was read */
	int			device;

	HwrBatchStats stats;
	HwrBatchStats workers;		/* what parallel workers have told */
	HwrBatchShared *shared;		/* NULL: no parallel query */
	struct dsm_segment *segment;	/* where it lies, in the leader */
} HwrBatchScan;

/*
 * batch_ahead.c
 */

/* How many rows the next batch may have; 0: nothing is to be read ahead. */
extern int	hwr_batch_rows(const HwrBatchScan *s);

/* Read the images of the present rows. */
extern void hwr_batch_read(HwrBatchScan *s);

/*
 * The present rows are over.  The reading of the last of them stays, in case the next one has the
 * same image.
 */
extern void hwr_batch_settle(HwrBatchScan *s);

/* What this process's node has done, the present rows included. */
extern HwrBatchStats hwr_batch_stats(const HwrBatchScan *s);

/* From open to close, functions find the node's readings.  Closing twice does no harm. */
extern void hwr_batch_open(HwrBatchScan *s);
extern void hwr_batch_close(HwrBatchScan *s);

/* What has been read ahead of an image.  Valid until the caller's row is over. */
typedef struct HwrAhead
{
	const HwrPosterior *posterior;
	const HwrReading *reading;
	const HwrCanvas *canvas;
} HwrAhead;

/*
 * Whether this image has been read ahead by this model.  If not, and it is in a row that a node of the calling
 * function's own statement has handed on, that node knows from now on what is wanted.  image is as in the row: not detoasted.
 */
extern bool hwr_ahead_find(const FmgrInfo *caller, Datum image, HwrLoaded loaded, HwrAhead *out);

/*
 * batch_explain.c
 */
extern void hwr_batch_explain(CustomScanState *css, List *ancestors, struct ExplainState *es);

#endif							/* HWR_BATCH_H */
