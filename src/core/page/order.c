/*
 * order.c
 *	  Regions and reading order: the page is cut at white columns, else at white rows, until what is left can be read from
 *	  top to bottom (recursive XY cut, Nagy and Seth 1984, columns first).  Columns of a table are read by rows (table.h).
 *
 * A white column counts only between blocks that stand side by side for a while, so that a date at
 * the right of a letter's head is no column.
 */
#include "page_internal.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In sizes: a white column and a white row at least, and a space after which a new region begins. */
#define COLUMN_GAP 0.3F
#define ROW_GAP 0.1F
#define REGION_GAP 2.2F

/*
 * Where so many lines are on either side, their ends may reach a little past each other (less than no gap), and one in so
 * many of the fewer side's may cross: cells of a register that are too long or were taken for one.
 */
#define TABLE_LINES 5
#define TABLE_GAP -0.4F
#define TABLE_CROSS 12

/* Lines on either side of a column, and the share of the lower block's height that is beside the other. */
#define COLUMN_LINES 2
#define COLUMN_BESIDE 0.4F

/*
 * Text so many times as wide as high may be two pages side by side, if a white column is in the middle of it, give or take a
 * part of the width.
 */
#define SPREAD 1.15F
#define GUTTER 0.1F

/* More lines than these are sorted by height only. */
#define MAX_LINES 5000

/* Of more lines than these the highest row is cut at without trying what it leaves. */
#define MAX_TRIED 400

/*
 * A step ends after so many boxes were looked at, some more with the last part: lines that come one to a row, equally far apart,
 * are parted one by one, each time looking at all that are left.
 */
#define STEP_BOXES 200000

/* More lines than these are no table: each white column asks anew, which took 0.2 s for so many in columns of five. */
#define MAX_TABLE 1500

typedef HwrOrderBox Box;

/* Boxes that are still to be parted or finished. */
typedef struct Part
{
	Box		   *boxes;
	int			n;
	bool		below;			/* of another part, from which */
	bool		plain;			/* the highest white row parts it, and not one that leaves columns; */
	int			columns;		/* what order->columns was before that other part */
} Part;

typedef struct HwrPageOrder Order;

struct HwrPageOrder
{
	float		size;
	int			region;
	HwrPageLine *lines;
	Box		   *boxes;			/* [n], texts before what was rejected; with room one piece of memory */
	Box		   *room;			/* for all boxes */
	int			n;
	int			texts;
	Part	   *parts;			/* [nparts], the next one last */
	int			nparts;
	HwrPageLine *sorted;		/* room for the lines */
	int			looked;			/* boxes looked at in this step */
	float		gutter_from;	/* where white columns are taken for one between two pages; to < from: nowhere */
	float		gutter_to;
	int			columns;		/* times that boxes were parted at a white column, or read as a table */
	bool		goes_on;		/* what is finished next is below what was finished last, and neither is one of several columns */
	float		bottom;			/* of what was finished last */
};

static int
compare_y(const void *a, const void *b)
{
	const Box  *p = a;
	const Box  *q = b;

	return p->y0 != q->y0 ? (p->y0 < q->y0 ? -1 : 1) : p->x0 != q->x0 ? (p->x0 < q->x0 ? -1 : 1) : p->line - q->line;
}

static void
heights(const Box *boxes, int n, float *y0, float *y1)
{
	*y0 = boxes[0].y0;
	*y1 = boxes[0].y1;
	for (int i = 1; i < n; i++)
	{
		*y0 = fminf(*y0, boxes[i].y0);
		*y1 = fmaxf(*y1, boxes[i].y1);
	}
}

/* Put x into the n greatest so far, greatest first. */
static void
keep_greatest(float *greatest, int n, float x)
{
	for (int i = 0; i < n; i++)
		if (x > greatest[i])
		{
			float		less = greatest[i];

			greatest[i] = x;
			x = less;
		}
}

/* The first box right of the widest white column, boxes being sorted by x0; 0: there is none. */
static int
find_column(const Order *order, const Box *boxes, int n)
{
	float		right[MAX_LINES / 2 / TABLE_CROSS + 1]; /* ends of the lines so far, the greatest */
	int			cross = n / 2 / TABLE_CROSS + 1;
	float		widest = -INFINITY;
	int			cut = 0;

	for (int i = 0; i < cross; i++)
		right[i] = -INFINITY;
	for (int i = 1; i < n; i++)
	{
		int			fewer = i < n - i ? i : n - i;
		float		least = fewer >= TABLE_LINES ? TABLE_GAP : COLUMN_GAP;
		float		gap;
		float		a0;
		float		a1;
		float		b0;
		float		b1;

		keep_greatest(right, cross, boxes[i - 1].x1);
		gap = boxes[i].x0 - right[fewer / TABLE_CROSS];
		if (gap <= widest || gap <= least * order->size || fewer < COLUMN_LINES)
			continue;
		heights(boxes, i, &a0, &a1);
		heights(boxes + i, n - i, &b0, &b1);
		if (fminf(a1, b1) - fmaxf(a0, b0) < COLUMN_BESIDE * fminf(a1 - a0, b1 - b0))
			continue;
		widest = gap;
		cut = i;
	}
	return cut;
}

