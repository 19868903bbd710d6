/*
 * true_lines.h
 *	  Pages with their true lines, from what tools/page-truth writes,
	 for the programs beside the extension; the end of the program
 *	  if something cannot be read.
 */
#ifndef HWR_TRUE_LINES_H
#define HWR_TRUE_LINES_H

#include <string.h>

#include "core/train_lines/line_trainer.h"
#include "read_file.h"

typedef struct TruePage
{
	const char *path;    /* of the image */
	HwrTruthLine *lines; /* malloc'd, with their points */
	int			n;
} TruePage;

/* "x,y;x,y;..." as points, malloc'd. */
static inline HwrPoint *
true_points(const char *text, int *n)
{
	HwrPoint   *points = malloc((strlen(text) / 4 + 1) * sizeof(HwrPoint));
	char	   *end;

	*n = 0;
	while (points != NULL && *text != '\0')
	{
		points[*n].x = strtof(text, &end);
		points[*n].y = strtof(end + (*end == ','), &end);
		(*n)++;
		text = end + (*end == ';');
	}
	return points;
}

/* The next page of the text at *at, whose line ends and tabs become zero bytes; false after the last. */
static inline bool
true_page(char **at, TruePage *page)
{
	*page = (TruePage){0};
	while (**at != '\0')
	{
		char	   *line = *at;
		char	   *cells[7];
		int			n = 0;

		if (page->path != NULL && strncmp(line, "page\t", 5) == 0)
			return true;
		*at += strcspn(line, "\n");
		if (**at == '\n')
			*(*at)++ = '\0';
		while (n < 7)
		{
			cells[n++] = line;
			line += strcspn(line, "\t");
			if (*line == '\0')
				break;
			*line++ = '\0';
		}
		if (n < 6 || (page->path == NULL) != (strcmp(cells[0], "page") == 0))
		{
			fprintf(stderr, "no file of true lines: %s\n", cells[0]);
			exit(1);
		}
		if (page->path == NULL)
		{
			page->path = cells[1];
			page->lines = calloc((size_t) atoi(cells[4]) + 1, sizeof(HwrTruthLine));
			page->n = 0;
			continue;
		}
		page->lines[page->n].baseline = true_points(cells[4], &page->lines[page->n].baseline_n);
		page->lines[page->n].outline = true_points(cells[5], &page->lines[page->n].outline_n);
		page->n++;
	}
	return page->path != NULL;
}

static inline void
true_page_free(TruePage *page)
{
	for (int i = 0; i < page->n; i++)
	{
		free((void *) page->lines[i].baseline);
		free((void *) page->lines[i].outline);
	}
	free(page->lines);
}

#endif /* HWR_TRUE_LINES_H */
