/*
 * test_order.c
 *	  Reading order: columns, the rows of tables, two pages side by side.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "core/page/page_internal.h"

/* From line to line. */
#define SIZE 30

#define MOST 5000

typedef struct Lines
{
	HwrPageLines lines;
	HwrPoint	ends[MOST][2];
} Lines;

static Lines *
no_lines(void)
{
	Lines	   *l = calloc(1, sizeof(Lines));

	l->lines.lines = calloc(MOST, sizeof(HwrPageLine));
	return l;
}

static void
add(Lines *l, float x0, float x1, float y)
{
	HwrPoint   *points = l->ends[l->lines.n];

	points[0] = (HwrPoint){x0, y};
	points[1] = (HwrPoint){x1, y};
	l->lines.lines[l->lines.n++] = (HwrPageLine){.baseline = points,.baseline_n = 2,.size = 24};
}

/* Returns how many steps it took. */
static int
order(Lines *l, bool right_to_left)
{
	HwrPageOrder *o;
	HwrStatus	st = {0};
	int			steps = 1;

	assert_true(hwr_page_order_begin(&l->lines, SIZE, right_to_left, &o, &st));
	while (!hwr_page_order_step(o, &l->lines))
		steps++;
	hwr_page_order_free(o);
	return steps;
}

static void
done(Lines *l)
{
	free(l->lines.lines);
	free(l);
}

/* A number from 0 to n - 1 that looks like chance. */
static int
any(int i, int n)
{
	return (int) ((uint32_t) i * 2654435761U >> 16) % n;
}

/* Line i is the one that begins at x, y, give or take some pixels. */
static void
check_at(const Lines *l, int i, float x, float y)
{
	const HwrPoint *p = &l->lines.lines[i].baseline[0];

	assert_true(p->x >= x - 1 && p->x <= x + 1);
	assert_true(p->y >= y - 6 && p->y <= y + 6);
}

/* Columns of running text whose lines stand on the same rules; some reach into the next column. */
static void
test_long_lines(void **state)
{
	enum
	{
		ROWS = 24
	};
	Lines	   *l = no_lines();

	(void) state;
	for (int i = 0; i < ROWS; i++)
		for (int right = 0; right < 2; right++)
			add(l, right ? 400 : 50, right ? 700 : i == 8 ? 520 : i % 5 == 1 ? 405 : 350, 50 + SIZE * (float) i);
	order(l, false);
	for (int i = 0; i < 2 * ROWS; i++)
		check_at(l, i, i < ROWS ? 50 : 400, 50 + SIZE * (float) (i % ROWS));
	done(l);
}

/* The right one narrower, as of a page that goes on beyond the picture. */
static void
test_narrow_text(void **state)
{
	Lines	   *l = no_lines();

	(void) state;
	for (int i = 0; i < 12; i++)
	{
		add(l, 50, 390 - (float) any(i, 30), 50 + SIZE * (float) i);
		add(l, 420, 600 - (float) any(i, 20), 50 + SIZE * (float) i);
	}
	order(l, false);
	for (int i = 0; i < 24; i++)
		check_at(l, i, i < 12 ? 50 : 420, 50 + SIZE * (float) (i % 12));
	done(l);
}

/* The columns of a table: a number, a name, a date, a sum, not all in each row, and not quite on one baseline. */
static const float cells[4][2] = {{50, 80}, {120, 300}, {340, 430}, {480, 540}};

static bool
has_cell(int row, int column)
{
	return column == 1 || any(4 * row + column, 7) != 0;
}

static void
add_table(Lines *l, float x, int rows, int longest)
{
	for (int column = 0; column < 4; column++)
		for (int row = 0; row < rows; row++)
			if (has_cell(row, column))
				add(l, x + cells[column][0], x + (row == longest && column == 1 ? 350 : cells[column][1] - (float) any(row, 20)),
					100 + SIZE * (float) row + (float) any(row + 31 * column, 7) - 3);
}

/* From line at on: such a table by rows; returns where it ends. */
static int
check_table(const Lines *l, int at, float x, int rows)
{
	for (int row = 0; row < rows; row++)
		for (int column = 0; column < 4; column++)
			if (has_cell(row, column))
				check_at(l, at++, x + cells[column][0], 100 + SIZE * (float) row);
	return at;
}

static void
test_table(void **state)
{
	Lines	   *l = no_lines();

	(void) state;
	add_table(l, 0, 25, 9);
	order(l, false);
	assert_int_equal(check_table(l, 0, 0, 25), l->lines.n);
	for (int i = 0; i < l->lines.n; i++)
		assert_int_equal(l->lines.lines[i].region, 1);
	done(l);
}

