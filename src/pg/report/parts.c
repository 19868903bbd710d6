/*
 * parts.c
 *	  What hwr_report and its like need besides SQL: small pictures, intervals, and readings marked up against the truth.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/base/stats.h"
#include "core/base/status.h"
#include "core/image/image.h"
#include "core/image/image_write.h"
#include "core/image/preprocess.h"
#include "core/text/metrics.h"
#include "core/text/text.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/interrupt.h"
#include "pg/base/settings.h"
#include "svg.h"

PG_FUNCTION_INFO_V1(hwr_thumbnail);
PG_FUNCTION_INFO_V1(hwr_escape);
PG_FUNCTION_INFO_V1(hwr_diff);
PG_FUNCTION_INFO_V1(hwr_label_column);
PG_FUNCTION_INFO_V1(hwr_bootstrap_interval);
PG_FUNCTION_INFO_V1(hwr_wilson_interval);
PG_FUNCTION_INFO_V1(hwr_mcnemar_test);

/* A longer line than this is made less high instead. */
#define THUMBNAIL_ASPECT 12

/*
 * Pictures
 */

/*
 * Scale an image to this height as the networks' images are, and write columns [left, right) of its
 * width as PNG.
 */
static bool
make_thumbnail(const HwrImage *image, int height, double left, double right, uint8_t **png, size_t *len, HwrStatus *st)
{
	int			width = Min(hwr_preprocess_width(image, HWR_FIT_PAD, height, 0), height * THUMBNAIL_ASPECT);
	uint8_t    *ink = hwr_alloc((size_t) width * height, 1, st);
	int			content;
	int			from;
	int			to;
	bool		ok;

	if (ink == NULL)
		return false;
	ok = hwr_preprocess(image, HWR_FIT_PAD, height, width, ink, &content, st);
	if (ok)
	{
		for (size_t i = 0; i < (size_t) width * height; i++)
			ink[i] = 255 - ink[i];
		from = (int) Max(0, Min(floor(left * content), content - 1));
		to = (int) Max(from + 1, Min(ceil(right * content), content));
		ok = hwr_image_write_png(ink + from, to - from, height, width, png, len, st);
	}
	free(ink);
	return ok;
}

/*
 * hwr.thumbnail(image bytea, height integer, first double precision, last double precision) returns bytea
 *
 * A PNG of what is between two shares of the image's width, dark on white, without the paper's
 * colour.  NULL for bytes that are not an image.
 */
Datum
hwr_thumbnail(PG_FUNCTION_ARGS)
{
	int			height = PG_GETARG_INT32(1);
	HwrImageLimits limits = hwr_image_limits();
	HwrImage	image = {0};
	HwrStatus	st = {0};
	const uint8 *bytes;
	Size		len;
	uint8_t    *png = NULL;
	size_t		png_len = 0;
	bytea	   *result;
	bool		ok;

	if (height < 8 || height > 512)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("height must be between 8 and 512")));
	bytes = hwr_image_bytes(PG_GETARG_DATUM(0), &len);
	CHECK_FOR_INTERRUPTS();
	ok = hwr_image_decode(bytes, len, &limits, height, 1, &image, &st) &&
		make_thumbnail(&image, height, PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3), &png, &png_len, &st);
	hwr_image_free(&image);
	if (!ok && (st.code == HWR_BAD_IMAGE || st.code == HWR_IMAGE_TOO_LARGE))
		PG_RETURN_NULL();
	if (!ok)
		hwr_raise(&st);
	result = MemoryContextAllocExtended(CurrentMemoryContext, VARHDRSZ + png_len, MCXT_ALLOC_NO_OOM);
	if (result != NULL)
	{
		SET_VARSIZE(result, VARHDRSZ + png_len);
		memcpy(VARDATA(result), png, png_len);
	}
	free(png);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	PG_RETURN_BYTEA_P(result);
}

/*
 * Text
 */

/*
 * hwr.escape(text) returns text
 */
