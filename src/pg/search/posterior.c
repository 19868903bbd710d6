/*
 * posterior.c
 *	  The type hwr_posterior, and its values from images.
 *
 * A value is the bytes of core/posterior/posterior.h.  Whatever comes in as text or from a client is
 * unpacked once to see that it can be.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "core/model/reading.h"
#include "core/posterior/posterior.h"
#include "ink.h"
#include "pg/base/columns.h"
#include "pg/base/error.h"
#include "pg/batch/batch.h"
#include "pg/reader/bad_image.h"
#include "pg/reader/elements.h"
#include "pg/reader/reader.h"
#include "pg/reader/resolve.h"
#include "posterior.h"

PG_FUNCTION_INFO_V1(hwr_posterior_in);
PG_FUNCTION_INFO_V1(hwr_posterior_out);
PG_FUNCTION_INFO_V1(hwr_posterior_recv);
PG_FUNCTION_INFO_V1(hwr_posterior_send);
PG_FUNCTION_INFO_V1(hwr_posterior_from_bytea);
PG_FUNCTION_INFO_V1(hwr_posterior_eq);
PG_FUNCTION_INFO_V1(hwr_posterior_ne);
PG_FUNCTION_INFO_V1(hwr_posterior_hash);
PG_FUNCTION_INFO_V1(hwr_posterior_hash_extended);
PG_FUNCTION_INFO_V1(hwr_posterior_of_image);
PG_FUNCTION_INFO_V1(hwr_posterior_of_images);

static void
check_bytes(const bytea *value)
{
	HwrInk	   *ink = hwr_ink_create(CurrentMemoryContext);
	HwrStatus	st;

	if (!hwr_sparse_read(ink->sparse->object, (const uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &st))
		hwr_raise(&st);
	hwr_hold_replace(ink->sparse, NULL);
}

/*
 * hwr_posterior_in(cstring) returns hwr_posterior: hexadecimal digits after \x, as for bytea
 */
Datum
hwr_posterior_in(PG_FUNCTION_ARGS)
{
	bytea	   *value = DatumGetByteaPP(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0)));

	check_bytes(value);
	PG_RETURN_POINTER(value);
}

/*
 * hwr_posterior_out(hwr_posterior) returns cstring
 */
Datum
hwr_posterior_out(PG_FUNCTION_ARGS)
{
	bytea	   *value = PG_GETARG_BYTEA_PP(0);
	Size		len = VARSIZE_ANY_EXHDR(value);
	char	   *out = palloc(2 * len + 3);

	out[0] = '\\';
	out[1] = 'x';
	hex_encode(VARDATA_ANY(value), len, out + 2);
	out[2 * len + 2] = '\0';
	PG_RETURN_CSTRING(out);
}

/*
 * hwr_posterior_recv(internal) returns hwr_posterior
 */
Datum
hwr_posterior_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			len = buf->len - buf->cursor;
	bytea	   *value = palloc(VARHDRSZ + len);

	SET_VARSIZE(value, VARHDRSZ + len);
	pq_copymsgbytes(buf, VARDATA(value), len);
	check_bytes(value);
	PG_RETURN_POINTER(value);
}

/*
 * hwr_posterior_send(hwr_posterior) returns bytea
 */
Datum
hwr_posterior_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}

/*
 * hwr_posterior(bytea, integer, boolean) returns hwr_posterior: the cast
 */
Datum
hwr_posterior_from_bytea(PG_FUNCTION_ARGS)
{
	bytea	   *value = PG_GETARG_BYTEA_PP(0);

	check_bytes(value);
	PG_RETURN_POINTER(value);
}

static bool
same_bytes(FunctionCallInfo fcinfo)
{
	bytea	   *a;
	bytea	   *b;
	bool		same;

	/* Different lengths show without detoasting. */
	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) != toast_raw_datum_size(PG_GETARG_DATUM(1)))
		return false;
	a = PG_GETARG_BYTEA_PP(0);
	b = PG_GETARG_BYTEA_PP(1);
	same = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return same;
}

Datum
hwr_posterior_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(same_bytes(fcinfo));
}

Datum
hwr_posterior_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!same_bytes(fcinfo));
}

Datum
hwr_posterior_hash(PG_FUNCTION_ARGS)
{
	bytea	   *value = PG_GETARG_BYTEA_PP(0);
	Datum		result = hash_any((unsigned char *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));

	PG_FREE_IF_COPY(value, 0);
	return result;
}

