/*
 * extract.c
 *	  What it takes to unpack lines and to extract their keys.
 *
 * usage: search-extract TIMES < rows
 *
 * Reads values of type hwr_posterior as text, the last column of each row, as search-lines writes them, and does each stage with
 * all of them so many times.  Prints processor time a line, and sums by which two versions can be told apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/search/word_keys.h"

#define MAX_LINE (1 << 20)

typedef struct Value
{
	uint8_t    *bytes;
	size_t		len;
} Value;

typedef struct Rows
{
	int			n;
	int			room;
	Value	   *values;
} Rows;

/* What the stages found of all lines. */
typedef struct Sums
{
	long		steps;
	long		entries;
	long		trigrams;
	long		words;
	long		unsure;			/* words of which a level is not known */
	long		unlisted;
	uint64_t	hash;
} Sums;

static HwrStatus st;

static void
check(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "search-extract: %s: %s\n", st.message, st.detail);
	exit(1);
}

static void
read_rows(Rows *rows)
{
	static char line[MAX_LINE];

	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		const char *hex = strstr(line, "\\x");
		Value		value;

		if (hex == NULL)
			continue;
		value.bytes = malloc(strlen(hex) / 2);
		value.len = 0;
		for (unsigned byte; sscanf(hex + 2 + 2 * value.len, "%2x", &byte) == 1; value.len++)
			value.bytes[value.len] = (uint8_t) byte;
		if (rows->n == rows->room)
		{
			rows->room = rows->room * 2 + 1024;
			rows->values = realloc(rows->values, (size_t) rows->room * sizeof(Value));
		}
		rows->values[rows->n++] = value;
	}
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static void
add_keys(Sums *sums, const HwrTrigram *keys, int n)
{
	for (int i = 0; i < n; i++)
		sums->hash = (sums->hash ^ (uint64_t) keys[i]) * UINT64_C(0x9e3779b97f4a7c15);
}

static void
extract_trigrams(HwrTrigrams *t, const HwrSparse *s, Sums *sums)
{
	const HwrTrigram *keys;
	int			n;
	bool		done = false;

	check(hwr_trigrams_begin(t, s, 0.1, &st));
	while (!done)
		check(hwr_trigrams_step(t, &done, &st));
	check(hwr_trigrams_get(t, &keys, &n, &st));
	sums->trigrams += n;
	add_keys(sums, keys, n);
}

static void
extract_words(HwrWordKeys *w, const HwrSparse *s, Sums *sums)
{
	const HwrTrigram *keys;
	int			n;
	bool		done = false;

	check(hwr_word_keys_begin(w, s, 0.1, &st));
	while (!done)
		hwr_word_keys_step(w, &done);
	check(hwr_word_keys_get(w, &keys, &n, &st));
	for (int i = 0; i < n; i++)
	{
		int			known = (int) ((-1 - keys[i]) % 32);

		sums->unlisted += known == HWR_WORDS_UNLISTED;
		sums->unsure += known >= HWR_WORD_AT_LEAST && known != HWR_WORDS_UNLISTED;
		sums->words += known < HWR_WORD_AT_LEAST;
	}
	add_keys(sums, keys, n);
}

int
main(int argc, char **argv)
{
	Rows		rows = {0};
	Sums		sums = {0};
	int			times = argc == 2 ? atoi(argv[1]) : 0;
	HwrSparse  *s;
	HwrTrigrams *t;
	HwrWordKeys *w;
	double		spent[3] = {0};

	if (times < 1)
	{
		fputs("usage: search-extract TIMES < rows\n", stderr);
		return 2;
	}
	check(hwr_sparse_create(&s, &st) && hwr_trigrams_create(&t, &st) && hwr_word_keys_create(&w, &st));
	read_rows(&rows);
	for (int time = 0; time < times; time++)
		for (int i = 0; i < rows.n; i++)
		{
			double		began = now();
			double		read;
			double		trigrams;

			check(hwr_sparse_read(s, rows.values[i].bytes, rows.values[i].len, &st));
			read = now();
			sums.steps += s->nsteps;
			sums.entries += s->nentries;
			extract_trigrams(t, s, &sums);
			trigrams = now();
			extract_words(w, s, &sums);
			spent[0] += read - began;
			spent[1] += trigrams - read;
			spent[2] += now() - trigrams;
		}
	printf("us a line: unpacking %.1f, trigrams %.1f, words %.1f\n", spent[0] / times / rows.n, spent[1] / times / rows.n,
		   spent[2] / times / rows.n);
	printf("a line: %.1f steps, %.1f classes, %.1f trigrams, %.2f words, %.2f unsure, %.2f beginnings unlisted; %016llx\n",
		   (double) sums.steps / times / rows.n, (double) sums.entries / times / rows.n, (double) sums.trigrams / times / rows.n,
		   (double) sums.words / times / rows.n, (double) sums.unsure / times / rows.n, (double) sums.unlisted / times / rows.n,
		   (unsigned long long) sums.hash);
	return 0;
}
