/*
 * table.h
 *	  Whether columns of lines are columns of a table, which are read by rows; included only by order.c.
 */
#ifndef HWR_PAGE_TABLE_H
#define HWR_PAGE_TABLE_H

#include <stdbool.h>

/* A line where it stands, in level coordinates, x reversed where writing runs from right to left. */
typedef struct HwrOrderBox
{
	float		x0;
	float		x1;
	float		y0;				/* of its body */
	float		y1;
	float		base;			/* its baseline, in the middle */
	int			column;
	int			line;
} HwrOrderBox;

/* For qsort: from left to right. */
extern int	hwr_order_compare_x(const void *a, const void *b);

/*
 * Whether these boxes are a table: they stand by columns, from left to right, of which there are at least 2 (box.column counts
 * them from 0).  If not, *cut is the first box right of where the page is to be parted, or 0: anywhere.  Sorts each column by
 * baselines; room holds n floats.
 */
extern bool hwr_page_is_table(HwrOrderBox *boxes, int n, float size, float *room, int *cut);

/* Sort boxes by rows: from top to bottom, in a row from left to right. */
extern void hwr_page_sort_rows(HwrOrderBox *boxes, int n, float size);

#endif							/* HWR_PAGE_TABLE_H */
