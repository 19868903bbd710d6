/*
 * value.c
 *	  What a kept posterior reads as: text, confidence, places of characters, the probability of a given text.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/float.h"

#include "core/decode/decode.h"
#include "core/decode/score.h"
#include "core/text/spelling.h"
#include "core/text/text.h"
#include "ink.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/reader/label.h"
#include "pg/recognize/score.h"

PG_FUNCTION_INFO_V1(hwr_text);
PG_FUNCTION_INFO_V1(hwr_confidence);
PG_FUNCTION_INFO_V1(hwr_places);
PG_FUNCTION_INFO_V1(hwr_score);
PG_FUNCTION_INFO_V1(hwr_score_version);
PG_FUNCTION_INFO_V1(hwr_posterior_info);

/*
 * hwr_text(posterior hwr_posterior) returns text
 */
Datum
hwr_text(PG_FUNCTION_ARGS)
{
	HwrInk	   *ink = hwr_ink_of(fcinfo);
	HwrHold    *hold = hwr_hold_create(CurrentMemoryContext, hwr_release_reading);
	text	   *result;

	hwr_ink_read(ink, PG_GETARG_DATUM(0));
	result = cstring_to_text(hwr_from_utf8(hwr_ink_greedy(ink, hold)->text));
	hwr_hold_replace(hold, NULL);
	PG_RETURN_TEXT_P(result);
}

/* log P(text | image) for classes of the value's own characters */
static double
score(HwrInk *ink, const int *classes, int n, const float *logp, int K)
{
	HwrSparse  *sparse = ink->sparse->object;
	HwrPosterior p = {.steps = sparse->steps,.classes = K,.logp = (float *) logp};

	return -hwr_classes_loss(classes, n, &p, CurrentMemoryContext);
}

/*
 * hwr_confidence(posterior hwr_posterior) returns double precision: P(hwr_text | image)
 */
Datum
hwr_confidence(PG_FUNCTION_ARGS)
{
	HwrInk	   *ink = hwr_ink_of(fcinfo);
	HwrHold    *hold = hwr_hold_create(CurrentMemoryContext, hwr_release_reading);
	HwrSparse  *sparse = hwr_ink_read(ink, PG_GETARG_DATUM(0));
	HwrReading *reading = hwr_ink_greedy(ink, hold);
	double		result = exp(score(ink, reading->classes, reading->nclasses, hwr_ink_dense(ink), sparse->alphabet.n + 1));

	hwr_hold_replace(hold, NULL);
	PG_RETURN_FLOAT8(Min(result, 1));
}

/*
 * hwr_places(posterior hwr_posterior) returns setof (position integer, "char" text, confidence
 * double precision, x0 integer, x1 integer)
 */
