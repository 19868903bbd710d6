/*
 * lines.c
 *	  Many lines of kept posteriors, made of the words of a few real ones, to measure an index with.
 *
 * usage: search-lines N SEED < posteriors > rows
 *
 * Reads values of type hwr_posterior as text, one a line, and cuts them into words where a space is more probable than all else.
 * Writes N rows for COPY: a number from 1 on, and a line of 3 to 11 words drawn from all of them.  Three in ten stay
 * what they are, so that frequent words stay frequent; in the others letters are exchanged, vowels for vowels and consonants for
 * consonants, by one of 2,000 keys, low ones more often: so there are rare words too, with the doubts that real ink leaves.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/posterior/posterior_internal.h"

#define MAX_LINE (1 << 20)
#define KEYS 2000
#define SEPARATOR_P 0.5f
#define MAX_CLASSES 1024
#define NOTHING (-30.0f)

typedef struct Entry
{
	uint32_t	codepoint;		/* 0: blank */
	int			q;				/* -16 ln p; 0: the most probable, which has what is left */
} Entry;

typedef struct Step
{
	int			run;
	int			n;
	Entry	   *entries;
} Step;

typedef struct Word
{
	int			n;
	Step	   *steps;
} Word;

typedef struct Words
{
	int			n;
	int			room;
	Word	   *words;
} Words;

