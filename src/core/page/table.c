/*
 * table.c
 *	  Whether columns of lines are columns of a table.  See table.h.
 *
 * In a table the lines of neighbouring columns stand on the same baselines, row after row.  So may those of two columns of
 * running text, on ruled paper or in print; but there the lines are long and fill their columns, and in a table all columns but
 * one at most are narrow or ragged.
 */
#include "table.h"

#include "core/base/compare.h"

#include <math.h>
#include <stdlib.h>

/* Baselines agree that are so near, in sizes, and so they do by chance, in running text of one line a size. */
#define NEAR 0.2F
#define BY_CHANCE 0.4F

/* The share of the fewer lines beside the other column that agree at least, and how many lines tell anything. */
#define LEAST_AGREE 0.65F
#define LEAST_LINES 5

/* Standard deviations above what chance would have. */
#define BEYOND_CHANCE 2

/* Running text: lines of so many sizes, where there are two columns of so many, and of so much of the column, in the middle. */
#define RUNNING 9
#define RUNNING_OF_TWO 5
#define FILLED 0.8F

/* Lines of a row differ by less, in sizes. */
#define ROW 0.45F

typedef enum Agreement
{
	AGREE,
	DIFFER,
	UNKNOWN						/* too few lines */
} Agreement;

int
hwr_order_compare_x(const void *a, const void *b)
{
	const HwrOrderBox *p = a;
	const HwrOrderBox *q = b;

	return p->x0 != q->x0 ? (p->x0 < q->x0 ? -1 : 1) : p->line - q->line;
}

static int
compare_base(const void *a, const void *b)
{
	const HwrOrderBox *p = a;
	const HwrOrderBox *q = b;

	return p->base != q->base ? (p->base < q->base ? -1 : 1) : p->x0 != q->x0 ? (p->x0 < q->x0 ? -1 : 1) : p->line - q->line;
}

/* How many of a's lines that are beside b's have one of these on their baseline, of *beside. */
static int
count_agreeing(const HwrOrderBox *a, int an, const HwrOrderBox *b, int bn, float size, int *beside)
{
	int			agree = 0;
	int			j = 0;

	*beside = 0;
	for (int i = 0; i < an; i++)
	{
		float		y = a[i].base;

		if (y < b[0].base - size || y > b[bn - 1].base + size)
			continue;
		(*beside)++;
		while (j + 1 < bn && fabsf(b[j + 1].base - y) <= fabsf(b[j].base - y))
			j++;
		agree += fabsf(b[j].base - y) <= NEAR * size;
	}
	return agree;
}

/* Whether the rows of two columns are the same. */
static Agreement
compare_columns(const HwrOrderBox *a, int an, const HwrOrderBox *b, int bn, float size)
{
	int			beside;
	int			agree = an <= bn ? count_agreeing(a, an, b, bn, size, &beside) : count_agreeing(b, bn, a, an, size, &beside);
	float		n = (float) beside;

	if (beside < LEAST_LINES)
		return UNKNOWN;
	return (float) agree >= LEAST_AGREE * n &&
		(float) agree >= BY_CHANCE * n + BEYOND_CHANCE * sqrtf(n * BY_CHANCE * (1 - BY_CHANCE)) ? AGREE : DIFFER;
}

/* A column's extent, but for a tenth of the lines on either side, and the middle one of its lines' lengths. */
typedef struct Column
{
	float		left;
	float		right;
	float		length;
} Column;

static Column
measure_column(const HwrOrderBox *boxes, int n, float *room)
{
	Column		c;

	for (int i = 0; i < n; i++)
		room[i] = boxes[i].x0;
	qsort(room, (size_t) n, sizeof(float), hwr_compare_floats);
	c.left = room[n / 10];
	for (int i = 0; i < n; i++)
		room[i] = boxes[i].x1;
	qsort(room, (size_t) n, sizeof(float), hwr_compare_floats);
	c.right = room[n - 1 - n / 10];
	for (int i = 0; i < n; i++)
		room[i] = boxes[i].x1 - boxes[i].x0;
	qsort(room, (size_t) n, sizeof(float), hwr_compare_floats);
	c.length = room[n / 2];
	return c;
}

static bool
is_running(const Column *c, int n, float least)
{
	return n >= LEAST_LINES && c->length >= least && c->length >= FILLED * (c->right - c->left);
}

/* Where the next column begins. */
static int
column_end(const HwrOrderBox *boxes, int n, int from)
{
	int			end = from;

	while (end < n && boxes[end].column == boxes[from].column)
		end++;
	return end;
}

bool
hwr_page_is_table(HwrOrderBox *boxes, int n, float size, float *room, int *cut)
{
	float		widest_differing = -INFINITY;	/* gap between columns whose rows differ: there *cut is */
	float		widest = -INFINITY; /* gap since the last column of running text, */
	int			part = 0;		/* and the first box right of it */
	int			running = 0;	/* columns of running text */
	int			agreeing = 0;	/* pairs of neighbours whose rows are the same */
	float		least = size * (boxes[n - 1].column == 1 ? RUNNING_OF_TWO : RUNNING);
	int			from = 0;
	int			end = column_end(boxes, n, 0);
	Column		c = measure_column(boxes, end, room);

	*cut = 0;
	qsort(boxes, (size_t) end, sizeof(HwrOrderBox), compare_base);
	running += is_running(&c, end, least);
	while (end < n)
	{
		int			next = column_end(boxes, n, end);
		Column		right = measure_column(boxes + end, next - end, room);
		float		gap = right.left - c.right;
		Agreement	agreement;

		qsort(boxes + end, (size_t) (next - end), sizeof(HwrOrderBox), compare_base);
		agreement = compare_columns(boxes + from, end - from, boxes + end, next - end, size);
		agreeing += agreement == AGREE;
		if (agreement == DIFFER && gap > widest_differing)
		{
			widest_differing = gap;
			*cut = end;
		}
		if (gap > widest)
		{
			widest = gap;
			part = end;
		}
		if (is_running(&right, next - end, least))
		{
			/* Where no rows differ, the page is parted between its first two columns of running text. */
			if (running++ > 0 && widest_differing == -INFINITY && *cut == 0)
				*cut = part;
			widest = -INFINITY;
		}
		from = end;
		end = next;
		c = right;
	}
	return running <= 1 && agreeing > 0 && widest_differing == -INFINITY;
}

void
hwr_page_sort_rows(HwrOrderBox *boxes, int n, float size)
{
	qsort(boxes, (size_t) n, sizeof(HwrOrderBox), compare_base);
	for (int i = 0; i < n;)
	{
		int			end = i + 1;

		while (end < n && boxes[end].base - boxes[i].base < ROW * size)
			end++;
		qsort(boxes + i, (size_t) (end - i), sizeof(HwrOrderBox), hwr_order_compare_x);
		i = end;
	}
}
