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

/* Lighter is no ink that counts: it is less than a third of full ink. */
#define INK (255 - 85)

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

/* White paper and black ink. */
static void
make_clean(HwrImage *img, const HwrPaper *paper)
{
	size_t		n = (size_t) img->width * (size_t) img->height;
	uint8_t		clean[256];

	for (int g = 0; g < 256; g++)
	{
		float		ink = paper->empty ? 0 : paper->offset + paper->slope * (float) g;

		clean[g] = (uint8_t) (255 - lrintf(ink < 0 ? 0 : ink > 255 ? 255 : ink));
	}
	if (paper->empty)
		memset(img->pixels, 255, n);
	else
		for (size_t i = 0; i < n; i++)
			img->pixels[i] = clean[paper->pixels[i]];
	img->clean = true;
}

/* The ink of each row of a clean picture; returns the most. */
static uint32_t
sum_rows(const HwrImage *img, uint32_t *sums)
{
	uint32_t	most = 0;

	for (int y = 0; y < img->height; y++)
	{
		const uint8_t *row = img->pixels + (size_t) y * (size_t) img->width;
		uint32_t	sum = 0;

		for (int x = 0; x < img->width; x++)
			sum += row[x] <= INK ? 255u - row[x] : 0u;
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

/* Columns with ink in these rows, and pixels with ink; seen: room for one byte a column. */
static int
count_columns(const HwrImage *img, Rows rows, uint8_t *seen, int *pixels)
{
	int			n = 0;

	*pixels = 0;
	memset(seen, 0, (size_t) img->width);
	for (int y = rows.first; y <= rows.last; y++)
	{
		const uint8_t *row = img->pixels + (size_t) y * (size_t) img->width;

		for (int x = 0; x < img->width; x++)
		{
			seen[x] |= row[x] <= INK;
			*pixels += row[x] <= INK;
		}
	}
	for (int x = 0; x < img->width; x++)
		n += seen[x];
	return n;
}

/* How high the picture should be, with the writing in its middle; its own height where its rows are to stay. */
static double
wanted_height(const HwrImage *img, const uint32_t *sums, uint32_t most, uint8_t *seen, Rows *writing)
{
	int			n = img->height;
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
	columns = count_columns(img, *writing, seen, &pixels);
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

bool
hwr_image_trim(HwrImage *img, HwrStatus *st)
{
	HwrPaper	paper;
	uint32_t   *sums;
	uint8_t    *seen;
	bool		ok;

	if (!hwr_paper_judge(img, &paper, st))
		return false;
	make_clean(img, &paper);
	hwr_paper_free(&paper);
	if (img->height < LEAST_HEIGHT)
		return true;

	sums = hwr_alloc((size_t) img->height, sizeof(uint32_t), st);
	seen = hwr_alloc((size_t) img->width, 1, st);
	ok = sums != NULL && seen != NULL;
	if (ok)
	{
		Rows		writing;
		double		height = wanted_height(img, sums, sum_rows(img, sums), seen, &writing);
		double		middle = (writing.first + writing.last + 1) / 2.0;
		int			top = (int) floor(middle - height / 2);
		int			bottom = (int) ceil(middle + height / 2);

		if (height < img->height)
			ok = cut(img, top > 0 ? top : 0, bottom < img->height ? bottom : img->height, st);
	}
	free(sums);
	free(seen);
	return ok;
}