Datum
hwr_places(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HwrInk	   *ink;
	HwrHold    *hold;
	HwrSparse  *sparse;
	HwrReading *reading;

	InitMaterializedSRF(fcinfo, 0);
	ink = hwr_ink_of(fcinfo);
	hold = hwr_hold_create(CurrentMemoryContext, hwr_release_reading);
	sparse = hwr_ink_read(ink, PG_GETARG_DATUM(0));
	reading = hwr_ink_greedy(ink, hold);
	for (int i = 0; i < reading->n; i++)
	{
		const HwrChar *c = &reading->chars[i];
		Datum		values[5];
		bool		nulls[5] = {0};

		values[0] = Int32GetDatum(i + 1);
		values[1] = CStringGetTextDatum(hwr_from_codepoint(c->codepoint));
		values[2] = Float8GetDatum(c->confidence);
		values[3] = Int32GetDatum((int) floor(hwr_sparse_pixel(sparse, c->first_step)));
		values[4] = Int32GetDatum((int) ceil(hwr_sparse_pixel(sparse, c->last_step + 1)));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	hwr_hold_replace(hold, NULL);
	return (Datum) 0;
}

/* Alphabets that were malloc'd */
static void
release_alphabet(void *alphabet)
{
	hwr_alphabet_free(alphabet);
}

/* The classes of a label over the value's characters and its own, palloc'd; *alphabet is held by the hold. */
static int *
label_classes(HwrSparse *sparse, const char *label, HwrHold *hold, HwrAlphabet *alphabet, int *n)
{
	int		   *found;
	int		   *classes;
	bool		writable;
	HwrStatus	st;

	if (!hwr_alphabet_copy(&sparse->alphabet, alphabet, &st))
		hwr_raise(&st);
	hwr_hold_replace(hold, alphabet);
	if (!hwr_alphabet_add_label(alphabet, label, strlen(label), &st) ||
		!hwr_text_classes(label, strlen(label), HWR_CASE_KEEP, alphabet, &found, n, &writable, &st))
		hwr_raise(&st);
	classes = MemoryContextAllocExtended(CurrentMemoryContext, Max(*n, 1) * sizeof(int), MCXT_ALLOC_NO_OOM);
	if (classes != NULL)
		memcpy(classes, found, *n * sizeof(int));
	free(found);
	if (classes == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return classes;
}

/* hwr_score of a kept posterior. */
static double
score_text(HwrInk *ink, Datum posterior, Datum text_value)
{
	HwrSparse  *sparse = hwr_ink_read_plain(ink, posterior, "hwr_score of a kept posterior");
	HwrHold    *hold = hwr_hold_create(CurrentMemoryContext, release_alphabet);
	HwrAlphabet *alphabet = palloc0(sizeof(HwrAlphabet));
	Size		len;
	const char *utf8 = hwr_utf8_of(text_value, &len);
	char	   *normal;
	char	   *label;
	int		   *classes;
	int			n;
	double		result;
	HwrStatus	st;

	if (!hwr_text_normalize(utf8, len, sparse->origin.mapping, &normal, &st))
	{
		if (st.code != HWR_BAD_LABEL)
			hwr_raise(&st);
		return -get_float8_infinity();
	}
	/* Each character takes a step. */
	label = strlen(normal) > (Size) sparse->steps * 4 ? NULL : MemoryContextStrdup(CurrentMemoryContext, normal);
	free(normal);
	if (label == NULL)
		return -get_float8_infinity();
	classes = label_classes(sparse, label, hold, alphabet, &n);
	if (alphabet->n == sparse->alphabet.n)
		result = score(ink, classes, n, hwr_ink_dense(ink), alphabet->n + 1);
	else
		result = score(ink, classes, n, hwr_ink_dense_over(ink, alphabet), alphabet->n + 1);
	hwr_hold_replace(hold, NULL);
	return result;
}

/* What a call site keeps for either kind of value. */
typedef struct ScoreSite
{
	FmgrInfo	image;			/* of hwr_score_image, with what it keeps */
	HwrInk	   *ink;			/* NULL: no kept posterior so far */
} ScoreSite;

/*
 * hwr_score(image bytea, label text, model text [, version integer]) returns double precision
 *
 * A kept posterior is a bytea to the parser, by an implicit cast, so that hwr_score is one function
 * and its arguments need no types.  No image begins with the byte of one of its formats.
 */
Datum
hwr_score(PG_FUNCTION_ARGS)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	ScoreSite  *site = flinfo->fn_extra;
	LOCAL_FCINFO(inner, 4);
	bytea	   *first;
	Datum		result;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (site == NULL)
	{
		flinfo->fn_extra = site = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(ScoreSite));
		fmgr_info_copy(&site->image, flinfo, flinfo->fn_mcxt);
	}
	first = (bytea *) PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, 1);
	if (VARSIZE_ANY_EXHDR(first) > 0 && hwr_posterior_begins(*(uint8 *) VARDATA_ANY(first)))
	{
		if (site->ink == NULL)
			site->ink = hwr_ink_create(flinfo->fn_mcxt);
		PG_RETURN_FLOAT8(score_text(site->ink, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
	}
	InitFunctionCallInfoData(*inner, &site->image, PG_NARGS(), fcinfo->fncollation, NULL, NULL);
	for (int i = 0; i < PG_NARGS(); i++)
		inner->args[i] = fcinfo->args[i];
	result = hwr_score_image(inner);
	fcinfo->isnull = inner->isnull;
	return result;
}

Datum
hwr_score_version(PG_FUNCTION_ARGS)
{
	return hwr_score(fcinfo);
}

/*
 * hwr_posterior_info(posterior hwr_posterior, OUT model bytea, OUT steps integer, OUT characters
 * text, OUT width integer, OUT bytes integer)
 */
Datum
hwr_posterior_info(PG_FUNCTION_ARGS)
{
	HwrInk	   *ink = hwr_ink_of(fcinfo);
	HwrSparse  *sparse = hwr_ink_read(ink, PG_GETARG_DATUM(0));
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {0};
	bytea	   *hash = palloc(VARHDRSZ + HWR_POSTERIOR_HASH);
	char	   *utf8;
	char	   *copy;
	HwrStatus	st;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	SET_VARSIZE(hash, VARHDRSZ + HWR_POSTERIOR_HASH);
	memcpy(VARDATA(hash), sparse->origin.hash, HWR_POSTERIOR_HASH);
	copy = palloc(sparse->alphabet.n * 4 + 1);
	if (!hwr_alphabet_characters(&sparse->alphabet, &utf8, &st))
		hwr_raise(&st);
	strlcpy(copy, utf8, sparse->alphabet.n * 4 + 1);
	free(utf8);
	values[0] = PointerGetDatum(hash);
	values[1] = Int32GetDatum(sparse->steps);
	values[2] = CStringGetTextDatum(hwr_from_utf8(copy));
	values[3] = Int32GetDatum(sparse->origin.source_width);
	values[4] = Int32GetDatum((int) ink->len);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
