/*
 * error.c
 *	  The one place where a core status becomes an ereport.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/base/status.h"
#include "core/text/text.h"
#include "compat.h"
#include "error.h"
#include "settings.h"

static int
sqlstate_of(HwrCode code)
{
	switch (code)
	{
		case HWR_OUT_OF_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case HWR_BAD_IMAGE:
		case HWR_BAD_POSTERIOR:
			return ERRCODE_INVALID_BINARY_REPRESENTATION;
		case HWR_IMAGE_TOO_LARGE:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case HWR_BAD_OPTION:
		case HWR_BAD_QUERY:
		case HWR_BAD_ARCHITECTURE:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case HWR_WRONG_MODEL:
			return ERRCODE_WRONG_OBJECT_TYPE;
		case HWR_BAD_MODEL:
			return ERRCODE_DATA_CORRUPTED;
		case HWR_MODEL_TOO_NEW:
		case HWR_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case HWR_BAD_LABEL:
		case HWR_BAD_DATA:
			return ERRCODE_DATA_EXCEPTION;
		case HWR_CANCELLED:
			return ERRCODE_QUERY_CANCELED;
		case HWR_IO:
			return ERRCODE_IO_ERROR;
		case HWR_DISK_FULL:
			return ERRCODE_DISK_FULL;
		case HWR_DEVICE:
			return ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;
		case HWR_OK:
		case HWR_INTERNAL:
			break;
	}
	return ERRCODE_INTERNAL_ERROR;
}

/*
 * A core text in the server's encoding, whatever bytes it holds: an error about bad
 * bytes must not fail on those bytes.
 */
static char *
safe_text(const char *text)
{
	int			len = strlen(text);
	char	   *copy;

	/* A long message may have been cut within a character. */
	len = pg_encoding_mbcliplen(PG_UTF8, text, len, len);
	copy = pnstrdup(text, len);
	if (!pg_verify_mbstr(PG_UTF8, copy, len, true) || GetDatabaseEncoding() != PG_UTF8)
	{
		/* Other encodings may lack the character; only ASCII is sure to pass. */
		for (char *c = copy; *c; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
		return copy;
	}
	return pg_any_to_server(copy, len, PG_UTF8);
}

static const char *
hint_of(const HwrStatus *st)
{
	if (st->hint[0] != '\0')
		return safe_text(st->hint);
	if (st->code == HWR_IMAGE_TOO_LARGE)
		return "The limits are set by \"hwr.max_image_bytes\" and \"hwr.max_image_pixels\".";
	return NULL;
}

char *
hwr_status_text(const HwrStatus *st)
{
	char		phrase[sizeof(st->message) + sizeof(st->detail) + 4];

	hwr_status_phrase(st, phrase, sizeof(phrase));
	return safe_text(phrase);
}

/* Drivers and logs often keep the primary text alone: of a bad image it says what is the matter with it. */
void
hwr_report(int elevel, const HwrStatus *st)
{
	const char *hint = hint_of(st);
	bool		image = st->code == HWR_BAD_IMAGE;
	bool		detail = st->detail[0] != '\0' && (!image || strstr(st->detail, ". ") != NULL);

	ereport(elevel,
			(errcode(sqlstate_of(st->code)),
			 errmsg("%s", image ? hwr_status_text(st) : safe_text(st->message)),
			 detail ? errdetail("%s", safe_text(st->detail)) : 0,
			 hint != NULL ? errhint("%s", hint) : 0));
}

void
hwr_raise(const HwrStatus *st)
{
	hwr_report(ERROR, st);
	pg_unreachable();
}

static void
image_context(void *arg)
{
	errcontext("%s", (char *) arg);
}

/* Bytes above the limit are not fetched: their number has to do. */
static char *
describe_image(Datum image)
{
	Size		len = toast_raw_datum_size(image) - VARHDRSZ;
	char		hash[2 * PG_SHA256_DIGEST_LENGTH + 1];
	bytea	   *digest;

	if (len > (Size) hwr_max_image_bytes * 1024)
		return psprintf("image with octet_length %zu", len);
	digest = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, image));
	hash[hex_encode(VARDATA_ANY(digest), VARSIZE_ANY_EXHDR(digest), hash)] = '\0';
	return psprintf("image with octet_length %zu, sha256 \\x%s", len, hash);
}

void
hwr_raise_for_image(const HwrStatus *st, Datum image)
{
	ErrorContextCallback context = {.previous = error_context_stack,.callback = image_context};

	if (st->code == HWR_BAD_IMAGE || st->code == HWR_IMAGE_TOO_LARGE)
	{
		context.arg = describe_image(image);
		error_context_stack = &context;
	}
	hwr_raise(st);
}

void
hwr_raise_for_model(const HwrStatus *st, const char *model)
{
	if (st->code == HWR_BAD_MODEL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model \"%s\" is corrupted", model),
				 st->detail[0] != '\0' ? errdetail("%s", safe_text(st->detail)) : 0));
	hwr_raise(st);
}

#if PG_VERSION_NUM >= 140000

/* So much is converted at once. */
#define SLICE 4096

/*
 * What a conversion has no character for becomes a question mark: a model may write characters that the database cannot
 * hold, and one of them in a reading is no reason to have none.
 */
static char *
convert(const char *utf8, int encoding, Oid conversion)
{
	int			left = strlen(utf8);
	unsigned char buf[SLICE * MAX_CONVERSION_GROWTH + 1];
	StringInfoData result;

	initStringInfo(&result);
	while (left > 0)
	{
		int			n = pg_encoding_mbcliplen(PG_UTF8, utf8, left, SLICE);
		int			done = pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, (unsigned char *) utf8, n,
														 buf, sizeof(buf), true);

		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(&result, (char *) buf);
		utf8 += done;
		left -= done;
		if (done < n)
		{
			int			unknown = Min(pg_encoding_mblen(PG_UTF8, utf8), left);

			appendStringInfoChar(&result, '?');
			utf8 += unknown;
			left -= unknown;
		}
	}
	return result.data;
}
#endif

char *
hwr_from_utf8(const char *utf8)
{
	char	   *result;

#if PG_VERSION_NUM >= 140000
	int			encoding = GetDatabaseEncoding();

	if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII && IsTransactionState())
	{
		Oid			conversion = FindDefaultConversionProc(PG_UTF8, encoding);

		if (OidIsValid(conversion))
			return convert(utf8, encoding, conversion);
	}
#endif
	result = pg_any_to_server(utf8, strlen(utf8), PG_UTF8);
	return result == utf8 ? pstrdup(utf8) : result;
}

char *
hwr_from_codepoint(uint32 codepoint)
{
	char		utf8[5];
	uint32_t	one = codepoint;
	char	   *encoded;
	HwrStatus	st;

	if (!hwr_text_encode(&one, codepoint == 0 ? 0 : 1, &encoded, &st))
		hwr_raise(&st);
	strlcpy(utf8, encoded, sizeof(utf8));
	free(encoded);
	return hwr_from_utf8(utf8);
}
