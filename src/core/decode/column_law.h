/*
 * column_law.h
 *	  How values follow one another in a column, learned from it.
 *
 * A difference is one that other rows have or, where the column's differences show that, near theirs (column_near.h).  Or it is
 * new, and has a law in which small differences are likelier than large ones and no size is impossible.  By that law alone,
 * numbers that rise by large uneven steps would be drawn to small ones.  A row never counts for itself.
 */
#ifndef HWR_COLUMN_LAW_H
#define HWR_COLUMN_LAW_H

#include <stdbool.h>
#include <stdint.h>

#include "column.h"
#include "column_near.h"

/* What a row and the one before it have shown. */
typedef struct HwrColumnPair
{
	int			kind;			/* of the row's value, */
	double		known;			/* if it is known: probability */
	int64_t		difference;
	double		on;				/* probability that the value before went on by it; 0 in the first row */
	double		jump;			/* that it jumped; the rest: not known */
} HwrColumnPair;

typedef struct HwrColumnCount
{
	int64_t		difference;
	double		count;
} HwrColumnCount;

/* Differences that several pairs have. */
#define HWR_COLUMN_USUAL 3

typedef struct HwrColumnLaw
{
	HwrColumnPair *pairs;		/* [n], of each row, malloc'd */
	HwrColumnNear near;			/* the differences */
	int			width;			/* of near, that makes them most probable */
	double	   *news;			/* [n], what hwr_column_near_new says of each row, for it is asked often; malloc'd */
	int			n;
	HwrColumnCount usual[HWR_COLUMN_USUAL]; /* the most frequent first; count 0: none */
	double		on;				/* sums over all rows */
	double		up;				/* of those that go on, differences of at least 0 */
	double		jumps;
	double		known;
	double		kinds_seen[HWR_COLUMN_KINDS];
} HwrColumnLaw;

/* Nothing seen yet. */
extern bool hwr_column_law_init(HwrColumnLaw *law, int rows, HwrStatus *st);
extern void hwr_column_law_free(HwrColumnLaw *law);

/* Count what the rows show now. */
extern void hwr_column_law_learn(HwrColumnLaw *law);

/*
 * Without what the row itself has shown: the probability that its value is no continuation of the one before, that it is of
 * this kind if not, and of this difference if so.
 */
extern double hwr_column_law_jump(const HwrColumnLaw *law, int row);
extern double hwr_column_law_kind(const HwrColumnLaw *law, int row, int kind);
extern double hwr_column_law_difference(const HwrColumnLaw *law, int row, int64_t difference);

#endif							/* HWR_COLUMN_LAW_H */