static void *
need(void *p)
{
	if (p == NULL)
	{
		fputs("search-lines: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static Step
copy_step(const HwrSparse *s, const HwrSparseStep *from)
{
	Step		step = {from->run, from->n, need(malloc((size_t) from->n * sizeof(Entry)))};
	int			best = 0;

	for (int i = 0; i < from->n; i++)
	{
		const HwrEntry *e = &s->entries[from->entry + i];

		step.entries[i].codepoint = e->class == 0 ? 0 : s->alphabet.codepoints[e->class - 1];
		step.entries[i].q = (int) lround(-16 * log(e->p));
		if (e->p > s->entries[from->entry + best].p)
			best = i;
	}
	step.entries[best].q = 0;
	return step;
}

/* Is the step a separator (1), something else that is no blank (2), or blank (0)? */
static int
kind_of(const HwrSparse *s, const HwrSparseStep *step)
{
	const HwrEntry *best = &s->entries[step->entry];

	for (int i = 1; i < step->n; i++)
		if (s->entries[step->entry + i].p > best->p)
			best = &s->entries[step->entry + i];
	return best->class == 0 ? 0 : s->alphabet.codepoints[best->class - 1] == ' ' && best->p > SEPARATOR_P ? 1 : 2;
}

static void
add_word(Words *words, const HwrSparse *s, int from, int to)
{
	Word	   *word;
	bool		something = false;

	for (int i = from; i < to; i++)
		something |= kind_of(s, &s->at[i]) == 2;
	if (!something)
		return;
	if (words->n == words->room)
	{
		words->room = words->room * 2 + 1024;
		words->words = need(realloc(words->words, (size_t) words->room * sizeof(Word)));
	}
	word = &words->words[words->n++];
	word->n = to - from;
	word->steps = need(malloc((size_t) word->n * sizeof(Step)));
	for (int i = from; i < to; i++)
		word->steps[i - from] = copy_step(s, &s->at[i]);
}

static void
read_words(Words *words)
{
	static char line[MAX_LINE];
	static uint8_t bytes[MAX_LINE / 2];
	HwrStatus	st = {0};
	HwrSparse  *s;

	if (!hwr_sparse_create(&s, &st))
		need(NULL);
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		const char *hex = strstr(line, "\\x");
		size_t		len = 0;
		int			from = 0;

		for (unsigned byte; hex != NULL && sscanf(hex + 2 + 2 * len, "%2x", &byte) == 1; len++)
			bytes[len] = (uint8_t) byte;
		if (!hwr_sparse_read(s, bytes, len, &st))
		{
			fprintf(stderr, "search-lines: %s: %s\n", st.message, st.detail);
			exit(1);
		}
		for (int i = 0; i <= s->nsteps; i++)
		{
			if (i < s->nsteps && kind_of(s, &s->at[i]) != 1)
				continue;
			add_word(words, s, from, i);
			from = i + 1;
		}
	}
	hwr_sparse_free(s);
}

static void
shuffle(char *letters, HwrRng *rng)
{
	for (size_t n = strlen(letters); n > 1; n--)
	{
		size_t		i = (size_t) hwr_rng_below(rng, (uint64_t) n);
		char		c = letters[i];

		letters[i] = letters[n - 1];
		letters[n - 1] = c;
	}
}

/* What a key makes of the letters a to z. */
static void
make_key(int key, char to[26])
{
	static const char groups[2][22] = {"aeiouy", "bcdfghjklmnpqrstvwxz"};
	HwrRng		rng;

	hwr_rng_seed(&rng, (uint64_t) key, 1);
	for (int g = 0; g < 2; g++)
	{
		char		shuffled[22];

		strcpy(shuffled, groups[g]);
		if (key > 0)
			shuffle(shuffled, &rng);
		for (int i = 0; groups[g][i] != '\0'; i++)
			to[groups[g][i] - 'a'] = shuffled[i];
	}
}

static uint32_t
exchange(const char key[26], uint32_t c)
{
	if (c < 128 && islower((int) c))
		return (uint32_t) key[c - 'a'];
	if (c < 128 && isupper((int) c))
		return (uint32_t) toupper(key[c - 'A']);
	return c;
}

/* A line that is being put together. */
typedef struct Line
{
	int			n;
	int			room;
	Step	   *steps;
	uint32_t	codepoints[MAX_CLASSES];
	int			ncodepoints;
	int			T;
} Line;

static int
compare_codepoints(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

static void
add_step(Line *line, const Step *from, const char key[26])
{
	Step	   *step;

	if (line->n == line->room)
	{
		line->room = line->room * 2 + 256;
		line->steps = need(realloc(line->steps, (size_t) line->room * sizeof(Step)));
	}
	step = &line->steps[line->n++];
	*step = *from;
	step->entries = need(malloc((size_t) from->n * sizeof(Entry)));
	for (int i = 0; i < from->n; i++)
	{
		uint32_t	c = exchange(key, from->entries[i].codepoint);
		bool		known = c == 0;

		step->entries[i] = (Entry) {c, from->entries[i].q};
		for (int j = 0; j < line->ncodepoints && !known; j++)
			known = line->codepoints[j] == c;
		if (!known && line->ncodepoints < MAX_CLASSES)
			line->codepoints[line->ncodepoints++] = c;
	}
	line->T += step->run;
}

static void
put_byte(unsigned byte)
{
	static const char digits[] = "0123456789abcdef";

	putchar(digits[byte >> 4 & 15]);
	putchar(digits[byte & 15]);
}

/* The class in the value of a code point. */
static int
class_of(const Line *line, uint32_t c)
{
	const uint32_t *at;

	if (c == 0)
		return 0;
	at = bsearch(&c, line->codepoints, (size_t) line->ncodepoints, sizeof(uint32_t), compare_codepoints);
	return (int) (at - line->codepoints) + 1;
}

/* The log posteriors of a step, of which the most probable class has what the others leave. */
static void
fill_step(const Line *line, const Step *step, float *y)
{
	int			best = 0;
	double		left = 1;

	for (int k = 0; k <= line->ncodepoints; k++)
		y[k] = NOTHING;
	for (int i = 0; i < step->n; i++)
	{
		int			class = class_of(line, step->entries[i].codepoint);

		if (step->entries[i].q == 0)
			best = class;
		else
		{
			y[class] = (float) (-step->entries[i].q / SCALE);
			left -= exp(y[class]);
		}
	}
	y[best] = (float) log(left);
}

static void
put_line(Line *line)
{
	HwrAlphabet alphabet = {line->ncodepoints, line->codepoints, NULL};
	HwrPosteriorOrigin origin = {
		.mapping = HWR_CASE_KEEP,.classes = line->ncodepoints + 1,.canvas_width = line->T * 4,.content_width = line->T * 4,
		.source_width = line->T * 4
	};
	size_t		K = (size_t) line->ncodepoints + 1;
	float	   *logp = need(malloc((size_t) line->T * K * sizeof(float)));
	int			t = 0;
	HwrStatus	st = {0};
	uint8_t    *bytes;
	size_t		len;

	qsort(line->codepoints, (size_t) line->ncodepoints, sizeof(uint32_t), compare_codepoints);
	for (int i = 0; i < line->n; i++)
		for (int run = 0; run < line->steps[i].run; run++)
			fill_step(line, &line->steps[i], logp + (size_t) t++ * K);
	if (!hwr_posterior_pack(logp, line->T, &alphabet, &origin, 0, &bytes, &len, &st))
	{
		fprintf(stderr, "search-lines: %s: %s\n", st.message, st.detail);
		exit(1);
	}
	for (size_t i = 0; i < len; i++)
		put_byte(bytes[i]);
	free(bytes);
	free(logp);
}

static void
make_line(Line *line, const Words *words, HwrRng *rng, char (*keys)[26])
{
	static Entry blank_entry = {0, 0};
	static Entry space_entry = {' ', 0};
	const Step	blank = {1, 1, &blank_entry};
	const Step	space = {1, 1, &space_entry};
	int			n = 3 + (int) hwr_rng_below(rng, 9);

	for (int i = 0; i < line->n; i++)
		free(line->steps[i].entries);
	line->n = line->ncodepoints = line->T = 0;
	for (int i = 0; i < n; i++)
	{
		const Word *word = &words->words[hwr_rng_below(rng, (uint64_t) words->n)];
		int			key = hwr_rng_below(rng, 10) < 3 ? 0 : (int) exp(hwr_rng_uniform(rng) * log(KEYS));

		if (i > 0)
		{
			add_step(line, &blank, keys[0]);
			add_step(line, &space, keys[0]);
			add_step(line, &blank, keys[0]);
		}
		for (int j = 0; j < word->n; j++)
			add_step(line, &word->steps[j], keys[key]);
	}
}

int
main(int argc, char **argv)
{
	static char keys[KEYS + 1][26];
	Words		words = {0};
	Line		line = {0};
	HwrRng		rng;
	long		n;

	if (argc != 3 || (n = atol(argv[1])) < 1)
	{
		fputs("usage: search-lines N SEED < posteriors > rows\n", stderr);
		return 2;
	}
	hwr_rng_seed(&rng, strtoull(argv[2], NULL, 10), 0);
	for (int i = 0; i <= KEYS; i++)
		make_key(i, keys[i]);
	read_words(&words);
	if (words.n == 0)
	{
		fputs("search-lines: no words\n", stderr);
		return 1;
	}
	fprintf(stderr, "%d words\n", words.n);
	for (long i = 1; i <= n; i++)
	{
		make_line(&line, &words, &rng, keys);
		printf("%ld\t\\\\x", i);
		put_line(&line);
		putchar('\n');
	}
	return 0;
}
