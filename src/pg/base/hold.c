/*
 * hold.c
 *	  Core objects owned by memory contexts, and text on its way to the core.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "hold.h"

static void
release_held(void *arg)
{
	hwr_hold_replace(arg, NULL);
}

HwrHold *
hwr_hold_create(MemoryContext context, void (*release) (void *object))
{
	HwrHold    *hold = MemoryContextAllocZero(context, sizeof(HwrHold));

	hold->release = release;
	hold->callback.func = release_held;
	hold->callback.arg = hold;
	MemoryContextRegisterResetCallback(context, &hold->callback);
	return hold;
}

void
hwr_hold_replace(HwrHold *hold, void *object)
{
	if (hold->object != NULL)
		hold->release(hold->object);
	hold->object = object;
}

const char *
hwr_utf8_of(Datum value, Size *len)
{
	text	   *t = DatumGetTextPP(value);
	char	   *utf8 = VARDATA_ANY(t);

	*len = VARSIZE_ANY_EXHDR(t);

	/* In SQL_ASCII anything goes, so the core is left to say what is not UTF-8. */
	if (GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		char	   *converted = pg_server_to_any(utf8, *len, PG_UTF8);

		if (converted != utf8)
			*len = strlen(converted);
		utf8 = converted;
	}
	return utf8;
}

void
hwr_text_elements(ArrayType *array, const char *what, Datum **elements, bool **nulls, int *n)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s array must be one-dimensional", what)));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, elements, nulls, n);
}