Datum
hwr_escape(PG_FUNCTION_ARGS)
{
	StringInfoData buf;

	initStringInfo(&buf);
	hwr_append_escaped(&buf, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}

/* The alignment of two texts of the server's encoding, palloc'd. */
static HwrEdit *
align_texts(text *truth, text *guess, int *n)
{
	char	   *sides[2] = {text_to_cstring(truth), text_to_cstring(guess)};
	uint32_t   *codepoints[2] = {NULL, NULL};
	int			lengths[2] = {0, 0};
	HwrEdit    *edits = NULL;
	HwrEdit    *copy = NULL;
	HwrStatus	st = {0};
	int			distance;
	bool		ok;

	for (int i = 0; i < 2; i++)
		sides[i] = pg_server_to_any(sides[i], strlen(sides[i]), PG_UTF8);
	ok = hwr_text_decode(sides[0], strlen(sides[0]), &codepoints[0], &lengths[0], &st) &&
		hwr_text_decode(sides[1], strlen(sides[1]), &codepoints[1], &lengths[1], &st) &&
		hwr_align(codepoints[0], lengths[0], codepoints[1], lengths[1], &edits, n, &distance, &st);
	if (ok)
	{
		copy = MemoryContextAllocExtended(CurrentMemoryContext, (*n + 1) * sizeof(HwrEdit), MCXT_ALLOC_NO_OOM);
		if (copy != NULL)
			memcpy(copy, edits, *n * sizeof(HwrEdit));
		else
			ok = hwr_fail(&st, HWR_OUT_OF_MEMORY, "out of memory");
	}
	free(edits);
	free(codepoints[1]);
	free(codepoints[0]);
	if (!ok)
		hwr_raise(&st);
	return copy;
}

static void
append_codepoint(StringInfo buf, uint32_t codepoint)
{
	unsigned char utf8[8] = {0};

	unicode_to_utf8(codepoint, utf8);
	hwr_append_escaped(buf, hwr_from_utf8((char *) utf8));
}

/* Which kind of step an edit is; runs of a kind are marked as one. */
typedef enum DiffKind
{
	DIFF_SAME,
	DIFF_SUBSTITUTED,
	DIFF_MISSING,
	DIFF_EXTRA
} DiffKind;

static DiffKind
kind_of(const HwrEdit *e)
{
	return e->guess == 0 ? DIFF_MISSING : e->truth == 0 ? DIFF_EXTRA :
		e->truth == e->guess ? DIFF_SAME : DIFF_SUBSTITUTED;
}

/*
 * hwr.diff(truth text, guess text) returns text
 *
 * The reading as HTML: <mark> around what was read wrongly, <ins> around what should not be there,
 * <del> around what is missing.
 */
Datum
hwr_diff(PG_FUNCTION_ARGS)
{
	static const char *const open[] = {"", "<mark title=\"read wrongly\">", "<del title=\"missing\">",
		"<ins title=\"too much\">"};
	static const char *const close[] = {"", "</mark>", "</del>", "</ins>"};
	int			n = 0;
	HwrEdit    *edits = align_texts(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1), &n);
	DiffKind	kind = DIFF_SAME;
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < n; i++)
	{
		DiffKind	next = kind_of(&edits[i]);

		if (next != kind)
		{
			appendStringInfoString(&buf, close[kind]);
			appendStringInfoString(&buf, open[next]);
			kind = next;
		}
		append_codepoint(&buf, kind == DIFF_MISSING ? edits[i].truth : edits[i].guess);
	}
	appendStringInfoString(&buf, close[kind]);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}

/*
 * hwr.label_column(data regclass, label_column name) returns text
 */
Datum
hwr_label_column(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table must not be null")));
	PG_RETURN_TEXT_P(cstring_to_text(hwr_find_label_column(PG_GETARG_OID(0),
														   PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1)))));
}

/*
 * Intervals
 */

static Datum
interval_array(double low, double high)
{
	Datum		values[2];

	values[0] = Float8GetDatum(low);
	values[1] = Float8GetDatum(high);
	return PointerGetDatum(construct_array(values, 2, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static double *
doubles_argument(FunctionCallInfo fcinfo, int argno, int *n)
{
	Datum	   *values;
	bool	   *nulls;
	double	   *out;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argno), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &values, &nulls, n);
	out = palloc((*n + 1) * sizeof(double));
	for (int i = 0; i < *n; i++)
		out[i] = nulls[i] ? 0 : DatumGetFloat8(values[i]);
	return out;
}

/*
 * hwr.bootstrap(numerators double precision[], denominators double precision[]) returns double precision[]
 *
 * Ends of the 95 % interval of the ratio of the sums, or NULL where there is none.
 */
Datum
hwr_bootstrap_interval(PG_FUNCTION_ARGS)
{
	int			n;
	int			m;
	double	   *above = doubles_argument(fcinfo, 0, &n);
	double	   *below = doubles_argument(fcinfo, 1, &m);
	double		low;
	double		high;
	HwrStatus	st = {0};

	if (n != m)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arrays must have the same length")));
	if (!hwr_bootstrap_ratio(above, below, n, 1000, hwr_interrupt_pending, NULL, &low, &high, &st))
		hwr_raise_interrupted(&st);
	if (isnan(low))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(interval_array(low, high));
}

/*
 * hwr.wilson(hits bigint, n bigint) returns double precision[]
 */
Datum
hwr_wilson_interval(PG_FUNCTION_ARGS)
{
	double		low;
	double		high;

	if (PG_GETARG_INT64(1) <= 0)
		PG_RETURN_NULL();
	if (PG_GETARG_INT64(0) < 0 || PG_GETARG_INT64(0) > PG_GETARG_INT64(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("hits must be between 0 and n")));
	hwr_wilson(PG_GETARG_INT64(0), PG_GETARG_INT64(1), &low, &high);
	PG_RETURN_DATUM(interval_array(low, high));
}

/*
 * hwr.mcnemar(only_a bigint, only_b bigint) returns double precision
 */
Datum
hwr_mcnemar_test(PG_FUNCTION_ARGS)
{
	if (PG_GETARG_INT64(0) < 0 || PG_GETARG_INT64(1) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("counts must not be negative")));
	PG_RETURN_FLOAT8(hwr_mcnemar(PG_GETARG_INT64(0), PG_GETARG_INT64(1)));
}
