/*
 * work_internal.h
 *	  What the files of hwr_work share: a batch, and what is done with it (work.c).
 *
 * Include after postgres.h.
 */
#ifndef HWR_WORK_INTERNAL_H
#define HWR_WORK_INTERNAL_H

#include "pg/catalog/catalog.h"
#include "pipeline.h"

typedef enum HwrWorkState
{
	ENTRY_TAKEN,				/* nothing has happened yet */
	ENTRY_GONE,					/* no such row for the role: nothing is to be done, nor known */
	ENTRY_NEEDLESS,				/* no image, a text that is not to be read again, or read by this version already */
	ENTRY_READABLE,				/* read, and not written */
	ENTRY_WRITTEN,
	ENTRY_FAILED				/* sqlstate and message say why */
} HwrWorkState;

typedef struct HwrWorkEntry
{
	char	   *place;			/* ctid in hwr.queue */
	char	   *key;			/* as text[] is written */
	char	  **values;			/* [nkeys] */
	int			lane;
	bool		found;			/* its row has been seen */
	bool		corrected;
	char	   *known_hash;		/* of hwr.read_row, as bytea is written; NULL: no row */
	char	   *known_model;
	int			known_version;
	bool		other_key;		/* of another number of columns than the primary key has */
	HwrWorkState state;
	char	   *old_text;		/* when the image was read; NULL: SQL NULL */
	bytea	   *hash;
	bool		tried;			/* read with the version that is tried, in the place of the attachment's */
	char	   *text;
	double		confidence;
	int			version;
	double		ink;			/* share of the canvas */
	int			width;			/* of the image */
	char	   *shadow_text;	/* NULL: no shadow has read it */
	double		shadow_confidence;
	char	   *sqlstate;
	char	   *message;
} HwrWorkEntry;

typedef struct HwrWork
{
	HwrAttachment a;
	HwrKeyColumn *keys;
	char	   *relation;		/* the table's name */
	char	   *own_rows;		/* the table in a statement: hwr_own_rows */
	char	   *partitions;		/* OIDs of those whose rows are taken, with commas; NULL: it has none */
	HwrWorkEntry *entries;
	int			n;
	HwrVersionInfo versions[2]; /* the attachment's, and the one that is tried */
	int32		trial;			/* the attachment's, also where it could not begin, and a.trial is 0 */
	char	   *trial_problem;	/* why it could not; NULL: it could */
	bool		changing;		/* another version is being activated, or has been since the batch began */
	MemoryContext context;		/* of the batch, beyond its subtransactions */
} HwrWork;

/* Parameters of a statement: the keys, and up to four more. */
#define MAX_PARAMETERS (INDEX_MAX_KEYS + 4)

/*
 * work_entries.c: arrays for unnest, and entries
 */

extern Datum hwr_work_text_array(char **strings, int n);	/* NULL: SQL NULL */
extern Datum hwr_work_bytea_array(HwrWork *b, const int *chosen, int n);	/* the images' hashes */
extern Datum hwr_work_float8_array(const double *numbers, int n);
extern Datum hwr_work_int4_array(const int *numbers, int n);

/* The values of a field of chosen entries, as text[]. */
#define FIELD_ARRAY(b, chosen, nchosen, field, out) \
	do { \
		char	  **strings_ = palloc(Max(nchosen, 1) * sizeof(char *)); \
		for (int i_ = 0; i_ < (nchosen); i_++) \
			strings_[i_] = (b)->entries[(chosen)[i_]].field; \
		(out) = hwr_work_text_array(strings_, nchosen); \
	} while (0)

/* The entries of batch[from, to) in a state. */
extern int *hwr_work_choose(HwrWork *b, int from, int to, HwrWorkState state, int *n);

/*
 * The keys in parameters $1 .. $nkeys as k, texts, numbered from 1 by n; row t has the key k; FROM the table t with
 * both; and these parameters, whose number is returned.
 */
extern void hwr_work_append_keys(const HwrWork *b, StringInfo sql);
extern void hwr_work_append_match(const HwrWork *b, StringInfo sql);
extern void hwr_work_append_join(const HwrWork *b, StringInfo sql);
extern int	hwr_work_add_keys(HwrWork *b, const int *chosen, int n, Oid *types, Datum *values);

extern void hwr_work_fail_entry(HwrWork *b, HwrWorkEntry *e, int sqlerrcode, const char *message);

/* The model that an entry is read with. */
extern const char *hwr_work_model_of(const HwrWork *b, const HwrWorkEntry *e);

/* Not the row's fault, nor to be outlived: the session is to end, or the statement. */
extern bool hwr_work_is_interruption(const ErrorData *error);

/*
 * The steps of a batch, a file each, in this order: work.c
 */

extern void hwr_work_claim(HwrWork *b, int limit);
extern void hwr_work_read_entries(HwrWork *b, int from, int to);
extern void hwr_work_write_entries(HwrWork *b, int from, int to);
extern void hwr_work_check_unwritten(HwrWork *b);
extern void hwr_work_settle(HwrWork *b, double began, HwrBatchResult *out);

#endif							/* HWR_WORK_INTERNAL_H */