/*
 * The first box below a white row, boxes being sorted by y0; 0: there is none.  Of all rows the
 * first that leaves columns below it, else the last that leaves some above it, else, *plain, the highest.
 * room holds n boxes.
 */
static int
find_row(Order *order, const Box *boxes, int n, Box *room, bool *plain)
{
	float		bottom = boxes[0].y1;
	float		highest = ROW_GAP * order->size;
	int			cut = 0;
	int			above = 0;

	*plain = false;
	for (int i = 1; i < n; i++)
	{
		float		gap = boxes[i].y0 - bottom;

		bottom = fmaxf(bottom, boxes[i].y1);
		if (gap <= ROW_GAP * order->size)
			continue;
		if (gap > highest)
		{
			highest = gap;
			cut = i;
		}
		if (n > MAX_TRIED)
			continue;
		order->looked += n;
		memcpy(room, boxes + i, (size_t) (n - i) * sizeof(Box));
		qsort(room, (size_t) (n - i), sizeof(Box), hwr_order_compare_x);
		if (find_column(order, room, n - i) > 0)
			return i;
		memcpy(room, boxes, (size_t) i * sizeof(Box));
		qsort(room, (size_t) i, sizeof(Box), hwr_order_compare_x);
		if (find_column(order, room, i) > 0)
			above = i;
	}
	*plain = above == 0;
	return above > 0 ? above : cut;
}

/* Whether two boxes are in one row, boxes being sorted by y0. */
static bool
any_side_by_side(const Box *boxes, int n)
{
	for (int i = 0; i + 1 < n; i++)
		for (int j = i + 1; j < n && boxes[j].y0 < (boxes[i].y0 + boxes[i].y1) / 2; j++)
			if (boxes[j].x0 >= boxes[i].x1 || boxes[i].x0 >= boxes[j].x1)
				return true;
	return false;
}

/* From top to bottom, and within a row from left to right; boxes are sorted by y0. */
static void
finish(Order *order, Box *boxes, int n)
{
	float		bottom = order->goes_on ? order->bottom : boxes[0].y0;

	if (!order->goes_on)
		order->region++;
	for (int i = 0; i < n;)
	{
		int			end = i + 1;

		while (end < n && boxes[end].y0 < (boxes[i].y0 + boxes[i].y1) / 2)
			end++;
		qsort(boxes + i, (size_t) (end - i), sizeof(Box), hwr_order_compare_x);
		for (; i < end; i++)
		{
			if (boxes[i].y0 - bottom > REGION_GAP * order->size)
				order->region++;
			bottom = fmaxf(bottom, boxes[i].y1);
			order->lines[boxes[i].line].region = order->region;
		}
	}
	order->goes_on = false;
	order->bottom = bottom;
}

/* Number the columns that white columns alone part boxes into, from first on, and sort by them. */
static int
number_columns(const Order *order, Box *boxes, int n, int first)
{
	int			cut;

	qsort(boxes, (size_t) n, sizeof(Box), hwr_order_compare_x);
	cut = find_column(order, boxes, n);
	if (cut > 0)
		return number_columns(order, boxes + cut, n - cut, number_columns(order, boxes, cut, first));
	for (int i = 0; i < n; i++)
		boxes[i].column = first;
	return first + 1;
}

/* Lines of a table are one region. */
static void
finish_table(Order *order, Box *boxes, int n)
{
	hwr_page_sort_rows(boxes, n, order->size);
	order->region++;
	for (int i = 0; i < n; i++)
		order->lines[boxes[i].line].region = order->region;
}

/* The first box of the right page, boxes being sorted by columns; 0: there are not two. */
static int
find_gutter(const Order *order, const Box *boxes, int n)
{
	float		right = -INFINITY;
	float		widest = -INFINITY;
	int			cut = 0;

	if (boxes[0].x0 >= order->gutter_from)
		return 0;
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && boxes[i].column != boxes[i - 1].column)
		{
			float		left = INFINITY;
			float		middle;

			for (int k = i; k < n; k++)
				left = fminf(left, boxes[k].x0);
			middle = (left + right) / 2;
			if (i >= TABLE_LINES && n - i >= TABLE_LINES && middle >= order->gutter_from && middle <= order->gutter_to &&
				left - right > widest)
			{
				widest = left - right;
				cut = i;
			}
		}
		right = fmaxf(right, boxes[i].x1);
	}
	return right > order->gutter_to ? cut : 0;
}

/*
 * Of boxes that a white column parts at *cut, whether they are a table, which is then finished; else they are sorted
 * and *cut is where to part them.
 */
static bool
try_table(Order *order, Box *boxes, int n, int *cut)
{
	int			at;

	number_columns(order, boxes, n, 0);
	at = find_gutter(order, boxes, n);
	if (at == 0 && hwr_page_is_table(boxes, n, order->size, (float *) order->room, &at))
	{
		finish_table(order, boxes, n);
		return true;
	}
	if (at > 0)
		*cut = at;
	else
		qsort(boxes, (size_t) n, sizeof(Box), hwr_order_compare_x);
	return false;
}

