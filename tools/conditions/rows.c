/*
 * rows.c
 *	  The pictures of a list.  See conditions.h.
 */
#include "conditions.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/image/image.h"
#include "../read_file.h"

static const HwrImageLimits limits = {(int64_t) 1 << 30, (int64_t) 1 << 30};

void *
must(void *p)
{
	if (p == NULL)
	{
		fprintf(stderr, "conditions: out of memory\n");
		exit(1);
	}
	return p;
}

/* A CSV file, read as tools/Csv.pm does. */
typedef struct Csv
{
	const char *path;
	char	   *at;				/* zero-terminated */
	int			line;
} Csv;

/* Behind a line's end, if there is one. */
static char *
skip_line_end(Csv *csv, char *s)
{
	csv->line += *s == '\n' || *s == '\r';
	return *s == '\r' && s[1] == '\n' ? s + 2 : *s == '\n' || *s == '\r' ? s + 1 : s;
}

/*
 * One field, in place.  It is quoted if it begins with a quote; elsewhere a quote is a character like others.  *more
 * says whether a comma follows it.
 */
static char *
field(Csv *csv, bool *more)
{
	char	   *s = csv->at;
	char	   *to = csv->at;
	char	   *start = csv->at;
	int			line = csv->line;
	bool		quoted = *s == '"';

	for (s += quoted; quoted || strchr(",\r\n", *s) == NULL; s++)	/* which finds the end, too */
	{
		if (*s == '\0')
		{
			fprintf(stderr, "%s, line %d: a quoted field begins here and never ends\n", csv->path, line);
			exit(1);
		}
		csv->line += *s == '\n' || (*s == '\r' && s[1] != '\n');
		if (quoted && *s == '"')
		{
			if (s[1] != '"')
			{
				quoted = false;
				continue;
			}
			s++;
		}
		*to++ = *s;
	}
	*more = *s == ',';
	csv->at = *more ? s + 1 : skip_line_end(csv, s);
	*to = '\0';
	return start;
}

/* The first two fields of a line, as far as it has them. */
static void
record(Csv *csv, char **name, char **label)
{
	bool		more;

	*name = field(csv, &more);
	*label = more ? field(csv, &more) : "";
	while (more)
		field(csv, &more);
}

Row *
read_rows(const char *folder, const char *path, int max, int *n)
{
	size_t		len;
	char	   *text = (char *) read_file(path, &len);
	Csv			csv = {path, text, 1};
	Row		   *rows = NULL;
	char	   *name;
	char	   *label;

	record(&csv, &name, &label);
	for (*n = 0; (max == 0 || *n < max) && *csv.at != '\0';)
	{
		char		file[4600];
		Row			row;
		HwrImage	img;
		HwrStatus	st = {0};

		record(&csv, &name, &label);
		if (*name == '\0')
			continue;
		snprintf(file, sizeof(file), "%s/%s", folder, name);
		row.bytes = read_file(file, &row.len);
		if (!hwr_image_decode(row.bytes, row.len, &limits, 0, 0, &img, &st))
		{
			free(row.bytes);
			continue;
		}
		row.picture = (Picture) {img.width, img.height, img.pixels};
		row.name = must(strdup(name));
		row.label = must(strdup(label));
		rows = must(realloc(rows, (size_t) (*n + 1) * sizeof(Row)));
		rows[(*n)++] = row;
	}
	free(text);
	return rows;
}

void
free_rows(Row *rows, int n)
{
	for (int i = 0; i < n; i++)
	{
		free(rows[i].name);
		free(rows[i].bytes);
		free(rows[i].picture.p);
		free(rows[i].label);
	}
	free(rows);
}
