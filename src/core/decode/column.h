/*
 * column.h
 *	  Values that stand under one another, read together.
 *
 * The rows of a register are numbered and its days go up: what the ink of one row leaves open, the rows above and below often
 * tell.  Each row has the values that its ink may say, with their probabilities, and what is left for any other.  From a row to
 * the next the value goes on by some difference, or it jumps and may be anything of its kind.  Which differences are likely, how
 * often values go up or down, how often they jump and to which kind, is learned from its other rows, beginning with a law
 * that knows nothing of them; each row's values are then as probable as all ways through the column make them (forward and
 * backward sums).
 *
 * Not every column has an order, and differences of values that have none have a law too: they are rather small than large, so
 * that values in the middle between their neighbours would seem likely.  So the column is also read by laws without an order
 * (column_near.h), and the shares by all of them are added, each weighted by how probable it makes the whole column's ink.
 *
 * Source: Rabiner, "A Tutorial on Hidden Markov Models and Selected Applications in Speech Recognition", 1989, for the sums.
 */
#ifndef HWR_COLUMN_H
#define HWR_COLUMN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"

typedef struct HwrColumnValue
{
	int64_t		place;			/* in the order of such values, at most 10^18 either way; differences are counted in it */
	int			kind;			/* 0 .. HWR_COLUMN_KINDS - 1, of those that are alike: of so many digits, of a decade */
	double		chance;			/* 0..1, of this value among its kind where nothing is known of it, neither ink nor column */
	double		ink;			/* 0..1, as the ink alone says */
	double		share;			/* 0..1, as the whole column says: the result */
} HwrColumnValue;

typedef struct HwrColumn HwrColumn;

/* Kinds of values, all as likely where nothing is known. */
#define HWR_COLUMN_KINDS 32

/* Values that hwr_column_expected gives at most. */
#define HWR_COLUMN_EXPECTED 6

extern bool hwr_column_create(HwrColumn **out, HwrStatus *st);
extern void hwr_column_free(HwrColumn *column);

/* The next row: different values whose ink sums to at most one.  n may be 0. */
extern bool hwr_column_add(HwrColumn *column, const HwrColumnValue *values, int n, HwrStatus *st);

/* One more value of a row, of what was left for others. */
extern bool hwr_column_add_value(HwrColumn *column, int row, const HwrColumnValue *value, HwrStatus *st);

/*
 * Compute the shares: step returns false when it is done, and does one row at a time of a few times the number of rows, so that
 * the caller can look for interrupts.  What was learned stays for the next time, after more values have been added.
 */
extern bool hwr_column_begin(HwrColumn *column, HwrStatus *st);
extern bool hwr_column_step(HwrColumn *column);

extern int	hwr_column_rows(const HwrColumn *column);
extern const HwrColumnValue *hwr_column_values(const HwrColumn *column, int row, int *n);

/* Places that differences seen elsewhere in the column lead to from the rows above and below, and that are none of the row's. */
extern int	hwr_column_expected(const HwrColumn *column, int row, int64_t places[HWR_COLUMN_EXPECTED]);

/*
 * By how much the value before makes a row's, from the second row on, more probable than it is alone; NULL: any other value.
 * For tests.
 */
extern double hwr_column_factor(const HwrColumn *column, int row, const HwrColumnValue *before, const HwrColumnValue *value);

/* The same by a law without order, 1 .. laws - 1, and how probable the laws are; the first, 0, is the order.  For tests. */
extern double hwr_column_alone_factor(const HwrColumn *column, int row, const HwrColumnValue *value, int law);
extern const double *hwr_column_weights(const HwrColumn *column, int *laws);

#endif							/* HWR_COLUMN_H */
