/*
 * score.c
 *	  hwr_score: log P(text | image).
 *
 * A query that scores many texts on one image, to rank candidates, runs the network once: the call site
 * keeps the last image with its posteriors.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "core/base/status.h"
#include "core/network/recognizer.h"
#include "core/text/text.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/hold.h"
#include "pg/base/settings.h"
#include "pg/catalog/cache.h"
#include "pg/batch/batch.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"
#include "pg/reader/resolve.h"
#include "score.h"

/* Kept in fn_extra. */
typedef struct CallSite
{
	HwrResolved resolved;
	MemoryContext context;		/* of the next two, reset with each new image */
	uint8	   *image;			/* NULL: none yet */
	Size		len;
	HwrBatchReader *batch;		/* the image read */
	uint8		model[PG_SHA256_DIGEST_LENGTH];	/* by which */
	int			precision;
	bool		told;			/* that another case would do */
} CallSite;

static CallSite *
get_call_site(FunctionCallInfo fcinfo)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
		site->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "hwr scored image", ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = site;
	}
	return site;
}

/* Posteriors of the image, from the last call if it was the same. */
static const HwrPosterior *
get_posterior(CallSite *site, HwrLoaded loaded, Datum image)
{
	Size		len;
	const uint8 *bytes = hwr_image_bytes(image, &len);
	MemoryContext old;
	HwrBatchReader *batch;
	HwrStatus	st;

	/* Of an image above the limit there are no bytes to compare. */
	if (len <= (Size) hwr_max_image_bytes * 1024 && site->image != NULL && site->len == len &&
		memcmp(site->image, bytes, len) == 0 &&
		site->precision == hwr_precision &&
		memcmp(site->model, site->resolved.version.hash, sizeof(site->model)) == 0)
		return &site->batch->posteriors[0];

	site->image = NULL;
	MemoryContextReset(site->context);
	old = MemoryContextSwitchTo(site->context);
	batch = hwr_batch_create();
	if (!hwr_batch_add(batch, loaded, bytes, len, &st))
		hwr_raise_for_image(&st, image);
	hwr_batch_run(batch, loaded);
	site->batch = batch;
	site->image = memcpy(palloc(len), bytes, len);
	site->len = len;
	site->precision = hwr_precision;
	memcpy(site->model, site->resolved.version.hash, sizeof(site->model));
	MemoryContextSwitchTo(old);
	return &batch->posteriors[0];
}

static bool
is_writable(const char *utf8, size_t len, const HwrModel *model)
{
	int		   *classes = NULL;
	int			n;
	bool		writable = false;
	HwrStatus	st;

	if (!hwr_text_classes(utf8, len, model->mapping, &model->alphabet, &classes, &n, &writable, &st))
		return false;
	free(classes);
	return writable;
}

/*
 * A label that the model could write in another case is told once a statement: -Infinity alone says
 * nothing.
 */
static void
tell_case(CallSite *site, const char *utf8, Size len, HwrLoaded loaded)
{
	static const HwrCase cases[] = {HWR_CASE_UPPER, HWR_CASE_LOWER};
	static const char *const names[] = {"upper", "lower"};
	HwrStatus	st;

	for (int i = 0; !site->told && i < lengthof(cases); i++)
	{
		char	   *mapped;
		bool		writable;

		if (!hwr_text_normalize(utf8, len, cases[i], &mapped, &st))
			return;
		writable = is_writable(mapped, strlen(mapped), loaded.model);
		free(mapped);
		if (!writable)
			continue;
		site->told = true;
		ereport(NOTICE,
				(errmsg("model \"%s\" cannot write the label \"%s\"", NameStr(loaded.version->name),
						hwr_from_utf8(pnstrdup(utf8, len))),
				 errhint("It has these characters in another case: hwr_score(image, %s(label), ...).", names[i])));
	}
}

/* hwr_score of an image. */
Datum
hwr_score_image(PG_FUNCTION_ARGS)
{
	CallSite   *site;
	HwrLoaded	loaded;
	HwrAhead	ahead;
	const HwrPosterior *p;
	const char *utf8;
	Size		len;
	int		   *found;
	int		   *classes;
	int			n;
	bool		writable;
	HwrStatus	st;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	site = get_call_site(fcinfo);
	loaded = hwr_resolve_arguments(&site->resolved, fcinfo, 2, PG_NARGS() > 3 ? 3 : -1);
	if (hwr_ahead_find(fcinfo->flinfo, PG_GETARG_DATUM(0), loaded, &ahead))
		p = ahead.posterior;
	else
		p = get_posterior(site, loaded, PG_GETARG_DATUM(0));

	utf8 = hwr_utf8_of(PG_GETARG_DATUM(1), &len);
	if (!hwr_text_classes(utf8, len, loaded.model->mapping, &loaded.model->alphabet, &found, &n, &writable, &st))
	{
		if (st.code != HWR_BAD_LABEL)
			hwr_raise(&st);
		PG_RETURN_FLOAT8(-get_float8_infinity());
	}
	if (!writable)
	{
		free(found);
		if (!writable)
			tell_case(site, utf8, len, loaded);
		PG_RETURN_FLOAT8(-get_float8_infinity());
	}
	classes = MemoryContextAllocExtended(CurrentMemoryContext, Max(n, 1) * sizeof(int), MCXT_ALLOC_NO_OOM);
	if (classes != NULL)
		memcpy(classes, found, n * sizeof(int));
	free(found);
	if (classes == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	PG_RETURN_FLOAT8(-hwr_classes_loss(classes, n, p, CurrentMemoryContext));
}
