/*
 * index.c
 *	  The GIN operator class hwr_posterior_ops.
 *
 * A line is indexed under the trigrams that it may have (core/search/trigram.h), down to a bound that is a
 * parameter of the operator class, and under the whole words that it may have (core/search/word_keys.h).  A
 * query is for lines that have its words, as its operators combine them: a word that has a code by its keys,
 * which mostly say whether it is probable enough; any other word by its trigrams, all of which the line must
 * have.  Lines of which that does not tell are checked by the operator itself.
 *
 * No line is lost: one that reaches hwr.search_threshold for a word has a key of the word and each of its
 * trigrams with at least that probability.  Where the threshold is below the index's bound that says nothing,
 * and the whole index is read.  The same happens for words that have neither code nor trigram, and for what is
 * asked not to be there.
 */
#include "postgres.h"

#include "access/gin.h"
#include "access/reloptions.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "core/search/word_keys.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "query.h"

PG_FUNCTION_INFO_V1(hwr_gin_extract_value);
PG_FUNCTION_INFO_V1(hwr_gin_extract_query);
PG_FUNCTION_INFO_V1(hwr_gin_consistent);
PG_FUNCTION_INFO_V1(hwr_gin_options);

#define DEFAULT_BOUND 0.1
#define LOWEST_BOUND 0.001

/*
 * Trigrams that a word is looked for by, with a code or without.  There is no ternary function: where GIN has
 * one, a line that has to be checked makes it check all after it.  Without one GIN tries out which keys a line
 * must have any of, as long as there are at most four others, which are the most frequent: trigrams of a word
 * with a code, or all but one.
 */
#define CODED_TRIGRAMS 4
#define TRIGRAMS 5

/* Parameters of the operator class. */
typedef struct Options
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	double		bound;
} Options;

/* What extracting keys at a call site needs, in fn_extra. */
typedef struct ExtractSite
{
	HwrInk	   *ink;
	HwrHold    *trigrams;		/* HwrTrigrams */
	HwrHold    *words;			/* HwrWordKeys */
} ExtractSite;

/* Whether a line has what is asked for, as far as the index knows. */
typedef enum Answer
{
	NO,
	MAYBE,
	YES
} Answer;

/* Keys [from, to) of a query. */
typedef struct Range
{
	int			from;
	int			to;
} Range;

/* A word as the index sees it: where its keys are in a query's list of them. */
typedef struct WantedWord
{
	Range		sure;			/* with any of these the line has it, */
	Range		possible;		/* with any of these it may, */
	Range		improbable;		/* with any of these it has it not, */
	bool		listed;			/* else trigrams tell: always, or, for a word that has a code, */
	Range		unlisted;		/* with any of these keys */
	Range		trigrams;
} WantedWord;

/* A query, in the extra data of its first key.  Key 0 stands for lines that have nearly all trigrams. */
typedef struct Wanted
{
	HwrQuery   *query;
	double		threshold;
	WantedWord *words;			/* [query->nwords] */
	int		   *keys;			/* what the ranges are of: indexes into the query's keys, ascending */
} Wanted;

static double
index_bound(FunctionCallInfo fcinfo)
{
	if (PG_HAS_OPCLASS_OPTIONS())
		return ((Options *) PG_GET_OPCLASS_OPTIONS())->bound;
	return DEFAULT_BOUND;
}

/*
 * hwr_gin_options(internal) returns void
 */
Datum
hwr_gin_options(PG_FUNCTION_ARGS)
{
	local_relopts *relopts = (local_relopts *) PG_GETARG_POINTER(0);

	init_local_reloptions(relopts, sizeof(Options));
	add_local_real_reloption(relopts, "bound", "probability of a trigram from which on a line is indexed under it",
							 DEFAULT_BOUND, LOWEST_BOUND, 1, offsetof(Options, bound));
	PG_RETURN_VOID();
}

static void
release_trigrams(void *trigrams)
{
	hwr_trigrams_free(trigrams);
}

static void
release_words(void *words)
{
	hwr_word_keys_free(words);
}

static ExtractSite *
extract_site(FunctionCallInfo fcinfo)
{
	ExtractSite *site = fcinfo->flinfo->fn_extra;
	HwrTrigrams *trigrams;
	HwrWordKeys *words;
	HwrStatus	st;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ExtractSite));
	site->ink = hwr_ink_create(fcinfo->flinfo->fn_mcxt);
	site->trigrams = hwr_hold_create(fcinfo->flinfo->fn_mcxt, release_trigrams);
	if (!hwr_trigrams_create(&trigrams, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->trigrams, trigrams);
	site->words = hwr_hold_create(fcinfo->flinfo->fn_mcxt, release_words);
	if (!hwr_word_keys_create(&words, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->words, words);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

static int
extract_trigrams(HwrTrigrams *trigrams, const HwrSparse *sparse, double bound, const HwrTrigram **keys)
{
	bool		done = false;
	int			n;
	HwrStatus	st;

	if (!hwr_trigrams_begin(trigrams, sparse, bound, &st))
		hwr_raise(&st);
	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!hwr_trigrams_step(trigrams, &done, &st))
			hwr_raise(&st);
	}
	if (!hwr_trigrams_get(trigrams, keys, &n, &st))
		hwr_raise(&st);
	return n;
}

