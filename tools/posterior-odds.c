/*
 * posterior-odds.c
 *	  The probabilities that kept posteriors are packed with, from posteriors that were kept.
 *
 * usage: posterior-odds < posteriors > src/core/posterior/posterior_odds.c
 *
 * Reads values of type hwr_posterior as text, one a line, packs each of them again and counts the choices.  Another table makes
 * other bytes: with it HWR_POSTERIOR_FORMAT and HWR_POSTERIOR_FORMAT_SPELT have to change.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double counts[8192][2];

#define HWR_ON_CHOICE(choice, bit) (counts[choice][bit]++)
#define HWR_ON_LEVEL(odds, number) (counts[(odds) + (number)][1]++)
#include "core/posterior/posterior.c"

#define MAX_LINE (1 << 22)

/* What is never seen is not impossible. */
#define PRIOR 0.4

/* A value again; its distributions are read, and what was not kept is next to nothing. */
static void
count_value(HwrSparse *s)
{
	HwrAlphabet *alphabet = &s->alphabet;
	HwrPosteriorOrigin origin = s->origin;
	HwrStatus	st = {0};
	size_t		cells;
	float	   *logp;
	uint8_t    *bytes;
	size_t		len;

	origin.classes = alphabet->n + 1;
	s->floor = 0;
	if (!hwr_sparse_cells(s, alphabet, &cells, &st) || (logp = malloc(cells * sizeof(float))) == NULL)
		exit(1);
	hwr_sparse_dense(s, alphabet, logp);
	/* A level is at most what was kept: rounding must not make it the next one. */
	for (size_t i = 0; i < cells; i++)
		logp[i] += 1e-5f;
	if (!hwr_posterior_pack(logp, s->steps, alphabet, &origin, 0, &bytes, &len, &st))
		exit(1);
	free(bytes);
	free(logp);
}

static bool
is_level(int i)
{
	return (i >= ODDS_LEVEL && i < ODDS_MORE) || i >= ODDS_NEW;
}

/* How often each of 16 levels came, as what all before each one have together; each has something. */
static void
sum_levels(int first, int out[16])
{
	double		all = 0;
	double		before = 0;

	for (int i = 0; i < 16; i++)
		all += counts[first + i][1] + PRIOR;
	for (int i = 0; i < 16; i++)
	{
		out[i] = i + (int) (before / all * (2 * HWR_ODDS_EVEN - 16));
		before += counts[first + i][1] + PRIOR;
	}
}

static int
choice_odds(int i)
{
	double		p = (counts[i][1] + PRIOR) / (counts[i][0] + counts[i][1] + 2 * PRIOR);
	int			odds = (int) (p * (2 * HWR_ODDS_EVEN) + 0.5);

	return odds < 1 ? 1 : odds > 2 * HWR_ODDS_EVEN - 1 ? 2 * HWR_ODDS_EVEN - 1 : odds;
}

static void
print_table(void)
{
	int			table[ODDS_N];

	for (int i = 0; i < ODDS_N; i++)
	{
		table[i] = choice_odds(i);
		if (!is_level(i))
			continue;
		sum_levels(i, table + i);
		i += 15;
	}
	printf("/*\n * posterior_odds.c\n"
		   " *\t  How probable the choices of kept posteriors are (posterior_codes.h), in units of 1 / 4096.\n"
		   " *\n * Counted by tools/posterior-odds.c in values of the bundled models; doc/search.md says in which.\n */\n"
		   "#include \"posterior_codes.h\"\n\nconst uint16_t hwr_posterior_odds[ODDS_N] = {");
	for (int i = 0; i < ODDS_N; i++)
		printf("%s%d%s", i % 20 == 0 ? "\n\t" : " ", table[i], i + 1 < ODDS_N ? "," : "");
	printf("\n};\n");
}

int
main(void)
{
	static char line[MAX_LINE];
	static uint8_t bytes[MAX_LINE / 2];
	HwrStatus	st = {0};
	HwrSparse  *s;

	if (!hwr_sparse_create(&s, &st))
		return 1;
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		const char *hex = strstr(line, "\\x");
		size_t		len = 0;

		for (unsigned byte; hex != NULL && sscanf(hex + 2 + 2 * len, "%2x", &byte) == 1; len++)
			bytes[len] = (uint8_t) byte;
		if (!hwr_sparse_read(s, bytes, len, &st))
		{
			fprintf(stderr, "posterior-odds: %s: %s\n", st.message, st.detail);
			return 1;
		}
		count_value(s);
	}
	hwr_sparse_free(s);
	print_table();
	return 0;
}
