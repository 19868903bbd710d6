/*
 * beyond.c
 *	  The ground that a sheet was scanned on, where the picture of a line reaches beyond the sheet.
 */
#include "beyond.h"

#include <string.h>

/* The ground is darker than this share of the paper ... */
#define DARK 0.35
/* ... in so much of a row, */
#define DARK_ROW 0.7
/* and a band of it has so many rows, or this share of the picture's. */
#define LEAST_ROWS 4
#define LEAST_BAND 0.1
/* Further inside is writing. */
#define MOST_BEYOND 0.4

/* The grey value of paper: three quarters of the pixels are no lighter. */
static int
paper_of(const HwrImage *line)
{
	size_t		n = (size_t) line->width * (size_t) line->height;
	size_t		counts[256] = {0};
	size_t		sum = 0;

	for (size_t i = 0; i < n; i++)
		counts[line->pixels[i]]++;
	for (int g = 0; g < 255; g++)
		if ((sum += counts[g]) * 4 >= n * 3)
			return g;
	return 255;
}

static bool
is_dark(const HwrImage *line, int y, int paper)
{
	const uint8_t *row = line->pixels + (size_t) y * (size_t) line->width;
	int			n = 0;

	for (int x = 0; x < line->width; x++)
		n += row[x] < DARK * paper;
	return n >= DARK_ROW * line->width;
}

/* Rows that a band takes off, going from row start in steps of one up or down. */
static int
rows_beyond(const HwrImage *line, int start, int step, int paper)
{
	double		least = LEAST_BAND * line->height > LEAST_ROWS ? LEAST_BAND * line->height : LEAST_ROWS;
	int			band = 0;
	int			beyond = 0;

	for (int i = 0; i < MOST_BEYOND * line->height; i++)
	{
		band = is_dark(line, start + i * step, paper) ? band + 1 : 0;
		if (band >= least)
			beyond = i + 1;
	}
	return beyond;
}

void
hwr_page_paint_beyond(HwrImage *line)
{
	size_t		w = (size_t) line->width;
	int			paper = paper_of(line);
	int			above = rows_beyond(line, 0, 1, paper);
	int			below = rows_beyond(line, line->height - 1, -1, paper);

	memset(line->pixels, paper, (size_t) above * w);
	memset(line->pixels + (size_t) (line->height - below) * w, paper, (size_t) below * w);
}
