/*
 * form.h
 *	  What the files form*.c share: the fields of a form, and a page laid over it.
 *
 * Include after postgres.h.
 */
#ifndef HWR_PG_FORM_H
#define HWR_PG_FORM_H

#include "fmgr.h"

#include "core/form/field.h"
#include "core/text/kind.h"
#include "page.h"
#include "pg/base/hold.h"
#include "pg/reader/decoder.h"

/* A form has no more. */
#define HWR_FORM_MAX_FIELDS 2000

typedef enum HwrFieldKind
{
	HWR_FIELD_TEXT,
	HWR_FIELD_COMB,
	HWR_FIELD_TICK,
	HWR_FIELD_KNOWN				/* of a HwrKind */
} HwrFieldKind;

/* A row of the table of fields. */
typedef struct HwrFormField
{
	char	   *name;
	double		x0;				/* pixels of the blank */
	double		y0;
	double		x1;
	double		y1;
	HwrFieldKind kind;
	HwrKind		known;
	char	   *model;			/* NULL: the call's */
	text	   *allow;			/* NULL: all characters */
	text	   *pattern;		/* NULL: any text */
	ArrayType  *lexicon;		/* NULL: none */
	bool		boxes;			/* a box a character */
	int			cells;			/* how many, 0: as printed */
} HwrFormField;

/*
 * The fields that a query gives, in its order, as the caller; in the current memory context.  Raises what is
 * wrong with them.
 */
extern HwrFormField *hwr_form_fields(const char *query, int *n);

/* The query that a table's name, or a query, means. */
extern char *hwr_form_fields_query(text *value);
extern char *hwr_form_table_query(Oid relation);

/* Raise what is wrong with their areas on this blank. */
extern void hwr_form_check_areas(const HwrImage *blank, const HwrFormField *fields, int n);

/* A field on its way to a row of the result. */
typedef struct HwrFieldRow
{
	char	   *text;			/* server encoding, NULL: none of the kind */
	char	   *value;			/* NULL: none */
	double		confidence;
	double		fit;
	HwrPoint	area[HWR_FIELD_POINTS];
	Datum		image;			/* 0: not wanted */
} HwrFieldRow;

/* What readings of a form's fields keep from page to page: models that were looked up, lexicons. */
typedef struct HwrFormReader HwrFormReader;
extern HwrFormReader *hwr_form_reader_create(MemoryContext context);

/*
 * Cut and read the fields; rows[n].  model: of fields without their own, NULL: the default one; least: the
 * least fit around a field.
 */
extern void hwr_form_read(HwrFormReader *reader, const HwrForm *form, const HwrFormFit *fit, const HwrImage *page,
						  const HwrFormField *fields, int n, const char *model, double least, bool images, HwrFieldRow *rows);

#endif							/* HWR_PG_FORM_H */
