/*
 * index.c
 *	  The GIN operator class hwr_posterior_ops.
 *
 * A line is indexed under the trigrams that it may have (core/search/trigram.h), down to a bound
 * that is a parameter of the operator class.  A query is for lines that have all trigrams of its
 * words, as its operators combine them; every line that is found so is checked by the operator
 * itself.
 *
 * No line is lost: one that reaches hwr.search_threshold for a word has each trigram of the word with at least
 * that probability.  Where the threshold is below the index's bound that says nothing, and the whole index is
 * read.  The same happens for words that have no trigram, and for what is asked not to be there.
 */
#include "postgres.h"

#include "access/gin.h"
#include "access/reloptions.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "core/search/trigram.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "query.h"

PG_FUNCTION_INFO_V1(hwr_gin_extract_value);
PG_FUNCTION_INFO_V1(hwr_gin_extract_query);
PG_FUNCTION_INFO_V1(hwr_gin_consistent);
PG_FUNCTION_INFO_V1(hwr_gin_triconsistent);
PG_FUNCTION_INFO_V1(hwr_gin_options);

#define DEFAULT_BOUND 0.1
#define LOWEST_BOUND 0.001

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
} ExtractSite;

/*
 * A query as the index sees it, in the extra data of its first key: keys that each word needs.  Key
 * 0 stands for lines that have nearly all trigrams.
 */
typedef struct Wanted
{
	HwrQuery   *query;
	int		   *first;			/* [words + 1] the word's keys in keys[] */
	int		   *keys;			/* indexes into the query's keys */
	double	   *words;			/* [words] to combine */
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

static ExtractSite *
extract_site(FunctionCallInfo fcinfo)
{
	ExtractSite *site = fcinfo->flinfo->fn_extra;
	HwrTrigrams *trigrams;
	HwrStatus	st;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ExtractSite));
	site->ink = hwr_ink_create(fcinfo->flinfo->fn_mcxt);
	site->trigrams = hwr_hold_create(fcinfo->flinfo->fn_mcxt, release_trigrams);
	if (!hwr_trigrams_create(&trigrams, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->trigrams, trigrams);
	fcinfo->flinfo->fn_extra = site;
	return site;
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
	HwrTrigrams *trigrams = site->trigrams->object;
	const HwrTrigram *found;
	Datum	   *keys;
	bool		done = false;
	int			n;
	HwrStatus	st;

	if (!hwr_trigrams_begin(trigrams, sparse, index_bound(fcinfo), &st))
		hwr_raise(&st);
	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!hwr_trigrams_step(trigrams, &done, &st))
			hwr_raise(&st);
	}
	if (!hwr_trigrams_get(trigrams, &found, &n, &st))
		hwr_raise(&st);
	keys = palloc(Max(n, 1) * sizeof(Datum));
	for (int i = 0; i < n; i++)
		keys[i] = Int64GetDatum(found[i]);
	*nkeys = n;
	PG_RETURN_POINTER(keys);
}

/* Can a line be what is asked for, where present[] says which of the query's keys it may have? */
static bool
may_match(const Wanted *wanted, const bool *present)
{
	const HwrQuery *query = wanted->query;
	bool		any = present[0];
	bool		stack[HWR_QUERY_MAX_WORDS * 8];
	int			n = 0;

	if (any)
		return true;
	for (int i = 0; i < query->nnodes; i++)
	{
		switch (query->nodes[i].kind)
		{
			case HWR_QUERY_WORD:
				{
					int			word = query->nodes[i].word;
					bool		all = true;

					for (int j = wanted->first[word]; j < wanted->first[word + 1] && all; j++)
						all = present[wanted->keys[j]];
					stack[n++] = all;
					break;
				}
			case HWR_QUERY_NOT:
				/* The line may not have it though it has its trigrams; and if not, not. */
				stack[n - 1] = true;
				break;
			case HWR_QUERY_AND:
				n--;
				stack[n - 1] = stack[n - 1] && stack[n];
				break;
			case HWR_QUERY_OR:
				n--;
				stack[n - 1] = stack[n - 1] || stack[n];
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

/* The different trigrams of all words after HWR_TRIGRAM_ANY, ascending, into keys[]; returns their number. */
static int
collect_keys(HwrQuery *query, Wanted *wanted, int64 **keys)
{
	HwrTrigram **of_word = palloc0(query->nwords * sizeof(HwrTrigram *));
	int			total = 0;
	int			n = 1;
	HwrStatus	st;

	wanted->first = palloc0((query->nwords + 1) * sizeof(int));
	for (int w = 0; w < query->nwords; w++)
	{
		HwrTrigram *found;
		int			count;

		if (!hwr_word_trigrams(query->words[w], &found, &count, &st))
			hwr_raise(&st);
		of_word[w] = MemoryContextAllocExtended(CurrentMemoryContext, Max(count, 1) * sizeof(HwrTrigram),
												MCXT_ALLOC_NO_OOM);
		if (of_word[w] != NULL)
			memcpy(of_word[w], found, count * sizeof(HwrTrigram));
		free(found);
		if (of_word[w] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
		wanted->first[w + 1] = total += count;
	}
	*keys = palloc((total + 1) * sizeof(int64));
	wanted->keys = palloc(Max(total, 1) * sizeof(int));
	(*keys)[0] = HWR_TRIGRAM_ANY;
	for (int w = 0; w < query->nwords; w++)
		memcpy(*keys + 1 + wanted->first[w], of_word[w],
			   (wanted->first[w + 1] - wanted->first[w]) * sizeof(HwrTrigram));
	qsort(*keys + 1, total, sizeof(int64), compare_keys);
	for (int i = 1; i <= total; i++)
		if ((*keys)[i] != (*keys)[n - 1])
			(*keys)[n++] = (*keys)[i];
	for (int w = 0; w < query->nwords; w++)
		for (int i = wanted->first[w]; i < wanted->first[w + 1]; i++)
		{
			int64	   *at = bsearch(&of_word[w][i - wanted->first[w]], *keys, n, sizeof(int64), compare_keys);

			wanted->keys[i] = (int) (at - *keys);
		}
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
	n = collect_keys(wanted->query, wanted, &keys);
	none = palloc0(n * sizeof(bool));
	if (may_match(wanted, none))
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

	*recheck = true;
	PG_RETURN_BOOL(nkeys == 0 || extra == NULL || may_match((Wanted *) extra[0], check));
}

/*
 * hwr_gin_triconsistent(internal, smallint, hwr_query, integer, internal, internal, internal) returns "char"
 */
Datum
hwr_gin_triconsistent(PG_FUNCTION_ARGS)
{
	GinTernaryValue *check = (GinTernaryValue *) PG_GETARG_POINTER(0);
	int32		nkeys = PG_GETARG_INT32(3);
	Pointer    *extra = (Pointer *) PG_GETARG_POINTER(4);
	bool	   *present;
	bool		may;

	if (nkeys == 0 || extra == NULL)
		PG_RETURN_GIN_TERNARY_VALUE(GIN_MAYBE);
	present = palloc(nkeys * sizeof(bool));
	for (int i = 0; i < nkeys; i++)
		present[i] = check[i] != GIN_FALSE;
	may = may_match((Wanted *) extra[0], present);
	pfree(present);
	PG_RETURN_GIN_TERNARY_VALUE(may ? GIN_MAYBE : GIN_FALSE);
}