/* The same from the right. */
static void
test_table_from_right(void **state)
{
	Lines	   *l = no_lines();
	int			at = 0;

	(void) state;
	add_table(l, 0, 25, -1);
	order(l, true);
	for (int row = 0; row < 25; row++)
		for (int column = 3; column >= 0; column--)
			if (has_cell(row, column))
				check_at(l, at++, cells[column][0], 100 + SIZE * (float) row);
	done(l);
}

/* A number, and a text of several lines that begins beside it. */
static void
test_entries(void **state)
{
	Lines	   *l = no_lines();

	(void) state;
	for (int i = 0; i < 30; i++)
	{
		if (i % 3 == 0)
			add(l, 50, 90, 103 + SIZE * (float) i);
		add(l, 150, 520 - (float) any(i, 20), 100 + SIZE * (float) i);
	}
	order(l, false);
	for (int i = 0; i < 40; i++)
		check_at(l, i, i % 4 == 0 ? 50 : 150, 100 + SIZE * (float) (i / 4 * 3 + (i % 4 < 2 ? 0 : i % 4 - 1)));
	done(l);
}

/* Notes in the margin, whose lines are nearer to each other than those of the text. */
static void
test_margin(void **state)
{
	Lines	   *l = no_lines();

	(void) state;
	for (int i = 0; i < 12; i++)
		add(l, 20, 110, 200 + 0.7F * SIZE * (float) i);
	for (int i = 0; i < 20; i++)
		add(l, 150, 600, 100 + SIZE * (float) i);
	order(l, false);
	for (int i = 0; i < 12; i++)
		assert_true(l->lines.lines[i].baseline[0].x == 20);
	done(l);
}

/* Two pages, each with a table: that on the left first, although the rows go on on the right. */
static void
test_spread_of_tables(void **state)
{
	Lines	   *l = no_lines();
	int			at;

	(void) state;
	add_table(l, 0, 20, -1);
	add_table(l, 600, 20, -1);
	order(l, false);
	at = check_table(l, 0, 0, 20);
	assert_int_equal(check_table(l, at, 600, 20), l->lines.n);
	done(l);
}

/* And each with a column of running text beside numbers. */
static void
test_spread_of_entries(void **state)
{
	Lines	   *l = no_lines();

	(void) state;
	for (int page = 0; page < 2; page++)
		for (int i = 0; i < 40; i++)
		{
			add(l, 50 + 500 * (float) page, 90 + 500 * (float) page, 100 + SIZE * (float) i);
			add(l, 120 + 500 * (float) page, 480 + 500 * (float) page, 100 + SIZE * (float) i);
		}
	order(l, false);
	for (int i = 0; i < 160; i++)
		check_at(l, i, (i % 2 ? 120 : 50) + 500 * (float) (i / 80), 100 + SIZE * (float) (i % 80 / 2));
	done(l);
}

/* Pieces of a row beside each other do not part a column of text; a wide space does. */
static void
test_regions(void **state)
{
	Lines	   *l = no_lines();

	(void) state;
	for (int i = 0; i < 12; i++)
	{
		float		y = 100 + SIZE * (float) (i < 10 ? i : i + 4);

		add(l, 50, i == 4 ? 200 : 500, y);
		if (i == 4)
			add(l, 350, 500, y);
	}
	order(l, false);
	for (int i = 0; i < 13; i++)
		assert_int_equal(l->lines.lines[i].region, i < 11 ? 1 : 2);
	done(l);
}

static void
add_text(Lines *l, int rows, float y)
{
	for (int i = 0; i < rows; i++)
		add(l, 50, 700, y + SIZE * (float) i);
}

static void
add_columns(Lines *l, int rows, float y)
{
	for (int i = 0; i < rows; i++)
		for (int right = 0; right < 2; right++)
			add(l, right ? 400 : 50, right ? 700 : 350, y + SIZE * (float) i);
}

/* Columns between a head and a foot, which are near: neither goes on with a column, whichever white row is the higher. */
static void
test_columns_between(void **state)
{
	enum
	{
		ROWS = 10
	};

	(void) state;
	for (int higher = 0; higher < 2; higher++)
	{
		Lines	   *l = no_lines();

		add_text(l, 3, 100);
		add_columns(l, ROWS, 3 * SIZE + (higher ? 110 : 105));
		add_text(l, 3, (3 + ROWS) * SIZE + 115);
		order(l, false);
		for (int i = 0; i < l->lines.n; i++)
			assert_int_equal(l->lines.lines[i].region, i < 3 ? 1 : i < 3 + 2 * ROWS ? 2 + (i - 3) / ROWS : 4);
		done(l);
	}
}

