/*
 * common.c
 *	  What generate-words and generate-forms have in common: random numbers, lists in files, the end after an error.
 */
/* program_invocation_short_name */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"

void
fail(const char *what, const char *name)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, name);
	exit(1);
}

uint64_t
rng_next(Rng *rng)
{
	uint64_t	z = (rng->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

double
uniform(Rng *rng, double low, double high)
{
	return low + (high - low) * (double) (rng_next(rng) >> 11) / 9007199254740992.0;
}

int
below(Rng *rng, int n)
{
	return (int) (rng_next(rng) % (uint64_t) n);
}

bool
chance(Rng *rng, double p)
{
	return uniform(rng, 0, 1) < p;
}

double
normal(Rng *rng)
{
	double		sum = 0;

	for (int i = 0; i < 12; i++)
		sum += uniform(rng, 0, 1);
	return fmax(-3, fmin(3, sum - 6));
}

void
add_line(Lines *lines, const char *text)
{
	if ((lines->n & (lines->n - 1)) == 0)
		lines->line = g_renew(char *, lines->line, lines->n > 0 ? 2 * (size_t) lines->n : 1);
	lines->line[lines->n++] = g_strdup(text);
}

/* Read the lines of a file, without comments (#) and empty ones. */
void
read_lines(const char *path, Lines *lines)
{
	bool		standard = strcmp(path, "-") == 0;
	FILE	   *f = standard ? stdin : fopen(path, "r");
	char	   *buf = NULL;
	size_t		size = 0;

	if (f == NULL)
		fail(strerror(errno), path);
	while (getline(&buf, &size, f) >= 0)
	{
		g_strstrip(buf);
		if (!g_utf8_validate(buf, -1, NULL))
			fail("not UTF-8", path);
		if (buf[0] != '\0' && buf[0] != '#')
			add_line(lines, buf);
	}
	if (ferror(f))
		fail(strerror(errno), path);
	if (!standard)
		fclose(f);
	free(buf);
	if (lines->n == 0)
		fail("empty list", path);
}