Datum
hwr_posterior_hash_extended(PG_FUNCTION_ARGS)
{
	bytea	   *value = PG_GETARG_BYTEA_PP(0);
	Datum		result = hash_any_extended((unsigned char *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
										   PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(value, 0);
	return result;
}

/* What the network says, mixed with what the model's language model makes of it, in the current memory context. */
static const float *
mix(const HwrPosterior *p, HwrLoaded loaded, double share)
{
	float	   *mixed;
	HwrStatus	st;

	if (loaded.model->own.lm == NULL || share <= 0)
		return p->logp;
	mixed = palloc_extended((Size) p->steps * p->classes * sizeof(float), MCXT_ALLOC_HUGE);
	if (!hwr_model_mix(loaded.model, loaded.beam, p->logp, p->steps, p->classes, share, mixed, &st))
		hwr_raise(&st);
	return mixed;
}

bytea *
hwr_keep_posterior(const HwrPosterior *p, const HwrCanvas *canvas, HwrLoaded loaded, HwrKeep keep)
{
	HwrPosteriorOrigin origin = {
		.mapping = loaded.model->mapping,
		.classes = loaded.model->alphabet.n + 1,
		.canvas_width = canvas->width,
		.margin = canvas->margin,
		.content_width = canvas->content_width,
		.source_width = canvas->source_width
	};
	const float *logp = mix(p, loaded, keep.language);
	uint8_t    *bytes;
	size_t		len;
	bytea	   *value;
	HwrStatus	st;

	memcpy(origin.hash, loaded.hash, sizeof(origin.hash));
	if (!hwr_posterior_pack(logp, p->steps, &loaded.model->alphabet, &origin, keep.bound, &bytes, &len, &st))
		hwr_raise(&st);
	if (logp != p->logp)
		pfree((void *) logp);
	value = MemoryContextAllocExtended(CurrentMemoryContext, VARHDRSZ + len, MCXT_ALLOC_NO_OOM);
	if (value != NULL)
	{
		SET_VARSIZE(value, VARHDRSZ + len);
		memcpy(VARDATA(value), bytes, len);
	}
	free(bytes);
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return value;
}

static double
share_argument(FunctionCallInfo fcinfo, int argno, const char *name, double fallback, double most)
{
	double		share = PG_ARGISNULL(argno) ? fallback : PG_GETARG_FLOAT8(argno);

	/* Written so that NaN is out of range. */
	if (!(share >= 0 && share <= most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be between 0 and %g", name, most)));
	return share;
}

HwrKeep
hwr_keep_arguments(FunctionCallInfo fcinfo, int bound, int language)
{
	HwrKeep		keep = {
		.bound = share_argument(fcinfo, bound, "bound", HWR_POSTERIOR_BOUND, 0.5),
		.language = share_argument(fcinfo, language, "language", HWR_MIX_SHARE, 1)
	};

	return keep;
}

static HwrLoaded
get_model(FunctionCallInfo fcinfo, int argno)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(HwrResolved));
	return hwr_resolve_model(fcinfo->flinfo->fn_extra,
							 PG_ARGISNULL(argno) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argno)));
}

/*
 * hwr_posterior(image bytea, model text, bound double precision, language double precision) returns hwr_posterior
 */
Datum
hwr_posterior_of_image(PG_FUNCTION_ARGS)
{
	HwrKeep		keep;
	HwrLoaded	loaded;
	HwrAhead	ahead;
	HwrBatchReader *batch;
	MemoryContext caller;
	const uint8 *image;
	Size		len;
	bytea	   *value;
	HwrStatus	st;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	keep = hwr_keep_arguments(fcinfo, 2, 3);
	loaded = get_model(fcinfo, 1);
	if (hwr_ahead_find(fcinfo->flinfo, PG_GETARG_DATUM(0), loaded, &ahead))
		PG_RETURN_POINTER(hwr_keep_posterior(ahead.posterior, ahead.canvas, loaded, keep));
	batch = hwr_batch_create();
	caller = MemoryContextSwitchTo(batch->context);
	image = hwr_image_bytes(PG_GETARG_DATUM(0), &len);
	if (!hwr_batch_add(batch, loaded, image, len, &st))
	{
		hwr_bad_image(&st, PG_GETARG_DATUM(0));
		MemoryContextSwitchTo(caller);
		hwr_batch_free(batch);
		PG_RETURN_NULL();
	}
	hwr_batch_run(batch, loaded);
	MemoryContextSwitchTo(caller);
	value = hwr_keep_posterior(&batch->posteriors[0], &batch->canvases[0], loaded, keep);
	hwr_batch_free(batch);
	PG_RETURN_POINTER(value);
}

/*
 * hwr_posterior_batch(images bytea[], model text, bound double precision, language double precision) returns hwr_posterior[]
 */
Datum
hwr_posterior_of_images(PG_FUNCTION_ARGS)
{
	HwrKeep		keep;
	HwrLoaded	loaded;
	HwrImageElements e;
	HwrBatchReader *batch;
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of the result");
	keep = hwr_keep_arguments(fcinfo, 2, 3);
	hwr_elements_open(&e, PG_GETARG_DATUM(0), type);
	loaded = get_model(fcinfo, 1);
	while ((batch = hwr_elements_read(&e, loaded)) != NULL)
	{
		for (int i = 0; i < batch->n; i++)
			e.results[e.where[i]] =
				PointerGetDatum(hwr_keep_posterior(&batch->posteriors[i], &batch->canvases[i], loaded, keep));
		hwr_batch_free(batch);
	}
	PG_RETURN_DATUM(hwr_elements_close(&e));
}