/* A foot below so many lines that the page is cut at its highest row without trying others. */
static void
test_many_columns(void **state)
{
	enum
	{
		ROWS = 205
	};
	Lines	   *l = no_lines();

	(void) state;
	add_columns(l, ROWS, 100);
	add_text(l, 20, ROWS * SIZE + 110);
	order(l, false);
	for (int i = 0; i < l->lines.n; i++)
		assert_int_equal(l->lines.lines[i].region, 1 + i / ROWS);
	done(l);
}

/* Lines of equal distance, one to a row but for the last two, which are parted one by one. */
static Lines *
many_rows(void)
{
	Lines	   *l = no_lines();

	for (int i = 0; i < MOST; i++)
		add(l, i == MOST - 1 ? 400 : 0, i == MOST - 1 ? 700 : 300, SIZE * (float) (i == MOST - 1 ? i - 1 : i));
	return l;
}

static void
test_many_rows(void **state)
{
	Lines	   *l = many_rows();

	(void) state;
	/* all of them look at 12 million boxes */
	assert_true(order(l, false) > 40);
	for (int i = 0; i < MOST; i++)
		assert_ptr_equal(l->lines.lines[i].baseline, l->ends[i]);
	done(l);
}

/* What is given up in the middle leaves its lines as they were. */
static void
test_given_up(void **state)
{
	Lines	   *l = many_rows();
	HwrPageOrder *o;
	HwrStatus	st = {0};

	(void) state;
	assert_true(hwr_page_order_begin(&l->lines, SIZE, false, &o, &st));
	assert_false(hwr_page_order_step(o, &l->lines));
	hwr_page_order_free(o);
	hwr_page_order_free(NULL);
	for (int i = 0; i < MOST; i++)
		assert_ptr_equal(l->lines.lines[i].baseline, l->ends[i]);
	done(l);
}

/* Lines in odd places: all of them are there afterwards, each in a region, whatever they are. */
static void
test_odd_places(void **state)
{
	static const int counts[] = {0, 1, 2, 3, 9, 60, 500};

	(void) state;
	for (int shape = 0; shape < 8; shape++)
		for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
		{
			Lines	   *l = no_lines();
			bool		seen[MOST] = {false};

			for (int i = 0; i < counts[c]; i++)
			{
				float		x = 60 * (float) any(i, 9);
				float		y = SIZE * (float) any(7 * i, 40);

				if (shape == 0)		/* all in the same place */
					add(l, 100, 200, 100);
				else if (shape == 1)	/* points of one column */
					add(l, 100, 100, y);
				else if (shape == 2)	/* of one row */
					add(l, x, x, 100);
				else if (shape == 3)	/* from right to left */
					add(l, x + 50, x, y);
				else if (shape == 4)	/* nowhere */
					add(l, i % 3 ? NAN : x, i % 5 ? x + 50 : NAN, i % 7 ? y : NAN);
				else if (shape == 5)	/* far away */
					add(l, i % 3 ? -INFINITY : x, i % 5 ? x + 50 : INFINITY, i % 7 ? y : 1e30F);
				else if (shape == 6)	/* columns of two lines, each farther away */
					add(l, 0.1F * (float) ((i / 2) * (i / 2)), 0.1F * (float) ((i / 2) * (i / 2)) + 5, SIZE * (float) (i % 2));
				else
					add(l, x, x + 50, y);
				if (i % 11 == 10)
					l->lines.lines[i].kind = HWR_LINE_REJECTED;
			}
			order(l, c % 2 == 1);
			for (int i = 0; i < counts[c]; i++)
			{
				const HwrPageLine *line = &l->lines.lines[i];
				ptrdiff_t	which = (const HwrPoint (*)[2]) line->baseline - (const HwrPoint (*)[2]) l->ends;

				assert_true(which >= 0 && which < counts[c] && !seen[which]);
				seen[which] = true;
				assert_true(line->kind == HWR_LINE_REJECTED || line->region > 0);
			}
			done(l);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_narrow_text),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_from_right),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_margin),
		cmocka_unit_test(test_spread_of_tables),
		cmocka_unit_test(test_spread_of_entries),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_columns_between),
		cmocka_unit_test(test_many_columns),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_odd_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
