/*
 * columns.h
 *	  Labelled tables: which columns, and their rows.
 *
 * Include after postgres.h.
 */
#ifndef HWR_COLUMNS_H
#define HWR_COLUMNS_H

#include "access/attnum.h"

/*
 * What a relation is, as far as it says whose code reading it runs: kept from when the caller asked, who could look at
 * it then, to each time that it is read.
 */
typedef struct HwrRelationForm
{
	char		kind;			/* pg_class.relkind; 0: not looked at yet */
	bool		policies;		/* row-level security applies to the caller */
} HwrRelationForm;

/* The image and label columns: as named, or the only bytea and the only text-like column (name NULL). */
typedef struct HwrColumns
{
	char	   *relation;		/* qualified and quoted */
	char	   *image;			/* quoted */
	char	   *label;			/* quoted */
	char	   *key;			/* expression for the row's identity, to be shown; NULL: not wanted */
	char	   *by;				/* likewise for the column that the caller asked for; NULL: none */
	Oid			relid;
	HwrRelationForm form;
	AttrNumber	image_number;
	AttrNumber	label_number;	/* 0: the relation has none */
} HwrColumns;
extern void hwr_find_columns(Oid relid, const char *image_column, const char *label_column,
							 HwrColumns *out);

/* An error: the relation, named as in HwrColumns, has become another one than the caller asked to have read. */
extern void hwr_raise_other_relation(const char *relation);

/* As hwr_find_columns, with key and by; the label is NULL::text in a relation without text. */
extern void hwr_find_columns_to_read(Oid relid, const char *image_column, const char *label_column,
									 const char *by_column, HwrColumns *out);

/* The label column alone, quoted, as hwr_find_columns finds it. */
extern char *hwr_find_label_column(Oid relid, const char *label_column);

/*
 * Rows of a labelled table, through an SPI cursor, as the current user.  SPI must be connected, and stay so.  The columns
 * may have been found in an earlier transaction: they are looked up again, by number, in the relation of that OID, which
 * may have got another name but no other form.  A row's
 * memory is valid until the next call.  Images are as from hwr_image_bytes.
 */
typedef struct HwrRow
{
	int64		number;			/* from 1 */
	const uint8 *image;			/* NULL: SQL NULL */
	Size		image_len;
	const char *label;			/* UTF-8, NULL: SQL NULL */
	Size		label_len;
	char	   *key;			/* server encoding, NULL: unknown */
	char	   *by;				/* likewise, NULL: SQL NULL or not asked for */
} HwrRow;
typedef struct HwrRows HwrRows;

/* How many there are. */
extern int64 hwr_rows_count(const HwrColumns *columns);

extern HwrRows *hwr_rows_open(const HwrColumns *columns);

/* Every so-many-th row only, numbered from 1 all the same; image and label, no key. */
extern HwrRows *hwr_rows_open_spread(const HwrColumns *columns, int64 every);
extern bool hwr_rows_next(HwrRows *rows, HwrRow *row);

/* At most this many rows, and few more than this many bytes of images, make a batch. */
#define HWR_ROWS_BATCH 256
#define HWR_ROWS_BATCH_BYTES (16 * 1024 * 1024)

/* The next rows, at least one and at most limit; 0: there are no more. */
extern int	hwr_rows_next_batch(HwrRows *rows, int limit, HwrRow *batch);
extern void hwr_rows_close(HwrRows *rows);

/*
 * Bytes of an image value, in the current memory context.  One that is longer than
 * hwr.max_image_bytes is not read into memory: *len is its length, by which hwr_image_decode
 * refuses it before it looks at any byte.
 */
extern const uint8 *hwr_image_bytes(Datum image, Size *len);

#endif							/* HWR_COLUMNS_H */