static int
extract_words(HwrWordKeys *words, const HwrSparse *sparse, double bound, const HwrTrigram **keys)
{
	bool		done = false;
	int			n;
	HwrStatus	st;

	if (!hwr_word_keys_begin(words, sparse, bound, &st))
		hwr_raise(&st);
	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		hwr_word_keys_step(words, &done);
	}
	if (!hwr_word_keys_get(words, keys, &n, &st))
		hwr_raise(&st);
	return n;
}

/*
 * hwr_gin_extract_value(hwr_posterior, internal, internal) returns internal
 */
Datum
hwr_gin_extract_value(PG_FUNCTION_ARGS)
{
	ExtractSite *site = extract_site(fcinfo);
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	HwrSparse  *sparse = hwr_ink_read_plain(site->ink, PG_GETARG_DATUM(0), "a search in kept posteriors");
	const HwrTrigram *trigrams;
	const HwrTrigram *words = NULL;
	int			ntrigrams = extract_trigrams(site->trigrams->object, sparse, index_bound(fcinfo), &trigrams);
	int			nwords = 0;
	Datum	   *keys;

	/* A line that may have nearly all is checked whatever its words are. */
	if (ntrigrams == 0 || trigrams[0] != HWR_TRIGRAM_ANY)
		nwords = extract_words(site->words->object, sparse, index_bound(fcinfo), &words);
	*nkeys = ntrigrams + nwords;
	keys = palloc(Max(*nkeys, 1) * sizeof(Datum));
	/* Ascending, which GIN sorts at once. */
	for (int i = 0; i < nwords; i++)
		keys[i] = Int64GetDatum(words[i]);
	for (int i = 0; i < ntrigrams; i++)
		keys[nwords + i] = Int64GetDatum(trigrams[i]);
	PG_RETURN_POINTER(keys);
}

/* Whether a line has any of these keys. */
static inline bool
any_of(const Wanted *wanted, Range range, const bool *check)
{
	for (int i = range.from; i < range.to; i++)
		if (check[wanted->keys[i]])
			return true;
	return false;
}

/* Has a line the word, where check[] says which of the query's keys it has? */
static Answer
has_word(const Wanted *wanted, const WantedWord *word, const bool *check)
{
	if (any_of(wanted, word->sure, check))
		return YES;
	if (any_of(wanted, word->possible, check))
		return MAYBE;
	if (any_of(wanted, word->improbable, check) || (word->listed && !any_of(wanted, word->unlisted, check)))
		return NO;
	for (int i = word->trigrams.from; i < word->trigrams.to; i++)
		if (!check[wanted->keys[i]])
			return NO;
	return MAYBE;
}

/* The same for the query. */
static Answer
has_query(const Wanted *wanted, const bool *check)
{
	const HwrQuery *query = wanted->query;
	Answer		stack[HWR_QUERY_MAX_WORDS * 8];
	int			n = 0;

	if (check[0])
		return MAYBE;
	for (int i = 0; i < query->nnodes; i++)
	{
		switch (query->nodes[i].kind)
		{
			case HWR_QUERY_WORD:
				stack[n++] = has_word(wanted, &wanted->words[query->nodes[i].word], check);
				break;
			case HWR_QUERY_NOT:
				/* The line may not have it though it may have it; and if it is less probable than half, it has it not. */
				stack[n - 1] = stack[n - 1] == NO && wanted->threshold <= 0.5 ? YES : MAYBE;
				break;
			case HWR_QUERY_AND:
				n--;
				stack[n - 1] = Min(stack[n - 1], stack[n]);
				break;
			case HWR_QUERY_OR:
				n--;
				stack[n - 1] = Max(stack[n - 1], stack[n]);
				break;
		}
	}
	return stack[0];
}

