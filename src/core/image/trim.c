/*
 * trim.c
 *	  Cutting a picture to its line of writing.
 */
#include "trim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "paper.h"

#ifdef __GNUC__
#pragma GCC optimize("O3")
#endif

/* A lower picture keeps its rows. */
#define LEAST_HEIGHT 16

/* Less is no ink that counts: a third of full ink. */
#define LEAST_INK 85

/* Shares of the fullest row's ink: a row with less is outside of the writing, one with more is of small letters or capitals. */
#define EMPTY_ROW 0.04
#define FULL_ROW 0.5

/* What share of the picture the writing is given, and the rows of small letters at most. */
#define WRITING (2.0 / 3)
#define FULL_ROWS 0.5

/* What has a smaller share is no line of writing but a speck or a stroke. */
#define LEAST_WRITING 0.06

/* The share of ink between its first and last row in its columns from which on it is a stroke, and says nothing of its size. */
#define SOLID 0.6

/* From first to last, both included. */
typedef struct Rows
{
	int			first;
	int			last;
} Rows;

static int
count_rows(Rows r)
{
	return r.last - r.first + 1;
}

/* A picture's ink: of the pixels' values. */
typedef struct View
{
	const uint8_t *pixels;
	int			width;
	int			height;
	uint8_t		ink[256];		/* 255 is full */
} View;

static View
view_of(const HwrImage *img, const HwrPaper *paper)
{
	View		view = {paper->pixels, img->width, img->height, {0}};

	for (int g = 0; g < 256 && !paper->empty; g++)
	{
		float		ink = paper->offset + paper->slope * (float) g;

		view.ink[g] = (uint8_t) lrintf(ink < 0 ? 0 : ink > 255 ? 255 : ink);
	}
	return view;
}

/* White paper and black ink, in place of what they are. */
static void
make_clean(HwrImage *img, const HwrPaper *paper, const View *view)
{
	size_t		n = (size_t) img->width * (size_t) img->height;

	if (paper->empty)
		memset(img->pixels, 255, n);
	else
		for (size_t i = 0; i < n; i++)
			img->pixels[i] = (uint8_t) (255 - view->ink[view->pixels[i]]);
	img->clean = true;
}

/* The ink of each row; returns the most. */
static uint32_t
sum_rows(const View *view, uint32_t *sums)
{
	uint32_t	most = 0;

	for (int y = 0; y < view->height; y++)
	{
		const uint8_t *row = view->pixels + (size_t) y * (size_t) view->width;
		uint32_t	sum = 0;

		for (int x = 0; x < view->width; x++)
		{
			uint32_t	ink = view->ink[row[x]];

			sum += ink >= LEAST_INK ? ink : 0;
		}
		sums[y] = sum;
		most = sum > most ? sum : most;
	}
	return most;
}

/* The rows between the outermost with at least so much ink. */
static Rows
rows_with(const uint32_t *sums, int n, double least)
{
	Rows		r = {0, n - 1};

	while (r.first < r.last && sums[r.first] < least)
		r.first++;
	while (r.last > r.first && sums[r.last] < least)
		r.last--;
	return r;
}

/* Columns with ink in these rows, and pixels with ink. */
static int
count_columns(const View *view, Rows rows, uint8_t *seen, int *pixels)
{
	int			n = 0;

	*pixels = 0;
	memset(seen, 0, (size_t) view->width);
	for (int y = rows.first; y <= rows.last; y++)
	{
		const uint8_t *row = view->pixels + (size_t) y * (size_t) view->width;

		for (int x = 0; x < view->width; x++)
		{
			bool		inked = view->ink[row[x]] >= LEAST_INK;

			seen[x] |= inked;
			*pixels += inked;
		}
	}
	for (int x = 0; x < view->width; x++)
		n += seen[x];
	return n;
}

/*
 * How high the picture should be, with the writing in its middle; its own height where its rows are to stay.  sums and seen:
 * room for a number a row and a byte a column.
 */
static double
wanted_height(const View *view, uint32_t *sums, uint8_t *seen, Rows *writing)
{
	uint32_t	most = sum_rows(view, sums);
	int			n = view->height;
	int			rows;
	int			columns;
	int			pixels;
	double		height;
	double		full;
	double		least;

	*writing = rows_with(sums, n, EMPTY_ROW * most);
	rows = count_rows(*writing);
	if (most == 0 || rows < LEAST_WRITING * n)
		return n;
	columns = count_columns(view, *writing, seen, &pixels);
	if (pixels > SOLID * columns * rows)
		return n;
	height = rows / WRITING;
	full = count_rows(rows_with(sums, n, FULL_ROW * most)) / FULL_ROWS;
	height = height > full ? height : full;
	/* twice as large where it is as wide as high, three times where it is twice as wide */
	least = n / (1 + (double) columns / rows);
	height = height > least ? height : least;
	return height < n ? height : n;
}

/* Rows [top, bottom). */
static bool
cut(HwrImage *img, int top, int bottom, HwrStatus *st)
{
	size_t		w = (size_t) img->width;
	size_t		n = w * (size_t) (bottom - top);
	uint8_t    *pixels = hwr_alloc(n, 1, st);

	if (pixels == NULL)
		return false;
	memcpy(pixels, img->pixels + (size_t) top * w, n);
	free(img->pixels);
	img->pixels = pixels;
	img->height = bottom - top;
	return true;
}

/* The rows that are to be left, [top, bottom). */
static bool
choose_rows(const View *view, int *top, int *bottom, HwrStatus *st)
{
	uint32_t   *sums = hwr_alloc((size_t) view->height, sizeof(uint32_t), st);
	uint8_t    *seen = hwr_alloc((size_t) view->width, 1, st);
	bool		ok = sums != NULL && seen != NULL;

	*top = 0;
	*bottom = view->height;
	if (ok && view->height >= LEAST_HEIGHT)
	{
		Rows		writing;
		double		height = wanted_height(view, sums, seen, &writing);
		double		middle = (writing.first + writing.last + 1) / 2.0;

		if (height < view->height)
		{
			*top = (int) fmax(floor(middle - height / 2), 0);
			*bottom = (int) fmin(ceil(middle + height / 2), view->height);
		}
	}
	free(sums);
	free(seen);
	return ok;
}

bool
hwr_image_trim(HwrImage *img, HwrStatus *st)
{
	HwrPaper	paper;
	View		view;
	int			top;
	int			bottom;
	bool		ok;

	if (!hwr_paper_judge(img, &paper, st))
		return false;
	view = view_of(img, &paper);
	ok = choose_rows(&view, &top, &bottom, st);
	/* of the part alone paper and ink are better told than of the whole; without one, what was judged stands */
	if (ok && bottom - top < img->height)
		ok = cut(img, top, bottom, st);
	else if (ok)
		make_clean(img, &paper, &view);
	hwr_paper_free(&paper);
	return ok;
}
