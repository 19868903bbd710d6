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

/* One CSV field in place; *next behind it. */
static char *
field(char *s, char **next)
{
	char	   *start = s;
	char	   *to = s;
	bool		quoted = *s == '"';

	if (quoted)
		s++;
	for (; *s != '\0' && *s != '\n' && *s != '\r'; s++)
	{
		if (quoted && *s == '"')
		{
			if (s[1] != '"')
			{
				quoted = false;
				continue;
			}
			s++;
		}
		else if (!quoted && *s == ',')
			break;
		*to++ = *s;
	}
	*next = *s == ',' ? s + 1 : s;
	*to = '\0';
	return start;
}

Row *
read_rows(const char *folder, const char *csv, int max, int *n)
{
	FILE	   *f = fopen(csv, "r");
	char		line[4096];
	Row		   *rows = NULL;

	if (f == NULL || fgets(line, sizeof(line), f) == NULL)
	{
		perror(csv);
		exit(1);
	}
	for (*n = 0; (max == 0 || *n < max) && fgets(line, sizeof(line), f) != NULL;)
	{
		char	   *next;
		char	   *name = field(line, &next);
		char	   *label = field(next, &next);
		char		path[4600];
		Row			row;
		HwrImage	img;
		HwrStatus	st = {0};

		snprintf(path, sizeof(path), "%s/%s", folder, name);
		row.bytes = read_file(path, &row.len);
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
	fclose(f);
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