/* Deal with a part: it is finished, or parted into two, of which the first is dealt with before the second. */
static void
part_or_finish(Order *order)
{
	Part	   *part = &order->parts[order->nparts - 1];
	Box		   *boxes = part->boxes;
	int			n = part->n;
	int			cut = 0;
	bool		plain = false;

	order->nparts--;
	if (part->below)
		order->goes_on = part->plain && order->columns == part->columns;
	order->looked += n;
	if (n <= MAX_LINES)
	{
		qsort(boxes, (size_t) n, sizeof(Box), hwr_order_compare_x);
		cut = find_column(order, boxes, n);
		if (cut > 0)
		{
			order->columns++;
			order->goes_on = false;
		}
		if (cut > 0 && n <= MAX_TABLE && try_table(order, boxes, n, &cut))
			return;
	}
	if (cut == 0)
	{
		qsort(boxes, (size_t) n, sizeof(Box), compare_y);
		if (n <= MAX_LINES && any_side_by_side(boxes, n))
			cut = find_row(order, boxes, n, order->room, &plain);
	}
	if (cut == 0)
	{
		finish(order, boxes, n);
		return;
	}
	order->parts[order->nparts++] = (Part){boxes + cut, n - cut, true, plain, order->columns};
	order->parts[order->nparts++] = (Part){.boxes = boxes,.n = cut};
}

/* Where the gutter would be if these boxes are two pages. */
static void
expect_gutter(Order *order, const Box *boxes, int n)
{
	float		x0 = INFINITY;
	float		x1 = -INFINITY;
	float		y0;
	float		y1;

	order->gutter_to = -INFINITY;
	if (n == 0)
		return;
	heights(boxes, n, &y0, &y1);
	for (int i = 0; i < n; i++)
	{
		x0 = fminf(x0, boxes[i].x0);
		x1 = fmaxf(x1, boxes[i].x1);
	}
	if (x1 - x0 < SPREAD * (y1 - y0))
		return;
	order->gutter_from = (x0 + x1) / 2 - GUTTER * (x1 - x0);
	order->gutter_to = (x0 + x1) / 2 + GUTTER * (x1 - x0);
}

bool
hwr_page_order_begin(const HwrPageLines *lines, float size, bool right_to_left, HwrPageOrder **out, HwrStatus *st)
{
	Order	   *order = hwr_alloc_zero(1, sizeof(Order), st);
	size_t		room = (size_t) lines->n + 1;

	if (order == NULL)
		return false;
	*order = (Order){.size = size,.lines = lines->lines};
	order->boxes = hwr_alloc(2 * room, sizeof(Box), st);
	order->parts = order->boxes == NULL ? NULL : hwr_alloc(room, sizeof(Part), st);
	order->sorted = order->parts == NULL ? NULL : hwr_alloc(room, sizeof(HwrPageLine), st);
	if (order->sorted == NULL)
	{
		hwr_page_order_free(order);
		return false;
	}
	order->room = order->boxes + room;
	for (int kind = 0; kind < 2; kind++)
	{
		for (int i = 0; i < lines->n; i++)
		{
			const HwrPageLine *line = &lines->lines[i];
			const HwrPoint *a = &line->baseline[0];
			const HwrPoint *b = &line->baseline[line->baseline_n - 1];
			float		y;

			if ((line->kind == HWR_LINE_REJECTED) != (kind == 1))
				continue;
			y = (a->y + b->y) / 2 - lines->slope * (a->x + b->x) / 2;
			order->boxes[order->n++] = (Box){right_to_left ? -b->x : a->x, right_to_left ? -a->x : b->x,
											 y - 0.6F * line->size, y + 0.2F * line->size, y, 0, i};
		}
		if (kind == 0)
			order->texts = order->n;
	}
	expect_gutter(order, order->boxes, order->texts);
	if (order->texts > 0)
		order->parts[order->nparts++] = (Part){.boxes = order->boxes,.n = order->texts};
	*out = order;
	return true;
}

bool
hwr_page_order_step(HwrPageOrder *order, HwrPageLines *lines)
{
	order->looked = 0;
	while (order->nparts > 0 && order->looked < STEP_BOXES)
		part_or_finish(order);
	if (order->nparts > 0)
		return false;
	if (order->n > order->texts)
		qsort(order->boxes + order->texts, (size_t) (order->n - order->texts), sizeof(Box), compare_y);
	for (int i = 0; i < order->n; i++)
		order->sorted[i] = lines->lines[order->boxes[i].line];
	free(lines->lines);
	lines->lines = order->sorted;
	order->sorted = NULL;
	return true;
}

void
hwr_page_order_free(HwrPageOrder *order)
{
	if (order == NULL)
		return;
	free(order->boxes);
	free(order->parts);
	free(order->sorted);
	free(order);
}