static int
compare_keys(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* A query's keys while they are collected, each as often as it is asked for. */
typedef struct Collected
{
	int64	   *keys;
	int			n;
	int			room;
} Collected;

static void
collect(Collected *c, int64 key)
{
	if (c->n == c->room)
	{
		c->room *= 2;
		c->keys = repalloc(c->keys, c->room * sizeof(int64));
	}
	c->keys[c->n++] = key;
}

/* At most so many of the word's, from its beginning to its end. */
static Range
collect_trigrams(Collected *c, const HwrWord *word, int most)
{
	Range		range = {c->n, c->n};
	HwrTrigram *found;
	int			n;
	HwrStatus	st;

	if (!hwr_word_trigrams(word, &found, &n, &st))
		hwr_raise(&st);
	PG_TRY();
	{
		for (int i = 0; i < Min(n, most); i++)
			collect(c, found[n <= most ? i : i * (n - 1) / (most - 1)]);
	}
	PG_FINALLY();
	{
		free(found);
	}
	PG_END_TRY();
	range.to = c->n;
	return range;
}

/* The word's keys that say this of the threshold. */
static Range
collect_says(Collected *c, HwrWordCode code, double threshold, HwrWordSays says)
{
	Range		range = {c->n, c->n};

	for (int known = 0; known < HWR_WORD_KNOWN; known++)
		if (hwr_word_says(code, known, threshold) == says)
			collect(c, hwr_word_key(code, known));
	range.to = c->n;
	return range;
}

static void
collect_word(Collected *c, WantedWord *wanted, const HwrWord *word, double threshold)
{
	HwrWordCode code;
	HwrWordCode beginnings[2];

	wanted->listed = threshold >= HWR_WORD_LOWEST && hwr_word_code(word, &code, beginnings);
	if (wanted->listed)
	{
		wanted->sure = collect_says(c, code, threshold, HWR_WORD_REACHES);
		wanted->possible = collect_says(c, code, threshold, HWR_WORD_MAYBE);
		wanted->improbable = collect_says(c, code, threshold, HWR_WORD_BELOW);
		wanted->unlisted.from = c->n;
		for (int i = 0; i < 2; i++)
			collect(c, hwr_word_key(beginnings[i], HWR_WORDS_UNLISTED));
		wanted->unlisted.to = c->n;
	}
	wanted->trigrams = collect_trigrams(c, word, wanted->listed ? CODED_TRIGRAMS : TRIGRAMS);
}

/* The different keys of all words, HWR_TRIGRAM_ANY the first, into keys[]; returns their number. */
static int
collect_keys(Wanted *wanted, int64 **keys)
{
	const HwrQuery *query = wanted->query;
	Collected	c = {palloc(64 * sizeof(int64)), 0, 64};
	int			n = 1;

	collect(&c, HWR_TRIGRAM_ANY);
	wanted->words = palloc0(query->nwords * sizeof(WantedWord));
	for (int i = 0; i < query->nwords; i++)
		collect_word(&c, &wanted->words[i], query->words[i], wanted->threshold);
	*keys = palloc(c.n * sizeof(int64));
	memcpy(*keys, c.keys, c.n * sizeof(int64));
	qsort(*keys + 1, c.n - 1, sizeof(int64), compare_keys);
	for (int i = 1; i < c.n; i++)
		if ((*keys)[i] != (*keys)[n - 1])
			(*keys)[n++] = (*keys)[i];
	wanted->keys = palloc0(c.n * sizeof(int));
	for (int i = 1; i < c.n; i++)
	{
		int64	   *at = bsearch(&c.keys[i], *keys + 1, n - 1, sizeof(int64), compare_keys);

		wanted->keys[i] = (int) (at - *keys);
	}
	pfree(c.keys);
	return n;
}

/*
 * hwr_gin_extract_query(hwr_query, internal, smallint, internal, internal, internal, internal)
 * returns internal
 */
Datum
hwr_gin_extract_query(PG_FUNCTION_ARGS)
{
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	Pointer   **extra = (Pointer **) PG_GETARG_POINTER(4);
	int32	   *mode = (int32 *) PG_GETARG_POINTER(6);
	HwrAsked   *asked = hwr_asked_create(CurrentMemoryContext);
	Wanted	   *wanted = palloc0(sizeof(Wanted));
	int64	   *keys;
	bool	   *none;
	Datum	   *result;
	int			n;

	*nkeys = 0;
	if (hwr_search_threshold < index_bound(fcinfo))
	{
		*mode = GIN_SEARCH_MODE_ALL;
		PG_RETURN_POINTER(NULL);
	}
	wanted->query = hwr_asked_get(asked, PG_GETARG_DATUM(0), HWR_ASKED_QUERY);
	wanted->threshold = hwr_search_threshold;
	n = collect_keys(wanted, &keys);
	none = palloc0(n * sizeof(bool));
	if (has_query(wanted, none) != NO)
	{
		*mode = GIN_SEARCH_MODE_ALL;
		PG_RETURN_POINTER(NULL);
	}
	result = palloc(n * sizeof(Datum));
	*extra = palloc0(n * sizeof(Pointer));
	for (int i = 0; i < n; i++)
		result[i] = Int64GetDatum(keys[i]);
	(*extra)[0] = (Pointer) wanted;
	*nkeys = n;
	PG_RETURN_POINTER(result);
}

/*
 * hwr_gin_consistent(internal, smallint, hwr_query, integer, internal, internal, internal,
 * internal) returns boolean
 */
Datum
hwr_gin_consistent(PG_FUNCTION_ARGS)
{
	bool	   *check = (bool *) PG_GETARG_POINTER(0);
	int32		nkeys = PG_GETARG_INT32(3);
	Pointer    *extra = (Pointer *) PG_GETARG_POINTER(4);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(5);
	Answer		answer = nkeys == 0 || extra == NULL ? MAYBE : has_query((Wanted *) extra[0], check);

	*recheck = answer != YES;
	PG_RETURN_BOOL(answer != NO);
}
